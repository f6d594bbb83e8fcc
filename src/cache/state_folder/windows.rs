//! The state folder on Windows, where files have no owner and mode as on Unix: the access list of the user's profile
//! folder, which everything in it inherits, keeps others out. A folder that `ANYROLE_STATE_DIR` names is as closed as
//! its parent.
#![expect(clippy::disallowed_methods, reason = "the folder's own access list makes its files private")]

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::windows::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use super::{IfAbsent, Parent, Place};
use crate::cache::FolderProblem;
use crate::clock::Timestamp;

/// `FILE_SHARE_READ | FILE_SHARE_WRITE` of `winnt.h`: others may open the file, but not remove or rename it.
const NOT_REMOVABLE: u32 = 0x1 | 0x2;

/// The folder.
#[derive(Debug)]
pub struct StateFolder {
    path: PathBuf,
}

impl StateFolder {
    pub(super) fn open(path: &Path, _parent: &Parent, if_absent: IfAbsent) -> Result<Self, FolderProblem> {
        if if_absent == IfAbsent::Make {
            fs::create_dir_all(path).map_err(FolderProblem::Io)?;
        }
        let found = fs::symlink_metadata(path).map_err(FolderProblem::Io)?;
        if found.is_dir() { Ok(Self { path: path.to_owned() }) } else { Err(FolderProblem::NotAFolder) }
    }

    /// Always succeeds: a folder that is not writable shows when something is written.
    #[expect(clippy::unused_self, clippy::unnecessary_wraps, reason = "on Unix both are needed")]
    pub(super) fn check_writable(&self) -> io::Result<()> {
        Ok(())
    }

    /// Returns the folder's path, for messages.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Reads a file of at most `limit` octets; anything else is `None`.
    pub(in crate::cache) fn read(&self, name: &str, limit: usize) -> Option<Vec<u8>> {
        read_private(&self.path.join(name), limit)
    }

    /// Replaces a file atomically, and flushes it to disk before it becomes visible.
    pub(in crate::cache) fn replace(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let written = self.write_beside(name, bytes)?;
        fs::rename(&written, self.path.join(name)).inspect_err(|_| discard(&written))
    }

    /// Writes a file unless it exists.
    pub(in crate::cache) fn publish(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let written = self.write_beside(name, bytes)?;
        let linked = fs::hard_link(&written, self.path.join(name));
        match linked {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            // This file system has no hard links.
            Err(_) => {
                return fs::rename(&written, self.path.join(name)).inspect_err(|_| discard(&written));
            }
        }
        discard(&written);
        Ok(())
    }

    /// Removes a file; succeeds if there is none.
    pub(in crate::cache) fn remove(&self, name: &str) -> io::Result<()> {
        match fs::remove_file(self.path.join(name)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            Ok(()) | Err(_) => Ok(()),
        }
    }

    /// Returns when a file was last written.
    pub(in crate::cache) fn modified(&self, name: &str) -> Option<Timestamp> {
        let written = fs::symlink_metadata(self.path.join(name)).ok()?.modified().ok()?;
        let seconds = written.duration_since(std::time::UNIX_EPOCH).ok()?.as_secs();
        Some(Timestamp::from_unix_seconds(i64::try_from(seconds).ok()?))
    }

    /// Returns the names of all files, in no particular order.
    pub(in crate::cache) fn names(&self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(&self.path)? {
            names.extend(entry?.file_name().into_string());
        }
        Ok(names)
    }

    /// Opens a file for locking, and creates it if it is absent. Its content means nothing.
    ///
    /// While it is open nobody can remove it: two processes that lock the same name lock the same file.
    pub(in crate::cache) fn lock_file(&self, name: &str) -> io::Result<File> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false).share_mode(NOT_REMOVABLE);
        options.open(self.path.join(name))
    }

    /// Returns whether `file` is still the one with this name; a lock file always is here.
    pub(in crate::cache) fn is_current(&self, _name: &str, _file: &File) -> bool {
        true
    }

    fn write_beside(&self, name: &str, bytes: &[u8]) -> io::Result<PathBuf> {
        let mut random = [0; 8];
        aws_lc_rs::rand::fill(&mut random)
            .map_err(|_| io::Error::other("the system gives no random numbers"))?;
        let beside = self.path.join(format!(".{name}.{}", hex::encode(random)));
        let mut file = OpenOptions::new().write(true).create_new(true).open(&beside)?;
        let written = file.write_all(bytes).and_then(|()| file.sync_all());
        written.map(|()| beside.clone()).inspect_err(|_| discard(&beside))
    }
}

/// What cannot be made is told when it is.
#[expect(clippy::unnecessary_wraps, reason = "on Unix it is needed")]
pub(super) fn check_makeable(_path: &Path, _parent: &Parent) -> Result<(), FolderProblem> {
    Ok(())
}

/// Every user has a profile folder here.
pub(super) const fn without_home() -> Vec<Place> {
    Vec::new()
}

/// There is only one place here, so the search never goes on.
pub(super) const fn is_out_of_descriptors(_error: &io::Error) -> bool {
    false
}

fn discard(path: &Path) {
    // What cannot be removed is in the user's own folder, and nothing reads it.
    let _ = fs::remove_file(path);
}

pub(super) fn read_private(path: &Path, limit: usize) -> Option<Vec<u8>> {
    let file = File::open(path).ok()?;
    let size = usize::try_from(file.metadata().ok().filter(fs::Metadata::is_file)?.len()).ok()?;
    if size > limit {
        return None;
    }
    let mut bytes = vec![0; size];
    (&file).read_exact(&mut bytes).ok()?;
    Some(bytes)
}
