//! The session that replaces a key, and who AWS says the two are.

use super::super::report::Failure;
use super::super::settings::Settings;
use super::super::settings::session::SessionSettings;
use super::super::settings::table::{Group, setting};
use super::super::{Invocation, provider};
use crate::clock::SystemClock;
use crate::credentials::AccessKey;
use crate::http::runtime::block_on;
use crate::http::{Limits, NativeTransport};
use crate::migrate::MigrateError;
use crate::migrate::state::State;
use crate::provider::MinimumRemaining;
use crate::signing::Endpoint;
use crate::sts::{CallerIdentity, Sts, StsError};

/// What STS says of an inactive, deleted or unknown key.
const UNKNOWN_KEY: &str = "InvalidClientTokenId";

/// Resolves the settings of a migration's session, as a later call of its line will.
pub(super) fn settings(invocation: &Invocation<'_>, state: &State) -> Result<Settings, Failure> {
    let mut typed = invocation.typed.clone();
    typed.words = vec![state.session.clone()];
    if let (Some(config), None) = (&state.config, typed.flag("config")) {
        typed.set(setting("config"), config.to_string_lossy().into_owned());
    }
    Ok(Settings::resolve(&typed, invocation.env, Group::ALL)?)
}

/// STS, as the settings of a session say.
pub(super) struct Asked {
    transport: NativeTransport,
    endpoint: Endpoint,
    region: String,
    limits: Limits,
}

impl Asked {
    pub(super) fn of(
        settings: &Settings,
        session: &SessionSettings,
        invocation: &Invocation<'_>,
    ) -> Result<Self, Failure> {
        Ok(Self {
            transport: NativeTransport::new(settings.transport(invocation.env)?),
            endpoint: settings.sts_endpoint(&session.request)?,
            region: session.request.region.clone(),
            limits: session.limits,
        })
    }

    fn sts(&self) -> Sts<'_, NativeTransport> {
        Sts {
            transport: &self.transport,
            endpoint: &self.endpoint,
            region: &self.region,
            limits: self.limits,
            clock: &SystemClock,
            clock_offset: 0,
        }
    }

    /// Gets a session and, unless `--no-verify` was given, asks STS whose it is.
    pub(super) fn session(
        &self,
        session: SessionSettings,
        name: &str,
        invocation: &Invocation<'_>,
    ) -> Result<Option<CallerIdentity>, Failure> {
        let entry = provider::session(session, Some(name), invocation.env, MinimumRemaining::Window)?;
        if invocation.has(&super::NO_VERIFY) {
            return Ok(None);
        }
        Ok(Some(block_on(self.sts().caller_identity(&entry.credential_set.credentials))??))
    }

    /// Asks STS whose the old key is; `None` where AWS refuses it.
    pub(super) fn old_key(&self, key: &AccessKey) -> Result<Option<CallerIdentity>, Failure> {
        match block_on(self.sts().key_identity(key))? {
            Ok(identity) => Ok(Some(identity)),
            Err(StsError::Refused(refusal)) if refusal.code.starts_with(UNKNOWN_KEY) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}

/// Fails if the new session is of another account than the old key.
pub(super) fn check_account(
    invocation: &Invocation<'_>,
    access_key_id: &str,
    old: Option<&str>,
    new: Option<&str>,
) -> Result<(), MigrateError> {
    match (old, new) {
        (Some(old), Some(new)) if old != new && !invocation.has(&super::OTHER_ACCOUNT) => {
            let (access_key_id, old, new) = (access_key_id.to_owned(), old.to_owned(), new.to_owned());
            Err(MigrateError::OtherAccount { access_key_id, old, new })
        }
        _ => Ok(()),
    }
}

/// Returns the error for an old key that AWS refuses.
pub(super) fn refused(state: &State) -> MigrateError {
    MigrateError::KeyRefused {
        access_key_id: state.access_key_id.clone(),
        code: UNKNOWN_KEY.to_owned(),
        command: super::operator::command(&state.access_key_id, "update-access-key", " --status Active"),
    }
}
