//! Which password is tried for what, in which order, and how often: so that no lockout is provoked.
//!
//! A TPM counts the wrong passwords of all objects that are not exempt, whoever tries them, and after a number of them uses none of these
//! objects for hours. An empty password that is tried at random is such a wrong one. So of an object that counts, a password that was
//! given is the only one that is tried, once; the empty one is tried where none was given. The last try is a person's. Of what is said to
//! have a password, which is not always true, the empty one is tried only where nobody can be asked, and half of the tries are left.

use std::sync::Arc;

use super::device::{Auth, Tpm};
use super::error::{Guarded, TpmError};
use crate::secret::Secret;

/// A password as it goes from hand to hand.
pub(super) type Password = Arc<Secret<String>>;

/// The passwords of a key and of what it is stored below.
pub struct Passwords<'a> {
    /// The key's, where one was given. An empty one says that there is none.
    pub key: Option<Arc<Secret<String>>>,
    /// That of the key's parent, or of the hierarchy in which that is made.
    pub parent: Option<Arc<Secret<String>>>,
    /// Asks a person; `Err` says why nobody could be asked.
    pub ask: &'a mut dyn FnMut(Guarded) -> Result<Arc<Secret<String>>, String>,
}

impl std::fmt::Debug for Passwords<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Passwords").finish_non_exhaustive()
    }
}

/// What is to be opened.
#[derive(Clone, Copy, Debug)]
pub(super) struct Guard {
    pub(super) of: Guarded,
    /// Whether wrong passwords count.
    pub(super) counts: bool,
    /// Whether something says that it has a password.
    pub(super) is_said_to_have_one: bool,
}

/// Does something that a password may be needed for, and returns what it brought with the password that it took; `None` is the empty one.
pub(super) fn unlock<T>(
    tpm: &mut Tpm,
    guard: Guard,
    given: Option<&Password>,
    ask: &mut dyn FnMut(Guarded) -> Result<Password, String>,
    mut attempt: impl FnMut(&mut Tpm, Auth<'_>) -> Result<T, TpmError>,
) -> Result<(T, Option<Password>), TpmError> {
    let mut with_none = |tpm: &mut Tpm| attempt(tpm, Auth::Empty).map(|brought| (brought, None));
    if let Some(given) = given {
        if given.expose().is_empty() {
            return with_none(tpm)
                .map_err(|error| without(tpm, guard, error, || String::from("is said to have none")));
        }
        if !guard.counts {
            match with_none(tpm) {
                Err(error) if is_wrong_password(&error) => {}
                outcome => return outcome.map_err(|error| explained(tpm, error)),
            }
        }
        return with(tpm, guard, given, attempt, By::Settings);
    }
    let mut unasked = None;
    if guard.counts && guard.is_said_to_have_one {
        match asked(tpm, guard, ask) {
            Ok(password) => return with(tpm, guard, &password, attempt, By::Person),
            Err(why) => unasked = Some(why),
        }
    }
    let mut untried = None;
    if guard.counts {
        let tries = tpm.tries()?;
        let left = tries.most.saturating_sub(tries.wrong);
        let needed = if guard.is_said_to_have_one { tries.most.div_ceil(2) } else { 2 };
        // In a lockout it has its own answer, and counts nothing.
        untried = Some(tries).filter(|_| left > 0 && left < needed);
    }
    if untried.is_none() {
        match with_none(tpm) {
            Err(error) if is_wrong_password(&error) => {}
            outcome => return outcome.map_err(|error| explained(tpm, error)),
        }
    }
    let password = match unasked {
        Some(why) => Err(why),
        None => asked(tpm, guard, ask),
    };
    match password {
        Ok(password) => with(tpm, guard, &password, attempt, By::Person),
        Err(why) => Err(match untried {
            Some(tries) if !guard.is_said_to_have_one => {
                TpmError::LastTry { place: tpm.place(), of: guard.of, tries }
            }
            Some(_) | None => TpmError::PasswordMissing { of: guard.of, why },
        }),
    }
}

/// Who gave a password.
#[derive(Clone, Copy, PartialEq, Eq)]
enum By {
    Person,
    Settings,
}

fn asked(
    tpm: &mut Tpm,
    guard: Guard,
    ask: &mut dyn FnMut(Guarded) -> Result<Password, String>,
) -> Result<Password, String> {
    let answer = ask(guard.of);
    tpm.begin_again();
    answer
}

/// Tries a password, once.
fn with<T>(
    tpm: &mut Tpm,
    guard: Guard,
    password: &Password,
    mut attempt: impl FnMut(&mut Tpm, Auth<'_>) -> Result<T, TpmError>,
    by: By,
) -> Result<(T, Option<Password>), TpmError> {
    if password.expose().is_empty() {
        return attempt(tpm, Auth::Empty)
            .map(|brought| (brought, None))
            .map_err(|error| without(tpm, guard, error, || String::from("an empty one was given")));
    }
    if guard.counts && by == By::Settings {
        let tries = tpm.tries()?;
        if tries.most.checked_sub(tries.wrong) == Some(1) {
            return Err(TpmError::LastTry { place: tpm.place(), of: guard.of, tries });
        }
    }
    match attempt(tpm, Auth::Password(password)) {
        Ok(brought) => Ok((brought, Some(Arc::clone(password)))),
        Err(error) if is_wrong_password(&error) => Err(TpmError::PasswordWrong {
            place: tpm.place(),
            of: guard.of,
            tries: if guard.counts { tpm.tries().ok() } else { None },
        }),
        Err(error) => Err(explained(tpm, error)),
    }
}

/// Says that a password is missing where the empty one was wrong.
fn without(tpm: &mut Tpm, guard: Guard, error: TpmError, why: impl Fn() -> String) -> TpmError {
    if is_wrong_password(&error) {
        TpmError::PasswordMissing { of: guard.of, why: why() }
    } else {
        explained(tpm, error)
    }
}

/// Says more of a lockout than its code does.
fn explained(tpm: &mut Tpm, error: TpmError) -> TpmError {
    if let TpmError::Refused { place, code, .. } = &error
        && code.is_lockout()
    {
        return TpmError::LockedOut { place: place.clone(), tries: tpm.tries().ok() };
    }
    error
}

fn is_wrong_password(error: &TpmError) -> bool {
    matches!(error, TpmError::Refused { code, .. } if code.is_wrong_password())
}
