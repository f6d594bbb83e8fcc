//! What `tests/components` installs, and what follows where it is missing.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The folder that `tests/components` fills: `ANYROLE_COMPONENTS`, or the one that it fills without arguments.
pub(crate) fn folder() -> PathBuf {
    std::env::var_os("ANYROLE_COMPONENTS")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("target/components"), PathBuf::from)
}

/// Says that a test is skipped, and why.
///
/// # Panics
///
/// Panics where nothing may be skipped: `ANYROLE_REQUIRE_COMPONENTS` is 1.
pub(crate) fn skip(why: &str) {
    let required = std::env::var_os("ANYROLE_REQUIRE_COMPONENTS").is_some_and(|value| value == "1");
    assert!(!required, "nothing may be skipped: {why}");
    eprintln!("skipped: {why}");
}

/// [`skip`]s a test for a component that is missing.
pub(crate) fn missing(what: &str) {
    skip(&format!("{what} is missing: tests/components installs it"));
}

/// Tells whether all of these programs are there, by name or path; the first that is not is [`missing`].
pub(crate) fn have(programs: &[&str]) -> bool {
    let is_absent = |program: &&&str| {
        let mut search = Command::new("/bin/sh");
        search.args(["-c", "command -v \"$0\"", program]).stdin(Stdio::null()).stdout(Stdio::null());
        !search.status().is_ok_and(|status| status.success())
    };
    let absent = programs.iter().find(is_absent);
    if let Some(program) = absent {
        missing(program);
    }
    absent.is_none()
}
