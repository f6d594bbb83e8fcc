//! How far the migration of a key is: a file without secrets.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::aws_file::Kind;
use crate::clock::Timestamp;

/// The version of the form.
pub const VERSION: u32 = 1;

/// How far it is. What is in between two states is undone or finished by the next call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// The files are about to change, or some have.
    Switching,
    /// The new way works, and the key is in the backup alone.
    Switched,
    /// The files are about to be as they were, or some are.
    RollingBack,
    /// The old way works again.
    RolledBack,
}

/// One of AWS's files, and its content before and after.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangedFile {
    /// Whether it is the credentials file, or else the config file.
    pub is_credentials: bool,
    /// Its path.
    pub path: PathBuf,
    /// Whether it was there.
    pub existed: bool,
    /// The SHA-256 of its content before, in hex.
    pub before_sha256: String,
    /// The same after.
    pub after_sha256: String,
}

impl ChangedFile {
    /// Returns which of the files it is.
    pub const fn kind(&self) -> Kind {
        if self.is_credentials { Kind::Credentials } else { Kind::Config }
    }
}

/// A proof that the new way works.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verification {
    /// When.
    pub at: String,
    /// Who STS said it is.
    pub arn: String,
}

/// A command that ran under the new credentials.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Workload {
    /// When it ended.
    pub at: String,
    /// The program, without its arguments: they may hold what is nobody's business.
    pub program: String,
    /// The profile that it used.
    pub profile: String,
    /// Its exit status.
    pub status: u8,
}

/// What was done to the key in IAM, or found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyEvent {
    /// When.
    pub at: String,
    /// How it is known: `iam` (this program did it), `refused` (AWS refused the key), `told` (the user said so).
    pub known_by: String,
}

/// A step that was done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// When.
    pub at: String,
    /// What, in a word or two.
    pub what: String,
}

/// The state of one key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// [`VERSION`].
    pub version: u32,
    /// The key.
    pub access_key_id: String,
    /// Its account, twelve digits, where the id or STS tells.
    pub account: Option<String>,
    /// The session that replaces it.
    pub session: String,
    /// Our configuration file, where it is named.
    pub config: Option<PathBuf>,
    /// The session's role.
    pub role_arn: String,
    /// How far it is.
    pub phase: Phase,
    /// Every profile that held the key, by the name that programs use.
    pub profiles: Vec<String>,
    /// The value of `credential_process`.
    pub line: String,
    /// The region that was added where a profile had none.
    pub region: String,
    /// The files that change.
    pub files: Vec<ChangedFile>,
    /// The backup's file name in this folder; `None` if the user did without.
    pub backup: Option<String>,
    /// The last proof since the switch.
    pub verified: Option<Verification>,
    /// The commands that ran since the switch.
    pub workloads: Vec<Workload>,
    /// When the key became inactive.
    pub deactivated: Option<KeyEvent>,
    /// When it was deleted.
    pub deleted: Option<KeyEvent>,
    /// All steps, the first one first.
    pub history: Vec<Event>,
}

/// The most steps that are kept; the first ones go.
const MOST_EVENTS: usize = 200;

impl State {
    /// Adds a step to the history.
    pub fn note(&mut self, at: Timestamp, what: impl Into<String>) {
        self.history.push(Event { at: at.to_string(), what: what.into() });
        let beyond = self.history.len().saturating_sub(MOST_EVENTS);
        self.history.drain(..beyond);
    }

    /// Says how far it is: `is switched`.
    pub fn is(&self) -> String {
        let text = match (self.phase, &self.deactivated, &self.deleted) {
            (Phase::Switching, ..) => "is in the middle of its switch, which was interrupted",
            (Phase::RollingBack, ..) => "is in the middle of its way back, which was interrupted",
            (Phase::RolledBack, ..) => "is back in its files",
            (Phase::Switched, _, Some(_)) => "is deleted",
            (Phase::Switched, Some(_), None) => "is switched and inactive",
            (Phase::Switched, None, None) => "is switched",
        };
        text.to_owned()
    }
}
