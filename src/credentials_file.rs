//! The credentials file of AWS's programs: one profile's keys are replaced, and every other byte stays.

pub mod upkeep;

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::credentials::CredentialSet;
use crate::diagnostic::{Diagnostic, Fact, Fault};
use crate::env::Environment;
use crate::ini::{self, Change, IniError, Section};
use crate::private_file::{
    self, EditError, Editing, FolderOwner, MissingFolder, Replaced, Stamp, WriteError,
};
use crate::text::quoted;

/// The ids of this module's error, beyond those of what it carries.
pub const IDS: &[&str] = &["credentials-file-nowhere"];

/// The variable of the SDKs that names the file.
const VARIABLE: &str = "AWS_SHARED_CREDENTIALS_FILE";

/// The largest file, in bytes: room for ten thousand profiles.
const LIMIT: u64 = 16 << 20;

/// How long others who write the file are waited for. Each of them takes some milliseconds.
const PATIENCE: Duration = Duration::from_secs(20);

/// How often a file is read again that others change all the time.
const ATTEMPTS: u32 = 200;

/// Why the file is not written. It is as it was.
#[derive(Debug, thiserror::Error)]
pub enum CredentialsFileError {
    /// The system is in the way.
    #[error(transparent)]
    Edit(#[from] EditError),
    /// What is in the file is in the way.
    #[error("cannot change {}", quoted(&path.to_string_lossy()))]
    Ini {
        /// The file, as the user named it.
        path: PathBuf,
        /// What it is.
        source: IniError,
    },
    /// Nobody says where the file is.
    #[error(
        "there is no home folder for .aws/credentials: HOME is not set, and this user has no account here"
    )]
    Nowhere,
    /// There can be no such profile.
    #[error(transparent)]
    Profile(IniError),
}

impl Diagnostic for CredentialsFileError {
    fn id(&self) -> &'static str {
        match self {
            Self::Edit(error) => error.id(),
            Self::Ini { source, .. } => source.id(),
            Self::Nowhere => "credentials-file-nowhere",
            Self::Profile(error) => error.id(),
        }
    }

    fn fault(&self) -> Fault {
        match self {
            Self::Edit(error) => error.fault(),
            Self::Ini { source, .. } => source.fault(),
            Self::Nowhere => Fault::Usage,
            Self::Profile(error) => error.fault(),
        }
    }

    fn facts(&self) -> Vec<Fact> {
        match self {
            Self::Edit(error) => error.facts(),
            Self::Ini { source, .. } => source.facts(),
            Self::Nowhere => Vec::new(),
            Self::Profile(error) => error.facts(),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Edit(error) => {
                let elsewhere = format!("name another file with {VARIABLE}");
                Some(match error.hint() {
                    Some(hint) => format!("{hint}, or {elsewhere}"),
                    None => elsewhere,
                })
            }
            Self::Ini { source, .. } => source.hint(),
            Self::Nowhere => Some(format!("set HOME, or name the file with {VARIABLE}")),
            Self::Profile(_) => Some(String::from("give another name with --profile")),
        }
    }
}

/// Where the credentials file is.
#[derive(Clone, Debug)]
pub struct CredentialsFile {
    path: PathBuf,
    missing: MissingFolder,
}

/// What came of writing.
#[derive(Clone, Debug)]
pub struct Written {
    /// The file as it is now.
    pub stamp: Stamp,
    /// Whether it was changed, and did not hold all of it already.
    pub is_changed: bool,
    /// The id of a long-lived access key that was in the profile.
    pub static_key: Option<String>,
    /// The permission bits by which other users can reach the file, where they can.
    pub exposure: Option<u32>,
}

impl CredentialsFile {
    /// Finds the file: `AWS_SHARED_CREDENTIALS_FILE`, in which `~/` is the home folder, or else `~/.aws/credentials`, whose folder is made if it is missing.
    ///
    /// Where `HOME` is not set or another user's, as under `su` and some `sudo`, the home folder is what the account database says.
    ///
    /// # Errors
    ///
    /// Fails if nothing says where it is.
    pub fn locate(env: &Environment) -> Result<Self, CredentialsFileError> {
        let home = || own_home(env).ok_or(CredentialsFileError::Nowhere);
        let Some(named) = env.os_var(VARIABLE).map(PathBuf::from) else {
            return Ok(Self { path: home()?.join(".aws/credentials"), missing: MissingFolder::Make });
        };
        let path = match named.strip_prefix("~") {
            Ok(below) => home()?.join(below),
            Err(_) => named,
        };
        Ok(Self { path, missing: MissingFolder::Refuse })
    }

    /// Returns its path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Puts a session into a profile, if it is not there already; nothing is written once the gate is closed.
    ///
    /// Written are the three keys that every SDK reads. An older name of the session token, which botocore prefers, goes; an account id that is there is the
    /// session's account afterwards, since SDKs make endpoints of it.
    ///
    /// # Errors
    ///
    /// Fails if the file cannot be read, changed or written. It is as it was then.
    ///
    /// # Security
    ///
    /// The credentials are in clear text in the file, with mode 0600 where it is new; an existing file keeps its mode.
    pub fn write(
        &self,
        profile: &Section,
        set: &CredentialSet,
        gate: &Gate,
    ) -> Result<Written, CredentialsFileError> {
        let credentials = &set.credentials;
        let changes = [
            ("aws_access_key_id", Change::Set(&credentials.access_key_id)),
            ("aws_secret_access_key", Change::Set(credentials.secret_access_key.expose())),
            ("aws_session_token", Change::Set(credentials.session_token.expose())),
            ("aws_security_token", Change::Remove),
            ("aws_account_id", Change::Update(set.role_arn.arn().account())),
        ];
        for _ in 0..ATTEMPTS {
            let editing = Editing::begin(&self.path, self.missing, LIMIT, PATIENCE)?;
            let edited = ini::edited(editing.content(), profile, &changes)
                .map_err(|source| CredentialsFileError::Ini { path: self.path.clone(), source })?;
            let exposure = editing.exposure();
            let static_key = static_key(editing.content(), profile);
            let unchanged = |stamp| Written { stamp, is_changed: false, static_key: None, exposure };
            if *edited == editing.content() {
                return Ok(unchanged(editing.stamp()));
            }
            let Some(_open) = gate.enter() else { return Ok(unchanged(editing.stamp())) };
            if let Replaced::Done(stamp) = editing.replace(&edited)? {
                return Ok(Written { stamp, is_changed: true, static_key, exposure });
            }
        }
        let why = "other programs change it all the time";
        let error = WriteError { path: self.path.clone(), why: String::from(why) };
        Err(EditError::from(error).into())
    }
}

/// Returns the id of the profile's access key, if it is one that does not expire.
fn static_key(content: &[u8], profile: &Section) -> Option<String> {
    let id = ini::value(content, profile, "aws_access_key_id")?;
    id.starts_with(b"AKIA").then(|| String::from_utf8_lossy(id).into_owned())
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

/// Lets writes through until it is closed, and is closed between two of them.
#[derive(Debug)]
pub struct Gate(Mutex<bool>);

impl Default for Gate {
    /// Returns an open one.
    fn default() -> Self {
        Self(Mutex::new(true))
    }
}

impl Gate {
    /// Waits for the end of a write that is under way; none begins afterwards.
    pub fn close(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = false;
    }

    fn enter(&self) -> Option<MutexGuard<'_, bool>> {
        let open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        open.then_some(open)
    }
}
