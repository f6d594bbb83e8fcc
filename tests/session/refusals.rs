//! From AWS's texts to a kind of refusal, and from a key that does not sign to an error.

use anyrole::diagnostic::{Diagnostic as _, Fault};
use anyrole::identity::Identity;
use anyrole::session::{RequestError, SessionError, SessionRequest};
use anyrole::signer::{DigestAlgorithm, SealingKey, SignError, Signature, SignatureAlgorithm, SigningKey};
use anyrole::x509::public_key::SubjectPublicKeyInfo;
use std::time::Duration;

use super::support::{
    Answer, NOW, PROFILE, Play, Played, REQUEST_ID, ROLE, TRUST_ANCHOR, create, create_as, identity,
};

const ACCESS_DENIED: &str = "AccessDeniedException";

#[tokio::test(start_paused = true)]
async fn messages_are_known() {
    for (status, code, message, id) in [
        (403, ACCESS_DENIED, "Untrusted signing certificate", "aws-untrusted-certificate"),
        (
            403,
            ACCESS_DENIED,
            "Untrusted certificate. Insufficient certificate",
            "aws-insufficient-certificate",
        ),
        (403, ACCESS_DENIED, "Certificate revoked", "aws-certificate-revoked"),
        (403, ACCESS_DENIED, "Unable to assume role for arn:aws:iam::1:role/x", "aws-cannot-assume-role"),
        (403, ACCESS_DENIED, "Invalid signature", "aws-invalid-signature"),
        (403, ACCESS_DENIED, "Invalid or empty profile provided.", "aws-invalid-profile"),
        (
            403,
            ACCESS_DENIED,
            "Requested Role isn't one of those listed in the Profile.",
            "aws-role-not-in-profile",
        ),
        (
            403,
            ACCESS_DENIED,
            "Requested Role isn’t one of those listed in the Profile.",
            "aws-role-not-in-profile",
        ),
        (403, ACCESS_DENIED, "Not authorized to set roleSessionName", "aws-session-name-not-accepted"),
        (
            403,
            ACCESS_DENIED,
            "Some attributes failed to be mapped into session tags. SAN: [DNS/2]",
            "aws-attributes-not-mapped",
        ),
        (
            403,
            ACCESS_DENIED,
            "Unable to assume role for x. Some attributes failed to be mapped into session tags.",
            "aws-cannot-assume-role",
        ),
        (
            404,
            "ResourceNotFoundException",
            "Specified Trust Anchor wasn't found.",
            "aws-trust-anchor-not-found",
        ),
        (404, "ResourceNotFoundException", "", "aws-trust-anchor-not-found"),
        (404, "ResourceNotFoundException", "No such profile", "aws-invalid-profile"),
        (400, "ValidationException", "durationSeconds", "aws-invalid-request"),
        (400, "ThrottlingException", "Rate exceeded", "aws-throttled"),
        (403, ACCESS_DENIED, "Something that nobody has seen yet", "aws-refused"),
    ] {
        let play = || Play::Answer(Answer::refusal(status, code, message).with("retry-after", "60"));
        let error = create(&Played::new([play()]), NOW).await.unwrap_err();
        assert_eq!(error.id(), id, "{message}");
        assert_eq!(error.fault(), Fault::Refused);
        assert_eq!(error.is_transient(), id == "aws-throttled", "{message}");
        assert_eq!(error.hint().unwrap(), format!("anyrole explain {id} says what this can mean"));
        let facts = error.facts();
        assert!(message.is_empty() || facts[0].name == "AWS says" && facts[0].value == message);
        assert!(facts.iter().any(|fact| fact.name == "request id" && fact.value == REQUEST_ID));
        assert!(facts.iter().all(|fact| fact.name != "attempts"), "{facts:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn codes_are_found_in_every_place() {
    let message = "Untrusted signing certificate";
    let bodies = [
        (format!(r#"{{"message":"{message}"}}"#), Some("AccessDeniedException:http://internal.example/")),
        (format!(r#"{{"Message":"{message}","code":"AccessDeniedException"}}"#), None),
        (format!(r#"{{"__type":"com.amazon.coral#AccessDeniedException","message":"{message}"}}"#), None),
    ];
    for (body, header) in bodies {
        let mut answer = Answer::new(403, &body);
        if let Some(header) = header {
            answer = answer.with("x-amzn-errortype", header);
        }
        let error = create(&Played::new([Play::Answer(answer)]), NOW).await.unwrap_err();
        assert_eq!(error.to_string(), "AWS refused to create the session (AccessDeniedException)");
        assert_eq!(error.id(), "aws-untrusted-certificate");
    }
    let error = create(&Played::new([Play::Answer(Answer::new(403, "not json"))]), NOW).await.unwrap_err();
    assert_eq!(error.to_string(), "AWS refused to create the session (HTTP 403)");
}

#[tokio::test(start_paused = true)]
async fn it_is_said_how_often_aws_was_asked() {
    let plays = (0..20).map(|_| Play::Answer(Answer::refusal(503, "ServiceUnavailable", "")));
    let transport = Played::new(plays);
    let error = create(&transport, NOW).await.unwrap_err();
    assert_eq!((error.id(), error.is_transient()), ("aws-unavailable", true));
    let attempts = error.facts().into_iter().find(|fact| fact.name == "attempts").unwrap();
    assert!(transport.sent().len() > 1);
    assert_eq!(attempts.value, transport.sent().len().to_string());
}

/// Without a request id it may still be AWS's: a proxy that drops headers leaves the body as it is.
#[tokio::test(start_paused = true)]
async fn what_says_something_of_its_own_is_no_answer_of_a_proxy() {
    let answer =
        || Answer::refusal(403, ACCESS_DENIED, "Untrusted signing certificate").without("x-amzn-requestid");
    let error = create(&Played::new([Play::Answer(answer())]), NOW).await.unwrap_err();
    assert_eq!(error.id(), "aws-untrusted-certificate");
    let page = Answer::new(403, "<html>").with("content-type", "text/html");
    let error = create(&Played::new([Play::Answer(page)]), NOW).await.unwrap_err();
    assert_eq!(error.id(), "aws-refused");
}

/// A key whose device is gone.
#[derive(Debug)]
struct Unplugged;

impl SigningKey for Unplugged {
    fn algorithm(&self) -> SignatureAlgorithm {
        SignatureAlgorithm::EcdsaSha256
    }

    fn public_key(&self) -> Option<&SubjectPublicKeyInfo> {
        None
    }

    fn sealing_key(&self) -> Result<Option<SealingKey>, SignError> {
        Ok(None)
    }

    fn sign_with(&mut self, _digest: DigestAlgorithm, _message: &[u8]) -> Result<Signature, SignError> {
        Err(SignError::Library)
    }
}

#[tokio::test(start_paused = true)]
async fn a_key_that_does_not_sign_sends_nothing() {
    let end_entity = identity().end_entity().clone();
    let mut identity = Identity::new(end_entity, Vec::new(), Box::new(Unplugged)).unwrap();
    let transport = Played::new([]);
    let error = create_as(&transport, &mut identity, NOW).await.unwrap_err();
    assert!(matches!(error, SessionError::Signing(_)));
    assert_eq!((error.id(), error.fault()), ("signing-failed", Fault::Identity));
    assert!(error.hint().unwrap().contains("anyrole inspect"));
    assert!(transport.sent().is_empty());
}

#[test]
fn requests_are_checked_before_anything_is_sent() {
    let new = |profile: &str, seconds: Option<u64>, name: Option<&str>| {
        SessionRequest::new(
            TRUST_ANCHOR.parse().unwrap(),
            profile.parse().unwrap(),
            ROLE.parse().unwrap(),
            None,
            seconds.map(Duration::from_secs),
            name.map(str::to_owned),
        )
    };
    assert_eq!(new(PROFILE, Some(900), Some("build-17@ci")).unwrap().region, "eu-central-1");
    let in_region = |region: &str| {
        let (anchor, profile, role) = (TRUST_ANCHOR.parse(), PROFILE.parse(), ROLE.parse());
        let region = Some(region.to_owned());
        SessionRequest::new(anchor.unwrap(), profile.unwrap(), role.unwrap(), region, None, None)
    };
    assert_eq!(in_region("fips-eu-central-1").unwrap().region, "eu-central-1");
    let (trust_anchor, asked) = (String::from("eu-central-1"), String::from("us-east-1"));
    assert_eq!(in_region("us-east-1"), Err(RequestError::RegionOfAnother { trust_anchor, asked }));
    assert!(new(PROFILE, Some(43_200), Some(&"a".repeat(64))).is_ok());
    assert!(new(PROFILE, None, None).is_ok());
    for seconds in [0, 5, 899, 43_201, u64::MAX] {
        assert_eq!(new(PROFILE, Some(seconds), None), Err(RequestError::DurationOutOfRange { seconds }));
    }
    for name in ["", "a", "a b", "a/b", "a:b", "Schröder", "a\nb", &"a".repeat(65)] {
        assert!(
            matches!(new(PROFILE, None, Some(name)), Err(RequestError::RoleSessionName { .. })),
            "{name}"
        );
    }
    let elsewhere = PROFILE.replace("eu-central-1", "eu-west-1");
    assert_eq!(new(&elsewhere, None, None).unwrap_err().id(), "regions-differ");
}
