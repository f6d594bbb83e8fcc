//! The desktop's keyring, through the package `keyring`: Secret Service, macOS Keychain, Windows Credential Manager.
//!
//! None of them expires entries, and none may prompt a person. For the Secret Service this is checked beforehand, for
//! Keychain prompts are disabled in the whole process, and Credential Manager never prompts for entries of this kind.

use std::collections::HashMap;
use std::sync::Arc;

use keyring_core::CredentialStore;

use crate::cache::{CacheError, StoreKind};

#[cfg(target_os = "linux")]
pub(super) const KIND: StoreKind = StoreKind::SecretService;
#[cfg(target_os = "macos")]
pub(super) const KIND: StoreKind = StoreKind::Keychain;
#[cfg(windows)]
pub(super) const KIND: StoreKind = StoreKind::CredentialManager;

/// Credential Manager takes 5 · 512 octets per value (`CRED_MAX_CREDENTIAL_BLOB_SIZE`); the others take all we have:
/// the length of a Keychain password is a 32-bit number.
pub(super) const LARGEST_VALUE: usize = if cfg!(windows) { 2560 } else { usize::MAX };

/// Opens the keyring if it answers quickly and without a prompt.
pub(super) fn open() -> Result<Arc<CredentialStore>, CacheError> {
    #[cfg(target_os = "linux")]
    {
        secret_service::open_with_timeout()
    }
    #[cfg(target_os = "macos")]
    {
        keychain::open_without_prompts()
    }
    #[cfg(windows)]
    {
        connect()
    }
}

#[cfg(target_os = "macos")]
pub(super) use keychain::needs_person;

/// Returns whether a keyring refused because a person would have to agree; never here, because the Secret Service is
/// checked beforehand.
#[cfg(not(target_os = "macos"))]
pub(super) const fn needs_person(_error: &keyring_core::Error) -> bool {
    false
}

/// Keeps an entry on this machine: a roaming Windows profile would carry it elsewhere.
pub(super) fn modifiers(kind: StoreKind) -> Option<HashMap<&'static str, &'static str>> {
    match kind {
        StoreKind::CredentialManager => Some(HashMap::from([("persistence", "Local")])),
        StoreKind::File | StoreKind::KernelKeyring | StoreKind::Keychain | StoreKind::SecretService => None,
    }
}

/// Returns the search for all entries of a service; it may find others too.
///
/// Credential Manager stores an entry under the target `user.service`, and searches by a regular expression that may
/// match anywhere in it. The colon of a service and the letters, digits, `-` and `_` of a namespace have no special
/// meaning in it.
pub(super) fn search(kind: StoreKind, service: &str) -> HashMap<&'static str, &str> {
    match kind {
        StoreKind::CredentialManager => HashMap::from([("pattern", service)]),
        StoreKind::File | StoreKind::KernelKeyring | StoreKind::Keychain | StoreKind::SecretService => {
            HashMap::from([("service", service)])
        }
    }
}

fn connect() -> Result<Arc<CredentialStore>, CacheError> {
    let unavailable = |why| CacheError::Unavailable { store: KIND, why };
    keyring::Entry::store_status().as_ref().map_err(|error| unavailable(super::describe(error)))?;
    keyring_core::get_default_store().ok_or_else(|| unavailable(String::from("it did not open")))
}

#[cfg(target_os = "macos")]
mod keychain {
    //! Keychain without prompts: what would need one is an error.

    use std::sync::{Arc, LazyLock};

    use keyring_core::{CredentialStore, Error};
    use security_framework::base;
    use security_framework::os::macos::keychain::{KeychainUserInteractionLock, SecKeychain};

    use super::{KIND, connect};
    use crate::cache::CacheError;

    /// `errSecInteractionNotAllowed` of Apple's `SecBase.h`: the keychain is locked, or the entry belongs to another program.
    const INTERACTION_NOT_ALLOWED: i32 = -25308;

    /// Prompts are disabled in the whole process until it ends: dropping this would enable them again.
    static PROMPTS_DISABLED: LazyLock<Result<KeychainUserInteractionLock, base::Error>> =
        LazyLock::new(SecKeychain::disable_user_interaction);

    pub(super) fn open_without_prompts() -> Result<Arc<CredentialStore>, CacheError> {
        let unavailable =
            |error: &base::Error| CacheError::Unavailable { store: KIND, why: error.to_string() };
        PROMPTS_DISABLED.as_ref().map_err(unavailable)?;
        connect()
    }

    /// Returns whether a person would have to unlock the keychain, or let this program use the entry.
    pub(in super::super) fn needs_person(error: &Error) -> bool {
        let Error::PlatformFailure(source) = error else { return false };
        source.downcast_ref::<base::Error>().is_some_and(|error| error.code() == INTERACTION_NOT_ALLOWED)
    }
}

#[cfg(target_os = "linux")]
mod secret_service {
    //! Checks first whether the Secret Service runs and is unlocked, without starting it and without a prompt.

    use std::sync::{Arc, mpsc};
    use std::thread;
    use std::time::Duration;

    use keyring_core::CredentialStore;
    use zbus::blocking::{Connection, Proxy, fdo::DBusProxy};
    use zbus::names::BusName;
    use zbus::zvariant::OwnedObjectPath;

    use super::{KIND, connect};
    use crate::cache::CacheError;

    /// How long the bus and the service may take to answer. A desktop needs about 40 ms.
    const ANSWER_TIMEOUT: Duration = Duration::from_millis(300);

    /// How long a service that answered may take to agree on a key for the values it sends.
    const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

    const SERVICE: &str = "org.freedesktop.secrets";
    const SERVICE_PATH: &str = "/org/freedesktop/secrets";
    const SERVICE_INTERFACE: &str = "org.freedesktop.Secret.Service";
    const COLLECTION_INTERFACE: &str = "org.freedesktop.Secret.Collection";

    pub(super) fn open_with_timeout() -> Result<Arc<CredentialStore>, CacheError> {
        if with_timeout(ANSWER_TIMEOUT, || is_locked().map_err(unavailable))? {
            return Err(CacheError::Locked { store: KIND });
        }
        with_timeout(CONNECT_TIMEOUT, connect)
    }

    /// Runs a task in a thread, which is abandoned if it takes too long.
    fn with_timeout<T: Send + 'static>(
        patience: Duration,
        work: impl FnOnce() -> Result<T, CacheError> + Send + 'static,
    ) -> Result<T, CacheError> {
        let (sender, receiver) = mpsc::channel();
        thread::Builder::new()
            .name(String::from("secret-service"))
            .spawn(move || sender.send(work()))
            .map_err(unavailable)?;
        let late = |_| unavailable(format!("it did not answer within {} milliseconds", patience.as_millis()));
        receiver.recv_timeout(patience).map_err(late)?
    }

    /// Reads the property `Locked` of the default collection.
    fn is_locked() -> Result<bool, zbus::Error> {
        let bus = Connection::session()?;
        // A call to a name without an owner would start the service, and its prompt with it.
        if !DBusProxy::new(&bus)?.name_has_owner(BusName::try_from(SERVICE)?)? {
            return Err(zbus::Error::Failure(String::from("no program offers it on the session's bus")));
        }
        let service = Proxy::new(&bus, SERVICE, SERVICE_PATH, SERVICE_INTERFACE)?;
        let collection: OwnedObjectPath = service.call("ReadAlias", &("default",))?;
        if collection.as_str() == "/" {
            return Err(zbus::Error::Failure(String::from("it has no default collection")));
        }
        Proxy::new(&bus, SERVICE, collection, COLLECTION_INTERFACE)?.get_property("Locked")
    }

    fn unavailable(why: impl ToString) -> CacheError {
        CacheError::Unavailable { store: KIND, why: why.to_string() }
    }
}
