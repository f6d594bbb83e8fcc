//! A key and a certificate request, for a CA elsewhere.

use std::path::PathBuf;

use pki_test::algorithm::KeyAlgorithm;
use pki_test::certificate_request::CertificateRequest;
use pki_test::distinguished_name::DistinguishedName;
use pki_test::end_entity::SubjectAlternativeName;
use pki_test::key_pair::{KeyForm, KeyPair};
use zeroize::Zeroizing;

use super::issue::check_name;
use super::lock::{Files, Place};
use super::{Folder, PkiError, read};

/// A request to create.
#[derive(Debug)]
pub struct RequestSpec {
    /// The name of the files.
    pub name: String,
    /// The requested subject name.
    pub subject: DistinguishedName,
    /// The other names, in order.
    pub alternative_names: Vec<SubjectAlternativeName>,
    /// The algorithm of a new key; `None` asks for another certificate of the key that is there.
    pub new_key: Option<KeyAlgorithm>,
}

/// A request and its key.
#[derive(Debug)]
pub struct Requested {
    /// The request, in PEM (PKCS #10).
    pub request: PathBuf,
    /// The private key, in PKCS#8, not encrypted.
    pub private_key: PathBuf,
    /// The key's algorithm.
    pub algorithm: KeyAlgorithm,
}

impl Folder {
    /// Writes a certificate request (RFC 2986) beside its key. No CA is needed in the folder.
    ///
    /// # Errors
    ///
    /// Fails if there is a key of that name and a new one is asked for; if there is none and that is asked for; or if something
    /// cannot be written.
    pub fn request(&self, spec: &RequestSpec) -> Result<Requested, PkiError> {
        check_name(&spec.name)?;
        let locked = self.lock()?;
        let private_key = self.file(&spec.name, "key");
        let has_key = self.holds(&private_key)?;
        let (key_pair, mut files): (KeyPair, Files) = match spec.new_key {
            Some(_) if has_key => {
                return Err(PkiError::KeyTaken { file: private_key, name: spec.name.clone() });
            }
            Some(algorithm) => (KeyPair::generate(algorithm).map_err(PkiError::NewKey)?, Vec::new()),
            None if !has_key => return Err(PkiError::NoKey { file: private_key }),
            None => {
                let key_pair = KeyPair::from_pem(&read(&private_key)?, None)
                    .map_err(|source| PkiError::OldKey { file: private_key.clone(), source })?;
                (key_pair, self.present(&spec.name)?)
            }
        };
        let request = CertificateRequest::render(&key_pair, &spec.subject, &spec.alternative_names)?;
        if spec.new_key.is_some() {
            let text = key_pair.to_pem(KeyForm::Pkcs8).map_err(PkiError::NewKey)?;
            files.push((format!("{}.key", spec.name), text));
        }
        files.push((format!("{}.csr", spec.name), Zeroizing::new(request)));
        locked.place(&spec.name, &files, Place::FreeOrTaken)?;
        let request = self.file(&spec.name, "csr");
        Ok(Requested { request, private_key, algorithm: key_pair.algorithm() })
    }

    /// Returns the existing certificate and key.
    fn present(&self, name: &str) -> Result<Files, PkiError> {
        let files = ["pem", "key"].map(|extension| self.file(name, extension)).into_iter();
        files
            .filter(|file| file.exists())
            .map(|file| {
                let own_name = file.file_name().map(|name| name.to_string_lossy().into_owned());
                Ok((own_name.unwrap_or_default(), read(&file)?))
            })
            .collect()
    }
}
