//! The verdicts of AWS, openssl and rustls-webpki on each defect.
//!
//! AWS's verdicts follow the [trust model] of IAM Roles Anywhere. It states rules but no messages; the two messages are
//! those that users have reported. If it does not state a rule, the verdict is that of RFC 5280 or of our simulator,
//! and the reason says so.
//!
//! openssl is `openssl verify -purpose sslclient -x509_strict` of OpenSSL 3.0; rustls-webpki is client
//! authentication with every signature algorithm it has.
//!
//! [trust model]: https://docs.aws.amazon.com/rolesanywhere/latest/userguide/trust-model.html

use super::Defect;

/// The verdict of each judge on an identity with one defect, and why they differ.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Verdicts {
    /// By AWS's rules.
    pub aws: AwsVerdict,
    /// `openssl verify -purpose sslclient -x509_strict`.
    pub openssl: Verdict,
    /// rustls-webpki, for client authentication.
    pub webpki: Verdict,
    /// The rule that is broken, whether AWS states it, and why a judge differs.
    pub reason: &'static str,
}

/// A judge's answer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Verdict {
    /// The judge finds nothing wrong.
    Accepts,
    /// The judge rejects the chain.
    Refuses,
}

/// AWS's answer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum AwsVerdict {
    /// A session is created.
    Accepts,
    /// No session is created.
    Refuses {
        /// The service's message.
        message: AwsMessage,
        /// Whether the chain alone shows the defect before anything is sent. The trust anchor is not on the host.
        seen_on_host: bool,
    },
}

/// The service's message for a rejected certificate.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum AwsMessage {
    /// The end-entity certificate itself breaks a rule; AccessDeniedException.
    InsufficientCertificate,
    /// The chain header is malformed; ValidationException with an unknown text.
    MalformedChain,
    /// The end-entity certificate does not chain to the trust anchor; AccessDeniedException.
    UntrustedSigningCertificate,
}

impl AwsMessage {
    /// Returns the message's text, or `None` if it is unknown.
    pub const fn text(self) -> Option<&'static str> {
        match self {
            Self::InsufficientCertificate => Some("Untrusted certificate. Insufficient certificate"),
            Self::MalformedChain => None,
            Self::UntrustedSigningCertificate => Some("Untrusted signing certificate"),
        }
    }
}

/// The end-entity certificate itself is rejected, and the host can tell.
const INSUFFICIENT: AwsVerdict =
    AwsVerdict::Refuses { message: AwsMessage::InsufficientCertificate, seen_on_host: true };

/// The chain is rejected, and the host can tell.
const UNTRUSTED: AwsVerdict =
    AwsVerdict::Refuses { message: AwsMessage::UntrustedSigningCertificate, seen_on_host: true };

/// The chain is rejected for a reason that only shows with the trust anchor.
const UNTRUSTED_AT_AWS: AwsVerdict =
    AwsVerdict::Refuses { message: AwsMessage::UntrustedSigningCertificate, seen_on_host: false };

impl Defect {
    /// Returns each judge's verdict on this defect.
    pub const fn verdicts(self) -> Verdicts {
        use Verdict::{Accepts, Refuses};
        let (aws, openssl, webpki, reason) = match self {
            Self::CaTrue => (
                INSUFFICIENT,
                Accepts,
                Refuses,
                "trust model: cA of an end entity must be FALSE; openssl lets a CA be a TLS client",
            ),
            Self::DepthSix => (
                AwsVerdict::Refuses { message: AwsMessage::MalformedChain, seen_on_host: true },
                Accepts,
                Accepts,
                "signing process: at most 5 certificates in the chain header; what AWS answers to \
                 more is not documented; openssl and webpki take longer chains",
            ),
            Self::EmptySubject => (
                INSUFFICIENT,
                Accepts,
                Accepts,
                "trust model: an empty subject is not supported, even with a critical subject \
                 alternative name; RFC 5280 §4.1.2.6 allows that",
            ),
            Self::Expired => (
                UNTRUSTED,
                Refuses,
                Refuses,
                "RFC 5280 §6.1.3 (a)(2); AWS's message for it is not documented, the simulator \
                 answers as for an untrusted one",
            ),
            Self::IntermediateExpired => (
                UNTRUSTED,
                Refuses,
                Refuses,
                "RFC 5280 §6.1.3 (a)(2) holds for every certificate of the path; AWS's message is not \
                 documented",
            ),
            Self::IntermediateNotCa => {
                (UNTRUSTED, Refuses, Refuses, "trust model: cA of a CA must be TRUE; RFC 5280 §6.1.4 (k)")
            }
            Self::IntermediateSha1Signature => (
                UNTRUSTED,
                Accepts,
                Refuses,
                "trust model: CA certificates are signed with SHA-256 or stronger; openssl verify \
                 asks for no security level unless told",
            ),
            Self::IntermediateVersion1 => (
                UNTRUSTED,
                Refuses,
                Refuses,
                "trust model: CA certificates are of version 3; RFC 5280 §6.1.4 (k)",
            ),
            Self::IntermediateWithoutKeyCertSign => (
                UNTRUSTED,
                Refuses,
                Accepts,
                "trust model: the key usage of a CA includes keyCertSign; RFC 5280 §6.1.4 (n); webpki \
                 does not look at key usage",
            ),
            Self::MissingIntermediate => (
                UNTRUSTED_AT_AWS,
                Refuses,
                Refuses,
                "no path to the trust anchor; the host cannot know, since an intermediate may be the \
                 anchor itself",
            ),
            Self::NegativeSerial => (
                INSUFFICIENT,
                Accepts,
                Accepts,
                "RFC 5280 §4.1.2.2 asks for a positive number; AWS's rule is not documented, and its \
                 Authorization header has no sign for it",
            ),
            Self::NoDigitalSignature => (
                INSUFFICIENT,
                Refuses,
                Accepts,
                "trust model: the key usage includes digitalSignature; webpki does not look at key \
                 usage",
            ),
            Self::NoKeyUsage => (
                INSUFFICIENT,
                Accepts,
                Accepts,
                "trust model: the key usage includes digitalSignature; RFC 5280 §4.2.1.3 lets it be \
                 absent, which restricts nothing",
            ),
            Self::NotYetValid => (
                UNTRUSTED,
                Refuses,
                Refuses,
                "RFC 5280 §6.1.3 (a)(2); AWS's message for it is not documented, the simulator \
                 answers as for an untrusted one",
            ),
            Self::PathLengthExceeded => (UNTRUSTED, Refuses, Refuses, "RFC 5280 §6.1.4 (l)"),
            Self::SelfSigned => (
                UNTRUSTED,
                Refuses,
                Refuses,
                "no path to the trust anchor: being no CA, the certificate cannot be one itself",
            ),
            Self::SerialTooLong => (
                INSUFFICIENT,
                Accepts,
                Accepts,
                "RFC 5280 §4.1.2.2 allows 20 octets; AWS's rule is not documented",
            ),
            Self::ServerPurposeOnly => (
                AwsVerdict::Accepts,
                Refuses,
                Refuses,
                "the trust model asks for no extended key usage; that one for servers alone is \
                 accepted is not documented",
            ),
            Self::Sha1Signature => (
                INSUFFICIENT,
                Accepts,
                Refuses,
                "trust model: SHA-256 or stronger; openssl verify asks for no security level unless \
                 told",
            ),
            Self::TamperedSignature => (
                UNTRUSTED_AT_AWS,
                Refuses,
                Refuses,
                "RFC 5280 §6.1.3 (a)(1); the issuer's public key is in the trust anchor, which is not \
                 on the host",
            ),
            Self::TrustAnchorExpired => (
                UNTRUSTED_AT_AWS,
                Refuses,
                Accepts,
                "AWS's rule is not documented; RFC 5280 §6.1.1 (d) leaves the anchor's validity out \
                 of path validation, as webpki does",
            ),
            Self::UnknownCriticalExtension => (
                INSUFFICIENT,
                Refuses,
                Refuses,
                "RFC 5280 §4.2: what is critical and not known is refused; AWS's rule is not \
                 documented",
            ),
            Self::Version1 => (
                INSUFFICIENT,
                Accepts,
                Refuses,
                "trust model: version 3; openssl takes version 1 for an end entity",
            ),
            Self::WrongIssuer => (
                UNTRUSTED_AT_AWS,
                Refuses,
                Refuses,
                "RFC 5280 §6.1.3 (a)(1); names match, and only the trust anchor's public key shows \
                 that it did not sign",
            ),
            Self::ZeroSerial => (
                INSUFFICIENT,
                Accepts,
                Accepts,
                "RFC 5280 §4.1.2.2 asks for a positive number; AWS's rule is not documented",
            ),
        };
        Verdicts { aws, openssl, webpki, reason }
    }
}
