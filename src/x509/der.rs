//! Tells what a DER structure is by its first elements.

use pkcs8::der::asn1::{AnyRef, UintRef};
use pkcs8::der::{Reader as _, SliceReader, Tag, TagNumber, Tagged as _};

use super::pem::Label;

/// Tells what the input is; `None` where it is no DER structure of ours, or goes on after it.
pub(crate) fn recognise(input: &[u8]) -> Option<Label> {
    let mut outer = SliceReader::new(input).ok()?;
    let mut body = element(&mut outer, Tag::Sequence)?;
    if !outer.is_finished() {
        return None;
    }
    let first = Tag::peek(&body).ok()?;
    if first == Tag::Integer {
        recognise_key(&mut body)
    } else if first == Tag::ObjectIdentifier {
        Some(Label::Tss2PrivateKey)
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

/// Tells what begins with a version number.
fn recognise_key(body: &mut SliceReader<'_>) -> Option<Label> {
    let version: UintRef<'_> = body.decode().ok()?;
    let second = Tag::peek(body).ok()?;
    let forms = [
        (Tag::Integer, Label::RsaPrivateKey),
        (Tag::OctetString, Label::EcPrivateKey),
        (Tag::Sequence, if version.as_bytes() == [3] { Label::Pkcs12 } else { Label::PrivateKey }),
    ];
    forms.into_iter().find(|(tag, _)| *tag == second).map(|(_, label)| label)
}

/// Tells a certificate from a request for one: both are a signed sequence.
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
    // A request's third element is the public key, whose second is a bit string; a version-1 certificate's
    // third is the issuer's name.
    let mut third = element(signed, Tag::Sequence)?;
    let request = skip(&mut third).is_some() && Tag::peek(&third).is_ok_and(|tag| tag == Tag::BitString);
    Some(if request { Label::CertificateRequest } else { Label::Certificate })
}

fn element<'a>(reader: &mut SliceReader<'a>, tag: Tag) -> Option<SliceReader<'a>> {
    let any: AnyRef<'a> = reader.decode().ok()?;
    if any.tag() == tag { SliceReader::new(any.value()).ok() } else { None }
}

fn skip(reader: &mut SliceReader<'_>) -> Option<()> {
    reader.decode::<AnyRef<'_>>().ok().map(|_| ())
}
