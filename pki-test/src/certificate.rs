//! What every certificate has, whatever it is for: serial number, validity, signature.

pub(crate) mod extension;
pub(crate) mod tbs;

use aws_lc_rs::rand;
use num_bigint::BigUint;
use time::{Duration, OffsetDateTime};

use crate::der;
use crate::distinguished_name::NameError;
use crate::key_pair::KeyPairError;

/// The most octets of a serial number's INTEGER (RFC 5280 §4.1.2.2).
const MAX_SERIAL_OCTETS: usize = 20;

/// The octets of a random serial number: 128 bits, as many as in a UUID.
const RANDOM_SERIAL_OCTETS: usize = 16;

/// The period in which a certificate is valid, both ends included (RFC 5280 §4.1.2.5).
///
/// In whole seconds: fractions are dropped.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Validity {
    /// The first moment at which the certificate is valid.
    pub not_before: OffsetDateTime,
    /// The last moment.
    pub not_after: OffsetDateTime,
}

impl Validity {
    /// Returns the validity that begins at `not_before` and lasts for `duration`.
    pub fn starting(not_before: OffsetDateTime, duration: Duration) -> Self {
        Self { not_before, not_after: not_before.saturating_add(duration) }
    }

    /// Returns the DER of the `Validity`; fails if it ends before it begins, or exceeds the years 0 to 9999.
    fn to_der(self) -> Result<Vec<u8>, IssueError> {
        match (der::time(self.not_before), der::time(self.not_after)) {
            (Some(not_before), Some(not_after)) if self.not_before <= self.not_after => {
                Ok(der::sequence(&[&not_before, &not_after]))
            }
            (_, _) => Err(IssueError::Validity),
        }
    }
}

/// How the serial number of a certificate is chosen.
#[derive(Clone, Debug, Default, Eq, Hash, PartialEq)]
pub enum SerialChoice {
    /// 128 random bits.
    #[default]
    Random,
    /// This number, big-endian and unsigned; leading zeros are ignored.
    ///
    /// It must be positive, and its INTEGER no longer than 20 octets: a number of 20 octets has its high bit clear.
    Exact(Vec<u8>),
}

impl SerialChoice {
    pub(crate) fn choose(&self) -> Result<SerialNumber, IssueError> {
        let magnitude = match self {
            Self::Random => {
                let mut octets = [0; RANDOM_SERIAL_OCTETS];
                rand::fill(&mut octets).map_err(KeyPairError::from)?;
                octets.to_vec()
            }
            Self::Exact(magnitude) => magnitude.clone(),
        };
        SerialNumber::new(&magnitude)
    }
}

/// A certificate's serial number: positive, at most 159 bits.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct SerialNumber {
    /// The content octets of the INTEGER.
    content: Vec<u8>,
}

impl SerialNumber {
    /// Returns the number with this magnitude, big-endian and unsigned; leading zeros are ignored.
    ///
    /// # Errors
    ///
    /// Fails if the number is zero, or its INTEGER longer than 20 octets.
    pub fn new(magnitude: &[u8]) -> Result<Self, IssueError> {
        let content = der::unsigned_content(magnitude);
        if content == [0] || content.len() > MAX_SERIAL_OCTETS {
            return Err(IssueError::Serial);
        }
        Ok(Self { content })
    }

    pub(crate) fn content(&self) -> &[u8] {
        &self.content
    }

    /// Returns the number in decimal, as in the AWS4-X509 Authorization header.
    pub fn decimal(&self) -> String {
        BigUint::from_bytes_be(&self.content).to_string()
    }

    /// Returns the number in lower-case hexadecimal, two digits per octet, without a zero octet for the sign.
    pub fn hex(&self) -> String {
        hex::encode(self.content.strip_prefix(&[0]).unwrap_or(&self.content))
    }
}

/// Returns the extension that names where the issuer's revocation list is; none without a URL.
pub(crate) fn distribution_points(urls: &[String]) -> Result<Option<extension::Extension>, IssueError> {
    if urls.iter().any(|url| url.is_empty() || !url.is_ascii()) {
        return Err(IssueError::DistributionPoint);
    }
    Ok((!urls.is_empty()).then(|| extension::Extension::crl_distribution_points(urls)))
}

/// Why a certificate cannot be issued.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum IssueError {
    /// The URL of a revocation list is empty or not ASCII.
    #[error("the URL of a revocation list is empty or not ASCII")]
    DistributionPoint,
    /// The certificate cannot be signed.
    #[error("the certificate cannot be signed")]
    Key(#[from] KeyPairError),
    /// A name is impossible.
    #[error("a name of the certificate cannot be")]
    Name(#[from] NameError),
    /// The issuer's path length constraint allows no CA below it.
    #[error("the issuer's path length allows no further intermediate CA")]
    PathLength,
    /// The public key is not the DER of a SubjectPublicKeyInfo.
    #[error("the public key is damaged")]
    PublicKey,
    /// The serial number is zero or too long: see [`SerialChoice::Exact`].
    #[error("a serial number is positive and has at most 20 octets with its sign")]
    Serial,
    /// A DNS name or URI is empty or not ASCII.
    #[error("a DNS name or URI of the subject alternative name is empty or not ASCII")]
    SubjectAlternativeName,
    /// The validity ends before it begins, or exceeds the years 0 to 9999.
    #[error("the validity ends before it begins, or is outside the years 0 to 9999")]
    Validity,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exact(magnitude: &[u8]) -> Result<SerialNumber, IssueError> {
        SerialChoice::Exact(magnitude.to_vec()).choose()
    }

    #[test]
    fn serial_numbers_are_shown_in_both_forms() {
        let high = exact(&[0, 0x80, 1]).expect("a positive number");
        assert_eq!((high.decimal().as_str(), high.hex().as_str()), ("32769", "8001"));
        assert_eq!(high.content(), [0, 0x80, 1]);
        let one = exact(&[1]).expect("a positive number");
        assert_eq!((one.decimal().as_str(), one.hex().as_str()), ("1", "01"));
    }

    #[test]
    fn serial_numbers_keep_to_their_bounds() {
        assert_eq!(exact(&[]), Err(IssueError::Serial));
        assert_eq!(exact(&[0, 0]), Err(IssueError::Serial));
        assert_eq!(exact(&[0xff; 20]), Err(IssueError::Serial));
        assert!(exact(&[0x7f; 20]).is_ok());
        let random = SerialChoice::Random.choose().expect("randomness");
        assert_ne!(random, SerialChoice::Random.choose().expect("randomness"));
        assert!(random.content().len() <= 17);
    }

    #[test]
    fn a_validity_runs_forwards() {
        let now = OffsetDateTime::UNIX_EPOCH;
        assert!(Validity::starting(now, Duration::ZERO).to_der().is_ok());
        assert_eq!(Validity::starting(now, Duration::seconds(-1)).to_der(), Err(IssueError::Validity));
    }
}
