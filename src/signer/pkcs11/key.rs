//! A private key on a token.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use aws_lc_rs::digest;

use super::encoding::{digest_info, ecdsa_signature, own_kind, public_key};
use super::error::{Pkcs11Error, Tries};
use super::pin::{Ask, Owner, Pin, Pins, Remembered, tries};
use super::tokens::{Loaded, Tokens, lock, object_uri, token_attributes};
use super::uri::{Attributes, Class, Pkcs11Uri};
use super::wire::{
    Authentication, Digest, KeyFamily, Object, Refused, RefusedKind, Reply, Request, SignRequest, Token,
};
use crate::prompt;
use crate::secret::Secret;
use crate::signer::{DigestAlgorithm, SignError, Signature, SignatureAlgorithm, SigningKey};
use crate::text::quoted;
use crate::trace;
use crate::x509::public_key::{Hash, VerifiedAlgorithm};
use crate::x509::{KeyKind, SubjectPublicKeyInfo};

/// What signing a request is called in errors.
const SIGNING: &str = "was signing";

/// A private key on a token, whose session stays open as long as this lives.
#[derive(Debug)]
pub struct Pkcs11Key {
    loaded: Arc<Mutex<Loaded>>,
    token: Token,
    object: Object,
    uri: String,
    public_key: Option<SubjectPublicKeyInfo>,
    family: KeyFamily,
    /// The length of a coordinate of the curve in octets; 0 for RSA.
    field: u16,
    pins: Pins,
    reuse_pin: bool,
    patience: Duration,
}

/// How a key is opened.
pub struct Opening {
    /// Who has the PIN.
    pub ask: Ask,
    /// What became of PINs in this run.
    pub remembered: Arc<Remembered>,
    /// A key that asks for a PIN at each signature gets the token's.
    pub reuse_pin: bool,
}

impl std::fmt::Debug for Opening {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Opening").field("reuse_pin", &self.reuse_pin).finish_non_exhaustive()
    }
}

/// The public half of a key that may be meant, with the id that it has on a token, if it is there.
#[derive(Clone, Debug)]
pub struct Hint {
    /// A certificate's public key.
    pub public_key: SubjectPublicKeyInfo,
    /// The id of the certificate on its token; empty elsewhere.
    pub id: Vec<u8>,
}

/// A private key, and its public half as far as the token tells.
struct Candidate {
    object: Object,
    public_key: Option<SubjectPublicKeyInfo>,
}

/// Finds the private key that a URI means, logs in if that is needed, and takes it into use.
///
/// `hints` are the public keys of the certificates that go with it: of several keys the one is meant that a certificate belongs to, and
/// where a label names a certificate only, the key of the same id. A PIN is sent to one token at most; where several are meant, that is an
/// error.
///
/// # Errors
///
/// Fails if the helper, the module, the token, the PIN or the key cannot be used, and if there is not exactly one.
pub fn open(
    tokens: &mut Tokens,
    uri: &Pkcs11Uri,
    hints: &[Hint],
    opening: Opening,
) -> Result<Pkcs11Key, Pkcs11Error> {
    let Opening { ask, remembered, reuse_pin } = opening;
    let mut search = tokens.search(uri)?;
    let Some((loaded, matching)) = tokens.next(&mut search, uri)? else {
        return Err(search.not_found("token", uri));
    };
    let token = the_token(&mut lock(&loaded), matching, uri, hints, tokens.deadline())?;
    let mut pins = Pins::new(ask, remembered);
    log_in(tokens, &loaded, &token, &mut pins)?;
    let deadline = tokens.deadline();
    let found = keys(&mut lock(&loaded), &token, uri.attributes(), hints, deadline)?;
    let Candidate { object, public_key } = match the_key(found, hints) {
        Ok(candidate) => candidate,
        Err(found) if found.is_empty() => {
            let all = lock(&loaded).find(&token, Class::PrivateKey, &Attributes::default(), deadline)?;
            search.there = all.iter().map(|object| object_uri(&token, object, Class::PrivateKey)).collect();
            search.passed(&loaded, "its token has no such private key");
            return Err(search.not_found("private key", uri));
        }
        Err(found) => {
            let uri = quoted(uri.place());
            let candidates =
                found.iter().map(|one| object_uri(&token, &one.object, Class::PrivateKey)).collect();
            return Err(Pkcs11Error::Ambiguous { what: "private keys", uri, candidates });
        }
    };
    let uri = object_uri(&token, &object, Class::PrivateKey);
    let (family, field) = kind(&object, public_key.as_ref(), hints)
        .map_err(|why| Pkcs11Error::KeyUnsupported { uri: quoted(&uri), why })?;
    trace::step(|| format!("PKCS#11 key {}", quoted(&uri)));
    let patience = tokens.patience();
    Ok(Pkcs11Key { loaded, token, object, uri, public_key, family, field, pins, reuse_pin, patience })
}

/// Chooses the token: of several that match, the one on which something public is what is meant.
fn the_token(
    loaded: &mut Loaded,
    matching: Vec<Token>,
    uri: &Pkcs11Uri,
    hints: &[Hint],
    deadline: Instant,
) -> Result<Token, Pkcs11Error> {
    let mut with_evidence = Vec::new();
    if matching.len() > 1 {
        for token in &matching {
            if has_evidence(loaded, token, uri.attributes(), hints, deadline)? {
                with_evidence.push(token.clone());
            }
        }
    }
    let mut left = if with_evidence.is_empty() { matching } else { with_evidence };
    match (left.pop(), left.is_empty()) {
        (Some(token), true) => Ok(token),
        (last, _) => {
            left.extend(last);
            let candidates = left.iter().map(|token| {
                let Attributes { object, id, .. } = uri.attributes().clone();
                Attributes { object, id, ..distinct(token, &left) }.to_uri()
            });
            let candidates = candidates.collect();
            Err(Pkcs11Error::Ambiguous { what: "tokens", uri: quoted(uri.place()), candidates })
        }
    }
}

/// Returns attributes that mean a token and none of the others.
fn distinct(token: &Token, all: &[Token]) -> Attributes {
    let attributes = token_attributes(token);
    let same = all.iter().filter(|other| token_attributes(other) == attributes).count();
    if same > 1 { Attributes { slot_id: Some(token.slot), ..attributes } } else { attributes }
}

/// Tells whether a token shows, without a login, something that is meant: a key or a certificate of that label and id, and of a public key
/// that goes with a certificate if there is any.
fn has_evidence(
    loaded: &mut Loaded,
    token: &Token,
    wanted: &Attributes,
    hints: &[Hint],
    deadline: Instant,
) -> Result<bool, Pkcs11Error> {
    for class in [Class::PrivateKey, Class::PublicKey, Class::Certificate] {
        for object in loaded.find(token, class, wanted, deadline)? {
            let fits = match public_key(&object) {
                Some(key) => hints.is_empty() || hints.iter().any(|hint| hint.public_key == key),
                None => class == Class::PrivateKey || hints.is_empty(),
            };
            if fits {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

/// Returns the private keys that are meant, and that can sign.
fn keys(
    loaded: &mut Loaded,
    token: &Token,
    wanted: &Attributes,
    hints: &[Hint],
    deadline: Instant,
) -> Result<Vec<Candidate>, Pkcs11Error> {
    let mut objects = loaded.find(token, Class::PrivateKey, wanted, deadline)?;
    if objects.is_empty() && wanted.object.is_some() {
        // The label may be the certificate's alone: its key has the same id.
        let certificates = loaded.find(token, Class::Certificate, wanted, deadline)?;
        let mut ids: Vec<Vec<u8>> = certificates.into_iter().map(|certificate| certificate.id).collect();
        ids.extend(hints.iter().map(|hint| hint.id.clone()));
        ids.retain(|id| !id.is_empty());
        ids.sort_unstable();
        ids.dedup();
        for id in ids {
            let by_id = Attributes { id: Some(id), ..Attributes::default() };
            objects.extend(loaded.find(token, Class::PrivateKey, &by_id, deadline)?);
        }
    }
    let mut found = Vec::new();
    for object in objects.into_iter().filter(|object| object.signs) {
        let public_key = match public_key(&object) {
            Some(key) => Some(key),
            None => public_half(loaded, token, &object, deadline)?,
        };
        found.push(Candidate { object, public_key });
    }
    Ok(found)
}

/// Returns the public half of a private key that does not tell it: that of the public key or the certificate with the same id.
fn public_half(
    loaded: &mut Loaded,
    token: &Token,
    key: &Object,
    deadline: Instant,
) -> Result<Option<SubjectPublicKeyInfo>, Pkcs11Error> {
    if key.id.is_empty() {
        return Ok(None);
    }
    let same_id = Attributes { id: Some(key.id.clone()), ..Attributes::default() };
    for class in [Class::PublicKey, Class::Certificate] {
        let objects = loaded.find(token, class, &same_id, deadline)?;
        if let Some(found) = objects.iter().find_map(public_key) {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

/// Chooses the key: the only one, or the only one that a certificate belongs to. Else all are given back.
fn the_key(mut found: Vec<Candidate>, hints: &[Hint]) -> Result<Candidate, Vec<Candidate>> {
    if found.len() > 1 {
        let belongs = |candidate: &Candidate| {
            candidate.public_key.as_ref().is_some_and(|key| hints.iter().any(|hint| hint.public_key == *key))
        };
        let (mut belonging, others): (Vec<_>, Vec<_>) = found.into_iter().partition(belongs);
        // The same key twice is one key.
        belonging.dedup_by(|one, other| one.public_key == other.public_key);
        found = if belonging.is_empty() { others } else { belonging };
    }
    match (found.pop(), found.is_empty()) {
        (Some(only), true) => Ok(only),
        (last, _) => {
            found.extend(last);
            Err(found)
        }
    }
}

/// Returns the family of a key and the length of its curve's coordinates.
fn kind(
    object: &Object,
    public_key: Option<&SubjectPublicKeyInfo>,
    hints: &[Hint],
) -> Result<(KeyFamily, u16), String> {
    let kind = public_key
        .map(SubjectPublicKeyInfo::kind)
        .or_else(|| own_kind(object))
        .or_else(|| hints.first().map(|hint| hint.public_key.kind()))
        .ok_or_else(|| String::from("the token does not tell what kind of key it is"))?;
    match kind {
        KeyKind::EcP256 => Ok((KeyFamily::Ec, 32)),
        KeyKind::EcP384 => Ok((KeyFamily::Ec, 48)),
        KeyKind::EcP521 => Ok((KeyFamily::Ec, 66)),
        ref rsa @ KeyKind::Rsa(_) if rsa.is_supported() => Ok((KeyFamily::Rsa, 0)),
        other @ (KeyKind::MlDsa44
        | KeyKind::MlDsa65
        | KeyKind::MlDsa87
        | KeyKind::Other(_)
        | KeyKind::Rsa(_)) => Err(format!("{other} is not supported on a token")),
    }
}

/// Logs in to a token that wants it, once for all of its keys.
fn log_in(
    tokens: &mut Tokens,
    loaded: &Mutex<Loaded>,
    token: &Token,
    pins: &mut Pins,
) -> Result<(), Pkcs11Error> {
    if !token.login_required || lock(loaded).logged_in.contains(&token.slot) {
        return Ok(());
    }
    let owner = Owner { token, key: None };
    let pin = if token.own_way_to_ask {
        if token.pin_locked {
            let token = quoted(&token.label);
            return Err(Pkcs11Error::PinLocked { token, locked: true, tries: Tries::Locked });
        }
        prompt::tell(&format!("Enter the PIN of the PKCS#11 token {} on its own keys", quoted(&token.label)));
        None
    } else {
        let begun = Instant::now();
        let pin = pins.get(&owner);
        tokens.excuse(begun.elapsed());
        Some(pin?)
    };
    let request = Request::Login { slot: token.slot, pin: pin.as_deref().map(octets) };
    let doing = "was logging in";
    let mut loaded = lock(loaded);
    let reply = loaded.program.ask(&request, doing, tokens.deadline(), None)?;
    match reply {
        Reply::LoggedIn => {
            if let Some(pin) = &pin {
                pins.accepted(&owner, pin);
            }
            loaded.logged_in.insert(token.slot);
            Ok(())
        }
        Reply::Refused(refused) if is_of_pin(refused.kind) => {
            if let Some(pin) = &pin {
                pins.refused(&owner, pin);
            }
            Err(pin_refused(&mut loaded, token, refused, tokens.deadline()))
        }
        Reply::Hello { .. }
        | Reply::Loaded(_)
        | Reply::Objects(_)
        | Reply::Refused(_)
        | Reply::Signature(_)
        | Reply::Tokens(_) => Err(loaded.program.out_of_turn(&reply, doing)),
    }
}

fn octets(pin: &Secret<String>) -> Secret<Vec<u8>> {
    Secret::new(pin.expose().as_bytes().to_vec())
}

const fn is_of_pin(kind: RefusedKind) -> bool {
    matches!(kind, RefusedKind::PinIncorrect | RefusedKind::PinInvalid | RefusedKind::PinLocked)
}

/// Says that a PIN was refused, and what the token tells of the tries that are left.
fn pin_refused(loaded: &mut Loaded, token: &Token, refused: Refused, deadline: Instant) -> Pkcs11Error {
    // It says less where the token cannot be asked any more.
    let _ = loaded.ask_for_tokens(deadline);
    let tries = loaded.token(token.slot).map_or(Tries::Untold, tries);
    let label = quoted(&token.label);
    if refused.kind == RefusedKind::PinLocked {
        return Pkcs11Error::PinLocked { token: label, locked: true, tries: Tries::Locked };
    }
    Pkcs11Error::PinWrong { token: label, why: refused.text, before: false, tries }
}

/// Returns whose PIN a key asks for at each signature.
fn owner<'a>(token: &'a Token, uri: &'a str, reuse_pin: bool) -> Owner<'a> {
    Owner { token, key: (!reuse_pin).then_some(uri) }
}

impl Pkcs11Key {
    /// Returns the URI that means this key and no other.
    pub fn uri(&self) -> &str {
        &self.uri
    }

    fn request(&self, digest: DigestAlgorithm, message: &[u8], authentication: Authentication) -> Request {
        let (digest, algorithm) = match digest {
            DigestAlgorithm::Sha256 => (Digest::Sha256, &digest::SHA256),
            DigestAlgorithm::Sha384 => (Digest::Sha384, &digest::SHA384),
            DigestAlgorithm::Sha512 => (Digest::Sha512, &digest::SHA512),
        };
        let hash = digest::digest(algorithm, message);
        let hashed = match self.family {
            KeyFamily::Rsa => digest_info(digest, hash.as_ref()),
            // Of a hash that is longer than the curve, the left part counts (FIPS 186-5 §6.4.1).
            KeyFamily::Ec => hash.as_ref()[..hash.as_ref().len().min(usize::from(self.field))].to_vec(),
        };
        Request::Sign(Box::new(SignRequest {
            object: self.object.number,
            kind: self.family,
            digest,
            message: message.to_vec(),
            hashed,
            field: self.field,
            authentication,
        }))
    }

    /// Returns what the key wants before it signs, and the PIN in it.
    fn authentication(&mut self) -> Result<(Authentication, Option<Pin>), Pkcs11Error> {
        if !self.object.always_authenticate {
            return Ok((Authentication::None, None));
        }
        if self.token.own_way_to_ask {
            prompt::tell(&format!(
                "Enter the PIN for a signature of {} on the token's keys",
                quoted(&self.uri)
            ));
            return Ok((Authentication::Device, None));
        }
        let pin = self.pins.get(&owner(&self.token, &self.uri, self.reuse_pin))?;
        Ok((Authentication::Pin(octets(&pin)), Some(pin)))
    }

    fn signature(&mut self, digest: DigestAlgorithm, message: &[u8]) -> Result<Vec<u8>, Pkcs11Error> {
        let (authentication, pin) = self.authentication()?;
        let request = self.request(digest, message, authentication);
        let owner = owner(&self.token, &self.uri, self.reuse_pin);
        let tell = || {
            prompt::tell(&format!(
                "The PKCS#11 token {} has not signed yet: if it has a button or blinks, touch it",
                quoted(&self.token.label)
            ));
        };
        let deadline = Instant::now() + self.patience;
        let mut loaded = lock(&self.loaded);
        let reply = loaded.program.ask(&request, SIGNING, deadline, Some(&tell))?;
        match reply {
            Reply::Signature(octets) => {
                let module = loaded.program.module().to_owned();
                if let Some(pin) = &pin {
                    self.pins.accepted(&owner, pin);
                }
                let signature = match self.family {
                    KeyFamily::Rsa => Some(octets),
                    KeyFamily::Ec => ecdsa_signature(&octets),
                };
                let signature = signature
                    .filter(|signature| self.verifies(digest, message, signature))
                    .ok_or(Pkcs11Error::WrongSignature { module })?;
                Ok(signature)
            }
            Reply::Refused(refused) if is_of_pin(refused.kind) => {
                if let Some(pin) = &pin {
                    self.pins.refused(&owner, pin);
                }
                Err(pin_refused(&mut loaded, &self.token, refused, deadline))
            }
            Reply::Hello { .. }
            | Reply::Loaded(_)
            | Reply::LoggedIn
            | Reply::Objects(_)
            | Reply::Refused(_)
            | Reply::Tokens(_) => Err(loaded.program.out_of_turn(&reply, SIGNING)),
        }
    }

    /// Tells whether the signature is the key's, where its public half is known; else whoever knows the certificate has to look.
    fn verifies(&self, digest: DigestAlgorithm, message: &[u8], signature: &[u8]) -> bool {
        let hash = match digest {
            DigestAlgorithm::Sha256 => Hash::Sha256,
            DigestAlgorithm::Sha384 => Hash::Sha384,
            DigestAlgorithm::Sha512 => Hash::Sha512,
        };
        let algorithm = match self.family {
            KeyFamily::Ec => VerifiedAlgorithm::Ecdsa(hash),
            KeyFamily::Rsa => VerifiedAlgorithm::RsaPkcs1(hash),
        };
        self.public_key.as_ref().is_none_or(|key| key.verifies(algorithm, message, signature))
    }
}

impl SigningKey for Pkcs11Key {
    fn algorithm(&self) -> SignatureAlgorithm {
        match self.family {
            KeyFamily::Ec => SignatureAlgorithm::EcdsaSha256,
            KeyFamily::Rsa => SignatureAlgorithm::RsaSha256,
        }
    }

    fn public_key(&self) -> Option<&SubjectPublicKeyInfo> {
        self.public_key.as_ref()
    }

    fn sign_with(&mut self, digest: DigestAlgorithm, message: &[u8]) -> Result<Signature, SignError> {
        self.signature(digest, message)
            .map(Signature::new)
            .map_err(|error| SignError::Device(Box::new(error)))
    }
}
