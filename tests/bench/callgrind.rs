//! What callgrind tells of one run: how many instructions it takes.
//!
//! The count is the same for the same program, arguments and files, whatever else the machine does.

use std::process::{Command, Stdio};

/// Returns the instructions of a command; `None` where valgrind is not installed.
pub(crate) fn instructions(command: &Command) -> Option<u64> {
    let file = tempfile::NamedTempFile::new().expect("a temporary file");
    let mut out = std::ffi::OsString::from("--callgrind-out-file=");
    out.push(file.path());
    let mut valgrind = Command::new("valgrind");
    valgrind.arg("--tool=callgrind").arg(out);
    valgrind.arg(command.get_program()).args(command.get_args()).env_clear();
    valgrind.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let status = match valgrind.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status() {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return None,
        status => status.expect("valgrind starts"),
    };
    assert!(status.success(), "under valgrind: {status}");
    let text = std::fs::read_to_string(file.path()).expect("callgrind's file");
    let summary = text.lines().find_map(|line| line.strip_prefix("summary: ")).expect("callgrind's summary");
    Some(summary.trim().parse().expect("a number"))
}
