//! The Linux kernel's keyring of this user, as a store of `keyring-core`.
//!
//! Entries are keys of type `user` in the user keyring (`@u`), described by `service:user`. The published stores need a
//! session keyring, which cron and containers do not have, and do not support timeouts. So:
//!
//! - *Writing* links `@u` into the process keyring, since only a possessor may change permissions; grants the user
//!   view, read, search and write; and sets the timeout again, since each update clears it.
//! - *Reading* is then a plain search of `@u`, which works in every session and allocates nothing.
//!
//! Denial by the kernel (a seccomp filter, no support) is `NoStorageAccess`; a full share of the quota is `TooLong`.

use std::any::Any;
use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use keyring_core::api::{CredentialApi, CredentialPersistence, CredentialStoreApi};
use keyring_core::attributes::parse_attributes;
use keyring_core::{Credential, CredentialStore, Entry, Error, Result};
use linux_keyutils::{
    Key, KeyError, KeyPermissionsBuilder, KeyRing, KeyRingIdentifier, KeySerialId, Permission,
};

use super::quota::{Amount, Quota, USUAL_OCTETS};
use super::{Containers, LIFETIME_MODIFIER, SERVICE};
use crate::cache::CacheError;

/// The initial namespaces, whose inode numbers are fixed (`PROC_PID_INIT_INO` and `PROC_USER_INIT_INO` in the kernel's
/// `linux/proc_ns.h`).
const INITIAL_NAMESPACES: [(&str, &str); 2] =
    [("/proc/self/ns/pid", "pid:[4026531836]"), ("/proc/self/ns/user", "user:[4026531837]")];

/// The largest value of a key of type `user`, in octets.
const LARGEST_KEY: usize = 32_767;

/// The buffer for a first read: a typical entry fits.
const USUAL_KEY: usize = 4 * 1024;

/// The size of a typical sealed session, in octets.
const USUAL_SESSION: u64 = 1_500;

/// How many keys of the user keyring the first listing has room for.
const USUAL_LISTED: usize = 64;

/// Opens the store.
pub(super) fn open(containers: Containers) -> std::result::Result<Arc<CredentialStore>, CacheError> {
    match containers {
        Containers::Refused if !is_initial() => Err(CacheError::Container),
        Containers::Allowed | Containers::Refused => Ok(Arc::new(KernelKeyring)),
    }
}

/// Returns whether one more session would still leave other programs their share of this user's quota.
pub(super) fn has_room() -> bool {
    quota().is_none_or(|quota| quota.has_room(Amount { keys: 1, octets: USUAL_SESSION }))
}

/// Returns the quota; if the kernel hides it, the default quota, of which our own keys are used. `None` if those cannot
/// be seen either: then adding a key will show it.
fn quota() -> Option<Quota> {
    Quota::of_this_user().or_else(|| {
        let ours = all_keys().ok()?.into_iter().filter_map(|key| {
            let description = key.metadata().ok()?.get_description().to_owned();
            description.starts_with(SERVICE).then_some(size(&description, length(&key)))
        });
        let add = |sum: Amount, one: Amount| Amount { keys: sum.keys + 1, octets: sum.octets + one.octets };
        Some(Quota::usual(ours.fold(Amount::default(), add)))
    })
}

/// Returns what the kernel counts for a key.
fn size(description: &str, value: usize) -> Amount {
    let octets = description.len() + 1 + value;
    Amount { keys: 1, octets: u64::try_from(octets).unwrap_or(u64::MAX) }
}

/// Returns the length of a key's value, without reading it.
fn length(key: &Key) -> usize {
    key.read(&mut []).unwrap_or_default()
}

/// Returns whether this process is in the initial PID and user namespaces.
fn is_initial() -> bool {
    INITIAL_NAMESPACES
        .iter()
        .all(|(link, initial)| fs::read_link(link).is_ok_and(|target| target == Path::new(initial)))
}

#[derive(Debug)]
struct KernelKeyring;

#[derive(Debug)]
struct KernelKey {
    service: String,
    user: String,
    lifetime_seconds: Option<usize>,
}

impl CredentialStoreApi for KernelKeyring {
    fn vendor(&self) -> String {
        String::from("anyrole, Linux user keyring")
    }

    fn id(&self) -> String {
        String::from("anyrole-kernel-keyring-1")
    }

    fn build(&self, service: &str, user: &str, modifiers: Option<&HashMap<&str, &str>>) -> Result<Entry> {
        let mut modifiers = parse_attributes(&[LIFETIME_MODIFIER], modifiers)?;
        let lifetime_seconds = match modifiers.remove(LIFETIME_MODIFIER) {
            None => None,
            Some(text) => Some(
                text.parse()
                    .map_err(|_| Error::Invalid(LIFETIME_MODIFIER.to_owned(), String::from("no number")))?,
            ),
        };
        let key = KernelKey { service: service.to_owned(), user: user.to_owned(), lifetime_seconds };
        Ok(Entry::new_with_credential(Arc::new(key)))
    }

    /// Finds all keys of the service named by `service`.
    fn search(&self, spec: &HashMap<&str, &str>) -> Result<Vec<Entry>> {
        let spec = parse_attributes(&["service"], Some(spec))?;
        let service = spec.get("service").map(String::as_str).unwrap_or_default();
        let prefix = format!("{service}:");
        let descriptions = all_keys()?.into_iter().filter_map(|key| key.metadata().ok());
        descriptions
            .filter_map(|found| found.get_description().strip_prefix(&prefix).map(str::to_owned))
            .map(|user| self.build(service, &user, None))
            .collect()
    }

    fn as_any(&self) -> &dyn Any {
        self
    }

    fn persistence(&self) -> CredentialPersistence {
        CredentialPersistence::UntilReboot
    }
}

impl KernelKey {
    fn description(&self) -> String {
        format!("{}:{}", self.service, self.user)
    }

    fn find(&self) -> Result<Key> {
        user_keyring()?.search(&self.description()).map_err(translate)
    }
}

impl CredentialApi for KernelKey {
    fn set_secret(&self, secret: &[u8]) -> Result<()> {
        let user = possess_user_keyring()?;
        let description = self.description();
        let new = size(&description, secret.len());
        let added = match user.search(&description) {
            Ok(old) => {
                Amount { keys: 0, octets: new.octets.saturating_sub(size(&description, length(&old)).octets) }
            }
            Err(_) => new,
        };
        let is_too_much = |added| quota().is_some_and(|quota| !quota.has_room(added));
        if is_too_much(added) {
            return Err(no_room());
        }
        let key = user.add_key(&description, secret).map_err(translate)?;
        // Several processes may have found the same room at the same time.
        if added.keys > 0 && is_too_much(Amount::default()) {
            self.delete_credential()?;
            return Err(no_room());
        }
        let protect = || {
            let usable = Permission::VIEW | Permission::READ | Permission::SEARCH | Permission::WRITE;
            let permissions = KeyPermissionsBuilder::builder().posessor(Permission::ALL).user(usable).build();
            key.set_perms(permissions)?;
            self.lifetime_seconds.map_or(Ok(()), |seconds| key.set_timeout(seconds))
        };
        protect().map_err(|error| {
            // A key without a timeout must not stay.
            let _ = key.invalidate();
            translate(error)
        })
    }

    fn get_secret(&self) -> Result<Vec<u8>> {
        let key = self.find()?;
        let mut value = vec![0; USUAL_KEY];
        let mut length = key.read(&mut value).map_err(translate)?;
        if length > value.len() {
            value = vec![0; LARGEST_KEY];
            length = key.read(&mut value).map_err(translate)?.min(LARGEST_KEY);
        }
        value.truncate(length);
        Ok(value)
    }

    /// Empties the key before it is invalidated: an update returns its quota at once, the garbage collector only later.
    fn delete_credential(&self) -> Result<()> {
        possess_user_keyring()?;
        let key = self.find()?;
        let _ = key.update(b"-");
        key.invalidate().map_err(translate)
    }

    fn get_credential(&self) -> Result<Option<Arc<Credential>>> {
        self.find().map(|_| None)
    }

    fn get_specifiers(&self) -> Option<(String, String)> {
        Some((self.service.clone(), self.user.clone()))
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// Returns all keys of the user keyring, however many: root's quota is a million.
///
/// A keyring is read as a key whose value is an array of key numbers. The library's own listing mistakes its limit of
/// entries for bytes, and counts entries that the kernel did not write.
fn all_keys() -> Result<Vec<Key>> {
    user_keyring()?;
    let ring = Key::from_id(KeySerialId::new(KeyRingIdentifier::User as i32));
    let mut numbers = vec![0; USUAL_LISTED * size_of::<i32>()];
    loop {
        let length = ring.read(&mut numbers).map_err(translate)?;
        if length <= numbers.len() {
            numbers.truncate(length);
            break;
        }
        // More may be added before the next read.
        numbers = vec![0; length * 2];
    }
    let (numbers, _) = numbers.as_chunks();
    Ok(numbers.iter().map(|number| Key::from_id(KeySerialId::new(i32::from_ne_bytes(*number)))).collect())
}

fn user_keyring() -> Result<KeyRing> {
    KeyRing::from_special_id(KeyRingIdentifier::User, false).map_err(translate)
}

/// Links the user keyring into the process keyring, which leaves the session keyring unchanged.
fn possess_user_keyring() -> Result<KeyRing> {
    let process = KeyRing::from_special_id(KeyRingIdentifier::Process, true).map_err(translate)?;
    let user = KeyRing::from_special_id(KeyRingIdentifier::User, true).map_err(translate)?;
    process.link_keyring(user).map_err(translate)?;
    Ok(user)
}

fn no_room() -> Error {
    Error::TooLong(String::from("our part of the keys of this user"), USUAL_OCTETS)
}

fn translate(error: KeyError) -> Error {
    match error {
        // A key that somebody closed to us is as good as absent: we can replace it.
        KeyError::AccessDenied
        | KeyError::KeyDoesNotExist
        | KeyError::KeyExpired
        | KeyError::KeyRejected
        | KeyError::KeyRevoked
        | KeyError::KeyringDoesNotExist => Error::NoEntry,
        KeyError::QuotaExceeded => no_room(),
        KeyError::BadAddress
        | KeyError::InvalidArguments
        | KeyError::InvalidDescription
        | KeyError::InvalidIdentifier
        | KeyError::MissingFileOrDirectory
        | KeyError::OperationNotSupported
        | KeyError::OutOfMemory
        | KeyError::PermissionDenied
        | KeyError::Unknown(_)
        | KeyError::WriteError => Error::NoStorageAccess(Box::new(Denied(error))),
    }
}

/// The kernel's error, in words.
#[derive(Debug)]
struct Denied(KeyError);

impl std::error::Error for Denied {}

impl std::fmt::Display for Denied {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self(error) = self;
        if *error == KeyError::PermissionDenied {
            f.write_str("the kernel denies the system call, as container filters do")
        } else {
            write!(f, "the kernel answers {error:?}")
        }
    }
}
