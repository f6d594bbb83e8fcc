//! A private key that can sign, wherever it lives.

use std::fmt;

/// The signature algorithm, which is also the name in the Authorization header (AWS4-X509, "signing process").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignatureAlgorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256 (RFC 8017 §8.2).
    RsaSha256,
    /// ECDSA with SHA-256 on every curve, as an ASN.1 `SEQUENCE { r, s }`.
    EcdsaSha256,
    /// Pure ML-DSA with an empty context (FIPS 204), of any level.
    MlDsa,
}

impl SignatureAlgorithm {
    /// Returns the name in the Authorization header and in the string to sign.
    pub const fn authorization_name(self) -> &'static str {
        match self {
            Self::RsaSha256 => "AWS4-X509-RSA-SHA256",
            Self::EcdsaSha256 => "AWS4-X509-ECDSA-SHA256",
            Self::MlDsa => "AWS4-X509-MLDSA",
        }
    }
}

/// A signature: PKCS#1 octets, ASN.1 DER of ECDSA, or an ML-DSA signature.
pub struct Signature(Vec<u8>);

impl Signature {
    /// Takes the octets of a signature.
    pub const fn new(octets: Vec<u8>) -> Self {
        Self(octets)
    }

    /// Returns the octets.
    pub fn octets(&self) -> &[u8] {
        &self.0
    }
}

/// Shows the length only: a signature over a request is a bearer token for minutes.
impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signature({} octets)", self.0.len())
    }
}

/// A SubjectPublicKeyInfo in DER, as a certificate carries it (RFC 5280 §4.1.2.7).
#[derive(Clone, PartialEq, Eq)]
pub struct SubjectPublicKeyInfo(Vec<u8>);

impl SubjectPublicKeyInfo {
    /// Takes the DER.
    pub const fn new(der: Vec<u8>) -> Self {
        Self(der)
    }

    /// Returns the DER.
    pub fn der(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for SubjectPublicKeyInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SubjectPublicKeyInfo({} octets)", self.0.len())
    }
}

/// Why a key did not sign.
#[derive(Debug, thiserror::Error)]
pub enum SignError {
    /// The cryptographic library refused; it does not say why.
    #[error("the private key cannot sign")]
    Library,
}

/// A private key that can sign, wherever it lives.
pub trait SigningKey: fmt::Debug + Send {
    /// Returns the algorithm of every signature made by this key.
    fn algorithm(&self) -> SignatureAlgorithm;

    /// Returns the public key, as the certificate would carry it; `None` where a device does not tell.
    fn public_key(&self) -> Option<&SubjectPublicKeyInfo>;

    /// Signs `message`, which is not hashed yet.
    ///
    /// # Errors
    ///
    /// Fails if the key or its device refuses.
    fn sign(&mut self, message: &[u8]) -> Result<Signature, SignError>;
}
