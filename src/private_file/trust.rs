//! Files that may say what to run or what to trust: nobody else may have written them.

use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::read::{describe, drain, open_unlinked};
use super::{ReadError, ReadRefusal};

/// Reads a file of at most `limit` bytes which nobody but root and the caller can have written.
///
/// The file is opened once, with its links resolved, and judged by the open descriptor: a regular file, owned by root or by the
/// effective user, writable by neither group nor others. The same holds for every folder above it, both as named and with links
/// resolved; a folder with the sticky bit (`/tmp`) may be writable by all, since nobody can rename what is another's.
///
/// # Errors
///
/// Fails if the file cannot be read, is larger than `limit`, or is not as said.
pub fn read_trusted(path: &Path, limit: u64) -> Result<Zeroizing<Vec<u8>>, ReadError> {
    let (file, metadata) = open_trusted(path)?;
    drain(&file, path, limit, metadata.len())
}

/// Checks a file as [`read_trusted`] does, for one that another library will load.
///
/// # Errors
///
/// As [`read_trusted`], without the limit.
pub fn check_trusted(path: &Path) -> Result<(), ReadError> {
    open_trusted(path).map(|_| ())
}

fn open_trusted(path: &Path) -> Result<(std::fs::File, std::fs::Metadata), ReadError> {
    let io = |error: std::io::Error| ReadError::io(path, &error);
    let resolved = path.canonicalize().map_err(io)?;
    let file = open_unlinked(&resolved).map_err(|error| ReadError::new(path, error.reason))?;
    let metadata = file.metadata().map_err(io)?;
    if !metadata.is_file() {
        return Err(ReadError::new(path, ReadRefusal::NotAFile(describe(&metadata))));
    }
    judge(&metadata, "it", path)?;
    let named = std::path::absolute(path).map_err(io)?;
    let mut folders: Vec<PathBuf> = resolved.ancestors().skip(1).map(Path::to_owned).collect();
    folders.extend(named.ancestors().skip(1).map(Path::to_owned));
    folders.dedup();
    for folder in folders {
        let metadata = std::fs::metadata(&folder).map_err(io)?;
        judge(&metadata, &format!("its folder {}", crate::text::quoted(&folder.to_string_lossy())), path)?;
    }
    Ok((file, metadata))
}

#[cfg(unix)]
fn judge(metadata: &std::fs::Metadata, object: &str, path: &Path) -> Result<(), ReadError> {
    use std::os::unix::fs::MetadataExt as _;

    use super::read::owner_name;

    const STICKY: u32 = 0o1000;
    let refuse = |why: String| Err(ReadError::new(path, ReadRefusal::Untrusted(why)));
    let (uid, mode) = (metadata.uid(), metadata.mode());
    if uid != 0 && uid != rustix::process::geteuid().as_raw() {
        return refuse(format!("{object} belongs to {}, neither to root nor to you", owner_name(uid)));
    }
    let sticky_folder = metadata.is_dir() && mode & STICKY != 0;
    if mode & 0o022 != 0 && !sticky_folder {
        return refuse(format!("{object} can be changed by other users (mode {:04o})", mode & 0o7777));
    }
    Ok(())
}

#[cfg(not(unix))]
fn judge(_metadata: &std::fs::Metadata, _object: &str, _path: &Path) -> Result<(), ReadError> {
    Ok(())
}
