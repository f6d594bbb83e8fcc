//! Messages between the program and `anyrole-pkcs11`, which a vendor's module may have taken over: what is read can be written and
//! read again.
#![no_main]

use anyrole::signer::pkcs11::wire::{self, Reply, Request};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let mut pipe = input;
    while let Ok(Some(frame)) = wire::read_frame(&mut pipe) {
        look(&frame);
    }
    look(input);
});

fn look(message: &[u8]) {
    if let Ok(request) = Request::decode(message) {
        let written = request.encode();
        assert_eq!(*Request::decode(&written).expect("what is written can be read").encode(), *written);
    }
    if let Ok(reply) = Reply::decode(message) {
        let written = reply.encode();
        assert_eq!(*Reply::decode(&written).expect("what is written can be read").encode(), *written);
    }
}
