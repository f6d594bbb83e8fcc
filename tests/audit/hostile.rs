//! Trees that are built to stop or to mislead whoever walks through them.

use std::fs::{self, File};
use std::io::Write as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::os::unix::net::UnixListener;
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;

use crate::audit::corpus::{Random, tar, write, zip};
use crate::audit::{audit, data, run, told};

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// What does not end is killed by the test's own end; what ends here has walked all of it.
#[test]
fn nothing_hangs_or_ends_it() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let id = Random::new(5).id("AKIA", 111_122_223_333);
    rustix::fs::mkfifoat(rustix::fs::CWD, root.join("fifo"), rustix::fs::Mode::RWXU).unwrap();
    let _socket = UnixListener::bind(root.join("socket")).unwrap();
    symlink(".", root.join("here")).unwrap();
    symlink("..", root.join("above")).unwrap();
    symlink("round", root.join("round")).unwrap();
    symlink("/dev/zero", root.join("zero")).unwrap();
    symlink("nowhere", root.join("dangling")).unwrap();
    write(root, &format!("{}end", "deep/".repeat(300)), id.as_bytes());
    // A terabyte of nothing, and a key at its end.
    let mut sparse = File::create(root.join("sparse")).unwrap();
    if sparse.set_len(1 << 40).is_ok() {
        std::io::Seek::seek(&mut sparse, std::io::SeekFrom::End(0)).unwrap();
        sparse.write_all(format!("\nid = {id}\n").as_bytes()).unwrap();
    }
    write(root, "bomb.gz", &gzip(&vec![0; 64 << 20]));
    let mut nested = id.clone().into_bytes();
    for level in 0..6 {
        nested = if level % 2 == 0 { gzip(&tar("x", &nested)) } else { zip("y", &nested) };
    }
    write(root, "nested.tgz", &nested);
    for (name, whole) in [
        ("cut.zip", zip("a", id.as_bytes())),
        ("cut.tar", tar("a", &[b'x'; 2000])),
        ("cut.gz", gzip(&vec![7; 9000])),
    ] {
        write(root, name, &whole[..whole.len() / 2]);
    }
    write(
        root,
        "long-line",
        format!("{}{id}{}", "{\"a\":[".repeat(200_000), "x".repeat(3_000_000)).as_bytes(),
    );
    write(root, "many", format!("{id}\n").repeat(5000).as_bytes());
    write(root, "base64", "QUtJQ".repeat(200_000).as_bytes());
    fs::write(root.join(std::ffi::OsStr::from_bytes(b"not\xffutf8\x1b[31m")), format!("k={id}\n")).unwrap();

    let output = run(audit(root).args(["--json", "."]));
    assert_eq!(output.status.code(), Some(1), "{}", told(&output));
    let data = data(&output);
    let findings: Vec<&str> = data["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|finding| finding["path"].as_str().unwrap())
        .collect();
    for name in ["end", "sparse", "many", "utf8\u{1b}[31m"] {
        assert!(findings.iter().any(|path| path.ends_with(name)), "{name}: {findings:?}");
    }
    let left_out = data["left_out"].to_string();
    for reason in ["link", "archive that holds far more", "too deep", "archive that is damaged"] {
        assert!(left_out.contains(reason), "{reason}: {left_out}");
    }
    let table = run(audit(root).arg("."));
    assert!(!table.stdout.contains(&0x1b));
}

#[test]
fn what_was_asked_for_and_cannot_be_looked_at_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    write(root, "empty", b"");
    for (path, why) in [
        ("missing", "there is no such file or folder"),
        ("/proc", "it is the kernel's, not a disk's"),
        ("/dev/null", "it is neither a file nor a folder"),
    ] {
        if cfg!(not(target_os = "linux")) && path == "/proc" {
            continue;
        }
        let output = run(audit(root).args(["empty", path]));
        assert_eq!(output.status.code(), Some(2), "{path}");
        assert!(told(&output).contains(why) && told(&output).contains(path), "{}", told(&output));
        assert!(String::from_utf8_lossy(&output.stdout).contains("no access key was found"), "{path}");
    }
    assert_eq!(run(audit(root).arg("empty")).status.code(), Some(0));
}

/// A link that is named is followed; one that is met is not.
#[test]
fn a_link_that_is_named_is_followed() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    write(root, "real/key", Random::new(6).id("AKIA", 111_122_223_333).as_bytes());
    fs::create_dir(root.join("links")).unwrap();
    symlink("../real", root.join("links/folder")).unwrap();
    symlink("../real/key", root.join("links/file")).unwrap();
    for (path, code) in [("links", 0), ("links/folder", 1), ("links/file", 1)] {
        assert_eq!(run(audit(root).arg(path)).status.code(), Some(code), "{path}");
    }
}

/// A folder that this user cannot read, by the way and by name; root reads everything, and is another user here.
#[test]
fn an_unreadable_folder_is_counted() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    fs::set_permissions(root, fs::Permissions::from_mode(0o755)).unwrap();
    write(root, "closed/key", b"x");
    write(root, "open/key", Random::new(6).id("AKIA", 111_122_223_333).as_bytes());
    fs::set_permissions(root.join("closed"), fs::Permissions::from_mode(0o000)).unwrap();
    let program = crate::audit::host::program_for_others(root);
    let by = |path: &str| {
        run(crate::audit::host::as_nobody(&program)
            .current_dir(root)
            .args(["audit", "files", "--json", path]))
    };
    let around = by(".");
    assert_eq!(around.status.code(), Some(1), "{}", told(&around));
    assert!(data(&around)["left_out"].to_string().contains("folder that cannot be read"));
    let named = by("closed");
    assert_eq!(named.status.code(), Some(2));
    assert!(told(&named).contains("this user may not read it"), "{}", told(&named));
    fs::set_permissions(root.join("closed"), fs::Permissions::from_mode(0o700)).unwrap();
}

/// Nothing that is left of the archives may stop it, wherever they are cut or changed.
#[test]
fn broken_archives_end() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let mut random = Random::new(9);
    let text = format!("id = {}\n", random.id("AKIA", 111_122_223_333)).repeat(50);
    let archives = [
        zip("a/b", text.as_bytes()),
        tar("a/b", text.as_bytes()),
        gzip(&tar("x", &zip("y", text.as_bytes()))),
    ];
    for number in 0..300 {
        let mut archive = archives[number % archives.len()].clone();
        for _ in 0..=random.next() % 4 {
            let at = usize::try_from(random.next()).unwrap_or(0) % archive.len();
            archive[at] = u8::try_from(random.next() & 0xff).unwrap();
        }
        archive.truncate(archive.len() - usize::try_from(random.next() % 40).unwrap());
        write(Path::new(root), &format!("{number}.bin"), &archive);
    }
    let output = run(audit(root).args(["--json", "."]));
    assert_eq!(output.status.code(), Some(1), "{}", told(&output));
    assert_eq!(told(&output), "");
}
