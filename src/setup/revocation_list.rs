//! A revocation list that is imported into the trust anchor.

use x509_parser::prelude::{CertificateRevocationList, FromDer as _, RevokedCertificate};

use super::error::SetupError;
use super::pem_text::pem_text;
use super::shell;
use crate::x509::SerialNumber;
use crate::x509::pem::{self, Label};

/// The most bytes of a list (the service's model).
pub(super) const LIMIT: usize = 300_000;

/// A revocation list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RevocationList {
    path: String,
    text: String,
    /// The serial numbers of the certificates that it revokes, in hex.
    serials: Vec<String>,
}

impl RevocationList {
    /// Takes a list in PEM from the file of that name.
    ///
    /// # Errors
    ///
    /// Fails if it is something else, is longer than AWS takes, or its file's name cannot stand in a script.
    pub fn parse(bytes: &[u8], path: &str) -> Result<Self, SetupError> {
        let wrong = |why: String| SetupError::value("crl", path, why);
        if crate::text::escaped(path) != path {
            return Err(wrong(String::from("its name has a character that no line of a script can show")));
        }
        let blocks = pem::read(bytes).map_err(|error| wrong(error.to_string()))?;
        let [block] = blocks.as_slice() else {
            return Err(wrong(format!("it holds {} blocks, and one list is imported", blocks.len())));
        };
        if block.label != Label::RevocationList {
            return Err(wrong(String::from("it holds no revocation list in PEM (BEGIN X509 CRL)")));
        }
        let text = pem_text("X509 CRL", &block.der);
        if text.len() > LIMIT {
            return Err(wrong(format!("it has {} bytes, and AWS takes {LIMIT}", text.len())));
        }
        let (_, list) = CertificateRevocationList::from_der(&block.der)
            .map_err(|_| wrong(String::from("its revocation list is damaged")))?;
        let serial = |revoked: &RevokedCertificate<'_>| plain(&hex::encode(revoked.raw_serial()));
        let serials = list.iter_revoked_certificates().map(serial).collect();
        Ok(Self { path: path.to_owned(), text, serials })
    }

    /// Tells whether it revokes the certificate of that serial number, of its own issuer.
    pub fn lists(&self, serial: &SerialNumber) -> bool {
        self.serials.contains(&plain(serial.hex()))
    }

    /// Returns the list in PEM.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// Returns the word with which the AWS CLI reads the file.
    pub(super) fn argument(&self) -> String {
        shell::word(&format!("fileb://{}", self.path))
    }
}

/// Leaves out the zeros in front, which depend on who writes the number.
fn plain(hex: &str) -> String {
    hex.trim_start_matches('0').to_owned()
}
