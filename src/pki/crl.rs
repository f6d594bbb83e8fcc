//! Creates the revocation list of the issuing CA.

use std::path::PathBuf;
use std::time::Duration;

use pki_test::certificate::{IssueError, SerialNumber};
use pki_test::revocation::{RevocationList, RevocationListSpec, RevokedCertificate};

use super::index::{Index, Record};
use super::{AUTHORITIES, Folder, HEAD_START, PkiError, ROOT, offset};
use crate::clock::Timestamp;
use crate::private_file;
use crate::secret::Secret;

/// A revocation list that was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrittenList {
    /// The file, in the PEM that ImportCrl takes.
    pub file: PathBuf,
    /// The same list in DER, as it is published over HTTP (RFC 5280 §4.2.1.13).
    pub der_file: PathBuf,
    /// Where valid certificates say that it is.
    pub urls: Vec<String>,
    /// The root's own list in DER and its URL, where the intermediate's certificate names it.
    pub of_root: Option<(PathBuf, String)>,
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
    /// Writes a list of all revoked certificates to `ca/crl.pem` and `ca/crl.der`, with a higher number than any before.
    ///
    /// Where the intermediate's certificate names a list of the root, that one is written too; it is empty, since the
    /// PKI has no way to revoke its own intermediate. A certificate stays on the lists for 30 days after it expired.
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
        let list = issuer.revocation_list(&spec)?;
        let text = list.pem();
        let of_root = match &index.root_crl_url {
            Some(url) if self.has_intermediate() => {
                let root = self.authority(ROOT, passphrase)?;
                let empty = RevocationListSpec { revoked: Vec::new(), ..spec.clone() };
                Some((root.revocation_list(&empty)?, url.clone()))
            }
            Some(_) | None => None,
        };
        let mut urls: Vec<String> = Vec::new();
        let valid = index.certificates.iter().filter(|record| record.is_valid(now));
        for url in valid.filter_map(|record| record.crl_url.as_ref()).chain(&index.crl_url) {
            if !urls.contains(url) {
                urls.push(url.clone());
            }
        }
        // The number is used up before anybody can have the list.
        index.list_number = number;
        index.store(&self.path, now)?;
        let (file, der_file) = self.write_list("crl", &list)?;
        let of_root = match of_root {
            Some((list, url)) => Some((self.write_list("root-crl", &list)?.1, url)),
            None => None,
        };
        Ok(WrittenList {
            file,
            der_file,
            urls,
            of_root,
            number,
            certificates: spec.revoked.len(),
            octets: text.len(),
            next_update,
            issuer: self.path.join(AUTHORITIES).join(format!("{}.pem", self.issuer_name())),
            by_intermediate: self.has_intermediate(),
        })
    }

    /// Writes a list in both forms, and returns their files: PEM, and DER.
    fn write_list(&self, name: &str, list: &RevocationList) -> Result<(PathBuf, PathBuf), PkiError> {
        let file = |extension: &str| self.path.join(AUTHORITIES).join(format!("{name}.{extension}"));
        let (pem, der) = (file("pem"), file("der"));
        private_file::replace(&der, list.der(), 0o600)?;
        private_file::replace(&pem, list.pem().as_bytes(), 0o600)?;
        Ok((pem, der))
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
