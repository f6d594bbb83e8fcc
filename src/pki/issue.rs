//! Issues an identity: for a new key, or for the public key of a certificate request.

use std::path::{Path, PathBuf};
use std::time::Duration;

use pki_test::algorithm::KeyAlgorithm;
use pki_test::authority::Authority;
use pki_test::certificate_request::{CertificateRequest, MAX_REQUEST_OCTETS};
use pki_test::distinguished_name::DistinguishedName;
use pki_test::end_entity::{EndEntitySpec, SubjectAlternativeName};
use pki_test::key_pair::{KeyForm, KeyPair};
use zeroize::Zeroizing;

use super::index::{Index, Record};
use super::lock::{Files, Locked, Place};
use super::{AUTHORITIES, Folder, PkiError, list, names, read, validity};
use crate::clock::Timestamp;
use crate::identity::IdentityError;
use crate::private_file;
use crate::secret::Secret;
use crate::signer::tpm::{KeyFile, TpmError};

/// The properties of an identity.
#[derive(Debug)]
pub struct IssueSpec {
    /// The name of its files.
    pub name: String,
    /// The subject name.
    pub subject: DistinguishedName,
    /// The other names, in order.
    pub alternative_names: Vec<SubjectAlternativeName>,
    /// How long it is valid.
    pub lifetime: Duration,
    /// The origin of its key.
    pub key: KeyOrigin,
    /// The URL of the CA's revocation list that the certificate names; `None` for that of the certificate before, else the
    /// PKI's. The first one becomes the PKI's, if it has none.
    pub crl_url: Option<String>,
}

/// Where the key of an identity comes from.
#[derive(Debug)]
pub enum KeyOrigin {
    /// It is generated here, and its private half written beside the certificate.
    New(KeyAlgorithm),
    /// It was made in a TPM, and its file is written beside the certificate.
    InTpm(Box<KeyFile>),
    /// Its private half is elsewhere, and a request proves it. Nothing but the public key is taken from that.
    Request(CertificateRequest),
}

/// An identity that was issued.
#[derive(Debug)]
pub struct Issued {
    /// The certificate and its intermediates, in PEM.
    pub certificate: PathBuf,
    /// The private key, in PKCS#8, not encrypted, or a TPM's key file; `None` where it is elsewhere.
    pub private_key: Option<PathBuf>,
    /// The serial number in lower-case hex.
    pub serial: String,
    /// The last second of validity.
    pub not_after: Timestamp,
    /// The URL of the revocation list in it.
    pub crl_url: Option<String>,
}

/// The properties of an identity's last certificate.
#[derive(Debug)]
pub struct IssuedBefore {
    /// The subject name.
    pub subject: DistinguishedName,
    /// The other names.
    pub alternative_names: Vec<SubjectAlternativeName>,
    /// How long it was valid.
    pub lifetime: Duration,
    /// The URL of the revocation list in it.
    pub crl_url: Option<String>,
}

impl Folder {
    /// Returns the properties of the last certificate with that name; `None` if there was none.
    ///
    /// # Errors
    ///
    /// Fails if there is no PKI, or its register cannot be read.
    pub fn issued_before(&self, name: &str) -> Result<Option<IssuedBefore>, PkiError> {
        self.check_initialised()?;
        let index = Index::load(&self.path)?;
        let last = index.certificates.iter().rfind(|record| record.name == name);
        last.map(|record| self.names_of(record)).transpose()
    }

    /// Reads the names in an entry of the register.
    pub(super) fn names_of(&self, record: &Record) -> Result<IssuedBefore, PkiError> {
        let register = |why: &str| PkiError::Register { file: self.register(), why: why.to_owned() };
        let alternative_names: Option<Vec<_>> =
            record.alternative_names.iter().map(|name| names::parse(name)).collect();
        Ok(IssuedBefore {
            subject: record.subject.parse().map_err(|_| register("a subject name cannot be read"))?,
            alternative_names: alternative_names
                .ok_or_else(|| register("an alternative name cannot be read"))?,
            lifetime: Duration::from_secs(record.lifetime),
            crl_url: record.crl_url.clone(),
        })
    }

    /// Refuses a name that an identity has.
    ///
    /// # Errors
    ///
    /// Fails if there is one.
    pub fn check_free(&self, name: &str) -> Result<(), PkiError> {
        check_name(name)?;
        self.check_initialised()?;
        let taken = self.path.join(name);
        match std::fs::symlink_metadata(&taken) {
            Ok(_) => Err(PkiError::NameTaken { folder: taken }),
            Err(_) => Ok(()),
        }
    }

    /// Issues one identity: `clientAuth`, `digitalSignature`, a random serial number.
    ///
    /// # Errors
    ///
    /// Fails if there is no PKI, if the passphrase is missing or wrong, if the certificate would outlive its CA, if the
    /// name is taken, or if something cannot be written.
    pub fn issue(
        &self,
        spec: &IssueSpec,
        passphrase: Option<&Secret<String>>,
        now: Timestamp,
    ) -> Result<Issued, PkiError> {
        self.issue_at(Place::Free, spec, passphrase, now, &mut |_, _| ())
    }

    /// Issues one identity in place of another of the same name, if there is one.
    ///
    /// Before a new private key takes the place of the old one, `rekey` is called with both as PEM: for what only the old one opens.
    ///
    /// # Errors
    ///
    /// Fails as [`Self::issue`] does, but for a name that is taken.
    pub fn reissue(
        &self,
        spec: &IssueSpec,
        passphrase: Option<&Secret<String>>,
        now: Timestamp,
        rekey: &mut dyn FnMut(&str, &str),
    ) -> Result<Issued, PkiError> {
        self.issue_at(Place::FreeOrTaken, spec, passphrase, now, rekey)
    }

    fn issue_at(
        &self,
        place: Place,
        spec: &IssueSpec,
        passphrase: Option<&Secret<String>>,
        now: Timestamp,
        rekey: &mut dyn FnMut(&str, &str),
    ) -> Result<Issued, PkiError> {
        check_name(&spec.name)?;
        self.check_initialised()?;
        let locked = self.lock()?;
        if place == Place::Free {
            self.check_free(&spec.name)?;
        }
        let issuer = self.issuer(passphrase)?;
        let (public_key, key) = match &spec.key {
            KeyOrigin::New(algorithm) => {
                let key_pair = KeyPair::generate(*algorithm).map_err(PkiError::NewKey)?;
                let text = key_pair.to_pem(KeyForm::Pkcs8).map_err(PkiError::NewKey)?;
                // Where there is none, or it cannot be read, nothing was opened by it.
                if let Ok(old) = read(&self.file(&spec.name, "key")) {
                    rekey(&old, &text);
                }
                (key_pair.subject_public_key_info().to_vec(), Some(text))
            }
            KeyOrigin::InTpm(file) => {
                (file.public_key().map_err(not_made)?.der().to_vec(), Some(file.to_pem()))
            }
            KeyOrigin::Request(request) => (request.subject_public_key_info().to_vec(), None),
        };
        let names = Names {
            name: &spec.name,
            subject: &spec.subject,
            alternative_names: &spec.alternative_names,
            lifetime: spec.lifetime,
            crl_url: spec.crl_url.as_deref(),
        };
        certify(&locked, &issuer, &names, &public_key, key, place, now)
    }
}

fn not_made(cause: TpmError) -> PkiError {
    IdentityError::TpmKeyNotMade { cause: Box::new(cause) }.into()
}

/// What a certificate says besides its public key.
#[derive(Clone, Copy, Debug)]
pub(super) struct Names<'a> {
    pub(super) name: &'a str,
    pub(super) subject: &'a DistinguishedName,
    pub(super) alternative_names: &'a [SubjectAlternativeName],
    pub(super) lifetime: Duration,
    /// `None` for the PKI's.
    pub(super) crl_url: Option<&'a str>,
}

/// Signs a certificate, registers it, and puts it in place with its key.
pub(super) fn certify(
    locked: &Locked<'_>,
    issuer: &Authority,
    names: &Names<'_>,
    public_key: &[u8],
    key: Option<Zeroizing<String>>,
    place: Place,
    now: Timestamp,
) -> Result<Issued, PkiError> {
    let not_after = now.plus(names.lifetime);
    let issuer_ends = list::not_after(issuer.certificate_der())?;
    if not_after > issuer_ends {
        return Err(PkiError::Outlives { not_after, issuer_ends });
    }
    let mut index = Index::load(locked.path())?;
    let crl_url = names.crl_url.map(str::to_owned).or_else(|| index.crl_url.clone());
    let mut spec = EndEntitySpec::new(names.subject.clone(), validity(now, not_after));
    spec.subject_alternative_names = names.alternative_names.to_vec();
    spec.crl_urls = crl_url.iter().cloned().collect();
    let issued = issuer.issue(&spec, public_key)?;
    // Entered before anybody has it.
    if index.crl_url.is_none() {
        index.crl_url.clone_from(&crl_url);
    }
    index.certificates.push(Record {
        serial: issued.serial().hex(),
        name: names.name.to_owned(),
        subject: names.subject.to_string(),
        alternative_names: names.alternative_names.iter().map(names::render).collect(),
        lifetime: names.lifetime.as_secs(),
        not_after,
        crl_url: crl_url.clone(),
        revoked: None,
    });
    index.store(locked.path(), now)?;

    let folder = locked.path().join(names.name);
    let certificate = format!("{}.pem", names.name);
    let key_file = format!("{}.key", names.name);
    let private_key = key.is_some().then(|| folder.join(&key_file));
    let certificate_path = folder.join(&certificate);
    let mut files: Files = vec![(certificate, Zeroizing::new(issued.chain_pem()))];
    files.extend(key.map(|key| (key_file, key)));
    locked.place(names.name, &files, place)?;
    let serial = issued.serial().hex();
    Ok(Issued { certificate: certificate_path, private_key, serial, not_after, crl_url })
}

/// Rejects a name that cannot name a folder.
pub(super) fn check_name(name: &str) -> Result<(), PkiError> {
    if name == AUTHORITIES || !crate::config::is_session_name(name) {
        return Err(PkiError::Name { name: name.to_owned() });
    }
    Ok(())
}

/// Reads a certificate request from a file, as PEM or DER, and checks its signature.
///
/// # Errors
///
/// Fails if the file cannot be read, or if the request is not taken.
pub fn read_request(file: &Path) -> Result<CertificateRequest, PkiError> {
    let bytes = private_file::read_bounded(file, MAX_REQUEST_OCTETS as u64)?;
    CertificateRequest::parse(&bytes).map_err(|source| PkiError::Request { file: file.to_path_buf(), source })
}
