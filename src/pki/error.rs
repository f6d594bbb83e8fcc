//! Why the PKI did not do what was asked.

use std::path::PathBuf;

use pki_test::authority::AuthorityError;
use pki_test::certificate::IssueError;
use pki_test::distinguished_name::NameError;
use pki_test::key_pair::KeyPairError;

use crate::clock::Timestamp;
use crate::diagnostic::{Diagnostic, Fact, Fault};
use crate::private_file::{ReadError, WriteError};
use crate::text::quoted;
use crate::x509::CertificateError;

/// Why the PKI did not do what was asked; nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum PkiError {
    /// The files of the CA do not belong together.
    #[error("the CA cannot be used")]
    Authority(#[from] AuthorityError),
    /// A certificate of the PKI is damaged.
    #[error("the certificate {} is damaged", quoted(&file.display().to_string()))]
    Certificate {
        /// The file.
        file: PathBuf,
        /// What the parser found.
        source: CertificateError,
    },
    /// There is a PKI in the folder already.
    #[error("there is a PKI in {} already", quoted(&folder.display().to_string()))]
    Exists {
        /// The folder.
        folder: PathBuf,
    },
    /// A certificate cannot be what was asked for.
    #[error("the certificate cannot be issued")]
    Issue(#[from] IssueError),
    /// A private key cannot be made or loaded.
    #[error("the CA's private key cannot be used")]
    Key(#[source] KeyPairError),
    /// Not a name for files.
    #[error("an identity cannot be called {}", quoted(name))]
    Name {
        /// The name.
        name: String,
    },
    /// There is an identity of that name.
    #[error("there is an identity in {} already", quoted(&folder.display().to_string()))]
    NameTaken {
        /// Its folder.
        folder: PathBuf,
    },
    /// There is no PKI in the folder.
    #[error("there is no PKI in {}", quoted(&folder.display().to_string()))]
    NoPki {
        /// The folder.
        folder: PathBuf,
    },
    /// A file of the PKI is not text.
    #[error("the file {} is not PEM", quoted(&file.display().to_string()))]
    NotText {
        /// The file.
        file: PathBuf,
    },
    /// The certificate would be valid longer than its CA.
    #[error("the certificate would be valid until {not_after}, and its CA only until {issuer_ends}")]
    Outlives {
        /// The last second that was asked for.
        not_after: Timestamp,
        /// The last second of the CA.
        issuer_ends: Timestamp,
    },
    /// The CA's key is encrypted, and nobody gave the passphrase.
    #[error("the CA's private key is encrypted, and its passphrase is needed")]
    PassphraseMissing,
    /// A file cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// What was written cannot be put in its place.
    #[error("cannot create {}", quoted(&place.display().to_string()))]
    Rename {
        /// The place.
        place: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Not a distinguished name.
    #[error("{} is not a subject name", quoted(subject))]
    Subject {
        /// The text.
        subject: String,
        /// What is wrong with it.
        source: NameError,
    },
    /// A file cannot be written.
    #[error(transparent)]
    Write(#[from] WriteError),
}

impl From<KeyPairError> for PkiError {
    fn from(error: KeyPairError) -> Self {
        if error == KeyPairError::PassphraseMissing { Self::PassphraseMissing } else { Self::Key(error) }
    }
}

impl PkiError {
    /// The ids of all variants, beyond those of what they carry.
    pub const IDS: &[&str] = &[
        "pki-ca-unusable",
        "pki-certificate-damaged",
        "pki-exists",
        "pki-missing",
        "pki-name",
        "pki-name-taken",
        "pki-not-issued",
        "pki-outlives-ca",
        "pki-passphrase-missing",
        "pki-subject",
    ];
}

impl Diagnostic for PkiError {
    fn id(&self) -> &'static str {
        match self {
            Self::Authority(_) | Self::Key(_) | Self::NotText { .. } => "pki-ca-unusable",
            Self::Certificate { .. } => "pki-certificate-damaged",
            Self::Exists { .. } => "pki-exists",
            Self::Issue(_) => "pki-not-issued",
            Self::Name { .. } => "pki-name",
            Self::NameTaken { .. } => "pki-name-taken",
            Self::NoPki { .. } => "pki-missing",
            Self::Outlives { .. } => "pki-outlives-ca",
            Self::PassphraseMissing => "pki-passphrase-missing",
            Self::Read(error) => error.id(),
            Self::Rename { .. } => "file-not-written",
            Self::Subject { .. } => "pki-subject",
            Self::Write(error) => error.id(),
        }
    }

    fn fault(&self) -> Fault {
        match self {
            Self::Authority(_) | Self::Certificate { .. } | Self::Key(_) | Self::NotText { .. } => {
                Fault::Identity
            }
            Self::Exists { .. }
            | Self::Issue(_)
            | Self::Name { .. }
            | Self::NameTaken { .. }
            | Self::NoPki { .. }
            | Self::Outlives { .. }
            | Self::PassphraseMissing
            | Self::Subject { .. } => Fault::Usage,
            Self::Read(error) => error.fault(),
            Self::Rename { .. } => Fault::Local,
            Self::Write(error) => error.fault(),
        }
    }

    fn facts(&self) -> Vec<Fact> {
        match self {
            Self::Read(error) => error.facts(),
            Self::Write(error) => error.facts(),
            Self::Authority(_)
            | Self::Certificate { .. }
            | Self::Exists { .. }
            | Self::Issue(_)
            | Self::Key(_)
            | Self::Name { .. }
            | Self::NameTaken { .. }
            | Self::NoPki { .. }
            | Self::NotText { .. }
            | Self::Outlives { .. }
            | Self::PassphraseMissing
            | Self::Rename { .. }
            | Self::Subject { .. } => Vec::new(),
        }
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Exists { .. } => "issue from it with anyrole pki issue NAME, or choose another --folder",
            Self::Name { .. } => {
                "use letters, digits, '.', '_' and '-', a letter or digit first, and not 'ca'"
            }
            Self::NameTaken { .. } => {
                "choose another NAME, or pass --replace to make a new key and certificate"
            }
            Self::NoPki { .. } => "make one with anyrole pki init, or name its --folder",
            Self::Outlives { .. } => "ask for fewer --days",
            Self::PassphraseMissing => "run it on a terminal, or pass --passphrase-file FILE",
            Self::Subject { .. } => "write a name like 'CN=build-17,OU=Build,O=Example' (RFC 4514)",
            Self::Read(error) => return error.hint(),
            Self::Write(error) => return error.hint(),
            Self::Authority(_)
            | Self::Certificate { .. }
            | Self::Issue(_)
            | Self::Key(_)
            | Self::NotText { .. }
            | Self::Rename { .. } => return None,
        };
        Some(hint.to_owned())
    }
}
