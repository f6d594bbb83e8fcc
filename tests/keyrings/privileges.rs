//! Users of the system: a copy with somebody else's privileges refuses to do anything, and others of the same user see nothing.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, Command, Stdio};

use pki_test::algorithm::KeyAlgorithm;
use pki_test::authority::{Authority, AuthoritySpec};
use pki_test::certificate::Validity;
use pki_test::key_pair::KeyPair;
use rustix::process::{Pid, Signal, kill_process};
use time::{Duration, OffsetDateTime};

use super::have_as_root;
use crate::support::programs;

#[test]
fn a_setuid_or_setgid_copy_is_refused() {
    if !have_as_root(&["setpriv"]) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    for (mode, refused) in [(0o755, false), (0o4755, true), (0o2755, true)] {
        let copy = folder.path().join(format!("anyrole-{mode:o}"));
        programs::copy(env!("CARGO_BIN_EXE_anyrole"), &copy);
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

/// The user of the tests below, whom nobody is.
const USER: &str = "64202";

/// A command of that user.
fn as_user(program: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--reuid", USER, "--regid", USER, "--clear-groups"]).arg(program);
    command.env_clear().env("PATH", "/usr/bin:/bin").env("HOME", "/nonexistent").stdin(Stdio::null());
    command
}

/// Returns the ways on which another process of that user looks into this one.
fn ways_in(process: &Child) -> Vec<&'static str> {
    let pid = process.id();
    let mut open = Vec::new();
    for (part, script) in [
        ("environ", format!("exec 3< /proc/{pid}/environ")),
        ("mem", format!("exec 3< /proc/{pid}/mem")),
        ("fd", format!("ls /proc/{pid}/fd")),
    ] {
        let mut look = as_user("sh");
        look.args(["-c", &script]).stdout(Stdio::null()).stderr(Stdio::null());
        if look.status().unwrap().success() {
            open.push(part);
        }
    }
    // A debugger that attached says where the process stands.
    let gdb =
        as_user("gdb").args(["-nx", "-batch", "-p", &pid.to_string(), "-ex", "detach"]).output().unwrap();
    if String::from_utf8_lossy(&gdb.stdout).contains("detached") {
        open.push("gdb");
    }
    open
}

#[test]
fn nobody_of_the_same_user_looks_in_and_no_core_is_left() {
    if !have_as_root(&["setpriv", "gdb"]) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let copy = folder.path().join("anyrole");
    programs::copy(env!("CARGO_BIN_EXE_anyrole"), &copy);
    let validity = Validity::starting(OffsetDateTime::now_utc() - Duration::HOUR, Duration::DAY);
    let spec = AuthoritySpec::new("CN=TEST root".parse().unwrap(), validity);
    let root = Authority::root(&spec, KeyPair::generate(KeyAlgorithm::EcP256).unwrap()).unwrap();
    fs::write(folder.path().join("root.pem"), root.certificate_pem()).unwrap();
    let cores = folder.path().join("cores");
    fs::create_dir(&cores).unwrap();
    chown(&cores, Some(64_202), Some(64_202)).unwrap();

    // What can be seen of any other program of that user, so that the test is not blind.
    let mut other = as_user("cat").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    other.stdin.as_mut().unwrap().write_all(b"\n").unwrap();
    other.stdout.as_mut().unwrap().read_exact(&mut [0]).unwrap();
    // (Where the kernel's Yama forbids it, no debugger attaches to anything.)
    let seen = ways_in(&other);
    assert!(seen.starts_with(&["environ", "mem", "fd"]), "{seen:?}");
    other.kill().unwrap();
    other.wait().unwrap();

    let script = "ulimit -c unlimited 2>&- ; exec \"$0\" simulate --json --trust-anchor ../root.pem";
    let mut command = as_user("sh");
    command.args(["-c", script]).arg(&copy).current_dir(&cores);
    let mut process = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(process.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    assert!(line.contains("http_endpoint"), "{line}");
    assert_eq!(ways_in(&process), Vec::<&str>::new());
    kill_process(Pid::from_child(&process), Signal::ABORT).unwrap();
    let status = process.wait().unwrap();
    assert_eq!((status.signal(), status.core_dumped()), (Some(6), false));
    assert_eq!(fs::read_dir(&cores).unwrap().count(), 0);
}
