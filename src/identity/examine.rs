//! Examines an identity without prompting and without consuming anything: could the next call that needs the private
//! key use it?

use super::load::load;
use super::{IdentityError, IdentitySource, Input};
use crate::env::Environment;

/// The state of a private key with which nothing is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyFinding {
    /// It exists, its file is private, and it is encrypted, with a password that only a person has.
    Encrypted,
    /// It exists, its file is private, and it matches the certificate.
    Matches,
    /// It can be read only once, or is on a device.
    NotExamined,
}

/// Examines the private key as the next call that creates a session would.
///
/// # Errors
///
/// Fails as [`load`] does.
pub fn examine(source: &IdentitySource, env: &Environment) -> Result<KeyFinding, IdentityError> {
    let IdentitySource { certificate, private_key, intermediates, .. } = source;
    if !std::iter::once(certificate).chain(private_key).chain(intermediates).all(Input::lasts) {
        return Ok(KeyFinding::NotExamined);
    }
    match load(&source.unattended(), env) {
        Ok(_) => Ok(KeyFinding::Matches),
        Err(IdentityError::PrivateKeyEncrypted { .. } | IdentityError::Pkcs12PasswordMissing { .. }) => {
            Ok(KeyFinding::Encrypted)
        }
        Err(error) => Err(error),
    }
}
