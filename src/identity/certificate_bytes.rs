//! The bytes of a certificate's source, before anything of them is parsed.

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
}

impl CertificateBytes {
    /// Takes the bytes and hashes them.
    pub fn new(bytes: Zeroizing<Vec<u8>>) -> Self {
        let sha256 = sha256(&bytes);
        Self { bytes: Some(bytes), sha256 }
    }

    /// Names a certificate in a device by its place: the same place is the same certificate.
    pub(super) fn in_device(place: &str) -> Self {
        Self { bytes: None, sha256: sha256(place.as_bytes()) }
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

    /// Tells whether a certificate of these names is in there, CAs not counted: so whether this is a renewal of that
    /// certificate, and not another identity. What is in a PKCS#12 store is not known here.
    pub fn holds(&self, subject_name: &str, issuer_name: &str) -> bool {
        let blocks = self.blocks();
        let mut certificates = blocks.iter().filter_map(|block| Certificate::of_block(block)?.ok());
        certificates.any(|found| found.is_end_entity_of(subject_name, issuer_name))
    }

    /// Tells whether this is a PKCS#12 store.
    pub(super) fn is_store(&self) -> bool {
        self.blocks().iter().any(|block| block.label == Label::Pkcs12)
    }

    /// Tells whether there are certificates, or a store of them, and none is cut off: a file that is being written just now is not whole.
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

/// Returns what names the bytes of a certificate's source.
pub(super) fn sha256(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

/// Shows the length only: a private key may be among the bytes.
impl fmt::Debug for CertificateBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CertificateBytes({} octets)", self.bytes.as_ref().map_or(0, |bytes| bytes.len()))
    }
}
