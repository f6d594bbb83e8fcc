//! Paths through YAML in block style, by its indentation.

use std::fmt::Write as _;

use memchr::memchr;

use super::{DEPTH, cut};

/// How far a text was read, and which mappings and lists are open there.
#[derive(Default)]
pub(super) struct Walk {
    at: usize,
    open: Vec<Level>,
}

/// A mapping or a list that is open.
struct Level {
    indent: usize,
    /// The key, or the index of a list.
    part: Part,
}

enum Part {
    Key(String),
    Item(usize),
}

impl Walk {
    /// Returns the path to the line of a place.
    pub(super) fn name(&mut self, text: &[u8], to: usize) -> Option<String> {
        while self.at <= to {
            let rest = &text[self.at..];
            let end = memchr(b'\n', rest).unwrap_or(rest.len());
            self.line(&rest[..end]);
            self.at += end + 1;
            if self.at > text.len() {
                break;
            }
        }
        let mut path = String::new();
        for level in &self.open {
            let _ = match &level.part {
                Part::Key(key) => write!(path, "{}{key}", if path.is_empty() { "" } else { "." }),
                Part::Item(index) => write!(path, "[{index}]"),
            };
        }
        Some(path).filter(|path| !path.is_empty())
    }

    fn line(&mut self, line: &[u8]) {
        let mut indent = line.iter().take_while(|c| **c == b' ').count();
        let mut content = line[indent..].trim_ascii_end();
        if content.is_empty() || content.starts_with(b"#") {
            return;
        }
        if content.starts_with(b"---") {
            self.open.clear();
            return;
        }
        while let Some(rest) =
            content.strip_prefix(b"-").filter(|rest| rest.is_empty() || rest.starts_with(b" "))
        {
            self.item(indent);
            let blanks = rest.iter().take_while(|c| **c == b' ').count();
            indent += 1 + blanks;
            content = &rest[blanks..];
        }
        if let Some(key) = key(content) {
            while self.open.last().is_some_and(|level| level.indent >= indent) {
                self.open.pop();
            }
            self.push(indent, Part::Key(cut(key)));
        }
    }

    /// Begins the next item of the list at that indentation, which may be that of the key above it.
    fn item(&mut self, indent: usize) {
        while self.open.last().is_some_and(|level| level.indent > indent) {
            self.open.pop();
        }
        match self.open.last_mut() {
            Some(Level { indent: at, part: Part::Item(index) }) if *at == indent => *index += 1,
            _ => self.push(indent, Part::Item(0)),
        }
    }

    fn push(&mut self, indent: usize, part: Part) {
        if self.open.len() < DEPTH {
            self.open.push(Level { indent, part });
        }
    }
}

/// Returns the key of `key: value`.
fn key(content: &[u8]) -> Option<&[u8]> {
    let (quote, from) = match content.first()? {
        quote @ (b'"' | b'\'') => (Some(*quote), 1),
        _ => (None, 0),
    };
    let end = match quote {
        Some(quote) => from + memchr(quote, &content[from..])?,
        None => content
            .windows(2)
            .position(|pair| pair == b": ")
            .or_else(|| content.strip_suffix(b":").map(<[u8]>::len))?,
    };
    let after = &content[end + usize::from(quote.is_some())..];
    after.starts_with(b":").then(|| &content[from..end])
}
