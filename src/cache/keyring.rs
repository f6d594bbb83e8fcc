//! Entries in a keyring of the operating system, through the API of `keyring-core`.
//!
//! | system | keyring |
//! |---|---|
//! | Linux | the kernel's, through our own store; else, if it is built in, the Secret Service |
//! | macOS | Keychain |
//! | Windows | Credential Manager |
//!
//! Every entry is sealed under a key in the state folder: all containers that run under the same user number share the
//! kernel's keyring, and a process that can write to it must not be able to plant credentials. An entry that does not
//! open is a miss.

#[cfg_attr(
    any(windows, target_os = "macos", all(target_os = "linux", feature = "secret-service")),
    path = "keyring/desktop.rs"
)]
#[cfg_attr(
    not(any(windows, target_os = "macos", all(target_os = "linux", feature = "secret-service"))),
    path = "keyring/no_desktop.rs"
)]
mod desktop;
#[cfg_attr(target_os = "linux", path = "keyring/kernel.rs")]
#[cfg_attr(not(target_os = "linux"), path = "keyring/no_kernel.rs")]
mod kernel;
#[cfg(target_os = "linux")]
mod quota;

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use keyring_core::{CredentialStore, Entry, Error};

use super::seal::{self, MAX_SEALED, Purpose, SealingKey};
use super::state_folder::StateLocation;
use super::{CacheEntry, CacheError, CacheKey, CredentialCache, EntrySummary, Namespace, StoreKind};
use crate::clock::Timestamp;

/// The prefix of the service of all our entries.
const SERVICE: &str = "anyrole:";

/// The modifier that gives an entry's lifetime in seconds to a store that supports it.
const LIFETIME_MODIFIER: &str = "lifetime_seconds";

/// The first octet of a part that another one follows.
const MORE_FOLLOWS: u8 = 1;

/// The first octet of the last part.
const LAST_PART: u8 = 0;

/// Whether the kernel's keyring may be used in a container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Containers {
    /// Yes: the user named the store.
    Allowed,
    /// No: it is unknown who else has this user number.
    Refused,
}

/// A keyring.
pub struct KeyringCache {
    kind: StoreKind,
    store: Arc<CredentialStore>,
    service: String,
    location: StateLocation,
    /// The largest value that the keyring takes, in octets; a longer entry is split.
    largest_value: usize,
}

impl fmt::Debug for KeyringCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, store: _, service, location, largest_value: _ } = self;
        f.debug_struct("KeyringCache")
            .field("kind", kind)
            .field("service", service)
            .field("location", location)
            .finish_non_exhaustive()
    }
}

impl KeyringCache {
    /// The desktop's keyring on this system.
    pub const DESKTOP: StoreKind = desktop::KIND;

    /// Opens the Linux kernel's keyring of this user. Nothing is checked but whether this is a container.
    ///
    /// # Errors
    ///
    /// Fails in a container, unless allowed, and on other systems.
    pub fn kernel(
        namespace: &Namespace,
        location: StateLocation,
        containers: Containers,
    ) -> Result<Self, CacheError> {
        let store = kernel::open(containers)?;
        Ok(Self::new(StoreKind::KernelKeyring, store, usize::MAX, namespace, location))
    }

    /// Opens the desktop's keyring: Secret Service, macOS Keychain or Windows Credential Manager.
    ///
    /// # Errors
    ///
    /// Fails if there is none, if it is locked (no prompt is ever shown), or if it is not built in.
    pub fn desktop(namespace: &Namespace, location: StateLocation) -> Result<Self, CacheError> {
        let store = desktop::open()?;
        Ok(Self::new(desktop::KIND, store, desktop::LARGEST_VALUE, namespace, location))
    }

    fn new(
        kind: StoreKind,
        store: Arc<CredentialStore>,
        largest_value: usize,
        namespace: &Namespace,
        location: StateLocation,
    ) -> Self {
        Self { kind, store, service: format!("{SERVICE}{}", namespace.as_str()), location, largest_value }
    }

    /// Checks that a new session could be stored.
    ///
    /// # Errors
    ///
    /// Fails if the keyring cannot be asked, or has no room.
    pub fn probe(&self) -> Result<(), CacheError> {
        self.keys()?;
        if self.kind == StoreKind::KernelKeyring && !kernel::has_room() {
            return Err(CacheError::Full { store: self.kind });
        }
        Ok(())
    }

    /// Returns which keyring it is.
    pub const fn kind(&self) -> StoreKind {
        self.kind
    }

    fn part(&self, key: &CacheKey, part: usize, lifetime: Option<u64>) -> Result<Entry, Error> {
        let user = if part == 0 { key.to_string() } else { format!("{key}.{part}") };
        match (self.kind, lifetime) {
            (StoreKind::KernelKeyring, Some(seconds)) => {
                let seconds = seconds.to_string();
                self.store.build(&self.service, &user, Some(&HashMap::from([(LIFETIME_MODIFIER, &*seconds)])))
            }
            (kind, _) => {
                let modifiers = desktop::modifiers(kind);
                self.store.build(&self.service, &user, modifiers.as_ref())
            }
        }
    }

    /// Reads the sealed entry from all its parts.
    fn read(&self, key: &CacheKey) -> Result<Option<Vec<u8>>, CacheError> {
        let mut value = Vec::new();
        for part in 0..self.most_parts() {
            match self.part(key, part, None).and_then(|entry| entry.get_secret()) {
                Ok(octets) => match octets.split_first() {
                    Some((&MORE_FOLLOWS, octets)) => value.extend_from_slice(octets),
                    Some((_, octets)) => {
                        value.extend_from_slice(octets);
                        return Ok(Some(value));
                    }
                    None => return Ok(None),
                },
                Err(Error::NoEntry) => return Ok(None),
                Err(error) => return Err(self.failed(&error)),
            }
        }
        Ok(None)
    }

    /// Writes the sealed entry in parts, each with a first octet that says whether another follows.
    fn write(&self, key: &CacheKey, sealed: &[u8], lifetime: u64) -> Result<(), Error> {
        let mut parts = sealed.chunks(self.largest_value - 1).enumerate().peekable();
        while let Some((number, octets)) = parts.next() {
            let first = if parts.peek().is_some() { MORE_FOLLOWS } else { LAST_PART };
            self.part(key, number, Some(lifetime))?.set_secret(&[&[first], octets].concat())?;
        }
        Ok(())
    }

    const fn most_parts(&self) -> usize {
        MAX_SEALED / (self.largest_value - 1) + 1
    }

    /// Removes our entry that expires first, or one that cannot be read as an entry.
    fn remove_oldest(&self) -> Result<(), CacheError> {
        let oldest = self
            .keys()?
            .into_iter()
            .filter_map(|key| {
                let sealed = self.read(&key).ok().flatten()?;
                Some((seal::expiration(Purpose::Keyring, &sealed), key))
            })
            .min_by_key(|(expiration, _)| *expiration);
        match oldest {
            None => Err(CacheError::Full { store: self.kind }),
            Some((_, key)) => self.remove(&key),
        }
    }

    fn keys(&self) -> Result<Vec<CacheKey>, CacheError> {
        let found = match self.store.search(&desktop::search(self.kind, &self.service)) {
            Ok(found) => found,
            Err(Error::NoEntry) => Vec::new(),
            Err(error) => return Err(self.failed(&error)),
        };
        Ok(found
            .iter()
            .filter_map(Entry::get_specifiers)
            .filter(|(service, _)| *service == self.service)
            .filter_map(|(_, user)| user.parse().ok())
            .collect())
    }

    /// Removes entries that had expired before `now`, if the keyring has no timeouts of its own. What cannot be read or
    /// removed is left for the next time.
    fn sweep(&self, now: Timestamp) {
        if self.kind == StoreKind::KernelKeyring {
            return;
        }
        for key in self.keys().unwrap_or_default() {
            let Ok(sealed) = self.read(&key) else { continue };
            let expiration = sealed.and_then(|sealed| seal::expiration(Purpose::Keyring, &sealed));
            if expiration.is_none_or(|expiration| expiration <= now) {
                let _ = self.remove(&key);
            }
        }
    }

    fn failed(&self, error: &Error) -> CacheError {
        if matches!(error, Error::TooLong(..)) {
            CacheError::Full { store: self.kind }
        } else if desktop::needs_person(error) {
            CacheError::Locked { store: self.kind }
        } else {
            CacheError::Unavailable { store: self.kind, why: describe(error) }
        }
    }

    fn summary(&self, key: CacheKey, sealing_keys: &[SealingKey]) -> Option<EntrySummary> {
        let sealed = self.read(&key).ok().flatten()?;
        let facts = sealing_keys
            .iter()
            .find_map(|sealing_key| seal::open(Purpose::Keyring, sealing_key, &key, &sealed))
            .map(CacheEntry::into_facts);
        let expiration = seal::expiration(Purpose::Keyring, &sealed).unwrap_or(Timestamp::MIN);
        Some(EntrySummary { key, store: self.kind, expiration, facts })
    }
}

impl CredentialCache for KeyringCache {
    /// Reads the sealing key, then the entry: on Linux one small file and two calls of `keyctl`.
    fn get(&self, key: &CacheKey) -> Result<Option<CacheEntry>, CacheError> {
        let mut sealing_keys = self.location.sealing_keys().peekable();
        if sealing_keys.peek().is_none() {
            return Ok(None);
        }
        let Some(sealed) = self.read(key)? else { return Ok(None) };
        Ok(sealing_keys.find_map(|sealing_key| seal::open(Purpose::Keyring, &sealing_key, key, &sealed)))
    }

    fn put(&self, key: &CacheKey, entry: &CacheEntry) -> Result<(), CacheError> {
        let sealing_key = self.location.open()?.sealing_key()?;
        let sealed = seal::seal(Purpose::Keyring, &sealing_key, key, entry.expiration(), entry.encode()?)
            .ok_or_else(|| CacheError::Unavailable {
                store: self.kind,
                why: String::from("the system gives no random numbers"),
            })?;
        let lifetime = entry.lifetime().as_secs().max(1);
        match (self.write(key, &sealed, lifetime), self.kind) {
            (Ok(()), _) => {}
            // Sessions that evict each other would be requested again and again, so the next store takes this one.
            (Err(Error::TooLong(..)), StoreKind::KernelKeyring) => {
                return Err(CacheError::Full { store: self.kind });
            }
            (Err(Error::TooLong(..)), _) => {
                self.remove_oldest()?;
                self.write(key, &sealed, lifetime).map_err(|error| self.failed(&error))?;
            }
            // Keychain lets us remove, but neither read nor change, what another build of this program wrote.
            (Err(_), StoreKind::Keychain) => {
                self.remove(key)?;
                self.write(key, &sealed, lifetime).map_err(|error| self.failed(&error))?;
            }
            (Err(error), _) => return Err(self.failed(&error)),
        }
        self.sweep(entry.created_at);
        Ok(())
    }

    fn remove(&self, key: &CacheKey) -> Result<(), CacheError> {
        for part in 0..self.most_parts() {
            match self.part(key, part, None).and_then(|entry| entry.delete_credential()) {
                Ok(()) => {}
                Err(Error::NoEntry) => break,
                Err(error) => return Err(self.failed(&error)),
            }
        }
        Ok(())
    }

    fn list(&self) -> Result<Vec<EntrySummary>, CacheError> {
        let sealing_keys: Vec<SealingKey> = self.location.sealing_keys().collect();
        Ok(self.keys()?.into_iter().filter_map(|key| self.summary(key, &sealing_keys)).collect())
    }
}

/// Describes an error of a keyring, without ever printing a value that it returned.
fn describe(error: &Error) -> String {
    if let Error::NoStorageAccess(source) | Error::PlatformFailure(source) = error {
        source.to_string()
    } else {
        // These texts hold names and lengths, but not the values that two of the variants carry.
        error.to_string()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use keyring_core::mock;

    use super::*;
    use crate::cache::entry::tests::entry;

    fn cache(location: &StateLocation, largest_value: usize) -> KeyringCache {
        let store = mock::Store::new().unwrap();
        let namespace = Namespace::default();
        KeyringCache::new(StoreKind::Keychain, store, largest_value, &namespace, location.clone())
    }

    fn key(digit: &str) -> CacheKey {
        digit.repeat(64).parse().unwrap()
    }

    #[test]
    fn an_entry_is_kept_in_parts_where_values_are_small() {
        let folder = tempfile::tempdir().unwrap();
        let location = StateLocation::at(folder.path().join("state"));
        for largest_value in [16, 100, MAX_SEALED] {
            let cache = cache(&location, largest_value);
            assert!(cache.get(&key("a")).unwrap().is_none());
            cache.put(&key("a"), &entry()).unwrap();
            let found = cache.get(&key("a")).unwrap().expect("it was stored");
            assert_eq!(found.into_facts(), entry().into_facts());
            assert_eq!(cache.list().unwrap().len(), 1);
            // A part that is lost, or from another entry, makes it a miss.
            if largest_value == 100 {
                cache.part(&key("a"), 1, None).unwrap().set_secret(b"\x01other").unwrap();
                assert!(cache.get(&key("a")).unwrap().is_none());
                cache.part(&key("a"), 1, None).unwrap().delete_credential().unwrap();
                assert!(cache.get(&key("a")).unwrap().is_none());
                cache.put(&key("a"), &entry()).unwrap();
            }
            cache.remove(&key("a")).unwrap();
            cache.remove(&key("a")).unwrap();
            assert!(cache.list().unwrap().is_empty());
        }
    }

    fn fail_next(cache: &KeyringCache, digit: &str, error: Error) {
        let entry = cache.part(&key(digit), 0, None).unwrap();
        let mock: &mock::Cred = entry.as_any().downcast_ref().expect("the store is the mock");
        mock.set_error(error);
    }

    fn stored_keys(cache: &KeyringCache) -> Vec<CacheKey> {
        let mut stored: Vec<_> = cache.list().unwrap().into_iter().map(|found| found.key).collect();
        stored.sort();
        stored
    }

    fn lasting(lifetime: Duration) -> CacheEntry {
        let mut entry = entry();
        entry.credential_set.credentials.expiration = entry.created_at.plus(lifetime);
        entry
    }

    /// Does not list entries: Wine puts them at misaligned addresses, on which a debug build of the store's package
    /// panics.
    #[cfg(windows)]
    #[test]
    fn credential_manager_keeps_the_largest_entry_in_parts() {
        let folder = tempfile::tempdir().unwrap();
        let location = StateLocation::at(folder.path().join("state"));
        let namespace = format!("test-{}", std::process::id()).parse().unwrap();
        let cache = KeyringCache::desktop(&namespace, location).unwrap();
        let largest: Vec<u8> = (0..=u8::MAX).cycle().take(MAX_SEALED).collect();
        for sealed in [&largest[..], &largest[..3000], &largest[..1]] {
            cache.write(&key("a"), sealed, 60).unwrap();
            assert_eq!(cache.read(&key("a")).unwrap().as_deref(), Some(sealed));
        }
        cache.remove(&key("a")).unwrap();
        assert_eq!(cache.read(&key("a")).unwrap(), None);
        assert!(matches!(cache.part(&key("a"), 6, None).unwrap().get_secret(), Err(Error::NoEntry)));
    }

    #[test]
    fn what_another_build_wrote_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let location = StateLocation::at(folder.path().join("state"));
        let cache = cache(&location, usize::MAX);
        cache.put(&key("a"), &entry()).unwrap();
        fail_next(&cache, "a", Error::PlatformFailure(Box::from("The specified item already exists")));
        cache.put(&key("a"), &lasting(Duration::from_secs(7200))).unwrap();
        let expiration = cache.get(&key("a")).unwrap().expect("it was replaced").expiration();
        assert_eq!(expiration, lasting(Duration::from_secs(7200)).expiration());
    }

    #[test]
    fn a_keyring_that_keeps_everything_is_swept() {
        let folder = tempfile::tempdir().unwrap();
        let location = StateLocation::at(folder.path().join("state"));
        let cache = cache(&location, 100);
        cache.put(&key("a"), &lasting(Duration::from_secs(60))).unwrap();
        cache.part(&key("b"), 0, None).unwrap().set_secret(b"\0no entry").unwrap();
        let mut later = lasting(Duration::from_secs(3600));
        later.created_at = later.created_at.plus(Duration::from_secs(60));
        cache.put(&key("c"), &later).unwrap();
        assert_eq!(stored_keys(&cache), [key("c")]);
        assert!(matches!(cache.part(&key("a"), 1, None).unwrap().get_secret(), Err(Error::NoEntry)));
    }

    #[test]
    fn a_full_keyring_gives_up_the_entry_that_expires_first() {
        let folder = tempfile::tempdir().unwrap();
        let location = StateLocation::at(folder.path().join("state"));
        let cache = cache(&location, MAX_SEALED + 1);
        let refuse = |digit| fail_next(&cache, digit, Error::TooLong(String::from("all keys"), 20_000));
        refuse("c");
        assert!(matches!(cache.put(&key("c"), &entry()), Err(CacheError::Full { .. })), "nothing to give up");
        for (digit, lifetime) in [("a", 7200), ("b", 60)] {
            cache.put(&key(digit), &lasting(Duration::from_secs(lifetime))).unwrap();
        }
        refuse("c");
        cache.put(&key("c"), &entry()).unwrap();
        assert_eq!(stored_keys(&cache), [key("a"), key("c")]);
    }
}
