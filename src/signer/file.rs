//! Keys in memory: RSA, ECDSA and ML-DSA by aws-lc-rs.

use std::fmt;

use aws_lc_rs::digest::{self, Digest};
use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::error::KeyRejected;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING, ECDSA_P521_SHA512_ASN1_SIGNING,
    EcdsaKeyPair, KeyPair, ML_DSA_44_SIGNING, ML_DSA_65_SIGNING, ML_DSA_87_SIGNING, PqdsaKeyPair,
    PqdsaSigningAlgorithm, RSA_PKCS1_SHA256, RSA_PKCS1_SHA384, RSA_PKCS1_SHA512, RsaKeyPair,
};

use super::{DigestAlgorithm, SealingKey, SignError, Signature, SignatureAlgorithm, SigningKey};
use crate::secret::Secret;
use crate::x509::{KeyKind, PrivateKey, SubjectPublicKeyInfo};

/// A private key in memory.
pub struct FileKey {
    pair: Pair,
    public_key: SubjectPublicKeyInfo,
    private_key: PrivateKey,
}

enum Pair {
    Ec(EcdsaKeyPair),
    MlDsa(PqdsaKeyPair),
    Rsa(RsaKeyPair),
}

/// A private key whose numbers the cryptographic library does not accept.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("its numbers are inconsistent ({why})")]
pub struct KeyInconsistent {
    /// The library's word for it.
    pub why: String,
}

impl FileKey {
    /// Prepares a private key for use.
    ///
    /// # Errors
    ///
    /// Fails if the parts of the key do not belong together.
    pub fn new(private_key: PrivateKey) -> Result<Self, KeyInconsistent> {
        let der = private_key.pkcs8().expose().as_slice();
        let rejected = |error: KeyRejected| KeyInconsistent { why: error.to_string() };
        // In the static build the processor's features have not been queried yet (.cargo/config.toml).
        aws_lc_rs::init();
        // The algorithm's own digest is not used: sign_prehashed has a separate one.
        let ec = |algorithm| EcdsaKeyPair::from_pkcs8(algorithm, der).map(Pair::Ec).map_err(rejected);
        let ml_dsa = |algorithm: &'static PqdsaSigningAlgorithm| {
            PqdsaKeyPair::from_pkcs8(algorithm, der).map(Pair::MlDsa).map_err(rejected)
        };
        let pair = match private_key.kind() {
            KeyKind::EcP256 => ec(&ECDSA_P256_SHA256_ASN1_SIGNING)?,
            KeyKind::EcP384 => ec(&ECDSA_P384_SHA384_ASN1_SIGNING)?,
            KeyKind::EcP521 => ec(&ECDSA_P521_SHA512_ASN1_SIGNING)?,
            KeyKind::MlDsa44 => ml_dsa(&ML_DSA_44_SIGNING)?,
            KeyKind::MlDsa65 => ml_dsa(&ML_DSA_65_SIGNING)?,
            KeyKind::MlDsa87 => ml_dsa(&ML_DSA_87_SIGNING)?,
            KeyKind::Rsa(_) => RsaKeyPair::from_pkcs8(der).map(Pair::Rsa).map_err(rejected)?,
            KeyKind::Other(name) => return Err(KeyInconsistent { why: format!("unsupported kind {name}") }),
        };
        let public_der: Result<PublicKeyX509Der<'_>, _> = match &pair {
            Pair::Ec(pair) => pair.public_key().as_der(),
            Pair::MlDsa(pair) => pair.public_key().as_der(),
            Pair::Rsa(pair) => pair.public_key().as_der(),
        };
        let public_der = public_der.map_err(|_| KeyInconsistent { why: String::from("no public key") })?;
        let public_key = SubjectPublicKeyInfo::new(public_der.as_ref().to_vec());
        Ok(Self { pair, public_key, private_key })
    }
}

/// Signs with any hash on any curve, although the library binds each curve to its own.
///
/// ECDSA treats the hash as a number, cut on the right to the curve's size (FIPS 186-5 §6.4.1). So a hash shorter than
/// the library expects is the same number with leading zeros, and of a longer one only the left part counts.
fn sign_prehashed(
    pair: &EcdsaKeyPair,
    kind: &KeyKind,
    digest: DigestAlgorithm,
    message: &[u8],
) -> Result<Signature, SignError> {
    let expected = match kind {
        KeyKind::EcP256 => &digest::SHA256,
        KeyKind::EcP384 => &digest::SHA384,
        KeyKind::EcP521 => &digest::SHA512,
        KeyKind::MlDsa44 | KeyKind::MlDsa65 | KeyKind::MlDsa87 | KeyKind::Other(_) | KeyKind::Rsa(_) => {
            return Err(SignError::Library);
        }
    };
    let hash = match digest {
        DigestAlgorithm::Sha256 => digest::digest(&digest::SHA256, message),
        DigestAlgorithm::Sha384 => digest::digest(&digest::SHA384, message),
        DigestAlgorithm::Sha512 => digest::digest(&digest::SHA512, message),
    };
    let hash = hash.as_ref();
    let mut number = vec![0; expected.output_len().saturating_sub(hash.len())];
    number.extend_from_slice(&hash[..hash.len().min(expected.output_len())]);
    let number = Digest::import_less_safe(&number, expected).map_err(|_| SignError::Library)?;
    let signature = pair.sign_digest(&number).map_err(|_| SignError::Library)?;
    Ok(Signature::new(signature.as_ref().to_vec()))
}

impl SigningKey for FileKey {
    fn algorithm(&self) -> SignatureAlgorithm {
        match &self.pair {
            Pair::Ec(_) => SignatureAlgorithm::EcdsaSha256,
            Pair::MlDsa(_) => SignatureAlgorithm::MlDsa,
            Pair::Rsa(_) => SignatureAlgorithm::RsaSha256,
        }
    }

    fn public_key(&self) -> Option<&SubjectPublicKeyInfo> {
        Some(&self.public_key)
    }

    fn sealing_key(&self) -> Result<Option<SealingKey>, SignError> {
        Ok(Some(SealingKey::new(Secret::new(self.private_key.pkcs8().expose().clone()), &self.public_key)))
    }

    fn sign_with(&mut self, digest: DigestAlgorithm, message: &[u8]) -> Result<Signature, SignError> {
        match &self.pair {
            Pair::Ec(pair) => sign_prehashed(pair, self.private_key.kind(), digest, message),
            Pair::MlDsa(pair) => {
                let mut signature = vec![0; pair.algorithm().signature_len()];
                let length = pair.sign(message, &mut signature).map_err(|_| SignError::Library)?;
                signature.truncate(length);
                Ok(Signature::new(signature))
            }
            Pair::Rsa(pair) => {
                let padding = match digest {
                    DigestAlgorithm::Sha256 => &RSA_PKCS1_SHA256,
                    DigestAlgorithm::Sha384 => &RSA_PKCS1_SHA384,
                    DigestAlgorithm::Sha512 => &RSA_PKCS1_SHA512,
                };
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(padding, &SystemRandom::new(), message, &mut signature)
                    .map_err(|_| SignError::Library)?;
                Ok(Signature::new(signature))
            }
        }
    }
}

/// Shows only the kind.
impl fmt::Debug for FileKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileKey").field("kind", self.private_key.kind()).finish_non_exhaustive()
    }
}
