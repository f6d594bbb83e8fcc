//! `audit files` and `audit iam` against generated hosts and accounts, hostile trees, real histories and a real browser.
#![cfg(target_os = "linux")]

mod browser;
mod corpus;
mod found;
mod history;
mod host;
mod hostile;
mod iam;
mod interface;
mod peers;

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

/// Our program in an environment of its own.
fn audit(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_anyrole"));
    command.env_clear().env("HOME", folder).env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command.current_dir(folder).args(["audit", "files"]);
    command
}

fn run(command: &mut Command) -> Output {
    command.output().unwrap()
}

fn told(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The data of a report, after its envelope was checked.
fn data(output: &Output) -> Value {
    let document: Value =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {}", told(output)));
    assert_eq!((&document["anyrole"], &document["kind"]), (&Value::from(1), &Value::from("audit-files")));
    document["data"].clone()
}
