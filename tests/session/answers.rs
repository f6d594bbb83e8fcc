//! What is believed of a success, and what is not.

use std::time::Duration;

use anyrole::clock::Timestamp;
use anyrole::credential_process;
use anyrole::diagnostic::Diagnostic as _;
use anyrole::session::{SessionError, wire};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::support::{Answer, NOW, Play, Played, ROLE, create, granted_body};

async fn id(body: &str) -> &'static str {
    error(body).await.id()
}

/// As [`id`], the whole error.
async fn error(body: &str) -> SessionError {
    let transport = Played::new([Play::Answer(Answer::new(201, body))]);
    let error = create(&transport, NOW).await.unwrap_err();
    let mut shown = format!("{error} {error:?} {:?} {:?}", error.hint(), error.facts());
    let mut source = std::error::Error::source(&error);
    while let Some(cause) = source {
        shown.push_str(&cause.to_string());
        source = cause.source();
    }
    assert!(!shown.contains("canary"), "a secret is shown: {shown}");
    error
}

/// Returns the service's answer with one member replaced, or taken out by `null`.
fn with(pointer: &str, value: Value) -> String {
    let mut answer: Value = serde_json::from_str(&granted_body(NOW.plus(Duration::from_secs(3600)))).unwrap();
    if value.is_null() {
        let (parent, member) = pointer.rsplit_once('/').unwrap();
        answer.pointer_mut(parent).unwrap().as_object_mut().unwrap().remove(member).unwrap();
    } else {
        *answer.pointer_mut(pointer).unwrap() = value;
    }
    answer.to_string()
}

const CREDENTIALS: &str = "/credentialSet/0/credentials";

#[tokio::test(start_paused = true)]
async fn what_is_missing_or_malformed_is_refused() {
    for body in
        ["", "{}", "null", "[]", "{\"credentialSet\":[]}", "<x/>", "{\"credentialSet\":", "\u{feff}{}"]
    {
        assert_eq!(id(body).await, "answer-malformed", "{body}");
    }
    for member in ["accessKeyId", "secretAccessKey", "sessionToken", "expiration"] {
        for value in [json!(null), json!(7), json!("")] {
            assert_eq!(
                id(&with(&format!("{CREDENTIALS}/{member}"), value)).await,
                "answer-malformed",
                "{member}"
            );
        }
    }
    for pointer in ["/credentialSet/0/roleArn", "/credentialSet/0/credentials", "/credentialSet"] {
        assert_eq!(id(&with(pointer, json!(null))).await, "answer-malformed", "{pointer}");
    }
    assert!(error("").await.is_transient() && error("{}").await.is_transient());
    let half = granted_body(NOW);
    assert_eq!(id(&half[..half.len() / 2]).await, "answer-malformed");
    assert_eq!(id(&"[".repeat(100_000)).await, "answer-malformed");
}

#[tokio::test(start_paused = true)]
async fn values_that_could_be_code_are_refused() {
    for value in
        ["canary$(id)", "canary\n[default]", "canary\u{1b}[31m", "canary canary", "canary\"", "cänary"]
    {
        for member in ["accessKeyId", "secretAccessKey", "sessionToken"] {
            let body = with(&format!("{CREDENTIALS}/{member}"), json!(value));
            let error = error(&body).await;
            assert_eq!(
                (error.id(), error.is_transient()),
                ("answer-malformed", false),
                "{member}: {value:?}"
            );
        }
    }
    for key_id in ["ASIA", "asiaexampleexample00", &"A".repeat(129)] {
        assert_eq!(id(&with(&format!("{CREDENTIALS}/accessKeyId"), json!(key_id))).await, "answer-malformed");
    }
    let endless = "A".repeat(20_000);
    assert_eq!(id(&with(&format!("{CREDENTIALS}/sessionToken"), json!(endless))).await, "answer-malformed");
}

#[tokio::test(start_paused = true)]
async fn an_expiration_is_in_the_future_and_not_far() {
    let pointer = format!("{CREDENTIALS}/expiration");
    for seconds in [-1, 0, 12 * 3600 + 301, 10 * 365 * 86_400] {
        let expiration = Timestamp::from_unix_seconds(NOW.unix_seconds() + seconds);
        assert_eq!(
            id(&with(&pointer, json!(expiration.to_string()))).await,
            "answer-expiration",
            "{seconds}"
        );
    }
    assert_eq!(id(&with(&pointer, json!("tomorrow"))).await, "answer-malformed");
    for seconds in [1, 12 * 3600 + 300] {
        let expiration = NOW.plus(Duration::from_secs(seconds));
        let transport = Played::new([Play::Answer(Answer::new(201, &granted_body(expiration)))]);
        assert_eq!(create(&transport, NOW).await.unwrap().credential_set.credentials.expiration, expiration);
    }
}

#[tokio::test(start_paused = true)]
async fn the_role_is_the_one_that_was_asked_for() {
    for role in
        ["arn:aws:iam::111122223333:role/build+deploy", "arn:aws:iam::444455556666:role/team/build+deploy"]
    {
        assert_eq!(id(&with("/credentialSet/0/roleArn", json!(role))).await, "answer-other-role");
    }
    let mut answer: Value = serde_json::from_str(&granted_body(NOW.plus(Duration::from_secs(60)))).unwrap();
    let mut other = answer["credentialSet"][0].clone();
    other["roleArn"] = json!("arn:aws:iam::111122223333:role/admin");
    other["credentials"]["accessKeyId"] = json!("ASIAADMINADMINADMIN0");
    answer["credentialSet"].as_array_mut().unwrap().insert(0, other);
    let transport = Played::new([Play::Answer(Answer::new(201, &answer.to_string()))]);
    let set = create(&transport, NOW).await.unwrap().credential_set;
    assert_eq!(set.credentials.access_key_id, "ASIAEXAMPLEEXAMPLE00");
    assert_eq!(set.role_arn.to_string(), ROLE);
}

#[tokio::test(start_paused = true)]
async fn what_is_not_needed_may_be_absent_and_what_is_unknown_is_passed_over() {
    for pointer in ["/subjectArn", "/credentialSet/0/sourceIdentity", "/credentialSet/0/assumedRoleUser"] {
        let transport = Played::new([Play::Answer(Answer::new(200, &with(pointer, json!(null))))]);
        create(&transport, NOW).await.unwrap();
    }
    let mut answer: Value = serde_json::from_str(&granted_body(NOW.plus(Duration::from_secs(60)))).unwrap();
    answer["enrichments"] = json!({"a": [1, 2]});
    create(&Played::new([Play::Answer(Answer::new(201, &answer.to_string()))]), NOW).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn pages_are_known_for_what_they_are() {
    for (status, body) in
        [(200, "<!DOCTYPE html><p>Sign in"), (403, "<HTML>"), (503, "<html>"), (403, ""), (403, "no")]
    {
        let page =
            || Play::Answer(Answer::new(status, body).without("x-amzn-requestid").with("server", "squid"));
        let transport = Played::new([page(), page(), page()]);
        let error = create(&transport, NOW).await.unwrap_err();
        assert_eq!(error.id(), "proxy-answered", "{status} {body}");
        assert_eq!(error.facts()[0].value, "squid");
        assert_eq!(transport.sent().len(), if status == 503 { 3 } else { 1 });
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_of_a_session_is_shown_by_accident() {
    let transport = Played::new([Play::Answer(Answer::granted(NOW))]);
    let session = create(&transport, NOW).await.unwrap();
    assert!(!format!("{session:?}").contains("canary"));
    let document = credential_process::render(&session.credential_set);
    let document: Value = serde_json::from_slice(&document).unwrap();
    assert_eq!(document["SessionToken"], "token/canary+AAAA==");
    assert_eq!(document["Version"], 1);
}

proptest! {
    /// However an answer is changed, it is refused or safe.
    #[test]
    fn changed_answers_are_refused_or_safe(
        changes in prop::collection::vec((0_usize..2000, any::<u8>(), 0_u8..3), 1..8),
    ) {
        let mut body = granted_body(NOW.plus(Duration::from_secs(3600))).into_bytes();
        for (place, byte, kind) in changes {
            let place = place % body.len();
            match kind {
                0 => body[place] = byte,
                1 => body.insert(place, byte),
                _ => { body.remove(place); }
            }
        }
        if let Ok(set) = wire::parse(&body, &ROLE.parse().unwrap(), NOW) {
            let document = credential_process::render(&set);
            prop_assert!(document.is_ascii() && !document.contains(&b'\\') && !document.contains(&b'$'));
            prop_assert!(set.credentials.expiration > NOW);
        }
    }

    #[test]
    fn arbitrary_bytes_do_no_harm(body in prop::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(wire::parse(&body, &ROLE.parse().unwrap(), NOW).is_err());
    }
}

#[test]
fn what_is_no_document_is_named() {
    let told = |body: &[u8]| wire::parse(body, &ROLE.parse().unwrap(), NOW).unwrap_err().to_string();
    for (body, what) in [
        (&b""[..], "it is empty"),
        (b" \r\n", "it is empty"),
        (b"<!DOCTYPE html><title>Sign in</title>", "it is a page of HTML"),
        (b"<?xml version='1.0'?><Error/>", "it is XML"),
        (b"\x1f\x8b\x08\x00", "it is compressed by gzip"),
        (b"sorry", "it is not JSON"),
        (b"{\"credentialSet\":", "it is cut off"),
        (b"{}", "its member credentialSet is missing"),
        (b"{\"credentialSet\":7}", "a member is of another type"),
    ] {
        assert!(told(body).contains(what), "{what}: {}", told(body));
    }
}
