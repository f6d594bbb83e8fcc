//! Certificate authorities: a root, any number of intermediates below it, and what they issue.

mod load;

pub use load::AuthorityError;

use crate::algorithm::SignatureAlgorithm;
use crate::certificate::extension::{CRL_SIGN, Extension, KEY_CERT_SIGN};
use crate::certificate::tbs::{TbsCertificate, Version, key_identifier};
use crate::certificate::{IssueError, SerialChoice, SerialNumber, Validity, distribution_points};
use crate::distinguished_name::DistinguishedName;
use crate::end_entity::{EndEntity, EndEntitySpec};
use crate::key_pair::KeyPair;
use crate::pem;

/// The contents of a CA certificate besides its public key.
#[derive(Clone, Debug)]
pub struct AuthoritySpec {
    /// The subject name.
    pub subject: DistinguishedName,
    /// Its period of validity. It is not compared with the issuer's.
    pub validity: Validity,
    /// Its serial number.
    pub serial: SerialChoice,
    /// How many CAs may follow below it; `None` for any number (RFC 5280 §4.2.1.9).
    pub path_length: Option<u8>,
    /// Where the issuer's revocation list is, as URLs; none is no extension. A root has no use for it.
    pub crl_urls: Vec<String>,
}

impl AuthoritySpec {
    /// Returns the usual contents: a random serial number and no path length constraint.
    pub fn new(subject: DistinguishedName, validity: Validity) -> Self {
        Self { subject, validity, serial: SerialChoice::Random, path_length: None, crl_urls: Vec::new() }
    }

    /// Returns the same with a path length constraint.
    #[must_use]
    pub fn with_path_length(self, path_length: u8) -> Self {
        Self { path_length: Some(path_length), ..self }
    }
}

/// A CA: its certificate, its private key, and the chain up to the root.
#[derive(Debug)]
pub struct Authority {
    certificate_der: Vec<u8>,
    subject: Vec<u8>,
    key_identifier: Vec<u8>,
    key_pair: KeyPair,
    /// How many CAs may follow, by its own constraint and those above it.
    path_length: Option<u8>,
    /// What an end entity presents: this certificate and those above it, without the root.
    intermediates: Vec<Vec<u8>>,
}

impl Authority {
    /// Creates a root: a CA whose certificate is signed by its own key.
    ///
    /// # Errors
    ///
    /// Fails if the validity or the serial number is impossible, or if signing fails.
    pub fn root(spec: &AuthoritySpec, key_pair: KeyPair) -> Result<Self, IssueError> {
        let subject = spec.subject.to_der();
        let algorithm = key_pair.algorithm().signature_algorithm();
        let tbs =
            authority_certificate(spec, subject.clone(), key_pair.subject_public_key_info(), algorithm)?;
        Ok(Self {
            certificate_der: tbs.sign(&key_pair)?,
            subject,
            key_identifier: key_identifier(key_pair.subject_public_key_info())?,
            key_pair,
            path_length: spec.path_length,
            intermediates: Vec::new(),
        })
    }

    /// Creates a CA below this one.
    ///
    /// # Errors
    ///
    /// As [`Self::root`]; also if the path length constraint of this CA, or of one above it, allows none.
    pub fn intermediate(&self, spec: &AuthoritySpec, key_pair: KeyPair) -> Result<Self, IssueError> {
        if self.path_length == Some(0) {
            return Err(IssueError::PathLength);
        }
        let tbs = self.intermediate_certificate(spec, key_pair.subject_public_key_info())?;
        self.certify(&tbs, spec.path_length, key_pair)
    }

    /// Issues an end-entity certificate for a public key, given as the DER of its SubjectPublicKeyInfo.
    ///
    /// # Errors
    ///
    /// Fails if the public key is damaged, if a name, the validity or the serial number is impossible, or if signing
    /// fails.
    pub fn issue(
        &self,
        spec: &EndEntitySpec,
        subject_public_key_info: &[u8],
    ) -> Result<EndEntity, IssueError> {
        let serial = spec.serial.choose()?;
        let tbs = self.end_entity_certificate(spec, &serial, subject_public_key_info)?;
        let certificate_der = tbs.sign(&self.key_pair)?;
        Ok(EndEntity { certificate_der, intermediates: self.intermediates.clone(), serial })
    }

    /// Returns the CA's certificate as DER.
    pub fn certificate_der(&self) -> &[u8] {
        &self.certificate_der
    }

    /// Returns the CA's certificate as PEM.
    pub fn certificate_pem(&self) -> String {
        pem::render_certificates([self.certificate_der()])
    }

    /// Returns the certificates that an end entity issued here presents after its own: this CA and those above it,
    /// without the root, as DER, in signing order.
    ///
    /// Empty for a root.
    pub fn intermediates(&self) -> &[Vec<u8>] {
        &self.intermediates
    }

    /// Returns the intermediates as PEM, in the order that [`Self::from_pem`] takes.
    pub fn intermediates_pem(&self) -> String {
        pem::render_certificates(self.intermediates.iter().map(Vec::as_slice))
    }

    /// Returns the CA's private key.
    pub const fn key_pair(&self) -> &KeyPair {
        &self.key_pair
    }

    /// Returns the DER of the CA's own name.
    pub(crate) fn subject(&self) -> &[u8] {
        &self.subject
    }

    /// Returns the identifier of the CA's key, as in its certificate.
    pub(crate) fn key_identifier(&self) -> &[u8] {
        &self.key_identifier
    }

    /// Returns the certificate of a CA below this one, before it is signed.
    pub(crate) fn intermediate_certificate(
        &self,
        spec: &AuthoritySpec,
        subject_public_key_info: &[u8],
    ) -> Result<TbsCertificate, IssueError> {
        let algorithm = self.key_pair.algorithm().signature_algorithm();
        let mut tbs = authority_certificate(spec, self.subject.clone(), subject_public_key_info, algorithm)?;
        tbs.set_extension(Extension::authority_key_identifier(&self.key_identifier));
        Ok(tbs)
    }

    /// Signs the certificate of a CA below this one, whatever its contents, and returns that CA.
    pub(crate) fn certify(
        &self,
        tbs: &TbsCertificate,
        path_length: Option<u8>,
        key_pair: KeyPair,
    ) -> Result<Self, IssueError> {
        let certificate_der = tbs.sign(&self.key_pair)?;
        let mut intermediates = vec![certificate_der.clone()];
        intermediates.extend_from_slice(&self.intermediates);
        Ok(Self {
            certificate_der,
            subject: tbs.subject.clone(),
            key_identifier: key_identifier(&tbs.subject_public_key_info)?,
            key_pair,
            path_length: tighter(self.path_length.map(|length| length.saturating_sub(1)), path_length),
            intermediates,
        })
    }

    /// Returns an end entity's certificate before it is signed; `serial` is the one chosen by the specification.
    pub(crate) fn end_entity_certificate(
        &self,
        spec: &EndEntitySpec,
        serial: &SerialNumber,
        subject_public_key_info: &[u8],
    ) -> Result<TbsCertificate, IssueError> {
        let mut extensions = spec.extensions()?;
        extensions.push(Extension::subject_key_identifier(&key_identifier(subject_public_key_info)?));
        extensions.push(Extension::authority_key_identifier(&self.key_identifier));
        Ok(TbsCertificate {
            version: Version::V3,
            serial: serial.content().to_vec(),
            signature_algorithm: self.key_pair.algorithm().signature_algorithm(),
            issuer: self.subject.clone(),
            validity: spec.validity,
            subject: spec.subject.to_der(),
            subject_public_key_info: subject_public_key_info.to_vec(),
            extensions,
        })
    }
}

fn authority_certificate(
    spec: &AuthoritySpec,
    issuer: Vec<u8>,
    subject_public_key_info: &[u8],
    signature_algorithm: SignatureAlgorithm,
) -> Result<TbsCertificate, IssueError> {
    let mut extensions = vec![
        Extension::authority(spec.path_length),
        Extension::key_usage(KEY_CERT_SIGN | CRL_SIGN),
        Extension::subject_key_identifier(&key_identifier(subject_public_key_info)?),
    ];
    extensions.extend(distribution_points(&spec.crl_urls)?);
    Ok(TbsCertificate {
        version: Version::V3,
        serial: spec.serial.choose()?.content().to_vec(),
        signature_algorithm,
        issuer,
        validity: spec.validity,
        subject: spec.subject.to_der(),
        subject_public_key_info: subject_public_key_info.to_vec(),
        extensions,
    })
}

/// Returns the smaller of two constraints; `None` means no constraint.
fn tighter(one: Option<u8>, other: Option<u8>) -> Option<u8> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}
