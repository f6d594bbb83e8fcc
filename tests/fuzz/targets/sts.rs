//! Answers of STS to its three operations: XML in any state. What is taken is of the session that was asked for.
#![no_main]

#[path = "answered.rs"]
mod answered;

use std::sync::LazyLock;
use std::time::Duration;

use anyrole::clock::FixedClock;
use anyrole::credentials::{CredentialSet, SessionCredentials};
use anyrole::diagnostic::Diagnostic as _;
use anyrole::http::Limits;
use anyrole::secret::Secret;
use anyrole::signing::Endpoint;
use anyrole::sts::{AssumeRole, Scope, Sts, StsError};
use answered::{Answered, NOW, REGION, ROLE, run};
use libfuzzer_sys::fuzz_target;

const SECOND_ROLE: &str = "arn:aws:iam::111122223333:role/read-only";
const EXTERNAL_ID: &str = "external/canary";
const SECRET: &str = "secret/canary";
const TOKEN: &str = "token/canary";
const SESSION: &str = "arn:aws:sts::111122223333:assumed-role/build/4242";

static ENDPOINT: LazyLock<Endpoint> =
    LazyLock::new(|| Endpoint::parse("https://sts.eu-central-1.amazonaws.com").expect("an endpoint"));

fn first() -> CredentialSet {
    CredentialSet {
        role_arn: ROLE.parse().expect("an ARN"),
        assumed_role_arn: Some(String::from(SESSION)),
        source_identity: None,
        subject_arn: None,
        credentials: SessionCredentials {
            access_key_id: String::from("ASIAEXAMPLEEXAMPLE00"),
            secret_access_key: Secret::new(String::from(SECRET)),
            session_token: Secret::new(String::from(TOKEN)),
            expiration: NOW.plus(Duration::from_secs(3600)),
        },
    }
}

static SECOND: LazyLock<AssumeRole> = LazyLock::new(|| {
    let id = Secret::new(String::from(EXTERNAL_ID));
    AssumeRole::new(SECOND_ROLE.parse().expect("an ARN"), Some(String::from("audit")), None, Some(id), Vec::new())
        .expect("a request")
});

/// What was sent may be repeated, and is not shown.
fn judge(error: &StsError, sent: &[&str]) {
    assert!(!error.id().is_empty());
    let told = format!("{error} {:?} {:?}", error.facts(), error.hint());
    assert!(!sent.iter().any(|secret| told.contains(secret)), "{told}");
}

fuzz_target!(|input: &[u8]| {
    let Some(answered) = Answered::of(input) else { return };
    let sts = Sts {
        transport: &answered,
        endpoint: &ENDPOINT,
        region: REGION,
        limits: Limits::default(),
        clock: &FixedClock(NOW),
        clock_offset: 0,
    };
    let first = first();
    match run(sts.caller_identity(&first.credentials)) {
        Ok(caller) => assert!(caller.account.len() == 12 && !caller.user_id.is_empty()),
        Err(error) => judge(&error, &[SECRET, TOKEN]),
    }
    match run(sts.assume_role(&first, &SECOND)) {
        Ok(granted) => assert_eq!(granted.credential_set.role_arn.to_string(), SECOND_ROLE),
        Err(error) => judge(&error, &[SECRET, TOKEN, EXTERNAL_ID]),
    }
    let scope = Scope::new(None, Some(Duration::from_secs(600)), None).expect("a scope").expect("one that narrows");
    match run(sts.scoped_credentials(&first, &scope, scope.duration())) {
        Ok(granted) => {
            let latest = first.credentials.expiration.plus(Duration::from_secs(1));
            assert!(granted.credential_set.credentials.expiration <= latest);
        }
        Err(error) => judge(&error, &[SECRET, TOKEN]),
    }
});
