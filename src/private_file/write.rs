//! Writing: owner-only from the first byte under any umask, and atomic.

#![expect(clippy::disallowed_methods, reason = "this is the one place that creates files")]

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use super::WriteError;

/// How many names to try for a temporary file; each has 64 random bits.
const ATTEMPTS: usize = 8;

/// Creates a folder with mode 0700 under any umask, and any missing parents likewise.
///
/// An existing folder is left unchanged if it is the caller's own and closed to others.
///
/// # Errors
///
/// Fails if the folder cannot be created, or if it exists and is a link, belongs to another user, or is open to others.
pub fn create_private_folder(path: &Path) -> Result<(), WriteError> {
    match std::fs::symlink_metadata(path) {
        Ok(metadata) => return judge_folder(&metadata, path),
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => return Err(WriteError::io(path, &error)),
    }
    create_missing(path)?;
    let metadata = std::fs::symlink_metadata(path).map_err(|error| WriteError::io(path, &error))?;
    judge_folder(&metadata, path)
}

fn create_missing(path: &Path) -> Result<(), WriteError> {
    let mut missing = Vec::new();
    let mut folder = Some(path);
    while let Some(candidate) = folder.filter(|folder| !folder.as_os_str().is_empty()) {
        match std::fs::metadata(candidate) {
            Ok(_) => break,
            Err(error) if error.kind() == ErrorKind::NotFound => missing.push(candidate),
            Err(error) => return Err(WriteError::io(candidate, &error)),
        }
        folder = candidate.parent();
    }
    for folder in missing.into_iter().rev() {
        match make_folder(folder) {
            Ok(()) => {}
            // Another process was faster; the check follows.
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(error) => return Err(WriteError::io(folder, &error)),
        }
    }
    Ok(())
}

/// Writes a file that must not exist yet, with the given permission bits regardless of the umask.
///
/// The bits are set before the first byte is written, and the content is on disk before this returns. A file that could
/// not be completed is removed.
///
/// # Errors
///
/// Fails if anything exists at that path, even a dangling link, or if the content cannot be written.
pub fn write_new(path: &Path, content: &[u8], mode: u32) -> Result<(), WriteError> {
    let file = create_new(path, mode).map_err(|error| WriteError::io(path, &error))?;
    fill(&file, content).and_then(|()| sync_folder(path)).map_err(|error| {
        let _ = std::fs::remove_file(path);
        WriteError::io(path, &error)
    })
}

/// Replaces a file, or creates it, so that a reader sees the old content or the new, never a mixture.
///
/// The new content is written beside the file with the given permission bits, flushed to disk and renamed over
/// it; then the folder is flushed. A link at that path is replaced, not followed.
///
/// # Errors
///
/// Fails if the folder is not writable or the disk is full. The file is then unchanged.
pub fn replace(path: &Path, content: &[u8], mode: u32) -> Result<(), WriteError> {
    let fail = |error: &io::Error| WriteError::io(path, error);
    let (temporary, file) = create_beside(path, mode).map_err(|error| fail(&error))?;
    fill(&file, content)
        .and_then(|()| {
            drop(file);
            std::fs::rename(&temporary, path)
        })
        .map_err(|error| {
            let _ = std::fs::remove_file(&temporary);
            fail(&error)
        })?;
    sync_folder(path).map_err(|error| fail(&error))
}

/// Opens a private file of the user's for reading and writing, and creates it with mode 0600 if it is missing: a lock.
///
/// It must not be a link, and must be a regular file of the effective user; it is not truncated.
///
/// # Errors
///
/// Fails if the file cannot be opened or belongs to another user.
pub fn open_private(path: &Path) -> Result<File, WriteError> {
    let fail = |error: &io::Error| WriteError::io(path, error);
    let file = match create_new(path, 0o600) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            open_existing(path).map_err(|error| fail(&error))?
        }
        Err(error) => return Err(fail(&error)),
    };
    let metadata = file.metadata().map_err(|error| fail(&error))?;
    if !metadata.is_file() {
        return Err(WriteError::new(path, "it is not a regular file"));
    }
    judge_owner(&metadata, path)?;
    Ok(file)
}

/// Appends a line to a private file of the user's in one write, and creates the file with mode 0600 if it is missing: a
/// log.
///
/// A file longer than `longest` octets is first renamed to `PATH.1`, replacing any file of that name. Links are not
/// followed.
///
/// # Errors
///
/// Fails if the file cannot be opened or written, or belongs to another user.
pub fn append(path: &Path, line: &[u8], longest: u64) -> Result<(), WriteError> {
    let fail = |error: &io::Error| WriteError::io(path, error);
    let mut file = open_private(path)?;
    let mut length = file.metadata().map_err(|error| fail(&error))?.len();
    if length > longest {
        let mut old = path.as_os_str().to_owned();
        old.push(".1");
        std::fs::rename(path, old).map_err(|error| fail(&error))?;
        file = open_private(path)?;
        length = 0;
    }
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    check_size_limit(length.saturating_add(line.len())).map_err(|error| fail(&error))?;
    // Reopened for appending, so that lines of several processes do not overwrite each other.
    let mut end = open_end(path, &file).map_err(|error| fail(&error))?;
    end.write_all(line).map_err(|error| fail(&error))
}

fn create_beside(path: &Path, mode: u32) -> io::Result<(PathBuf, File)> {
    let name = path.file_name().ok_or(ErrorKind::InvalidInput)?;
    let mut last = io::Error::from(ErrorKind::AlreadyExists);
    for _ in 0..ATTEMPTS {
        let mut random = [0_u8; 8];
        aws_lc_rs::rand::fill(&mut random).map_err(|_| io::Error::other("there is no randomness"))?;
        let mut temporary_name = std::ffi::OsString::from(".");
        temporary_name.push(name);
        temporary_name.push(format!(".{}", hex::encode(random)));
        let temporary = path.with_file_name(temporary_name);
        match create_new(&temporary, mode) {
            Ok(file) => return Ok((temporary, file)),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => last = error,
            Err(error) => return Err(error),
        }
    }
    Err(last)
}

fn fill(mut file: &File, content: &[u8]) -> io::Result<()> {
    check_size_limit(content.len())?;
    file.write_all(content)?;
    file.sync_all()
}

#[cfg(unix)]
mod system {
    //! Modes, owners and folders on POSIX systems.

    use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};

    use std::os::fd::AsFd;

    use rustix::fs::{FileType, OFlags, fcntl_getfl, fstat, tell};
    use rustix::process::{Resource, getrlimit};

    use super::*;

    /// Creates a folder with exactly 0700. The umask can only have removed permissions, so nobody was let in before.
    pub(super) fn make_folder(path: &Path) -> io::Result<()> {
        std::fs::DirBuilder::new().mode(0o700).create(path)?;
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o700))
    }

    /// Creates a file that is private to its owner until its mode is set to the requested one.
    pub(super) fn create_new(path: &Path, mode: u32) -> io::Result<File> {
        let flags = i32::try_from((OFlags::NOFOLLOW | OFlags::CLOEXEC).bits()).unwrap_or(0);
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create_new(true)
            .mode(0o600)
            .custom_flags(flags)
            .open(path)?;
        file.set_permissions(std::fs::Permissions::from_mode(mode))?;
        Ok(file)
    }

    /// Rejects a file longer than this process may write (`RLIMIT_FSIZE`): the kernel would kill the process with
    /// SIGXFSZ.
    pub(crate) fn check_size_limit(length: usize) -> io::Result<()> {
        check_end(size_limit(), 0, length)
    }

    /// Rejects writing `length` more octets to a stream that is a file, as [`check_size_limit`] does.
    pub(crate) fn check_stream_limit(stream: impl AsFd, length: usize) -> io::Result<()> {
        let Some(most) = size_limit() else { return Ok(()) };
        let status = fstat(&stream)?;
        if FileType::from_raw_mode(status.st_mode) != FileType::RegularFile {
            return Ok(());
        }
        let at_end = fcntl_getfl(&stream)?.contains(OFlags::APPEND);
        let position =
            if at_end { u64::try_from(status.st_size).unwrap_or(u64::MAX) } else { tell(&stream)? };
        check_end(Some(most), position, length)
    }

    fn size_limit() -> Option<u64> {
        getrlimit(Resource::Fsize).current
    }

    pub(super) fn check_end(most: Option<u64>, position: u64, length: usize) -> io::Result<()> {
        let end = position.saturating_add(u64::try_from(length).unwrap_or(u64::MAX));
        match most {
            Some(most) if end > most => Err(io::Error::new(
                ErrorKind::FileTooLarge,
                format!("this process may write files of {most} octets at most (ulimit -f, LimitFSIZE=)"),
            )),
            Some(_) | None => Ok(()),
        }
    }

    pub(super) fn open_existing(path: &Path) -> io::Result<File> {
        let flags = OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let flags = i32::try_from(flags.bits()).unwrap_or(0);
        OpenOptions::new().read(true).write(true).custom_flags(flags).open(path)
    }

    /// Opens the same file for appending.
    pub(super) fn open_end(path: &Path, file: &File) -> io::Result<File> {
        let flags = OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let flags = i32::try_from(flags.bits()).unwrap_or(0);
        let end = OpenOptions::new().append(true).custom_flags(flags).open(path)?;
        let [judged, opened] = [file.metadata()?, end.metadata()?];
        if (judged.dev(), judged.ino()) == (opened.dev(), opened.ino()) {
            Ok(end)
        } else {
            Err(io::Error::other("another file took its place meanwhile"))
        }
    }

    pub(super) fn judge_folder(metadata: &std::fs::Metadata, path: &Path) -> Result<(), WriteError> {
        if !metadata.is_dir() {
            return Err(WriteError::new(path, "it is not a folder"));
        }
        judge_owner(metadata, path)?;
        let mode = metadata.mode() & 0o7777;
        if mode & 0o077 != 0 {
            return Err(WriteError::new(
                path,
                format!("other users can reach it (mode {mode:04o}, 0700 is needed)"),
            ));
        }
        Ok(())
    }

    pub(super) fn judge_owner(metadata: &std::fs::Metadata, path: &Path) -> Result<(), WriteError> {
        if metadata.uid() == rustix::process::geteuid().as_raw() {
            return Ok(());
        }
        let owner = super::super::account::owner_name(metadata.uid());
        Err(WriteError::new(path, format!("it belongs to {owner}")))
    }

    /// Flushes the folder of a file, so that its name survives a power failure.
    pub(in super::super) fn sync_folder(path: &Path) -> io::Result<()> {
        let folder = match path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            Some(_) | None => Path::new("."),
        };
        match File::open(folder).and_then(|folder| folder.sync_all()) {
            // Some file systems cannot flush a folder, and a folder may be writable without being readable.
            Err(error) if matches!(error.kind(), ErrorKind::InvalidInput | ErrorKind::PermissionDenied) => {
                Ok(())
            }
            outcome => outcome,
        }
    }
}

#[cfg(not(unix))]
mod system {
    //! Without POSIX modes, access is inherited from the folder.

    use super::*;

    pub(super) fn make_folder(path: &Path) -> io::Result<()> {
        std::fs::create_dir(path)
    }

    pub(super) fn create_new(path: &Path, _mode: u32) -> io::Result<File> {
        OpenOptions::new().read(true).write(true).create_new(true).open(path)
    }

    pub(super) fn open_existing(path: &Path) -> io::Result<File> {
        OpenOptions::new().read(true).write(true).open(path)
    }

    /// There is no size limit here.
    pub(crate) fn check_size_limit(_length: usize) -> io::Result<()> {
        Ok(())
    }

    /// There is no size limit here.
    pub(crate) fn check_stream_limit<S>(_stream: S, _length: usize) -> io::Result<()> {
        Ok(())
    }

    pub(super) fn open_end(path: &Path, _file: &File) -> io::Result<File> {
        OpenOptions::new().append(true).open(path)
    }

    pub(super) fn judge_folder(metadata: &std::fs::Metadata, path: &Path) -> Result<(), WriteError> {
        if metadata.is_dir() { Ok(()) } else { Err(WriteError::new(path, "it is not a folder")) }
    }

    pub(super) fn judge_owner(_metadata: &std::fs::Metadata, _path: &Path) -> Result<(), WriteError> {
        Ok(())
    }

    pub(in super::super) fn sync_folder(_path: &Path) -> io::Result<()> {
        Ok(())
    }
}

pub(super) use system::sync_folder;
pub(crate) use system::{check_size_limit, check_stream_limit};
use system::{create_new, judge_folder, judge_owner, make_folder, open_end, open_existing};

#[cfg(all(test, unix))]
mod tests {
    use std::io::Read as _;
    use std::os::unix::fs::symlink;

    use super::system::check_end;
    use super::*;

    #[test]
    fn a_lock_is_opened_again_and_never_by_a_link() {
        let temporary = tempfile::tempdir().expect("a folder");
        let path = temporary.path().join("lock");
        open_private(&path).expect("it is new").write_all(b"kept").expect("ours");
        let mut text = String::new();
        open_private(&path).expect("it is there").read_to_string(&mut text).expect("ours");
        assert_eq!(text, "kept");
        let link = temporary.path().join("link");
        symlink(&path, &link).expect("ours");
        open_private(&link).expect_err("a link leads elsewhere");
        append(&link, b"x", 10).expect_err("a link leads elsewhere");
        open_private(temporary.path()).expect_err("a folder is no lock");
    }

    #[test]
    fn a_long_log_begins_anew() {
        let temporary = tempfile::tempdir().expect("a folder");
        let path = |name: &str| temporary.path().join(name);
        let content = |name: &str| std::fs::read_to_string(path(name)).ok();
        for _ in 0..2 {
            append(&path("log"), b"12345", 5).expect("ours");
        }
        // Five octets were not too many.
        assert_eq!((content("log").as_deref(), content("log.1")), (Some("1234512345"), None));
        append(&path("log"), b"6", 5).expect("ours");
        assert_eq!((content("log").as_deref(), content("log.1").as_deref()), (Some("6"), Some("1234512345")));
    }

    #[test]
    fn the_last_octet_that_may_be_written() {
        for (most, position, length, expected) in [
            (None, u64::MAX, usize::MAX, true),
            (Some(10), 0, 10, true),
            (Some(10), 0, 11, false),
            (Some(10), 5, 5, true),
            (Some(10), 5, 6, false),
            (Some(10), u64::MAX, 1, false),
        ] {
            assert_eq!(check_end(most, position, length).is_ok(), expected, "{most:?} {position} {length}");
        }
    }

    #[test]
    fn the_folder_of_a_mere_name_is_this_one() {
        sync_folder(Path::new("name")).expect("the current folder is there");
        sync_folder(Path::new("/no/such/folder/name")).expect_err("that one is not");
    }
}
