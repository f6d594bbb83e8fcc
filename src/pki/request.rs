//! A key and a certificate request, for a CA elsewhere.

use std::path::PathBuf;

use pki_test::algorithm::{KeyAlgorithm, SignatureAlgorithm};
use pki_test::certificate_request::CertificateRequest;
use pki_test::distinguished_name::DistinguishedName;
use pki_test::end_entity::SubjectAlternativeName;
use pki_test::key_pair::{KeyForm, KeyPair};
use zeroize::Zeroizing;

use super::issue::check_name;
use super::lock::{Files, Place};
use super::own_key::OwnKey;
use super::{Folder, PkiError, read};
use crate::env::Environment;
use crate::identity::{self, Input, PasswordSource, TpmSettings};
use crate::signer::tpm::KeyFile;
use crate::signer::{self, SignError, SigningKey};
use crate::x509::{KeyKind, SubjectPublicKeyInfo};

/// A request to create.
#[derive(Debug)]
pub struct RequestSpec {
    /// The name of the files.
    pub name: String,
    /// The requested subject name.
    pub subject: DistinguishedName,
    /// The other names, in order.
    pub alternative_names: Vec<SubjectAlternativeName>,
    /// Whose key it is for.
    pub key: RequestedKey,
}

/// Whose key a request is for.
#[derive(Debug)]
pub enum RequestedKey {
    /// One that was made in a TPM: its file, and itself, which signs the request.
    InTpm(Box<KeyFile>, Box<dyn SigningKey>),
    /// A new one.
    New(KeyAlgorithm),
    /// The key that is there; one in a TPM is used in this way.
    Present(TpmSettings),
}

/// A request and its key.
#[derive(Debug)]
pub struct Requested {
    /// The request, in PEM (PKCS #10).
    pub request: PathBuf,
    /// The private key, in PKCS#8, not encrypted, or a TPM's key file.
    pub private_key: PathBuf,
    /// The key's kind and size.
    pub kind: KeyKind,
}

impl Folder {
    /// Refuses a name that has a private key already.
    ///
    /// # Errors
    ///
    /// Fails if it is none, or has one.
    pub fn check_without_key(&self, name: &str) -> Result<(), PkiError> {
        check_name(name)?;
        let file = self.file(name, "key");
        if self.holds(&file)? { Err(PkiError::KeyTaken { file, name: name.to_owned() }) } else { Ok(()) }
    }

    /// Writes a certificate request (RFC 2986) beside its key. No CA is needed in the folder.
    ///
    /// # Errors
    ///
    /// Fails if there is a key of that name and a new one is asked for; if there is none and that is asked for; or if something
    /// cannot be written.
    pub fn request(&self, spec: RequestSpec, env: &Environment) -> Result<Requested, PkiError> {
        let RequestSpec { name, subject, alternative_names, key } = spec;
        check_name(&name)?;
        let locked = self.lock()?;
        let private_key = self.file(&name, "key");
        let has_key = self.holds(&private_key)?;
        let mut files = Files::new();
        let mut signer = match key {
            RequestedKey::InTpm(..) | RequestedKey::New(_) if has_key => {
                return Err(PkiError::KeyTaken { file: private_key, name });
            }
            RequestedKey::InTpm(file, key) => {
                files.push((format!("{name}.key"), file.to_pem()));
                Signer::Device(key)
            }
            RequestedKey::New(algorithm) => {
                let key_pair = KeyPair::generate(algorithm).map_err(PkiError::NewKey)?;
                let text = key_pair.to_pem(KeyForm::Pkcs8).map_err(PkiError::NewKey)?;
                files.push((format!("{name}.key"), text));
                Signer::Software(key_pair)
            }
            RequestedKey::Present(_) if !has_key => return Err(PkiError::NoKey { file: private_key }),
            RequestedKey::Present(tpm) => {
                files = self.present(&name)?;
                match OwnKey::parse(&read(&private_key)?, &private_key)? {
                    OwnKey::Software(key_pair) => Signer::Software(key_pair),
                    OwnKey::InTpm(_) => {
                        let input = Input::file(private_key.clone());
                        let nobody = PasswordSource::Nobody;
                        let (key, _) = identity::load_private_key(&input, &nobody, Some(&tpm), false, env)?;
                        Signer::Device(key)
                    }
                }
            }
        };
        let request = signer.request(&subject, &alternative_names)?;
        files.push((format!("{name}.csr"), Zeroizing::new(request)));
        locked.place(&name, &files, Place::FreeOrTaken)?;
        Ok(Requested { request: self.file(&name, "csr"), private_key, kind: signer.kind() })
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

/// What signs a request.
enum Signer {
    Device(Box<dyn SigningKey>),
    Software(KeyPair),
}

impl Signer {
    fn request(
        &mut self,
        subject: &DistinguishedName,
        alternative_names: &[SubjectAlternativeName],
    ) -> Result<String, PkiError> {
        let key = match self {
            Self::Software(key_pair) => {
                return Ok(CertificateRequest::render(key_pair, subject, alternative_names)?);
            }
            Self::Device(key) => key,
        };
        let public_key = key.public_key().ok_or(PkiError::Signing(SignError::NoPublicKey))?.der().to_vec();
        let algorithm = match key.algorithm() {
            signer::SignatureAlgorithm::EcdsaSha256 => SignatureAlgorithm::EcdsaSha256,
            signer::SignatureAlgorithm::RsaSha256 => SignatureAlgorithm::RsaSha256,
            signer::SignatureAlgorithm::MlDsa => return Err(PkiError::Signing(SignError::Library)),
        };
        CertificateRequest::render_for(&public_key, algorithm, subject, alternative_names, |info| {
            key.sign(info).map(|signature| signature.octets().to_vec()).map_err(PkiError::Signing)
        })
    }

    fn kind(&self) -> KeyKind {
        let other = || KeyKind::Other(String::from("a key in a device"));
        match self {
            Self::Device(key) => key.public_key().map_or_else(other, SubjectPublicKeyInfo::kind),
            Self::Software(key_pair) => {
                SubjectPublicKeyInfo::new(key_pair.subject_public_key_info().to_vec()).kind()
            }
        }
    }
}
