//! The configuration file.
#![no_main]

use anyrole::config::{Config, Key, Place, Shape};
use libfuzzer_sys::fuzz_target;

const KEYS: [Key; 6] = [
    Key { name: "trust-anchor-arn", shape: Shape::Text, place: Place::Anywhere },
    Key { name: "session-duration", shape: Shape::Duration, place: Place::Anywhere },
    Key { name: "assume-role-tag", shape: Shape::List, place: Place::Session },
    Key { name: "no-verify-ssl", shape: Shape::Boolean, place: Place::Session },
    Key { name: "from", shape: Shape::Text, place: Place::Session },
    Key { name: "cache", shape: Shape::Text, place: Place::Anywhere },
];

fuzz_target!(|input: &[u8]| {
    let Ok(text) = std::str::from_utf8(input) else { return };
    match Config::of_text("config.toml".as_ref(), text, &KEYS) {
        Ok(config) => {
            for name in config.session_names() {
                assert!(config.session(name).is_some());
            }
        }
        Err(error) => drop(error.to_string()),
    }
});
