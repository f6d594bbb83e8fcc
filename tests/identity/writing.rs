//! Writing: owner-only from the first byte, whole or not at all, under any umask.

use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::process::Command;

use anyrole::private_file::{create_private_folder, open_private, replace, write_new};

use super::support::{Folder, set_mode};

/// Names the folder in which a child of this test writes.
const CHILD: &str = "ANYROLE_TEST_WRITE_INTO";

fn mode(path: &Path) -> u32 {
    std::fs::symlink_metadata(path).expect("it exists").permissions().mode() & 0o7777
}

/// What each child does; under its own umask, which a thread cannot have.
fn write_everything(folder: &Path) {
    create_private_folder(&folder.join("a/b/c")).expect("folders");
    write_new(&folder.join("a/new"), b"secret", 0o600).expect("a new file");
    write_new(&folder.join("a/public"), b"public", 0o644).expect("a new public file");
    replace(&folder.join("a/replaced"), b"one", 0o600).expect("a first version");
    replace(&folder.join("a/replaced"), b"two", 0o600).expect("a second version");
    drop(open_private(&folder.join("a/lock")).expect("a lock"));
}

#[test]
fn modes_do_not_depend_on_the_umask() {
    if let Some(folder) = std::env::var_os(CHILD) {
        write_everything(Path::new(&folder));
        return;
    }
    let program = std::env::current_exe().expect("this test's program");
    for umask in ["000", "022", "077", "777"] {
        let folder = Folder::new();
        let output = Command::new("/bin/sh")
            .args(["-c", "umask \"$1\"; shift; exec \"$@\"", "sh", umask])
            .arg(&program)
            .args(["--exact", "identity::writing::modes_do_not_depend_on_the_umask"])
            .env(CHILD, folder.path(""))
            .output()
            .expect("a shell");
        assert!(output.status.success(), "umask {umask}: {}", String::from_utf8_lossy(&output.stdout));
        for name in ["a", "a/b", "a/b/c"] {
            assert_eq!(mode(&folder.path(name)), 0o700, "umask {umask}: {name}");
        }
        for name in ["a/new", "a/replaced", "a/lock"] {
            assert_eq!(mode(&folder.path(name)), 0o600, "umask {umask}: {name}");
        }
        assert_eq!(mode(&folder.path("a/public")), 0o644, "umask {umask}");
        assert_eq!(std::fs::read(folder.path("a/replaced")).expect("readable"), b"two");
        assert_eq!(
            std::fs::read_dir(folder.path("a")).expect("a folder").count(),
            5,
            "no temporary file is left"
        );
    }
}

#[test]
fn a_new_file_replaces_nothing() {
    let folder = Folder::new();
    let path = folder.write("key", "old");
    let error = write_new(&path, b"new", 0o600).expect_err("it exists");
    assert_eq!(error.to_string(), format!("cannot write '{}': it exists already", path.display()));
    assert_eq!(std::fs::read(&path).expect("readable"), b"old");
    symlink(folder.path("victim"), folder.path("link")).expect("a dangling link");
    write_new(&folder.path("link"), b"new", 0o600).expect_err("a link is there");
    assert!(!folder.path("victim").exists());
}

#[test]
fn a_replacement_does_not_follow_a_link() {
    let folder = Folder::new();
    let victim = folder.write("victim", "untouched");
    symlink(&victim, folder.path("link")).expect("a link");
    replace(&folder.path("link"), b"new", 0o600).expect("replaced");
    assert_eq!(std::fs::read(&victim).expect("readable"), b"untouched");
    assert_eq!(std::fs::read(folder.path("link")).expect("readable"), b"new");
    replace(&folder.path("absent/file"), b"x", 0o600).expect_err("no folder");
}

#[test]
fn a_folder_that_others_can_reach_is_refused() {
    let folder = Folder::new();
    create_private_folder(&folder.path("state")).expect("a new folder");
    create_private_folder(&folder.path("state")).expect("its own folder");
    set_mode(&folder.path("state"), 0o750);
    let error = create_private_folder(&folder.path("state")).expect_err("open");
    assert!(error.to_string().ends_with("other users can reach it (mode 0750, 0700 is needed)"), "{error}");
    symlink(folder.path("state"), folder.path("link")).expect("a link");
    create_private_folder(&folder.path("link")).expect_err("a link");
    create_private_folder(&folder.write("file", "")).expect_err("a file");
    symlink(folder.path("victim"), folder.path("lock")).expect("a dangling link");
    open_private(&folder.path("lock")).expect_err("a link");
    assert!(!folder.path("victim").exists());
}
