//! A library asks nobody: the terminal belongs to the program that uses it.

use crate::secret::Secret;

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PromptError {
    /// This is not a program that a person runs.
    #[error("a library asks nobody")]
    NoTerminal,
}

/// Does not ask.
///
/// # Errors
///
/// Fails always.
pub fn ask_secret(_question: &str) -> Result<Secret<String>, PromptError> {
    Err(PromptError::NoTerminal)
}

/// Says nothing.
pub const fn tell(_text: &str) {}
