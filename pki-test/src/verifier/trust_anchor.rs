//! Trust anchors as in the service: one or two CA certificates, revocation lists, a switch.

use num_bigint::BigUint;
use x509_parser::prelude::FromDer;
use x509_parser::revocation_list::CertificateRevocationList;

use super::arn::{Arn, ArnError};
use super::certificate::{Certificate, signature_scheme};
use super::certificate_fault::CertificateFault;
use super::distribution::Unavailable;

/// Most certificates of a trust anchor: two, so that a CA can be replaced (a fixed quota).
pub const CERTIFICATES_LIMIT: usize = 2;

/// Most revocation lists of a trust anchor (a fixed quota).
pub const REVOCATION_LISTS_LIMIT: usize = 2;

/// Most bytes of a revocation list (the limit of ImportCrl).
pub const REVOCATION_LIST_BYTES_LIMIT: usize = 300_000;

/// A trust anchor: the CA certificates that end a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrustAnchor {
    arn: Arn,
    alias: Option<String>,
    enabled: bool,
    certificates: Vec<Certificate>,
    revocation_lists: Vec<RevocationList>,
    distribution_points: Option<Unavailable>,
}

/// The revoked serial numbers of one issuer.
#[derive(Clone, Debug, PartialEq, Eq)]
struct RevocationList {
    issuer_name: Vec<u8>,
    serials: Vec<BigUint>,
}

impl TrustAnchor {
    /// Creates an enabled trust anchor of one or two DER certificates, as CreateTrustAnchor does.
    ///
    /// # Errors
    ///
    /// Fails if `arn` is not that of a trust anchor, if there are no or too many certificates, or if one is not a CA
    /// certificate according to the trust model. Validity is not checked here: an anchor may expire later.
    pub fn new(arn: &str, certificates: &[impl AsRef<[u8]>]) -> Result<Self, TrustAnchorError> {
        let arn: Arn = arn.parse()?;
        if arn.service() != "rolesanywhere" || !arn.resource().starts_with("trust-anchor/") {
            return Err(TrustAnchorError::NotATrustAnchor);
        }
        if certificates.is_empty() || certificates.len() > CERTIFICATES_LIMIT {
            return Err(TrustAnchorError::CertificateCount { found: certificates.len() });
        }
        let certificates = certificates
            .iter()
            .map(|der| {
                let certificate = Certificate::parse(der.as_ref())?;
                certificate.check_ca()?;
                Ok(certificate)
            })
            .collect::<Result<Vec<_>, CertificateFault>>()?;
        Ok(Self {
            arn,
            alias: None,
            enabled: true,
            certificates,
            revocation_lists: Vec::new(),
            distribution_points: None,
        })
    }

    /// Gives the trust anchor an alias, by which the ARN `alias/trust-anchor/ALIAS` finds it.
    #[must_use]
    pub fn with_alias(mut self, alias: &str) -> Self {
        self.alias = Some(alias.to_owned());
        self
    }

    /// Disables the trust anchor.
    #[must_use]
    pub fn disabled(mut self) -> Self {
        self.enabled = false;
        self
    }

    /// Asks the lists at the CRL distribution points of each certificate of a path, as `crlDpRevocationEnabled` does.
    #[must_use]
    pub fn with_distribution_points(mut self, unavailable: Unavailable) -> Self {
        self.distribution_points = Some(unavailable);
        self
    }

    /// Imports and enables a DER certificate revocation list, signed by one of the anchor's certificates.
    ///
    /// # Errors
    ///
    /// Fails if there are too many lists, if the list is too long or malformed, or if no certificate of the anchor
    /// signed it.
    pub fn with_revocation_list(mut self, der: &[u8]) -> Result<Self, TrustAnchorError> {
        let list = RevocationList::parse(der, &self.certificates)?;
        if self.revocation_lists.len() >= REVOCATION_LISTS_LIMIT {
            return Err(TrustAnchorError::RevocationListLimit);
        }
        self.revocation_lists.push(list);
        Ok(self)
    }

    /// Imports and enables a list, replacing those of the same issuer.
    ///
    /// # Errors
    ///
    /// As [`Self::with_revocation_list`]. The trust anchor is then unchanged.
    pub fn import_revocation_list(&mut self, der: &[u8]) -> Result<(), TrustAnchorError> {
        let list = RevocationList::parse(der, &self.certificates)?;
        let others = self.revocation_lists.iter().filter(|other| other.issuer_name != list.issuer_name);
        if others.count() >= REVOCATION_LISTS_LIMIT {
            return Err(TrustAnchorError::RevocationListLimit);
        }
        self.revocation_lists.retain(|other| other.issuer_name != list.issuer_name);
        self.revocation_lists.push(list);
        Ok(())
    }

    /// Returns the ARN.
    pub fn arn(&self) -> &Arn {
        &self.arn
    }

    /// Returns whether the trust anchor is enabled.
    pub fn is_enabled(&self) -> bool {
        self.enabled
    }

    /// Returns the CA certificates.
    pub fn certificates(&self) -> &[Certificate] {
        &self.certificates
    }

    /// Tells whether the lists at the CRL distribution points are asked, and what follows where one cannot be had.
    pub fn distribution_points(&self) -> Option<Unavailable> {
        self.distribution_points
    }

    /// Returns the ARN by the alias, if it has one.
    pub fn alias_arn(&self) -> Option<Arn> {
        self.alias.as_ref().map(|alias| self.arn.sibling(&format!("alias/trust-anchor/{alias}")))
    }

    /// Tells whether `arn` is this anchor's, by identifier or by alias.
    pub fn answers_to(&self, arn: &Arn) -> bool {
        *arn == self.arn || self.alias_arn().is_some_and(|alias| *arn == alias)
    }

    /// Returns whether a revocation list of `certificate`'s issuer contains its serial number.
    pub fn revokes(&self, certificate: &Certificate) -> bool {
        self.revocation_lists
            .iter()
            .filter(|list| list.issuer_name == certificate.issuer_name())
            .any(|list| list.serials.contains(&certificate.serial()))
    }
}

impl RevocationList {
    /// Parses a list that one of `issuers` signed.
    fn parse(der: &[u8], issuers: &[Certificate]) -> Result<Self, TrustAnchorError> {
        if der.len() > REVOCATION_LIST_BYTES_LIMIT {
            return Err(TrustAnchorError::RevocationListLimit);
        }
        let (rest, list) = CertificateRevocationList::from_der(der)
            .map_err(|_| TrustAnchorError::RevocationListMalformed)?;
        if !rest.is_empty() {
            return Err(TrustAnchorError::RevocationListMalformed);
        }
        let issuer_name = list.issuer().as_raw();
        let scheme = signature_scheme(&list.signature_algorithm)
            .map_err(|_| TrustAnchorError::RevocationListSignature)?;
        let signed = issuers.iter().any(|issuer| {
            issuer.subject_name() == issuer_name
                && issuer.key().is_ok_and(|key| {
                    key.verifies(scheme, list.tbs_cert_list.as_ref(), &list.signature_value.data)
                })
        });
        if !signed {
            return Err(TrustAnchorError::RevocationListSignature);
        }
        Ok(Self {
            issuer_name: issuer_name.to_vec(),
            serials: list.iter_revoked_certificates().map(|revoked| revoked.serial().clone()).collect(),
        })
    }
}

/// Why a trust anchor cannot be created.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TrustAnchorError {
    /// The text is not an ARN.
    #[error("the trust anchor's ARN is malformed")]
    Arn(#[from] ArnError),
    /// A certificate breaks a rule for CA certificates.
    #[error("a certificate of the trust anchor {0}")]
    Certificate(#[from] CertificateFault),
    /// There are no certificates, or too many.
    #[error("a trust anchor has one or two certificates, not {found}")]
    CertificateCount {
        /// Certificates given.
        found: usize,
    },
    /// The ARN is not that of a trust anchor.
    #[error("the ARN is not that of a trust anchor")]
    NotATrustAnchor,
    /// There are too many revocation lists, or one is too long.
    #[error(
        "a trust anchor has at most {REVOCATION_LISTS_LIMIT} lists of {REVOCATION_LIST_BYTES_LIMIT} bytes"
    )]
    RevocationListLimit,
    /// A revocation list is not one DER list.
    #[error("the revocation list is not DER")]
    RevocationListMalformed,
    /// A revocation list was not signed by the trust anchor.
    #[error("the revocation list was not signed by the trust anchor")]
    RevocationListSignature,
}
