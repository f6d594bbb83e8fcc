//! The last failure of each key, shared by all processes of the user.
//!
//! It is stored beside the locks rather than in the entry: the first refusal has no entry to be recorded in, and a good
//! entry is never rewritten to record a failure. Processes that waited while an attempt failed share its failure; later
//! ones see when the next try is allowed; `cache list` and `status` show it.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use super::encoding::{Reader, Writer};
use super::freshness::wait_after;
use super::state_folder::StateFolder;
use super::sweep::{FAILURES as SUFFIX, sweep};
use super::{CacheError, CacheKey, Namespace};
use crate::clock::Timestamp;
use crate::diagnostic::{Diagnostic, Fault};
use crate::text::printable_line;

/// The version of the record; a record of another version is ignored.
const VERSION: u8 = 2;

/// The longest record, in octets: a failure with every text at its limit.
const LONGEST: usize = 16 * 1024;

/// The longest text in the record of a failure, also of each fact, in octets.
const LONGEST_TEXT: usize = 1024;

/// The most facts in the record of a failure.
const MOST_FACTS: usize = 5;

/// What the names of the first records ended with, whose texts did not pass through [`printable_line`].
const FIRST_SUFFIX: &str = ".failure";

/// How far ahead the next try may lie; more means that this clock was set back.
const LONGEST_PLAUSIBLE: Duration = Duration::from_secs(20 * 60);

/// What is recorded about a failure; contains no secrets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailureReport {
    /// What was requested: the ARN of the role, and the session's name if one was given.
    pub wanted: String,
    /// The stable id.
    pub id: String,
    /// Whose fault it is.
    pub fault: Fault,
    /// AWS's error code, if AWS refused: `AccessDeniedException`.
    pub code: Option<String>,
    /// What failed, and the causes, joined by `: `.
    pub text: String,
    /// Its facts, as pairs of name and value.
    pub facts: Vec<(String, String)>,
    /// What to do.
    pub hint: Option<String>,
}

impl FailureReport {
    /// Describes an error; the caller adds AWS's code.
    pub fn of(error: &dyn Diagnostic, wanted: &str) -> Self {
        let mut text = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            text.push_str(": ");
            text.push_str(&cause.to_string());
            source = cause.source();
        }
        // What must not be shown must not be stored either.
        let facts = error.facts().into_iter();
        Self {
            wanted: printable_line(wanted),
            id: error.id().to_owned(),
            fault: error.fault(),
            code: None,
            text: printable_line(&text),
            facts: facts.map(|fact| (fact.name.into_owned(), printable_line(&fact.value))).collect(),
            hint: error.hint().map(|hint| printable_line(&hint)),
        }
    }
}

/// A recorded failure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The description.
    pub report: FailureReport,
    /// When it happened.
    pub at: Timestamp,
    /// The SHA-256 of the certificate source's bytes at that attempt.
    pub certificate_sha256: [u8; 32],
    /// The number of failures in a row, this one included.
    pub count: u32,
    /// When the next try is allowed.
    pub next_try: Timestamp,
    /// A random number by which a process that waited recognises that this failure is new.
    pub(super) attempt: u64,
}

/// What a caller has if it does not try again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fallback {
    /// Nothing.
    Nothing,
    /// A session that is still valid.
    ValidEntry {
        /// When it ends.
        until: Timestamp,
    },
}

/// The shortest time between two tries shortly before a session ends.
const SHORTEST_WAIT: Duration = Duration::from_secs(1);

impl Failure {
    /// Returns whether a new try with this certificate must wait (back-off).
    ///
    /// A failure with another certificate says nothing about this one. A refusal requires waiting until
    /// [`Failure::next_try`]. A network failure requires it only with something to fall back on, and for no longer than
    /// an eighth of what is left of that; with no fallback, trying costs nobody anything. A `next_try` further away
    /// than any wait was written before this clock was set back, and is ignored.
    pub fn requires_backoff(
        &self,
        certificate_sha256: &[u8; 32],
        now: Timestamp,
        fallback: Fallback,
    ) -> bool {
        let Some(next_try) = self.next_try_beside(fallback) else { return false };
        self.certificate_sha256 == *certificate_sha256
            && now < next_try
            && self.next_try.since(now) <= LONGEST_PLAUSIBLE
    }

    /// Returns when a caller with this fallback may try next; `None` if it may at any time.
    pub fn next_try_beside(&self, fallback: Fallback) -> Option<Timestamp> {
        match (self.report.fault, fallback) {
            (Fault::Refused, Fallback::Nothing | Fallback::ValidEntry { .. }) => Some(self.next_try),
            (Fault::Unreachable, Fallback::ValidEntry { until }) => {
                let urgent = (until.since(self.at) / 8).max(SHORTEST_WAIT);
                Some(self.next_try.min(self.at.plus(urgent)))
            }
            (Fault::Unreachable, Fallback::Nothing)
            | (Fault::Bug | Fault::Identity | Fault::Local | Fault::Usage, _) => None,
        }
    }

    fn encode(&self) -> Option<Vec<u8>> {
        let Self { report, at, certificate_sha256, count, next_try, attempt } = self;
        let FailureReport { wanted, id, fault, code, text, facts, hint } = report;
        let mut writer = Writer::new(VERSION, 0);
        writer.number(*attempt);
        writer.time(*at);
        writer.octets(certificate_sha256);
        writer.number(u64::from(*count));
        writer.time(*next_try);
        writer.octets(&[fault_octet(*fault)]);
        writer.text(&cut(wanted));
        writer.text(&cut(id));
        writer.optional_text(code.as_deref().map(cut).as_deref());
        writer.text(&cut(text));
        writer.optional_text(hint.as_deref().map(cut).as_deref());
        for (name, value) in facts.iter().take(MOST_FACTS) {
            writer.optional_text(Some(&cut(name)));
            writer.text(&cut(value));
        }
        writer.optional_text(None);
        writer.finish().map(|bytes| bytes.to_vec())
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader::new(bytes, VERSION)?;
        let attempt = reader.number()?;
        let at = reader.time()?;
        let certificate_sha256 = reader.octets()?;
        let count = u32::try_from(reader.number()?).ok()?;
        let next_try = reader.time()?;
        let [fault] = reader.octets()?;
        let fault = ALL_FAULTS.into_iter().find(|candidate| fault_octet(*candidate) == fault)?;
        let wanted = reader.text()?;
        let id = reader.text()?;
        let code = reader.optional_text()?;
        let text = reader.text()?;
        let hint = reader.optional_text()?;
        let mut facts = Vec::new();
        while let Some(name) = reader.optional_text()? {
            facts.push((name, reader.text()?));
        }
        reader.finish()?;
        Some(Self {
            report: FailureReport { wanted, id, fault, code, text, facts, hint },
            at,
            certificate_sha256,
            count,
            next_try,
            attempt,
        })
    }

    /// For `tests/fuzz`: decodes a failure and encodes it again.
    #[cfg(fuzzing)]
    pub fn rewritten(bytes: &[u8]) -> Option<Vec<u8>> {
        Self::decode(bytes)?.encode()
    }
}

/// The last failures of one namespace.
#[derive(Clone, Debug)]
pub struct Failures {
    folder: Arc<StateFolder>,
    namespace: Namespace,
}

impl Failures {
    /// Stores failures in the state folder.
    pub const fn new(folder: Arc<StateFolder>, namespace: Namespace) -> Self {
        Self { folder, namespace }
    }

    /// Returns the last failure of a key, unless a success followed it.
    pub fn last(&self, key: &CacheKey) -> Option<Failure> {
        self.folder.read(&self.name(key), LONGEST).and_then(|bytes| Failure::decode(&bytes))
    }

    /// Records a failure. To be called by the holder of the key's lock before it releases the lock.
    ///
    /// # Errors
    ///
    /// Fails if it cannot be written; it is then not shared.
    pub fn note(
        &self,
        key: &CacheKey,
        report: FailureReport,
        certificate_sha256: [u8; 32],
        now: Timestamp,
    ) -> Result<Failure, CacheError> {
        let name = self.name(key);
        let failed = |source| CacheError::File { path: self.folder.path().join(&name), source };
        let mut random = [0; 9];
        aws_lc_rs::rand::fill(&mut random)
            .map_err(|_| failed(std::io::Error::other("the system gives no random numbers")))?;
        let [jitter, attempt @ ..] = random;
        let before = self.last(key).filter(|last| {
            last.report.fault == report.fault && last.certificate_sha256 == certificate_sha256
        });
        let count = before.map_or(1, |last| last.count.saturating_add(1));
        let next_try = now.plus(wait_after(report.fault, count, jitter));
        let attempt = u64::from_be_bytes(attempt);
        let failure = Failure { report, at: now, certificate_sha256, count, next_try, attempt };
        let bytes = failure
            .encode()
            .ok_or_else(|| failed(std::io::Error::other("the failure's texts are too long to keep")))?;
        self.folder.replace(&name, &bytes).map_err(failed)?;
        sweep(&self.folder, &name, now);
        Ok(failure)
    }

    /// Removes the records of the first version by their names: they could hold text that must not be stored.
    pub fn remove_older(&self) {
        let names = self.folder.names().unwrap_or_default();
        for name in names.iter().filter(|name| name.ends_with(FIRST_SUFFIX)) {
            // What cannot be removed is tried again by the next call that asks AWS.
            let _ = self.folder.remove(name);
        }
    }

    /// Removes the last failure, because a success followed it.
    ///
    /// # Errors
    ///
    /// Fails if the record cannot be removed.
    pub fn forget(&self, key: &CacheKey) -> Result<(), CacheError> {
        let name = self.name(key);
        self.folder
            .remove(&name)
            .map_err(|source| CacheError::File { path: self.folder.path().join(&name), source })
    }

    /// Returns the last failure of every key that has one, in no particular order.
    pub fn list(&self) -> Vec<(CacheKey, Failure)> {
        self.remove_older();
        let prefix = format!("{}.", self.namespace.as_str());
        let names = self.folder.names().unwrap_or_default();
        let keys = names
            .iter()
            .filter_map(|name| name.strip_prefix(&prefix)?.strip_suffix(SUFFIX)?.parse::<CacheKey>().ok());
        keys.filter_map(|key| self.last(&key).map(|failure| (key, failure))).collect()
    }

    fn name(&self, key: &CacheKey) -> String {
        format!("{}.{key}{SUFFIX}", self.namespace.as_str())
    }
}

const ALL_FAULTS: [Fault; 6] =
    [Fault::Bug, Fault::Identity, Fault::Local, Fault::Refused, Fault::Unreachable, Fault::Usage];

const fn fault_octet(fault: Fault) -> u8 {
    match fault {
        Fault::Bug => 0,
        Fault::Identity => 1,
        Fault::Local => 2,
        Fault::Refused => 3,
        Fault::Unreachable => 4,
        Fault::Usage => 5,
    }
}

fn cut(text: &str) -> Cow<'_, str> {
    if text.len() <= LONGEST_TEXT {
        return Cow::Borrowed(text);
    }
    Cow::Owned(format!("{}…", &text[..text.floor_char_boundary(LONGEST_TEXT - '…'.len_utf8())]))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A record too long to be read would count as none, and the next call would ask AWS at once.
    #[test]
    fn the_longest_failure_is_kept_and_says_that_it_was_cut() {
        let long = "é".repeat(5000);
        let report = FailureReport {
            wanted: long.clone(),
            id: long.clone(),
            fault: Fault::Refused,
            code: Some(long.clone()),
            text: long.clone(),
            facts: vec![(long.clone(), long.clone()); 9],
            hint: Some(long),
        };
        let now = Timestamp::from_unix_seconds(1_800_000_000);
        let failure = Failure {
            report,
            at: now,
            certificate_sha256: [1; 32],
            count: 1,
            next_try: now.plus(SHORTEST_WAIT),
            attempt: 1,
        };
        let bytes = failure.encode().expect("a record");
        assert!(bytes.len() <= LONGEST, "{}", bytes.len());
        let read = Failure::decode(&bytes).expect("it can be read").report;
        assert_eq!(read.facts.len(), MOST_FACTS);
        assert!(read.text.len() <= LONGEST_TEXT && read.text.ends_with("é…"), "{}", read.text.len());
    }
}
