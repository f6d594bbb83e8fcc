//! Makes identities with one defect each.
//!
//! Everything is done correctly up to the certificate with the defect; that one is changed before it is signed, so that
//! its signature is valid, unless the signature is the defect.

use pkcs8::ObjectIdentifier;
use time::{Duration, OffsetDateTime};

use super::Defect;
use crate::algorithm::{KeyAlgorithm, SignatureAlgorithm};
use crate::authority::{Authority, AuthoritySpec};
use crate::certificate::extension::{CRL_SIGN, Extension, KEY_ENCIPHERMENT, KEY_USAGE};
use crate::certificate::tbs::{TbsCertificate, Version, key_identifier};
use crate::certificate::{IssueError, Validity};
use crate::distinguished_name::DistinguishedName;
use crate::end_entity::{EndEntitySpec, Purpose, SubjectAlternativeName};
use crate::key_pair::KeyPair;
use crate::pem;

/// EC P-256: every judge supports it, and it is fast to generate.
const ALGORITHM: KeyAlgorithm = KeyAlgorithm::EcP256;

/// An extension under the enterprise number that IANA reserves for examples (RFC 5612).
const UNKNOWN_EXTENSION: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.32473.1");

/// An end-entity certificate with its chain, its trust anchor and its key, one of which has a defect.
#[derive(Debug)]
pub struct DefectiveIdentity {
    /// The root's certificate, DER.
    pub trust_anchor_der: Vec<u8>,
    /// The CA certificates in between, DER, in signing order; what the header `X-Amz-X509-Chain` would contain.
    pub intermediates_der: Vec<Vec<u8>>,
    /// The end-entity certificate, DER.
    pub end_entity_der: Vec<u8>,
    /// The end entity's key; it always matches the certificate.
    pub key_pair: KeyPair,
}

impl DefectiveIdentity {
    /// Returns the trust anchor as PEM.
    pub fn trust_anchor_pem(&self) -> String {
        pem::render_certificates([self.trust_anchor_der.as_slice()])
    }

    /// Returns the intermediates as PEM; empty if there are none.
    pub fn intermediates_pem(&self) -> String {
        pem::render_certificates(self.intermediates_der.iter().map(Vec::as_slice))
    }

    /// Returns the end-entity certificate as PEM.
    pub fn end_entity_pem(&self) -> String {
        pem::render_certificates([self.end_entity_der.as_slice()])
    }
}

impl Defect {
    /// Creates an identity with this defect that is otherwise sound at `now`.
    ///
    /// All keys are EC P-256 and new. Certificates are valid from a day before `now` to a day after, unless they are
    /// expired or not yet valid, so that nothing created here stays valid for long.
    ///
    /// # Errors
    ///
    /// Fails if `now` is at the limits of the years 0 to 9999, or if the cryptographic library fails.
    pub fn make(self, now: OffsetDateTime) -> Result<DefectiveIdentity, IssueError> {
        let workshop = PkiBuilder::new(now)?;
        match self {
            Self::CaTrue => workshop.end_entity(|tbs| tbs.set_extension(Extension::authority(None))),
            Self::DepthSix => workshop.chain_of_six(),
            Self::EmptySubject => workshop.without_subject(),
            Self::Expired => workshop.end_entity(|tbs| tbs.validity = workshop.past),
            Self::IntermediateExpired => workshop.intermediate(|tbs| tbs.validity = workshop.past),
            Self::IntermediateNotCa => {
                workshop.intermediate(|tbs| tbs.set_extension(Extension::end_entity()))
            }
            Self::IntermediateSha1Signature => {
                workshop.intermediate(|tbs| tbs.signature_algorithm = SignatureAlgorithm::EcdsaSha1)
            }
            Self::IntermediateVersion1 => workshop.intermediate(|tbs| tbs.version = Version::V1),
            Self::IntermediateWithoutKeyCertSign => {
                workshop.intermediate(|tbs| tbs.set_extension(Extension::key_usage(CRL_SIGN)))
            }
            Self::MissingIntermediate => {
                let identity = workshop.intermediate(|_| {})?;
                Ok(DefectiveIdentity { intermediates_der: Vec::new(), ..identity })
            }
            Self::NegativeSerial => workshop.end_entity(|tbs| tbs.serial = vec![0x80, 0x01]),
            Self::NoDigitalSignature => {
                workshop.end_entity(|tbs| tbs.set_extension(Extension::key_usage(KEY_ENCIPHERMENT)))
            }
            Self::NoKeyUsage => workshop.end_entity(|tbs| tbs.remove_extension(KEY_USAGE)),
            Self::NotYetValid => workshop.end_entity(|tbs| tbs.validity = workshop.future),
            Self::PathLengthExceeded => workshop.path_length_exceeded(),
            Self::SelfSigned => workshop.self_signed(),
            Self::SerialTooLong => workshop.end_entity(|tbs| tbs.serial = vec![0x7f; 21]),
            Self::ServerPurposeOnly => workshop.server_purpose_only(),
            Self::Sha1Signature => {
                workshop.end_entity(|tbs| tbs.signature_algorithm = SignatureAlgorithm::EcdsaSha1)
            }
            Self::TamperedSignature => workshop.tampered_signature(),
            Self::TrustAnchorExpired => PkiBuilder::with_root(now, workshop.past)?.end_entity(|_| {}),
            Self::UnknownCriticalExtension => workshop.end_entity(|tbs| {
                tbs.set_extension(Extension::new(UNKNOWN_EXTENSION, true, crate::der::null()));
            }),
            Self::Version1 => workshop.end_entity(|tbs| tbs.version = Version::V1),
            Self::WrongIssuer => workshop.wrong_issuer(),
            Self::ZeroSerial => workshop.end_entity(|tbs| tbs.serial = vec![0]),
        }
    }
}

/// A sound root and the validity periods for certificates below it.
struct PkiBuilder {
    root: Authority,
    past: Validity,
    present: Validity,
    future: Validity,
}

impl PkiBuilder {
    fn new(now: OffsetDateTime) -> Result<Self, IssueError> {
        Self::with_root(now, present(now))
    }

    fn with_root(now: OffsetDateTime, root: Validity) -> Result<Self, IssueError> {
        let spec = AuthoritySpec::new(name("TEST root")?, root);
        let tomorrow = now.saturating_add(Duration::DAY);
        Ok(Self {
            root: Authority::root(&spec, KeyPair::generate(ALGORITHM)?)?,
            past: past(now),
            present: present(now),
            future: Validity { not_before: now.saturating_add(Duration::SECOND), not_after: tomorrow },
        })
    }

    /// Returns an identity issued by the root, whose certificate was modified by `change`.
    fn end_entity(&self, change: impl FnOnce(&mut TbsCertificate)) -> Result<DefectiveIdentity, IssueError> {
        let key_pair = KeyPair::generate(ALGORITHM)?;
        let mut tbs = self.certificate_below(&self.root, &key_pair)?;
        change(&mut tbs);
        Ok(self.identity(tbs.sign(self.root.key_pair())?, key_pair))
    }

    /// Returns an identity below one intermediate, whose certificate was modified by `change`.
    fn intermediate(
        &self,
        change: impl FnOnce(&mut TbsCertificate),
    ) -> Result<DefectiveIdentity, IssueError> {
        self.below(&self.authority_below(&self.root, "TEST intermediate", change)?)
    }

    /// Returns a sound identity issued by `issuer`.
    fn below(&self, issuer: &Authority) -> Result<DefectiveIdentity, IssueError> {
        let key_pair = KeyPair::generate(ALGORITHM)?;
        let end_entity_der = self.certificate_below(issuer, &key_pair)?.sign(issuer.key_pair())?;
        let identity = self.identity(end_entity_der, key_pair);
        Ok(DefectiveIdentity { intermediates_der: issuer.intermediates().to_vec(), ..identity })
    }

    /// Returns a CA below `issuer`, whether the issuer allows it or not.
    fn authority_below(
        &self,
        issuer: &Authority,
        common_name: &str,
        change: impl FnOnce(&mut TbsCertificate),
    ) -> Result<Authority, IssueError> {
        let key_pair = KeyPair::generate(ALGORITHM)?;
        let spec = AuthoritySpec::new(name(common_name)?, self.present);
        let mut tbs = issuer.intermediate_certificate(&spec, key_pair.subject_public_key_info())?;
        change(&mut tbs);
        issuer.certify(&tbs, None, key_pair)
    }

    fn certificate_below(
        &self,
        issuer: &Authority,
        key_pair: &KeyPair,
    ) -> Result<TbsCertificate, IssueError> {
        let spec = self.spec()?;
        issuer.end_entity_certificate(&spec, &spec.serial.choose()?, key_pair.subject_public_key_info())
    }

    fn spec(&self) -> Result<EndEntitySpec, IssueError> {
        Ok(EndEntitySpec::new(name("TEST end entity")?, self.present))
    }

    fn identity(&self, end_entity_der: Vec<u8>, key_pair: KeyPair) -> DefectiveIdentity {
        DefectiveIdentity {
            trust_anchor_der: self.root.certificate_der().to_vec(),
            intermediates_der: Vec::new(),
            end_entity_der,
            key_pair,
        }
    }

    fn chain_of_six(&self) -> Result<DefectiveIdentity, IssueError> {
        let mut lowest = self.authority_below(&self.root, "TEST intermediate 1", |_| {})?;
        for depth in 2..=6 {
            lowest = self.authority_below(&lowest, &format!("TEST intermediate {depth}"), |_| {})?;
        }
        self.below(&lowest)
    }

    fn path_length_exceeded(&self) -> Result<DefectiveIdentity, IssueError> {
        let last_allowed = |tbs: &mut TbsCertificate| tbs.set_extension(Extension::authority(Some(0)));
        let upper = self.authority_below(&self.root, "TEST upper intermediate", last_allowed)?;
        self.below(&self.authority_below(&upper, "TEST lower intermediate", |_| {})?)
    }

    fn without_subject(&self) -> Result<DefectiveIdentity, IssueError> {
        let spec = EndEntitySpec {
            subject: DistinguishedName::default(),
            subject_alternative_names: vec![SubjectAlternativeName::Dns("test.example".to_owned())],
            ..self.spec()?
        };
        self.issued_by_root(&spec)
    }

    fn server_purpose_only(&self) -> Result<DefectiveIdentity, IssueError> {
        self.issued_by_root(&EndEntitySpec { purposes: vec![Purpose::ServerAuthentication], ..self.spec()? })
    }

    fn issued_by_root(&self, spec: &EndEntitySpec) -> Result<DefectiveIdentity, IssueError> {
        let key_pair = KeyPair::generate(ALGORITHM)?;
        let end_entity = self.root.issue(spec, key_pair.subject_public_key_info())?;
        Ok(self.identity(end_entity.certificate_der().to_vec(), key_pair))
    }

    fn self_signed(&self) -> Result<DefectiveIdentity, IssueError> {
        let key_pair = KeyPair::generate(ALGORITHM)?;
        let mut tbs = self.certificate_below(&self.root, &key_pair)?;
        tbs.issuer.clone_from(&tbs.subject);
        let own_identifier = key_identifier(key_pair.subject_public_key_info())?;
        tbs.set_extension(Extension::authority_key_identifier(&own_identifier));
        Ok(self.identity(tbs.sign(&key_pair)?, key_pair))
    }

    fn tampered_signature(&self) -> Result<DefectiveIdentity, IssueError> {
        let mut identity = self.end_entity(|_| {})?;
        // The last octet of the certificate is the last one of the signature's second number.
        if let Some(last) = identity.end_entity_der.last_mut() {
            *last ^= 1;
        }
        Ok(identity)
    }

    fn wrong_issuer(&self) -> Result<DefectiveIdentity, IssueError> {
        let key_pair = KeyPair::generate(ALGORITHM)?;
        let tbs = self.certificate_below(&self.root, &key_pair)?;
        Ok(self.identity(tbs.sign(&KeyPair::generate(ALGORITHM)?)?, key_pair))
    }
}

fn past(now: OffsetDateTime) -> Validity {
    Validity {
        not_before: now.saturating_sub(Duration::DAY),
        not_after: now.saturating_sub(Duration::SECOND),
    }
}

fn present(now: OffsetDateTime) -> Validity {
    Validity { not_before: now.saturating_sub(Duration::DAY), not_after: now.saturating_add(Duration::DAY) }
}

fn name(common_name: &str) -> Result<DistinguishedName, IssueError> {
    Ok(DistinguishedName::common_name(common_name)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    #[test]
    fn every_defect_can_be_made() {
        for defect in Defect::ALL {
            let identity = defect.make(datetime!(2031-05-06 07:08:09 UTC)).expect("keys can be made");
            assert!(identity.end_entity_pem().starts_with("-----BEGIN CERTIFICATE-----\n"), "{defect}");
        }
    }

    #[test]
    fn a_time_that_no_certificate_can_hold_is_refused() {
        let made = Defect::CaTrue.make(datetime!(-0001-01-01 00:00 UTC));
        assert_eq!(made.expect_err("there is no such year"), IssueError::Validity);
    }
}
