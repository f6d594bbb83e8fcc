//! PKCS#11 URIs (RFC 7512): what is read can be written and read again, and means the same.
#![no_main]

use anyrole::signer::pkcs11::Pkcs11Uri;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let Ok(uri) = Pkcs11Uri::parse(text) else { return };
    let _ = (uri.module_path(), uri.module_name(), uri.place(), format!("{uri:?}"));
    let written = uri.attributes().to_uri();
    // Escapes take three octets each, and a URI has 4096 at most.
    if written.len() > 4096 {
        return;
    }
    let again = Pkcs11Uri::parse(&written).unwrap_or_else(|why| panic!("{written}: {why}"));
    assert_eq!(again.attributes(), uri.attributes());
});
