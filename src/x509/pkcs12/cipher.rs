//! Decrypts the parts of a store: PBES2 as in modern programs, and the old ciphers of PKCS#12 (RFC 7292, appendix C).

use aws_lc_rs::digest::SHA1_FOR_LEGACY_USE_ONLY;
use cbc::cipher::block_padding::Pkcs7;
use cbc::cipher::{BlockCipherDecrypt, BlockModeDecrypt as _, KeyInit, KeyIvInit as _};
use des::{TdesEde2, TdesEde3};
use pkcs8::der::Decode as _;
use pkcs8::der::asn1::{AnyRef, ObjectIdentifier, OctetStringRef};
use pkcs8::der::{Reader as _, SliceReader};
use pkcs8::pkcs5::EncryptionScheme;
use pkcs8::pkcs5::pbes2::PBES2_OID;
use pkcs8::spki::AlgorithmIdentifierRef;
use rc2::Rc2;
use zeroize::Zeroizing;

use super::derivation::{Purpose, derive};
use super::{Budget, Passphrase, Pkcs12Error};
use crate::x509::private_key::{PrivateKeyError, encrypted};

/// The block size of DES and RC2, and so of the initialisation vector, in octets.
const BLOCK: usize = 8;

/// The old ciphers of PKCS#12 that are still in use.
#[derive(Clone, Copy)]
enum Legacy {
    TwoKeyTripleDes,
    ThreeKeyTripleDes,
    Rc2Of128,
    Rc2Of40,
}

impl Legacy {
    fn of(oid: &ObjectIdentifier) -> Option<Self> {
        match oid.to_string().strip_prefix("1.2.840.113549.1.12.1.")? {
            "3" => Some(Self::ThreeKeyTripleDes),
            "4" => Some(Self::TwoKeyTripleDes),
            "5" => Some(Self::Rc2Of128),
            "6" => Some(Self::Rc2Of40),
            _ => None,
        }
    }

    const fn key_length(self) -> usize {
        match self {
            Self::ThreeKeyTripleDes => 24,
            Self::TwoKeyTripleDes | Self::Rc2Of128 => 16,
            Self::Rc2Of40 => 5,
        }
    }
}

/// Decrypts; the result must be one DER structure, or the password was wrong.
pub(super) fn decrypt(
    algorithm: &AlgorithmIdentifierRef<'_>,
    ciphertext: &[u8],
    password: &Passphrase,
    budget: &mut Budget,
) -> Result<Zeroizing<Vec<u8>>, Pkcs12Error> {
    let clear = if algorithm.oid == PBES2_OID {
        modern(algorithm, ciphertext, password, budget)?
    } else if let Some(cipher) = Legacy::of(&algorithm.oid) {
        legacy(cipher, algorithm.parameters, ciphertext, password, budget)?
    } else {
        return Err(not_supported(encrypted::cipher_name(&algorithm.oid)));
    };
    // About one wrong password in 256 yields valid padding, followed by noise.
    match AnyRef::from_der(&clear) {
        Ok(_) => Ok(clear),
        Err(_) if crate::x509::ber::to_der(&clear).is_some() => Ok(clear),
        Err(_) => Err(Pkcs12Error::WrongPassword),
    }
}

fn modern(
    algorithm: &AlgorithmIdentifierRef<'_>,
    ciphertext: &[u8],
    password: &Passphrase,
    budget: &mut Budget,
) -> Result<Zeroizing<Vec<u8>>, Pkcs12Error> {
    let scheme = EncryptionScheme::try_from(*algorithm)
        .map_err(|error| encrypted::unknown_part(&error))
        .and_then(|scheme| Ok((encrypted::check_cost(&scheme)?, scheme)));
    let (cost, scheme) = scheme.map_err(key_error)?;
    budget.spend(cost.iterations)?;
    encrypted::decrypt(&scheme, &cost, ciphertext, password.utf8()).map_err(key_error)
}

fn legacy(
    cipher: Legacy,
    parameters: Option<AnyRef<'_>>,
    ciphertext: &[u8],
    password: &Passphrase,
    budget: &mut Budget,
) -> Result<Zeroizing<Vec<u8>>, Pkcs12Error> {
    let damaged = || Pkcs12Error::Damaged(String::from("its encryption header cannot be read"));
    let parameters = parameters.ok_or_else(damaged)?;
    let parameters = SliceReader::new(parameters.value()).and_then(|mut reader| {
        let salt: &OctetStringRef = reader.decode()?;
        let iterations: u32 = reader.decode()?;
        Ok::<_, pkcs8::der::Error>((salt.as_bytes(), iterations))
    });
    let (salt, iterations) = parameters.map_err(|_| damaged())?;
    // For the key and for the initialisation vector.
    budget.spend(iterations.saturating_mul(2))?;
    if ciphertext.is_empty() || !ciphertext.len().is_multiple_of(BLOCK) {
        return Err(cut_off());
    }
    let derived = |purpose, length| {
        derive(&SHA1_FOR_LEGACY_USE_ONLY, purpose, password.wide(), salt, iterations, length)
    };
    let key = derived(Purpose::Encryption, cipher.key_length());
    let iv = derived(Purpose::InitialVector, BLOCK);
    match cipher {
        Legacy::ThreeKeyTripleDes => unchained::<TdesEde3>(&key, &iv, ciphertext),
        Legacy::TwoKeyTripleDes => unchained::<TdesEde2>(&key, &iv, ciphertext),
        Legacy::Rc2Of128 | Legacy::Rc2Of40 => unchained::<Rc2>(&key, &iv, ciphertext),
    }
    .ok_or(Pkcs12Error::WrongPassword)
}

/// Decrypts CBC in place and removes the padding; `None` if there is no valid padding.
fn unchained<C: KeyInit + BlockCipherDecrypt>(
    key: &[u8],
    iv: &[u8],
    ciphertext: &[u8],
) -> Option<Zeroizing<Vec<u8>>> {
    let mut buffer = Zeroizing::new(ciphertext.to_vec());
    let length =
        cbc::Decryptor::<C>::new_from_slices(key, iv).ok()?.decrypt_padded::<Pkcs7>(&mut buffer).ok()?.len();
    buffer.truncate(length);
    Some(buffer)
}

fn key_error(error: PrivateKeyError) -> Pkcs12Error {
    match error {
        PrivateKeyError::Malformed(why) => Pkcs12Error::Damaged(String::from(why)),
        PrivateKeyError::WrongPassword => Pkcs12Error::WrongPassword,
        PrivateKeyError::UnsupportedEncryption(name) => not_supported(name),
        cause @ (PrivateKeyError::CostTooHigh(_)
        | PrivateKeyError::LegacyEncryption
        | PrivateKeyError::UnsupportedKind(_)) => Pkcs12Error::Unsupported(cause.to_string()),
    }
}

fn not_supported(name: String) -> Pkcs12Error {
    Pkcs12Error::Unsupported(format!("it is encrypted with {name}, which is not supported"))
}

fn cut_off() -> Pkcs12Error {
    Pkcs12Error::Damaged(String::from("its encrypted content is cut off"))
}
