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

use crate::support::components::{have, skip};

/// Tells whether all programs are there, and the user is root.
fn have_as_root(programs: &[&str]) -> bool {
    if !rustix::process::geteuid().is_root() {
        skip("this is not root");
        return false;
    }
    have(programs)
}
