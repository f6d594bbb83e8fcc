//! Lines of `credential_process`, as every SDK splits them in its own way.
#![no_main]

use anyrole::command_line::{self, System};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let Ok(line) = std::str::from_utf8(input) else { return };
    let _ = (command_line::cut(line), command_line::without_secrets(line));
    let Ok(reading) = command_line::read(line) else { return };
    let words: Vec<&str> = reading.words.iter().map(String::as_str).collect();
    if let Ok(written) = command_line::written(&words, System::Unix) {
        let again = command_line::read(&written).map(|reading| reading.words).unwrap_or_default();
        assert_eq!(again, words, "{written}");
    }
});
