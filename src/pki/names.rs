//! Subject alternative names as text: `dns:`, `uri:`, `ip:` and `name:`, then the value.

use pki_test::end_entity::SubjectAlternativeName;

/// Returns the text of a name.
pub(super) fn render(name: &SubjectAlternativeName) -> String {
    match name {
        SubjectAlternativeName::DirectoryName(name) => format!("name:{name}"),
        SubjectAlternativeName::Dns(name) => format!("dns:{name}"),
        SubjectAlternativeName::IpAddress(address) => format!("ip:{address}"),
        SubjectAlternativeName::Uri(uri) => format!("uri:{uri}"),
    }
}

/// Reads what [`render`] wrote.
pub(super) fn parse(text: &str) -> Option<SubjectAlternativeName> {
    let (kind, value) = text.split_once(':')?;
    match kind {
        "dns" => Some(SubjectAlternativeName::Dns(value.to_owned())),
        "ip" => value.parse().ok().map(SubjectAlternativeName::IpAddress),
        "name" => value.parse().ok().map(SubjectAlternativeName::DirectoryName),
        "uri" => Some(SubjectAlternativeName::Uri(value.to_owned())),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_read_back() {
        for text in
            ["dns:build.example", "uri:spiffe://example/build", "ip:192.0.2.1", "ip:::1", "name:CN=a,O=b"]
        {
            assert_eq!(parse(text).as_ref().map(render).as_deref(), Some(text));
        }
        for text in ["", "dns", "ip:x", "name:x", "mail:a@b"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
