//! Sessions that prove a password without showing it (TPM 2.0 Library, part 1 §19.6 and §21).
//!
//! A plain password would cross the bus of a TPM in clear, where a probe reads it, and the network to a software TPM. So it is only ever
//! the key of an HMAC; and since that could be guessed from by whoever records it, the HMAC's key also has a salt in it, which is
//! agreed upon with a key of the TPM (ECDH on P-256). A password that is given to a new key is encrypted by the same session.

use aws_lc_rs::agreement::{self, ECDH_P256, EphemeralPrivateKey, UnparsedPublicKey};
use aws_lc_rs::cipher::{AES_128, EncryptingKey, EncryptionContext, UnboundCipherKey};
use aws_lc_rs::iv::FixedLength;
use aws_lc_rs::rand::{self, SystemRandom};
use aws_lc_rs::{digest, hmac};
use zeroize::Zeroizing;

use super::wire::{Reader, Writer};
use crate::secret::Secret;

/// The length of a nonce, and of SHA-256, in octets.
const OCTETS: usize = 32;
/// The session stays after the command.
const CONTINUE: u8 = 1;
/// The command's first parameter is encrypted.
const DECRYPT: u8 = 1 << 5;

/// A salt, and how the TPM learns it.
pub(super) struct Salt {
    value: Zeroizing<Vec<u8>>,
    /// `TPMS_ECC_POINT` of the ephemeral key.
    pub(super) encrypted: Vec<u8>,
}

impl Salt {
    /// Agrees on a salt with a key of the TPM: `KDFe(SHA-256, Z, "SECRET", ephemeral.x, key.x, 256)`.
    pub(super) fn agree((x, y): &([u8; OCTETS], [u8; OCTETS])) -> Option<Self> {
        let ephemeral = EphemeralPrivateKey::generate(&ECDH_P256, &SystemRandom::new()).ok()?;
        let public = ephemeral.compute_public_key().ok()?;
        let own = public.as_ref().strip_prefix(&[4])?;
        let (own_x, own_y) = own.split_at_checked(OCTETS)?;
        let theirs = [&[4][..], x, y].concat();
        let derive = |shared: &[u8]| {
            let input = Zeroizing::new([&[0, 0, 0, 1], shared, b"SECRET\0", own_x, x].concat());
            Ok(Zeroizing::new(digest::digest(&digest::SHA256, &input).as_ref().to_vec()))
        };
        let theirs = UnparsedPublicKey::new(&ECDH_P256, theirs);
        let value = agreement::agree_ephemeral(ephemeral, theirs, (), derive).ok()?;
        Some(Self { value, encrypted: Writer::default().sized(own_x).sized(own_y).finish() })
    }
}

/// An HMAC session.
#[derive(Debug)]
pub(super) struct Session {
    handle: u32,
    key: Zeroizing<Vec<u8>>,
    /// The TPM's last nonce.
    theirs: Vec<u8>,
}

/// What one command is authorised by.
pub(super) struct Proof {
    /// The authorisation area of the command.
    pub(super) area: Vec<u8>,
    nonce: Vec<u8>,
    key: hmac::Key,
}

impl Session {
    /// Begins with what the TPM answered; `nonce` is what was sent to it.
    pub(super) fn new(handle: u32, salt: &Salt, nonce: &[u8], theirs: &[u8]) -> Self {
        let key = kdfa(&salt.value, b"ATH\0", theirs, nonce);
        Self { handle, key, theirs: theirs.to_vec() }
    }

    /// Proves a password for a command on objects of these names; with `encrypts` its first parameter is encrypted.
    pub(super) fn prove(
        &self,
        password: &Secret<String>,
        code: u32,
        names: &[&[u8]],
        parameters: &mut [u8],
        encrypts: bool,
    ) -> Option<Proof> {
        let nonce = nonce()?;
        let secret = Zeroizing::new([&self.key, auth_value(password)].concat());
        if encrypts {
            encrypt_first(parameters, &kdfa(&secret, b"CFB\0", &nonce, &self.theirs))?;
        }
        let attributes = if encrypts { CONTINUE | DECRYPT } else { CONTINUE };
        let key = hmac::Key::new(hmac::HMAC_SHA256, &secret);
        let command = [&code.to_be_bytes(), names.concat().as_slice(), parameters].concat();
        let command = digest::digest(&digest::SHA256, &command);
        let proof = hmac::sign(&key, &[command.as_ref(), &nonce, &self.theirs, &[attributes]].concat());
        let area = Writer::default().u32(self.handle).sized(&nonce).u8(attributes).sized(proof.as_ref());
        Some(Proof { area: area.finish(), nonce, key })
    }

    /// Checks that the TPM, which knows the password too, has answered, and keeps its next nonce.
    pub(super) fn accept(&mut self, proof: &Proof, code: u32, parameters: &[u8], area: &[u8]) -> Option<()> {
        let mut reader = Reader::new(area);
        let (theirs, attributes, tag) = (reader.sized()?, reader.u8()?, reader.sized()?);
        let answer = [&[0; 4], &code.to_be_bytes()[..], parameters].concat();
        let answer = digest::digest(&digest::SHA256, &answer);
        let proven = [answer.as_ref(), theirs, &proof.nonce, &[attributes]].concat();
        hmac::verify(&proof.key, &proven, tag).ok()?;
        self.theirs = theirs.to_vec();
        Some(())
    }
}

/// Returns a fresh nonce.
pub(super) fn nonce() -> Option<Vec<u8>> {
    let mut nonce = vec![0; OCTETS];
    rand::fill(&mut nonce).ok()?;
    Some(nonce)
}

/// Returns a password as TPMs take it: without zeros at its end (TPM 2.0 Library, part 1 §19.6.4.3).
pub(super) fn auth_value(password: &Secret<String>) -> &[u8] {
    password.expose().trim_end_matches('\0').as_bytes()
}

/// `KDFa(SHA-256, key, label, context_u, context_v, 256)`, the label with its zero (TPM 2.0 Library, part 1 §11.4.10.2).
fn kdfa(key: &[u8], label: &[u8], context_u: &[u8], context_v: &[u8]) -> Zeroizing<Vec<u8>> {
    let key = hmac::Key::new(hmac::HMAC_SHA256, key);
    let input = [&[0, 0, 0, 1], label, context_u, context_v, &256u32.to_be_bytes()].concat();
    Zeroizing::new(hmac::sign(&key, &input).as_ref().to_vec())
}

/// Encrypts what is in the first parameter, behind its length, with AES-128 in CFB mode.
fn encrypt_first(parameters: &mut [u8], key_and_iv: &[u8]) -> Option<()> {
    let (length, rest) = parameters.split_at_mut_checked(2)?;
    let length = usize::from(u16::from_be_bytes([*length.first()?, *length.get(1)?]));
    let (key, iv) = key_and_iv.split_at_checked(16)?;
    let key = EncryptingKey::cfb128(UnboundCipherKey::new(&AES_128, key).ok()?).ok()?;
    let context = EncryptionContext::Iv128(FixedLength::from(<[u8; 16]>::try_from(iv).ok()?));
    key.less_safe_encrypt(rest.get_mut(..length)?, context).ok()?;
    Some(())
}
