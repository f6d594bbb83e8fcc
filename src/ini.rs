//! The editor of INI files: changes the keys of one section, and keeps every other byte.
//!
//! The files are those of AWS's programs, `~/.aws/credentials` and `~/.aws/config`. A file is treated as bytes, and
//! rejected only if none of its readers could parse it: comments, order, blank lines, line endings, a missing last one,
//! a byte order mark, octets that are not UTF-8 and unknown blocks are preserved.
//!
//! Lines are classified as in botocore (Python's `RawConfigParser`), the strictest of the readers; `line` has the
//! rules. The readers disagree:
//!
//! | | botocore, AWS CLI | Rust | JavaScript |
//! |---|---|---|---|
//! | `[prod] `, `[prod] # x` | `prod` | `prod` | `prod` |
//! | `[ prod ]` | ` prod `, another section | `prod` | ` prod `, another section |
//! | `["prod"]`, `[ "my profile" ]` | with its quotes, another section | ignored | with its quotes |
//! | `[profile "prod"]` in `config` | `prod` | ignored | `prod` |
//! | `[profile "my profile"]` in `config` | `my profile` | ignored | ignored |
//! | the section twice | the file is refused | joined, the later one counts | joined, the later one counts |
//! | a key twice in it | the file is refused | the later one counts | the later one counts |
//! | `KEY = x` | `key` | `key` | `KEY`, another key |
//! | `key: x` | `key` | the file is refused | ignored |
//! | `key = x # y` | the comment is part of the value | a comment | a comment |
//!
//! So a section is found in each of these spellings, and its header is then rewritten as all readers understand it; a
//! key is found in each of its spellings, written as `key`, and occurs in the section once. A section that occurs twice
//! is an error: it is not for us to decide which one counts.

mod line;
mod span;
pub mod view;

use std::borrow::Cow;

use zeroize::Zeroizing;

use crate::diagnostic::{Diagnostic, Fault};
use crate::text::quoted;
use line::{Kind, Line};
pub use span::span;

/// The ids of this module's error.
pub const IDS: &[&str] = &["ini-not-text", "ini-section-twice", "ini-value"];

/// Why a file was not changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IniError {
    /// It contains what no reader of such files can parse.
    #[error("it is no text of one octet a letter: {what}")]
    NotText {
        /// What it seems to be.
        what: &'static str,
    },
    /// The section occurs more than once.
    #[error("the section [{section}] stands in it more than once, in the lines {}", joined(lines))]
    SectionTwice {
        /// The section, as in its header.
        section: String,
        /// The line numbers, from 1.
        lines: Vec<usize>,
    },
    /// A name or value would not be read back as it was meant. The value is not shown: it may be a secret.
    #[error("{what} cannot be written: it {why}")]
    Unwritable {
        /// The section or the key.
        what: String,
        /// What is wrong with it.
        why: &'static str,
    },
}

fn joined(lines: &[usize]) -> String {
    lines.iter().map(usize::to_string).collect::<Vec<_>>().join(" and ")
}

impl Diagnostic for IniError {
    fn id(&self) -> &'static str {
        match self {
            Self::NotText { .. } => "ini-not-text",
            Self::SectionTwice { .. } => "ini-section-twice",
            Self::Unwritable { .. } => "ini-value",
        }
    }

    fn fault(&self) -> Fault {
        match self {
            Self::NotText { .. } | Self::SectionTwice { .. } => Fault::Local,
            Self::Unwritable { .. } => Fault::Usage,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::NotText { .. } => Some(String::from("save it as UTF-8, without NUL octets")),
            Self::SectionTwice { .. } => {
                Some(String::from("join them under one header, or remove the one that is not meant"))
            }
            Self::Unwritable { .. } => None,
        }
    }
}

/// The name of a section that all readers can parse.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section {
    prefix: Option<&'static str>,
    name: String,
}

impl Section {
    /// Names a section without a prefix, `[name]`: every section of a credentials file, and `[default]`.
    ///
    /// # Errors
    ///
    /// Fails if the name cannot be used in a header, or would mean something else there.
    pub fn plain(name: &str) -> Result<Self, IniError> {
        Self::named(None, name)
    }

    /// Names a section of a config file by its type and name: `[profile name]`.
    ///
    /// # Errors
    ///
    /// Fails if the name cannot be used in a header, or would mean something else there.
    pub fn prefixed(prefix: &'static str, name: &str) -> Result<Self, IniError> {
        Self::named(Some(prefix), name)
    }

    fn named(prefix: Option<&'static str>, name: &str) -> Result<Self, IniError> {
        let why = if name.is_empty() {
            "is empty"
        } else if name.trim() != name {
            "begins or ends with a blank"
        } else if name.contains(char::is_control) {
            "holds a line break or another control character"
        } else if name.contains(['[', ']', '"', '\'', '#', ';', '\\']) {
            "holds a bracket, a quote, a backslash, # or ;, which readers take for something else"
        } else if name == "DEFAULT" {
            "means the defaults of all profiles to botocore and the AWS CLI"
        } else if name == "__proto__" {
            "makes the JavaScript SDK refuse the file"
        } else {
            return Ok(Self { prefix, name: name.to_owned() });
        };
        Err(IniError::Unwritable { what: format!("the section name {}", quoted(name)), why })
    }

    /// Returns the text between the brackets in the one spelling that every reader accepts.
    fn spelling(&self) -> String {
        let Self { prefix, name } = self;
        match prefix {
            None => name.clone(),
            Some(prefix) if name.contains(char::is_whitespace) => format!("{prefix} \"{name}\""),
            Some(prefix) => format!("{prefix} {name}"),
        }
    }

    /// Returns whether a header names this section, in any spelling.
    fn is_named_by(&self, header: &[u8]) -> bool {
        let name = match self.prefix {
            None => line::trimmed(header),
            Some(prefix) => match line::trimmed(header).strip_prefix(prefix.as_bytes()) {
                Some(rest) if rest.first().is_some_and(|octet| line::is_blank(*octet)) => line::trimmed(rest),
                Some(_) | None => return false,
            },
        };
        let unquoted = |quote: u8| name.strip_prefix(&[quote])?.strip_suffix(&[quote]);
        line::trimmed(unquoted(b'"').or_else(|| unquoted(b'\'')).unwrap_or(name)) == self.name.as_bytes()
    }
}

/// What to do with a key.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Change<'a> {
    /// Remove it, with all lines of its value.
    Remove,
    /// Set it to this value, adding it if it is missing.
    Set(&'a str),
    /// Set it to this value, if it exists.
    Update(&'a str),
}

/// Shows no value: it may be a secret.
impl std::fmt::Debug for Change<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Remove => "Remove",
            Self::Set(_) => "Set",
            Self::Update(_) => "Update",
        })
    }
}

/// Returns the file with the keys of one section changed; the keys are in lower case.
///
/// A value is replaced in place, with its indented continuation lines; of several occurrences of a key the first is
/// kept. Missing keys are added after the last property of the section, before the blank lines and comments that
/// precede the next header. A missing section is added at the end. New lines end like the lines before them. The
/// operation is idempotent.
///
/// # Errors
///
/// Fails if the section occurs more than once, if the file is not text, or if a key or value could not be read back.
pub fn edited(
    content: &[u8],
    section: &Section,
    changes: &[(&str, Change<'_>)],
) -> Result<Zeroizing<Vec<u8>>, IniError> {
    for (key, change) in changes {
        check(key, change)?;
    }
    check_text(content)?;
    let lines = line::read(content);
    let mut rows: Vec<Row<'_>> = lines.iter().map(Row::of).collect();
    match find(&lines, section)? {
        Some(header) => {
            let end = end_of_section(&lines, header);
            if let Kind::Header { name } = &lines[header].kind
                && lines[header].text[name.clone()] != *section.spelling().as_bytes()
            {
                let Line { text, .. } = lines[header];
                let spelling = section.spelling();
                let parts = [&text[..name.start], spelling.as_bytes(), &text[name.end..]];
                rows[header].text = Text::New(Zeroizing::new(parts.concat()));
            }
            let (at, indentation) = end_of_properties(&lines, header, end);
            let mut missing = Vec::new();
            for (key, change) in changes {
                if !apply(&lines, &mut rows, header + 1..end, key, change)
                    && let Change::Set(value) = change
                {
                    missing.push(property(indentation, key, value));
                }
            }
            insert(&mut rows, at, missing);
        }
        None => append(&lines, &mut rows, section, changes),
    }
    Ok(assembled(content, rows))
}

/// Adds a section with the values to set.
fn append(lines: &[Line<'_>], rows: &mut Vec<Row<'_>>, section: &Section, changes: &[(&str, Change<'_>)]) {
    let missing = changes.iter().filter_map(|(key, change)| match change {
        Change::Set(value) => Some(property(b"", key, value)),
        Change::Remove | Change::Update(_) => None,
    });
    let mut missing: Vec<_> = missing.collect();
    if missing.is_empty() {
        return;
    }
    missing.insert(0, Zeroizing::new(format!("[{}]", section.spelling()).into_bytes()));
    if lines.last().is_some_and(|last| last.kind != Kind::Blank) {
        missing.insert(0, Zeroizing::new(Vec::new()));
    }
    insert(rows, rows.len(), missing);
}

/// Returns the index after the last property (or unknown line) of a section, and the indentation for a property added
/// there: that of the last one; for a first property, that of the next header if that is deeper. After a property with
/// less indentation, a deeper line would be read as part of its value.
fn end_of_properties<'a>(lines: &[Line<'a>], header: usize, end: usize) -> (usize, &'a [u8]) {
    let before = |line: &Line<'a>| {
        let first = line.text.iter().position(|octet| !line::is_blank(*octet));
        &line.text[..first.unwrap_or_default()]
    };
    let (mut at, mut indentation, mut is_first) = (header + 1, before(&lines[header]), true);
    for (index, line) in lines.iter().enumerate().take(end).skip(header + 1) {
        match line.kind {
            Kind::Property { .. } | Kind::Other => {
                (at, indentation) = (index + 1, before(line));
                is_first &= line.kind == Kind::Other;
            }
            Kind::Continuation => at = index + 1,
            Kind::Blank | Kind::Comment | Kind::Header { .. } => {}
        }
    }
    let next = lines.get(end).map(before).unwrap_or_default();
    (at, if is_first && next.len() > indentation.len() { next } else { indentation })
}

/// Returns the first line of a key's value; `None` if the section does not have the key.
pub fn value<'a>(content: &'a [u8], section: &Section, key: &str) -> Option<&'a [u8]> {
    let lines = line::read(content);
    let header = find(&lines, section).ok()??;
    let own = &lines[header + 1..end_of_section(&lines, header)];
    own.iter().find_map(|line| match &line.kind {
        Kind::Property { key: found, value } if is_key(&line.text[found.clone()], key) => {
            Some(&line.text[value.clone()])
        }
        Kind::Blank
        | Kind::Comment
        | Kind::Continuation
        | Kind::Header { .. }
        | Kind::Other
        | Kind::Property { .. } => None,
    })
}

/// A line of the resulting file.
struct Row<'a> {
    text: Text<'a>,
    ending: &'a [u8],
}

enum Text<'a> {
    Gone,
    New(Zeroizing<Vec<u8>>),
    Old(&'a [u8]),
}

impl<'a> Row<'a> {
    const fn of(line: &Line<'a>) -> Self {
        Self { text: Text::Old(line.text), ending: line.ending }
    }

    fn text(&self) -> &[u8] {
        match &self.text {
            Text::Gone => &[],
            Text::New(text) => text,
            Text::Old(text) => text,
        }
    }
}

/// Returns the index of the section's header.
fn find(lines: &[Line<'_>], section: &Section) -> Result<Option<usize>, IniError> {
    let is_header = |line: &Line<'_>| match &line.kind {
        Kind::Header { name } => section.is_named_by(&line.text[name.clone()]),
        Kind::Blank | Kind::Comment | Kind::Continuation | Kind::Other | Kind::Property { .. } => false,
    };
    let headers = lines.iter().enumerate().filter(|(_, line)| is_header(line));
    let found: Vec<usize> = headers.map(|(index, _)| index).collect();
    match found.as_slice() {
        [] => Ok(None),
        [one] => Ok(Some(*one)),
        several => Err(IniError::SectionTwice {
            section: section.spelling(),
            lines: several.iter().map(|index| index + 1).collect(),
        }),
    }
}

fn end_of_section(lines: &[Line<'_>], header: usize) -> usize {
    let next = lines.iter().skip(header + 1).position(|line| matches!(line.kind, Kind::Header { .. }));
    next.map_or(lines.len(), |distance| header + 1 + distance)
}

fn is_key(found: &[u8], key: &str) -> bool {
    found.eq_ignore_ascii_case(key.as_bytes())
}

/// Changes a key in place; returns whether it was found.
fn apply(
    lines: &[Line<'_>],
    rows: &mut [Row<'_>],
    section: std::ops::Range<usize>,
    key: &str,
    change: &Change<'_>,
) -> bool {
    let mut found = false;
    let mut is_own = false;
    for index in section {
        match &lines[index].kind {
            Kind::Property { key: name, value: old } => {
                let Line { text, .. } = lines[index];
                is_own = is_key(&text[name.clone()], key);
                if !is_own {
                    continue;
                }
                rows[index].text = match change {
                    Change::Set(new) | Change::Update(new) if !found => {
                        let as_all_read_it = &text[name.clone()] == key.as_bytes()
                            && text[name.end..old.start].contains(&b'=')
                            && !old.is_empty();
                        // The indentation stays: without it, an indented line below would become part of this value.
                        let before: Cow<'_, [u8]> = if as_all_read_it {
                            Cow::Borrowed(&text[..old.start])
                        } else {
                            Cow::Owned([&text[..name.start], key.as_bytes(), b" = "].concat())
                        };
                        Text::New(Zeroizing::new([&before, new.as_bytes()].concat()))
                    }
                    Change::Remove | Change::Set(_) | Change::Update(_) => Text::Gone,
                };
                found = true;
            }
            Kind::Continuation if is_own => rows[index].text = Text::Gone,
            Kind::Blank | Kind::Comment | Kind::Continuation | Kind::Header { .. } | Kind::Other => {}
        }
    }
    found
}

fn property(indentation: &[u8], key: &str, value: &str) -> Zeroizing<Vec<u8>> {
    Zeroizing::new([indentation, key.as_bytes(), b" = ", value.as_bytes()].concat())
}

/// Inserts lines before the row at `at`, which end like the line above.
fn insert(rows: &mut Vec<Row<'_>>, at: usize, texts: Vec<Zeroizing<Vec<u8>>>) {
    let above = rows[..at].iter().rev().map(|row| row.ending).find(|ending| !ending.is_empty());
    let ending = above.unwrap_or(b"\n");
    rows.splice(at..at, texts.into_iter().map(|text| Row { text: Text::New(text), ending }));
}

/// Joins the rows; if a last row without a line ending is now followed by others, it gets one, and the new last row has
/// none.
fn assembled(content: &[u8], mut rows: Vec<Row<'_>>) -> Zeroizing<Vec<u8>> {
    rows.retain(|row| !matches!(row.text, Text::Gone));
    let some_ending =
        rows.iter().rev().map(|row| row.ending).find(|ending| !ending.is_empty()).unwrap_or(b"\n");
    let is_open = content.last().is_some_and(|last| !matches!(last, b'\n' | b'\r'));
    let last = rows.len().saturating_sub(1);
    for (index, row) in rows.iter_mut().enumerate() {
        if index < last && row.ending.is_empty() {
            row.ending = some_ending;
        } else if index == last && is_open && matches!(row.text, Text::New(_)) {
            row.ending = b"";
        }
    }
    // The size is computed first, because a growing buffer would leave copies behind.
    let size = rows.iter().map(|row| row.text().len() + row.ending.len()).sum();
    let mut whole = Zeroizing::new(Vec::with_capacity(size));
    for row in &rows {
        whole.extend_from_slice(row.text());
        whole.extend_from_slice(row.ending);
    }
    whole
}

fn check_text(content: &[u8]) -> Result<(), IniError> {
    if content.starts_with(&[0xFF, 0xFE]) || content.starts_with(&[0xFE, 0xFF]) {
        return Err(IniError::NotText { what: "it is UTF-16" });
    }
    if content.contains(&0) {
        return Err(IniError::NotText { what: "it holds NUL octets" });
    }
    Ok(())
}

/// Rejects what would be read as something else.
fn check(key: &str, change: &Change<'_>) -> Result<(), IniError> {
    let refuse = |why| Err(IniError::Unwritable { what: format!("the key {}", quoted(key)), why });
    let is_plain =
        |octet: u8| octet.is_ascii_lowercase() || octet.is_ascii_digit() || b"_-.".contains(&octet);
    if key.is_empty() || !key.bytes().all(is_plain) {
        return refuse("is no lower-case name");
    }
    let (Change::Set(value) | Change::Update(value)) = change else { return Ok(()) };
    let refuse = |why| Err(IniError::Unwritable { what: format!("the value of {key}"), why });
    if value.is_empty() {
        return refuse("is empty, which begins a block of its own");
    }
    if value.contains(|letter: char| letter.is_control() || matches!(letter, '\u{2028}' | '\u{2029}')) {
        return refuse("holds a line break or another control character");
    }
    if value.trim() != *value {
        return refuse("begins or ends with a blank, which is cut off");
    }
    if value.starts_with(['#', ';']) || [" #", " ;", "\t#", "\t;"].iter().any(|mark| value.contains(mark)) {
        return refuse("holds # or ; where some readers begin a comment");
    }
    Ok(())
}

#[cfg(test)]
mod tests;
