//! Entries in files of the state folder, sealed under the identity's private key: a stolen file is worth nothing
//! without that key.
//!
//! Only a key that is in software and needs no prompt can seal. This is the only store that opens the private key for a
//! hit, and it does so only if there is a file to open.

use std::fmt;

use super::seal::{self, MAX_SEALED, Purpose, SealingKey};
use super::state_folder::{StateFolder, StateLocation};
use super::sweep::sweep;
use super::{CacheEntry, CacheError, CacheKey, CredentialCache, EntrySummary, Namespace, StoreKind};
use crate::clock::Timestamp;

/// The suffix of a file's name.
const SUFFIX: &str = ".session";

/// Returns the sealing key derived from the private key; `None` if that would need a device or a prompt.
///
/// It is called each time, and only if there is a file to open or an entry to seal.
pub type KeyLender = Box<dyn Fn() -> Option<SealingKey> + Send + Sync>;

/// Sealed files.
pub struct FileCache {
    location: StateLocation,
    namespace: Namespace,
    lender: KeyLender,
}

impl fmt::Debug for FileCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { location, namespace, lender: _ } = self;
        f.debug_struct("FileCache")
            .field("location", location)
            .field("namespace", namespace)
            .finish_non_exhaustive()
    }
}

impl FileCache {
    /// Stores entries in the state folder.
    pub const fn new(location: StateLocation, namespace: Namespace, lender: KeyLender) -> Self {
        Self { location, namespace, lender }
    }

    /// Checks that entries can be sealed and written here.
    ///
    /// # Errors
    ///
    /// Fails if the private key cannot seal, or the state folder cannot be used.
    pub fn probe(&self) -> Result<(), CacheError> {
        self.probe_key()?;
        self.location.open().map(drop)
    }

    /// Tells whether entries can be sealed; no folder is made.
    ///
    /// # Errors
    ///
    /// Fails if the private key cannot seal.
    pub fn probe_key(&self) -> Result<(), CacheError> {
        (self.lender)().ok_or(CacheError::NoSealingKey).map(drop)
    }

    fn name(&self, key: &CacheKey) -> String {
        format!("{}.{key}{SUFFIX}", self.namespace.as_str())
    }

    fn keys(&self, folder: &StateFolder) -> Result<Vec<CacheKey>, CacheError> {
        let names =
            folder.names().map_err(|source| CacheError::File { path: folder.path().to_owned(), source })?;
        Ok(names.iter().filter_map(|name| self.key(name)).collect())
    }

    fn read(&self, folder: &StateFolder, key: &CacheKey) -> Option<Vec<u8>> {
        folder.read(&self.name(key), MAX_SEALED)
    }

    /// Removes files that had expired before `now`, among the few that a write examines. What cannot be removed is left
    /// for the next time.
    fn sweep(&self, folder: &StateFolder, now: Timestamp) {
        for name in sweep(folder, "", now) {
            if let Some(key) = self.key(&name) {
                let sealed = self.read(folder, &key).unwrap_or_default();
                if seal::expiration(Purpose::File, &sealed).is_none_or(|expiration| expiration <= now) {
                    let _ = self.discard(folder, &key);
                }
            }
        }
    }

    /// Returns the key of a file of this namespace.
    fn key(&self, name: &str) -> Option<CacheKey> {
        let rest = name.strip_prefix(self.namespace.as_str())?.strip_prefix('.')?;
        rest.strip_suffix(SUFFIX)?.parse().ok()
    }

    fn discard(&self, folder: &StateFolder, key: &CacheKey) -> Result<(), CacheError> {
        folder.remove(&self.name(key)).map_err(|source| self.failed(folder, key, source))
    }

    fn failed(&self, folder: &StateFolder, key: &CacheKey, source: std::io::Error) -> CacheError {
        CacheError::File { path: folder.path().join(self.name(key)), source }
    }
}

impl CredentialCache for FileCache {
    fn get(&self, key: &CacheKey) -> Result<Option<CacheEntry>, CacheError> {
        let folder = self.location.open()?;
        let Some(sealed) = self.read(&folder, key) else { return Ok(None) };
        let sealing_key = (self.lender)().ok_or(CacheError::NoSealingKey)?;
        Ok(seal::open(Purpose::File, &sealing_key, key, &sealed))
    }

    fn put(&self, key: &CacheKey, entry: &CacheEntry) -> Result<(), CacheError> {
        let sealing_key = (self.lender)().ok_or(CacheError::NoSealingKey)?;
        let folder = self.location.open()?;
        let sealed = seal::seal(Purpose::File, &sealing_key, key, entry.expiration(), entry.encode()?)
            .ok_or_else(|| {
                self.failed(&folder, key, std::io::Error::other("the system gives no random numbers"))
            })?;
        let name = self.name(key);
        folder.replace(&name, &sealed).map_err(|source| self.failed(&folder, key, source))?;
        self.sweep(&folder, entry.created_at);
        Ok(())
    }

    fn remove(&self, key: &CacheKey) -> Result<(), CacheError> {
        self.discard(&self.location.open()?, key)
    }

    fn list(&self) -> Result<Vec<EntrySummary>, CacheError> {
        let folder = self.location.open()?;
        let keys = self.keys(&folder)?;
        let sealing_key = if keys.is_empty() { None } else { (self.lender)() };
        Ok(keys
            .into_iter()
            .filter_map(|key| {
                let sealed = self.read(&folder, &key)?;
                let expiration = seal::expiration(Purpose::File, &sealed)?;
                let facts = sealing_key
                    .as_ref()
                    .and_then(|sealing_key| seal::open(Purpose::File, sealing_key, &key, &sealed))
                    .map(CacheEntry::into_facts);
                Some(EntrySummary { key, store: StoreKind::File, expiration, facts })
            })
            .collect())
    }
}
