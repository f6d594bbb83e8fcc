//! Revokes certificates in the register, from which revocation lists are generated.

use pki_test::revocation::RevocationReason;

use super::index::{Index, Record, Revocation};
use super::{Folder, PkiError};
use crate::clock::Timestamp;

/// A certificate that is revoked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revoked {
    /// The serial number in lower-case hex.
    pub serial: String,
    /// The name of the identity.
    pub name: String,
    /// The subject name.
    pub subject: String,
    /// Since when.
    pub at: Timestamp,
    /// Whether it was already revoked; nothing was changed then.
    pub already: bool,
    /// The last second of validity.
    pub not_after: Timestamp,
}

impl Folder {
    /// Revokes every certificate of an identity that has not expired, or one by its serial number.
    ///
    /// `selector` is the name of an identity, or a serial number: decimal, or hexadecimal with or without colons. A
    /// renewal leaves the previous certificate valid, so a name means all of them. AWS does not know yet: see
    /// [`Self::write_revocation_list`].
    ///
    /// # Errors
    ///
    /// Fails if there is no PKI, or no such certificate in its register that has not expired.
    pub fn revoke(
        &self,
        selector: &str,
        reason: Option<RevocationReason>,
        now: Timestamp,
    ) -> Result<Vec<Revoked>, PkiError> {
        self.check_initialised()?;
        let _locked = self.lock()?;
        let mut index = Index::load(&self.path)?;
        let alive = |record: &&mut Record| record.not_after >= now;
        let is_name = index.certificates.iter().any(|record| record.name == selector);
        let chosen = index
            .certificates
            .iter_mut()
            .filter(|record| if is_name { record.name == selector } else { has_serial(record, selector) })
            .filter(alive);
        let mut revoked = Vec::new();
        for record in chosen {
            let already = record.revoked.is_some();
            let at = record.revoked.get_or_insert(Revocation { at: now, reason }).at;
            revoked.push(Revoked {
                serial: record.serial.clone(),
                name: record.name.clone(),
                subject: record.subject.clone(),
                at,
                already,
                not_after: record.not_after,
            });
        }
        if revoked.is_empty() {
            return Err(PkiError::UnknownCertificate { selector: selector.to_owned() });
        }
        if revoked.iter().any(|revoked| !revoked.already) {
            index.store(&self.path, now)?;
        }
        Ok(revoked)
    }
}

/// Returns whether a text is a certificate's serial number, in one of its forms.
fn has_serial(record: &Record, text: &str) -> bool {
    let significant = record.serial.trim_start_matches('0');
    let hex = text.strip_prefix("0x").unwrap_or(text).replace(':', "").to_ascii_lowercase();
    if !hex.is_empty() && hex.trim_start_matches('0') == significant {
        return true;
    }
    let decimal =
        hex::decode(&record.serial).map(|octets| num_bigint::BigUint::from_bytes_be(&octets).to_string());
    decimal.as_deref() == Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_serial_number_is_known_in_every_form() {
        let record = Record {
            serial: String::from("0a1bff"),
            name: String::new(),
            subject: String::new(),
            alternative_names: Vec::new(),
            lifetime: 0,
            not_after: Timestamp::MAX,
            crl_url: None,
            revoked: None,
        };
        for text in ["0a1bff", "A1BFF", "0x0a1bff", "0A:1B:FF", "662527", "00a1bff"] {
            assert!(has_serial(&record, text), "{text}");
        }
        for text in ["", "0", ":", "0x", "a1bf", "0662527", "-662527", "a1bff0"] {
            assert!(!has_serial(&record, text), "{text}");
        }
    }
}
