//! Writes DER (X.690): only what certificates and private keys need.
//!
//! Each function returns one whole element, including tag and length. Composing bytes gives us control over every
//! detail of a certificate, so that the same code makes sound and defective ones.

use pkcs8::ObjectIdentifier;
use time::{OffsetDateTime, UtcOffset};

pub(crate) const BIT_STRING: u8 = 0x03;
pub(crate) const IA5_STRING: u8 = 0x16;
pub(crate) const INTEGER: u8 = 0x02;
pub(crate) const OCTET_STRING: u8 = 0x04;
pub(crate) const PRINTABLE_STRING: u8 = 0x13;
pub(crate) const SEQUENCE: u8 = 0x30;
pub(crate) const SET: u8 = 0x31;
pub(crate) const UTF8_STRING: u8 = 0x0c;

const GENERALIZED_TIME: u8 = 0x18;
const UTC_TIME: u8 = 0x17;

/// Returns the tag `[number]` of a primitive element.
pub(crate) const fn context(number: u8) -> u8 {
    0x80 | number
}

/// Returns the tag `[number]` of a constructed element, as for EXPLICIT tags.
pub(crate) const fn context_constructed(number: u8) -> u8 {
    0xa0 | number
}

/// `tag length parts…`
///
/// The result is allocated once at its full size: growing would leave copies of a private key behind.
pub(crate) fn element(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    let length_octets = length.to_be_bytes();
    let significant = &length_octets[length_octets.iter().take_while(|octet| **octet == 0).count()..];
    let mut out = Vec::with_capacity(2 + significant.len() + length);
    out.push(tag);
    match significant {
        [] => out.push(0),
        [short @ 0..=0x7f] => out.push(*short),
        long => {
            // At most 8 octets of length, so the cast cannot truncate.
            out.push(0x80 | u8::try_from(long.len()).unwrap_or(8));
            out.extend_from_slice(long);
        }
    }
    for part in parts {
        out.extend_from_slice(part);
    }
    out
}

/// SEQUENCE of the given elements.
pub(crate) fn sequence(parts: &[&[u8]]) -> Vec<u8> {
    element(SEQUENCE, parts)
}

/// SET OF the given elements, sorted by their encodings as DER requires (X.690 §11.6).
pub(crate) fn set_of(mut elements: Vec<Vec<u8>>) -> Vec<u8> {
    elements.sort();
    let parts: Vec<&[u8]> = elements.iter().map(Vec::as_slice).collect();
    element(SET, &parts)
}

/// Returns the content octets of a non-negative INTEGER: no redundant zeros, but one if the high bit is set.
pub(crate) fn unsigned_content(magnitude: &[u8]) -> Vec<u8> {
    let significant = &magnitude[magnitude.iter().take_while(|octet| **octet == 0).count()..];
    match significant.first() {
        None => vec![0],
        Some(first) if *first >= 0x80 => [&[0], significant].concat(),
        Some(_) => significant.to_vec(),
    }
}

/// BIT STRING of whole octets.
pub(crate) fn bit_string(octets: &[u8]) -> Vec<u8> {
    element(BIT_STRING, &[&[0], octets])
}

/// Named BIT STRING of up to 8 bits, the first one in the highest bit; trailing zeros are dropped (X.690 §11.2.2).
pub(crate) fn named_bits(bits: u8) -> Vec<u8> {
    if bits == 0 {
        return element(BIT_STRING, &[&[0]]);
    }
    let unused = u8::try_from(bits.trailing_zeros()).unwrap_or(0);
    element(BIT_STRING, &[&[unused, bits]])
}

/// OBJECT IDENTIFIER.
pub(crate) fn oid(oid: &ObjectIdentifier) -> Vec<u8> {
    element(0x06, &[oid.as_bytes()])
}

/// NULL.
pub(crate) fn null() -> Vec<u8> {
    element(0x05, &[])
}

/// BOOLEAN TRUE. FALSE is always a default here, which DER omits.
pub(crate) fn boolean_true() -> Vec<u8> {
    element(0x01, &[&[0xff]])
}

/// Time of RFC 5280 §4.1.2.5: UTCTime from 1950 to 2049, else GeneralizedTime; UTC, to the second.
///
/// `None` outside the years 0 to 9999, which neither can represent. Fractions of a second are dropped.
pub(crate) fn time(time: OffsetDateTime) -> Option<Vec<u8>> {
    let time = time.checked_to_offset(UtcOffset::UTC)?;
    let year = u16::try_from(time.year()).ok().filter(|year| *year <= 9999)?;
    let rest = format!(
        "{:02}{:02}{:02}{:02}{:02}Z",
        u8::from(time.month()),
        time.day(),
        time.hour(),
        time.minute(),
        time.second()
    );
    Some(if (1950..2050).contains(&year) {
        element(UTC_TIME, &[format!("{:02}{rest}", year % 100).as_bytes()])
    } else {
        element(GENERALIZED_TIME, &[format!("{year:04}{rest}").as_bytes()])
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    #[test]
    fn lengths_are_the_shortest_that_fit() {
        assert_eq!(element(OCTET_STRING, &[]), [4, 0]);
        assert_eq!(element(OCTET_STRING, &[&[7; 127]])[..2], [4, 0x7f]);
        assert_eq!(element(OCTET_STRING, &[&[7; 128]])[..3], [4, 0x81, 128]);
        assert_eq!(element(OCTET_STRING, &[&[7; 256]])[..4], [4, 0x82, 1, 0]);
    }

    #[test]
    fn integers_are_minimal_and_not_negative() {
        assert_eq!(unsigned_content(&[]), [0]);
        assert_eq!(unsigned_content(&[0, 0, 1]), [1]);
        assert_eq!(unsigned_content(&[0x80]), [0, 0x80]);
    }

    #[test]
    fn times_change_their_form_in_2050() {
        let text = |at| String::from_utf8(time(at).expect("a year of four digits")[2..].to_vec()).unwrap();
        assert_eq!(text(datetime!(2049-12-31 23:59:59 UTC)), "491231235959Z");
        assert_eq!(text(datetime!(2050-01-01 00:00 UTC)), "20500101000000Z");
        assert_eq!(text(datetime!(1949-12-31 23:00 -1)), "500101000000Z");
        assert_eq!(time(datetime!(-0001-01-01 00:00 UTC)), None);
    }

    #[test]
    fn named_bits_cut_the_zeros_at_the_end() {
        assert_eq!(named_bits(0x80), [3, 2, 7, 0x80]);
        assert_eq!(named_bits(0x06), [3, 2, 1, 0x06]);
        assert_eq!(named_bits(0), [3, 1, 0]);
    }
}
