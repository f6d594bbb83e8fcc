//! AWS's refusals, classified by meaning.

use std::time::Duration;

use serde::Deserialize;

use super::SessionError;
use crate::clock::Timestamp;
use crate::diagnostic::{Diagnostic, Fact, Fault};
use crate::http::retry::{is_throttled, retry_after};
use crate::http::{NoAnswer, Response};
use crate::text::shortened;

/// The ids of [`Refusal`].
pub const IDS: &[&str] = &[
    "aws-attributes-not-mapped",
    "aws-cannot-assume-role",
    "aws-certificate-revoked",
    "aws-insufficient-certificate",
    "aws-invalid-profile",
    "aws-invalid-request",
    "aws-invalid-signature",
    "aws-refused",
    "aws-role-not-in-profile",
    "aws-session-name-not-accepted",
    "aws-throttled",
    "aws-trust-anchor-not-found",
    "aws-unavailable",
    "aws-untrusted-certificate",
];

/// The longest message that is stored, in characters.
const LONGEST_MESSAGE: usize = 1000;

/// The meaning of a refusal, to the extent that its text reveals it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefusalKind {
    /// `Some attributes failed to be mapped into session tags`.
    AttributesNotMapped,
    /// `Unable to assume role`: the trust policy, its conditions, missing actions, or the duration.
    CannotAssumeRole,
    /// `Certificate revoked`.
    CertificateRevoked,
    /// `Insufficient certificate`: the end entity does not meet the service's requirements.
    InsufficientCertificate,
    /// `Invalid or empty profile`: unknown, disabled or without roles.
    InvalidProfile,
    /// A parameter that the service does not accept.
    InvalidRequest,
    /// `Invalid signature`: the key, the clock, or something that changes requests on the way.
    InvalidSignature,
    /// Anything else.
    Other,
    /// The profile does not list the role.
    RoleNotInProfile,
    /// The profile does not accept a role session name.
    SessionNameNotAccepted,
    /// Too many calls in this account and region.
    Throttled,
    /// No such trust anchor in this region and account.
    TrustAnchorNotFound,
    /// The service has a problem.
    Unavailable,
    /// The chain does not end at the trust anchor.
    UntrustedCertificate,
}

/// Parts of the service's messages, in lower case, and their meaning; the first match wins. The last one is also
/// recognised within others.
const MESSAGES: [(&str, RefusalKind); 10] = [
    ("insufficient certificate", RefusalKind::InsufficientCertificate),
    ("untrusted signing certificate", RefusalKind::UntrustedCertificate),
    ("certificate revoked", RefusalKind::CertificateRevoked),
    ("unable to assume role", RefusalKind::CannotAssumeRole),
    ("invalid signature", RefusalKind::InvalidSignature),
    ("invalid or empty profile", RefusalKind::InvalidProfile),
    ("listed in the profile", RefusalKind::RoleNotInProfile),
    ("not authorized to set rolesessionname", RefusalKind::SessionNameNotAccepted),
    ("trust anchor wasn't found", RefusalKind::TrustAnchorNotFound),
    ("failed to be mapped into session tags", RefusalKind::AttributesNotMapped),
];

/// A refusal as received from AWS, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// What it means.
    pub kind: RefusalKind,
    /// The HTTP status.
    pub status: u16,
    /// AWS's error code: `AccessDeniedException`; empty if there is none.
    pub code: String,
    /// AWS's message as received, cut at 1000 characters; empty if there is none.
    pub message: String,
    /// The id by which AWS can find the request.
    pub request_id: Option<String>,
    /// The time in the answer's `Date` header.
    pub server_time: Option<Timestamp>,
    /// The time on this machine when the answer arrived.
    pub local_time: Timestamp,
    /// The correction of the request's time, in seconds.
    pub corrected_by: i64,
    /// How long the service asks callers to wait.
    pub retry_after: Option<Duration>,
    /// How many requests were sent.
    pub attempts: u32,
}

impl Refusal {
    /// Returns whether AWS may grant the same request a little later, because nothing is wrong with the request itself.
    pub const fn is_transient(&self) -> bool {
        match self.kind {
            RefusalKind::Throttled | RefusalKind::Unavailable => true,
            RefusalKind::AttributesNotMapped
            | RefusalKind::CannotAssumeRole
            | RefusalKind::CertificateRevoked
            | RefusalKind::InsufficientCertificate
            | RefusalKind::InvalidProfile
            | RefusalKind::InvalidRequest
            | RefusalKind::InvalidSignature
            | RefusalKind::Other
            | RefusalKind::RoleNotInProfile
            | RefusalKind::SessionNameNotAccepted
            | RefusalKind::TrustAnchorNotFound
            | RefusalKind::UntrustedCertificate => false,
        }
    }

    /// Returns how many seconds the request's time was behind AWS's, negative if ahead.
    pub fn clock_offset(&self) -> Option<i64> {
        let ours = self.local_time.unix_seconds().saturating_add(self.corrected_by);
        self.server_time.map(|theirs| theirs.unix_seconds().saturating_sub(ours))
    }
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.kind {
            RefusalKind::Throttled => {
                f.write_str("AWS throttles CreateSession in this account and region")?
            }
            RefusalKind::Unavailable => f.write_str("AWS cannot create a session at the moment")?,
            RefusalKind::AttributesNotMapped
            | RefusalKind::CannotAssumeRole
            | RefusalKind::CertificateRevoked
            | RefusalKind::InsufficientCertificate
            | RefusalKind::InvalidProfile
            | RefusalKind::InvalidRequest
            | RefusalKind::InvalidSignature
            | RefusalKind::Other
            | RefusalKind::RoleNotInProfile
            | RefusalKind::SessionNameNotAccepted
            | RefusalKind::TrustAnchorNotFound
            | RefusalKind::UntrustedCertificate => f.write_str("AWS refused to create the session")?,
        }
        match self.code.as_str() {
            "" => write!(f, " (HTTP {})", self.status),
            code => write!(f, " ({})", crate::text::printable(code)),
        }
    }
}

impl std::error::Error for Refusal {}

impl Diagnostic for Refusal {
    fn id(&self) -> &'static str {
        match self.kind {
            RefusalKind::AttributesNotMapped => "aws-attributes-not-mapped",
            RefusalKind::CannotAssumeRole => "aws-cannot-assume-role",
            RefusalKind::CertificateRevoked => "aws-certificate-revoked",
            RefusalKind::InsufficientCertificate => "aws-insufficient-certificate",
            RefusalKind::InvalidProfile => "aws-invalid-profile",
            RefusalKind::InvalidRequest => "aws-invalid-request",
            RefusalKind::InvalidSignature => "aws-invalid-signature",
            RefusalKind::Other => "aws-refused",
            RefusalKind::RoleNotInProfile => "aws-role-not-in-profile",
            RefusalKind::SessionNameNotAccepted => "aws-session-name-not-accepted",
            RefusalKind::Throttled => "aws-throttled",
            RefusalKind::TrustAnchorNotFound => "aws-trust-anchor-not-found",
            RefusalKind::Unavailable => "aws-unavailable",
            RefusalKind::UntrustedCertificate => "aws-untrusted-certificate",
        }
    }

    fn fault(&self) -> Fault {
        match self.kind {
            RefusalKind::Unavailable => Fault::Unreachable,
            RefusalKind::AttributesNotMapped
            | RefusalKind::CannotAssumeRole
            | RefusalKind::CertificateRevoked
            | RefusalKind::InsufficientCertificate
            | RefusalKind::InvalidProfile
            | RefusalKind::InvalidRequest
            | RefusalKind::InvalidSignature
            | RefusalKind::Other
            | RefusalKind::RoleNotInProfile
            | RefusalKind::SessionNameNotAccepted
            | RefusalKind::Throttled
            | RefusalKind::TrustAnchorNotFound
            | RefusalKind::UntrustedCertificate => Fault::Refused,
        }
    }

    fn facts(&self) -> Vec<Fact> {
        let mut facts = Vec::new();
        if !self.message.is_empty() {
            facts.push(Fact::new("AWS says", self.message.as_str()));
        }
        if let Some(id) = &self.request_id {
            facts.push(Fact::new("request id", id.as_str()));
        }
        if self.attempts > 1 {
            facts.push(Fact::new("attempts", self.attempts.to_string()));
        }
        facts
    }

    fn hint(&self) -> Option<String> {
        Some(format!("anyrole explain {} says what this can mean", self.id()))
    }
}

/// Parses an answer that is not a success.
pub(super) fn read(answer: &Response, now: Timestamp, corrected_by: i64, attempts: u32) -> SessionError {
    let body: Body = serde_json::from_slice(answer.body()).unwrap_or_default();
    let Body { code, kind, message, message_capital, retry_after_seconds } = body;
    let code = answer.header("x-amzn-errortype").map(str::to_owned).or(code).or(kind).unwrap_or_default();
    let message = message.or(message_capital).unwrap_or_default();
    let nothing_said = code.is_empty() && message.is_empty();
    if answer.request_id().is_none() && (answer.is_page() || nothing_said) {
        return NoAnswer::of_proxy(answer).into();
    }
    let code = bare(&code).to_owned();
    SessionError::Refused(Box::new(Refusal {
        kind: kind_of(answer, &code, &message),
        status: answer.status(),
        code,
        message: shortened(&message, LONGEST_MESSAGE),
        request_id: answer.request_id().map(str::to_owned),
        server_time: answer.header("date").and_then(Timestamp::parse_http_date),
        local_time: now,
        corrected_by,
        retry_after: retry_after(answer).or_else(|| retry_after_seconds.map(Duration::from_secs)),
        attempts,
    }))
}

fn kind_of(answer: &Response, code: &str, message: &str) -> RefusalKind {
    if is_throttled(answer) {
        return RefusalKind::Throttled;
    }
    if answer.status() >= 500 {
        return RefusalKind::Unavailable;
    }
    let message = message.to_ascii_lowercase().replace('\u{2019}', "'");
    let known = MESSAGES.iter().find(|(text, _)| message.contains(text)).map(|(_, kind)| *kind);
    known.unwrap_or(match code {
        "ResourceNotFoundException" if message.contains("profile") => RefusalKind::InvalidProfile,
        "ResourceNotFoundException" => RefusalKind::TrustAnchorNotFound,
        "ValidationException" => RefusalKind::InvalidRequest,
        _ => RefusalKind::Other,
    })
}

/// Returns a code without the protocols' additions: `namespace#Code:https://…`.
fn bare(code: &str) -> &str {
    let code = code.split(':').next().unwrap_or_default();
    code.rsplit('#').next().unwrap_or_default().trim()
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Body {
    code: Option<String>,
    #[serde(rename = "__type")]
    kind: Option<String>,
    message: Option<String>,
    #[serde(rename = "Message")]
    message_capital: Option<String>,
    #[serde(rename = "retryAfterSeconds")]
    retry_after_seconds: Option<u64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_bare() {
        assert_eq!(bare("AccessDeniedException:http://internal.amazon.com/x"), "AccessDeniedException");
        assert_eq!(bare("com.amazon.coral#AccessDeniedException"), "AccessDeniedException");
        assert_eq!(bare("AccessDeniedException"), "AccessDeniedException");
        assert_eq!(bare(""), "");
    }
}
