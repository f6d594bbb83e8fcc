//! A host with a certificate and a config file, and a simulator that trusts it.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use pki_test::algorithm::KeyAlgorithm;
use pki_test::authority::{Authority, AuthoritySpec};
use pki_test::certificate::Validity;
use pki_test::end_entity::EndEntitySpec;
use pki_test::key_pair::{KeyForm, KeyPair};
use pki_test::simulator::{
    JournalEntry, Operation, Profile, Role, Simulator, SimulatorSettings, TrustPolicy, Verdict,
};
use pki_test::verifier::TrustAnchor;
use serde_json::Value;
use tempfile::TempDir;
use time::{Duration, OffsetDateTime};

pub(super) const TRUST_ANCHOR: &str =
    "arn:aws:rolesanywhere:eu-central-1:111122223333:trust-anchor/a1b2c3d4-0000-4000-8000-000000000001";
pub(super) const PROFILE: &str =
    "arn:aws:rolesanywhere:eu-central-1:111122223333:profile/a1b2c3d4-0000-4000-8000-000000000001";
pub(super) const FIRST_ROLE: &str = "arn:aws:iam::111122223333:role/build";
pub(super) const SECOND_ROLE: &str = "arn:aws:iam::444455556666:role/team/read-only";
pub(super) const EXTERNAL_ID: &str = "canary:external/7";

/// All that a session of Roles Anywhere needs.
pub(super) const ACTIONS: &str = r#""sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity""#;
/// The condition on the external id.
pub(super) const CONDITION: &str =
    r#", "Condition": {"StringEquals": {"sts:ExternalId": "canary:external/7"}}"#;

pub(super) fn trust_policy(actions: &str, condition: &str) -> TrustPolicy {
    let document = format!(
        r#"{{"Version": "2012-10-17", "Statement": [{{"Effect": "Allow",
            "Principal": {{"AWS": "{FIRST_ROLE}"}}, "Action": [{actions}]{condition}}}]}}"#
    );
    TrustPolicy::parse(&document).expect("a policy that the simulator reads")
}

/// A host with a certificate and a config file, and a simulator that trusts it.
pub(super) struct Host {
    folder: TempDir,
    pub(super) simulator: Simulator,
}

impl Host {
    pub(super) fn new(trust_policy: TrustPolicy) -> Self {
        Self::with(trust_policy, |_| {})
    }

    pub(super) fn with(trust_policy: TrustPolicy, change: impl FnOnce(&mut SimulatorSettings)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let now = OffsetDateTime::now_utc();
        let validity = Validity::starting(now - Duration::days(1), Duration::days(90));
        let key = || KeyPair::generate(KeyAlgorithm::EcP256).unwrap();
        let spec = AuthoritySpec::new("CN=TEST root".parse().unwrap(), validity);
        let root = Authority::root(&spec, key()).unwrap();
        let key_pair = key();
        let spec = EndEntitySpec::new("CN=TEST build-17".parse().unwrap(), validity);
        let issued = root.issue(&spec, key_pair.subject_public_key_info()).unwrap();
        fs::write(folder.path().join("host.pem"), issued.chain_pem()).unwrap();
        let key_file = folder.path().join("host.key");
        fs::write(&key_file, key_pair.to_pem(KeyForm::Pkcs8).unwrap().as_str()).unwrap();
        fs::set_permissions(key_file, fs::Permissions::from_mode(0o600)).unwrap();
        let anchor = TrustAnchor::new(TRUST_ANCHOR, &[root.certificate_der()]).unwrap();
        let roles = vec![
            Role::new(FIRST_ROLE).unwrap(),
            Role::new(SECOND_ROLE).unwrap().with_trust_policy(trust_policy),
        ];
        let profile = Profile::new(PROFILE, &[FIRST_ROLE]).unwrap();
        let mut settings = SimulatorSettings::new("eu-central-1", vec![anchor], vec![profile], roles);
        change(&mut settings);
        let simulator = Simulator::start(settings).unwrap();
        let host = Self { folder, simulator };
        host.configure(&format!("external_id = \"{EXTERNAL_ID}\""));
        host
    }

    /// Writes the config file: a first hop, `deploy`, and a second, `audit`, with these settings beside its role.
    pub(super) fn configure(&self, second: &str) {
        let endpoint = self.simulator.http_endpoint();
        let text = format!(
            "version = 1\n[session.deploy]\ncertificate = \"host.pem\"\nprivate_key = \"host.key\"\n\
             trust_anchor_arn = \"{TRUST_ANCHOR}\"\nprofile_arn = \"{PROFILE}\"\nrole_arn = \"{FIRST_ROLE}\"\n\
             endpoint = \"{endpoint}\"\n\n[session.audit]\nfrom = \"deploy\"\nassume_role_arn = \"{SECOND_ROLE}\"\n\
             sts_endpoint = \"{endpoint}\"\n{second}\n"
        );
        fs::write(self.path("config.toml"), text).unwrap();
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(super) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_anyrole"));
        command
            .args(arguments)
            .current_dir(self.folder.path())
            .env_clear()
            .env("HOME", self.folder.path())
            .env("ANYROLE_CONFIG", self.path("config.toml"))
            .env("ANYROLE_CACHE", "file")
            .stdin(Stdio::null());
        command
    }

    pub(super) fn run(&self, arguments: &[&str]) -> Output {
        let output = self.command(arguments).output().unwrap();
        let everything = [&output.stdout[..], &output.stderr[..]].concat();
        assert!(!String::from_utf8_lossy(&everything).contains("canary"), "the external id is not shown");
        output
    }

    /// Runs a command that succeeds, and says nothing beside its JSON.
    pub(super) fn json(&self, arguments: &[&str]) -> Value {
        let output = self.run(arguments);
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success() && told.is_empty(), "{arguments:?}: {told}");
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// Runs a command that fails with status 1; returns what it tells.
    pub(super) fn refused(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let told = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{told}");
        assert!(output.stdout.is_empty());
        told
    }

    pub(super) fn entries(&self, operation: Operation) -> Vec<JournalEntry> {
        let journal = self.simulator.journal();
        journal.into_iter().filter(|entry| entry.operation == operation).collect()
    }

    /// How many requests went to CreateSession, and how many to STS.
    pub(super) fn requests(&self) -> (usize, usize) {
        (self.entries(Operation::CreateSession).len(), self.entries(Operation::SecurityTokenService).len())
    }

    /// What the journal says about the last request to STS.
    pub(super) fn last_verdict(&self) -> Verdict {
        self.entries(Operation::SecurityTokenService).pop().expect("STS was asked").verdict
    }
}
