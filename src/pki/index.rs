//! The register of a PKI: every certificate it issued, and which of them are revoked.
//!
//! A certificate is registered before it is handed out, so every certificate in circulation can be revoked by its name.
//! The file is replaced atomically and only under the PKI's lock: neither a crash nor a second process loses anything.

use std::collections::HashSet;
use std::path::Path;

use pki_test::revocation::RevocationReason;
use serde::{Deserialize, Serialize};

use super::{AUTHORITIES, DAY, PkiError};
use crate::clock::Timestamp;
use crate::private_file;

/// The register's file, in the folder of the CAs.
pub(super) const FILE: &str = "issued.json";
/// The version of its form.
const VERSION: u32 = 1;
/// The largest register that is read, in bytes: some 40,000 certificates.
const LIMIT: u64 = 16 << 20;
/// How long a certificate stays on the lists after its expiration, in days.
///
/// A revoked certificate stays until a list was issued after it expired (RFC 5280 §5); lists are usually issued at
/// least this often.
const KEPT_DAYS: u32 = 30;

/// The register.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Index {
    version: u32,
    /// The number of the revocation list that was made last; 0 before the first.
    pub(super) list_number: u64,
    /// Where the list of the CA that issues is published: what certificates name unless they are told otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) crl_url: Option<String>,
    /// Where the root's own list is, which the intermediate's certificate names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) root_crl_url: Option<String>,
    /// The certificates, in the order in which they were issued.
    pub(super) certificates: Vec<Record>,
}

/// One issued certificate.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Record {
    /// The serial number in lower-case hex, two digits an octet.
    pub(super) serial: String,
    /// The name of the identity.
    pub(super) name: String,
    /// The subject name, as RFC 4514 text.
    pub(super) subject: String,
    /// The other names, as [`super::names`] writes them.
    pub(super) alternative_names: Vec<String>,
    /// The lifetime that was asked for, in seconds: what a renewal asks for again.
    pub(super) lifetime: u64,
    /// The last second of validity.
    #[serde(with = "rfc3339")]
    pub(super) not_after: Timestamp,
    /// The URL of the revocation list in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) crl_url: Option<String>,
    /// The revocation, if there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) revoked: Option<Revocation>,
}

/// When and why a certificate was revoked.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Revocation {
    #[serde(with = "rfc3339")]
    pub(super) at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none", with = "reason")]
    pub(super) reason: Option<RevocationReason>,
}

impl Index {
    /// Returns the register of a new PKI.
    pub(super) const fn new(crl_url: Option<String>, root_crl_url: Option<String>) -> Self {
        Self { version: VERSION, list_number: 0, crl_url, root_crl_url, certificates: Vec::new() }
    }

    /// Reads the register of the PKI in `folder`.
    ///
    /// A missing register is an error: an empty one would undo every revocation.
    pub(super) fn load(folder: &Path) -> Result<Self, PkiError> {
        let file = folder.join(AUTHORITIES).join(FILE);
        if !file.exists() {
            return Err(PkiError::Register { file, why: String::from("it is missing") });
        }
        let bytes = private_file::read_private(&file, LIMIT)?;
        match serde_json::from_slice::<Self>(&bytes) {
            Ok(index) if index.version == VERSION => Ok(index),
            Ok(other) => {
                let why = format!("its version is {}, and this program knows {VERSION}", other.version);
                Err(PkiError::Register { file, why })
            }
            // serde_json reports the line and the kind of error, and names only our own fields.
            Err(error) => Err(PkiError::Register { file, why: error.to_string() }),
        }
    }

    /// Replaces the register's file, dropping certificates that expired long ago.
    ///
    /// The last certificate of each name is always kept, so that a host that was away can still be renewed.
    pub(super) fn store(&mut self, folder: &Path, now: Timestamp) -> Result<(), PkiError> {
        let mut names = HashSet::new();
        let last: HashSet<String> = self
            .certificates
            .iter()
            .rev()
            .filter(|record| names.insert(record.name.as_str()))
            .map(|record| record.serial.clone())
            .collect();
        self.certificates.retain(|record| record.is_listed(now) || last.contains(&record.serial));
        let file = folder.join(AUTHORITIES).join(FILE);
        let text = self.render()?;
        if text.len() as u64 > LIMIT {
            return Err(PkiError::RegisterFull { file, limit: LIMIT });
        }
        private_file::replace(&file, text.as_bytes(), 0o600)?;
        Ok(())
    }

    /// Returns the register's text.
    pub(super) fn render(&self) -> Result<String, PkiError> {
        serde_json::to_string_pretty(self).map(|text| text + "\n").map_err(|error| PkiError::Register {
            file: Path::new(AUTHORITIES).join(FILE),
            why: error.to_string(),
        })
    }

    /// Returns the entry of a certificate.
    pub(super) fn find(&self, serial: &str) -> Option<&Record> {
        self.certificates.iter().find(|record| record.serial == serial)
    }
}

impl Record {
    /// Tells whether the certificate is still valid.
    pub(super) fn is_valid(&self, now: Timestamp) -> bool {
        self.not_after >= now
    }

    /// Tells whether a revocation list names the certificate, once it is revoked.
    pub(super) fn is_listed(&self, now: Timestamp) -> bool {
        self.not_after.plus(DAY * KEPT_DAYS) >= now
    }
}

mod rfc3339 {
    //! Times as RFC 3339 text, in UTC and to the second.

    use serde::{Deserialize as _, Deserializer, Serializer, de};

    use crate::clock::Timestamp;

    pub(super) fn serialize<S: Serializer>(time: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(time)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
        let text = String::deserialize(deserializer)?;
        Timestamp::parse_rfc3339(&text).ok_or_else(|| de::Error::custom("a time is not RFC 3339"))
    }
}

mod reason {
    //! Reasons by their names.

    use pki_test::revocation::RevocationReason;
    use serde::{Deserialize as _, Deserializer, Serializer, de};

    pub(super) fn serialize<S: Serializer>(
        reason: &Option<RevocationReason>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match reason {
            Some(reason) => serializer.serialize_str(reason.name()),
            None => serializer.serialize_none(),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<RevocationReason>, D::Error> {
        String::deserialize(deserializer)?.parse().map(Some).map_err(de::Error::custom)
    }
}
