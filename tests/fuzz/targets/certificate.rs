//! One certificate in DER, and everything that is said of it.
#![no_main]

use anyrole::explain::session_tags;
use anyrole::x509::{Certificate, Chain, Selector};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let _ = Certificate::parse_prefix(input);
    let Ok(certificate) = Certificate::parse(input) else { return };
    let _ = (certificate.subject_name(), certificate.issuer_name(), certificate.serial_number().decimal());
    let _ = (certificate.path_length(), certificate.allows_digital_signature(), certificate.allows_certificate_signing());
    let _ = (certificate.subject_key_id(), certificate.authority_key_id(), certificate.subject_alternative_names());
    let _ = (certificate.unknown_critical_extensions(), certificate.crl_urls(), certificate.sha1());
    let _ = (certificate.public_key().kind().to_string(), certificate.signature_hash().to_string());
    let _ = (certificate.is_self_signed(), certificate.issued(&certificate), format!("{certificate:?}"));
    for (key, _) in session_tags(&certificate) {
        assert!(key.starts_with("x509"), "{key}");
    }
    // What is printed of a certificate selects it again.
    assert!(Selector::of_one(&certificate).matches(&certificate));
    let chain = Chain::order(certificate.clone(), vec![certificate.clone(), certificate]);
    assert!(chain.intermediates.is_empty() && chain.roots.is_empty() && chain.unrelated.is_empty());
});
