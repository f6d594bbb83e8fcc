//! Whom a trust policy admits: conditions on what Roles Anywhere makes of a certificate.
//!
//! Each attribute becomes a session tag, `x509Subject/CN`, by the profile's [attribute mappings]. A value with a character
//! that a tag cannot have becomes none, and a condition on it never holds.
//!
//! [attribute mappings]: https://docs.aws.amazon.com/rolesanywhere/latest/userguide/attribute-mapping.html

use super::error::SetupError;
use crate::explain::{session_tags, tag_value_misfit, unmappable_tags};
use crate::x509::Certificate;

/// A condition on one session tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    /// The session tag: `x509Subject/CN`.
    pub tag: String,
    /// The values, any of which will do.
    pub values: Vec<String>,
    /// Whether `*` and `?` in them stand for other characters.
    pub with_wildcards: bool,
}

/// The conditions, and what is to be said of them.
#[derive(Clone, Debug, Default)]
pub struct Conditions {
    /// In the order in which they are written.
    pub all: Vec<Condition>,
    /// What was left out, and why.
    pub notes: Vec<String>,
}

/// Takes the conditions from a certificate: on the whole subject name, and on the issuer's common name.
///
/// What cannot be a session tag is left out and told; but where that is the common name, the condition on the rest would admit
/// others too.
///
/// # Errors
///
/// Fails if the common name cannot be a session tag, or nothing of the subject can.
pub fn of_certificate(certificate: &Certificate) -> Result<Conditions, SetupError> {
    let tags = session_tags(certificate);
    let misfits = unmappable_tags(certificate);
    let misfit = |tag: &str| misfits.iter().find(|(found, _)| found == tag).map(|(_, what)| what);
    if let Some(why) = misfit("x509Subject/CN") {
        return Err(SetupError::Condition { key: String::from("x509Subject/CN"), why: why.clone() });
    }
    let has_issuer_name = tags.iter().any(|(tag, _)| tag == "x509Issuer/CN");
    let is_wanted = |tag: &str| {
        tag.starts_with("x509Subject/")
            || tag == "x509Issuer/CN"
            || (!has_issuer_name && tag.starts_with("x509Issuer/"))
    };
    let mut all: Vec<Condition> =
        tags.iter().filter(|(tag, _)| is_wanted(tag)).map(|(tag, value)| exactly(tag, value)).collect();
    // A type without a name: whether AWS maps it is not documented, and a condition on it may never hold.
    let is_nameless = |condition: &Condition| condition.tag.contains('.');
    let nameless: Vec<String> = all
        .iter()
        .filter(|condition| is_nameless(condition))
        .map(|condition| format!("no condition on {}, which AWS may not know", condition.tag))
        .collect();
    all.retain(|condition| !is_nameless(condition));
    if !tags.iter().any(|(tag, _)| tag == "x509Subject/CN") {
        // Without a common name it is an alternative name that says who it is.
        let name =
            ["x509SAN/URI", "x509SAN/DNS"].iter().find_map(|san| tags.iter().find(|(tag, _)| tag == san));
        all.extend(name.map(|(tag, value)| exactly(tag, value)));
    }
    if !all.iter().any(|condition| !condition.tag.starts_with("x509Issuer/")) {
        let why = String::from("the certificate has no name that can be a session tag");
        return Err(SetupError::Condition { key: String::from("x509Subject"), why });
    }
    let notes = misfits
        .iter()
        .map(|(tag, what)| format!("no condition on {tag}, which is no session tag: {what}"))
        .chain(nameless)
        .collect();
    Ok(Conditions { all, notes })
}

fn exactly(tag: &str, value: &str) -> Condition {
    Condition { tag: tag.to_owned(), values: vec![value.to_owned()], with_wildcards: false }
}

/// Adds what was typed: `x509Subject/CN=build-*`, or `x509Subject/OU` for the value that the certificate has.
///
/// # Errors
///
/// Fails if it names no session tag of Roles Anywhere, the certificate has no such value, or no tag can have the value.
pub fn add_typed(
    conditions: &mut Vec<Condition>,
    text: &str,
    certificate: Option<&Certificate>,
) -> Result<(), SetupError> {
    const FLAG: &str = "condition";
    let (tag, value) = match text.split_once('=') {
        Some((tag, value)) => (tag, Some(value)),
        None => (text, None),
    };
    if !is_tag(tag) {
        let why = "it is x509Subject/CN, x509Issuer/CN, x509SAN/DNS, x509SAN/URI or x509SAN/Name/CN (or another attribute in the place of CN), then = and the value";
        return Err(SetupError::value(FLAG, text, why));
    }
    let refused = |why: String| SetupError::Condition { key: tag.to_owned(), why };
    let (value, with_wildcards) = match value {
        Some("") => return Err(SetupError::value(FLAG, text, "its value is empty")),
        Some(value) => {
            // A wildcard is none of the tag's own characters.
            if let Some(why) = tag_value_misfit(&value.replace(['*', '?'], "")) {
                return Err(refused(why));
            }
            if value.chars().all(|character| character == '*') {
                return Err(SetupError::value(FLAG, text, "it admits every certificate"));
            }
            (value.to_owned(), value.contains(['*', '?']))
        }
        None => {
            let Some(certificate) = certificate else {
                return Err(SetupError::value(FLAG, text, "without --certificate it needs a value"));
            };
            if let Some((_, why)) = unmappable_tags(certificate).into_iter().find(|(found, _)| found == tag) {
                return Err(refused(why));
            }
            let found = session_tags(certificate).into_iter().find(|(found, _)| found == tag);
            let Some((_, value)) = found else {
                return Err(refused(String::from("the certificate has no such value")));
            };
            (value, false)
        }
    };
    match conditions.iter_mut().find(|known| known.tag == tag) {
        Some(known) => {
            known.with_wildcards |= with_wildcards;
            if !known.values.contains(&value) {
                known.values.push(value);
            }
        }
        None => conditions.push(Condition { tag: tag.to_owned(), values: vec![value], with_wildcards }),
    }
    Ok(())
}

/// Tells whether Roles Anywhere makes a session tag of that name.
fn is_tag(tag: &str) -> bool {
    let is_attribute = |name: &str| {
        !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'.')
    };
    match tag.split_once('/') {
        Some(("x509Subject" | "x509Issuer", attribute)) => is_attribute(attribute),
        Some(("x509SAN", "DNS" | "URI")) => true,
        Some(("x509SAN", name)) => name.strip_prefix("Name/").is_some_and(is_attribute),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn typed_conditions() {
        let mut all = Vec::new();
        for text in
            ["x509Subject/CN=build-17", "x509Subject/CN=build-*", "x509SAN/URI=spiffe://example.org/ci"]
        {
            add_typed(&mut all, text, None).unwrap();
        }
        assert_eq!(all.len(), 2);
        assert_eq!(all[0].values, ["build-17", "build-*"]);
        assert!(all[0].with_wildcards && !all[1].with_wildcards);
        for (text, why) in [
            ("CN=x", "it is x509Subject/CN"),
            ("x509Subject/CN", "without --certificate"),
            ("x509Subject/CN=", "empty"),
            ("x509Subject/CN=**", "every certificate"),
            ("x509Subject/O=Example, Inc.", "','"),
            ("x509Subject/CN=${aws:username}", "'$'"),
            ("x509Subject/C\"N=x", "it is x509Subject/CN"),
        ] {
            let error = add_typed(&mut all, text, None).unwrap_err().to_string();
            assert!(error.contains(why), "{text}: {error}");
        }
    }
}
