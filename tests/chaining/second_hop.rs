//! The second hop.

use std::fs;

use pki_test::simulator::{Operation, SimulatorClock, Verdict};
use serde_json::Value;
use time::{Duration, OffsetDateTime};

use super::host::{ACTIONS, CONDITION, EXTERNAL_ID, Host, SECOND_ROLE, trust_policy};

#[test]
fn a_second_hop_leads_into_another_account() {
    let host = Host::new(trust_policy(ACTIONS, CONDITION));
    host.configure(&format!(
        "external_id = \"{EXTERNAL_ID}\"\nassume_role_tag = [\"team=red + blue\", \"stage=Prüfung\"]\n\
         assume_role_duration = \"15m\"\nassume_role_session_name = \"nightly@ci\""
    ));
    let document = host.json(&["credential-process", "audit"]);
    assert_eq!(document["Version"], 1);
    assert_eq!(document["AccountId"], "444455556666", "the second role's account");
    let entry = host.entries(Operation::SecurityTokenService).pop().unwrap();
    assert_eq!(entry.verdict, Verdict::Accepted, "{entry:?}");
    let who = host.json(&["whoami", "audit", "--json"]);
    assert_eq!((&who["anyrole"], &who["kind"]), (&Value::from(1), &Value::from("whoami")));
    assert_eq!(who["data"]["account"], "444455556666");
    assert_eq!(who["data"]["arn"], "arn:aws:sts::444455556666:assumed-role/read-only/nightly@ci");
    let text = String::from_utf8(host.run(&["whoami", "audit"]).stdout).unwrap();
    assert!(
        text.starts_with("account  444455556666\narn      arn:aws:sts::444455556666:assumed-role/"),
        "{text}"
    );
    let expiration = document["Expiration"].as_str().unwrap();
    let format = &time::format_description::well_known::Rfc3339;
    let left = OffsetDateTime::parse(expiration, format).unwrap() - OffsetDateTime::now_utc();
    assert!(left <= Duration::minutes(15) && left > Duration::minutes(13), "{left}");
}

#[test]
fn each_hop_has_its_own_entry_and_the_second_starts_from_the_first() {
    let host = Host::new(trust_policy(ACTIONS, CONDITION));
    let first = host.json(&["credential-process", "deploy"]);
    assert_eq!(host.requests(), (1, 0));
    let second = host.json(&["credential-process", "audit"]);
    assert_eq!(host.requests(), (1, 1), "the first hop came from the cache");
    assert_ne!(first["AccessKeyId"], second["AccessKeyId"]);
    assert_eq!(host.json(&["credential-process", "audit"]), second);
    assert_eq!(host.json(&["credential-process", "deploy"]), first);
    assert_eq!(host.requests(), (1, 1), "both are kept");
    // Another duration is another session of the second role, and the same one of the first.
    host.json(&["credential-process", "audit", "--assume-role-duration", "30m"]);
    assert_eq!(host.requests(), (1, 2));
    host.json(&["credential-process", "audit", "--no-cache"]);
    assert_eq!(host.requests(), (2, 3));
    let kept = fs::read_dir(host.path(".local/state/anyrole")).unwrap();
    for file in kept.map(|entry| entry.unwrap().path()).filter(|path| path.is_file()) {
        let bytes = fs::read(&file).unwrap();
        assert!(!bytes.windows(6).any(|window| window == b"canary"), "{}", file.display());
    }
}

#[test]
fn the_second_session_is_named_after_the_first() {
    let host = Host::new(trust_policy(ACTIONS, CONDITION));
    let first = host.json(&["whoami", "deploy", "--json", "--sts-endpoint", &host.simulator.http_endpoint()]);
    let second = host.json(&["whoami", "audit", "--json"]);
    let name = |who: &Value| who["data"]["arn"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
    assert_eq!(name(&first), name(&second));
    assert_eq!(first["data"]["account"], "111122223333");
    assert_eq!(host.requests().0, 1);
}

#[test]
fn flags_and_variables_make_a_second_hop_too() {
    let host = Host::new(trust_policy(ACTIONS, CONDITION));
    let endpoint = host.simulator.http_endpoint();
    let flags = [
        "credential-process",
        "deploy",
        "--assume-role-arn",
        SECOND_ROLE,
        "--external-id",
        EXTERNAL_ID,
        "--assume-role-tag=team=blue",
        "--assume-role-tag=stage=test",
        "--sts-endpoint",
        &endpoint,
    ];
    assert_eq!(host.json(&flags)["AccountId"], "444455556666");
    let variables = [
        ("ANYROLE_ASSUME_ROLE_ARN", SECOND_ROLE),
        ("ANYROLE_EXTERNAL_ID", EXTERNAL_ID),
        ("AWS_ENDPOINT_URL_STS", &endpoint),
    ];
    let account = |arguments: &[&str], session: &[(&str, &str)]| -> Value {
        let mut command = host.command(arguments);
        let output = command.envs(variables).envs(session.iter().copied()).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice::<Value>(&output.stdout).unwrap()["AccountId"].clone()
    };
    assert_eq!(account(&["credential-process"], &[("ANYROLE_SESSION", "deploy")]), "444455556666");
    let named = account(&["credential-process", "deploy"], &[]);
    assert_eq!(named, "111122223333", "no variable turns a named session into another account");
}

#[test]
fn what_the_trust_policy_lacks_is_told() {
    let host = Host::new(trust_policy(r#""sts:AssumeRole", "sts:SetSourceIdentity""#, ""));
    let told = host.refused(&["credential-process", "audit"]);
    assert!(
        told.starts_with("anyrole: error: STS refused AssumeRole (AccessDenied) [sts-assume-role-denied]\n"),
        "{told}"
    );
    assert!(told.contains("sts:TagSession") && told.contains(SECOND_ROLE), "{told}");
    assert!(told.lines().count() <= 6, "{told}");

    let host = Host::new(trust_policy(r#""sts:AssumeRole", "sts:TagSession""#, ""));
    let told = host.refused(&["credential-process", "audit"]);
    assert!(told.contains("[sts-assume-role-denied]") && told.contains("sts:SetSourceIdentity"), "{told}");

    let host = Host::new(trust_policy(ACTIONS, CONDITION));
    host.configure("");
    let told = host.refused(&["credential-process", "audit"]);
    assert!(told.contains("an ExternalId condition needs --external-id"), "{told}");
    host.configure("external_id = \"canary:another\"");
    let told = host.refused(&["credential-process", "audit"]);
    assert!(told.contains("with this external id"), "{told}");
    // After a refusal nobody asks again for a while, but a first hop is still to be had.
    let before = host.requests();
    host.refused(&["credential-process", "audit"]);
    assert_eq!(host.requests(), before);
    host.json(&["credential-process", "deploy"]);
    assert_eq!(host.requests(), before);
}

#[test]
fn tags_of_the_certificate_cannot_be_changed() {
    let host = Host::new(trust_policy(ACTIONS, CONDITION));
    let told = host.refused(&["credential-process", "audit", "--assume-role-tag", "x509Subject/CN=other"]);
    assert!(told.contains("STS refused AssumeRole"), "{told}: {:?}", host.last_verdict());
    assert!(told.contains("[sts-tags-refused]"), "{told}: {:?}", host.last_verdict());
}

#[test]
fn a_wrong_clock_is_corrected_for_each_hop() {
    let ahead = SimulatorClock(std::sync::Arc::new(|| OffsetDateTime::now_utc() + Duration::hours(3)));
    let host = Host::with(trust_policy(ACTIONS, CONDITION), |settings| settings.clock = ahead);
    let document = host.json(&["credential-process", "audit", "--no-cache"]);
    assert_eq!(document["AccountId"], "444455556666");
    assert_eq!(host.requests(), (2, 2), "each is asked a second time with the corrected time");
}
