//! The state folder on Unix: descriptors, owners and modes.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use rustix::fs::{Access, AtFlags, CWD, FileType, Mode, OFlags, Stat};
use rustix::io::Errno;

use super::{IfAbsent, Parent, Place};
use crate::cache::FolderProblem;
use crate::clock::Timestamp;
use crate::private_file;

const PRIVATE_FILE: Mode = Mode::RUSR.union(Mode::WUSR);
const PRIVATE_FOLDER: Mode = Mode::RWXU;

/// Follows no link, is not inherited by children, and does not block on a FIFO.
const SAFE_OPEN: OFlags = OFlags::NOFOLLOW.union(OFlags::CLOEXEC).union(OFlags::NONBLOCK);

/// The open folder, which this user owns.
#[derive(Debug)]
pub struct StateFolder {
    path: PathBuf,
    descriptor: OwnedFd,
}

impl StateFolder {
    pub(super) fn open(path: &Path, parent: &Parent, if_absent: IfAbsent) -> Result<Self, FolderProblem> {
        let descriptor = match open_folder(path) {
            Err(Errno::NOENT) if if_absent == IfAbsent::Make => {
                check_parent(parent)?;
                make_folders(path).map_err(io_problem)?;
                open_folder(path)
            }
            opened => opened,
        };
        let descriptor = descriptor.map_err(|error| match error {
            Errno::NOTDIR | Errno::LOOP => FolderProblem::NotAFolder,
            error => io_problem(error),
        })?;
        let found = rustix::fs::fstat(&descriptor).map_err(io_problem)?;
        if !is_own(&found) {
            return Err(FolderProblem::Foreign);
        }
        let forbidden = match parent {
            Parent::Any | Parent::Own(_) => Mode::WGRP | Mode::WOTH,
            Parent::Sticky(_) => {
                check_parent(parent)?;
                Mode::RWXG | Mode::RWXO
            }
        };
        if mode(&found).intersects(forbidden) {
            return Err(FolderProblem::Writable);
        }
        Ok(Self { path: path.to_owned(), descriptor })
    }

    /// Fails if no file can be created: for lack of permission, or on a read-only file system.
    pub(super) fn check_writable(&self) -> io::Result<()> {
        Ok(rustix::fs::accessat(&self.descriptor, ".", Access::WRITE_OK, AtFlags::empty())?)
    }

    /// Returns the folder's path, for messages.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Reads a file that only this user can read, of at most `limit` octets; anything else is `None`.
    pub(in crate::cache) fn read(&self, name: &str, limit: usize) -> Option<Vec<u8>> {
        let descriptor =
            rustix::fs::openat(&self.descriptor, name, OFlags::RDONLY | SAFE_OPEN, Mode::empty()).ok()?;
        read_whole(&descriptor, limit)
    }

    /// Replaces a file atomically, and flushes it to disk before it becomes visible.
    pub(in crate::cache) fn replace(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let written = self.write_beside(name, bytes)?;
        rustix::fs::renameat(&self.descriptor, &written, &self.descriptor, name).map_err(|error| {
            self.discard(&written);
            error.into()
        })
    }

    /// Writes a file unless it exists; of several processes that try at the same time one succeeds, and none sees a
    /// partial file.
    pub(in crate::cache) fn publish(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let written = self.write_beside(name, bytes)?;
        let linked = rustix::fs::linkat(&self.descriptor, &written, &self.descriptor, name, AtFlags::empty());
        match linked {
            Ok(()) | Err(Errno::EXIST) => {
                self.discard(&written);
                Ok(())
            }
            // This file system has no hard links.
            Err(_) => Ok(rustix::fs::renameat(&self.descriptor, &written, &self.descriptor, name)
                .inspect_err(|_| self.discard(&written))?),
        }
    }

    /// Removes a file; succeeds if there is none.
    pub(in crate::cache) fn remove(&self, name: &str) -> io::Result<()> {
        match rustix::fs::unlinkat(&self.descriptor, name, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Returns when a file was last written.
    pub(in crate::cache) fn modified(&self, name: &str) -> Option<Timestamp> {
        let found = rustix::fs::statat(&self.descriptor, name, AtFlags::SYMLINK_NOFOLLOW).ok()?;
        Some(Timestamp::from_unix_seconds(found.st_mtime))
    }

    /// Returns the names of all files, in no particular order; a name that is not UTF-8 is not ours.
    pub(in crate::cache) fn names(&self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in rustix::fs::Dir::read_from(&self.descriptor)? {
            if let Ok(name) = entry?.file_name().to_str() {
                names.push(name.to_owned());
            }
        }
        Ok(names)
    }

    /// Opens a file for locking, and creates it if it is absent. Its content means nothing.
    pub(in crate::cache) fn lock_file(&self, name: &str) -> io::Result<File> {
        let flags = OFlags::RDWR | OFlags::CREATE | SAFE_OPEN;
        let descriptor = rustix::fs::openat(&self.descriptor, name, flags, PRIVATE_FILE)?;
        let found = rustix::fs::fstat(&descriptor)?;
        if FileType::from_raw_mode(found.st_mode) != FileType::RegularFile || !is_own(&found) {
            return Err(io::Error::other("it is not a file of this user"));
        }
        if mode(&found) != PRIVATE_FILE {
            rustix::fs::fchmod(&descriptor, PRIVATE_FILE)?;
        }
        Ok(File::from(descriptor))
    }

    /// Returns whether `file` is still the one with this name.
    pub(in crate::cache) fn is_current(&self, name: &str, file: &File) -> bool {
        let named = rustix::fs::statat(&self.descriptor, name, AtFlags::SYMLINK_NOFOLLOW);
        match (named, rustix::fs::fstat(file)) {
            (Ok(named), Ok(held)) => (named.st_dev, named.st_ino) == (held.st_dev, held.st_ino),
            (Err(_), _) | (_, Err(_)) => false,
        }
    }

    /// Writes a private file under a temporary name, and returns the name.
    fn write_beside(&self, name: &str, bytes: &[u8]) -> io::Result<String> {
        let mut random = [0; 8];
        aws_lc_rs::rand::fill(&mut random)
            .map_err(|_| io::Error::other("the system gives no random numbers"))?;
        let beside = format!(".{name}.{}", hex::encode(random));
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | SAFE_OPEN;
        let descriptor = rustix::fs::openat(&self.descriptor, &beside, flags, PRIVATE_FILE)?;
        let write = || {
            private_file::check_size_limit(bytes.len())?;
            // The umask may have removed even our own permissions.
            rustix::fs::fchmod(&descriptor, PRIVATE_FILE)?;
            let mut file = File::from(descriptor);
            file.write_all(bytes)?;
            file.sync_all()
        };
        match write() {
            Ok(()) => Ok(beside),
            Err(error) => {
                self.discard(&beside);
                Err(error)
            }
        }
    }

    fn discard(&self, name: &str) {
        // What cannot be removed is owner-only, and nothing reads it.
        let _ = rustix::fs::unlinkat(&self.descriptor, name, AtFlags::empty());
    }
}

/// Fails where a folder that is absent could not be made; none is.
pub(super) fn check_makeable(path: &Path, parent: &Parent) -> Result<(), FolderProblem> {
    check_parent(parent)?;
    let there = path.ancestors().skip(1).find(|folder| rustix::fs::stat(*folder).is_ok());
    match there {
        Some(folder) => {
            rustix::fs::accessat(CWD, folder, Access::WRITE_OK | Access::EXEC_OK, AtFlags::EACCESS)
                .map_err(io_problem)
        }
        None => Err(io_problem(Errno::NOENT)),
    }
}

/// Returns the places that the system has for a user without a home.
pub(super) fn without_home() -> Vec<Place> {
    let uid = rustix::process::geteuid().as_raw();
    let of_login = PathBuf::from(format!("/run/user/{uid}"));
    let shared = ["/dev/shm", "/tmp"].map(Path::new).into_iter();
    let mut places = vec![Place { path: of_login.join("anyrole"), parent: Parent::Own(of_login) }];
    places.extend(shared.map(|parent| Place {
        path: parent.join(format!("anyrole-{uid}")),
        parent: Parent::Sticky(parent.to_owned()),
    }));
    places
}

/// Returns whether this process, or the system, is out of descriptors.
pub(super) fn is_out_of_descriptors(error: &io::Error) -> bool {
    matches!(Errno::from_io_error(error), Some(Errno::MFILE | Errno::NFILE))
}

/// Reads a private file by its path: opens, checks, reads and closes it, and nothing else.
pub(super) fn read_private(path: &Path, limit: usize) -> Option<Vec<u8>> {
    let descriptor = rustix::fs::openat(CWD, path, OFlags::RDONLY | SAFE_OPEN, Mode::empty()).ok()?;
    read_whole(&descriptor, limit)
}

fn read_whole(descriptor: &OwnedFd, limit: usize) -> Option<Vec<u8>> {
    let found = rustix::fs::fstat(descriptor).ok()?;
    let size = usize::try_from(found.st_size).ok()?;
    let is_private = FileType::from_raw_mode(found.st_mode) == FileType::RegularFile
        && is_own(&found)
        && !mode(&found).intersects(Mode::RWXG | Mode::RWXO);
    if !is_private || size > limit {
        return None;
    }
    let mut bytes = vec![0; size];
    let mut filled = 0;
    while filled < size {
        match rustix::io::read(descriptor, &mut bytes[filled..]) {
            Ok(0) => return None,
            Ok(read) => filled += read,
            Err(Errno::INTR) => {}
            Err(_) => return None,
        }
    }
    Some(bytes)
}

fn check_parent(parent: &Parent) -> Result<(), FolderProblem> {
    let (Parent::Own(path) | Parent::Sticky(path)) = parent else { return Ok(()) };
    let found = rustix::fs::stat(path).map_err(io_problem)?;
    match parent {
        Parent::Own(_) if !is_own(&found) => Err(FolderProblem::Foreign),
        Parent::Sticky(_) if !Mode::from_raw_mode(found.st_mode).contains(Mode::SVTX) => {
            Err(FolderProblem::NotSticky)
        }
        Parent::Any | Parent::Own(_) | Parent::Sticky(_) => Ok(()),
    }
}

fn open_folder(path: &Path) -> Result<OwnedFd, Errno> {
    rustix::fs::openat(CWD, path, OFlags::RDONLY | OFlags::DIRECTORY | SAFE_OPEN, Mode::empty())
}

/// Creates a folder and its absent parents, each closed to others.
///
/// Each is tried twice at most: if the second attempt fails, after its parent was created, the cause is another, such as
/// a dangling link or a file system without folders.
fn make_folders(path: &Path) -> Result<(), Errno> {
    let mut absent = Vec::new();
    for folder in path.ancestors().filter(|folder| !folder.as_os_str().is_empty()) {
        match make_folder(folder) {
            Err(Errno::NOENT) => absent.push(folder),
            made => {
                made?;
                break;
            }
        }
    }
    absent.into_iter().rev().try_for_each(make_folder)
}

/// Creates one folder, if nothing of that name exists.
fn make_folder(path: &Path) -> Result<(), Errno> {
    match rustix::fs::mkdir(path, PRIVATE_FOLDER) {
        Err(Errno::EXIST) => Ok(()),
        Err(error) => Err(error),
        // The umask may have removed even our own permissions.
        Ok(()) if mode(&rustix::fs::stat(path)?) == PRIVATE_FOLDER => Ok(()),
        Ok(()) => rustix::fs::chmod(path, PRIVATE_FOLDER),
    }
}

fn is_own(found: &Stat) -> bool {
    found.st_uid == rustix::process::geteuid().as_raw()
}

fn mode(found: &Stat) -> Mode {
    Mode::from_raw_mode(found.st_mode) & (Mode::RWXU | Mode::RWXG | Mode::RWXO)
}

fn io_problem(error: Errno) -> FolderProblem {
    FolderProblem::Io(error.into())
}
