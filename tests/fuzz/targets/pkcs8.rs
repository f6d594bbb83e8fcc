//! Private keys in every form, opened where that costs little: what follows the key derivation matters here.
#![no_main]

use anyrole::secret::Secret;
use anyrole::signer::file::FileKey;
use anyrole::x509::pem;
use anyrole::x509::private_key::{self, PrivateKey, ReadKey};
use libfuzzer_sys::fuzz_target;
use pkcs8::EncryptedPrivateKeyInfoRef;
use pkcs8::pkcs5::pbes2::Kdf;

/// Tells whether the derivation takes less than some milliseconds.
fn is_cheap(der: &[u8]) -> bool {
    let Ok(encrypted) = EncryptedPrivateKeyInfoRef::try_from(der) else { return true };
    match encrypted.encryption_algorithm.pbes2().map(|parameters| &parameters.kdf) {
        Some(Kdf::Pbkdf2(pbkdf2)) => pbkdf2.iteration_count <= 1000,
        Some(Kdf::Scrypt(scrypt)) => {
            scrypt.cost_parameter.saturating_mul(u64::from(scrypt.block_size)) <= 1000 && scrypt.parallelization <= 4
        }
        Some(_) | None => true,
    }
}

fuzz_target!(|input: &[u8]| {
    let _ = PrivateKey::from_pkcs8(input).map(FileKey::new);
    let _ = PrivateKey::from_pkcs1(input).map(FileKey::new);
    let _ = PrivateKey::from_sec1(input, None).map(FileKey::new);
    let Ok(blocks) = pem::read(input) else { return };
    for block in &blocks {
        match private_key::read(block, blocks.first()) {
            Ok(ReadKey::Clear(key)) => drop(FileKey::new(key)),
            Ok(ReadKey::Encrypted(key)) if is_cheap(&block.der) => {
                for password in ["correct horse", ""] {
                    let _ = key.decrypt(&Secret::new(String::from(password))).map(FileKey::new);
                }
            }
            Ok(ReadKey::Encrypted(_)) | Err(_) => {}
        }
    }
});
