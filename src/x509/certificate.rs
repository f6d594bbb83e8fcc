//! One X.509 certificate: its DER and the facts that matter here.

use crate::clock::Timestamp;

/// A certificate's serial number (RFC 5280 §4.1.2.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SerialNumber {
    decimal: String,
    hex: String,
}

impl SerialNumber {
    /// Returns the number in decimal, as the Authorization header carries it.
    pub fn decimal(&self) -> &str {
        &self.decimal
    }

    /// Returns the number in lower-case hex with an even number of digits, as AWS and openssl show it.
    pub fn hex(&self) -> &str {
        &self.hex
    }
}

/// A certificate and the facts read from it.
#[derive(Clone, Debug)]
pub struct Certificate {
    der: Vec<u8>,
    serial_number: SerialNumber,
    subject_name: String,
    issuer_name: String,
    not_before: Timestamp,
    not_after: Timestamp,
}

/// Why bytes are not a certificate.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an X.509 certificate in DER: {why}")]
pub struct CertificateError {
    /// What the parser found.
    pub why: String,
}

impl Certificate {
    /// Parses one certificate from DER; bytes after it are an error.
    ///
    /// # Errors
    ///
    /// Fails if the bytes are not one X.509 certificate.
    pub fn parse(der: &[u8]) -> Result<Self, CertificateError> {
        use x509_parser::prelude::*;
        let (rest, certificate) =
            X509Certificate::from_der(der).map_err(|error| CertificateError { why: error.to_string() })?;
        if !rest.is_empty() {
            return Err(CertificateError { why: format!("{} bytes follow it", rest.len()) });
        }
        let tbs = &certificate.tbs_certificate;
        Ok(Self {
            serial_number: SerialNumber {
                decimal: tbs.serial.to_string(),
                hex: hex::encode(tbs.serial.to_bytes_be()),
            },
            subject_name: tbs.subject.to_string(),
            issuer_name: tbs.issuer.to_string(),
            not_before: Timestamp::from_unix_seconds(tbs.validity.not_before.timestamp()),
            not_after: Timestamp::from_unix_seconds(tbs.validity.not_after.timestamp()),
            der: der.to_vec(),
        })
    }

    /// Returns the certificate itself, in DER.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// Returns the serial number.
    pub const fn serial_number(&self) -> &SerialNumber {
        &self.serial_number
    }

    /// Returns the subject name as text, control characters escaped.
    pub fn subject_name(&self) -> &str {
        &self.subject_name
    }

    /// Returns the issuer's name as text, control characters escaped.
    pub fn issuer_name(&self) -> &str {
        &self.issuer_name
    }

    /// Returns the first second of validity.
    pub const fn not_before(&self) -> Timestamp {
        self.not_before
    }

    /// Returns the last second of validity.
    pub const fn not_after(&self) -> Timestamp {
        self.not_after
    }
}
