//! Passwords of private keys and stores: from their sources, or from a person, who is asked once.

use std::sync::Arc;

use super::reader::{Reader, Unread};
use super::{IdentityError, Input, PasswordSource};
use crate::prompt;
use crate::secret::Secret;

/// The longest password, in bytes.
const PASSWORD_LIMIT: u64 = 4096;

/// The password of one identity.
pub(super) struct Password<'a> {
    source: &'a PasswordSource,
    /// The password, once it was read or entered.
    known: Option<Arc<Secret<String>>>,
}

/// Why there is no password.
pub(super) enum NoPassword {
    /// Nobody could be asked.
    Unasked(String),
    /// Its source cannot be read: why, and what to do.
    Unreadable(String, Option<String>),
}

impl<'a> Password<'a> {
    pub(super) const fn new(source: &'a PasswordSource) -> Self {
        Self { source, known: None }
    }

    /// Returns whether a person would have to be asked, or nobody can be: then a store may still open with an empty
    /// password.
    pub(super) fn is_unknown(&self) -> bool {
        match self.source {
            PasswordSource::Nobody | PasswordSource::Prompt => self.known.is_none(),
            PasswordSource::Credential(_) | PasswordSource::Given(_) | PasswordSource::Input(_) => false,
        }
    }

    /// Returns the password; a prompt says that it is for `what`: `the private key 'host.key'`.
    pub(super) fn get(
        &mut self,
        reader: &mut Reader<'_>,
        what: &str,
    ) -> Result<Arc<Secret<String>>, NoPassword> {
        if let Some(known) = &self.known {
            return Ok(Arc::clone(known));
        }
        let password = match self.source {
            PasswordSource::Credential(name) => {
                Arc::new(reader.credential(name).and_then(|bytes| password_of(&bytes))?)
            }
            PasswordSource::Given(password) => Arc::clone(password),
            PasswordSource::Input(input) => {
                let read = reader.private_bytes(input).and_then(|(bytes, _)| password_of(&bytes));
                Arc::new(read.map_err(|unread| NoPassword::of_input(unread, input))?)
            }
            PasswordSource::Nobody => {
                return Err(NoPassword::Unasked(String::from("nobody is asked for its password here")));
            }
            PasswordSource::Prompt => Arc::new(
                prompt::ask_secret(&format!("Password of {what}"))
                    .map_err(|error| NoPassword::Unasked(error.to_string()))?,
            ),
        };
        self.known = Some(Arc::clone(&password));
        Ok(password)
    }
}

impl NoPassword {
    /// Says why a source was not read, and where it is named.
    pub(super) fn of_input(unread: Unread, input: &Input) -> Self {
        match Self::from(unread) {
            Self::Unreadable(why, None) => Self::Unreadable(why, input.check_the_name()),
            other @ (Self::Unasked(_) | Self::Unreadable(..)) => other,
        }
    }

    /// Converts this into an error about a private key; `what` names the key with its kind.
    pub(super) fn of_key(self, source_name: String, what: String) -> IdentityError {
        match self {
            Self::Unasked(why) => IdentityError::PrivateKeyEncrypted { source_name, why },
            Self::Unreadable(why, cure) => IdentityError::PasswordUnreadable { what, why, cure },
        }
    }

    /// Converts this into an error about a PKCS#12 store.
    pub(super) fn of_store(self, source_name: String, what: String) -> IdentityError {
        match self {
            Self::Unasked(why) => IdentityError::Pkcs12PasswordMissing { source_name, why },
            Self::Unreadable(why, cure) => IdentityError::PasswordUnreadable { what, why, cure },
        }
    }
}

impl From<Unread> for NoPassword {
    fn from(unread: Unread) -> Self {
        match unread {
            Unread::Denied(denial) => Self::Unreadable(denial.to_string(), Some(denial.cure(true))),
            Unread::Exposed(error, exposure) => {
                Self::Unreadable(error.to_string(), Some(exposure.cure(&error.path)))
            }
            Unread::Unsupported(kind) => {
                Self::Unreadable(format!("{kind} is not supported by this version"), None)
            }
            Unread::Why(why) => Self::Unreadable(why, None),
        }
    }
}

/// Returns the password that bytes are: one line feed at their end is no part of it.
pub(super) fn password_of(bytes: &[u8]) -> Result<Secret<String>, Unread> {
    if bytes.len() as u64 > PASSWORD_LIMIT {
        return Err(Unread::Why(format!("it is larger than {PASSWORD_LIMIT} bytes")));
    }
    let text = std::str::from_utf8(bytes).map_err(|_| Unread::Why(String::from("it is not UTF-8")))?;
    let text = text.strip_suffix('\n').unwrap_or(text);
    Ok(Secret::new(text.strip_suffix('\r').unwrap_or(text).to_owned()))
}
