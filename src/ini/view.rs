//! The sections of a file, read-only.

use super::line::{self, Kind};

/// A section, named as in its header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section {
    /// The header's line, from 1.
    pub line: usize,
    /// The text between its brackets, without surrounding blanks.
    pub name: String,
    /// Its properties, in order.
    pub properties: Vec<Property>,
}

/// A key and its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Property {
    /// The key's line, from 1.
    pub line: usize,
    /// In lower case.
    pub key: String,
    /// The value's first line.
    pub value: String,
    /// Whether indented lines follow that continue it.
    pub is_continued: bool,
}

impl Section {
    /// Returns the name of the profile in a section of a config file; `None` if SDKs do not read one from it.
    pub fn profile(&self) -> Option<&str> {
        if self.name == "default" {
            return Some(&self.name);
        }
        let rest = self.name.strip_prefix("profile")?;
        let name = rest.strip_prefix(char::is_whitespace)?.trim();
        let unquoted = |quote: char| name.strip_prefix(quote)?.strip_suffix(quote);
        Some(unquoted('"').or_else(|| unquoted('\'')).unwrap_or(name))
    }

    /// Returns the first property with this key.
    pub fn property(&self, key: &str) -> Option<&Property> {
        self.properties.iter().find(|property| property.key == key)
    }
}

/// Returns the first line that has the AWS CLI and boto3 refuse the whole file, and why.
pub fn refused(content: &[u8]) -> Option<(usize, &'static str)> {
    if content.starts_with(&[0xFF, 0xFE]) || content.starts_with(&[0xFE, 0xFF]) {
        return Some((1, "the file is UTF-16"));
    }
    if content.starts_with(b"\xEF\xBB\xBF") {
        return Some((1, "the file begins with a byte order mark"));
    }
    let mut is_within = false;
    for (index, line) in line::read(content).iter().enumerate() {
        match line.kind {
            Kind::Header { .. } => is_within = true,
            Kind::Other | Kind::Property { .. } if !is_within => {
                return Some((index + 1, "it stands before the first section"));
            }
            Kind::Other => return Some((index + 1, "it is neither a section nor KEY = VALUE")),
            Kind::Blank | Kind::Comment | Kind::Continuation | Kind::Property { .. } => {}
        }
    }
    None
}

/// Returns all sections; what is no text is replaced in them.
pub fn sections(content: &[u8]) -> Vec<Section> {
    let mut sections: Vec<Section> = Vec::new();
    for (index, line) in line::read(content).iter().enumerate() {
        let text = |range: &std::ops::Range<usize>| {
            String::from_utf8_lossy(line::trimmed(&line.text[range.clone()])).into_owned()
        };
        match (&line.kind, sections.last_mut()) {
            (Kind::Header { name }, _) => {
                sections.push(Section { line: index + 1, name: text(name), properties: Vec::new() });
            }
            (Kind::Property { key, value }, Some(section)) => section.properties.push(Property {
                line: index + 1,
                key: text(key).to_ascii_lowercase(),
                value: text(value),
                is_continued: false,
            }),
            (Kind::Continuation, Some(section)) => {
                if let Some(property) = section.properties.last_mut() {
                    property.is_continued = true;
                }
            }
            (Kind::Property { .. } | Kind::Continuation, None)
            | (Kind::Blank | Kind::Comment | Kind::Other, _) => {}
        }
    }
    sections
}
