//! `update`: what it writes, what it never loses, and how it goes on.
//!
//! What the official helper does to the file in the same places is in each test's name or comment: U1 to U9 of its measured faults.
#![cfg(all(unix, feature = "pki"))]

mod readers;
mod running;
mod users;
mod writing;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use crate::support::stage::Stage;

/// A file that somebody keeps by hand: the profile `default` in its middle, and much that is to stay.
const KEPT: &str = "\u{feff}# kept by hand\r\n[first]\r\naws_access_key_id = AKIAFIRST\r\n\r\n[default]\naws_access_key_id = AKIAEXAMPLEEXAMPLE01\n\
                    aws_secret_access_key = old\n# of ours\nregion = eu-west-1\n\n; of the next\n[ next ]\n  s3 =\n    x = 1\n[last]\nregion = eu-west-1";

/// The session of a stage, to be written by `update`.
fn update(stage: &Stage, more: &[&str]) -> Command {
    let process = stage.credential_process(stage.http_endpoint(), &[]);
    let mut own = stage.bare(process.get_program());
    own.env("ANYROLE_CACHE", "file");
    own.arg("update").args(process.get_args().skip(1)).args(more);
    own
}

fn run(command: &mut Command) -> (Output, String) {
    let output = command.stdout(Stdio::piped()).stderr(Stdio::piped()).output().unwrap();
    let told = String::from_utf8(output.stderr.clone()).unwrap();
    assert!(output.stdout.is_empty(), "nothing is for a program to read");
    (output, told)
}

/// Writes the file where the stage's home has it, and returns its path.
fn kept_file(stage: &Stage) -> PathBuf {
    let path = credentials(stage);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, KEPT).unwrap();
    set_mode(&path, 0o600);
    path
}

fn credentials(stage: &Stage) -> PathBuf {
    stage.state_folder().ancestors().nth(3).unwrap().join(".aws/credentials")
}

/// The value of a key in a profile; asserts that both stand there once.
fn value(content: &str, profile: &str, key: &str) -> String {
    let header = format!("[{profile}]");
    assert_eq!(content.lines().filter(|line| line.trim() == header).count(), 1, "{profile}: {content}");
    let section = content.split(&header).nth(1).unwrap().split("\n[").next().unwrap();
    let values: Vec<&str> = section
        .lines()
        .filter_map(|line| line.split_once('='))
        .filter(|(name, _)| name.trim() == key)
        .map(|(_, value)| value.trim())
        .collect();
    assert_eq!(values.len(), 1, "{key} of {profile}: {content}");
    values[0].to_owned()
}

/// The lines of the file without those of a session.
fn others(content: &str) -> String {
    let is_ours = |line: &&str| {
        ["aws_access_key_id = ASIA", "aws_secret_access_key = ", "aws_session_token = "]
            .iter()
            .any(|ours| line.starts_with(ours))
    };
    content.split_inclusive('\n').filter(|line| !is_ours(line)).collect()
}

fn set_mode(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

fn mode(path: &Path) -> u32 {
    use std::os::unix::fs::MetadataExt as _;
    fs::metadata(path).unwrap().mode() & 0o7777
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}
