//! The common part of AWS4-X509 and SigV4: the signed request around the signature.

use std::time::Duration;

use time::format_description::FormatItem;
use time::macros::format_description;
use time::{OffsetDateTime, PrimitiveDateTime};

use super::Strictness;
use super::authorization::Authorization;
use super::canonical::{canonical_request, sha256_hex, string_to_sign};
use super::refusal::Refusal;
use super::request::{BODY_LIMIT, HEADER_LIMIT, ReceivedRequest};
use crate::text::shown;

/// The format of `X-Amz-Date`: UTC to the second.
const AMZ_DATE: &[FormatItem<'_>] = format_description!("[year][month][day]T[hour][minute][second]Z");

/// What is expected of a signed request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Expectation<'a> {
    /// The scope's service.
    pub(crate) service: &'static str,
    /// The allowed regions of the scope; the first is the endpoint's own.
    pub(crate) regions: &'a [&'a str],
    /// The verifier's time.
    pub(crate) now: OffsetDateTime,
    /// How far `X-Amz-Date` may be from it, in both directions.
    pub(crate) skew: Duration,
    /// Headers that must be signed if they are sent, besides `host` and everything starting with `x-amz-`.
    pub(crate) covered: &'a [&'a str],
    /// Whether unsigned headers are rejected or recorded.
    pub(crate) strictness: Strictness,
}

/// A request whose date, scope, signed headers and body hash are valid; its signature has not been checked.
#[derive(Clone, Debug)]
pub(crate) struct Envelope {
    /// The parsed header.
    pub(crate) authorization: Authorization,
    /// Lower-case hex SHA-256 of the canonical request.
    pub(crate) canonical_request_sha256: String,
    /// The text that was signed.
    pub(crate) string_to_sign: String,
    /// What a strict verifier would have rejected.
    pub(crate) anomalies: Vec<Refusal>,
}

impl Envelope {
    /// Opens a request.
    ///
    /// # Errors
    ///
    /// Fails if the request is too large, or if the `Authorization` header, the date, the scope, the list of signed
    /// headers or the declared body hash breaks a rule.
    pub(crate) fn open(request: &ReceivedRequest, expectation: Expectation<'_>) -> Result<Self, Refusal> {
        check_size(request)?;
        let authorization = Authorization::parse(one_header(request, "authorization")?)?;
        let amz_date = check_date(request, &authorization, expectation)?;
        check_scope(&authorization, expectation)?;
        check_content_hash(request)?;
        let anomalies = check_coverage(request, &authorization, expectation)?;
        let canonical = canonical_request(request, &authorization.signed_headers)?;
        let string_to_sign =
            string_to_sign(&authorization.algorithm, &amz_date, &authorization.scope.render(), &canonical);
        Ok(Self {
            authorization,
            canonical_request_sha256: sha256_hex(&canonical),
            string_to_sign,
            anomalies,
        })
    }

    /// Returns the refusal for a signature that does not verify.
    pub(crate) fn signature_mismatch(&self) -> Refusal {
        Refusal::SignatureMismatch {
            canonical_request_sha256: self.canonical_request_sha256.clone(),
            string_to_sign_sha256: sha256_hex(self.string_to_sign.as_bytes()),
        }
    }
}

/// Returns the value of a header that must be sent exactly once.
pub(crate) fn one_header<'a>(request: &'a ReceivedRequest, name: &'static str) -> Result<&'a [u8], Refusal> {
    optional_header(request, name)?.ok_or(Refusal::HeaderMissing { name })
}

/// Returns the value of a header that may be sent at most once, without surrounding blanks.
pub(crate) fn optional_header<'a>(
    request: &'a ReceivedRequest,
    name: &'static str,
) -> Result<Option<&'a [u8]>, Refusal> {
    match request.header_values(name).count() {
        0 | 1 => Ok(request.header_values(name).next().map(<[u8]>::trim_ascii)),
        found => Err(Refusal::HeaderRepeated { name, found }),
    }
}

fn check_size(request: &ReceivedRequest) -> Result<(), Refusal> {
    let headers = request.header_bytes().saturating_add(request.target.len());
    if headers > HEADER_LIMIT {
        return Err(Refusal::HeadersTooLarge { found: headers, limit: HEADER_LIMIT });
    }
    if request.body.len() > BODY_LIMIT {
        return Err(Refusal::BodyTooLarge { found: request.body.len(), limit: BODY_LIMIT });
    }
    Ok(())
}

/// Checks `X-Amz-Date` against the clock and the scope, and returns its text.
fn check_date(
    request: &ReceivedRequest,
    authorization: &Authorization,
    expectation: Expectation<'_>,
) -> Result<String, Refusal> {
    let malformed = || Refusal::HeaderMalformed {
        name: "x-amz-date",
        reason: "it is not a time of the form YYYYMMDDTHHMMSSZ".to_owned(),
    };
    let text = str::from_utf8(one_header(request, "x-amz-date")?).map_err(|_| malformed())?.trim();
    let dated = PrimitiveDateTime::parse(text, AMZ_DATE).map_err(|_| malformed())?.assume_utc();
    let now = expectation.now;
    if (dated - now).unsigned_abs() > expectation.skew {
        return Err(Refusal::ClockSkew { dated, now, limit_seconds: expectation.skew.as_secs() });
    }
    let expected = &text[..8];
    if authorization.scope.date != expected {
        return Err(Refusal::ScopeDate {
            found: shown(&authorization.scope.date),
            expected: expected.to_owned(),
        });
    }
    Ok(text.to_owned())
}

fn check_scope(authorization: &Authorization, expectation: Expectation<'_>) -> Result<(), Refusal> {
    let scope = &authorization.scope;
    if !expectation.regions.contains(&scope.region.as_str()) {
        return Err(Refusal::ScopeRegion {
            found: shown(&scope.region),
            expected: expectation.regions.first().copied().unwrap_or_default().to_owned(),
        });
    }
    if scope.service != expectation.service {
        return Err(Refusal::ScopeService { found: shown(&scope.service), expected: expectation.service });
    }
    if scope.terminator != "aws4_request" {
        return Err(Refusal::ScopeTerminator { found: shown(&scope.terminator) });
    }
    Ok(())
}

/// Checks `X-Amz-Content-Sha256`, if the client sent it.
fn check_content_hash(request: &ReceivedRequest) -> Result<(), Refusal> {
    let expected = sha256_hex(&request.body);
    match optional_header(request, "x-amz-content-sha256")? {
        Some(found) if found != expected.as_bytes() => {
            Err(Refusal::ContentHash { found: shown(String::from_utf8_lossy(found)), expected })
        }
        Some(_) | None => Ok(()),
    }
}

/// Checks that `host`, every `x-amz-` header and the expected headers are signed; unsigned ones are returned or
/// rejected.
fn check_coverage(
    request: &ReceivedRequest,
    authorization: &Authorization,
    expectation: Expectation<'_>,
) -> Result<Vec<Refusal>, Refusal> {
    one_header(request, "host")?;
    let mut uncovered: Vec<String> = request
        .headers
        .iter()
        .map(|(name, _)| name.to_ascii_lowercase())
        .filter(|name| {
            name == "host" || name.starts_with("x-amz-") || expectation.covered.contains(&name.as_str())
        })
        .filter(|name| !authorization.signed_headers.contains(name))
        .collect();
    uncovered.sort();
    uncovered.dedup();
    let mut anomalies = uncovered.into_iter().map(|name| Refusal::HeaderNotSigned { name });
    match expectation.strictness {
        Strictness::Strict => anomalies.next().map_or(Ok(Vec::new()), Err),
        Strictness::AsTheService => Ok(anomalies.collect()),
    }
}
