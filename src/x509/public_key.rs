//! Public keys: their kinds, and verification of signatures.

use std::fmt;

use aws_lc_rs::signature::{self as alg, UnparsedPublicKey, VerificationAlgorithm};
use pkcs8::der::Decode as _;
use pkcs8::der::asn1::{AnyRef, BitStringRef, ObjectIdentifier, UintRef};
use pkcs8::spki::{AlgorithmIdentifierRef, SubjectPublicKeyInfo as Spki};

use super::sha256_hex;

/// The kind and size of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyKind {
    /// Elliptic curve P-256 (secp256r1).
    EcP256,
    /// Elliptic curve P-384 (secp384r1).
    EcP384,
    /// Elliptic curve P-521 (secp521r1).
    EcP521,
    /// ML-DSA-44 (FIPS 204).
    MlDsa44,
    /// ML-DSA-65 (FIPS 204).
    MlDsa65,
    /// ML-DSA-87 (FIPS 204).
    MlDsa87,
    /// A kind that cannot be used here, by name or object identifier.
    Other(String),
    /// RSA, with the length of its modulus in bits.
    Rsa(usize),
}

/// The smallest and largest RSA modulus that the cryptographic library signs with, in bits.
const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=8192;

impl KeyKind {
    /// Returns whether a key of this kind can sign for AWS4-X509 here.
    pub fn is_supported(&self) -> bool {
        match self {
            Self::EcP256 | Self::EcP384 | Self::EcP521 | Self::MlDsa44 | Self::MlDsa65 | Self::MlDsa87 => {
                true
            }
            Self::Other(_) => false,
            Self::Rsa(bits) => RSA_BITS.contains(bits),
        }
    }

    /// Reads the kind from an algorithm identifier; the caller determines the modulus length of an RSA key.
    pub(crate) fn of_algorithm(algorithm: &AlgorithmIdentifierRef<'_>) -> Self {
        let oid = algorithm.oid.to_string();
        match oid.as_str() {
            "1.2.840.113549.1.1.1" => Self::Rsa(0),
            "1.2.840.10045.2.1" => algorithm.parameters_oid().map_or_else(
                |_| Self::Other(String::from("EC with explicit curve parameters")),
                |curve| Self::of_curve(&curve),
            ),
            "2.16.840.1.101.3.4.3.17" => Self::MlDsa44,
            "2.16.840.1.101.3.4.3.18" => Self::MlDsa65,
            "2.16.840.1.101.3.4.3.19" => Self::MlDsa87,
            _ => Self::Other(named(&oid)),
        }
    }

    /// Reads the kind from a named curve.
    pub(crate) fn of_curve(curve: &ObjectIdentifier) -> Self {
        match curve.to_string().as_str() {
            "1.2.840.10045.3.1.7" => Self::EcP256,
            "1.3.132.0.34" => Self::EcP384,
            "1.3.132.0.35" => Self::EcP521,
            other => Self::Other(format!("EC {}", named(other))),
        }
    }
}

/// Returns the name of a common object identifier, else its digits.
fn named(oid: &str) -> String {
    let name = match oid {
        "1.2.840.10040.4.1" => "DSA",
        "1.2.840.113549.1.1.10" => "RSASSA-PSS only",
        "1.2.840.113549.1.3.1" => "Diffie-Hellman",
        "1.3.101.110" => "X25519",
        "1.3.101.111" => "X448",
        "1.3.101.112" => "Ed25519",
        "1.3.101.113" => "Ed448",
        "1.3.132.0.10" => "secp256k1",
        "1.3.132.0.33" => "P-224",
        "1.2.840.10045.3.1.1" => "P-192",
        "1.3.36.3.3.2.8.1.1.7" => "brainpoolP256r1",
        "1.3.36.3.3.2.8.1.1.11" => "brainpoolP384r1",
        "1.3.36.3.3.2.8.1.1.13" => "brainpoolP512r1",
        other => return format!("object identifier {other}"),
    };
    String::from(name)
}

/// Renders `EC P-256`, `RSA 2048`, `ML-DSA-65`.
impl fmt::Display for KeyKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::EcP256 => f.write_str("EC P-256"),
            Self::EcP384 => f.write_str("EC P-384"),
            Self::EcP521 => f.write_str("EC P-521"),
            Self::MlDsa44 => f.write_str("ML-DSA-44"),
            Self::MlDsa65 => f.write_str("ML-DSA-65"),
            Self::MlDsa87 => f.write_str("ML-DSA-87"),
            Self::Other(name) => f.write_str(name),
            Self::Rsa(bits) => write!(f, "RSA {bits}"),
        }
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

    /// Returns the SHA-256 of the DER in lower-case hex.
    pub fn sha256(&self) -> String {
        sha256_hex(&self.0)
    }

    /// Returns the SHA-256 of the DER.
    pub fn sha256_octets(&self) -> Vec<u8> {
        aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &self.0).as_ref().to_vec()
    }

    /// Returns the kind of the key.
    pub fn kind(&self) -> KeyKind {
        let Some(spki) = self.parsed() else { return KeyKind::Other(String::from("unreadable public key")) };
        match (KeyKind::of_algorithm(&spki.algorithm), spki.subject_public_key.as_bytes()) {
            (KeyKind::Rsa(_), Some(key)) => KeyKind::Rsa(modulus_bits(key)),
            (kind, _) => kind,
        }
    }

    /// Returns the key itself without its algorithm: an EC point, a PKCS#1 RSAPublicKey, or the octets of an ML-DSA
    /// key.
    pub fn key_octets(&self) -> Option<&[u8]> {
        self.parsed().and_then(|spki| spki.subject_public_key.as_bytes())
    }

    /// Returns whether this key's private half made `signature` over `message`, with one of the algorithms that
    /// certificates are signed with.
    ///
    /// A combination that cannot be verified here counts as invalid.
    pub fn verifies(&self, algorithm: VerifiedAlgorithm, message: &[u8], signature: &[u8]) -> bool {
        self.verification(algorithm).is_some_and(|verification| {
            UnparsedPublicKey::new(verification, &self.0).verify(message, signature).is_ok()
        })
    }

    fn parsed(&self) -> Option<Spki<AnyRef<'_>, BitStringRef<'_>>> {
        Spki::from_der(&self.0).ok()
    }

    fn verification(&self, algorithm: VerifiedAlgorithm) -> Option<&'static dyn VerificationAlgorithm> {
        use VerifiedAlgorithm::{Ecdsa, MlDsa, Own, RsaPkcs1, RsaPss};
        let found: &'static dyn VerificationAlgorithm = match (self.kind(), algorithm) {
            (KeyKind::EcP256, Ecdsa(Hash::Sha1)) => &alg::ECDSA_P256_SHA1_ASN1,
            (KeyKind::EcP256, Ecdsa(Hash::Sha256) | Own) => &alg::ECDSA_P256_SHA256_ASN1,
            (KeyKind::EcP256, Ecdsa(Hash::Sha384)) => &alg::ECDSA_P256_SHA384_ASN1,
            (KeyKind::EcP256, Ecdsa(Hash::Sha512)) => &alg::ECDSA_P256_SHA512_ASN1,
            (KeyKind::EcP384, Ecdsa(Hash::Sha256) | Own) => &alg::ECDSA_P384_SHA256_ASN1,
            (KeyKind::EcP384, Ecdsa(Hash::Sha384)) => &alg::ECDSA_P384_SHA384_ASN1,
            (KeyKind::EcP384, Ecdsa(Hash::Sha512)) => &alg::ECDSA_P384_SHA512_ASN1,
            (KeyKind::EcP521, Ecdsa(Hash::Sha1)) => &alg::ECDSA_P521_SHA1_ASN1,
            (KeyKind::EcP521, Ecdsa(Hash::Sha256) | Own) => &alg::ECDSA_P521_SHA256_ASN1,
            (KeyKind::EcP521, Ecdsa(Hash::Sha384)) => &alg::ECDSA_P521_SHA384_ASN1,
            (KeyKind::EcP521, Ecdsa(Hash::Sha512)) => &alg::ECDSA_P521_SHA512_ASN1,
            (KeyKind::MlDsa44, MlDsa | Own) => &alg::ML_DSA_44,
            (KeyKind::MlDsa65, MlDsa | Own) => &alg::ML_DSA_65,
            (KeyKind::MlDsa87, MlDsa | Own) => &alg::ML_DSA_87,
            (KeyKind::Rsa(_), RsaPkcs1(Hash::Sha1)) => &alg::RSA_PKCS1_1024_8192_SHA1_FOR_LEGACY_USE_ONLY,
            (KeyKind::Rsa(_), RsaPkcs1(Hash::Sha256) | Own) => {
                &alg::RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY
            }
            (KeyKind::Rsa(_), RsaPkcs1(Hash::Sha384)) => &alg::RSA_PKCS1_2048_8192_SHA384,
            (KeyKind::Rsa(_), RsaPkcs1(Hash::Sha512)) => &alg::RSA_PKCS1_1024_8192_SHA512_FOR_LEGACY_USE_ONLY,
            (KeyKind::Rsa(_), RsaPss(Hash::Sha256)) => &alg::RSA_PSS_2048_8192_SHA256,
            (KeyKind::Rsa(_), RsaPss(Hash::Sha384)) => &alg::RSA_PSS_2048_8192_SHA384,
            (KeyKind::Rsa(_), RsaPss(Hash::Sha512)) => &alg::RSA_PSS_2048_8192_SHA512,
            (
                KeyKind::EcP256
                | KeyKind::EcP384
                | KeyKind::EcP521
                | KeyKind::MlDsa44
                | KeyKind::MlDsa65
                | KeyKind::MlDsa87
                | KeyKind::Other(_)
                | KeyKind::Rsa(_),
                Ecdsa(_) | MlDsa | Own | RsaPkcs1(_) | RsaPss(_),
            ) => return None,
        };
        Some(found)
    }
}

impl fmt::Debug for SubjectPublicKeyInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SubjectPublicKeyInfo({} octets)", self.0.len())
    }
}

/// The hash functions of signatures that can be verified here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hash {
    /// SHA-1, which AWS refuses.
    Sha1,
    /// SHA-256.
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
}

/// The algorithm of a signature to verify.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VerifiedAlgorithm {
    /// ECDSA as an ASN.1 `SEQUENCE { r, s }`.
    Ecdsa(Hash),
    /// Pure ML-DSA with an empty context.
    MlDsa,
    /// The algorithm that AWS4-X509 prescribes for the kind of key: with SHA-256, or pure ML-DSA.
    Own,
    /// RSASSA-PKCS1-v1_5.
    RsaPkcs1(Hash),
    /// RSASSA-PSS with MGF1 over the same hash.
    RsaPss(Hash),
}

/// Counts the bits of the modulus in a PKCS#1 RSAPublicKey; 0 if it cannot be read.
fn modulus_bits(key: &[u8]) -> usize {
    use pkcs8::der::{Reader as _, SliceReader};
    SliceReader::new(key)
        .and_then(|mut reader| {
            reader.sequence(|inner| {
                let modulus: UintRef<'_> = inner.decode()?;
                let _exponent: UintRef<'_> = inner.decode()?;
                Ok::<_, pkcs8::der::Error>(bit_length(modulus.as_bytes()))
            })
        })
        .unwrap_or(0)
}

/// Counts the bits of a big-endian number.
pub(crate) fn bit_length(octets: &[u8]) -> usize {
    let significant = octets.iter().position(|octet| *octet != 0).map_or(&[][..], |start| &octets[start..]);
    match significant.first() {
        None => 0,
        Some(first) => significant.len() * 8 - first.leading_zeros() as usize,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_are_counted_from_the_first_one() {
        assert_eq!(bit_length(&[]), 0);
        assert_eq!(bit_length(&[0, 0]), 0);
        assert_eq!(bit_length(&[0, 1]), 1);
        assert_eq!(bit_length(&[0x80, 0]), 16);
    }

    #[test]
    fn kinds_have_the_names_that_users_know() {
        assert_eq!(KeyKind::Rsa(2048).to_string(), "RSA 2048");
        assert_eq!(
            KeyKind::of_curve(&ObjectIdentifier::new_unwrap("1.3.132.0.10")).to_string(),
            "EC secp256k1"
        );
        assert!(!KeyKind::Rsa(1024).is_supported());
        assert!(KeyKind::MlDsa87.is_supported());
    }

    #[test]
    fn nonsense_is_of_an_unsupported_kind() {
        let nonsense = SubjectPublicKeyInfo::new(vec![0x30, 0x80]);
        assert!(!nonsense.kind().is_supported());
        assert!(!nonsense.verifies(VerifiedAlgorithm::Own, b"", b""));
    }
}
