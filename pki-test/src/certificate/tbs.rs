//! The part of a certificate that is signed (RFC 5280 §4.1.2).
//!
//! It can be changed before it is signed: that is how a defective certificate is made.

use aws_lc_rs::digest;
use pkcs8::ObjectIdentifier;
use pkcs8::SubjectPublicKeyInfoRef;

use super::extension::Extension;
use super::{IssueError, Validity};
use crate::algorithm::SignatureAlgorithm;
use crate::der;
use crate::key_pair::KeyPair;

/// The octets of a key identifier: 160 bits, as long as the SHA-1 of older certificates.
const KEY_IDENTIFIER_OCTETS: usize = 20;

/// The version; RFC 5280 does not use the second.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Version {
    /// Without extensions.
    V1,
    V3,
}

/// A certificate before it is signed. Names and public key are DER, the serial number the content octets of an INTEGER.
#[derive(Clone, Debug)]
pub(crate) struct TbsCertificate {
    pub(crate) version: Version,
    pub(crate) serial: Vec<u8>,
    pub(crate) signature_algorithm: SignatureAlgorithm,
    pub(crate) issuer: Vec<u8>,
    pub(crate) validity: Validity,
    pub(crate) subject: Vec<u8>,
    pub(crate) subject_public_key_info: Vec<u8>,
    pub(crate) extensions: Vec<Extension>,
}

impl TbsCertificate {
    /// Replaces the extension with the same identifier by `extension`, or appends it.
    pub(crate) fn set_extension(&mut self, extension: Extension) {
        match self.extensions.iter_mut().find(|present| present.oid == extension.oid) {
            Some(present) => *present = extension,
            None => self.extensions.push(extension),
        }
    }

    /// Removes the extension with this identifier.
    pub(crate) fn remove_extension(&mut self, oid: ObjectIdentifier) {
        self.extensions.retain(|present| present.oid != oid);
    }

    /// `Certificate = SEQUENCE { tbs_certificate, algorithm, BIT STRING signature }` (RFC 5280 §4.1)
    pub(crate) fn sign(&self, key: &KeyPair) -> Result<Vec<u8>, IssueError> {
        let tbs_certificate = self.to_der()?;
        let signature = key.sign(self.signature_algorithm, &tbs_certificate)?;
        let algorithm = self.signature_algorithm.identifier();
        Ok(der::sequence(&[&tbs_certificate, &algorithm, &der::bit_string(&signature)]))
    }

    fn to_der(&self) -> Result<Vec<u8>, IssueError> {
        let (version, extensions) = match self.version {
            Version::V1 => (Vec::new(), Vec::new()),
            Version::V3 => {
                let version =
                    der::element(der::context_constructed(0), &[&der::element(der::INTEGER, &[&[2]])]);
                let extensions: Vec<u8> = self.extensions.iter().flat_map(Extension::to_der).collect();
                let extensions = der::element(der::context_constructed(3), &[&der::sequence(&[&extensions])]);
                (version, extensions)
            }
        };
        Ok(der::sequence(&[
            &version,
            &der::element(der::INTEGER, &[&self.serial]),
            &self.signature_algorithm.identifier(),
            &self.issuer,
            &self.validity.to_der()?,
            &self.subject,
            &self.subject_public_key_info,
            &extensions,
        ]))
    }
}

/// Returns the leftmost 160 bits of the SHA-256 of the public key's bits (RFC 7093 §2, method 1).
pub(crate) fn key_identifier(subject_public_key_info: &[u8]) -> Result<Vec<u8>, IssueError> {
    let info =
        SubjectPublicKeyInfoRef::try_from(subject_public_key_info).map_err(|_| IssueError::PublicKey)?;
    let hash = digest::digest(&digest::SHA256, info.subject_public_key.raw_bytes());
    Ok(hash.as_ref()[..KEY_IDENTIFIER_OCTETS].to_vec())
}
