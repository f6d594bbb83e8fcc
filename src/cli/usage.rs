//! Errors in a command line.

use crate::diagnostic::{Diagnostic, Fault};
use crate::text::quoted;

/// An error in a command line; nothing was read or sent yet.
#[derive(Debug, thiserror::Error)]
pub(crate) enum UsageError {
    /// An argument that is not UTF-8.
    #[error("an argument is not UTF-8")]
    NotUnicode,
    /// A word where none belongs.
    #[error("anyrole {command} does not take the argument {}", quoted(word))]
    Stray {
        /// The word.
        word: String,
        /// The command.
        command: &'static str,
    },
    /// No such command.
    #[error("there is no command {}", quoted(word))]
    UnknownCommand {
        /// What was typed.
        word: String,
        /// The command that was probably meant.
        nearest: Option<&'static str>,
    },
    /// No such flag.
    #[error("anyrole {command} has no flag {}", quoted(flag))]
    UnknownFlag {
        /// What was typed.
        flag: String,
        /// The command.
        command: &'static str,
        /// The flag that was probably meant.
        nearest: Option<&'static str>,
    },
    /// A flag's value of the wrong form.
    #[error("--{flag} cannot be {}", quoted(value))]
    Value {
        /// The flag.
        flag: &'static str,
        /// The value.
        value: String,
        /// What it can be.
        expected: &'static str,
    },
    /// A flag without the value it needs.
    #[error("{flag} needs a value")]
    ValueMissing {
        /// The flag, with its dashes.
        flag: String,
    },
    /// A word that is none of those that a command knows.
    #[error("anyrole {command} does not know {}", quoted(word))]
    Word {
        /// The word.
        word: String,
        /// The command.
        command: &'static str,
        /// The words that it knows, joined by `|`.
        expected: &'static str,
    },
    /// A command without the word it needs.
    #[error("anyrole {command} needs {word}")]
    WordMissing {
        /// The word's name.
        word: &'static str,
        /// The command.
        command: &'static str,
    },
}

impl UsageError {
    /// The ids of all variants.
    pub(crate) const IDS: &[&str] = &[
        "argument-missing",
        "argument-not-utf8",
        "argument-value",
        "flag-unknown",
        "flag-value",
        "flag-value-missing",
        "stray-argument",
        "unknown-command",
    ];
}

impl Diagnostic for UsageError {
    fn id(&self) -> &'static str {
        match self {
            Self::NotUnicode => "argument-not-utf8",
            Self::Stray { .. } => "stray-argument",
            Self::UnknownCommand { .. } => "unknown-command",
            Self::UnknownFlag { .. } => "flag-unknown",
            Self::Value { .. } => "flag-value",
            Self::Word { .. } => "argument-value",
            Self::ValueMissing { .. } => "flag-value-missing",
            Self::WordMissing { .. } => "argument-missing",
        }
    }

    fn fault(&self) -> Fault {
        Fault::Usage
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Stray { word, .. } if looks_like_continuation(word) => String::from(
                "a backslash joins lines only at the very end of a line of a shell script; \
                 elsewhere write one line",
            ),
            Self::Stray { word, .. } if word.contains(char::is_whitespace) => {
                String::from("a flag and its value are two words: quote the value alone, not both together")
            }
            Self::Stray { command: "exec", .. } => {
                String::from("write -- before the command: anyrole exec NAME -- terraform apply")
            }
            Self::Stray { command, .. } => {
                format!(
                    "put a value with blanks in quotes, and see anyrole {command} --help for what it takes"
                )
            }
            Self::UnknownCommand { nearest: Some(nearest), .. } => {
                format!("the nearest command is anyrole {nearest}")
            }
            Self::UnknownCommand { nearest: None, .. } => String::from("anyrole help lists the commands"),
            Self::UnknownFlag { flag, .. } if !flag.starts_with("--") => {
                String::from("flags are written with two dashes: --certificate")
            }
            Self::UnknownFlag { nearest: Some(nearest), .. } => format!("the nearest flag is --{nearest}"),
            Self::UnknownFlag { nearest: None, command, .. } => format!("see anyrole {command} --help"),
            Self::Value { flag, expected, .. } => format!("--{flag} takes {expected}"),
            Self::Word { command, expected, .. } => {
                format!("write anyrole {command} and one of {}", expected.replace('|', ", "))
            }
            Self::ValueMissing { flag } => {
                format!("write {flag} VALUE or {flag}=VALUE; a shell's variable in that place may be empty")
            }
            Self::WordMissing { command, .. } => format!("see anyrole {command} --help"),
            Self::NotUnicode => return None,
        };
        Some(hint)
    }
}

/// Returns whether a word is the remains of a broken line continuation: a backslash before a blank makes the blank part
/// of the next word, and one inside `credential_process` is a word by itself.
fn looks_like_continuation(word: &str) -> bool {
    word.starts_with(['\\', ' ', '\n', '\t']) || word.trim().is_empty()
}
