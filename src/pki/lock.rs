//! One writer at a time, and cleaning up after a writer that was killed.
//!
//! The files of an identity are written to `.NAME.new`, and that folder replaces `NAME` in one step. So a mixture of
//! old and new files is visible only across that step; a reader who hits it finds a matching pair when reading again.
//! If the file system cannot exchange two folders, the old one is at `.NAME.old` for a moment, and the next writer
//! moves it back if `NAME` was never filled.

use std::fs::File;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::{AUTHORITIES, Folder, PkiError};
use crate::private_file;

/// The lock, in the PKI's folder; it is never removed.
const FILE: &str = ".lock";
/// The suffixes of folders under construction, and of those that were moved aside.
const STAGED: &str = ".new";
const ASIDE: &str = ".old";

/// The files of an identity or of the CAs: names and contents.
pub(super) type Files = Vec<(String, Zeroizing<String>)>;

/// A PKI while we hold its lock.
#[derive(Debug)]
pub(super) struct Locked<'a> {
    path: &'a Path,
    _lock: File,
}

/// What may be in the place of new files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// Nothing: an identity of that name is not overwritten.
    Free,
    /// Nothing, or an identity that is replaced.
    FreeOrTaken,
}

/// Waits for a lock, which is released when the file is closed, at the latest when the process ends.
pub(super) fn wait_for(path: &Path) -> Result<File, PkiError> {
    let lock = private_file::open_private(path)?;
    lock.lock().map_err(|source| PkiError::Lock { file: path.to_owned(), source })?;
    Ok(lock)
}

impl Folder {
    /// Waits until no other process changes the PKI, and cleans up after one that was killed.
    pub(super) fn lock(&self) -> Result<Locked<'_>, PkiError> {
        private_file::create_private_folder(&self.path)?;
        let path = self.path.join(FILE);
        let locked = Locked { path: &self.path, _lock: wait_for(&path)? };
        locked.recover()?;
        Ok(locked)
    }
}

impl Locked<'_> {
    /// Returns the PKI's folder.
    pub(super) const fn path(&self) -> &Path {
        self.path
    }

    /// Puts files into the folder `name` of the PKI, all of them or none.
    pub(super) fn place(&self, name: &str, files: &Files, place: Place) -> Result<(), PkiError> {
        let target = self.path.join(name);
        let staged = self.beside(name, STAGED);
        let aside = self.beside(name, ASIDE);
        let write = || -> Result<(), PkiError> {
            private_file::create_private_folder(&staged)?;
            for (file, content) in files {
                private_file::write_new(&staged.join(file), content.as_bytes(), 0o600)?;
            }
            if place == Place::FreeOrTaken && target.exists() {
                private_file::replace_folder(&staged, &target, &aside)?;
            } else {
                private_file::place_folder(&staged, &target)?;
            }
            Ok(())
        };
        let outcome = write();
        // What cannot be removed is complete and hidden from the list; the next writer removes it.
        for leftover in [staged, aside] {
            let _ = std::fs::remove_dir_all(leftover);
        }
        outcome
    }

    fn beside(&self, name: &str, end: &str) -> PathBuf {
        self.path.join(format!(".{name}{end}"))
    }

    /// Moves back what was moved aside and not replaced, and removes what was never put in place.
    fn recover(&self) -> Result<(), PkiError> {
        for (name, aside) in self.leftovers(ASIDE) {
            let place = self.path.join(name);
            if place.exists() {
                let _ = std::fs::remove_dir_all(aside);
            } else {
                private_file::place_folder(&aside, &place)?;
            }
        }
        for (_, staged) in self.leftovers(STAGED) {
            let _ = std::fs::remove_dir_all(staged);
        }
        Ok(())
    }

    /// Returns the folders `.NAME` with this suffix, each with its name.
    fn leftovers(&self, end: &str) -> Vec<(String, PathBuf)> {
        let entries = std::fs::read_dir(self.path).into_iter().flatten().filter_map(Result::ok);
        entries
            .filter_map(|entry| {
                let file_name = entry.file_name().into_string().ok()?;
                let name = file_name.strip_prefix('.')?.strip_suffix(end)?;
                Some((name.to_owned(), entry.path()))
            })
            .filter(|(name, _)| name == AUTHORITIES || crate::config::is_session_name(name))
            .collect()
    }
}
