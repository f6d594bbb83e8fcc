//! Signs in whichever way the token can.

use anyrole::secret::Secret;
use anyrole::signer::pkcs11::wire::{Authentication, Digest, KeyFamily, Refused, RefusedKind, SignRequest};
use cryptoki::error::Error;
use cryptoki::mechanism::{Mechanism, MechanismType};
use cryptoki::object::ObjectHandle;
use cryptoki::session::{Session, UserType};
use cryptoki::types::RawAuthPin;

use super::refusal::{other, refused};

/// A private key and what its token can do.
pub(crate) struct Key<'a> {
    pub(crate) session: &'a Session,
    pub(crate) key: ObjectHandle,
    pub(crate) mechanisms: &'a [MechanismType],
    pub(crate) module: &'a str,
}

/// Signs with a key.
///
/// Raw mechanisms come first: every token has them, and some have no other (SoftHSM knows ECDSA without a hash only). A token that keeps
/// them for itself, as in a FIPS mode, is asked to hash. A key that wants a PIN each time gets it between the two calls.
pub(crate) fn sign(key: &Key<'_>, request: &SignRequest) -> Result<Vec<u8>, Refused> {
    let (raw, hashing) = mechanisms(request);
    let has = |mechanism: &Mechanism<'_>| {
        key.mechanisms.is_empty() || key.mechanisms.contains(&mechanism.mechanism_type())
    };
    match &request.authentication {
        Authentication::None => {
            let mut last = other("the token has no mechanism to sign with");
            if has(&raw) {
                for input in raw_inputs(request) {
                    match key.session.sign(&raw, key.key, &input) {
                        Ok(signature) => return Ok(signature),
                        Err(error) => last = refused(error),
                    }
                    if last.kind != RefusedKind::Unsupported {
                        return Err(last);
                    }
                }
            }
            if has(&hashing) {
                return key.session.sign(&hashing, key.key, &request.message).map_err(refused);
            }
            Err(last)
        }
        Authentication::Pin(pin) => {
            with_login(key, request, has(&hashing).then_some(&hashing), &raw, Some(pin))
        }
        Authentication::Device => with_login(key, request, has(&hashing).then_some(&hashing), &raw, None),
    }
}

/// Signs with a login of its own: a wrong PIN counts, so there is one try.
fn with_login(
    key: &Key<'_>,
    request: &SignRequest,
    hashing: Option<&Mechanism<'_>>,
    raw: &Mechanism<'_>,
    pin: Option<&Secret<Vec<u8>>>,
) -> Result<Vec<u8>, Refused> {
    let session = key.session;
    session.sign_init(hashing.unwrap_or(raw), key.key).map_err(refused)?;
    log_in(session, UserType::ContextSpecific, pin).map_err(refused)?;
    match hashing {
        Some(_) => {
            session.sign_update(&request.message).map_err(refused)?;
            session.sign_final().map_err(refused)
        }
        None => {
            let input = raw_inputs(request).into_iter().next().unwrap_or_default();
            pkcs11_sign::sign_initialised(key.module, session.handle(), &input)
                .map_err(|why| other(&why.to_string()))
        }
    }
}

/// Logs in; without a PIN the token asks for it in its own way.
pub(crate) fn log_in(session: &Session, user: UserType, pin: Option<&Secret<Vec<u8>>>) -> Result<(), Error> {
    match pin {
        Some(pin) => session.login_with_raw(user, &RawAuthPin::new(Box::new(pin.expose().clone()))),
        None => session.login(user, None),
    }
}

/// Returns the mechanism that signs what is given, and the one that hashes first.
fn mechanisms(request: &SignRequest) -> (Mechanism<'static>, Mechanism<'static>) {
    match (request.kind, request.digest) {
        (KeyFamily::Ec, Digest::Sha256) => (Mechanism::Ecdsa, Mechanism::EcdsaSha256),
        (KeyFamily::Ec, Digest::Sha384) => (Mechanism::Ecdsa, Mechanism::EcdsaSha384),
        (KeyFamily::Ec, Digest::Sha512) => (Mechanism::Ecdsa, Mechanism::EcdsaSha512),
        (KeyFamily::Rsa, Digest::Sha256) => (Mechanism::RsaPkcs, Mechanism::Sha256RsaPkcs),
        (KeyFamily::Rsa, Digest::Sha384) => (Mechanism::RsaPkcs, Mechanism::Sha384RsaPkcs),
        (KeyFamily::Rsa, Digest::Sha512) => (Mechanism::RsaPkcs, Mechanism::Sha512RsaPkcs),
    }
}

/// Returns what a raw mechanism signs: the hash; and the same number with zeros before it, for a token that takes no other length than the
/// curve's.
fn raw_inputs(request: &SignRequest) -> Vec<Vec<u8>> {
    let missing = usize::from(request.field).saturating_sub(request.hashed.len());
    let mut inputs = vec![request.hashed.clone()];
    if missing > 0 {
        inputs.push([vec![0; missing], request.hashed.clone()].concat());
    }
    inputs
}
