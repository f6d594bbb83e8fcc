//! What was found, in the form in which it is written, read again, compared and joined.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::error::AuditError;
use super::key_id::Kind;
use crate::private_file;

/// How many octets of a report are read again.
const LIMIT: u64 = 64 * 1024 * 1024;

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// A session's key, which ends by itself, or an id that has ended for certain.
    Low,
    /// The id of a key that lasts, without its secret.
    Medium,
    /// A key that lasts, with its secret, for its owner to read.
    High,
    /// The same, for others to read.
    Critical,
}

impl Severity {
    /// All, the worst first.
    pub const ALL: [Self; 4] = [Self::Critical, Self::High, Self::Medium, Self::Low];

    /// Returns its word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }
}

/// Who can read a file, as far as its mode and those of the folders above it tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Audience {
    /// Its owner, and root.
    Owner,
    /// Everybody in its group.
    Group,
    /// Every user of the host.
    Everyone,
    /// This system does not tell.
    Unknown,
}

impl Audience {
    /// Returns its word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Group => "group",
            Self::Everyone => "everyone",
            Self::Unknown => "unknown",
        }
    }
}

/// Where in a history a finding stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GitPlace {
    /// The object that holds it, by its name in hex.
    pub object: String,
    /// The first commit with it; `None` where no branch, tag or reflog leads to the object.
    pub commit: Option<String>,
    /// The file's path in that commit.
    pub file: Option<String>,
}

/// The process in whose environment or arguments a finding stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessPlace {
    /// Its number.
    pub pid: u32,
    /// Its name, as the system shows it.
    pub name: String,
    /// How many processes have the same key at the same place, this one among them.
    pub processes: u64,
}

/// An access key in one file. Its secret is in no field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// The rule's id, with a page by `anyrole explain`.
    pub rule: String,
    /// How bad it is.
    pub severity: Severity,
    /// The key's id.
    pub access_key_id: String,
    /// What the key is.
    pub kind: Kind,
    /// The account that the id holds, twelve digits; ids of the old generation hold none.
    pub account: Option<String>,
    /// The file; of a history, the repository's folder.
    pub path: String,
    /// The line, from 1; inside of a member or an object, that one's.
    pub line: u64,
    /// The archive's member, and the member of that.
    pub member: Option<String>,
    /// Where by name: profile, path through JSON, variable, resource.
    pub place: Option<String>,
    /// Whose file that is: `shell history`, `AWS credentials file`.
    pub holder: Option<String>,
    /// Whether the secret stands there too.
    pub secret_beside: bool,
    /// How often the id stands in the file.
    pub occurrences: u64,
    /// The file's owner.
    pub owner: Option<String>,
    /// The file's group.
    pub group: Option<String>,
    /// The file's mode, in octal.
    pub mode: Option<String>,
    /// Who can read it.
    pub readable_by: Audience,
    /// When the file was last written.
    pub modified_at: Option<String>,
    /// Where in a history.
    pub git: Option<GitPlace>,
    /// In which process.
    pub process: Option<ProcessPlace>,
    /// Until when it was allowed, where that has ended.
    pub allowed_until: Option<String>,
}

impl Finding {
    /// Returns what makes a finding the same one in another run: the key and where it stands, without the line.
    pub fn identity(&self) -> (&str, &str, Option<&str>, Option<&str>) {
        // The number of a process is another one after each start, and the kind of file is not.
        let path = if self.process.is_some() { "/proc" } else { self.path.as_str() };
        let within = self.process.as_ref().map(|process| process.name.as_str()).or(self.member.as_deref());
        let object = self.git.as_ref().map(|git| git.object.as_str());
        (&self.access_key_id, path, within, object)
    }
}

/// What looked like a key, and is none that counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PassedOver {
    /// Why.
    pub reason: String,
    /// How often.
    pub count: u64,
    /// The first ones: id, file and line.
    pub examples: Vec<String>,
}

/// What was not looked at, or not whole.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftOut {
    /// Why.
    pub reason: String,
    /// How many.
    pub count: u64,
    /// The first ones.
    pub examples: Vec<String>,
}

/// How much was looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LookedAt {
    /// Files, archives among them.
    pub files: u64,
    /// Their octets.
    pub bytes: u64,
    /// Members of archives.
    pub members: u64,
    /// Processes.
    pub processes: u64,
    /// Objects of histories.
    pub objects: u64,
}

/// Everything that one run found on one host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// The host's name.
    pub host: String,
    /// When it began.
    pub started_at: String,
    /// The version of the program.
    pub version: String,
    /// Whether it ran as root, who sees everything.
    pub as_root: bool,
    /// Whether it looked where this host keeps such things, without having been told where.
    pub by_default: bool,
    /// Where it looked.
    pub roots: Vec<String>,
    /// How much it looked at.
    pub looked_at: LookedAt,
    /// What was asked for, and could not be looked at.
    pub could_not_look: Vec<LeftOut>,
    /// What was met on the way, and not looked at.
    pub left_out: Vec<LeftOut>,
    /// What looked like a key.
    pub passed_over: Vec<PassedOver>,
    /// How many findings the baseline knows; `None` without one.
    pub in_baseline: Option<u64>,
    /// How many entries of the baseline are gone.
    pub gone_from_baseline: Option<u64>,
    /// What was found, the worst first.
    pub findings: Vec<Finding>,
}

impl Report {
    /// Tells whether there is a finding of at least that severity.
    pub fn has(&self, severity: Severity) -> bool {
        self.findings.iter().any(|finding| finding.severity >= severity)
    }
}

/// Reads reports that `--json` wrote.
///
/// # Errors
///
/// Fails if a file cannot be read, is larger than 64 MiB, or is none.
pub fn read_reports(paths: &[PathBuf]) -> Result<Vec<Report>, AuditError> {
    paths.iter().map(|path| read_report(path)).collect()
}

pub(super) fn read_report(path: &Path) -> Result<Report, AuditError> {
    #[derive(Deserialize)]
    struct Envelope {
        anyrole: u8,
        kind: String,
        data: Report,
    }
    let bytes = private_file::read_bounded(path, LIMIT)?;
    let wrong = |reason: String| AuditError::NoReport { path: path.to_owned(), reason };
    // What serde_json says may quote the file; the line is enough.
    let envelope: Envelope = serde_json::from_slice(&bytes)
        .map_err(|error| wrong(format!("line {}, column {}", error.line(), error.column())))?;
    match (envelope.anyrole, envelope.kind.as_str()) {
        (1, "audit-files") => Ok(envelope.data),
        _ => Err(wrong(String::from("it is of another kind"))),
    }
}
