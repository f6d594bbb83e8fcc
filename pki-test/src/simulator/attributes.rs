//! Attributes of an end-entity certificate as session tags: what a profile maps, and what STS can carry.
//!
//! Pure. The rules are those of [the trust model] and of [attribute mapping]: several values of one attribute are
//! joined with `/` in the certificate's order, of the alternative names the first of each type is taken, and a value
//! that no session tag can carry is left out without an error.
//!
//! [the trust model]: https://docs.aws.amazon.com/rolesanywhere/latest/userguide/trust-model.html
//! [attribute mapping]: https://docs.aws.amazon.com/rolesanywhere/latest/userguide/attribute-mapping.html

use std::collections::BTreeMap;
use std::fmt;

use pkcs8::ObjectIdentifier;
use serde::Serialize;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::FromDer;
use x509_parser::x509::X509Name;

use crate::distinguished_name::AttributeType;
use crate::verifier::Certificate;

/// Most session tags of one session (STS).
pub const TAGS_LIMIT: usize = 50;

/// Most characters of a session tag's value (STS). Keys are made here and are always shorter than their 128.
pub const TAG_VALUE_LIMIT: usize = 256;

/// Most characters of a specifier (the service's model, `MappingRule`).
const SPECIFIER_LIMIT: usize = 60;

/// A field of the certificate that can be mapped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub enum CertificateField {
    /// `x509Issuer`
    #[serde(rename = "x509Issuer")]
    Issuer,
    /// `x509SAN`, the subject alternative names.
    #[serde(rename = "x509SAN")]
    SubjectAlternativeName,
    /// `x509Subject`
    #[serde(rename = "x509Subject")]
    Subject,
}

impl CertificateField {
    const ALL: [Self; 3] = [Self::Issuer, Self::SubjectAlternativeName, Self::Subject];

    /// Returns the field's name, which begins the keys of its tags.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Issuer => "x509Issuer",
            Self::SubjectAlternativeName => "x509SAN",
            Self::Subject => "x509Subject",
        }
    }
}

/// The attributes of one field that a profile maps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttributeMapping {
    field: CertificateField,
    specifiers: Vec<Specifier>,
}

/// A rule of a mapping.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Specifier {
    /// An attribute of a name: the text after the field in the tag's key, and the object identifier.
    Attribute(String, String),
    /// The first DNS name.
    Dns,
    /// Every attribute of a name that has a short name.
    Every,
    /// The first URI.
    Uri,
}

impl AttributeMapping {
    /// Creates a mapping as PutAttributeMapping does: a field's name and its specifiers.
    ///
    /// For `x509Subject` and `x509Issuer` a specifier is `*`, a short name such as `CN`, or a dotted object identifier;
    /// for `x509SAN` it is `DNS`, `URI`, `Name/*`, or `Name/` and one of the former. `Name` and `Name/` are `Name/*`.
    ///
    /// # Errors
    ///
    /// Fails on an unknown field, and on a specifier that names nothing in it.
    pub fn new(field: &str, specifiers: &[impl AsRef<str>]) -> Result<Self, MappingError> {
        let field = CertificateField::ALL
            .into_iter()
            .find(|candidate| candidate.name() == field)
            .ok_or(MappingError::Field)?;
        let specifiers = specifiers
            .iter()
            .map(|text| {
                specifier(field, text.as_ref()).ok_or(MappingError::Specifier { field: field.name() })
            })
            .collect::<Result<_, _>>()?;
        Ok(Self { field, specifiers })
    }

    /// Tells whether a rule of the mapping makes this tag: `x509Subject/CN` or `x509SAN/URI`.
    pub(super) fn covers(&self, tag: &str) -> bool {
        let Some(rest) = tag.strip_prefix(self.field.name()).and_then(|rest| rest.strip_prefix('/')) else {
            return false;
        };
        self.specifiers.iter().any(|specifier| match (self.field, specifier) {
            (CertificateField::SubjectAlternativeName, Specifier::Uri) => rest == "URI",
            (CertificateField::SubjectAlternativeName, Specifier::Dns) => rest == "DNS",
            (CertificateField::SubjectAlternativeName, Specifier::Attribute(..) | Specifier::Every) => {
                rest.starts_with("Name/")
            }
            (CertificateField::Issuer | CertificateField::Subject, Specifier::Every) => true,
            (CertificateField::Issuer | CertificateField::Subject, Specifier::Attribute(key, _)) => {
                key == rest
            }
            (CertificateField::Issuer | CertificateField::Subject, Specifier::Dns | Specifier::Uri) => false,
        })
    }

    /// Returns what a new profile maps: everything.
    pub fn defaults() -> Vec<Self> {
        CertificateField::ALL
            .into_iter()
            .map(|field| {
                let specifiers = match field {
                    CertificateField::Issuer | CertificateField::Subject => vec![Specifier::Every],
                    CertificateField::SubjectAlternativeName => {
                        vec![Specifier::Dns, Specifier::Uri, Specifier::Every]
                    }
                };
                Self { field, specifiers }
            })
            .collect()
    }
}

fn specifier(field: CertificateField, text: &str) -> Option<Specifier> {
    if text.len() > SPECIFIER_LIMIT {
        return None;
    }
    match field {
        CertificateField::Issuer | CertificateField::Subject => name_specifier(text),
        CertificateField::SubjectAlternativeName => match text {
            "DNS" => Some(Specifier::Dns),
            "URI" => Some(Specifier::Uri),
            "Name" | "Name/" => Some(Specifier::Every),
            _ => name_specifier(text.strip_prefix("Name/")?),
        },
    }
}

fn name_specifier(text: &str) -> Option<Specifier> {
    if text == "*" {
        return Some(Specifier::Every);
    }
    let named = AttributeType::NAMED
        .into_iter()
        .find(|kind| kind.name().is_some_and(|name| name.eq_ignore_ascii_case(text)));
    let oid = match named {
        Some(kind) => kind.oid(),
        None => ObjectIdentifier::new(text).ok()?,
    };
    Some(Specifier::Attribute(text.to_owned(), oid.to_string()))
}

/// Why an attribute mapping cannot be created.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MappingError {
    /// There is no such field.
    #[error("a mapping's field is x509Subject, x509Issuer or x509SAN")]
    Field,
    /// The specifier names nothing in the field.
    #[error(
        "a specifier of {field} is not known; subject and issuer take *, a short name or an object identifier, \
         x509SAN takes DNS, URI and Name/…"
    )]
    Specifier {
        /// The field's name.
        field: &'static str,
    },
}

/// The session tags of a certificate, and the attributes that could not become one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MappedAttributes {
    /// Values by key, for example `x509Subject/CN`.
    pub tags: BTreeMap<String, String>,
    /// Mapped attributes whose values no tag can carry.
    pub unmapped: UnmappedAttributes,
}

/// Mapped attributes that session tags cannot carry, by field.
///
/// Shown as in the service's message: `Issuer: [  ]; Subject: [ CN ]; SAN: [ DNS/2 ]`. The type of an alternative name
/// is followed by that type's number in RFC 5280 §4.2.1.6, which is our reading of the one reported case.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct UnmappedAttributes {
    by_field: BTreeMap<CertificateField, Vec<String>>,
}

impl UnmappedAttributes {
    /// Returns whether every mapped attribute became a tag.
    pub fn is_empty(&self) -> bool {
        self.by_field.is_empty()
    }

    fn add(&mut self, field: CertificateField, attribute: &str) {
        let list = self.by_field.entry(field).or_default();
        if !list.iter().any(|other| other == attribute) {
            list.push(attribute.to_owned());
        }
    }
}

impl fmt::Display for UnmappedAttributes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |field| self.by_field.get(&field).map(|list| list.join(", ")).unwrap_or_default();
        let issuer = list(CertificateField::Issuer);
        let subject = list(CertificateField::Subject);
        let san = list(CertificateField::SubjectAlternativeName);
        write!(f, "Issuer: [ {issuer} ]; Subject: [ {subject} ]; SAN: [ {san} ]")
    }
}

/// Returns the session tags that `mappings` make of a certificate.
///
/// The result may have more than [`TAGS_LIMIT`] tags, which the caller must reject.
pub fn map_attributes(end_entity: &Certificate, mappings: &[AttributeMapping]) -> MappedAttributes {
    let mut mapped = MappedAttributes::default();
    let Ok((_, parsed)) = X509Certificate::from_der(end_entity.der()) else {
        return mapped;
    };
    let names = match parsed.subject_alternative_name() {
        Ok(Some(extension)) => extension.value.general_names.as_slice(),
        Ok(None) | Err(_) => &[],
    };
    for AttributeMapping { field, specifiers } in mappings {
        for specifier in specifiers {
            match field {
                CertificateField::Issuer => mapped.add_name(*field, "", parsed.issuer(), specifier),
                CertificateField::Subject => mapped.add_name(*field, "", parsed.subject(), specifier),
                CertificateField::SubjectAlternativeName => mapped.add_alternative_name(names, specifier),
            }
        }
    }
    mapped
}

impl MappedAttributes {
    fn add_alternative_name(&mut self, names: &[GeneralName<'_>], specifier: &Specifier) {
        let field = CertificateField::SubjectAlternativeName;
        match specifier {
            Specifier::Dns => {
                self.add(field, "DNS", "DNS/2", names.iter().find_map(dns));
            }
            Specifier::Uri => {
                self.add(field, "URI", "URI/6", names.iter().find_map(uri));
            }
            Specifier::Attribute(..) | Specifier::Every => {
                if let Some(name) = names.iter().find_map(directory_name) {
                    self.add_name(field, "Name/", name, specifier);
                }
            }
        }
    }

    /// Adds the attributes of a name that the specifier names.
    fn add_name(
        &mut self,
        field: CertificateField,
        prefix: &str,
        name: &X509Name<'_>,
        specifier: &Specifier,
    ) {
        match specifier {
            Specifier::Attribute(key, oid) => self.add_attribute(field, &format!("{prefix}{key}"), name, oid),
            Specifier::Every => {
                for kind in AttributeType::NAMED {
                    if let Some(key) = kind.name() {
                        let oid = kind.oid().to_string();
                        self.add_attribute(field, &format!("{prefix}{key}"), name, &oid);
                    }
                }
            }
            Specifier::Dns | Specifier::Uri => {}
        }
    }

    fn add_attribute(&mut self, field: CertificateField, key: &str, name: &X509Name<'_>, oid: &str) {
        let values: Vec<Option<&str>> = name
            .iter_attributes()
            .filter(|attribute| attribute.attr_type().to_id_string() == oid)
            .map(|attribute| attribute.as_str().ok())
            .collect();
        if values.is_empty() {
            return;
        }
        // A value that is not text makes the whole attribute unusable, like a forbidden character.
        let joined = values.into_iter().collect::<Option<Vec<_>>>().map(|values| values.join("/"));
        self.add(field, key, key, Some(joined.as_deref().unwrap_or("\0")));
    }

    /// Adds one tag, or the attribute to those that cannot be one.
    fn add(&mut self, field: CertificateField, key: &str, attribute: &str, value: Option<&str>) {
        match value {
            Some(value) if fits_a_tag(value) => {
                self.tags.insert(format!("{}/{key}", field.name()), value.to_owned());
            }
            Some(_) => self.unmapped.add(field, attribute),
            None => {}
        }
    }
}

fn dns<'a>(name: &GeneralName<'a>) -> Option<&'a str> {
    if let GeneralName::DNSName(name) = name { Some(name) } else { None }
}

fn uri<'a>(name: &GeneralName<'a>) -> Option<&'a str> {
    if let GeneralName::URI(uri) = name { Some(uri) } else { None }
}

fn directory_name<'a, 'b>(name: &'a GeneralName<'b>) -> Option<&'a X509Name<'b>> {
    if let GeneralName::DirectoryName(name) = name { Some(name) } else { None }
}

/// Returns whether STS accepts `value` as a session tag's: `[\p{L}\p{Z}\p{N}_.:/=+\-@]*`, at most 256 characters.
pub(super) fn fits_a_tag(value: &str) -> bool {
    value.chars().count() <= TAG_VALUE_LIMIT && value.chars().all(fits_identity_text)
}

/// Returns whether a character is in STS's pattern for tags and for the source identity.
///
/// The standard library's letters are Unicode's `Alphabetic`, which is `\p{L}` and some combining marks; its blanks
/// without the control characters are `\p{Z}`.
pub(super) fn fits_identity_text(character: char) -> bool {
    character.is_alphabetic()
        || character.is_numeric()
        || (character.is_whitespace() && !character.is_control())
        || "_.:/=+-@".contains(character)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn specifiers_are_those_of_the_guide() {
        for (field, specifier) in [
            ("x509Subject", "*"),
            ("x509Subject", "CN"),
            ("x509Issuer", "2.5.4.11"),
            ("x509SAN", "DNS"),
            ("x509SAN", "URI"),
            ("x509SAN", "Name"),
            ("x509SAN", "Name/"),
            ("x509SAN", "Name/*"),
            ("x509SAN", "Name/OU"),
        ] {
            assert!(AttributeMapping::new(field, &[specifier]).is_ok(), "{field} {specifier}");
        }
        for (field, specifier) in [
            ("x509Subject", ""),
            ("x509Subject", "DNS"),
            ("x509Subject", "1"),
            ("x509SAN", "*"),
            ("x509SAN", "CN"),
            ("x509SAN", "Name/DNS"),
        ] {
            let expected = Err(MappingError::Specifier {
                field: if field == "x509SAN" { "x509SAN" } else { "x509Subject" },
            });
            assert_eq!(AttributeMapping::new(field, &[specifier]), expected, "{field} {specifier}");
        }
        assert_eq!(AttributeMapping::new("subject", &["CN"]), Err(MappingError::Field));
    }

    #[test]
    fn the_pattern_of_tags_is_that_of_sts() {
        for value in ["", "build 17", "a_b.c:d/e=f+g-h@i", "Zoë 東京 ٣", "a\u{a0}b"] {
            assert!(fits_a_tag(value), "{value:?}");
        }
        for value in ["a(b)", "a&b", "*.example.com", "a,b", "a\tb", "a\nb", "\0", &"x".repeat(257)] {
            assert!(!fits_a_tag(value), "{value:?}");
        }
        assert!(fits_a_tag(&"é".repeat(256)));
    }

    #[test]
    fn what_is_unmapped_is_shown_as_the_service_shows_it() {
        let mut unmapped = UnmappedAttributes::default();
        assert!(unmapped.is_empty());
        unmapped.add(CertificateField::SubjectAlternativeName, "DNS/2");
        assert_eq!(unmapped.to_string(), "Issuer: [  ]; Subject: [  ]; SAN: [ DNS/2 ]");
        unmapped.add(CertificateField::Issuer, "O");
        unmapped.add(CertificateField::Issuer, "O");
        unmapped.add(CertificateField::Issuer, "CN");
        assert_eq!(unmapped.to_string(), "Issuer: [ O, CN ]; Subject: [  ]; SAN: [ DNS/2 ]");
    }
}
