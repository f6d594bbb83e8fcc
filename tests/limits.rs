//! The reference of the limits, `src/manual/limits.md`, made from the constants of the source.
//!
//! Each number in the source is a limit that a user can meet, and then stands on that page with what happens beyond it; or it is none,
//! and is listed here with the reason. A new number has to be in one of both.
#![cfg(feature = "pki")]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

mod commands;
mod limit;
mod none;
mod table;

use limit::{Limit, Unit};
use none::NONE;
use table::SECTIONS;

const OPENING: &str = "\
# Every limit

What is larger, longer or more than this program takes, and what happens then: an error that names the limit and the way
out, or what stands here. Nothing is left out in silence. Sizes are in octets, 1 KiB = 1024; *for display* says that
the thing itself is used whole, and `…` stands for what is not shown. `anyrole explain ID` has a page for each id.
";

/// The numbers of the source by file and name, each as it is written there.
type Constants = BTreeMap<(String, String), String>;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// Collects `const NAME: TYPE = VALUE;`, of the types that limits have, before a file's tests.
fn constants(folder: &str) -> Constants {
    let mut files = Vec::new();
    sources(&root().join(folder), &mut files);
    let mut constants = Constants::new();
    for path in files {
        let file = path.strip_prefix(root()).unwrap().to_str().unwrap().replace('\\', "/");
        // What a test needs is no limit of the program.
        if file.ends_with("/tests.rs") {
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        let code = text
            .lines()
            .take_while(|line| !line.starts_with("#[cfg(test)]") && !line.starts_with("#[cfg(all(test"));
        for line in code {
            let Some((before, rest)) = line.split_once("const ") else { continue };
            let Some((name, rest)) = rest.split_once(": ") else { continue };
            let Some((kind, value)) = rest.split_once(" = ") else { continue };
            let is_number = ["usize", "u64", "u32", "u16", "i64", "Duration"].contains(&kind);
            // Bits are no number.
            let is_number = is_number && !value.starts_with("0x") && !value.starts_with("0o");
            if is_number && (before.trim().is_empty() || before.trim_start().starts_with("pub")) {
                let value = value.trim_end_matches(';').to_owned();
                constants.insert((file.clone(), name.to_owned()), value);
            }
        }
    }
    constants
}

/// Returns what a constant's expression comes to; a time in milliseconds.
fn value(expression: &str) -> Option<u128> {
    for (function, milliseconds) in [("Duration::from_secs(", 1000), ("Duration::from_millis(", 1)] {
        if let Some(inner) = expression.strip_prefix(function) {
            return Some(value(inner.strip_suffix(')')?)? * milliseconds);
        }
    }
    if let Some((number, shift)) = expression.split_once(" << ") {
        return Some(value(number)? << value(shift)?);
    }
    if let Some((first, second)) = expression.split_once(" + ") {
        return Some(value(first)? + value(second)?);
    }
    expression.split(" * ").map(|factor| factor.replace('_', "").parse::<u128>().ok()).product()
}

fn grouped(number: u128) -> String {
    let digits = number.to_string();
    let mut shown = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) && digits.len() > 4 {
            shown.push(',');
        }
        shown.push(digit);
    }
    shown
}

fn rendered(number: u128, unit: Unit) -> String {
    match unit {
        Unit::Octets if number.is_multiple_of(1024 * 1024) => format!("{} MiB", number / 1024 / 1024),
        Unit::Octets if number.is_multiple_of(1024) => format!("{} KiB", number / 1024),
        Unit::Octets => format!("{} octets", grouped(number)),
        Unit::Of(things) => format!("{} {things}", grouped(number)),
        Unit::Seconds => time(number * 1000),
        Unit::Time => time(number),
    }
}

fn time(milliseconds: u128) -> String {
    let (number, unit) = match milliseconds {
        ms if !ms.is_multiple_of(1000) => return format!("{ms} ms"),
        ms if ms > 3_600_000 && !ms.is_multiple_of(3_600_000) => {
            return format!("{} {}", time(ms - ms % 3_600_000), time(ms % 3_600_000));
        }
        ms if ms.is_multiple_of(86_400_000) => (ms / 86_400_000, "day"),
        ms if ms.is_multiple_of(3_600_000) => (ms / 3_600_000, "hour"),
        ms if ms.is_multiple_of(60_000) => (ms / 60_000, "minute"),
        ms => (ms / 1000, "second"),
    };
    format!("{number} {unit}{}", if number == 1 { "" } else { "s" })
}

fn most(limit: &Limit, constants: &Constants) -> String {
    let Limit { file, constants: names, unit, .. } = limit;
    let rendered = names.iter().map(|name| {
        let written = constants.get(&((*file).to_owned(), (*name).to_owned()));
        let written =
            written.unwrap_or_else(|| panic!("{file} has no {name}: correct tests/limits/table.rs"));
        rendered(value(written).unwrap_or_else(|| panic!("{file}: {name} = {written}")), *unit)
    });
    rendered.collect::<Vec<_>>().join(" to ")
}

fn page(constants: &Constants) -> String {
    let mut page = String::from(OPENING);
    for (heading, limits) in SECTIONS {
        let _ = write!(page, "\n## {heading}\n\n| what | at most | beyond it |\n|---|---|---|\n");
        for limit in *limits {
            let _ = writeln!(page, "| {} | {} | {} |", limit.what, most(limit, constants), limit.beyond);
        }
    }
    page
}

fn limits() -> impl Iterator<Item = &'static Limit> {
    SECTIONS.iter().flat_map(|(_, limits)| limits.iter())
}

#[test]
fn the_page_is_what_the_constants_give() {
    let mut constants = constants("src");
    constants.extend(self::constants("pki-test/src"));
    let page = page(&constants);
    let path = root().join("src/manual/limits.md");
    if std::env::var_os("SNAPSHOTS").is_some_and(|value| value == "overwrite") {
        fs::write(&path, &page).unwrap();
    }
    let written = fs::read_to_string(&path).unwrap();
    assert!(
        written == page,
        "src/manual/limits.md is old: SNAPSHOTS=overwrite cargo test --test all limits::"
    );
    for limit in limits() {
        for (index, _) in limit.beyond.match_indices("`[") {
            let id = limit.beyond[index + 2..].split(']').next().unwrap();
            assert!(anyrole::manual::refusal(id).is_some(), "there is no refusal {id}");
        }
    }
}

#[test]
fn every_number_is_a_limit_on_the_page_or_none() {
    let told: BTreeSet<(&str, &str)> =
        limits().flat_map(|limit| limit.constants.iter().map(|name| (limit.file, *name))).collect();
    let none: BTreeSet<(&str, &str)> =
        NONE.iter().flat_map(|(_, numbers)| numbers.iter().map(|(file, name)| (*file, *name))).collect();
    let constants = constants("src");
    let known = |(file, name): &(&str, &str)| {
        constants.contains_key(&((*file).to_owned(), (*name).to_owned())) || !file.starts_with("src/")
    };
    let gone: Vec<_> = told.union(&none).filter(|number| !known(number)).collect();
    assert!(gone.is_empty(), "these are gone from the source: take them out of tests/limits: {gone:?}");
    let both: Vec<_> = told.intersection(&none).collect();
    assert!(both.is_empty(), "{both:?} are limits, and none");
    let missing: Vec<_> = constants
        .keys()
        .map(|(file, name)| (file.as_str(), name.as_str()))
        .filter(|number| !told.contains(number) && !none.contains(number))
        .collect();
    assert!(
        missing.is_empty(),
        "say in tests/limits/table.rs what happens beyond these, or in tests/limits/none.rs why they limit nothing:\n{missing:#?}"
    );
}

#[test]
fn expressions_are_understood() {
    for (expression, expected) in [
        ("4096", Some(4096)),
        ("10_000", Some(10_000)),
        ("16 * 1024", Some(16_384)),
        ("1 << 20", Some(1_048_576)),
        ("Duration::from_secs(12 * 3600 + 5 * 60)", Some(43_500_000)),
        ("Duration::from_millis(50)", Some(50)),
        ("OTHER + 1", None),
    ] {
        assert_eq!(value(expression), expected, "{expression}");
    }
    assert_eq!(rendered(1000, Unit::Of("characters")), "1000 characters");
    assert_eq!(rendered(10_000, Unit::Of("files")), "10,000 files");
}

/// A PKI with the identity `host`, in a folder of its own, where files are padded with line feeds.
struct Padded(tempfile::TempDir);

impl Padded {
    fn new() -> Self {
        let padded = Self(tempfile::tempdir().unwrap());
        for arguments in [&["pki", "init", "--no-passphrase"][..], &["pki", "issue", "host"]] {
            let done = padded.call(arguments);
            assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        }
        padded
    }

    fn call(&self, arguments: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_anyrole"))
            .args(arguments)
            .current_dir(self.0.path())
            .env_clear()
            .env("HOME", self.0.path())
            .stdin(Stdio::null())
            .output()
            .unwrap()
    }

    /// Makes a file as long as that: its text, and line feeds.
    fn pad(&self, name: &str, text: &str, length: u128) {
        let path = self.0.path().join(name);
        let text = fs::read_to_string(self.0.path().join(text)).unwrap_or_else(|_| text.to_owned());
        let blank = "\n".repeat(usize::try_from(length).unwrap() - text.len());
        fs::write(&path, text + &blank).unwrap();
        #[cfg(unix)]
        fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    }
}

const CERTIFICATE: &str = "anyrole-pki/host/host.pem";
const KEY: &str = "anyrole-pki/host/host.key";
const SESSION: &[&str] = &[
    "credential-process",
    "--trust-anchor-arn=arn:aws:rolesanywhere:eu-central-1:111122223333:trust-anchor/a1b2c3d4-0000-4000-8000-000000000001",
    "--profile-arn=arn:aws:rolesanywhere:eu-central-1:111122223333:profile/a1b2c3d4-0000-4000-8000-000000000001",
    "--role-arn=arn:aws:iam::111122223333:role/build",
    "--certificate=anyrole-pki/host/host.pem",
    "--private-key=anyrole-pki/host/host.key",
    "--endpoint=https://127.0.0.1:9",
    "--no-cache",
];

#[test]
fn a_file_of_the_greatest_length_is_read_and_one_octet_more_is_told() {
    let constants = constants("src");
    let padded = Padded::new();
    let session = |more: &'static str| [SESSION, &[more]].concat();
    let key = ["inspect", "--certificate", CERTIFICATE, "--private-key", "padded"].to_vec();
    let cases = [
        (
            "src/identity/reader.rs",
            "CERTIFICATES_LIMIT",
            CERTIFICATE,
            vec!["inspect", "--certificate", "padded"],
            "certificate-unreadable",
        ),
        ("src/private_file/read.rs", "KEY_FILE_LIMIT", KEY, key, "private-key-unreadable"),
        (
            "src/config.rs",
            "MAX_BYTES",
            "version = 1\n",
            vec!["status", "--config", "padded"],
            "file-unreadable",
        ),
        (
            "src/settings/scope.rs",
            "POLICY_BYTES",
            "{\"Statement\":[]}",
            session("--scope-policy=padded"),
            "file-unreadable",
        ),
        ("src/http/roots.rs", "MAX_BUNDLE", CERTIFICATE, session("--ca-bundle=padded"), "ca-bundle-unusable"),
    ];
    for (file, name, text, arguments, id) in cases {
        let length = value(&constants[&(file.to_owned(), name.to_owned())]).unwrap();
        let told = |length| {
            padded.pad("padded", text, length);
            String::from_utf8(padded.call(&arguments).stderr).unwrap()
        };
        let read = told(length);
        assert!(!read.contains(&format!("[{id}]")), "{name}: {read}");
        let refused = told(length + 1);
        assert!(
            refused.contains(&format!("[{id}]")) && refused.contains("anyrole: hint: "),
            "{name}: {refused}"
        );
        let shown = [format!("larger than {length} bytes"), rendered(length, Unit::Octets)];
        assert!(shown.iter().any(|limit| refused.contains(limit)), "{name} is not named: {refused}");
    }
}
