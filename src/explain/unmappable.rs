//! The values of a certificate that STS cannot carry: those outside the pattern of session tags and of the source
//! identity.
//!
//! Both accept letters, digits, blanks and `_.:/=+-@` (STS, `tagValueType` and `sourceIdentityType`). CreateSession
//! leaves a tag out without an error, so that a condition on it fails; it cannot leave out the source identity.

use crate::text::quoted;
use crate::x509::Certificate;

/// The characters of the pattern, for a hint.
pub(super) const FITTING: &str = "letters, digits, blanks and _.:/=+-@";

/// The most characters of a session tag's value.
const LONGEST_TAG: usize = 256;
/// The longest common name that becomes the source identity; otherwise the serial number does.
const LONGEST_SOURCE_IDENTITY: usize = 64;

/// A value that does not fit.
pub(super) struct Unmappable {
    /// The session tag's key: `x509Subject/CN`.
    pub(super) tag: String,
    /// The value and what does not fit: `'build (17)' holds '(' and ')'`.
    pub(super) what: String,
}

/// Returns the values that cannot be session tags: of the subject name, the issuer's name, and the first DNS name and the
/// first URI of the alternative names.
pub(super) fn tags(certificate: &Certificate) -> Vec<Unmappable> {
    let names =
        [("x509Subject", certificate.subject_attributes()), ("x509Issuer", certificate.issuer_attributes())];
    let of_names = names.into_iter().flat_map(|(field, attributes)| {
        attributes.iter().map(move |(kind, value)| (format!("{field}/{kind}"), value.as_deref()))
    });
    let of_alternatives = ["DNS", "URI"].into_iter().filter_map(|kind| {
        let names = certificate.subject_alternative_names().iter();
        let value = names.filter_map(|name| name.strip_prefix(kind)?.strip_prefix(':')).next()?;
        Some((format!("x509SAN/{kind}"), Some(value)))
    });
    of_names
        .chain(of_alternatives)
        .filter_map(|(tag, value)| misfit(value, LONGEST_TAG).map(|what| Unmappable { tag, what }))
        .collect()
}

/// Returns what keeps the common name, which begins the source identity, from being one.
pub fn source_identity(certificate: &Certificate) -> Option<String> {
    let (_, name) = certificate.subject_attributes().iter().find(|(kind, _)| kind == "CN")?;
    let is_source_identity =
        name.as_ref().is_some_and(|name| name.chars().count() <= LONGEST_SOURCE_IDENTITY);
    is_source_identity.then(|| misfit(name.as_deref(), LONGEST_TAG)).flatten()
}

/// Returns what keeps a value from being a session tag: `'a (b)' holds '(' and ')'`; `None` stands for a value that is no text.
pub fn unfit_tag(value: Option<&str>) -> Option<String> {
    misfit(value, LONGEST_TAG)
}

/// Tells whether a text can be the value of a session tag.
pub(super) fn is_tag_value(value: &str) -> bool {
    value_misfit(value).is_none()
}

/// Says what keeps a text from being the value of a session tag.
pub(super) fn value_misfit(value: &str) -> Option<String> {
    misfit(Some(value), LONGEST_TAG)
}

fn misfit(value: Option<&str>, longest: usize) -> Option<String> {
    let Some(value) = value else { return Some(String::from("is no text")) };
    let mut misfits: Vec<String> = Vec::new();
    for character in value.chars().filter(|character| !fits(*character)) {
        let shown = quoted(character.encode_utf8(&mut [0; 4]));
        if !misfits.contains(&shown) {
            misfits.push(shown);
        }
    }
    match misfits.as_slice() {
        [] => {
            let count = value.chars().count();
            (count > longest).then(|| format!("has {count} characters, and {longest} are the most"))
        }
        misfits => Some(format!("{} holds {}", quoted(value), misfits.join(" and "))),
    }
}

/// Returns whether a character is in `[\p{L}\p{Z}\p{N}_.:/=+\-@]`, as far as the standard library knows these classes.
fn fits(character: char) -> bool {
    character.is_alphanumeric()
        || (character.is_whitespace() && !character.is_control())
        || "_.:/=+-@".contains(character)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_named_once() {
        for value in ["", "build 17", "a_b.c:d/e=f+g-h@i", "Zoë 東京 ٣"] {
            assert_eq!(misfit(Some(value), LONGEST_TAG), None, "{value:?}");
        }
        let what = misfit(Some("build (17) (x)"), LONGEST_TAG);
        assert_eq!(what.as_deref(), Some("'build (17) (x)' holds '(' and ')'"));
        assert_eq!(misfit(Some("*.example.com"), 256).as_deref(), Some("'*.example.com' holds '*'"));
        let long = misfit(Some(&"x".repeat(257)), LONGEST_TAG);
        assert_eq!(long.as_deref(), Some("has 257 characters, and 256 are the most"));
        assert_eq!(misfit(None, LONGEST_TAG).as_deref(), Some("is no text"));
    }
}
