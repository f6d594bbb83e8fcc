//! Creates the revocation list of the issuing CA.

use std::path::PathBuf;
use std::time::Duration;

use pki_test::certificate::{IssueError, SerialNumber};
use pki_test::revocation::{RevocationListSpec, RevokedCertificate};

use super::index::{Index, Record};
use super::{AUTHORITIES, Folder, HEAD_START, PkiError, offset};
use crate::clock::Timestamp;
use crate::private_file;
use crate::secret::Secret;

/// A revocation list that was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrittenList {
    /// The file, in the PEM that ImportCrl takes.
    pub file: PathBuf,
    /// The list's number.
    pub number: u64,
    /// How many certificates are on it.
    pub certificates: usize,
    /// The bytes of the file.
    pub octets: usize,
    /// When the next list is due.
    pub next_update: Timestamp,
    /// The certificate of the CA that issued the list.
    pub issuer: PathBuf,
    /// Whether that CA is an intermediate rather than the root.
    pub by_intermediate: bool,
}

impl Folder {
    /// Writes a list of all revoked certificates to `ca/crl.pem`, with a higher number than any before.
    ///
    /// A certificate stays on the lists for 30 days after it expired.
    ///
    /// # Errors
    ///
    /// Fails if there is no PKI, if the passphrase is missing or wrong, if the list would be larger than AWS accepts,
    /// or if something cannot be written.
    pub fn write_revocation_list(
        &self,
        lifetime: Duration,
        passphrase: Option<&Secret<String>>,
        now: Timestamp,
    ) -> Result<WrittenList, PkiError> {
        self.check_initialised()?;
        let _locked = self.lock()?;
        let mut index = Index::load(&self.path)?;
        let issuer = self.issuer(passphrase)?;
        let number = index.list_number.saturating_add(1);
        let next_update = now.plus(lifetime);
        let spec = RevocationListSpec {
            number,
            // For hosts whose clocks are behind, as with certificates.
            this_update: offset(now.minus(HEAD_START)),
            next_update: offset(next_update),
            revoked: index
                .certificates
                .iter()
                .filter(|record| record.is_listed(now))
                .filter_map(|record| self.entry(record))
                .collect::<Result<_, _>>()?,
        };
        let text = issuer.revocation_list(&spec)?.pem();
        // The number is used up before anybody can have the list.
        index.list_number = number;
        index.store(&self.path, now)?;
        let file = self.path.join(AUTHORITIES).join("crl.pem");
        private_file::replace(&file, text.as_bytes(), 0o600)?;
        Ok(WrittenList {
            file,
            number,
            certificates: spec.revoked.len(),
            octets: text.len(),
            next_update,
            issuer: self.path.join(AUTHORITIES).join(format!("{}.pem", self.issuer_name())),
            by_intermediate: self.has_intermediate(),
        })
    }

    /// Returns the entry of a revoked certificate.
    fn entry(&self, record: &Record) -> Option<Result<RevokedCertificate, PkiError>> {
        let revoked = record.revoked.as_ref()?;
        let serial = hex::decode(&record.serial).map_err(|_| IssueError::Serial);
        let serial = serial.and_then(|magnitude| SerialNumber::new(&magnitude)).map_err(|_| {
            PkiError::Register { file: self.register(), why: String::from("a serial number is none") }
        });
        Some(serial.map(|serial| RevokedCertificate {
            serial,
            revoked_at: offset(revoked.at),
            reason: revoked.reason,
        }))
    }
}
