//! What ends sessions: the order, and what is denied.

use serde_json::{Value, json};

use super::stage::{ACCOUNT, Stage, argument};

const BASE: &[&str] = &["deploy", "--account", ACCOUNT, "--region", "eu-central-1", "--revoke"];

/// The script that ends one of the four, on a stage with `host.pem` and the list that revokes it.
pub(super) fn script(stage: &Stage, what: &str) -> String {
    let more: &[&str] = match what {
        "certificate" => &["--certificate", "host.pem", "--crl", "crl.pem"],
        "host" => &["--source-identity", "CN=build-17"],
        _ => &[],
    };
    // Nobody waits in a test.
    stage.setup(&[BASE, &[what], more].concat()).replace("sleep 10", "sleep 0")
}

fn stage() -> Stage {
    let stage = Stage::set();
    let host = stage.issue("host", "CN=build-17".parse().unwrap(), None);
    stage.issue("other", "CN=build-18".parse().unwrap(), None);
    let list = stage.revocation_list(&host);
    stage.write("crl.pem", &list);
    stage
}

fn operations(calls: &[Vec<String>]) -> Vec<&str> {
    calls.iter().map(|call| call[1].as_str()).collect()
}

fn condition(calls: &[Vec<String>]) -> Value {
    let policy: Value =
        serde_json::from_str(argument(calls, "put-role-policy", "--policy-document")).unwrap();
    assert_eq!(policy["Statement"][0]["Effect"], "Deny");
    assert_eq!(policy["Statement"][0]["Action"], "*");
    policy["Statement"][0]["Condition"].clone()
}

#[test]
fn new_sessions_end_before_old_ones() {
    let stage = stage();
    for (what, first) in
        [("certificate", "import-crl"), ("role", "disable-profile"), ("anchor", "disable-trust-anchor")]
    {
        let (calls, _) = stage.run(&script(&stage, what), &[("ANCHOR", "1")]);
        let operations = operations(&calls);
        let place = |operation: &str| operations.iter().position(|known| *known == operation);
        assert!(place(first).unwrap() < place("put-role-policy").unwrap(), "{what}: {operations:?}");
        // The time is that of the run, in the form of policies.
        let condition = condition(&calls);
        let time = condition["DateLessThan"]["aws:TokenIssueTime"].as_str().unwrap();
        assert!(time.len() == 20 && time.starts_with("20") && time.ends_with('Z'), "{time}");
        let whose = (what == "certificate").then(|| json!("CN=build-17"));
        assert_eq!(condition["StringEquals"].get("aws:SourceIdentity"), whose.as_ref(), "{what}");
    }
}

#[test]
fn a_list_that_is_there_is_replaced() {
    let stage = stage();
    let (calls, _) = stage.run(
        &script(&stage, "certificate"),
        &[("ANCHOR", "1"), ("CRL_ID", "a1b2c3d4-0000-4000-8000-000000000001")],
    );
    let operations = operations(&calls);
    assert!(operations.contains(&"update-crl") && operations.contains(&"enable-crl"), "{operations:?}");
    assert!(!operations.contains(&"import-crl"), "{operations:?}");
}

/// A host may get a session by any of its certificates until they are revoked, so it is denied all first.
#[test]
fn a_host_has_nothing_whatever_it_shows() {
    let stage = stage();
    let script = script(&stage, "host");
    let (calls, _) = stage.run(&script, &[]);
    assert_eq!(condition(&calls), json!({"StringEquals": {"aws:SourceIdentity": "CN=build-17"}}));
    let by_certificate = stage.setup(&[BASE, &["host", "--certificate", "host.pem"]].concat());
    assert_eq!(by_certificate, script.replace("sleep 0", "sleep 10"));
}

#[test]
fn a_certificate_that_the_list_does_not_have_is_told() {
    let stage = stage();
    for (more, told) in [
        (&["--certificate", "other.pem", "--crl", "crl.pem"] as &[&str], "without the serial number"),
        (&["--certificate", "host.pem"], "needs the revocation list"),
        (&["--certificate", "host.pem", "--crl", "ca.pem"], "no revocation list in PEM"),
    ] {
        let output = stage.anyrole(&[&["setup"], BASE, &["certificate"], more].concat());
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.code() == Some(2) && error.contains(told), "{more:?}: {error}");
    }
}

/// What is not there, or is there twice, is not passed over.
#[test]
fn a_script_that_finds_nothing_says_so() {
    let stage = stage();
    for (what, set, told) in [
        ("anchor", &[] as &[(&str, &str)], "there are 0 trust anchors deploy, and one is needed\n"),
        (
            "certificate",
            &[("ANCHOR", "1"), ("CRL_ID", "a b")],
            "the trust anchor has 2 lists: update the right one by hand\n",
        ),
    ] {
        let script = stage.write("script.sh", &script(&stage, what));
        let record = stage.write("record", "");
        let mut shell = stage.command("/bin/sh");
        let output = shell.arg(script).env("RECORD", &record).envs(set.iter().copied()).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{what}");
        assert_eq!(String::from_utf8_lossy(&output.stderr), told);
        assert!(!std::fs::read_to_string(record).unwrap().contains("put-role-policy"), "{what}");
    }
}
