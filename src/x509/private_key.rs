//! Private keys in all their containers, converted to one: unencrypted PKCS#8.
//!
//! An unsupported key is named ("an Ed25519 key"), never called unreadable.

pub(super) mod encrypted;

pub use encrypted::EncryptedPrivateKey;

use pkcs8::der::asn1::{AnyRef, ObjectIdentifier, OctetStringRef, UintRef};
use pkcs8::der::{Decode as _, Reader as _, SliceReader, Tag, TagNumber, Tagged as _};
use pkcs8::spki::AlgorithmIdentifierRef;
use pkcs8::{PrivateKeyInfoRef, SecretDocument};

use super::pem::{Block, Label};
use super::public_key::{KeyKind, bit_length};
use crate::secret::Secret;

const RSA_ENCRYPTION: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const EC_PUBLIC_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");

/// Why a private key cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PrivateKeyError {
    /// Deriving the key from the password would take more time or memory than is allowed here.
    #[error("its password protection is too costly: {0}")]
    CostTooHigh(String),
    /// Encrypted in OpenSSL's legacy format, which predates PKCS#8 (`Proc-Type: 4,ENCRYPTED`).
    #[error("it is encrypted in the form that OpenSSL used before PKCS#8")]
    LegacyEncryption,
    /// The structure of the key is broken.
    #[error("it is damaged: {0}")]
    Malformed(&'static str),
    /// An unsupported cipher or key derivation.
    #[error("it is encrypted with {0}, which is not supported")]
    UnsupportedEncryption(String),
    /// A kind of key that AWS4-X509 or this program does not support.
    #[error("keys of the kind {0} are not supported")]
    UnsupportedKind(String),
    /// The password does not decrypt the key.
    #[error("the password does not decrypt it")]
    WrongPassword,
}

/// A private key, of a kind that can sign here.
#[derive(Debug)]
pub struct PrivateKey {
    kind: KeyKind,
    pkcs8: Secret<Vec<u8>>,
}

/// What a block with a private key contains.
#[derive(Debug)]
pub enum ReadKey {
    /// An unencrypted key.
    Clear(PrivateKey),
    /// A key that needs a password.
    Encrypted(EncryptedPrivateKey),
}

/// Reads the private key in a block.
///
/// `parameters` is the EC PARAMETERS block beside it, for a SEC1 key that does not name its curve.
///
/// # Errors
///
/// Fails if the block contains no private key, or one that cannot be used here.
pub fn read(block: &Block, parameters: Option<&Block>) -> Result<ReadKey, PrivateKeyError> {
    if block.legacy_encryption {
        return Err(PrivateKeyError::LegacyEncryption);
    }
    let der = block.der.as_slice();
    let unsupported = |kind: &str| Err(PrivateKeyError::UnsupportedKind(String::from(kind)));
    match block.label {
        Label::DsaPrivateKey => unsupported("DSA"),
        Label::EcPrivateKey => {
            PrivateKey::from_sec1(der, parameters.map(|block| block.der.as_slice())).map(ReadKey::Clear)
        }
        Label::EncryptedPrivateKey => Ok(ReadKey::Encrypted(EncryptedPrivateKey { der: block.der.clone() })),
        Label::OpensshPrivateKey => unsupported("OpenSSH"),
        Label::PrivateKey => PrivateKey::from_pkcs8(der).map(ReadKey::Clear),
        Label::RsaPrivateKey => PrivateKey::from_pkcs1(der).map(ReadKey::Clear),
        Label::Tss2PrivateKey => unsupported("TPM 2.0"),
        Label::Certificate
        | Label::CertificateRequest
        | Label::EcParameters
        | Label::Other(_)
        | Label::Pkcs12
        | Label::Pkcs7
        | Label::PublicKey
        | Label::RevocationList
        | Label::TrustedCertificate => Err(PrivateKeyError::Malformed("it is no private key")),
    }
}

impl PrivateKey {
    /// Reads PKCS#8 (RFC 5958, versions 1 and 2).
    ///
    /// Attributes and an enclosed public key are dropped, so that the same key always has the same octets.
    ///
    /// # Errors
    ///
    /// Fails if the structure is broken or the kind of key is not supported.
    pub fn from_pkcs8(der: &[u8]) -> Result<Self, PrivateKeyError> {
        let (algorithm, key) = pkcs8_parts(der).ok_or(PrivateKeyError::Malformed("it is not PKCS#8"))?;
        let mut kind = KeyKind::of_algorithm(&algorithm);
        if let KeyKind::Rsa(bits) = &mut kind {
            *bits = modulus_bits(key)?;
        }
        Self::supported(kind, algorithm, key)
    }

    /// Reads a PKCS#1 RSAPrivateKey (RFC 8017 §A.1.2).
    ///
    /// # Errors
    ///
    /// Fails if the structure is broken or the modulus is too short.
    pub fn from_pkcs1(der: &[u8]) -> Result<Self, PrivateKeyError> {
        let algorithm = AlgorithmIdentifierRef { oid: RSA_ENCRYPTION, parameters: Some(AnyRef::NULL) };
        Self::supported(KeyKind::Rsa(modulus_bits(der)?), algorithm, der)
    }

    /// Reads a SEC1 ECPrivateKey (RFC 5915 §3). A curve named in the key takes precedence over `parameters`.
    ///
    /// # Errors
    ///
    /// Fails if the structure is broken, no curve is named, or the curve is not supported.
    pub fn from_sec1(der: &[u8], parameters: Option<&[u8]>) -> Result<Self, PrivateKeyError> {
        let own = sec1_curve(der).ok_or(PrivateKeyError::Malformed("it is not a SEC1 key"))?;
        let curve = match (own, parameters) {
            (Some(own), _) => own,
            (None, Some(given)) => AnyRef::from_der(given)
                .map_err(|_| PrivateKeyError::Malformed("its EC PARAMETERS block is broken"))?,
            (None, None) => return Err(PrivateKeyError::Malformed("it names no curve")),
        };
        let algorithm = AlgorithmIdentifierRef { oid: EC_PUBLIC_KEY, parameters: Some(curve) };
        Self::supported(KeyKind::of_algorithm(&algorithm), algorithm, der)
    }

    fn supported(
        kind: KeyKind,
        algorithm: AlgorithmIdentifierRef<'_>,
        key: &[u8],
    ) -> Result<Self, PrivateKeyError> {
        if !kind.is_supported() {
            return Err(PrivateKeyError::UnsupportedKind(kind.to_string()));
        }
        let document = OctetStringRef::new(key)
            .and_then(|key| SecretDocument::encode_msg(&PrivateKeyInfoRef::new(algorithm, key)))
            .map_err(|_| PrivateKeyError::Malformed("it is too large"))?;
        Ok(Self { kind, pkcs8: Secret::new(document.as_bytes().to_vec()) })
    }

    /// Returns the kind of the key.
    pub const fn kind(&self) -> &KeyKind {
        &self.kind
    }

    /// Returns the key as unencrypted PKCS#8, version 1, in DER.
    pub const fn pkcs8(&self) -> &Secret<Vec<u8>> {
        &self.pkcs8
    }
}

/// Splits `SEQUENCE { version, algorithm, OCTET STRING, … }`.
fn pkcs8_parts(der: &[u8]) -> Option<(AlgorithmIdentifierRef<'_>, &[u8])> {
    let mut reader = SliceReader::new(der).ok()?;
    let parts = reader.sequence(|inner| {
        let _version: UintRef<'_> = inner.decode()?;
        let algorithm: AlgorithmIdentifierRef<'_> = inner.decode()?;
        let key: &OctetStringRef = inner.decode()?;
        inner.read_slice(inner.remaining_len())?;
        Ok::<_, pkcs8::der::Error>((algorithm, key.as_bytes()))
    });
    parts.ok().filter(|_| reader.is_finished())
}

fn modulus_bits(pkcs1: &[u8]) -> Result<usize, PrivateKeyError> {
    let bits = SliceReader::new(pkcs1).and_then(|mut reader| {
        reader.sequence(|inner| {
            let _version: UintRef<'_> = inner.decode()?;
            let modulus: UintRef<'_> = inner.decode()?;
            inner.read_slice(inner.remaining_len())?;
            Ok::<_, pkcs8::der::Error>(bit_length(modulus.as_bytes()))
        })
    });
    bits.map_err(|_| PrivateKeyError::Malformed("it is not an RSA key"))
}

/// Reads the curve from `SEQUENCE { 1, OCTET STRING, [0] parameters?, [1] public key? }`.
fn sec1_curve(der: &[u8]) -> Option<Option<AnyRef<'_>>> {
    let mut reader = SliceReader::new(der).ok()?;
    reader
        .sequence(|inner| {
            let _version: UintRef<'_> = inner.decode()?;
            let _scalar: &OctetStringRef = inner.decode()?;
            let next: Option<AnyRef<'_>> = if inner.is_finished() { None } else { Some(inner.decode()?) };
            inner.read_slice(inner.remaining_len())?;
            match next {
                Some(parameters) if is_context_zero(parameters.tag()) => {
                    AnyRef::from_der(parameters.value()).map(Some)
                }
                Some(_) | None => Ok::<_, pkcs8::der::Error>(None),
            }
        })
        .ok()
}

fn is_context_zero(tag: Tag) -> bool {
    matches!(tag, Tag::ContextSpecific { number: TagNumber(0), .. })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(der: &[u8]) -> PrivateKeyError {
        PrivateKey::from_pkcs8(der).expect_err("refused")
    }

    #[test]
    fn kinds_without_use_are_named() {
        // SEQUENCE { 0, { 1.3.101.112 }, OCTET STRING }
        let ed25519 = [0x30, 14, 2, 1, 0, 0x30, 5, 6, 3, 0x2B, 0x65, 0x70, 4, 2, 4, 0];
        assert_eq!(refused(&ed25519).to_string(), "keys of the kind Ed25519 are not supported");
        let short = PrivateKey::from_pkcs1(&[0x30, 6, 2, 1, 0, 2, 1, 3]).expect_err("refused");
        assert_eq!(short.to_string(), "keys of the kind RSA 2 are not supported");
    }

    #[test]
    fn broken_structures_are_damage() {
        assert!(matches!(refused(&[]), PrivateKeyError::Malformed(_)));
        assert!(matches!(refused(&[0x30, 0]), PrivateKeyError::Malformed(_)));
        assert!(matches!(
            PrivateKey::from_sec1(&[0x30, 3, 2, 1, 1], None),
            Err(PrivateKeyError::Malformed(_))
        ));
        let nameless = [0x30, 6, 2, 1, 1, 4, 1, 7];
        assert_eq!(
            PrivateKey::from_sec1(&nameless, None).expect_err("refused").to_string(),
            "it is damaged: it names no curve"
        );
    }
}
