//! Why the config file cannot be used.

use std::path::PathBuf;

use super::{Origin, Shape};
use crate::diagnostic::{Diagnostic, Fact, Fault};
use crate::private_file::ReadError;
use crate::text::quoted;

/// Why the config file cannot be used; each error names the line to fix.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A session name that could not be typed on the command line.
    #[error("{origin}: {} is not a name for a session", quoted(name))]
    BadName {
        /// Where the session is defined.
        origin: Origin,
        /// The name.
        name: String,
    },
    /// A session or default defined in two files of the same layer.
    #[error("{what} is defined twice")]
    DefinedTwice {
        /// `the session 'deploy'`, `certificate in [defaults]`.
        what: String,
        /// The first definition.
        first: Origin,
        /// The second definition.
        second: Origin,
    },
    /// The file named by the user does not exist.
    #[error("the config file {} does not exist", quoted(&file.display().to_string()))]
    Missing {
        /// The file.
        file: PathBuf,
    },
    /// A key that is allowed only in a session, but is in `[defaults]`.
    #[error("{origin}: {key} is not taken from [defaults]")]
    SessionOnly {
        /// Where it stands.
        origin: Origin,
        /// The key.
        key: String,
    },
    /// Not TOML.
    #[error("{origin}: not TOML: {why}")]
    Syntax {
        /// Where the parser stopped.
        origin: Origin,
        /// What the parser reports, without the file's content.
        why: String,
    },
    /// The session is written in a form that cannot be changed line by line.
    #[error("{origin}: the session {} is not changed here: {why}", quoted(session))]
    NotEdited {
        /// Where the session is defined.
        origin: Origin,
        /// The session.
        session: String,
        /// What prevents it.
        why: &'static str,
    },
    /// Too many drop-in files.
    #[error("{} holds more than {limit} files", quoted(&folder.display().to_string()))]
    TooManyFiles {
        /// The folder.
        folder: PathBuf,
        /// How many it may hold.
        limit: usize,
    },
    /// An unknown key or table.
    #[error("{origin}: {} is not a setting", quoted(key))]
    UnknownKey {
        /// Where it stands.
        origin: Origin,
        /// The key as it was written.
        key: String,
        /// What to do about it.
        advice: Option<String>,
    },
    /// The file cannot be read, or others could have written it.
    #[error(transparent)]
    Unreadable(#[from] ReadError),
    /// `version` is missing, or is not 1.
    #[error("the config file {} {}", quoted(&file.display().to_string()), match found {
        Some(found) => format!("has version {}, and this program knows version 1", quoted(found)),
        None => String::from("does not tell its version"),
    })]
    Version {
        /// The file.
        file: PathBuf,
        /// The version it states, if any.
        found: Option<String>,
    },
    /// A value of the wrong type.
    #[error("{origin}: {key} must be {}", match shape {
        Shape::Boolean => "true or false, without quotes",
        Shape::Duration => "a number of seconds, or a text like \"1h\"",
        Shape::List => "a text in quotes, or several: [\"…\", \"…\"]",
        Shape::Text => "a text in quotes",
    })]
    WrongShape {
        /// Where it stands.
        origin: Origin,
        /// The key.
        key: String,
        /// The type it must have.
        shape: Shape,
    },
}

impl ConfigError {
    /// The ids of all variants, beyond those of the errors that they wrap.
    pub const IDS: &[&str] = &[
        "config-defined-twice",
        "config-missing",
        "config-not-edited",
        "config-session-name",
        "config-session-only",
        "config-syntax",
        "config-too-many-files",
        "config-unknown-key",
        "config-value",
        "config-version",
    ];
}

impl Diagnostic for ConfigError {
    fn id(&self) -> &'static str {
        match self {
            Self::BadName { .. } => "config-session-name",
            Self::DefinedTwice { .. } => "config-defined-twice",
            Self::NotEdited { .. } => "config-not-edited",
            Self::Missing { .. } => "config-missing",
            Self::SessionOnly { .. } => "config-session-only",
            Self::Syntax { .. } => "config-syntax",
            Self::TooManyFiles { .. } => "config-too-many-files",
            Self::UnknownKey { .. } => "config-unknown-key",
            Self::Unreadable(error) => error.id(),
            Self::Version { .. } => "config-version",
            Self::WrongShape { .. } => "config-value",
        }
    }

    fn fault(&self) -> Fault {
        Fault::Usage
    }

    fn facts(&self) -> Vec<Fact> {
        match self {
            Self::DefinedTwice { first, second, .. } => {
                vec![Fact::new("first", first.to_string()), Fact::new("again", second.to_string())]
            }
            Self::BadName { .. }
            | Self::Missing { .. }
            | Self::NotEdited { .. }
            | Self::SessionOnly { .. }
            | Self::Syntax { .. }
            | Self::TooManyFiles { .. }
            | Self::UnknownKey { .. }
            | Self::Unreadable(_)
            | Self::Version { .. }
            | Self::WrongShape { .. } => Vec::new(),
        }
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::BadName { .. } => {
                "use letters, digits, '.', '_' and '-', at most 64, a letter or digit first".to_owned()
            }
            Self::DefinedTwice { .. } => {
                "keep one of the two, or move one to ~/.config/anyrole/config.toml".to_owned()
            }
            Self::Missing { .. } => "correct --config or ANYROLE_CONFIG".to_owned(),
            Self::NotEdited { session, .. } => {
                format!(
                    "write every session there as a section of its own, [session.{session}], with a line for each key"
                )
            }
            Self::SessionOnly { key, .. } => {
                format!("set {key} in the one [session.NAME] that needs it")
            }
            Self::TooManyFiles { .. } => "put several sessions into one file".to_owned(),
            Self::UnknownKey { advice, .. } => return advice.clone(),
            Self::Version { found: None, .. } => "begin the file with the line: version = 1".to_owned(),
            Self::Unreadable(error) => return error.hint(),
            Self::Syntax { .. } | Self::Version { found: Some(_), .. } | Self::WrongShape { .. } => {
                return None;
            }
        };
        Some(hint)
    }
}
