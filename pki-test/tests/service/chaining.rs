//! Role chaining: AssumeRole with the session of a certificate, and again with what came of it.

use std::time::Duration;

use pki_test::simulator::{Profile, Role, SimulatorSettings, TrustPolicy};
use serde_json::{Value, json};

use super::client::Received;
use super::identity::NOW;
use super::sts::{Session, element, refused};
use super::vectors::{PROFILE, ROLE};
use super::world::World;

const NEXT: &str = "arn:aws:iam::444455556666:role/next";
const LAST: &str = "arn:aws:iam::444455556666:role/path/last";
const ACTIONS: [&str; 3] = ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"];

pub(super) fn allowing(principal: &str, actions: &[&str], condition: &Value) -> TrustPolicy {
    let document = json!({
        "Version": "2012-10-17",
        "Statement": [{
            "Effect": "Allow",
            "Principal": { "AWS": principal },
            "Action": actions,
            "Condition": condition,
        }],
    });
    TrustPolicy::parse(&document.to_string()).unwrap()
}

/// Starts a simulator in which [`NEXT`] has this trust policy and [`LAST`] an open one.
fn world(next: TrustPolicy) -> World {
    with(next, |_| {})
}

fn with(next: TrustPolicy, change: impl FnOnce(&mut SimulatorSettings)) -> World {
    World::start(|settings| {
        settings.roles.push(Role::new(NEXT).unwrap().with_trust_policy(next));
        settings.roles.push(Role::new(LAST).unwrap());
        change(settings);
    })
}

fn open() -> TrustPolicy {
    allowing(ROLE, &ACTIONS, &json!({}))
}

/// Asks for a role with more parameters, `NAME=VALUE` each.
pub(super) fn assume(world: &World, session: &Session, role: &str, more: &[&str]) -> Received {
    let role = role.replace(':', "%3A").replace('/', "%2F").replace('+', "%2B");
    let mut body = format!("Action=AssumeRole&Version=2011-06-15&RoleSessionName=hop&RoleArn={role}");
    for parameter in more {
        body = format!("{body}&{parameter}");
    }
    world.send(&session.draft(&body, NOW).sign_with_secret(&session.secret))
}

pub(super) fn session_of(answer: &Received) -> Session {
    assert_eq!(answer.status, 200, "{}", answer.text());
    let field = |name| element(answer.text(), name);
    Session {
        access_key_id: field("AccessKeyId"),
        secret: field("SecretAccessKey"),
        token: field("SessionToken"),
    }
}

/// Asserts a refusal and its rule.
fn refused_by(world: &World, answer: &Received, code: &str, action: &str, rule: &str) {
    refused(answer, 403, code);
    let text = element(answer.text(), "Message");
    let user = "User: arn:aws:sts::111122223333:assumed-role/build+deploy/0abc";
    assert_eq!(text, format!("{user} is not authorized to perform: {action} on resource: {NEXT}"));
    assert_eq!(world.last_rule(), rule);
}

#[test]
fn a_chain_keeps_the_source_identity_and_the_tags_of_the_certificate() {
    let next = allowing(
        ROLE,
        &ACTIONS,
        &json!({
            "StringEquals": {
                "sts:SourceIdentity": "CN=build-17",
                "aws:SourceIdentity": "CN=build-17",
                "aws:PrincipalTag/x509Subject/CN": "build-17",
                "aws:RequestTag/x509Issuer/CN": "TEST issuing",
                "aws:PrincipalAccount": "111122223333",
                "sts:RoleSessionName": "hop",
            },
            "ArnEquals": { "aws:PrincipalArn": ROLE },
            "ForAllValues:StringLike": { "sts:TransitiveTagKeys": "x509*" },
        }),
    );
    let world = with(next, |settings| {
        settings.roles[2].trust_policy = allowing(
            "444455556666",
            &ACTIONS,
            &json!({ "StringEquals": {
                "aws:SourceIdentity": "CN=build-17",
                "aws:PrincipalTag/x509Subject/CN": "build-17",
            } }),
        );
    });
    let answer = assume(&world, &Session::create(&world), NEXT, &[]);
    assert_eq!(element(answer.text(), "SourceIdentity"), "CN=build-17");
    let second = assume(&world, &session_of(&answer), LAST, &[]);
    let caller = session_of(&second).ask(&world, |_| {});
    assert_eq!(element(caller.text(), "Arn"), "arn:aws:sts::444455556666:assumed-role/last/hop");
}

#[test]
fn each_missing_action_is_named() {
    for (missing, rule) in ACTIONS.into_iter().zip(["assume-role", "tag-session", "set-source-identity"]) {
        let others: Vec<&str> = ACTIONS.into_iter().filter(|action| *action != missing).collect();
        let world = world(allowing(ROLE, &others, &json!({})));
        let answer = assume(&world, &Session::create(&world), NEXT, &[]);
        refused_by(&world, &answer, "AccessDenied", missing, &format!("trust-policy/{rule}"));
    }
}

#[test]
fn tags_that_do_not_stay_need_no_permission() {
    let untagged = || allowing(ROLE, &["sts:AssumeRole", "sts:SetSourceIdentity"], &json!({}));
    let world = with(untagged(), |settings| settings.transitive_tags = false);
    let session = Session::create(&world);
    session_of(&assume(&world, &session, NEXT, &[]));
    let tagged = assume(&world, &session, NEXT, &["Tags.member.1.Key=team", "Tags.member.1.Value=ci"]);
    refused_by(&world, &tagged, "AccessDenied", "sts:TagSession", "trust-policy/tag-session");
}

#[test]
fn the_calling_role_must_be_trusted() {
    let world = world(allowing("arn:aws:iam::111122223333:role/other", &ACTIONS, &json!({})));
    let answer = assume(&world, &Session::create(&world), NEXT, &[]);
    refused_by(&world, &answer, "AccessDenied", "sts:AssumeRole", "trust-policy/assume-role");
    let world = self::world(open());
    let session = Session::create(&world);
    let unknown = "arn:aws:iam::444455556666:role/unknown";
    refused(&assume(&world, &session, unknown, &[]), 403, "AccessDenied");
    assert_eq!(world.last_rule(), "role-unknown");
}

#[test]
fn the_external_id_is_a_condition() {
    let world = world(allowing(ROLE, &ACTIONS, &json!({ "StringEquals": { "sts:ExternalId": "pilot/17" } })));
    let session = Session::create(&world);
    session_of(&assume(&world, &session, NEXT, &["ExternalId=pilot%2F17"]));
    for more in [&[][..], &["ExternalId=pilot%2F18"]] {
        let answer = assume(&world, &session, NEXT, more);
        refused_by(&world, &answer, "AccessDenied", "sts:AssumeRole", "trust-policy/assume-role");
    }
    for id in ["x", "a%20b"] {
        let answer = assume(&world, &session, NEXT, &[&format!("ExternalId={id}")]);
        refused(&answer, 400, "ValidationError");
    }
}

#[test]
fn the_address_of_the_client_is_a_condition() {
    let from =
        |range: &str| world(allowing(ROLE, &ACTIONS, &json!({ "IpAddress": { "aws:SourceIp": range } })));
    let near = from("127.0.0.0/8");
    session_of(&assume(&near, &Session::create(&near), NEXT, &[]));
    let far = from("203.0.113.0/24");
    let answer = assume(&far, &Session::create(&far), NEXT, &[]);
    refused_by(&far, &answer, "AccessDenied", "sts:AssumeRole", "trust-policy/assume-role");
}

#[test]
fn a_chained_session_lasts_an_hour_at_most_and_no_longer_than_the_role_allows() {
    let world = with(open(), |settings| settings.roles[1].max_session_duration = Duration::from_secs(43_200));
    let session = Session::create(&world);
    let expiration = |more: &[&str]| {
        let answer = assume(&world, &session, NEXT, more);
        session_of(&answer);
        element(answer.text(), "Expiration")
    };
    assert_eq!(expiration(&[]), "2026-11-23T17:20:00Z");
    assert_eq!(expiration(&["DurationSeconds=900"]), "2026-11-23T16:35:00Z");
    for seconds in ["899", "3601", "43200", "43201", "-1", "x"] {
        let answer = assume(&world, &session, NEXT, &[&format!("DurationSeconds={seconds}")]);
        refused(&answer, 400, "ValidationError");
        assert_eq!(world.last_rule(), "parameter-malformed");
    }
}

#[test]
fn the_source_identity_cannot_be_changed() {
    let world = world(open());
    let session = Session::create(&world);
    session_of(&assume(&world, &session, NEXT, &["SourceIdentity=CN%3Dbuild-17"]));
    let answer = assume(&world, &session, NEXT, &["SourceIdentity=CN%3Dother"]);
    refused_by(&world, &answer, "AccessDenied", "sts:SetSourceIdentity", "source-identity-changed");
    let answer = assume(&world, &session, NEXT, &["SourceIdentity=a%2Fb"]);
    refused(&answer, 400, "ValidationError");
}

#[test]
fn session_tags_follow_the_rules_of_sts() {
    let condition = json!({ "StringEqualsIfExists": { "aws:RequestTag/team": "ci" } });
    let world = world(allowing(ROLE, &ACTIONS, &condition));
    let session = Session::create(&world);
    let tag = |number: usize, key: &str, value: &str| {
        [format!("Tags.member.{number}.Key={key}"), format!("Tags.member.{number}.Value={value}")]
    };
    let ask = |tags: Vec<[String; 2]>, more: &[&str]| {
        let mut parameters: Vec<&str> = tags.iter().flatten().map(String::as_str).collect();
        parameters.extend(more);
        assume(&world, &session, NEXT, &parameters)
    };
    let transitive = "TransitiveTagKeys.member.1=team";
    let kept = session_of(&ask(vec![tag(1, "team", "ci"), tag(2, "stage", "test")], &[transitive]));
    let again = assume(&world, &kept, LAST, &["Tags.member.1.Key=TEAM", "Tags.member.1.Value=x"]);
    refused(&again, 400, "InvalidParameterValue");
    assert_eq!(world.last_rule(), "transitive-tag-overridden");
    session_of(&assume(&world, &kept, LAST, &["Tags.member.1.Key=stage", "Tags.member.1.Value=x"]));
    let foreign = ask(vec![tag(1, "team", "ops")], &[]);
    refused_by(&world, &foreign, "AccessDenied", "sts:AssumeRole", "trust-policy/assume-role");
    let overridden = ask(vec![tag(1, "x509Subject%2FCN", "root")], &[]);
    refused(&overridden, 400, "InvalidParameterValue");
    for tags in [
        vec![tag(1, "a", "1"), tag(2, "A", "2")],
        vec![tag(1, "a", "x%26y")],
        vec![tag(1, "", "x")],
        vec![tag(1, &"k".repeat(129), "x")],
        vec![tag(1, "a", &"v".repeat(257))],
        (1..=51).map(|number| tag(number, &format!("k{number}"), "v")).collect(),
        (1..=50).map(|number| tag(number, &format!("k{number}"), "v")).collect(),
    ] {
        refused(&ask(tags, &[]), 400, "ValidationError");
    }
    refused(&ask(vec![], &[transitive]), 400, "ValidationError");
}

#[test]
fn a_role_that_trusts_sessions_alone_is_not_for_certificates() {
    let world = with(open(), |settings| {
        settings.profiles = vec![Profile::new(PROFILE, &[ROLE, NEXT]).unwrap()];
        settings.roles[1].arn = "arn:aws:iam::111122223333:role/next".parse().unwrap();
        settings.profiles[0].role_arns[1] = settings.roles[1].arn.clone();
    });
    let mut draft = world.draft();
    draft.set_parameter("roleArn", "arn:aws:iam::111122223333:role/next");
    let message = "Unable to assume role for arn:aws:iam::111122223333:role/next";
    assert_eq!(world.ask(&draft).error(), ("AccessDeniedException".to_owned(), message.to_owned()));
    assert_eq!(world.last_rule(), "trust-policy/assume-role");
}
