//! The encrypted backup of the files that held the key.
//!
//! ```text
//! data key   = 32 random octets, used once
//! sealed     = ChaCha20-Poly1305(data key, nonce 0, AAD = label ‖ key id ‖ 0 ‖ date, files)
//! slot       = ChaCha20-Poly1305(KEK, nonce 0, AAD = label ‖ kind, data key)     one or several
//!   identity   KEK = HKDF-SHA256(IKM = PKCS#8 of the private key, salt, info = label ‖ SHA-256 of the public key)
//!   password   KEK = PBKDF2-HMAC-SHA256(password, salt, 600,000 iterations)
//! ```
//!
//! Each salt is random, so each KEK encrypts one message and the nonce need not vary. The file is a JSON text in which octets are
//! base64; its slots can be added to without a look at what is sealed. The derivation from the private key is that of the sealed
//! cache file (`cache::seal`): it needs the key's octets, which a token or a TPM does not give, and a signature of theirs will not
//! do, because ECDSA's is another one each time. There the backup has a password, or there is none.
//!
//! `pki renew` and `pki issue --replace` add a slot for the new private key before it takes the place of the old one
//! (`migrate::rekey`). Keys that change in other ways leave the slot of the old one behind. So a backup opens with the old key
//! too (`--backup-key`), `status` says which public key it needs and whether the identity still has it, and a password, if there
//! is one, always opens it.

use std::num::NonZeroU32;
use std::path::{Path, PathBuf};

use aws_lc_rs::pbkdf2;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use chacha20poly1305::aead::inout::InOutBuf;
use chacha20poly1305::aead::{AeadInOut as _, KeyInit as _};
use chacha20poly1305::{ChaCha20Poly1305, Nonce, Tag};
use hkdf::Hkdf;
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use zeroize::Zeroizing;

use super::MigrateError;
use crate::private_file;
use crate::secret::Secret;
use crate::signer::file::FileKey;
use crate::signer::{SealingKey, SigningKey as _};
use crate::x509::pem;
use crate::x509::private_key::{self, ReadKey};

/// The version of the form.
const VERSION: u32 = 1;
/// What each use of a key is bound to.
const LABEL: &[u8] = b"anyrole/migrate-backup/v1\0";
/// The length of a key and of a salt, in octets.
const KEY_LENGTH: usize = 32;
/// The length of an authentication tag, in octets.
const TAG_LENGTH: usize = 16;
/// What the files are sealed with.
type DataKey = Zeroizing<[u8; KEY_LENGTH]>;
/// Each key encrypts one message.
const NONCE: [u8; 12] = [0; 12];
/// OWASP's advice for PBKDF2 with HMAC-SHA-256.
const ITERATIONS: u32 = 600_000;
/// The most iterations that are done for a backup: some seconds of work.
const MOST_ITERATIONS: u32 = 10_000_000;
/// The largest backup that is read, in bytes: two files of 16 MiB in base64, and some.
const LIMIT: u64 = 64 << 20;

/// A file as it was.
#[derive(Clone, PartialEq, Eq)]
pub struct SavedFile {
    /// Where it was.
    pub path: PathBuf,
    /// Whether it was there.
    pub existed: bool,
    /// Its octets.
    pub content: Zeroizing<Vec<u8>>,
}

impl std::fmt::Debug for SavedFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SavedFile").field("path", &self.path).finish_non_exhaustive()
    }
}

/// The private key of an identity, as far as it opens backups.
#[derive(Debug)]
pub struct IdentityKey {
    material: Secret<Vec<u8>>,
    public_key_sha256: Vec<u8>,
}

impl From<SealingKey> for IdentityKey {
    fn from(key: SealingKey) -> Self {
        let (material, public_key_sha256) = key.into_parts();
        Self { material, public_key_sha256 }
    }
}

impl IdentityKey {
    /// Reads the text of an unencrypted private key; `None` if it is none, or of a kind that seals nothing.
    pub fn from_pem(text: &str) -> Option<Self> {
        let blocks = pem::read(text.as_bytes()).ok()?;
        let ReadKey::Clear(key) = private_key::read(blocks.first()?, None).ok()? else { return None };
        Some(FileKey::new(key).ok()?.sealing_key().ok()??.into())
    }

    /// Returns the SHA-256 of the public key, in lower-case hex.
    pub fn fingerprint(&self) -> String {
        hex::encode(&self.public_key_sha256)
    }
}

/// What a backup is made for, and opened with.
#[derive(Debug, Default)]
pub struct Keys {
    /// The private keys at hand, that of the identity first.
    pub identities: Vec<IdentityKey>,
    /// A password.
    pub password: Option<Secret<String>>,
}

impl Keys {
    /// Tells whether there is none.
    pub const fn is_empty(&self) -> bool {
        self.identities.is_empty() && self.password.is_none()
    }
}

/// One way to the data key.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
enum Slot {
    Identity { public_key_sha256: String, salt: String, key: String },
    Password { iterations: u32, salt: String, key: String },
}

/// A sealed backup.
#[derive(Debug, Serialize, Deserialize)]
pub struct Backup {
    anyrole: String,
    version: u32,
    access_key_id: String,
    made_at: String,
    slots: Vec<Slot>,
    sealed: String,
}

/// The mark of the form.
const FORM: &str = "migrate-backup";

impl Backup {
    /// Seals files for every key in `keys`, of which there is one at least.
    ///
    /// # Errors
    ///
    /// Fails if the system gives no random numbers.
    pub fn seal(
        access_key_id: &str,
        made_at: &str,
        files: &[SavedFile],
        keys: &Keys,
    ) -> Result<Self, &'static str> {
        let data_key = random()?;
        let mut backup = Self {
            anyrole: FORM.to_owned(),
            version: VERSION,
            access_key_id: access_key_id.to_owned(),
            made_at: made_at.to_owned(),
            slots: Vec::new(),
            sealed: String::new(),
        };
        for key in &keys.identities {
            backup.slots.push(identity_slot(key, &data_key)?);
        }
        if let Some(password) = &keys.password {
            let salt = random()?;
            let kek = password_kek(password, salt.as_slice(), ITERATIONS)?;
            let wrapped = encrypt(&kek, &aad(b"password"), data_key.as_slice())?;
            backup.slots.push(Slot::Password {
                iterations: ITERATIONS,
                salt: BASE64.encode(salt.as_slice()),
                key: BASE64.encode(wrapped),
            });
        }
        let sealed = encrypt(&data_key, &backup.aad(), &encoded(files))?;
        backup.sealed = BASE64.encode(sealed);
        Ok(backup)
    }

    /// Reads a backup; what is sealed stays so.
    ///
    /// # Errors
    ///
    /// Fails if it cannot be read, or is none.
    pub fn read(file: &Path) -> Result<Self, MigrateError> {
        let bytes = private_file::read_private(file, LIMIT)?;
        let damaged = |why| MigrateError::BackupDamaged { file: file.to_owned(), why };
        let backup: Self = serde_json::from_slice(&bytes).map_err(|_| damaged("it is not whole"))?;
        match (backup.anyrole.as_str(), backup.version) {
            (FORM, VERSION) => Ok(backup),
            (FORM, _) => Err(damaged("it is of a later version of this program")),
            _ => Err(damaged("it is another kind of file")),
        }
    }

    /// Writes it to a file, which is there as a whole or not at all, and on disk before this returns.
    ///
    /// # Errors
    ///
    /// Fails if it cannot be written.
    pub fn write(&self, file: &Path) -> Result<(), MigrateError> {
        let mut text = serde_json::to_vec(self).map_err(|_| MigrateError::BackupDamaged {
            file: file.to_owned(),
            why: "it cannot be written as JSON",
        })?;
        text.push(b'\n');
        Ok(private_file::replace(file, &text, 0o600)?)
    }

    /// Says what it opens with.
    pub fn opens_with(&self) -> Vec<String> {
        let told = |slot: &Slot| match slot {
            Slot::Identity { public_key_sha256, .. } => {
                format!("the private key of the public key with SHA-256 {public_key_sha256}")
            }
            Slot::Password { .. } => String::from("its password"),
        };
        self.slots.iter().map(told).collect()
    }

    /// Tells whether it has a password.
    pub fn has_password(&self) -> bool {
        self.slots.iter().any(|slot| match slot {
            Slot::Password { .. } => true,
            Slot::Identity { .. } => false,
        })
    }

    /// Opens it with any of the keys.
    ///
    /// # Errors
    ///
    /// Fails if none of them opens it, or if it is damaged. `file` is where it is, for the error.
    pub fn open(&self, keys: &Keys, file: &Path) -> Result<Vec<SavedFile>, MigrateError> {
        let damaged = |why| MigrateError::BackupDamaged { file: file.to_owned(), why };
        let data_key = self.slots.iter().find_map(|slot| open_slot(slot, keys)).ok_or_else(|| {
            MigrateError::BackupClosed { file: file.to_owned(), opens_with: self.opens_with() }
        })?;
        let sealed = BASE64.decode(&self.sealed).map_err(|_| damaged("it is not base64"))?;
        let text = decrypt(&data_key, &self.aad(), sealed).ok_or_else(|| damaged("its seal is broken"))?;
        decoded(&text).ok_or_else(|| damaged("what it holds is cut off"))
    }

    /// Makes what `old` opens open with `new` too; says whether that changed anything.
    ///
    /// # Errors
    ///
    /// Fails if the slot of `old` is broken, or if the system gives no random numbers.
    pub fn rekey(&mut self, old: &IdentityKey, new: &IdentityKey) -> Result<bool, &'static str> {
        let is_of = |key: &IdentityKey| {
            let fingerprint = key.fingerprint();
            move |slot: &&Slot| match slot {
                Slot::Identity { public_key_sha256, .. } => *public_key_sha256 == fingerprint,
                Slot::Password { .. } => false,
            }
        };
        let Some(slot) = self.slots.iter().find(is_of(old)) else { return Ok(false) };
        if self.slots.iter().any(|slot| is_of(new)(&slot)) {
            return Ok(false);
        }
        let data_key = open_identity(slot, old).ok_or("the former key does not open it")?;
        self.slots.push(identity_slot(new, &data_key)?);
        Ok(true)
    }

    fn aad(&self) -> Vec<u8> {
        [LABEL, self.access_key_id.as_bytes(), b"\0", self.made_at.as_bytes()].concat()
    }
}

fn identity_slot(key: &IdentityKey, data_key: &DataKey) -> Result<Slot, &'static str> {
    let salt = random()?;
    let wrapped = encrypt(&*identity_kek(key, salt.as_slice())?, &aad(b"identity"), data_key.as_slice())?;
    Ok(Slot::Identity {
        public_key_sha256: key.fingerprint(),
        salt: BASE64.encode(salt.as_slice()),
        key: BASE64.encode(wrapped),
    })
}

fn open_slot(slot: &Slot, keys: &Keys) -> Option<DataKey> {
    match slot {
        Slot::Identity { .. } => keys.identities.iter().find_map(|identity| open_identity(slot, identity)),
        Slot::Password { iterations, salt, key } => {
            let password = keys.password.as_ref()?;
            let kek = password_kek(password, &BASE64.decode(salt).ok()?, *iterations).ok()?;
            data_key(&decrypt(&kek, &aad(b"password"), BASE64.decode(key).ok()?)?)
        }
    }
}

/// Opens the slot of this private key.
fn open_identity(slot: &Slot, identity: &IdentityKey) -> Option<DataKey> {
    match slot {
        Slot::Identity { public_key_sha256, salt, key } if *public_key_sha256 == identity.fingerprint() => {
            let kek = identity_kek(identity, &BASE64.decode(salt).ok()?).ok()?;
            data_key(&decrypt(&kek, &aad(b"identity"), BASE64.decode(key).ok()?)?)
        }
        Slot::Identity { .. } | Slot::Password { .. } => None,
    }
}

fn data_key(opened: &[u8]) -> Option<DataKey> {
    opened.try_into().ok().map(Zeroizing::new)
}

fn random() -> Result<DataKey, &'static str> {
    let mut octets = Zeroizing::new([0; KEY_LENGTH]);
    aws_lc_rs::rand::fill(octets.as_mut_slice()).map_err(|_| "the system gives no random numbers")?;
    Ok(octets)
}

fn aad(kind: &[u8]) -> Vec<u8> {
    [LABEL, kind].concat()
}

fn identity_kek(key: &IdentityKey, salt: &[u8]) -> Result<Zeroizing<[u8; KEY_LENGTH]>, &'static str> {
    let mut kek = Zeroizing::new([0; KEY_LENGTH]);
    Hkdf::<Sha256>::new(Some(salt), key.material.expose())
        .expand_multi_info(&[LABEL, &key.public_key_sha256], kek.as_mut_slice())
        .map_err(|_| "no key can be derived")?;
    Ok(kek)
}

fn password_kek(
    password: &Secret<String>,
    salt: &[u8],
    iterations: u32,
) -> Result<Zeroizing<[u8; KEY_LENGTH]>, &'static str> {
    let count = NonZeroU32::new(iterations).filter(|count| count.get() <= MOST_ITERATIONS);
    let count = count.ok_or("it asks for too many iterations")?;
    let mut kek = Zeroizing::new([0; KEY_LENGTH]);
    let password = password.expose().as_bytes();
    pbkdf2::derive(pbkdf2::PBKDF2_HMAC_SHA256, count, salt, password, kek.as_mut_slice());
    Ok(kek)
}

fn encrypt(key: &[u8; KEY_LENGTH], aad: &[u8], text: &[u8]) -> Result<Vec<u8>, &'static str> {
    // Encrypted where it is, so that no clear copy is left.
    let mut buffer = Zeroizing::new(text.to_vec());
    let tag = cipher(key)
        .encrypt_inout_detached(&Nonce::from(NONCE), aad, InOutBuf::from(buffer.as_mut_slice()))
        .map_err(|_| "it is too large")?;
    Ok([buffer.as_slice(), tag.as_slice()].concat())
}

fn decrypt(key: &[u8; KEY_LENGTH], aad: &[u8], mut sealed: Vec<u8>) -> Option<Zeroizing<Vec<u8>>> {
    let length = sealed.len().checked_sub(TAG_LENGTH)?;
    let tag: [u8; TAG_LENGTH] = sealed.get(length..)?.try_into().ok()?;
    sealed.truncate(length);
    let mut text = Zeroizing::new(sealed);
    let buffer = InOutBuf::from(text.as_mut_slice());
    cipher(key).decrypt_inout_detached(&Nonce::from(NONCE), aad, buffer, &Tag::from(tag)).ok()?;
    Some(text)
}

fn cipher(key: &[u8; KEY_LENGTH]) -> ChaCha20Poly1305 {
    ChaCha20Poly1305::new(key.into())
}

/// `(path length, path, existed, content length, content)…`, lengths of four octets, big endian.
fn encoded(files: &[SavedFile]) -> Zeroizing<Vec<u8>> {
    let path = |file: &SavedFile| file.path.to_string_lossy().into_owned();
    let size = files.iter().map(|file| 9 + path(file).len() + file.content.len()).sum();
    let mut text = Zeroizing::new(Vec::with_capacity(size));
    for file in files {
        let path = path(file);
        text.extend_from_slice(&length(path.as_bytes()));
        text.extend_from_slice(path.as_bytes());
        text.push(u8::from(file.existed));
        text.extend_from_slice(&length(&file.content));
        text.extend_from_slice(&file.content);
    }
    text
}

/// A file of 16 MiB is the largest that is read.
fn length(part: &[u8]) -> [u8; 4] {
    u32::try_from(part.len()).unwrap_or(u32::MAX).to_be_bytes()
}

fn decoded(mut text: &[u8]) -> Option<Vec<SavedFile>> {
    fn part<'a>(text: &mut &'a [u8]) -> Option<&'a [u8]> {
        let (length, rest) = text.split_first_chunk::<4>()?;
        let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
        let (part, rest) = rest.split_at_checked(length)?;
        *text = rest;
        Some(part)
    }
    let mut files = Vec::new();
    while !text.is_empty() {
        let path = PathBuf::from(std::str::from_utf8(part(&mut text)?).ok()?);
        let (existed, rest) = text.split_first()?;
        let existed = *existed == 1;
        text = rest;
        files.push(SavedFile { path, existed, content: Zeroizing::new(part(&mut text)?.to_vec()) });
    }
    Some(files)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signer::SubjectPublicKeyInfo;

    fn identity(octet: u8) -> IdentityKey {
        let public = SubjectPublicKeyInfo::new(vec![octet; 91]);
        SealingKey::new(Secret::new(vec![octet; 64]), &public).into()
    }

    fn of(identities: Vec<IdentityKey>, password: Option<&str>) -> Keys {
        Keys { identities, password: password.map(|text| Secret::new(text.to_owned())) }
    }

    fn files() -> Vec<SavedFile> {
        let file = |path: &str, existed, content: &[u8]| SavedFile {
            path: PathBuf::from(path),
            existed,
            content: Zeroizing::new(content.to_vec()),
        };
        vec![file("/h/.aws/credentials", true, b"[a]\nkey = canary\n"), file("/h/.aws/config", false, b"")]
    }

    #[test]
    fn each_key_opens_it_and_no_other() {
        let keys = of(vec![identity(1)], Some("password"));
        let backup = Backup::seal("AKIA", "2026", &files(), &keys).unwrap();
        let open = |keys: &Keys| backup.open(keys, Path::new("b"));
        assert_eq!(open(&of(vec![identity(2), identity(1)], None)).unwrap(), files());
        assert_eq!(open(&of(Vec::new(), Some("password"))).unwrap(), files());
        for wrong in [of(vec![identity(2)], Some("other")), Keys::default()] {
            assert!(matches!(open(&wrong), Err(MigrateError::BackupClosed { .. })));
        }
        assert_eq!(backup.opens_with().len(), 2);
    }

    #[test]
    fn a_new_key_opens_what_the_old_one_does() {
        let keys = of(vec![identity(1)], None);
        let mut backup = Backup::seal("AKIA", "2026", &files(), &keys).unwrap();
        assert_eq!(backup.rekey(&identity(3), &identity(2)), Ok(false), "it is of another key");
        assert_eq!(backup.rekey(&identity(1), &identity(2)), Ok(true));
        assert_eq!(backup.rekey(&identity(1), &identity(2)), Ok(false), "it does so already");
        for key in [1, 2] {
            let opened = backup.open(&of(vec![identity(key)], None), Path::new("b"));
            assert_eq!(opened.unwrap(), files());
        }
    }

    #[test]
    fn nothing_in_it_can_be_changed() {
        let keys = of(vec![identity(1)], None);
        let seal = || Backup::seal("AKIA", "2026", &files(), &keys).unwrap();
        let is_open = |backup: &Backup| backup.open(&keys, Path::new("b")).is_ok();
        assert!(is_open(&seal()));
        assert!(!is_open(&Backup { access_key_id: String::from("AKIB"), ..seal() }));
        assert!(!is_open(&Backup { made_at: String::from("2027"), ..seal() }));
        assert!(!is_open(&Backup { sealed: seal().sealed, ..seal() }));
        let text = serde_json::to_string(&seal()).unwrap();
        assert!(!text.contains("canary") && !text.contains("credentials"));
    }
}
