//! Attribute mappings of a profile: which session tags they make of a certificate.
//!
//! A rule is a field of the certificate and a specifier, as on AWS's page on [attribute mapping].
//!
//! [attribute mapping]: https://docs.aws.amazon.com/rolesanywhere/latest/userguide/attribute-mapping.html

/// The rules of a profile that says none: field and specifier.
pub(crate) const DEFAULT_RULES: [(&str, &str); 5] = [
    ("x509Subject", "*"),
    ("x509Issuer", "*"),
    ("x509SAN", "DNS"),
    ("x509SAN", "URI"),
    ("x509SAN", "Name/*"),
];

/// Tells whether a rule makes this session tag, `x509Subject/CN`, of the certificates that have such a value.
pub(crate) fn makes(field: &str, specifier: &str, tag: &str) -> bool {
    let Some((of, name)) = tag.split_once('/') else { return false };
    let is_of_name = || {
        name.split_once('/')
            .is_some_and(|(kind, attribute)| kind.eq_ignore_ascii_case("Name") && !attribute.is_empty())
    };
    // IAM takes keys in any case.
    of.eq_ignore_ascii_case(field)
        && (specifier.eq_ignore_ascii_case(name)
            || (specifier == "*" && !field.eq_ignore_ascii_case("x509SAN"))
            || (matches!(specifier, "Name" | "Name/" | "Name/*") && is_of_name()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_rule_makes() {
        for (field, specifier, tag, expected) in [
            ("x509Subject", "*", "x509Subject/CN", true),
            ("x509Subject", "CN", "x509subject/cn", true),
            ("x509Subject", "CN", "x509Subject/O", false),
            ("x509Subject", "*", "x509Issuer/CN", false),
            ("x509Subject", "*", "x509Subject", false),
            ("x509SAN", "DNS", "x509SAN/DNS", true),
            ("x509SAN", "URI", "x509SAN/DNS", false),
            ("x509SAN", "*", "x509SAN/DNS", false),
            ("x509SAN", "Name/*", "x509SAN/Name/CN", true),
            ("x509SAN", "Name", "x509SAN/Name/CN", true),
            ("x509SAN", "Name/", "x509SAN/name/O", true),
            ("x509SAN", "Name/CN", "x509SAN/Name/CN", true),
            ("x509SAN", "Name/CN", "x509SAN/Name/O", false),
            ("x509SAN", "Name/*", "x509SAN/DNS", false),
            ("x509SAN", "Name/*", "x509SAN/Name/", false),
        ] {
            assert_eq!(makes(field, specifier, tag), expected, "{field} {specifier} {tag}");
        }
    }
}
