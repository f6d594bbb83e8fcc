//! Where session credentials are kept between runs.
//!
//! A store deals in keys and entries, and knows nothing of CreateSession. Absent, expired, unreadable or forged: each
//! is a miss to the caller. What all processes of a user share but need not keep in a keyring (locks, the last failure,
//! the sealing key) is in the [`state_folder`].

mod encoding;
mod entry;
mod error;
mod key;
mod seal;

pub mod calls;
pub mod choice;
pub mod failure;
pub mod file;
pub mod freshness;
pub mod keyring;
pub mod lock;
pub mod none;
pub mod state_folder;
mod sweep;

use std::fmt;

pub use choice::{Cache, CacheChoice};
#[cfg(test)]
pub(crate) use entry::tests::entry as example_entry;
pub use entry::{CacheEntry, EntryFacts};
pub use error::{CacheError, FolderProblem};
pub use key::{
    CacheKey, CacheKeyError, CertificateSource, Namespace, NamespaceError, Scope, SecondHop,
    ServerVerification, SessionDescription,
};
pub use seal::SealingKey;

use crate::clock::Timestamp;

/// A store of session credentials.
pub trait CredentialCache: Send + Sync {
    /// Returns the entry, or `None` where there is none that can be trusted.
    ///
    /// # Errors
    ///
    /// Fails if the store cannot be asked at all.
    fn get(&self, key: &CacheKey) -> Result<Option<CacheEntry>, CacheError>;

    /// Stores the entry in place of any other under this key.
    ///
    /// # Errors
    ///
    /// Fails if the store refuses the entry.
    fn put(&self, key: &CacheKey, entry: &CacheEntry) -> Result<(), CacheError>;

    /// Removes the entry; succeeds if there is none.
    ///
    /// # Errors
    ///
    /// Fails if the store cannot remove it.
    fn remove(&self, key: &CacheKey) -> Result<(), CacheError>;

    /// Returns what is stored under this namespace, in no particular order.
    ///
    /// # Errors
    ///
    /// Fails if the store cannot be asked at all.
    fn list(&self) -> Result<Vec<EntrySummary>, CacheError>;
}

/// The stores.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreKind {
    /// Windows Credential Manager.
    CredentialManager,
    /// An encrypted file in the state folder.
    File,
    /// The Linux kernel's keyring of this user.
    KernelKeyring,
    /// The macOS Keychain.
    Keychain,
    /// The desktop's keyring over D-Bus.
    SecretService,
}

impl StoreKind {
    /// Returns the store's name in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::CredentialManager => "credential-manager",
            Self::File => "file",
            Self::KernelKeyring => "kernel-keyring",
            Self::Keychain => "keychain",
            Self::SecretService => "secret-service",
        }
    }
}

impl fmt::Display for StoreKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::CredentialManager => "Windows Credential Manager",
            Self::File => "cache file",
            Self::KernelKeyring => "kernel keyring",
            Self::Keychain => "macOS Keychain",
            Self::SecretService => "Secret Service",
        })
    }
}

/// The parts of an entry that may be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntrySummary {
    /// Its name.
    pub key: CacheKey,
    /// Where it is.
    pub store: StoreKind,
    /// When its credentials expire, according to its envelope.
    pub expiration: Timestamp,
    /// Its contents; `None` if it cannot be opened.
    pub facts: Option<EntryFacts>,
}
