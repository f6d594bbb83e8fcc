//! `migrate delete`: the key is gone for ever, after days in which nobody needed it.

use std::time::Duration;

use super::super::args::{Needs, Spec, Words};
use super::super::report::Failure;
use super::super::settings::table::{Group, Kind, Setting};
use super::super::{Invocation, grammar, output};
use super::operator::{self, IAM_ENDPOINT, OPERATOR_ENV, OPERATOR_PROFILE};
use super::session::settings;
use super::{AWS_PROFILE, KEY_ID, YES, confirm, state};
use crate::clock::{Clock as _, SystemClock, Timestamp};
use crate::migrate::MigrateError;
use crate::migrate::state::{KeyEvent, Phase, State};
use crate::migrate::store::Store;

const AFTER_DAYS: Setting =
    Setting::flag("after-days", Kind::Integer, "days without use before it may be deleted [default: 14]");
const DONE: Setting = Setting::flag("done", Kind::Boolean, "somebody has deleted it: only record that");
const DESTROY_BACKUP: Setting =
    Setting::flag("destroy-backup", Kind::Boolean, "remove the backup too, once the key is deleted");

/// How long a key is out of use before it is deleted, unless the user says otherwise, in days.
const DAYS: u64 = 14;
/// One of them.
const DAY: Duration = Duration::from_secs(24 * 3600);

/// `anyrole migrate delete`.
pub(in crate::cli) const SPEC: Spec = Spec {
    name: "migrate delete",
    about: "Deletes an inactive key after days without use, or prints the command for it.",
    words: Words::None,
    groups: &[Group::Network, Group::Program],
    flags: &[
        AWS_PROFILE,
        KEY_ID,
        AFTER_DAYS,
        DONE,
        DESTROY_BACKUP,
        YES,
        OPERATOR_PROFILE,
        OPERATOR_ENV,
        IAM_ENDPOINT,
    ],
    more: "\
There is no way back from here. The days count from when the key was deactivated and, with the
credentials of an operator, from when IAM saw it last.
  anyrole migrate delete --operator-profile admin
Without an operator it prints the command of the AWS CLI; after it:
  anyrole migrate delete --done
The backup stays, unless --destroy-backup is given: what else stood in the files may be wanted.
",
    needs: Needs::Everything,
    run,
};

fn run(invocation: &Invocation<'_>) -> Result<(), Failure> {
    let store = Store::locate(invocation.env)?;
    let _lock = store.lock()?;
    let mut state = state(invocation, &store)?;
    let id = state.access_key_id.clone();
    if state.deleted.is_some() {
        let removed = destroy(invocation, &store, &mut state)?;
        let text = if removed { "the backup is removed\n" } else { "it was deleted before\n" };
        return output::write(text.as_bytes()).map_err(Failure::output);
    }
    let inactive = check(&state)?;
    let settings = settings(invocation, &state)?;
    let session = settings.session(invocation.env, false)?;
    let operator = operator::named(invocation, &settings, &session, &id)?;
    let known_by = match &operator {
        Some(operator) => match operator.last_used(&id)? {
            // Somebody else has deleted it.
            None => "iam",
            Some(used) => {
                wait(invocation, &id, inactive, used.at)?;
                confirm(invocation, &format!("Delete {id} for ever? [y/N]"))?;
                operator.delete(&id)?;
                "iam"
            }
        },
        None => {
            wait(invocation, &id, inactive, None)?;
            if !invocation.has(&DONE) {
                let command = operator::command(&id, "delete-access-key", "");
                let text = format!(
                    "One who may delete {id} runs, and nothing brings it back:\n  {command}\nthen: anyrole migrate delete --done --key-id {id}\n"
                );
                return output::write(text.as_bytes()).map_err(Failure::output);
            }
            "told"
        }
    };
    let now = SystemClock.now();
    state.deleted = Some(KeyEvent { at: now.to_string(), known_by: known_by.to_owned() });
    state.note(now, format!("deleted ({known_by})"));
    store.save(&state)?;
    let removed = destroy(invocation, &store, &mut state)?;
    let backup = if removed { ", and so is the backup" } else { "" };
    let text = format!("{id} is deleted{backup}\nnext: anyrole migrate summary --output FILE\n");
    output::write(text.as_bytes()).map_err(Failure::output)
}

/// Returns since when the key is inactive.
fn check(state: &State) -> Result<Timestamp, MigrateError> {
    let inactive = state.deactivated.as_ref().and_then(|event| Timestamp::parse_rfc3339(&event.at));
    match (state.phase, inactive) {
        (Phase::Switched, Some(at)) => Ok(at),
        (Phase::Switched | Phase::Switching | Phase::RollingBack | Phase::RolledBack, _) => {
            Err(MigrateError::Step {
                access_key_id: state.access_key_id.clone(),
                is: state.is(),
                step: "to delete it",
                hint: format!("first: anyrole migrate deactivate --key-id {}", state.access_key_id),
            })
        }
    }
}

fn wait(
    invocation: &Invocation<'_>,
    id: &str,
    inactive: Timestamp,
    used: Option<Timestamp>,
) -> Result<(), MigrateError> {
    let days = invocation.typed.flag(AFTER_DAYS.name).and_then(grammar::integer);
    let days = days.and_then(|days| u64::try_from(days).ok()).unwrap_or(DAYS);
    let now = SystemClock.now();
    let since = used.map_or(inactive, |used| used.max(inactive));
    let from = since.plus(DAY.saturating_mul(u32::try_from(days).unwrap_or(u32::MAX)));
    if now >= from {
        return Ok(());
    }
    let what = if since == inactive { "is inactive since" } else { "was last used at" };
    Err(MigrateError::TooEarly {
        access_key_id: id.to_owned(),
        why: format!("{what} {since}, {}; it is deleted after {days} days", since.distance_from(now)),
        from: from.to_string(),
    })
}

/// Removes the backup if that was asked for; tells whether there was one.
fn destroy(invocation: &Invocation<'_>, store: &Store, state: &mut State) -> Result<bool, Failure> {
    if !invocation.has(&DESTROY_BACKUP) {
        return Ok(false);
    }
    let removed = store.remove_backups(&state.access_key_id, None)?;
    state.backup = None;
    state.note(SystemClock.now(), "backup removed");
    store.save(state)?;
    Ok(removed > 0)
}
