//! Certificates and keys of an identity that are on PKCS#11 tokens, and where the PIN comes from.

use std::ffi::OsString;
use std::sync::Arc;

use super::IdentityError;
use super::error::Part;
use super::password::{NoPassword, password_of};
use super::pin_command;
use super::reader::Reader;
use super::source::{Input, PasswordSource, TokenObject};
use crate::env::Environment;
use crate::prompt;
use crate::signer::pkcs11::uri::UriPin;
use crate::signer::pkcs11::{self, Answer, Ask, Hint, NoPin, Opening, Pkcs11Key, Question, Tokens};
use crate::x509::Certificate;

/// The variables that no other program is given: ours name keys, and hold passwords.
const OWN_VARIABLES: &str = "ANYROLE_";

/// What one identity has on tokens.
pub(super) struct TokenParts {
    env: Environment,
    allow_insecure: bool,
    /// The variables that hold keys or passwords, beside our own.
    secret_variables: Vec<String>,
    tokens: Option<Tokens>,
    /// Every certificate that was read from a token.
    certificates: Vec<Certificate>,
    /// Those of them that were not meant.
    beside: Vec<Certificate>,
    hints: Vec<Hint>,
}

impl TokenParts {
    pub(super) fn new(env: &Environment, allow_insecure: bool) -> Self {
        Self {
            env: env.clone(),
            allow_insecure,
            secret_variables: Vec::new(),
            tokens: None,
            certificates: Vec::new(),
            beside: Vec::new(),
            hints: Vec::new(),
        }
    }

    /// Has the variables that these are read from kept from other programs.
    pub(super) fn keep_from_others<'a>(&mut self, inputs: impl IntoIterator<Item = &'a Input>) {
        self.secret_variables.extend(inputs.into_iter().filter_map(variable));
    }

    /// Returns the certificates that a URI means.
    pub(super) fn certificates(
        &mut self,
        object: &TokenObject,
        part: Part,
    ) -> Result<Vec<Certificate>, IdentityError> {
        let found = self.tokens(object).certificates(object.uri())?;
        let mut meant = Vec::new();
        for one in found.meant {
            let certificate =
                Certificate::parse(&one.der).map_err(|cause| IdentityError::CertificateMalformed {
                    part,
                    source_name: crate::text::quoted(&one.uri),
                    line: 0,
                    cause,
                })?;
            self.hints.push(Hint { public_key: certificate.public_key().clone(), id: one.id });
            meant.push(certificate);
        }
        self.certificates.extend(meant.iter().cloned());
        // What lies beside them and is no certificate is nobody's concern.
        let beside = found.others.iter().filter_map(|one| Certificate::parse(&one.der).ok());
        for certificate in beside {
            self.certificates.push(certificate.clone());
            self.beside.push(certificate);
        }
        Ok(meant)
    }

    /// Returns every certificate that a URI means, with the URI that means it alone. What is no certificate is passed over.
    pub(super) fn list(&mut self, object: &TokenObject) -> Result<Vec<(Certificate, String)>, IdentityError> {
        let found = self.tokens(object).certificates(object.uri())?;
        let parsed =
            found.meant.into_iter().filter_map(|one| Some((Certificate::parse(&one.der).ok()?, one.uri)));
        Ok(parsed.collect())
    }

    /// Returns the certificates that lay beside those that were meant: a chain may need them.
    pub(super) fn take_beside(&mut self) -> Vec<Certificate> {
        std::mem::take(&mut self.beside)
    }

    /// Tells whether a certificate was read from a token, where others lie beside it for reasons of their own.
    pub(super) fn has(&self, certificate: &Certificate) -> bool {
        self.certificates.contains(certificate)
    }

    /// Finds and opens the private key that a URI means, and that belongs to one of the certificates.
    pub(super) fn key(
        &mut self,
        object: &TokenObject,
        certificates: &[Certificate],
    ) -> Result<Pkcs11Key, IdentityError> {
        let mut hints = self.hints.clone();
        let read = certificates.iter().filter(|certificate| !self.has(certificate));
        hints.extend(
            read.map(|certificate| Hint { public_key: certificate.public_key().clone(), id: Vec::new() }),
        );
        let opening = Opening {
            ask: self.ask(object),
            remembered: Arc::clone(&object.access().remembered),
            reuse_pin: object.access().reuse_pin,
        };
        Ok(pkcs11::open(self.tokens(object), object.uri(), &hints, opening)?)
    }

    fn tokens(&mut self, object: &TokenObject) -> &mut Tokens {
        let Self { env, secret_variables, tokens, .. } = self;
        tokens.get_or_insert_with(|| {
            secret_variables.extend(pin_input(object).as_ref().and_then(variable));
            Tokens::new(object.access().program(), variables(env, secret_variables))
        })
    }

    /// Returns who has the PIN: what the URI says, else the setting, else a person.
    fn ask(&self, object: &TokenObject) -> Ask {
        let env = self.env.clone();
        let allow_insecure = self.allow_insecure;
        let of_uri = object.uri().pin().cloned();
        let otherwise = object.access().pin.clone();
        Box::new(move |question| {
            if question.of_key {
                // What is kept is the token's PIN; the key's own is nowhere but in a person's head.
                return match (&of_uri, &otherwise) {
                    (None, PasswordSource::Nobody) => Err(nobody()),
                    (Some(_) | None, _) => of_person(question),
                };
            }
            let mut reader = Reader::new(&env, allow_insecure);
            match &of_uri {
                Some(UriPin::Command(words)) => pin_command::run(words, &env).map(kept),
                Some(UriPin::File(path)) => of_input(&Input::file(path), &mut reader),
                Some(UriPin::Value(pin)) => Ok(Answer { pin: Arc::clone(pin), by_person: false }),
                None => match &otherwise {
                    PasswordSource::Credential(name) => {
                        let read = reader.credential(name).and_then(|bytes| password_of(&bytes));
                        read.map(kept).map_err(|unread| no_pin(NoPassword::from(unread)))
                    }
                    PasswordSource::Given(pin) => Ok(Answer { pin: Arc::clone(pin), by_person: false }),
                    PasswordSource::Input(input) => of_input(input, &mut reader),
                    PasswordSource::Nobody => Err(nobody()),
                    PasswordSource::Prompt => of_person(question),
                },
            }
        })
    }
}

fn variable(input: &Input) -> Option<String> {
    match input {
        Input::Variable(name) => Some(name.clone()),
        Input::Descriptor(_)
        | Input::Path(_)
        | Input::Pkcs11Uri(_)
        | Input::StandardInput
        | Input::TpmHandle(_) => None,
    }
}

fn pin_input(object: &TokenObject) -> Option<Input> {
    match &object.access().pin {
        PasswordSource::Input(input) => Some(input.clone()),
        PasswordSource::Credential(_)
        | PasswordSource::Given(_)
        | PasswordSource::Nobody
        | PasswordSource::Prompt => None,
    }
}

/// Returns the variables that a module may need: all but our own, and those that hold keys or passwords.
fn variables(env: &Environment, secret: &[String]) -> Vec<(String, OsString)> {
    let mut variables = env.beginning_with("");
    variables.retain(|(name, _)| !name.starts_with(OWN_VARIABLES) && !secret.contains(name));
    variables
}

fn kept(pin: crate::secret::Secret<String>) -> Answer {
    Answer { pin: Arc::new(pin), by_person: false }
}

fn of_input(input: &Input, reader: &mut Reader<'_>) -> Result<Answer, NoPin> {
    let read = reader.private_bytes(input).and_then(|(bytes, _)| password_of(&bytes));
    read.map(kept).map_err(|unread| {
        let NoPin { why, cure } = no_pin(NoPassword::of_input(unread, input));
        NoPin { why: format!("it cannot be read from {input}: {why}"), cure }
    })
}

fn of_person(question: &Question) -> Result<Answer, NoPin> {
    let warning = question.warning.map(|warning| format!(" ({warning})")).unwrap_or_default();
    prompt::ask_secret(&format!("PIN of {}{warning}", question.what))
        .map(|pin| Answer { pin: Arc::new(pin), by_person: true })
        .map_err(|error| NoPin { why: error.to_string(), cure: None })
}

fn nobody() -> NoPin {
    NoPin { why: String::from("nobody is asked for it here"), cure: None }
}

fn no_pin(error: NoPassword) -> NoPin {
    match error {
        NoPassword::Unasked(why) => NoPin { why, cure: None },
        NoPassword::Unreadable(why, cure) => NoPin { why, cure },
    }
}
