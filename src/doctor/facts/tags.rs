//! What STS sees of a certificate: session tags by a profile's attribute mappings, and the source identity.
//!
//! The rules are those of AWS's page on [attribute mapping]: several values of one kind are joined by `/` in the
//! certificate's order, of the alternative names the first of each type counts, and what no tag can carry is left out
//! without an error.
//!
//! [attribute mapping]: https://docs.aws.amazon.com/rolesanywhere/latest/userguide/attribute-mapping.html

use std::collections::BTreeMap;

use super::model::AttributeMapping;
use crate::explain::unfit_tag;
use crate::policy::mapping;
use crate::x509::Certificate;
use crate::x509::name::number_of;

/// Most session tags of one session (STS).
pub(super) const MOST_TAGS: usize = 50;

/// The longest common name that gets the prefix `CN=` in the source identity, and the longest one that is it.
const PREFIXED_NAME: usize = 61;
const LONGEST_NAME: usize = 64;

/// What mappings make of a certificate.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Tags {
    /// Values by key: `x509Subject/CN`.
    pub(super) values: BTreeMap<String, String>,
    /// Keys whose values no tag can carry, each with the reason.
    pub(super) left_out: Vec<(String, String)>,
}

/// A name's attributes: kind, and value where that is text.
type Attributes<'a> = &'a [(String, Option<String>)];

/// Maps a certificate; without mappings by the defaults, which map everything.
pub(super) fn of(certificate: &Certificate, mappings: Option<&[AttributeMapping]>) -> Tags {
    let mut tags = Tags::default();
    for (field, specifier) in rules(mappings) {
        match field {
            "x509Subject" => tags.name(field, "", certificate.subject_attributes(), specifier),
            "x509Issuer" => tags.name(field, "", certificate.issuer_attributes(), specifier),
            "x509SAN" => tags.alternative(certificate, specifier),
            _ => {}
        }
    }
    tags
}

/// Tells whether a rule makes this tag, whatever the certificate.
pub(super) fn covers(mappings: Option<&[AttributeMapping]>, tag: &str) -> bool {
    rules(mappings).into_iter().any(|(field, specifier)| mapping::makes(field, specifier, tag))
}

fn rules(mappings: Option<&[AttributeMapping]>) -> Vec<(&str, &str)> {
    let Some(mappings) = mappings else { return mapping::DEFAULT_RULES.to_vec() };
    let rules = mappings.iter().flat_map(|mapping| {
        mapping.mapping_rules.iter().map(|rule| (mapping.certificate_field.as_str(), rule.specifier.as_str()))
    });
    rules.collect()
}

impl Tags {
    fn alternative(&mut self, certificate: &Certificate, specifier: &str) {
        match specifier {
            "DNS" | "URI" => {
                let names = certificate.subject_alternative_names().iter();
                let first = names.filter_map(|name| name.strip_prefix(specifier)?.strip_prefix(':')).next();
                if let Some(value) = first {
                    self.add(format!("x509SAN/{specifier}"), Some(value.to_owned()));
                }
            }
            "Name" | "Name/" => self.name("x509SAN", "Name/", certificate.directory_name_attributes(), "*"),
            _ => {
                if let Some(specifier) = specifier.strip_prefix("Name/") {
                    self.name("x509SAN", "Name/", certificate.directory_name_attributes(), specifier);
                }
            }
        }
    }

    /// Adds what a specifier names: every attribute with a short name, or one kind by its name or number.
    fn name(&mut self, field: &str, prefix: &str, attributes: Attributes<'_>, specifier: &str) {
        let kinds: Vec<(&str, &str)> = match specifier {
            "*" => attributes
                .iter()
                .filter(|(kind, _)| !kind.starts_with(|first: char| first.is_ascii_digit()))
                .map(|(kind, _)| (kind.as_str(), kind.as_str()))
                .collect(),
            kind => vec![(kind, kind)],
        };
        for (key, wanted) in kinds {
            let values: Vec<Option<&str>> = attributes
                .iter()
                .filter(|(kind, _)| number_of(kind).is_some() && number_of(kind) == number_of(wanted))
                .map(|(_, value)| value.as_deref())
                .collect();
            if !values.is_empty() {
                // One value that is no text spoils the whole.
                let joined: Option<Vec<&str>> = values.into_iter().collect();
                self.add(format!("{field}/{prefix}{key}"), joined.map(|values| values.join("/")));
            }
        }
    }

    fn add(&mut self, key: String, value: Option<String>) {
        match unfit_tag(value.as_deref()) {
            None => {
                self.values.insert(key, value.unwrap_or_default());
            }
            Some(why) if self.left_out.iter().all(|(known, _)| *known != key) => {
                self.left_out.push((key, why))
            }
            Some(_) => {}
        }
    }

    /// Returns the tags in one line.
    pub(super) fn line(&self) -> String {
        let tags: Vec<String> = self.values.iter().map(|(key, value)| format!("{key}={value}")).collect();
        tags.join(", ")
    }
}

/// Returns the source identity that AWS sets: `CN=` and the common name, the bare one where that is too long, and without
/// one `ID=` and the serial number.
pub(super) fn source_identity(certificate: &Certificate) -> String {
    let name = certificate.subject_attributes().iter().find(|(kind, _)| kind == "CN");
    match name.and_then(|(_, value)| value.as_deref()) {
        Some(name) if name.chars().count() <= PREFIXED_NAME => format!("CN={name}"),
        Some(name) if name.chars().count() <= LONGEST_NAME => name.to_owned(),
        Some(_) | None => format!("ID={}", certificate.serial_number().hex()),
    }
}
