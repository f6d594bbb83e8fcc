//! What the program is made of: licences, sources, bans and duplicates as `.deny.toml` has them, a reason for each dependency, and how
//! many crates there are. Offline, so no advisories: `cargo deny check advisories` fetches their database.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::sync::LazyLock;

use toml::{Table, Value};

/// The most crates in the default build for Linux, ours included: those that end up in the program, and all that are compiled.
const MOST_LINKED: usize = 190;
const MOST_COMPILED: usize = 215;

/// A crate as `cargo tree` shows it.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Crate {
    name: String,
    version: String,
    /// A path or an address, in brackets; none for the registry.
    source: Option<String>,
    license: String,
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap()
}

/// The crates that these arguments select.
fn crates(arguments: &[&str]) -> BTreeSet<Crate> {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["tree", "--locked", "--prefix", "none", "--no-dedupe", "--format", "{p}|{l}"]);
    let output = cargo.args(arguments).current_dir(root()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let lines = String::from_utf8(output.stdout).unwrap();
    let of_line = |line: &str| {
        let (package, license) = line.split_once('|')?;
        let mut words = package.splitn(3, ' ');
        let (name, version) = (words.next()?, words.next()?.strip_prefix('v')?);
        let source = words.next().filter(|rest| *rest != "(proc-macro)").map(str::to_owned);
        Some(Crate { name: name.into(), version: version.into(), source, license: license.into() })
    };
    lines.lines().filter(|line| !line.is_empty()).map(|line| of_line(line).unwrap()).collect()
}

/// Whatever can be in a build: every feature, on every platform, and what only builds and tests.
static ALL: LazyLock<BTreeSet<Crate>> = LazyLock::new(|| {
    crates(&["--workspace", "--all-features", "--target", "all", "--edges", "normal,build,dev"])
});

fn deny() -> Table {
    read(".deny.toml").parse().unwrap()
}

/// Tells whether an expression of SPDX licences can be met by those that are allowed.
fn is_met(expression: &str, allowed: &[&str]) -> bool {
    let spaced = expression.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ");
    let mut tokens: Vec<&str> = spaced.split_whitespace().rev().collect();
    let met = alternatives(&mut tokens, allowed);
    assert!(tokens.is_empty(), "{expression}");
    met
}

fn alternatives(tokens: &mut Vec<&str>, allowed: &[&str]) -> bool {
    let mut met = together(tokens, allowed);
    while tokens.last() == Some(&"OR") {
        tokens.pop();
        met |= together(tokens, allowed);
    }
    met
}

fn together(tokens: &mut Vec<&str>, allowed: &[&str]) -> bool {
    let mut met = one(tokens, allowed);
    while tokens.last() == Some(&"AND") {
        tokens.pop();
        met &= one(tokens, allowed);
    }
    met
}

fn one(tokens: &mut Vec<&str>, allowed: &[&str]) -> bool {
    let token = tokens.pop().expect("a licence");
    if token == "(" {
        let met = alternatives(tokens, allowed);
        assert_eq!(tokens.pop(), Some(")"));
        return met;
    }
    let mut license = token.to_owned();
    if tokens.last() == Some(&"WITH") {
        tokens.pop();
        license = format!("{license} WITH {}", tokens.pop().expect("an exception"));
    }
    allowed.contains(&license.as_str())
}

#[test]
fn every_licence_is_allowed_and_every_allowed_one_is_needed() {
    let deny = deny();
    let allowed: Vec<&str> = deny["licenses"]["allow"]
        .as_array()
        .unwrap()
        .iter()
        .map(|license| license.as_str().unwrap())
        .collect();
    for Crate { name, version, license, .. } in ALL.iter() {
        assert!(is_met(license, &allowed), "{name} {version}: {license:?}");
    }
    for license in &allowed {
        let without: Vec<&str> = allowed.iter().copied().filter(|other| other != license).collect();
        assert!(ALL.iter().any(|it| !is_met(&it.license, &without)), "nothing needs {license}");
    }
}

#[test]
fn expressions_of_licences_are_understood() {
    let allowed = ["MIT", "ISC", "Apache-2.0"];
    for met in
        ["MIT", "Unlicense/MIT", "(GPL-3.0 OR MIT) AND ISC", "GPL-3.0 WITH x OR MIT", "GPL-3.0 AND X OR MIT"]
    {
        assert!(is_met(met, &allowed), "{met}");
    }
    for unmet in ["GPL-3.0", "MIT AND GPL-3.0", "Apache-2.0 WITH x", "(MIT OR ISC) AND GPL-3.0"] {
        assert!(!is_met(unmet, &allowed), "{unmet}");
    }
}

#[test]
fn everything_comes_from_the_registry_and_nothing_is_banned() {
    let (own, deny) = (root(), deny());
    let banned: Vec<&str> =
        deny["bans"]["deny"].as_array().unwrap().iter().map(|ban| ban["crate"].as_str().unwrap()).collect();
    for Crate { name, source, .. } in ALL.iter() {
        assert!(!banned.contains(&name.as_str()), "{name} is banned");
        // Ours are shown with their folder.
        let is_own = source.as_ref().is_none_or(|source| source.starts_with(&format!("({}", own.display())));
        assert!(is_own, "{name} comes from {source:?}");
    }
}

#[test]
fn every_duplicate_is_explained() {
    let deny = deny();
    let skipped: BTreeMap<&str, &str> =
        deny["bans"]["skip"].as_array().unwrap().iter().map(explained).collect();
    let mut versions: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for Crate { name, version, .. } in ALL.iter() {
        versions.entry(name.clone()).or_default().push(version.clone());
    }
    let mut duplicates = BTreeSet::new();
    for (name, versions) in versions.iter().filter(|(_, versions)| versions.len() > 1) {
        let specs: Vec<String> = versions.iter().map(|version| format!("{name}@{version}")).collect();
        let unexplained: Vec<_> = specs.iter().filter(|spec| !skipped.contains_key(spec.as_str())).collect();
        assert_eq!(unexplained.len(), 1, "all versions but one need a reason in .deny.toml: {specs:?}");
        duplicates.extend(specs);
    }
    for spec in skipped.keys() {
        assert!(duplicates.contains(*spec), "{spec} is no duplicate any more: take it out of .deny.toml");
    }
}

fn explained(skip: &Value) -> (&str, &str) {
    let (spec, reason) = (skip["crate"].as_str().unwrap(), skip["reason"].as_str().unwrap());
    assert!(reason.len() > 20, "{spec}: {reason}");
    (spec, reason)
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
///
/// `Cargo.lock` holds idna_adapter at 1.1, which has international names from four small crates; 1.2 has them from ICU's twenty.
/// Its version is not in `Cargo.toml`, where it would forbid 1.2 to whoever uses the library.
#[test]
fn there_are_not_many_more_crates() {
    let icu = ALL.iter().find(|it| it.name.starts_with("icu_"));
    assert!(icu.is_none(), "ICU is back: cargo update -p idna_adapter --precise 1.1.0");
    let target = ["-p", "anyrole", "--target", "x86_64-unknown-linux-gnu", "--edges"];
    let linked = crates(&[&target[..], &["normal,no-proc-macro"]].concat()).len();
    let compiled = crates(&[&target[..], &["normal,build"]].concat()).len();
    let told = format!("On Linux {linked} crates are in the default build, {compiled} are compiled for it");
    assert!(read("README.md").contains(&told), "README.md has other numbers: {told}");
    assert!(linked <= MOST_LINKED, "{linked} crates are linked, {MOST_LINKED} at most");
    assert!(compiled <= MOST_COMPILED, "{compiled} crates are compiled, {MOST_COMPILED} at most");
}
