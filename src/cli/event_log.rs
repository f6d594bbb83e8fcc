//! The log of a server: one line per event, with named facts, for people and programs.
//!
//! It goes where failures are logged, to the file of `--log-file` or to the journal; without one, to standard error.

use std::path::PathBuf;

use super::{Invocation, log, report};
use crate::clock::{Clock as _, SystemClock};
use crate::text::printable_line;
use crate::trace;

/// The log of a long-running command.
pub(super) struct EventLog {
    /// Where it goes; `None` for standard error.
    target: Option<PathBuf>,
    form: Form,
}

/// The format of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// `what name=value …`
    Text,
    /// One object.
    Json,
}

impl EventLog {
    pub(super) fn of(invocation: &Invocation<'_>, form: Form) -> Self {
        Self { target: log::target(invocation), form }
    }

    /// Writes a line: the event, and its facts, none of them a secret.
    pub(super) fn tell(&self, what: &str, facts: &[(&str, String)]) {
        let (line, priority) = match self.form {
            Form::Json => {
                let mut object = serde_json::Map::new();
                object.insert(String::from("time"), SystemClock.now().to_string().into());
                object.insert(String::from("event"), what.into());
                object.extend(facts.iter().map(|(name, value)| ((*name).to_owned(), value.as_str().into())));
                (serde_json::Value::Object(object).to_string(), log::HAPPENED)
            }
            Form::Text => {
                let fact = |(name, value): &(&str, String)| format!(" {name}={}", quoted_if_needed(value));
                (format!("{what}{}", facts.iter().map(fact).collect::<String>()), log::HAPPENED)
            }
        };
        let written = match &self.target {
            Some(target) => log::write(target, &line, priority),
            None => Err(String::new()),
        };
        if let Err(why) = written {
            if !why.is_empty() {
                trace::step(|| format!("the log takes no line: {why}"));
            }
            // A line that no log accepts goes to standard error.
            match self.form {
                Form::Json => report::log_line(&format!("{line}\n")),
                Form::Text => report::log_line(&format!("{}{line}\n", log::prefix())),
            }
        }
    }
}

/// Quotes a text if its end would be unclear otherwise, as JSON does: a process chooses its own name, and must not be
/// able to add a fact.
fn quoted_if_needed(text: &str) -> String {
    let plain = |character: char| character.is_ascii_graphic() && !matches!(character, '"' | '\'' | '\\');
    if !text.is_empty() && text.chars().all(plain) {
        text.to_owned()
    } else {
        serde_json::Value::from(printable_line(text)).to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_ends_where_its_quotes_end() {
        assert_eq!(quoted_if_needed("terraform"), "terraform");
        assert_eq!(quoted_if_needed(""), r#""""#);
        assert_eq!(quoted_if_needed("x' user=0"), r#""x' user=0""#);
        assert_eq!(quoted_if_needed("x\" user=0"), r#""x\" user=0""#);
        assert_eq!(quoted_if_needed("two\nlines"), r#""two\\u{a}lines""#);
    }
}
