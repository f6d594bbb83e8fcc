//! Locks, changes by others, and what is preserved of a file.
#![cfg(unix)]
#![expect(clippy::disallowed_methods, reason = "a test plays the other programs")]

use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::Path;

use super::*;

const LIMIT: u64 = 1000;
const LOCK_TIMEOUT: Duration = Duration::from_secs(20);

fn begin(path: &Path) -> Editing {
    Editing::begin(path, MissingFolder::Refuse, LIMIT, LOCK_TIMEOUT).expect("the folder is ours")
}

/// Adds a line, retrying while others change the file.
fn add(path: &Path, line: &str) {
    loop {
        let editing = begin(path);
        let content = [editing.content(), line.as_bytes(), b"\n"].concat();
        if matches!(editing.replace(&content).expect("the folder is ours"), Replaced::Done(_)) {
            return;
        }
    }
}

fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).expect("the folder is ours");
    let mut names: Vec<_> =
        entries.map(|entry| entry.expect("it is there").file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

#[test]
fn many_writers_lose_nothing_and_leave_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("file");
    thread::scope(|scope| {
        for writer in 0..8 {
            let path = &path;
            scope.spawn(move || (0..4).for_each(|round| add(path, &format!("{writer} {round}"))));
        }
    });
    let content = std::fs::read_to_string(&path).expect("it was written");
    let mut lines: Vec<&str> = content.lines().collect();
    lines.sort_unstable();
    lines.dedup();
    assert_eq!(lines.len(), 32, "{content}");
    assert_eq!(names(folder.path()), ["file"]);
    assert_eq!(std::fs::metadata(&path).expect("it is there").mode() & 0o777, 0o600);
}

#[test]
fn what_another_program_wrote_meanwhile_is_seen() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("file");
    std::fs::write(&path, "one\n").expect("the folder is ours");
    for exchange in [false, true] {
        let editing = begin(&path);
        if exchange {
            std::fs::write(folder.path().join("other"), "two\n").expect("the folder is ours");
            std::fs::rename(folder.path().join("other"), &path).expect("the folder is ours");
        } else {
            std::fs::write(&path, "two\n").expect("the folder is ours");
        }
        assert_eq!(editing.replace(b"three\n").expect("no failure"), Replaced::Changed);
        assert_eq!(std::fs::read(&path).expect("it is there"), b"two\n");
    }
    assert_eq!(names(folder.path()), ["file"]);
    add(&path, "four");
    assert_eq!(std::fs::read(&path).expect("it is there"), b"two\nfour\n");
}

#[test]
fn a_program_that_empties_the_file_before_it_writes_loses_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("file");
    std::fs::write(&path, "theirs\n").expect("the folder is ours");
    thread::scope(|scope| {
        let other = scope.spawn(|| {
            for _ in 0..20 {
                let mut content = std::fs::read(&path).expect("it is there");
                content.extend_from_slice(b"more\n");
                let mut file =
                    std::fs::OpenOptions::new().write(true).truncate(true).open(&path).expect("ours");
                thread::sleep(Duration::from_millis(5));
                io::Write::write_all(&mut file, &content).expect("there is room");
                thread::sleep(Duration::from_millis(30));
            }
        });
        while !other.is_finished() {
            add(&path, "ours");
        }
    });
    let content = std::fs::read_to_string(&path).expect("it is there");
    assert!(content.starts_with("theirs\n"), "{content}");
}

#[test]
fn mode_and_links_are_kept_and_what_the_killed_left_is_removed() {
    let folder = tempfile::tempdir().expect("a folder");
    let (path, link) = (folder.path().join("file"), folder.path().join("link"));
    std::fs::write(&path, "one\n").expect("the folder is ours");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).expect("it is ours");
    symlink("file", &link).expect("the folder is ours");
    for left in [".file.anyrole-0123456789abcdef", ".file.anyrole-x", ".other.anyrole-0123456789abcdef"] {
        std::fs::write(folder.path().join(left), "secret").expect("the folder is ours");
    }
    add(&link, "two");
    assert_eq!(std::fs::read(&path).expect("it is there"), b"one\ntwo\n");
    assert_eq!(std::fs::metadata(&path).expect("it is there").mode() & 0o777, 0o640);
    assert!(std::fs::symlink_metadata(&link).expect("it is there").is_symlink());
    assert_eq!(names(folder.path()), [".file.anyrole-x", ".other.anyrole-0123456789abcdef", "file", "link"]);
    // A dangling link: the file is created at its target.
    symlink("new", folder.path().join("to-new")).expect("the folder is ours");
    add(&folder.path().join("to-new"), "x");
    assert_eq!(std::fs::read(folder.path().join("new")).expect("it was made"), b"x\n");
}

#[test]
fn a_file_that_comes_to_nothing_is_not_left() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("file");
    drop(begin(&path));
    assert_eq!(names(folder.path()), [""; 0]);
    let below = folder.path().join(".aws/file");
    let error = Editing::begin(&below, MissingFolder::Refuse, LIMIT, LOCK_TIMEOUT).expect_err("no folder");
    assert!(error.to_string().contains(".aws': there is no such file or folder"), "{error}");
    drop(Editing::begin(&below, MissingFolder::Make, LIMIT, LOCK_TIMEOUT).expect("the folder is made"));
    assert_eq!(std::fs::metadata(folder.path().join(".aws")).expect("made").mode() & 0o777, 0o700);
    let deeper = folder.path().join("a/b/file");
    Editing::begin(&deeper, MissingFolder::Make, LIMIT, LOCK_TIMEOUT).expect_err("only one folder is made");
}

#[test]
fn what_is_no_file_or_too_large_or_locked_is_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("file");
    let told = |path: &Path| {
        Editing::begin(path, MissingFolder::Refuse, LIMIT, Duration::from_millis(10))
            .expect_err("it cannot be")
            .to_string()
    };
    std::fs::create_dir(folder.path().join("folder")).expect("the folder is ours");
    assert!(told(&folder.path().join("folder")).ends_with("it is a folder"));
    assert!(std::process::Command::new("mkfifo").arg(&path).status().expect("POSIX has it").success());
    assert!(told(&path).ends_with("it is a pipe"));
    std::fs::remove_file(&path).expect("it is ours");
    std::fs::write(&path, vec![b'x'; 1001]).expect("the folder is ours");
    assert!(told(&path).ends_with("it is larger than 1000 bytes"));
    std::fs::write(&path, "x").expect("the folder is ours");
    let _held = begin(&path);
    assert!(told(&path).ends_with("another program has kept it locked for 0 seconds"));
    symlink("circle", folder.path().join("circle")).expect("the folder is ours");
    assert!(told(&folder.path().join("circle")).contains("its links lead nowhere"));
}
