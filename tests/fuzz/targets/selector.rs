//! Selectors in both forms; one that is read can be written and read again, and means the same.
#![no_main]

use anyrole::x509::Selector;
use anyrole::x509::selector::LENGTH_LIMIT;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let Ok(text) = std::str::from_utf8(input) else { return };
    for selector in [Selector::parse(text), Selector::parse_json(text)].into_iter().flatten() {
        let written = selector.to_string();
        if written.len() <= LENGTH_LIMIT {
            let again = Selector::parse(&written).unwrap_or_else(|error| panic!("{written}: {error}"));
            assert_eq!(again.to_string(), written);
        }
    }
});
