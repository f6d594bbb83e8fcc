//! PKCS#12 stores. They are opened where their iterations are few: what follows the key derivation is what matters here.
#![no_main]

use anyrole::secret::Secret;
use anyrole::x509::pkcs12;
use libfuzzer_sys::fuzz_target;

/// Tells that no INTEGER has three octets or more: such a count of iterations costs seconds.
fn is_cheap(input: &[u8]) -> bool {
    !input.windows(2).any(|pair| matches!(pair, [0x02, 0x03..=0x08 | 0x81..=0x84]))
}

fuzz_target!(|input: &[u8]| {
    if pkcs12::check(input).is_ok() && is_cheap(input) {
        for password in ["", "correct horse"] {
            let _ = pkcs12::open(input, &Secret::new(password.to_owned()));
        }
    }
});
