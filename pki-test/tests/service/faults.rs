//! Each fault, as a client meets it.

use std::io::{ErrorKind, Read as _};
use std::time::{Duration, Instant};

use pki_test::simulator::{Fault, FaultError, Verdict};
use pki_test::verifier::Denial;

use super::client::{connect, exchange, send, wire_form};
use super::draft::Draft;
use super::identity::NOW;
use super::vectors::ROLE;
use super::world::World;

/// Creates a session under one fault and returns the answer's document.
fn document(fault: &str) -> serde_json::Value {
    let answer = World::with_faults(&[fault]).session();
    assert_eq!(answer.status, 201, "{fault}");
    answer.json()
}

#[test]
fn the_grammar_is_read_and_written() {
    for text in [
        "bad-token=newline",
        "clock=+600000ms",
        "clock=-30000ms",
        "cut-body",
        "deny=untrusted-certificate",
        "empty-set",
        "expiration=+315360000000ms",
        "foreign-role",
        "hang",
        "html=403",
        "latency=250ms",
        "missing=sessionToken",
        "redirect",
        "redirect=http://127.0.0.1:9/x",
        "reset",
        "session-length=90000ms",
        "status=500",
        "throttle",
        "throttle=2",
        "wrong-json",
    ] {
        assert_eq!(text.parse::<Fault>().unwrap().to_string(), text);
        let counted = format!("{text}x3");
        let fault: Fault = counted.parse().unwrap();
        assert_eq!((fault.first, fault.to_string()), (Some(3), counted));
    }
    for (short, long) in [
        ("latency=2s", "latency=2000ms"),
        ("latency=2", "latency=2000ms"),
        ("clock=10m", "clock=+600000ms"),
        ("expiration=+10y", "expiration=+315360000000ms"),
        ("session-length=1h", "session-length=3600000ms"),
    ] {
        assert_eq!(short.parse::<Fault>(), long.parse());
    }
    for text in [
        "",
        "x1",
        "nothing",
        "hang=1",
        "html",
        "html=200",
        "status=403",
        "status=500x",
        "status=500x-1",
        "latency=",
        "latency=1w",
        "latency=99999999999999999y",
        "missing=everything",
        "deny=x",
        "throttle=soon",
        "redirect=ftp://a",
        "clock=+-1s",
        "bad-token=",
    ] {
        assert!(text.parse::<Fault>().is_err(), "{text}");
    }
    assert_eq!("nothing".parse::<Fault>(), Err(FaultError::Unknown));
}

#[test]
fn each_denial_can_be_had_on_demand() {
    for denial in Denial::ALL {
        let answer = World::with_faults(&[&format!("deny={}", denial.id())]).session();
        assert_eq!(answer.status, denial.status());
        let (code, message) = answer.error();
        assert_eq!(code, denial.code());
        assert_eq!(message, denial.message(ROLE, "The request is not valid."));
    }
}

#[test]
fn statuses_and_pages_of_others() {
    for (fault, status, code) in [
        ("status=500", 500, Some("InternalServerException")),
        ("status=503", 503, Some("ServiceUnavailableException")),
        ("html=403", 403, None),
        ("html=502", 502, None),
        ("throttle", 429, Some("ThrottlingException")),
    ] {
        let answer = World::with_faults(&[fault]).session();
        assert_eq!((answer.status, answer.header("x-amzn-errortype")), (status, code), "{fault}");
        assert_eq!(answer.header("retry-after"), None);
        assert_eq!(answer.text().starts_with("<html>"), fault.starts_with("html"));
    }
    let answer = World::with_faults(&["throttle=7"]).session();
    assert_eq!((answer.status, answer.header("retry-after")), (429, Some("7")));
    let answer = World::with_faults(&["redirect=http://127.0.0.1:9/x"]).session();
    assert_eq!((answer.status, answer.header("location")), (307, Some("http://127.0.0.1:9/x")));
}

#[test]
fn answers_that_lack_something_or_have_too_much() {
    assert_eq!(document("empty-set")["credentialSet"], serde_json::json!([]));
    for (field, place) in [
        ("sessionToken", "/credentialSet/0/credentials/sessionToken"),
        ("accessKeyId", "/credentialSet/0/credentials/accessKeyId"),
        ("credentials", "/credentialSet/0/credentials"),
        ("roleArn", "/credentialSet/0/roleArn"),
        ("credentialSet", "/credentialSet"),
        ("subjectArn", "/subjectArn"),
    ] {
        assert!(document("cut-bodyx0").pointer(place).is_some());
        assert_eq!(document(&format!("missing={field}")).pointer(place), None);
    }
    let role = &document("foreign-role")["credentialSet"][0]["roleArn"];
    assert_eq!(role, "arn:aws:iam::444455556666:role/foreign");
    for (fault, tail) in [("newline", "\n"), ("shell", "$("), ("escape", "\u{1b}")] {
        let json = document(&format!("bad-token={fault}"));
        assert!(json["credentialSet"][0]["credentials"]["sessionToken"].as_str().unwrap().contains(tail));
    }
    let expiration = |fault| document(fault)["credentialSet"][0]["credentials"]["expiration"].clone();
    assert_eq!(expiration("expiration=+1h"), "2026-11-23T17:20:00Z");
    assert_eq!(expiration("expiration=+3650d"), "2036-11-20T16:20:00Z");
    assert_eq!(expiration("expiration=-1m"), "2026-11-23T16:19:00Z");
    assert_eq!(expiration("session-length=90s"), "2026-11-23T16:21:30Z");
    let answer = World::with_faults(&["wrong-json"]).session();
    assert_eq!(answer.status, 201);
    assert!(serde_json::from_slice::<serde_json::Value>(&answer.body).is_err());
}

#[test]
fn connections_that_end_or_stay_open() {
    let ended = |fault: &str| {
        let world = World::with_faults(&[fault]);
        let request = world.draft().sign(&world.identity);
        let error = send(&world.simulator.http_endpoint(), &request).unwrap_err();
        (error.kind(), world.simulator.journal().pop().unwrap())
    };
    let (kind, entry) = ended("reset");
    assert_eq!((kind, entry.status), (ErrorKind::ConnectionReset, None));
    assert_eq!(entry.verdict, Verdict::Fault { fault: "reset".to_owned() });
    let (kind, entry) = ended("cut-body");
    assert_eq!((kind, entry.status), (ErrorKind::UnexpectedEof, Some(201)));

    let world = World::with_faults(&["hang"]);
    let mut stream = connect(&world.simulator.http_endpoint());
    stream.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
    let request = wire_form(&world.draft().sign(&world.identity));
    let kind = exchange(&mut stream, &request).unwrap_err().kind();
    assert!(matches!(kind, ErrorKind::WouldBlock | ErrorKind::TimedOut), "{kind:?}");
    world.simulator.stop();
    assert_eq!(stream.read(&mut [0; 1]).unwrap_or(0), 0);
}

#[test]
fn late_answers_are_late() {
    let world = World::with_faults(&["latency=150ms"]);
    let start = Instant::now();
    assert_eq!(world.session().status, 201);
    assert!(start.elapsed() >= Duration::from_millis(150));
}

#[test]
fn faults_end_after_their_count_and_follow_each_other() {
    let world = World::with_faults(&["status=500x1", "throttle=1x2", "latency=1ms"]);
    let statuses: Vec<u16> = (0..5).map(|_| world.session().status).collect();
    assert_eq!(statuses, [500, 429, 429, 201, 201]);
    assert_eq!((world.simulator.sessions_requested(), world.simulator.sessions_created()), (5, 2));
}

#[test]
fn a_wrong_clock_shows_in_the_date_and_in_the_judgement() {
    let world = World::with_faults(&["clock=+10mx2"]);
    let answer = world.session();
    assert_eq!(answer.error().1, "Invalid signature");
    assert_eq!(answer.header("date"), Some("Mon, 23 Nov 2026 16:30:00 GMT"));
    let mut draft: Draft = world.draft();
    draft.set_time(NOW + time::Duration::minutes(10));
    assert_eq!(world.ask(&draft).status, 201);
    assert_eq!(world.session().status, 201, "the fault is over");
}
