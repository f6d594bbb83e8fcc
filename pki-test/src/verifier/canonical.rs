//! The canonical request and the string to sign, from the specification of SigV4 and AWS4-X509.
//!
//! Pure. Written for a verifier: it decodes what was received and encodes it again, so that requests with the same
//! meaning have the same canonical form, and others differ.
//!
//! See [the signing process], tasks 1 and 2, and [SigV4's canonical request].
//!
//! [the signing process]: https://docs.aws.amazon.com/rolesanywhere/latest/userguide/authentication-sign-process.html
//! [SigV4's canonical request]: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html

use aws_lc_rs::digest::{SHA256, digest};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, percent_encode};

use super::refusal::Refusal;
use super::request::ReceivedRequest;

/// Everything but `A-Z a-z 0-9 - _ . ~`, the unreserved characters of RFC 3986.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// Returns the lower-case hex of the SHA-256 of `bytes`.
pub fn sha256_hex(bytes: &[u8]) -> String {
    hex::encode(digest(&SHA256, bytes))
}

/// `method LF uri LF query LF headers LF signed_headers LF hex(SHA-256(body))`
///
/// `headers` is one line `name:value LF` per signed header. Bytes are returned instead of a hash, since header values
/// need not be text. `signed_headers` is used in the given order: whether it is sorted is checked elsewhere.
///
/// # Errors
///
/// Fails if a signed header was not sent, or if the query contains an invalid escape.
pub fn canonical_request(request: &ReceivedRequest, signed_headers: &[String]) -> Result<Vec<u8>, Refusal> {
    let mut canonical = Vec::with_capacity(request.header_bytes().saturating_add(request.target.len()));
    canonical.extend_from_slice(request.method.as_bytes());
    canonical.push(b'\n');
    canonical.extend_from_slice(canonical_path(request.path()).as_bytes());
    canonical.push(b'\n');
    canonical.extend_from_slice(canonical_query(request.query())?.as_bytes());
    canonical.push(b'\n');
    for name in signed_headers {
        canonical.extend_from_slice(name.as_bytes());
        canonical.push(b':');
        let mut values = request.header_values(name).map(canonical_value);
        canonical.extend(values.next().ok_or_else(|| Refusal::SignedHeaderAbsent { name: name.clone() })?);
        for value in values {
            canonical.push(b',');
            canonical.extend(value);
        }
        canonical.push(b'\n');
    }
    canonical.push(b'\n');
    canonical.extend_from_slice(signed_headers.join(";").as_bytes());
    canonical.push(b'\n');
    canonical.extend_from_slice(sha256_hex(&request.body).as_bytes());
    Ok(canonical)
}

/// `algorithm LF time LF scope LF hex(SHA-256(canonical_request))`
///
/// `time` is the text of `X-Amz-Date`; `scope` is `date/region/service/aws4_request`. No line feed at the end.
pub fn string_to_sign(algorithm: &str, time: &str, scope: &str, canonical_request: &[u8]) -> String {
    format!("{algorithm}\n{time}\n{scope}\n{}", sha256_hex(canonical_request))
}

/// Encodes each segment of an already encoded path once more, as SigV4 does for every service but S3.
fn canonical_path(path: &str) -> String {
    if path.is_empty() {
        return "/".to_owned();
    }
    let segments: Vec<String> =
        path.split('/').map(|segment| percent_encode(segment.as_bytes(), RESERVED).to_string()).collect();
    segments.join("/")
}

/// Sorts the decoded parameters by encoded name, then encoded value, and joins them.
fn canonical_query(query: &str) -> Result<String, Refusal> {
    let mut pairs: Vec<(String, String)> =
        query_parameters(query)?.into_iter().map(|(name, value)| (encoded(&name), encoded(&value))).collect();
    pairs.sort();
    let pairs: Vec<String> = pairs.into_iter().map(|(name, value)| format!("{name}={value}")).collect();
    Ok(pairs.join("&"))
}

fn encoded(text: &str) -> String {
    percent_encode(text.as_bytes(), RESERVED).to_string()
}

/// Returns the query's parameters in the order sent, percent-decoded.
///
/// A bare `+` is rejected: some programs read it as a blank, others do not.
///
/// # Errors
///
/// Fails if an escape is incomplete, if the decoded bytes are not UTF-8, or if a bare `+` occurs.
pub fn query_parameters(query: &str) -> Result<Vec<(String, String)>, Refusal> {
    query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            Ok((decoded(name)?, decoded(value)?))
        })
        .collect()
}

fn decoded(text: &str) -> Result<String, Refusal> {
    let malformed = |reason| Refusal::QueryMalformed { reason };
    if text.contains('+') {
        return Err(malformed("a plus sign must be sent as %2B"));
    }
    let escapes_are_complete = text.split('%').skip(1).all(|rest| {
        rest.get(..2).is_some_and(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()))
    });
    if !escapes_are_complete {
        return Err(malformed("an escape is % and two hexadecimal digits"));
    }
    let text = percent_decode_str(text).decode_utf8().map_err(|_| malformed("a parameter is not UTF-8"))?;
    Ok(text.into_owned())
}

/// Trims blanks at both ends and collapses each run of spaces to one.
fn canonical_value(value: &[u8]) -> Vec<u8> {
    let blank = |byte: &u8| matches!(byte, b' ' | b'\t');
    let start = value.iter().position(|byte| !blank(byte)).unwrap_or(value.len());
    let end = value.iter().rposition(|byte| !blank(byte)).map_or(start, |last| last + 1);
    let mut canonical = Vec::with_capacity(end - start);
    for &byte in &value[start..end] {
        if byte != b' ' || canonical.last() != Some(&b' ') {
            canonical.push(byte);
        }
    }
    canonical
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A complete request worked out by hand from the specification, stage by stage.
    #[test]
    fn the_worked_example_has_the_known_hashes() {
        let account = "111122223333";
        let ids = "a1b2c3d4-0000-4000-8000-00000000000";
        let target = format!(
            "/sessions?trustAnchorArn=arn:aws:rolesanywhere:us-east-1:{account}:trust-anchor/{ids}1\
             &roleArn=arn%3aaws%3Aiam::{account}:role/team/app%2Bx\
             &profileArn=arn:aws:rolesanywhere:us-east-1:{account}:profile/{ids}2"
        );
        let request = ReceivedRequest {
            source_address: None,
            method: "POST".to_owned(),
            target,
            headers: [
                ("Host", "rolesanywhere.us-east-1.amazonaws.com"),
                ("X-Amz-X509-Chain", "SU5UMQ==,SU5UMg=="),
                ("Content-Type", "  application/json "),
                ("X-Amz-Date", "20261123T120000Z"),
                ("X-Amz-X509", "TEVBRg=="),
            ]
            .map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec()))
            .to_vec(),
            body: br#"{"durationSeconds":3600}"#.to_vec(),
        };
        let signed: Vec<String> = ["content-type", "host", "x-amz-date", "x-amz-x509", "x-amz-x509-chain"]
            .map(str::to_owned)
            .to_vec();
        assert_eq!(
            sha256_hex(&request.body),
            "1a15f67f6619aa540b13e9a4c37d149fb2c9bdea25d82b73a3878826694dfe27"
        );
        let canonical = canonical_request(&request, &signed).unwrap();
        assert_eq!(
            sha256_hex(&canonical),
            "03d59eedd2b5573058b0ce542cf28cab87b9999f2a1da2f894cb3e9507cbcd40"
        );
        let to_sign = string_to_sign(
            "AWS4-X509-RSA-SHA256",
            "20261123T120000Z",
            "20261123/us-east-1/rolesanywhere/aws4_request",
            &canonical,
        );
        assert_eq!(
            sha256_hex(to_sign.as_bytes()),
            "28c4aa93406812139796b26d4ec017b993c6e8ffae6a9a6f61dda2bb6c0d80f5"
        );
    }

    #[test]
    fn values_lose_outer_blanks_and_repeated_spaces_only() {
        assert_eq!(canonical_value(b" \ta  b\tc "), b"a b\tc");
        assert_eq!(canonical_value(b"   "), b"");
    }

    #[test]
    fn a_query_is_sorted_by_name_then_value() {
        assert_eq!(canonical_query("b=2&a=%7e&b=1&c").unwrap(), "a=~&b=1&b=2&c=");
        for bad in ["a=+", "a=%4", "a=%zz", "a=%ff"] {
            assert!(canonical_query(bad).is_err(), "{bad}");
        }
    }
}
