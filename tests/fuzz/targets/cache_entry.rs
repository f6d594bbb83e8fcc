//! What the cache keeps, behind its seal: an entry that is read is written in the same octets, and these are read as the same.
//! The records of failures, which have no seal, too.
#![no_main]

use anyrole::cache::CacheEntry;
use anyrole::cache::failure::Failure;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    if let Some(written) = CacheEntry::rewritten(input) {
        let again = CacheEntry::rewritten(&written).expect("what is written can be read");
        assert_eq!(*again, *written);
    }
    if let Some(written) = Failure::rewritten(input) {
        let again = Failure::rewritten(&written).expect("what is written can be read");
        assert_eq!(again, written);
    }
});
