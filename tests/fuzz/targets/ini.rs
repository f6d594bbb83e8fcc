//! Files of the AWS CLI, read and changed: what was set is there, and setting it once more changes nothing.
#![no_main]

use anyrole::ini::{self, Change, Section};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let _ = ini::view::sections(input);
    let Ok(section) = Section::prefixed("profile ", "build") else { return };
    let changes = [("credential_process", Change::Set("anyrole credential-process build")), ("region", Change::Remove)];
    let Ok(once) = ini::edited(input, &section, &changes) else { return };
    assert_eq!(ini::value(&once, &section, changes[0].0), Some(b"anyrole credential-process build".as_slice()));
    assert_eq!(ini::value(&once, &section, "region"), None);
    let twice = ini::edited(&once, &section, &changes).expect("what was changed can be changed");
    assert_eq!(*twice, *once);
});
