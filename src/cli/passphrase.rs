//! Passphrases of the test PKI: from a file, or from the terminal.

use std::path::{Path, PathBuf};

use super::report::Failure;
use crate::diagnostic::{Diagnostic, Fault};
use crate::env::Environment;
use crate::private_file::{self, KeyFilePolicy, ReadError, ReadRefusal};
use crate::prompt::{self, PromptError};
use crate::secret::Secret;
use crate::text::quoted;

/// The longest passphrase, in bytes.
const LIMIT: usize = 4096;
/// The folder of systemd credentials.
const CREDENTIALS_DIRECTORY: &str = "CREDENTIALS_DIRECTORY";

/// Why there is no passphrase.
#[derive(Debug, thiserror::Error)]
pub(super) enum PassphraseError {
    /// Nothing was given, or the file is empty.
    #[error("the passphrase is empty")]
    Empty,
    /// The file is not UTF-8.
    #[error("the passphrase in {} is not UTF-8", quoted(file))]
    NotUnicode {
        /// The file.
        file: String,
    },
    /// The terminal did not answer.
    #[error("no passphrase was given")]
    Prompt(#[from] PromptError),
    /// The second entry differs from the first.
    #[error("the two passphrases differ")]
    Unequal,
}

impl PassphraseError {
    /// The ids of all variants.
    pub(super) const IDS: &[&str] = &["passphrase"];
}

impl Diagnostic for PassphraseError {
    fn id(&self) -> &'static str {
        "passphrase"
    }

    fn fault(&self) -> Fault {
        Fault::Usage
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Prompt(PromptError::NoTerminal) => {
                "without a terminal pass --passphrase-file FILE (or, for pki init, --no-passphrase)"
            }
            Self::Empty => "an unencrypted key is asked for with pki init --no-passphrase",
            Self::NotUnicode { .. } | Self::Prompt(PromptError::NotAnswered) | Self::Unequal => return None,
        };
        Some(hint.to_owned())
    }
}

/// Returns a new passphrase: on the terminal it is asked for twice.
pub(super) fn chosen(file: Option<&str>, env: &Environment) -> Result<Secret<String>, Failure> {
    if let Some(file) = file {
        return from_file(file, env);
    }
    let first = prompt::ask_secret("passphrase for the CA's keys").map_err(PassphraseError::from)?;
    let second = prompt::ask_secret("the same again").map_err(PassphraseError::from)?;
    if first.expose() != second.expose() {
        return Err(PassphraseError::Unequal.into());
    }
    not_empty(first)
}

/// Returns an existing passphrase.
pub(super) fn known(
    file: Option<&str>,
    question: &str,
    env: &Environment,
) -> Result<Secret<String>, Failure> {
    match file {
        Some(file) => from_file(file, env),
        None => Ok(prompt::ask_secret(question).map_err(PassphraseError::from)?),
    }
}

/// Reads a passphrase from a private file or a systemd credential; one final line feed is not part of it.
fn from_file(file: &str, env: &Environment) -> Result<Secret<String>, Failure> {
    let path = Path::new(file);
    let credentials_directory = env.os_var(CREDENTIALS_DIRECTORY).map(PathBuf::from);
    let policy = KeyFilePolicy { allow_insecure: false, credentials_directory };
    let (mut bytes, _) = private_file::read_key_file(path, &policy)?;
    if bytes.len() > LIMIT {
        return Err(ReadError::new(path, ReadRefusal::TooLarge(LIMIT as u64)).into());
    }
    let text = String::from_utf8(std::mem::take(&mut *bytes));
    let mut text = text.map_err(|_| PassphraseError::NotUnicode { file: file.to_owned() })?;
    if text.ends_with('\n') {
        text.pop();
    }
    not_empty(Secret::new(text))
}

fn not_empty(passphrase: Secret<String>) -> Result<Secret<String>, Failure> {
    if passphrase.expose().is_empty() { Err(PassphraseError::Empty.into()) } else { Ok(passphrase) }
}
