//! Paths through XML: the elements that are open, and the name that stands as an attribute beside a value.

use memchr::{memchr, memmem};

use super::{DEPTH, assignment, cut};

/// How far a text was read, and which elements are open there.
#[derive(Default)]
pub(super) struct Walk {
    at: usize,
    open: Vec<String>,
    /// How many more are open than are followed.
    deeper: usize,
}

impl Walk {
    pub(super) fn name(&mut self, text: &[u8], to: usize) -> Option<String> {
        let mut inside = None;
        while let Some(start) = memchr(b'<', &text[self.at..to]).map(|start| self.at + start) {
            let rest = &text[start..];
            let skipped =
                |end: &[u8]| memmem::find(rest, end).map_or(text.len(), |at| start + at + end.len());
            if rest.starts_with(b"<!--") {
                self.at = skipped(b"-->");
            } else if rest.starts_with(b"<?") {
                self.at = skipped(b"?>");
            } else if rest.starts_with(b"<![CDATA[") {
                // What is inside belongs to the element around it.
                self.at = start + b"<![CDATA[".len();
            } else {
                let end = tag_end(text, start);
                if end >= to {
                    inside = Some(&text[start..end.min(text.len())]);
                    break;
                }
                self.tag(&text[start + 1..end]);
                self.at = end + 1;
            }
            // A comment that holds the place is read no further than to it.
            if self.at > to {
                self.at = to;
                break;
            }
        }
        let mut path = self.open.join(".");
        if let Some(tag) = inside {
            let name = tag_name(&tag[1..]);
            let own = attribute(tag).or_else(|| assignment::name(text, to));
            let parts = [Some(path), Some(cut(name))].into_iter().flatten().filter(|part| !part.is_empty());
            path = parts.collect::<Vec<_>>().join(".");
            path = own.map(|own| format!("{path} {own}")).unwrap_or(path);
        }
        Some(path).filter(|path| !path.is_empty())
    }

    fn tag(&mut self, tag: &[u8]) {
        if tag.starts_with(b"/") {
            if self.deeper > 0 {
                self.deeper -= 1;
            } else {
                self.open.pop();
            }
        } else if !tag.ends_with(b"/") && !tag.starts_with(b"!") {
            if self.open.len() < DEPTH {
                self.open.push(cut(tag_name(tag)));
            } else {
                self.deeper += 1;
            }
        }
    }
}

/// Returns where a tag ends that begins at `start`: at its `>`, outside of quotes.
fn tag_end(text: &[u8], start: usize) -> usize {
    let mut quote = None;
    for (at, character) in text.iter().enumerate().skip(start) {
        match (quote, character) {
            (None, b'>') => return at,
            (None, b'"' | b'\'') => quote = Some(*character),
            (Some(open), character) if open == *character => quote = None,
            (None | Some(_), _) => {}
        }
    }
    text.len()
}

fn tag_name(tag: &[u8]) -> &[u8] {
    let end = tag.iter().position(|c| c.is_ascii_whitespace() || matches!(c, b'>' | b'/'));
    &tag[..end.unwrap_or(tag.len())]
}

/// Returns the value of the attribute that names a setting: `<add key="AwsId" value="…"/>`.
fn attribute(tag: &[u8]) -> Option<String> {
    [&b" key="[..], b" name="].iter().find_map(|name| {
        let value = &tag[memmem::find(tag, name)? + name.len()..];
        let (quote, value) = value.split_first()?;
        let end = memchr(*quote, value)?;
        Some(cut(&value[..end]))
    })
}
