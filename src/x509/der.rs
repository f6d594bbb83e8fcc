//! Tells what a DER structure is by its first elements.

use pkcs8::der::asn1::{AnyRef, UintRef};
use pkcs8::der::{Reader as _, SliceReader, Tag, TagNumber, Tagged as _};

use super::pem::Label;

/// Tells by the first elements what a DER structure is; `None` where it is none of ours.
pub(crate) fn recognise(input: &[u8]) -> Option<Label> {
    let mut outer = SliceReader::new(input).ok()?;
    let mut body = element(&mut outer, Tag::Sequence)?;
    if !outer.is_finished() {
        return None;
    }
    match Tag::peek(&body).ok()? {
        Tag::Integer => {
            let version: UintRef<'_> = body.decode().ok()?;
            match Tag::peek(&body).ok()? {
                Tag::Sequence if version.as_bytes() == [3] => Some(Label::Pkcs12),
                Tag::Sequence => Some(Label::PrivateKey),
                Tag::Integer => Some(Label::RsaPrivateKey),
                Tag::OctetString => Some(Label::EcPrivateKey),
                _ => None,
            }
        }
        Tag::ObjectIdentifier => Some(Label::Tss2PrivateKey),
        Tag::Sequence => {
            let mut first = element(&mut body, Tag::Sequence)?;
            match Tag::peek(&body).ok()? {
                Tag::OctetString => Some(Label::EncryptedPrivateKey),
                Tag::BitString => Some(Label::PublicKey),
                _ => recognise_signed(&mut first),
            }
        }
        _ => None,
    }
}

/// Tells a certificate from a request for one: both are a signed sequence.
fn recognise_signed(signed: &mut SliceReader<'_>) -> Option<Label> {
    match Tag::peek(signed).ok()? {
        Tag::ContextSpecific { number: TagNumber(0), .. } => Some(Label::Certificate),
        Tag::Integer => {
            skip(signed)?;
            skip(signed)?;
            // A request's third element is the public key, whose second is a bit string; a version-1
            // certificate's third is the issuer's name.
            let mut third = element(signed, Tag::Sequence)?;
            skip(&mut third)?;
            let request = Tag::peek(&third).is_ok_and(|tag| tag == Tag::BitString);
            Some(if request { Label::CertificateRequest } else { Label::Certificate })
        }
        _ => None,
    }
}

fn element<'a>(reader: &mut SliceReader<'a>, tag: Tag) -> Option<SliceReader<'a>> {
    let any: AnyRef<'a> = reader.decode().ok()?;
    if any.tag() == tag { SliceReader::new(any.value()).ok() } else { None }
}

fn skip(reader: &mut SliceReader<'_>) -> Option<()> {
    reader.decode::<AnyRef<'_>>().ok().map(|_| ())
}
