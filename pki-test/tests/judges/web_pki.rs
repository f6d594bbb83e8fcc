//! rustls-webpki, as a TLS server that authenticates its client.

use std::time::Duration;

use rustls_pki_types::{CertificateDer, UnixTime};
use webpki::{ALL_VERIFICATION_ALGS, EndEntityCert, Error, KeyUsage, anchor_from_trusted_cert};

use super::chain::{Evidence, NOW};

/// Verifies a chain for client authentication.
pub(super) fn verify(evidence: &Evidence) -> Result<(), Error> {
    let trust_anchor = CertificateDer::from(evidence.trust_anchor.as_slice());
    let anchors = [anchor_from_trusted_cert(&trust_anchor)?];
    let intermediates: Vec<CertificateDer<'_>> =
        evidence.intermediates.iter().map(|der| CertificateDer::from(der.as_slice())).collect();
    let end_entity = CertificateDer::from(evidence.end_entity.as_slice());
    let seconds = u64::try_from(NOW.unix_timestamp()).expect("now is after 1970");
    EndEntityCert::try_from(&end_entity)?
        .verify_for_usage(
            ALL_VERIFICATION_ALGS,
            &anchors,
            &intermediates,
            UnixTime::since_unix_epoch(Duration::from_secs(seconds)),
            KeyUsage::client_auth(),
            None,
            None,
        )
        .map(drop)
}
