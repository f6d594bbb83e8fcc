//! Examines an identity without asking anybody and without using anything up: could the next call that needs the private key use it?

use super::load::load;
use super::{IdentityError, IdentitySource, Input};
use crate::env::Environment;

/// What is found of the private key where nothing is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyFinding {
    /// It is there, its file is private, and it is encrypted: a person has its password.
    Encrypted,
    /// It is there, its file is private, and it belongs to the certificate.
    Matches,
    /// It can be read once only, or is in a device.
    NotExamined,
}

/// Looks at the private key as the next call would that makes a session.
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
