//! The way back: AWS's files as they were, from the backup.

use std::io::ErrorKind;
use std::path::Path;

use super::MigrateError;
use super::backup::{Backup, Keys, SavedFile};
use super::change::{Both, NewWay, restored};
use super::files::{Content, Files, sha256};
use super::state::{ChangedFile, Phase, State};
use super::store::Store;
use crate::aws_file::{AwsFile, Kind};
use crate::clock::Clock;
use crate::credentials::AccessKey;
use crate::private_file::{Edited, WriteError};

/// Which way a profile works at the moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// With the key.
    Old,
    /// With the line that the switch wrote.
    New,
    /// With something else, or not at all: others have changed it.
    Other,
}

/// Says which way each profile of a migration works, as its files are now.
///
/// # Errors
///
/// Fails if a file cannot be read.
pub fn ways(state: &State) -> Result<Vec<(String, Way)>, MigrateError> {
    let files = current(state)?;
    let way = |profile: &String| {
        let way = if files.key_id(profile) == Some(state.access_key_id.as_str()) {
            Way::Old
        } else if files.key_id(profile).is_none() && files.process(profile) == Some(state.line.as_str()) {
            Way::New
        } else {
            Way::Other
        };
        (profile.clone(), way)
    };
    Ok(state.profiles.iter().map(way).collect())
}

/// Reads the files of a migration as they are now.
///
/// # Errors
///
/// Fails if one cannot be read.
pub fn current(state: &State) -> Result<Files, MigrateError> {
    let read = |kind: Kind| {
        let changed = state.files.iter().find(|changed| changed.kind() == kind);
        let path = changed.map_or(Path::new(""), |changed| changed.path.as_path());
        Content::read(AwsFile::at(kind, path))
    };
    Ok(Files { config: read(Kind::Config)?, credentials: read(Kind::Credentials)? })
}

/// Tells whether every file is as it was before the switch.
///
/// # Errors
///
/// Fails if one cannot be read.
pub fn is_untouched(state: &State) -> Result<bool, MigrateError> {
    let files = current(state)?;
    Ok(state.files.iter().all(|changed| {
        let content = match changed.kind() {
            Kind::Config => &files.config,
            Kind::Credentials => &files.credentials,
        };
        content.exists == changed.existed && sha256(&content.octets) == changed.before_sha256
    }))
}

/// A backup that was opened.
#[derive(Debug)]
pub struct Opened {
    config: SavedFile,
    credentials: SavedFile,
}

impl Opened {
    /// Opens the backup of a migration.
    ///
    /// # Errors
    ///
    /// Fails if there is none, or if none of `keys` opens it.
    pub fn of(state: &State, store: &Store, keys: &Keys) -> Result<Self, MigrateError> {
        let Some(name) = &state.backup else {
            return Err(MigrateError::Step {
                access_key_id: state.access_key_id.clone(),
                is: String::from("was switched without a backup"),
                step: "to have its secret again",
                hint: String::from(
                    "make a new key for its user: aws iam create-access-key; and write it with aws configure",
                ),
            });
        };
        let file = store.backup(&state.access_key_id, name);
        let mut saved = Backup::read(&file)?.open(keys, &file)?;
        let mut take = |kind: Kind| -> Option<SavedFile> {
            let path = &state.files.iter().find(|changed| changed.kind() == kind)?.path;
            let index = saved.iter().position(|saved| saved.path == *path)?;
            Some(saved.swap_remove(index))
        };
        match (take(Kind::Config), take(Kind::Credentials)) {
            (Some(config), Some(credentials)) => Ok(Self { config, credentials }),
            _ => Err(MigrateError::BackupDamaged { file, why: "it is of other files than the state says" }),
        }
    }

    fn both(&self) -> Both<'_> {
        Both { config: &self.config.content, credentials: &self.credentials.content }
    }

    /// Returns the old key.
    ///
    /// # Errors
    ///
    /// Fails if it is not there, which the switch had checked.
    pub fn key(&self, state: &State) -> Result<AccessKey, MigrateError> {
        let content = |saved: &SavedFile, kind| Content {
            file: AwsFile::at(kind, &saved.path),
            octets: saved.content.clone(),
            exists: saved.existed,
        };
        let files = Files {
            config: content(&self.config, Kind::Config),
            credentials: content(&self.credentials, Kind::Credentials),
        };
        Ok(files.find(&state.access_key_id)?.key)
    }
}

/// Undoes a switch, wherever it was interrupted.
///
/// # Errors
///
/// Fails if a file cannot be written. The state then says that it was interrupted, and the same call goes on.
pub fn run(state: &mut State, store: &Store, clock: &dyn Clock, opened: &Opened) -> Result<(), MigrateError> {
    state.phase = Phase::RollingBack;
    store.save(state)?;
    // The keys first: as soon as they are there, they win.
    for kind in [Kind::Credentials, Kind::Config] {
        restore(state, kind, opened)?;
    }
    finished(state, store, clock)
}

/// Undoes a switch that was made or begun without a backup: possible as long as every profile has its key.
///
/// # Errors
///
/// Fails if the files cannot be read or the state not written.
pub fn without_backup(state: &mut State, store: &Store, clock: &dyn Clock) -> Result<bool, MigrateError> {
    if ways(state)?.iter().any(|(_, way)| *way != Way::Old) {
        return Ok(false);
    }
    finished(state, store, clock)?;
    Ok(true)
}

fn finished(state: &mut State, store: &Store, clock: &dyn Clock) -> Result<(), MigrateError> {
    state.phase = Phase::RolledBack;
    state.verified = None;
    state.note(clock.now(), "rolled back");
    store.save(state)
}

fn restore(state: &State, kind: Kind, opened: &Opened) -> Result<(), MigrateError> {
    let Some(ChangedFile { path, existed, before_sha256, after_sha256, .. }) =
        state.files.iter().find(|changed| changed.kind() == kind)
    else {
        return Ok(());
    };
    if before_sha256 == after_sha256 {
        return Ok(());
    }
    let file = AwsFile::at(kind, path);
    let new_way = NewWay { profiles: &state.profiles, line: &state.line, region: &state.region };
    let ((), _) = file.edit(|editing| {
        let current = editing.content();
        let content =
            restored(kind, current, opened.both(), &new_way).map_err(|error| file.refused(error))?;
        Ok(if *content == *current { Edited::Unchanged(()) } else { Edited::Content(content, ()) })
    })?;
    if *existed || !file.read()?.is_empty() {
        return Ok(());
    }
    // It was not there, and nobody has written to it since.
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(WriteError { path: path.clone(), why: error.to_string() }.into())
        }
        Ok(()) | Err(_) => Ok(()),
    }
}
