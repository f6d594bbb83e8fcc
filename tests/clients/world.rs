//! A simulator, an identity that it trusts, and a home whose AWS config file names our binary.

use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use pki_test::algorithm::KeyAlgorithm;
use pki_test::authority::{Authority, AuthoritySpec};
use pki_test::certificate::Validity;
use pki_test::distinguished_name::DistinguishedName;
use pki_test::end_entity::EndEntitySpec;
use pki_test::key_pair::{KeyForm, KeyPair};
use pki_test::simulator::{Profile, Role, Simulator, SimulatorSettings};
use pki_test::verifier::TrustAnchor;
use tempfile::TempDir;
use time::{Duration, OffsetDateTime};

pub(crate) const ROLE_ARN: &str = "arn:aws:iam::111122223333:role/terraform";
pub(crate) const PROFILE_ARN: &str =
    "arn:aws:rolesanywhere:us-east-1:111122223333:profile/a1b2c3d4-0000-4000-8000-000000000002";
pub(crate) const TRUST_ANCHOR_ARN: &str =
    "arn:aws:rolesanywhere:us-east-1:111122223333:trust-anchor/a1b2c3d4-0000-4000-8000-000000000001";

pub(crate) struct World {
    pub(crate) simulator: Simulator,
    /// The role session's name: the certificate's serial number.
    pub(crate) session_name: String,
    folder: TempDir,
}

impl World {
    /// Starts a simulator after `change` has had its way with the settings, and writes the files.
    pub(crate) fn start(change: impl FnOnce(&mut SimulatorSettings)) -> Self {
        let validity = Validity::starting(OffsetDateTime::now_utc() - Duration::hours(1), Duration::days(1));
        let name = |text| DistinguishedName::common_name(text).expect("it is a name");
        let key = || KeyPair::generate(KeyAlgorithm::EcP256).expect("there is entropy");
        let root = Authority::root(&AuthoritySpec::new(name("Example Root"), validity), key())
            .expect("a root can be made");
        let issuing = root
            .intermediate(&AuthoritySpec::new(name("Example Issuing CA"), validity), key())
            .expect("a CA can be made");
        let key_pair = key();
        let end_entity = issuing
            .issue(&EndEntitySpec::new(name("build-17"), validity), key_pair.subject_public_key_info())
            .expect("it can be issued");
        let anchor = TrustAnchor::new(TRUST_ANCHOR_ARN, &[root.certificate_der()]);
        let mut settings = SimulatorSettings::new(
            "us-east-1",
            vec![anchor.expect("a root is an anchor")],
            vec![Profile::new(PROFILE_ARN, &[ROLE_ARN]).expect("these are ARNs")],
            vec![Role::new(ROLE_ARN).expect("it is an ARN")],
        );
        change(&mut settings);
        let simulator = Simulator::start(settings).expect("127.0.0.1 has a free port");
        let folder = TempDir::with_prefix("anyrole-clients-").expect("the system's folder is writable");
        let world = Self { simulator, session_name: end_entity.serial().hex(), folder };
        fs::create_dir(world.home()).expect("the folder is ours");
        world.write("host.pem", &end_entity.chain_pem());
        world.write("issuing.pem", &issuing.certificate_pem());
        world.write("host.key", &key_pair.to_pem(KeyForm::Pkcs8).expect("every key has this form"));
        world.write("config", &world.config());
        world
    }

    /// The private home. It has a blank in its name, as homes on some systems have, so that quoting is tried too.
    pub(crate) fn home(&self) -> PathBuf {
        self.folder.path().join("home of build-17")
    }

    /// Writes a file that only its owner can read, and returns where.
    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.home().join(name);
        fs::write(&path, text).expect("the folder is ours");
        fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).expect("the file is ours");
        path
    }

    /// The AWS config file: nothing but our binary leads to credentials.
    fn config(&self) -> String {
        let home = self.home();
        let quoted = |path: &Path| format!("\"{}\"", path.display());
        format!(
            "[default]\nregion = us-east-1\ncredential_process = {} credential-process --certificate {} \
             --private-key {} --trust-anchor-arn {TRUST_ANCHOR_ARN} --profile-arn {PROFILE_ARN} \
             --role-arn {ROLE_ARN} --endpoint {}\n",
            quoted(Path::new(env!("CARGO_BIN_EXE_anyrole"))),
            quoted(&home.join("host.pem")),
            quoted(&home.join("host.key")),
            self.simulator.http_endpoint(),
        )
    }

    /// The ARN that STS tells of our sessions.
    pub(crate) fn assumed_role_arn(&self) -> String {
        format!("arn:aws:sts::111122223333:assumed-role/terraform/{}", self.session_name)
    }

    /// Runs a client with the private home, no cache, and nothing of our own environment.
    pub(crate) fn run(&self, command: Command) -> Output {
        self.run_with(command, "none")
    }

    /// Runs a client as [`Self::run`] does, with this store for our sessions; it is in the private home.
    pub(crate) fn run_with(&self, command: Command, cache: &str) -> Output {
        self.settle(command, cache).output().expect("the client was found before")
    }

    /// Returns a client as [`Self::run_with`] runs it.
    pub(crate) fn settle(&self, mut command: Command, cache: &str) -> Command {
        command
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .env("HOME", self.home())
            .env("ANYROLE_CACHE", cache)
            .env("AWS_CONFIG_FILE", self.home().join("config"))
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .current_dir(self.home());
        command
    }

    /// Names sessions by the roles that they are for: each in our config file, and in an AWS config profile.
    pub(crate) fn name_sessions(&self, sessions: &[(&str, &str)]) {
        let (program, endpoint) = (env!("CARGO_BIN_EXE_anyrole"), self.simulator.http_endpoint());
        let (mut ours, mut theirs) = (String::from("version = 1\n"), String::new());
        for (name, role_arn) in sessions {
            write!(
                ours,
                "\n[session.{name}]\ntrust_anchor_arn = '{TRUST_ANCHOR_ARN}'\nprofile_arn = '{PROFILE_ARN}'\n\
                 role_arn = '{role_arn}'\ncertificate = 'host.pem'\nprivate_key = 'host.key'\n\
                 endpoint = '{endpoint}'\n"
            )
            .expect("a text takes it");
            writeln!(
                theirs,
                "[profile {name}]\ncredential_process = \"{program}\" credential-process {name}"
            )
            .expect("a text takes it");
        }
        self.write("anyrole.toml", &ours);
        self.write("config", &theirs);
    }

    /// The file of [`Self::name_sessions`], for `ANYROLE_CONFIG`.
    pub(crate) fn anyrole_config(&self) -> PathBuf {
        self.home().join("anyrole.toml")
    }
}
