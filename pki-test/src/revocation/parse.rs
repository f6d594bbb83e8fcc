//! Parses revocation lists.

use x509_parser::prelude::FromDer;
use x509_parser::revocation_list::{CertificateRevocationList, RevokedCertificate as ParsedEntry};

use super::{
    LABEL, MAX_IMPORT_OCTETS, RevocationError, RevocationList, RevocationReason, RevokedCertificate,
};
use crate::certificate::SerialNumber;
use crate::verifier::Certificate;
use crate::verifier::certificate::signature_scheme;
use crate::{der, pem};

impl RevocationList {
    /// Parses a list, as PEM or DER, that is no larger than ImportCrl accepts. Its signature is not checked.
    ///
    /// # Errors
    ///
    /// Fails if there is no list or more than one, if it is damaged or too large, or if a number in it is larger than
    /// the standard allows.
    pub fn parse(bytes: &[u8]) -> Result<Self, RevocationError> {
        if bytes.len() > MAX_IMPORT_OCTETS {
            return Err(RevocationError::Malformed);
        }
        if bytes.first() == Some(&der::SEQUENCE) {
            return Self::from_der(bytes);
        }
        let text = std::str::from_utf8(bytes).map_err(|_| RevocationError::Missing)?;
        let mut lists = pem::parse(text)?.into_iter().filter(|block| block.label == LABEL);
        match (lists.next(), lists.next()) {
            (Some(list), None) => Self::from_der(&list.der),
            (Some(_) | None, _) => Err(RevocationError::Missing),
        }
    }

    fn from_der(bytes: &[u8]) -> Result<Self, RevocationError> {
        let list = parse(bytes)?;
        let number = match list.crl_number() {
            Some(number) => Some(u64::try_from(number).map_err(|_| RevocationError::Number)?),
            None => None,
        };
        Ok(Self {
            der: bytes.to_vec(),
            issuer: list.issuer().as_raw().to_vec(),
            number,
            this_update: list.last_update().to_datetime(),
            next_update: list.next_update().map(|time| time.to_datetime()),
            revoked: list.iter_revoked_certificates().map(entry).collect::<Result<_, _>>()?,
        })
    }
}

fn parse(bytes: &[u8]) -> Result<CertificateRevocationList<'_>, RevocationError> {
    let Ok(([], list)) = CertificateRevocationList::from_der(bytes) else {
        return Err(RevocationError::Malformed);
    };
    let one_algorithm = list.signature_algorithm == list.tbs_cert_list.signature;
    if one_algorithm && list.signature_value.unused_bits == 0 {
        Ok(list)
    } else {
        Err(RevocationError::Malformed)
    }
}

fn entry(parsed: &ParsedEntry<'_>) -> Result<RevokedCertificate, RevocationError> {
    let serial = SerialNumber::new(&parsed.serial().to_bytes_be()).map_err(|_| RevocationError::Malformed)?;
    let reason = parsed
        .reason_code()
        .and_then(|(_, code)| RevocationReason::ALL.into_iter().find(|reason| reason.code() == code.0));
    Ok(RevokedCertificate { serial, revoked_at: parsed.revocation_date.to_datetime(), reason })
}

pub(super) fn is_signed_by(bytes: &[u8], issuer: &Certificate) -> bool {
    let (Ok(list), Ok(key)) = (parse(bytes), issuer.key()) else { return false };
    signature_scheme(&list.signature_algorithm)
        .is_ok_and(|scheme| key.verifies(scheme, list.tbs_cert_list.as_ref(), &list.signature_value.data))
}
