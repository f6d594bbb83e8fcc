//! Programs that may be missing.

use std::io::Write as _;
use std::process::{Command, Output, Stdio};

/// Skips loudly, or fails where all components must be there.
pub(super) fn missing(component: &str) {
    let required = std::env::var_os("ANYROLE_REQUIRE_COMPONENTS").is_some_and(|value| value == "1");
    assert!(!required, "{component} is required and missing");
    eprintln!("SKIPPED: {component} is missing");
}

/// Runs a program with `input` on its standard input.
pub(super) fn run(program: &str, arguments: &[&str], input: &[u8]) -> Output {
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program was found before");
    let mut stdin = child.stdin.take().expect("stdin is piped");
    // A program may end before it has read everything, and that is its answer.
    let _ = stdin.write_all(input);
    drop(stdin);
    child.wait_with_output().expect("a child can be waited for")
}

/// Tells whether a program runs and succeeds.
pub(super) fn runs(program: &str, arguments: &[&str]) -> bool {
    let status = Command::new(program).args(arguments).stdout(Stdio::null()).stderr(Stdio::null()).status();
    status.is_ok_and(|status| status.success())
}
