//! The config file: defaults and named sessions, each value with its line number.
//!
//! ```toml
//! version = 1
//!
//! [defaults]
//! certificate = "/etc/anyrole/host.pem"
//!
//! [session.deploy]
//! role_arn = "arn:aws:iam::111122223333:role/deploy"
//! ```
//!
//! The caller supplies the known keys, because the table of settings belongs to the command line, above this module.

pub mod edit;
mod error;
mod parse;

use std::collections::BTreeMap;
use std::fmt;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use error::ConfigError;

use crate::env::Environment;
use crate::private_file::{self, FolderOwner};

/// The largest config file, in bytes: a hundred times what the largest fleet needs.
const MAX_BYTES: u64 = 1 << 20;
/// The most drop-in files in `conf.d`: twice what a fleet tool writes for five thousand roles.
const MAX_FILES: usize = 10_000;

/// The type of a key's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// `true` or `false`.
    Boolean,
    /// A whole number, or a text with a unit.
    Duration,
    /// A text, or several in an array.
    List,
    /// A text.
    Text,
}

/// Where a key is allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// In `[defaults]` and in every `[session.NAME]`.
    Anywhere,
    /// In `[session.NAME]` only: it must be meant for that session.
    Session,
}

/// A key of the config file.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    /// The setting, by the name of its flag: `trust-anchor-arn`.
    pub name: &'static str,
    /// The type of its value.
    pub shape: Shape,
    /// Where it is allowed.
    pub place: Place,
}

impl Key {
    /// Returns the key as written in the file: `trust_anchor_arn`.
    pub fn written(&self) -> String {
        self.name.replace('-', "_")
    }

    /// Returns whether `text` is this key as written in the file.
    fn is_written(&self, text: &str) -> bool {
        let octet = |octet| if octet == b'-' { b'_' } else { octet };
        text.bytes().eq(self.name.bytes().map(octet))
    }
}

/// The value of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// `true` or `false`.
    Boolean(bool),
    /// A text, or a number as it was written; the texts of an array are joined by commas.
    Text(String),
}

/// A line of a config file, counted from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The file, as it was named or found.
    pub file: Arc<Path>,
    /// The line.
    pub line: usize,
}

/// Renders `'/etc/anyrole/config.toml', line 7`.
impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, line {}", crate::text::quoted(&self.file.display().to_string()), self.line)
    }
}

/// A value and its place in the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The value.
    pub value: Value,
    /// Its line.
    pub origin: Origin,
}

/// The keys of `[defaults]` or of one named session.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Section {
    /// By the name of the setting.
    entries: BTreeMap<&'static str, Entry>,
}

impl Section {
    /// Returns the entry for a setting.
    pub fn entry(&self, setting: &str) -> Option<&Entry> {
        self.entries.get(setting)
    }
}

/// A named session and where its definition begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedSession {
    /// Its settings.
    pub section: Section,
    /// The line of its first key, or of its heading if it is empty.
    pub origin: Origin,
}

/// The files that make up the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Files {
    /// One file that the user named, which must exist, and no other.
    Alone(PathBuf),
    /// The system's file and drop-in folder, and the user's own file; each may be missing.
    Usual {
        /// `/etc/anyrole/config.toml`, and `conf.d/*.toml` in the same folder; none on Windows.
        system: Option<PathBuf>,
        /// The home folder, in which `.config/anyrole/config.toml` is the user's file.
        home: Option<PathBuf>,
    },
}

impl Files {
    /// Returns the usual files of this system and user.
    pub fn usual(env: &Environment) -> Self {
        // In C:\ProgramData every user may create a folder, and there is no check of its owner.
        let system = (!cfg!(windows)).then(|| PathBuf::from("/etc/anyrole/config.toml"));
        Self::Usual { system, home: env.home() }
    }
}

/// The merged contents of all config files.
#[derive(Clone, Debug, Default)]
pub struct Config {
    /// In order of precedence: the user's, then the system's.
    defaults: Vec<Section>,
    sessions: BTreeMap<String, NamedSession>,
    /// The files that exist, in the order in which they were read.
    files: Vec<PathBuf>,
    /// What was skipped although it may exist, and why.
    passed_over: Vec<String>,
}

impl Config {
    /// Reads the files.
    ///
    /// The system's file and its drop-ins form one layer, in which a session or a default may be defined only once. The
    /// user's file takes precedence: a session defined there replaces the system's session of that name as a whole. The
    /// user's file is read only from a home folder that the caller or root owns, because `sudo` keeps `HOME`, and
    /// images set root's for every user. In root's home an unreadable file is skipped; another user's home is always
    /// skipped.
    ///
    /// # Errors
    ///
    /// Fails if a file cannot be read, can be written by other users, is not TOML of version 1, or contains an unknown
    /// key; if the one file named by the user is missing; or if there are more than 10,000 drop-ins.
    pub fn load(files: &Files, keys: &[Key]) -> Result<Self, ConfigError> {
        let mut config = Self::default();
        match files {
            Files::Alone(path) => {
                let text = read(path)?.ok_or_else(|| ConfigError::Missing { file: path.clone() })?;
                config = Self::of_text(path, &text, keys)?;
            }
            Files::Usual { system, home } => {
                let mut layer = parse::Parsed::default();
                if let Some(path) = system {
                    let mut paths = vec![path.clone()];
                    match drop_ins(path)? {
                        Ok(found) => paths.extend(found),
                        Err(unreadable) => config.passed_over.push(unreadable),
                    }
                    for path in paths {
                        if let Some(text) = read(&path)? {
                            layer.join(parse::parse(&path, &text, keys)?)?;
                            config.files.push(path);
                        }
                    }
                }
                config.overlay(layer);
                if let Some(home) = home
                    && let Some((path, text)) = config.users_file(home)?
                {
                    config.overlay(parse::parse(&path, &text, keys)?);
                    config.files.push(path);
                }
            }
        }
        Ok(config)
    }

    /// Reads the text of one file; the file itself is not.
    ///
    /// # Errors
    ///
    /// Fails if it is not TOML of version 1, or holds a key that is not known.
    pub fn of_text(file: &Path, text: &str, keys: &[Key]) -> Result<Self, ConfigError> {
        let mut config = Self { files: vec![file.to_owned()], ..Self::default() };
        config.overlay(parse::parse(file, text, keys)?);
        Ok(config)
    }

    /// Reads the user's file, if that home folder is one to read it from.
    fn users_file(&mut self, home: &Path) -> Result<Option<(PathBuf, String)>, ConfigError> {
        let path = home.join(".config/anyrole/config.toml");
        let why = match private_file::folder_owner(home) {
            FolderOwner::Absent => return Ok(None),
            // An empty file counts as absent: it is created empty, for its lock, before it is written.
            FolderOwner::Caller => {
                return Ok(read(&path)?.filter(|text| !text.is_empty()).map(|text| (path, text)));
            }
            FolderOwner::Root => match read(&path) {
                Ok(text) => return Ok(text.map(|text| (path, text))),
                Err(ConfigError::Unreadable(error)) => error.reason.to_string(),
                Err(error) => return Err(error),
            },
            FolderOwner::Hidden(why) => why,
            FolderOwner::Other(owner) => format!("the home folder belongs to {owner}"),
        };
        self.passed_over.push(format!("{} is not read: {why}", crate::text::quoted(&path.to_string_lossy())));
        Ok(None)
    }

    /// Returns what was skipped although it may exist, and why.
    pub fn passed_over(&self) -> &[String] {
        &self.passed_over
    }

    /// Returns the session with this name.
    pub fn session(&self, name: &str) -> Option<&NamedSession> {
        self.sessions.get(name)
    }

    /// Returns the names of all sessions, in alphabetical order.
    pub fn session_names(&self) -> impl Iterator<Item = &str> {
        self.sessions.keys().map(String::as_str)
    }

    /// Returns the files that were read.
    pub fn files(&self) -> &[PathBuf] {
        &self.files
    }

    /// Returns the `[defaults]` of each layer, in order of precedence.
    pub fn defaults(&self) -> &[Section] {
        &self.defaults
    }

    fn overlay(&mut self, layer: parse::Parsed) {
        self.defaults.insert(0, layer.defaults);
        self.sessions.extend(layer.sessions);
    }
}

/// Returns whether a text can be the name of a session: `[A-Za-z0-9][A-Za-z0-9._-]{0,63}`.
pub fn is_session_name(text: &str) -> bool {
    text.len() <= 64
        && text.starts_with(|first: char| first.is_ascii_alphanumeric())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
}

/// Lists `conf.d/*.toml` beside the system's file, ordered by name, or explains why the folder cannot be read; usually
/// it does not exist.
fn drop_ins(system: &Path) -> Result<Result<Vec<PathBuf>, String>, ConfigError> {
    let Some(folder) = system.parent().map(|folder| folder.join("conf.d")) else { return Ok(Ok(Vec::new())) };
    let entries = match std::fs::read_dir(&folder) {
        Ok(entries) => entries,
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            return Ok(Ok(Vec::new()));
        }
        Err(error) => {
            return Ok(Err(format!(
                "{} is not read: {error}",
                crate::text::quoted(&folder.to_string_lossy())
            )));
        }
    };
    let mut paths: Vec<PathBuf> = entries
        .filter_map(Result::ok)
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "toml"))
        .take(MAX_FILES + 1)
        .collect();
    if paths.len() > MAX_FILES {
        return Err(ConfigError::TooManyFiles { folder, limit: MAX_FILES });
    }
    paths.sort();
    Ok(Ok(paths))
}

/// Reads a file that only root and the caller can have written; `None` if it does not exist.
fn read(path: &Path) -> Result<Option<String>, ConfigError> {
    let Some(bytes) = private_file::read_trusted(path, MAX_BYTES)? else { return Ok(None) };
    std::str::from_utf8(&bytes).map(|text| Some(text.to_owned())).map_err(|error| {
        let valid = &bytes[..error.valid_up_to()];
        let line = 1 + valid.iter().filter(|byte| **byte == b'\n').count();
        ConfigError::Syntax { origin: Origin { file: path.into(), line }, why: String::from("not UTF-8") }
    })
}

#[cfg(test)]
mod tests;
