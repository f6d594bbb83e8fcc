//! A copy of the program that runs with somebody else's privileges refuses to do anything.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::process::Command;

use super::have;

#[test]
fn a_setuid_or_setgid_copy_is_refused() {
    if !have(&["setpriv"], true) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    for (mode, refused) in [(0o755, false), (0o4755, true), (0o2755, true)] {
        let copy = folder.path().join(format!("anyrole-{mode:o}"));
        // By another process: what a sibling test starts meanwhile must not inherit a descriptor that writes it.
        assert!(Command::new("cp").arg(env!("CARGO_BIN_EXE_anyrole")).arg(&copy).status().unwrap().success());
        chown(&copy, Some(64_201), Some(64_201)).unwrap();
        fs::set_permissions(&copy, fs::Permissions::from_mode(mode)).unwrap();
        let mut other = Command::new("setpriv");
        other.args(["--reuid", "64202", "--regid", "64202", "--clear-groups"]).arg(&copy).arg("version");
        let done = other.output().unwrap();
        let told = String::from_utf8_lossy(&done.stderr);
        if refused {
            assert_eq!(done.status.code(), Some(2), "{mode:o}: {told}");
            assert!(done.stdout.is_empty() && told.contains("[started-with-privileges]"), "{mode:o}: {told}");
        } else {
            assert!(done.status.success(), "{mode:o}: {told}");
        }
    }
}
