//! AssumeRole: what is believed of an answer, and what a refusal tells.

use std::time::Duration;

use anyrole::clock::Timestamp;
use anyrole::credentials::{CredentialSet, SessionCredentials};
use anyrole::diagnostic::Diagnostic as _;
use anyrole::http::{Limits, Peer};
use anyrole::secret::Secret;
use anyrole::signing::Endpoint;
use anyrole::sts::{AssumeRole, Granted, Sts, StsError};

use super::support::{Answer, NOW, Play, Played, REGION, RuntimeClock};

const EXTERNAL_ID: &str = "canary:external";
const ASSUMED: &str = "arn:aws:sts::444455556666:assumed-role/read-only/audit";

pub(super) fn first() -> CredentialSet {
    CredentialSet {
        role_arn: "arn:aws:iam::111122223333:role/build".parse().unwrap(),
        assumed_role_arn: Some(String::from("arn:aws:sts::111122223333:assumed-role/build/42")),
        source_identity: Some(String::from("CN=build-17")),
        subject_arn: None,
        credentials: SessionCredentials {
            access_key_id: String::from("ASIAEXAMPLEEXAMPLE00"),
            secret_access_key: Secret::new(String::from("secret/canary")),
            session_token: Secret::new(String::from("token/canary")),
            expiration: NOW.plus(Duration::from_secs(3600)),
        },
    }
}

fn wanted(role_session_name: Option<&str>) -> AssumeRole {
    AssumeRole::new(
        "arn:aws:iam::444455556666:role/team/read-only".parse().unwrap(),
        role_session_name.map(str::to_owned),
        None,
        Some(Secret::new(EXTERNAL_ID.to_owned())),
        Vec::new(),
    )
    .unwrap()
}

fn granted(arn: &str, access_key_id: &str, expiration: Timestamp) -> String {
    format!(
        "<AssumeRoleResponse><AssumeRoleResult><SourceIdentity>CN=build-17</SourceIdentity><AssumedRoleUser>\
         <AssumedRoleId>AROAEXAMPLE:audit</AssumedRoleId><Arn>{arn}</Arn></AssumedRoleUser><Credentials>\
         <AccessKeyId>{access_key_id}</AccessKeyId><SecretAccessKey>secret/canary+A</SecretAccessKey>\
         <SessionToken>token/canary+A==</SessionToken><Expiration>{expiration}</Expiration></Credentials>\
         </AssumeRoleResult></AssumeRoleResponse>"
    )
}

pub(super) fn refusal(code: &str, message: &str) -> Answer {
    let body = format!(
        "<ErrorResponse><Error><Code>{code}</Code><Message>{message}</Message></Error></ErrorResponse>"
    );
    Answer::new(403, &body)
}

async fn assume(transport: &Played, request: &AssumeRole, now: Timestamp) -> Result<Granted, StsError> {
    let endpoint = Endpoint::parse("https://sts.eu-central-1.amazonaws.com").unwrap();
    let clock = RuntimeClock::at(now);
    let limits = Limits::default();
    let sts = Sts { transport, endpoint: &endpoint, region: REGION, limits, clock: &clock, clock_offset: 0 };
    sts.assume_role(&first(), request).await
}

async fn refused(answer: Answer) -> StsError {
    let error = assume(&Played::new([Play::Answer(answer)]), &wanted(Some("audit")), NOW).await.unwrap_err();
    let shown = format!("{error} {error:?} {:?} {:?}", error.hint(), error.facts());
    assert!(!shown.contains("canary"), "a secret is shown: {shown}");
    error
}

pub(super) fn in_an_hour() -> Timestamp {
    NOW.plus(Duration::from_secs(3600))
}

#[tokio::test(start_paused = true)]
async fn a_good_answer_is_the_second_roles() {
    let answer = Answer::new(200, &granted(ASSUMED, "ASIAEXAMPLEEXAMPLE01", in_an_hour()));
    let assumed = assume(&Played::new([Play::Answer(answer)]), &wanted(Some("audit")), NOW).await.unwrap();
    let set = assumed.credential_set;
    assert_eq!(set.role_arn.arn().account(), "444455556666");
    assert_eq!(set.assumed_role_arn.as_deref(), Some(ASSUMED));
    assert_eq!(set.source_identity.as_deref(), Some("CN=build-17"));
    assert_eq!(set.credentials.access_key_id, "ASIAEXAMPLEEXAMPLE01");
}

#[tokio::test(start_paused = true)]
async fn without_a_name_the_first_sessions_is_asked_for() {
    let inherited = "arn:aws:sts::444455556666:assumed-role/read-only/42";
    let answer = Answer::new(200, &granted(inherited, "ASIAEXAMPLEEXAMPLE01", in_an_hour()));
    assert!(assume(&Played::new([Play::Answer(answer)]), &wanted(None), NOW).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn what_aws_cannot_have_sent_is_not_used() {
    let good_key = "ASIAEXAMPLEEXAMPLE01";
    let cases = [
        (
            "arn:aws:sts::444455556666:assumed-role/admin/audit",
            good_key,
            in_an_hour(),
            "sts-answer-other-role",
        ),
        (
            "arn:aws:sts::111122223333:assumed-role/read-only/audit",
            good_key,
            in_an_hour(),
            "sts-answer-other-role",
        ),
        (
            "arn:aws:sts::444455556666:assumed-role/read-only/x",
            good_key,
            in_an_hour(),
            "sts-answer-other-role",
        ),
        // It is shown as it came, but for what was sent and is secret.
        (
            "arn:aws:sts::444455556666:assumed-role/token/canary",
            good_key,
            in_an_hour(),
            "sts-answer-other-role",
        ),
        (ASSUMED, "ASIA$(reboot)", in_an_hour(), "sts-answer-malformed"),
        (ASSUMED, "", in_an_hour(), "sts-answer-malformed"),
        (ASSUMED, good_key, NOW, "sts-answer-malformed"),
        (ASSUMED, good_key, NOW.plus(Duration::from_secs(13 * 3600)), "sts-answer-malformed"),
    ];
    for (arn, access_key_id, expiration, id) in cases {
        let answer = Answer::new(200, &granted(arn, access_key_id, expiration));
        assert_eq!(refused(answer).await.id(), id, "{arn} {access_key_id} {expiration}");
    }
    let whole = granted(ASSUMED, good_key, in_an_hour());
    for element in
        ["AssumeRoleResult", "AssumedRoleUser", "Credentials", "SecretAccessKey", "SessionToken", "Arn"]
    {
        let cut = whole.replace(element, "Other");
        assert_eq!(refused(Answer::new(200, &cut)).await.id(), "sts-answer-malformed", "{element}");
    }
}

#[tokio::test(start_paused = true)]
async fn refusals_say_what_to_do() {
    for (code, message, id, hint) in [
        (
            "AccessDenied",
            "User: x is not authorized to perform: sts:AssumeRole",
            "sts-assume-role-denied",
            "with this external id",
        ),
        (
            "AccessDenied",
            "not authorized to perform: sts:TagSession",
            "sts-assume-role-denied",
            "sts:TagSession",
        ),
        (
            "AccessDenied",
            "not authorized to perform: sts:SetSourceIdentity",
            "sts-assume-role-denied",
            "sts:SetSourceIdentity",
        ),
        ("ExpiredToken", "expired", "sts-session-expired", "--no-cache"),
        (
            "RegionDisabledException",
            "STS is not activated in this region",
            "sts-region-disabled",
            "enable the region",
        ),
        (
            "ValidationError",
            "The requested DurationSeconds exceeds the 1 hour session limit",
            "sts-duration",
            "1h or less",
        ),
        ("InvalidClientTokenId", "invalid", "sts-session-unknown", "--sts-endpoint"),
        ("PackedPolicyTooLarge", "Packed size 101%", "sts-tags-refused", "shorten"),
    ] {
        let error = refused(refusal(code, message)).await;
        assert_eq!(error.id(), id, "{code}");
        assert!(error.hint().unwrap().contains(hint), "{code}: {:?}", error.hint());
        assert_eq!(error.facts()[0].value, message);
    }
}

#[tokio::test(start_paused = true)]
async fn secrets_that_sts_quotes_are_not_shown() {
    let message = format!("Value '{EXTERNAL_ID}' at 'externalId' failed to satisfy constraint");
    let error = refused(refusal("ValidationError", &message)).await;
    assert_eq!(error.facts()[0].value, "Value '…' at 'externalId' failed to satisfy constraint");
    // As AWS answers where the signature is another one.
    let message = "The Canonical String for this request should have been\n'POST\n/\n\nhost:sts\n\
                   x-amz-security-token:token/canary\n\nhost;x-amz-security-token'";
    let error = refused(refusal("SignatureDoesNotMatch", message)).await;
    assert!(error.facts()[0].value.contains("x-amz-security-token:…\n"), "{error:?}");
    // What it means is told by what came.
    let mut short = wanted(Some("audit"));
    short.external_id = Some(Secret::new(String::from("Denied")));
    let played = Played::new([Play::Answer(refusal("AccessDenied", ""))]);
    assert_eq!(assume(&played, &short, NOW).await.unwrap_err().id(), "sts-assume-role-denied");
    // In whatever place, whole or cut: a message is kept up to 1000 characters.
    let cut = format!("{}{EXTERNAL_ID}", "a".repeat(995));
    for answer in [refusal(EXTERNAL_ID, ""), refusal("AccessDenied", &cut)] {
        refused(answer.without("x-amzn-requestid").with("x-amzn-requestid", EXTERNAL_ID)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_wrong_clock_is_corrected_once_within_the_sessions_life() {
    let expired = || refusal("SignatureDoesNotMatch", "Signature expired: 1 is now earlier than 2");
    let date = "Mon, 23 Nov 2026 16:10:00 GMT";
    let grant = || Answer::new(200, &granted(ASSUMED, "ASIAEXAMPLEEXAMPLE01", in_an_hour()));
    let behind = NOW.minus(Duration::from_secs(3600));
    let transport = Played::new([Play::Answer(expired().with("date", date)), Play::Answer(grant())]);
    let assumed = assume(&transport, &wanted(Some("audit")), behind).await.unwrap();
    assert_eq!(assumed.clock_offset, 4200);
    assert_eq!(transport.sent()[1].amz_date, "20261123T161000Z");

    // Beyond the end of the first session, from a server that nobody verified, or without AWS's request id: no.
    let after_its_end = "Mon, 23 Nov 2026 17:30:00 GMT";
    let mut unverified = expired().with("date", date);
    unverified.peer = Peer::Unverified;
    for answer in [
        expired().with("date", after_its_end),
        unverified,
        expired().with("date", date).without("x-amzn-requestid"),
        expired(),
    ] {
        let transport = Played::new([Play::Answer(answer)]);
        let error = assume(&transport, &wanted(Some("audit")), behind).await.unwrap_err();
        assert_eq!((error.id(), transport.sent().len()), ("sts-clock", 1));
    }
}
