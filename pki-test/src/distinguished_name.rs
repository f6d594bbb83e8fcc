//! Distinguished names: an ordered list of attributes, as DER and as RFC 4514 text.

mod text;

use pkcs8::ObjectIdentifier;

use crate::der;

/// The most attributes in one name, and the most octets in one value; RFC 5280's own limits are lower.
///
/// Names longer than RFC 5280 Appendix A allows can be created on purpose: AWS maps names to session tags and a source
/// identity, whose own limits need testing.
const MAX_ATTRIBUTES: usize = 64;
const MAX_VALUE_OCTETS: usize = 4096;

/// A subject or issuer name: relative distinguished names in the order of the certificate, the most general first.
///
/// In text the order is reversed (RFC 4514 §2.1): `CN=build-17,O=Example` is O, then CN, in the certificate. A name
/// without attributes is the empty name, which AWS does not support as a subject.
#[derive(Clone, Debug, Default, Eq, Hash, PartialEq)]
pub struct DistinguishedName {
    relative: Vec<Vec<Attribute>>,
}

impl DistinguishedName {
    /// Returns the name with the given relative distinguished names, the most general first.
    ///
    /// Most have one attribute; several in one are joined with `+` in text.
    ///
    /// # Errors
    ///
    /// Fails on a relative distinguished name without attributes, or on more than 64 attributes in all.
    pub fn new(relative: Vec<Vec<Attribute>>) -> Result<Self, NameError> {
        if relative.iter().any(Vec::is_empty) {
            return Err(NameError::EmptyRelativeName);
        }
        if relative.iter().map(Vec::len).sum::<usize>() > MAX_ATTRIBUTES {
            return Err(NameError::TooManyAttributes);
        }
        Ok(Self { relative })
    }

    /// Returns the name with one common name, `CN=value`.
    ///
    /// # Errors
    ///
    /// As [`Attribute::new`].
    pub fn common_name(value: impl Into<String>) -> Result<Self, NameError> {
        Ok(Self { relative: vec![vec![Attribute::new(AttributeType::CommonName, value)?]] })
    }

    /// Returns the relative distinguished names, the most general first.
    pub fn relative(&self) -> &[Vec<Attribute>] {
        &self.relative
    }

    /// Returns whether the name has no attributes.
    pub fn is_empty(&self) -> bool {
        self.relative.is_empty()
    }

    /// Returns the DER of the `Name` (RFC 5280 §4.1.2.4).
    pub fn to_der(&self) -> Vec<u8> {
        let relative: Vec<Vec<u8>> = self
            .relative
            .iter()
            .map(|attributes| der::set_of(attributes.iter().map(Attribute::to_der).collect()))
            .collect();
        let parts: Vec<&[u8]> = relative.iter().map(Vec::as_slice).collect();
        der::sequence(&parts)
    }
}

/// One attribute of a name: its type and its value.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Attribute {
    kind: AttributeType,
    value: String,
}

impl Attribute {
    /// Returns the attribute, after checking that its type can represent its value.
    ///
    /// # Errors
    ///
    /// Fails if the value is empty, longer than 4096 octets, or has characters that the type's string does not support:
    /// C and serialNumber are PrintableString, DC and emailAddress are ASCII, all others UTF-8.
    pub fn new(kind: AttributeType, value: impl Into<String>) -> Result<Self, NameError> {
        let value = value.into();
        if value.is_empty() || value.len() > MAX_VALUE_OCTETS {
            return Err(NameError::ValueLength { kind });
        }
        let fits = match kind.string_tag() {
            der::PRINTABLE_STRING => {
                value.bytes().all(|octet| octet.is_ascii_alphanumeric() || b" '()+,-./:=?".contains(&octet))
            }
            der::IA5_STRING => value.is_ascii(),
            _ => true,
        };
        if fits { Ok(Self { kind, value }) } else { Err(NameError::ValueCharacters { kind }) }
    }

    /// Returns the type.
    pub const fn kind(&self) -> AttributeType {
        self.kind
    }

    /// Returns the value, unescaped.
    pub fn value(&self) -> &str {
        &self.value
    }

    fn to_der(&self) -> Vec<u8> {
        let value = der::element(self.kind.string_tag(), &[self.value.as_bytes()]);
        der::sequence(&[&der::oid(&self.kind.oid()), &value])
    }
}

/// The type of an attribute (RFC 5280 §4.1.2.4, RFC 4519).
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum AttributeType {
    /// CN.
    CommonName,
    /// C, two letters.
    Country,
    /// DC, one label of a domain.
    DomainComponent,
    /// emailAddress (PKCS#9); RFC 5280 prefers the subject alternative name.
    EmailAddress,
    /// GN, givenName.
    GivenName,
    /// L.
    Locality,
    /// O.
    Organization,
    /// OU.
    OrganizationalUnit,
    /// Any other, whose value is written as UTF8String.
    Other(ObjectIdentifier),
    /// serialNumber of a device or person; not the certificate's serial number.
    SerialNumber,
    /// ST.
    StateOrProvince,
    /// STREET.
    StreetAddress,
    /// SN, surname.
    Surname,
    /// title.
    Title,
    /// UID.
    UserId,
}

impl AttributeType {
    /// The types with names, ordered by name.
    pub const NAMED: [Self; 14] = [
        Self::Country,
        Self::CommonName,
        Self::DomainComponent,
        Self::EmailAddress,
        Self::GivenName,
        Self::Locality,
        Self::Organization,
        Self::OrganizationalUnit,
        Self::SerialNumber,
        Self::Surname,
        Self::StateOrProvince,
        Self::StreetAddress,
        Self::Title,
        Self::UserId,
    ];

    /// Returns the short name before `=` in text, or `None` for [`Self::Other`].
    pub const fn name(self) -> Option<&'static str> {
        Some(match self {
            Self::CommonName => "CN",
            Self::Country => "C",
            Self::DomainComponent => "DC",
            Self::EmailAddress => "emailAddress",
            Self::GivenName => "GN",
            Self::Locality => "L",
            Self::Organization => "O",
            Self::OrganizationalUnit => "OU",
            Self::Other(_) => return None,
            Self::SerialNumber => "serialNumber",
            Self::StateOrProvince => "ST",
            Self::StreetAddress => "STREET",
            Self::Surname => "SN",
            Self::Title => "title",
            Self::UserId => "UID",
        })
    }

    /// Returns the object identifier.
    pub const fn oid(self) -> ObjectIdentifier {
        ObjectIdentifier::new_unwrap(match self {
            Self::CommonName => "2.5.4.3",
            Self::Country => "2.5.4.6",
            Self::DomainComponent => "0.9.2342.19200300.100.1.25",
            Self::EmailAddress => "1.2.840.113549.1.9.1",
            Self::GivenName => "2.5.4.42",
            Self::Locality => "2.5.4.7",
            Self::Organization => "2.5.4.10",
            Self::OrganizationalUnit => "2.5.4.11",
            Self::Other(oid) => return oid,
            Self::SerialNumber => "2.5.4.5",
            Self::StateOrProvince => "2.5.4.8",
            Self::StreetAddress => "2.5.4.9",
            Self::Surname => "2.5.4.4",
            Self::Title => "2.5.4.12",
            Self::UserId => "0.9.2342.19200300.100.1.1",
        })
    }

    const fn string_tag(self) -> u8 {
        match self {
            Self::Country | Self::SerialNumber => der::PRINTABLE_STRING,
            Self::DomainComponent | Self::EmailAddress => der::IA5_STRING,
            Self::CommonName
            | Self::GivenName
            | Self::Locality
            | Self::Organization
            | Self::OrganizationalUnit
            | Self::Other(_)
            | Self::StateOrProvince
            | Self::StreetAddress
            | Self::Surname
            | Self::Title
            | Self::UserId => der::UTF8_STRING,
        }
    }
}

/// Why a distinguished name cannot be created or parsed.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum NameError {
    /// A relative distinguished name has no attributes: `CN=a,,O=b`.
    #[error("a part of the name is empty")]
    EmptyRelativeName,
    /// A backslash is followed by neither a special character nor two hexadecimal digits.
    #[error("a backslash in the name escapes nothing")]
    Escape,
    /// A value starts with `#`: the DER of the value, which is not supported. A number sign itself is `\#`.
    #[error(
        "a value of the name is written as # and hexadecimal digits; write it as text, or escape the # as \\#"
    )]
    HexadecimalValue,
    /// There is no `=` after the type.
    #[error("a part of the name has no '='")]
    NoEqualsSign,
    /// A quotation mark, semicolon, `<`, `>` or NUL is not preceded by a backslash.
    #[error("the character {0:?} in the name needs a backslash")]
    NotEscaped(char),
    /// More than 64 attributes.
    #[error("the name has more than {MAX_ATTRIBUTES} attributes")]
    TooManyAttributes,
    /// The type is neither a known name nor an object identifier.
    #[error("an attribute type is one of {names}, or an object identifier such as 2.5.4.3", names = names())]
    UnknownType,
    /// The escaped octets are not UTF-8.
    #[error("a value of the name is not UTF-8")]
    Utf8,
    /// The type's string does not support these characters: see [`Attribute::new`].
    #[error("the value of {} has characters that this attribute cannot carry", text::type_text(*kind))]
    ValueCharacters {
        /// The attribute's type.
        kind: AttributeType,
    },
    /// The value is empty or longer than 4096 octets.
    #[error("the value of {} is empty or longer than {MAX_VALUE_OCTETS} bytes", text::type_text(*kind))]
    ValueLength {
        /// The attribute's type.
        kind: AttributeType,
    },
}

fn names() -> String {
    let names: Vec<&str> = AttributeType::NAMED.into_iter().filter_map(AttributeType::name).collect();
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_der_has_one_set_for_each_relative_name() {
        let name: DistinguishedName = "CN=b+UID=a,C=US".parse().expect("a name");
        let c = [0x31, 11, 0x30, 9, 6, 3, 0x55, 4, 6, 0x13, 2, b'U', b'S'];
        assert_eq!(name.to_der()[2..15], c, "the most general comes first");
        assert_eq!(name.relative().len(), 2);
        assert_eq!(DistinguishedName::default().to_der(), [0x30, 0]);
    }

    #[test]
    fn values_fit_their_string_types() {
        let kind = AttributeType::Country;
        assert_eq!(Attribute::new(kind, "Ü"), Err(NameError::ValueCharacters { kind }));
        let kind = AttributeType::DomainComponent;
        assert_eq!(Attribute::new(kind, "bücher"), Err(NameError::ValueCharacters { kind }));
        let kind = AttributeType::CommonName;
        assert_eq!(Attribute::new(kind, ""), Err(NameError::ValueLength { kind }));
        assert!(Attribute::new(kind, "bücher").is_ok());
    }
}
