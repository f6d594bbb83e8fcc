//! STS with the credentials that CreateSession issued, signed by hand.

use pki_test::algorithm::KeyAlgorithm;
use pki_test::simulator::{Operation, Profile, Verdict};
use pki_test::verifier::TrustAnchor;
use time::OffsetDateTime;

use super::client::Received;
use super::draft::Draft;
use super::identity::{Identity, NOW};
use super::vectors::{ANCHOR, PROFILE};
use super::world::World;

const CALLER: &str = "Action=GetCallerIdentity&Version=2011-06-15";
const ARN: &str = "arn:aws:sts::111122223333:assumed-role/build+deploy/0abc";

/// Session credentials as a client has them.
pub(super) struct Session {
    pub(super) access_key_id: String,
    pub(super) secret: String,
    pub(super) token: String,
}

impl Session {
    pub(super) fn create(world: &World) -> Self {
        let json = world.session().json();
        let field = |name: &str| json["credentialSet"][0]["credentials"][name].as_str().unwrap().to_owned();
        Self {
            access_key_id: field("accessKeyId"),
            secret: field("secretAccessKey"),
            token: field("sessionToken"),
        }
    }

    pub(super) fn draft(&self, body: &str, time: OffsetDateTime) -> Draft {
        Draft::sts(&self.access_key_id, &self.token, body, time)
    }

    pub(super) fn ask(&self, world: &World, change: impl FnOnce(&mut Draft)) -> Received {
        let mut draft = self.draft(CALLER, NOW);
        change(&mut draft);
        world.send(&draft.sign_with_secret(&self.secret))
    }
}

pub(super) fn refused(answer: &Received, status: u16, code: &str) {
    let text = answer.text();
    assert!(text.contains(&format!("<Code>{code}</Code>")), "{text}");
    assert_eq!((answer.status, answer.header("content-type")), (status, Some("text/xml")));
    assert!(text.contains(answer.header("x-amzn-requestid").unwrap()));
}

/// Returns the text of the first XML element of this name.
pub(super) fn element(text: &str, name: &str) -> String {
    let start = text.split_once(&format!("<{name}>")).unwrap().1;
    start.split_once(&format!("</{name}>")).unwrap().0.to_owned()
}

#[test]
fn the_caller_is_the_assumed_role() {
    let world = World::start(|_| {});
    let session = Session::create(&world);
    let local = session.ask(&world, |_| {});
    assert_eq!(local.status, 200, "{}", local.text());
    assert_eq!(element(local.text(), "Arn"), ARN);
    assert_eq!(element(local.text(), "Account"), "111122223333");
    let user = element(local.text(), "UserId");
    assert!(user.starts_with("AROA") && user.ends_with(":0abc"), "{user}");
    let global = session.ask(&world, |draft| draft.region = "us-east-1".to_owned());
    assert_eq!(global.status, 200, "{}", global.text());
    let unsigned_type = session.ask(&world, |draft| {
        let value = draft.headers.remove("content-type").unwrap();
        draft.unsigned.push(("content-type".to_owned(), value));
    });
    assert_eq!(unsigned_type.status, 200, "{}", unsigned_type.text());
    let entry = world.simulator.journal().pop().unwrap();
    assert_eq!((entry.operation, entry.verdict), (Operation::SecurityTokenService, Verdict::Accepted));
    assert_eq!(entry.role.as_deref(), Some(ARN));
}

#[test]
fn every_region_of_the_world_has_an_sts() {
    let elsewhere = |region: &str, arn: &str| arn.replace("eu-central-1", region).replace("0001", "0009");
    let identity = Identity::sound(KeyAlgorithm::EcP256, "build-17");
    let anchor = TrustAnchor::new(&elsewhere("eu-west-1", ANCHOR), &[&identity.anchor]).unwrap();
    let world = World::of(identity, |settings| {
        settings.trust_anchors.push(anchor);
        settings.profiles.push(Profile::new(&elsewhere("ap-southeast-2", PROFILE), &[]).unwrap());
    });
    let session = Session::create(&world);
    for region in ["eu-central-1", "eu-west-1", "ap-southeast-2", "us-east-1"] {
        let answer = session.ask(&world, |draft| draft.region = region.to_owned());
        assert_eq!(answer.status, 200, "{region}: {}", answer.text());
    }
    let answer = session.ask(&world, |draft| draft.region = "eu-west-2".to_owned());
    refused(&answer, 403, "SignatureDoesNotMatch");
}

#[test]
fn whatever_was_not_signed_by_the_session_is_refused() {
    let world = World::start(|_| {});
    let session = Session::create(&world);
    let mismatch = "SignatureDoesNotMatch";
    let wrong_secret = Session { secret: "0".repeat(40), ..Session::create(&world) };
    refused(&wrong_secret.ask(&world, |_| {}), 403, mismatch);
    refused(&session.ask(&world, |draft| draft.region = "eu-west-1".to_owned()), 403, mismatch);
    refused(&session.ask(&world, |draft| draft.service = "rolesanywhere".to_owned()), 403, mismatch);
    refused(&session.ask(&world, |draft| draft.terminator = "aws4".to_owned()), 403, mismatch);
    refused(&session.ask(&world, |draft| draft.date = "20261122".to_owned()), 403, mismatch);
    refused(&session.ask(&world, |draft| draft.algorithm = "AWS4-HMAC-SHA512".to_owned()), 403, mismatch);
    refused(
        &session.ask(&world, |draft| {
            let token = draft.headers.remove("x-amz-security-token").unwrap();
            draft.unsigned.push(("x-amz-security-token".to_owned(), token));
        }),
        403,
        mismatch,
    );
    let late = session.ask(&world, |draft| draft.set_time(NOW - time::Duration::minutes(6)));
    refused(&late, 403, mismatch);
    assert!(late.text().contains("Signature expired"), "{}", late.text());
    let early = session.ask(&world, |draft| draft.set_time(NOW + time::Duration::minutes(6)));
    assert!(early.text().contains("Signature not yet current"), "{}", early.text());
    let mut request = session.draft(CALLER, NOW).sign_with_secret(&session.secret);
    request.body.push(b'&');
    refused(&world.send(&request), 403, mismatch);
}

#[test]
fn unknown_expired_and_missing_credentials_are_told_apart() {
    let world = World::start(|_| {});
    let session = Session::create(&world);
    refused(
        &session.ask(&world, |draft| draft.credential = "ASIAEXAMPLEEXAMPLE00".to_owned()),
        403,
        "InvalidClientTokenId",
    );
    refused(
        &session.ask(&world, |draft| draft.set_header("x-amz-security-token", "AAAA")),
        403,
        "InvalidClientTokenId",
    );
    let without_token = session.ask(&world, |draft| {
        draft.headers.remove("x-amz-security-token");
    });
    refused(&without_token, 403, "InvalidClientTokenId");
    let mut request = session.draft(CALLER, NOW).sign_with_secret(&session.secret);
    request.headers.retain(|(name, _)| name != "authorization");
    refused(&world.send(&request), 403, "MissingAuthenticationToken");
    request.headers.push(("authorization".to_owned(), b"Bearer x".to_vec()));
    refused(&world.send(&request), 400, "IncompleteSignature");
    let later = NOW + time::Duration::HOUR;
    world.clock.set(later);
    let expired = session.ask(&world, |draft| draft.set_time(later));
    refused(&expired, 403, "ExpiredToken");
}

#[test]
fn unknown_actions_are_refused() {
    let world = World::start(|_| {});
    let session = Session::create(&world);
    for body in [
        "Action=GetSessionToken&Version=2011-06-15",
        "Action=GetCallerIdentity&Version=2010-01-01",
        "",
        "%ff",
    ] {
        let answer = session.ask(&world, |draft| draft.body = body.as_bytes().to_vec());
        refused(&answer, 400, if body == "%ff" { "ValidationError" } else { "InvalidAction" });
    }
}

#[test]
fn a_role_is_assumed_and_is_then_the_caller() {
    let world = World::start(|_| {});
    let session = Session::create(&world);
    let role = "RoleArn=arn%3Aaws%3Aiam%3A%3A111122223333%3Arole%2Fteam%2Fbuild%2Bdeploy";
    let body = |rest: &str| format!("Action=AssumeRole&Version=2011-06-15&{role}&{rest}");
    let assume = |rest: &str| world.send(&session.draft(&body(rest), NOW).sign_with_secret(&session.secret));
    let answer = assume("RoleSessionName=hop&DurationSeconds=900");
    assert_eq!(answer.status, 200, "{}", answer.text());
    let text = answer.text();
    assert_eq!(element(text, "Expiration"), "2026-11-23T16:35:00Z");
    let chained = Session {
        access_key_id: element(text, "AccessKeyId"),
        secret: element(text, "SecretAccessKey"),
        token: element(text, "SessionToken"),
    };
    let caller = chained.ask(&world, |_| {});
    assert_eq!(element(caller.text(), "Arn"), "arn:aws:sts::111122223333:assumed-role/build+deploy/hop");
    refused(&assume("RoleSessionName=hop&DurationSeconds=7200"), 400, "ValidationError");
    refused(&assume("RoleSessionName=x"), 400, "ValidationError");
    let foreign = body("RoleSessionName=hop").replace("build", "other");
    refused(
        &world.send(&session.draft(&foreign, NOW).sign_with_secret(&session.secret)),
        403,
        "AccessDenied",
    );
}
