//! CreateSession over the wire: the answer, the policy, the messages, the journal.

use std::fs;
use std::sync::{Arc, mpsc};
use std::time::Duration;

use pki_test::simulator::{
    EntryObserver, ForeignSession, JournalEntry, Operation, Profile, SessionIssuer, SimulatorSettings,
    Verdict,
};
use pki_test::verifier::ReceivedRequest;

use super::client::Received;
use super::draft::Draft;
use super::identity::NOW;
use super::vectors::{ANCHOR, PROFILE, ROLE};
use super::world::World;

/// Asserts an error of the service and the precise rule in the journal.
fn denied(world: &World, answer: &Received, status: u16, code: &str, message: &str, rule: &str) {
    assert_eq!(answer.status, status, "{}", answer.text());
    assert_eq!(answer.error(), (code.to_owned(), message.to_owned()));
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(answer.header("x-amzn-requestid").map(str::len), Some(36));
    let entry = world.simulator.journal().pop().unwrap();
    assert_eq!(entry.status, Some(status));
    match entry.verdict {
        Verdict::Refused { code: noted, rule: broken, .. } => {
            assert_eq!((noted.as_str(), broken.as_str()), (code, rule))
        }
        verdict @ (Verdict::Accepted | Verdict::Fault { .. } | Verdict::Throttled) => panic!("{verdict:?}"),
    }
}

fn access_denied(world: &World, draft: &Draft, message: &str, rule: &str) {
    denied(world, &world.ask(draft), 403, "AccessDeniedException", message, rule);
}

#[test]
fn a_session_has_the_documented_form() {
    let world = World::start(|_| {});
    let answer = world.session();
    assert_eq!(answer.status, 201);
    assert_eq!(answer.header("date"), Some("Mon, 23 Nov 2026 16:20:00 GMT"));
    let json = answer.json();
    let entry = &json["credentialSet"][0];
    let arn = "arn:aws:sts::111122223333:assumed-role/build+deploy/0abc";
    assert_eq!(entry["assumedRoleUser"]["arn"], arn);
    let id = entry["assumedRoleUser"]["assumedRoleId"].as_str().unwrap();
    assert!(id.starts_with("AROA") && id.ends_with(":0abc") && id.len() == 26, "{id}");
    assert_eq!(entry["credentials"]["expiration"], "2026-11-23T17:20:00Z");
    assert!(entry["credentials"]["accessKeyId"].as_str().unwrap().starts_with("ASIA"));
    assert_eq!(entry["credentials"]["secretAccessKey"].as_str().unwrap().len(), 40);
    assert_eq!(entry["roleArn"], ROLE);
    assert_eq!(entry["sourceIdentity"], "CN=build-17");
    assert!(entry["packedPolicySize"].is_u64());
    let subject = json["subjectArn"].as_str().unwrap();
    assert!(subject.starts_with("arn:aws:rolesanywhere:eu-central-1:111122223333:subject/"), "{subject}");
    assert_eq!(json["credentialSet"].as_array().unwrap().len(), 1);
    assert_eq!(world.session().json()["subjectArn"], subject);
    assert_eq!(world.simulator.sessions_created(), 2);
}

#[test]
fn the_duration_is_the_lesser_of_profile_and_request_and_bounded_by_the_role() {
    let hours = |count: u64| Duration::from_secs(count * 3_600);
    let with = |profile, role| {
        World::start(move |settings| {
            settings.profiles[0].duration = profile;
            settings.roles[0].max_session_duration = role;
        })
    };
    let expiration = |world: &World, body: &str| {
        let mut draft = world.draft();
        draft.body = body.as_bytes().to_vec();
        let answer = world.ask(&draft);
        assert_eq!(answer.status, 201, "{}", answer.text());
        answer.json()["credentialSet"][0]["credentials"]["expiration"].as_str().unwrap().to_owned()
    };
    let world = with(hours(2), hours(12));
    assert_eq!(expiration(&world, r#"{"durationSeconds":900}"#), "2026-11-23T16:35:00Z");
    assert_eq!(expiration(&world, r#"{"durationSeconds":43200}"#), "2026-11-23T18:20:00Z");
    assert_eq!(expiration(&world, ""), "2026-11-23T18:20:00Z");
    let world = with(hours(2), hours(1));
    assert_eq!(expiration(&world, r#"{"durationSeconds":3600}"#), "2026-11-23T17:20:00Z");
    let mut draft = world.draft();
    draft.body = b"{}".to_vec();
    let message = format!(
        "Unable to assume role for {ROLE}: The requested DurationSeconds exceeds the MaxSessionDuration set for this role."
    );
    access_denied(&world, &draft, &message, "duration-too-long");
}

#[test]
fn each_message_of_the_service_has_its_cause() {
    let world = World::start(|_| {});
    let mut draft = world.draft();
    draft.credential = "1".to_owned();
    access_denied(&world, &draft, "Invalid signature", "serial-mismatch");
    let mut draft = world.draft();
    draft.headers.remove("x-amz-x509-chain");
    access_denied(&world, &draft, "Untrusted signing certificate", "issuer-not-found");
    let mut draft = world.draft();
    draft.set_header("x-amz-x509", draft.headers["x-amz-x509-chain"].clone().as_str());
    access_denied(&world, &draft, "Untrusted certificate. Insufficient certificate", "end-entity/is-ca");
    let mut draft = world.draft();
    draft.set_parameter("trustAnchorArn", &ANCHOR.replace("0001", "0003"));
    let message = "Specified Trust Anchor wasn't found.";
    denied(&world, &world.ask(&draft), 404, "ResourceNotFoundException", message, "trust-anchor-unknown");
    let mut draft = world.draft();
    draft.body = br#"{"durationSeconds":1}"#.to_vec();
    let message = "durationSeconds is '1', and must be 900 to 43200";
    denied(&world, &world.ask(&draft), 400, "ValidationException", message, "parameter-range");
    for (from, to, message, rule) in [
        ("0002", "0005", "Invalid or empty profile provided.", "profile-unknown"),
        ("eu-central-1", "eu-west-1", "Invalid or empty profile provided.", "profile-region"),
        ("111122223333", "444455556666", "Invalid or empty profile provided.", "profile-account"),
    ] {
        let mut draft = world.draft();
        draft.set_parameter("profileArn", &PROFILE.replace(from, to));
        access_denied(&world, &draft, message, rule);
    }
    let mut draft = world.draft();
    draft.set_parameter("roleArn", "arn:aws:iam::111122223333:role/other");
    let message = "Requested Role isn't one of those listed in the Profile.";
    access_denied(&world, &draft, message, "role-not-in-profile");
}

#[test]
fn the_profile_and_the_role_have_their_say() {
    let refused_by = |change: fn(&mut SimulatorSettings), message: &str, rule: &str| {
        let world = World::start(change);
        access_denied(&world, &world.draft(), message, rule);
    };
    let profile = "Invalid or empty profile provided.";
    refused_by(|settings| settings.profiles[0].enabled = false, profile, "profile-disabled");
    refused_by(|settings| settings.profiles[0].role_arns.clear(), profile, "profile-empty");
    let unable = format!("Unable to assume role for {ROLE}");
    refused_by(|settings| settings.roles.clear(), &unable, "role-unknown");
    let world = World::start(|settings| {
        let foreign = "arn:aws:iam::444455556666:role/build";
        settings.profiles = vec![Profile::new(PROFILE, &[foreign]).unwrap()];
    });
    let mut draft = world.draft();
    draft.set_parameter("roleArn", "arn:aws:iam::444455556666:role/build");
    access_denied(
        &world,
        &draft,
        "Unable to assume role for arn:aws:iam::444455556666:role/build",
        "role-account",
    );
}

#[test]
fn a_role_session_name_needs_the_profiles_consent() {
    let named = |world: &World| {
        let mut draft = world.draft();
        draft.body = br#"{"roleSessionName":"build-17@ci"}"#.to_vec();
        draft
    };
    let world = World::start(|_| {});
    let json = world.ask(&named(&world)).json();
    let arn = "arn:aws:sts::111122223333:assumed-role/build+deploy/build-17@ci";
    assert_eq!(json["credentialSet"][0]["assumedRoleUser"]["arn"], arn);
    let world = World::start(|settings| settings.profiles[0].accept_role_session_name = false);
    access_denied(
        &world,
        &named(&world),
        "Not authorized to set roleSessionName",
        "session-name-not-accepted",
    );
}

#[test]
fn alias_arns_find_their_resources() {
    let world = World::start(|_| {});
    let base = "arn:aws:rolesanywhere:eu-central-1:111122223333:alias";
    let mut draft = world.draft();
    draft.set_parameter("trustAnchorArn", &format!("{base}/trust-anchor/fleet"));
    draft.set_parameter("profileArn", &format!("{base}/profile/builders"));
    assert_eq!(world.ask(&draft).status, 201);
    draft.set_parameter("profileArn", &format!("{base}/profile/fleet"));
    access_denied(&world, &draft, "Invalid or empty profile provided.", "profile-unknown");
}

#[test]
fn anything_else_is_404_as_at_the_service() {
    let world = World::start(|_| {});
    for (method, target) in [("GET", "/"), ("GET", "/sessions"), ("PUT", "/sessions"), ("POST", "/session")] {
        let request = ReceivedRequest {
            source_address: None,
            method: method.to_owned(),
            target: target.to_owned(),
            headers: vec![("Host".to_owned(), b"127.0.0.1".to_vec())],
            body: Vec::new(),
        };
        assert_eq!(world.send(&request).status, 404, "{method} {target}");
    }
    assert_eq!(world.simulator.journal()[0].operation, Operation::Unknown);
}

#[test]
fn the_journal_tells_who_asked_and_keeps_no_signature() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("journal");
    let world = World::start(|settings| settings.journal_file = Some(file.clone()));
    let request = world.draft().sign(&world.identity);
    let answer = world.send(&request);
    let entry = world.simulator.journal().pop().unwrap();
    let JournalEntry { serial, subject, role, session_name, duration_seconds, .. } = &entry;
    assert_eq!(serial.as_deref(), Some("2748"));
    assert_eq!(subject.as_deref(), Some("CN=build-17"));
    assert_eq!(role.as_deref(), Some(ROLE));
    assert_eq!((session_name.as_deref(), *duration_seconds), (Some("0abc"), Some(3600)));
    assert_eq!((entry.path.as_str(), entry.time.as_str()), ("/sessions", "2026-11-23T16:20:00Z"));
    let authorization = request.header_values("authorization").next().unwrap().to_vec();
    let signature = String::from_utf8(authorization).unwrap().split_once("Signature=").unwrap().1.to_owned();
    let text = fs::read_to_string(&file).unwrap();
    assert_eq!(text, entry.render() + "\n");
    let credentials = answer.json()["credentialSet"][0]["credentials"].clone();
    for secret in [
        &signature,
        credentials["secretAccessKey"].as_str().unwrap(),
        credentials["sessionToken"].as_str().unwrap(),
    ] {
        assert!(!text.contains(secret));
    }
    let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &hex::decode(&signature).unwrap());
    assert_eq!(entry.signature_sha256, Some(hex::encode(hash)));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    }
    let full = World::start(|settings| settings.journal_full = true);
    full.session();
    assert!(full.simulator.journal()[0].signature.is_some());
}

#[test]
fn a_simulator_like_the_service_notes_anomalies_and_tells_its_observer() {
    let (told, heard) = mpsc::channel();
    let world = World::start(|settings| {
        *settings = settings.clone().like_the_service();
        settings.observer = Some(EntryObserver(Arc::new(move |entry| told.send(entry.clone()).unwrap())));
    });
    let mut draft = world.draft();
    let value = draft.headers.remove("x-amz-x509").unwrap();
    draft.unsigned.push(("x-amz-x509".to_owned(), value));
    assert_eq!(world.ask(&draft).status, 201);
    let entry = heard.recv().unwrap();
    assert_eq!(entry.anomalies, ["header-not-signed"]);
    let line: serde_json::Value = serde_json::from_str(&entry.render()).unwrap();
    assert_eq!(line["additionalEventData"], serde_json::json!({ "headersNotSigned": ["x-amz-x509"] }));
    assert_eq!([entry], *world.simulator.journal());
    let mut draft = world.draft();
    draft.algorithm = "AWS4-X509-RSA-SHA256".to_owned();
    assert_eq!(world.ask(&draft).status, 201);
    let line: serde_json::Value = serde_json::from_str(&world.last_entry().render()).unwrap();
    let expected = serde_json::json!({
        "declaredAlgorithm": "AWS4-X509-RSA-SHA256",
        "expectedAlgorithm": "AWS4-X509-ECDSA-SHA256",
    });
    assert_eq!(line["additionalEventData"], expected);
    assert_eq!(world.session().status, 201);
    assert_eq!(world.last_entry().additional_event_data, None);
}

#[test]
fn somebody_else_may_issue_the_session() {
    let world = World::start(|settings| {
        settings.issuer = Some(SessionIssuer(Arc::new(|granted| {
            assert_eq!(granted.role_arn.to_string(), ROLE);
            Some(ForeignSession {
                access_key_id: "ASIAEXAMPLEEXAMPLE00".to_owned(),
                secret_access_key: "a secret of somebody else".to_owned().into(),
                session_token: "a token of somebody else".to_owned().into(),
                expiration: NOW + granted.duration,
            })
        })));
    });
    let answer = world.session();
    let credentials = &answer.json()["credentialSet"][0]["credentials"];
    assert_eq!(credentials["accessKeyId"], "ASIAEXAMPLEEXAMPLE00");
    assert_eq!(credentials["secretAccessKey"], "a secret of somebody else");
    assert_eq!(credentials["sessionToken"], "a token of somebody else");
    assert_eq!(credentials["expiration"], "2026-11-23T17:20:00Z");
    assert_eq!(world.simulator.sessions_created(), 1);
}

#[test]
fn an_issuer_that_fails_is_a_failure_of_the_service() {
    let world = World::start(|settings| settings.issuer = Some(SessionIssuer(Arc::new(|_| None))));
    assert_eq!(world.session().status, 500);
    assert_eq!(world.simulator.sessions_created(), 0);
}
