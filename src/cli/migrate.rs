//! `migrate`: takes one static access key to a profile that starts this program, step by step, and back.

pub(super) mod deactivate;
pub(super) mod delete;
mod operator;
pub(super) mod plan;
pub(super) mod rollback;
mod session;
pub(super) mod status;
pub(super) mod summary;
pub(super) mod switch;
pub(super) mod verify;

use std::path::{Path, PathBuf};

use super::Invocation;
use super::report::Failure;
use super::settings::table::{Kind, Setting};
use crate::identity::{self, IdentitySource, Input, PasswordSource, TpmSettings};
use crate::migrate::MigrateError;
use crate::migrate::backup::{Backup, IdentityKey, Keys};
use crate::migrate::state::State;
use crate::migrate::store::{Store, is_key_id};
use crate::private_file::{self, KeyFilePolicy, ReadError, ReadRefusal};
use crate::prompt;
use crate::secret::Secret;
use crate::text::quoted;

const AWS_PROFILE: Setting =
    Setting::flag("aws-profile", Kind::Text("PROFILE"), "a profile that holds the key, or held it");
const KEY_ID: Setting = Setting::flag("key-id", Kind::Text("AKIA…"), "the key itself, by its id");
const BACKUP_PASSWORD_FILE: Setting =
    Setting::flag("backup-password-file", Kind::Text("FILE"), "file with a password that opens the backup");
const BACKUP_KEY: Setting = Setting::flag(
    "backup-key",
    Kind::Text("FILE"),
    "the private key that the identity had when the backup was made",
);
const NO_VERIFY: Setting = Setting::flag("no-verify", Kind::Boolean, "do not ask STS who the keys are");
const OTHER_ACCOUNT: Setting = Setting::flag(
    "other-account",
    Kind::Boolean,
    "the session is of another account than the key, on purpose",
);
const YES: Setting = Setting::flag("yes", Kind::Boolean, "do it without asking");

/// The longest password of a backup, in bytes.
const PASSWORD_LIMIT: usize = 4096;
/// The folder of systemd credentials.
const CREDENTIALS_DIRECTORY: &str = "CREDENTIALS_DIRECTORY";

/// Finds the state of the migration that is meant: by the key's id, by a profile, or the only one.
fn state(invocation: &Invocation<'_>, store: &Store) -> Result<State, MigrateError> {
    let states = store.all()?;
    match (key_id(invocation)?, invocation.typed.flag(AWS_PROFILE.name)) {
        (Some(id), _) => states
            .into_iter()
            .find(|state| state.access_key_id == id)
            .ok_or_else(|| MigrateError::NotBegun { what: id.to_owned() }),
        (None, Some(profile)) => one(of_profile(states, profile), || format!("profile {}", quoted(profile))),
        (None, None) => one(states, || String::from("any key")),
    }
}

/// Returns the key's id that was given.
fn key_id<'a>(invocation: &'a Invocation<'_>) -> Result<Option<&'a str>, MigrateError> {
    match invocation.typed.flag(KEY_ID.name) {
        Some(id) if !is_key_id(id) => Err(MigrateError::NoKey {
            what: format!("{} is no access key id", quoted(id)),
            hint: String::from("an id is written like AKIAIOSFODNN7EXAMPLE; never give the secret"),
        }),
        id => Ok(id),
    }
}

fn of_profile(states: Vec<State>, profile: &str) -> Vec<State> {
    states.into_iter().filter(|state| state.profiles.iter().any(|one| one == profile)).collect()
}

fn one(mut states: Vec<State>, what: impl FnOnce() -> String) -> Result<State, MigrateError> {
    match states.len() {
        0 => Err(MigrateError::NotBegun { what: what() }),
        1 => Ok(states.remove(0)),
        _ => {
            let told = |state: &State| format!("{} {}", state.access_key_id, state.is());
            Err(MigrateError::WhichKey(states.iter().map(told).collect()))
        }
    }
}

/// Returns the keys at hand that open a backup, or that one is made for: the identity's private key where it is a file, the one of
/// `--backup-key`, and the password.
fn keys(invocation: &Invocation<'_>, identity: Option<&IdentitySource>) -> Result<Keys, Failure> {
    let mut keys = Keys { password: password(invocation)?, ..Keys::default() };
    if let Some(file) = invocation.typed.flag(BACKUP_KEY.name) {
        let password = identity.map_or(PasswordSource::Prompt, |identity| identity.password.clone());
        let lenient = identity.is_some_and(|identity| identity.allow_insecure_key_file);
        keys.identities.extend(sealing_key(invocation, &Input::file(file), &password, None, lenient)?);
    }
    let Some(identity) = identity else { return Ok(keys) };
    let own = identity::key_input(identity, invocation.env).map_err(Failure::from).and_then(|input| {
        if is_device(&input) {
            return Ok(None);
        }
        // A file may name a key in a TPM.
        let lenient = identity.allow_insecure_key_file;
        sealing_key(invocation, &input, &identity.password, identity.tpm.as_ref(), lenient)
    });
    match own {
        Ok(own) => keys.identities.splice(0..0, own).for_each(drop),
        // Another one may be what opens it: the identity may be broken by now.
        Err(_) if !keys.is_empty() => {}
        Err(failure) => return Err(failure),
    }
    Ok(keys)
}

fn sealing_key(
    invocation: &Invocation<'_>,
    input: &Input,
    password: &PasswordSource,
    tpm: Option<&TpmSettings>,
    lenient: bool,
) -> Result<Option<IdentityKey>, Failure> {
    let (key, _) = identity::load_private_key(input, password, tpm, lenient, invocation.env)?;
    Ok(key.sealing_key()?.map(Into::into))
}

/// Returns the keys at hand that open the backup of a migration; what it does not need is not asked for.
fn keys_of(
    invocation: &Invocation<'_>,
    store: &Store,
    state: &State,
    identity: Option<&IdentitySource>,
) -> Result<Keys, Failure> {
    if let (Some(name), Some(password)) = (&state.backup, password(invocation)?)
        && Backup::read(&store.backup(&state.access_key_id, name))?.has_password()
    {
        return Ok(Keys { password: Some(password), ..Keys::default() });
    }
    keys(invocation, identity)
}

const fn is_device(input: &Input) -> bool {
    match input {
        Input::Pkcs11Uri(_) | Input::TpmHandle(_) => true,
        Input::Descriptor(_) | Input::Path(_) | Input::StandardInput | Input::Variable(_) => false,
    }
}

/// Reads the password of a backup from a private file; one final line feed is not part of it.
fn password(invocation: &Invocation<'_>) -> Result<Option<Secret<String>>, Failure> {
    let Some(file) = invocation.typed.flag(BACKUP_PASSWORD_FILE.name).map(Path::new) else { return Ok(None) };
    let credentials_directory = invocation.env.os_var(CREDENTIALS_DIRECTORY).map(PathBuf::from);
    let policy = KeyFilePolicy { allow_insecure: false, credentials_directory };
    let (mut bytes, _) = private_file::read_key_file(file, &policy)?;
    if bytes.len() > PASSWORD_LIMIT {
        return Err(ReadError {
            path: file.to_owned(),
            reason: ReadRefusal::TooLarge(PASSWORD_LIMIT as u64),
        }
        .into());
    }
    let wrong = |why: &str| MigrateError::Input { file: file.to_owned(), why: why.to_owned() };
    let text = String::from_utf8(std::mem::take(&mut *bytes));
    let mut text = text.map_err(|_| wrong("the password is not UTF-8"))?;
    if text.ends_with('\n') {
        text.pop();
    }
    if text.is_empty() { Err(wrong("the password is empty").into()) } else { Ok(Some(Secret::new(text))) }
}

/// Asks a person, unless `--yes` was given.
fn confirm(invocation: &Invocation<'_>, question: &str) -> Result<(), Failure> {
    if invocation.has(&YES) {
        return Ok(());
    }
    if !super::output::is_seen() {
        return Err(MigrateError::NotConfirmed.into());
    }
    let answer = prompt::ask(question).map_err(|_| MigrateError::NotConfirmed)?;
    if matches!(answer.as_str(), "y" | "Y" | "yes") { Ok(()) } else { Err(MigrateError::NotConfirmed.into()) }
}
