//! The extensions of a certificate (RFC 5280 §4.2).

use pkcs8::ObjectIdentifier;

use crate::der;

/// One extension: its type, whether it is critical, and the DER of its value.
#[derive(Clone, Debug)]
pub(crate) struct Extension {
    pub(crate) oid: ObjectIdentifier,
    critical: bool,
    value: Vec<u8>,
}

const AUTHORITY_KEY_IDENTIFIER: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.35");
const BASIC_CONSTRAINTS: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.19");
const CRL_DISTRIBUTION_POINTS: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.31");
const EXTENDED_KEY_USAGE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.37");
pub(crate) const KEY_USAGE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.15");
const SUBJECT_ALTERNATIVE_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.17");
const SUBJECT_KEY_IDENTIFIER: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.14");

/// Bits of the keyUsage, as in [`der::named_bits`] (RFC 5280 §4.2.1.3).
pub(crate) const DIGITAL_SIGNATURE: u8 = 0x80;
pub(crate) const KEY_ENCIPHERMENT: u8 = 0x20;
pub(crate) const KEY_CERT_SIGN: u8 = 0x04;
pub(crate) const CRL_SIGN: u8 = 0x02;

impl Extension {
    pub(crate) fn new(oid: ObjectIdentifier, critical: bool, value: Vec<u8>) -> Self {
        Self { oid, critical, value }
    }

    pub(crate) fn authority_key_identifier(key_identifier: &[u8]) -> Self {
        let value = der::sequence(&[&der::element(der::context(0), &[key_identifier])]);
        Self::new(AUTHORITY_KEY_IDENTIFIER, false, value)
    }

    pub(crate) fn subject_key_identifier(key_identifier: &[u8]) -> Self {
        let value = der::element(der::OCTET_STRING, &[key_identifier]);
        Self::new(SUBJECT_KEY_IDENTIFIER, false, value)
    }

    /// cA TRUE with the number of CAs that may follow; `None` for any number.
    pub(crate) fn authority(path_length: Option<u8>) -> Self {
        let ca = der::boolean_true();
        let value = match path_length {
            Some(length) => {
                der::sequence(&[&ca, &der::element(der::INTEGER, &[&der::unsigned_content(&[length])])])
            }
            None => der::sequence(&[&ca]),
        };
        Self::new(BASIC_CONSTRAINTS, true, value)
    }

    /// cA FALSE, which is the default and therefore omitted from the DER.
    pub(crate) fn end_entity() -> Self {
        Self::new(BASIC_CONSTRAINTS, true, der::sequence(&[]))
    }

    pub(crate) fn key_usage(bits: u8) -> Self {
        Self::new(KEY_USAGE, true, der::named_bits(bits))
    }

    /// The purposes, by their object identifiers.
    pub(crate) fn extended_key_usage(purposes: &[ObjectIdentifier]) -> Self {
        let purposes: Vec<u8> = purposes.iter().flat_map(der::oid).collect();
        Self::new(EXTENDED_KEY_USAGE, false, der::sequence(&[&purposes]))
    }

    /// One distribution point for each URL: where the issuer's own list is for every reason (RFC 5280 §4.2.1.13).
    ///
    /// `SEQUENCE OF DistributionPoint`, each `{ distributionPoint [0] { fullName [0] { uniformResourceIdentifier [6] } } }`.
    pub(crate) fn crl_distribution_points(urls: &[String]) -> Self {
        let points = urls.iter().flat_map(|url| {
            let name = der::element(der::context(6), &[url.as_bytes()]);
            let full_name = der::element(der::context_constructed(0), &[&name]);
            der::sequence(&[&der::element(der::context_constructed(0), &[&full_name])])
        });
        Self::new(CRL_DISTRIBUTION_POINTS, false, der::sequence(&[&points.collect::<Vec<u8>>()]))
    }

    /// `names` are GeneralName elements; critical where the subject is empty (RFC 5280 §4.2.1.6).
    pub(crate) fn subject_alternative_name(names: &[u8], critical: bool) -> Self {
        Self::new(SUBJECT_ALTERNATIVE_NAME, critical, der::sequence(&[names]))
    }

    pub(crate) fn to_der(&self) -> Vec<u8> {
        let critical = if self.critical { der::boolean_true() } else { Vec::new() };
        der::sequence(&[&der::oid(&self.oid), &critical, &der::element(der::OCTET_STRING, &[&self.value])])
    }
}
