//! AWS's rules for certificates, checked before anything is sent (Roles Anywhere user guide, "trust model").

use std::fmt;
use std::time::Duration;

use super::error::{CertificateFacts, Part};
use super::{Identity, IdentityError};
use crate::clock::Timestamp;
use crate::x509::Certificate;
use crate::x509::chain::DEPTH_LIMIT;

/// A certificate that expires sooner than this, or than a fifth of its lifetime, is worth a warning.
const SOON: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// Something about an identity that works, but should not stay so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Warning {
    /// The end-entity certificate expires soon.
    ExpiresSoon {
        /// Its last second.
        not_after: Timestamp,
        /// The present.
        now: Timestamp,
    },
    /// Other users can reach the private key's file.
    InsecureKeyFile(crate::private_file::Warning),
    /// A certificate in the sources is no part of the chain.
    Unrelated {
        /// Its subject name.
        subject: String,
        /// Its serial number in decimal.
        serial: String,
    },
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
            Self::Unrelated { subject, serial } => {
                let subject = crate::text::quoted(subject);
                write!(
                    f,
                    "a certificate is no part of the chain and is left out: serial {serial}, subject {subject}"
                )
            }
        }
    }
}

impl Identity {
    /// Checks the chain against AWS's rules and the time.
    ///
    /// # Errors
    ///
    /// Fails with the first of [`Self::problems`].
    pub fn check(&self, now: Timestamp) -> Result<(), IdentityError> {
        self.problems(now).into_iter().next().map_or(Ok(()), Err)
    }

    /// Returns all for which AWS would refuse this identity, the most telling first.
    ///
    /// Of the end entity: it is no CA, X.509 version 3, allows digital signatures and has a subject name. Of
    /// all that is presented: it is valid at `now`, and signed with SHA-256 or stronger. At most
    /// [`DEPTH_LIMIT`] intermediates.
    pub fn problems(&self, now: Timestamp) -> Vec<IdentityError> {
        let end_entity = self.end_entity();
        let certificate = self.facts(Part::EndEntity, end_entity);
        let mut problems = Vec::new();
        if end_entity.is_ca() {
            problems.push(IdentityError::CertificateIsCa { certificate: certificate.clone() });
        }
        problems.extend(self.validity(Part::EndEntity, end_entity, now));
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
        problems.extend(self.signature_hash(Part::EndEntity, end_entity));
        for intermediate in self.intermediates() {
            problems.extend(self.validity(Part::Intermediate, intermediate, now));
            problems.extend(self.signature_hash(Part::Intermediate, intermediate));
        }
        let count = self.intermediates().len();
        if count > DEPTH_LIMIT {
            problems.push(IdentityError::ChainTooDeep { certificate, count });
        }
        problems
    }

    /// Returns what works, but should not stay so.
    pub fn warnings(&self, now: Timestamp) -> Vec<Warning> {
        let mut warnings = Vec::new();
        warnings.extend(self.provenance().insecure_key_file.clone().map(Warning::InsecureKeyFile));
        let (not_before, not_after) = (self.end_entity().not_before(), self.end_entity().not_after());
        let soon = SOON.min(not_after.since(not_before) / 5);
        if now <= not_after && not_after.since(now) < soon {
            warnings.push(Warning::ExpiresSoon { not_after, now });
        }
        warnings.extend(self.provenance().unrelated.iter().map(|certificate| Warning::Unrelated {
            subject: certificate.subject_name().to_owned(),
            serial: certificate.serial_number().decimal().to_owned(),
        }));
        warnings
    }

    fn facts(&self, part: Part, certificate: &Certificate) -> CertificateFacts {
        let source = match part {
            Part::Certificate | Part::EndEntity => self.provenance().certificate.as_ref(),
            Part::Intermediate | Part::Intermediates => None,
        };
        CertificateFacts::new(part, source, certificate)
    }

    fn validity(&self, part: Part, certificate: &Certificate, now: Timestamp) -> Option<IdentityError> {
        let (not_before, not_after) = (certificate.not_before(), certificate.not_after());
        let facts = || self.facts(part, certificate);
        if now > not_after {
            Some(IdentityError::CertificateExpired { certificate: facts(), not_after, now })
        } else if now < not_before {
            Some(IdentityError::CertificateNotYetValid { certificate: facts(), not_before, now })
        } else {
            None
        }
    }

    fn signature_hash(&self, part: Part, certificate: &Certificate) -> Option<IdentityError> {
        let hash = certificate.signature_hash();
        (!hash.is_sufficient()).then(|| IdentityError::WeakSignatureHash {
            certificate: self.facts(part, certificate),
            hash: hash.to_string(),
        })
    }
}
