//! The step forward: from a key in AWS's files to a line that starts this program.

use std::path::Path;

use zeroize::Zeroizing;

use super::MigrateError;
use super::backup::{Backup, Keys, SavedFile};
use super::change::{Both, NewWay, switched};
use super::files::{Content, Files, Found, sha256};
use super::state::{ChangedFile, Phase, State, VERSION};
use super::store::Store;
use crate::aws_file::Kind;
use crate::clock::{Clock, Timestamp};
use crate::private_file::Edited;

/// What the switch leads to.
#[derive(Clone, Debug)]
pub struct Target {
    /// The session's name.
    pub session: String,
    /// Our configuration file, if the line names it.
    pub config: Option<std::path::PathBuf>,
    /// The session's role.
    pub role_arn: String,
    /// The value of `credential_process`.
    pub line: String,
    /// The region of a profile that has none.
    pub region: String,
    /// The key's account.
    pub account: Option<String>,
}

/// Everything that a switch works with.
#[derive(Debug)]
pub struct Switch<'a> {
    /// Where the state and the backup go.
    pub store: &'a Store,
    /// The clock.
    pub clock: &'a dyn Clock,
    /// The files as they were read, and shown.
    pub files: &'a Files,
    /// The key in them.
    pub found: &'a Found,
    /// What it leads to.
    pub target: &'a Target,
    /// What the backup is sealed for; `None` for no backup.
    pub keys: Option<&'a Keys>,
    /// Who STS said the session is, if it was asked.
    pub arn: Option<String>,
}

/// What the files become.
pub struct Outcome {
    /// The config file.
    pub config: Zeroizing<Vec<u8>>,
    /// The credentials file.
    pub credentials: Zeroizing<Vec<u8>>,
}

/// Shows nothing: what else is in the files may be secret.
impl std::fmt::Debug for Outcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Outcome")
    }
}

/// Returns what a switch makes of the files; nothing is written.
///
/// # Errors
///
/// Fails if a section occurs twice, or if the line cannot be written.
pub fn outcome(files: &Files, profiles: &[String], target: &Target) -> Result<Outcome, MigrateError> {
    let before = Both { config: &files.config.octets, credentials: &files.credentials.octets };
    let new_way = NewWay { profiles, line: &target.line, region: &target.region };
    let of =
        |kind, content: &Content| switched(kind, before, &new_way).map_err(|error| content.refused(error));
    Ok(Outcome {
        config: of(Kind::Config, &files.config)?,
        credentials: of(Kind::Credentials, &files.credentials)?,
    })
}

impl Switch<'_> {
    /// Carries it out, in an order in which each moment is safe; `earlier` is the state of an earlier migration of this key,
    /// which is over.
    ///
    /// # Errors
    ///
    /// Fails if something cannot be written, or if a file is no longer as it was read. Where the files had begun to change, the
    /// state says so, and the next call undoes it.
    pub fn run(&self, earlier: Option<&State>) -> Result<State, MigrateError> {
        let Self { store, files, found, target, .. } = self;
        let id = found.key.access_key_id.as_str();
        let now = self.clock.now();
        let profiles = found.profiles();
        let outcome = outcome(files, &profiles, target)?;
        let name = self.keys.map(|_| store.backup_name(id, &now.amz_date()));
        let mut state = State {
            version: VERSION,
            access_key_id: id.to_owned(),
            account: target.account.clone(),
            session: target.session.clone(),
            config: target.config.clone(),
            role_arn: target.role_arn.clone(),
            phase: Phase::Switching,
            profiles,
            line: target.line.clone(),
            region: target.region.clone(),
            files: self.changed(&outcome),
            backup: name,
            verified: None,
            workloads: Vec::new(),
            deactivated: None,
            deleted: None,
            history: earlier.map(|earlier| earlier.history.clone()).unwrap_or_default(),
        };
        // The old backup stays until the new one is there.
        store.save(&state)?;
        if let (Some(keys), Some(name)) = (self.keys, &state.backup) {
            self.back_up(&store.backup(id, name), keys, now)?;
        }
        // The line first: while the keys are there, they win.
        replace(&files.config, &outcome.config)?;
        replace(&files.credentials, &outcome.credentials)?;
        state.phase = Phase::Switched;
        let now = self.clock.now();
        state.note(now, format!("switched to {}", target.session));
        if let Some(arn) = &self.arn {
            state.note(now, format!("proven before the switch: {arn}"));
        }
        store.save(&state)?;
        store.remove_backups(id, state.backup.as_deref())?;
        Ok(state)
    }

    fn changed(&self, outcome: &Outcome) -> Vec<ChangedFile> {
        let of = |content: &Content, after: &[u8]| ChangedFile {
            is_credentials: content.file.kind() == Kind::Credentials,
            path: absolute(content.file.path()),
            existed: content.exists,
            before_sha256: sha256(&content.octets),
            after_sha256: sha256(after),
        };
        vec![of(&self.files.config, &outcome.config), of(&self.files.credentials, &outcome.credentials)]
    }

    /// Writes the backup, and reads it back: the key is taken away only from where it can be had again.
    fn back_up(&self, file: &Path, keys: &Keys, now: Timestamp) -> Result<(), MigrateError> {
        let saved = |content: &Content| SavedFile {
            path: absolute(content.file.path()),
            existed: content.exists,
            content: content.octets.clone(),
        };
        let saved = [saved(&self.files.config), saved(&self.files.credentials)];
        let damaged = |why| MigrateError::BackupDamaged { file: file.to_owned(), why };
        let id = &self.found.key.access_key_id;
        Backup::seal(id, &now.to_string(), &saved, keys).map_err(damaged)?.write(file)?;
        if Backup::read(file)?.open(keys, file)? != saved {
            return Err(damaged("it does not hold what was written"));
        }
        Ok(())
    }
}

fn absolute(path: &Path) -> std::path::PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

/// Writes a file if it is still as it was read.
fn replace(content: &Content, after: &[u8]) -> Result<(), MigrateError> {
    if *content.octets == *after {
        return Ok(());
    }
    let (is_as_read, _) = content.file.edit(|editing| {
        Ok(if editing.content() == content.octets.as_slice() {
            Edited::Content(Zeroizing::new(after.to_vec()), true)
        } else {
            Edited::Unchanged(false)
        })
    })?;
    if is_as_read {
        Ok(())
    } else {
        Err(MigrateError::ChangedMeanwhile { file: content.file.path().to_owned() })
    }
}
