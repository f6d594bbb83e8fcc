//! Subject alternative names as text: `dns:`, `uri:`, `ip:` and `name:`, then the value.

use pki_test::end_entity::SubjectAlternativeName;

use super::PkiError;
use crate::text::quoted;

/// Parses a DNS name ([RFC 1123 §2.1]): labels of letters, digits and inner hyphens; the first may be just `*`.
///
/// # Errors
///
/// Fails if it is invalid: a certificate with such a name would match nothing.
///
/// [RFC 1123 §2.1]: https://www.rfc-editor.org/rfc/rfc1123#section-2
pub fn dns_name(text: &str) -> Result<SubjectAlternativeName, PkiError> {
    let refuse =
        |why: String| Err(PkiError::AlternativeName { kind: "a DNS name", name: text.to_owned(), why });
    if text.is_empty() {
        return refuse(String::from("it is empty"));
    }
    if text.len() > 253 {
        return refuse(format!("it has {} characters, and at most 253 are possible", text.len()));
    }
    let wildcard = if text.starts_with("*.") { 2 } else { 0 };
    // The start of a label, in characters from 1; everything before a wrong character is ASCII.
    let mut start = wildcard + 1;
    for label in text[wildcard..].split('.') {
        let wrong = label.char_indices().find(|(_, c)| !c.is_ascii_alphanumeric() && *c != '-');
        if let Some((index, character)) = wrong {
            let why = match character {
                '*' => "a '*' stands alone in front of the first dot",
                _ if character.is_ascii() => "it has letters, digits, hyphens and dots",
                _ => "other scripts are written as xn--…",
            };
            return refuse(format!("{}; {why}", at(character, start + index)));
        }
        if label.is_empty() {
            return refuse(format!(
                "nothing stands before or after the dot at position {}",
                (start - 1).max(1)
            ));
        }
        if label.len() > 63 {
            return refuse(format!(
                "the part from position {start} on has {} characters, and at most 63 are possible",
                label.len()
            ));
        }
        let end = start + label.len() - 1;
        for (side, position) in [("begins", start), ("ends", end)] {
            if text.as_bytes()[position - 1] == b'-' {
                return refuse(format!("{}; no part of it {side} with a hyphen", at('-', position)));
            }
        }
        start = end + 2;
    }
    Ok(SubjectAlternativeName::Dns(text.to_owned()))
}

/// Parses a URI ([RFC 3986 §3]): a scheme, a colon, and at least one character, all of them allowed in URIs.
///
/// # Errors
///
/// Fails if it is invalid.
///
/// [RFC 3986 §3]: https://www.rfc-editor.org/rfc/rfc3986#section-3
pub fn uri(text: &str) -> Result<SubjectAlternativeName, PkiError> {
    let refuse = |why: String| Err(PkiError::AlternativeName { kind: "a URI", name: text.to_owned(), why });
    let of_uris = |c: char| c.is_ascii_alphanumeric() || "-._~:/?#[]@!$&'()*+,;=%".contains(c);
    if let Some((index, character)) = text.chars().enumerate().find(|(_, c)| !of_uris(*c)) {
        return refuse(format!("{}; it is written as {}", at(character, index + 1), escape(character)));
    }
    let begins = "it begins with a scheme and a colon, as spiffe://example.org/build does";
    let Some((scheme, rest)) = text.split_once(':') else {
        return refuse(format!("there is no ':' in it; {begins}"));
    };
    let of_schemes = |index: usize, c: char| {
        c.is_ascii_alphabetic() || (index > 0 && (c.is_ascii_digit() || "+-.".contains(c)))
    };
    if let Some((index, character)) = scheme.chars().enumerate().find(|(index, c)| !of_schemes(*index, *c)) {
        return refuse(format!("{}; {begins}", at(character, index + 1)));
    }
    if scheme.is_empty() {
        return refuse(format!("{}; {begins}", at(':', 1)));
    }
    if rest.is_empty() {
        return refuse(format!("nothing stands after the ':' at position {}; {begins}", text.len()));
    }
    let is_hex = |part: &str| part.len() >= 2 && part.bytes().take(2).all(|byte| byte.is_ascii_hexdigit());
    if let Some((index, _)) = text.match_indices('%').find(|(index, _)| !is_hex(&text[index + 1..])) {
        return refuse(format!("{}; two hexadecimal digits come after it", at('%', index + 1)));
    }
    Ok(SubjectAlternativeName::Uri(text.to_owned()))
}

/// The longest URL of a revocation list, in characters.
const URL_LIMIT: usize = 2048;

/// Takes the URL at which a revocation list is (RFC 5280 §4.2.1.13): `http:`, a host, and where it is there.
///
/// # Errors
///
/// Fails with what is wrong with it.
pub fn crl_url(text: &str) -> Result<String, PkiError> {
    let refuse = |why: &str| {
        let kind = "a URL of a revocation list";
        Err(PkiError::AlternativeName { kind, name: text.to_owned(), why: why.to_owned() })
    };
    let begins = "it begins with http://, as http://pki.example.org/ca.crl does";
    if text.len() > URL_LIMIT {
        return refuse("it has more than 2048 characters");
    }
    uri(text)?;
    let Some((scheme, rest)) = text.split_once("://") else { return refuse(begins) };
    if scheme.eq_ignore_ascii_case("https") {
        return refuse(
            "to check the server's certificate its own list would be needed first, and the list is signed anyway; \
             it begins with http://",
        );
    }
    if scheme != "http" {
        return refuse(begins);
    }
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    if authority.contains('@') {
        return refuse("it names a user, and everybody reads it in the certificate");
    }
    if authority.is_empty() || authority.starts_with(':') {
        return refuse("it names no host");
    }
    if path.len() < 2 || text.contains('#') {
        return refuse("it names no file on that host, as http://pki.example.org/ca.crl does");
    }
    Ok(text.to_owned())
}

/// Says which character is wrong and where, counted from 1.
fn at(character: char, position: usize) -> String {
    format!("there is {} at position {position}", quoted(&character.escape_debug().to_string()))
}

/// Percent-encodes a character: each octet of its UTF-8 as `%` and two digits.
fn escape(character: char) -> String {
    character.to_string().bytes().map(|octet| format!("%{octet:02X}")).collect()
}

/// Returns the text of a name: `dns:build.example`.
pub fn render(name: &SubjectAlternativeName) -> String {
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
    fn names_that_would_match_nothing_are_refused() {
        for good in ["build", "build-17.example.org", "*.example.org", "xn--bcher-kva.example"] {
            assert!(dns_name(good).is_ok(), "{good}");
        }
        let long = "a".repeat(64);
        for bad in ["", "a..b", "-a", "a-", "a b", "b\u{fc}cher.example", "*", "a.*.b", "a.", "a_b", &long] {
            assert!(dns_name(bad).is_err(), "{bad}");
        }
        for good in ["spiffe://example.org/build", "urn:uuid:1", "https://a/%20"] {
            assert!(uri(good).is_ok(), "{good}");
        }
        for bad in ["", "build", "://a", "1a:b", "spiffe:", "spiffe://a b", "a:%2", "a:%zz", "a:\u{fc}"] {
            assert!(uri(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_list_is_where_everybody_can_fetch_it() {
        for good in ["http://pki.example/ca.crl", "http://127.0.0.1:8080/a/b.crl?x=1", "http://[::1]/ca.crl"]
        {
            assert_eq!(crl_url(good).expect("a URL"), good);
        }
        let long = format!("http://a/{}", "x".repeat(2048));
        for bad in [
            "",
            "pki.example/ca.crl",
            "https://pki.example/ca.crl",
            "ldap://pki.example/ca",
            "file:///ca.crl",
            "http:///ca.crl",
            "http://:80/ca.crl",
            "http://pki.example",
            "http://pki.example/",
            "http://user@pki.example/ca.crl",
            "http://pki.example/ca.crl#now",
            "http://pki.example/my list.crl",
            &long,
        ] {
            assert!(crl_url(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_wrong_character_and_its_place_are_named() {
        for (bad, why) in [
            ("a_b", "there is '_' at position 2; it has letters, digits, hyphens and dots"),
            ("build.b\u{fc}cher", "there is '\u{fc}' at position 8; other scripts are written as xn--…"),
            ("a.*.b", "there is '*' at position 3; a '*' stands alone in front of the first dot"),
            ("a..b", "nothing stands before or after the dot at position 2"),
            (".a", "nothing stands before or after the dot at position 1"),
            ("a.b-.c", "there is '-' at position 4; no part of it ends with a hyphen"),
            ("*.-a", "there is '-' at position 3; no part of it begins with a hyphen"),
        ] {
            let told = dns_name(bad).expect_err("wrong").to_string();
            assert_eq!(told, format!("'{bad}' is not a DNS name: {why}"));
        }
        let begins = "it begins with a scheme and a colon, as spiffe://example.org/build does";
        for (bad, why) in [
            ("spiffe://a b", String::from("there is ' ' at position 11; it is written as %20")),
            ("a:\u{fc}", String::from("there is '\u{fc}' at position 3; it is written as %C3%BC")),
            ("a:b%2", String::from("there is '%' at position 4; two hexadecimal digits come after it")),
            ("build", format!("there is no ':' in it; {begins}")),
            ("1a:b", format!("there is '1' at position 1; {begins}")),
            ("s/a:b", format!("there is '/' at position 2; {begins}")),
            ("urn:", format!("nothing stands after the ':' at position 4; {begins}")),
        ] {
            let told = uri(bad).expect_err("wrong").to_string();
            assert_eq!(told, format!("'{bad}' is not a URI: {why}"));
        }
        assert!(dns_name("").expect_err("wrong").to_string().ends_with("it is empty"));
    }

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
