//! Certificate requests (PKCS #10), as another host sends them to `pki issue --csr`.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pki_test::certificate_request::CertificateRequest;

fuzz_target!(|input: &[u8]| {
    match CertificateRequest::parse(input) {
        Ok(request) => {
            let wishes = request.wishes();
            let texts = wishes.subject_alternative_names.iter().chain([&wishes.subject]);
            assert!(texts.into_iter().all(|text| !text.chars().any(char::is_control)));
        }
        Err(error) => drop(error.to_string()),
    }
});
