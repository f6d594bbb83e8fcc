//! Changing a file that others change too: whole or not at all, one writer of ours at a time, and never over what somebody else wrote meanwhile.
//!
//! On Unix the lock is `flock` on the file itself: nothing is left beside it, all users and containers that see the file share it, and the kernel
//! gives it back however its holder ends. Each change puts another file in its place, so whoever was given the lock looks whether the file still is the
//! one of that name, and else begins anew. Who may read the file could hold its lock for ever; then its writer says so after a while, and is no worse
//! off. Windows denies reading to others where a file is locked; there `NAME.lock` beside it is locked, and stays.
//!
//! Links are followed to the file, as those who read it do, but for those of a user who is neither root nor the caller. For root nobody else may own or
//! be able to write the file, a link or a folder on the way: he would write where another points to. What was judged is what is used: the file is read,
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

/// A file that was written so recently may be in the hands of a program that empties it first and then writes it, as the AWS CLI does.
const SETTLED: Duration = Duration::from_millis(25);
/// The same for a file that is empty: that program has hardly begun, however slow it is.
#[cfg(unix)]
const EMPTIED: Duration = Duration::from_secs(1);

/// How long others who write the file are waited for. Each of them takes some milliseconds.
const PATIENCE: Duration = Duration::from_secs(20);

/// How often a file is read again that others change all the time.
const ATTEMPTS: u32 = 200;

/// What becomes of a folder that is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MissingFolder {
    /// It is made, with mode 0700, in the folder above, which must be there.
    Make,
    /// It is made, and so is the folder above it, in the one above that, which must be there.
    MakeTwo,
    /// It is an error.
    Refuse,
}

/// What came of putting new content in place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Replaced {
    /// Somebody else has changed the file, or may be about to: begin anew. It is as it was.
    Changed,
    /// The content is in its place; the file as it is now.
    Done(Stamp),
}

/// What an editor makes of a file, and what it has found out meanwhile.
#[derive(Debug)]
pub enum Edited<T> {
    /// The file stays as it is.
    Unchanged(T),
    /// This is to be its content. What was found out is dropped when it is in place.
    Content(Zeroizing<Vec<u8>>, T),
}

/// Reads a file of at most `limit` bytes, edits it and puts it back, under its lock; begins anew where others change it meanwhile.
///
/// Returns what the editor found out, and the file as it is now.
///
/// # Errors
///
/// Fails if the file cannot be read or written, or if the editor does. It is as it was then.
pub fn edit<T, E: From<EditError>>(
    path: &Path,
    missing: MissingFolder,
    limit: u64,
    mut editor: impl FnMut(&Editing) -> Result<Edited<T>, E>,
) -> Result<(T, Stamp), E> {
    for _ in 0..ATTEMPTS {
        let editing = Editing::begin(path, missing, limit, PATIENCE)?;
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

/// Returns what is in a file of at most `limit` bytes that could be edited; nothing is made where it is missing, which counts as empty.
///
/// # Errors
///
/// Fails as [`edit`] would.
pub fn content_to_edit(path: &Path, limit: u64) -> Result<Zeroizing<Vec<u8>>, EditError> {
    match std::fs::symlink_metadata(path) {
        // Where more than the file is missing, writing tells.
        Err(_) => Ok(Zeroizing::new(Vec::new())),
        Ok(_) => {
            let editing = Editing::begin(path, MissingFolder::Refuse, limit, PATIENCE)?;
            Ok(Zeroizing::new(editing.content().to_vec()))
        }
    }
}

/// Why a file is not changed. It is as it was.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    /// It cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// Another user could have it written elsewhere, or would lose it.
    #[error("cannot write {}: {why}", shown(path))]
    Untrusted {
        /// The file, as the user named it.
        path: PathBuf,
        /// What is whose.
        why: String,
        /// The other user, where it is one.
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

/// Takes the lock of a file, waiting for it until the deadline; `None` where others still hold it then.
///
/// Waiting is a blocking call in a thread of its own, since `flock` has no deadline; when that passes, the thread is left behind, and gives back at once
/// what it may still be granted.
///
/// # Errors
///
/// Fails where the file system has no locks.
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
        // Nobody receives it after the deadline; then the file is closed here, and the lock given back.
        let _ = sender.send(locked);
    })?;
    match receiver.recv_timeout(remaining) {
        Ok(locked) => locked.map(Some),
        Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => Ok(None),
    }
}

#[cfg(test)]
mod tests;
