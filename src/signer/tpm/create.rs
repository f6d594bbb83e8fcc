//! Makes keys that never leave the TPM.

use super::device::{PATIENCE_WITH_NEW_KEY, Tpm};
use super::error::TpmError;
use super::key::parent;
use super::key_file::{KeyFile, Parent};
use super::place::TpmPlace;
use super::public::{self, NewKeyKind};
use super::unlock::{Passwords, unlock};

/// Makes a key below a parent, and returns its file: whoever has it needs this TPM, and the key's password where it has one.
///
/// `passwords.key` is the new key's own; `None` and an empty one make a key without.
///
/// # Errors
///
/// Fails if there is no TPM, if it has no such parent or kind of key, or if the parent's password is missing or wrong.
pub fn create(
    place: &TpmPlace,
    below: Parent,
    kind: NewKeyKind,
    passwords: &mut Passwords<'_>,
) -> Result<KeyFile, TpmError> {
    aws_lc_rs::init();
    let own = passwords.key.clone().filter(|password| !password.expose().is_empty());
    let mut tpm = Tpm::open(place, PATIENCE_WITH_NEW_KEY)?;
    let (parent, guard, _) = parent(&mut tpm, below, passwords)?;
    let template = public::signing_key(kind, own.is_some());
    let ((private, public), _) =
        unlock(&mut tpm, guard, passwords.parent.as_ref(), passwords.ask, |tpm, auth| {
            tpm.create(&parent, auth, &template, own.as_deref())
        })?;
    Ok(KeyFile { empty_auth: Some(own.is_none()), parent: below, public, private, secret: None })
}
