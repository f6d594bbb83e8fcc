//! Puts a certificate from another CA beside its key.

use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use super::issue::check_name;
use super::lock::Place;
use super::{Folder, PkiError, read};
use crate::clock::Timestamp;
use crate::env::Environment;
use crate::identity::{self, IdentitySource, Input, PasswordSource, Selection};

/// A certificate to install.
#[derive(Debug)]
pub struct InstallSpec {
    /// The name of the identity, whose private key is `NAME/NAME.key` in the folder.
    pub name: String,
    /// The certificate; may carry its intermediates.
    pub certificate: Input,
    /// Further intermediates.
    pub intermediates: Option<Input>,
}

/// A certificate that was installed.
#[derive(Debug)]
pub struct Installed {
    /// The certificate and its intermediates, in PEM and in the order in which they are presented.
    pub certificate: PathBuf,
    /// The private key, unchanged.
    pub private_key: PathBuf,
    /// The serial number in lower-case hex.
    pub serial: String,
    /// The subject name.
    pub subject: String,
    /// The issuer's name.
    pub issuer: String,
    /// How many intermediates follow the certificate.
    pub intermediates: usize,
    /// The last second of validity.
    pub not_after: Timestamp,
}

impl Folder {
    /// Installs a certificate beside its private key, after every check that a session would make.
    ///
    /// Among several certificates the one that matches the key is found; the chain is ordered, without its root.
    /// Certificate and key are replaced together, so a reader sees the old pair or the new one.
    ///
    /// # Errors
    ///
    /// Fails if there is no private key with that name, if the certificate does not match it or cannot be used with AWS
    /// at `now`, or if something cannot be read or written. Nothing is changed then.
    pub fn install(
        &self,
        spec: &InstallSpec,
        env: &Environment,
        now: Timestamp,
    ) -> Result<Installed, PkiError> {
        check_name(&spec.name)?;
        let private_key = self.file(&spec.name, "key");
        if !self.holds(&private_key)? {
            return Err(PkiError::NoKey { file: private_key });
        }
        let locked = self.lock()?;
        let source = IdentitySource {
            certificate: spec.certificate.clone(),
            private_key: Some(Input::file(private_key.clone())),
            intermediates: spec.intermediates.clone(),
            selection: Selection::default(),
            password: PasswordSource::Prompt,
            tpm: None,
            allow_insecure_key_file: false,
        };
        let identity = identity::load(&source, env)?;
        identity.check(now)?;
        let end_entity = identity.end_entity();
        let chain = std::iter::once(end_entity).chain(identity.intermediates());
        let text: String = chain.map(|certificate| pem(certificate.der())).collect();
        let files = vec![
            (format!("{}.pem", spec.name), Zeroizing::new(text)),
            (format!("{}.key", spec.name), read(&private_key)?),
        ];
        locked.place(&spec.name, &files, Place::FreeOrTaken)?;
        Ok(Installed {
            certificate: self.file(&spec.name, "pem"),
            private_key,
            serial: end_entity.serial_number().hex().to_owned(),
            subject: end_entity.subject_name().to_owned(),
            issuer: end_entity.issuer_name().to_owned(),
            intermediates: identity.intermediates().len(),
            not_after: end_entity.not_after(),
        })
    }
}

/// Returns a certificate as PEM, in lines of 64 characters (RFC 7468 §2).
fn pem(der: &[u8]) -> String {
    let base64 = STANDARD.encode(der);
    let mut text = String::from("-----BEGIN CERTIFICATE-----\n");
    let mut rest = base64.as_str();
    while !rest.is_empty() {
        let (line, after) = rest.split_at(rest.len().min(64));
        text.push_str(line);
        text.push('\n');
        rest = after;
    }
    text.push_str("-----END CERTIFICATE-----\n");
    text
}
