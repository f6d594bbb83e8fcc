//! Renews an identity: a new certificate with the same names, ahead of expiration.

use std::path::PathBuf;
use std::time::Duration;

use pki_test::key_pair::{KeyForm, KeyPair};
use zeroize::Zeroizing;

use super::index::{Index, Record};
use super::issue::{Issued, Names, certify, check_name};
use super::lock::Place;
use super::own_key::OwnKey;
use super::{Folder, PkiError, list, read};
use crate::clock::Timestamp;
use crate::secret::Secret;
use crate::x509::Certificate;

/// A renewal.
#[derive(Debug)]
pub struct RenewSpec {
    /// The name of the identity.
    pub name: String,
    /// The lifetime of the new certificate; `None` for that of the old one.
    pub lifetime: Option<Duration>,
    /// Which key to use.
    pub key: RenewedKey,
    /// Whether to renew unconditionally.
    pub when: When,
}

/// Which key a renewed certificate is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RenewedKey {
    /// A new one of the same algorithm; one in a TPM stays.
    New,
    /// The same.
    Same,
}

/// When a renewal is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// At once.
    Now,
    /// Only if it is due.
    IfDue,
}

/// When an identity is due for renewal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Due {
    /// `not_before + (not_after - not_before) · 2/3`
    pub at: Timestamp,
    /// The last second of validity.
    pub not_after: Timestamp,
}

impl Due {
    fn of(certificate: &Certificate) -> Self {
        let life = certificate.not_after().since(certificate.not_before());
        Self { at: certificate.not_before().plus(life / 3 * 2), not_after: certificate.not_after() }
    }

    /// Returns whether the renewal is due.
    pub fn is_due(&self, now: Timestamp) -> bool {
        now >= self.at
    }
}

impl Folder {
    /// Returns when an identity is due for renewal, at two thirds of its lifetime; whoever issued it.
    ///
    /// # Errors
    ///
    /// Fails if there is no such identity, or if its certificate cannot be read.
    pub fn due(&self, name: &str) -> Result<Due, PkiError> {
        Ok(Due::of(&self.certificate(name)?))
    }

    /// Checks whether an identity can be renewed, as far as possible without the CA's key.
    ///
    /// # Errors
    ///
    /// Fails if its certificate was issued by another CA, or is revoked.
    pub fn check_renewable(&self, name: &str) -> Result<(), PkiError> {
        self.check_initialised()?;
        self.renewable(name, &self.certificate(name)?, &Index::load(&self.path)?).map(|_| ())
    }

    /// Renews an identity, and replaces its certificate and key together; `None` if it is not due.
    ///
    /// Before a new private key takes the place of the old one, `rekey` is called with both as PEM: for what only the old one opens.
    ///
    /// # Errors
    ///
    /// Fails as [`Self::issue`] does; also if the certificate was issued by another CA, if it is revoked, or if a new
    /// key is requested and the old one is not here.
    pub fn renew(
        &self,
        spec: &RenewSpec,
        passphrase: Option<&Secret<String>>,
        now: Timestamp,
        rekey: &mut dyn FnMut(&str, &str),
    ) -> Result<Option<Issued>, PkiError> {
        self.check_initialised()?;
        let locked = self.lock()?;
        let certificate = self.certificate(&spec.name)?;
        // Another process may have been faster while this one waited for the lock.
        if spec.when == When::IfDue && !Due::of(&certificate).is_due(now) {
            return Ok(None);
        }
        let index = Index::load(&self.path)?;
        let record = self.renewable(&spec.name, &certificate, &index)?;
        let before = self.names_of(record)?;
        let old = self.old_key(spec, &certificate)?;
        // Before a new key is handed over: a timer with a wrong passphrase would hand over another one at each run.
        let issuer = self.issuer(passphrase)?;
        let (public_key, key) = renewed_key(spec.key, old, &certificate, rekey)?;
        let names = Names {
            name: &spec.name,
            subject: &before.subject,
            alternative_names: &before.alternative_names,
            lifetime: spec.lifetime.unwrap_or(before.lifetime),
            crl_url: before.crl_url.as_deref(),
        };
        certify(&locked, &issuer, &names, &public_key, key, Place::FreeOrTaken, now).map(Some)
    }

    /// Returns the register's entry for an identity's certificate, which must be ours and not revoked.
    fn renewable<'a>(
        &self,
        name: &str,
        certificate: &Certificate,
        index: &'a Index,
    ) -> Result<&'a Record, PkiError> {
        let serial = certificate.serial_number().hex();
        let file = self.file(name, "pem");
        let record = index.find(serial).ok_or(PkiError::NotOurs { file })?;
        match &record.revoked {
            Some(revoked) => {
                Err(PkiError::Revoked { name: name.to_owned(), serial: serial.to_owned(), at: revoked.at })
            }
            None => Ok(record),
        }
    }

    /// Returns the private key that the identity has, and its text; `None` if it is elsewhere.
    fn old_key(&self, spec: &RenewSpec, certificate: &Certificate) -> Result<Option<OldKey>, PkiError> {
        let file = self.file(&spec.name, "key");
        if !self.holds(&file)? {
            return match spec.key {
                RenewedKey::New => Err(PkiError::KeyElsewhere { name: spec.name.clone() }),
                RenewedKey::Same => Ok(None),
            };
        }
        let text = read(&file)?;
        let key = OwnKey::parse(&text, &file)?;
        let replaced = spec.key == RenewedKey::New && matches!(key, OwnKey::Software(_));
        if !replaced && key.public_key() != certificate.public_key().der() {
            return Err(PkiError::PairMismatch { file });
        }
        Ok(Some(OldKey { key, text }))
    }

    /// Reads the certificate of an identity.
    ///
    /// # Errors
    ///
    /// Fails if there is no such identity, or if it cannot be read.
    pub fn certificate(&self, name: &str) -> Result<Certificate, PkiError> {
        check_name(name)?;
        let file = self.file(name, "pem");
        if !self.holds(&file)? {
            return Err(PkiError::UnknownIdentity { name: name.to_owned(), folder: self.path.clone() });
        }
        list::first(&file)
    }

    /// Returns the path of an identity's file.
    pub(super) fn file(&self, name: &str, extension: &str) -> PathBuf {
        self.path.join(name).join(format!("{name}.{extension}"))
    }
}

/// The private key of an identity before its renewal.
struct OldKey {
    key: OwnKey,
    text: Zeroizing<String>,
}

/// Returns the public key of the new certificate, and the text of its private key if that is here.
fn renewed_key(
    which: RenewedKey,
    old: Option<OldKey>,
    certificate: &Certificate,
    rekey: &mut dyn FnMut(&str, &str),
) -> Result<(Vec<u8>, Option<Zeroizing<String>>), PkiError> {
    let Some(OldKey { key, text }) = old else { return Ok((certificate.public_key().der().to_vec(), None)) };
    match (which, key) {
        (RenewedKey::New, OwnKey::Software(old)) => {
            let key_pair = KeyPair::generate(old.algorithm()).map_err(PkiError::NewKey)?;
            let new = key_pair.to_pem(KeyForm::Pkcs8).map_err(PkiError::NewKey)?;
            rekey(&text, &new);
            Ok((key_pair.subject_public_key_info().to_vec(), Some(new)))
        }
        // A key in a TPM stays: nobody can have copied it.
        (RenewedKey::New | RenewedKey::Same, own) => Ok((own.public_key().to_vec(), Some(text))),
    }
}
