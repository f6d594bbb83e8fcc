//! An entry sealed for one purpose and one key: nobody without the sealing key can read, change or move it.
//!
//! ```text
//! header     = "anyrole\0" ‖ version (1) ‖ purpose (1) ‖ expiration (8) ‖ salt (32)
//! key        = HKDF-SHA256(IKM = sealing key, salt, info = purpose's label ‖ CacheKey ‖ context)
//! ciphertext = ChaCha20-Poly1305(key, nonce = 0, AAD = header ‖ CacheKey, entry)
//! sealed     = header ‖ ciphertext ‖ tag (16)
//! ```
//!
//! The salt is random for each sealing, so each derived key seals one message, and the nonce need not vary. The
//! expiration is in the header so that an entry can be dropped without being opened.
//!
//! The cipher (RFC 8439) is fast and constant-time without special instructions, so there is no need to ask the
//! processor for its features: AES did so twelve times, and each query exits the virtual machine. It is RustCrypto's
//! and not aws-lc's: opening one entry through aws-lc maps half a megabyte into a process that needs nothing else of
//! it, and takes a dozen system calls to set up.

use chacha20poly1305::aead::inout::InOutBuf;
use chacha20poly1305::aead::{AeadInOut as _, KeyInit as _};
use chacha20poly1305::{ChaCha20Poly1305, Nonce, Tag};
use hkdf::Hkdf;
use sha2::Sha256;
use zeroize::Zeroizing;

use super::encoding::MAX_LENGTH;
use super::{CacheEntry, CacheKey};
use crate::clock::Timestamp;
use crate::secret::Secret;

const MAGIC: [u8; 8] = *b"anyrole\0";
const VERSION: u8 = 2;
const SALT_LENGTH: usize = 32;
const TAG_LENGTH: usize = 16;
/// Each key seals one message.
const NONCE: [u8; 12] = [0; 12];
const HEADER_LENGTH: usize = MAGIC.len() + 1 + 1 + 8 + SALT_LENGTH;

/// The largest sealed entry, in octets.
pub(super) const MAX_SEALED: usize = HEADER_LENGTH + MAX_LENGTH + TAG_LENGTH;

/// The store that an entry is sealed for; it does not open for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    File,
    Keyring,
}

impl Purpose {
    const fn label(self) -> &'static [u8] {
        match self {
            Self::File => b"anyrole/file-cache/v1\0",
            Self::Keyring => b"anyrole/keyring-cache/v1\0",
        }
    }

    const fn octet(self) -> u8 {
        match self {
            Self::File => 1,
            Self::Keyring => 2,
        }
    }
}

/// What an entry is sealed under: a secret from which keys are derived, and a context that they are bound to.
#[derive(Debug)]
pub struct SealingKey {
    material: Secret<Vec<u8>>,
    context: Vec<u8>,
}

impl SealingKey {
    /// Takes input keying material (RFC 5869) with at least 128 bits of entropy, and the context that is mixed in.
    ///
    /// For the file store these are the decrypted PKCS#8 octets of the private key and the SHA-256 of its
    /// SubjectPublicKeyInfo: the parts of `signer::SealingKey`, which this floor cannot import.
    pub fn new(material: Secret<Vec<u8>>, context: impl Into<Vec<u8>>) -> Self {
        Self { material, context: context.into() }
    }

    fn cipher(&self, purpose: Purpose, key: &CacheKey, salt: &[u8]) -> Option<ChaCha20Poly1305> {
        let mut derived = Zeroizing::new([0; 32]);
        Hkdf::<Sha256>::new(Some(salt), self.material.expose())
            .expand_multi_info(&[purpose.label(), key.octets(), &self.context], derived.as_mut_slice())
            .ok()?;
        ChaCha20Poly1305::new_from_slice(derived.as_slice()).ok()
    }
}

/// Seals an encoded entry; `None` if the system provides no random numbers.
pub(super) fn seal(
    purpose: Purpose,
    sealing_key: &SealingKey,
    key: &CacheKey,
    expiration: Timestamp,
    mut encoded: Zeroizing<Vec<u8>>,
) -> Option<Vec<u8>> {
    let mut header = [0; HEADER_LENGTH];
    let (prefix, salt) = header.split_at_mut(HEADER_LENGTH - SALT_LENGTH);
    prefix[..MAGIC.len()].copy_from_slice(&MAGIC);
    prefix[MAGIC.len()] = VERSION;
    prefix[MAGIC.len() + 1] = purpose.octet();
    prefix[MAGIC.len() + 2..].copy_from_slice(&expiration.unix_seconds().to_be_bytes());
    aws_lc_rs::rand::fill(salt).ok()?;
    let cipher = sealing_key.cipher(purpose, key, salt)?;
    let buffer = InOutBuf::from(encoded.as_mut_slice());
    let tag =
        cipher.encrypt_inout_detached(&Nonce::from(NONCE), &additional_data(&header, key), buffer).ok()?;
    Some([&header, encoded.as_slice(), tag.as_slice()].concat())
}

/// Opens a sealed entry; `None` for anything not sealed for this purpose and key.
pub(super) fn open(
    purpose: Purpose,
    sealing_key: &SealingKey,
    key: &CacheKey,
    sealed: &[u8],
) -> Option<CacheEntry> {
    let expiration = expiration(purpose, sealed)?;
    let (header, ciphertext) = sealed.split_at_checked(HEADER_LENGTH)?;
    let (ciphertext, tag) = ciphertext.split_last_chunk::<TAG_LENGTH>()?;
    let cipher = sealing_key.cipher(purpose, key, &header[HEADER_LENGTH - SALT_LENGTH..])?;
    let mut text = Zeroizing::new(ciphertext.to_vec());
    let buffer = InOutBuf::from(text.as_mut_slice());
    cipher
        .decrypt_inout_detached(&Nonce::from(NONCE), &additional_data(header, key), buffer, &Tag::from(*tag))
        .ok()?;
    CacheEntry::decode(&text).filter(|entry| entry.expiration() == expiration)
}

/// Reads the expiration in the header, which is not authenticated until the entry is opened.
pub(super) fn expiration(purpose: Purpose, sealed: &[u8]) -> Option<Timestamp> {
    if sealed.len() > MAX_SEALED {
        return None;
    }
    let rest = sealed.strip_prefix(&MAGIC)?.strip_prefix(&[VERSION, purpose.octet()])?;
    Some(Timestamp::from_unix_seconds(i64::from_be_bytes(*rest.first_chunk()?)))
}

fn additional_data(header: &[u8], key: &CacheKey) -> Vec<u8> {
    [header, key.octets()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cache::entry::tests::entry;

    fn sealing_key(material: u8, context: u8) -> SealingKey {
        SealingKey::new(Secret::new(vec![material; 32]), [context; 32])
    }

    fn key(text: &str) -> CacheKey {
        text.repeat(64).parse().unwrap()
    }

    fn sealed(purpose: Purpose) -> Vec<u8> {
        let entry = entry();
        seal(purpose, &sealing_key(1, 1), &key("a"), entry.expiration(), entry.encode().unwrap()).unwrap()
    }

    #[test]
    fn what_was_sealed_opens() {
        let sealed = sealed(Purpose::File);
        let opened = open(Purpose::File, &sealing_key(1, 1), &key("a"), &sealed).unwrap();
        assert_eq!(opened.into_facts(), entry().into_facts());
        assert_eq!(expiration(Purpose::File, &sealed), Some(entry().expiration()));
    }

    /// By aws-lc, from the description above.
    #[test]
    fn another_library_opens_it() {
        use aws_lc_rs::{aead, hkdf};
        for (purpose, octet, label) in [
            (Purpose::File, 1, &b"anyrole/file-cache/v1\0"[..]),
            (Purpose::Keyring, 2, b"anyrole/keyring-cache/v1\0"),
        ] {
            let sealed = sealed(purpose);
            let (header, ciphertext) = sealed.split_at(50);
            assert_eq!(header[..10], [&b"anyrole\0"[..], &[2, octet]].concat());
            assert_eq!(header[10..18], entry().expiration().unix_seconds().to_be_bytes());
            let key = key("a");
            let info = [label, key.octets(), &[1; 32]];
            let material = hkdf::Salt::new(hkdf::HKDF_SHA256, &header[18..]).extract(&[1; 32]);
            let derived = material.expand(&info, &aead::CHACHA20_POLY1305).unwrap();
            let cipher = aead::LessSafeKey::new(derived.into());
            let nonce = aead::Nonce::assume_unique_for_key([0; 12]);
            let associated = aead::Aad::from([header, key.octets()].concat());
            let mut text = ciphertext.to_vec();
            let text = cipher.open_in_place(nonce, associated, &mut text).unwrap();
            assert_eq!(*text, **entry().encode().unwrap());
        }
    }

    #[test]
    fn what_is_longer_than_any_entry_is_not_looked_at() {
        let longest = 50 + MAX_LENGTH + 16;
        let mut sealed = sealed(Purpose::File);
        sealed.resize(longest, 0);
        assert!(expiration(Purpose::File, &sealed).is_some());
        sealed.push(0);
        assert_eq!(expiration(Purpose::File, &sealed), None);
    }

    #[test]
    fn it_opens_nowhere_else() {
        let sealed = sealed(Purpose::File);
        assert!(open(Purpose::Keyring, &sealing_key(1, 1), &key("a"), &sealed).is_none());
        assert!(open(Purpose::File, &sealing_key(2, 1), &key("a"), &sealed).is_none());
        assert!(open(Purpose::File, &sealing_key(1, 2), &key("a"), &sealed).is_none());
        assert!(open(Purpose::File, &sealing_key(1, 1), &key("b"), &sealed).is_none());
    }

    #[test]
    fn each_flipped_bit_is_noticed() {
        let sealed = sealed(Purpose::Keyring);
        for place in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[place] ^= 1 << (place % 8);
            assert!(open(Purpose::Keyring, &sealing_key(1, 1), &key("a"), &changed).is_none(), "{place}");
            assert!(open(Purpose::Keyring, &sealing_key(1, 1), &key("a"), &sealed[..place]).is_none());
        }
    }

    #[test]
    fn two_seals_of_one_entry_share_nothing_behind_the_header() {
        let (one, two) = (sealed(Purpose::File), sealed(Purpose::File));
        assert_ne!(one[HEADER_LENGTH - SALT_LENGTH..], two[HEADER_LENGTH - SALT_LENGTH..]);
        assert!(!one.windows(6).any(|window| window == b"canary"));
    }
}
