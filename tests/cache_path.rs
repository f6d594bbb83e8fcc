//! The cached path: what a run that finds its session in the kernel's keyring asks of the operating system.
//!
//! Proved with strace. Where strace or the keyring is missing, the test is skipped with a line on stderr, and is a failure
//! where `ANYROLE_REQUIRE_COMPONENTS` is set.
#![cfg(all(target_os = "linux", feature = "pki"))]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use pki_test::algorithm::KeyAlgorithm;
use pki_test::authority::{Authority, AuthoritySpec};
use pki_test::certificate::Validity;
use pki_test::end_entity::EndEntitySpec;
use pki_test::key_pair::{KeyForm, KeyPair};
use pki_test::simulator::{Profile, Role, Simulator, SimulatorSettings};
use pki_test::verifier::TrustAnchor;

use crate::support::components::{missing, skip};

const TRUST_ANCHOR: &str =
    "arn:aws:rolesanywhere:eu-central-1:111122223333:trust-anchor/a1b2c3d4-0000-4000-8000-000000000001";
const PROFILE: &str =
    "arn:aws:rolesanywhere:eu-central-1:111122223333:profile/a1b2c3d4-0000-4000-8000-000000000001";
const ROLE: &str = "arn:aws:iam::111122223333:role/build";

struct Stage {
    folder: tempfile::TempDir,
    simulator: Simulator,
    namespace: String,
}

impl Stage {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let begin = time::OffsetDateTime::now_utc() - time::Duration::HOUR;
        let validity = Validity::starting(begin, time::Duration::days(30));
        let root = AuthoritySpec::new("CN=TEST root".parse().unwrap(), validity);
        let root = Authority::root(&root, KeyPair::generate(KeyAlgorithm::EcP256).unwrap()).unwrap();
        let key_pair = KeyPair::generate(KeyAlgorithm::EcP256).unwrap();
        let spec = EndEntitySpec::new("CN=TEST host".parse().unwrap(), validity);
        let issued = root.issue(&spec, key_pair.subject_public_key_info()).unwrap();
        fs::write(folder.path().join("host.pem"), issued.chain_pem()).unwrap();
        let key = folder.path().join("host.key");
        fs::write(&key, key_pair.to_pem(KeyForm::Pkcs8).unwrap()).unwrap();
        fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
        let anchor = TrustAnchor::new(TRUST_ANCHOR, &[root.certificate_der().to_vec()]).unwrap();
        let profile = Profile::new(PROFILE, &[ROLE]).unwrap();
        let roles = vec![Role::new(ROLE).unwrap()];
        let settings = SimulatorSettings::new("eu-central-1", vec![anchor], vec![profile], roles);
        let simulator = Simulator::start(settings).unwrap();
        let namespace = folder.path().file_name().unwrap().to_str().unwrap().trim_start_matches('.');
        let namespace = format!("path-{}-{namespace}", std::process::id());
        Self { folder, simulator, namespace }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Prepares a command in the environment of this host and no other.
    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command
            .env_clear()
            .env("HOME", self.folder.path())
            .env("ANYROLE_CACHE", "keyring")
            .env("ANYROLE_CACHE_NAMESPACE", &self.namespace)
            .env("ANYROLE_ENDPOINT", self.simulator.http_endpoint())
            .env("ANYROLE_TRUST_ANCHOR_ARN", TRUST_ANCHOR)
            .env("ANYROLE_PROFILE_ARN", PROFILE)
            .env("ANYROLE_ROLE_ARN", ROLE)
            .env("ANYROLE_CERTIFICATE", self.path("host.pem"))
            .env("ANYROLE_PRIVATE_KEY", self.path("host.key"));
        command
    }

    fn run(&self, more: &[&str]) {
        let mut command = self.command(env!("CARGO_BIN_EXE_anyrole"));
        let output = command.arg("credential-process").args(more).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        let mut clear = self.command(env!("CARGO_BIN_EXE_anyrole"));
        let _ = clear.args(["cache", "clear", "--all"]).output();
    }
}

/// Returns what a run asks of the system that finds its session kept, from the last act that closes the process to others on;
/// `None` after saying what is missing. `more` are its further arguments.
fn trace_of_a_hit(stage: &Stage, more: &[&str]) -> Option<String> {
    let Some(strace) = ["/usr/bin/strace", "/bin/strace"].into_iter().find(|path| Path::new(path).exists())
    else {
        missing("strace");
        return None;
    };
    stage.run(more);
    let requests = stage.simulator.journal().len();
    stage.run(more);
    if stage.simulator.journal().len() != requests {
        skip("the kernel keyring keeps nothing here");
        return None;
    }
    // Even a key that cannot be read does not matter.
    fs::remove_file(stage.path("host.key")).unwrap();
    let trace = stage.path("trace");
    let traced = stage
        .command(strace)
        .args(["-f", "-o"])
        .arg(&trace)
        .args(["--", env!("CARGO_BIN_EXE_anyrole"), "credential-process"])
        .args(more)
        .output()
        .unwrap();
    if !traced.status.success() {
        skip(&format!("strace may not trace: {}", String::from_utf8_lossy(&traced.stderr)));
        return None;
    }
    assert!(traced.stdout.starts_with(br#"{"Version":1,"AccessKeyId":"ASIA"#));
    assert_eq!(stage.simulator.journal().len(), requests);
    let trace = fs::read_to_string(trace).unwrap();
    let calls = |name: &str| trace.lines().filter(|line| line.contains(&format!(" {name}("))).count();
    for never in
        ["socket", "connect", "flock", "clone", "clone3", "epoll_create1", "eventfd2", "mkdir", "rename"]
    {
        assert_eq!(calls(never), 0, "{never}\n{trace}");
    }
    assert!(!trace.contains("host.key"), "the private key is not even looked for\n{trace}");
    assert_eq!(calls("keyctl"), 3, "the user keyring, the entry, its bytes\n{trace}");
    assert!(!trace.contains(".failed") && !trace.contains("lock-"), "{trace}");
    let below_state = trace.lines().filter(|line| line.contains(".local/state")).count();
    assert_eq!(below_state, 1, "the sealing key and nothing else\n{trace}");
    Some(trace)
}

/// What is asked of the system from the last act that closes the process to others, to the answer.
fn asked(trace: &str) -> Vec<&str> {
    trace
        .lines()
        .skip_while(|line| !line.contains("PR_SET_DUMPABLE"))
        .take_while(|line| !line.contains("write(1, "))
        .collect()
}

#[test]
fn a_hit_opens_no_key_takes_no_lock_and_sends_nothing() {
    let stage = Stage::new();
    let Some(trace) = trace_of_a_hit(&stage, &[]) else { return };
    assert_eq!(trace.matches("host.pem").count(), trace.matches("host.pem\", O_RDONLY").count());
    let asked = asked(&trace);
    assert!(asked.len() <= 24, "what is asked is asked once: {} calls:\n{}", asked.len(), asked.join("\n"));
    let of_the_certificate = trace.lines().filter(|line| line.contains("host.pem")).count();
    assert_eq!(of_the_certificate, 1, "{trace}");
}

#[test]
fn a_hit_of_a_narrower_session_reads_its_policy_and_looks_at_no_other() {
    let stage = Stage::new();
    let policy = stage.path("read-only.json");
    fs::write(&policy, r#"{"Statement":[{"Effect":"Allow","Action":"s3:Get*","Resource":"*"}]}"#).unwrap();
    let (policy, endpoint) = (policy.to_str().unwrap(), stage.simulator.http_endpoint());
    let more = ["--scope-policy", policy, "--scope-duration", "20m", "--sts-endpoint", &endpoint];
    let Some(trace) = trace_of_a_hit(&stage, &more) else { return };
    let opened = trace.lines().filter(|line| line.contains("read-only.json\", O_RDONLY")).count();
    assert_eq!(opened, 1, "{trace}");
    // The policy's file is judged, and each folder above it.
    let most = 24 + 8 + Path::new(policy).ancestors().count();
    let asked = asked(&trace);
    assert!(asked.len() <= most, "{} calls:\n{}", asked.len(), asked.join("\n"));
}

/// A folder of a hundred certificates: each file is looked at once, and none is opened.
#[test]
fn a_hit_of_a_folder_opens_none_of_its_files() {
    let stage = Stage::new();
    for number in 0..100 {
        fs::write(stage.path(&format!("other-{number}.crt")), "no certificate").unwrap();
    }
    let folder = stage.folder.path().to_str().unwrap();
    let more = ["--certificate", folder, "--cert-selector", "Key=x509Subject,Value=cn = test HOST"];
    let Some(trace) = trace_of_a_hit(&stage, &more) else { return };
    let lines = |part: &str| trace.lines().filter(|line| line.contains(part)).collect::<Vec<_>>();
    assert_eq!(lines("host.pem").len(), 1, "{trace}");
    assert!(lines("host.pem").iter().all(|line| line.contains("stat")), "{trace}");
    assert_eq!(lines(".crt\"").len(), 100, "{trace}");
    // The folder is refused as a file, then listed; the rest is what it is without a folder.
    let asked = asked(&trace);
    assert!(asked.len() <= 24 + 101 + 10, "{} calls:\n{}", asked.len(), asked.join("\n"));
}

/// `status` of many sessions reads each config file once, however many sessions there are.
#[test]
fn status_reads_the_configuration_once() {
    let Some(strace) = ["/usr/bin/strace", "/bin/strace"].into_iter().find(|path| Path::new(path).exists())
    else {
        return missing("strace");
    };
    let stage = Stage::new();
    let sessions: String =
        (0..200).map(|number| format!("[session.s{number}]\nregion = 'eu-central-1'\n")).collect();
    let config = stage.path("config.toml");
    fs::write(&config, format!("version = 1\n{sessions}")).unwrap();
    let trace = stage.path("status-trace");
    let output = stage
        .command(strace)
        .args(["-f", "-qq", "-e", "trace=open,openat", "-o"])
        .args([trace.as_os_str(), env!("CARGO_BIN_EXE_anyrole").as_ref(), "status".as_ref()])
        .env("ANYROLE_CONFIG", &config)
        .output()
        .unwrap();
    let shown = String::from_utf8(output.stdout).unwrap();
    assert_eq!(shown.matches("private key: belongs to the certificate").count(), 200, "{shown}");
    let opened = fs::read_to_string(trace).unwrap();
    assert_eq!(opened.matches("config.toml").count(), 1);
    // The others are each session's own: its certificate, its key, the state folder and what is in it.
    let opens = opened.lines().count();
    assert!(opens < 200 * 16 + 200, "{opens} files were opened for 200 sessions");
}
