//! A key in a TPM that signs.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::digest;
use pkcs8::der::Encode as _;
use pkcs8::der::Tag;
use pkcs8::der::asn1::{Any, UintRef};

use super::device::{Auth, Object, PATIENCE, Tpm};
use super::error::{Guarded, TpmError};
use super::key_file::{KeyFile, Parent};
use super::place::TpmPlace;
use super::public::{self, Scheme, SigningPublic};
use super::unlock::{Guard, Password, Passwords, unlock};
use super::wire::Reader;
use crate::signer::{DigestAlgorithm, SignError, Signature, SignatureAlgorithm, SigningKey};
use crate::trace;
use crate::x509::SubjectPublicKeyInfo;

/// What a key signs when it is opened, so that a wrong password or a key that cannot sign is found then.
const PROBE: &[u8] = b"the question whether this key signs";

/// Where a key is in a TPM.
#[derive(Clone, Debug)]
pub enum TpmKeySource {
    /// In a key file, to be loaded below its parent.
    File(Box<KeyFile>),
    /// At a handle, loaded already.
    Handle(u32),
}

impl TpmKeySource {
    /// Parses a handle as `handle:0x81000010` has it: hexadecimal, of an object that stays, or that somebody has loaded.
    pub fn parse_handle(text: &str) -> Option<Self> {
        let digits = text.strip_prefix("handle:")?;
        let digits = digits.strip_prefix("0x").or(digits.strip_prefix("0X")).unwrap_or(digits);
        let handle = u32::from_str_radix(digits, 16).ok()?;
        matches!(handle >> 24, 0x80 | 0x81).then_some(Self::Handle(handle))
    }
}

/// A key in a TPM. Between two signatures nothing of it is left there, and the TPM is free for others.
pub struct TpmKey {
    place: TpmPlace,
    source: TpmKeySource,
    public: SigningPublic,
    /// What it is known by in proofs.
    name: Vec<u8>,
    /// What brings it back without its parent, until the TPM is started anew.
    saved: Option<Vec<u8>>,
    password: Option<Password>,
    parent_password: Option<Password>,
}

/// Shows where it is.
impl fmt::Debug for TpmKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TpmKey").field("place", &self.place).finish_non_exhaustive()
    }
}

/// A key that was loaded.
struct Loaded {
    object: Object,
    public: SigningPublic,
    is_said_to_have_password: bool,
    parent_password: Option<Password>,
}

impl TpmKey {
    /// Finds a key, its password and that of its parent, and has it sign once.
    ///
    /// # Errors
    ///
    /// Fails if there is no TPM, if the key is another TPM's or cannot sign for AWS, or if a password is missing or wrong.
    pub fn open(
        place: &TpmPlace,
        source: TpmKeySource,
        passwords: &mut Passwords<'_>,
    ) -> Result<Self, TpmError> {
        if let TpmKeySource::File(file) = &source {
            // What is wrong with the file is told without a TPM.
            SigningPublic::read(&file.public)?;
        }
        // In the static build the processor has not been asked yet what it has (.cargo/config.toml).
        aws_lc_rs::init();
        let mut tpm = Tpm::open(place, PATIENCE)?;
        let Loaded { object, public, is_said_to_have_password, parent_password } =
            load(&mut tpm, &source, passwords)?;
        let guard =
            Guard { of: Guarded::Key, counts: public.counts, is_said_to_have_one: is_said_to_have_password };
        let hash = digest::digest(&digest::SHA256, PROBE);
        let (_, password) = unlock(&mut tpm, guard, passwords.key.as_ref(), passwords.ask, |tpm, auth| {
            tpm.sign(&object, auth, public.scheme.number(), public::SHA256, hash.as_ref())
        })?;
        let saved = match source {
            TpmKeySource::File(_) => tpm.save(&object).ok(),
            TpmKeySource::Handle(_) => None,
        };
        trace::step(|| {
            let lock = if password.is_some() { "with a password" } else { "without a password" };
            format!("the TPM at {place} has the key, {}, {lock}", public.key.kind())
        });
        let (place, name) = (place.clone(), object.name);
        Ok(Self { place, source, public, name, saved, password, parent_password })
    }

    /// Brings the key back; where the TPM has forgotten what was saved, from its file.
    fn bring_back(&self, tpm: &mut Tpm) -> Result<Object, TpmError> {
        if let Some(saved) = &self.saved
            && let Ok(object) = tpm.restore(saved, &self.name)
        {
            return Ok(object);
        }
        let mut ask = |_| Err(String::from("nobody is asked a second time"));
        let empty = || Arc::new(crate::secret::Secret::new(String::new()));
        let parent = self.parent_password.clone().unwrap_or_else(empty);
        let mut passwords = Passwords { key: None, parent: Some(parent), ask: &mut ask };
        load(tpm, &self.source, &mut passwords).map(|loaded| loaded.object)
    }

    fn sign_digest(&self, hash: u16, digest: &[u8]) -> Result<Vec<u8>, TpmError> {
        let mut tpm = Tpm::open(&self.place, PATIENCE)?;
        let object = self.bring_back(&mut tpm)?;
        let auth = self.password.as_deref().map_or(Auth::Empty, Auth::Password);
        let answer = tpm.sign(&object, auth, self.public.scheme.number(), hash, digest)?;
        signature(&answer, self.public.scheme)
            .ok_or_else(|| TpmError::AnswerMalformed { place: tpm.place(), action: "sign" })
    }
}

impl SigningKey for TpmKey {
    fn algorithm(&self) -> SignatureAlgorithm {
        self.public.scheme.algorithm()
    }

    fn public_key(&self) -> Option<&SubjectPublicKeyInfo> {
        Some(&self.public.key)
    }

    fn sign_with(&mut self, algorithm: DigestAlgorithm, message: &[u8]) -> Result<Signature, SignError> {
        let (number, function) = match algorithm {
            DigestAlgorithm::Sha256 => (public::SHA256, &digest::SHA256),
            DigestAlgorithm::Sha384 => (0x000C, &digest::SHA384),
            DigestAlgorithm::Sha512 => (0x000D, &digest::SHA512),
        };
        let device = |error| SignError::Device(Box::new(error));
        if self.public.hash.is_some_and(|only| only != number) {
            return Err(device(TpmError::KeyUnsupported {
                why: String::from("the key signs with SHA-256 only"),
                cure: "leave out --digest",
            }));
        }
        let hash = digest::digest(function, message);
        self.sign_digest(number, hash.as_ref()).map(Signature::new).map_err(device)
    }
}

/// The public half of a key in a TPM that is left alone.
#[derive(Debug)]
pub struct TpmPublicKey(SigningPublic);

impl TpmPublicKey {
    /// Takes it from the key's file.
    ///
    /// # Errors
    ///
    /// Fails if the key cannot sign for AWS.
    pub fn of(file: &KeyFile) -> Result<Self, TpmError> {
        SigningPublic::read(&file.public).map(Self)
    }
}

impl SigningKey for TpmPublicKey {
    fn algorithm(&self) -> SignatureAlgorithm {
        self.0.scheme.algorithm()
    }

    fn public_key(&self) -> Option<&SubjectPublicKeyInfo> {
        Some(&self.0.key)
    }

    fn sign_with(&mut self, _algorithm: DigestAlgorithm, _message: &[u8]) -> Result<Signature, SignError> {
        Err(SignError::Library)
    }
}

/// Loads a key.
fn load(tpm: &mut Tpm, source: &TpmKeySource, passwords: &mut Passwords<'_>) -> Result<Loaded, TpmError> {
    match source {
        TpmKeySource::Handle(handle) => {
            let (object, public) = tpm.read_public(*handle)?;
            let public = SigningPublic::read(&public)?;
            Ok(Loaded { object, public, is_said_to_have_password: false, parent_password: None })
        }
        TpmKeySource::File(file) => {
            let public = SigningPublic::read(&file.public)?;
            let (parent, guard, made_with) = parent(tpm, file.parent, passwords)?;
            let (object, password) =
                unlock(tpm, guard, passwords.parent.as_ref(), passwords.ask, |tpm, auth| {
                    let imported = match &file.secret {
                        Some(secret) => tpm.import(&parent, auth, &file.private, &file.public, secret)?,
                        None => file.private.clone(),
                    };
                    tpm.load(&parent, auth, &imported, &file.public)
                })?;
            if let Parent::Made { .. } = file.parent {
                tpm.flush(parent.handle)?;
            }
            let parent_password = password.or(made_with);
            let is_said_to_have_password = file.empty_auth == Some(false);
            Ok(Loaded { object, public, is_said_to_have_password, parent_password })
        }
    }
}

/// Finds the parent of keys, or makes it; what opens it, and the password of the hierarchy where that has one.
pub(super) fn parent(
    tpm: &mut Tpm,
    parent: Parent,
    passwords: &mut Passwords<'_>,
) -> Result<(Object, Guard, Option<Password>), TpmError> {
    let guard = |of, counts| Guard { of, counts, is_said_to_have_one: false };
    match parent {
        Parent::Persistent(handle) => {
            let (object, public) = tpm.read_public(handle).map_err(|error| {
                if let TpmError::Refused { place, code, .. } = &error
                    && code.is_no_such_handle()
                {
                    let (place, code) = (place.clone(), *code);
                    return TpmError::Refused { place, action: "show the parent of the key", code };
                }
                error
            })?;
            Ok((object, guard(Guarded::Parent, public::counts(&public)), None))
        }
        Parent::Made { hierarchy, is_rsa } => {
            let template = public::storage_parent(is_rsa);
            // Passwords of hierarchies do not count.
            let hierarchy_guard = guard(Guarded::Hierarchy, false);
            let ((object, _), password) =
                unlock(tpm, hierarchy_guard, passwords.parent.as_ref(), passwords.ask, |tpm, auth| {
                    tpm.create_primary(hierarchy, &template, auth)
                })?;
            Ok((object, guard(Guarded::Parent, false), password))
        }
    }
}

/// Reads a `TPMT_SIGNATURE` as a signature: PKCS#1 octets, or the DER of ECDSA.
fn signature(answer: &[u8], scheme: Scheme) -> Option<Vec<u8>> {
    let mut reader = Reader::new(answer);
    let (algorithm, _hash) = (reader.u16()?, reader.u16()?);
    if algorithm != scheme.number() {
        return None;
    }
    match scheme {
        Scheme::Rsassa => Some(reader.sized()?.to_vec()),
        Scheme::Ecdsa => {
            let number = |octets: &[u8]| UintRef::new(octets).ok()?.to_der().ok();
            let (r, s) = (number(reader.sized()?)?, number(reader.sized()?)?);
            Any::new(Tag::Sequence, [r, s].concat()).ok()?.to_der().ok()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_handle_is_hexadecimal_and_of_an_object() {
        let handle = |text: &str| match TpmKeySource::parse_handle(text) {
            Some(TpmKeySource::Handle(handle)) => Some(handle),
            Some(TpmKeySource::File(_)) | None => None,
        };
        assert_eq!(handle("handle:0x81000010"), Some(0x8100_0010));
        assert_eq!(handle("handle:81000010"), Some(0x8100_0010));
        assert_eq!(handle("handle:0x80ffffff"), Some(0x80FF_FFFF));
        for wrong in
            ["handle:", "handle:0x", "handle:0x40000001", "handle:0x181000010", "handle:owner", "81000010"]
        {
            assert_eq!(handle(wrong), None, "{wrong}");
        }
    }
}
