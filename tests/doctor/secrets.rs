//! No secret in what is told, nor in the support file.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Stdio;

use base64::Engine as _;

use super::host::Host;

#[test]
fn no_canary_is_told_and_none_is_in_the_support_file() {
    let mut host = Host::set();
    let key = host.write("encrypted.key", host.stage.encrypted_key("canary-password"), 0o600);
    host.say("private_key", &key);
    host.aws.push_str("\n[profile argv]\ncredential_process = anyrole credential-process build --pkcs8-password canary-argv\nregion = x\n");
    host.write(
        ".aws/credentials",
        "[build]\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = canary-secret\n",
        0o600,
    );
    for (name, value) in [
        ("HTTPS_PROXY", "http://user:canary-proxy@127.0.0.1:9"),
        ("AWS_SECRET_ACCESS_KEY", "canary-variable"),
        ("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE"),
        ("AWS_SESSION_TOKEN", "canary-token"),
        ("AWS_CONTAINER_AUTHORIZATION_TOKEN", "canary-container"),
        ("ANYROLE_PKCS8_PASSWORD", "canary-password"),
    ] {
        host.env.insert(name, String::from(value));
    }
    host.doctor();
    let report = host.path("report.json");
    let shown = report.to_str().unwrap();
    let mut told = String::new();
    for more in [
        &["--json"][..],
        &["--report", shown],
        &["--debug"],
        &["--pkcs8-password", "canary-password", "--external-id", "canary-id"],
    ] {
        let mut command = host.stage.anyrole(&["doctor", "build"]);
        command.args(more).envs(&host.env).stdout(Stdio::piped()).stderr(Stdio::piped());
        let output = command.output().unwrap();
        told.push_str(&String::from_utf8(output.stdout).unwrap());
        told.push_str(&String::from_utf8(output.stderr).unwrap());
    }
    let written = fs::read_to_string(&report).unwrap();
    assert_eq!(fs::metadata(&report).unwrap().permissions().mode() & 0o7777, 0o600);
    let document: serde_json::Value = serde_json::from_str(&written).unwrap();
    assert_eq!(document["kind"], "doctor-report");
    assert!(document["data"]["checks"].as_array().unwrap().len() > 20);
    assert!(!document["data"]["cause"].is_null());
    let key = fs::read_to_string(host.stage.private_key()).unwrap();
    let body = key.lines().nth(1).unwrap();
    for text in [&told, &written] {
        assert!(text.contains("private-key"), "{text}");
        for canary in [
            "canary",
            &base64::engine::general_purpose::STANDARD.encode("canary-")[..8],
            &hex::encode("canary"),
            body,
        ] {
            assert!(!text.contains(canary), "{canary} is told: {text}");
        }
    }
}

#[test]
fn a_support_file_that_cannot_be_written_is_an_error() {
    let host = Host::set();
    host.doctor();
    let mut command =
        host.stage.anyrole(&["doctor", "build", "--offline", "--report", "/nowhere/report.json"]);
    let output = command.stdout(Stdio::piped()).stderr(Stdio::piped()).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("[file-not-written]"));
}
