//! `migrate deactivate`: the key is refused from now on, and can be brought back.

use super::super::args::{Needs, Spec, Words};
use super::super::report::Failure;
use super::super::settings::table::{Group, Kind, Setting};
use super::super::{Invocation, output};
use super::operator::{self, IAM_ENDPOINT, OPERATOR_ENV, OPERATOR_PROFILE};
use super::session::{Asked, settings};
use super::{AWS_PROFILE, BACKUP_KEY, BACKUP_PASSWORD_FILE, KEY_ID, keys_of, state};
use crate::clock::{Clock as _, SystemClock};
use crate::credentials::AccessKey;
use crate::iam::KeyStatus;
use crate::migrate::MigrateError;
use crate::migrate::rollback::Opened;
use crate::migrate::state::{KeyEvent, Phase, State};
use crate::migrate::store::Store;

const BY_ITSELF: Setting =
    Setting::flag("by-itself", Kind::Boolean, "do it with the key itself, which cannot undo that");
const UNVERIFIED: Setting =
    Setting::flag("unverified", Kind::Boolean, "although anyrole migrate verify did not succeed yet");

/// `anyrole migrate deactivate`.
pub(in crate::cli) const SPEC: Spec = Spec {
    name: "migrate deactivate",
    about: "Has a replaced key refused from now on, or prints the command for it.",
    words: Words::None,
    groups: &[Group::Network, Group::Program],
    flags: &[
        AWS_PROFILE,
        KEY_ID,
        BACKUP_PASSWORD_FILE,
        BACKUP_KEY,
        OPERATOR_PROFILE,
        OPERATOR_ENV,
        BY_ITSELF,
        UNVERIFIED,
        IAM_ENDPOINT,
    ],
    more: "\
Prints the command of the AWS CLI for one who may change the key; run this again after it, and it asks
AWS whether the key is refused, and records that:
  anyrole migrate deactivate
With credentials of an operator it does it itself:
  anyrole migrate deactivate --operator-profile admin
  anyrole migrate deactivate --operator-env

An inactive key can be made active again (anyrole migrate rollback), so this is how to find who else used
it. Exit status: 0 the key is inactive, or the command is printed.
",
    needs: Needs::Everything,
    run,
};

fn run(invocation: &Invocation<'_>) -> Result<(), Failure> {
    let store = Store::locate(invocation.env)?;
    let _lock = store.lock()?;
    let mut state = state(invocation, &store)?;
    check(invocation, &state)?;
    let id = state.access_key_id.clone();
    let settings = settings(invocation, &state)?;
    let session = settings.session(invocation.env, false)?;
    let asked = Asked::of(&settings, &session, invocation)?;
    let operator = match invocation.has(&BY_ITSELF) {
        true => {
            let key = old_key(invocation, &store, &state, &session.identity)?;
            Some(operator::of_key(invocation, &settings, &session, key)?)
        }
        false => operator::named(invocation, &settings, &session, &id)?,
    };
    if let Some(operator) = operator {
        operator.set_status(&id, KeyStatus::Inactive)?;
        return record(&store, &mut state, "iam");
    }
    // What the operator did elsewhere shows in what AWS says to the key.
    if state.backup.is_some() {
        let key = old_key(invocation, &store, &state, &session.identity)?;
        if asked.old_key(&key)?.is_none() {
            return record(&store, &mut state, "refused");
        }
    }
    let command = operator::command(&id, "update-access-key", " --status Inactive");
    let text = format!(
        "{id} is active. One who may change it runs:\n  {command}\nthen: anyrole migrate deactivate --key-id {id}\n"
    );
    output::write(text.as_bytes()).map_err(Failure::output)
}

fn check(invocation: &Invocation<'_>, state: &State) -> Result<(), MigrateError> {
    let access_key_id = state.access_key_id.clone();
    if state.phase != Phase::Switched || state.deleted.is_some() {
        let hint = format!("see where it is with anyrole migrate status --key-id {access_key_id}");
        return Err(MigrateError::Step { access_key_id, is: state.is(), step: "to deactivate it", hint });
    }
    if state.verified.is_none() && !invocation.has(&UNVERIFIED) {
        return Err(MigrateError::NotVerified { access_key_id, session: state.session.clone() });
    }
    Ok(())
}

/// Returns the old key, from the backup.
fn old_key(
    invocation: &Invocation<'_>,
    store: &Store,
    state: &State,
    identity: &crate::identity::IdentitySource,
) -> Result<AccessKey, Failure> {
    let keys = keys_of(invocation, store, state, Some(identity))?;
    Ok(Opened::of(state, store, &keys)?.key(state)?)
}

fn record(store: &Store, state: &mut State, known_by: &str) -> Result<(), Failure> {
    let now = SystemClock.now();
    if state.deactivated.is_none() {
        state.deactivated = Some(KeyEvent { at: now.to_string(), known_by: known_by.to_owned() });
        state.note(now, format!("inactive ({known_by})"));
        store.save(state)?;
    }
    let how = if known_by == "refused" { ": AWS refuses it" } else { "" };
    let text = format!(
        "{id} is inactive{how}\nback: anyrole migrate rollback --key-id {id}\nnext, after days without a complaint: anyrole migrate delete --key-id {id}\n",
        id = state.access_key_id
    );
    output::write(text.as_bytes()).map_err(Failure::output)
}
