//! SoftHSM's tokens, private to one test.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::{Command, Output};

use pki_test::algorithm::KeyAlgorithm;
use pki_test::key_pair::{KeyForm, KeyPair};

use crate::support::components::{have, missing};
use crate::support::programs;
use crate::support::stage::Stage;

pub(crate) const MODULE: &str = "/usr/lib/softhsm/libsofthsm2.so";
/// A PIN that appears nowhere else.
pub(crate) const PIN: &str = "canary4711";

/// A stage with tokens.
pub(crate) struct Hsm {
    pub(crate) stage: Stage,
    folder: tempfile::TempDir,
}

/// The ids of objects, in hex.
pub(crate) type Id = &'static str;

impl Hsm {
    /// A stage without a token; `None`, and a line, where SoftHSM or OpenSC is missing.
    pub(crate) fn empty() -> Option<Self> {
        if !fs::exists(MODULE).unwrap() {
            missing("softhsm2");
            return None;
        }
        if !have(&["pkcs11-tool", "softhsm2-util"]) {
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        let tokens = folder.path().join("tokens");
        fs::create_dir(&tokens).unwrap();
        let config = format!(
            "directories.tokendir = {}\nobjectstore.backend = file\nlog.level = ERROR\nslots.removable = false\n",
            tokens.display()
        );
        fs::write(folder.path().join("softhsm2.conf"), config).unwrap();
        // The helper is judged as a module is: nobody else may write its folder. A build's folder may be a group's.
        let helper = folder.path().join("anyrole-pkcs11");
        programs::copy(env!("CARGO_BIN_EXE_anyrole-pkcs11"), &helper);
        fs::set_permissions(&helper, fs::Permissions::from_mode(0o755)).unwrap();
        Some(Self { stage: Stage::set(), folder })
    }

    /// A stage with a token of that label.
    pub(crate) fn new(label: &str) -> Option<Self> {
        let hsm = Self::empty()?;
        hsm.token(label);
        Some(hsm)
    }

    pub(crate) fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().to_owned()
    }

    pub(crate) fn helper(&self) -> String {
        self.path("anyrole-pkcs11")
    }

    fn tool(&self, program: &str, arguments: &[&str]) -> Output {
        let output = Command::new(program)
            .args(arguments)
            .env("SOFTHSM2_CONF", self.path("softhsm2.conf"))
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "{program} {arguments:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        output
    }

    /// Makes a token, and returns its serial number.
    pub(crate) fn token(&self, label: &str) -> String {
        let made = self.tool(
            "softhsm2-util",
            &["--init-token", "--free", "--label", label, "--pin", PIN, "--so-pin", "87654321"],
        );
        let said = String::from_utf8(made.stdout).unwrap();
        let slot = said.split_whitespace().last().unwrap().trim_end_matches('.');
        // SoftHSM's slots are numbered by their serial numbers.
        format!("{:016x}", slot.parse::<u64>().unwrap())
    }

    /// Runs pkcs11-tool on the token of that label, logged in.
    pub(crate) fn pkcs11_tool(&self, token: &str, arguments: &[&str]) {
        let login = ["--module", MODULE, "--token-label", token, "--login", "--pin", PIN];
        self.tool("pkcs11-tool", &[&login, arguments].concat());
    }

    /// Puts a private key on a token.
    pub(crate) fn put_key(&self, token: &str, label: &str, id: Id, key: &KeyPair, more: &[&str]) {
        let file = self.path("import.key");
        fs::write(&file, key.to_der(KeyForm::Pkcs8).unwrap()).unwrap();
        let write =
            ["-w", &file, "-y", "privkey", "--label", label, "--id", id, "--sensitive", "--usage-sign"];
        self.pkcs11_tool(token, &[&write, more].concat());
        fs::remove_file(file).unwrap();
    }

    /// Puts a certificate on a token.
    pub(crate) fn put_certificate(&self, token: &str, label: &str, id: Id, der: &[u8]) {
        let file = self.path("import.der");
        fs::write(&file, der).unwrap();
        self.pkcs11_tool(token, &["-w", &file, "-y", "cert", "--label", label, "--id", id]);
        fs::remove_file(file).unwrap();
    }

    /// Makes a key on a token, and returns the file of its certificate and chain, which is also put there.
    pub(crate) fn identity(&self, token: &str, label: &str, id: Id, algorithm: KeyAlgorithm) -> String {
        let key = KeyPair::generate(algorithm).unwrap();
        let end_entity = self.stage.issue(label, &key);
        self.put_key(token, label, id, &key, &[]);
        self.put_certificate(token, label, id, end_entity.certificate_der());
        self.stage.write(&format!("{label}.pem"), &end_entity.chain_pem())
    }

    /// The file that holds the PIN.
    pub(crate) fn pin_file(&self) -> String {
        self.stage.write("pin", &format!("{PIN}\n"))
    }

    /// Has a command find the tokens and the helper.
    pub(crate) fn with<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        command.env("SOFTHSM2_CONF", self.path("softhsm2.conf")).env("ANYROLE_PKCS11_HELPER", self.helper())
    }

    /// Runs our program.
    pub(crate) fn anyrole(&self, arguments: &[&str]) -> Ran {
        Ran(self
            .with(&mut self.stage.anyrole(arguments))
            .stdout(std::process::Stdio::piped())
            .output()
            .unwrap())
    }

    /// Asks for a session, past the cache.
    pub(crate) fn session(&self, certificate: &str, private_key: Option<&str>, more: &[&str]) -> Ran {
        let mut command = self.stage.credential_process_with(certificate, private_key, more);
        command.arg("--no-cache").stdout(std::process::Stdio::piped());
        Ran(self.with(&mut command).output().unwrap())
    }

    /// Compiles the module that stands between the helper and SoftHSM.
    pub(crate) fn between(&self) -> String {
        let source = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/tokens/between.c");
        let module = self.path("between.so");
        // The compiler is there: a dependency is built with it.
        let compiled =
            Command::new("cc").args(["-shared", "-fPIC", "-o", &module]).arg(source).arg("-ldl").status();
        assert!(compiled.unwrap().success());
        fs::set_permissions(&module, fs::Permissions::from_mode(0o755)).unwrap();
        module
    }
}

/// What a run gave.
pub(crate) struct Ran(pub(crate) Output);

impl Ran {
    pub(crate) fn stdout(&self) -> String {
        String::from_utf8_lossy(&self.0.stdout).into_owned()
    }

    pub(crate) fn stderr(&self) -> String {
        String::from_utf8_lossy(&self.0.stderr).into_owned()
    }

    /// It succeeded, and said nothing but the answer.
    #[track_caller]
    pub(crate) fn succeeded(&self) -> String {
        assert!(self.0.status.success() && self.0.stderr.is_empty(), "{}", self.stderr());
        self.stdout()
    }

    /// It failed with that id, told nothing on standard output and no PIN anywhere.
    #[track_caller]
    pub(crate) fn refused(&self, id: &str) -> String {
        let told = self.stderr();
        assert!(!self.0.status.success() && self.0.stdout.is_empty(), "{told}");
        assert!(told.contains(&format!("[{id}]")), "{told}");
        assert!(!told.contains(PIN), "{told}");
        told
    }
}
