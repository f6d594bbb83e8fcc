//! What a trust policy can compare about a certificate: the session tags that CreateSession derives from it.
//!
//! By the [default mappings], each attribute of the subject's and the issuer's name is a tag, several of one type
//! joined by `/` in the certificate's order; of the alternative names the first DNS name and the first URI. What STS
//! cannot carry is left out ([`super::unmappable`]). A profile with its own mappings derives others.
//!
//! [default mappings]: https://docs.aws.amazon.com/rolesanywhere/latest/userguide/attribute-mapping.html

use super::unmappable;
use crate::x509::Certificate;

/// Returns the tags, as `x509Subject/CN` and the value.
pub fn session_tags(certificate: &Certificate) -> Vec<(String, String)> {
    let mut tags: Vec<(String, String)> = Vec::new();
    let names =
        [("x509Subject", certificate.subject_attributes()), ("x509Issuer", certificate.issuer_attributes())];
    for (field, attributes) in names {
        for (kind, value) in attributes {
            let (key, value) = (format!("{field}/{kind}"), value.as_deref().unwrap_or_default());
            match tags.iter_mut().find(|(known, _)| *known == key) {
                Some((_, joined)) => {
                    joined.push('/');
                    joined.push_str(value);
                }
                None => tags.push((key, value.to_owned())),
            }
        }
    }
    for kind in ["DNS", "URI"] {
        let names = certificate.subject_alternative_names().iter();
        let first = names.filter_map(|name| name.strip_prefix(kind)?.strip_prefix(':')).next();
        tags.extend(first.map(|value| (format!("x509SAN/{kind}"), value.to_owned())));
    }
    tags.retain(|(_, value)| unmappable::is_tag_value(value));
    tags
}
