//! Why a store failed.

use std::fmt;
use std::io;
use std::path::PathBuf;

use super::StoreKind;
use crate::diagnostic::{Diagnostic, Fault};
use crate::text;

/// Why a store failed. None of these ever fails a call for credentials: the next store is tried, or a new session
/// created.
#[derive(Debug, thiserror::Error)]
pub enum CacheError {
    /// This process is in a container, where the same user number may belong to others; naming the store uses it all
    /// the same.
    #[error("the kernel keyring is not used here: this process is in a PID or user namespace of its own")]
    Container,
    /// A file of the cache cannot be read or written.
    #[error("cannot use the cache file {}", text::quoted(&.path.to_string_lossy()))]
    File {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The store is full; for the kernel's keyring, our share of the quota is.
    #[error("the {store} is full{}", if *store == StoreKind::KernelKeyring {
        ", or so full that other programs of this user need the rest"
    } else {
        ""
    })]
    Full {
        /// Which store.
        store: StoreKind,
    },
    /// A person would have to unlock the collection.
    #[error("the {store} is locked")]
    Locked {
        /// Which store.
        store: StoreKind,
    },
    /// The private key cannot seal: it is on a device, or encrypted.
    #[error("the private key cannot seal a cache file: it is in a device, or encrypted")]
    NoSealingKey,
    /// The state folder cannot be used.
    #[error("cannot use the state folder {}: {problem}", text::quoted(&.path.to_string_lossy()))]
    StateFolder {
        /// Which folder.
        path: PathBuf,
        /// What is wrong with it.
        problem: FolderProblem,
    },
    /// The entry is larger than any store takes.
    #[error("the session is larger than the {limit} bytes that a cache entry can hold")]
    TooLarge {
        /// The bound, in octets.
        limit: usize,
    },
    /// The store is absent, or denies access.
    #[error("the {store} cannot be used: {why}")]
    Unavailable {
        /// Which store.
        store: StoreKind,
        /// What it reported, or what is missing.
        why: String,
    },
}

/// What is wrong with the state folder.
#[derive(Debug)]
pub enum FolderProblem {
    /// Another user owns it, or the home folder in which it would be created.
    Foreign,
    /// The system refused.
    Io(io::Error),
    /// Neither a variable nor the account database names one.
    Nowhere,
    /// It is a link, or not a folder.
    NotAFolder,
    /// All users can write to the parent folder, and remove other users' files there.
    NotSticky,
    /// Other users can write to it, or, if all can write to its parent, list it.
    Writable,
}

impl fmt::Display for FolderProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Foreign => f.write_str("another user owns it"),
            Self::Io(error) => fmt::Display::fmt(error, f),
            Self::Nowhere => f.write_str("this user has no home folder"),
            Self::NotAFolder => f.write_str("it is a link, or no folder"),
            Self::NotSticky => f.write_str("all users can remove what is in the folder above it"),
            Self::Writable => f.write_str("other users can get at it"),
        }
    }
}

impl CacheError {
    /// Every id of this error; each has a page in `src/manual/refusals`.
    pub const IDS: &[&str] = &[
        "cache-container",
        "cache-file",
        "cache-full",
        "cache-locked",
        "cache-no-key",
        "cache-state-folder",
        "cache-too-large",
        "cache-unavailable",
    ];
}

impl Diagnostic for CacheError {
    fn id(&self) -> &'static str {
        match self {
            Self::Container => "cache-container",
            Self::File { .. } => "cache-file",
            Self::Full { .. } => "cache-full",
            Self::Locked { .. } => "cache-locked",
            Self::NoSealingKey => "cache-no-key",
            Self::StateFolder { .. } => "cache-state-folder",
            Self::TooLarge { .. } => "cache-too-large",
            Self::Unavailable { .. } => "cache-unavailable",
        }
    }

    fn fault(&self) -> Fault {
        Fault::Local
    }

    fn hint(&self) -> Option<String> {
        Some(String::from(match self {
            Self::Container => "if no other container shares this user, pass --cache keyring",
            Self::File { .. } => "set ANYROLE_STATE_DIR to a folder on a disk that can be written",
            Self::Full { .. } => "run anyrole cache clear, or keyctl show @u to see what fills it",
            Self::Locked { .. } => "log in to the desktop, or pass --cache file or --cache none",
            Self::NoSealingKey => "pass --cache keyring; --cache file needs an unencrypted key file",
            Self::StateFolder { problem, .. } => match problem {
                FolderProblem::Foreign => "set HOME or ANYROLE_STATE_DIR to a folder of this user's own",
                FolderProblem::Writable => "run chmod 700 on it",
                FolderProblem::Io(_)
                | FolderProblem::Nowhere
                | FolderProblem::NotAFolder
                | FolderProblem::NotSticky => "set ANYROLE_STATE_DIR to a folder of this user's own",
            },
            Self::TooLarge { .. } => {
                "each call makes a session of its own: shorten the certificate's names or the session tags"
            }
            Self::Unavailable { .. } => "pass --cache file where the private key is an unencrypted file",
        }))
    }
}
