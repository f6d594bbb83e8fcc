//! Certificate revocation lists (RFC 5280 §5): the certificates of a CA that must no longer be accepted.
//!
//! AWS knows the lists that [ImportCrl] gave it, in PEM and of at most 300,000 bytes. A trust anchor with
//! `crlDpRevocationEnabled` also has those fetched that the certificates name.
//!
//! [ImportCrl]: https://docs.aws.amazon.com/rolesanywhere/latest/APIReference/API_ImportCrl.html

mod parse;

use std::str::FromStr;

use pkcs8::ObjectIdentifier;
use time::OffsetDateTime;

use crate::authority::Authority;
use crate::certificate::SerialNumber;
use crate::certificate::extension::Extension;
use crate::key_pair::KeyPairError;
use crate::pem::{self, PemError};
use crate::{der, verifier};

/// The most bytes of a list that ImportCrl accepts, counted in PEM.
pub const MAX_IMPORT_OCTETS: usize = 300_000;

/// The label of a list's PEM (RFC 7468 §6).
const LABEL: &str = "X509 CRL";

const CRL_NUMBER: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.20");
const REASON_CODE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.21");
const ENUMERATED: u8 = 0x0a;

/// The contents of a list.
#[derive(Clone, Debug)]
pub struct RevocationListSpec {
    /// The list's number: each list of a CA has a higher one than those before it (RFC 5280 §5.2.3).
    pub number: u64,
    /// When the list is issued. In whole seconds, like all times here.
    pub this_update: OffsetDateTime,
    /// When the next list is due.
    pub next_update: OffsetDateTime,
    /// The revoked certificates.
    pub revoked: Vec<RevokedCertificate>,
}

/// One entry of a list.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RevokedCertificate {
    /// The certificate's serial number.
    pub serial: SerialNumber,
    /// Since when it must no longer be accepted.
    pub revoked_at: OffsetDateTime,
    /// Why; `None` if no reason is given.
    pub reason: Option<RevocationReason>,
}

/// Why a certificate was revoked (RFC 5280 §5.3.1); `unspecified` is represented by no reason.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum RevocationReason {
    /// Somebody else has, or may have, the private key.
    KeyCompromise,
    /// The same of a CA's key.
    CaCompromise,
    /// A name in the certificate is no longer true.
    AffiliationChanged,
    /// Another certificate has replaced it.
    Superseded,
    /// It is no longer needed.
    CessationOfOperation,
    /// Revoked temporarily.
    CertificateHold,
    /// The hold is over; only in delta lists.
    RemoveFromCrl,
    /// What the certificate allowed was withdrawn.
    PrivilegeWithdrawn,
    /// The key of an attribute authority is compromised.
    AaCompromise,
}

impl RevocationReason {
    /// All of them, in the order of their codes.
    pub const ALL: [Self; 9] = [
        Self::KeyCompromise,
        Self::CaCompromise,
        Self::AffiliationChanged,
        Self::Superseded,
        Self::CessationOfOperation,
        Self::CertificateHold,
        Self::RemoveFromCrl,
        Self::PrivilegeWithdrawn,
        Self::AaCompromise,
    ];

    /// Returns the name that [`FromStr`] reads, such as `key-compromise`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::KeyCompromise => "key-compromise",
            Self::CaCompromise => "ca-compromise",
            Self::AffiliationChanged => "affiliation-changed",
            Self::Superseded => "superseded",
            Self::CessationOfOperation => "cessation-of-operation",
            Self::CertificateHold => "certificate-hold",
            Self::RemoveFromCrl => "remove-from-crl",
            Self::PrivilegeWithdrawn => "privilege-withdrawn",
            Self::AaCompromise => "aa-compromise",
        }
    }

    const fn code(self) -> u8 {
        match self {
            Self::KeyCompromise => 1,
            Self::CaCompromise => 2,
            Self::AffiliationChanged => 3,
            Self::Superseded => 4,
            Self::CessationOfOperation => 5,
            Self::CertificateHold => 6,
            // Code 7 is unused.
            Self::RemoveFromCrl => 8,
            Self::PrivilegeWithdrawn => 9,
            Self::AaCompromise => 10,
        }
    }
}

impl FromStr for RevocationReason {
    type Err = UnknownReason;

    fn from_str(text: &str) -> Result<Self, UnknownReason> {
        Self::ALL.into_iter().find(|reason| reason.name() == text).ok_or(UnknownReason)
    }
}

/// The text is not the name of a [`RevocationReason`].
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("there is no such reason to revoke a certificate")]
pub struct UnknownReason;

/// A signed revocation list.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RevocationList {
    der: Vec<u8>,
    issuer: Vec<u8>,
    number: Option<u64>,
    this_update: OffsetDateTime,
    next_update: Option<OffsetDateTime>,
    revoked: Vec<RevokedCertificate>,
}

impl Authority {
    /// Signs a list of the certificates issued here that must no longer be accepted.
    ///
    /// # Errors
    ///
    /// Fails if the next list is due before this one is issued, or outside the years 0 to 9999, if the list is larger
    /// than ImportCrl accepts, or if signing fails.
    pub fn revocation_list(&self, spec: &RevocationListSpec) -> Result<RevocationList, RevocationError> {
        let (Some(this_update), Some(next_update)) =
            (der::time(spec.this_update), der::time(spec.next_update))
        else {
            return Err(RevocationError::Validity);
        };
        if spec.next_update <= spec.this_update {
            return Err(RevocationError::Validity);
        }
        let entries = spec.revoked.iter().map(RevokedCertificate::to_der).collect::<Result<Vec<_>, _>>()?;
        let extensions = [
            Extension::authority_key_identifier(self.key_identifier()).to_der(),
            crl_number(spec.number).to_der(),
        ];
        let algorithm = self.key_pair().algorithm().signature_algorithm();
        let list = der::sequence(&[
            &der::element(der::INTEGER, &[&[1]]),
            &algorithm.identifier(),
            self.subject(),
            &this_update,
            &next_update,
            // An empty list has no element for its entries (§5.1.2.6).
            &if entries.is_empty() { Vec::new() } else { der::sequence(&[&entries.concat()]) },
            &der::element(der::context_constructed(0), &[&der::sequence(&[&extensions.concat()])]),
        ]);
        let signature = self.key_pair().sign(algorithm, &list)?;
        let der = der::sequence(&[&list, &algorithm.identifier(), &der::bit_string(&signature)]);
        let octets = pem_octets(der.len());
        if octets > MAX_IMPORT_OCTETS {
            let without_entries = der.len() - entries.iter().map(Vec::len).sum::<usize>();
            return Err(RevocationError::TooLarge {
                octets,
                entries: entries.len(),
                fitting: fitting(without_entries, &entries),
            });
        }
        RevocationList::parse(&der)
    }
}

/// Returns the bytes of a PEM block around `octets` bytes of DER.
fn pem_octets(octets: usize) -> usize {
    let base64 = octets.div_ceil(3) * 4;
    base64 + base64.div_ceil(64) + "-----BEGIN -----\n-----END -----\n".len() + 2 * LABEL.len()
}

/// Returns how many of the first entries fit beside everything else.
fn fitting(without_entries: usize, entries: &[Vec<u8>]) -> usize {
    let mut octets = without_entries;
    entries
        .iter()
        .take_while(|entry| {
            octets += entry.len();
            pem_octets(octets) <= MAX_IMPORT_OCTETS
        })
        .count()
}

fn crl_number(number: u64) -> Extension {
    let number = der::element(der::INTEGER, &[&der::unsigned_content(&number.to_be_bytes())]);
    Extension::new(CRL_NUMBER, false, number)
}

impl RevokedCertificate {
    fn to_der(&self) -> Result<Vec<u8>, RevocationError> {
        let serial = der::element(der::INTEGER, &[self.serial.content()]);
        let revoked_at = der::time(self.revoked_at).ok_or(RevocationError::Validity)?;
        let extensions = match self.reason {
            Some(reason) => {
                let code = der::element(ENUMERATED, &[&[reason.code()]]);
                der::sequence(&[&Extension::new(REASON_CODE, false, code).to_der()])
            }
            None => Vec::new(),
        };
        Ok(der::sequence(&[&serial, &revoked_at, &extensions]))
    }
}

impl RevocationList {
    /// Returns the list as DER.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// Returns the list as PEM: the format for ImportCrl.
    pub fn pem(&self) -> String {
        String::clone(&pem::render(LABEL, &self.der))
    }

    /// Returns the DER of the issuer's name.
    pub fn issuer_name(&self) -> &[u8] {
        &self.issuer
    }

    /// Returns the list's number, if it has one.
    pub const fn number(&self) -> Option<u64> {
        self.number
    }

    /// Returns when the list was issued.
    pub const fn this_update(&self) -> OffsetDateTime {
        self.this_update
    }

    /// Returns when the next list is due, if it says so.
    pub const fn next_update(&self) -> Option<OffsetDateTime> {
        self.next_update
    }

    /// Returns the revoked certificates, in order.
    pub fn revoked(&self) -> &[RevokedCertificate] {
        &self.revoked
    }

    /// Returns whether the list is from `issuer`: it has its name and a signature by its key.
    pub fn is_signed_by(&self, issuer: &verifier::Certificate) -> bool {
        self.issuer == issuer.subject_name() && parse::is_signed_by(&self.der, issuer)
    }
}

/// Why a revocation list cannot be created or parsed.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum RevocationError {
    /// The list cannot be signed.
    #[error("the revocation list cannot be signed")]
    Key(#[from] KeyPairError),
    /// The bytes are not a list, or something in it is not DER.
    #[error("the revocation list is damaged")]
    Malformed,
    /// The text contains no list, or more than one.
    #[error("the text does not hold exactly one revocation list")]
    Missing,
    /// The list's number has more than 64 bits, which ours never have.
    #[error("the revocation list's number is longer than 64 bits")]
    Number,
    /// The PEM around the list is broken.
    #[error("the revocation list is not PEM")]
    Pem(#[from] PemError),
    /// The list is larger than ImportCrl accepts.
    #[error(
        "a revocation list of {entries} certificates has {octets} bytes; AWS takes {MAX_IMPORT_OCTETS}, which is {fitting} certificates"
    )]
    TooLarge {
        /// The bytes of its PEM.
        octets: usize,
        /// How many certificates it has.
        entries: usize,
        /// How many would fit.
        fitting: usize,
    },
    /// The list ends before it begins, or a time is outside the years 0 to 9999.
    #[error("the revocation list's times are in the wrong order, or outside the years 0 to 9999")]
    Validity,
}
