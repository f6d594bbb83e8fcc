//! TSS2 key files: what is read can be written and read again.
#![no_main]

use anyrole::signer::tpm::KeyFile;
use anyrole::x509::pem;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let blocks = pem::read(input).unwrap_or_default();
    let of_blocks = blocks.iter().map(|block| block.der.as_slice());
    for der in std::iter::once(input).chain(of_blocks) {
        let Ok(key) = KeyFile::from_der(der) else { continue };
        let _ = key.public_key();
        let written = key.to_pem();
        let again = pem::read(written.as_bytes()).expect("PEM of our own");
        assert!(KeyFile::from_der(&again[0].der).is_ok());
    }
});
