//! The program among other processes: pipes that close, disks that are full, signals, parents, and what others see.
#![cfg(all(unix, feature = "pki"))]
#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "a test may stop at once, and writes its own files"
)]

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use pki_test::algorithm::KeyAlgorithm;
use pki_test::authority::{Authority, AuthoritySpec};
use pki_test::certificate::Validity;
use pki_test::key_pair::KeyPair;
use rustix::process::{Pid, Signal, kill_process};
use time::{Duration, OffsetDateTime};

fn anyrole() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_anyrole"));
    command.env_clear().env("HOME", "/nonexistent").stdin(Stdio::null());
    command
}

fn make_root(folder: &Path) -> String {
    let validity = Validity::starting(OffsetDateTime::now_utc() - Duration::HOUR, Duration::DAY);
    let spec = AuthoritySpec::new("CN=TEST root".parse().unwrap(), validity);
    let root = Authority::root(&spec, KeyPair::generate(KeyAlgorithm::EcP256).unwrap()).unwrap();
    let path = folder.join("root.pem");
    fs::write(&path, root.certificate_pem()).unwrap();
    path.display().to_string()
}

/// Starts a simulator and waits until it says that it listens.
fn simulate(folder: &Path) -> (Child, String) {
    simulate_with(&["--trust-anchor", &make_root(folder)])
}

fn simulate_with(flags: &[&str]) -> (Child, String) {
    let mut child =
        anyrole().args(["simulate", "--json"]).args(flags).stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    (child, line)
}

fn pid(child: &Child) -> Pid {
    Pid::from_child(child)
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let done = anyrole().arg("help").stdout(writer).stderr(Stdio::piped()).output().unwrap();
    assert_eq!((done.status.code(), done.stderr.as_slice()), (Some(0), &b""[..]));
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_a_failure_and_says_so() {
    let full = fs::File::options().write(true).open("/dev/full").unwrap();
    let done = anyrole().arg("help").stdout(full).stderr(Stdio::piped()).output().unwrap();
    let told = String::from_utf8(done.stderr).unwrap();
    assert_eq!(done.status.code(), Some(1));
    assert!(told.starts_with("anyrole: error: cannot write to the standard output [output]\n"), "{told}");
}

#[test]
fn the_simulator_ends_with_success_when_it_is_told_to() {
    for signal in [Signal::TERM, Signal::INT] {
        let folder = tempfile::tempdir().unwrap();
        let (mut child, ready) = simulate(folder.path());
        let ready: serde_json::Value = serde_json::from_str(&ready).unwrap();
        assert_eq!((ready["anyrole"].as_u64(), ready["kind"].as_str()), (Some(1), Some("simulate")));
        assert!(ready["data"]["http_endpoint"].as_str().unwrap().starts_with("http://127.0.0.1:"));
        kill_process(pid(&child), signal).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(0));
    }
}

/// Sends a control request to a simulator that has told this line; returns the answer's status and document.
fn control(ready: &serde_json::Value, method: &str, resource: &str, body: &str) -> (u16, serde_json::Value) {
    let word = |path: &str| ready["data"].pointer(path).unwrap().as_str().unwrap();
    let (authority, path) = word("/control/url").strip_prefix("http://").unwrap().split_once('/').unwrap();
    let mut stream = TcpStream::connect(authority).unwrap();
    let (header, token) = (word("/control/header"), word("/control/token"));
    write!(
        stream,
        "{method} /{path}{resource} HTTP/1.1\r\nHost: {authority}\r\n{header}: {token}\r\nConnection: close\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, document) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, serde_json::from_str(document).unwrap())
}

#[test]
fn a_world_is_simulated_and_driven_while_it_runs() {
    let folder = tempfile::tempdir().unwrap();
    make_root(folder.path());
    let arn = |kind: &str, end: &str| format!("arn:aws:rolesanywhere:eu-west-1:111122223333:{kind}/{end}");
    let anchor = |end: &str| {
        format!("[[trust_anchor]]\narn = '{}'\ncertificates = ['root.pem']\n", arn("trust-anchor", end))
    };
    let profile = format!("[[profile]]\narn = '{}'\nroles = []\n", arn("profile", "c"));
    let world = folder.path().join("world.toml");
    let top = "version = 1\nregion = 'eu-west-1'\nfaults = ['hang']\n";
    fs::write(&world, format!("{top}{}{}{profile}", anchor("a"), anchor("b"))).unwrap();
    let (mut child, ready) =
        simulate_with(&["--world", &world.display().to_string(), "--fault", "throttlex3", "--service-like"]);
    let ready: serde_json::Value = serde_json::from_str(&ready).unwrap();
    let data = &ready["data"];
    assert_eq!(data["region"], "eu-west-1");
    assert_eq!(
        data["trust_anchor_arns"],
        serde_json::json!([arn("trust-anchor", "a"), arn("trust-anchor", "b")])
    );
    assert_eq!(data["profile_arn"], arn("profile", "c"));
    let faults = |list: &[&str]| serde_json::json!({ "faults": list });
    assert_eq!(control(&ready, "GET", "faults", ""), (200, faults(&["hang", "throttlex3"])));
    let body = faults(&["status=503x1"]);
    assert_eq!(control(&ready, "PUT", "faults", &body.to_string()), (200, body));
    assert_eq!(control(&ready, "GET", "journal", ""), (200, serde_json::json!({ "entries": [] })));
    let mut stranger = ready.clone();
    stranger["data"]["control"]["token"] = "0".repeat(64).into();
    assert_eq!(control(&stranger, "GET", "journal", "").0, 403);
    kill_process(pid(&child), Signal::TERM).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn a_demo_that_is_stopped_leaves_nothing_behind() {
    for signal in [Signal::TERM, Signal::INT] {
        let folder = tempfile::tempdir().unwrap();
        let mut child = anyrole()
            .arg("demo")
            .env("TMPDIR", folder.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        output.read_line(&mut line).unwrap();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "{line}");
        kill_process(pid(&child), signal).unwrap();
        let done = child.wait_with_output().unwrap();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "the folder is gone");
        let told = String::from_utf8(done.stderr).unwrap();
        assert_eq!(done.status.code(), Some(1), "{told}");
        assert_eq!(told, "anyrole: error: the demo was told to stop [demo]\n");
    }
}

#[test]
fn the_simulator_ends_with_its_parent() {
    let folder = tempfile::tempdir().unwrap();
    // The shell ends at the end of its input; until the simulator has ended, it holds the other end of this pipe.
    let mut shell = Command::new("/bin/sh")
        .args([
            "-c",
            "\"$0\" simulate --json --trust-anchor \"$1\" & read end",
            env!("CARGO_BIN_EXE_anyrole"),
        ])
        .arg(make_root(folder.path()))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut output = BufReader::new(shell.stdout.take().unwrap());
    let mut line = String::new();
    output.read_line(&mut line).unwrap();
    assert!(line.contains("http_endpoint"), "{line}");
    drop(shell.stdin.take());
    shell.wait().unwrap();
    let mut rest = String::new();
    output.read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "");
}

#[cfg(target_os = "linux")]
#[test]
fn other_processes_of_the_user_see_nothing_of_this_one() {
    let folder = tempfile::tempdir().unwrap();
    let (mut child, _) = simulate(folder.path());
    let proc = format!("/proc/{}", child.id());
    let limits = fs::read_to_string(format!("{proc}/limits")).unwrap();
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    assert_eq!(core.split_whitespace().nth(4), Some("0"), "{core}");
    // A process that is not dumpable belongs to root in /proc, whoever runs it.
    let status = fs::metadata(format!("{proc}/environ")).unwrap();
    assert_eq!(std::os::unix::fs::MetadataExt::uid(&status), 0);
    child.kill().unwrap();
    child.wait().unwrap();
}
