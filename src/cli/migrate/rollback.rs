//! `migrate rollback`: the files as they were, and the key as it was.

use super::super::args::{Needs, Spec, Words};
use super::super::report::Failure;
use super::super::settings::table::Group;
use super::super::{Invocation, output};
use super::operator::{self, IAM_ENDPOINT, OPERATOR_ENV, OPERATOR_PROFILE};
use super::session::{Asked, refused, settings};
use super::{AWS_PROFILE, BACKUP_KEY, BACKUP_PASSWORD_FILE, KEY_ID, NO_VERIFY, keys_of, state};
use crate::clock::{Clock as _, SystemClock};
use crate::iam::KeyStatus;
use crate::migrate::MigrateError;
use crate::migrate::rollback::{self, Opened};
use crate::migrate::state::{Phase, State};
use crate::migrate::store::Store;
use crate::text::quoted;

/// `anyrole migrate rollback`.
pub(in crate::cli) const SPEC: Spec = Spec {
    name: "migrate rollback",
    about: "Puts a key back where it was, from the backup.",
    words: Words::None,
    groups: &[Group::Network, Group::Program],
    flags: &[
        AWS_PROFILE,
        KEY_ID,
        BACKUP_PASSWORD_FILE,
        BACKUP_KEY,
        NO_VERIFY,
        OPERATOR_PROFILE,
        OPERATOR_ENV,
        IAM_ENDPOINT,
    ],
    more: "\
Possible at every step but after delete. A file that nobody has changed since becomes what it was, octet
for octet; in another one the profiles do, and what others wrote stays.

First STS is asked whether the key works. Where it is inactive, it is made active again with the
credentials of --operator-profile or --operator-env; without them the command for it is printed, and
nothing is changed. --no-verify puts the files back all the same.
",
    needs: Needs::Everything,
    run,
};

fn run(invocation: &Invocation<'_>) -> Result<(), Failure> {
    let store = Store::locate(invocation.env)?;
    let _lock = store.lock()?;
    let mut state = state(invocation, &store)?;
    check(&state)?;
    // The session may be gone by now: it is needed to ask STS, and for its private key.
    let settled = settings(invocation, &state).and_then(|settings| {
        let session = settings.session(invocation.env, false)?;
        Ok((settings, session))
    });
    let has_file = |name: &String| store.backup(&state.access_key_id, name).exists();
    let is_bare = !state.backup.as_ref().is_some_and(has_file) || rollback::is_untouched(&state)?;
    if is_bare && rollback::without_backup(&mut state, &store, &SystemClock)? {
        return tell(&state, "nothing of it is changed");
    }
    let identity = settled.as_ref().ok().map(|(_, session)| &session.identity);
    let keys = keys_of(invocation, &store, &state, identity)?;
    let opened = Opened::of(&state, &store, &keys)?;
    let mut how = "the files are as they were";
    if invocation.has(&NO_VERIFY) {
        if state.deactivated.is_some() {
            how = "the files are as they were, and whether AWS accepts the key was not asked";
        }
    } else {
        let (settings, session) = settled?;
        let asked = Asked::of(&settings, &session, invocation)?;
        let key = opened.key(&state)?;
        if asked.old_key(&key)?.is_none() {
            let id = state.access_key_id.clone();
            let Some(operator) = operator::named(invocation, &settings, &session, &id)? else {
                return Err(refused(&state).into());
            };
            operator.set_status(&id, KeyStatus::Active)?;
            how = "it was inactive, and is active again; the files are as they were";
        }
        if state.deactivated.take().is_some() {
            state.note(SystemClock.now(), "active again");
        }
    }
    rollback::run(&mut state, &store, &SystemClock, &opened)?;
    tell(&state, how)
}

fn check(state: &State) -> Result<(), MigrateError> {
    let step = |hint: &str| MigrateError::Step {
        access_key_id: state.access_key_id.clone(),
        is: state.is(),
        step: "to put it back",
        hint: hint.to_owned(),
    };
    match (state.phase, &state.deleted) {
        (_, Some(_)) => Err(step(
            "no key comes back from that: make a new one with aws iam create-access-key, where it must be",
        )),
        (Phase::RolledBack, None) => Err(step("there is nothing to do")),
        (Phase::Switching | Phase::Switched | Phase::RollingBack, None) => Ok(()),
    }
}

fn tell(state: &State, how: &str) -> Result<(), Failure> {
    let names: Vec<String> = state.profiles.iter().map(|profile| quoted(profile)).collect();
    let text = format!("rolled back {}: {how} (profile {})\n", state.access_key_id, names.join(", "));
    output::write(text.as_bytes()).map_err(Failure::output)
}
