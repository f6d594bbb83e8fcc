//! GetScopedCredentials, and what a session may that came of it.

use pki_test::simulator::{Role, ScopeLayer};
use serde_json::json;

use super::chaining::session_of;
use super::client::Received;
use super::identity::NOW;
use super::sts::{Session, element, refused};
use super::world::World;

const READ_ONLY: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:Get*","s3:List*"],"Resource":"*"}]}"#;
/// One that can be laid over by another.
const OPEN: &str = r#"{"Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#;
const NEXT: &str = "arn:aws:iam::444455556666:role/next";

fn world() -> World {
    World::start(|settings| settings.roles.push(Role::new(NEXT).unwrap()))
}

fn encoded(text: &str) -> String {
    let octet = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => char::from(byte).to_string(),
        other => format!("%{other:02X}"),
    };
    text.bytes().map(octet).collect()
}

/// Asks with these parameters, a name and a value each.
fn ask(world: &World, session: &Session, parameters: &[(&str, &str)]) -> Received {
    send(world, session, "GetScopedCredentials", parameters)
}

fn send(world: &World, session: &Session, action: &str, parameters: &[(&str, &str)]) -> Received {
    let mut body = format!("Action={action}&Version=2011-06-15");
    for (name, value) in parameters {
        body = format!("{body}&{name}={}", encoded(value));
    }
    world.send(&session.draft(&body, NOW).sign_with_secret(&session.secret))
}

#[test]
fn a_narrower_session_is_the_same_caller() {
    let world = world();
    let first = Session::create(&world);
    let answer = ask(
        &world,
        &first,
        &[
            ("Policy", READ_ONLY),
            ("DurationSeconds", "600"),
            ("ScopedSessionDescription", "plan of job 4711"),
        ],
    );
    let narrow = session_of(&answer);
    let text = answer.text();
    assert_eq!(element(text, "Expiration"), "2026-11-23T16:30:00Z");
    assert_eq!(element(text, "ScopedPoliciesCount"), "1");
    assert_eq!(element(text, "SourceIdentity"), "CN=build-17");
    assert_eq!(element(text, "SessionTokenSize"), narrow.token.len().to_string());
    let arn = "arn:aws:sts::111122223333:assumed-role/build+deploy/0abc";
    assert_eq!(element(text, "Arn"), arn);
    let layer = ScopeLayer {
        policy: Some(READ_ONLY.to_owned()),
        duration_seconds: Some(600),
        description: Some("plan of job 4711".to_owned()),
    };
    let entry = world.last_entry();
    assert_eq!(entry.action.as_deref(), Some("GetScopedCredentials"));
    assert_eq!(entry.scope_layers.as_slice(), std::slice::from_ref(&layer));
    assert_ne!(narrow.access_key_id, first.access_key_id);

    let callers = [&first, &narrow].map(|session| session.ask(&world, |_| {}));
    let who = callers.each_ref().map(|caller| element(caller.text(), "GetCallerIdentityResult"));
    assert_eq!(who[0], who[1], "STS tells of the session, not of its permissions");
    let entry = world.last_entry();
    assert_eq!((entry.role.as_deref(), entry.scope_layers.as_slice()), (Some(arn), &[layer][..]));
    let rendered: serde_json::Value = serde_json::from_str(&entry.render()).unwrap();
    assert_eq!(rendered["action"], "GetCallerIdentity");
    assert_eq!(
        rendered["scope_layers"],
        json!([{ "policy": READ_ONLY, "duration_seconds": 600, "description": "plan of job 4711" }])
    );
}

#[test]
fn without_a_duration_it_ends_with_its_caller_and_never_later() {
    let world = world();
    let first = Session::create(&world);
    let expiration = |session: &Session, parameters: &[(&str, &str)]| {
        let answer = ask(&world, session, parameters);
        (element(answer.text(), "Expiration"), session_of(&answer))
    };
    assert_eq!(expiration(&first, &[("Policy", READ_ONLY)]).0, "2026-11-23T17:20:00Z");
    assert_eq!(expiration(&first, &[("DurationSeconds", "3600")]).0, "2026-11-23T17:20:00Z");
    let (end, short) = expiration(&first, &[("DurationSeconds", "60")]);
    assert_eq!(end, "2026-11-23T16:21:00Z");
    for (session, seconds) in [(&first, "3601"), (&first, "129600"), (&short, "61")] {
        let answer = ask(&world, session, &[("DurationSeconds", seconds)]);
        refused(&answer, 400, "InsufficientSessionLifetime");
        assert_eq!(world.last_rule(), "scope-lifetime");
    }
    assert_eq!(expiration(&short, &[("Policy", OPEN)]).0, "2026-11-23T16:21:00Z");
    let later = NOW + time::Duration::minutes(1);
    world.clock.set(later);
    refused(&short.ask(&world, |draft| draft.set_time(later)), 403, "ExpiredToken");
}

#[test]
fn there_are_three_policies_at_most_and_a_duration_is_none() {
    let world = world();
    let mut session = Session::create(&world);
    for count in ["1", "2", "3"] {
        let answer = ask(&world, &session, &[("Policy", OPEN)]);
        assert_eq!(element(answer.text(), "ScopedPoliciesCount"), count);
        session = session_of(&answer);
        let answer = ask(&world, &session, &[("DurationSeconds", "900")]);
        assert_eq!(element(answer.text(), "ScopedPoliciesCount"), count);
        session = session_of(&answer);
    }
    assert_eq!(world.last_entry().scope_layers.len(), 6);
    let answer = ask(&world, &session, &[("Policy", OPEN)]);
    refused(&answer, 403, "AccessDenied");
    assert_eq!(world.last_rule(), "scope-policies-too-many");
    session_of(&ask(&world, &session, &[("DurationSeconds", "1")]));
}

#[test]
fn a_policy_decides_what_its_session_may_ask_of_sts() {
    let world = world();
    let narrow = session_of(&ask(&world, &Session::create(&world), &[("Policy", READ_ONLY)]));
    let answer = ask(&world, &narrow, &[("DurationSeconds", "60")]);
    refused(&answer, 403, "AccessDenied");
    assert!(answer.text().contains("is not authorized to perform: sts:GetScopedCredentials"));
    assert_eq!(world.last_rule(), "scope-policy-denies");
    let assume = |session: &Session| {
        send(&world, session, "AssumeRole", &[("RoleArn", NEXT), ("RoleSessionName", "hop")])
    };
    refused(&assume(&narrow), 403, "AccessDenied");
    assert_eq!(world.last_rule(), "scope-policy-denies");
    let wide = session_of(&ask(&world, &Session::create(&world), &[("Policy", OPEN)]));
    let next = session_of(&assume(&wide));
    next.ask(&world, |_| {});
    assert_eq!(world.last_entry().scope_layers, [], "another role has its own permissions");
}

#[test]
fn each_parameter_is_as_the_model_has_it() {
    let world = world();
    let session = Session::create(&world);
    let long = |length: usize| format!("{OPEN}{}", " ".repeat(length - OPEN.len()));
    for (parameters, good) in [
        (vec![], false),
        (vec![("ScopedSessionDescription", "plan")], false),
        (vec![("Policy", "")], false),
        (vec![("Policy", long(2_048).as_str())], true),
        (vec![("Policy", long(2_049).as_str())], false),
        (vec![("Policy", r#"{"Statement":[],"Id":"ł"}"#)], false),
        (vec![("DurationSeconds", "0")], false),
        (vec![("DurationSeconds", "1")], true),
        (vec![("DurationSeconds", "129601")], false),
        (vec![("DurationSeconds", "x")], false),
        (vec![("DurationSeconds", "60"), ("ScopedSessionDescription", "x")], false),
        (vec![("DurationSeconds", "60"), ("ScopedSessionDescription", "Prüfung «1»")], true),
        (vec![("DurationSeconds", "60"), ("ScopedSessionDescription", "a\u{a0}b")], false),
        (vec![("DurationSeconds", "60"), ("ScopedSessionDescription", &"x".repeat(257))], false),
        (vec![("DurationSeconds", "60"), ("MinimumSessionTokenSize", "4097")], false),
    ] {
        let answer = ask(&world, &session, &parameters);
        if good {
            session_of(&answer);
        } else {
            refused(&answer, 400, "ValidationError");
            assert_eq!(world.last_rule(), "parameter-malformed");
        }
    }
    let large = ask(&world, &session, &[("DurationSeconds", "60"), ("MinimumSessionTokenSize", "4096")]);
    assert_eq!(session_of(&large).token.len(), 4_096);
    assert_eq!(session_of(&large).ask(&world, |_| {}).status, 200);
}

#[test]
fn what_is_no_policy_is_malformed() {
    let world = world();
    let session = Session::create(&world);
    for (policy, message) in [
        ("{", "Syntax errors in policy."),
        (r#"{"Statement":{"Effect":"Allow","Action":"*"}}"#, "Policy statement must contain resources."),
        (
            r#"{"Statement":{"Effect":"Allow","Action":"*","Resource":"*","Principal":"*"}}"#,
            "Policy document should not specify a principal.",
        ),
    ] {
        let answer = ask(&world, &session, &[("Policy", policy)]);
        refused(&answer, 400, "MalformedPolicyDocument");
        assert_eq!(element(answer.text(), "Message"), message);
        assert_eq!(world.last_rule(), "scope-policy-malformed");
    }
}

#[test]
fn the_global_endpoint_does_not_know_the_operation() {
    let world = world();
    let session = Session::create(&world);
    let body = "Action=GetScopedCredentials&Version=2011-06-15&DurationSeconds=60";
    let answer = session.ask(&world, |draft| {
        draft.region = "us-east-1".to_owned();
        draft.body = body.as_bytes().to_vec();
    });
    refused(&answer, 400, "InvalidAction");
    assert_eq!(world.last_rule(), "action-unknown");
}
