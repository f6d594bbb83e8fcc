//! The inputs of a session that is renewed: they are read again each time.

use crate::diagnostic::{Diagnostic, Fault};
use crate::identity::{IdentitySource, Input, PasswordSource};

/// An input that can be read only once, for a session that is renewed.
#[derive(Debug, thiserror::Error)]
#[error("anyrole {command} renews the session, and {input} can be read only once")]
pub(super) struct ReadOnce {
    command: &'static str,
    input: String,
}

impl ReadOnce {
    /// The id of this error.
    pub(super) const IDS: &[&str] = &["input-read-once"];
}

impl Diagnostic for ReadOnce {
    fn id(&self) -> &'static str {
        "input-read-once"
    }

    fn fault(&self) -> Fault {
        Fault::Usage
    }

    fn hint(&self) -> Option<String> {
        Some(String::from("give a file, or a variable by env:NAME"))
    }
}

/// Rejects inputs that cannot be read again when `command` renews the session.
pub(super) fn renewable(command: &'static str, identity: &IdentitySource) -> Result<(), ReadOnce> {
    match inputs(identity).find(|input| is_read_once(input)) {
        Some(input) => Err(ReadOnce { command, input: input.to_string() }),
        None => Ok(()),
    }
}

/// Returns all inputs of an identity.
pub(super) fn inputs(identity: &IdentitySource) -> impl Iterator<Item = &Input> {
    let password = match &identity.password {
        PasswordSource::Input(input) => Some(input),
        PasswordSource::Credential(_)
        | PasswordSource::Given(_)
        | PasswordSource::Nobody
        | PasswordSource::Prompt => None,
    };
    [Some(&identity.certificate), identity.private_key.as_ref(), identity.intermediates.as_ref(), password]
        .into_iter()
        .flatten()
}

/// Returns where the PINs of tokens are read from.
pub(super) fn pins(identity: &IdentitySource) -> impl Iterator<Item = &Input> {
    inputs(identity).filter_map(|input| match input {
        Input::Pkcs11Uri(object) => match &object.access().pin {
            PasswordSource::Input(pin) => Some(pin),
            PasswordSource::Credential(_)
            | PasswordSource::Given(_)
            | PasswordSource::Nobody
            | PasswordSource::Prompt => None,
        },
        Input::Descriptor(_)
        | Input::Path(_)
        | Input::StandardInput
        | Input::TpmHandle(_)
        | Input::Variable(_) => None,
    })
}

const fn is_read_once(input: &Input) -> bool {
    match input {
        Input::Descriptor(_) | Input::StandardInput => true,
        Input::Path(_) | Input::Pkcs11Uri(_) | Input::TpmHandle(_) | Input::Variable(_) => false,
    }
}
