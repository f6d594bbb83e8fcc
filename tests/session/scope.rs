//! GetScopedCredentials: what is sent, what is believed of an answer, and what a refusal tells.

use std::time::Duration;

use anyrole::clock::{Clock as _, SystemClock, Timestamp};
use anyrole::diagnostic::Diagnostic as _;
use anyrole::http::{Limits, ServerTrust};
use anyrole::signing::Endpoint;
use anyrole::sts::{Granted, Scope, ScopePolicy, Sts, StsError};

use super::second_hop::{first, in_an_hour, refusal};
use super::simulated::{block_on, transport};
use super::sts::{session_of, sts, world};
use super::support::{Answer, NOW, Play, Played, REGION, RuntimeClock};

const OWN: &str = "arn:aws:sts::111122223333:assumed-role/build/42";
const POLICY: &str = r#"{ "Statement": [ { "Effect": "Allow", "Action": "s3:Get*", "Resource": "*" } ] }"#;

fn scope() -> Scope {
    let policy = ScopePolicy::parse(POLICY.as_bytes(), "p.json").unwrap();
    let description = Some(String::from("plan & apply + «1»"));
    Scope::new(Some(policy), Some(Duration::from_secs(600)), description).unwrap().unwrap()
}

fn granted(arn: &str, count: &str, expiration: Timestamp) -> String {
    format!(
        "<GetScopedCredentialsResponse><GetScopedCredentialsResult><Credentials>\
         <AccessKeyId>ASIAEXAMPLEEXAMPLE01</AccessKeyId><SecretAccessKey>secret/canary+A</SecretAccessKey>\
         <SessionToken>token/canary+A==</SessionToken><Expiration>{expiration}</Expiration></Credentials>\
         <SessionInfo><ScopedSessionId>AROAEXAMPLE:42</ScopedSessionId><Arn>{arn}</Arn></SessionInfo>\
         <ScopedPoliciesCount>{count}</ScopedPoliciesCount></GetScopedCredentialsResult>\
         </GetScopedCredentialsResponse>"
    )
}

async fn narrow(answer: Answer) -> Result<Granted, StsError> {
    let transport = Played::new([Play::Answer(answer)]);
    let endpoint = Endpoint::parse("https://sts.eu-central-1.amazonaws.com").unwrap();
    let (limits, clock) = (Limits::default(), RuntimeClock::at(NOW));
    let sts = Sts {
        transport: &transport,
        endpoint: &endpoint,
        region: REGION,
        limits,
        clock: &clock,
        clock_offset: 0,
    };
    sts.scoped_credentials(&first(), &scope(), Some(Duration::from_secs(600))).await
}

async fn refused(answer: Answer) -> StsError {
    let error = narrow(answer).await.unwrap_err();
    let shown = format!("{error} {error:?} {:?} {:?}", error.hint(), error.facts());
    assert!(!shown.contains("canary"), "a secret is shown: {shown}");
    error
}

#[tokio::test(start_paused = true)]
async fn a_good_answer_is_the_same_session_with_other_credentials() {
    let end = NOW.plus(Duration::from_secs(600));
    let set = narrow(Answer::new(200, &granted(OWN, "1", end))).await.unwrap().credential_set;
    assert_eq!((set.role_arn, set.assumed_role_arn), (first().role_arn, first().assumed_role_arn));
    assert_eq!(set.source_identity.as_deref(), Some("CN=build-17"), "which the answer does not tell");
    assert_eq!(set.credentials.access_key_id, "ASIAEXAMPLEEXAMPLE01");
    assert_eq!(set.credentials.expiration, end);
}

#[tokio::test(start_paused = true)]
async fn what_is_not_narrower_is_not_used() {
    let other = "arn:aws:sts::111122223333:assumed-role/build/43";
    for (arn, count, expiration, id) in [
        (other, "1", in_an_hour(), "sts-answer-other-role"),
        (OWN, "0", in_an_hour(), "sts-answer-malformed"),
        (OWN, "1", in_an_hour().plus(Duration::from_secs(2)), "sts-answer-malformed"),
        (OWN, "1", NOW, "sts-answer-malformed"),
    ] {
        let error = refused(Answer::new(200, &granted(arn, count, expiration))).await;
        assert_eq!(error.id(), id, "{arn} {count} {expiration}: {error}");
    }
    let whole = granted(OWN, "1", in_an_hour());
    for element in
        ["GetScopedCredentialsResult", "SessionInfo", "Credentials", "SecretAccessKey", "SessionToken", "Arn"]
    {
        let cut = whole.replace(&format!("{element}>"), "Other>");
        assert_eq!(refused(Answer::new(200, &cut)).await.id(), "sts-answer-malformed", "{element}");
    }
    let uncounted = whole.replace("ScopedPoliciesCount", "Other");
    assert!(narrow(Answer::new(200, &uncounted)).await.is_ok(), "the model does not require it");
}

#[tokio::test(start_paused = true)]
async fn refusals_say_what_to_do() {
    for (code, message, id, hint) in [
        ("AccessDenied", "not authorized", "sts-scope-denied", "sts:GetScopedCredentials"),
        ("InvalidAction", "Could not find operation", "sts-scope-not-offered", "global endpoint"),
        ("UnknownOperationException", "", "sts-scope-not-offered", "--region"),
        ("InsufficientSessionLifetime", "too long", "sts-scope-lifetime", "leave out --scope-duration"),
        ("MalformedPolicyDocument", "Syntax errors", "sts-scope-policy-refused", "--scope-policy"),
        ("PackedPolicyTooLarge", "4097 of 4096 bytes", "sts-scope-policy-refused", "--scope-policy"),
        ("InvalidSubjectCredentials", "not valid", "sts-session-unknown", "--sts-endpoint"),
        ("ExpiredToken", "expired", "sts-session-expired", "--no-cache"),
        ("ValidationError", "DurationSeconds must be 1 to 2", "sts-refused", "sts-refused"),
    ] {
        let error = refused(refusal(code, message)).await;
        assert_eq!(error.id(), id, "{code}");
        assert!(error.hint().unwrap().contains(hint), "{code}: {:?}", error.hint());
        let facts = error.facts();
        let narrowed = facts.iter().find(|fact| fact.name == "narrowed by").unwrap();
        assert!(narrowed.value.ends_with(", 10 minutes, 'plan & apply + «1»'"), "{}", narrowed.value);
    }
}

#[test]
fn what_is_sent_is_signed_and_understood() {
    let world = world();
    let transport = transport(ServerTrust::Anybody, Duration::from_secs(5));
    let first = session_of(&world, &transport);
    let endpoint = world.endpoint();
    let sts = sts(&transport, &endpoint, 0);
    let length = Some(Duration::from_secs(600));
    let narrow = block_on(sts.scoped_credentials(&first, &scope(), length)).unwrap().credential_set;
    let left = narrow.credentials.expiration.since(SystemClock.now());
    assert!(left <= Duration::from_secs(600) && left > Duration::from_secs(540));
    let layers = world.simulator.journal().pop().unwrap().scope_layers;
    assert_eq!(layers.len(), 1);
    assert_eq!(layers[0].policy.as_deref(), scope().policy().map(ScopePolicy::as_str));
    assert_eq!(layers[0].duration_seconds, Some(600));
    assert_eq!(layers[0].description.as_deref(), Some("plan & apply + «1»"));
    let callers =
        [&first, &narrow].map(|set| block_on(sts.caller_identity(&set.credentials)).unwrap().arn.to_string());
    assert_eq!(callers[0], callers[1]);
    // The policy does not allow to narrow the session once more.
    let error = block_on(sts.scoped_credentials(&narrow, &scope(), length)).unwrap_err();
    assert_eq!(error.id(), "sts-scope-denied");
}
