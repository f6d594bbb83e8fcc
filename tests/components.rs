//! The program against real components: keyrings, and users of the system.
//!
//! `tests/components` installs what is needed. A component that is missing is skipped with a line on stderr, and is a
//! failure where `ANYROLE_REQUIRE_COMPONENTS=1` says that it must be there.
#![cfg(all(target_os = "linux", feature = "pki"))]

#[path = "keyrings/kernel.rs"]
pub(crate) mod kernel_keyring;
#[path = "keyrings/privileges.rs"]
mod privileges;
#[cfg(feature = "secret-service")]
#[path = "keyrings/secret_service.rs"]
mod secret_service;

use std::process::{Command, Stdio};

/// Tells whether all programs are there, and the user is root where that is needed.
fn have(programs: &[&str], needs_root: bool) -> bool {
    let mut missing: Vec<_> = programs
        .iter()
        .filter(|program| {
            let mut search = Command::new("sh");
            search.arg("-c").arg(format!("command -v {program}")).stdout(Stdio::null());
            !search.status().is_ok_and(|status| status.success())
        })
        .copied()
        .collect();
    if needs_root && !rustix::process::geteuid().is_root() {
        missing.push("root");
    }
    if missing.is_empty() {
        return true;
    }
    let missing = missing.join(", ");
    let required = std::env::var_os("ANYROLE_REQUIRE_COMPONENTS").is_some_and(|value| value == "1");
    assert!(!required, "missing: {missing}");
    eprintln!("skipped: missing {missing}");
    false
}
