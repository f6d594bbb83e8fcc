//! The journal: what was requested, by whom, and why it was refused. It contains no secrets.
//!
//! A signature is a bearer token for some minutes, so only its SHA-256 is recorded, unless a full journal is requested.
//! Session tokens, secret keys and answers are never recorded.

use std::collections::{BTreeMap, VecDeque};
use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::{fmt, io};

use serde::Serialize;

use super::EntryObserver;
use super::attributes::UnmappedAttributes;
use crate::verifier::Refusal;

/// Most entries kept in memory; older ones are dropped.
pub const ENTRIES_LIMIT: usize = 10_000;

/// The operation that a request asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Operation {
    /// CreateSession of IAM Roles Anywhere.
    CreateSession,
    /// Something of STS: GetCallerIdentity, AssumeRole or GetScopedCredentials; which one is the entry's `action`.
    SecurityTokenService,
    /// Anything else.
    Unknown,
}

/// The outcome of a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "verdict", rename_all = "kebab-case")]
pub enum Verdict {
    /// It was granted.
    Accepted,
    /// A fault decided the answer.
    Fault {
        /// The fault in the command line's grammar.
        fault: String,
    },
    /// It broke a rule.
    Refused {
        /// The code in the answer, for example `AccessDeniedException`.
        code: String,
        /// The rule's stable name, for example `scope-date`.
        rule: String,
        /// What was found and what was expected.
        detail: String,
    },
    /// It came too soon after others.
    Throttled,
}

/// One request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct JournalEntry {
    /// The simulator's time, RFC 3339.
    pub time: String,
    /// The method.
    pub method: String,
    /// The raw path, without the query.
    pub path: String,
    /// The operation.
    pub operation: Operation,
    /// The outcome.
    #[serde(flatten)]
    pub verdict: Verdict,
    /// The requested STS action, if the caller's signature is valid.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub action: Option<String>,
    /// The status of the answer; `None` if none was sent.
    pub status: Option<u16>,
    /// The client's `User-Agent`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_agent: Option<String>,
    /// Decimal serial number of the end-entity certificate, if there was a readable one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub serial: Option<String>,
    /// Its subject name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// The requested role; for STS the assumed role of the caller.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// The role session's name, if one was granted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_name: Option<String>,
    /// The granted duration.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duration_seconds: Option<u64>,
    /// The source identity, if a session was granted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_identity: Option<String>,
    /// The session tags, by key, if a session was granted.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub session_tags: BTreeMap<String, String>,
    /// The keys `aws:OriginIdentity/…`, if a session was granted with trusted identity propagation.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub origin_identity: BTreeMap<String, String>,
    /// How the session is narrowed that STS grants, else the one that asks it: layer after layer.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub scope_layers: Vec<ScopeLayer>,
    /// Attributes of the certificate that the profile maps and no session tag can carry.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unmapped_attributes: Option<UnmappedAttributes>,
    /// The anomalies of a granted request in the manner of CloudTrail.
    #[serde(rename = "additionalEventData", skip_serializing_if = "Option::is_none")]
    pub additional_event_data: Option<AdditionalEventData>,
    /// Anomalies that the service would only record: the names of the rules.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub anomalies: Vec<String>,
    /// Lower-case hex SHA-256 of the signature's bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signature_sha256: Option<String>,
    /// The signature itself, lower-case hex; only in a full journal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signature: Option<String>,
}

/// One narrowing of a session by GetScopedCredentials.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ScopeLayer {
    /// The policy, as it was sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
    /// The requested duration.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duration_seconds: Option<u64>,
    /// The client's description.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

/// What CloudTrail records about a granted request that is not signed as specified.
///
/// AWS documents that its events have this; the names of the members are ours.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AdditionalEventData {
    /// Required headers that were sent and that the signature does not cover, in lower case.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub headers_not_signed: Vec<String>,
    /// The declared algorithm, if the certificate's key needs another.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub declared_algorithm: Option<String>,
    /// The algorithm for the certificate's key, if the request declares another.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected_algorithm: Option<String>,
}

impl AdditionalEventData {
    /// Returns the record of these anomalies; `None` if there are none.
    pub(super) fn of(anomalies: &[Refusal]) -> Option<Self> {
        let mut data = Self::default();
        for anomaly in anomalies {
            if let Refusal::HeaderNotSigned { name } = anomaly {
                data.headers_not_signed.push(name.clone());
            }
            if let Refusal::AlgorithmMismatch { declared, expected, .. } = anomaly {
                data.declared_algorithm = Some(declared.clone());
                data.expected_algorithm = Some((*expected).to_owned());
            }
        }
        (data != Self::default()).then_some(data)
    }
}

impl JournalEntry {
    /// Renders the entry as one line of JSON, without a line end.
    pub fn render(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// The entries of a running simulator.
pub(super) struct Journal {
    entries: Mutex<VecDeque<JournalEntry>>,
    file: Option<Mutex<File>>,
    observer: Option<EntryObserver>,
}

impl fmt::Debug for Journal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Journal")
    }
}

impl Journal {
    /// Opens a journal, with a file of mode 0600 that is appended to.
    pub(super) fn open(file: Option<&Path>, observer: Option<EntryObserver>) -> io::Result<Self> {
        let file = file.map(open_private).transpose()?.map(Mutex::new);
        Ok(Self { entries: Mutex::new(VecDeque::new()), file, observer })
    }

    /// Adds an entry. A file that cannot be written does not stop the simulator.
    pub(super) fn add(&self, entry: JournalEntry) {
        if let Some(observer) = &self.observer {
            (observer.0)(&entry);
        }
        if let Some(file) = &self.file {
            let mut line = entry.render();
            line.push('\n');
            let _unwritten = file.lock().unwrap_or_else(PoisonError::into_inner).write_all(line.as_bytes());
        }
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        if entries.len() >= ENTRIES_LIMIT {
            entries.pop_front();
        }
        entries.push_back(entry);
    }

    /// Forgets the entries in memory; the file keeps them.
    pub(super) fn clear(&self) {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Returns the entries, oldest first.
    pub(super) fn entries(&self) -> Vec<JournalEntry> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }
}

/// Opens a file for appending that only its owner can read, also if it already existed.
#[expect(
    clippy::disallowed_methods,
    reason = "this crate stands alone and cannot use the program's private_file"
)]
fn open_private(path: &Path) -> io::Result<File> {
    let mut options = std::fs::OpenOptions::new();
    options.create(true).append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(path)?;
    #[cfg(unix)]
    file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
    Ok(file)
}
