//! Whatever a certificate's file holds: PEM in any state, DER, and the certificates in it, as a chain.
#![no_main]

use anyrole::x509::{Certificate, Chain, Selector, pem};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let Ok(blocks) = pem::read(input) else { return };
    let certificates: Vec<Certificate> =
        blocks.iter().filter_map(|block| Certificate::of_block(block)?.ok()).collect();
    let Some(first) = certificates.first().cloned() else { return };
    for certificate in &certificates {
        let _ = (certificate.is_self_signed(), certificate.public_key().kind().to_string());
        let _ = certificate.signature_hash().to_string();
        // What is printed of a certificate selects it again.
        assert!(Selector::of_one(certificate).matches(certificate));
        if let Some(renewals) = Selector::of_renewals(certificate) {
            let printed = renewals.to_string();
            if printed.len() <= anyrole::x509::selector::LENGTH_LIMIT {
                assert!(Selector::parse(&printed).is_ok_and(|again| again.matches(certificate)), "{printed}");
            }
        }
    }
    let chain = Chain::order(first, certificates);
    assert!(chain.intermediates.len() <= blocks.len());
});
