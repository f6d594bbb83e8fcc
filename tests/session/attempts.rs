//! How often, how far apart and until when a request is sent.

use std::time::Duration;

use anyrole::diagnostic::Diagnostic as _;
use anyrole::http::error::Distrust;
use anyrole::http::{NoAnswer, ProxyRefusal, TransportError};
use anyrole::session::SessionError;
use tokio::time::Instant;

use super::support::{Answer, NOW, Play, Played, connection_lost, create, http_date};

fn trouble() -> Play {
    Play::Answer(Answer::refusal(500, "InternalServerException", "Internal failure"))
}

fn throttled() -> Answer {
    Answer::refusal(429, "ThrottlingException", "Rate exceeded")
}

fn granted() -> Play {
    Play::Answer(Answer::granted(NOW))
}

#[tokio::test(start_paused = true)]
async fn one_request_is_enough() {
    let transport = Played::new([granted()]);
    let session = create(&transport, NOW).await.unwrap();
    assert_eq!(session.attempts, 1);
    assert_eq!(session.clock_offset, 0);
    assert_eq!(session.credential_set.credentials.access_key_id, "ASIAEXAMPLEEXAMPLE00");
    assert_eq!(session.credential_set.source_identity.as_deref(), Some("CN=build-17"));
    assert_eq!(transport.sent().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_service_in_trouble_is_asked_three_times() {
    let transport = Played::new([trouble(), trouble(), granted()]);
    let start = Instant::now();
    assert_eq!(create(&transport, NOW).await.unwrap().attempts, 3);
    assert!(start.elapsed() <= Duration::from_millis(1500), "pauses of at most 0.5 and 1 s");

    let transport = Played::new([trouble(), trouble(), trouble()]);
    let error = create(&transport, NOW).await.unwrap_err();
    assert_eq!(error.id(), "aws-unavailable");
    assert!(error.is_transient());
    assert_eq!(transport.sent().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn network_errors_are_tried_three_times() {
    let lost = || Play::Fail(connection_lost());
    let transport = Played::new([lost(), trouble(), lost()]);
    let error = create(&transport, NOW).await.unwrap_err();
    assert_eq!(error.id(), "network-connection-lost");
    assert!(matches!(error, SessionError::NoAnswer(NoAnswer::Unreachable { attempts: 3, .. })));

    let transport = Played::new([lost(), granted()]);
    assert_eq!(create(&transport, NOW).await.unwrap().attempts, 2);
}

#[tokio::test(start_paused = true)]
async fn what_will_not_change_is_tried_once() {
    let host = || String::from("rolesanywhere.eu-central-1.amazonaws.com");
    for error in [
        TransportError::BodyTooLarge { host: host() },
        TransportError::CaBundle {
            path: String::from("/nope"),
            why: String::from("no such file"),
            cure: None,
        },
        TransportError::NoRoots { looked_in: String::from("/etc/ssl") },
        TransportError::ProxyRefused { proxy: host(), host: host(), why: ProxyRefusal::Closed },
        TransportError::Redirect { host: host(), status: 307, location: None },
        TransportError::Tls { host: host(), why: String::from("no common version") },
        TransportError::UntrustedServer { host: host(), why: Distrust::UnknownIssuer, issuer: None },
    ] {
        let id = error.id();
        let transport = Played::new([Play::Fail(error)]);
        assert_eq!(create(&transport, NOW).await.unwrap_err().id(), id);
    }
    for status in [400, 401, 403, 404, 408, 418] {
        let transport = Played::new([Play::Answer(Answer::refusal(status, "SomethingException", "no"))]);
        assert!(matches!(create(&transport, NOW).await, Err(SessionError::Refused(_))), "{status}");
    }
}

#[tokio::test(start_paused = true)]
async fn throttling_is_waited_for_until_the_deadline() {
    let transport = Played::new((0..8).map(|_| Play::Answer(throttled())).chain([granted()]));
    assert_eq!(create(&transport, NOW).await.unwrap().attempts, 9);

    let transport = Played::new((0..1000).map(|_| Play::Answer(throttled())));
    let start = Instant::now();
    let error = create(&transport, NOW).await.unwrap_err();
    assert_eq!(error.id(), "aws-throttled");
    assert!(error.is_transient());
    assert!((Duration::from_secs(40)..Duration::from_secs(45)).contains(&start.elapsed()));
    assert!(transport.sent().len() < 60, "the pauses grow");
}

#[tokio::test(start_paused = true)]
async fn retry_after_is_honoured() {
    for (header, seconds) in [(String::from("7"), 7), (http_date(NOW.plus(Duration::from_secs(9))), 9)] {
        let first = throttled().with("date", http_date(NOW)).with("retry-after", header);
        let transport = Played::new([Play::Answer(first), granted()]);
        create(&transport, NOW).await.unwrap();
        let sent = transport.sent();
        let pause = sent[1].at - sent[0].at;
        assert!(
            pause >= Duration::from_secs(seconds) && pause <= Duration::from_secs(seconds + 1),
            "{pause:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_pause_beyond_the_deadline_is_not_made() {
    for retry_after in ["46", "86400", "18446744073709551615"] {
        let transport = Played::new([Play::Answer(throttled().with("retry-after", retry_after))]);
        let start = Instant::now();
        let error = create(&transport, NOW).await.unwrap_err();
        assert_eq!(error.id(), "aws-throttled");
        assert_eq!(start.elapsed(), Duration::ZERO);
        let SessionError::Refused(refusal) = error else { panic!("a refusal") };
        assert!(refusal.retry_after >= Some(Duration::from_secs(46)));
    }
    let nonsense = throttled().with("retry-after", "soon").with("date", "yesterday");
    create(&Played::new([Play::Answer(nonsense), granted()]), NOW).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn silence_ends_with_the_deadline() {
    let start = Instant::now();
    let error = create(&Played::new([Play::Hang]), NOW).await.unwrap_err();
    assert_eq!(error.id(), "deadline");
    assert_eq!(
        error.to_string(),
        "no session within 45 seconds: rolesanywhere.eu-central-1.amazonaws.com has not answered"
    );
    assert_eq!(start.elapsed(), Duration::from_secs(45));

    // What was learnt before says more than the deadline.
    let error = create(&Played::new([trouble(), Play::Hang]), NOW).await.unwrap_err();
    assert_eq!(error.id(), "aws-unavailable");
}

#[tokio::test(start_paused = true)]
async fn every_attempt_carries_its_own_time_and_signature() {
    let first = throttled().with("retry-after", "5");
    let transport = Played::new([Play::Answer(first), granted()]);
    create(&transport, NOW).await.unwrap();
    let sent = transport.sent();
    assert_eq!(sent[0].amz_date, NOW.amz_date());
    assert!(sent[1].amz_date >= NOW.plus(Duration::from_secs(5)).amz_date());
    assert_ne!(sent[0].authorization, sent[1].authorization);
}
