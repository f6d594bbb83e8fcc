//! One config file: from text to sections, with each key checked against the known ones.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::{ConfigError, Entry, Key, NamedSession, Origin, Place, Section, Shape, Value, is_session_name};
use crate::text::{nearest, printable};

/// The contents of one file, or of all files of a layer.
#[derive(Debug, Default)]
pub(super) struct Parsed {
    pub(super) defaults: Section,
    pub(super) sessions: BTreeMap<String, NamedSession>,
}

impl Parsed {
    /// Merges another file of the same layer, which may not redefine anything.
    pub(super) fn join(&mut self, other: Self) -> Result<(), ConfigError> {
        for (setting, entry) in other.defaults.entries {
            if let Some(first) = self.defaults.entries.get(setting) {
                return Err(ConfigError::DefinedTwice {
                    what: format!("{} in [defaults]", setting.replace('-', "_")),
                    first: first.origin.clone(),
                    second: entry.origin,
                });
            }
            self.defaults.entries.insert(setting, entry);
        }
        for (name, session) in other.sessions {
            if let Some(first) = self.sessions.get(&name) {
                return Err(ConfigError::DefinedTwice {
                    what: format!("the session '{name}'"),
                    first: first.origin.clone(),
                    second: session.origin,
                });
            }
            self.sessions.insert(name, session);
        }
        Ok(())
    }
}

/// Parses the text of one file.
pub(super) fn parse(file: &Path, text: &str, keys: &[Key]) -> Result<Parsed, ConfigError> {
    let line_ends =
        text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(place, _)| place).collect();
    let reader = Reader { file: file.into(), line_ends, keys };
    let document = DeTable::parse(text).map_err(|error| ConfigError::Syntax {
        origin: reader.origin(error.span().map_or(0, |span| span.start)),
        why: printable(error.message()),
    })?;
    reader.document(document.get_ref())
}

struct Reader<'a> {
    file: Arc<Path>,
    /// The end of each line of the text, so that lines need not be counted for each value.
    line_ends: Vec<usize>,
    keys: &'a [Key],
}

type Table<'a> = DeTable<'a>;

impl Reader<'_> {
    /// Returns the line of a byte offset.
    fn origin(&self, offset: usize) -> Origin {
        Origin { file: self.file.clone(), line: 1 + self.line_ends.partition_point(|end| *end < offset) }
    }

    fn document(&self, document: &Table<'_>) -> Result<Parsed, ConfigError> {
        self.version(document)?;
        let mut parsed = Parsed::default();
        for (name, value) in document {
            let origin = self.origin(name.span().start);
            match (name.get_ref().as_ref(), value.get_ref()) {
                ("version", _) => {}
                ("defaults", DeValue::Table(table)) => {
                    parsed.defaults = self.section(table, Place::Anywhere)?;
                }
                ("session", DeValue::Table(sessions)) => {
                    for (name, value) in sessions {
                        let (name, session) = self.session(name, value)?;
                        parsed.sessions.insert(name, session);
                    }
                }
                (key, _) => {
                    let advice = if self.key(key).is_some() {
                        Some(format!("put {key} under [defaults] or [session.NAME]"))
                    } else {
                        Some(String::from("only version, [defaults] and [session.NAME] belong at the top"))
                    };
                    return Err(ConfigError::UnknownKey { origin, key: key.to_owned(), advice });
                }
            }
        }
        Ok(parsed)
    }

    fn version(&self, document: &Table<'_>) -> Result<(), ConfigError> {
        let found = document.get("version").map(|value| match value.get_ref() {
            DeValue::Integer(number) => number.to_string(),
            DeValue::String(text) => text.to_string(),
            other @ (DeValue::Float(_)
            | DeValue::Boolean(_)
            | DeValue::Datetime(_)
            | DeValue::Array(_)
            | DeValue::Table(_)) => other.type_str().to_owned(),
        });
        match found.as_deref() {
            Some("1") => Ok(()),
            _ => Err(ConfigError::Version { file: self.file.to_path_buf(), found }),
        }
    }

    fn session(
        &self,
        name: &Spanned<std::borrow::Cow<'_, str>>,
        value: &Spanned<DeValue<'_>>,
    ) -> Result<(String, NamedSession), ConfigError> {
        let origin = self.origin(name.span().start);
        let name = name.get_ref().as_ref();
        let DeValue::Table(table) = value.get_ref() else {
            let advice = Some(String::from("begin a session with a line like [session.deploy]"));
            return Err(ConfigError::UnknownKey { origin, key: format!("session.{name}"), advice });
        };
        if !is_session_name(name) {
            return Err(ConfigError::BadName { origin, name: name.to_owned() });
        }
        Ok((name.to_owned(), NamedSession { section: self.section(table, Place::Session)?, origin }))
    }

    fn section(&self, table: &Table<'_>, place: Place) -> Result<Section, ConfigError> {
        let mut section = Section::default();
        for (name, value) in table {
            let origin = self.origin(name.span().start);
            let name = name.get_ref().as_ref();
            let Some(key) = self.key(name) else {
                let known: Vec<String> = self.keys.iter().map(Key::written).collect();
                let advice = nearest(name, known.iter().map(String::as_str))
                    .map(|key| format!("the nearest known setting is {key}"));
                return Err(ConfigError::UnknownKey { origin, key: name.to_owned(), advice });
            };
            if key.place == Place::Session && place == Place::Anywhere {
                return Err(ConfigError::SessionOnly { origin, key: key.written() });
            }
            let Some(value) = value_of(value.get_ref(), key.shape) else {
                return Err(ConfigError::WrongShape { origin, key: key.written(), shape: key.shape });
            };
            section.entries.insert(key.name, Entry { value, origin });
        }
        Ok(section)
    }

    fn key(&self, name: &str) -> Option<&Key> {
        self.keys.iter().find(|key| key.is_written(name))
    }
}

fn value_of(value: &DeValue<'_>, shape: Shape) -> Option<Value> {
    match (shape, value) {
        (Shape::Boolean, DeValue::Boolean(value)) => Some(Value::Boolean(*value)),
        (Shape::Duration | Shape::List | Shape::Text, DeValue::String(text)) => {
            Some(Value::Text(text.to_string()))
        }
        (Shape::Duration, DeValue::Integer(number)) => Some(Value::Text(number.to_string())),
        (Shape::List, DeValue::Array(values)) => {
            let texts: Option<Vec<&str>> = values.iter().map(|value| value.get_ref().as_str()).collect();
            texts.map(|texts| Value::Text(texts.join(",")))
        }
        (Shape::Boolean | Shape::Duration | Shape::List | Shape::Text, _) => None,
    }
}
