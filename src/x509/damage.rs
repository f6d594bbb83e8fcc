//! Describes what is wrong with DER that a parser rejected, because the parser's messages are only useful to its
//! authors.

use x509_parser::error::X509Error;
use x509_parser::nom;

/// The parts of a certificate that parser errors refer to.
const PARTS: [(X509Error, &str); 10] = [
    (X509Error::InvalidVersion, "version"),
    (X509Error::InvalidSerial, "serial number"),
    (X509Error::InvalidAlgorithmIdentifier, "signature algorithm"),
    (X509Error::InvalidX509Name, "subject or issuer name"),
    (X509Error::InvalidDate, "validity"),
    (X509Error::InvalidSPKI, "public key"),
    (X509Error::InvalidExtensions, "extensions"),
    (X509Error::InvalidSubjectUID, "unique identifiers"),
    (X509Error::InvalidIssuerUID, "unique identifiers"),
    (X509Error::InvalidSignatureValue, "signature"),
];

/// Describes damage: `it is cut off after 100 of 612 octets`, `its validity is malformed`.
pub(super) fn describe(der: &[u8], error: &nom::Err<X509Error>) -> String {
    let Some((first, rest)) = der.split_first() else { return String::from("it is empty") };
    // Every certificate is a SEQUENCE (X.690 §8.9).
    if *first != 0x30 {
        return format!("it begins with the octet {first:02x}, and a certificate begins with 30");
    }
    if let Some((header, length)) = length(rest)
        && length.saturating_add(header + 1) > der.len()
    {
        return format!("it is cut off after {} of {} octets", der.len(), length.saturating_add(header + 1));
    }
    let part = match error {
        nom::Err::Error(found) | nom::Err::Failure(found) => {
            PARTS.iter().find(|(part, _)| part == found).map(|(_, name)| *name)
        }
        nom::Err::Incomplete(_) => None,
    };
    match part {
        Some(part) => format!("its {part} is malformed"),
        None => String::from("it is another structure, or damaged"),
    }
}

/// Reads the length of an element (X.690 §8.1.3): the number of octets that encode it, and the length of the content.
fn length(octets: &[u8]) -> Option<(usize, usize)> {
    let (first, rest) = octets.split_first()?;
    if *first < 0x80 {
        return Some((1, usize::from(*first)));
    }
    let count = usize::from(first & 0x7F);
    if count == 0 || count > 4 {
        return None;
    }
    let octets = rest.get(..count)?;
    let length = octets.iter().fold(0_usize, |length, octet| length << 8 | usize::from(*octet));
    Some((1 + count, length))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn damage_is_told_in_words() {
        let told = |der: &[u8]| describe(der, &nom::Err::Error(X509Error::InvalidDate));
        assert_eq!(told(&[]), "it is empty");
        assert_eq!(told(b"<html>"), "it begins with the octet 3c, and a certificate begins with 30");
        assert_eq!(told(&[0x30, 0x82, 0x02, 0x60, 1]), "it is cut off after 5 of 612 octets");
        assert_eq!(told(&[0x30, 1, 0]), "its validity is malformed");
        let other = nom::Err::Error(X509Error::Generic);
        assert_eq!(describe(&[0x30, 1, 0], &other), "it is another structure, or damaged");
    }
}
