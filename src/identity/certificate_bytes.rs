//! The bytes of a certificate's source, before they are parsed.

use std::fmt;

use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use crate::x509::Certificate;
use crate::x509::pem::{self, Block, Label};
use crate::x509::pkcs12;

/// The bytes of a certificate's source as they were read; the private key may be among them.
///
/// Of a certificate in a device nothing is read before a session is made: a token takes its time, and belongs to one program at a time.
pub struct CertificateBytes {
    /// Absent where the certificate is in a device.
    bytes: Option<Zeroizing<Vec<u8>>>,
    sha256: [u8; 32],
    is_folder: bool,
}

impl CertificateBytes {
    /// Takes the bytes and hashes them.
    pub fn new(bytes: Zeroizing<Vec<u8>>) -> Self {
        let sha256 = sha256(&bytes);
        Self { bytes: Some(bytes), sha256, is_folder: false }
    }

    /// Takes what stands for the certificates in a folder, none of which was read.
    pub(super) fn of_folder(sha256: [u8; 32]) -> Self {
        Self { bytes: None, sha256, is_folder: true }
    }

    /// Returns whether this stands for a folder.
    pub(super) const fn is_folder(&self) -> bool {
        self.is_folder
    }

    /// Names a certificate in a device by its place: the same place is the same certificate.
    pub(super) fn in_device(place: &str) -> Self {
        Self { bytes: None, sha256: sha256(place.as_bytes()), is_folder: false }
    }

    /// Returns the SHA-256 of the bytes; other bytes mean a renewal.
    pub const fn sha256(&self) -> &[u8; 32] {
        &self.sha256
    }

    pub(super) const fn bytes(&self) -> Option<&Zeroizing<Vec<u8>>> {
        self.bytes.as_ref()
    }

    fn blocks(&self) -> Vec<Block> {
        self.bytes.as_ref().and_then(|bytes| pem::read(bytes).ok()).unwrap_or_default()
    }

    /// Returns whether the bytes hold a certificate with these names that is not a CA's: then this is a renewal of that
    /// certificate, not another identity. PKCS#12 stores are not opened here.
    pub fn holds(&self, subject_name: &str, issuer_name: &str) -> bool {
        let blocks = self.blocks();
        let mut certificates = blocks.iter().filter_map(|block| Certificate::of_block(block)?.ok());
        certificates.any(|found| found.is_end_entity_of(subject_name, issuer_name))
    }

    /// Returns whether this is a PKCS#12 store.
    pub(super) fn is_store(&self) -> bool {
        self.blocks().iter().any(|block| block.label == Label::Pkcs12)
    }

    /// Returns whether the bytes hold certificates, or a store of them, and none is cut off, as in a file that is being
    /// written.
    pub fn is_whole(&self) -> bool {
        if self.bytes.is_none() {
            return true;
        }
        let blocks = self.blocks();
        let mut certificates = blocks.iter().filter_map(Certificate::of_block).peekable();
        match certificates.peek() {
            Some(_) => certificates.all(|parsed| parsed.is_ok()),
            None => {
                blocks.iter().any(|block| block.label == Label::Pkcs12 && pkcs12::check(&block.der).is_ok())
            }
        }
    }
}

/// Returns the hash that identifies the bytes of a certificate's source.
pub(super) fn sha256(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

/// Shows only the length: a private key may be among the bytes.
impl fmt::Debug for CertificateBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CertificateBytes({} octets)", self.bytes.as_ref().map_or(0, |bytes| bytes.len()))
    }
}
