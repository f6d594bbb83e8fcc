//! A private key that can sign, wherever it lives.

pub mod file;
pub mod pkcs11;
pub mod tpm;

use std::fmt;

use crate::diagnostic::{Diagnostic, Fact, Fault};
use crate::secret::Secret;
pub use crate::x509::SubjectPublicKeyInfo;

/// The ids of this module's errors.
pub const IDS: &[&str] = &["key-mismatch", "signing-failed"];

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

/// The hash functions that `sign-string` offers; AWS4-X509 itself knows SHA-256 only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DigestAlgorithm {
    /// SHA-256.
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
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

/// Why a key did not sign.
#[derive(Debug, thiserror::Error)]
pub enum SignError {
    /// The device that has the key refused, and says why.
    #[error("{0}")]
    Device(Box<dyn Diagnostic + Send + Sync>),
    /// The cryptographic library refused; it does not say why.
    #[error("the private key cannot sign")]
    Library,
    /// The device that has the key does not tell its public half, and it is needed here.
    #[error("the device does not tell the public half of the private key")]
    NoPublicKey,
    /// The key made a signature which the certificate's public key does not verify.
    #[error("the private key does not belong to the certificate")]
    OtherKey,
}

impl Diagnostic for SignError {
    fn id(&self) -> &'static str {
        match self {
            Self::Device(error) => error.id(),
            Self::Library | Self::NoPublicKey => "signing-failed",
            Self::OtherKey => "key-mismatch",
        }
    }

    fn fault(&self) -> Fault {
        match self {
            Self::Device(error) => error.fault(),
            Self::Library | Self::NoPublicKey | Self::OtherKey => Fault::Identity,
        }
    }

    fn facts(&self) -> Vec<Fact> {
        match self {
            Self::Device(error) => error.facts(),
            Self::Library | Self::NoPublicKey | Self::OtherKey => Vec::new(),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Device(error) => error.hint(),
            Self::Library | Self::NoPublicKey | Self::OtherKey => None,
        }
    }
}

/// The basis for sealing a cache file: keying material from a private key, and which key that is.
#[derive(Debug)]
pub struct SealingKey {
    material: Secret<Vec<u8>>,
    public_key_sha256: Vec<u8>,
}

impl SealingKey {
    /// Takes the unencrypted PKCS#8 octets of a private key, and its public key.
    pub fn new(pkcs8: Secret<Vec<u8>>, public_key: &SubjectPublicKeyInfo) -> Self {
        Self { material: pkcs8, public_key_sha256: public_key.sha256_octets() }
    }

    /// Returns the input keying material for HKDF (RFC 5869), and the SHA-256 of the SubjectPublicKeyInfo, which binds
    /// derived keys to this key.
    pub fn into_parts(self) -> (Secret<Vec<u8>>, Vec<u8>) {
        (self.material, self.public_key_sha256)
    }
}

/// A private key that can sign, wherever it lives.
pub trait SigningKey: fmt::Debug + Send {
    /// Returns the algorithm of every signature made by this key.
    fn algorithm(&self) -> SignatureAlgorithm;

    /// Returns the public key as in a certificate; `None` if a device does not reveal it.
    fn public_key(&self) -> Option<&SubjectPublicKeyInfo>;

    /// Returns a key for sealing a cache file, derived from the private key; `None` where that would need a
    /// device or a prompt.
    ///
    /// # Errors
    ///
    /// Fails if the key cannot be reached.
    fn sealing_key(&self) -> Result<Option<SealingKey>, SignError> {
        Ok(None)
    }

    /// Signs `message`, which is not hashed yet, with a hash function of choice; ML-DSA ignores the choice.
    ///
    /// # Errors
    ///
    /// Fails if the key or its device refuses.
    fn sign_with(&mut self, digest: DigestAlgorithm, message: &[u8]) -> Result<Signature, SignError>;

    /// Signs `message`, which is not hashed yet, as AWS4-X509 has it: with SHA-256.
    ///
    /// # Errors
    ///
    /// As [`Self::sign_with`].
    fn sign(&mut self, message: &[u8]) -> Result<Signature, SignError> {
        self.sign_with(DigestAlgorithm::Sha256, message)
    }
}
