//! The metrics of `status`: what they say, and that Prometheus' own tool takes them.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use super::account::{Account, Stage};
use crate::support::components;

/// Finds promtool: installed, or as `tests/components` keeps it.
fn promtool() -> Option<PathBuf> {
    let places = [PathBuf::from("/usr/bin/promtool"), components::folder().join("prometheus/promtool")];
    let found = places.into_iter().find(|place| place.is_file());
    if found.is_none() {
        components::missing("promtool");
    }
    found
}

/// Checks metrics as Prometheus does.
fn assert_valid(metrics: &str) {
    let Some(promtool) = promtool() else { return };
    let mut child = Command::new(promtool)
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(metrics.as_bytes()).unwrap();
    let told = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&told.stdout).into_owned() + &String::from_utf8_lossy(&told.stderr);
    assert!(told.status.success() && said.is_empty(), "{said}\n{metrics}");
}

fn status(stage: &Stage, config: &PathBuf, more: &[&str]) -> Output {
    let mut command = stage.program();
    command.env("ANYROLE_CONFIG", config).args(["status", "--prometheus"]).args(more);
    command.output().unwrap()
}

/// Returns the value of the one sample of a metric whose labels hold this text.
fn value(metrics: &str, name: &str, labels: &str) -> Option<i64> {
    let begin = format!("{name}{{");
    let mut found = metrics.lines().filter(|line| line.starts_with(&begin) && line.contains(labels));
    found.next().map(|line| line.rsplit(' ').next().unwrap().parse().unwrap())
}

#[test]
fn what_is_known_is_told_in_seconds_and_counts() {
    let stage = Account::good().set();
    let simulator = stage.simulator();
    let config = stage.config(&simulator.http_endpoint());
    let list = stage.path("crl.pem");
    let crl = ["--crl", list.to_str().unwrap()];
    let empty = String::from_utf8(status(&stage, &config, &crl).stdout).unwrap();
    assert_valid(&empty);
    for absent in
        ["anyrole_session_remaining_seconds", "anyrole_session_requests_total", "anyrole_last_failure"]
    {
        assert!(!empty.contains(absent), "{empty}");
    }
    let session = || {
        let mut command = stage.program();
        command.env("ANYROLE_CONFIG", &config).args(["credential-process", "build"]).output().unwrap()
    };
    for _ in 0..3 {
        assert!(session().status.success());
    }
    let output = status(&stage, &config, &crl);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let metrics = String::from_utf8(output.stdout).unwrap();
    assert_valid(&metrics);
    let near = |name: &str, seconds: i64| {
        let found = value(&metrics, name, "").unwrap_or_else(|| panic!("{name}: {metrics}"));
        assert!((seconds - 600..=seconds).contains(&found), "{name}: {found}");
    };
    near("anyrole_session_remaining_seconds", 3600);
    near("anyrole_certificate_remaining_seconds", 30 * 86_400 - 600);
    near("anyrole_intermediate_remaining_seconds", 30 * 86_400 - 600);
    near("anyrole_crl_remaining_seconds", 86_400);
    assert_eq!(value(&metrics, "anyrole_failures_in_a_row", ""), Some(0));
    if cfg!(target_os = "linux") {
        // Two of the three were answered from the cache.
        assert_eq!(value(&metrics, "anyrole_session_requests_total", "granted"), Some(1), "{metrics}");
        assert_eq!(value(&metrics, "anyrole_session_requests_total", "refused"), Some(0));
    }
    // The files of several calls, each for one session, lie beside each other: only labels tell their samples apart.
    let mut one = stage.program();
    let one = one.env("ANYROLE_CONFIG", &config).args(["status", "build", "--prometheus"]).output().unwrap();
    let one = String::from_utf8(one.stdout).unwrap();
    assert_valid(&one);
    assert!(metrics.contains("\nanyrole_sessions ") && !one.contains("anyrole_sessions"), "{one}");
    for secret in ["ASIA", "BEGIN", "token"] {
        assert!(!metrics.contains(secret), "{metrics}");
    }
}

#[test]
fn a_refusal_has_its_class_and_its_id() {
    let mut account = Account::good();
    account.profile_enabled = false;
    let stage = account.set();
    let simulator = stage.simulator();
    let config = stage.config(&simulator.http_endpoint());
    let refused = stage
        .program()
        .env("ANYROLE_CONFIG", &config)
        .args(["credential-process", "build"])
        .output()
        .unwrap();
    assert!(!refused.status.success());
    let output = status(&stage, &config, &[]);
    assert_eq!(output.status.code(), Some(1));
    let metrics = String::from_utf8(output.stdout).unwrap();
    assert_valid(&metrics);
    let labels = "class=\"refused\",id=\"aws-invalid-profile\"";
    assert!(value(&metrics, "anyrole_last_failure_timestamp_seconds", labels).is_some(), "{metrics}");
    assert_eq!(value(&metrics, "anyrole_failures_in_a_row", ""), Some(1));
    assert_eq!(value(&metrics, "anyrole_last_refresh_succeeded", ""), Some(0));
    if cfg!(target_os = "linux") {
        assert_eq!(value(&metrics, "anyrole_session_requests_total", "refused"), Some(1));
    }
}

#[test]
fn the_collectors_file_is_replaced_whole_and_everybody_may_read_it() {
    let stage = Account::good().set();
    let config = stage.config("http://127.0.0.1:1");
    let file = stage.path("anyrole.prom");
    let name = file.to_str().unwrap();
    fs::write(&file, "old").unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    let output = status(&stage, &config, &["--output", name]);
    assert!(output.stdout.is_empty() && output.stderr.is_empty() && output.status.success(), "{output:?}");
    let written = fs::read_to_string(&file).unwrap();
    assert_valid(&written);
    assert!(written.contains("anyrole_certificate_remaining_seconds{session=\"build\""));
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o644);
    let mut left: Vec<_> =
        fs::read_dir(stage.path("")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    left.retain(|name| name.to_string_lossy().contains("prom"));
    assert_eq!(left, ["anyrole.prom"]);

    let refused =
        stage.program().env("ANYROLE_CONFIG", &config).args(["status", "--output", name]).output().unwrap();
    assert!(refused.status.code() == Some(2) && refused.stdout.is_empty());
    let nothing = stage.program().args(["status", "--prometheus"]).output().unwrap();
    assert_eq!(String::from_utf8(nothing.stdout).unwrap().lines().last(), Some("anyrole_sessions 0"));
}

#[test]
fn a_list_that_names_the_certificate_is_an_alarm() {
    let mut account = Account::good();
    account.with_intermediate = false;
    account.crl = Some(super::account::List { enabled: true, revokes: true });
    let stage = account.set();
    let config = stage.config("http://127.0.0.1:1");
    let list = stage.path("crl.pem");
    let output = status(&stage, &config, &["--crl", list.to_str().unwrap()]);
    let metrics = String::from_utf8(output.stdout).unwrap();
    assert_valid(&metrics);
    assert_eq!(
        (output.status.code(), value(&metrics, "anyrole_certificate_revoked", "")),
        (Some(1), Some(1))
    );
    let mut command = stage.program();
    command.env("ANYROLE_CONFIG", &config).args(["status", "--crl"]).arg(&list);
    let told = String::from_utf8(command.output().unwrap().stdout).unwrap();
    assert!(told.contains("revokes the certificate"), "{told}");
}
