//! Distinguished names as text, in the form of RFC 4514, with nothing that could mislead a terminal or a reader.

use std::fmt::Write as _;

use x509_parser::prelude::*;

use crate::text::escaped;

/// The attribute types with a name of their own; RFC 4514 §3, and those that users meet besides. The first name is shown, the others
/// are those of openssl, Windows, Java and RFC 4519.
const NAMES: &[(&str, &[&str])] = &[
    ("0.9.2342.19200300.100.1.1", &["UID", "userId"]),
    ("0.9.2342.19200300.100.1.25", &["DC", "domainComponent"]),
    ("1.2.840.113549.1.9.1", &["emailAddress", "E", "email"]),
    ("2.5.4.3", &["CN", "commonName"]),
    ("2.5.4.4", &["SN", "surname"]),
    ("2.5.4.5", &["serialNumber"]),
    ("2.5.4.6", &["C", "countryName"]),
    ("2.5.4.7", &["L", "localityName"]),
    ("2.5.4.8", &["ST", "S", "SP", "stateOrProvinceName"]),
    ("2.5.4.9", &["STREET", "streetAddress"]),
    ("2.5.4.10", &["O", "organizationName"]),
    ("2.5.4.11", &["OU", "organizationalUnitName"]),
    ("2.5.4.12", &["title", "T"]),
    ("2.5.4.17", &["postalCode"]),
    ("2.5.4.42", &["GN", "G", "givenName"]),
    ("2.5.4.46", &["dnQualifier", "DNQ"]),
];

/// The same of types that are shown by number: names that may be written.
const MORE_NAMES: &[(&str, &[&str])] = &[
    ("1.2.840.113549.1.9.2", &["unstructuredName"]),
    ("1.2.840.113549.1.9.8", &["unstructuredAddress"]),
    ("1.3.6.1.4.1.311.60.2.1.1", &["jurisdictionL", "jurisdictionLocalityName"]),
    ("1.3.6.1.4.1.311.60.2.1.2", &["jurisdictionST", "jurisdictionStateOrProvinceName"]),
    ("1.3.6.1.4.1.311.60.2.1.3", &["jurisdictionC", "jurisdictionCountryName"]),
    ("2.5.4.13", &["description"]),
    ("2.5.4.15", &["businessCategory"]),
    ("2.5.4.20", &["telephoneNumber", "Phone"]),
    ("2.5.4.41", &["name"]),
    ("2.5.4.43", &["initials", "I"]),
    ("2.5.4.44", &["generationQualifier"]),
    ("2.5.4.65", &["pseudonym"]),
    ("2.5.4.97", &["organizationIdentifier"]),
];

/// Returns the object identifier of an attribute type by one of its names, whatever their case.
pub(super) fn oid(kind: &str) -> Option<&'static str> {
    let named = |names: &[&str]| names.iter().any(|name| name.eq_ignore_ascii_case(kind));
    NAMES.iter().chain(MORE_NAMES).find(|(_, names)| named(names)).map(|(oid, _)| *oid)
}

/// Returns a text of others, made fit to be shown.
pub(super) fn shown(text: &str) -> String {
    crate::text::printable(text)
}

/// Renders a name as `CN=build-17,O=Example`: the most specific part first, as RFC 4514 §2.1 has it.
///
/// The special characters of RFC 4514 §2.4 get a backslash; control characters and those that change the writing
/// direction become `\u{…}`. A value that is not text is `#` and its DER in hex. An empty name is an empty text.
pub(crate) fn render(name: &X509Name<'_>) -> String {
    let mut parts: Vec<String> =
        name.iter_rdn().map(|part| part.iter().map(render_attribute).collect::<Vec<_>>().join("+")).collect();
    parts.reverse();
    parts.join(",")
}

/// Returns the attributes of a name in the certificate's order: the short name of the type (or its number) and the
/// unescaped value, which must not be shown; `None` if the value is not text.
pub(crate) fn attributes(name: &X509Name<'_>) -> Vec<(String, Option<String>)> {
    name.iter_attributes().map(|attribute| (kind_of(attribute), text_of(attribute.attr_value()))).collect()
}

/// Returns the object identifier of an attribute type's short name, in any case; a dotted one is its own.
pub fn number_of(kind: &str) -> Option<&str> {
    let shown = |names: &[&str]| names.first().is_some_and(|name| name.eq_ignore_ascii_case(kind));
    let known = NAMES.iter().find(|(_, names)| shown(names));
    let is_number = !kind.is_empty() && kind.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    known.map(|(number, _)| *number).or_else(|| is_number.then_some(kind))
}

fn kind_of(attribute: &AttributeTypeAndValue<'_>) -> String {
    let oid = attribute.attr_type().to_id_string();
    let short = NAMES.iter().find(|(number, _)| *number == oid).and_then(|(_, names)| names.first());
    short.map(|name| (*name).to_owned()).unwrap_or(oid)
}

fn render_attribute(attribute: &AttributeTypeAndValue<'_>) -> String {
    let kind = kind_of(attribute);
    let value = attribute.attr_value();
    match text_of(value) {
        Some(text) => format!("{kind}={}", escape_value(&text)),
        None => format!("{kind}=#{}", hex::encode(der_of(value))),
    }
}

/// Decodes the string types of RFC 5280 §4.1.2.4 and IA5String; `None` for anything else.
pub(super) fn text_of(value: &asn1_rs::Any<'_>) -> Option<String> {
    use asn1_rs::Tag;
    match value.tag() {
        Tag::Utf8String | Tag::PrintableString | Tag::Ia5String | Tag::NumericString | Tag::VisibleString => {
            std::str::from_utf8(value.data).ok().map(str::to_owned)
        }
        // In practice it is always Latin-1.
        Tag::T61String => Some(value.data.iter().map(|octet| char::from(*octet)).collect()),
        Tag::BmpString => {
            let units = value.data.chunks(2).map(|pair| match pair {
                [high, low] => u16::from_be_bytes([*high, *low]),
                _ => 0xD800,
            });
            char::decode_utf16(units).collect::<Result<String, _>>().ok()
        }
        _ => None,
    }
}

/// Returns a value in DER, tag and length included.
pub(super) fn der_of(value: &asn1_rs::Any<'_>) -> Vec<u8> {
    use asn1_rs::ToDer as _;
    value.to_der_vec_raw().unwrap_or_else(|_| value.data.to_vec())
}

fn escape_value(text: &str) -> String {
    let mut value = String::with_capacity(text.len());
    let last = text.chars().count().saturating_sub(1);
    for (index, character) in text.chars().enumerate() {
        let special = matches!(character, ',' | '+' | '"' | '\\' | '<' | '>' | ';')
            || (index == 0 && matches!(character, '#' | ' '))
            || (index == last && character == ' ');
        if special {
            value.push('\\');
        }
        // Writing to a String cannot fail.
        let _ = write!(value, "{}", escaped(character.encode_utf8(&mut [0; 4])));
    }
    value
}

/// Renders a subject alternative name as `DNS:host.example`, `URI:spiffe://…`, `IP:10.0.0.1`.
pub(crate) fn render_general(name: &GeneralName<'_>) -> String {
    match name {
        GeneralName::DNSName(text) => format!("DNS:{}", escaped(text)),
        GeneralName::DirectoryName(name) => format!("Name:{}", render(name)),
        GeneralName::EDIPartyName(_) => String::from("EDI party name"),
        GeneralName::IPAddress(octets) => format!("IP:{}", address(octets)),
        GeneralName::Invalid(tag, _) => format!("unreadable name of type {}", tag.0),
        GeneralName::OtherName(oid, _) => format!("other name {oid}"),
        GeneralName::RFC822Name(text) => format!("email:{}", escaped(text)),
        GeneralName::RegisteredID(oid) => format!("ID:{oid}"),
        GeneralName::URI(text) => format!("URI:{}", escaped(text)),
        GeneralName::X400Address(_) => String::from("X.400 address"),
    }
}

fn address(octets: &[u8]) -> String {
    if let Ok(v4) = <[u8; 4]>::try_from(octets) {
        std::net::Ipv4Addr::from(v4).to_string()
    } else if let Ok(v6) = <[u8; 16]>::try_from(octets) {
        std::net::Ipv6Addr::from(v6).to_string()
    } else {
        format!("#{}", hex::encode(octets))
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    fn rendered(der: &[u8]) -> String {
        let (_, name) = X509Name::from_der(der).expect("a name in DER");
        render(&name)
    }

    /// One attribute: the type's octets, the value's tag and content.
    type Attribute<'a> = (&'a [u8], u8, &'a [u8]);

    /// Builds a name of parts of attributes; lengths below 128.
    pub(crate) fn name(parts: &[&[Attribute<'_>]]) -> Vec<u8> {
        fn wrap(tag: u8, content: &[u8]) -> Vec<u8> {
            let mut der = vec![tag, u8::try_from(content.len()).expect("short")];
            der.extend_from_slice(content);
            der
        }
        let attribute =
            |(oid, tag, value): &Attribute<'_>| wrap(0x30, &[wrap(0x06, oid), wrap(*tag, value)].concat());
        let parts: Vec<u8> = parts
            .iter()
            .flat_map(|part| wrap(0x31, &part.iter().map(attribute).collect::<Vec<_>>().concat()))
            .collect();
        wrap(0x30, &parts)
    }

    const CN: &[u8] = &[0x55, 4, 3];
    const O: &[u8] = &[0x55, 4, 10];

    #[test]
    fn the_most_specific_part_stands_first() {
        assert_eq!(
            rendered(&name(&[&[(O, 0x0C, b"Example")], &[(CN, 0x13, b"build-17")]])),
            "CN=build-17,O=Example"
        );
        assert_eq!(rendered(&name(&[])), "");
    }

    #[test]
    fn special_and_misleading_characters_are_escaped() {
        let rendered = |attribute: Attribute<'_>| rendered(&name(&[&[attribute]]));
        assert_eq!(rendered((CN, 0x0C, b"a,b+c\\ ")), r"CN=a\,b\+c\\\ ");
        assert_eq!(rendered((CN, 0x0C, "x\u{1b}[2J\u{202e}".as_bytes())), r"CN=x\u{1b}[2J\u{202e}");
        assert_eq!(rendered((CN, 0x1E, &[0, 0x41, 0, 0x42])), "CN=AB");
        assert_eq!(rendered((CN, 0x0C, &[0xff])), "CN=#0c01ff");
        assert_eq!(rendered((&[0x2A, 3], 0x0C, b"v")), "1.2.3=v");
    }
}
