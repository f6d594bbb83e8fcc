//! The few structures of DER that tokens leave to their callers.

use pkcs8::der::Decode as _;
use pkcs8::der::asn1::ObjectIdentifier;

use super::wire::{Digest, Object};
use crate::x509::public_key::bit_length;
use crate::x509::{Certificate, KeyKind, SubjectPublicKeyInfo};

const SEQUENCE: u8 = 0x30;
const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const OCTET_STRING: u8 = 0x04;
/// `rsaEncryption` with its NULL parameters (RFC 3279 §2.3.1).
const RSA_ENCRYPTION: [u8; 13] = [6, 9, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 1, 1, 1, 5, 0];
/// `id-ecPublicKey` (RFC 5480 §2.1.1).
const EC_PUBLIC_KEY: [u8; 9] = [6, 7, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 2, 1];

/// Returns the public key of an object: a certificate's, or what the key tells of itself.
pub(super) fn public_key(object: &Object) -> Option<SubjectPublicKeyInfo> {
    if !object.value.is_empty() {
        return Certificate::parse(&object.value).ok().map(|found| found.public_key().clone());
    }
    if !object.public_key_info.is_empty() {
        let told = SubjectPublicKeyInfo::new(object.public_key_info.clone());
        // Some modules put other things there.
        if told.kind().is_supported() {
            return Some(told);
        }
    }
    if !object.modulus.is_empty() && !object.public_exponent.is_empty() {
        let numbers = [integer(&object.modulus), integer(&object.public_exponent)].concat();
        return Some(key_info(&RSA_ENCRYPTION, &element(SEQUENCE, &numbers)));
    }
    if !object.ec_params.is_empty() && !object.ec_point.is_empty() {
        let algorithm = [&EC_PUBLIC_KEY[..], &object.ec_params].concat();
        return Some(key_info(&algorithm, point(&object.ec_point)));
    }
    None
}

/// Returns the kind of a key that does not tell its public half: a modulus or the name of a curve is enough.
pub(super) fn own_kind(object: &Object) -> Option<KeyKind> {
    if !object.modulus.is_empty() {
        return Some(KeyKind::Rsa(bit_length(&object.modulus)));
    }
    ObjectIdentifier::from_der(&object.ec_params).ok().map(|curve| KeyKind::of_curve(&curve))
}

fn key_info(algorithm: &[u8], key: &[u8]) -> SubjectPublicKeyInfo {
    let key = element(BIT_STRING, &[&[0], key].concat());
    SubjectPublicKeyInfo::new(element(SEQUENCE, &[element(SEQUENCE, algorithm), key].concat()))
}

/// Returns the point itself: PKCS#11 has it in an OCTET STRING, and some modules have it bare.
fn point(told: &[u8]) -> &[u8] {
    for header in [2, 3] {
        if let Some(bare) = told.get(header..)
            && element(OCTET_STRING, bare) == told
        {
            return bare;
        }
    }
    told
}

/// Returns the ASN.1 form of an ECDSA signature, which tokens give as two numbers of the same length (RFC 3279 §2.2.3).
pub(super) fn ecdsa_signature(octets: &[u8]) -> Option<Vec<u8>> {
    if octets.is_empty() || !octets.len().is_multiple_of(2) {
        return None;
    }
    let (r, s) = octets.split_at(octets.len() / 2);
    Some(element(SEQUENCE, &[integer(r), integer(s)].concat()))
}

/// Returns the DigestInfo that RSASSA-PKCS1-v1_5 signs (RFC 8017 §9.2).
pub(super) fn digest_info(digest: Digest, hash: &[u8]) -> Vec<u8> {
    let number = match digest {
        Digest::Sha256 => 1,
        Digest::Sha384 => 2,
        Digest::Sha512 => 3,
    };
    let algorithm = [6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, number, 5, 0];
    element(SEQUENCE, &[element(SEQUENCE, &algorithm), element(OCTET_STRING, hash)].concat())
}

/// Writes a positive number: without needless zeros, and with the one that keeps it positive.
fn integer(octets: &[u8]) -> Vec<u8> {
    let start = octets.iter().position(|octet| *octet != 0).unwrap_or(octets.len());
    let mut number = octets[start..].to_vec();
    if number.first().is_none_or(|first| first & 0x80 != 0) {
        number.insert(0, 0);
    }
    element(INTEGER, &number)
}

fn element(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut out = vec![tag];
    let length = content.len().to_be_bytes();
    let significant = &length[length.iter().position(|octet| *octet != 0).unwrap_or(length.len() - 1)..];
    match significant {
        [short] if *short < 0x80 => out.push(*short),
        long => {
            // A length has eight octets at most.
            out.push(0x80 | u8::try_from(long.len()).unwrap_or(0));
            out.extend_from_slice(long);
        }
    }
    out.extend_from_slice(content);
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn lengths_are_written_in_der() {
        assert_eq!(element(4, &[7])[..], [4, 1, 7]);
        assert_eq!(element(4, &[0; 128])[..3], [4, 0x81, 128]);
        assert_eq!(element(4, &[0; 256])[..4], [4, 0x82, 1, 0]);
        assert_eq!(element(4, &[])[..], [4, 0]);
    }

    #[test]
    fn signatures_are_two_positive_numbers() {
        assert_eq!(ecdsa_signature(&[0, 1, 0x80, 0]), Some(vec![0x30, 8, 2, 1, 1, 2, 3, 0, 0x80, 0]));
        assert_eq!(ecdsa_signature(&[0, 0]), Some(vec![0x30, 6, 2, 1, 0, 2, 1, 0]));
        assert_eq!((ecdsa_signature(&[]), ecdsa_signature(&[1, 2, 3])), (None, None));
    }

    #[test]
    fn a_point_is_found_in_its_wrapping_and_without() {
        let bare = [&[4][..], &[9; 64]].concat();
        assert_eq!(point(&element(OCTET_STRING, &bare)), bare);
        assert_eq!(point(&bare), bare);
        let long = [&[4][..], &[9; 132]].concat();
        assert_eq!(point(&element(OCTET_STRING, &long)), long);
    }

    proptest! {
        #[test]
        fn nothing_that_a_token_tells_panics(
            one in proptest::collection::vec(any::<u8>(), 0..80),
            other in proptest::collection::vec(any::<u8>(), 0..80),
        ) {
            let _ = ecdsa_signature(&one);
            for object in [
                Object { value: one.clone(), ..Object::default() },
                Object { public_key_info: one.clone(), ..Object::default() },
                Object { modulus: one.clone(), public_exponent: other.clone(), ..Object::default() },
                Object { ec_params: one, ec_point: other, ..Object::default() },
            ] {
                let _ = public_key(&object).map(|key| key.kind());
                let _ = own_kind(&object);
            }
        }
    }
}
