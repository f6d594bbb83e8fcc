//! The second stage: what the key signs.

use std::fmt;

use super::CanonicalRequest;
use crate::clock::Timestamp;

/// `date/region/service/aws4_request`: where and when a signature is valid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scope {
    time: Timestamp,
    region: String,
    service: &'static str,
}

impl Scope {
    /// Combines the parts; the date is the UTC day of `time`.
    pub const fn new(time: Timestamp, region: String, service: &'static str) -> Self {
        Self { time, region, service }
    }

    /// Returns the time of the signature, to the second.
    pub const fn time(&self) -> Timestamp {
        self.time
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}/aws4_request", self.time.scope_date(), self.region, self.service)
    }
}

/// The text that is signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StringToSign(String);

impl StringToSign {
    /// `string_to_sign = algorithm LF time LF scope LF hex(SHA-256(canonical_request))`
    ///
    /// `time` is the request's `X-Amz-Date`, to the second, UTC (`20261123T162000Z`); it is part of the scope, so that
    /// the date and the time always agree. The hash is lower-case hex. There is no line feed at the end. AWS4-X509
    /// signs these octets directly: there is no derived key.
    ///
    /// See [the signing process], tasks 2 and 3.
    ///
    /// [the signing process]: https://docs.aws.amazon.com/rolesanywhere/latest/userguide/authentication-sign-process.html
    pub fn new(algorithm: &str, scope: &Scope, canonical_request: &CanonicalRequest) -> Self {
        Self(format!("{algorithm}\n{}\n{scope}\n{}", scope.time().amz_date(), canonical_request.hash()))
    }

    /// Returns the text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
