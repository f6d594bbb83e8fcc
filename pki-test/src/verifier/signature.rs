//! Public keys, signature algorithms, and verification of signatures.
//!
//! The caller never hashes the message. Certificates may use any SHA-2 of 256 bits or more on any curve, and AWS4-X509
//! uses ECDSA with SHA-256 on every curve; aws-lc-rs verifies all of these combinations.

use std::fmt;

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA384_ASN1, ECDSA_P256_SHA512_ASN1, ECDSA_P384_SHA256_ASN1,
    ECDSA_P384_SHA384_ASN1, ECDSA_P384_SHA512_ASN1, ECDSA_P521_SHA256_ASN1, ECDSA_P521_SHA384_ASN1,
    ECDSA_P521_SHA512_ASN1, ML_DSA_44, ML_DSA_65, ML_DSA_87, RSA_PKCS1_2048_8192_SHA256,
    RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512, UnparsedPublicKey, VerificationAlgorithm,
};

/// The fewest bits of an RSA modulus. AWS states no minimum; the cryptographic library rejects fewer.
pub const RSA_MINIMUM_BITS: usize = 2048;

/// The most bits of an RSA modulus, so that a sender cannot make one check take seconds.
pub const RSA_MAXIMUM_BITS: usize = 8192;

/// A hash function that the trust model allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hash {
    /// SHA-256.
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
}

/// A NIST curve.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Curve {
    /// P-256, also secp256r1 and prime256v1.
    P256,
    /// P-384, also secp384r1.
    P384,
    /// P-521, also secp521r1.
    P521,
}

/// A parameter set of ML-DSA (FIPS 204).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MlDsaLevel {
    /// ML-DSA-44.
    MlDsa44,
    /// ML-DSA-65.
    MlDsa65,
    /// ML-DSA-87.
    MlDsa87,
}

/// How a certificate or a revocation list is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignatureScheme {
    /// RSASSA-PKCS1-v1_5.
    RsaPkcs1(Hash),
    /// ECDSA with an ASN.1 DER signature, on any curve.
    Ecdsa(Hash),
    /// Pure ML-DSA with an empty context.
    MlDsa(MlDsaLevel),
}

/// A public key.
#[derive(Clone, PartialEq, Eq)]
pub enum PublicKey {
    /// An RSA key.
    Rsa {
        /// Bits of the modulus.
        bits: usize,
        /// DER `RSAPublicKey` (RFC 8017).
        der: Vec<u8>,
    },
    /// A point on a NIST curve.
    Ec {
        /// The curve.
        curve: Curve,
        /// The point as in the certificate (SEC 1).
        point: Vec<u8>,
    },
    /// An ML-DSA key.
    MlDsa {
        /// The parameter set.
        level: MlDsaLevel,
        /// The encoded key of FIPS 204.
        bytes: Vec<u8>,
    },
}

impl PublicKey {
    /// Returns the AWS4-X509 algorithm of requests signed by this key's private key.
    pub const fn request_algorithm(&self) -> &'static str {
        match self {
            Self::Rsa { .. } => "AWS4-X509-RSA-SHA256",
            Self::Ec { .. } => "AWS4-X509-ECDSA-SHA256",
            Self::MlDsa { .. } => "AWS4-X509-MLDSA",
        }
    }

    /// Returns how this key's private key signs requests: with SHA-256, for every curve and size.
    pub const fn request_scheme(&self) -> SignatureScheme {
        match self {
            Self::Rsa { .. } => SignatureScheme::RsaPkcs1(Hash::Sha256),
            Self::Ec { .. } => SignatureScheme::Ecdsa(Hash::Sha256),
            Self::MlDsa { level, .. } => SignatureScheme::MlDsa(*level),
        }
    }

    /// Returns whether `signature` is a signature of `message` by this key under `scheme`.
    ///
    /// A scheme for another kind of key never matches.
    pub fn verifies(&self, scheme: SignatureScheme, message: &[u8], signature: &[u8]) -> bool {
        let (algorithm, key): (&'static dyn VerificationAlgorithm, &[u8]) = match (self, scheme) {
            (Self::Rsa { der, .. }, SignatureScheme::RsaPkcs1(hash)) => (rsa(hash), der),
            (Self::Ec { curve, point }, SignatureScheme::Ecdsa(hash)) => (ecdsa(*curve, hash), point),
            (Self::MlDsa { level, bytes }, SignatureScheme::MlDsa(scheme)) if *level == scheme => {
                (ml_dsa(scheme), bytes)
            }
            (Self::Rsa { .. } | Self::Ec { .. } | Self::MlDsa { .. }, _) => return false,
        };
        UnparsedPublicKey::new(algorithm, key).verify(message, signature).is_ok()
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rsa { bits, .. } => write!(f, "RSA {bits}"),
            Self::Ec { curve: Curve::P256, .. } => f.write_str("EC P-256"),
            Self::Ec { curve: Curve::P384, .. } => f.write_str("EC P-384"),
            Self::Ec { curve: Curve::P521, .. } => f.write_str("EC P-521"),
            Self::MlDsa { level: MlDsaLevel::MlDsa44, .. } => f.write_str("ML-DSA-44"),
            Self::MlDsa { level: MlDsaLevel::MlDsa65, .. } => f.write_str("ML-DSA-65"),
            Self::MlDsa { level: MlDsaLevel::MlDsa87, .. } => f.write_str("ML-DSA-87"),
        }
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({self})")
    }
}

fn rsa(hash: Hash) -> &'static dyn VerificationAlgorithm {
    match hash {
        Hash::Sha256 => &RSA_PKCS1_2048_8192_SHA256,
        Hash::Sha384 => &RSA_PKCS1_2048_8192_SHA384,
        Hash::Sha512 => &RSA_PKCS1_2048_8192_SHA512,
    }
}

fn ecdsa(curve: Curve, hash: Hash) -> &'static dyn VerificationAlgorithm {
    match (curve, hash) {
        (Curve::P256, Hash::Sha256) => &ECDSA_P256_SHA256_ASN1,
        (Curve::P256, Hash::Sha384) => &ECDSA_P256_SHA384_ASN1,
        (Curve::P256, Hash::Sha512) => &ECDSA_P256_SHA512_ASN1,
        (Curve::P384, Hash::Sha256) => &ECDSA_P384_SHA256_ASN1,
        (Curve::P384, Hash::Sha384) => &ECDSA_P384_SHA384_ASN1,
        (Curve::P384, Hash::Sha512) => &ECDSA_P384_SHA512_ASN1,
        (Curve::P521, Hash::Sha256) => &ECDSA_P521_SHA256_ASN1,
        (Curve::P521, Hash::Sha384) => &ECDSA_P521_SHA384_ASN1,
        (Curve::P521, Hash::Sha512) => &ECDSA_P521_SHA512_ASN1,
    }
}

fn ml_dsa(level: MlDsaLevel) -> &'static dyn VerificationAlgorithm {
    match level {
        MlDsaLevel::MlDsa44 => &ML_DSA_44,
        MlDsaLevel::MlDsa65 => &ML_DSA_65,
        MlDsaLevel::MlDsa87 => &ML_DSA_87,
    }
}
