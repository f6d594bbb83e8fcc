//! Attribute mappings: which fields of a certificate become session tags.
//!
//! See [put attribute mappings]. A field that is not named keeps what a profile has by default.
//!
//! [put attribute mappings]: https://docs.aws.amazon.com/rolesanywhere/latest/userguide/put-attribute-mapping.html

use super::error::SetupError;
use crate::policy::mapping;

/// The fields of a certificate.
pub(super) const FIELDS: [&str; 3] = ["x509Subject", "x509Issuer", "x509SAN"];

/// What is mapped of one field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mapping {
    /// `x509Subject`, `x509Issuer` or `x509SAN`.
    pub field: &'static str,
    /// `CN`, `*`, `Name/*`; none for a field of which nothing is mapped.
    pub specifiers: Vec<String>,
}

/// Takes what was typed: `x509Subject=CN,OU`; `x509Issuer=` maps nothing of a field.
///
/// # Errors
///
/// Fails if it names no field, a field twice, or what a field does not have.
pub fn add_typed(mappings: &mut Vec<Mapping>, text: &str) -> Result<(), SetupError> {
    let wrong = |why: &str| SetupError::value("mapping", text, why);
    let form = "it is a field, x509Subject, x509Issuer or x509SAN, then = and what is mapped of it: x509Subject=CN,OU";
    let (field, specifiers) = text.split_once('=').ok_or_else(|| wrong(form))?;
    let field = FIELDS.into_iter().find(|known| *known == field).ok_or_else(|| wrong(form))?;
    if mappings.iter().any(|mapping| mapping.field == field) {
        return Err(wrong("the field is given twice; join what is mapped of it with commas"));
    }
    let specifiers: Vec<String> =
        specifiers.split(',').filter(|specifier| !specifier.is_empty()).map(str::to_owned).collect();
    let is_attribute = |name: &str| {
        !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'.')
    };
    for specifier in &specifiers {
        let fits = match field {
            "x509SAN" => {
                ["DNS", "URI", "Name/*"].contains(&specifier.as_str())
                    || specifier.strip_prefix("Name/").is_some_and(is_attribute)
            }
            _ => specifier == "*" || is_attribute(specifier),
        };
        if !fits {
            return Err(wrong(match field {
                "x509SAN" => "of x509SAN there are DNS, URI, Name/* and Name/CN (or another attribute)",
                _ => "of a name there are * and attributes such as CN, O, OU",
            }));
        }
    }
    mappings.push(Mapping { field, specifiers });
    Ok(())
}

/// Tells whether a session tag, `x509Subject/CN`, is made by these mappings.
pub fn makes(mappings: &[Mapping], tag: &str) -> bool {
    match mappings.iter().find(|mapping| tag.split_once('/').is_some_and(|(field, _)| field == mapping.field))
    {
        Some(Mapping { field, specifiers }) => {
            specifiers.iter().any(|specifier| mapping::makes(field, specifier, tag))
        }
        None => mapping::DEFAULT_RULES.iter().any(|(field, specifier)| mapping::makes(field, specifier, tag)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_mapped() {
        let mut mappings = Vec::new();
        for text in ["x509Subject=CN,OU", "x509Issuer=", "x509SAN=URI,Name/CN"] {
            add_typed(&mut mappings, text).unwrap();
        }
        for (tag, expected) in [
            ("x509Subject/CN", true),
            ("x509Subject/O", false),
            ("x509Issuer/CN", false),
            ("x509SAN/URI", true),
            ("x509SAN/DNS", false),
            ("x509SAN/Name/CN", true),
            ("x509SAN/Name/O", false),
        ] {
            assert_eq!(makes(&mappings, tag), expected, "{tag}");
            assert!(makes(&[], tag), "{tag}");
        }
        for text in ["Subject=CN", "x509Subject=DNS/x", "x509SAN=CN", "x509Subject"] {
            assert!(add_typed(&mut Vec::new(), text).is_err(), "{text}");
        }
        assert!(add_typed(&mut mappings, "x509SAN=DNS").is_err());
    }
}
