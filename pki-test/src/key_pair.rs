//! Private keys: generating, loading, writing in every format that programs read, and signing.
//!
//! The cryptographic library holds the key itself, and wipes it. Whatever is exported is in [`zeroize::Zeroizing`].

mod encrypted;
mod form;
mod load;

use std::fmt;

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{self, EcdsaKeyPair, KeyPair as _, PqdsaKeyPair, RsaKeyPair};
use aws_lc_rs::{digest, error::Unspecified};

pub use form::KeyForm;

use crate::algorithm::{Family, KeyAlgorithm, SignatureAlgorithm};
use crate::pem::PemError;

/// A private key with its public key.
pub struct KeyPair {
    algorithm: KeyAlgorithm,
    private: PrivateKey,
    subject_public_key_info: Vec<u8>,
}

/// The key as held by the cryptographic library.
enum PrivateKey {
    Ec(EcdsaKeyPair),
    MlDsa(PqdsaKeyPair),
    Rsa(RsaKeyPair),
}

impl KeyPair {
    /// Generates a new key from the operating system's randomness.
    ///
    /// This takes a microsecond to a millisecond for EC and ML-DSA, and a tenth of a second to more than a second for
    /// RSA.
    ///
    /// # Errors
    ///
    /// Fails if the cryptographic library fails.
    pub fn generate(algorithm: KeyAlgorithm) -> Result<Self, KeyPairError> {
        let private = match algorithm.family() {
            Family::Ec(curve) => EcdsaKeyPair::generate(curve.signing).map(PrivateKey::Ec),
            Family::MlDsa(signing) => PqdsaKeyPair::generate(signing).map(PrivateKey::MlDsa),
            Family::Rsa(size) => RsaKeyPair::generate(size).map(PrivateKey::Rsa),
        };
        Self::new(algorithm, private?)
    }

    fn new(algorithm: KeyAlgorithm, private: PrivateKey) -> Result<Self, KeyPairError> {
        let public = match &private {
            PrivateKey::Ec(key) => key.public_key().as_der(),
            PrivateKey::MlDsa(key) => key.public_key().as_der(),
            PrivateKey::Rsa(key) => key.public_key().as_der(),
        };
        let subject_public_key_info = public?.as_ref().to_vec();
        Ok(Self { algorithm, private, subject_public_key_info })
    }

    /// Returns the type and size of the key.
    pub const fn algorithm(&self) -> KeyAlgorithm {
        self.algorithm
    }

    /// Returns the DER of the public key, as in a certificate (RFC 5280 §4.1.2.7).
    pub fn subject_public_key_info(&self) -> &[u8] {
        &self.subject_public_key_info
    }

    /// Returns the signature over `message`, which must not be hashed yet, in the format used in certificates.
    ///
    /// DER `Ecdsa-Sig-Value` for EC; for RSA as long as the modulus. An EC key of any curve can sign with any hash: a
    /// longer one is cut to the curve's length, a shorter one is a smaller number (FIPS 186-5 §6.4.1).
    ///
    /// # Errors
    ///
    /// Fails if `algorithm` is for another type of key, or if the cryptographic library fails.
    pub fn sign(&self, algorithm: SignatureAlgorithm, message: &[u8]) -> Result<Vec<u8>, KeyPairError> {
        match (&self.private, algorithm) {
            (PrivateKey::Ec(key), SignatureAlgorithm::EcdsaSha1) => {
                self.sign_ecdsa(key, &digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, message))
            }
            (PrivateKey::Ec(key), SignatureAlgorithm::EcdsaSha256) => {
                self.sign_ecdsa(key, &digest::digest(&digest::SHA256, message))
            }
            (PrivateKey::Ec(key), SignatureAlgorithm::EcdsaSha384) => {
                self.sign_ecdsa(key, &digest::digest(&digest::SHA384, message))
            }
            (PrivateKey::Ec(key), SignatureAlgorithm::EcdsaSha512) => {
                self.sign_ecdsa(key, &digest::digest(&digest::SHA512, message))
            }
            (PrivateKey::Rsa(key), SignatureAlgorithm::RsaSha256) => {
                sign_rsa(key, &signature::RSA_PKCS1_SHA256, message)
            }
            (PrivateKey::Rsa(key), SignatureAlgorithm::RsaSha384) => {
                sign_rsa(key, &signature::RSA_PKCS1_SHA384, message)
            }
            (PrivateKey::Rsa(key), SignatureAlgorithm::RsaSha512) => {
                sign_rsa(key, &signature::RSA_PKCS1_SHA512, message)
            }
            (
                PrivateKey::MlDsa(key),
                SignatureAlgorithm::MlDsa44 | SignatureAlgorithm::MlDsa65 | SignatureAlgorithm::MlDsa87,
            ) if algorithm == self.algorithm.signature_algorithm() => {
                let mut signature = vec![0; key.algorithm().signature_len()];
                let length = key.sign(message, &mut signature)?;
                signature.truncate(length);
                Ok(signature)
            }
            (PrivateKey::Ec(_) | PrivateKey::MlDsa(_) | PrivateKey::Rsa(_), _) => {
                Err(KeyPairError::SignatureAlgorithm { key: self.algorithm, signature: algorithm })
            }
        }
    }

    /// Signs a digest of any length, although the library accepts only that of the curve's own hash.
    fn sign_ecdsa(&self, key: &EcdsaKeyPair, digest: &digest::Digest) -> Result<Vec<u8>, KeyPairError> {
        let Family::Ec(curve) = self.algorithm.family() else { return Err(KeyPairError::Library) };
        let length = curve.digest.output_len();
        let octets = digest.as_ref();
        let octets = &octets[..octets.len().min(length)];
        let mut padded = vec![0; length - octets.len()];
        padded.extend_from_slice(octets);
        let imported = digest::Digest::import_less_safe(&padded, curve.digest)?;
        Ok(key.sign_digest(&imported)?.as_ref().to_vec())
    }
}

fn sign_rsa(
    key: &RsaKeyPair,
    encoding: &'static dyn signature::RsaEncoding,
    message: &[u8],
) -> Result<Vec<u8>, KeyPairError> {
    let mut signature = vec![0; key.public_modulus_len()];
    key.sign(encoding, &SystemRandom::new(), message, &mut signature)?;
    Ok(signature)
}

impl fmt::Debug for KeyPair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyPair").field("algorithm", &self.algorithm).finish_non_exhaustive()
    }
}

/// Why a private key cannot be generated, loaded, written or used.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum KeyPairError {
    /// The key is encrypted with something other than PBES2, or in the legacy format of `Proc-Type: 4,ENCRYPTED`.
    #[error("the private key is encrypted in a way that is not PBES2; convert it with openssl pkcs8 -topk8")]
    Encryption,
    /// The key cannot be written in this form: it is of another type, or its seed is unknown.
    #[error("an {algorithm} key has no form {form}")]
    Form {
        /// The key's type and size.
        algorithm: KeyAlgorithm,
        /// The requested form.
        form: KeyForm,
    },
    /// Checking a passphrase would take more than 64 MiB or 10 million rounds: the file is hostile or a mistake.
    #[error("the private key's passphrase costs too much to check")]
    KeyDerivationCost,
    /// The cryptographic library failed unexpectedly.
    #[error("the cryptographic library failed")]
    Library,
    /// The bytes are not a private key, or its numbers contradict each other.
    #[error("the private key is damaged")]
    Malformed,
    /// There is no private key in the text.
    #[error("the text holds no private key")]
    Missing,
    /// The private key is encrypted and no passphrase was given.
    #[error("the private key is encrypted, and no passphrase was given")]
    PassphraseMissing,
    /// The passphrase is wrong, or the encrypted bytes are damaged; the two cannot be distinguished.
    #[error("the passphrase does not decrypt the private key")]
    PassphraseWrong,
    /// The PEM around the key is broken.
    #[error("the private key is not PEM")]
    Pem(#[from] PemError),
    /// The key's type does not match the signature's.
    #[error("an {key} key cannot make a signature {signature:?}")]
    SignatureAlgorithm {
        /// The key's type and size.
        key: KeyAlgorithm,
        /// The requested algorithm.
        signature: SignatureAlgorithm,
    },
    /// The key's type or size is not in [`KeyAlgorithm::ALL`].
    #[error("the private key is of a type or size that is not supported")]
    Unsupported,
}

impl From<Unspecified> for KeyPairError {
    fn from(_: Unspecified) -> Self {
        Self::Library
    }
}
