//! Revocation lists, in PEM and DER.
#![no_main]

use std::sync::LazyLock;

use anyrole::x509::{Certificate, RevocationList};
use libfuzzer_sys::fuzz_target;

static ISSUER: LazyLock<Certificate> =
    LazyLock::new(|| Certificate::parse(include_bytes!("../seeds/pem/one.der")).expect("a certificate"));

fuzz_target!(|input: &[u8]| {
    match RevocationList::read(input) {
        Ok(list) => {
            let _ = (list.issuer_name(), format!("{list:?}"), list.is_signed_by(&ISSUER));
            assert_eq!(list.is_empty(), list.len() == 0);
            assert!(!list.revokes(&ISSUER) || (list.is_for(&ISSUER) && !list.is_empty()));
        }
        Err(error) => drop(error.to_string()),
    }
});
