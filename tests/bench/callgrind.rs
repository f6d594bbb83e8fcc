//! What callgrind tells of one run: how many instructions it takes, and through which functions it goes.
//!
//! Both are the same for the same program, arguments and files, whatever else the machine does.

use std::collections::BTreeSet;
use std::process::{Command, Stdio};

/// One run, instruction by instruction.
#[derive(Debug)]
pub(crate) struct Profile {
    pub(crate) instructions: u64,
    /// The functions of the program and of its libraries, as the linker knows them; a stripped program has no names.
    pub(crate) functions: BTreeSet<String>,
}

/// Returns the profile of a command; `None` where valgrind is not installed.
pub(crate) fn profile(command: &Command) -> Option<Profile> {
    let file = tempfile::NamedTempFile::new().expect("a temporary file");
    let mut out = std::ffi::OsString::from("--callgrind-out-file=");
    out.push(file.path());
    let mut valgrind = Command::new("valgrind");
    valgrind.args(["--tool=callgrind", "--demangle=no", "--show-below-main=yes"]).arg(out);
    valgrind.arg(command.get_program()).args(command.get_args()).env_clear();
    valgrind.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let status = match valgrind.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status() {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return None,
        status => status.expect("valgrind starts"),
    };
    assert!(status.success(), "under valgrind: {status}");
    let text = std::fs::read_to_string(file.path()).expect("callgrind's file");
    Some(read(&text))
}

/// Reads callgrind's format, where `fn=(2) name` and `cfn=(2) name` name each function once, and later by its number.
fn read(text: &str) -> Profile {
    let mut profile = Profile { instructions: 0, functions: BTreeSet::new() };
    for line in text.lines() {
        if let Some(count) = line.strip_prefix("summary: ") {
            profile.instructions = count.trim().parse().expect("a number");
        }
        let called = line.strip_prefix("fn=").or_else(|| line.strip_prefix("cfn="));
        if let Some((_, name)) = called.and_then(|called| called.split_once(' ')) {
            // Behind a quote stands the depth of a recursion.
            let name = name.split('\'').next().unwrap_or(name);
            profile.functions.insert(name.to_owned());
        }
    }
    profile
}
