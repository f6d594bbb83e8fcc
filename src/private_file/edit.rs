//! Changes a file that other programs change too: atomically, one of our writers at a time, and never overwriting what
//! somebody else wrote in the meantime.
//!
//! On Unix the lock is `flock` on the file itself: no lock file is left behind, all users and containers that see the
//! file share the lock, and the kernel releases it however its holder ends. Each change replaces the file, so whoever
//! gets the lock checks that the file still has its name, and otherwise starts over. Any user who may read the file
//! could hold its lock forever; a writer then reports this after a while, and is no worse off. Windows denies reading
//! of a locked file; there `NAME.lock` beside it is locked, and left in place.
//!
//! Links are followed to the file, as by its readers, except links of a user who is neither root nor the caller. For
//! root, no other user may own or be able to write the file, a link or a folder on the way: that user could choose
//! where root writes. What was checked is what is used: the file is read, written and renamed through the open folder.
//! written and renamed through the open folder.

#[cfg(unix)]
#[path = "edit/unix.rs"]
mod system;
#[cfg(not(unix))]
#[path = "edit/windows.rs"]
mod system;

use std::fs::{File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use zeroize::Zeroizing;

use super::{ReadError, WriteError, shown};
use crate::diagnostic::{Diagnostic, Fault};

pub use system::{Editing, Stamp};

/// A file written this recently may still be in use by a program that truncates it before writing, like the AWS CLI.
const SETTLED: Duration = Duration::from_millis(25);
/// The same for an empty file: that program has truncated it and may be slow to write.
#[cfg(unix)]
const EMPTIED: Duration = Duration::from_secs(1);

/// How long to wait for other writers of the file. Each takes a few milliseconds.
const LOCK_TIMEOUT: Duration = Duration::from_secs(20);

/// How often to reread a file that others keep changing.
const ATTEMPTS: u32 = 200;

/// What to do if a folder is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MissingFolder {
    /// Create it, with mode 0700; its parent must exist.
    Make,
    /// Create it and its parent; the parent's parent must exist.
    MakeTwo,
    /// Fail.
    Refuse,
}

/// The result of replacing a file's content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Replaced {
    /// Another program has changed the file, or may be about to: start over. The file is unchanged.
    Changed,
    /// The content is in place; the new stamp of the file.
    Done(Stamp),
}

/// The result of an edit, with any further findings.
#[derive(Debug)]
pub enum Edited<T> {
    /// Leave the file unchanged.
    Unchanged(T),
    /// Write this content. The findings are dropped once it is in place.
    Content(Zeroizing<Vec<u8>>, T),
}

/// Reads a file of at most `limit` bytes, edits it and writes it back, holding its lock; starts over if others change
/// it in the meantime.
///
/// Returns the editor's findings and the new stamp of the file.
///
/// # Errors
///
/// Fails if the file cannot be read or written, or if the editor fails. The file is then unchanged.
pub fn edit<T, E: From<EditError>>(
    path: &Path,
    missing: MissingFolder,
    limit: u64,
    mut editor: impl FnMut(&Editing) -> Result<Edited<T>, E>,
) -> Result<(T, Stamp), E> {
    for _ in 0..ATTEMPTS {
        let editing = Editing::begin(path, missing, limit, LOCK_TIMEOUT)?;
        match editor(&editing)? {
            Edited::Unchanged(found) => return Ok((found, editing.stamp())),
            Edited::Content(content, found) => {
                if let Replaced::Done(stamp) = editing.replace(&content)? {
                    return Ok((found, stamp));
                }
            }
        }
    }
    Err(EditError::from(WriteError::new(path, "other programs change it all the time")).into())
}

/// Returns the content of a file of at most `limit` bytes that could be edited; a missing file counts as empty and is
/// not created.
///
/// # Errors
///
/// Fails as [`edit`] would.
pub fn content_to_edit(path: &Path, limit: u64) -> Result<Zeroizing<Vec<u8>>, EditError> {
    match std::fs::symlink_metadata(path) {
        // If more than the file is missing, writing will fail.
        Err(_) => Ok(Zeroizing::new(Vec::new())),
        Ok(_) => {
            let editing = Editing::begin(path, MissingFolder::Refuse, limit, LOCK_TIMEOUT)?;
            Ok(Zeroizing::new(editing.content().to_vec()))
        }
    }
}

/// Why a file was not changed. It is unchanged.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    /// It cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// Another user could redirect the write, or would lose the file.
    #[error("cannot write {}: {why}", shown(path))]
    Untrusted {
        /// The file, as the user named it.
        path: PathBuf,
        /// What belongs to whom.
        why: String,
        /// The other user, if there is one.
        owner: Option<String>,
    },
    /// It cannot be written.
    #[error(transparent)]
    Write(#[from] WriteError),
}

impl Diagnostic for EditError {
    fn id(&self) -> &'static str {
        match self {
            Self::Read(error) => error.id(),
            Self::Untrusted { .. } => "file-untrusted",
            Self::Write(error) => error.id(),
        }
    }

    fn fault(&self) -> Fault {
        match self {
            Self::Read(error) => error.fault(),
            Self::Untrusted { .. } => Fault::Usage,
            Self::Write(error) => error.fault(),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Read(error) => error.hint(),
            Self::Untrusted { owner: Some(owner), .. } => Some(format!("run it as {owner}")),
            Self::Untrusted { owner: None, .. } => Some(String::from(
                "let its owner alone write it and its folders, or run as the user whose file it is",
            )),
            Self::Write(error) => error.hint(),
        }
    }
}

/// Takes the lock of a file, waiting until the deadline; `None` if others still hold it then.
///
/// Waiting is a blocking call in a separate thread, because `flock` has no deadline; when it passes, the thread is left
/// behind, and releases the lock at once if it still gets it.
///
/// # Errors
///
/// Fails if the file system does not support locks.
pub(crate) fn lock_within(file: File, deadline: Instant) -> io::Result<Option<File>> {
    match file.try_lock() {
        Ok(()) => return Ok(Some(file)),
        Err(TryLockError::Error(error)) => return Err(error),
        Err(TryLockError::WouldBlock) => {}
    }
    let remaining = deadline.saturating_duration_since(Instant::now());
    if remaining.is_zero() {
        return Ok(None);
    }
    let (sender, receiver) = mpsc::channel();
    thread::Builder::new().name(String::from("lock")).spawn(move || {
        let locked = loop {
            match file.lock() {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Ok(()) => break Ok(file),
                Err(error) => break Err(error),
            }
        };
        // After the deadline the receiver is gone; the file is then closed here, which releases the lock.
        let _ = sender.send(locked);
    })?;
    match receiver.recv_timeout(remaining) {
        Ok(locked) => locked.map(Some),
        Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => Ok(None),
    }
}

#[cfg(test)]
mod tests;
