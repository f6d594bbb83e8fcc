//! The bytes of a certificate's source, before anything of them is parsed.

use std::fmt;

use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use crate::x509::Certificate;
use crate::x509::pem::{self, Label};

/// The bytes of a certificate's source as they were read; the private key may be among them.
pub struct CertificateBytes {
    bytes: Zeroizing<Vec<u8>>,
    sha256: [u8; 32],
}

impl CertificateBytes {
    /// Takes the bytes and hashes them.
    pub fn new(bytes: Zeroizing<Vec<u8>>) -> Self {
        let sha256 = Sha256::digest(bytes.as_slice()).into();
        Self { bytes, sha256 }
    }

    /// Returns the SHA-256 of the bytes; other bytes mean a renewal.
    pub const fn sha256(&self) -> &[u8; 32] {
        &self.sha256
    }

    pub(super) const fn bytes(&self) -> &Zeroizing<Vec<u8>> {
        &self.bytes
    }

    /// Tells whether a certificate of these names is in there, CAs not counted: so whether this is a renewal of that
    /// certificate, and not another identity.
    pub fn holds(&self, subject_name: &str, issuer_name: &str) -> bool {
        let blocks = pem::read(&self.bytes).unwrap_or_default();
        let certificates = blocks.iter().filter_map(|block| match block.label {
            Label::Certificate => Certificate::parse(&block.der).ok(),
            Label::TrustedCertificate => Certificate::parse_prefix(&block.der).ok(),
            Label::CertificateRequest
            | Label::DsaPrivateKey
            | Label::EcParameters
            | Label::EcPrivateKey
            | Label::EncryptedPrivateKey
            | Label::OpensshPrivateKey
            | Label::Other(_)
            | Label::Pkcs12
            | Label::Pkcs7
            | Label::PrivateKey
            | Label::PublicKey
            | Label::RevocationList
            | Label::RsaPrivateKey
            | Label::Tss2PrivateKey => None,
        });
        certificates
            .filter(|certificate| !certificate.is_ca())
            .any(|found| found.subject_name() == subject_name && found.issuer_name() == issuer_name)
    }
}

/// Shows the length only: a private key may be among the bytes.
impl fmt::Debug for CertificateBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CertificateBytes({} octets)", self.bytes.len())
    }
}
