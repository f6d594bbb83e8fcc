//! The control path: faults, clock, journal, counters and revocation lists while the simulator runs.

use num_bigint::BigUint;
use pki_test::algorithm::KeyAlgorithm;
use pki_test::authority::Authority;
use pki_test::certificate::SerialNumber;
use pki_test::revocation::{RevocationList, RevocationListSpec, RevokedCertificate};
use pki_test::simulator::{RevocationListError, Simulator};
use pki_test::verifier::{ReceivedRequest, TrustAnchor, TrustAnchorError};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::client::Received;
use super::identity::{Identity, NOW, issuing_authority};
use super::vectors::ANCHOR;
use super::world::World;

fn request(method: &str, resource: &str, token: Option<&str>, body: &[u8]) -> ReceivedRequest {
    let mut headers = vec![("Host".to_owned(), b"127.0.0.1".to_vec())];
    headers.extend(token.map(|token| ("X-Simulator-Token".to_owned(), token.as_bytes().to_vec())));
    ReceivedRequest {
        source_address: None,
        method: method.to_owned(),
        target: format!("/_simulator/{resource}"),
        headers,
        body: body.to_vec(),
    }
}

fn control(world: &World, method: &str, resource: &str, body: &Value) -> Received {
    let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
    world.send(&request(method, resource, Some(world.simulator.control_token()), &body))
}

/// Returns the document of a control request that must succeed.
fn done(world: &World, method: &str, resource: &str, body: &Value) -> Value {
    let answer = control(world, method, resource, body);
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}

fn refused(answer: &Received, status: u16, error: &str) {
    assert_eq!((answer.status, answer.json()["error"].as_str()), (status, Some(error)), "{}", answer.text());
}

#[test]
fn without_the_token_nothing_is_told_or_changed() {
    let world = World::start(|_| {});
    let other = World::start(|_| {});
    let own = world.simulator.control_token().to_owned();
    assert_eq!(own.len(), 64);
    for token in [None, Some(""), Some("x"), Some(other.simulator.control_token()), Some(&own[1..])] {
        for (method, resource) in [
            ("GET", "journal"),
            ("GET", "nothing"),
            ("PUT", "faults"),
            ("DELETE", "journal"),
            ("OPTIONS", "faults"),
        ] {
            let answer = world.send(&request(method, resource, token, br#"{"faults":["hang"]}"#));
            refused(&answer, 403, "control-token");
            assert!(!answer.text().contains(&own));
            let allowed = |(name, _): &(String, String)| name.starts_with("access-control-");
            assert!(!answer.headers.iter().any(allowed), "no other origin is let in");
        }
    }
    assert_eq!(world.session().status, 201);
    assert_eq!(world.simulator.journal().len(), 1, "control requests are not in the journal");
    assert!(!format!("{:?}", world.simulator).contains(&own));
}

#[test]
fn faults_are_played_once_n_times_or_until_they_are_cleared() {
    let world = World::start(|_| {});
    let faults = json!({ "faults": ["throttle=3x1", "status=503x2"] });
    assert_eq!(done(&world, "PUT", "faults", &faults), faults);
    let statuses: Vec<u16> = (0..2).map(|_| world.session().status).collect();
    assert_eq!(statuses, [429, 503]);
    assert_eq!(done(&world, "GET", "faults", &Value::Null), json!({ "faults": ["status=503x1"] }));
    let statuses: Vec<u16> = (0..2).map(|_| world.session().status).collect();
    assert_eq!(statuses, [503, 201]);
    done(&world, "PUT", "faults", &json!({ "faults": ["deny=certificate-revoked"] }));
    assert_eq!(world.session().error().1, "Certificate revoked");
    assert_eq!(done(&world, "DELETE", "faults", &Value::Null), json!({ "faults": [] }));
    assert_eq!(world.session().status, 201);
    for (faults, error) in [
        (json!({ "faults": ["hangs"] }), "control-fault"),
        (json!({ "faults": ["status=200"] }), "control-fault"),
        (json!({ "faults": vec!["hang"; 101] }), "control-faults-too-many"),
        (json!({ "fault": "hang" }), "control-body"),
        (json!({ "faults": [], "more": 1 }), "control-body"),
        (json!([]), "control-body"),
        (Value::Null, "control-body"),
    ] {
        refused(&control(&world, "PUT", "faults", &faults), 400, error);
    }
    assert_eq!(world.session().status, 201, "a refused change changes nothing");
}

#[test]
fn the_clock_is_moved_and_put_back() {
    let world = World::start(|_| {});
    let moved = done(&world, "PUT", "clock", &json!({ "offset": "+10m" }));
    assert_eq!(moved, json!({ "now": "2026-11-23T16:30:00Z", "offset_seconds": 600.0 }));
    let answer = world.session();
    assert_eq!(answer.header("date"), Some("Mon, 23 Nov 2026 16:30:00 GMT"));
    assert_eq!(world.last_rule(), "clock-skew");
    assert_eq!(done(&world, "GET", "clock", &Value::Null)["offset_seconds"], 600.0);
    done(&world, "DELETE", "clock", &Value::Null);
    assert_eq!(world.session().status, 201);
    for offset in ["", "soon", "+10 m", "2000y"] {
        let answer = control(&world, "PUT", "clock", &json!({ "offset": offset }));
        refused(&answer, 400, "control-clock");
    }
    done(&world, "PUT", "clock", &json!({ "offset": "-1000y" }));
    assert_eq!(world.session().status, 403);
}

#[test]
fn the_journal_and_the_counters_are_told_as_json() {
    let world = World::start(|_| {});
    world.session();
    let mut draft = world.draft();
    draft.credential = "1".to_owned();
    world.ask(&draft);
    let entries = done(&world, "GET", "journal", &Value::Null)["entries"].clone();
    let own: Vec<Value> = world
        .simulator
        .journal()
        .iter()
        .map(|entry| serde_json::from_str(&entry.render()).unwrap())
        .collect();
    assert_eq!(entries, json!(own));
    assert_eq!(entries[0]["session_tags"]["x509Subject/CN"], "build-17");
    assert_eq!(entries[1]["rule"], "serial-mismatch");
    let counters = done(&world, "GET", "counters", &Value::Null);
    assert_eq!(
        (&counters["sessions_created"], &counters["sessions_requested"], &counters["journal_entries"]),
        (&json!(1), &json!(2), &json!(2))
    );
    assert_eq!(done(&world, "DELETE", "journal", &Value::Null), json!({ "entries": [] }));
    assert!(world.simulator.journal().is_empty());
}

#[test]
fn what_a_resource_does_not_have_is_refused() {
    let world = World::start(|_| {});
    for resource in ["", "fault", "journal/1", "../sessions"] {
        refused(&control(&world, "GET", resource, &Value::Null), 404, "control-resource");
    }
    for (method, resource) in
        [("POST", "faults"), ("PUT", "journal"), ("PUT", "counters"), ("GET", "revocation-lists")]
    {
        refused(&control(&world, method, resource, &Value::Null), 405, "control-method");
    }
}

fn revocation_list(authority: &Authority, number: u64, serials: &[u8]) -> RevocationList {
    let revoked = serials
        .iter()
        .map(|serial| RevokedCertificate {
            serial: SerialNumber::new(&[0x0a, *serial]).unwrap(),
            revoked_at: NOW,
            reason: None,
        })
        .collect();
    let (this_update, next_update) = (NOW, NOW + time::Duration::DAY);
    authority.revocation_list(&RevocationListSpec { number, this_update, next_update, revoked }).unwrap()
}

#[test]
fn a_certificate_is_accepted_until_a_list_revokes_it() {
    let issuing = issuing_authority(KeyAlgorithm::EcP256);
    let identity = Identity::issued_by(&issuing, KeyAlgorithm::EcP256, "build-17");
    assert_eq!(identity.serial, BigUint::from(0x0abc_u32).to_string());
    let world = World::of(identity, |settings| {
        settings.trust_anchors =
            vec![TrustAnchor::new(ANCHOR, &[issuing.authority.certificate_der()]).unwrap()];
    });
    assert_eq!(world.session().status, 201);
    let import = |list: &RevocationList| {
        done(&world, "PUT", "revocation-lists", &json!({ "trust_anchor_arn": ANCHOR, "pem": list.pem() }))
    };
    import(&revocation_list(&issuing.authority, 1, &[0xbd]));
    assert_eq!(world.session().status, 201, "another one is revoked");
    import(&revocation_list(&issuing.authority, 2, &[0xbd, 0xbc]));
    let revoked = ("AccessDeniedException".to_owned(), "Certificate revoked".to_owned());
    assert_eq!(world.session().error(), revoked);
    assert_eq!(world.last_rule(), "revoked");
    import(&revocation_list(&issuing.authority, 3, &[]));
    assert_eq!(world.session().status, 201, "a newer list takes the place of the older");
    import_by_the_library(&world.simulator, &issuing.authority);
    assert_eq!(world.session().error(), revoked);
    for (arn, pem) in [
        (ANCHOR, revocation_list(&issuing.root, 1, &[]).pem()),
        (ANCHOR, "no list".to_owned()),
        (&ANCHOR.replace("0001", "0009"), revocation_list(&issuing.authority, 4, &[]).pem()),
        ("anchor", revocation_list(&issuing.authority, 4, &[]).pem()),
    ] {
        let body = json!({ "trust_anchor_arn": arn, "pem": pem });
        refused(&control(&world, "PUT", "revocation-lists", &body), 400, "control-revocation-list");
    }
    assert_eq!(world.session().error(), revoked, "a refused list changes nothing");
}

fn import_by_the_library(simulator: &Simulator, authority: &Authority) {
    let list = revocation_list(authority, 4, &[0xbc]);
    simulator.import_revocation_list(ANCHOR, list.der()).unwrap();
    let refusal = simulator.import_revocation_list(ANCHOR, b"list").unwrap_err();
    assert_eq!(refusal, RevocationListError::List(TrustAnchorError::RevocationListMalformed));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_body_makes_the_control_path_panic(body in any::<Vec<u8>>(), text in "\\{\"(faults|offset)\":.*\\}") {
        let world = World::start(|_| {});
        let token = world.simulator.control_token();
        for resource in ["faults", "clock", "revocation-lists"] {
            for body in [body.as_slice(), text.as_bytes()] {
                let answer = world.send(&request("PUT", resource, Some(token), body));
                prop_assert!(matches!(answer.status, 200 | 400));
            }
        }
    }
}
