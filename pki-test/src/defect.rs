//! Everything that can be wrong with a certificate or its chain, produced on purpose.
//!
//! A defect is one error in an otherwise sound identity, so that a refusal has one cause. Each lists the verdicts of
//! AWS, openssl and rustls-webpki; the judges' tests check the last two.

mod make;
mod verdicts;

use std::fmt;
use std::str::FromStr;

pub use make::DefectiveIdentity;
pub use verdicts::{AwsMessage, AwsVerdict, Verdict, Verdicts};

/// One error in an identity.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Defect {
    /// The end-entity certificate is a CA's: cA TRUE.
    CaTrue,
    /// The chain has six intermediates, one more than AWS accepts.
    DepthSix,
    /// The end-entity certificate has the empty subject name, and a critical subject alternative name.
    EmptySubject,
    /// The end-entity certificate's validity ended a second ago.
    Expired,
    /// The intermediate's validity ended a second ago.
    IntermediateExpired,
    /// The intermediate is not a CA's: cA FALSE.
    IntermediateNotCa,
    /// The intermediate is signed with ECDSA and SHA-1.
    IntermediateSha1Signature,
    /// The intermediate is of version 1, and so without extensions.
    IntermediateVersion1,
    /// The intermediate's key usage is only cRLSign.
    IntermediateWithoutKeyCertSign,
    /// The intermediate that issued the end-entity certificate is not in the chain.
    MissingIntermediate,
    /// The serial number is negative.
    NegativeSerial,
    /// The key usage is only keyEncipherment.
    NoDigitalSignature,
    /// There is no key usage extension.
    NoKeyUsage,
    /// The end-entity certificate becomes valid in a second.
    NotYetValid,
    /// The upper intermediate has the path length 0, and there is one below it.
    PathLengthExceeded,
    /// The end-entity certificate is signed by its own key.
    SelfSigned,
    /// The serial number has 21 octets.
    SerialTooLong,
    /// The extended key usage is only serverAuth.
    ServerPurposeOnly,
    /// The end-entity certificate is signed with ECDSA and SHA-1.
    Sha1Signature,
    /// One bit of the end-entity certificate's signature is flipped.
    TamperedSignature,
    /// The trust anchor's validity ended a second ago.
    TrustAnchorExpired,
    /// There is an unknown critical extension.
    UnknownCriticalExtension,
    /// The end-entity certificate is of version 1, and so without extensions.
    Version1,
    /// The signature was made by another key than that of the named issuer.
    WrongIssuer,
    /// The serial number is zero.
    ZeroSerial,
}

impl Defect {
    /// All of them, in alphabetical order.
    pub const ALL: [Self; 25] = [
        Self::CaTrue,
        Self::DepthSix,
        Self::EmptySubject,
        Self::Expired,
        Self::IntermediateExpired,
        Self::IntermediateNotCa,
        Self::IntermediateSha1Signature,
        Self::IntermediateVersion1,
        Self::IntermediateWithoutKeyCertSign,
        Self::MissingIntermediate,
        Self::NegativeSerial,
        Self::NoDigitalSignature,
        Self::NoKeyUsage,
        Self::NotYetValid,
        Self::PathLengthExceeded,
        Self::SelfSigned,
        Self::SerialTooLong,
        Self::ServerPurposeOnly,
        Self::Sha1Signature,
        Self::TamperedSignature,
        Self::TrustAnchorExpired,
        Self::UnknownCriticalExtension,
        Self::Version1,
        Self::WrongIssuer,
        Self::ZeroSerial,
    ];

    /// Returns the name that [`FromStr`] reads, such as `not-yet-valid`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::CaTrue => "ca-true",
            Self::DepthSix => "depth-six",
            Self::EmptySubject => "empty-subject",
            Self::Expired => "expired",
            Self::IntermediateExpired => "intermediate-expired",
            Self::IntermediateNotCa => "intermediate-not-ca",
            Self::IntermediateSha1Signature => "intermediate-sha1-signature",
            Self::IntermediateVersion1 => "intermediate-version-1",
            Self::IntermediateWithoutKeyCertSign => "intermediate-without-key-cert-sign",
            Self::MissingIntermediate => "missing-intermediate",
            Self::NegativeSerial => "negative-serial",
            Self::NoDigitalSignature => "no-digital-signature",
            Self::NoKeyUsage => "no-key-usage",
            Self::NotYetValid => "not-yet-valid",
            Self::PathLengthExceeded => "path-length-exceeded",
            Self::SelfSigned => "self-signed",
            Self::SerialTooLong => "serial-too-long",
            Self::ServerPurposeOnly => "server-purpose-only",
            Self::Sha1Signature => "sha1-signature",
            Self::TamperedSignature => "tampered-signature",
            Self::TrustAnchorExpired => "trust-anchor-expired",
            Self::UnknownCriticalExtension => "unknown-critical-extension",
            Self::Version1 => "version-1",
            Self::WrongIssuer => "wrong-issuer",
            Self::ZeroSerial => "zero-serial",
        }
    }
}

impl fmt::Display for Defect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Defect {
    type Err = UnknownDefect;

    fn from_str(text: &str) -> Result<Self, UnknownDefect> {
        Self::ALL.into_iter().find(|defect| defect.name() == text).ok_or(UnknownDefect)
    }
}

/// The text is not the name of a [`Defect`].
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("there is no such defect")]
pub struct UnknownDefect;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back_and_in_order() {
        for defect in Defect::ALL {
            assert_eq!(defect.to_string().parse(), Ok(defect));
        }
        assert!(Defect::ALL.is_sorted_by_key(|defect| format!("{defect:?}")));
        assert_eq!("none".parse::<Defect>(), Err(UnknownDefect));
    }
}
