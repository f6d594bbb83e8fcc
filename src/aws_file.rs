//! The config and the credentials file of AWS's programs: where they are, and how they are changed.

use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::diagnostic::{Diagnostic, Fact, Fault};
use crate::env::Environment;
use crate::ini::IniError;
use crate::private_file::{self, EditError, Edited, Editing, FolderOwner, MissingFolder, ReadError, Stamp};
use crate::text::quoted;

/// The ids of this module's error, beyond those of what it carries.
pub const IDS: &[&str] = &["credentials-file-nowhere"];

/// The largest file, in bytes: room for ten thousand profiles.
const LIMIT: u64 = 16 << 20;

/// Which of the two files it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `~/.aws/config`.
    Config,
    /// `~/.aws/credentials`.
    Credentials,
}

impl Kind {
    /// Returns the variable of the SDKs that names the file.
    pub const fn variable(self) -> &'static str {
        match self {
            Self::Config => "AWS_CONFIG_FILE",
            Self::Credentials => "AWS_SHARED_CREDENTIALS_FILE",
        }
    }

    /// Returns where it is in the home folder.
    const fn in_home(self) -> &'static str {
        match self {
            Self::Config => ".aws/config",
            Self::Credentials => ".aws/credentials",
        }
    }
}

/// Why a file is not written. It is as it was.
#[derive(Debug, thiserror::Error)]
pub enum AwsFileError {
    /// The system is in the way of changing it.
    #[error("{source}")]
    Edit {
        /// Which of the files it is.
        kind: Kind,
        /// What is in the way.
        source: EditError,
    },
    /// What is in the file is in the way.
    #[error("cannot change {}", quoted(&path.to_string_lossy()))]
    Ini {
        /// The file, as the user named it.
        path: PathBuf,
        /// What it is.
        source: IniError,
    },
    /// Nobody says where the file is.
    #[error("there is no home folder for {}: HOME is not set, and this user has no account here", .0.in_home())]
    Nowhere(Kind),
    /// There can be no such profile.
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

/// Why one attempt to edit ended: by the editor, or by the system.
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
    /// Finds the file: what its variable names, in which `~/` is the home folder, or else the usual one, whose folder is made if it is missing.
    ///
    /// Where `HOME` is not set or another user's, as under `su` and some `sudo`, the home folder is what the account database says.
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

    /// Returns its path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Reads it, whoever may write it; a missing one is empty.
    ///
    /// # Errors
    ///
    /// Fails if it is there and cannot be read.
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

    /// Reads it as [`Self::read`] does, and fails where it could not be edited; nothing is made where it is missing.
    ///
    /// # Errors
    ///
    /// Fails as [`Self::edit`] would.
    pub fn read_to_edit(&self) -> Result<Zeroizing<Vec<u8>>, AwsFileError> {
        private_file::content_to_edit(&self.path, LIMIT).map_err(|source| self.unwritten(source))
    }

    /// Reads it, edits it and puts it back, under its lock.
    ///
    /// # Errors
    ///
    /// Fails if the file cannot be read or written, or if the editor does. It is as it was then.
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

    /// Names the file in what is wrong with its content.
    pub fn refused(&self, source: IniError) -> AwsFileError {
        AwsFileError::Ini { path: self.path.clone(), source }
    }

    /// Names the file in what the system says.
    pub fn unwritten(&self, source: EditError) -> AwsFileError {
        AwsFileError::Edit { kind: self.kind, source }
    }
}

/// Returns the home folder: that of `HOME`, unless it is another user's and the account has one of its own.
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
