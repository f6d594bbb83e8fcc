//! A folder of files and the program that judges them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

pub(super) struct Stage {
    folder: TempDir,
}

/// One finding, as far as tests look at it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Told {
    pub(super) file: String,
    pub(super) line: u64,
    pub(super) rule: String,
    pub(super) resource: String,
}

impl Stage {
    pub(super) fn set() -> Self {
        Self { folder: TempDir::with_prefix("anyrole-policies-").unwrap() }
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(super) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path
    }

    pub(super) fn anyrole(&self, arguments: &[&str], input: Option<&Path>) -> Output {
        let input = input.map_or_else(Stdio::null, |path| fs::File::open(path).unwrap().into());
        Command::new(env!("CARGO_BIN_EXE_anyrole"))
            .env_clear()
            .env("HOME", self.folder.path())
            .env("PATH", "/usr/bin:/bin")
            .env("ANYROLE_CACHE", "none")
            .current_dir(self.folder.path())
            .stdin(input)
            .args(arguments)
            .output()
            .unwrap()
    }

    /// The report of `audit policy --json` or `audit trust --json`, and the exit status.
    pub(super) fn report(&self, which: &str, arguments: &[&str]) -> (Value, i32) {
        let output = self.anyrole(&[&["audit", which, "--json"], arguments].concat(), None);
        let status = output.status.code().unwrap();
        let told = String::from_utf8_lossy(&output.stderr);
        let envelope: Value = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|error| panic!("{arguments:?}: {error}: {told}"));
        assert_eq!(envelope["anyrole"], 1);
        assert_eq!(envelope["kind"], format!("audit-{which}"));
        (envelope["data"].clone(), status)
    }

    /// The findings, sorted.
    pub(super) fn findings(&self, which: &str, arguments: &[&str]) -> Vec<Told> {
        let (report, _) = self.report(which, arguments);
        told(&report)
    }
}

pub(super) fn told(report: &Value) -> Vec<Told> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut told: Vec<Told> = report["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|finding| Told {
            file: text(&finding["path"]),
            line: finding["line"].as_u64().unwrap(),
            rule: text(&finding["rule"]),
            resource: text(&finding["resource"]),
        })
        .collect();
    told.sort();
    told
}

/// The rules that were found, each once.
pub(super) fn rules(told: &[Told]) -> Vec<&str> {
    let mut rules: Vec<&str> = told.iter().map(|one| one.rule.as_str()).collect();
    rules.sort_unstable();
    rules.dedup();
    rules
}
