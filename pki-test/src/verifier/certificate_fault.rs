//! The rules that a certificate can break by itself, apart from its place in a path.

use time::OffsetDateTime;

use crate::text::rfc3339;

/// A rule of [the trust model] that a certificate breaks by itself.
///
/// [the trust model]: https://docs.aws.amazon.com/rolesanywhere/latest/userguide/trust-model.html
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CertificateFault {
    /// A critical extension that the verifier does not evaluate (RFC 5280, section 4.2).
    #[error("has the critical extension {oid}, which is not evaluated here")]
    CriticalExtension {
        /// Dotted object identifier.
        oid: String,
    },
    /// The subject name is empty.
    #[error("has an empty subject name")]
    EmptySubject,
    /// `notAfter` has passed.
    #[error("expired at {}; it is {}", rfc3339(*not_after), rfc3339(*now))]
    Expired {
        /// The end of validity.
        not_after: OffsetDateTime,
        /// The verifier's time.
        now: OffsetDateTime,
    },
    /// AWS4-X509 or the verifier does not support the key's algorithm or size.
    #[error("has a key that cannot be used: {found}")]
    KeyUnsupported {
        /// Algorithm and size, or object identifier.
        found: String,
    },
    /// The key usage extension is absent or lacks the required bit.
    #[error("lacks the key usage {missing}; it has {found}")]
    KeyUsage {
        /// The required bit.
        missing: &'static str,
        /// The bits that are set.
        found: String,
    },
    /// The certificate's bytes are not one DER certificate.
    #[error("cannot be read: {reason}")]
    Malformed {
        /// What is wrong.
        reason: &'static str,
    },
    /// It is a CA certificate where an end entity is needed.
    #[error("is a CA certificate")]
    IsCa,
    /// It is not a CA certificate where one is needed.
    #[error("is not a CA certificate")]
    NotCa,
    /// `notBefore` is in the future.
    #[error("is valid from {}; it is {}", rfc3339(*not_before), rfc3339(*now))]
    NotYetValid {
        /// The start of validity.
        not_before: OffsetDateTime,
        /// The verifier's time.
        now: OffsetDateTime,
    },
    /// The serial number is zero, negative, or longer than 20 octets (RFC 5280, section 4.1.2.2).
    #[error("has a serial number that is not positive or has more than 20 octets: {found} (hexadecimal)")]
    SerialNumber {
        /// Lower-case hex of the encoded INTEGER.
        found: String,
    },
    /// The certificate was signed with a hash weaker than SHA-256, or with a scheme unknown to the verifier.
    #[error("is signed with {found}; SHA-256 or stronger with RSA PKCS#1, ECDSA or ML-DSA is needed")]
    SignatureAlgorithm {
        /// Name or object identifier.
        found: String,
    },
    /// The certificate is not of X.509 version 3.
    #[error("is of version {found}, and version 3 is needed")]
    Version {
        /// The version, counted from 1.
        found: u32,
    },
}

impl CertificateFault {
    /// Returns the rule's stable name.
    pub const fn rule(&self) -> &'static str {
        match self {
            Self::CriticalExtension { .. } => "critical-extension",
            Self::EmptySubject => "empty-subject",
            Self::Expired { .. } => "expired",
            Self::IsCa => "is-ca",
            Self::KeyUnsupported { .. } => "key-unsupported",
            Self::KeyUsage { .. } => "key-usage",
            Self::Malformed { .. } => "malformed",
            Self::NotCa => "not-ca",
            Self::NotYetValid { .. } => "not-yet-valid",
            Self::SerialNumber { .. } => "serial-number",
            Self::SignatureAlgorithm { .. } => "signature-algorithm",
            Self::Version { .. } => "version",
        }
    }

    /// Returns whether the service answers as for an untrusted certificate, rather than an insufficient one.
    pub(super) const fn is_about_validity(&self) -> bool {
        matches!(self, Self::Expired { .. } | Self::NotYetValid { .. })
    }
}
