//! Where the states and backups are: a folder for each key, below the state folder of this user.
//!
//! Unlike the locks of the cache, a state must outlive a restart, so no folder in memory is taken.

use std::fs::File;
use std::path::{Path, PathBuf};

use super::MigrateError;
use super::state::{State, VERSION};
use crate::env::Environment;
use crate::private_file::{self, FolderOwner};

/// The folder below the state folder.
const FOLDER: &str = "migrate";
/// The state's file.
const STATE: &str = "state.json";
/// The lock's file: one process at a time works on migrations.
const LOCK: &str = "lock";
/// The largest state that is read, in bytes.
const LIMIT: u64 = 4 << 20;
/// How the name of a backup begins and ends; between them stands its date.
const BACKUP: (&str, &str) = ("backup-", ".sealed");

/// The folder of all migrations of this user.
#[derive(Clone, Debug)]
pub struct Store {
    folder: PathBuf,
}

/// The lock, which ends with its process however that ends.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

impl Store {
    /// Finds it: in `ANYROLE_STATE_DIR`, the state folder of a systemd unit, or `~/.local/state/anyrole`. Nothing is made.
    ///
    /// # Errors
    ///
    /// Fails for a user without a home who names no folder.
    pub fn locate(env: &Environment) -> Result<Self, MigrateError> {
        let unit = || std::env::split_paths(&env.os_var("STATE_DIRECTORY")?).next();
        let is_own = |home: &PathBuf| private_file::folder_owner(home) == FolderOwner::Caller;
        let home = || env.home().filter(is_own).or_else(private_file::own_home).filter(is_own);
        let base = env
            .os_var("ANYROLE_STATE_DIR")
            .map(PathBuf::from)
            .or_else(unit)
            .or_else(|| home().map(|home| home.join(".local/state/anyrole")))
            .ok_or(MigrateError::Nowhere)?;
        let folder = std::path::absolute(&base).unwrap_or(base).join(FOLDER);
        Ok(Self { folder })
    }

    /// Makes sure that nobody else works here.
    ///
    /// # Errors
    ///
    /// Fails at once if another process does, or if the folder cannot be used.
    pub fn lock(&self) -> Result<Lock, MigrateError> {
        if let Some(base) = self.folder.parent() {
            private_file::create_private_folder(base)?;
        }
        private_file::create_private_folder(&self.folder)?;
        let path = self.folder.join(LOCK);
        let file = private_file::open_private(&path)?;
        match file.try_lock() {
            Ok(()) => Ok(Lock { _file: file }),
            Err(std::fs::TryLockError::WouldBlock) => Err(MigrateError::Busy { lock: path }),
            Err(std::fs::TryLockError::Error(error)) => {
                Err(private_file::WriteError { path, why: error.to_string() }.into())
            }
        }
    }

    /// Returns the folder of a key.
    pub fn folder(&self, access_key_id: &str) -> PathBuf {
        self.folder.join(access_key_id)
    }

    /// Returns the path of a backup.
    pub fn backup(&self, access_key_id: &str, name: &str) -> PathBuf {
        self.folder(access_key_id).join(name)
    }

    /// Returns a free name for a backup, with this date in it.
    pub fn backup_name(&self, access_key_id: &str, date: &str) -> String {
        let name = |number: u32| match number {
            0 => format!("{}{date}{}", BACKUP.0, BACKUP.1),
            _ => format!("{}{date}-{number}{}", BACKUP.0, BACKUP.1),
        };
        let is_free = |name: &String| !self.backup(access_key_id, name).exists();
        (0..u32::MAX).map(name).find(is_free).unwrap_or_else(|| name(0))
    }

    /// Reads the state of a key; `None` if nothing was begun.
    ///
    /// # Errors
    ///
    /// Fails if there is a state that cannot be read.
    pub fn load(&self, access_key_id: &str) -> Result<Option<State>, MigrateError> {
        let file = self.folder(access_key_id).join(STATE);
        if std::fs::symlink_metadata(&file).is_err() {
            return Ok(None);
        }
        let bytes = private_file::read_private(&file, LIMIT)?;
        match serde_json::from_slice::<State>(&bytes) {
            Ok(state) if state.version == VERSION && state.access_key_id == access_key_id => Ok(Some(state)),
            Ok(other) if other.version == VERSION => {
                Err(MigrateError::State { file, why: String::from("it is of another key") })
            }
            Ok(other) => {
                let why = format!("its version is {}, and this program knows {VERSION}", other.version);
                Err(MigrateError::State { file, why })
            }
            // serde_json reports the line and the kind of error, and names only our own fields.
            Err(error) => Err(MigrateError::State { file, why: error.to_string() }),
        }
    }

    /// Reads every state, ordered by key.
    ///
    /// # Errors
    ///
    /// Fails if one cannot be read.
    pub fn all(&self) -> Result<Vec<State>, MigrateError> {
        let Ok(entries) = std::fs::read_dir(&self.folder) else { return Ok(Vec::new()) };
        let mut names: Vec<String> =
            entries.flatten().filter_map(|entry| entry.file_name().into_string().ok()).collect();
        names.sort_unstable();
        let mut states = Vec::new();
        for name in names.iter().filter(|name| is_key_id(name)) {
            states.extend(self.load(name)?);
        }
        Ok(states)
    }

    /// Replaces the state of a key, on disk before this returns.
    ///
    /// # Errors
    ///
    /// Fails if it cannot be written; the old one is then unchanged.
    pub fn save(&self, state: &State) -> Result<(), MigrateError> {
        let folder = self.folder(&state.access_key_id);
        private_file::create_private_folder(&folder)?;
        let file = folder.join(STATE);
        let mut text = serde_json::to_vec_pretty(state)
            .map_err(|error| MigrateError::State { file: file.clone(), why: error.to_string() })?;
        text.push(b'\n');
        Ok(private_file::replace(&file, &text, 0o600)?)
    }

    /// Removes the backups of a key but `kept`, and what writers left that were killed; returns how many backups there were.
    ///
    /// # Errors
    ///
    /// Fails if one cannot be removed.
    pub fn remove_backups(&self, access_key_id: &str, kept: Option<&str>) -> Result<usize, MigrateError> {
        let folder = self.folder(access_key_id);
        let mut removed = 0;
        for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
            let Ok(name) = entry.file_name().into_string() else { continue };
            let is_backup = name.starts_with(BACKUP.0) && name.ends_with(BACKUP.1);
            if name.starts_with('.') {
                remove(&folder.join(&name))?;
            } else if is_backup && kept != Some(name.as_str()) {
                remove(&folder.join(name))?;
                removed += 1;
            }
        }
        Ok(removed)
    }
}

fn remove(path: &Path) -> Result<(), MigrateError> {
    std::fs::remove_file(path)
        .map_err(|error| private_file::WriteError { path: path.to_owned(), why: error.to_string() }.into())
}

/// Tells whether a text has the form of an access key id, which is also the name of a folder here.
pub fn is_key_id(text: &str) -> bool {
    (16..=128).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
}
