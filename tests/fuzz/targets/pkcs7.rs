//! Messages of PKCS #7 with certificates (`.p7b`, `.p7c`): as they come, and as the content of a message that is right so far.
#![no_main]

use anyrole::x509::{Certificate, pem};
use libfuzzer_sys::fuzz_target;

/// `signedData`, 1.2.840.113549.1.7.2.
const SIGNED_DATA: [u8; 11] = [0x06, 0x09, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x07, 0x02];

/// An element whose length takes two octets: enough for what is tried here.
fn element(tag: u8, content: &[u8]) -> Option<Vec<u8>> {
    let [high, low] = u16::try_from(content.len()).ok()?.to_be_bytes();
    let form: &[u8] = match (high, low) {
        (0, 0..0x80) => &[low],
        (0, _) => &[0x81, low],
        (_, _) => &[0x82, high, low],
    };
    Some([&[tag], form, content].concat())
}

fn look(input: &[u8]) {
    let Ok(blocks) = pem::read(input) else { return };
    for block in &blocks {
        if let Some(Ok(certificate)) = Certificate::of_block(block) {
            assert!(input.len() > certificate.der().len() || input == certificate.der());
        }
    }
}

fuzz_target!(|input: &[u8]| {
    look(input);
    let message = element(0x30, input)
        .and_then(|content| element(0xA0, &content))
        .and_then(|content| element(0x30, &[&SIGNED_DATA, content.as_slice()].concat()));
    if let Some(message) = message {
        look(&message);
    }
});
