//! Programs and scripts that a test puts somewhere and starts.
//!
//! Another process writes them. While this one has such a file open for writing, what another test's thread starts just then has it open
//! too until its exec, and Linux starts no file that somebody writes (ETXTBSY, "Text file busy").

#[cfg(unix)]
use std::io::Write as _;
use std::path::Path;
use std::process::Command;
#[cfg(unix)]
use std::process::Stdio;

/// Copies a program to a file that is not there.
pub(crate) fn copy(program: &str, to: impl AsRef<Path>) {
    let done = Command::new("cp").arg(program).arg(to.as_ref()).status().unwrap();
    assert!(done.success(), "{}", to.as_ref().display());
}

/// Writes a script that everybody may start.
#[cfg(unix)]
pub(crate) fn script(path: impl AsRef<Path>, text: &str) {
    let mut writer = Command::new("/bin/sh")
        .args(["-c", "cat > \"$1\" && chmod 755 \"$1\"", "sh"])
        .arg(path.as_ref())
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    writer.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    assert!(writer.wait().unwrap().success(), "{}", path.as_ref().display());
}
