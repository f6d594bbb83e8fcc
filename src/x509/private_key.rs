//! Private keys in all their containers, brought into one: unencrypted PKCS#8.
//!
//! A key that is not for us is named ("an Ed25519 key"), never called unreadable.

use std::fmt;

use pkcs8::der::asn1::{AnyRef, ObjectIdentifier, OctetStringRef, UintRef};
use pkcs8::der::{Decode as _, ErrorKind, Reader as _, SliceReader, Tag, TagNumber, Tagged as _};
use pkcs8::pkcs5::EncryptionScheme;
use pkcs8::pkcs5::pbes2::Kdf;
use pkcs8::spki::AlgorithmIdentifierRef;
use pkcs8::{EncryptedPrivateKeyInfoRef, PrivateKeyInfoRef, SecretDocument};
use zeroize::Zeroizing;

use super::pem::{Block, Label};
use super::public_key::{KeyKind, bit_length};
use crate::secret::Secret;

/// The most iterations of PBKDF2: some seconds of work. OWASP's advice is 600,000.
const ITERATION_LIMIT: u32 = 10_000_000;
/// The most memory of scrypt, in bytes. OpenSSL's own parameters take 16 MiB.
const SCRYPT_MEMORY_LIMIT: u64 = 64 * 1024 * 1024;
/// The most rounds of scrypt over that memory.
const SCRYPT_ROUND_LIMIT: u16 = 16;

const RSA_ENCRYPTION: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const EC_PUBLIC_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");

/// Why a private key cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PrivateKeyError {
    /// Deriving the key from the password would take more time or memory than is allowed here.
    #[error("its password protection is too costly: {0}")]
    CostTooHigh(String),
    /// Encrypted in OpenSSL's own way of before PKCS#8 (`Proc-Type: 4,ENCRYPTED`).
    #[error("it is encrypted in the form that OpenSSL used before PKCS#8")]
    LegacyEncryption,
    /// The structure of the key is broken.
    #[error("it is damaged: {0}")]
    Malformed(&'static str),
    /// A cipher, or a way to derive its key, that is not supported.
    #[error("it is encrypted with {0}, which is not supported")]
    UnsupportedEncryption(String),
    /// A kind of key that AWS4-X509 or this program has no use for.
    #[error("keys of the kind {0} are not supported")]
    UnsupportedKind(String),
    /// The password does not open the key.
    #[error("the password does not open it")]
    WrongPassword,
}

/// A private key, of a kind that can sign here.
#[derive(Debug)]
pub struct PrivateKey {
    kind: KeyKind,
    pkcs8: Secret<Vec<u8>>,
}

/// A private key that needs a password.
#[derive(Clone)]
pub struct EncryptedPrivateKey {
    der: Zeroizing<Vec<u8>>,
}

/// What a block with a private key turns out to be.
#[derive(Debug)]
pub enum ReadKey {
    /// A key in the clear.
    Clear(PrivateKey),
    /// A key that needs a password.
    Encrypted(EncryptedPrivateKey),
}

/// Reads the private key in a block.
///
/// `parameters` is the EC PARAMETERS block beside it, for a SEC1 key that names no curve itself.
///
/// # Errors
///
/// Fails if the block holds no private key, or one that cannot be used here.
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
    /// Attributes and an enclosed public key are left out, so that the same key always has the same octets.
    ///
    /// # Errors
    ///
    /// Fails if the structure is broken or the kind of key is not supported.
    pub fn from_pkcs8(der: &[u8]) -> Result<Self, PrivateKeyError> {
        let (algorithm, key) = pkcs8_parts(der).ok_or(PrivateKeyError::Malformed("it is not PKCS#8"))?;
        let kind = match KeyKind::of_algorithm(&algorithm) {
            KeyKind::Rsa(_) => KeyKind::Rsa(modulus_bits(key)?),
            other => other,
        };
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

    /// Reads a SEC1 ECPrivateKey (RFC 5915 §3). A curve named in the key goes before the one in `parameters`.
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

impl EncryptedPrivateKey {
    /// Decrypts the key (RFC 8018, PBES2: AES-CBC, AES-GCM and 3DES under PBKDF2 or scrypt).
    ///
    /// # Errors
    ///
    /// Tells a wrong password from a cipher that is not supported, a derivation that is too costly, and damage.
    pub fn decrypt(&self, password: &Secret<String>) -> Result<PrivateKey, PrivateKeyError> {
        let encrypted =
            EncryptedPrivateKeyInfoRef::try_from(self.der.as_slice()).map_err(|error| match error {
                pkcs8::Error::Asn1(error) => not_decoded(&error),
                _ => PrivateKeyError::Malformed("its encryption header cannot be read"),
            })?;
        let block = check_cost(&encrypted.encryption_algorithm)?;
        let ciphertext = encrypted.encrypted_data.as_bytes();
        if ciphertext.is_empty() || !ciphertext.len().is_multiple_of(block) {
            return Err(PrivateKeyError::Malformed("its encrypted content is cut off"));
        }
        let clear = encrypted
            .encryption_algorithm
            .decrypt(password.expose().as_bytes(), ciphertext)
            .map(Zeroizing::new)
            .map_err(|error| match error {
                pkcs8::pkcs5::Error::UnsupportedAlgorithm { oid } => {
                    PrivateKeyError::UnsupportedEncryption(cipher_name(&oid))
                }
                pkcs8::pkcs5::Error::AlgorithmParametersInvalid { .. } => {
                    PrivateKeyError::Malformed("its encryption parameters do not fit the cipher")
                }
                _ => PrivateKeyError::WrongPassword,
            })?;
        // One wrong password in about 256 yields valid padding, and then noise.
        if pkcs8_parts(&clear).is_none() {
            return Err(PrivateKeyError::WrongPassword);
        }
        PrivateKey::from_pkcs8(&clear)
    }
}

/// Shows nothing of the key, not even its ciphertext.
impl fmt::Debug for EncryptedPrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EncryptedPrivateKey")
    }
}

/// Refuses what would take too long, before anything is derived; returns the cipher's block in bytes.
fn check_cost(scheme: &EncryptionScheme) -> Result<usize, PrivateKeyError> {
    use pkcs8::pkcs5::pbes2::EncryptionScheme as Cipher;
    let Some(parameters) = scheme.pbes2() else {
        return Err(PrivateKeyError::UnsupportedEncryption(String::from("PBES1")));
    };
    match &parameters.kdf {
        Kdf::Pbkdf2(pbkdf2) if pbkdf2.iteration_count > ITERATION_LIMIT => {
            let why = format!(
                "{} iterations of PBKDF2, at most {ITERATION_LIMIT} are done",
                pbkdf2.iteration_count
            );
            return Err(PrivateKeyError::CostTooHigh(why));
        }
        Kdf::Scrypt(scrypt) => {
            let memory =
                scrypt.cost_parameter.saturating_mul(u64::from(scrypt.block_size)).saturating_mul(128);
            if memory > SCRYPT_MEMORY_LIMIT || scrypt.parallelization > SCRYPT_ROUND_LIMIT {
                let why = format!(
                    "{} MiB and {} rounds of scrypt, at most {} MiB and {SCRYPT_ROUND_LIMIT} rounds are done",
                    memory / 1024 / 1024,
                    scrypt.parallelization,
                    SCRYPT_MEMORY_LIMIT / 1024 / 1024
                );
                return Err(PrivateKeyError::CostTooHigh(why));
            }
        }
        // The derivations are not exhaustive in the library; what it cannot do it refuses itself.
        _ => {}
    }
    Ok(match parameters.encryption {
        Cipher::Aes128Cbc { .. } | Cipher::Aes192Cbc { .. } | Cipher::Aes256Cbc { .. } => 16,
        Cipher::DesEde3Cbc { .. } => 8,
        _ => 1,
    })
}

fn not_decoded(error: &pkcs8::der::Error) -> PrivateKeyError {
    match error.kind() {
        ErrorKind::OidUnknown { oid } => PrivateKeyError::UnsupportedEncryption(cipher_name(&oid)),
        _ => PrivateKeyError::Malformed("its encryption header cannot be read"),
    }
}

fn cipher_name(oid: &ObjectIdentifier) -> String {
    let digits = oid.to_string();
    let name = match digits.as_str() {
        "1.2.840.113549.1.12.1.1" => "PKCS#12 PBE with RC4",
        "1.2.840.113549.1.12.1.3" => "PKCS#12 PBE with 3DES",
        "1.2.840.113549.1.12.1.6" => "PKCS#12 PBE with RC2-40",
        "1.2.840.113549.1.5.3" => "PBES1 with MD5 and DES",
        "1.2.840.113549.1.5.10" => "PBES1 with SHA-1 and DES",
        "1.2.840.113549.3.2" => "RC2",
        "1.3.14.3.2.7" => "DES",
        _ => return format!("object identifier {digits}"),
    };
    String::from(name)
}

/// Takes apart `SEQUENCE { version, algorithm, OCTET STRING, … }`.
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

/// Reads the curve out of `SEQUENCE { 1, OCTET STRING, [0] parameters?, [1] public key? }`.
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
