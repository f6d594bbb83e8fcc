//! The one module that accesses private files: keys, caches, configuration, credentials.
//!
//! A file is opened once, without blocking, and checked on the open descriptor, so what is read is what was checked.
//! Files are written owner-only from the first byte, under any umask. On Windows the same functions check no
//! permissions: the user's profile folder is private by inheritance.

mod account;
#[cfg(unix)]
mod denial;
#[cfg(not(unix))]
#[path = "private_file/no_denial.rs"]
mod denial;
mod edit;
mod folder;
mod read;
#[cfg(unix)]
mod resolve;
mod trust;
mod within;
mod write;

use std::fmt;
use std::path::{Path, PathBuf};

pub use account::{Owner, find_owner, own_home, user_name};
#[cfg(unix)]
pub(crate) use account::{group_name, local_homes, owner_name};
pub use denial::Denial;
pub(crate) use edit::lock_within;
pub use edit::{EditError, Edited, Editing, MissingFolder, Replaced, Stamp, content_to_edit, edit};
pub use folder::{place_folder, replace_folder};
pub use read::{
    KEY_FILE_LIMIT, KeyFilePolicy, Warning, read_bounded, read_key_file, read_private, read_standard_input,
};
#[cfg(all(unix, feature = "pki"))]
pub(crate) use resolve::{ResolvedPath, follow};
pub use trust::{FolderOwner, folder_owner, judge_trusted, read_trusted};
pub use within::{WithinError, read_within};
#[cfg(unix)]
pub(crate) use write::check_size_limit;
pub(crate) use write::check_stream_limit;
pub use write::{append, create_private_folder, open_private, replace, write_new};

use crate::diagnostic::{Diagnostic, Fact, Fault};
use crate::text::quoted;

/// The ids of this module's errors.
pub const IDS: &[&str] = &["file-not-written", "file-unreadable", "file-untrusted", "key-file-permissions"];

/// Why a file was not read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cannot read {}: {reason}", quoted(&path.to_string_lossy()))]
pub struct ReadError {
    /// The file, as the user named it.
    pub path: PathBuf,
    /// The cause.
    pub reason: ReadRefusal,
}

/// Why a file was not read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadRefusal {
    /// This user lacks permission.
    #[error("{0}")]
    Denied(Box<Denial>),
    /// Other users can read or change a file that must be private to its owner.
    #[error("{0}")]
    Exposed(Exposure),
    /// The operating system's error, in words.
    #[error("{0}")]
    Io(String),
    /// What is at that path is not a file.
    #[error("it is {0}")]
    NotAFile(&'static str),
    /// A pipe delivered nothing for this many seconds.
    #[error("nothing was written to it within {0} seconds")]
    Silent(u64),
    /// It has more than this many bytes.
    #[error("it is larger than {0} bytes")]
    TooLarge(u64),
    /// Somebody else could have written it.
    #[error("{0}")]
    Untrusted(String),
}

impl ReadError {
    pub(crate) fn new(path: &Path, reason: ReadRefusal) -> Self {
        Self { path: path.to_owned(), reason }
    }

    pub(crate) fn io(path: &Path, error: &std::io::Error) -> Self {
        let denial =
            if error.kind() == std::io::ErrorKind::PermissionDenied { Denial::of(path) } else { None };
        Self::new(
            path,
            denial.map_or_else(
                || ReadRefusal::Io(words(error)),
                |denial| ReadRefusal::Denied(Box::new(denial)),
            ),
        )
    }
}

impl Diagnostic for ReadError {
    fn id(&self) -> &'static str {
        match self.reason {
            ReadRefusal::Exposed(_) => "key-file-permissions",
            ReadRefusal::Denied(_)
            | ReadRefusal::Io(_)
            | ReadRefusal::NotAFile(_)
            | ReadRefusal::Silent(_)
            | ReadRefusal::TooLarge(_) => "file-unreadable",
            ReadRefusal::Untrusted(_) => "file-untrusted",
        }
    }

    fn fault(&self) -> Fault {
        match self.reason {
            ReadRefusal::Exposed(_) => Fault::Identity,
            ReadRefusal::Denied(_)
            | ReadRefusal::Io(_)
            | ReadRefusal::NotAFile(_)
            | ReadRefusal::Silent(_)
            | ReadRefusal::TooLarge(_) => Fault::Local,
            ReadRefusal::Untrusted(_) => Fault::Usage,
        }
    }

    fn hint(&self) -> Option<String> {
        match &self.reason {
            ReadRefusal::Denied(denial) => Some(denial.cure(false)),
            ReadRefusal::Exposed(exposure) => Some(exposure.cure(&self.path)),
            ReadRefusal::Untrusted(_) => Some(String::from(
                "make the file and its folders writable by their owner alone, and owned by root or by you",
            )),
            ReadRefusal::TooLarge(_) => Some(String::from(
                "check the path: it names another kind of file, or one with more in it than belongs there",
            )),
            ReadRefusal::Io(_) | ReadRefusal::NotAFile(_) | ReadRefusal::Silent(_) => None,
        }
    }
}

/// How a private file is accessible to other users.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exposure {
    /// What they can do.
    pub access: Access,
    /// The permission bits, with set-id and sticky bits.
    pub mode: u32,
    /// The owner's name, or `uid N` without an account.
    pub owner: String,
}

/// What other users can do with a private file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Read it.
    Read,
    /// Change it, whether or not they can read it.
    Write,
}

impl Exposure {
    /// Returns the command that makes the file private.
    pub(crate) fn cure(&self, path: &Path) -> String {
        format!("run chmod 600 {}", shell_word(path))
    }
}

impl fmt::Display for Exposure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verb = match self.access {
            Access::Read => "read",
            Access::Write => "change",
        };
        write!(f, "other users can {verb} it (mode {:04o}, owner {})", self.mode, self.owner)
    }
}

/// Why a file or folder was not written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cannot write {}: {why}", quoted(&path.to_string_lossy()))]
pub struct WriteError {
    /// The file or folder, as the user named it.
    pub path: PathBuf,
    /// The cause.
    pub why: String,
}

impl WriteError {
    pub(crate) fn new(path: &Path, why: impl Into<String>) -> Self {
        Self { path: path.to_owned(), why: why.into() }
    }

    pub(crate) fn io(path: &Path, error: &std::io::Error) -> Self {
        Self::new(path, words(error))
    }
}

impl Diagnostic for WriteError {
    fn id(&self) -> &'static str {
        "file-not-written"
    }

    fn fault(&self) -> Fault {
        Fault::Local
    }

    fn facts(&self) -> Vec<Fact> {
        Vec::new()
    }
}

/// Describes the operating system's errors for a path in words.
fn words(error: &std::io::Error) -> String {
    use std::io::ErrorKind;
    // ErrorKind is non-exhaustive, and only these have better descriptions than the system's own.
    let known = [
        (ErrorKind::AlreadyExists, "it exists already"),
        (ErrorKind::IsADirectory, "it is a folder"),
        (ErrorKind::NotADirectory, "a part of its path is not a folder"),
        (ErrorKind::NotFound, "there is no such file or folder"),
        (ErrorKind::PermissionDenied, "permission denied"),
        (ErrorKind::ReadOnlyFilesystem, "the file system is read-only"),
        (ErrorKind::StorageFull, "no space is left on the device"),
        (ErrorKind::TimedOut, "it did not answer in time"),
    ];
    known.iter().find(|(kind, _)| *kind == error.kind()).map_or_else(
        || {
            let text = error.to_string();
            text.split(" (os error").next().unwrap_or_default().to_lowercase()
        },
        |(_, text)| String::from(*text),
    )
}

/// Renders a path for an error.
fn shown(path: &Path) -> String {
    quoted(&path.to_string_lossy())
}

/// Renders a path as one word of a POSIX shell, quoted only if necessary.
pub(crate) fn shell_word(path: &Path) -> String {
    let text = path.to_string_lossy();
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+:@%,=".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        text.into_owned()
    } else {
        format!("'{}'", crate::text::printable(&text).replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_one_line_with_path_and_reason() {
        let error = ReadError::io(Path::new("/a\x1bb"), &std::io::ErrorKind::NotFound.into());
        assert_eq!(error.to_string(), "cannot read '/a\\u{1b}b': there is no such file or folder");
    }

    #[test]
    fn an_exposure_names_mode_and_owner() {
        let exposure = Exposure { access: Access::Read, mode: 0o644, owner: String::from("ci") };
        assert_eq!(exposure.to_string(), "other users can read it (mode 0644, owner ci)");
        assert_eq!(exposure.cure(Path::new("/home/ci/host.key")), "run chmod 600 /home/ci/host.key");
        assert_eq!(exposure.cure(Path::new("/a b's")), r"run chmod 600 '/a b'\''s'");
    }
}
