//! A small PKI in a folder, for tests and pilots: a root, perhaps an intermediate, and end-entity certificates.
//!
//! ```text
//! anyrole-pki/                 0700
//!   ca/root.pem, root.key      the CA that becomes the trust anchor
//!   ca/intermediate.pem, .key  the CA that issues, where there is one
//!   NAME/NAME.pem, NAME.key    one identity: certificate with its intermediates, and private key
//! ```
//!
//! What belongs together is written into a folder beside, flushed, and renamed in one step: a crash leaves all of it
//! or nothing. Every file and folder is the owner's alone, under any umask.

mod error;
mod list;

use std::path::{Path, PathBuf};
use std::time::Duration;

use pki_test::algorithm::KeyAlgorithm;
use pki_test::authority::{Authority, AuthoritySpec};
use pki_test::certificate::Validity;
use pki_test::distinguished_name::DistinguishedName;
use pki_test::end_entity::{EndEntitySpec, SubjectAlternativeName};
use pki_test::key_pair::{KeyForm, KeyPair, KeyPairError};
use time::OffsetDateTime;
use zeroize::Zeroizing;

pub use error::PkiError;
pub use list::{Listed, Role};

use crate::clock::Timestamp;
use crate::private_file;
use crate::secret::Secret;

const DAY: Duration = Duration::from_secs(86_400);
/// A root lives ten years: it is replaced when the trust anchor is.
const ROOT_LIFETIME: Duration = DAY.saturating_mul(3652);
/// An intermediate lives three.
const INTERMEDIATE_LIFETIME: Duration = DAY.saturating_mul(1095);
/// Certificates begin this much before they are made, for hosts whose clocks are behind.
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

/// What a new PKI is to be.
#[derive(Debug)]
pub struct InitSpec {
    /// The common name of its root; the intermediate's is made from it.
    pub name: String,
    /// The algorithm of its keys.
    pub algorithm: KeyAlgorithm,
    /// Whether an intermediate is to issue the certificates.
    pub intermediate: bool,
    /// What the keys are encrypted with; `None` leaves them in the clear.
    pub passphrase: Option<Secret<String>>,
}

/// What an identity is to be.
#[derive(Debug)]
pub struct IssueSpec {
    /// The name of its files.
    pub name: String,
    /// The subject name.
    pub subject: DistinguishedName,
    /// The other names, in their order.
    pub alternative_names: Vec<SubjectAlternativeName>,
    /// How long it is valid.
    pub lifetime: Duration,
    /// The algorithm of its key.
    pub algorithm: KeyAlgorithm,
    /// Whether an identity of that name is replaced.
    pub replace: bool,
}

/// An identity that was issued.
#[derive(Debug)]
pub struct Issued {
    /// The certificate and its intermediates, in PEM.
    pub certificate: PathBuf,
    /// The private key, in PKCS#8, not encrypted.
    pub private_key: PathBuf,
    /// The serial number in lower-case hex.
    pub serial: String,
    /// The last second of validity.
    pub not_after: Timestamp,
}

impl Folder {
    /// Names the folder; nothing is read or made.
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

    /// Tells whether there is a PKI.
    pub fn is_initialised(&self) -> bool {
        self.root_certificate().exists()
    }

    /// Makes the CAs of a new PKI, and returns the last second of the root's and of the issuing CA's validity.
    ///
    /// # Errors
    ///
    /// Fails if there is a PKI already, if a name cannot be in a certificate, or if something cannot be written.
    pub fn init(&self, spec: &InitSpec, now: Timestamp) -> Result<(Timestamp, Timestamp), PkiError> {
        if self.is_initialised() {
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
            let below = AuthoritySpec::new(name, validity(now, issuer_end)).with_path_length(0);
            let intermediate = root.intermediate(&below, KeyPair::generate(spec.algorithm)?)?;
            files.extend(authority_files(INTERMEDIATE, &intermediate, spec.passphrase.as_ref())?);
        }
        private_file::create_private_folder(&self.path)?;
        self.place(AUTHORITIES, &files, false)?;
        Ok((root_end, issuer_end))
    }

    /// Tells whether the issuing CA's key is encrypted, so that a passphrase is needed.
    ///
    /// # Errors
    ///
    /// Fails if there is no PKI, or its key cannot be read.
    pub fn is_encrypted(&self) -> Result<bool, PkiError> {
        Ok(self.issuer_key()?.contains("ENCRYPTED PRIVATE KEY"))
    }

    /// Issues one identity: `clientAuth`, `digitalSignature`, a random serial number.
    ///
    /// # Errors
    ///
    /// Fails if there is no PKI, if the passphrase is missing or wrong, if the certificate would outlive its CA, if
    /// the name is taken and not to be replaced, or if something cannot be written.
    pub fn issue(
        &self,
        spec: &IssueSpec,
        passphrase: Option<&Secret<String>>,
        now: Timestamp,
    ) -> Result<Issued, PkiError> {
        let taken = self.path.join(&spec.name);
        if spec.name == AUTHORITIES || spec.name.is_empty() || spec.name.contains(['/', '\\']) {
            return Err(PkiError::Name { name: spec.name.clone() });
        }
        if !spec.replace && std::fs::symlink_metadata(&taken).is_ok() {
            return Err(PkiError::NameTaken { folder: taken });
        }
        let issuer = self.issuer(passphrase)?;
        let not_after = now.plus(spec.lifetime);
        let issuer_ends = list::not_after(issuer.certificate_der())?;
        if not_after > issuer_ends {
            return Err(PkiError::Outlives { not_after, issuer_ends });
        }
        let mut end_entity = EndEntitySpec::new(spec.subject.clone(), validity(now, not_after));
        end_entity.subject_alternative_names.clone_from(&spec.alternative_names);
        let key_pair = KeyPair::generate(spec.algorithm)?;
        let issued = issuer.issue(&end_entity, key_pair.subject_public_key_info())?;
        let certificate = (format!("{}.pem", spec.name), Zeroizing::new(issued.chain_pem()));
        let key = (format!("{}.key", spec.name), key_pair.to_pem(KeyForm::Pkcs8)?);
        let (certificate_path, key_path) = (taken.join(&certificate.0), taken.join(&key.0));
        self.place(&spec.name, &[certificate, key], spec.replace)?;
        let serial = issued.serial().hex();
        Ok(Issued { certificate: certificate_path, private_key: key_path, serial, not_after })
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
        let key = self.issuer_key()?;
        let key_pair = KeyPair::from_pem(&key, passphrase.map(|secret| secret.expose().as_str()))?;
        let authorities = self.path.join(AUTHORITIES);
        let (name, above) = if self.has_intermediate() {
            (INTERMEDIATE, read(&authorities.join("root.pem"))?)
        } else {
            (ROOT, Zeroizing::new(String::new()))
        };
        let certificate = read(&authorities.join(format!("{name}.pem")))?;
        Ok(Authority::from_pem(&certificate, key_pair, &above)?)
    }

    fn issuer_key(&self) -> Result<Zeroizing<String>, PkiError> {
        if !self.is_initialised() {
            return Err(PkiError::NoPki { folder: self.path.clone() });
        }
        let name = if self.has_intermediate() { INTERMEDIATE } else { ROOT };
        read(&self.path.join(AUTHORITIES).join(format!("{name}.key")))
    }

    fn has_intermediate(&self) -> bool {
        self.path.join(AUTHORITIES).join("intermediate.pem").exists()
    }

    /// Puts files into a new folder of the PKI, all of them or none.
    ///
    /// Where a folder of that name is replaced, it is moved aside first: a crash between the two renames leaves the
    /// name free and the old pair whole beside it.
    fn place(
        &self,
        name: &str,
        files: &[(String, Zeroizing<String>)],
        replace: bool,
    ) -> Result<(), PkiError> {
        let place = self.path.join(name);
        let beside = |what: &str| -> Result<PathBuf, PkiError> {
            let mut random = [0_u8; 8];
            aws_lc_rs::rand::fill(&mut random).map_err(|_| PkiError::Key(KeyPairError::Library))?;
            Ok(self.path.join(format!(".{name}.{what}.{}", hex::encode(random))))
        };
        let staged = beside("new")?;
        let rename = |from: &Path, to: &Path| {
            std::fs::rename(from, to).map_err(|source| PkiError::Rename { place: to.to_path_buf(), source })
        };
        let write = || -> Result<(), PkiError> {
            private_file::create_private_folder(&staged)?;
            for (file, content) in files {
                private_file::write_new(&staged.join(file), content.as_bytes(), 0o600)?;
            }
            if replace && place.exists() {
                let old = beside("old")?;
                rename(&place, &old)?;
                rename(&staged, &place)?;
                // What cannot be removed is whole, and hidden from the list.
                let _ = std::fs::remove_dir_all(old);
                return Ok(());
            }
            // Renaming over a folder that holds files fails, so nobody who was faster is overwritten.
            rename(&staged, &place)
        };
        write().inspect_err(|_| {
            let _ = std::fs::remove_dir_all(&staged);
        })
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
    let time = |time: Timestamp| {
        OffsetDateTime::from_unix_timestamp(time.unix_seconds()).unwrap_or(OffsetDateTime::UNIX_EPOCH)
    };
    Validity { not_before: time(now.minus(HEAD_START)), not_after: time(not_after) }
}

#[cfg(test)]
mod tests;
