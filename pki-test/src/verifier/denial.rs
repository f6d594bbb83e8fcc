//! The service's refusals as a client sees them: status, code and message.
//!
//! Many precise rules share one denial, because the service says less than it knows. The messages are those that users
//! have reported; AWS documents only the three exception names. Where no message is known (malformed parameters, and
//! an expired certificate and one whose revocation list cannot be had, which are answered as untrusted ones) the choice is ours.

use std::str::FromStr;

/// What the service answers to a refused CreateSession.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Denial {
    /// Values of the certificate cannot be session tags.
    AttributeMapping,
    /// The serial number is in a certificate revocation list.
    CertificateRevoked,
    /// The end-entity certificate itself breaks a rule: version, key usage, basic constraints, subject name.
    InsufficientCertificate,
    /// The profile does not exist, is disabled, or lists no roles.
    InvalidProfile,
    /// The signature is wrong, or anything it depends on: time, scope, serial number, signed headers.
    InvalidSignature,
    /// The role is not one of the profile's.
    RoleNotInProfile,
    /// A role session name was sent to a profile that does not accept one.
    RoleSessionName,
    /// The duration is longer than the role's maximum.
    SessionDuration,
    /// The trust anchor does not exist here, or is disabled.
    TrustAnchorNotFound,
    /// The role's trust policy does not let Roles Anywhere assume it.
    UnableToAssumeRole,
    /// There is no such operation.
    UnknownOperation,
    /// The end-entity certificate does not chain to the trust anchor.
    UntrustedCertificate,
    /// A parameter or the body is malformed.
    Validation,
}

impl Denial {
    /// Every denial, in alphabetical order.
    pub const ALL: [Self; 13] = [
        Self::AttributeMapping,
        Self::CertificateRevoked,
        Self::InsufficientCertificate,
        Self::InvalidProfile,
        Self::InvalidSignature,
        Self::RoleNotInProfile,
        Self::RoleSessionName,
        Self::SessionDuration,
        Self::TrustAnchorNotFound,
        Self::UnableToAssumeRole,
        Self::UnknownOperation,
        Self::UntrustedCertificate,
        Self::Validation,
    ];

    /// Returns the stable name, as in the fault grammar.
    pub const fn id(self) -> &'static str {
        match self {
            Self::AttributeMapping => "attribute-mapping",
            Self::CertificateRevoked => "certificate-revoked",
            Self::InsufficientCertificate => "insufficient-certificate",
            Self::InvalidProfile => "invalid-profile",
            Self::InvalidSignature => "invalid-signature",
            Self::RoleNotInProfile => "role-not-in-profile",
            Self::RoleSessionName => "role-session-name",
            Self::SessionDuration => "session-duration",
            Self::TrustAnchorNotFound => "trust-anchor-not-found",
            Self::UnableToAssumeRole => "unable-to-assume-role",
            Self::UnknownOperation => "unknown-operation",
            Self::UntrustedCertificate => "untrusted-certificate",
            Self::Validation => "validation",
        }
    }

    /// Returns the HTTP status.
    pub const fn status(self) -> u16 {
        match self {
            Self::Validation => 400,
            Self::TrustAnchorNotFound | Self::UnknownOperation => 404,
            Self::AttributeMapping
            | Self::CertificateRevoked
            | Self::InsufficientCertificate
            | Self::InvalidProfile
            | Self::InvalidSignature
            | Self::RoleNotInProfile
            | Self::RoleSessionName
            | Self::SessionDuration
            | Self::UnableToAssumeRole
            | Self::UntrustedCertificate => 403,
        }
    }

    /// Returns the error code, which is sent in the header `X-Amzn-ErrorType`.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Validation => "ValidationException",
            Self::TrustAnchorNotFound => "ResourceNotFoundException",
            Self::UnknownOperation => "UnknownOperationException",
            Self::AttributeMapping
            | Self::CertificateRevoked
            | Self::InsufficientCertificate
            | Self::InvalidProfile
            | Self::InvalidSignature
            | Self::RoleNotInProfile
            | Self::RoleSessionName
            | Self::SessionDuration
            | Self::UnableToAssumeRole
            | Self::UntrustedCertificate => "AccessDeniedException",
        }
    }

    /// Returns the message.
    ///
    /// `role` is the requested role's ARN, which two messages mention. `detail` is the whole message of a
    /// [`Denial::Validation`]; all others ignore it, because the service reveals no details there.
    pub fn message(self, role: &str, detail: &str) -> String {
        match self {
            Self::AttributeMapping => "Some attributes failed to be mapped into session tags. \
                                       Issuer: []; Subject: []; SAN: [DNS/2]"
                .to_owned(),
            Self::CertificateRevoked => "Certificate revoked".to_owned(),
            Self::InsufficientCertificate => "Untrusted certificate. Insufficient certificate".to_owned(),
            Self::InvalidProfile => "Invalid or empty profile provided.".to_owned(),
            Self::InvalidSignature => "Invalid signature".to_owned(),
            Self::RoleNotInProfile => "Requested Role isn't one of those listed in the Profile.".to_owned(),
            Self::RoleSessionName => "Not authorized to set roleSessionName".to_owned(),
            Self::SessionDuration => format!(
                "Unable to assume role for {role}: The requested DurationSeconds exceeds the MaxSessionDuration \
                 set for this role."
            ),
            Self::TrustAnchorNotFound => "Specified Trust Anchor wasn't found.".to_owned(),
            Self::UnableToAssumeRole => format!("Unable to assume role for {role}"),
            Self::UnknownOperation => "The requested operation does not exist.".to_owned(),
            Self::UntrustedCertificate => "Untrusted signing certificate".to_owned(),
            Self::Validation => detail.to_owned(),
        }
    }
}

impl FromStr for Denial {
    type Err = UnknownDenial;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|denial| denial.id() == text).ok_or(UnknownDenial)
    }
}

/// A text that is not a [`Denial::id`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no such denial")]
pub struct UnknownDenial;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_finds_its_denial() {
        for denial in Denial::ALL {
            assert_eq!(denial.id().parse(), Ok(denial));
            assert!(!denial.message("arn", "detail").is_empty());
        }
        assert_eq!("nothing".parse::<Denial>(), Err(UnknownDenial));
    }
}
