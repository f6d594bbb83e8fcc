//! Repairs what variables, consoles and templates do to a PEM file, if the result is unambiguous.

use base64::Engine as _;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use zeroize::Zeroizing;

/// The start of a block.
pub(super) const BEGIN: &str = "-----BEGIN ";

/// Standard base64, with or without its padding.
pub(super) const BASE64: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// Repairs a whole text: UTF-16, and line breaks that became the characters `\n`. `None` if there was nothing to
/// repair.
pub(super) fn repaired(input: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let decoded = of_utf16(input);
    let text = decoded.as_deref().map_or(input, Vec::as_slice);
    if find(text, BEGIN.as_bytes()).is_some() && find(text, b"\\n").is_some() {
        return Some(with_line_breaks(text));
    }
    decoded
}

/// Decodes text that is only base64.
pub(super) fn decoded(input: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let mut text = Zeroizing::new(Vec::with_capacity(input.len()));
    text.extend(input.iter().filter(|byte| !byte.is_ascii_whitespace()));
    if text.is_empty() || !text.iter().all(|byte| is_base64(*byte)) {
        return None;
    }
    BASE64.decode(text.as_slice()).ok().map(Zeroizing::new)
}

/// Strips from a line of base64 what a template put around it: quotes, a comma, a plus sign between strings, a
/// backslash.
///
/// A plus sign is also base64, but not if it stands alone after a blank.
pub(super) fn without_quotes(line: &[u8]) -> &[u8] {
    let line = line.trim_ascii();
    let line = line.strip_suffix(b" +").unwrap_or(line);
    let is_around = |byte: &u8| matches!(byte, b'"' | b'\'' | b',' | b'\\');
    let start = line.iter().position(|byte| !is_around(byte)).unwrap_or(line.len());
    let end = line.iter().rposition(|byte| !is_around(byte)).map_or(start, |last| last + 1);
    &line[start..end]
}

fn with_line_breaks(text: &[u8]) -> Zeroizing<Vec<u8>> {
    let mut broken = Zeroizing::new(Vec::with_capacity(text.len()));
    let mut rest = text;
    while let Some((first, after)) = rest.split_first() {
        if rest.starts_with(b"\\n") || rest.starts_with(b"\\r") {
            broken.push(b'\n');
            rest = &rest[2..];
        } else {
            broken.push(*first);
            rest = after;
        }
    }
    broken
}

/// Decodes UTF-16, with a byte order mark, or without one because the text begins with dashes.
fn of_utf16(input: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let (text, is_little_endian) = match input {
        [0xFF, 0xFE, text @ ..] => (text, true),
        [0xFE, 0xFF, text @ ..] => (text, false),
        [b'-', 0, b'-', 0, ..] => (input, true),
        [0, b'-', 0, b'-', ..] => (input, false),
        _ => return None,
    };
    let unit = |pair: [u8; 2]| {
        if is_little_endian { u16::from_le_bytes(pair) } else { u16::from_be_bytes(pair) }
    };
    // Anything but ASCII can only be around the blocks.
    let ascii = |pair: &[u8; 2]| u8::try_from(unit(*pair)).ok().filter(u8::is_ascii).unwrap_or(b'?');
    let mut decoded = Zeroizing::new(Vec::with_capacity(text.len() / 2));
    let (pairs, _) = text.as_chunks::<2>();
    decoded.extend(pairs.iter().map(ascii));
    Some(decoded)
}

pub(super) const fn is_base64(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=')
}

pub(super) fn find(text: &[u8], part: &[u8]) -> Option<usize> {
    text.windows(part.len()).position(|window| window == part)
}
