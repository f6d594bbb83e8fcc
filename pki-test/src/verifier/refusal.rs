//! Why a request is refused: one variant per rule, with what was found and what was expected.

use time::OffsetDateTime;

use super::arn::ArnError;
use super::certificate_fault::CertificateFault;
use super::denial::Denial;
use crate::text::rfc3339;

/// A broken rule of the request, its signature, or its certificates.
///
/// Times are shown in RFC 3339; names and other text from the sender without control characters and cut at 200.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The declared algorithm is not the one for the certificate's key.
    #[error("the algorithm is {declared}, and the certificate's key ({key}) signs with {expected}")]
    AlgorithmMismatch {
        /// The algorithm of the `Authorization` header.
        declared: String,
        /// The algorithm for the certificate's key.
        expected: &'static str,
        /// The certificate's key.
        key: String,
    },
    /// The declared algorithm does not exist.
    #[error("there is no signature algorithm '{found}' here")]
    AlgorithmUnknown {
        /// The algorithm of the `Authorization` header.
        found: String,
    },
    /// The `Authorization` header cannot be read.
    #[error("the Authorization header is malformed: {reason}")]
    AuthorizationMalformed {
        /// What is wrong.
        reason: &'static str,
    },
    /// The body is not the JSON object that CreateSession expects.
    #[error("the body is malformed: {reason}")]
    BodyMalformed {
        /// What is wrong.
        reason: String,
    },
    /// The body is longer than [`BODY_LIMIT`](super::request::BODY_LIMIT).
    #[error("the body has {found} bytes, and at most {limit} are read")]
    BodyTooLarge {
        /// Bytes received.
        found: usize,
        /// Bytes allowed.
        limit: usize,
    },
    /// A certificate's signature does not verify with its issuer's key.
    #[error("the certificate '{subject}' was not signed by '{issuer}'")]
    CertificateSignature {
        /// Subject name of the certificate.
        subject: String,
        /// Subject name of the issuer that was tried.
        issuer: String,
    },
    /// The chain header holds too many certificates.
    #[error("the chain has {found} certificates, and at most {limit} are allowed")]
    ChainTooLong {
        /// Certificates sent.
        found: usize,
        /// Certificates allowed.
        limit: usize,
    },
    /// The request was signed too long before or after the verifier's time.
    #[error("the request is dated {}, {} s away from {}; at most {limit_seconds} s are allowed",
        rfc3339(*dated), (*dated - *now).whole_seconds().unsigned_abs(), rfc3339(*now))]
    ClockSkew {
        /// `X-Amz-Date`.
        dated: OffsetDateTime,
        /// The verifier's time.
        now: OffsetDateTime,
        /// Allowed distance in seconds.
        limit_seconds: u64,
    },
    /// `X-Amz-Content-Sha256` is not the body's hash.
    #[error("X-Amz-Content-Sha256 is '{found}', and the body's hash is {expected}")]
    ContentHash {
        /// The header's value.
        found: String,
        /// Lower-case hex SHA-256 of the body.
        expected: String,
    },
    /// The end-entity certificate itself breaks a rule.
    #[error("the end-entity certificate {fault}")]
    EndEntity {
        /// The broken rule.
        fault: CertificateFault,
    },
    /// A header cannot be read.
    #[error("the header {name} is malformed: {reason}")]
    HeaderMalformed {
        /// Lower-case name.
        name: &'static str,
        /// What is wrong.
        reason: String,
    },
    /// A header that must be sent is missing.
    #[error("the header {name} is missing")]
    HeaderMissing {
        /// Lower-case name.
        name: &'static str,
    },
    /// A header that the signature must cover is not among the signed headers.
    #[error("the header {name} is not covered by the signature")]
    HeaderNotSigned {
        /// Lower-case name.
        name: String,
    },
    /// A header that may occur once was sent several times.
    #[error("the header {name} was sent {found} times")]
    HeaderRepeated {
        /// Lower-case name.
        name: &'static str,
        /// Times it was sent.
        found: usize,
    },
    /// The headers are longer than [`HEADER_LIMIT`](super::request::HEADER_LIMIT).
    #[error("the headers have {found} bytes, and at most {limit} are read")]
    HeadersTooLarge {
        /// Bytes received.
        found: usize,
        /// Bytes allowed.
        limit: usize,
    },
    /// A CA certificate on the way to the trust anchor, or the anchor itself, breaks a rule.
    #[error("the CA certificate '{subject}' {fault}")]
    Issuer {
        /// Subject name of the CA certificate.
        subject: String,
        /// The broken rule.
        fault: CertificateFault,
    },
    /// Neither the chain nor the trust anchor contains the issuer of a certificate.
    #[error("the issuer '{issuer}' of '{subject}' is neither in the chain nor a trust anchor")]
    IssuerNotFound {
        /// Subject name of the last certificate reached.
        subject: String,
        /// Its issuer's name.
        issuer: String,
    },
    /// There is no such operation.
    #[error("there is no operation {method} '{path}'")]
    OperationUnknown {
        /// The method.
        method: String,
        /// The raw path.
        path: String,
    },
    /// A parameter was sent in the query and in the body, with different values.
    #[error("{name} is '{query}' in the query and '{body}' in the body")]
    ParameterConflict {
        /// The parameter.
        name: &'static str,
        /// Its value in the query.
        query: String,
        /// Its value in the body.
        body: String,
    },
    /// A parameter is not an ARN.
    #[error("{name} is no ARN: {reason}")]
    ParameterArn {
        /// The parameter.
        name: &'static str,
        /// What is wrong.
        reason: ArnError,
    },
    /// A parameter that must be sent is missing.
    #[error("{name} is neither in the query nor in the body")]
    ParameterMissing {
        /// The parameter.
        name: &'static str,
    },
    /// A parameter is outside its range or pattern.
    #[error("{name} is '{found}', and must be {expected}")]
    ParameterRange {
        /// The parameter.
        name: &'static str,
        /// Its value.
        found: String,
        /// What it must be.
        expected: &'static str,
    },
    /// A parameter was sent twice in the query.
    #[error("{name} occurs twice in the query")]
    ParameterRepeated {
        /// The parameter.
        name: &'static str,
    },
    /// An unknown parameter of CreateSession (strict verifiers only).
    #[error("there is no parameter '{name}'")]
    ParameterUnknown {
        /// Its name.
        name: String,
    },
    /// A CA certificate allows fewer CA certificates below it than there are.
    #[error(
        "the CA certificate '{subject}' allows {allowed} CA certificates below it, and there are {found}"
    )]
    PathLength {
        /// Subject name of the CA certificate.
        subject: String,
        /// Its path length constraint.
        allowed: u32,
        /// CA certificates below it.
        found: u32,
    },
    /// The chain header would make the verifier try too many paths to the trust anchor.
    #[error("no path to the trust anchor was found in {limit} signature checks")]
    PathTooCostly {
        /// Signature checks allowed.
        limit: u32,
    },
    /// The query cannot be read.
    #[error("the query is malformed: {reason}")]
    QueryMalformed {
        /// What is wrong.
        reason: &'static str,
    },
    /// A certificate names revocation lists, and none of them can be used.
    #[error("whether the certificate '{subject}' is revoked cannot be told: {reason}")]
    RevocationUnknown {
        /// Subject name of the certificate.
        subject: String,
        /// Each URL, and why its list cannot be used.
        reason: String,
    },
    /// A certificate's serial number is in a certificate revocation list.
    #[error("the certificate '{subject}' is revoked (serial number {serial}, decimal)")]
    Revoked {
        /// Subject name of the certificate.
        subject: String,
        /// Its serial number, decimal.
        serial: String,
    },
    /// The scope's date is not the date of `X-Amz-Date`.
    #[error("the scope's date is '{found}', and X-Amz-Date says {expected}")]
    ScopeDate {
        /// The scope's date.
        found: String,
        /// The date of `X-Amz-Date`.
        expected: String,
    },
    /// The scope's region is not the endpoint's.
    #[error("the scope's region is '{found}', and the endpoint's is {expected}")]
    ScopeRegion {
        /// The scope's region.
        found: String,
        /// The endpoint's region.
        expected: String,
    },
    /// The scope's service is not the endpoint's.
    #[error("the scope's service is '{found}', and the endpoint's is {expected}")]
    ScopeService {
        /// The scope's service.
        found: String,
        /// The endpoint's service.
        expected: &'static str,
    },
    /// The scope does not end in `aws4_request`.
    #[error("the scope ends in '{found}' instead of aws4_request")]
    ScopeTerminator {
        /// The scope's last part.
        found: String,
    },
    /// The credential's serial number is not in plain decimal.
    #[error("the credential's serial number '{found}' is not in decimal without leading zeros")]
    SerialForm {
        /// The text before the scope.
        found: String,
    },
    /// The credential's serial number is not the certificate's.
    #[error("the credential's serial number is {found}, and the certificate's is {expected} (both decimal)")]
    SerialMismatch {
        /// The credential's, decimal.
        found: String,
        /// The certificate's, decimal.
        expected: String,
    },
    /// The signature is not lower-case hex of a sensible length.
    #[error("the signature is not lower-case hexadecimal")]
    SignatureForm,
    /// The signature does not verify.
    #[error(
        "the signature does not verify; the canonical request's SHA-256 is {canonical_request_sha256}, \
             the string to sign's {string_to_sign_sha256}"
    )]
    SignatureMismatch {
        /// Lower-case hex SHA-256 of the verifier's canonical request.
        canonical_request_sha256: String,
        /// Lower-case hex SHA-256 of the verifier's string to sign.
        string_to_sign_sha256: String,
    },
    /// A signed header was not sent.
    #[error("the signed header '{name}' was not sent")]
    SignedHeaderAbsent {
        /// Lower-case name.
        name: String,
    },
    /// The list of signed headers is not lower-case, sorted and free of repetitions.
    #[error("the signed headers are not in lower case, sorted, each once: '{found}'")]
    SignedHeadersForm {
        /// The list as sent.
        found: String,
    },
    /// The trust anchor is disabled.
    #[error("the trust anchor {arn} is disabled")]
    TrustAnchorDisabled {
        /// The ARN as sent.
        arn: String,
    },
    /// The trust anchor is in another region than the endpoint.
    #[error("the trust anchor is in region '{found}', and the endpoint in {expected}")]
    TrustAnchorRegion {
        /// The ARN's region.
        found: String,
        /// The endpoint's region.
        expected: String,
    },
    /// There is no such trust anchor.
    #[error("there is no trust anchor {arn}")]
    TrustAnchorUnknown {
        /// The ARN as sent.
        arn: String,
    },
}

impl Refusal {
    /// Returns the rule's stable name, for example `scope-date` or `end-entity/key-usage`.
    pub fn rule(&self) -> String {
        let name = match self {
            Self::EndEntity { fault } => return format!("end-entity/{}", fault.rule()),
            Self::Issuer { fault, .. } => return format!("issuer/{}", fault.rule()),
            Self::AlgorithmMismatch { .. } => "algorithm-mismatch",
            Self::AlgorithmUnknown { .. } => "algorithm-unknown",
            Self::AuthorizationMalformed { .. } => "authorization-malformed",
            Self::BodyMalformed { .. } => "body-malformed",
            Self::BodyTooLarge { .. } => "body-too-large",
            Self::CertificateSignature { .. } => "certificate-signature",
            Self::ChainTooLong { .. } => "chain-too-long",
            Self::ClockSkew { .. } => "clock-skew",
            Self::ContentHash { .. } => "content-hash",
            Self::HeaderMalformed { .. } => "header-malformed",
            Self::HeaderMissing { .. } => "header-missing",
            Self::HeaderNotSigned { .. } => "header-not-signed",
            Self::HeaderRepeated { .. } => "header-repeated",
            Self::HeadersTooLarge { .. } => "headers-too-large",
            Self::IssuerNotFound { .. } => "issuer-not-found",
            Self::OperationUnknown { .. } => "operation-unknown",
            Self::ParameterArn { .. } => "parameter-arn",
            Self::ParameterConflict { .. } => "parameter-conflict",
            Self::ParameterMissing { .. } => "parameter-missing",
            Self::ParameterRange { .. } => "parameter-range",
            Self::ParameterRepeated { .. } => "parameter-repeated",
            Self::ParameterUnknown { .. } => "parameter-unknown",
            Self::PathLength { .. } => "path-length",
            Self::PathTooCostly { .. } => "path-too-costly",
            Self::QueryMalformed { .. } => "query-malformed",
            Self::RevocationUnknown { .. } => "revocation-unknown",
            Self::Revoked { .. } => "revoked",
            Self::ScopeDate { .. } => "scope-date",
            Self::ScopeRegion { .. } => "scope-region",
            Self::ScopeService { .. } => "scope-service",
            Self::ScopeTerminator { .. } => "scope-terminator",
            Self::SerialForm { .. } => "serial-form",
            Self::SerialMismatch { .. } => "serial-mismatch",
            Self::SignatureForm => "signature-form",
            Self::SignatureMismatch { .. } => "signature-mismatch",
            Self::SignedHeaderAbsent { .. } => "signed-header-absent",
            Self::SignedHeadersForm { .. } => "signed-headers-form",
            Self::TrustAnchorDisabled { .. } => "trust-anchor-disabled",
            Self::TrustAnchorRegion { .. } => "trust-anchor-region",
            Self::TrustAnchorUnknown { .. } => "trust-anchor-unknown",
        };
        name.to_owned()
    }

    /// Returns what the service would answer.
    pub const fn denial(&self) -> Denial {
        match self {
            Self::AlgorithmMismatch { .. }
            | Self::AlgorithmUnknown { .. }
            | Self::AuthorizationMalformed { .. }
            | Self::ClockSkew { .. }
            | Self::ContentHash { .. }
            | Self::HeaderMissing { .. }
            | Self::HeaderNotSigned { .. }
            | Self::HeaderRepeated { .. }
            | Self::ScopeDate { .. }
            | Self::ScopeRegion { .. }
            | Self::ScopeService { .. }
            | Self::ScopeTerminator { .. }
            | Self::SerialForm { .. }
            | Self::SerialMismatch { .. }
            | Self::SignatureForm
            | Self::SignatureMismatch { .. }
            | Self::SignedHeaderAbsent { .. }
            | Self::SignedHeadersForm { .. } => Denial::InvalidSignature,
            Self::BodyMalformed { .. }
            | Self::BodyTooLarge { .. }
            | Self::ChainTooLong { .. }
            | Self::HeaderMalformed { .. }
            | Self::HeadersTooLarge { .. }
            | Self::ParameterArn { .. }
            | Self::ParameterConflict { .. }
            | Self::ParameterMissing { .. }
            | Self::ParameterRange { .. }
            | Self::ParameterRepeated { .. }
            | Self::ParameterUnknown { .. }
            | Self::QueryMalformed { .. } => Denial::Validation,
            Self::EndEntity { fault } if !fault.is_about_validity() => Denial::InsufficientCertificate,
            Self::CertificateSignature { .. }
            | Self::EndEntity { .. }
            | Self::Issuer { .. }
            | Self::IssuerNotFound { .. }
            | Self::PathLength { .. }
            | Self::PathTooCostly { .. }
            | Self::RevocationUnknown { .. } => Denial::UntrustedCertificate,
            Self::OperationUnknown { .. } => Denial::UnknownOperation,
            Self::Revoked { .. } => Denial::CertificateRevoked,
            Self::TrustAnchorDisabled { .. }
            | Self::TrustAnchorRegion { .. }
            | Self::TrustAnchorUnknown { .. } => Denial::TrustAnchorNotFound,
        }
    }
}
