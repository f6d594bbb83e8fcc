//! The public area of a TPM's key (TPM 2.0 Library, part 2 §12.2): read, judged, and written as templates of keys that are made.

use pkcs8::der::asn1::{Any, BitStringRef, ObjectIdentifier, UintRef};
use pkcs8::der::{Encode as _, Tag};
use pkcs8::spki::{AlgorithmIdentifier, SubjectPublicKeyInfo as Spki};

use super::error::TpmError;
use super::wire::{Reader, Writer};
use crate::signer::SignatureAlgorithm;
use crate::x509::SubjectPublicKeyInfo;

const RSA: u16 = 0x0001;
const ECC: u16 = 0x0023;
pub(super) const AES: u16 = 0x0006;
pub(super) const CFB: u16 = 0x0043;
pub(super) const NULL: u16 = 0x0010;
pub(super) const SHA256: u16 = 0x000B;
const RSASSA: u16 = 0x0014;
const ECDSA: u16 = 0x0018;

const FIXED_TPM: u32 = 0x0000_0002;
const FIXED_PARENT: u32 = 0x0000_0010;
const SENSITIVE_DATA_ORIGIN: u32 = 0x0000_0020;
const USER_WITH_AUTH: u32 = 0x0000_0040;
const NO_DA: u32 = 0x0000_0400;
const RESTRICTED: u32 = 0x0001_0000;
const DECRYPT: u32 = 0x0002_0000;
const SIGN: u32 = 0x0004_0000;

const RSA_ENCRYPTION: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const EC_PUBLIC_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");

/// The curves that AWS takes: the TPM's number, the name in certificates, and the octets of a coordinate.
const CURVES: [(u16, ObjectIdentifier, usize); 3] = [
    (0x0003, ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7"), 32),
    (0x0004, ObjectIdentifier::new_unwrap("1.3.132.0.34"), 48),
    (0x0005, ObjectIdentifier::new_unwrap("1.3.132.0.35"), 66),
];

const ANOTHER_KEY: &str =
    "make a key that signs freely, with a password or without: anyrole pki request --tpm";

/// How a key signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scheme {
    /// RSASSA-PKCS1-v1_5.
    Rsassa,
    /// ECDSA.
    Ecdsa,
}

impl Scheme {
    pub(super) const fn number(self) -> u16 {
        match self {
            Self::Rsassa => RSASSA,
            Self::Ecdsa => ECDSA,
        }
    }

    pub(super) const fn algorithm(self) -> SignatureAlgorithm {
        match self {
            Self::Rsassa => SignatureAlgorithm::RsaSha256,
            Self::Ecdsa => SignatureAlgorithm::EcdsaSha256,
        }
    }
}

/// What a key's public area says, of a key that can sign for AWS.
#[derive(Clone, Debug)]
pub(super) struct SigningPublic {
    pub(super) scheme: Scheme,
    pub(super) key: SubjectPublicKeyInfo,
    /// The only hash function that it signs; `None` where it signs any.
    pub(super) hash: Option<u16>,
    /// Whether wrong passwords count, and too many of them lock the TPM out.
    pub(super) counts: bool,
}

/// A public area, as far as it is needed.
struct Area<'a> {
    attributes: u32,
    scheme: u16,
    hash: u16,
    key: Key<'a>,
}

enum Key<'a> {
    Rsa { exponent: u32, modulus: &'a [u8] },
    Ec { curve: u16, x: &'a [u8], y: &'a [u8] },
    Other,
}

impl SigningPublic {
    /// Reads a public area (`TPMT_PUBLIC`) and judges whether its key can sign for AWS.
    pub(super) fn read(area: &[u8]) -> Result<Self, TpmError> {
        let area = Area::read(area).ok_or(TpmError::KeyDamaged("its public area is broken"))?;
        let unsupported = |why: &str| TpmError::KeyUnsupported { why: why.to_owned(), cure: ANOTHER_KEY };
        if area.attributes & SIGN == 0 {
            return Err(unsupported("the key is not made for signing"));
        }
        if area.attributes & RESTRICTED != 0 {
            return Err(unsupported("the key is restricted: it signs only what the TPM itself has made"));
        }
        if area.attributes & USER_WITH_AUTH == 0 {
            return Err(unsupported("a policy guards the key, and policies are not supported"));
        }
        let (scheme, key) = match area.key {
            Key::Rsa { exponent, modulus } => (Scheme::Rsassa, rsa(exponent, modulus)),
            Key::Ec { curve, x, y } => {
                let Some((_, name, octets)) = CURVES.iter().find(|(number, ..)| *number == curve) else {
                    let why = format!("AWS does not take its curve (TPM_ECC_CURVE 0x{curve:04x})");
                    return Err(unsupported(&why));
                };
                (Scheme::Ecdsa, ec(*name, *octets, x, y))
            }
            Key::Other => return Err(unsupported("it is neither an RSA nor an EC key")),
        };
        if area.scheme != NULL && (area.scheme != scheme.number() || area.hash != SHA256) {
            let why = match scheme {
                Scheme::Rsassa => {
                    "the key signs in one way only, and AWS takes RSASSA-PKCS1-v1_5 with SHA-256"
                }
                Scheme::Ecdsa => "the key signs in one way only, and AWS takes ECDSA with SHA-256",
            };
            return Err(unsupported(why));
        }
        Ok(Self {
            scheme,
            key: SubjectPublicKeyInfo::new(key.ok_or(TpmError::KeyDamaged("its public key is broken"))?),
            hash: (area.scheme != NULL).then_some(area.hash),
            counts: area.attributes & NO_DA == 0,
        })
    }
}

/// Tells whether wrong passwords of an object of this public area count; of one that cannot be read they may.
pub(super) fn counts(area: &[u8]) -> bool {
    Area::read(area).is_none_or(|area| area.attributes & NO_DA == 0)
}

/// Returns the point of a P-256 key, `(x, y)` of 32 octets each.
pub(super) fn p256_point(area: &[u8]) -> Option<([u8; 32], [u8; 32])> {
    let Key::Ec { curve: 0x0003, x, y } = Area::read(area)?.key else { return None };
    let fixed = |number: &[u8]| -> Option<[u8; 32]> { padded(number, 32)?.try_into().ok() };
    Some((fixed(x)?, fixed(y)?))
}

impl<'a> Area<'a> {
    fn read(area: &'a [u8]) -> Option<Self> {
        let mut reader = Reader::new(area);
        let kind = reader.u16()?;
        let _name_algorithm = reader.u16()?;
        let attributes = reader.u32()?;
        let _policy = reader.sized()?;
        if kind != RSA && kind != ECC {
            return Some(Self { attributes, scheme: NULL, hash: NULL, key: Key::Other });
        }
        if reader.u16()? != NULL {
            let (_bits, _mode) = (reader.u16()?, reader.u16()?);
        }
        let scheme = reader.u16()?;
        // All schemes have a hash, but for RSAES; ECDAA has a counter as well.
        let hash = if scheme == NULL || scheme == 0x0015 { NULL } else { reader.u16()? };
        if scheme == 0x001A {
            reader.u16()?;
        }
        let key = if kind == RSA {
            let _bits = reader.u16()?;
            Key::Rsa { exponent: reader.u32()?, modulus: reader.sized()? }
        } else {
            let curve = reader.u16()?;
            if reader.u16()? != NULL {
                reader.u16()?;
            }
            Key::Ec { curve, x: reader.sized()?, y: reader.sized()? }
        };
        reader.is_empty().then_some(Self { attributes, scheme, hash, key })
    }
}

/// Returns a number in so many octets; `None` where it does not fit.
pub(super) fn padded(number: &[u8], octets: usize) -> Option<Vec<u8>> {
    let start = number.iter().position(|octet| *octet != 0).unwrap_or(number.len());
    let significant = &number[start..];
    let mut all = vec![0; octets.checked_sub(significant.len())?];
    all.extend_from_slice(significant);
    Some(all)
}

fn rsa(exponent: u32, modulus: &[u8]) -> Option<Vec<u8>> {
    // A TPM writes 0 for the exponent that everybody uses.
    let exponent = if exponent == 0 { 65537 } else { exponent }.to_be_bytes();
    let key = [UintRef::new(modulus).ok()?, UintRef::new(&exponent).ok()?].map(|number| number.to_der());
    let [modulus, exponent] = key;
    let body = [modulus.ok()?, exponent.ok()?].concat();
    let sequence = Any::new(Tag::Sequence, body).ok()?.to_der().ok()?;
    info(RSA_ENCRYPTION, Any::null(), &sequence)
}

fn ec(curve: ObjectIdentifier, octets: usize, x: &[u8], y: &[u8]) -> Option<Vec<u8>> {
    let point = [vec![4], padded(x, octets)?, padded(y, octets)?].concat();
    info(EC_PUBLIC_KEY, Any::from(curve), &point)
}

fn info(algorithm: ObjectIdentifier, parameters: Any, key: &[u8]) -> Option<Vec<u8>> {
    let subject_public_key = BitStringRef::from_bytes(key).ok()?;
    let algorithm = AlgorithmIdentifier { oid: algorithm, parameters: Some(parameters) };
    Spki { algorithm, subject_public_key }.to_der().ok()
}

/// Returns the template of the parent that key files of a hierarchy mean: a P-256 storage key with nothing of its own in it, or the
/// RSA one of the same kind. The TPM makes the same key of it each time.
pub(super) fn storage_parent(is_rsa: bool) -> Vec<u8> {
    let attributes =
        FIXED_TPM | FIXED_PARENT | SENSITIVE_DATA_ORIGIN | USER_WITH_AUTH | NO_DA | RESTRICTED | DECRYPT;
    let area = Writer::default().u16(if is_rsa { RSA } else { ECC }).u16(SHA256).u32(attributes).sized(&[]);
    let area = area.u16(AES).u16(128).u16(CFB).u16(NULL);
    if is_rsa {
        area.u16(2048).u32(0).sized(&[]).finish()
    } else {
        area.u16(0x0003).u16(NULL).sized(&[]).sized(&[]).finish()
    }
}

/// What kind of key a TPM is to make.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NewKeyKind {
    /// EC on P-256.
    EcP256,
    /// EC on P-384.
    EcP384,
    /// EC on P-521.
    EcP521,
    /// RSA, of so many bits.
    Rsa(u16),
}

/// Returns the template of a key that signs, of any scheme. Without a password there is none to be guessed, and it stays usable
/// where others have locked the TPM out.
pub(super) fn signing_key(kind: NewKeyKind, has_password: bool) -> Vec<u8> {
    let attributes = FIXED_TPM | FIXED_PARENT | SENSITIVE_DATA_ORIGIN | USER_WITH_AUTH | SIGN;
    let attributes = if has_password { attributes } else { attributes | NO_DA };
    let number = match kind {
        NewKeyKind::EcP256 | NewKeyKind::EcP384 | NewKeyKind::EcP521 => ECC,
        NewKeyKind::Rsa(_) => RSA,
    };
    let area = Writer::default().u16(number).u16(SHA256).u32(attributes).sized(&[]).u16(NULL).u16(NULL);
    let curve = |area: Writer, curve: u16| area.u16(curve).u16(NULL).sized(&[]).sized(&[]).finish();
    match kind {
        NewKeyKind::EcP256 => curve(area, 0x0003),
        NewKeyKind::EcP384 => curve(area, 0x0004),
        NewKeyKind::EcP521 => curve(area, 0x0005),
        NewKeyKind::Rsa(bits) => area.u16(bits).u32(0).sized(&[]).finish(),
    }
}
