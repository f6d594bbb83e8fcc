//! The shape of the source: who imports whom, how long a file is, who may see a secret.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Every module with its floor; a module imports lower floors only. `src/lib.rs` explains the picture.
const FLOORS: &[(&str, u8)] = &[
    ("arn", 0),
    ("clock", 0),
    ("command_line", 0),
    ("diagnostic", 0),
    ("env", 0),
    ("ini", 0),
    ("manual", 0),
    ("private_file", 0),
    ("process", 0),
    ("secret", 0),
    ("systemd", 0),
    ("text", 0),
    ("trace", 0),
    ("aws_file", 1),
    ("credentials", 1),
    ("policy", 1),
    ("prompt", 1),
    ("x509", 1),
    ("cache", 2),
    ("config", 2),
    ("signer", 2),
    ("identity", 3),
    ("signing", 4),
    ("http", 5),
    ("session", 6),
    ("sts", 6),
    ("configure", 7),
    ("explain", 7),
    ("iam", 7),
    ("provider", 7),
    ("advise", 8),
    ("audit", 8),
    ("credential_process", 8),
    ("credentials_file", 8),
    ("doctor", 8),
    ("exec", 8),
    ("inspect", 8),
    ("migrate", 8),
    ("pki", 8),
    ("server", 8),
    ("settings", 8),
    ("setup", 8),
    ("shell_env", 8),
    ("via", 8),
    ("cli", 9),
    ("sdk", 9),
];

/// Ground-floor modules that other ground-floor modules may use.
const FOUNDATION: &[&str] = &["diagnostic", "env", "secret", "text"];

/// The files that may look into a `Secret`.
const EXPOSERS: &[&str] = &[
    "src/bin/anyrole-pkcs11/signing.rs",
    "src/cli/exec.rs",
    "src/cli/passphrase.rs",
    "src/cli/serve/offers.rs",
    "src/cache/entry.rs",
    "src/cache/seal.rs",
    "src/cache/state_folder.rs",
    "src/credential_process.rs",
    "src/credentials_file.rs",
    "src/http/proxy.rs",
    "src/migrate/backup.rs",
    "src/pki.rs",
    "src/provider/session_spec.rs",
    "src/sdk.rs",
    "src/secret.rs",
    "src/server/answer.rs",
    "src/server/token.rs",
    "src/shell_env.rs",
    "src/signer/file.rs",
    "src/signer/pkcs11/key.rs",
    "src/signer/pkcs11/pin.rs",
    "src/signer/pkcs11/wire.rs",
    "src/signer/tpm/create.rs",
    "src/signer/tpm/session.rs",
    "src/signer/tpm/unlock.rs",
    "src/signing/sigv4.rs",
    "src/sts/request.rs",
    "src/x509/pkcs12.rs",
    "src/x509/private_key/encrypted.rs",
];

const MAX_LINES: usize = 800;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn rust_files(folder: &Path, found: &mut Vec<PathBuf>) {
    let mut entries: Vec<PathBuf> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            if path.file_name().is_some_and(|name| name != "target") {
                rust_files(&path, found);
            }
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// Every Rust file of the project, relative to its root.
fn files() -> Vec<(String, String)> {
    let mut found = Vec::new();
    for folder in ["src", "pki-test", "tests"] {
        rust_files(&root().join(folder), &mut found);
    }
    found
        .into_iter()
        .map(|path| {
            let name = path.strip_prefix(root()).unwrap().to_str().unwrap().to_owned();
            (name, fs::read_to_string(&path).unwrap())
        })
        .collect()
}

/// The lines that are code, without comments and without the unit tests at the end of a file.
fn code(text: &str) -> impl Iterator<Item = &str> {
    text.lines()
        .take_while(|line| line.trim() != "#[cfg(test)]")
        .filter(|line| !line.trim_start().starts_with("//"))
}

fn module_of(file: &str) -> Option<&str> {
    let inside = file.strip_prefix("src/")?;
    let first = inside.split('/').next()?;
    Some(first.strip_suffix(".rs").unwrap_or(first))
}

fn floor(module: &str) -> Option<u8> {
    FLOORS.iter().find(|(name, _)| *name == module).map(|(_, floor)| *floor)
}

/// The modules that a line of code names as `crate::MODULE`.
fn imports(line: &str) -> impl Iterator<Item = &str> {
    line.match_indices("crate::").map(move |(index, found)| {
        let rest = &line[index + found.len()..];
        &rest[..rest
            .find(|c: char| !c.is_ascii_lowercase() && c != '_' && !c.is_ascii_digit())
            .unwrap_or(rest.len())]
    })
}

#[test]
fn a_module_imports_lower_floors_only() {
    let mut wrong = Vec::new();
    for (file, text) in files() {
        let Some(module) = module_of(&file) else { continue };
        // The helper is a program of its own, and uses the library as anybody does.
        if matches!(module, "bin" | "lib" | "main") {
            continue;
        }
        let Some(own) = floor(module) else {
            wrong.push(format!("{file}: the module {module} has no floor in tests/floors.rs"));
            continue;
        };
        for line in code(&text) {
            for imported in imports(line) {
                if imported == module || imported.is_empty() {
                    continue;
                }
                let allowed = match floor(imported) {
                    None => false,
                    Some(0) if own == 0 => FOUNDATION.contains(&imported),
                    Some(theirs) => theirs < own,
                };
                if !allowed {
                    wrong.push(format!("{file} (floor {own}) imports {imported}: {}", line.trim()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The table at the top of `src/lib.rs`: every module that it names, with its floor.
fn table() -> BTreeSet<(String, u8)> {
    let page = fs::read_to_string(root().join("src/lib.rs")).unwrap();
    let rows = page.lines().filter_map(|line| line.strip_prefix("//! | "));
    rows.filter_map(|row| {
        let mut cells = row.split(" | ");
        let floor: u8 = cells.next()?.parse().ok()?;
        let names = cells.next()?.split('`').skip(1).step_by(2);
        Some(names.map(move |name| (name.trim_start_matches("mod@").to_owned(), floor)).collect::<Vec<_>>())
    })
    .flatten()
    .collect()
}

#[test]
fn the_map_of_the_source_shows_every_module_on_its_floor() {
    let exists = |module: &str| root().join(format!("src/{module}.rs")).exists();
    let floors = FLOORS.iter().filter(|(module, _)| exists(module));
    let floors: BTreeSet<_> = floors.map(|(module, floor)| ((*module).to_owned(), *floor)).collect();
    assert_eq!(table(), floors, "left: the table in src/lib.rs; right: FLOORS in this test");
}

/// The files beside a file that its code names as `super::FILE` or `super::{FILE, …}`.
fn neighbours(text: &str) -> Vec<String> {
    let code: String = code(text).filter(|line| !line.trim_start().starts_with("pub use")).collect();
    let mut names = Vec::new();
    for named in code.split("super::").skip(1) {
        let list = named.strip_prefix('{').map_or(named, |list| list.split('}').next().unwrap_or(list));
        let list = if named.starts_with('{') { list } else { list.split(',').next().unwrap_or(list) };
        for name in list.split(',') {
            let is_name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
            names.push(name.trim().chars().take_while(|c| is_name(*c)).collect());
        }
    }
    names
}

/// Two files that import each other cannot be understood one after the other. What is left is listed.
#[test]
fn no_two_files_import_each_other() {
    const LEFT: &[(&str, &str)] = &[
        // A command says what it is called with, and its help says that.
        ("src/cli/args.rs", "src/cli/help.rs"),
        // A pattern of a condition, and of an action.
        (
            "pki-test/src/simulator/trust_policy/condition.rs",
            "pki-test/src/simulator/trust_policy/vocabulary.rs",
        ),
    ];
    let files = files();
    let mut imports = BTreeSet::new();
    for (file, text) in files.iter().filter(|(file, _)| !file.starts_with("tests/")) {
        let folder = &file[..=file.rfind('/').unwrap()];
        for neighbour in neighbours(text) {
            let other = format!("{folder}{neighbour}.rs");
            if other != *file && files.iter().any(|(file, _)| *file == other) {
                imports.insert((file.clone(), other));
            }
        }
    }
    let both =
        imports.iter().filter(|(one, other)| one < other && imports.contains(&(other.clone(), one.clone())));
    let both: BTreeSet<_> = both.map(|(one, other)| (one.as_str(), other.as_str())).collect();
    assert_eq!(
        both,
        LEFT.iter().copied().collect(),
        "left: files that import each other; right: the list in this test"
    );
}

#[test]
fn the_judge_does_not_know_the_defendant() {
    for (file, text) in files() {
        if file.starts_with("pki-test/") {
            assert!(!code(&text).any(|line| line.contains("anyrole::")), "{file} imports the main crate");
        }
    }
}

#[test]
fn every_file_has_a_header_and_a_bounded_length() {
    for (file, text) in files() {
        assert!(text.starts_with("//!"), "{file} does not open with a //! header");
        let lines = text.lines().count();
        assert!(
            lines <= MAX_LINES,
            "{file} has {lines} lines; more than {MAX_LINES} is several things in one file"
        );
    }
}

#[test]
fn secrets_are_exposed_in_the_listed_files_only() {
    let callers: BTreeSet<String> = files()
        .into_iter()
        .filter(|(file, text)| file.starts_with("src/") && code(text).any(|line| line.contains(".expose()")))
        .map(|(file, _)| file)
        .collect();
    let listed: BTreeSet<String> =
        EXPOSERS.iter().filter(|file| **file != "src/secret.rs").map(|file| (*file).to_owned()).collect();
    assert_eq!(callers, listed, "left: files that call expose(); right: the list in this test");
}

#[test]
fn the_streams_are_written_in_one_place_each() {
    for (file, text) in files() {
        // The helper's standard streams are pipes to the program.
        if !file.starts_with("src/") || file.starts_with("src/bin/") {
            continue;
        }
        for line in code(&text) {
            if line.contains("stdout()") {
                assert_eq!(file, "src/cli/output.rs", "standard output is written in cli/output.rs: {line}");
            }
            if line.contains("stderr()") {
                assert_eq!(file, "src/cli/report.rs", "standard error is written in cli/report.rs: {line}");
            }
        }
    }
}
