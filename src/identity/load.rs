//! From files, variables and descriptors to an [`Identity`].

use std::path::PathBuf;

use super::{Identity, IdentityError};
use crate::env::Environment;

/// Where the bytes of a certificate, key or password come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// `fd:N`: an open descriptor, read to its end.
    Descriptor(u32),
    /// A file.
    Path(PathBuf),
    /// `-`: the standard input, read to its end.
    StandardInput,
    /// `env:NAME`: the value of a variable.
    Variable(String),
}

/// All that makes an identity: one group, which one layer of the settings supplies whole.
#[derive(Clone, Debug)]
pub struct IdentitySource {
    /// The end-entity certificate; may carry intermediates and the private key.
    pub certificate: Input,
    /// The private key; absent where `certificate` carries it.
    pub private_key: Option<Input>,
    /// Further intermediates.
    pub intermediates: Option<Input>,
    /// The password of an encrypted key.
    pub password: PasswordSource,
    /// Accept a key file that other users can read.
    pub allow_insecure_key_file: bool,
}

/// Where the password of an encrypted private key comes from.
#[derive(Debug, Clone)]
pub enum PasswordSource {}

/// Loads, orders and checks an identity.
///
/// # Errors
///
/// Fails if anything is missing, unreadable, unsafe or does not belong together.
pub fn load(_source: &IdentitySource, _env: &Environment) -> Result<Identity, IdentityError> {
    todo!()
}
