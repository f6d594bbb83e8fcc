//! The program among other processes: pipes that close, disks that are full, signals, parents, and what others see.
#![cfg(all(unix, feature = "pki"))]

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
    command.env_clear().env("HOME", "/nonexistent").env("ANYROLE_CACHE", "none").stdin(Stdio::null());
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

/// A simulator for people, and what it has told up to the call to try.
struct Told {
    child: Child,
    output: BufReader<std::process::ChildStdout>,
    text: String,
}

impl Told {
    /// Starts it in `folder`.
    fn started(folder: &Path, flags: &[&str]) -> Self {
        let mut command = anyrole();
        let mut child =
            command.arg("simulate").args(flags).current_dir(folder).stdout(Stdio::piped()).spawn().unwrap();
        Self { output: BufReader::new(child.stdout.take().unwrap()), child, text: String::new() }
    }

    /// Starts it, and waits for the call.
    fn by(folder: &Path, flags: &[&str]) -> Self {
        let mut told = Self::started(folder, flags);
        while !told.text.contains("--private-key") && told.output.read_line(&mut told.text).unwrap() > 0 {}
        told
    }

    /// Runs the call as it stands there, in another folder; it must print credentials.
    fn try_it(&self) {
        let (_, call) = self.text.split_once("try it in another terminal:\n").unwrap();
        let call = call.replacen("anyrole", env!("CARGO_BIN_EXE_anyrole"), 1);
        let mut shell = Command::new("/bin/sh");
        shell.args(["-c", &call]).env_clear().env("HOME", "/nonexistent").env("ANYROLE_CACHE", "none");
        let done = shell.current_dir("/").output().unwrap();
        assert!(done.status.success(), "{call}\n{}", String::from_utf8_lossy(&done.stderr));
        assert!(String::from_utf8(done.stdout).unwrap().contains("AccessKeyId"));
    }

    /// Ends it, and returns the whole text, in which every path is absolute and exists.
    fn end(mut self) -> String {
        kill_process(pid(&self.child), Signal::TERM).unwrap();
        self.output.read_to_string(&mut self.text).unwrap();
        self.child.wait().unwrap();
        // A quoted word is a path with blanks in it.
        let pieces = self.text.split('\'').enumerate();
        let words = pieces.flat_map(|(place, piece)| match place % 2 {
            0 => piece.split_whitespace().collect(),
            _ => vec![piece],
        });
        for word in words {
            let is_path =
                word.starts_with('/') || [".pem", ".key", ".toml"].iter().any(|end| word.ends_with(end));
            assert!(!is_path || (word.starts_with('/') && Path::new(word).exists()), "{word}\n{}", self.text);
        }
        self.text
    }
}

#[test]
fn every_path_that_the_simulator_tells_exists_and_the_call_works() {
    let folder = tempfile::tempdir().unwrap();
    let (home, elsewhere) = (folder.path().join("a home"), folder.path().join("elsewhere"));
    fs::create_dir(&home).unwrap();
    fs::create_dir(&elsewhere).unwrap();
    let make = |arguments: &[&str]| {
        assert!(
            anyrole().args(arguments).current_dir(&home).stdout(Stdio::null()).status().unwrap().success()
        );
    };
    make(&["pki", "init", "--no-passphrase"]);
    let told = Told::by(&home, &[]).end();
    let pki = fs::canonicalize(&home).unwrap().join("anyrole-pki").display().to_string();
    assert!(told.contains("--certificate CERTIFICATE --private-key KEY\n"), "{told}");
    assert!(told.ends_with(&format!("\n  anyrole pki issue build-17 --folder '{pki}'\n")), "{told}");

    make(&["pki", "issue", "a-request-alone"]);
    fs::remove_file(home.join("anyrole-pki/a-request-alone/a-request-alone.key")).unwrap();
    make(&["pki", "issue", "build-17"]);
    let world = "\
        version = 1\nregion = 'eu-central-1'\n\
        [[role]]\narn = 'arn:aws:iam::444455556666:role/other'\n\
        [[role]]\narn = 'arn:aws:iam::111122223333:role/build'\n\
        [[trust_anchor]]\ncertificates = ['ROOT']\n\
        arn = 'arn:aws:rolesanywhere:eu-west-1:111122223333:trust-anchor/a1b2c3d4-0000-4000-8000-000000000009'\n\
        [[trust_anchor]]\ncertificates = ['anyrole-pki/ca/root.pem']\n\
        arn = 'arn:aws:rolesanywhere:eu-central-1:111122223333:trust-anchor/a1b2c3d4-0000-4000-8000-000000000001'\n\
        [[profile]]\nroles = []\n\
        arn = 'arn:aws:rolesanywhere:eu-west-1:111122223333:profile/a1b2c3d4-0000-4000-8000-000000000002'\n\
        [[profile]]\nroles = ['arn:aws:iam::111122223333:role/build']\n\
        arn = 'arn:aws:rolesanywhere:eu-central-1:111122223333:profile/a1b2c3d4-0000-4000-8000-000000000003'\n";
    let root = make_root(folder.path());
    fs::write(home.join("world.toml"), world.replace("ROOT", &root)).unwrap();
    for (place, flags) in [
        (&home, &[][..]),
        (&home, &["--trust-anchor", "./anyrole-pki/../anyrole-pki/ca/root.pem"]),
        (&elsewhere, &["--trust-anchor", "../a home/anyrole-pki/ca/root.pem"]),
        (&home, &["--world", "world.toml"]),
        (&elsewhere, &["--world", "../a home/world.toml", "--https-port", "0", "--https-ca", "ca.pem"]),
    ] {
        let told = Told::by(place, flags);
        told.try_it();
        let text = told.end();
        assert!(text.contains("/anyrole-pki/build-17/build-17.pem' --private-key '/"), "{text}");
        assert_eq!(text.contains("/elsewhere/ca.pem\n"), flags.contains(&"--https-ca"), "{text}");
    }

    let told = Told::by(&elsewhere, &["--trust-anchor", &root]).end();
    assert!(
        told.ends_with("CERTIFICATE and KEY are your files of an identity below the trust anchor.\n"),
        "{told}"
    );
    fs::write(elsewhere.join("empty.toml"), "version = 1\nregion = 'eu-west-1'\n").unwrap();
    let mut told = Told::started(&elsewhere, &["--world", "empty.toml"]);
    told.output.read_line(&mut told.text).unwrap();
    let told = told.end();
    assert!(told.contains("\nNobody gets a session from this world: "), "{told}");
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
