//! AWS's rules for certificates, checked before anything is sent (Roles Anywhere user guide, "trust model").

use std::fmt;
use std::time::Duration;

use super::error::{CertificateFacts, Part};
use super::{Identity, IdentityError, candidates};
use crate::clock::Timestamp;
use crate::x509::Certificate;
use crate::x509::chain::DEPTH_LIMIT;

/// A certificate that expires sooner than this, or than a fifth of its lifetime, is worth a warning.
pub const SOON: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// A problem with an identity that works for now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Warning {
    /// The end-entity certificate expires soon.
    ExpiresSoon {
        /// Its last second.
        not_after: Timestamp,
        /// The current time.
        now: Timestamp,
    },
    /// Other users can reach the private key's file.
    InsecureKeyFile(crate::private_file::Warning),
    /// The end-entity certificate has a critical extension unknown to this program; what AWS does is not documented.
    UnknownCriticalExtension(String),
    /// A certificate in the sources is not part of the chain.
    Unrelated {
        /// Its subject name.
        subject: String,
        /// Its serial number in decimal.
        serial: String,
        /// Why not.
        why: String,
    },
    /// The serial number is not positive or too long (RFC 5280 §4.1.2.2); what AWS does is not documented.
    UnusualSerial(String),
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ExpiresSoon { not_after, now } => {
                write!(
                    f,
                    "the end-entity certificate expires at {not_after}, {}",
                    not_after.distance_from(*now)
                )
            }
            Self::InsecureKeyFile(warning) => warning.fmt(f),
            Self::Unrelated { subject, serial, why } => {
                let subject = crate::text::quoted(subject);
                write!(
                    f,
                    "a certificate is no part of the chain and is left out: serial {serial}, subject {subject}; {why}"
                )
            }
            Self::UnknownCriticalExtension(oid) => {
                write!(f, "the end-entity certificate has the critical extension {oid}, which AWS may refuse")
            }
            Self::UnusualSerial(serial) => {
                write!(f, "the serial number {serial} is not a positive number of at most 20 octets")
            }
        }
    }
}

impl Identity {
    /// Checks the chain against AWS's rules and the time.
    ///
    /// # Errors
    ///
    /// Fails with the first of [`Identity::problems`].
    pub fn check(&self, now: Timestamp) -> Result<(), IdentityError> {
        self.problems(now).into_iter().next().map_or(Ok(()), Err)
    }

    /// Returns every reason for which AWS would refuse this identity, as [`problems`] does.
    pub fn problems(&self, now: Timestamp) -> Vec<IdentityError> {
        problems(self.end_entity(), self.intermediates(), self.provenance().certificate.as_ref(), now)
    }

    /// Returns the problems of an identity that works for now.
    pub fn warnings(&self, now: Timestamp) -> Vec<Warning> {
        let key_file = self.provenance().insecure_key_file.clone().map(Warning::InsecureKeyFile);
        key_file
            .into_iter()
            .chain(warnings(self.end_entity(), self.intermediates(), &self.provenance().unrelated, now))
            .collect()
    }
}

/// Returns the problems of certificates that work for now.
pub fn warnings(
    end_entity: &Certificate,
    intermediates: &[Certificate],
    unrelated: &[Certificate],
    now: Timestamp,
) -> Vec<Warning> {
    let mut warnings = Vec::new();
    let not_after = end_entity.not_after();
    let soon = SOON.min(not_after.since(end_entity.not_before()) / 5);
    if now <= not_after && not_after.since(now) < soon {
        warnings.push(Warning::ExpiresSoon { not_after, now });
    }
    if !end_entity.serial_number().is_usual() {
        warnings.push(Warning::UnusualSerial(end_entity.serial_number().decimal().to_owned()));
    }
    let unknown = end_entity.unknown_critical_extensions().iter().cloned();
    warnings.extend(unknown.map(Warning::UnknownCriticalExtension));
    warnings.extend(unrelated.iter().map(|certificate| Warning::Unrelated {
        subject: certificate.subject_name().to_owned(),
        serial: certificate.serial_number().decimal().to_owned(),
        why: candidates::reason(certificate, std::iter::once(end_entity).chain(intermediates), now),
    }));
    warnings
}

/// Returns every reason for which AWS would refuse a chain, the most informative first; errors name `source` as the
/// certificate's.
///
/// The end entity must not be a CA, must be X.509 version 3, allow digital signatures, have a subject name and not be
/// self-signed. The intermediates must be CAs, within their path length constraints, and at most [`DEPTH_LIMIT`]. All
/// presented certificates must be valid at `now`, and signed with SHA-256 or stronger.
pub fn problems(
    end_entity: &Certificate,
    intermediates: &[Certificate],
    source: Option<&String>,
    now: Timestamp,
) -> Vec<IdentityError> {
    let certificate = CertificateFacts::new(Part::EndEntity, source, end_entity);
    let mut problems = Vec::new();
    if end_entity.is_ca() {
        problems.push(IdentityError::CertificateIsCa { certificate: certificate.clone() });
    }
    problems.extend(validity(end_entity, &certificate, now));
    if end_entity.version() != 3 {
        let version = end_entity.version();
        problems.push(IdentityError::CertificateVersion { certificate: certificate.clone(), version });
    } else if !end_entity.allows_digital_signature() {
        problems.push(IdentityError::NoDigitalSignature {
            certificate: certificate.clone(),
            has_key_usage: end_entity.has_key_usage(),
        });
    }
    if end_entity.subject_name().is_empty() {
        problems.push(IdentityError::EmptySubject { certificate: certificate.clone() });
    }
    if end_entity.is_self_signed() {
        problems.push(IdentityError::SelfSigned { certificate: certificate.clone() });
    }
    problems.extend(signature_hash(end_entity, &certificate));
    for (below, intermediate) in intermediates.iter().enumerate() {
        let facts = CertificateFacts::new(Part::Intermediate, None, intermediate);
        problems.extend(validity(intermediate, &facts, now));
        problems.extend(authority(intermediate, &facts, below));
        problems.extend(signature_hash(intermediate, &facts));
    }
    if intermediates.len() > DEPTH_LIMIT {
        problems.push(IdentityError::ChainTooDeep { certificate, count: intermediates.len() });
    }
    problems
}

fn validity(certificate: &Certificate, facts: &CertificateFacts, now: Timestamp) -> Option<IdentityError> {
    let (not_before, not_after) = (certificate.not_before(), certificate.not_after());
    let certificate = || Box::new(facts.clone());
    if now > not_after {
        Some(IdentityError::CertificateExpired { certificate: certificate(), not_after, now })
    } else if now < not_before {
        Some(IdentityError::CertificateNotYetValid { certificate: certificate(), not_before, now })
    } else {
        None
    }
}

/// Checks that a certificate may issue the one below it, which has `below` intermediates under it.
fn authority(certificate: &Certificate, facts: &CertificateFacts, below: usize) -> Option<IdentityError> {
    let why = if certificate.version() != 3 {
        "it is older than X.509 version 3"
    } else if !certificate.is_ca() {
        "its basic constraints do not say so (cA TRUE)"
    } else if !certificate.allows_certificate_signing() {
        "its key usage does not include keyCertSign"
    } else {
        let allowed = certificate.path_length()?;
        let exceeded = usize::try_from(allowed).is_ok_and(|allowed| below > allowed);
        let certificate = Box::new(facts.clone());
        return exceeded.then_some(IdentityError::PathLengthExceeded { certificate, allowed, below });
    };
    Some(IdentityError::IntermediateNotCa { certificate: Box::new(facts.clone()), why })
}

fn signature_hash(certificate: &Certificate, facts: &CertificateFacts) -> Option<IdentityError> {
    let hash = certificate.signature_hash();
    (!hash.is_sufficient()).then(|| IdentityError::WeakSignatureHash {
        certificate: Box::new(facts.clone()),
        hash: hash.to_string(),
    })
}
