//! The algorithms of keys and of the signatures on certificates.

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::signature::{self, EcdsaSigningAlgorithm, PqdsaSigningAlgorithm};
use aws_lc_rs::{digest, rsa};
use pkcs8::ObjectIdentifier;

use crate::der;

pub(crate) const EC_PUBLIC_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
pub(crate) const RSA_ENCRYPTION: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");

/// A key pair's type and size.
///
/// As text: `ec-p256`, `rsa-2048`, `ml-dsa-44`, and so on.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum KeyAlgorithm {
    /// ECDSA on NIST P-256 (FIPS 186-5).
    EcP256,
    /// ECDSA on NIST P-384.
    EcP384,
    /// ECDSA on NIST P-521.
    EcP521,
    /// RSA with a modulus of 2048 bits (RFC 8017).
    Rsa2048,
    /// RSA with a modulus of 3072 bits.
    Rsa3072,
    /// RSA with a modulus of 4096 bits.
    Rsa4096,
    /// ML-DSA-44 (FIPS 204, RFC 9881).
    MlDsa44,
    /// ML-DSA-65.
    MlDsa65,
    /// ML-DSA-87.
    MlDsa87,
}

impl KeyAlgorithm {
    /// All of them, each family from the smallest key to the largest.
    pub const ALL: [Self; 9] = [
        Self::EcP256,
        Self::EcP384,
        Self::EcP521,
        Self::Rsa2048,
        Self::Rsa3072,
        Self::Rsa4096,
        Self::MlDsa44,
        Self::MlDsa65,
        Self::MlDsa87,
    ];

    /// Returns the name that [`FromStr`] reads, such as `ec-p256`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::EcP256 => "ec-p256",
            Self::EcP384 => "ec-p384",
            Self::EcP521 => "ec-p521",
            Self::Rsa2048 => "rsa-2048",
            Self::Rsa3072 => "rsa-3072",
            Self::Rsa4096 => "rsa-4096",
            Self::MlDsa44 => "ml-dsa-44",
            Self::MlDsa65 => "ml-dsa-65",
            Self::MlDsa87 => "ml-dsa-87",
        }
    }

    /// Returns the algorithm with which a CA with such a key signs certificates.
    ///
    /// The hash is as strong as the key: SHA-256, SHA-384 or SHA-512, by key size. That choice is ours, and the usual
    /// one. ML-DSA signs the message itself (RFC 9881 §3, pure mode with an empty context).
    pub const fn signature_algorithm(self) -> SignatureAlgorithm {
        match self {
            Self::EcP256 => SignatureAlgorithm::EcdsaSha256,
            Self::EcP384 => SignatureAlgorithm::EcdsaSha384,
            Self::EcP521 => SignatureAlgorithm::EcdsaSha512,
            Self::Rsa2048 => SignatureAlgorithm::RsaSha256,
            Self::Rsa3072 => SignatureAlgorithm::RsaSha384,
            Self::Rsa4096 => SignatureAlgorithm::RsaSha512,
            Self::MlDsa44 => SignatureAlgorithm::MlDsa44,
            Self::MlDsa65 => SignatureAlgorithm::MlDsa65,
            Self::MlDsa87 => SignatureAlgorithm::MlDsa87,
        }
    }

    /// Returns how the cryptographic library generates and loads such a key.
    pub(crate) fn family(self) -> Family {
        let curve = |oid, signing, digest| {
            Family::Ec(Curve { oid: ObjectIdentifier::new_unwrap(oid), signing, digest })
        };
        match self {
            Self::EcP256 => {
                curve("1.2.840.10045.3.1.7", &signature::ECDSA_P256_SHA256_ASN1_SIGNING, &digest::SHA256)
            }
            Self::EcP384 => {
                curve("1.3.132.0.34", &signature::ECDSA_P384_SHA384_ASN1_SIGNING, &digest::SHA384)
            }
            Self::EcP521 => {
                curve("1.3.132.0.35", &signature::ECDSA_P521_SHA512_ASN1_SIGNING, &digest::SHA512)
            }
            Self::Rsa2048 => Family::Rsa(rsa::KeySize::Rsa2048),
            Self::Rsa3072 => Family::Rsa(rsa::KeySize::Rsa3072),
            Self::Rsa4096 => Family::Rsa(rsa::KeySize::Rsa4096),
            Self::MlDsa44 => Family::MlDsa(&signature::ML_DSA_44_SIGNING),
            Self::MlDsa65 => Family::MlDsa(&signature::ML_DSA_65_SIGNING),
            Self::MlDsa87 => Family::MlDsa(&signature::ML_DSA_87_SIGNING),
        }
    }
}

/// The algorithm in terms of the cryptographic library.
#[derive(Clone, Copy)]
pub(crate) enum Family {
    Ec(Curve),
    MlDsa(&'static PqdsaSigningAlgorithm),
    Rsa(rsa::KeySize),
}

/// A named curve, with the one hash that the library uses with it.
#[derive(Clone, Copy)]
pub(crate) struct Curve {
    pub(crate) oid: ObjectIdentifier,
    pub(crate) signing: &'static EcdsaSigningAlgorithm,
    pub(crate) digest: &'static digest::Algorithm,
}

impl fmt::Display for KeyAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for KeyAlgorithm {
    type Err = UnknownKeyAlgorithm;

    fn from_str(text: &str) -> Result<Self, UnknownKeyAlgorithm> {
        Self::ALL.into_iter().find(|algorithm| algorithm.name() == text).ok_or(UnknownKeyAlgorithm)
    }
}

/// The text is not the name of a [`KeyAlgorithm`].
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error(
    "a key algorithm is one of ec-p256, ec-p384, ec-p521, rsa-2048, rsa-3072, rsa-4096, ml-dsa-44, ml-dsa-65, ml-dsa-87"
)]
pub struct UnknownKeyAlgorithm;

/// How a certificate is signed (RFC 5280 §4.1.1.2): the type of the issuer's key, and the hash.
///
/// Any hash can be used with any RSA or EC key, as elsewhere; a test CA must be able to produce what other CAs do.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum SignatureAlgorithm {
    /// `ecdsa-with-SHA1`, which AWS rejects.
    EcdsaSha1,
    /// `ecdsa-with-SHA256` (RFC 5758 §3.2).
    EcdsaSha256,
    /// `ecdsa-with-SHA384`.
    EcdsaSha384,
    /// `ecdsa-with-SHA512`.
    EcdsaSha512,
    /// `sha256WithRSAEncryption`: PKCS#1 v1.5 (RFC 8017 §8.2).
    RsaSha256,
    /// `sha384WithRSAEncryption`.
    RsaSha384,
    /// `sha512WithRSAEncryption`.
    RsaSha512,
    /// `id-ml-dsa-44` (RFC 9881 §2).
    MlDsa44,
    /// `id-ml-dsa-65`.
    MlDsa65,
    /// `id-ml-dsa-87`.
    MlDsa87,
}

impl SignatureAlgorithm {
    pub(crate) const fn oid(self) -> ObjectIdentifier {
        ObjectIdentifier::new_unwrap(match self {
            Self::EcdsaSha1 => "1.2.840.10045.4.1",
            Self::EcdsaSha256 => "1.2.840.10045.4.3.2",
            Self::EcdsaSha384 => "1.2.840.10045.4.3.3",
            Self::EcdsaSha512 => "1.2.840.10045.4.3.4",
            Self::RsaSha256 => "1.2.840.113549.1.1.11",
            Self::RsaSha384 => "1.2.840.113549.1.1.12",
            Self::RsaSha512 => "1.2.840.113549.1.1.13",
            Self::MlDsa44 => "2.16.840.1.101.3.4.3.17",
            Self::MlDsa65 => "2.16.840.1.101.3.4.3.18",
            Self::MlDsa87 => "2.16.840.1.101.3.4.3.19",
        })
    }

    /// Returns the DER of the AlgorithmIdentifier; only RSA has NULL parameters (RFC 8017 §A.2.4).
    pub(crate) fn identifier(self) -> Vec<u8> {
        let oid = der::oid(&self.oid());
        match self {
            Self::RsaSha256 | Self::RsaSha384 | Self::RsaSha512 => der::sequence(&[&oid, &der::null()]),
            Self::EcdsaSha1
            | Self::EcdsaSha256
            | Self::EcdsaSha384
            | Self::EcdsaSha512
            | Self::MlDsa44
            | Self::MlDsa65
            | Self::MlDsa87 => der::sequence(&[&oid]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back() {
        for algorithm in KeyAlgorithm::ALL {
            assert_eq!(algorithm.to_string().parse(), Ok(algorithm));
        }
        let refusal = "rsa-1024".parse::<KeyAlgorithm>().expect_err("RSA 1024 is too weak").to_string();
        assert!(KeyAlgorithm::ALL.iter().all(|algorithm| refusal.contains(algorithm.name())));
    }
}
