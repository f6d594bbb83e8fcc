//! Whose file it is: root is not led elsewhere, and a user writes his own.

use std::os::unix::fs::{MetadataExt as _, chown, symlink};
use std::os::unix::process::CommandExt as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::*;

const USER: u32 = 65_534;

/// A folder that everybody can enter, with the program and the stage's identity in it, and a home of another user.
struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    fn make(stage: &Stage) -> Self {
        let folder = tempfile::tempdir().unwrap();
        set_mode(folder.path(), 0o755);
        let path = |name: &str| folder.path().join(name);
        // By another process: a child of another test could inherit our descriptor, and a program that is open for writing cannot be run.
        let copied =
            Command::new("cp").arg(env!("CARGO_BIN_EXE_anyrole")).arg(path("anyrole")).status().unwrap();
        assert!(copied.success());
        for (name, from) in [("pem", stage.certificate()), ("key", stage.private_key())] {
            fs::copy(from, path(name)).unwrap();
            chown(path(name), Some(USER), Some(USER)).unwrap();
            set_mode(&path(name), 0o600);
        }
        fs::create_dir(path("home")).unwrap();
        chown(path("home"), Some(USER), Some(USER)).unwrap();
        Self { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Runs it once, as a user.
    fn update(&self, stage: &Stage, user: u32, more: &[&str]) -> Command {
        let of = update(stage, &["--once"]);
        let mut command = stage.bare(self.path("anyrole"));
        command.args(of.get_args()).args(more).env("ANYROLE_CACHE", "none").env("HOME", self.path("home"));
        command.current_dir("/").uid(user).gid(user);
        if user != 0 {
            command.arg("--certificate").arg(self.path("pem")).arg("--private-key").arg(self.path("key"));
        }
        command
    }
}

fn needs_root() -> bool {
    if !is_root() {
        eprintln!("skipped: other users can be tried by root only");
    }
    is_root()
}

/// U8: for a user without `~/.aws` the official helper made one that he could not enter.
#[test]
fn a_user_without_a_folder_gets_one() {
    if !needs_root() {
        return;
    }
    let stage = Stage::set();
    let place = Place::make(&stage);
    let (done, told) = run(&mut place.update(&stage, USER, &[]));
    assert!(done.status.success(), "{told}");
    let file = place.path("home/.aws/credentials");
    assert_eq!((mode(&file), mode(file.parent().unwrap())), (0o600, 0o700));
    assert_eq!(fs::metadata(&file).unwrap().uid(), USER);
    // Through a link of his own to a file of his own, which keeps its place, mode and group.
    let target = place.path("home/elsewhere");
    fs::rename(&file, &target).unwrap();
    set_mode(&target, 0o640);
    symlink("../elsewhere", &file).unwrap();
    let (done, told) = run(&mut place.update(&stage, USER, &["--profile", "second"]));
    assert!(done.status.success(), "{told}");
    assert!(fs::symlink_metadata(&file).unwrap().is_symlink());
    assert_eq!(mode(&target), 0o640);
    assert!(fs::read_to_string(&target).unwrap().contains("\n[second]\n"));
    // Through a link of somebody else's nowhere, as the kernel has it in /tmp.
    let planted = place.path("planted");
    symlink(&target, &planted).unwrap();
    std::os::unix::fs::lchown(&planted, Some(4242), Some(4242)).unwrap();
    let before = fs::read(&target).unwrap();
    let mut command = place.update(&stage, USER, &["--profile", "other"]);
    let (done, told) = run(command.env("AWS_SHARED_CREDENTIALS_FILE", &planted));
    assert_eq!(done.status.code(), Some(2), "{told}");
    assert!(
        told.contains("belongs to uid 4242, who decides where you would write [file-untrusted]"),
        "{told}"
    );
    assert_eq!(fs::read(&target).unwrap(), before);
    // Under any umask, and where the file is closed.
    let of = place.update(&stage, USER, &[]);
    for umask in ["000", "777"] {
        fs::remove_dir_all(file.parent().unwrap()).unwrap();
        let mut shell = stage.bare("/bin/sh");
        shell.args(["-c", "umask \"$0\"; exec \"$@\"", umask]).arg(of.get_program()).args(of.get_args());
        shell
            .envs(of.get_envs().filter_map(|(name, value)| Some((name, value?))))
            .current_dir("/")
            .uid(USER)
            .gid(USER);
        let (done, told) = run(&mut shell);
        assert!(done.status.success(), "{umask}: {told}");
        assert_eq!((mode(&file), mode(file.parent().unwrap())), (0o600, 0o700), "umask {umask}");
    }
    set_mode(&file, 0o400);
    let before = fs::read(&file).unwrap();
    let (done, told) = run(&mut place.update(&stage, USER, &["--profile", "second"]));
    assert_eq!(done.status.code(), Some(1), "{told}");
    assert!(told.contains("permission denied: it belongs to nobody, mode 0400 [file-not-written]"), "{told}");
    assert_eq!(fs::read(&file).unwrap(), before);
    // A file of somebody else's is not made his.
    fs::remove_file(&file).unwrap();
    symlink("../elsewhere", &file).unwrap();
    chown(&target, Some(0), Some(0)).unwrap();
    set_mode(&target, 0o666);
    let (done, told) = run(&mut place.update(&stage, USER, &["--profile", "third"]));
    assert_eq!(done.status.code(), Some(2), "{told}");
    assert!(told.contains("it belongs to root, and would be yours afterwards [file-untrusted]"), "{told}");
}

/// What an access list says of the file is said of the new one; and a file without one gets none from its folder.
#[test]
#[cfg(target_os = "linux")]
fn an_access_list_is_kept() {
    use rustix::fs::{XattrFlags, getxattr, removexattr, setxattr};

    /// As the kernel has it: version 2, then tag, rights and number of the owner, of the user 4242, of the group, the mask, and all others.
    fn list(rights: u16) -> Vec<u8> {
        let entries = [
            (0x01, 6, u32::MAX),
            (0x02, rights, 4242),
            (0x04, 0, u32::MAX),
            (0x10, rights, u32::MAX),
            (0x20, 0_u16, u32::MAX),
        ];
        let mut bytes = 2_u32.to_le_bytes().to_vec();
        for (tag, rights, number) in entries {
            bytes.extend([u16::to_le_bytes(tag), u16::to_le_bytes(rights)].concat());
            bytes.extend(number.to_le_bytes());
        }
        bytes
    }
    let stage = Stage::set();
    let path = kept_file(&stage);
    let access = "system.posix_acl_access";
    if setxattr(&path, access, &list(4), XattrFlags::empty()).is_err() {
        eprintln!("skipped: this file system has no access lists");
        return;
    }
    let read = || {
        let mut bytes = vec![0; 1024];
        getxattr(&path, access, &mut bytes).map(|length| bytes[..length].to_vec())
    };
    assert_eq!(mode(&path), 0o640, "the mask is where the group's rights are shown");
    let (done, told) = run(&mut update(&stage, &["--once"]));
    assert!(done.status.success(), "{told}");
    assert_eq!(read().unwrap(), list(4));

    removexattr(&path, access).unwrap();
    set_mode(&path, 0o640);
    setxattr(path.parent().unwrap(), "system.posix_acl_default", &list(6), XattrFlags::empty()).unwrap();
    let (done, told) = run(&mut update(&stage, &["--once", "--no-cache"]));
    assert!(done.status.success(), "{told}");
    assert_eq!(read().ok(), None, "nobody was let in who was not");
    assert_eq!(mode(&path), 0o640);
}

#[test]
fn root_is_led_nowhere_by_a_link_or_folder_of_a_user() {
    if !needs_root() {
        return;
    }
    let stage = Stage::set();
    let place = Place::make(&stage);
    let protected = place.path("protected");
    fs::create_dir(&protected).unwrap();
    let target = protected.join("credentials");
    fs::write(&target, KEPT).unwrap();
    set_mode(&target, 0o600);
    let refused = |named: &Path, by: &str| {
        let mut command = place.update(&stage, 0, &[]);
        let (done, told) = run(command.env("AWS_SHARED_CREDENTIALS_FILE", named));
        assert_eq!(done.status.code(), Some(2), "{told}");
        assert!(told.contains("[file-untrusted]") && told.contains(by), "{by}: {told}");
        assert_eq!(fs::read_to_string(&target).unwrap(), KEPT);
        assert_eq!(names(&protected), ["credentials"]);
    };
    let link_of_user = |target: &Path, link: &Path| {
        symlink(target, link).unwrap();
        std::os::unix::fs::lchown(link, Some(USER), Some(USER)).unwrap();
    };
    // The folder is his, whatever is in it.
    fs::create_dir(place.path("home/.aws")).unwrap();
    refused(&place.path("home/.aws/credentials"), "/home' belongs to nobody");
    link_of_user(&target, &place.path("home/.aws/credentials"));
    refused(&place.path("home/.aws/credentials"), "/home' belongs to nobody");
    // The folder is root's, and the link his: he could put another in its place before.
    link_of_user(&protected, &place.path("to-folder"));
    link_of_user(&target, &place.path("to-file"));
    refused(&place.path("to-folder/credentials"), "the link ");
    refused(&place.path("to-file"), "the link ");
    // Root's own link is followed, and leads to his folder.
    symlink(place.path("home"), place.path("own")).unwrap();
    refused(&place.path("own/credentials"), "/home' belongs to nobody");
    // Everybody may write to the folder, or to the file.
    for open in [0o777, 0o1777, 0o775] {
        set_mode(&protected, open);
        refused(&target, "other users can write to the folder");
    }
    set_mode(&protected, 0o755);
    set_mode(&target, 0o620);
    refused(&target, "other users can change it (mode 0620)");
    set_mode(&target, 0o600);
    // And so it is written, also by root's own link.
    symlink(&target, place.path("own-file")).unwrap();
    let mut command = place.update(&stage, 0, &[]);
    let (done, told) = run(command.env("AWS_SHARED_CREDENTIALS_FILE", place.path("own-file")));
    assert!(done.status.success(), "{told}");
    assert!(value(&fs::read_to_string(&target).unwrap(), "default", "aws_access_key_id").starts_with("ASIA"));
}

/// A folder that becomes a link and a folder again, all the time; `ANYROLE_TEST_SWAPS=10000` is the long form.
#[test]
fn root_is_led_nowhere_by_a_folder_that_is_exchanged() {
    if !needs_root() {
        return;
    }
    let stage = Stage::set();
    let place = Place::make(&stage);
    let swaps: u32 = std::env::var("ANYROLE_TEST_SWAPS").map_or(1000, |swaps| swaps.parse().unwrap());
    let protected = place.path("protected");
    fs::create_dir(&protected).unwrap();
    let target = protected.join("credentials");
    fs::write(&target, KEPT).unwrap();
    set_mode(&target, 0o600);
    // Root's, so that it is not refused by its look alone, in a folder where the user may rename what is his.
    let shared = place.path("shared");
    fs::create_dir(&shared).unwrap();
    set_mode(&shared, 0o777);
    let [at, link, folder] = ["at", "link", "folder"].map(|name| shared.join(name));
    symlink(&protected, &link).unwrap();
    std::os::unix::fs::lchown(&link, Some(USER), Some(USER)).unwrap();
    fs::create_dir(&folder).unwrap();
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for _ in 0..swaps {
                fs::rename(&link, &at).unwrap();
                fs::rename(&at, &link).unwrap();
                fs::rename(&folder, &at).unwrap();
                fs::rename(&at, &folder).unwrap();
                std::thread::sleep(Duration::from_micros(50));
            }
            is_over.store(true, Ordering::Relaxed);
        });
        let mut runs = 0;
        while !is_over.load(Ordering::Relaxed) {
            let mut command = place.update(&stage, 0, &[]);
            let (done, told) = run(command.env("AWS_SHARED_CREDENTIALS_FILE", at.join("credentials")));
            assert_ne!(done.status.code(), Some(0), "{told}");
            runs += 1;
        }
        eprintln!("{swaps} exchanges, {runs} runs");
    });
    assert_eq!(fs::read_to_string(&target).unwrap(), KEPT);
    assert_eq!(names(&protected), ["credentials"]);
    assert_eq!(names(&folder), [""; 0]);
}

/// `sudo` may keep HOME, and `su` does: root writes to root's own home, which the account database knows.
#[test]
#[cfg(target_os = "linux")]
fn a_home_of_another_user_is_not_written_to() {
    if !needs_root() {
        return;
    }
    let stage = Stage::set();
    let place = Place::make(&stage);
    let of = place.update(&stage, 0, &[]);
    let mut unshare = stage.bare("/usr/bin/unshare");
    let script = "set -e; mount -t tmpfs none /root; chmod 700 /root; \"$@\"; cat /root/.aws/credentials";
    unshare.args(["--mount", "--propagation", "private", "sh", "-c", script, "sh"]);
    // The identity may be in the home folder that is hidden.
    unshare.arg(of.get_program()).args(of.get_args()).arg("--certificate").arg(place.path("pem"));
    unshare.arg("--private-key").arg(place.path("key")).arg("--allow-insecure-key-file");
    unshare.env("HOME", place.path("home")).env("ANYROLE_CACHE", "none");
    let output = unshare.stdout(Stdio::piped()).stderr(Stdio::piped()).output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}");
    assert!(
        String::from_utf8_lossy(&output.stdout).starts_with("[default]\naws_access_key_id = ASIA"),
        "{told}"
    );
    assert_eq!(names(&place.path("home")), [""; 0]);
}
