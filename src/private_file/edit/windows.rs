//! By paths: the folder's access list makes the file private. A lock denies reading to others here, so a file beside it
//! is locked.

use std::ffi::OsString;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use zeroize::Zeroizing;

use super::super::read::{describe, drain};
use super::super::{ReadError, ReadRefusal, WriteError, create_private_folder, open_private, replace};
use super::{EditError, MissingFolder, Replaced, SETTLED, lock_within};

/// How often to try to replace a file that others hold open: a reader without `FILE_SHARE_DELETE`, a scanner.
const ATTEMPTS: u32 = 40;

/// The modification time and length of the file: changes whenever the content does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stamp {
    length: u64,
    modified: Option<SystemTime>,
}

impl Stamp {
    /// Returns the stamp of a file, following links; `None` if there is none.
    pub fn of(path: &Path) -> Option<Self> {
        let found = std::fs::metadata(path).ok()?;
        Some(Self { length: found.len(), modified: found.modified().ok() })
    }
}

/// A locked file that was read, to be replaced or left unchanged.
#[derive(Debug)]
pub struct Editing {
    /// The path that the user gave.
    path: PathBuf,
    /// The same with links resolved.
    target: PathBuf,
    /// Closing it releases the lock.
    _lock: File,
    /// `None` if there is no file yet.
    found: Option<Stamp>,
    content: Zeroizing<Vec<u8>>,
}

impl Editing {
    /// Locks and reads a file of at most `limit` bytes; a missing file counts as empty.
    ///
    /// Waits for our other writers of the file, at most for `timeout`.
    ///
    /// # Errors
    ///
    /// Fails if the file or its folder may not be read and written, if it is not a regular file, or if it is locked for
    /// too long.
    pub fn begin(
        path: &Path,
        missing: MissingFolder,
        limit: u64,
        timeout: Duration,
    ) -> Result<Self, EditError> {
        if missing != MissingFolder::Refuse
            && let Some(folder) = path.parent()
            && !folder.exists()
        {
            create_private_folder(folder)?;
        }
        let target = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        let mut beside = target.as_os_str().to_owned();
        beside.push(".lock");
        let lock = open_private(Path::new(&beside))?;
        let locked =
            lock_within(lock, Instant::now() + timeout).map_err(|error| WriteError::io(path, &error))?;
        let Some(lock) = locked else {
            let why = format!("another program has kept it locked for {} seconds", timeout.as_secs());
            return Err(WriteError::new(path, why).into());
        };
        let found = Stamp::of(&target);
        let content = match File::open(&target) {
            Ok(file) => {
                let metadata = file.metadata().map_err(|error| ReadError::io(path, &error))?;
                if !metadata.is_file() {
                    return Err(ReadError::new(path, ReadRefusal::NotAFile(describe(&metadata))).into());
                }
                drain(&file, path, limit, metadata.len())?
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Zeroizing::new(Vec::new()),
            Err(error) => return Err(ReadError::io(path, &error).into()),
        };
        Ok(Self { path: path.to_owned(), target, _lock: lock, found, content })
    }

    /// Returns the file's content.
    pub fn content(&self) -> &[u8] {
        &self.content
    }

    /// Returns the file's stamp.
    pub fn stamp(&self) -> Stamp {
        self.found.clone().unwrap_or(Stamp { length: 0, modified: None })
    }

    /// Other users have the access that the access list grants, which is not examined.
    pub const fn exposure(&self) -> Option<u32> {
        None
    }

    /// Saves the file as it was read in a copy beside it, named like the file plus `suffix`; not if the file is new, or
    /// if there is a file whose name starts with the file's name and `mark`. Returns the copy's name.
    ///
    /// # Errors
    ///
    /// Fails if the folder is not writable or the disk is full.
    pub fn keep_copy(&self, mark: &str, suffix: &str) -> Result<Option<OsString>, EditError> {
        let (Some(folder), Some(name)) = (self.target.parent(), self.target.file_name()) else {
            return Ok(None);
        };
        let start = format!("{}{mark}", name.to_string_lossy());
        let entries = std::fs::read_dir(folder).map_err(|error| WriteError::io(folder, &error))?.flatten();
        let mut names = entries.map(|entry| entry.file_name().to_string_lossy().starts_with(&start));
        if self.found.is_none() || names.any(|is_copy| is_copy) {
            return Ok(None);
        }
        let mut copy = name.to_owned();
        copy.push(suffix);
        replace(&folder.join(&copy), &self.content, 0o600)?;
        Ok(Some(copy))
    }

    /// Replaces the file's content; it is on disk before anybody sees it.
    ///
    /// # Errors
    ///
    /// Fails if the folder is not writable or the disk is full. The file is then unchanged.
    pub fn replace(self, content: &[u8]) -> Result<Replaced, EditError> {
        if Stamp::of(&self.target) != self.found {
            return Ok(Replaced::Changed);
        }
        let mut attempts = 0;
        loop {
            match replace(&self.target, content, 0o600) {
                Ok(()) => break,
                Err(_) if attempts < ATTEMPTS => {
                    attempts += 1;
                    std::thread::sleep(SETTLED);
                }
                Err(error) => return Err(WriteError { path: self.path, ..error }.into()),
            }
        }
        Ok(match Stamp::of(&self.target) {
            Some(stamp) => Replaced::Done(stamp),
            None => Replaced::Changed,
        })
    }
}
