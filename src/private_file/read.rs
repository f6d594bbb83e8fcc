//! Reading: files are opened once, without blocking, checked on the open descriptor, and read up to a limit.

use std::fs::File;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

use zeroize::Zeroizing;

use super::{Exposure, ReadError, ReadRefusal};
use crate::text::quoted;

/// The largest key file, in bytes. An encrypted RSA-8192 key is a hundredth of it.
pub const KEY_FILE_LIMIT: u64 = 1024 * 1024;

/// How long a pipe may deliver nothing before reading gives up.
const PIPE_TIMEOUT: Duration = Duration::from_secs(10);

/// The conditions for accepting a key file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyFilePolicy {
    /// Accept a file that other users can read or change, with a warning.
    pub allow_insecure: bool,
    /// The folder of systemd credentials (`$CREDENTIALS_DIRECTORY`), whose files systemd protects in other ways.
    pub credentials_directory: Option<PathBuf>,
}

/// A key file that was accepted although other users can access it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// The file, as the user named it.
    pub path: PathBuf,
    /// What other users can do.
    pub exposure: Exposure,
}

impl std::fmt::Display for Warning {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "the private key file {} is not private: {}",
            quoted(&self.path.to_string_lossy()),
            self.exposure
        )
    }
}

/// Reads a private key's file, if it is private.
///
/// Links are followed, since Kubernetes mounts secrets as links. The file must be a regular file of at most
/// [`KEY_FILE_LIMIT`] bytes. It is private if group and others can neither read nor write it. Also accepted are a file
/// owned by root that a group can read (0440, 0640), a file on a read-only mount, and a file in the folder of systemd
/// credentials. Any other is rejected, or with `allow_insecure` accepted with a warning.
///
/// # Errors
///
/// Fails if the file cannot be read, is not a regular file, is too large, or is not private.
pub fn read_key_file(
    path: &Path,
    policy: &KeyFilePolicy,
) -> Result<(Zeroizing<Vec<u8>>, Option<Warning>), ReadError> {
    let file = open(path)?;
    let metadata = file.metadata().map_err(|error| ReadError::io(path, &error))?;
    if !metadata.is_file() {
        return Err(ReadError::new(path, ReadRefusal::NotAFile(describe(&metadata))));
    }
    let warning = match exposure(&file, &metadata, path, policy) {
        None => None,
        Some(exposure) if policy.allow_insecure => Some(Warning { path: path.to_owned(), exposure }),
        Some(exposure) => return Err(ReadError::new(path, ReadRefusal::Exposed(exposure))),
    };
    Ok((drain(&file, path, KEY_FILE_LIMIT, metadata.len())?, warning))
}

/// Reads a file, a pipe or a character device such as `/dev/fd/N`, of at most `limit` bytes.
///
/// A pipe is read to its end; one that delivers nothing for ten seconds is an error, so that a named pipe without a
/// writer cannot block a caller.
///
/// # Errors
///
/// Fails if there is no such file, it cannot be read, it is a folder or a block device, or it is larger than `limit`.
pub fn read_bounded(path: &Path, limit: u64) -> Result<Zeroizing<Vec<u8>>, ReadError> {
    let file = open(path)?;
    let metadata = file.metadata().map_err(|error| ReadError::io(path, &error))?;
    if metadata.is_file() {
        return drain(&file, path, limit, metadata.len());
    }
    drain_stream(&file, &metadata, path, limit, PIPE_TIMEOUT)
}

/// Reads a file of the user's that nobody else can access: a sealing key, a cache entry.
///
/// The file must be regular, owned by the effective user, closed to group and others, and not a link.
///
/// # Errors
///
/// Fails if the file cannot be read, is larger than `limit`, or violates these rules.
pub fn read_private(path: &Path, limit: u64) -> Result<Zeroizing<Vec<u8>>, ReadError> {
    let file = open_unlinked(path)?;
    let metadata = file.metadata().map_err(|error| ReadError::io(path, &error))?;
    if !metadata.is_file() {
        return Err(ReadError::new(path, ReadRefusal::NotAFile(describe(&metadata))));
    }
    own_and_closed(&metadata, path)?;
    drain(&file, path, limit, metadata.len())
}

/// Reads at most `limit` bytes of standard input, to its end.
///
/// # Errors
///
/// Fails if it cannot be read or is larger than `limit`; the error's path is `-`.
pub fn read_standard_input(limit: u64) -> Result<Zeroizing<Vec<u8>>, ReadError> {
    take(&mut std::io::stdin().lock(), Path::new("-"), limit, 0)
}

/// Reads a regular file in one go; its length is only a guess, but the limit is strict.
pub(super) fn drain(
    mut file: &File,
    path: &Path,
    limit: u64,
    length: u64,
) -> Result<Zeroizing<Vec<u8>>, ReadError> {
    if length > limit {
        return Err(ReadError::new(path, ReadRefusal::TooLarge(limit)));
    }
    take(&mut file, path, limit, length)
}

/// Reads to the end; `length` is the expected length, or 0 if unknown.
fn take(
    source: &mut impl std::io::Read,
    path: &Path,
    limit: u64,
    length: u64,
) -> Result<Zeroizing<Vec<u8>>, ReadError> {
    let mut content = Filling::expecting(length);
    loop {
        match source.read(content.room()) {
            Ok(0) => break,
            Ok(count) => content.add(count, path, limit)?,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => return Err(ReadError::io(path, &error)),
        }
        // The buffer was not filled, so this is the end, and no second call is needed.
        if content.filled as u64 == length {
            break;
        }
    }
    Ok(content.finish())
}

/// A buffer that is filled in place and leaves no copy behind, unlike a growing vector.
struct Filling {
    buffer: Zeroizing<Vec<u8>>,
    filled: usize,
}

impl Filling {
    /// Starts with room for one octet more than expected, or for a page if the length is unknown.
    fn expecting(length: u64) -> Self {
        let room = match usize::try_from(length) {
            Ok(0) | Err(_) => 4096,
            Ok(length) => length + 1,
        };
        Self { buffer: Zeroizing::new(vec![0; room]), filled: 0 }
    }

    /// Returns the free part, which is never empty.
    fn room(&mut self) -> &mut [u8] {
        if self.filled == self.buffer.len() {
            let mut larger = Zeroizing::new(vec![0; self.filled * 2]);
            larger[..self.filled].copy_from_slice(&self.buffer);
            self.buffer = larger;
        }
        &mut self.buffer[self.filled..]
    }

    /// Adds the octets that were read into the free part.
    fn add(&mut self, count: usize, path: &Path, limit: u64) -> Result<(), ReadError> {
        self.filled += count;
        if self.filled as u64 > limit {
            Err(ReadError::new(path, ReadRefusal::TooLarge(limit)))
        } else {
            Ok(())
        }
    }

    fn finish(mut self) -> Zeroizing<Vec<u8>> {
        self.buffer.truncate(self.filled);
        self.buffer
    }
}

#[cfg(unix)]
mod system {
    //! Files on POSIX systems.

    use std::io::Read as _;
    use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
    use std::time::Instant;

    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    use rustix::fs::{Mode, OFlags, StatVfsMountFlags, fstatvfs};

    use super::super::Access;
    use super::super::account::owner_name;
    use super::*;

    const GROUP_READ: u32 = 0o040;
    const OTHERS_READ: u32 = 0o004;
    const OTHERS_WRITE: u32 = 0o022;

    pub(super) fn open(path: &Path) -> Result<File, ReadError> {
        open_with(path, OFlags::empty())
    }

    pub(in super::super) fn open_unlinked(path: &Path) -> Result<File, ReadError> {
        open_with(path, OFlags::NOFOLLOW)
    }

    fn open_with(path: &Path, flags: OFlags) -> Result<File, ReadError> {
        let flags = flags | OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC | OFlags::NOCTTY;
        rustix::fs::open(path, flags, Mode::empty()).map(File::from).map_err(|errno| {
            let reason = match errno {
                rustix::io::Errno::NXIO => ReadRefusal::NotAFile("a socket"),
                rustix::io::Errno::LOOP if flags.contains(OFlags::NOFOLLOW) => {
                    ReadRefusal::NotAFile("a link")
                }
                other => return ReadError::io(path, &other.into()),
            };
            ReadError::new(path, reason)
        })
    }

    pub(in super::super) fn describe(metadata: &std::fs::Metadata) -> &'static str {
        let kind = metadata.file_type();
        if kind.is_dir() {
            "a folder"
        } else if kind.is_fifo() {
            "a pipe"
        } else if kind.is_socket() {
            "a socket"
        } else if kind.is_file() {
            "a regular file"
        } else {
            "a device"
        }
    }

    /// Checks who else can access a key file; `None` if that is acceptable.
    pub(super) fn exposure(
        file: &File,
        metadata: &std::fs::Metadata,
        path: &Path,
        policy: &KeyFilePolicy,
    ) -> Option<Exposure> {
        let mode = metadata.mode();
        let readable = if metadata.uid() == 0 { OTHERS_READ } else { OTHERS_READ | GROUP_READ };
        let access = if mode & OTHERS_WRITE != 0 {
            Access::Write
        } else if mode & readable != 0 {
            Access::Read
        } else {
            return None;
        };
        if is_read_only_mount(file) || is_credential(path, policy) {
            return None;
        }
        Some(Exposure { access, mode: mode & 0o7777, owner: owner_name(metadata.uid()) })
    }

    fn is_read_only_mount(file: &File) -> bool {
        fstatvfs(file).is_ok_and(|mount| mount.f_flag.contains(StatVfsMountFlags::RDONLY))
    }

    fn is_credential(path: &Path, policy: &KeyFilePolicy) -> bool {
        let Some(directory) = &policy.credentials_directory else { return false };
        match (path.canonicalize(), directory.canonicalize()) {
            (Ok(file), Ok(directory)) => file.starts_with(directory),
            (Ok(_) | Err(_), Ok(_) | Err(_)) => false,
        }
    }

    pub(super) fn own_and_closed(metadata: &std::fs::Metadata, path: &Path) -> Result<(), ReadError> {
        let own = rustix::process::geteuid().as_raw();
        if metadata.uid() != own {
            let why = format!("it belongs to {}", owner_name(metadata.uid()));
            return Err(ReadError::new(path, ReadRefusal::Untrusted(why)));
        }
        if metadata.mode() & 0o077 != 0 {
            let access = if metadata.mode() & OTHERS_WRITE == 0 { Access::Read } else { Access::Write };
            let mode = metadata.mode() & 0o7777;
            let exposure = Exposure { access, mode, owner: owner_name(own) };
            return Err(ReadError::new(path, ReadRefusal::Exposed(exposure)));
        }
        Ok(())
    }

    /// Reads a pipe or a character device to its end, with a time limit for each piece.
    pub(super) fn drain_stream(
        file: &File,
        metadata: &std::fs::Metadata,
        path: &Path,
        limit: u64,
        timeout: Duration,
    ) -> Result<Zeroizing<Vec<u8>>, ReadError> {
        let kind = metadata.file_type();
        if !kind.is_fifo() && !kind.is_char_device() {
            return Err(ReadError::new(path, ReadRefusal::NotAFile(describe(metadata))));
        }
        let mut content = Filling::expecting(0);
        let mut last = Instant::now();
        loop {
            let remaining = timeout.saturating_sub(last.elapsed());
            if remaining.is_zero() {
                return Err(ReadError::new(path, ReadRefusal::Silent(timeout.as_secs())));
            }
            // A duration of a few seconds always fits.
            let timeout = Timespec::try_from(remaining).ok();
            match poll(&mut [PollFd::new(file, PollFlags::IN)], timeout.as_ref()) {
                Ok(0) | Err(rustix::io::Errno::INTR) => continue,
                Ok(_) => {}
                Err(errno) => return Err(ReadError::io(path, &errno.into())),
            }
            match (&mut &*file).read(content.room()) {
                Ok(0) => return Ok(content.finish()),
                Ok(count) => {
                    content.add(count, path, limit)?;
                    last = Instant::now();
                }
                Err(error) if matches!(error.kind(), ErrorKind::Interrupted | ErrorKind::WouldBlock) => {}
                Err(error) => return Err(ReadError::io(path, &error)),
            }
        }
    }
}

#[cfg(not(unix))]
mod system {
    //! Without POSIX permissions, a file has whatever access the system gives it by default.

    use super::*;

    pub(super) fn open(path: &Path) -> Result<File, ReadError> {
        File::open(path).map_err(|error| ReadError::io(path, &error))
    }

    pub(in super::super) fn open_unlinked(path: &Path) -> Result<File, ReadError> {
        match std::fs::symlink_metadata(path) {
            Ok(metadata) if metadata.is_symlink() => {
                Err(ReadError::new(path, ReadRefusal::NotAFile("a link")))
            }
            Ok(_) | Err(_) => open(path),
        }
    }

    pub(in super::super) fn describe(metadata: &std::fs::Metadata) -> &'static str {
        if metadata.is_dir() { "a folder" } else { "a device" }
    }

    pub(super) fn exposure(
        _file: &File,
        _metadata: &std::fs::Metadata,
        _path: &Path,
        _policy: &KeyFilePolicy,
    ) -> Option<Exposure> {
        None
    }

    pub(super) fn own_and_closed(_metadata: &std::fs::Metadata, _path: &Path) -> Result<(), ReadError> {
        Ok(())
    }

    pub(super) fn drain_stream(
        file: &File,
        metadata: &std::fs::Metadata,
        path: &Path,
        limit: u64,
        _patience: Duration,
    ) -> Result<Zeroizing<Vec<u8>>, ReadError> {
        if metadata.is_dir() {
            return Err(ReadError::new(path, ReadRefusal::NotAFile("a folder")));
        }
        take(&mut &*file, path, limit, 0)
    }
}

pub(super) use system::{describe, open_unlinked};
use system::{drain_stream, exposure, open, own_and_closed};

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use crate::private_file::{Access, write_new};

    #[test]
    fn a_pipe_that_nobody_writes_does_not_hang() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("pipe");
        assert!(std::process::Command::new("mkfifo").arg(&path).status().expect("POSIX has it").success());
        let file = open(&path).expect("it opens without a writer");
        let metadata = file.metadata().expect("it is there");
        let error =
            drain_stream(&file, &metadata, &path, 10, Duration::from_millis(20)).expect_err("silence");
        assert_eq!(error.reason, ReadRefusal::Silent(0));
    }

    #[test]
    fn a_descriptor_neither_blocks_nor_is_inherited() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("file");
        write_new(&path, b"", 0o644).expect("ours");
        let file = open_unlinked(&path).expect("it is there");
        assert!(rustix::fs::fcntl_getfl(&file).expect("it is open").contains(rustix::fs::OFlags::NONBLOCK));
        assert!(rustix::io::fcntl_getfd(&file).expect("it is open").contains(rustix::io::FdFlags::CLOEXEC));
        let link = folder.path().join("link");
        std::os::unix::fs::symlink(&path, &link).expect("ours");
        assert_eq!(open_unlinked(&link).expect_err("a link").reason, ReadRefusal::NotAFile("a link"));
        // Where links are followed a circle is the system's error.
        let circle = folder.path().join("circle");
        std::os::unix::fs::symlink("circle", &circle).expect("ours");
        assert!(matches!(open(&circle).expect_err("a circle").reason, ReadRefusal::Io(_)));
    }

    #[test]
    fn pieces_are_one_content() {
        /// Delivers an octet at a time, after an interruption.
        struct Pieces<'a>(&'a [u8], bool);
        impl std::io::Read for Pieces<'_> {
            fn read(&mut self, room: &mut [u8]) -> std::io::Result<usize> {
                self.1 = !self.1;
                if self.1 {
                    return Err(ErrorKind::Interrupted.into());
                }
                let Some((first, rest)) = self.0.split_first() else { return Ok(0) };
                room[0] = *first;
                self.0 = rest;
                Ok(1)
            }
        }
        for length in [0, 6] {
            let content = take(&mut Pieces(b"pieces", false), Path::new("x"), 6, length).expect("six octets");
            assert_eq!(*content, b"pieces");
        }
        take(&mut Pieces(b"pieces", false), Path::new("x"), 5, 0).expect_err("one too many");
    }

    #[test]
    fn what_is_private_is_closed_to_everybody_else() {
        use std::os::unix::fs::PermissionsExt as _;

        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("file");
        write_new(&path, b"x", 0o600).expect("ours");
        for (mode, expected) in [
            (0o600, None),
            (0o400, None),
            (0o640, Some((Access::Read, 0o640))),
            (0o604, Some((Access::Read, 0o604))),
            (0o620, Some((Access::Write, 0o620))),
            (0o1606, Some((Access::Write, 0o1606))),
        ] {
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).expect("ours");
            let exposed = match read_private(&path, 10) {
                Ok(_) => None,
                Err(ReadError { reason: ReadRefusal::Exposed(Exposure { access, mode, .. }), .. }) => {
                    Some((access, mode))
                }
                Err(error) => panic!("{mode:o}: {error}"),
            };
            assert_eq!(exposed, expected, "{mode:o}");
        }
    }
}
