//! Through descriptors: of the folder, which was checked, and of the file, which is locked.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::Write as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::fs::{AtFlags, CWD, Dir, FileType, Gid, Mode, OFlags, Stat, openat, renameat, statat, unlinkat};
use rustix::io::Errno;
use zeroize::Zeroizing;

use super::super::account::owner_name;
use super::super::read::{describe, drain};
use super::super::resolve::{ResolvedPath, Step, follow};
use super::super::{ReadError, ReadRefusal, WriteError, check_size_limit, shown};
use super::{EMPTIED, EditError, MissingFolder, Replaced, SETTLED, lock_within};

/// The most links followed, as in Linux.
const MAX_LINKS: u32 = 40;

/// What separates the file's name from sixteen digits in the name of a temporary file.
const MARK: &[u8] = b".anyrole-";

const STICKY: u32 = 0o1000;
const WRITABLE_BY_OTHERS: u32 = 0o022;

/// Follows no link, is not inherited by children, and does not block on a pipe.
const SAFE_OPEN: OFlags =
    OFlags::NOFOLLOW.union(OFlags::CLOEXEC).union(OFlags::NONBLOCK).union(OFlags::NOCTTY);

/// Identifies a file and its last modification: changes whenever the content does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stamp {
    device: u64,
    inode: u64,
    length: u64,
    modified: (i64, i64),
}

impl Stamp {
    /// Returns the stamp of a file, following links; `None` if there is none.
    pub fn of(path: &Path) -> Option<Self> {
        std::fs::metadata(path).ok().map(|found| Self::new(&found))
    }

    fn new(found: &std::fs::Metadata) -> Self {
        Self {
            device: found.dev(),
            inode: found.ino(),
            length: found.len(),
            modified: (found.mtime(), found.mtime_nsec()),
        }
    }
}

/// A locked file that was read, to be replaced or left unchanged.
#[derive(Debug)]
pub struct Editing {
    /// The path that the user gave.
    path: PathBuf,
    folder: File,
    name: OsString,
    /// Closing it releases the lock.
    file: File,
    found: std::fs::Metadata,
    content: Zeroizing<Vec<u8>>,
    /// Whether it was created here for locking, and nobody has written to it yet.
    is_ours: bool,
}

impl Editing {
    /// Locks and reads a file of at most `limit` bytes; a missing file is created, empty and with mode 0600.
    ///
    /// Waits for our other writers of the file, at most for `timeout`.
    ///
    /// # Errors
    ///
    /// Fails if the file or its folder may not be read and written, if it is not a regular file or belongs to another
    /// user, or if it is locked for too long; for root, also if another user owns or can write it, its folder, or a
    /// link or folder on the way.
    pub fn begin(
        path: &Path,
        missing: MissingFolder,
        limit: u64,
        timeout: Duration,
    ) -> Result<Self, EditError> {
        let deadline = Instant::now() + timeout;
        let mut last_try = false;
        while !last_try {
            last_try = Instant::now() >= deadline;
            match missing {
                MissingFolder::Make => make_folder(path)?,
                MissingFolder::MakeTwo => {
                    path.parent().map_or(Ok(()), make_folder)?;
                    make_folder(path)?;
                }
                MissingFolder::Refuse => {}
            }
            let opened = match Place::find(path)? {
                Some(place) => place.open_file(path)?.map(|(file, is_ours)| (place, file, is_ours)),
                None => None,
            };
            let Some((place, file, is_ours)) = opened else {
                // Somebody is replacing folders or files right now.
                std::thread::sleep(Duration::from_millis(1));
                continue;
            };
            let found = file.metadata().map_err(|error| ReadError::io(path, &error))?;
            check_file(&found, path)?;
            let locked = lock_within(file, deadline).map_err(|error| {
                WriteError::new(path, format!("it cannot be locked: {}", super::super::words(&error)))
            })?;
            let Some(file) = locked else { break };
            if !place.is_current(&file) {
                continue;
            }
            let found = file.metadata().map_err(|error| ReadError::io(path, &error))?;
            check_file(&found, path)?;
            let content = drain(&file, path, limit, found.len())?;
            let Place { folder, name } = place;
            let path = path.to_owned();
            return Ok(Self { path, folder, name, file, found, content, is_ours });
        }
        let why = format!("another program has kept it locked for {} seconds", timeout.as_secs());
        Err(WriteError::new(path, why).into())
    }

    /// Returns the file's content.
    pub fn content(&self) -> &[u8] {
        &self.content
    }

    /// Returns the file's stamp.
    pub fn stamp(&self) -> Stamp {
        Stamp::new(&self.found)
    }

    /// Returns the permission bits that let other users access the file; `None` if it is private to its owner.
    pub fn exposure(&self) -> Option<u32> {
        let mode = self.found.mode() & 0o777;
        (mode & 0o077 != 0).then_some(mode)
    }

    /// Replaces the file's content, keeping its mode, group and access list; it is on disk before anybody sees it.
    ///
    /// # Errors
    ///
    /// Fails if the folder is not writable or the disk is full. The file is then unchanged.
    pub fn replace(mut self, content: &[u8]) -> Result<Replaced, EditError> {
        let failed = |errno: Errno| match errno {
            Errno::BUSY => WriteError::new(
                &self.path,
                "it is mounted by itself and cannot be exchanged; mount its folder instead",
            ),
            errno => self.in_folder(errno),
        };
        self.sweep();
        let mut temporary = Temporary::make(&self.folder, &self.name).map_err(failed)?;
        let made = temporary.file.metadata().map_err(|error| WriteError::io(&self.path, &error))?;
        if !self.is_ours && is_fresh(&self.found, &made) {
            drop(temporary);
            std::thread::sleep(SETTLED);
            return Ok(Replaced::Changed);
        }
        temporary
            .fill(content, &self.file, &self.found, made.gid())
            .map_err(|error| WriteError::io(&self.path, &error))?;
        if !self.is_unchanged() {
            return Ok(Replaced::Changed);
        }
        let written = temporary.file.metadata().map_err(|error| WriteError::io(&self.path, &error))?;
        match renameat(&self.folder, &temporary.name, &self.folder, &self.name) {
            // The file was replaced in the meantime, and the holder of the new file's lock swept our temporary file
            // away.
            Err(Errno::NOENT) => return Ok(Replaced::Changed),
            renamed => renamed.map_err(failed)?,
        }
        temporary.is_kept = true;
        self.is_ours = false;
        match rustix::fs::fsync(&self.folder) {
            // Some file systems cannot flush a folder.
            Ok(()) | Err(Errno::INVAL) => {}
            Err(errno) => return Err(self.in_folder(errno).into()),
        }
        Ok(Replaced::Done(Stamp::new(&written)))
    }

    /// Saves the file as it was read in a copy beside it, named like the file plus `suffix`, with the same mode; not if
    /// the file is new, or if there is a file whose name starts with the file's name and `mark`. Returns the copy's
    /// name.
    ///
    /// # Errors
    ///
    /// Fails if the folder is not writable or the disk is full.
    pub fn keep_copy(&self, mark: &str, suffix: &str) -> Result<Option<OsString>, EditError> {
        let failed = |errno: Errno| self.in_folder(errno);
        let start = [self.name.as_bytes(), mark.as_bytes()].concat();
        let kept = Dir::read_from(&self.folder).map_err(failed)?.flatten();
        let mut names = kept.map(|entry| entry.file_name().to_bytes().starts_with(&start));
        if self.is_ours || names.any(|is_copy| is_copy) {
            return Ok(None);
        }
        let mut name = self.name.clone();
        name.push(suffix);
        let mut temporary = Temporary::make(&self.folder, &self.name).map_err(failed)?;
        let made = temporary.file.metadata().map_err(|error| WriteError::io(&self.path, &error))?;
        temporary
            .fill(&self.content, &self.file, &self.found, made.gid())
            .map_err(|error| WriteError::io(&self.path, &error))?;
        renameat(&self.folder, &temporary.name, &self.folder, &name).map_err(failed)?;
        temporary.is_kept = true;
        Ok(Some(name))
    }

    /// Explains why writing failed; the folder may be the cause.
    fn in_folder(&self, errno: Errno) -> WriteError {
        let error = std::io::Error::from(errno);
        match (errno, self.path.parent()) {
            (Errno::ACCESS | Errno::PERM, Some(folder)) => {
                let why = format!("its folder {} may not be written", shown(folder));
                WriteError::new(&self.path, why)
            }
            _ => WriteError::io(&self.path, &error),
        }
    }

    /// Returns whether the file is as it was read, and still in its place.
    fn is_unchanged(&self) -> bool {
        let changed = |found: &std::fs::Metadata| (Stamp::new(found), found.ctime(), found.ctime_nsec());
        let now = self.file.metadata();
        now.is_ok_and(|now| changed(&now) == changed(&self.found))
            && is_current(&self.folder, &self.name, &self.file)
    }

    /// Removes the leftovers of writers that were killed. Nobody else writes while we hold the lock.
    fn sweep(&self) {
        let Ok(entries) = Dir::read_from(&self.folder) else { return };
        let start = [b".", self.name.as_bytes(), MARK].concat();
        for entry in entries.flatten() {
            let name = entry.file_name();
            let rest = name.to_bytes().strip_prefix(start.as_slice());
            if rest.is_some_and(|rest| rest.len() == 16 && rest.iter().all(u8::is_ascii_hexdigit)) {
                // What cannot be removed is private to its owner.
                let _ = unlinkat(&self.folder, name, AtFlags::empty());
            }
        }
    }
}

impl Drop for Editing {
    fn drop(&mut self) {
        let is_empty = || self.file.metadata().is_ok_and(|found| found.len() == 0);
        if self.is_ours && is_empty() && is_current(&self.folder, &self.name, &self.file) {
            // It was created for locking, and never written.
            let _ = unlinkat(&self.folder, &self.name, AtFlags::empty());
        }
    }
}

/// Returns whether a file was written shortly before another one was created.
fn is_fresh(file: &std::fs::Metadata, made: &std::fs::Metadata) -> bool {
    let nanoseconds = |found: &std::fs::Metadata| {
        i128::from(found.mtime()) * 1_000_000_000 + i128::from(found.mtime_nsec())
    };
    let age = nanoseconds(made) - nanoseconds(file);
    // A modification time in the future is not a recent one.
    let settled = if file.len() == 0 { EMPTIED } else { SETTLED };
    u128::try_from(age).is_ok_and(|age| age < settled.as_nanos())
}

/// A temporary file; it is removed unless it is kept.
struct Temporary<'a> {
    folder: &'a File,
    name: OsString,
    file: File,
    is_kept: bool,
}

impl<'a> Temporary<'a> {
    fn make(folder: &'a File, name: &OsStr) -> Result<Self, Errno> {
        let mut random = [0_u8; 8];
        aws_lc_rs::rand::fill(&mut random).map_err(|_| Errno::NOSYS)?;
        let mut own = OsString::from(".");
        own.push(name);
        own.push(OsStr::from_bytes(MARK));
        own.push(hex::encode(random));
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | SAFE_OPEN;
        let file = File::from(openat(folder, &own, flags, Mode::RUSR | Mode::WUSR)?);
        Ok(Self { folder, name: own, file, is_kept: false })
    }

    /// Writes the content, and copies the metadata of the file that it replaces; `group` is the one that the folder
    /// assigned.
    fn fill(&self, content: &[u8], old: &File, found: &std::fs::Metadata, group: u32) -> std::io::Result<()> {
        check_size_limit(content.len())?;
        let mut mode = Mode::from_raw_mode((found.mode() & 0o777) as rustix::fs::RawMode);
        if group != found.gid()
            && rustix::fs::fchown(&self.file, None, Some(Gid::from_raw(found.gid()))).is_err()
        {
            // Better no group access than that of another group.
            mode -= Mode::RWXG;
        }
        copy_access_list(old, &self.file)?;
        rustix::fs::fchmod(&self.file, mode)?;
        (&self.file).write_all(content)?;
        self.file.sync_all()
    }
}

impl Drop for Temporary<'_> {
    fn drop(&mut self) {
        if !self.is_kept {
            // What cannot be removed is private to its owner; the next writer tries again.
            let _ = unlinkat(self.folder, &self.name, AtFlags::empty());
        }
    }
}

/// Copies the access list, if there is one: the group bits of the mode show its mask. If there is none, one inherited
/// from the folder is removed from the new file.
#[cfg(target_os = "linux")]
fn copy_access_list(old: &File, new: &File) -> std::io::Result<()> {
    use rustix::fs::{XattrFlags, fgetxattr, fremovexattr, fsetxattr};

    const NAME: &str = "system.posix_acl_access";
    let mut list = vec![0; 64 * 1024];
    match fgetxattr(old, NAME, &mut list) {
        Ok(length) => Ok(fsetxattr(new, NAME, &list[..length], XattrFlags::empty())?),
        Err(_) => {
            // This file system may have none at all.
            let _ = fremovexattr(new, NAME);
            Ok(())
        }
    }
}

#[cfg(not(target_os = "linux"))]
#[expect(clippy::unnecessary_wraps, reason = "on Linux it can fail")]
fn copy_access_list(_old: &File, _new: &File) -> std::io::Result<()> {
    Ok(())
}

/// The file's place: an open folder, and a name in it that is not a link.
struct Place {
    folder: File,
    name: OsString,
}

impl Place {
    /// Follows the path, checks it, and opens the folder; `None` if something on it was replaced in the meantime.
    fn find(path: &Path) -> Result<Option<Self>, EditError> {
        let mut named = std::path::absolute(path).map_err(|error| WriteError::io(path, &error))?;
        for _ in 0..MAX_LINKS {
            let (Some(name), Some(parent)) = (named.file_name(), named.parent()) else {
                return Err(WriteError::new(path, "it is a folder").into());
            };
            let way = way(path, parent)?;
            check_path(&way, path)?;
            let at = way.end.join(name);
            match std::fs::symlink_metadata(&at) {
                Ok(metadata) if metadata.is_symlink() => {
                    let target = std::fs::read_link(&at).map_err(|error| ReadError::io(&at, &error))?;
                    let link = Step { path: at, metadata };
                    check_step(&link, false, path)?;
                    named = way.end.join(target);
                }
                Ok(_) | Err(_) => {
                    let name = name.to_owned();
                    return Ok(open_folder(&way, path)?.map(|folder| Self { folder, name }));
                }
            }
        }
        Err(WriteError::new(path, "its links lead nowhere").into())
    }

    /// Opens the file, or creates it and says so; `None` if a link or a file was put there in the meantime.
    fn open_file(&self, path: &Path) -> Result<Option<(File, bool)>, EditError> {
        let Self { folder, name } = self;
        match openat(folder, name, OFlags::RDWR | SAFE_OPEN, Mode::empty()) {
            Ok(file) => return Ok(Some((file.into(), false))),
            Err(Errno::LOOP) => return Ok(None),
            Err(Errno::NOENT) => {}
            Err(Errno::ACCESS) => {
                let Ok(found) = statat(folder, name, AtFlags::SYMLINK_NOFOLLOW) else { return Ok(None) };
                return Err(WriteError::new(path, closed(&found)).into());
            }
            Err(errno) => return Err(WriteError::io(path, &errno.into()).into()),
        }
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | SAFE_OPEN;
        match openat(folder, name, flags, Mode::RUSR | Mode::WUSR) {
            Ok(file) => {
                // The umask may have removed even our own permissions.
                rustix::fs::fchmod(&file, Mode::RUSR | Mode::WUSR)
                    .map_err(|errno| WriteError::io(path, &errno.into()))?;
                Ok(Some((file.into(), true)))
            }
            Err(Errno::EXIST) => Ok(None),
            Err(Errno::ACCESS) => {
                let parent = path.parent().unwrap_or(path);
                Err(WriteError::new(path, format!("its folder {} may not be written", shown(parent))).into())
            }
            Err(errno) => Err(WriteError::io(path, &errno.into()).into()),
        }
    }

    fn is_current(&self, file: &File) -> bool {
        is_current(&self.folder, &self.name, file)
    }
}

fn closed(found: &Stat) -> String {
    format!(
        "permission denied: it belongs to {}, mode {:04o}",
        owner_name(found.st_uid),
        found.st_mode & 0o7777
    )
}

/// Returns whether the open file is still the one with this name.
fn is_current(folder: &File, name: &OsStr, file: &File) -> bool {
    match (statat(folder, name, AtFlags::SYMLINK_NOFOLLOW), rustix::fs::fstat(file)) {
        (Ok(named), Ok(held)) => (named.st_dev, named.st_ino) == (held.st_dev, held.st_ino),
        (Err(_), _) | (_, Err(_)) => false,
    }
}

/// Follows the path to a folder; what is missing on the way is reported for the file.
fn way(path: &Path, folder: &Path) -> Result<ResolvedPath, EditError> {
    follow(folder).map_err(|error| match error.reason {
        ReadRefusal::Io(why) => {
            WriteError::new(path, format!("on the way to it, {}: {why}", shown(&error.path))).into()
        }
        ReadRefusal::Denied(_)
        | ReadRefusal::Exposed(_)
        | ReadRefusal::NotAFile(_)
        | ReadRefusal::Silent(_)
        | ReadRefusal::TooLarge(_)
        | ReadRefusal::Untrusted(_) => error.into(),
    })
}

fn open_folder(way: &ResolvedPath, path: &Path) -> Result<Option<File>, EditError> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | SAFE_OPEN;
    let folder = match openat(CWD, &way.end, flags, Mode::empty()) {
        Ok(folder) => File::from(folder),
        Err(Errno::NOTDIR | Errno::LOOP) => {
            return Err(WriteError::new(path, "a part of its path is not a folder").into());
        }
        Err(errno) => return Err(WriteError::io(&way.end, &errno.into()).into()),
    };
    let opened = folder.metadata().map_err(|error| WriteError::io(path, &error))?;
    let same = |step: &Step| (step.metadata.dev(), step.metadata.ino()) == (opened.dev(), opened.ino());
    Ok(way.steps.iter().any(same).then_some(folder))
}

/// Creates the folder of a file with mode 0700, if it is missing and its parent exists.
fn make_folder(path: &Path) -> Result<(), EditError> {
    let Some(folder) = path.parent() else { return Ok(()) };
    if std::fs::symlink_metadata(folder).is_ok() {
        return Ok(());
    }
    let (Some(name), Some(above)) = (folder.file_name(), folder.parent()) else { return Ok(()) };
    let way = way(path, above)?;
    check_path(&way, path)?;
    let Some(above) = open_folder(&way, path)? else { return Ok(()) };
    match rustix::fs::mkdirat(&above, name, Mode::RWXU) {
        // The umask can only have removed permissions, so nobody was let in before.
        Ok(()) => {
            let made = statat(&above, name, AtFlags::SYMLINK_NOFOLLOW);
            if made.is_ok_and(|made| FileType::from_raw_mode(made.st_mode) == FileType::Directory) {
                rustix::fs::chmodat(&above, name, Mode::RWXU, AtFlags::empty())
                    .map_err(|errno| WriteError::io(folder, &errno.into()))?;
            }
            Ok(())
        }
        Err(Errno::EXIST) => Ok(()),
        Err(errno) => Err(WriteError::io(folder, &errno.into()).into()),
    }
}

fn check_file(found: &std::fs::Metadata, path: &Path) -> Result<(), EditError> {
    if !found.is_file() {
        return Err(ReadError::new(path, ReadRefusal::NotAFile(describe(found))).into());
    }
    let own = rustix::process::geteuid();
    if found.uid() != own.as_raw() {
        let owner = owner_name(found.uid());
        let why = format!("it belongs to {owner}, and would be yours afterwards");
        return Err(EditError::Untrusted { path: path.to_owned(), why, owner: Some(owner) });
    }
    if own.is_root() && found.mode() & WRITABLE_BY_OTHERS != 0 {
        let why = format!(
            "other users can change it (mode {:04o}), and root relies on no such file",
            found.mode() & 0o7777
        );
        return Err(EditError::Untrusted { path: path.to_owned(), why, owner: None });
    }
    Ok(())
}

/// Rejects a path that others control: for root, if others own or can write any part; for anybody else, if it has a
/// link of somebody who is neither root nor the caller, as the kernel does in `/tmp`.
fn check_path(way: &ResolvedPath, path: &Path) -> Result<(), EditError> {
    way.steps.iter().try_for_each(|step| check_step(step, step.path == way.end, path))
}

fn check_step(step: &Step, is_last: bool, path: &Path) -> Result<(), EditError> {
    let Step { path: at, metadata } = step;
    let own = rustix::process::geteuid();
    let (kind, is_link) = if metadata.is_symlink() { ("link", true) } else { ("folder", false) };
    if metadata.uid() != 0 && metadata.uid() != own.as_raw() && (is_link || own.is_root()) {
        let owner = owner_name(metadata.uid());
        let who = if own.is_root() { "root" } else { "you" };
        let why = format!("the {kind} {} belongs to {owner}, who decides where {who} would write", shown(at));
        let owner = own.is_root().then_some(owner);
        return Err(EditError::Untrusted { path: path.to_owned(), why, owner });
    }
    if !own.is_root() {
        return Ok(());
    }
    // In a sticky folder nobody can rename another's files, but anybody can create one where there is none yet.
    let is_kept = metadata.mode() & STICKY != 0 && !is_last;
    if metadata.is_dir() && metadata.mode() & WRITABLE_BY_OTHERS != 0 && !is_kept {
        let mode = metadata.mode() & 0o7777;
        let why = format!(
            "other users can write to the folder {} (mode {mode:04o}), and so decide where root would write",
            shown(at)
        );
        return Err(EditError::Untrusted { path: path.to_owned(), why, owner: None });
    }
    Ok(())
}
