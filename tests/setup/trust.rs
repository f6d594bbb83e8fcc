//! The trust policy that is printed, at the simulator: it admits the certificate, and refuses its neighbours.

use std::process::Output;

use pki_test::simulator::{
    AttributeMapping, Profile, Role, Simulator, SimulatorSettings, SubjectSource, TipConfiguration,
    TrustPolicy,
};
use pki_test::verifier::TrustAnchor;
use serde_json::Value;

use super::stage::{ACCOUNT, Stage, argument, authority};

pub(super) const ID: &str = "a1b2c3d4-0000-4000-8000-000000000001";
const ELSEWHERE: &str =
    "arn:aws:rolesanywhere:eu-central-1:111122223333:trust-anchor/a1b2c3d4-0000-4000-8000-000000000009";

/// What a script made, at the simulator: its trust anchor (and another one of the same CA), its profile and its role.
pub(super) fn world(calls: &[Vec<String>], another_anchor: bool) -> Simulator {
    world_with(calls, another_anchor, Vec::new())
}

fn world_with(calls: &[Vec<String>], another_anchor: bool, others: Vec<Role>) -> Simulator {
    let source: Value = serde_json::from_str(argument(calls, "create-trust-anchor", "--source")).unwrap();
    let pem = source["sourceData"]["x509CertificateData"].as_str().unwrap();
    let blocks = anyrole::x509::pem::read(pem.as_bytes()).unwrap();
    let certificates: Vec<Vec<u8>> = blocks.into_iter().map(|block| block.der.to_vec()).collect();
    let own = format!("arn:aws:rolesanywhere:eu-central-1:{ACCOUNT}");
    let mut anchors = vec![TrustAnchor::new(&format!("{own}:trust-anchor/{ID}"), &certificates).unwrap()];
    if another_anchor {
        anchors.push(TrustAnchor::new(ELSEWHERE, &certificates).unwrap());
    }
    let role_arn = format!("arn:aws:iam::{ACCOUNT}:role/{}", argument(calls, "create-role", "--role-name"));
    let trust = argument(calls, "create-role", "--assume-role-policy-document");
    let role = Role::new(&role_arn).unwrap().with_trust_policy(TrustPolicy::parse(trust).unwrap());
    let roles = std::iter::once(role).chain(others).collect();
    let mut profile = Profile::new(&format!("{own}:profile/{ID}"), &[&role_arn]).unwrap();
    profile.accept_role_session_name =
        calls.iter().any(|call| call.iter().any(|word| word == "--accept-role-session-name"));
    let tip = calls.iter().flat_map(|call| call.windows(2)).find(|pair| pair[0] == "--tip-configuration");
    profile.tip = tip.map(|pair| {
        let tip: Value = serde_json::from_str(&pair[1]).unwrap();
        assert_eq!(tip["status"], "ENABLED");
        let subject_source = match tip["subjectSource"].as_str() {
            None | Some("x509Subject/CN") => SubjectSource::CommonName,
            Some("x509SAN/URI") => SubjectSource::Uri,
            Some(other) => panic!("{other}"),
        };
        TipConfiguration { subject_type: None, subject_source }
    });
    let mappings: Vec<AttributeMapping> = calls
        .iter()
        .filter(|call| call[1] == "put-attribute-mapping")
        .map(|call| {
            let call = std::slice::from_ref(call);
            let rules: Value =
                serde_json::from_str(argument(call, "put-attribute-mapping", "--mapping-rules")).unwrap();
            let specifiers: Vec<String> = rules
                .as_array()
                .unwrap()
                .iter()
                .map(|rule| rule["specifier"].as_str().unwrap().to_owned())
                .collect();
            AttributeMapping::new(argument(call, "put-attribute-mapping", "--certificate-field"), &specifiers)
                .unwrap()
        })
        .collect();
    if !mappings.is_empty() {
        profile = profile.with_attribute_mappings(mappings);
    }
    Simulator::start(SimulatorSettings::new("eu-central-1", anchors, vec![profile], roles)).unwrap()
}

/// Asks the simulator for a session.
fn ask(stage: &Stage, simulator: &Simulator, file: &str, anchor: Option<&str>, more: &[&str]) -> Output {
    let (certificate, key) = (format!("{file}.pem"), format!("{file}.key"));
    let own = format!("arn:aws:rolesanywhere:eu-central-1:{ACCOUNT}");
    let (own_anchor, profile) = (format!("{own}:trust-anchor/{ID}"), format!("{own}:profile/{ID}"));
    let (role, endpoint) = (format!("arn:aws:iam::{ACCOUNT}:role/deploy"), simulator.http_endpoint());
    let mut words = vec!["credential-process", "--certificate", &certificate, "--private-key", &key];
    words.extend(["--trust-anchor-arn", anchor.unwrap_or(&own_anchor), "--profile-arn", &profile]);
    words.extend(["--role-arn", &role, "--endpoint", &endpoint]);
    words.extend(more);
    stage.anyrole(&words)
}

fn is_admitted(output: &Output) -> bool {
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success() || told.contains("Unable to assume role") || told.contains("[aws-"),
        "{told}"
    );
    output.status.success()
}

/// A stage with a host and its neighbours, under two CAs that one trust anchor may hold.
fn street() -> Stage {
    let stage = Stage::set();
    let name = |text: &str| text.parse().unwrap();
    let uri = Some("spiffe://example.org/ci");
    stage.issue("host", name("CN=build-17,OU=CI,O=Example"), uri);
    stage.issue("other-name", name("CN=build-18,OU=CI,O=Example"), Some("spiffe://example.org/other"));
    stage.issue("other-unit", name("CN=build-17,OU=Sales,O=Example"), uri);
    stage.issue("longer", name("CN=build-170,OU=CI,O=Example"), uri);
    let next = authority("CN=TEST next root");
    stage.issue_from(&next, "other-ca", name("CN=build-17,OU=CI,O=Example"), uri);
    stage.write("both.pem", &(stage.root.certificate_pem() + &next.certificate_pem()));
    stage
}

const BASE: &[&str] = &["deploy", "--account", ACCOUNT, "--region", "eu-central-1"];

#[test]
fn a_certificate_is_admitted_and_its_neighbours_are_not() {
    let stage = street();
    for (flags, admitted) in [
        // The whole subject name, and the issuer's, of two CAs in one trust anchor.
        (&["--ca", "both.pem", "--certificate", "host.pem"] as &[&str], &["host"] as &[&str]),
        (
            &["--ca", "both.pem", "--certificate", "host.pem", "--condition", "x509Subject/CN"],
            &["host", "other-unit", "other-ca"],
        ),
        (
            &[
                "--ca",
                "both.pem",
                "--condition",
                "x509Subject/CN=build-1?",
                "--condition",
                "x509Issuer/CN=TEST root",
            ],
            &["host", "other-name", "other-unit"],
        ),
        (
            &["--ca", "ca.pem", "--condition", "x509SAN/URI=spiffe://example.org/ci"],
            &["host", "other-unit", "longer"],
        ),
        (
            &[
                "--ca",
                "ca.pem",
                "--certificate",
                "host.pem",
                "--mapping",
                "x509Subject=CN",
                "--mapping",
                "x509Issuer=CN",
                "--mapping",
                "x509SAN=URI",
                "--condition",
                "x509SAN/URI",
                "--condition",
                "x509Subject/CN",
            ],
            &["host", "other-unit"],
        ),
        (&["--ca", "both.pem", "--certificate", "host.pem", "--tip"], &["host"]),
        (
            &["--ca", "ca.pem", "--certificate", "host.pem", "--tip", "--condition", "x509SAN/URI"],
            &["host", "other-unit", "longer"],
        ),
        (&["--ca", "ca.pem", "--any-certificate"], &["host", "other-name", "other-unit", "longer"]),
    ] {
        let script = stage.setup(&[BASE, flags].concat());
        let simulator = world(&stage.run(&script, &[]).0, true);
        for file in ["host", "other-name", "other-unit", "longer", "other-ca"] {
            let output = ask(&stage, &simulator, file, None, &[]);
            assert_eq!(is_admitted(&output), admitted.contains(&file), "{flags:?}: {file}");
        }
        let through_another = ask(&stage, &simulator, "host", Some(ELSEWHERE), &[]);
        assert!(!is_admitted(&through_another), "{flags:?}: another trust anchor of the same CA");
    }
}

/// Without a common name the URI says who it is; what cannot be a tag is left out, but for the common name.
#[test]
fn who_has_no_common_name_has_another() {
    let stage = street();
    let name = |text: &str| text.parse().unwrap();
    stage.issue("nameless", name("O=Example\\, Inc.,OU=CI"), Some("spiffe://example.org/nameless"));
    stage.issue("other-uri", name("O=Example\\, Inc.,OU=CI"), Some("spiffe://example.org/another"));
    let script = stage.setup(&[BASE, &["--ca", "ca.pem", "--certificate", "nameless.pem"]].concat());
    assert!(script.contains("no condition on x509Subject/O, which is no session tag"), "{script}");
    let simulator = world(&stage.run(&script, &[]).0, false);
    for (file, admitted) in [("nameless", true), ("other-uri", false), ("host", false)] {
        assert_eq!(is_admitted(&ask(&stage, &simulator, file, None, &[])), admitted, "{file}");
    }
    stage.issue("comma", name("CN=build\\,17"), None);
    let output =
        stage.anyrole(&[&["setup"], BASE, &["--ca", "ca.pem", "--certificate", "comma.pem"]].concat());
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.code() == Some(2) && told.contains("x509Subject/CN: 'build,17' holds ','"),
        "{told}"
    );
}

#[test]
fn a_role_session_name_must_fit() {
    let stage = street();
    let flags = ["--ca", "ca.pem", "--certificate", "host.pem", "--session-name", "ci-*"];
    let script = stage.setup(&[BASE, &flags].concat());
    let simulator = world(&stage.run(&script, &[]).0, false);
    for (more, expected) in [
        (&["--role-session-name", "ci-4711"] as &[&str], true),
        (&["--role-session-name", "deploy-4711"], false),
        (&[], false),
    ] {
        assert_eq!(is_admitted(&ask(&stage, &simulator, "host", None, more)), expected, "{more:?}");
    }
}

/// The subject of trusted identity propagation stands where the tag stood; all else is as it was.
#[test]
fn what_callers_cannot_set_takes_the_place_of_a_tag() {
    let stage = street();
    let own = ["--ca", "ca.pem", "--certificate", "host.pem"];
    let trust = |more: &[&str]| {
        let script = stage.setup(&[BASE, &own, more].concat());
        let calls = stage.run(&script, &[]).0;
        let trust: Value =
            serde_json::from_str(argument(&calls, "create-role", "--assume-role-policy-document")).unwrap();
        (calls, trust["Statement"][0]["Condition"]["StringEquals"].clone())
    };
    let (calls, told) = trust(&["--tip"]);
    let (_, tagged) = trust(&[]);
    assert_eq!(told["aws:OriginIdentity/Subject"], tagged["aws:PrincipalTag/x509Subject/CN"]);
    assert_eq!(told["aws:PrincipalTag/x509Issuer/CN"], tagged["aws:PrincipalTag/x509Issuer/CN"]);
    assert!(told.get("aws:PrincipalTag/x509Subject/CN").is_none());
    let tip: Value = serde_json::from_str(argument(&calls, "create-profile", "--tip-configuration")).unwrap();
    assert_eq!(tip["subjectSource"], "x509Subject/CN");
    let (calls, told) = trust(&["--tip", "--condition", "x509SAN/URI"]);
    assert_eq!(told["aws:OriginIdentity/Subject"], "spiffe://example.org/ci");
    let tip: Value = serde_json::from_str(argument(&calls, "create-profile", "--tip-configuration")).unwrap();
    assert_eq!(tip["subjectSource"], "x509SAN/URI");
}

/// The statement that is printed for the second role lets the first one in, and no other.
#[test]
fn the_second_role_lets_the_first_in() {
    let stage = street();
    let second = "arn:aws:iam::444455556666:role/read-only";
    let flags = ["--ca", "ca.pem", "--certificate", "host.pem", "--second-hop", second];
    for (name, admitted) in [("deploy", true), ("other", false)] {
        let script = stage.setup(&[&[name], &BASE[1..], &flags].concat());
        let statement = script.lines().find_map(|line| line.strip_prefix("#   {")).unwrap();
        let policy = format!(r#"{{"Version": "2012-10-17", "Statement": [{{{statement}]}}"#);
        let calls = stage.run(&stage.setup(&[BASE, &flags].concat()), &[]).0;
        let role = Role::new(second).unwrap().with_trust_policy(TrustPolicy::parse(&policy).unwrap());
        let simulator = world_with(&calls, false, vec![role]);
        let endpoint = simulator.http_endpoint();
        let output = ask(
            &stage,
            &simulator,
            "host",
            None,
            &["--assume-role-arn", second, "--sts-endpoint", &endpoint],
        );
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() || told.contains("[sts-assume-role-denied]"), "{told}");
        assert_eq!(output.status.success(), admitted, "{name}: {told}");
    }
}

/// In the wrong account the script makes nothing.
#[test]
fn a_script_ends_in_another_account() {
    let stage = street();
    let script =
        stage.write("wrong.sh", &stage.setup(&[BASE, &["--ca", "ca.pem", "--any-certificate"]].concat()));
    let record = stage.write("record", "");
    let mut shell = stage.command("/bin/sh");
    shell.arg(script).env("RECORD", &record).env("ACCOUNT", "444455556666");
    let output = shell.output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "this is account 444455556666, not 111122223333\n");
    assert!(!std::fs::read_to_string(record).unwrap().contains("create"));
}
