//! The config and the credentials file of AWS's programs: where they are, and how to change them.

use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::diagnostic::{Diagnostic, Fact, Fault};
use crate::env::Environment;
use crate::ini::IniError;
use crate::private_file::{self, EditError, Edited, Editing, FolderOwner, MissingFolder, ReadError, Stamp};
use crate::text::quoted;

/// The ids of this module's error, beyond those of the errors that it wraps.
pub const IDS: &[&str] = &["credentials-file-nowhere"];

/// The largest file, in bytes: room for ten thousand profiles.
const LIMIT: u64 = 16 << 20;

/// Which of the two files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `~/.aws/config`.
    Config,
    /// `~/.aws/credentials`.
    Credentials,
}

impl Kind {
    /// Returns the variable that names the file to SDKs.
    pub const fn variable(self) -> &'static str {
        match self {
            Self::Config => "AWS_CONFIG_FILE",
            Self::Credentials => "AWS_SHARED_CREDENTIALS_FILE",
        }
    }

    /// Returns its path relative to the home folder.
    const fn in_home(self) -> &'static str {
        match self {
            Self::Config => ".aws/config",
            Self::Credentials => ".aws/credentials",
        }
    }
}

/// Why a file was not written. It is unchanged.
#[derive(Debug, thiserror::Error)]
pub enum AwsFileError {
    /// The system prevents the change.
    #[error("{source}")]
    Edit {
        /// Which of the files.
        kind: Kind,
        /// The problem.
        source: EditError,
    },
    /// The file's content prevents the change.
    #[error("cannot change {}", quoted(&path.to_string_lossy()))]
    Ini {
        /// The file, as the user named it.
        path: PathBuf,
        /// The problem.
        source: IniError,
    },
    /// Nothing says where the file is.
    #[error("there is no home folder for {}: HOME is not set, and this user has no account here", .0.in_home())]
    Nowhere(Kind),
    /// The profile's name is not possible.
    #[error(transparent)]
    Profile(IniError),
    /// It cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
}

impl Diagnostic for AwsFileError {
    fn id(&self) -> &'static str {
        match self {
            Self::Edit { source, .. } => source.id(),
            Self::Ini { source, .. } => source.id(),
            Self::Nowhere(_) => "credentials-file-nowhere",
            Self::Profile(error) => error.id(),
            Self::Read(error) => error.id(),
        }
    }

    fn fault(&self) -> Fault {
        match self {
            Self::Edit { source, .. } => source.fault(),
            Self::Ini { source, .. } => source.fault(),
            Self::Nowhere(_) => Fault::Usage,
            Self::Profile(error) => error.fault(),
            Self::Read(error) => error.fault(),
        }
    }

    fn facts(&self) -> Vec<Fact> {
        match self {
            Self::Edit { source, .. } => source.facts(),
            Self::Ini { source, .. } => source.facts(),
            Self::Nowhere(_) => Vec::new(),
            Self::Profile(error) => error.facts(),
            Self::Read(error) => error.facts(),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Edit { kind, source } => {
                let elsewhere = format!("name another file with {}", kind.variable());
                Some(match source.hint() {
                    Some(hint) => format!("{hint}, or {elsewhere}"),
                    None => elsewhere,
                })
            }
            Self::Ini { source, .. } => source.hint(),
            Self::Nowhere(kind) => Some(format!("set HOME, or name the file with {}", kind.variable())),
            Self::Profile(_) => Some(String::from("give another name with --profile")),
            Self::Read(error) => error.hint(),
        }
    }
}

/// Why an attempt to edit ended: the editor failed, or the system did.
#[derive(Debug)]
enum Ended {
    Editor(AwsFileError),
    System(EditError),
}

impl From<EditError> for Ended {
    fn from(error: EditError) -> Self {
        Self::System(error)
    }
}

/// One of the two files.
#[derive(Clone, Debug)]
pub struct AwsFile {
    kind: Kind,
    path: PathBuf,
    missing: MissingFolder,
}

impl AwsFile {
    /// Finds the file: the one that its variable names, in which `~/` is the home folder, or else the default, whose
    /// folder is created if it is missing.
    ///
    /// If `HOME` is not set or is another user's, as under `su` and some `sudo`, the home folder comes from the account
    /// database.
    ///
    /// # Errors
    ///
    /// Fails if nothing says where it is.
    pub fn locate(kind: Kind, env: &Environment) -> Result<Self, AwsFileError> {
        let home = || own_home(env).ok_or(AwsFileError::Nowhere(kind));
        let Some(named) = env.os_var(kind.variable()).map(PathBuf::from) else {
            return Ok(Self { kind, path: home()?.join(kind.in_home()), missing: MissingFolder::Make });
        };
        let path = match named.strip_prefix("~") {
            Ok(below) => home()?.join(below),
            Err(_) => named,
        };
        Ok(Self { kind, path, missing: MissingFolder::Refuse })
    }

    /// Names a file that was located before, by its whole path.
    pub fn at(kind: Kind, path: impl Into<PathBuf>) -> Self {
        Self { kind, path: path.into(), missing: MissingFolder::Make }
    }

    /// Returns which of the files it is.
    pub const fn kind(&self) -> Kind {
        self.kind
    }

    /// Returns its path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Reads it, whoever may write it; a missing file is empty.
    ///
    /// # Errors
    ///
    /// Fails if it exists and cannot be read.
    pub fn read(&self) -> Result<Zeroizing<Vec<u8>>, AwsFileError> {
        match std::fs::metadata(&self.path) {
            Err(error)
                if matches!(
                    error.kind(),
                    std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory
                ) =>
            {
                Ok(Zeroizing::new(Vec::new()))
            }
            Ok(_) | Err(_) => Ok(private_file::read_bounded(&self.path, LIMIT)?),
        }
    }

    /// Reads it as [`Self::read`] does, and fails if it could not be edited; a missing file is not created.
    ///
    /// # Errors
    ///
    /// Fails as [`Self::edit`] would.
    pub fn read_to_edit(&self) -> Result<Zeroizing<Vec<u8>>, AwsFileError> {
        private_file::content_to_edit(&self.path, LIMIT).map_err(|source| self.unwritten(source))
    }

    /// Reads it, edits it and writes it back, holding its lock.
    ///
    /// # Errors
    ///
    /// Fails if the file cannot be read or written, or if the editor fails. The file is then unchanged.
    pub fn edit<T>(
        &self,
        mut editor: impl FnMut(&Editing) -> Result<Edited<T>, AwsFileError>,
    ) -> Result<(T, Stamp), AwsFileError> {
        let edited = private_file::edit(&self.path, self.missing, LIMIT, |editing| {
            editor(editing).map_err(Ended::Editor)
        });
        edited.map_err(|ended| match ended {
            Ended::Editor(error) => error,
            Ended::System(source) => self.unwritten(source),
        })
    }

    /// Adds the file's path to an error about its content.
    pub fn refused(&self, source: IniError) -> AwsFileError {
        AwsFileError::Ini { path: self.path.clone(), source }
    }

    /// Adds the file's path to an error of the system.
    pub fn unwritten(&self, source: EditError) -> AwsFileError {
        AwsFileError::Edit { kind: self.kind, source }
    }
}

/// Returns the home folder: that of `HOME`, unless it belongs to another user and the account has its own.
fn own_home(env: &Environment) -> Option<PathBuf> {
    let home = env.home();
    let is_foreign = home.as_deref().is_none_or(|home| match private_file::folder_owner(home) {
        FolderOwner::Absent | FolderOwner::Caller => false,
        FolderOwner::Hidden(_) | FolderOwner::Other(_) | FolderOwner::Root => true,
    });
    let own =
        || private_file::own_home().filter(|home| private_file::folder_owner(home) == FolderOwner::Caller);
    if is_foreign { own().or(home) } else { home }
}
