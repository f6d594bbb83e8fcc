//! What a PEM block or a DER structure contains.

use std::fmt;

use crate::text::quoted;

/// The type of a block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Label {
    /// `CERTIFICATE`, `X509 CERTIFICATE`.
    Certificate,
    /// `CERTIFICATE REQUEST`, `NEW CERTIFICATE REQUEST`.
    CertificateRequest,
    /// `DSA PRIVATE KEY`.
    DsaPrivateKey,
    /// `EC PARAMETERS`.
    EcParameters,
    /// `EC PRIVATE KEY`: SEC1 (RFC 5915).
    EcPrivateKey,
    /// `ENCRYPTED PRIVATE KEY`: PKCS#8.
    EncryptedPrivateKey,
    /// `OPENSSH PRIVATE KEY`.
    OpensshPrivateKey,
    /// Anything else, by its own label.
    Other(String),
    /// `PKCS12`, as GnuTLS writes it, and DER.
    Pkcs12,
    /// `PKCS7`, `CMS`.
    Pkcs7,
    /// `PRIVATE KEY`: PKCS#8.
    PrivateKey,
    /// `PUBLIC KEY`, `RSA PUBLIC KEY`.
    PublicKey,
    /// `X509 CRL`.
    RevocationList,
    /// `RSA PRIVATE KEY`: PKCS#1.
    RsaPrivateKey,
    /// `TRUSTED CERTIFICATE`: OpenSSL's certificate followed by trust settings.
    TrustedCertificate,
    /// `TSS2 PRIVATE KEY`: a key sealed by a TPM 2.0.
    Tss2PrivateKey,
}

impl Label {
    pub(super) fn parse(words: &str) -> Self {
        match words {
            "CERTIFICATE" | "X509 CERTIFICATE" => Self::Certificate,
            "CERTIFICATE REQUEST" | "NEW CERTIFICATE REQUEST" => Self::CertificateRequest,
            "CMS" | "PKCS7" | "PKCS #7 SIGNED DATA" => Self::Pkcs7,
            "DSA PRIVATE KEY" => Self::DsaPrivateKey,
            "EC PARAMETERS" => Self::EcParameters,
            "EC PRIVATE KEY" => Self::EcPrivateKey,
            "ENCRYPTED PRIVATE KEY" => Self::EncryptedPrivateKey,
            "OPENSSH PRIVATE KEY" => Self::OpensshPrivateKey,
            "PKCS12" => Self::Pkcs12,
            "PRIVATE KEY" => Self::PrivateKey,
            "PUBLIC KEY" | "RSA PUBLIC KEY" => Self::PublicKey,
            "RSA PRIVATE KEY" => Self::RsaPrivateKey,
            "TRUSTED CERTIFICATE" => Self::TrustedCertificate,
            "TSS2 PRIVATE KEY" => Self::Tss2PrivateKey,
            "X509 CRL" => Self::RevocationList,
            other => Self::Other(other.to_owned()),
        }
    }

    /// Returns whether this is a certificate.
    pub const fn is_certificate(&self) -> bool {
        matches!(self, Self::Certificate | Self::TrustedCertificate)
    }

    /// Returns whether this is a private key, or a store that can contain one.
    pub const fn may_hold_private_key(&self) -> bool {
        matches!(self, Self::Pkcs12) || self.is_private_key()
    }

    /// Returns whether this is a private key in any form, usable here or not.
    pub const fn is_private_key(&self) -> bool {
        matches!(
            self,
            Self::DsaPrivateKey
                | Self::EcPrivateKey
                | Self::EncryptedPrivateKey
                | Self::OpensshPrivateKey
                | Self::PrivateKey
                | Self::RsaPrivateKey
                | Self::Tss2PrivateKey
        )
    }
}

/// Names it with an article: `a certificate request`.
impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Certificate => "a certificate",
            Self::CertificateRequest => "a certificate request",
            Self::DsaPrivateKey => "a DSA private key",
            Self::EcParameters => "EC parameters",
            Self::EcPrivateKey => "an EC private key",
            Self::EncryptedPrivateKey => "an encrypted private key",
            Self::OpensshPrivateKey => "an OpenSSH private key",
            Self::Other(words) => return write!(f, "a block named {}", quoted(words)),
            Self::Pkcs12 => "a PKCS#12 store",
            Self::Pkcs7 => "a PKCS#7 message",
            Self::PrivateKey => "a private key",
            Self::PublicKey => "a public key",
            Self::RevocationList => "a certificate revocation list",
            Self::RsaPrivateKey => "an RSA private key",
            Self::TrustedCertificate => "a certificate with trust settings",
            Self::Tss2PrivateKey => "a TPM 2.0 key (TSS2 PRIVATE KEY)",
        })
    }
}
