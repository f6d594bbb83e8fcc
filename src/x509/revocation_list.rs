//! Certificate revocation lists (RFC 5280 §5), as far as a client looks at them: whose, until when, and who is on them.

use std::collections::HashSet;
use std::fmt;

use x509_parser::prelude::FromDer as _;
use x509_parser::revocation_list::CertificateRevocationList;

use super::certificate::signature_algorithm;
use super::name::render;
use super::pem::{self, Label};
use super::public_key::VerifiedAlgorithm;
use super::{Certificate, SerialNumber};
use crate::clock::Timestamp;

/// What a list says.
#[derive(Clone)]
pub struct RevocationList {
    issuer: String,
    issuer_der: Vec<u8>,
    this_update: Timestamp,
    next_update: Option<Timestamp>,
    /// Serial numbers in decimal.
    serials: HashSet<String>,
    verification: Option<VerifiedAlgorithm>,
    signed: Vec<u8>,
    signature: Vec<u8>,
}

/// Why bytes are no list.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a revocation list: {why}")]
pub struct RevocationListError {
    /// What was found instead.
    pub why: String,
}

impl RevocationList {
    /// Reads the one list in PEM or DER. Its signature is not checked.
    ///
    /// # Errors
    ///
    /// Fails if there is no list or more than one, and if it is damaged.
    pub fn read(bytes: &[u8]) -> Result<Self, RevocationListError> {
        let refuse = |why: &str| RevocationListError { why: why.to_owned() };
        if let Ok(([], list)) = CertificateRevocationList::from_der(bytes) {
            return Ok(Self::view(&list));
        }
        let blocks = pem::read(bytes).map_err(|error| refuse(&error.to_string()))?;
        let mut lists = blocks.iter().filter(|block| block.label == Label::RevocationList);
        match (lists.next(), lists.next()) {
            (Some(block), None) => match CertificateRevocationList::from_der(&block.der) {
                Ok(([], list)) => Ok(Self::view(&list)),
                Ok(_) | Err(_) => Err(refuse("the block X509 CRL is damaged")),
            },
            (Some(_), Some(_)) => Err(refuse("it holds several, and each is a file of its own")),
            (None, _) => Err(refuse("it holds no block X509 CRL")),
        }
    }

    fn view(list: &CertificateRevocationList<'_>) -> Self {
        let serials = list
            .iter_revoked_certificates()
            .map(|entry| SerialNumber::from_content(entry.raw_serial()).decimal().to_owned());
        Self {
            issuer: render(list.issuer()),
            issuer_der: list.issuer().as_raw().to_vec(),
            this_update: Timestamp::from_unix_seconds(list.last_update().timestamp()),
            next_update: list.next_update().map(|time| Timestamp::from_unix_seconds(time.timestamp())),
            serials: serials.collect(),
            verification: signature_algorithm(&list.signature_algorithm).1,
            signed: list.tbs_cert_list.as_ref().to_vec(),
            signature: list.signature_value.data.to_vec(),
        }
    }

    /// Returns the issuer's name as text in the form of RFC 4514.
    pub fn issuer_name(&self) -> &str {
        &self.issuer
    }

    /// Returns when it was made.
    pub const fn this_update(&self) -> Timestamp {
        self.this_update
    }

    /// Returns when there will be another one at the latest, if it says so.
    pub const fn next_update(&self) -> Option<Timestamp> {
        self.next_update
    }

    /// Returns how many certificates are on it.
    pub fn len(&self) -> usize {
        self.serials.len()
    }

    /// Tells whether no certificate is on it.
    pub fn is_empty(&self) -> bool {
        self.serials.is_empty()
    }

    /// Tells whether it is the list of a certificate's issuer, by the name.
    pub fn is_for(&self, certificate: &Certificate) -> bool {
        certificate.issuer_der() == self.issuer_der
    }

    /// Tells whether it revokes a certificate: the issuer is the same, and the serial number on it.
    pub fn revokes(&self, certificate: &Certificate) -> bool {
        self.is_for(certificate) && self.serials.contains(certificate.serial_number().decimal())
    }

    /// Tells whether `issuer` has the list's name and its key made the signature; one that cannot be verified here counts
    /// as not made.
    pub fn is_signed_by(&self, issuer: &Certificate) -> bool {
        self.issuer_der == issuer.subject_der()
            && self.verification.is_some_and(|algorithm| {
                issuer.public_key().verifies(algorithm, &self.signed, &self.signature)
            })
    }
}

/// Shows whose it is.
impl fmt::Debug for RevocationList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RevocationList")
            .field("issuer_name", &self.issuer)
            .field("next_update", &self.next_update)
            .finish_non_exhaustive()
    }
}
