//! Private keys in a TPM: their passwords are found as those of files are.

use std::sync::Arc;

use super::password::{NoPassword, Password};
use super::reader::Reader;
use super::{IdentityError, PasswordSource};
use crate::env::Environment;
use crate::secret::Secret;
use crate::signer::SigningKey;
use crate::signer::tpm::{
    self, Guarded, KeyFile, NewKeyKind, Parent, Passwords, TpmError, TpmKey, TpmKeySource, TpmPlace,
    TpmPublicKey,
};

/// How keys in a TPM are used.
#[derive(Clone, Debug, Default)]
pub struct TpmSettings {
    /// Where the TPM is.
    pub place: TpmPlace,
    /// The key's password.
    pub key_password: PasswordSource,
    /// The password of its parent, or of the hierarchy in which that is made.
    pub parent_password: PasswordSource,
}

impl TpmSettings {
    /// Returns the same settings, with no person asked for a password.
    pub(super) fn asking_nobody(&self) -> Self {
        Self {
            key_password: self.key_password.asking_nobody(),
            parent_password: self.parent_password.asking_nobody(),
            ..self.clone()
        }
    }
}

/// What a key in a TPM is, in the file or at the handle that is named by a source.
#[derive(Clone, Copy, Debug)]
pub(super) enum Form<'a> {
    /// The DER of its file.
    File(&'a [u8]),
    /// `handle:0x…`.
    Handle(&'a str),
}

/// Takes a key in a TPM into use. Without settings the TPM is left alone: what comes back tells the public half and does not sign.
pub(super) fn open(
    settings: Option<&TpmSettings>,
    form: Form<'_>,
    reader: &mut Reader<'_>,
    source_name: String,
) -> Result<Box<dyn SigningKey>, IdentityError> {
    let failed =
        |cause: TpmError| IdentityError::Tpm { source_name: source_name.clone(), cause: Box::new(cause) };
    let key = match form {
        Form::File(der) => TpmKeySource::File(Box::new(KeyFile::from_der(der).map_err(failed)?)),
        Form::Handle(text) => {
            TpmKeySource::parse_handle(text).ok_or_else(|| IdentityError::SourceUnsupported {
                source_name: source_name.clone(),
                kind: "what is not handle:0x81…, of a key that stays in the TPM, or handle:0x80…",
            })?
        }
    };
    let Some(settings) = settings else {
        return match key {
            TpmKeySource::File(file) => Ok(Box::new(TpmPublicKey::of(&file).map_err(failed)?)),
            TpmKeySource::Handle(_) => {
                Err(IdentityError::SourceUnsupported { source_name, kind: "a key at a handle of a TPM" })
            }
        };
    };
    let key = with_passwords(settings, reader, &source_name, |passwords| {
        TpmKey::open(&settings.place, key, passwords)
    })?;
    Ok(Box::new(key.map_err(failed)?))
}

/// A key that was made in a TPM.
#[derive(Debug)]
pub struct NewTpmKey {
    /// Its file.
    pub file: Box<KeyFile>,
    /// The key itself, which has signed once.
    pub key: Box<dyn SigningKey>,
}

/// Makes a key in a TPM. It has a password only where the settings say where that is.
///
/// # Errors
///
/// Fails if a password cannot be read, or as [`tpm::create`] does.
pub fn create_in_tpm(
    settings: &TpmSettings,
    below: Parent,
    kind: NewKeyKind,
    env: &Environment,
) -> Result<NewTpmKey, IdentityError> {
    let mut settings = settings.clone();
    if let PasswordSource::Prompt = settings.key_password {
        settings.key_password = PasswordSource::Given(Arc::new(Secret::new(String::new())));
    }
    let mut reader = Reader::new(env, false);
    let made = with_passwords(&settings, &mut reader, "to be made", |passwords| {
        let file = Box::new(tpm::create(&settings.place, below, kind, passwords)?);
        let key = TpmKey::open(&settings.place, TpmKeySource::File(file.clone()), passwords)?;
        Ok(NewTpmKey { file, key: Box::new(key) })
    })?;
    made.map_err(|cause: TpmError| IdentityError::TpmKeyNotMade { cause: Box::new(cause) })
}

/// Finds the passwords that are given, and asks a person for the others where they are needed.
fn with_passwords<T>(
    settings: &TpmSettings,
    reader: &mut Reader<'_>,
    source_name: &str,
    work: impl FnOnce(&mut Passwords<'_>) -> T,
) -> Result<T, IdentityError> {
    let what = |of: Guarded| match of {
        Guarded::Key => format!("the TPM key {source_name}"),
        Guarded::Parent => format!("the parent of the TPM key {source_name}"),
        Guarded::Hierarchy => format!("the TPM's hierarchy, for the key {source_name}"),
    };
    let mut key_password = Password::new(&settings.key_password);
    let mut parent_password = Password::new(&settings.parent_password);
    let given = |password: &mut Password<'_>, of: Guarded, reader: &mut Reader<'_>| {
        if password.is_unknown() {
            return Ok(None);
        }
        let read = password.get(reader, &what(of)).map(Some);
        read.map_err(|no_password| no_password.of_key(source_name.to_owned(), what(of)))
    };
    let key = given(&mut key_password, Guarded::Key, reader)?;
    let parent = given(&mut parent_password, Guarded::Parent, reader)?;
    let mut ask = |of: Guarded| {
        let password = match of {
            Guarded::Key => &mut key_password,
            Guarded::Parent | Guarded::Hierarchy => &mut parent_password,
        };
        password.get(reader, &what(of)).map_err(|no_password| match no_password {
            NoPassword::Unasked(why) | NoPassword::Unreadable(why, _) => why,
        })
    };
    Ok(work(&mut Passwords { key, parent, ask: &mut ask }))
}
