//! The ways in which other formats write a character: `%2F`, `\/`, `\n`, `\u002B`, `=3D`, `&#x2F;`.

/// Tells whether what begins at `start` begins a word.
///
/// An escape before it ends in a letter or digit and is none of the word: `%3DAKIA…`, `\nAKIA…`, `=3DAKIA…`, and a colour of a
/// terminal.
pub(super) fn begins_word(text: &[u8], start: usize) -> bool {
    let before = |distance: usize| start.checked_sub(distance).and_then(|at| text.get(at)).copied();
    let Some(last) = before(1) else { return true };
    if !is_word(last) {
        return true;
    }
    let is_hex = |distance: usize| before(distance).is_some_and(|c| c.is_ascii_hexdigit());
    let two = is_hex(1) && is_hex(2);
    let by_two = two && matches!(before(3), Some(b'%' | b'='));
    let by_backslash = before(2) == Some(b'\\') && matches!(last, b'n' | b't' | b'r' | b'b' | b'f' | b'0');
    let by_x = two && before(3) == Some(b'x') && before(4) == Some(b'\\');
    let by_u =
        two && is_hex(3) && is_hex(4) && matches!(before(5), Some(b'u' | b'U')) && before(6) == Some(b'\\');
    by_two || by_backslash || by_x || by_u || ends_colour(text, start)
}

/// Tells whether `ESC [ digits m` ends at `end`.
fn ends_colour(text: &[u8], end: usize) -> bool {
    let window = &text[end.saturating_sub(12)..end];
    let Some(inner) = window.strip_suffix(b"m") else { return false };
    let digits = inner.iter().rev().take_while(|c| c.is_ascii_digit() || **c == b';').count();
    inner[..inner.len() - digits].ends_with(b"\x1b[")
}

/// Tells whether a character continues a word.
pub(super) const fn is_word(character: u8) -> bool {
    character.is_ascii_alphanumeric() || character == b'_'
}

/// Returns a text with its escapes undone, as far as they can hide a character of base64; everything else stays.
pub(super) fn undone(text: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(text.len());
    let mut at = 0;
    while at < text.len() {
        let (character, length) = escape(&text[at..]).unwrap_or((Some(text[at]), 1));
        plain.extend(character);
        at += length;
    }
    plain
}

/// Reads one escape: its character (none for a soft end of a line) and its length.
fn escape(text: &[u8]) -> Option<(Option<u8>, usize)> {
    let hex = |from: usize| {
        let digit =
            |at: usize| char::from(*text.get(at)?).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        Some(digit(from)? << 4 | digit(from + 1)?)
    };
    match (text.first()?, text.get(1)) {
        (b'%', _) => hex(1).map(|character| (Some(character), 3)),
        // Quoted-printable: a soft end of a line, and the characters that secrets and assignments hold.
        (b'=', Some(b'\n')) => Some((None, 2)),
        (b'=', Some(b'\r')) if text.get(2) == Some(&b'\n') => Some((None, 3)),
        (b'=', Some(b'2' | b'3')) => match hex(1)? {
            character @ (b'+' | b'/' | b'=' | b'"' | b'\'') => Some((Some(character), 3)),
            _ => None,
        },
        (b'\x1b', Some(b'[')) => {
            let digits = text[2..].iter().take(12).take_while(|c| c.is_ascii_digit() || **c == b';').count();
            (text.get(2 + digits) == Some(&b'm')).then_some((Some(b' '), 3 + digits))
        }
        (b'\\', Some(b'/')) => Some((Some(b'/'), 2)),
        (b'\\', Some(b'"')) => Some((Some(b'"'), 2)),
        (b'\\', Some(b'n' | b'r')) => Some((Some(b'\n'), 2)),
        (b'\\', Some(b't')) => Some((Some(b'\t'), 2)),
        (b'\\', Some(b'u')) if text.get(2..4) == Some(b"00") => hex(4).map(|character| (Some(character), 6)),
        (b'\\', Some(b'x')) => hex(2).map(|character| (Some(character), 4)),
        (b'&', Some(b'#')) => {
            let (known, character): (&[u8], u8) = match text.get(2..) {
                Some([b'x' | b'X', b'2', b'F' | b'f', b';', ..]) => (b"&#x2F;", b'/'),
                Some([b'x' | b'X', b'2', b'B' | b'b', b';', ..]) => (b"&#x2B;", b'+'),
                Some([b'4', b'7', b';', ..]) => (b"&#47;", b'/'),
                Some([b'4', b'3', b';', ..]) => (b"&#43;", b'+'),
                _ => return None,
            };
            Some((Some(character), known.len()))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_escape_is_no_part_of_a_word() {
        let begins = |text: &str| begins_word(text.as_bytes(), text.find("AKIA").expect("it is there"));
        for text in
            ["AKIA", "=AKIA", "%3DAKIA", "\\nAKIA", "\\u003dAKIA", "=3DAKIA", "\x1b[1;31mAKIA", "\\x3dAKIA"]
        {
            assert!(begins(text), "{text:?}");
        }
        for text in ["xAKIA", "_AKIA", "3DAKIA", "nAKIA", "[31mAKIA", "0AKIA"] {
            assert!(!begins(text), "{text:?}");
        }
    }

    #[test]
    fn escapes_are_undone() {
        assert_eq!(undone(b"a%2Fb\\/c\\u002Bd=2Fe=\nf&#x2F;g=x"), b"a/b/c+d/ef/g=x");
        assert_eq!(undone(b"\x1b[31mred\x1b[0m\x1b[K"), b" red \x1b[K");
        assert_eq!(undone(b"%2"), b"%2");
        assert_eq!(undone(b"key=25abc"), b"key=25abc");
    }
}
