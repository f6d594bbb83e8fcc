//! The desktop's keyring, by the package `keyring`: Secret Service, macOS Keychain, Windows Credential Manager.

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

/// Credential Manager takes 5 · 512 octets a value (`CRED_MAX_CREDENTIAL_BLOB_SIZE`); the others take what we have.
pub(super) const LARGEST_VALUE: usize = if cfg!(windows) { 2560 } else { usize::MAX };

/// Opens the keyring where it answers at once and without a person.
pub(super) fn open() -> Result<Arc<CredentialStore>, CacheError> {
    #[cfg(target_os = "linux")]
    {
        secret_service::open_in_time()
    }
    #[cfg(not(target_os = "linux"))]
    {
        connect()
    }
}

/// Keeps an entry on this machine: a roaming Windows profile would carry it elsewhere.
pub(super) fn modifiers(kind: StoreKind) -> Option<HashMap<&'static str, &'static str>> {
    match kind {
        StoreKind::CredentialManager => Some(HashMap::from([("persistence", "Local")])),
        StoreKind::File | StoreKind::KernelKeyring | StoreKind::Keychain | StoreKind::SecretService => None,
    }
}

/// Returns how a keyring is asked for all entries of a service; Credential Manager knows patterns only.
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

#[cfg(target_os = "linux")]
mod secret_service {
    //! Asks first whether the Secret Service runs and is unlocked, without starting it and without a prompt.

    use std::sync::{Arc, mpsc};
    use std::thread;
    use std::time::Duration;

    use keyring_core::CredentialStore;
    use zbus::blocking::{Connection, Proxy, fdo::DBusProxy};
    use zbus::names::BusName;
    use zbus::zvariant::OwnedObjectPath;

    use super::{KIND, connect};
    use crate::cache::CacheError;

    /// How long the bus and the service may take to say whether they are there. A desktop's answer in 40 ms.
    const PATIENCE: Duration = Duration::from_millis(300);

    /// How long a service that answered may take to agree on a key for the values it sends.
    const PATIENCE_TO_CONNECT: Duration = Duration::from_secs(3);

    const SERVICE: &str = "org.freedesktop.secrets";
    const SERVICE_PATH: &str = "/org/freedesktop/secrets";
    const SERVICE_INTERFACE: &str = "org.freedesktop.Secret.Service";
    const COLLECTION_INTERFACE: &str = "org.freedesktop.Secret.Collection";

    pub(super) fn open_in_time() -> Result<Arc<CredentialStore>, CacheError> {
        if in_time(PATIENCE, || is_locked().map_err(unavailable))? {
            return Err(CacheError::Locked { store: KIND });
        }
        in_time(PATIENCE_TO_CONNECT, connect)
    }

    /// Does something in a thread, which is left behind where it takes too long.
    fn in_time<T: Send + 'static>(
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
        // A call to a name that nobody owns would start the service, and its prompt with it.
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
