//! Encrypted PKCS#8: decryption, and what it costs.

#![expect(clippy::wildcard_enum_match_arm, reason = "the enums of the PKCS#8 library are open, and grow")]

use std::fmt;

use pkcs8::EncryptedPrivateKeyInfoRef;
use pkcs8::der::asn1::{ObjectIdentifier, OctetStringRef};
use pkcs8::der::{ErrorKind, Reader as _, SliceReader};
use pkcs8::pkcs5::EncryptionScheme;
use pkcs8::pkcs5::pbes2::{Kdf, PBES2_OID};
use pkcs8::spki::AlgorithmIdentifierRef;
use zeroize::Zeroizing;

use super::{PrivateKey, PrivateKeyError, pkcs8_parts};
use crate::secret::Secret;

/// The most iterations of PBKDF2: some seconds of work. OWASP's advice is 600,000.
const ITERATION_LIMIT: u32 = 10_000_000;
/// The most memory of scrypt, in bytes. OpenSSL's own parameters take 16 MiB.
const SCRYPT_MEMORY_LIMIT: u64 = 64 * 1024 * 1024;
/// The cost of scrypt at its limits, expressed in iterations of PBKDF2.
const SCRYPT_WORK: u32 = ITERATION_LIMIT / 8;
/// The description of a damaged header.
const NO_HEADER: &str = "its encryption header cannot be read";
/// The most rounds of scrypt over that memory.
const SCRYPT_ROUND_LIMIT: u16 = 16;

/// A private key that needs a password.
#[derive(Clone)]
pub struct EncryptedPrivateKey {
    pub(super) der: Zeroizing<Vec<u8>>,
}

impl EncryptedPrivateKey {
    /// Decrypts the key (RFC 8018, PBES2: AES-CBC, AES-GCM and 3DES under PBKDF2 or scrypt).
    ///
    /// # Errors
    ///
    /// Distinguishes a wrong password from an unsupported cipher, a derivation that is too costly, and damage.
    pub fn decrypt(&self, password: &Secret<String>) -> Result<PrivateKey, PrivateKeyError> {
        let encrypted = EncryptedPrivateKeyInfoRef::try_from(self.der.as_slice())
            .map_err(|error| not_decoded(&self.der, &error))?;
        let scheme = &encrypted.encryption_algorithm;
        let cost = check_cost(scheme)?;
        let ciphertext = encrypted.encrypted_data.as_bytes();
        let clear = decrypt(scheme, &cost, ciphertext, password.expose().as_bytes())?;
        // About one wrong password in 256 yields valid padding, followed by noise.
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

/// The cost of decryption.
pub(in crate::x509) struct Cost {
    /// The cipher's block size, in bytes.
    block: usize,
    /// The work, in iterations of PBKDF2 or their equivalent.
    pub(in crate::x509) iterations: u32,
}

/// Decrypts with a scheme whose cost was checked.
pub(in crate::x509) fn decrypt(
    scheme: &EncryptionScheme,
    cost: &Cost,
    ciphertext: &[u8],
    password: &[u8],
) -> Result<Zeroizing<Vec<u8>>, PrivateKeyError> {
    if ciphertext.is_empty() || !ciphertext.len().is_multiple_of(cost.block) {
        return Err(PrivateKeyError::Malformed("its encrypted content is cut off"));
    }
    scheme.decrypt(password, ciphertext).map(Zeroizing::new).map_err(|error| match error {
        pkcs8::pkcs5::Error::UnsupportedAlgorithm { oid } => {
            PrivateKeyError::UnsupportedEncryption(cipher_name(&oid))
        }
        pkcs8::pkcs5::Error::AlgorithmParametersInvalid { .. } => {
            PrivateKeyError::Malformed("its encryption parameters do not fit the cipher")
        }
        _ => PrivateKeyError::WrongPassword,
    })
}

/// Rejects what would take too long, before anything is derived.
pub(in crate::x509) fn check_cost(scheme: &EncryptionScheme) -> Result<Cost, PrivateKeyError> {
    use pkcs8::pkcs5::pbes2::EncryptionScheme as Cipher;
    let Some(parameters) = scheme.pbes2() else {
        return Err(PrivateKeyError::UnsupportedEncryption(cipher_name(&scheme.oid())));
    };
    let iterations = match &parameters.kdf {
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
            SCRYPT_WORK
        }
        Kdf::Pbkdf2(pbkdf2) => pbkdf2.iteration_count,
        // The library's enum of derivations is non-exhaustive; the library rejects what it does not support.
        _ => 1,
    };
    let block = match parameters.encryption {
        Cipher::Aes128Cbc { .. } | Cipher::Aes192Cbc { .. } | Cipher::Aes256Cbc { .. } => 16,
        Cipher::DesEde3Cbc { .. } => 8,
        _ => 1,
    };
    Ok(Cost { block, iterations })
}

/// Explains why the header could not be decoded: a scheme or a part of PBES2 unknown to the library, or damage.
fn not_decoded(der: &[u8], error: &pkcs8::Error) -> PrivateKeyError {
    match (scheme(der), error) {
        (Some(scheme), _) if scheme != PBES2_OID => {
            PrivateKeyError::UnsupportedEncryption(cipher_name(&scheme))
        }
        (Some(_), pkcs8::Error::Asn1(error)) => unknown_part(error),
        _ => PrivateKeyError::Malformed(NO_HEADER),
    }
}

/// Explains why the parameters of PBES2 could not be decoded: a cipher or derivation unknown to the library, or damage.
pub(in crate::x509) fn unknown_part(error: &pkcs8::der::Error) -> PrivateKeyError {
    match error.kind() {
        ErrorKind::OidUnknown { oid } => PrivateKeyError::UnsupportedEncryption(cipher_name(&oid)),
        _ => PrivateKeyError::Malformed(NO_HEADER),
    }
}

/// Reads the encryption scheme: `SEQUENCE { SEQUENCE { OBJECT IDENTIFIER, … }, OCTET STRING }`.
fn scheme(der: &[u8]) -> Option<ObjectIdentifier> {
    let mut reader = SliceReader::new(der).ok()?;
    reader
        .sequence(|inner| {
            let algorithm: AlgorithmIdentifierRef<'_> = inner.decode()?;
            let _content: &OctetStringRef = inner.decode()?;
            Ok::<_, pkcs8::der::Error>(algorithm.oid)
        })
        .ok()
}

/// Names a cipher or scheme.
pub(in crate::x509) fn cipher_name(oid: &ObjectIdentifier) -> String {
    let digits = oid.to_string();
    let name = match digits.as_str() {
        "1.2.840.113549.1.12.1.1" => "PKCS#12 PBE with RC4",
        "1.2.840.113549.1.12.1.2" => "PKCS#12 PBE with RC4-40",
        "1.2.840.113549.1.12.1.3" => "PKCS#12 PBE with 3DES",
        "1.2.840.113549.1.12.1.4" => "PKCS#12 PBE with 3DES of two keys",
        "1.2.840.113549.1.12.1.5" => "PKCS#12 PBE with RC2",
        "1.2.840.113549.1.12.1.6" => "PKCS#12 PBE with RC2-40",
        "1.2.840.113549.1.5.1" => "PBES1 with MD2 and DES",
        "1.2.840.113549.1.5.3" => "PBES1 with MD5 and DES",
        "1.2.840.113549.1.5.4" => "PBES1 with MD2 and RC2",
        "1.2.840.113549.1.5.6" => "PBES1 with MD5 and RC2",
        "1.2.840.113549.1.5.10" => "PBES1 with SHA-1 and DES",
        "1.2.840.113549.1.5.11" => "PBES1 with SHA-1 and RC2",
        "1.2.840.113549.2.6" => "PBKDF2 with HMAC-MD5",
        "1.2.840.113549.2.12" => "PBKDF2 with HMAC-SHA-512/224",
        "1.2.840.113549.2.13" => "PBKDF2 with HMAC-SHA-512/256",
        "1.2.840.113549.3.2" => "RC2",
        "1.3.14.3.2.7" => "DES",
        _ => return of_family(&digits),
    };
    String::from(name)
}

/// Names a cipher that belongs to a large family.
fn of_family(digits: &str) -> String {
    let family = [
        ("1.2.392.200011.61.1.", "Camellia"),
        ("1.2.410.200004.1.", "SEED"),
        ("1.2.410.200046.1.1.", "ARIA"),
        ("2.16.840.1.101.3.4.1.", "AES in another mode than CBC and GCM"),
    ];
    let name = family.iter().find(|(beginning, _)| digits.starts_with(beginning)).map(|(_, name)| *name);
    match name {
        Some(name) => format!("{name} (object identifier {digits})"),
        None => format!("object identifier {digits}"),
    }
}

#[cfg(test)]
mod tests {
    use pkcs8::der::Encode as _;
    use pkcs8::pkcs5::pbes2::{EncryptionScheme as Cipher, Parameters, Pbkdf2Params, ScryptParams};

    use super::*;

    fn refused(kdf: Kdf, content: &[u8]) -> PrivateKeyError {
        let parameters = Parameters { kdf, encryption: Cipher::Aes256Cbc { iv: [0; 16] } };
        let info = EncryptedPrivateKeyInfoRef {
            encryption_algorithm: parameters.into(),
            encrypted_data: OctetStringRef::new(content).expect("short"),
        };
        let key = EncryptedPrivateKey { der: Zeroizing::new(info.to_der().expect("it encodes")) };
        key.decrypt(&Secret::new(String::from("password"))).expect_err("refused")
    }

    fn pbkdf2(iterations: u32) -> Kdf {
        Pbkdf2Params::hmac_sha256(iterations, &[0; 16]).expect("parameters").into()
    }

    fn scrypt(cost: u64, rounds: u16) -> Kdf {
        let salt = (&[0; 16][..]).try_into().expect("a salt");
        let parameters = ScryptParams {
            salt,
            cost_parameter: cost,
            block_size: 8,
            parallelization: rounds,
            key_length: None,
        };
        Kdf::Scrypt(parameters)
    }

    #[test]
    fn costs_are_bounded_before_anything_is_derived() {
        for costly in [pbkdf2(20_000_000), scrypt(1 << 17, 1), scrypt(1 << 40, 1), scrypt(2, 17)] {
            assert!(matches!(refused(costly, &[0; 32]), PrivateKeyError::CostTooHigh(_)));
        }
        assert_eq!(refused(pbkdf2(1), &[0; 32]), PrivateKeyError::WrongPassword);
        assert_eq!(refused(scrypt(16, 1), &[0; 32]), PrivateKeyError::WrongPassword);
    }

    #[test]
    fn damage_is_no_wrong_password() {
        for content in [&[0; 31][..], &[]] {
            assert!(matches!(refused(pbkdf2(1), content), PrivateKeyError::Malformed(_)));
        }
        let noise = EncryptedPrivateKey { der: Zeroizing::new(vec![0x30, 0]) };
        let error = noise.decrypt(&Secret::new(String::new())).expect_err("refused");
        assert!(matches!(error, PrivateKeyError::Malformed(_)));
    }
}
