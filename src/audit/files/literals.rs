//! The texts by which a key betrays itself, and the search for all of them at once.

use aho_corasick::packed;
use aho_corasick::{AhoCorasick, MatchKind};

/// In which writing a text was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// As it is: the beginning of an access key id.
    Id,
    /// `ABSK`.
    Bedrock,
    /// `bedrock-api-key-`.
    BedrockShortTerm,
    /// In two octets a character, of which one is 0.
    Utf16,
    /// The base64 of something that gzip compressed.
    Gzip,
    /// Inside of base64, where the found text begins at that character of a group of four.
    Base64(u8),
}

/// A text that was found.
#[derive(Clone, Copy, Debug)]
pub(super) struct Hit {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) form: Form,
}

/// The prefixes of ids that are credentials. (`AIDA`, `AROA` and others are names of users and roles.)
const PREFIXES: &[&[u8]] = &[b"AKIA", b"ASIA", b"ABIA", b"ACCA"];
const BEDROCK: &[u8] = b"ABSK";
const BEDROCK_SHORT_TERM: &[u8] = b"bedrock-api-key-";

/// The base64 of the first three octets of gzip: cloud-init and Helm keep files so, Helm in base64 once more.
const GZIP: &[u8] = b"H4sI";

/// Finds every text of a key in one pass.
#[derive(Debug)]
pub(super) struct Literals {
    engine: Engine,
    forms: Vec<Form>,
    longest: usize,
}

#[derive(Debug)]
enum Engine {
    /// With the vector instructions of this processor.
    Packed(packed::Searcher),
    /// Without: the same answers, slower.
    Automaton(Box<AhoCorasick>),
}

impl Literals {
    /// Builds the search; `None` never, but for a bug that the tests would find.
    pub(super) fn new() -> Option<Self> {
        let mut table: Vec<(Vec<u8>, Form)> = Vec::new();
        let mut add = |text: Vec<u8>, form| {
            if !table.iter().any(|(known, _)| *known == text) {
                table.push((text, form));
            }
        };
        for prefix in PREFIXES {
            add(prefix.to_vec(), Form::Id);
        }
        add(BEDROCK.to_vec(), Form::Bedrock);
        add(BEDROCK_SHORT_TERM.to_vec(), Form::BedrockShortTerm);
        add(GZIP.to_vec(), Form::Gzip);
        for (text, place) in base64_stems(GZIP) {
            add(text, Form::Base64(place));
        }
        for prefix in PREFIXES.iter().chain([&BEDROCK]) {
            // Without the last zero, so that both orders of octets are found.
            let mut wide = utf16(prefix);
            wide.pop();
            add(wide, Form::Utf16);
            for (text, place) in base64_stems(prefix) {
                add(text, Form::Base64(place));
            }
        }
        // `powershell -EncodedCommand` is UTF-16 in base64.
        for prefix in &PREFIXES[..2] {
            for (text, place) in base64_stems(&utf16(prefix)) {
                add(text, Form::Base64(place));
            }
        }
        let longest = table.iter().map(|(text, _)| text.len()).max()?;
        let (texts, forms): (Vec<_>, Vec<_>) = table.into_iter().unzip();
        let searcher = packed::Config::new().builder().extend(&texts).build();
        let engine = match searcher {
            Some(searcher) => Engine::Packed(searcher),
            None => {
                let automaton = AhoCorasick::builder().match_kind(MatchKind::LeftmostFirst).build(&texts);
                Engine::Automaton(Box::new(automaton.ok()?))
            }
        };
        Some(Self { engine, forms, longest })
    }

    /// Returns how many octets a found text has at most.
    pub(super) const fn longest(&self) -> usize {
        self.longest
    }

    /// Finds the first text that begins at `from` or later.
    pub(super) fn find(&self, text: &[u8], from: usize) -> Option<Hit> {
        let rest = text.get(from..)?;
        let (pattern, start, end) = match &self.engine {
            Engine::Packed(searcher) => {
                searcher.find(rest).map(|found| (found.pattern(), found.start(), found.end()))
            }
            Engine::Automaton(automaton) => {
                automaton.find(rest).map(|found| (found.pattern(), found.start(), found.end()))
            }
        }?;
        Some(Hit { start: from + start, end: from + end, form: *self.forms.get(pattern.as_usize())? })
    }
}

fn utf16(text: &[u8]) -> Vec<u8> {
    text.iter().flat_map(|c| [*c, 0]).collect()
}

/// Returns the characters of base64 that a text is certain to become, for each of the three places in a group at which it may
/// begin, with the place in a group of four at which they begin.
fn base64_stems(text: &[u8]) -> Vec<(Vec<u8>, u8)> {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut stems = Vec::new();
    for offset in 0..3_usize {
        let mut stem = Vec::new();
        let first = (offset * 8).div_ceil(6);
        let bit = |at: usize| -> u8 {
            let at = at - offset * 8;
            (text[at / 8] >> (7 - at % 8)) & 1
        };
        let last = (offset + text.len()) * 8;
        for group in first..last / 6 {
            let value = (0..6).fold(0_u8, |value, place| (value << 1) | bit(group * 6 + place));
            stem.push(ALPHABET[usize::from(value)]);
        }
        let place = first % 4;
        stems.push((stem, [0, 1, 2, 3][place]));
    }
    stems
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;

    use super::*;

    #[test]
    fn base64_betrays_a_key_wherever_it_begins() {
        let literals = Literals::new().expect("it is built");
        for before in ["", "x", "xy", "key="] {
            for key in ["AKIAQNZGKIQY56JQ7WML", "ASIAQNZGKIQY56JQ7WML", "ABSKabcdefgh"] {
                let text = STANDARD.encode(format!("{before}{key}"));
                let hit = literals.find(text.as_bytes(), 0).unwrap_or_else(|| panic!("{text}"));
                assert!(
                    matches!(hit.form, Form::Base64(place) if usize::from(place) == hit.start % 4),
                    "{text}"
                );
            }
        }
    }
}
