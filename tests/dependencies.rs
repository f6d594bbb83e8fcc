//! What the program is made of: licences, sources, bans and duplicates as `.deny.toml` has them, a reason for each dependency, and how
//! many crates there are. No advisories: `.ci/run` asks for them where their database can be had.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use toml::{Table, Value};

use crate::support::components::{self, have};

/// The most crates in the default build for Linux, ours included: those that end up in the program, and all that are compiled.
const MOST_LINKED: usize = 190;
const MOST_COMPILED: usize = 215;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap()
}

/// How many crates there are along these edges.
fn crates(edges: &str) -> usize {
    let mut tree = Command::new(env!("CARGO"));
    tree.args(["tree", "--locked", "--prefix", "none", "--no-dedupe", "--format", "{p}", "-p", "anyrole"]);
    tree.args(["--target", "x86_64-unknown-linux-gnu", "--edges", edges]);
    let output = tree.current_dir(root()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().filter(|line| !line.is_empty()).collect::<BTreeSet<_>>().len()
}

/// Whatever is listed in `.deny.toml` and no longer needed is a finding too.
#[test]
fn cargo_deny_finds_nothing() {
    let program = components::folder().join("deny/bin/cargo-deny");
    if !have(&[program.to_str().unwrap()]) {
        return;
    }
    let mut deny = Command::new(program);
    deny.args([
        "deny",
        "--locked",
        "--config",
        ".deny.toml",
        "check",
        "--deny",
        "warnings",
        "--hide-inclusion-graph",
    ]);
    let output = deny.args(["licenses", "bans", "sources"]).current_dir(root()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn every_dependency_has_its_reason() {
    let manifest = read("Cargo.toml");
    let section = manifest.split("[workspace.dependencies]").nth(1).unwrap();
    let section = section.split("\n[").next().unwrap();
    let mut before = "";
    for line in section.lines().filter(|line| !line.is_empty()) {
        if let Some((name, rest)) = line.split_once(" = ").filter(|_| !line.starts_with('#')) {
            // Beside it, or in the line above, which then names it.
            let has_reason = rest.contains(" # ") || (before.starts_with('#') && before.contains(name));
            assert!(has_reason, "{name} needs a reason in Cargo.toml");
        }
        before = line;
    }
    // The others add nothing that this section does not have.
    for path in ["Cargo.toml", "pki-test/Cargo.toml", "src/bin/anyrole-pkcs11/sign/Cargo.toml"] {
        let manifest: Table = read(path).parse().unwrap();
        for section in ["dependencies", "dev-dependencies", "build-dependencies"] {
            for (name, dependency) in manifest.get(section).and_then(Value::as_table).into_iter().flatten() {
                let is_known = dependency.get("workspace").is_some() || dependency.get("path").is_some();
                assert!(
                    is_known,
                    "{path}: {name} belongs into the workspace's dependencies, with its reason"
                );
            }
        }
    }
}

/// README.md says these numbers; who adds a crate that brings twenty sees it here.
#[test]
fn there_are_not_many_more_crates() {
    let (linked, compiled) = (crates("normal,no-proc-macro"), crates("normal,build"));
    let told = format!("On Linux {linked} crates are in the default build, {compiled} are compiled for it");
    assert!(read("README.md").contains(&told), "README.md has other numbers: {told}");
    assert!(linked <= MOST_LINKED, "{linked} crates are linked, {MOST_LINKED} at most");
    assert!(compiled <= MOST_COMPILED, "{compiled} crates are compiled, {MOST_COMPILED} at most");
}
