//! Looks through a folder: which certificates are in its files, and where the private key of one is.

use super::folder::{Folder, are_named_alike};
use super::held::Held;
use super::selection::Selection;
use super::selection_error::{Candidate, SelectionError};
use super::{IdentityError, Input};
use crate::x509::SubjectPublicKeyInfo;

/// The most encrypted keys that a password is tried on: each try takes a good part of a second.
const PASSWORD_TRIES: usize = 8;

/// Opens one file of a folder.
pub(super) trait Opens {
    /// Returns the certificates in a file. A store that only a person could open is an error.
    fn certificates_in(&mut self, file: &Input) -> Result<Vec<crate::x509::Certificate>, IdentityError>;

    /// Returns what private key is in a file, as far as that is seen without a password.
    fn key_in(&mut self, file: &Input) -> Result<KeyIn, IdentityError>;

    /// Returns the public half of the private key in a file, with a password.
    fn opened_key_in(&mut self, file: &Input) -> Result<Option<SubjectPublicKeyInfo>, IdentityError>;
}

/// What private key is in a file.
pub(super) enum KeyIn {
    /// An encrypted one.
    Encrypted,
    /// None.
    Nothing,
    /// One with this public half.
    Open(SubjectPublicKeyInfo),
}

/// Returns all certificates in a folder, and says of files that were passed over why.
pub(super) fn certificates(folder: &Folder, opens: &mut impl Opens) -> (Vec<Held>, Vec<String>) {
    let (mut held, mut passed_over) = (Vec::new(), Vec::new());
    for (name, file) in folder.certificates() {
        match opens.certificates_in(&file) {
            Ok(certificates) => held.extend(
                certificates.into_iter().map(|certificate| Held { certificate, file: Some(name.to_owned()) }),
            ),
            Err(error) => passed_over.push(error.to_string()),
        }
    }
    (held, passed_over)
}

/// The private keys of a folder, as they belong to certificates.
pub(super) struct Keys<'a> {
    /// Certificates and the file with the key of each.
    pairs: Vec<(&'a Held, Input)>,
    /// Files with encrypted keys, of which not even their names tell whose they are.
    encrypted: Vec<Input>,
    passed_over: Vec<String>,
}

impl<'a> Keys<'a> {
    /// Looks for the private keys of certificates in a folder.
    ///
    /// An encrypted one does not tell whose it is: it is taken for that of the certificate whose file is named as its file is.
    pub(super) fn find(folder: &Folder, of: &[&'a Held], opens: &mut impl Opens) -> Self {
        let named: Vec<&str> = of.iter().filter_map(|held| held.file.as_deref()).collect();
        let mut keys = Self { pairs: Vec::new(), encrypted: Vec::new(), passed_over: Vec::new() };
        let mut assumed = Vec::new();
        for (name, file) in folder.keys(&named) {
            match opens.key_in(&file) {
                Ok(KeyIn::Nothing) => {}
                Ok(KeyIn::Open(public)) => {
                    let its = of.iter().filter(|held| *held.certificate.public_key() == public);
                    let is_new = |held: &&&Held| !keys.holds_that_of(held);
                    let its: Vec<_> = its.filter(is_new).map(|held| (*held, file.clone())).collect();
                    keys.pairs.extend(its);
                }
                Ok(KeyIn::Encrypted) => {
                    let is_its = |held: &&&Held| {
                        held.file.as_deref().is_some_and(|certificate| are_named_alike(certificate, name))
                    };
                    let its: Vec<_> = of.iter().filter(is_its).map(|held| (*held, file.clone())).collect();
                    if its.is_empty() {
                        keys.encrypted.push(file);
                    }
                    assumed.extend(its);
                }
                Err(error) => keys.passed_over.push(error.to_string()),
            }
        }
        assumed.retain(|(held, _)| !keys.holds_that_of(held));
        keys.pairs.extend(assumed);
        keys
    }

    fn holds_that_of(&self, held: &Held) -> bool {
        self.pairs.iter().any(|(known, _)| known.certificate == held.certificate)
    }

    /// Returns the certificates whose keys are here.
    pub(super) fn certificates(&self) -> Vec<&'a Held> {
        self.pairs.iter().map(|(held, _)| *held).collect()
    }

    /// Returns the file with the private key of the certificate that is selected among those with a key.
    ///
    /// # Errors
    ///
    /// Fails if there is none, and if nothing says which of several is meant.
    pub(super) fn file(
        mut self,
        selection: &Selection,
        of: &[&'a Held],
        source_name: &str,
        keys_name: &str,
        opens: &mut impl Opens,
    ) -> Result<Input, IdentityError> {
        let unopened = if self.pairs.len() < of.len() { self.try_password(of, opens) } else { None };
        if self.pairs.is_empty() {
            let Self { passed_over, .. } = self;
            return Err(unopened.unwrap_or_else(|| {
                let candidates = Candidate::all(of.iter().copied());
                let (source_name, keys) = (source_name.to_owned(), keys_name.to_owned());
                SelectionError::NoKey { source_name, keys, candidates, passed_over }.into()
            }));
        }
        let chosen = selection.one(&self.certificates(), source_name)?;
        let pair = self.pairs.into_iter().find(|(held, _)| held.certificate == chosen.certificate);
        pair.map(|(_, file)| file).ok_or_else(|| {
            SelectionError::Nothing { source_name: source_name.to_owned(), passed_over: Vec::new() }.into()
        })
    }

    /// Tries the password on encrypted keys; returns why it opened none.
    fn try_password(&mut self, of: &[&'a Held], opens: &mut impl Opens) -> Option<IdentityError> {
        let mut first = None;
        for file in self.encrypted.iter().take(PASSWORD_TRIES) {
            match opens.opened_key_in(file) {
                Ok(Some(public)) => {
                    let its = of.iter().filter(|held| *held.certificate.public_key() == public);
                    self.pairs.extend(its.map(|held| (*held, file.clone())));
                    if self.pairs.len() == of.len() {
                        return None;
                    }
                }
                Ok(None) => {}
                // That of another key, perhaps.
                Err(error @ IdentityError::PasswordWrong { .. }) => first = first.or(Some(error)),
                Err(error) => return Some(error),
            }
        }
        first
    }
}
