//! Examines an identity without asking anybody and without using anything up: could the next call that needs the private key use it?

use super::load::load;
use super::{IdentityError, IdentitySource, Input, PasswordSource};
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
    let lasts = |input: &Input| match input {
        Input::Path(_) | Input::Variable(_) => true,
        Input::Descriptor(_) | Input::Pkcs11Uri(_) | Input::StandardInput | Input::TpmHandle(_) => false,
    };
    let IdentitySource { certificate, private_key, intermediates, password, .. } = source;
    if !std::iter::once(certificate).chain(private_key).chain(intermediates).all(lasts) {
        return Ok(KeyFinding::NotExamined);
    }
    let password = match password {
        PasswordSource::Input(input) if !lasts(input) => &PasswordSource::Nobody,
        PasswordSource::Prompt => &PasswordSource::Nobody,
        PasswordSource::Credential(_)
        | PasswordSource::Given(_)
        | PasswordSource::Input(_)
        | PasswordSource::Nobody => password,
    };
    let source = IdentitySource { password: password.clone(), ..source.clone() };
    match load(&source, env) {
        Ok(_) => Ok(KeyFinding::Matches),
        Err(IdentityError::PrivateKeyEncrypted { .. }) => Ok(KeyFinding::Encrypted),
        Err(error) => Err(error),
    }
}
