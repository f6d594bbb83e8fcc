//! Why an operation of the PKI failed.

mod hint;

use std::path::{Path, PathBuf};

use pki_test::authority::AuthorityError;
use pki_test::certificate::IssueError;
use pki_test::certificate_request::RequestError;
use pki_test::distinguished_name::NameError;
use pki_test::key_pair::KeyPairError;
use pki_test::revocation::RevocationError;

pub use hint::Call;

use super::deploy::Obstacle;
use crate::clock::Timestamp;
use crate::diagnostic::{Diagnostic, Fact, Fault};
use crate::identity::IdentityError;
use crate::private_file::{ReadError, WriteError};
use crate::signer::SignError;
use crate::text::quoted;
use crate::x509::CertificateError;

/// Why an operation of the PKI failed; nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum PkiError {
    /// A name that would match nothing.
    #[error("{} is not {kind}: {why}", quoted(name))]
    AlternativeName {
        /// `a DNS name`, `a URI`.
        kind: &'static str,
        /// The text.
        name: String,
        /// What is wrong with it.
        why: String,
    },
    /// The files of the CA do not belong together.
    #[error("the CA cannot be used")]
    Authority(#[from] AuthorityError),
    /// A certificate of the PKI is damaged.
    #[error("the certificate {} is damaged", path(file))]
    Certificate {
        /// The file.
        file: PathBuf,
        /// What the parser found.
        source: CertificateError,
    },
    /// The pair cannot be put where it should be.
    #[error("cannot deploy to {}: {obstacle}", path(folder))]
    Deploy {
        /// Where it should be.
        folder: PathBuf,
        /// The command's flags beyond the PKI's folder.
        arguments: String,
        /// What is in the way.
        obstacle: Box<Obstacle>,
    },
    /// There is a PKI in the folder already.
    #[error("there is a PKI in {} already", path(folder))]
    Exists {
        /// The folder.
        folder: PathBuf,
    },
    /// A certificate that somebody else issued is not installed.
    #[error(transparent)]
    Identity(Box<IdentityError>),
    /// A certificate cannot be what was asked for.
    #[error("the certificate cannot be issued")]
    Issue(#[from] IssueError),
    /// The CA's private key cannot be loaded.
    #[error("the CA's private key cannot be used")]
    Key(#[source] KeyPairError),
    /// A new key was asked for, and the old one is not here.
    #[error("the private key of {} is not in the PKI's folder", quoted(name))]
    KeyElsewhere {
        /// The identity.
        name: String,
    },
    /// There is a key of that name, which a new one would replace.
    #[error("there is a private key {} already", path(file))]
    KeyTaken {
        /// The key's file.
        file: PathBuf,
        /// The identity.
        name: String,
    },
    /// The lock cannot be had.
    #[error("cannot lock {}", path(file))]
    Lock {
        /// The lock.
        file: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Not a name for files.
    #[error("an identity cannot be called {}", quoted(name))]
    Name {
        /// The name.
        name: String,
    },
    /// There is an identity of that name.
    #[error("there is an identity in {} already", path(folder))]
    NameTaken {
        /// Its folder.
        folder: PathBuf,
    },
    /// A private key cannot be made.
    #[error("a private key cannot be made")]
    NewKey(#[source] KeyPairError),
    /// There is no private key for the certificate that is to be installed.
    #[error("there is no private key {}", path(file))]
    NoKey {
        /// Where it should be.
        file: PathBuf,
    },
    /// There is no PKI in the folder.
    #[error("there is no PKI in {}", path(folder))]
    NoPki {
        /// The folder.
        folder: PathBuf,
    },
    /// A certificate is not in the register.
    #[error("the certificate {} was not issued by this PKI", path(file))]
    NotOurs {
        /// The file.
        file: PathBuf,
    },
    /// A file of the PKI is not text.
    #[error("the file {} is not PEM", path(file))]
    NotText {
        /// The file.
        file: PathBuf,
    },
    /// The private key of the identity to be renewed cannot be loaded.
    #[error("the private key {} cannot be used", path(file))]
    OldKey {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        source: KeyPairError,
    },
    /// The certificate would be valid longer than its CA.
    #[error("the certificate would be valid until {not_after}, and its CA only until {issuer_ends}")]
    Outlives {
        /// The last second that was asked for.
        not_after: Timestamp,
        /// The last second of the CA.
        issuer_ends: Timestamp,
    },
    /// The key beside the certificate to be renewed is another's.
    #[error("the private key {} does not belong to the certificate beside it", path(file))]
    PairMismatch {
        /// The key's file.
        file: PathBuf,
    },
    /// The CA's key is encrypted, and nobody gave the passphrase.
    #[error("the CA's private key is encrypted, and its passphrase is needed")]
    PassphraseMissing,
    /// A file cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The register of issued certificates is missing or damaged.
    #[error("the register {} cannot be used: {why}", path(file))]
    Register {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// There is no room in the register for one certificate more.
    #[error("the register {} would be larger than {limit} bytes", path(file))]
    RegisterFull {
        /// The register.
        file: PathBuf,
        /// How large it may be.
        limit: u64,
    },
    /// A certificate request is not taken.
    #[error("the certificate request {} is not accepted", path(file))]
    Request {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        source: RequestError,
    },
    /// A revocation list cannot be made.
    #[error("the revocation list cannot be made")]
    RevocationList(#[from] RevocationError),
    /// The identity to be renewed is revoked.
    #[error("the certificate of {} was revoked at {at}, and a revoked identity is not renewed", quoted(name))]
    Revoked {
        /// The identity.
        name: String,
        /// The certificate's serial number.
        serial: String,
        /// Since when.
        at: Timestamp,
    },
    /// The private key did not sign a request.
    #[error(transparent)]
    Signing(SignError),
    /// Not a distinguished name.
    #[error("{} is not a subject name", quoted(subject))]
    Subject {
        /// The text.
        subject: String,
        /// What is wrong with it.
        source: NameError,
    },
    /// There is no such certificate in the register, or it has expired.
    #[error("no certificate that is still valid has the name or serial number {}", quoted(selector))]
    UnknownCertificate {
        /// What was asked for.
        selector: String,
    },
    /// There is no identity of that name.
    #[error("there is no identity {} in {}", quoted(name), path(folder))]
    UnknownIdentity {
        /// The name.
        name: String,
        /// The PKI's folder.
        folder: PathBuf,
    },
    /// A file cannot be written.
    #[error(transparent)]
    Write(#[from] WriteError),
}

fn path(path: &Path) -> String {
    quoted(&path.display().to_string())
}

impl From<IdentityError> for PkiError {
    fn from(error: IdentityError) -> Self {
        Self::Identity(Box::new(error))
    }
}

impl From<KeyPairError> for PkiError {
    fn from(error: KeyPairError) -> Self {
        if error == KeyPairError::PassphraseMissing { Self::PassphraseMissing } else { Self::Key(error) }
    }
}

impl PkiError {
    /// The ids of all variants, beyond those of the errors that they wrap.
    pub const IDS: &[&str] = &[
        "pki-alternative-name",
        "pki-ca-unusable",
        "pki-certificate-damaged",
        "pki-deploy",
        "pki-exists",
        "pki-key-elsewhere",
        "pki-key-missing",
        "pki-key-unusable",
        "pki-missing",
        "pki-name",
        "pki-name-taken",
        "pki-not-issued",
        "pki-not-ours",
        "pki-outlives-ca",
        "pki-passphrase-missing",
        "pki-register",
        "pki-request",
        "pki-revocation-list",
        "pki-revoked",
        "pki-subject",
        "pki-unknown-certificate",
        "pki-unknown-identity",
    ];

    /// Returns the failure of another module that this one passes on.
    fn passed_on(&self) -> Option<&dyn Diagnostic> {
        match self {
            Self::Identity(error) => Some(error.as_ref()),
            Self::Read(error) => Some(error),
            Self::Signing(error) => Some(error),
            Self::Write(error) => Some(error),
            Self::AlternativeName { .. }
            | Self::Authority(_)
            | Self::Certificate { .. }
            | Self::Deploy { .. }
            | Self::Exists { .. }
            | Self::Issue(_)
            | Self::Key(_)
            | Self::KeyElsewhere { .. }
            | Self::KeyTaken { .. }
            | Self::Lock { .. }
            | Self::Name { .. }
            | Self::NameTaken { .. }
            | Self::NewKey(_)
            | Self::NoKey { .. }
            | Self::NoPki { .. }
            | Self::NotOurs { .. }
            | Self::NotText { .. }
            | Self::OldKey { .. }
            | Self::Outlives { .. }
            | Self::PairMismatch { .. }
            | Self::PassphraseMissing
            | Self::Register { .. }
            | Self::RegisterFull { .. }
            | Self::Request { .. }
            | Self::RevocationList(_)
            | Self::Revoked { .. }
            | Self::Subject { .. }
            | Self::UnknownCertificate { .. }
            | Self::UnknownIdentity { .. } => None,
        }
    }
}

impl Diagnostic for PkiError {
    fn id(&self) -> &'static str {
        match self {
            Self::AlternativeName { .. } => "pki-alternative-name",
            Self::Authority(_) | Self::Key(_) | Self::NotText { .. } => "pki-ca-unusable",
            Self::Certificate { .. } => "pki-certificate-damaged",
            Self::Deploy { .. } => "pki-deploy",
            Self::Exists { .. } => "pki-exists",
            Self::Identity(error) => error.id(),
            Self::Issue(_) | Self::NewKey(_) => "pki-not-issued",
            Self::KeyElsewhere { .. } => "pki-key-elsewhere",
            Self::Lock { .. } => "file-not-written",
            Self::Name { .. } => "pki-name",
            Self::KeyTaken { .. } | Self::NameTaken { .. } => "pki-name-taken",
            Self::NoKey { .. } => "pki-key-missing",
            Self::NoPki { .. } => "pki-missing",
            Self::NotOurs { .. } => "pki-not-ours",
            Self::OldKey { .. } => "pki-key-unusable",
            Self::Outlives { .. } => "pki-outlives-ca",
            Self::PairMismatch { .. } => "key-mismatch",
            Self::PassphraseMissing => "pki-passphrase-missing",
            Self::Read(error) => error.id(),
            Self::Register { .. } | Self::RegisterFull { .. } => "pki-register",
            Self::Request { .. } => "pki-request",
            Self::RevocationList(_) => "pki-revocation-list",
            Self::Revoked { .. } => "pki-revoked",
            Self::Signing(error) => error.id(),
            Self::Subject { .. } => "pki-subject",
            Self::UnknownCertificate { .. } => "pki-unknown-certificate",
            Self::UnknownIdentity { .. } => "pki-unknown-identity",
            Self::Write(error) => error.id(),
        }
    }

    fn fault(&self) -> Fault {
        match self {
            Self::Authority(_)
            | Self::Certificate { .. }
            | Self::Key(_)
            | Self::KeyElsewhere { .. }
            | Self::NotOurs { .. }
            | Self::NotText { .. }
            | Self::OldKey { .. }
            | Self::PairMismatch { .. }
            | Self::Request { .. }
            | Self::Revoked { .. } => Fault::Identity,
            Self::AlternativeName { .. }
            | Self::Exists { .. }
            | Self::Issue(_)
            | Self::KeyTaken { .. }
            | Self::Name { .. }
            | Self::NameTaken { .. }
            | Self::NoKey { .. }
            | Self::NoPki { .. }
            | Self::Outlives { .. }
            | Self::PassphraseMissing
            | Self::Subject { .. }
            | Self::UnknownCertificate { .. }
            | Self::UnknownIdentity { .. } => Fault::Usage,
            Self::Deploy { .. }
            | Self::Lock { .. }
            | Self::NewKey(_)
            | Self::Register { .. }
            | Self::RegisterFull { .. }
            | Self::RevocationList(_) => Fault::Local,
            Self::Identity(error) => error.fault(),
            Self::Read(error) => error.fault(),
            Self::Signing(error) => error.fault(),
            Self::Write(error) => error.fault(),
        }
    }

    fn facts(&self) -> Vec<Fact> {
        if let Self::Revoked { serial, .. } = self {
            return vec![Fact::new("serial", serial)];
        }
        self.passed_on().map_or_else(Vec::new, Diagnostic::facts)
    }

    fn hint(&self) -> Option<String> {
        self.hint_for(&Call::default())
    }
}
