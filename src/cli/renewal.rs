//! A session that a command renews for as long as it runs.

use super::report;
use crate::cache::CacheEntry;
use crate::diagnostic::{Diagnostic, Fault};
use crate::identity::{IdentitySource, Input, PasswordSource};
use crate::provider::{MinimumRemaining, Provider, SessionMaker};
use crate::server::Source;

/// Why a command cannot renew a session.
#[derive(Debug, thiserror::Error)]
#[error("anyrole {command} renews the session, and {input} can be read only once")]
pub(super) struct ReadOnce {
    command: &'static str,
    input: String,
}

/// The ids of this module's error.
pub(super) const IDS: &[&str] = &["input-read-once"];

impl Diagnostic for ReadOnce {
    fn id(&self) -> &'static str {
        "input-read-once"
    }

    fn fault(&self) -> Fault {
        Fault::Usage
    }

    fn hint(&self) -> Option<String> {
        Some(String::from("give a file, or a variable by env:NAME; no command that is started inherits it"))
    }
}

/// Checks that every input can be read again.
pub(super) fn check_inputs(command: &'static str, identity: &IdentitySource) -> Result<(), ReadOnce> {
    match inputs(identity).find(|input| is_read_once(input)) {
        Some(input) => Err(ReadOnce { command, input: input.to_string() }),
        None => Ok(()),
    }
}

/// Returns every input of an identity.
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

const fn is_read_once(input: &Input) -> bool {
    match input {
        Input::Descriptor(_) | Input::StandardInput => true,
        Input::Path(_) | Input::Pkcs11Uri(_) | Input::TpmHandle(_) | Input::Variable(_) => false,
    }
}

/// Is told what each attempt brought.
pub(super) type Told = Box<dyn Fn(Result<&CacheEntry, &str>) + Send + Sync>;

/// The provider of a session, as what keeps it fresh asks for it.
pub(super) struct Renewal {
    provider: Provider<Box<dyn SessionMaker>>,
    told: Told,
}

impl Renewal {
    pub(super) fn new(provider: Provider<Box<dyn SessionMaker>>, told: Told) -> Self {
        Self { provider, told }
    }
}

impl Source for Renewal {
    fn session(&self) -> Result<CacheEntry, String> {
        let outcome = self.provider.session(MinimumRemaining::Half).map_err(|error| report::one_line(&error));
        (self.told)(outcome.as_ref().map_err(String::as_str));
        outcome
    }
}
