//! The whole host, as a user who is not root: the own home, the own processes, who can read what.

use std::fs;
use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::audit::corpus::{Random, write};
use crate::audit::{data, told};

/// A user who is nobody.
const NOBODY: u32 = 65534;

/// Returns the program where another user can run it; root is asked to become one. `None` where this one is not root, and
/// the program cannot be put there.
pub(crate) fn program_for_others(folder: &Path) -> PathBuf {
    let built = PathBuf::from(env!("CARGO_BIN_EXE_anyrole"));
    if !rustix::process::geteuid().is_root() {
        return built;
    }
    let program = folder.join("anyrole-of-nobody");
    if fs::hard_link(&built, &program).is_err() {
        fs::copy(&built, &program).unwrap();
    }
    program
}

/// Our program as nobody, where this user is root.
pub(crate) fn as_nobody(program: &Path) -> Command {
    let mut command = Command::new(program);
    command.env_clear();
    if rustix::process::geteuid().is_root() {
        command.uid(NOBODY).gid(NOBODY);
    }
    command
}

#[test]
fn the_own_home_and_the_own_processes_are_looked_through() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    fs::set_permissions(root, fs::Permissions::from_mode(0o755)).unwrap();
    let mut random = Random::new(11);
    let [in_home, in_process, named] = std::array::from_fn(|_| random.id("AKIA", 111_122_223_333));
    let secret = random.secret();
    write(
        root,
        "home/.aws/credentials",
        format!("[default]\naws_access_key_id={in_home}\naws_secret_access_key={secret}\n").as_bytes(),
    );
    write(root, "elsewhere/keys", format!("[a]\naws_access_key_id={named}\n").as_bytes());
    let program = program_for_others(root);
    let mut child = Command::new("cat");
    child.env("AWS_ACCESS_KEY_ID", &in_process).env("AWS_SECRET_ACCESS_KEY", &secret);
    if rustix::process::geteuid().is_root() {
        child.uid(NOBODY).gid(NOBODY);
    }
    let mut child = child.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    // It runs, and no longer as a copy of this process, once it gives back what it gets.
    std::io::Write::write_all(child.stdin.as_mut().unwrap(), b"x").unwrap();
    child.stdout.as_mut().unwrap().read_exact(&mut [0]).unwrap();
    let output = as_nobody(&program)
        .env("HOME", root.join("home"))
        .env("AWS_SHARED_CREDENTIALS_FILE", root.join("elsewhere/keys"))
        .current_dir(root)
        .args(["audit", "files", "--json"])
        .output()
        .unwrap();
    drop(child.stdin.take());
    child.wait().unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", told(&output));
    let data = data(&output);
    let finding = |id: &str| {
        let findings = data["findings"].as_array().unwrap();
        findings
            .iter()
            .find(|finding| finding["access_key_id"] == id)
            .unwrap_or_else(|| panic!("{id}: {data:#}"))
    };
    assert_eq!(finding(&in_home)["holder"], "AWS credentials file");
    assert_eq!(finding(&in_home)["severity"], "critical");
    assert_eq!(finding(&in_home)["readable_by"], "everyone");
    assert_eq!(finding(&named)["place"], "[a] aws_access_key_id");
    if cfg!(target_os = "linux") {
        let found = finding(&in_process);
        assert_eq!(
            (&found["place"], &found["process"]["name"]),
            (&"AWS_ACCESS_KEY_ID".into(), &"cat".into())
        );
        assert_eq!(found["process"]["pid"], child.id());
        assert_eq!((&found["secret_beside"], &found["readable_by"]), (&true.into(), &"owner".into()));
    }
}

/// The mode of a file says little where a folder above it is closed.
#[test]
fn who_can_read_a_file_follows_from_its_folders_too() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    fs::set_permissions(root, fs::Permissions::from_mode(0o755)).unwrap();
    let mut random = Random::new(12);
    let text = format!("id={}\nsecret={}\n", random.id("AKIA", 111_122_223_333), random.secret());
    for (file, file_mode, folder_mode) in
        [("a/open", 0o644, 0o755), ("b/closed", 0o644, 0o700), ("c/own", 0o600, 0o755)]
    {
        write(root, file, text.as_bytes());
        fs::set_permissions(root.join(file), fs::Permissions::from_mode(file_mode)).unwrap();
        fs::set_permissions(root.join(&file[..1]), fs::Permissions::from_mode(folder_mode)).unwrap();
    }
    let data = data(&crate::audit::run(crate::audit::audit(root).args(["--json", "."])));
    let told: Vec<_> = data["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|finding| {
            (
                finding["path"].as_str().unwrap(),
                finding["readable_by"].as_str().unwrap(),
                finding["severity"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        told,
        [("./a/open", "everyone", "critical"), ("./b/closed", "owner", "high"), ("./c/own", "owner", "high")]
    );
}
