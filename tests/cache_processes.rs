//! One session for a thousand calls: the real program, many times at once, against the simulator.
//!
//! Every stage has a state folder and a namespace of its own, and clears what it left in the kernel's keyring.
#![cfg(all(unix, feature = "pki"))]

use std::fs;
use std::io::ErrorKind;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use pki_test::algorithm::KeyAlgorithm;
use pki_test::authority::{Authority, AuthoritySpec};
use pki_test::certificate::Validity;
use pki_test::end_entity::EndEntitySpec;
use pki_test::key_pair::{KeyForm, KeyPair};
use pki_test::simulator::{Profile, Role, Simulator, SimulatorSettings};
use pki_test::verifier::TrustAnchor;

use crate::support::wait::wait_until;

const TRUST_ANCHOR: &str =
    "arn:aws:rolesanywhere:eu-central-1:111122223333:trust-anchor/a1b2c3d4-0000-4000-8000-000000000001";
const PROFILE: &str =
    "arn:aws:rolesanywhere:eu-central-1:111122223333:profile/a1b2c3d4-0000-4000-8000-000000000001";
const ROLE: &str = "arn:aws:iam::111122223333:role/build";

/// A host: its PKI, its files, its cache.
struct Stage {
    folder: tempfile::TempDir,
    root: Authority,
    key_pair: KeyPair,
    validity: Validity,
    namespace: String,
    store: &'static str,
}

impl Stage {
    fn new() -> Self {
        Self::with_store("file")
    }

    fn with_store(store: &'static str) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let validity = Validity::starting(
            time::OffsetDateTime::now_utc() - time::Duration::HOUR,
            time::Duration::days(30),
        );
        let root = AuthoritySpec::new("CN=TEST root".parse().unwrap(), validity);
        let root = Authority::root(&root, KeyPair::generate(KeyAlgorithm::EcP256).unwrap()).unwrap();
        let number = NUMBER.fetch_add(1, Ordering::SeqCst);
        let namespace = format!("processes-{}-{number}", std::process::id());
        let key_pair = KeyPair::generate(KeyAlgorithm::EcP256).unwrap();
        let stage = Self { folder: tempfile::tempdir().unwrap(), root, key_pair, validity, namespace, store };
        let key = stage.key_pair.to_pem(KeyForm::Pkcs8).unwrap();
        fs::write(stage.path("host.key"), key).unwrap();
        fs::set_permissions(stage.path("host.key"), fs::Permissions::from_mode(0o600)).unwrap();
        stage.renew("CN=TEST host");
        stage
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Issues the host's certificate, in place of the one before it; the key stays, under which files are sealed.
    fn renew(&self, subject: &str) {
        let spec = EndEntitySpec::new(subject.parse().unwrap(), self.validity);
        let issued = self.root.issue(&spec, self.key_pair.subject_public_key_info()).unwrap();
        fs::write(self.path("host.pem"), issued.chain_pem()).unwrap();
    }

    fn simulator(&self, faults: &[&str]) -> Simulator {
        self.simulator_at(SocketAddr::from(([127, 0, 0, 1], 0)), faults)
    }

    fn simulator_at(&self, address: SocketAddr, faults: &[&str]) -> Simulator {
        let anchor = TrustAnchor::new(TRUST_ANCHOR, &[self.root.certificate_der().to_vec()]).unwrap();
        let profile = Profile::new(PROFILE, &[ROLE]).unwrap();
        let roles = vec![Role::new(ROLE).unwrap()];
        let mut settings = SimulatorSettings::new("eu-central-1", vec![anchor], vec![profile], roles);
        settings.http = address;
        settings.https = Some(SocketAddr::from(([127, 0, 0, 1], 0)));
        settings.faults = faults.iter().map(|fault| fault.parse().unwrap()).collect();
        Simulator::start(settings).unwrap()
    }

    /// Returns the program with the environment of this host and nothing else.
    fn program(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_anyrole"));
        command
            .args(arguments)
            .current_dir(self.folder.path())
            .env_clear()
            .env("HOME", self.folder.path())
            .env("ANYROLE_STATE_DIR", self.path("state"))
            .env("ANYROLE_CACHE_NAMESPACE", &self.namespace)
            .env("ANYROLE_CACHE", self.store)
            .env("ANYROLE_TRUST_ANCHOR_ARN", TRUST_ANCHOR)
            .env("ANYROLE_PROFILE_ARN", PROFILE)
            .env("ANYROLE_ROLE_ARN", ROLE)
            .env("ANYROLE_CERTIFICATE", self.path("host.pem"))
            .env("ANYROLE_PRIVATE_KEY", self.path("host.key"))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    fn call(&self, endpoint: &str, more: &[&str]) -> Command {
        let mut arguments = vec!["credential-process", "--endpoint", endpoint];
        arguments.extend(more);
        self.program(&arguments)
    }

    fn start(&self, count: usize, endpoint: &str, more: &[&str]) -> Vec<Child> {
        (0..count).map(|_| self.call(endpoint, more).spawn().unwrap()).collect()
    }

    fn run(&self, endpoint: &str, more: &[&str]) -> Output {
        self.call(endpoint, more).output().unwrap()
    }

    /// Returns the files of the state folder whose names end so.
    fn state(&self, ending: &str) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.path("state")).into_iter().flatten();
        let paths = entries.map(|entry| entry.unwrap().path());
        paths.filter(|path| path.to_string_lossy().ends_with(ending)).collect()
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        // Also when a test panics: nothing may stay in the keyring of whoever runs it.
        let _ = self.program(&["cache", "clear", "--all", "--cache", "keyring"]).output();
    }
}

/// Takes the answer of a call that succeeded, which it must have done in silence.
fn answer(output: &Output) -> String {
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && output.stderr.is_empty(), "{:?}: {stderr}", output.status);
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    assert!(text.starts_with(r#"{"Version":1,"AccessKeyId":"ASIA"#), "not the document");
    text
}

fn finish(children: Vec<Child>) -> Vec<Output> {
    children.into_iter().map(|child| child.wait_with_output().unwrap()).collect()
}

fn answers(children: Vec<Child>) -> Vec<String> {
    finish(children).iter().map(answer).collect()
}

fn refusal(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(1));
    assert!(output.stdout.is_empty());
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[test]
fn two_hundred_runs_make_one_call() {
    let stage = Stage::new();
    let simulator = stage.simulator(&["latency=200ms"]);
    let answers = answers(stage.start(200, &simulator.http_endpoint(), &[]));
    assert!(answers.iter().all(|answer| *answer == answers[0]));
    assert_eq!((simulator.sessions_requested(), simulator.sessions_created()), (1, 1));
}

#[test]
fn two_hundred_runs_make_one_call_with_the_kernel_keyring() {
    let stage = Stage::with_store("keyring");
    let simulator = stage.simulator(&["latency=200ms"]);
    let endpoint = simulator.http_endpoint();
    answer(&stage.run(&endpoint, &[]));
    if stage.run(&endpoint, &[]).status.success() && simulator.sessions_requested() == 2 {
        eprintln!("skipped: there is no kernel keyring here");
        return;
    }
    assert!(stage.program(&["cache", "clear", "--all"]).status().unwrap().success());
    let answers = answers(stage.start(200, &endpoint, &[]));
    assert!(answers.iter().all(|answer| *answer == answers[0]));
    assert_eq!(simulator.sessions_requested(), 2, "one before the cache was cleared, one after");
}

#[test]
fn a_killed_holder_is_followed_at_once() {
    let stage = Stage::new();
    let simulator = stage.simulator(&["hangx1"]);
    let endpoint = simulator.http_endpoint();
    let mut holder = stage.call(&endpoint, &[]).spawn().unwrap();
    wait_until(|| simulator.sessions_requested() == 1);
    let others = stage.start(199, &endpoint, &[]);
    holder.kill().unwrap();
    holder.wait().unwrap();
    let answers = answers(others);
    assert!(answers.iter().all(|answer| *answer == answers[0]));
    assert_eq!(simulator.sessions_requested(), 2);
}

/// A service that accepts and never answers; it counts how many clients hold a connection at once.
struct Silent {
    address: SocketAddr,
    counts: Arc<Mutex<(usize, usize)>>,
}

impl Silent {
    fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let counts = Arc::new(Mutex::new((0, 0)));
        let shared = Arc::clone(&counts);
        // It ends with the test's process: nothing tells it to.
        std::thread::spawn(move || {
            let mut open: Vec<TcpStream> = Vec::new();
            for connection in listener.incoming() {
                let connection = connection.unwrap();
                connection.set_nonblocking(true).unwrap();
                // Who closed before the newcomer connected is gone already: the end of its bytes can be read.
                open.retain(is_open);
                open.push(connection);
                let mut counts = shared.lock().unwrap();
                *counts = (counts.0 + 1, counts.1.max(open.len()));
            }
        });
        Self { address, counts }
    }
}

fn is_open(mut connection: &TcpStream) -> bool {
    use std::io::Read as _;
    let mut bytes = [0; 4096];
    loop {
        match connection.read(&mut bytes) {
            Ok(0) => return false,
            Ok(_) => {}
            Err(error) => return error.kind() == ErrorKind::WouldBlock,
        }
    }
}

#[test]
fn a_service_that_hangs_holds_one_connection_at_a_time() {
    let stage = Stage::new();
    let silent = Silent::start();
    let endpoint = format!("http://{}", silent.address);
    let outputs = finish(stage.start(200, &endpoint, &["--timeout", "5s"]));
    for output in &outputs {
        let told = refusal(output);
        assert!(told.contains("no session within 5 seconds"), "{told}");
    }
    let (all, at_once) = *silent.counts.lock().unwrap();
    assert_eq!(at_once, 1);
    assert!((1..=20).contains(&all), "{all} of 200 tried");
}

#[test]
fn throttling_is_waited_out() {
    let stage = Stage::new();
    let simulator = stage.simulator(&["throttlex5"]);
    let answers = answers(stage.start(100, &simulator.http_endpoint(), &[]));
    assert!(answers.iter().all(|answer| *answer == answers[0]));
    assert_eq!((simulator.sessions_requested(), simulator.sessions_created()), (6, 1));
}

/// An address of this process alone, where the system has more than one: a port there is still free when it is taken again.
fn own_address() -> SocketAddr {
    let [_, _, high, low] = std::process::id().to_be_bytes();
    let own = if cfg!(target_os = "linux") { [127, 101, high, low.clamp(1, 254)] } else { [127, 0, 0, 1] };
    SocketAddr::from((own, 0))
}

#[test]
fn while_a_session_lasts_no_failure_to_renew_it_is_told() {
    let stage = Stage::new();
    let simulator = stage.simulator_at(own_address(), &[]);
    let endpoint = simulator.http_endpoint();
    let address: SocketAddr = endpoint.trim_start_matches("http://").parse().unwrap();
    let first = answer(&stage.run(&endpoint, &[]));
    simulator.stop();
    assert_eq!(answer(&stage.run(&endpoint, &[])), first, "nothing is asked");

    // A renewed certificate wants a new session, and nobody is there to give one.
    stage.renew("CN=TEST host");
    for answer in answers(stage.start(50, &endpoint, &[])) {
        assert_eq!(answer, first);
    }
    let status = stage.program(&["status", "--endpoint", &endpoint]).output().unwrap();
    assert_eq!(status.status.code(), Some(1));
    let told = String::from_utf8(status.stdout).unwrap();
    assert!(told.contains("[network-connection-refused]") && told.contains("session: expires at"), "{told}");

    let simulator = stage.simulator_at(address, &["deny=certificate-revoked"]);
    stage.renew("CN=TEST host");
    for answer in answers(stage.start(50, &endpoint, &[])) {
        assert_eq!(answer, first);
    }
    assert_eq!(simulator.sessions_requested(), 1, "a refusal holds back all who come later");

    // Another subject is another identity, whose session that is not.
    stage.renew("CN=TEST other");
    let told = refusal(&stage.run(&endpoint, &[]));
    assert!(told.contains("[aws-certificate-revoked]"), "{told}");
    let told = refusal(&stage.run(&endpoint, &[]));
    assert!(told.contains("next try: at ") && told.contains("--no-cache"), "{told}");
    assert_eq!(simulator.sessions_requested(), 2);
    refusal(&stage.run(&endpoint, &["--no-cache"]));
    assert_eq!(simulator.sessions_requested(), 3, "--no-cache asks at once");
    simulator.stop();

    let simulator = stage.simulator_at(address, &[]);
    stage.renew("CN=TEST host");
    assert_ne!(answer(&stage.run(&endpoint, &[])), first);
    assert_eq!(simulator.sessions_requested(), 1);
    assert!(stage.program(&["status", "--endpoint", &endpoint]).status().unwrap().success());
}

#[test]
fn a_cure_that_any_call_proves_lets_all_calls_ask_again() {
    let stage = Stage::new();
    let simulator = stage.simulator(&["deny=untrusted-certificate"]);
    let endpoint = simulator.http_endpoint();
    let first = refusal(&stage.run(&endpoint, &[]));
    simulator.play(Vec::new());

    // Held back, in the words of the refusal itself, and told how to ask at once.
    assert_eq!(stage.state(".failed").len(), 1);
    let repeated = refusal(&stage.run(&endpoint, &[]));
    let line = |text: &str, name: &str| text.lines().find(|line| line.contains(name)).map(str::to_owned);
    for name in ["error: ", "AWS says: ", "cause: "] {
        assert_eq!(line(&repeated, name), line(&first, name), "{repeated}");
    }
    let hint = line(&first, "hint: ").unwrap();
    assert!(repeated.contains(&format!("{hint}; then one call with --no-cache")), "{first}{repeated}");
    assert!(repeated.contains("next try: at "), "{repeated}");

    answer(&stage.run(&endpoint, &["--no-cache"]));
    answer(&stage.run(&endpoint, &[]));
    assert!(stage.state(".failed").is_empty());
}

#[test]
fn records_that_could_hold_a_key_are_removed_by_the_next_call_that_asks() {
    let stage = Stage::new();
    let simulator = stage.simulator(&[]);
    fs::create_dir(stage.path("state")).unwrap();
    let old = stage.path("state").join(format!("{}.{}.failure", stage.namespace, "a".repeat(64)));
    fs::write(&old, "cannot read the private key '-----BEGIN PRIVATE KEY-----").unwrap();
    answer(&stage.run(&simulator.http_endpoint(), &[]));
    assert!(!old.exists());
}

#[test]
fn a_damaged_cache_is_a_miss() {
    let stage = Stage::new();
    let simulator = stage.simulator(&[]);
    let endpoint = simulator.http_endpoint();
    answer(&stage.run(&endpoint, &[]));
    let session = stage.state(".session").pop().expect("it is kept");
    let good = fs::read(&session).unwrap();
    let damages: [&dyn Fn(); 5] = [
        &|| fs::write(&session, &good[..good.len() / 2]).unwrap(),
        &|| fs::write(&session, "anyrole\0\x09").unwrap(),
        &|| {
            fs::remove_file(&session).unwrap();
            assert!(Command::new("mkfifo").arg(&session).status().unwrap().success());
        },
        &|| {
            fs::remove_file(&session).unwrap();
            std::os::unix::fs::symlink("/dev/zero", &session).unwrap();
        },
        &|| {
            fs::remove_file(&session).unwrap();
            fs::File::create(&session).unwrap().set_len(1 << 30).unwrap();
        },
    ];
    for (damage, calls) in damages.iter().zip(2..) {
        damage();
        let fresh = answer(&stage.run(&endpoint, &[]));
        assert_eq!(answer(&stage.run(&endpoint, &[])), fresh);
        assert_eq!(simulator.sessions_requested(), calls);
    }
}

#[test]
fn a_state_folder_that_cannot_be_used_costs_calls_and_nothing_else() {
    use std::os::unix::fs::chown;
    let stage = Stage::new();
    let simulator = stage.simulator(&[]);
    let endpoint = simulator.http_endpoint();
    let victim = stage.path("victim");
    fs::create_dir(&victim).unwrap();
    std::os::unix::fs::symlink(&victim, stage.path("state")).unwrap();
    answer(&stage.run(&endpoint, &[]));
    assert_eq!(fs::read_dir(&victim).unwrap().count(), 0, "a planted link is not followed");

    fs::remove_file(stage.path("state")).unwrap();
    fs::create_dir(stage.path("state")).unwrap();
    fs::set_permissions(stage.path("state"), fs::Permissions::from_mode(0o777)).unwrap();
    answer(&stage.run(&endpoint, &[]));
    fs::set_permissions(stage.path("state"), fs::Permissions::from_mode(0o700)).unwrap();
    if chown(stage.path("state"), Some(65_534), Some(65_534)).is_ok() {
        answer(&stage.run(&endpoint, &[]));
    } else {
        eprintln!("skipped: only root can give the state folder to somebody else");
    }
    assert_eq!(fs::read_dir(stage.path("state")).unwrap().count(), 0);
}

#[test]
fn what_must_not_be_believed_is_not_kept() {
    for fault in
        ["bad-token=newline", "bad-token=shell", "expiration=10y", "foreign-role", "redirect", "cut-body"]
    {
        let stage = Stage::new();
        let simulator = stage.simulator(&[fault]);
        refusal(&stage.run(&simulator.http_endpoint(), &["--timeout", "10s"]));
        assert!(stage.state(".session").is_empty(), "{fault}");
    }
    let stage = Stage::new();
    let simulator = stage.simulator(&[]);
    let https = simulator.https_endpoint().unwrap();
    for calls in 1..=2 {
        answer(&stage.run(&https, &["--no-verify-ssl"]));
        assert_eq!(simulator.sessions_requested(), calls);
    }
    assert!(!stage.path("state").exists());
}

#[test]
fn nothing_in_the_state_folder_tells_a_secret() {
    let stage = Stage::new();
    let simulator = stage.simulator(&["latency=1msx1", "deny=certificate-revoked"]);
    let endpoint = simulator.http_endpoint();
    let simulator_without = stage.simulator(&[]);
    let document: serde_json::Value =
        serde_json::from_str(&answer(&stage.run(&simulator_without.http_endpoint(), &[]))).unwrap();
    refusal(&stage.run(&endpoint, &[]));
    let secrets = ["SecretAccessKey", "SessionToken"].map(|name| document[name].as_str().unwrap().to_owned());
    let mut texts = Vec::new();
    for path in stage.state("") {
        texts.push(fs::read(path).unwrap());
    }
    assert!(texts.len() >= 3, "session, failure and lock");
    for arguments in
        [&["cache", "list"][..], &["cache", "list", "--json"], &["status", "--json"], &["status"]]
    {
        let output = stage.program(arguments).env("ANYROLE_ENDPOINT", &endpoint).output().unwrap();
        texts.extend([output.stdout, output.stderr]);
    }
    for secret in &secrets {
        let needle = &secret.as_bytes()[..24];
        assert!(texts.iter().all(|text| !text.windows(needle.len()).any(|window| window == needle)));
    }
}

#[test]
fn a_cleared_session_is_asked_for_again() {
    let stage = Stage::new();
    let simulator = stage.simulator(&[]);
    let endpoint = simulator.http_endpoint();
    let first = answer(&stage.run(&endpoint, &[]));
    assert!(stage.program(&["cache", "clear", "--endpoint", &endpoint]).status().unwrap().success());
    let second = answer(&stage.run(&endpoint, &[]));
    assert_ne!(first, second);
    assert!(stage.program(&["cache", "clear", "--all"]).status().unwrap().success());
    assert!(stage.state(".session").is_empty());
    assert_ne!(answer(&stage.run(&endpoint, &[])), second);
}
