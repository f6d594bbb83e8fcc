//! What the tested and measured programs need: a PKI, the simulator, a private folder and an empty environment.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

use pki_test::algorithm::KeyAlgorithm;
use pki_test::authority::{Authority, AuthoritySpec};
use pki_test::certificate::Validity;
use pki_test::distinguished_name::DistinguishedName;
use pki_test::end_entity::EndEntitySpec;
use pki_test::key_pair::{KeyForm, KeyPair};
use pki_test::simulator::{JournalEntry, Profile, Role, Simulator, SimulatorSettings};
use pki_test::verifier::TrustAnchor;
use time::{Duration, OffsetDateTime};

pub(crate) const TRUST_ANCHOR: &str =
    "arn:aws:rolesanywhere:eu-central-1:111122223333:trust-anchor/a1b2c3d4-0000-4000-8000-000000000001";
pub(crate) const PROFILE: &str =
    "arn:aws:rolesanywhere:eu-central-1:111122223333:profile/a1b2c3d4-0000-4000-8000-000000000002";
pub(crate) const ROLE: &str = "arn:aws:iam::111122223333:role/build";

/// How many stages this process has set.
static STAGES: AtomicUsize = AtomicUsize::new(0);

/// A running simulator and the files of one identity: an EC P-256 end entity under an intermediate.
pub(crate) struct Stage {
    folder: tempfile::TempDir,
    /// What this stage's entries of a keyring that all share are called.
    pub(crate) namespace: String,
    simulator: Simulator,
    https: String,
    certificate: String,
    private_key: String,
    server_ca: String,
    issuing: Authority,
}

impl Stage {
    /// Makes the files and starts the simulator.
    pub(crate) fn set() -> Self {
        Self::with(|_| {})
    }

    /// Makes the files and starts a simulator whose settings were changed first.
    pub(crate) fn with(change: impl FnOnce(&mut SimulatorSettings)) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let validity = Validity::starting(OffsetDateTime::now_utc() - Duration::minutes(1), Duration::DAY);
        let name = |text: &str| text.parse::<DistinguishedName>().expect("a name");
        let key = || KeyPair::generate(KeyAlgorithm::EcP256).expect("a key");
        let root =
            Authority::root(&AuthoritySpec::new(name("CN=TEST root"), validity), key()).expect("a root");
        let issuing = root
            .intermediate(&AuthoritySpec::new(name("CN=TEST issuing"), validity), key())
            .expect("an intermediate");
        let private = key();
        let end_entity = issuing
            .issue(&EndEntitySpec::new(name("CN=bench"), validity), private.subject_public_key_info())
            .expect("an end entity");

        let anchor = TrustAnchor::new(TRUST_ANCHOR, &[root.certificate_der()]).expect("a trust anchor");
        let profile = Profile::new(PROFILE, &[ROLE]).expect("a profile");
        let role = Role::new(ROLE).expect("a role");
        let mut settings = SimulatorSettings::new("eu-central-1", vec![anchor], vec![profile], vec![role]);
        settings.https = Some(settings.http);
        change(&mut settings);
        let simulator = Simulator::start(settings).expect("the simulator starts");

        let file = |name: &str, content: &str, mode: u32| {
            let path = folder.path().join(name);
            fs::write(&path, content).expect("a file");
            set_mode(&path, mode);
            path.to_str().expect("a UTF-8 path").to_owned()
        };
        Self {
            certificate: file("bench.pem", &end_entity.chain_pem(), 0o644),
            private_key: file("bench.key", &private.to_pem(KeyForm::Pkcs8).expect("PKCS#8"), 0o600),
            server_ca: file("server-ca.pem", simulator.tls_ca_pem().expect("HTTPS is on"), 0o644),
            https: simulator.https_endpoint().expect("HTTPS is on"),
            simulator,
            issuing,
            // Of this stage alone: it clears what is there when it ends.
            namespace: format!("stage-{}-{}", std::process::id(), STAGES.fetch_add(1, Ordering::Relaxed)),
            folder,
        }
    }

    /// The CA that issues the end entities.
    pub(crate) fn issuing(&self) -> &Authority {
        &self.issuing
    }

    /// The private folder, which is the home of what is run.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The simulator itself.
    pub(crate) fn simulator(&self) -> &Simulator {
        &self.simulator
    }

    pub(crate) fn certificate(&self) -> &str {
        &self.certificate
    }

    pub(crate) fn private_key(&self) -> &str {
        &self.private_key
    }

    /// The private key in PKCS#8, encrypted.
    pub(crate) fn encrypted_key(&self, password: &str) -> String {
        let key = fs::read_to_string(&self.private_key).expect("the private key");
        let pair = KeyPair::from_pem(&key, None).expect("a key pair");
        pair.to_encrypted_pem(password).expect("PKCS#8").to_string()
    }

    /// Issues a certificate for a key that lives elsewhere.
    pub(crate) fn issue(&self, name: &str, key: &KeyPair) -> pki_test::end_entity::EndEntity {
        let validity = Validity::starting(OffsetDateTime::now_utc() - Duration::minutes(1), Duration::DAY);
        let name = format!("CN={name}").parse::<DistinguishedName>().expect("a name");
        let spec = EndEntitySpec::new(name, validity);
        self.issuing.issue(&spec, key.subject_public_key_info()).expect("an end entity")
    }

    /// The certificate of the CA that issues here.
    pub(crate) fn issuing_der(&self) -> &[u8] {
        self.issuing.certificate_der()
    }

    /// Our program, asking for a session with a certificate and a key that lie elsewhere.
    pub(crate) fn credential_process_with(
        &self,
        certificate: &str,
        private_key: Option<&str>,
        more: &[&str],
    ) -> Command {
        let mut command = self.bare(env!("CARGO_BIN_EXE_anyrole"));
        command.args(["credential-process", "--certificate", certificate]);
        command.args(private_key.into_iter().flat_map(|key| ["--private-key", key]));
        command.args(["--trust-anchor-arn", TRUST_ANCHOR, "--profile-arn", PROFILE, "--role-arn", ROLE]);
        command.args(["--endpoint", &self.http_endpoint()]).args(more);
        command
    }

    /// Writes an owner-only file into the private folder and returns its path.
    pub(crate) fn write(&self, name: &str, content: &str) -> String {
        let path = self.folder.path().join(name);
        fs::write(&path, content).expect("a file");
        set_mode(&path, 0o600);
        path.to_str().expect("a UTF-8 path").to_owned()
    }

    /// Renews the pair as careless programs do: one file after the other, each of them in place.
    pub(crate) fn renew(&self) {
        let validity = Validity::starting(OffsetDateTime::now_utc() - Duration::minutes(1), Duration::DAY);
        let private = KeyPair::generate(KeyAlgorithm::EcP256).expect("a key");
        let name = "CN=bench".parse::<DistinguishedName>().expect("a name");
        let spec = EndEntitySpec::new(name, validity);
        let end_entity = self.issuing.issue(&spec, private.subject_public_key_info()).expect("an end entity");
        fs::write(&self.private_key, private.to_pem(KeyForm::Pkcs8).expect("PKCS#8").as_bytes())
            .expect("a file");
        fs::write(&self.certificate, end_entity.chain_pem()).expect("a file");
    }

    /// Has the simulator play these faults from now on, and no others.
    pub(crate) fn play(&self, faults: &[&str]) {
        self.simulator.play(faults.iter().map(|fault| fault.parse().expect("a fault")).collect());
    }

    /// The command with no signal ignored, whatever started the tests: a shell that starts them in the background ignores SIGINT.
    pub(crate) fn with_usual_signals(&self, command: &Command) -> Command {
        let mut env = self.bare("env");
        env.arg("--default-signal").arg(command.get_program()).args(command.get_args());
        env.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
        env
    }

    /// What the simulator saw.
    pub(crate) fn journal(&self) -> Vec<JournalEntry> {
        self.simulator.journal()
    }

    pub(crate) fn server_ca(&self) -> &str {
        &self.server_ca
    }

    pub(crate) fn http_endpoint(&self) -> String {
        self.simulator.http_endpoint()
    }

    pub(crate) fn https_endpoint(&self) -> String {
        self.https.clone()
    }

    /// A program with an empty environment and no output.
    pub(crate) fn bare(&self, program: impl AsRef<Path>) -> Command {
        let mut command = Command::new(program.as_ref());
        command.env_clear().env("HOME", self.home()).env("PATH", "/usr/bin:/bin");
        command.env("ANYROLE_CACHE_NAMESPACE", &self.namespace);
        command.current_dir(self.folder.path()).stdin(Stdio::null()).stdout(Stdio::null());
        command
    }

    /// Our program.
    pub(crate) fn anyrole(&self, arguments: &[&str]) -> Command {
        let mut command = self.bare(env!("CARGO_BIN_EXE_anyrole"));
        command.args(arguments);
        command
    }

    /// Our program, asking an endpoint for a session.
    pub(crate) fn credential_process(&self, endpoint: String, more: &[&str]) -> Command {
        self.credential_process_of(Path::new(env!("CARGO_BIN_EXE_anyrole")), endpoint, more)
    }

    /// Another build of our program, asking an endpoint for a session.
    pub(crate) fn credential_process_of(&self, program: &Path, endpoint: String, more: &[&str]) -> Command {
        let mut command = self.bare(program);
        command.arg("credential-process");
        command.args(["--certificate", &self.certificate, "--private-key", &self.private_key]);
        command.args(["--trust-anchor-arn", TRUST_ANCHOR, "--profile-arn", PROFILE, "--role-arn", ROLE]);
        command.args(["--endpoint", &endpoint]).args(more);
        command
    }

    /// A build of our program, asking for the same session by its name in the config file.
    pub(crate) fn named_credential_process_of(&self, program: &Path) -> Command {
        let path = self.folder.path().join("config.toml");
        if !path.exists() {
            let (certificate, private_key) = (&self.certificate, &self.private_key);
            let endpoint = self.http_endpoint();
            let config = format!(
                "version = 1\n\n[session.build]\ntrust_anchor_arn = \"{TRUST_ANCHOR}\"\nprofile_arn = \"{PROFILE}\"\n\
                 role_arn = \"{ROLE}\"\ncertificate = \"{certificate}\"\nprivate_key = \"{private_key}\"\n\
                 endpoint = \"{endpoint}\"\n"
            );
            self.write("config.toml", &config);
        }
        let mut command = self.bare(program);
        command.args(["credential-process", "build"]);
        command.env("ANYROLE_CONFIG", path).env("ANYROLE_CACHE", "keyring");
        command
    }

    /// Where our program keeps locks, failures and sealed files.
    pub(crate) fn state_folder(&self) -> PathBuf {
        self.home().join(".local/state/anyrole")
    }

    fn home(&self) -> PathBuf {
        self.folder.path().to_owned()
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        // The kernel's keyring outlives the folder.
        let _ = self.anyrole(&["cache", "clear", "--all"]).stderr(Stdio::null()).status();
    }
}

#[cfg(unix)]
fn set_mode(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("a mode");
}

#[cfg(not(unix))]
fn set_mode(_: &Path, _: u32) {}
