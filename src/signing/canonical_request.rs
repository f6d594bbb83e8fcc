//! The first stage: the canonical form of a request.

use std::collections::BTreeMap;
use std::fmt;

use aws_lc_rs::digest::{SHA256, digest};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::Request;

/// All characters except the unreserved ones of RFC 3986 §2.3.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
/// The same, except for the slash between the segments of a path.
const RESERVED_IN_PATH: &AsciiSet = &RESERVED.remove(b'/');

/// Headers that are never signed: proxies change them, or they carry the signature.
const UNSIGNED: [&str; 3] = ["authorization", "user-agent", "x-amzn-trace-id"];

/// A request in canonical form, and the list of its headers.
#[derive(Clone, PartialEq, Eq)]
pub struct CanonicalRequest {
    text: String,
    signed_headers: String,
}

impl CanonicalRequest {
    /// `method LF uri LF query LF headers LF signed_headers LF hex(SHA-256(body))`
    ///
    /// `uri` is the path as sent, with each segment percent-encoded once more. `query` is the pairs, encoded and
    /// sorted. `headers` is one `name:value LF` per header: names in lower case and sorted, values trimmed, runs of
    /// blanks collapsed, the values of repeated names joined by commas in their order. `host` is among them.
    /// `signed_headers` is the names, joined by semicolons.
    ///
    /// See [the signing process], task 1.
    ///
    /// [the signing process]: https://docs.aws.amazon.com/rolesanywhere/latest/userguide/authentication-sign-process.html
    pub fn of(request: &Request) -> Self {
        let mut headers: BTreeMap<String, String> = BTreeMap::new();
        headers.insert(String::from("host"), request.endpoint.authority().to_owned());
        for (name, value) in &request.headers {
            let name = name.to_ascii_lowercase();
            if UNSIGNED.contains(&name.as_str()) {
                continue;
            }
            let value = collapsed(value);
            headers.entry(name).and_modify(|before| *before = format!("{before},{value}")).or_insert(value);
        }
        let signed_headers = headers.keys().map(String::as_str).collect::<Vec<_>>().join(";");
        let headers: String = headers.iter().map(|(name, value)| format!("{name}:{value}\n")).collect();
        let text = format!(
            "{}\n{}\n{}\n{headers}\n{signed_headers}\n{}",
            request.method.as_str(),
            canonical_uri(&request.full_path()),
            canonical_query(&request.query),
            sha256_hex(&request.body),
        );
        Self { text, signed_headers }
    }

    /// Returns the whole text.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Returns the names of the signed headers, joined by semicolons.
    pub fn signed_headers(&self) -> &str {
        &self.signed_headers
    }

    /// Returns the SHA-256 of the text in lower-case hex.
    pub fn hash(&self) -> String {
        sha256_hex(self.text.as_bytes())
    }
}

/// Shows only the names of the headers: a value may be a session token.
impl fmt::Debug for CanonicalRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CanonicalRequest({})", self.signed_headers)
    }
}

/// `name=value` pairs, percent-encoded, sorted by encoded name and then by encoded value, joined by `&`.
///
/// A blank is `%20`. An equals sign in a value is encoded once, as in the official helper and every SDK; the signing
/// page asks for twice.
pub(crate) fn canonical_query(pairs: &[(String, String)]) -> String {
    let encode = |text: &str| utf8_percent_encode(text, RESERVED).to_string();
    let mut pairs: Vec<_> = pairs.iter().map(|(name, value)| (encode(name), encode(value))).collect();
    pairs.sort();
    pairs.into_iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&")
}

fn canonical_uri(path: &str) -> String {
    if path.is_empty() { String::from("/") } else { utf8_percent_encode(path, RESERVED_IN_PATH).to_string() }
}

/// Returns a header's value, trimmed, with each run of blanks collapsed to one.
fn collapsed(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    for character in value.trim_matches([' ', '\t']).chars() {
        if character != ' ' || !text.ends_with(' ') {
            text.push(character);
        }
    }
    text
}

fn sha256_hex(bytes: &[u8]) -> String {
    hex::encode(digest(&SHA256, bytes))
}
