//! Changes a session in the text of a config file, and keeps every other byte.
//!
//! The parser reports the position of each value; a value is replaced there, and new keys are added after the session's
//! last value. The result is parsed again and must equal the old configuration with those changes; a form for which
//! that fails (an inline table, dotted keys) is rejected.

use std::path::Path;

use toml::de::{DeTable, DeValue};

use super::parse::parse;
use super::{ConfigError, Entry, Key, MAX_BYTES, Origin, Section, Value};

/// The largest file that can be changed, in bytes.
pub const LIMIT: u64 = MAX_BYTES;

/// Returns the text with keys of `[session.NAME]` set; the section and `version = 1` are added if they are missing.
///
/// # Errors
///
/// Fails if the text is not a config file, or if the session is written in a form that cannot be changed line by line.
pub fn edited(
    file: &Path,
    text: &str,
    name: &str,
    changes: &[(&'static str, Value)],
    keys: &[Key],
) -> Result<String, ConfigError> {
    let ending = if text.contains("\r\n") { "\r\n" } else { "\n" };
    if text.trim_start_matches('\u{feff}').trim().is_empty() {
        let section = section(name, changes, ending);
        return Ok(format!("{text}version = 1{ending}{ending}{section}"));
    }
    let before = parse(file, text, keys)?;
    let outcome = match before.sessions.get(name) {
        None => {
            let open = if text.ends_with('\n') { "" } else { ending };
            Ok(format!("{text}{open}{ending}{}", section(name, changes, ending)))
        }
        Some(_) => changed(text, name, changes, ending),
    };
    let origin = || match before.sessions.get(name) {
        Some(session) => session.origin.clone(),
        None => Origin { file: file.into(), line: 1 },
    };
    let refused = |why| ConfigError::NotEdited { origin: origin(), session: name.to_owned(), why };
    let outcome = outcome.map_err(refused)?;
    let why = "it would be read as something else afterwards";
    let after = parse(file, &outcome, keys).map_err(|_| refused(why))?;
    let values = |section: &Section| {
        section.entries.iter().map(|(key, Entry { value, .. })| (*key, value.clone())).collect::<Vec<_>>()
    };
    let mut wanted = before.sessions.get(name).map(|session| values(&session.section)).unwrap_or_default();
    wanted.retain(|(key, _)| changes.iter().all(|(changed, _)| changed != key));
    wanted.extend(changes.iter().cloned());
    wanted.sort_by_key(|(key, _)| *key);
    let others = |parsed: &super::parse::Parsed| {
        let sessions = parsed.sessions.iter().filter(|(other, _)| *other != name);
        let sessions: Vec<_> =
            sessions.map(|(other, session)| (other.clone(), values(&session.section))).collect();
        (values(&parsed.defaults), sessions)
    };
    let is_as_wanted = after.sessions.get(name).is_some_and(|session| values(&session.section) == wanted);
    if is_as_wanted && others(&before) == others(&after) { Ok(outcome) } else { Err(refused(why)) }
}

fn section(name: &str, changes: &[(&'static str, Value)], ending: &str) -> String {
    // A dot would start a nested table.
    let name = if name.contains('.') { format!("\"{name}\"") } else { name.to_owned() };
    let mut text = format!("[session.{name}]{ending}");
    for (key, value) in changes {
        text.push_str(&line(key, value, ending));
    }
    text
}

fn line(key: &str, value: &Value, ending: &str) -> String {
    format!("{} = {}{ending}", key.replace('-', "_"), rendered(value))
}

fn rendered(value: &Value) -> String {
    match value {
        Value::Boolean(value) => value.to_string(),
        // Single quotes keep backslashes, as in Windows paths, unchanged.
        Value::Text(text) if text.contains('\\') && !text.contains(|c: char| c == '\'' || c.is_control()) => {
            format!("'{text}'")
        }
        Value::Text(text) => toml::Value::String(text.clone()).to_string(),
    }
}

/// Changes an existing session.
fn changed(
    text: &str,
    name: &str,
    changes: &[(&'static str, Value)],
    ending: &str,
) -> Result<String, &'static str> {
    let unusual = "it is no [session.NAME] of lines of its own";
    let document = DeTable::parse(text).map_err(|_| unusual)?;
    let Some(DeValue::Table(sessions)) = document.get_ref().get("session").map(toml::Spanned::get_ref) else {
        return Err(unusual);
    };
    let Some((heading, DeValue::Table(table))) =
        sessions.iter().find(|(key, _)| key.get_ref() == name).map(|(key, value)| (key, value.get_ref()))
    else {
        return Err(unusual);
    };
    let line_of = |at: usize| {
        let start = text[..at].rfind('\n').map_or(0, |found| found + 1);
        let end = text[at..].find('\n').map_or(text.len(), |found| at + found + 1);
        start..end
    };
    let heading = line_of(heading.span().start);
    if !text[heading.clone()].trim_start_matches('\u{feff}').trim_start().starts_with('[') {
        return Err(unusual);
    }
    // From the end to the beginning, so that earlier positions stay valid.
    let mut parts: Vec<(std::ops::Range<usize>, String)> = Vec::new();
    let last = table.iter().map(|(_, value)| value.span().end).max();
    let mut missing = String::new();
    for (key, value) in changes {
        let written = key.replace('-', "_");
        match table.iter().find(|(found, _)| *found.get_ref() == written) {
            Some((_, found)) => {
                let is_same = match (found.get_ref(), value) {
                    (DeValue::String(old), Value::Text(new)) => old == new,
                    (DeValue::Boolean(old), Value::Boolean(new)) => old == new,
                    _ => false,
                };
                if !is_same {
                    parts.push((found.span(), rendered(value)));
                }
            }
            None => missing.push_str(&line(key, value, ending)),
        }
    }
    if !missing.is_empty() {
        let at = last.map_or(heading.end, |last| line_of(last).end);
        if !text[..at].ends_with('\n') {
            missing = format!("{ending}{}", missing.trim_end_matches(ending));
        }
        parts.push((at..at, missing));
    }
    parts.sort_by_key(|(range, _)| std::cmp::Reverse((range.start, range.end)));
    let mut outcome = text.to_owned();
    for (range, new) in parts {
        outcome.replace_range(range, &new);
    }
    Ok(outcome)
}

#[cfg(test)]
mod tests {
    use super::super::{Place, Shape};
    use super::*;

    const KEYS: &[Key] = &[
        Key { name: "role-arn", shape: Shape::Text, place: Place::Anywhere },
        Key { name: "certificate", shape: Shape::Text, place: Place::Anywhere },
        Key { name: "session-duration", shape: Shape::Duration, place: Place::Anywhere },
        Key { name: "assume-role-tag", shape: Shape::List, place: Place::Session },
        Key { name: "use-fips-endpoint", shape: Shape::Boolean, place: Place::Anywhere },
    ];

    fn edit(text: &str, name: &str, changes: &[(&'static str, &str)]) -> Result<String, ConfigError> {
        let changes: Vec<_> =
            changes.iter().map(|(key, value)| (*key, Value::Text((*value).to_owned()))).collect();
        edited(Path::new("c.toml"), text, name, &changes, KEYS)
    }

    #[test]
    fn a_session_is_added_at_the_end() {
        assert_eq!(
            edit("", "a", &[("role-arn", "r")]).unwrap(),
            "version = 1\n\n[session.a]\nrole_arn = \"r\"\n"
        );
        let text = "# mine\r\nversion = 1 # one\r\n[defaults]\r\nrole_arn = 'x'";
        assert_eq!(
            edit(text, "a.b", &[("certificate", r"C:\a\b.pem")]).unwrap(),
            format!("{text}\r\n\r\n[session.\"a.b\"]\r\ncertificate = 'C:\\a\\b.pem'\r\n")
        );
    }

    #[test]
    fn a_value_is_replaced_where_it_stands_and_nothing_else_moves() {
        let text = "\u{feff}version = 1\n\n[session.a] # the first\n  role_arn   =  \"\"\"\nold\"\"\"  # kept\nassume_role_tag = [\n  'x=1', # one\n]\n# of b\n\n[session.b]\nrole_arn = 'r'";
        let wanted = text
            .replace("\"\"\"\nold\"\"\"", "\"new\"")
            .replace("]\n# of b", "]\ncertificate = \"c\"\n# of b");
        assert_eq!(edit(text, "a", &[("role-arn", "new"), ("certificate", "c")]).unwrap(), wanted);
        assert_eq!(edit(&wanted, "a", &[("role-arn", "new"), ("certificate", "c")]).unwrap(), wanted);
        let wanted = format!("{text}\nsession_duration = \"1h\"");
        assert_eq!(edit(text, "b", &[("session-duration", "1h")]).unwrap(), wanted);
        let empty = "version = 1\n[session.a]\n[session.b]\n";
        assert_eq!(
            edit(empty, "a", &[("role-arn", "r")]).unwrap(),
            "version = 1\n[session.a]\nrole_arn = \"r\"\n[session.b]\n"
        );
    }

    #[test]
    fn other_forms_are_refused_and_not_broken() {
        for text in [
            "version = 1\nsession = { a = { role_arn = 'r' } }\n",
            "version = 1\nsession.a.role_arn = 'r'\n",
            "version = 1\n[session]\na = { role_arn = 'r' }\n",
        ] {
            for (name, key) in [("a", "certificate"), ("b", "role-arn")] {
                match edit(text, name, &[(key, "x")]) {
                    Err(ConfigError::NotEdited { .. }) => {}
                    Ok(new) => assert!(parse(Path::new("c"), &new, KEYS).is_ok(), "{new}"),
                    Err(other) => panic!("{other}"),
                }
            }
        }
    }
}
