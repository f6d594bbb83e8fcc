//! A small PKI in a folder, for tests and pilots: a root, perhaps an intermediate, and end-entity certificates.
//!
//! ```text
//! anyrole-pki/                 0700
//!   ca/root.pem, root.key      the CA that becomes the trust anchor
//!   ca/intermediate.pem, .key  the CA that issues, if there is one
//!   ca/issued.json             the register: what was issued, and what is revoked
//!   ca/crl.pem, crl.der        the last revocation list, to be imported and to be published
//!   ca/root-crl.pem, .der      the root's own, where the intermediate's certificate names it
//!   NAME/NAME.pem, NAME.key    one identity: certificate with its intermediates, and private key
//!   NAME/NAME.csr              a pending request to another CA
//! ```
//!
//! One process at a time changes it. What belongs together is written to a folder beside its place, flushed, and moved
//! there in one step: after a crash all of it exists, or none. Every file and folder is private to its owner, under any
//! umask.

mod crl;
mod deploy;
mod error;
mod index;
mod install;
mod issue;
mod list;
mod lock;
mod names;
mod own_key;
mod renew;
mod request;
mod revoke;

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

use pki_test::algorithm::KeyAlgorithm;
use pki_test::authority::{Authority, AuthoritySpec};
use pki_test::certificate::Validity;
use pki_test::distinguished_name::DistinguishedName;
use pki_test::key_pair::{KeyForm, KeyPair, KeyPairError};
use time::OffsetDateTime;
use zeroize::Zeroizing;

pub use crl::WrittenList;
pub use deploy::{DeploySpec, Deployed, Obstacle};
pub use error::{Call, PkiError};
pub use install::{InstallSpec, Installed};
pub use issue::{IssueSpec, Issued, IssuedBefore, KeyOrigin, read_request};
pub use list::{Listed, Role};
pub use names::{crl_url, dns_name, render as render_name, uri};
pub use renew::{Due, RenewSpec, RenewedKey, When};
pub use request::{RequestSpec, Requested, RequestedKey};
pub use revoke::Revoked;

use index::Index;
use lock::Place;

use crate::clock::Timestamp;
use crate::private_file;
use crate::secret::Secret;

const DAY: Duration = Duration::from_secs(86_400);
/// A root is valid for ten years: it is replaced together with the trust anchor.
const ROOT_LIFETIME: Duration = DAY.saturating_mul(3652);
/// An intermediate is valid for three years.
const INTERMEDIATE_LIFETIME: Duration = DAY.saturating_mul(1095);
/// Certificates are valid from this long before they are issued, for hosts whose clocks are behind.
const HEAD_START: Duration = Duration::from_secs(300);
/// The largest file that is read back, in bytes.
const FILE_LIMIT: u64 = 1 << 20;
/// The folder of the CAs.
const AUTHORITIES: &str = "ca";
const ROOT: &str = "root";
const INTERMEDIATE: &str = "intermediate";

/// The folder of a PKI.
#[derive(Clone, Debug)]
pub struct Folder {
    path: PathBuf,
}

/// The properties of a new PKI.
#[derive(Debug)]
pub struct InitSpec {
    /// The common name of its root; the intermediate's is made from it.
    pub name: String,
    /// The algorithm of its keys.
    pub algorithm: KeyAlgorithm,
    /// Whether an intermediate issues the certificates.
    pub intermediate: bool,
    /// Encrypts the keys; with `None` they are unencrypted.
    pub passphrase: Option<Secret<String>>,
    /// Where the list of the CA that issues will be; its certificates name it.
    pub crl_url: Option<String>,
    /// Where the root's own list will be; an intermediate's certificate names it.
    pub root_crl_url: Option<String>,
}

impl Folder {
    /// Names the folder; nothing is read or created.
    pub const fn new(path: PathBuf) -> Self {
        Self { path }
    }

    /// Returns the path as it was given.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the certificate that becomes the trust anchor.
    pub fn root_certificate(&self) -> PathBuf {
        self.path.join(AUTHORITIES).join("root.pem")
    }

    /// Returns whether there is a PKI.
    ///
    /// # Errors
    ///
    /// Fails if this user lacks permission to look.
    pub fn is_initialised(&self) -> Result<bool, PkiError> {
        self.holds(&self.root_certificate())
    }

    /// Creates the CAs of a new PKI, and returns the last second of validity of the root and of the issuing CA.
    ///
    /// # Errors
    ///
    /// Fails if there is a PKI already, if a name cannot be in a certificate, or if something cannot be written.
    pub fn init(&self, spec: &InitSpec, now: Timestamp) -> Result<(Timestamp, Timestamp), PkiError> {
        if self.is_initialised()? {
            return Err(PkiError::Exists { folder: self.path.clone() });
        }
        let root_end = now.plus(ROOT_LIFETIME);
        let root_spec = AuthoritySpec::new(common_name(&spec.name)?, validity(now, root_end));
        let root = Authority::root(&root_spec, KeyPair::generate(spec.algorithm)?)?;
        let mut files = authority_files(ROOT, &root, spec.passphrase.as_ref())?.to_vec();
        let mut issuer_end = root_end;
        if spec.intermediate {
            issuer_end = now.plus(INTERMEDIATE_LIFETIME);
            let name = common_name(&format!("{} intermediate", spec.name))?;
            let below = AuthoritySpec {
                crl_urls: spec.root_crl_url.iter().cloned().collect(),
                ..AuthoritySpec::new(name, validity(now, issuer_end)).with_path_length(0)
            };
            let intermediate = root.intermediate(&below, KeyPair::generate(spec.algorithm)?)?;
            files.extend(authority_files(INTERMEDIATE, &intermediate, spec.passphrase.as_ref())?);
        }
        files.push((
            index::FILE.to_owned(),
            Zeroizing::new(Index::new(spec.crl_url.clone(), spec.root_crl_url.clone()).render()?),
        ));
        let locked = self.lock()?;
        if self.is_initialised()? {
            return Err(PkiError::Exists { folder: self.path.clone() });
        }
        locked.place(AUTHORITIES, &files, Place::Free)?;
        Ok((root_end, issuer_end))
    }

    /// Returns whether the issuing CA's key is encrypted, so that a passphrase is needed.
    ///
    /// # Errors
    ///
    /// Fails if there is no PKI, or its key cannot be read.
    pub fn is_encrypted(&self) -> Result<bool, PkiError> {
        Ok(self.issuer_key()?.contains("ENCRYPTED PRIVATE KEY"))
    }

    /// Lists every certificate: the CAs first, then the identities by name.
    ///
    /// # Errors
    ///
    /// Fails if there is no PKI or a certificate of it cannot be read.
    pub fn list(&self) -> Result<Vec<Listed>, PkiError> {
        list::list(self)
    }

    fn issuer(&self, passphrase: Option<&Secret<String>>) -> Result<Authority, PkiError> {
        self.check_initialised()?;
        self.authority(self.issuer_name(), passphrase)
    }

    /// Loads one of the CAs; whoever sees its files must have initialised them.
    fn authority(&self, name: &str, passphrase: Option<&Secret<String>>) -> Result<Authority, PkiError> {
        let authorities = self.path.join(AUTHORITIES);
        let key = read(&authorities.join(format!("{name}.key")))?;
        let key_pair = KeyPair::from_pem(&key, passphrase.map(|secret| secret.expose().as_str()))?;
        let above = match name {
            INTERMEDIATE => read(&authorities.join("root.pem"))?,
            _ => Zeroizing::new(String::new()),
        };
        let certificate = read(&authorities.join(format!("{name}.pem")))?;
        Ok(Authority::from_pem(&certificate, key_pair, &above)?)
    }

    /// Fails if there is no PKI, or if this user lacks permission to look.
    fn check_initialised(&self) -> Result<(), PkiError> {
        if self.is_initialised()? { Ok(()) } else { Err(PkiError::NoPki { folder: self.path.clone() }) }
    }

    /// Returns whether a file or folder of the PKI exists; lack of permission to look is an error.
    fn holds(&self, file: &Path) -> Result<bool, PkiError> {
        match std::fs::metadata(file) {
            Ok(_) => Ok(true),
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(false),
            Err(error) => {
                // The first folder on the way that denies access.
                let mut folders: Vec<&Path> = file.ancestors().skip(1).collect();
                folders.retain(|folder| !folder.as_os_str().is_empty());
                folders.reverse();
                let closed = folders.iter().find(|folder| std::fs::metadata(folder.join(".")).is_err());
                let denied = closed.copied().unwrap_or(file);
                Err(private_file::ReadError::io(denied, &error).into())
            }
        }
    }

    /// Returns whether a passphrase is that of the CA's key.
    ///
    /// # Errors
    ///
    /// Fails if there is no PKI, or if its key cannot be used for another reason.
    pub fn is_passphrase(&self, passphrase: &Secret<String>) -> Result<bool, PkiError> {
        match KeyPair::from_pem(&self.issuer_key()?, Some(passphrase.expose())) {
            Ok(_) => Ok(true),
            Err(KeyPairError::PassphraseWrong) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Returns the path of the register.
    fn register(&self) -> PathBuf {
        self.path.join(AUTHORITIES).join(index::FILE)
    }

    fn issuer_key(&self) -> Result<Zeroizing<String>, PkiError> {
        self.check_initialised()?;
        read(&self.path.join(AUTHORITIES).join(format!("{}.key", self.issuer_name())))
    }

    /// Returns the name of the issuing CA's files.
    fn issuer_name(&self) -> &'static str {
        if self.has_intermediate() { INTERMEDIATE } else { ROOT }
    }

    fn has_intermediate(&self) -> bool {
        self.path.join(AUTHORITIES).join("intermediate.pem").exists()
    }
}

fn authority_files(
    name: &str,
    authority: &Authority,
    passphrase: Option<&Secret<String>>,
) -> Result<[(String, Zeroizing<String>); 2], PkiError> {
    let key = match passphrase {
        Some(passphrase) => authority.key_pair().to_encrypted_pem(passphrase.expose())?,
        None => authority.key_pair().to_pem(KeyForm::Pkcs8)?,
    };
    let certificate = Zeroizing::new(authority.certificate_pem());
    Ok([(format!("{name}.pem"), certificate), (format!("{name}.key"), key)])
}

fn read(path: &Path) -> Result<Zeroizing<String>, PkiError> {
    let mut bytes = private_file::read_private(path, FILE_LIMIT)?;
    let text = String::from_utf8(std::mem::take(&mut *bytes));
    text.map(Zeroizing::new).map_err(|_| PkiError::NotText { file: path.to_path_buf() })
}

fn common_name(name: &str) -> Result<DistinguishedName, PkiError> {
    DistinguishedName::common_name(name)
        .map_err(|source| PkiError::Subject { subject: name.to_owned(), source })
}

fn validity(now: Timestamp, not_after: Timestamp) -> Validity {
    Validity { not_before: offset(now.minus(HEAD_START)), not_after: offset(not_after) }
}

fn offset(time: Timestamp) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(time.unix_seconds()).unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

#[cfg(test)]
mod tests;
