//! Sections of INI, TOML, systemd units and AWS's files: the last `[heading]` before a place.

use memchr::memchr_iter;

use super::cut;

/// How far a text was read.
#[derive(Default)]
pub(super) struct Walk {
    at: usize,
    section: Option<String>,
}

impl Walk {
    pub(super) fn name(&mut self, text: &[u8], to: usize) -> Option<String> {
        // Whole lines only; the line of the place itself is no heading of its own.
        for end in memchr_iter(b'\n', &text[self.at..to]).map(|end| end + self.at).collect::<Vec<_>>() {
            if let Some(heading) = heading(&text[self.at..end]) {
                self.section = Some(heading);
            }
            self.at = end + 1;
        }
        self.section.clone()
    }
}

fn heading(line: &[u8]) -> Option<String> {
    let line = line.trim_ascii();
    let inner = line.strip_prefix(b"[")?;
    let end = inner.iter().position(|c| *c == b']')?;
    let inner = &inner[..end];
    Some(format!("[{}]", cut(inner.trim_ascii_start().strip_prefix(b"[").unwrap_or(inner))))
}

/// Tells whether a text has a heading among its first lines.
pub(super) fn is_sectioned(head: &[u8]) -> bool {
    head.split(|c| *c == b'\n').take(40).any(|line| {
        let line = line.trim_ascii();
        line.len() > 2 && line.starts_with(b"[") && line.ends_with(b"]") && !line.contains(&b'"')
    })
}
