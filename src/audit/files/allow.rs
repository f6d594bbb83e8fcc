//! What is known and allowed for now: in a comment beside a key, or in a file.

use std::ops::Range;
use std::path::{Path, PathBuf};

use memchr::{memchr, memmem, memrchr};
use serde::Deserialize;

use crate::clock::Timestamp;
use crate::diagnostic::{Diagnostic, Fact, Fault};
use crate::private_file::{self, ReadError};
use crate::text::{printable, quoted};

/// What a comment begins with: `# anyrole:allow until 2027-03-31 the key of the old backup`.
const MARK: &[u8] = b"anyrole:allow";
/// How many octets of an allow list are read.
const LIMIT: u64 = 1024 * 1024;
/// How far a comment may stand from a key on its line, in octets; lines of some formats are whole files.
const REACH: usize = 512;

/// That something is allowed, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Allowance {
    /// The last day; `None` where none is named.
    pub(super) until: Option<Timestamp>,
}

impl Allowance {
    /// Tells whether it still holds.
    pub(super) fn holds(self, now: Timestamp) -> bool {
        self.until.is_none_or(|until| now < until)
    }
}

/// Returns what a comment on the line of a key, or on the line before it, allows.
pub(super) fn inline(text: &[u8], key: Range<usize>) -> Option<Allowance> {
    let from = key.start.saturating_sub(REACH);
    let to = text.len().min(key.end + REACH);
    let end = memchr(b'\n', &text[key.end.min(to)..to]).map_or(to, |end| key.end + end);
    let line = memrchr(b'\n', &text[from..key.start]).map_or(from, |start| from + start);
    let start = memrchr(b'\n', &text[from..line]).map_or(from, |start| from + start);
    let mark = memmem::find(&text[start..end], MARK)?;
    let mark = start + mark;
    // A comment behind another value, on the line before, speaks of that one: there it must begin its line.
    if mark < line {
        let before = &text[start..mark];
        if !before.iter().all(|c| c.is_ascii_whitespace() || b"#/;*-<!".contains(c)) {
            return None;
        }
    }
    let rest = &text[mark + MARK.len()..end];
    let rest = &rest[..memchr(b'\n', rest).unwrap_or(rest.len())];
    Some(Allowance { until: date(rest) })
}

/// Returns the end of the first day that is written in a text, as `2027-03-31`, in UTC.
fn date(text: &[u8]) -> Option<Timestamp> {
    let text = String::from_utf8_lossy(text);
    let is_date = |c: char| c.is_ascii_digit() || c == '-';
    text.split(|c: char| !is_date(c)).find_map(end_of_day)
}

fn end_of_day(day: &str) -> Option<Timestamp> {
    (day.len() == 10).then(|| Timestamp::parse_rfc3339(&format!("{day}T23:59:59Z"))).flatten()
}

/// A list of what is allowed, from a file.
#[derive(Clone, Debug, Default)]
pub struct AllowList {
    entries: Vec<Entry>,
}

/// Says what is allowed: each that is named must fit.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    access_key_id: Option<String>,
    account: Option<String>,
    path: Option<String>,
    until: Option<String>,
    /// For people; an entry without one is nobody's.
    #[serde(rename = "reason")]
    _reason: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    version: u64,
    #[serde(default)]
    allow: Vec<Entry>,
}

/// Why an allow list was not taken.
#[derive(Debug, thiserror::Error)]
pub enum AllowListError {
    /// It was not read.
    #[error(transparent)]
    Unread(#[from] ReadError),
    /// It is none.
    #[error("cannot use the allow list {}: {reason}", quoted(&path.to_string_lossy()))]
    Wrong {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
}

impl Diagnostic for AllowListError {
    fn id(&self) -> &'static str {
        match self {
            Self::Unread(error) => error.id(),
            Self::Wrong { .. } => "audit-allow-list",
        }
    }

    fn fault(&self) -> Fault {
        Fault::Usage
    }

    fn facts(&self) -> Vec<Fact> {
        match self {
            Self::Unread(error) => error.facts(),
            Self::Wrong { .. } => Vec::new(),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Unread(error) => error.hint(),
            Self::Wrong { .. } => {
                Some(String::from("run anyrole explain audit-allow-list, which shows a list that is right"))
            }
        }
    }
}

impl AllowList {
    /// Reads a list.
    ///
    /// # Errors
    ///
    /// Fails if the file cannot be read or is larger than 1 MiB, is not TOML of version 1, or has an entry that allows
    /// everything or ends on no day.
    pub fn read(path: &Path) -> Result<Self, AllowListError> {
        let bytes = private_file::read_bounded(path, LIMIT)?;
        let wrong = |reason: String| AllowListError::Wrong { path: path.to_owned(), reason };
        let text = std::str::from_utf8(&bytes).map_err(|_| wrong(String::from("it is not UTF-8")))?;
        let document: Document =
            toml::from_str(text).map_err(|error: toml::de::Error| wrong(printable(error.message())))?;
        if document.version != 1 {
            return Err(wrong(format!(
                "it has version {}, and this program reads version 1",
                document.version
            )));
        }
        for (number, entry) in document.allow.iter().enumerate() {
            let which = |what: &str| wrong(format!("entry {} {what}", number + 1));
            if entry.access_key_id.is_none() && entry.account.is_none() && entry.path.is_none() {
                return Err(which("names no access_key_id, account or path, and would allow everything"));
            }
            if entry.until.as_deref().is_some_and(|day| end_of_day(day).is_none()) {
                return Err(which("has an until that is no day such as 2027-03-31"));
            }
        }
        Ok(Self { entries: document.allow })
    }

    /// Returns what the list allows of a key; the longest allowance counts.
    pub(super) fn allowance(
        &self,
        id: &str,
        account: Option<&str>,
        path: &str,
        now: Timestamp,
    ) -> Option<Allowance> {
        let fits = |entry: &&Entry| {
            entry.access_key_id.as_deref().is_none_or(|wanted| wanted == id)
                && entry.account.as_deref().is_none_or(|wanted| account == Some(wanted))
                && entry.path.as_deref().is_none_or(|pattern| matches(pattern, path))
        };
        let allowances = self.entries.iter().filter(fits);
        let allowances =
            allowances.map(|entry| Allowance { until: entry.until.as_deref().and_then(end_of_day) });
        allowances.reduce(|first, second| if first.holds(now) { first } else { second })
    }
}

/// Tells whether a path is the pattern, in which `*` stands for any characters, or lies below it.
fn matches(pattern: &str, path: &str) -> bool {
    let mut parts = pattern.split('*').peekable();
    let Some(mut rest) = parts.next().and_then(|first| path.strip_prefix(first)) else { return false };
    while let Some(part) = parts.next() {
        let at = if parts.peek().is_some() { rest.find(part) } else { rest.rfind(part) };
        let Some(at) = at else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.is_empty() || rest.starts_with('/') || pattern.ends_with('/')
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: Timestamp = Timestamp::from_unix_seconds(1_795_449_600);

    fn allowance(text: &str) -> Option<Allowance> {
        let start = text.find("KEY").expect("it is there");
        inline(text.as_bytes(), start..start + 3)
    }

    #[test]
    fn a_comment_allows_until_its_day_is_over() {
        for text in
            ["KEY # anyrole:allow until 2026-11-23", "# anyrole:allow until=2026-11-23, old\nid = KEY"]
        {
            let found = allowance(text).expect("it allows");
            assert!(found.holds(NOON), "{text}");
            assert!(!found.holds(Timestamp::from_unix_seconds(1_795_449_600 + 86_400)), "{text}");
        }
        assert_eq!(allowance("KEY // anyrole:allow"), Some(Allowance { until: None }));
        assert_eq!(allowance("other # anyrole:allow\nKEY"), None);
        assert_eq!(allowance("KEY\n# anyrole:allow"), None);
    }

    #[test]
    fn a_path_is_allowed_with_what_is_below_it() {
        for (pattern, path) in [
            ("/srv/a", "/srv/a"),
            ("/srv/a", "/srv/a/b"),
            ("/srv/*/c", "/srv/b/c"),
            ("*.md", "/x/a.md"),
            ("/srv/*", "/srv/x"),
        ] {
            assert!(matches(pattern, path), "{pattern} {path}");
        }
        for (pattern, path) in [("/srv/a", "/srv/ab"), ("*.md", "/x/a.mdx"), ("/srv/*/c", "/srv/b/d")] {
            assert!(!matches(pattern, path), "{pattern} {path}");
        }
    }
}
