//! The units, the recipe and the cache under a real systemd: a small Debian that is booted in a container, and forgotten afterwards.
//!
//! `tests/components` makes it where this machine lets a container boot; elsewhere these tests are skipped with a line, whatever
//! `ANYROLE_REQUIRE_COMPONENTS` says.
#![cfg(all(target_os = "linux", feature = "pki"))]

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::support::components;
use crate::support::programs;

/// Boots, runs the script with our program and units beside it, and returns what it printed; `None` after saying what is missing.
fn boot(script: &str) -> Option<String> {
    let project = Path::new(env!("CARGO_MANIFEST_DIR"));
    let root = components::folder().join("systemd/root");
    if !root.is_dir() || !rustix::process::geteuid().is_root() {
        eprintln!(
            "skipped: there is no system that boots (tests/components makes one where it can), or this is not root"
        );
        return None;
    }
    let work = tempfile::tempdir().unwrap();
    fs::write(work.path().join("run"), script).unwrap();
    programs::copy(env!("CARGO_BIN_EXE_anyrole"), work.path().join("anyrole"));
    fs::create_dir(work.path().join("systemd")).unwrap();
    for unit in fs::read_dir(project.join("packaging/systemd")).unwrap() {
        let unit = unit.unwrap();
        fs::copy(unit.path(), work.path().join("systemd").join(unit.file_name())).unwrap();
    }
    let output =
        Command::new(project.join("tests/systemd/boot")).arg(root).arg(work.path()).output().unwrap();
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{stdout}\n{stderr}");
    eprintln!("{stderr}");
    Some(stdout.into_owned())
}

#[test]
fn the_recipe_works_through_a_renewal_and_the_journal_has_failures() {
    let readme = include_str!("../packaging/README.md");
    let section = readme.split("## A service of another user, from nothing\n").nth(1).unwrap();
    let recipe = section.split("```sh\n").nth(1).unwrap().split("```").next().unwrap();
    let script = format!(
        "set -eux\ninstall -m 755 anyrole /usr/bin/anyrole\nuseradd --system --user-group jenkins\n{recipe}\n{}",
        include_str!("systemd/recipe")
    );
    let Some(seen) = boot(&script) else { return };
    let lines: Vec<&str> = seen.lines().collect();
    for line in ["pair jenkins 600", "renewed", "active"] {
        assert!(lines.contains(&line), "{line}: {seen}");
    }
    let told = "credential-process (flags): error: --trust-anchor-arn is missing [setting-missing]";
    assert!(seen.contains(told), "{seen}");
}

#[test]
fn a_unit_s_calls_share_one_session_wherever_it_may_write() {
    let Some(seen) = boot(include_str!("systemd/units")) else { return };
    for unit in ["user", "strict", "runtime", "dynamic", "dynamic-runtime", "dynamic-nothing"] {
        assert!(seen.contains(&format!("{unit}: 1\n")), "{unit}: {seen}");
    }
}

#[test]
fn the_serving_unit_answers_whom_the_config_names() {
    let Some(seen) = boot(include_str!("systemd/serve")) else { return };
    for line in [
        "before: inactive",
        "anyrole: ASIA",
        "jenkins: via-refused",
        "after: active",
        "token: HTTP/1.1 200 OK",
        "no token: ",
        "jenkins, allowed: ASIA",
        "token file: anyrole 600",
        "killed: ASIA",
        "stopped: success",
        "sessions: 1",
    ] {
        assert!(seen.lines().any(|seen| seen == line), "{line}: {seen}");
    }
}

/// By the lines of packaging/README.md, while one program asks the endpoint and another reads the file.
#[test]
fn units_of_aws_s_helper_are_moved_and_moved_back_unnoticed() {
    let readme = include_str!("../packaging/README.md");
    let section = readme.split("## From the units of AWS's helper, and back\n").nth(1).unwrap();
    let mut blocks = section.split("```sh\n").skip(1).map(|block| block.split("```").next().unwrap());
    let mut script = String::from(include_str!("systemd/moving"));
    for place in ["#README serve\n", "#README end of serve\n", "#README update\n"] {
        assert_eq!(script.matches(place).count(), 1, "{place}");
        script = script.replace(place, blocks.next().unwrap());
    }
    let Some(seen) = boot(&script) else { return };
    for line in [
        "serve: inactive, active",
        "update: inactive, active",
        "back: active active, inactive inactive",
        "failed: 0",
    ] {
        assert!(seen.lines().any(|seen| seen == line), "{line}: {seen}");
    }
}

#[test]
fn the_unit_of_update_keeps_a_file_fresh_for_another_user() {
    let Some(seen) = boot(include_str!("systemd/update")) else { return };
    let lines: Vec<&str> = seen.lines().collect();
    let expected = [
        "file telegraf 600",
        "folder telegraf 700",
        "[default]",
        "reloaded",
        "active",
        "killed",
        "Result=success",
        "gone",
        "nowhere else",
        "1",
        "ExecMainStatus=2",
        "NRestarts=0",
    ];
    for line in expected {
        assert!(lines.contains(&line), "{line}: {seen}");
    }
}
