//! Recognises DER structures by their first elements.

use pkcs8::ObjectIdentifier;
use pkcs8::der::asn1::{AnyRef, UintRef};
use pkcs8::der::{Reader as _, SliceReader, Tag, TagNumber, Tagged as _};

use zeroize::Zeroizing;

use super::label::Label;

/// `id-signedData` of PKCS#7.
const SIGNED_DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.2");

/// Loadable, importable and sealed keys of TSS2 (draft-woodhouse-cert-best-practice, TPM 2.0 Key File).
const TPM_KEYS: [ObjectIdentifier; 3] = [
    ObjectIdentifier::new_unwrap("2.23.133.10.1.3"),
    ObjectIdentifier::new_unwrap("2.23.133.10.1.4"),
    ObjectIdentifier::new_unwrap("2.23.133.10.1.5"),
];

/// Returns what the input is; `None` if it is not one of our DER structures, or is followed by other data.
pub(crate) fn recognise(input: &[u8]) -> Option<Label> {
    // A store may be BER, and a truncated store should still be reported as one.
    if begins_store(input) {
        return Some(Label::Pkcs12);
    }
    let mut outer = SliceReader::new(input).ok()?;
    let mut body = element(&mut outer, Tag::Sequence)?;
    if !outer.is_finished() {
        return None;
    }
    let first = Tag::peek(&body).ok()?;
    if first == Tag::Integer {
        recognise_key(&mut body)
    } else if first == Tag::ObjectIdentifier {
        recognise_named(&mut body)
    } else {
        let mut inner = element(&mut body, Tag::Sequence)?;
        let second = Tag::peek(&body).ok()?;
        if second == Tag::OctetString {
            Some(Label::EncryptedPrivateKey)
        } else if second == Tag::BitString {
            Some(Label::PublicKey)
        } else {
            recognise_signed(&mut inner)
        }
    }
}

/// Returns whether these octets begin like a PKCS#12 store, in DER or BER, complete or not: `SEQUENCE { INTEGER 3,
/// SEQUENCE …`.
fn begins_store(input: &[u8]) -> bool {
    let Some((&[0x30, first], rest)) = input.split_first_chunk() else { return false };
    let skipped = if first > 0x80 { usize::from(first & 0x7F) } else { 0 };
    rest.get(skipped..).is_some_and(|body| body.starts_with(&[2, 1, 3, 0x30]))
}

/// Recognises a structure that begins with an object identifier.
fn recognise_named(body: &mut SliceReader<'_>) -> Option<Label> {
    let name: ObjectIdentifier = body.decode().ok()?;
    if name == SIGNED_DATA {
        Some(Label::Pkcs7)
    } else if TPM_KEYS.contains(&name) {
        Some(Label::Tss2PrivateKey)
    } else {
        None
    }
}

/// Returns the certificates of a PKCS#7 message (RFC 2315 §9.1, RFC 5652 §5.1), the form in which CAs distribute them:
/// `.p7b`, `.p7c`. `None` if it is not signed data; certificates other than X.509 are left out.
pub(super) fn certificates_of_message(message: &[u8]) -> Option<Vec<Zeroizing<Vec<u8>>>> {
    let mut outer = SliceReader::new(message).ok()?;
    let mut body = element(&mut outer, Tag::Sequence)?;
    let name: ObjectIdentifier = body.decode().ok()?;
    if name != SIGNED_DATA {
        return None;
    }
    let mut explicit = element(&mut body, context(0))?;
    let mut signed = element(&mut explicit, Tag::Sequence)?;
    // Version, digest algorithms and content.
    for _ in 0..3 {
        skip(&mut signed)?;
    }
    if signed.is_finished() || Tag::peek(&signed).ok()? != context(0) {
        return Some(Vec::new());
    }
    let mut set = element(&mut signed, context(0))?;
    let mut certificates = Vec::new();
    while !set.is_finished() {
        let is_certificate = Tag::peek(&set).ok()? == Tag::Sequence;
        let bytes = set.tlv_bytes().ok()?;
        if is_certificate {
            certificates.push(Zeroizing::new(bytes.to_vec()));
        }
    }
    Some(certificates)
}

pub(super) const fn context(number: u32) -> Tag {
    Tag::ContextSpecific { constructed: true, number: TagNumber(number) }
}

/// Recognises a structure that begins with a version number.
fn recognise_key(body: &mut SliceReader<'_>) -> Option<Label> {
    let _version: UintRef<'_> = body.decode().ok()?;
    let second = Tag::peek(body).ok()?;
    let forms = [
        (Tag::Integer, Label::RsaPrivateKey),
        (Tag::OctetString, Label::EcPrivateKey),
        (Tag::Sequence, Label::PrivateKey),
    ];
    forms.into_iter().find(|(tag, _)| *tag == second).map(|(_, label)| label)
}

/// Distinguishes a certificate from a certificate request: both are a signed sequence.
fn recognise_signed(signed: &mut SliceReader<'_>) -> Option<Label> {
    let first = Tag::peek(signed).ok()?;
    if matches!(first, Tag::ContextSpecific { number: TagNumber(0), .. }) {
        return Some(Label::Certificate);
    }
    if first != Tag::Integer {
        return None;
    }
    skip(signed)?;
    skip(signed)?;
    // The third element of a request is the public key, the second part of which is a bit string; that of a version 1
    // certificate is the issuer's name.
    let mut third = element(signed, Tag::Sequence)?;
    let request = skip(&mut third).is_some() && Tag::peek(&third).is_ok_and(|tag| tag == Tag::BitString);
    Some(if request { Label::CertificateRequest } else { Label::Certificate })
}

pub(super) fn element<'a>(reader: &mut SliceReader<'a>, tag: Tag) -> Option<SliceReader<'a>> {
    let any: AnyRef<'a> = reader.decode().ok()?;
    if any.tag() == tag { SliceReader::new(any.value()).ok() } else { None }
}

fn skip(reader: &mut SliceReader<'_>) -> Option<()> {
    reader.decode::<AnyRef<'_>>().ok().map(|_| ())
}
