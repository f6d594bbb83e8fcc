//! The CA of a trust anchor: checked as AWS checks it (Roles Anywhere user guide, "trust model").

use super::document::Node;
use super::error::SetupError;
use super::pem_text::pem_text;
use crate::arn::Arn;
use crate::clock::Timestamp;
use crate::text::quoted;
use crate::x509::{Certificate, Chain, pem};

/// Certificates per trust anchor (the service's quotas): two for a rotation.
const MOST: usize = 2;

/// The CA of a trust anchor.
#[derive(Clone, Debug)]
pub enum Anchor {
    /// One or two certificates.
    Certificates(Vec<Certificate>),
    /// An authority of AWS Private CA.
    PrivateCa(Arn),
}

impl Anchor {
    /// Takes the ARN of an authority of AWS Private CA; `None` where the text is none.
    pub fn of_private_ca(text: &str) -> Option<Self> {
        let arn: Arn = text.parse().ok()?;
        let is_authority = arn.service() == "acm-pca" && arn.resource().starts_with("certificate-authority/");
        is_authority.then_some(Self::PrivateCa(arn))
    }

    /// Reads the certificates of a file.
    ///
    /// # Errors
    ///
    /// Fails if it holds no certificate or more than two, or one that AWS would not take for a trust anchor.
    pub fn parse(bytes: &[u8], source_name: &str, now: Timestamp) -> Result<Self, SetupError> {
        let wrong = |why: String| SetupError::Anchor { source_name: source_name.to_owned(), why };
        let blocks = pem::read(bytes).map_err(|error| wrong(error.to_string()))?;
        let certificates = blocks.iter().filter_map(Certificate::of_block);
        let certificates: Vec<Certificate> =
            certificates.collect::<Result<_, _>>().map_err(|error| wrong(error.to_string()))?;
        if certificates.is_empty() || certificates.len() > MOST {
            let count = certificates.len();
            return Err(wrong(format!(
                "it holds {count} certificates, and a trust anchor has one, or {MOST} during a rotation"
            )));
        }
        match certificates.iter().find_map(|certificate| Some((certificate, refusal(certificate, now)?))) {
            Some((certificate, why)) => Err(wrong(format!("{} {why}", quoted(certificate.subject_name())))),
            None => Ok(Self::Certificates(certificates)),
        }
    }

    /// Checks that a chain ends at a certificate of the trust anchor; of an authority of AWS it is not known here.
    ///
    /// # Errors
    ///
    /// Fails if it does not.
    pub fn check_chain(&self, chain: &Chain, certificate: &str, anchor: &str) -> Result<(), SetupError> {
        let Self::Certificates(roots) = self else { return Ok(()) };
        let below: Vec<&Certificate> =
            std::iter::once(&chain.end_entity).chain(&chain.intermediates).collect();
        let ends = below.iter().any(|child| roots.iter().any(|root| root.issued(child)));
        if ends {
            return Ok(());
        }
        let last = below.last().map_or("", |certificate| certificate.issuer_name());
        Err(SetupError::Chain {
            certificate: certificate.to_owned(),
            anchor: anchor.to_owned(),
            issuer: last.to_owned(),
        })
    }

    /// Returns the type of source, and the source with the names of members that a language has for the two.
    pub(super) fn source(&self, certificates: &'static str, authority: &'static str) -> (&'static str, Node) {
        match self {
            Self::Certificates(roots) => {
                let text = roots.iter().map(|root| pem_text("CERTIFICATE", root.der())).collect();
                ("CERTIFICATE_BUNDLE", Node::map([(certificates, Node::Lines(text))]))
            }
            Self::PrivateCa(arn) => ("AWS_ACM_PCA", Node::map([(authority, Node::text(arn.as_str()))])),
        }
    }
}

fn refusal(certificate: &Certificate, now: Timestamp) -> Option<String> {
    let not_after = certificate.not_after();
    if !certificate.is_ca() {
        Some(String::from("is no CA certificate (basicConstraints)"))
    } else if certificate.version() != 3 {
        Some(String::from("is not X.509 version 3"))
    } else if !certificate.allows_certificate_signing() {
        Some(String::from("may not sign certificates (keyUsage has no keyCertSign)"))
    } else if !certificate.signature_hash().is_sufficient() {
        Some(format!("is signed with {}, and SHA-256 is the least", certificate.signature_hash()))
    } else if now > not_after {
        Some(format!("expired at {not_after}, {}", not_after.distance_from(now)))
    } else {
        None
    }
}
