//! The lines of an INI file, classified as in Python's `RawConfigParser`, which botocore and the AWS CLI use.
//!
//! A line that is indented deeper than the property above it continues it; blank lines and comments in between change
//! nothing. A comment is a whole line that starts with `#` or `;`, possibly after blanks. Any other line is a header or
//! a property: everything up to the first `=` or `:` is its key.
//!
//! There is one exception: a header that is indented below a property is a header here, as it is for the AWS CLI when
//! it writes and for the JavaScript SDK. For `RawConfigParser` it and everything after it would be part of that
//! property's value, and would be removed with the value.

use std::ops::Range;

/// One line.
#[derive(Clone, Debug)]
pub(super) struct Line<'a> {
    /// Without its line ending; the first line includes the byte order mark.
    pub(super) text: &'a [u8],
    /// `\n`, `\r\n`, `\r`, or nothing at the end of the file.
    pub(super) ending: &'a [u8],
    pub(super) kind: Kind,
}

/// The type of a line; ranges are within its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Blank,
    Comment,
    /// A continuation of the property above.
    Continuation,
    /// The text between the brackets, including blanks and quotes.
    Header {
        name: Range<usize>,
    },
    /// What no reader understands, or all understand alike: a line without `=`, or one before any section.
    Other,
    /// A key, and the first line of its value; a comment after it is part of the value.
    Property {
        key: Range<usize>,
        value: Range<usize>,
    },
}

const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

pub(super) const fn is_blank(octet: u8) -> bool {
    // Vertical tab is a blank in Python, but not in Rust's standard library.
    octet.is_ascii_whitespace() || octet == 0x0B
}

/// Returns the text without surrounding blanks.
pub(super) fn trimmed(text: &[u8]) -> &[u8] {
    &text[within(text, 0..text.len())]
}

/// Returns a range without blanks at both ends; if it is all blanks, an empty range at its start.
fn within(text: &[u8], range: Range<usize>) -> Range<usize> {
    let part = &text[range.clone()];
    let Some(first) = part.iter().position(|octet| !is_blank(*octet)) else {
        return range.start..range.start;
    };
    let last = part.iter().rposition(|octet| !is_blank(*octet)).unwrap_or(first);
    range.start + first..range.start + last + 1
}

/// Returns all lines; their texts and endings together are the content.
pub(super) fn read(content: &[u8]) -> Vec<Line<'_>> {
    let mut lines = Vec::new();
    let mut rest = content;
    let mut state = State::default();
    while !rest.is_empty() {
        let length = rest.iter().position(|octet| matches!(octet, b'\n' | b'\r')).unwrap_or(rest.len());
        let (text, behind) = rest.split_at(length);
        let ending = match behind {
            [b'\r', b'\n', ..] => 2,
            [_, ..] => 1,
            [] => 0,
        };
        let mark =
            if lines.is_empty() && text.starts_with(BYTE_ORDER_MARK) { BYTE_ORDER_MARK.len() } else { 0 };
        lines.push(Line { text, ending: &behind[..ending], kind: state.judge(text, mark) });
        rest = &behind[ending..];
    }
    lines
}

/// What the lines above imply for the next one.
#[derive(Default)]
struct State {
    is_in_section: bool,
    has_property: bool,
    indentation: usize,
}

impl State {
    /// Classifies a line whose text begins at `start`.
    fn judge(&mut self, text: &[u8], start: usize) -> Kind {
        let inner = within(text, start..text.len());
        let Some(first) = text[inner.clone()].first() else { return Kind::Blank };
        if matches!(first, b'#' | b';') {
            return Kind::Comment;
        }
        let indentation = inner.start - start;
        let is_deeper = self.has_property && indentation > self.indentation;
        let header = header(text, inner.clone()).filter(|found| !is_deeper || found.is_alone);
        if is_deeper && header.is_none() {
            return Kind::Continuation;
        }
        self.indentation = indentation;
        if let Some(Header { name, .. }) = header {
            (self.is_in_section, self.has_property) = (true, false);
            return Kind::Header { name };
        }
        let separator = text[inner.clone()].iter().position(|octet| matches!(octet, b'=' | b':'));
        match separator {
            Some(distance) if distance > 0 && self.is_in_section => {
                self.has_property = true;
                let at = inner.start + distance;
                Kind::Property { key: within(text, inner.start..at), value: within(text, at + 1..inner.end) }
            }
            Some(_) | None => Kind::Other,
        }
    }
}

struct Header {
    name: Range<usize>,
    /// Whether only a comment follows the bracket.
    is_alone: bool,
}

/// Finds the text between the brackets. After them readers accept a comment, and some accept anything.
fn header(text: &[u8], inner: Range<usize>) -> Option<Header> {
    let line = &text[inner.clone()];
    if line.first() != Some(&b'[') {
        return None;
    }
    let comment = line.windows(2).position(|two| is_blank(two[0]) && matches!(two[1], b'#' | b';'));
    let before = &line[..comment.unwrap_or(line.len())];
    let bracket = |part: &[u8]| part.iter().rposition(|octet| *octet == b']');
    let end = bracket(before).or_else(|| bracket(line))?;
    let is_alone = trimmed(before).len() == end + 1;
    (end > 1).then(|| Header { name: inner.start + 1..inner.start + end, is_alone })
}
