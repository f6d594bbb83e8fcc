//! Makes text from outside fit for a terminal and a log: nothing in it is misleading, and possible private keys are not
//! shown.

mod diff;
mod key_material;

pub use diff::diff;
pub use key_material::is_key_material;

/// The longest text shown, in characters.
const SHOWN: usize = 200;
/// The longest line, in characters: several shown texts and the words between them.
const LINE: usize = 2000;

/// Returns text without anything that could mislead a terminal or a reader, cut at 200 characters.
///
/// Control characters, including ESC, and characters that change the writing direction or have no width become `\u{…}`;
/// `…` replaces what is cut. A possible private key is replaced by a note of its length.
pub fn printable(text: &str) -> String {
    cut(text, SHOWN)
}

/// Returns a line of our own, which may contain several shown texts, as [`printable`] does, but cut at 2000 characters.
pub fn printable_line(text: &str) -> String {
    cut(text, LINE)
}

fn cut(text: &str, longest: usize) -> String {
    let text = key_material::concealed(text);
    let mut shown = String::with_capacity(text.len().min(longest));
    for (index, character) in text.chars().enumerate() {
        if index == longest {
            shown.push('…');
            break;
        }
        push(&mut shown, character);
    }
    shown
}

/// Returns at most `longest` characters of a text from others, otherwise unchanged; `…` stands for the rest.
pub fn shortened(text: &str, longest: usize) -> String {
    match text.char_indices().nth(longest) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// Returns text as [`printable`] does, but complete: for names that are compared as well as shown.
pub fn escaped(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    text.chars().for_each(|character| push(&mut shown, character));
    shown
}

fn push(shown: &mut String, character: char) {
    if misleads(character) {
        shown.extend(character.escape_unicode());
    } else {
        shown.push(character);
    }
}

/// Returns text as [`printable`] does, in single quotes: the form in which an error shows what the user gave.
///
/// Text of several lines is not something that a user types as a name or a path, and may be a file's content, so it is
/// not shown.
pub fn quoted(text: &str) -> String {
    if text.trim().contains(['\n', '\r']) {
        let (lines, characters) = (text.lines().count(), text.chars().count());
        return format!("({lines} lines, {characters} characters, not shown)");
    }
    format!("'{}'", printable(text))
}

/// Returns the name closest to a mistyped one, at most two changes (or a third of its length) away.
///
/// A change is a letter added, removed or replaced (Levenshtein distance).
pub fn nearest<'a>(typed: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let typed: Vec<char> = typed.chars().take(SHOWN).collect();
    let bound = (typed.len() / 3).max(2);
    known
        .into_iter()
        .map(|name| (distance(&typed, name), name))
        .filter(|(changes, _)| *changes <= bound)
        .min_by_key(|(changes, _)| *changes)
        .map(|(_, name)| name)
}

fn distance(typed: &[char], name: &str) -> usize {
    let mut row: Vec<usize> = (0..=typed.len()).collect();
    for (line, letter) in name.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = line + 1;
        for (column, other) in typed.iter().enumerate() {
            let replaced = diagonal + usize::from(letter != *other);
            diagonal = row[column + 1];
            row[column + 1] = replaced.min(row[column] + 1).min(diagonal + 1);
        }
    }
    row[typed.len()]
}

/// Tells whether a character shows something else than it is: a control, or one that turns the direction.
pub(crate) fn misleads(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{061C}' | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{2069}' | '\u{FEFF}')
}

/// Decodes text as shells write it: UTF-8, with or without a byte order mark, and PowerShell's UTF-16.
pub fn decoded(bytes: &[u8]) -> Option<String> {
    let wide = |bytes: &[u8], unit: fn([u8; 2]) -> u16| {
        let units: Vec<u16> = bytes.chunks_exact(2).map(|pair| unit([pair[0], pair[1]])).collect();
        String::from_utf16(&units).ok()
    };
    match bytes {
        [0xef, 0xbb, 0xbf, rest @ ..] => String::from_utf8(rest.to_vec()).ok(),
        [0xff, 0xfe, rest @ ..] => wide(rest, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => wide(rest, u16::from_be_bytes),
        // Without a mark: every other byte of what is mostly ASCII is zero.
        [_, 0, ..] => wide(bytes, u16::from_le_bytes),
        [0, ..] => wide(bytes, u16::from_be_bytes),
        _ => String::from_utf8(bytes.to_vec()).ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_misleading_remains() {
        assert_eq!(printable("a\u{1b}[31mb\n\u{202e}c"), "a\\u{1b}[31mb\\u{a}\\u{202e}c");
        assert_eq!(printable("Schröder"), "Schröder");
        assert_eq!(printable(&"x".repeat(500)).chars().count(), 201);
    }

    #[test]
    fn what_is_shortened_says_so() {
        assert_eq!(shortened("é€x", 3), "é€x");
        assert_eq!(shortened("é€xy", 3), "é€x…");
    }

    #[test]
    fn the_nearest_name_is_found() {
        assert_eq!(nearest("privat_key", ["certificate", "private_key"]), Some("private_key"));
        assert_eq!(nearest("zzz", ["certificate", "private_key"]), None);
    }

    #[test]
    fn text_is_read_as_shells_write_it() {
        let text = "{\"a\": \"ü\"}";
        let utf16 = |unit: fn(u16) -> [u8; 2]| text.encode_utf16().flat_map(unit).collect::<Vec<u8>>();
        let (little, big) = (utf16(u16::to_le_bytes), utf16(u16::to_be_bytes));
        for bytes in [
            text.as_bytes().to_vec(),
            [&[0xef, 0xbb, 0xbf], text.as_bytes()].concat(),
            [&[0xff, 0xfe][..], &little].concat(),
            [&[0xfe, 0xff][..], &big].concat(),
            little,
            big,
        ] {
            assert_eq!(decoded(&bytes).as_deref(), Some(text));
        }
        assert_eq!(decoded(&[0xff, 0xff, 0xff]), None);
    }
}
