//! The one folder in which all processes of a user meet: locks, the last failures, the sealing key, sealed files.
//!
//! It is the user's own (checked on the open descriptor), closed to others, and everything in it is reached through
//! that descriptor, so that nobody can exchange it below us. Files are owner-only from their creation, under any
//! umask. Where it cannot be had there is no lock and no cache, and never a failure.

#[cfg(unix)]
#[path = "state_folder/unix.rs"]
mod system;
#[cfg(windows)]
#[path = "state_folder/windows.rs"]
mod system;

use std::io;
use std::path::{Path, PathBuf};

pub use system::StateFolder;

use super::seal::SealingKey;
use super::{CacheError, FolderProblem};
use crate::env::Environment;
use crate::secret::Secret;

/// The variable that chooses the folder.
const VARIABLE: &str = "ANYROLE_STATE_DIR";

/// The folder that systemd made for the unit (`StateDirectory=`); several are joined by colons, the first is used.
const SYSTEMD_VARIABLE: &str = "STATE_DIRECTORY";

/// Below the home folder, where no variable chooses.
const BELOW_HOME: &str = ".local/state/anyrole";

/// The file with the key under which keyring entries are sealed.
const SEALING_KEY: &str = "sealing-key";

/// Its length in octets.
const SEALING_KEY_LENGTH: usize = 32;

/// Where the state folder is, or would be; nothing is opened yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateLocation {
    path: PathBuf,
    /// The home folder below which it is, which must be the user's own for anything to be made in it.
    home: Option<PathBuf>,
}

impl StateLocation {
    /// Finds the folder: `ANYROLE_STATE_DIR`, else `$STATE_DIRECTORY`, else `~/.local/state/anyrole`.
    ///
    /// # Errors
    ///
    /// Fails if no variable names it and the user has no home folder.
    pub fn resolve(env: &Environment) -> Result<Self, CacheError> {
        if let Some(path) = env.os_var(VARIABLE) {
            return Ok(Self::at(path));
        }
        if let Some(paths) = env.os_var(SYSTEMD_VARIABLE)
            && let Some(first) = std::env::split_paths(&paths).next()
        {
            return Ok(Self::at(first));
        }
        match env.home() {
            Some(home) => Ok(Self { path: home.join(BELOW_HOME), home: Some(home) }),
            None => Err(CacheError::StateFolder {
                path: Path::new("~").join(BELOW_HOME),
                problem: FolderProblem::Nowhere,
            }),
        }
    }

    /// Names the folder directly.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), home: None }
    }

    /// Returns the folder's path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Opens the folder, and makes it, with mode 0700, where it is absent.
    ///
    /// # Errors
    ///
    /// Fails if another user owns it or the home folder, if others can write to it, if it is a link, or if the system
    /// refuses.
    pub fn open(&self) -> Result<StateFolder, CacheError> {
        StateFolder::open(&self.path, self.home.as_deref())
            .map_err(|problem| CacheError::StateFolder { path: self.path.clone(), problem })
    }

    /// Reads the key under which keyring entries are sealed: one file opened, judged and read, nothing else.
    ///
    /// Returns `None` where there is no such file that only this user can read; then nothing was sealed either.
    pub(super) fn sealing_key(&self) -> Option<SealingKey> {
        let bytes = system::read_private(&self.path.join(SEALING_KEY), SEALING_KEY_LENGTH)?;
        whole_key(bytes)
    }
}

impl StateFolder {
    /// Returns the key under which keyring entries are sealed, and makes it where it is absent or useless.
    ///
    /// Of many processes that make it at the same time one wins, and all return the winner's key. Losing the file
    /// costs the cached sessions and nothing else.
    pub(super) fn sealing_key(&self) -> Result<SealingKey, CacheError> {
        let failed = |source| CacheError::File { path: self.path().join(SEALING_KEY), source };
        let read = || self.read(SEALING_KEY, SEALING_KEY_LENGTH).and_then(whole_key);
        if let Some(key) = read() {
            return Ok(key);
        }
        let fresh = fresh_key().map_err(failed)?;
        self.publish(SEALING_KEY, fresh.expose()).map_err(failed)?;
        if let Some(key) = read() {
            return Ok(key);
        }
        // A file was there, and it is no key: cut short, or open to others.
        self.replace(SEALING_KEY, fresh.expose()).map_err(failed)?;
        read().ok_or_else(|| failed(io::Error::other("it is not a file that only this user can read")))
    }
}

fn fresh_key() -> io::Result<Secret<Vec<u8>>> {
    let mut key = vec![0; SEALING_KEY_LENGTH];
    aws_lc_rs::rand::fill(&mut key).map_err(|_| io::Error::other("the system gives no random numbers"))?;
    Ok(Secret::new(key))
}

fn whole_key(bytes: Vec<u8>) -> Option<SealingKey> {
    let bytes = Secret::new(bytes);
    (bytes.expose().len() == SEALING_KEY_LENGTH).then(|| SealingKey::new(bytes, []))
}

#[cfg(test)]
mod tests {
    use std::str::FromStr;

    use super::*;
    use crate::cache::CacheKey;
    use crate::cache::entry::tests::entry;
    use crate::cache::seal::{self, Purpose};

    #[test]
    fn of_many_who_make_the_sealing_key_one_wins() {
        let folder = tempfile::tempdir().unwrap();
        let location = StateLocation::at(folder.path().join("state"));
        let entry = entry();
        let key = CacheKey::from_str(&"a".repeat(64)).unwrap();
        let seal = || {
            let sealing_key = location.open().unwrap().sealing_key().unwrap();
            let encoded = entry.encode().unwrap();
            seal::seal(Purpose::Keyring, &sealing_key, &key, entry.expiration(), encoded).unwrap()
        };
        let sealed: Vec<_> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..16).map(|_| scope.spawn(seal)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        let winner = location.sealing_key().expect("the winner wrote it whole");
        assert!(sealed.iter().all(|sealed| seal::open(Purpose::Keyring, &winner, &key, sealed).is_some()));
        let mut names = location.open().unwrap().names().unwrap();
        names.retain(|name| name != "." && name != "..");
        assert_eq!(names, [SEALING_KEY], "nothing else is left");
    }

    #[test]
    fn a_useless_sealing_key_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let location = StateLocation::at(folder.path().join("state"));
        let state = location.open().unwrap();
        state.replace(SEALING_KEY, b"cut short").unwrap();
        assert!(location.sealing_key().is_none());
        state.sealing_key().unwrap();
        assert!(location.sealing_key().is_some());
    }

    #[test]
    fn variables_choose_the_folder() {
        let resolve = |variables: &[(&str, &str)]| {
            StateLocation::resolve(&Environment::given(variables.iter().copied()))
                .map(|location| location.path)
        };
        let all = [(VARIABLE, "/a"), (SYSTEMD_VARIABLE, "/b:/c"), ("HOME", "/h"), ("USERPROFILE", "/h")];
        assert_eq!(resolve(&all).unwrap(), Path::new("/a"));
        #[cfg(unix)]
        assert_eq!(resolve(&all[1..]).unwrap(), Path::new("/b"));
        assert_eq!(resolve(&all[2..]).unwrap(), Path::new("/h/.local/state/anyrole"));
        assert!(matches!(
            resolve(&[("XDG_RUNTIME_DIR", "/run/user/0")]),
            Err(CacheError::StateFolder { problem: FolderProblem::Nowhere, .. })
        ));
    }
}
