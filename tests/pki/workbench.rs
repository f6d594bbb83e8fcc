//! A folder of one's own, the program in it, and those who judge its work.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use anyrole::x509::pem;
use pki_test::revocation::RevocationList;
use pki_test::simulator::{Profile, Role, Simulator, SimulatorSettings};
use pki_test::verifier::{TrustAnchor, Unavailable};

const TRUST_ANCHOR: &str =
    "arn:aws:rolesanywhere:eu-central-1:111122223333:trust-anchor/a1b2c3d4-0000-4000-8000-000000000001";
const PROFILE: &str =
    "arn:aws:rolesanywhere:eu-central-1:111122223333:profile/a1b2c3d4-0000-4000-8000-000000000001";
const ROLE: &str = "arn:aws:iam::111122223333:role/build";

/// What a call answered.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: i32,
    pub(super) stdout: String,
    pub(super) stderr: String,
}

impl Answer {
    fn of(output: Output) -> Self {
        Self {
            status: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8(output.stdout).expect("UTF-8"),
            stderr: String::from_utf8(output.stderr).expect("UTF-8"),
        }
    }

    /// Checks that the call succeeded, silently on the standard error.
    pub(super) fn done(self) -> String {
        assert!(self.status == 0 && self.stderr.is_empty(), "{self:?}");
        self.stdout
    }

    /// Checks that the call was refused for this reason, and printed nothing.
    pub(super) fn refused(self, status: i32, id: &str) -> String {
        let told = self.stderr.lines().next().is_some_and(|line| line.ends_with(&format!(" [{id}]")));
        assert!(self.status == status && told && self.stdout.is_empty(), "{id}: {self:?}");
        self.stderr
    }
}

/// A private folder with a PKI in `anyrole-pki`.
#[derive(Debug)]
pub(super) struct Workbench {
    folder: tempfile::TempDir,
}

impl Workbench {
    /// Makes an empty one.
    pub(super) fn empty() -> Self {
        Self { folder: tempfile::tempdir().expect("a private folder") }
    }

    /// Makes one with a root.
    pub(super) fn with_root() -> Self {
        let bench = Self::empty();
        bench.pki("init --no-passphrase").done();
        bench
    }

    pub(super) fn path(&self, relative: &str) -> PathBuf {
        self.folder.path().join(relative)
    }

    pub(super) fn read(&self, relative: &str) -> String {
        fs::read_to_string(self.path(relative)).unwrap_or_else(|error| panic!("{relative}: {error}"))
    }

    pub(super) fn write(&self, relative: &str, text: &str) {
        fs::write(self.path(relative), text).expect("the folder is ours");
    }

    /// Returns the program, ready to run here without anything of the user's.
    pub(super) fn program(&self) -> Command {
        self.in_here(Path::new(env!("CARGO_BIN_EXE_anyrole")))
    }

    pub(super) fn in_here(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command
            .current_dir(self.folder.path())
            .env_clear()
            .env("HOME", self.folder.path())
            .env("ANYROLE_CACHE", "file");
        command.env("PATH", "/usr/bin:/bin:/usr/local/bin").stdin(Stdio::null());
        command
    }

    /// Runs `anyrole pki` with words that hold no spaces.
    pub(super) fn pki(&self, arguments: &str) -> Answer {
        let output = self.program().arg("pki").args(arguments.split_whitespace()).output();
        Answer::of(output.expect("the program was built"))
    }

    /// Asks the simulator for a session, as an SDK does.
    pub(super) fn session(&self, simulator: &Simulator, certificate: &str, key: &str) -> Answer {
        let endpoint = simulator.http_endpoint();
        let mut command = self.program();
        command.args(["credential-process", "--endpoint", &endpoint, "--certificate", certificate]);
        command.args(["--private-key", key, "--trust-anchor-arn", TRUST_ANCHOR]);
        command.args(["--profile-arn", PROFILE, "--role-arn", ROLE]);
        Answer::of(command.output().expect("the program was built"))
    }

    /// Asks the simulator for a session as another user, without a cache.
    pub(super) fn session_as(
        &self,
        simulator: &Simulator,
        user: &str,
        certificate: &str,
        key: &str,
    ) -> Answer {
        let endpoint = simulator.http_endpoint();
        let words =
            ["credential-process", "--no-cache", "--endpoint", &endpoint, "--certificate", certificate];
        let more = ["--private-key", key, "--trust-anchor-arn", TRUST_ANCHOR];
        let roles = ["--profile-arn", PROFILE, "--role-arn", ROLE];
        self.as_user(user, &[&words[..], &more, &roles].concat())
    }

    /// Runs the program as another user, which needs root.
    pub(super) fn as_user(&self, user: &str, arguments: &[&str]) -> Answer {
        // The program may be where the user cannot go.
        let program = self.path("program");
        if !program.exists() {
            let built = env!("CARGO_BIN_EXE_anyrole");
            fs::hard_link(built, &program)
                .or_else(|_| fs::copy(built, &program).map(drop))
                .expect("there is room");
        }
        let mut command = self.in_here(Path::new("setpriv"));
        command.args(["--reuid", user, "--regid", user, "--clear-groups"]).arg(program).args(arguments);
        Answer::of(command.env("HOME", "/nonexistent").output().expect("setpriv was found"))
    }

    /// Starts a simulator that trusts the PKI's CA, with the PKI's revocation list imported where there is one.
    pub(super) fn simulator(&self, authority: &str) -> Simulator {
        let blocks = pem::read(self.read(authority).as_bytes()).expect("our own PEM");
        let certificates: Vec<Vec<u8>> = blocks.into_iter().map(|block| block.der.to_vec()).collect();
        let mut anchor = TrustAnchor::new(TRUST_ANCHOR, &certificates).expect("a CA");
        if self.path("anyrole-pki/ca/crl.pem").exists() {
            let list =
                RevocationList::parse(self.read("anyrole-pki/ca/crl.pem").as_bytes()).expect("our own list");
            anchor = anchor.with_revocation_list(list.der()).expect("the CA's list");
        }
        let profile = Profile::new(PROFILE, &[ROLE]).expect("an ARN");
        let role = Role::new(ROLE).expect("an ARN");
        Simulator::start(SimulatorSettings::new("eu-central-1", vec![anchor], vec![profile], vec![role]))
            .expect("a free port")
    }

    /// Starts a simulator whose trust anchor asks the list at this URL, for which the PKI's list in DER stands.
    pub(super) fn asking_simulator(&self, url: &str) -> Simulator {
        let blocks = pem::read(self.read("anyrole-pki/ca/root.pem").as_bytes()).expect("our own PEM");
        let anchor = TrustAnchor::new(TRUST_ANCHOR, &[&*blocks[0].der]).expect("a CA");
        let anchor = anchor.with_distribution_points(Unavailable::Refuse);
        let profile = Profile::new(PROFILE, &[ROLE]).expect("an ARN");
        let role = Role::new(ROLE).expect("an ARN");
        let mut settings = SimulatorSettings::new("eu-central-1", vec![anchor], vec![profile], vec![role]);
        settings.crl_files.insert(url.to_owned(), self.path("anyrole-pki/ca/crl.der"));
        Simulator::start(settings).expect("a free port")
    }

    /// Verifies a certificate with openssl, with the revocation list where that is asked for.
    pub(super) fn openssl_verify(&self, certificate: &str, with_list: bool) -> Answer {
        let mut arguments = String::from(
            "verify -purpose sslclient -x509_strict -no-CApath -no-CAstore -CAfile anyrole-pki/ca/root.pem ",
        );
        if with_list {
            arguments.push_str("-crl_check -CRLfile anyrole-pki/ca/crl.pem ");
        }
        self.run("openssl", &(arguments + certificate))
    }

    /// Runs another program with words that hold no spaces.
    pub(super) fn run(&self, program: &str, arguments: &str) -> Answer {
        let output = self.in_here(Path::new(program)).args(arguments.split_whitespace()).output();
        Answer::of(output.expect("it was found before"))
    }
}
