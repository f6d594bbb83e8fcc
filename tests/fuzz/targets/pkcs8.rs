//! Private keys in every form, opened as far as that goes without a costly key derivation.
#![no_main]

use anyrole::signer::file::FileKey;
use anyrole::x509::pem;
use anyrole::x509::private_key::{self, PrivateKey, ReadKey};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let _ = PrivateKey::from_pkcs8(input).map(FileKey::new);
    let _ = PrivateKey::from_pkcs1(input).map(FileKey::new);
    let _ = PrivateKey::from_sec1(input, None).map(FileKey::new);
    let Ok(blocks) = pem::read(input) else { return };
    for block in &blocks {
        match private_key::read(block, blocks.first()) {
            Ok(ReadKey::Clear(key)) => drop(FileKey::new(key)),
            Ok(ReadKey::Encrypted(_)) | Err(_) => {}
        }
    }
});
