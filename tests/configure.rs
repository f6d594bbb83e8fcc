//! `configure`: what it writes, that it loses nothing, and that every SDK runs the line.
#![cfg(all(unix, feature = "pki"))]

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

use crate::support::components;

const ARNS: [&str; 6] = [
    "--trust-anchor-arn",
    "arn:aws:rolesanywhere:eu-central-1:111122223333:trust-anchor/a1b2c3d4-0000-4000-8000-000000000001",
    "--profile-arn",
    "arn:aws:rolesanywhere:eu-central-1:111122223333:profile/a1b2c3d4-0000-4000-8000-000000000001",
    "--role-arn",
    "arn:aws:iam::111122223333:role/build",
];

/// A home of its own.
struct Home(TempDir);

impl Home {
    fn new() -> Self {
        Self(TempDir::with_prefix("anyrole-configure-").unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        path
    }

    fn command(&self, program: impl AsRef<Path>) -> Command {
        let mut command = Command::new(program.as_ref());
        command
            .env_clear()
            .env("HOME", self.0.path())
            .env("PATH", "/usr/bin:/bin")
            .current_dir(self.0.path());
        command.stdin(Stdio::null());
        command
    }

    fn configure(&self, more: &[&str]) -> Output {
        let mut command = self.command(env!("CARGO_BIN_EXE_anyrole"));
        command.arg("configure").args(ARNS).args(["--certificate", "host.pem"]).args(more);
        command.output().unwrap()
    }
}

fn told(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().mode() & 0o7777
}

const KEPT: &str = "\u{feff}# kept by hand\r\n[default]\r\nregion = eu-west-1\r\n\r\n[ profile  deploy ]\noutput = json\n# of the next\n[profile last]\nregion = x";

#[test]
fn new_files_are_their_owners_alone_under_every_umask() {
    for umask in ["000", "022", "777"] {
        let home = Home::new();
        let mut shell = home.command("/bin/sh");
        shell.args([
            "-c",
            "umask \"$0\"; exec \"$@\"",
            umask,
            env!("CARGO_BIN_EXE_anyrole"),
            "configure",
            "deploy",
            "--yes",
        ]);
        let done = shell.args(ARNS).args(["--certificate", "host.pem"]).output().unwrap();
        assert!(done.status.success() && done.stderr.is_empty(), "{umask}: {}", told(&done));
        for (path, wanted) in [
            (".aws", 0o700),
            (".aws/config", 0o600),
            (".config/anyrole", 0o700),
            (".config/anyrole/config.toml", 0o600),
        ] {
            assert_eq!(mode(&home.path(path)), wanted, "{path} under {umask}");
        }
        assert_eq!(names(&home.path(".aws")), ["config"]);
        assert_eq!(names(&home.path(".config/anyrole")), ["config.toml"]);
    }
}

#[test]
fn every_other_byte_stays_and_one_copy_is_kept() {
    let home = Home::new();
    let path = home.write(".aws/config", KEPT);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    let done = home.configure(&["deploy", "--yes"]);
    assert!(done.status.success(), "{}", told(&done));
    let program = env!("CARGO_BIN_EXE_anyrole");
    let added = format!(
        "output = json\ncredential_process = {program} credential-process deploy\nregion = eu-central-1\n"
    );
    let wanted = KEPT.replace("[ profile  deploy ]", "[profile deploy]").replace("output = json\n", &added);
    assert_eq!(fs::read_to_string(&path).unwrap(), wanted);
    assert_eq!(mode(&path), 0o640);
    let kept = names(&home.path(".aws"));
    assert_eq!(kept.len(), 2, "{kept:?}");
    assert!(kept[1].starts_with("config.before-anyrole-20"), "{kept:?}");
    assert_eq!(fs::read_to_string(home.path(".aws").join(&kept[1])).unwrap(), KEPT);
    // A second profile makes no second copy, and the same again changes nothing.
    for _ in 0..2 {
        let done = home.configure(&["other", "--yes", "--profile", "default"]);
        assert!(done.status.success(), "{}", told(&done));
    }
    assert_eq!(names(&home.path(".aws")), kept);
    let content = fs::read_to_string(&path).unwrap();
    assert!(content.contains("[default]\r\nregion = eu-west-1\r\ncredential_process = "), "{content}");
}

#[test]
fn links_are_followed_and_stay() {
    let home = Home::new();
    home.write("dotfiles/aws-config", "[default]\nregion = x\n");
    fs::create_dir(home.path(".aws")).unwrap();
    std::os::unix::fs::symlink("../dotfiles/aws-config", home.path(".aws/config")).unwrap();
    let done = home.configure(&["deploy", "--yes"]);
    assert!(done.status.success(), "{}", told(&done));
    assert!(fs::symlink_metadata(home.path(".aws/config")).unwrap().is_symlink());
    assert!(fs::read_to_string(home.path("dotfiles/aws-config")).unwrap().contains("[profile deploy]\n"));
    assert_eq!(names(&home.path("dotfiles")).len(), 2, "the copy is beside the file");
}

#[test]
fn without_agreement_nothing_is_written() {
    let home = Home::new();
    let path = home.write(".aws/config", KEPT);
    let done = home.configure(&["deploy"]);
    assert_eq!(done.status.code(), Some(2));
    assert!(
        told(&done).contains("[configure-not-confirmed]") && told(&done).contains("+credential_process = ")
    );
    assert_eq!(fs::read_to_string(&path).unwrap(), KEPT);
    assert_eq!(
        (names(&home.path(".aws")), names(home.0.path())),
        (vec![String::from("config")], vec![String::from(".aws")])
    );
}

/// Twenty at once, each its profile: nobody's is lost.
#[test]
fn many_at_once_are_as_many_profiles() {
    let home = Home::new();
    let path = home.write(".aws/config", KEPT);
    let outputs: Vec<Output> = std::thread::scope(|scope| {
        let home = &home;
        let runs: Vec<_> =
            (0..20).map(|run| scope.spawn(move || home.configure(&[&format!("p{run}"), "--yes"]))).collect();
        runs.into_iter().map(|run| run.join().unwrap()).collect()
    });
    assert!(
        outputs.iter().all(|output| output.status.success()),
        "{:?}",
        outputs.iter().map(told).collect::<Vec<_>>()
    );
    let content = fs::read_to_string(&path).unwrap();
    let own = fs::read_to_string(home.path(".config/anyrole/config.toml")).unwrap();
    for run in 0..20 {
        assert_eq!(content.matches(&format!("[profile p{run}]")).count(), 1);
        assert_eq!(own.matches(&format!("[session.p{run}]")).count(), 1);
    }
    assert_eq!(names(&home.path(".aws")).len(), 2, "one copy");
}

/// A person at a terminal of Python's is asked for what is missing, and for an agreement.
#[test]
fn a_person_is_asked() {
    let home = Home::new();
    let mut python = home.command("/usr/bin/python3");
    python
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/configure/terminal.py"))
        .arg(env!("CARGO_BIN_EXE_anyrole"));
    let Ok(output) = python.args(&ARNS[..4]).stdout(Stdio::piped()).stderr(Stdio::piped()).output() else {
        return components::missing("/usr/bin/python3");
    };
    assert_eq!(String::from_utf8_lossy(&output.stdout), "no 2\nyes 0\n", "{}", told(&output));
    let own = fs::read_to_string(home.path(".config/anyrole/config.toml")).unwrap();
    assert!(
        own.contains("role_arn = \"arn:aws:iam::111122223333:role/build\"\n")
            && own.contains("/host.pem\"\n"),
        "{own}"
    );
}

/// Config files of all kinds, by a generator of its own; `ANYROLE_TEST_FILES=10000` is the long form.
#[test]
fn botocore_reads_everything_else_the_same() {
    let python = python();
    let mut judge = match python {
        Some(python) => Command::new(python),
        None => return components::missing("botocore"),
    };
    let files = std::env::var("ANYROLE_TEST_FILES").map_or(300, |files| files.parse().unwrap());
    let folder = TempDir::with_prefix("anyrole-configure-").unwrap();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/configure/judge.py");
    judge.args(["-B", script, env!("CARGO_BIN_EXE_anyrole")]).arg(folder.path()).arg(format!("{files}"));
    let output = judge.env_clear().env("PATH", "/usr/bin:/bin").output().unwrap();
    assert!(output.status.success(), "{}", told(&output));
    eprintln!("{}", told(&output));
}

fn python() -> Option<PathBuf> {
    let python = components::folder().join("python/bin/python");
    let works = Command::new(&python).args(["-c", "import botocore"]).stderr(Stdio::null()).status();
    works.is_ok_and(|status| status.success()).then_some(python)
}
