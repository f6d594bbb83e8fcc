//! A test PKI in a private folder.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use anyrole::clock::Timestamp;
use anyrole::diagnostic::Diagnostic as _;
use anyrole::env::Environment;
use anyrole::identity::{Identity, IdentityError, IdentitySource, Input, PasswordSource, load};
use pki_test::algorithm::KeyAlgorithm;
use pki_test::authority::{Authority, AuthoritySpec};
use pki_test::certificate::Validity;
use pki_test::distinguished_name::DistinguishedName;
use pki_test::end_entity::{EndEntity, EndEntitySpec};
use pki_test::key_pair::KeyPair;
use tempfile::TempDir;
use time::{Duration, OffsetDateTime};

use crate::support::components::missing;

/// The present of these tests, 2026-11-23T16:00:00Z.
pub(crate) const NOW: Timestamp = Timestamp::from_unix_seconds(1_795_449_600);

pub(crate) fn now() -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(NOW.unix_seconds()).expect("a time of this century")
}

/// A private folder that is gone at the end.
pub(crate) struct Folder(TempDir);

impl Folder {
    pub(crate) fn new() -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        set_mode(folder.path(), 0o700);
        Self(folder)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Writes a file that is the owner's alone.
    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        self.write_mode(name, content, 0o600)
    }

    pub(crate) fn write_mode(&self, name: &str, content: impl AsRef<[u8]>, mode: u32) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, content).expect("a file in a private folder can be written");
        set_mode(&path, mode);
        path
    }
}

pub(crate) fn set_mode(path: &Path, mode: u32) {
    let permissions = std::fs::Permissions::from_mode(mode);
    std::fs::set_permissions(path, permissions).expect("the owner can set the mode");
}

pub(crate) fn name(text: &str) -> DistinguishedName {
    DistinguishedName::common_name(text).expect("a short name")
}

pub(crate) fn validity() -> Validity {
    Validity::starting(now() - Duration::days(100), Duration::days(365))
}

pub(crate) fn authority_spec(text: &str) -> AuthoritySpec {
    AuthoritySpec::new(name(text), validity())
}

pub(crate) fn new_key(algorithm: KeyAlgorithm) -> KeyPair {
    KeyPair::generate(algorithm).expect("a new key")
}

/// A root, two CAs below it, and an end entity.
pub(crate) struct Pki {
    pub(crate) root: Authority,
    pub(crate) upper: Authority,
    pub(crate) lower: Authority,
    pub(crate) key: KeyPair,
    pub(crate) end_entity: EndEntity,
}

impl Pki {
    pub(crate) fn new(algorithm: KeyAlgorithm) -> Self {
        let curve = KeyAlgorithm::EcP256;
        let root = Authority::root(&authority_spec("TEST root"), new_key(curve)).expect("a root");
        let upper = root.intermediate(&authority_spec("TEST upper"), new_key(curve)).expect("a CA");
        let lower = upper.intermediate(&authority_spec("TEST lower"), new_key(curve)).expect("a CA");
        let key = new_key(algorithm);
        let spec = EndEntitySpec::new(name("TEST build-17"), validity());
        let end_entity = lower.issue(&spec, key.subject_public_key_info()).expect("an end entity");
        Self { root, upper, lower, key, end_entity }
    }

    pub(crate) fn key_pem(&self) -> String {
        self.key.to_pem(pki_test::key_pair::KeyForm::Pkcs8).expect("every key has PKCS#8").to_string()
    }

    pub(crate) fn certificate_pem(&self) -> String {
        self.end_entity.certificate_pem()
    }
}

pub(crate) fn source(certificate: &Path, private_key: Option<&Path>) -> IdentitySource {
    IdentitySource {
        certificate: Input::file(certificate.to_owned()),
        private_key: private_key.map(|path| Input::file(path.to_owned())),
        intermediates: None,
        selection: anyrole::identity::Selection::default(),
        password: PasswordSource::Input(Input::Variable(String::from("NO_PASSWORD"))),
        tpm: None,
        allow_insecure_key_file: false,
    }
}

pub(crate) fn no_environment() -> Environment {
    Environment::given::<&str, &str>([])
}

pub(crate) fn loaded(source: &IdentitySource) -> Identity {
    load(source, &no_environment()).unwrap_or_else(|error| panic!("{} [{}]", error, error.id()))
}

pub(crate) fn refused(source: &IdentitySource) -> IdentityError {
    refused_with(source, &no_environment())
}

pub(crate) fn refused_with(source: &IdentitySource, env: &Environment) -> IdentityError {
    load(source, env).map(|identity| format!("{identity:?}")).expect_err("it is refused")
}

/// Runs openssl; `None` where it is missing.
pub(crate) fn openssl(arguments: &[&str]) -> Option<Output> {
    match Command::new("openssl").args(arguments).stdin(Stdio::null()).output() {
        Ok(output) => Some(output),
        Err(_) => {
            missing("openssl");
            None
        }
    }
}

/// Returns whether the tests run as root, which foreign owners need; else says so.
pub(crate) fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt as _;
    let root = std::fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0);
    if !root {
        eprintln!("SKIPPED: not root, so no foreign owners");
    }
    root
}

pub(crate) fn text(path: &Path) -> &str {
    path.to_str().expect("temporary paths are UTF-8")
}
