//! Files that decide what is run or trusted: nobody else may have written them.

use std::fs::{File, Metadata};
use std::io::ErrorKind;
use std::path::{Component, Path, PathBuf};

use zeroize::Zeroizing;

use super::read::{describe, drain, open_unlinked};
use super::{ReadError, ReadRefusal};

/// Reads a file of at most `limit` bytes which nobody but root and the caller can have written; `None` if there is
/// none.
///
/// The file is opened once, with links resolved, and checked on the open descriptor: it must be a regular file, owned
/// by root or by the effective user, and not writable by group or others. The same holds for every folder above it,
/// both as named and with links resolved; a folder with the sticky bit (`/tmp`) may be writable by all, since nobody
/// can rename another's files there.
///
/// # Errors
///
/// Fails if the file cannot be read, is a dangling link, is larger than `limit`, or violates these rules.
pub fn read_trusted(path: &Path, limit: u64) -> Result<Option<Zeroizing<Vec<u8>>>, ReadError> {
    match open_trusted(path)? {
        Some((file, length)) => drain(&file, path, limit, length).map(Some),
        None => Ok(None),
    }
}

/// Judges a file that will be run or loaded as [`read_trusted`] judges one that is read.
///
/// # Errors
///
/// Fails if there is no such file, or it is not as said there.
pub fn judge_trusted(path: &Path) -> Result<(), ReadError> {
    match open_trusted(path)? {
        Some(_) => Ok(()),
        None => Err(ReadError::io(path, &ErrorKind::NotFound.into())),
    }
}

/// Opens a file that is as [`read_trusted`] demands, and returns its length with it.
fn open_trusted(path: &Path) -> Result<Option<(File, u64)>, ReadError> {
    let io = |error: std::io::Error| ReadError::io(path, &error);
    let named = std::path::absolute(path).map_err(io)?;
    let found = match std::fs::symlink_metadata(&named) {
        // There is nothing below a file either, for example if HOME is /dev/null.
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            return Ok(None);
        }
        found => found.map_err(io)?,
    };
    let (resolved, folders) = match plain_folders(&named).map_err(io)? {
        Some(folders) if !found.is_symlink() => (named, folders),
        Some(_) | None => {
            let resolved = path.canonicalize().map_err(io)?;
            let folders = resolved.ancestors().skip(1).chain(named.ancestors().skip(1));
            let folders = folders.map(|folder| Ok((folder.to_owned(), std::fs::metadata(folder)?)));
            let folders = folders.collect::<std::io::Result<_>>().map_err(io)?;
            (resolved, folders)
        }
    };
    let file = open_unlinked(&resolved).map_err(|error| ReadError::new(path, error.reason))?;
    let metadata = file.metadata().map_err(io)?;
    if !metadata.is_file() {
        return Err(ReadError::new(path, ReadRefusal::NotAFile(describe(&metadata))));
    }
    judge(&metadata, path, || String::from("it"))?;
    for (folder, metadata) in &folders {
        judge(metadata, path, || format!("its folder {}", crate::text::quoted(&folder.to_string_lossy())))?;
    }
    let length = metadata.len();
    Ok(Some((file, length)))
}

/// The owner of a folder, to the extent that this decides whether its files may be read unasked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FolderOwner {
    /// There is no such folder.
    Absent,
    /// The effective user.
    Caller,
    /// The system cannot tell, or denies access.
    Hidden(String),
    /// Another user, by name.
    Other(String),
    /// Root, if the caller is not root.
    Root,
}

/// Returns the owner of a folder, following links.
#[cfg(unix)]
pub fn folder_owner(path: &Path) -> FolderOwner {
    use std::os::unix::fs::MetadataExt as _;

    match std::fs::metadata(path) {
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            FolderOwner::Absent
        }
        Err(error) => FolderOwner::Hidden(error.to_string()),
        Ok(found) if found.uid() == rustix::process::geteuid().as_raw() => FolderOwner::Caller,
        Ok(found) if found.uid() == 0 => FolderOwner::Root,
        Ok(found) => FolderOwner::Other(super::account::owner_name(found.uid())),
    }
}

/// Returns the owner of a folder: on Windows a profile folder belongs to its user.
#[cfg(not(unix))]
pub const fn folder_owner(_path: &Path) -> FolderOwner {
    FolderOwner::Caller
}

/// Returns the folders above an absolute path; `None` if a link or `..` is on the path, which would make them
/// incomplete.
fn plain_folders(named: &Path) -> std::io::Result<Option<Vec<(PathBuf, Metadata)>>> {
    if named.components().any(|component| component == Component::ParentDir) {
        return Ok(None);
    }
    let mut folders = Vec::new();
    for folder in named.ancestors().skip(1) {
        let metadata = std::fs::symlink_metadata(folder)?;
        if metadata.is_symlink() {
            return Ok(None);
        }
        folders.push((folder.to_owned(), metadata));
    }
    Ok(Some(folders))
}

#[cfg(unix)]
fn judge(metadata: &Metadata, path: &Path, object: impl Fn() -> String) -> Result<(), ReadError> {
    use std::os::unix::fs::MetadataExt as _;

    use super::account::owner_name;

    const STICKY: u32 = 0o1000;
    let refuse = |why: String| Err(ReadError::new(path, ReadRefusal::Untrusted(why)));
    let (uid, mode) = (metadata.uid(), metadata.mode());
    if uid != 0 && uid != rustix::process::geteuid().as_raw() {
        return refuse(format!("{} belongs to {}, neither to root nor to you", object(), owner_name(uid)));
    }
    let sticky_folder = metadata.is_dir() && mode & STICKY != 0;
    if mode & 0o022 != 0 && !sticky_folder {
        return refuse(format!("{} can be changed by other users (mode {:04o})", object(), mode & 0o7777));
    }
    Ok(())
}

#[cfg(not(unix))]
fn judge(_metadata: &Metadata, _path: &Path, _object: impl Fn() -> String) -> Result<(), ReadError> {
    Ok(())
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, chown, symlink};

    use super::*;
    use crate::private_file::write_new;

    fn set_mode(path: &Path, mode: u32) {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("it is ours");
    }

    #[test]
    fn what_others_can_change_is_not_trusted() {
        let temporary = tempfile::tempdir().expect("a folder");
        let folder = temporary.path().canonicalize().expect("it is there").join("folder");
        let file = folder.join("file");
        std::fs::create_dir(&folder).expect("ours");
        write_new(&file, b"content", 0o644).expect("ours");
        for (of_folder, of_file, expected) in [
            (0o755, 0o644, true),
            (0o755, 0o664, false),
            (0o755, 0o646, false),
            // The sticky bit protects what is in a folder, and no file.
            (0o755, 0o1646, false),
            (0o775, 0o644, false),
            (0o757, 0o644, false),
            (0o1777, 0o644, true),
        ] {
            set_mode(&folder, of_folder);
            set_mode(&file, of_file);
            let told = format!("{of_folder:o} {of_file:o}");
            assert_eq!(judge_trusted(&file).is_ok(), expected, "{told}");
            assert_eq!(read_trusted(&file, 10).is_ok(), expected, "{told}");
            // By a link it is the same file; and the folder that the link is in counts too.
            let link = temporary.path().join(format!("{of_folder:o}-{of_file:o}"));
            symlink(&file, &link).expect("ours");
            assert_eq!(judge_trusted(&link).is_ok(), expected, "{told}");
        }
    }

    #[test]
    fn what_is_missing_is_none_and_what_cannot_be_told_is_an_error() {
        let temporary = tempfile::tempdir().expect("a folder");
        let file = temporary.path().join("file");
        write_new(&file, b"", 0o644).expect("ours");
        for missing in [temporary.path().join("no"), file.join("below")] {
            assert_eq!(read_trusted(&missing, 10), Ok(None));
            assert_eq!(folder_owner(&missing), FolderOwner::Absent);
            judge_trusted(&missing).expect_err("there is nothing to run");
        }
        let too_long = temporary.path().join("x".repeat(5000));
        read_trusted(&too_long, 10).expect_err("no file system has such names");
        assert!(matches!(folder_owner(&too_long), FolderOwner::Hidden(_)));
    }

    #[test]
    fn whose_a_folder_is() {
        let temporary = tempfile::tempdir().expect("a folder");
        assert_eq!(folder_owner(temporary.path()), FolderOwner::Caller);
        if rustix::process::geteuid().is_root() {
            chown(temporary.path(), Some(4242), None).expect("root may");
            assert_eq!(folder_owner(temporary.path()), FolderOwner::Other(String::from("uid 4242")));
        } else {
            assert_eq!(folder_owner(Path::new("/")), FolderOwner::Root);
        }
    }
}
