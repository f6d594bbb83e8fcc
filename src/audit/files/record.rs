//! What the threads found, kept in one place, and made into a report at the end.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::allow::{AllowList, Allowance};
use super::key_id::{Judgement, Key};
use super::look::Sighting;
use super::progress::Progress;
use super::report::{Audience, Finding, GitPlace, LeftOut, PassedOver, ProcessPlace, Report, Severity};
use super::{holder, readers};
use crate::clock::Timestamp;
use crate::text::printable;

/// How many findings are kept; more of them are counted.
const MOST_FINDINGS: usize = 20_000;
/// How many examples of what was left out or passed over are kept.
const MOST_EXAMPLES: usize = 10;
/// The longest life of a session: 36 hours of GetSessionToken and GetFederationToken.
const LONGEST_SESSION: Duration = Duration::from_secs(36 * 3600);

/// Where a text is from.
#[derive(Clone, Debug, Default)]
pub(super) struct Source {
    /// The file, or the repository's folder.
    pub(super) path: PathBuf,
    /// The member of an archive, outermost first.
    pub(super) members: Vec<String>,
    /// The object of a history.
    pub(super) object: Option<String>,
    /// A process, by number and name.
    pub(super) process: Option<(u32, String)>,
}

impl Source {
    /// Returns the source of a file.
    pub(super) fn file(path: &Path) -> Self {
        Self { path: path.to_owned(), ..Self::default() }
    }

    /// Returns the source of a member of this one.
    pub(super) fn member(&self, name: &str) -> Self {
        let mut members = self.members.clone();
        members.push(name.to_owned());
        Self { members, ..self.clone() }
    }

    /// Returns the name by which the format of the text is known.
    pub(super) fn name(&self) -> String {
        match self.members.last() {
            Some(member) => member.clone(),
            None => self.path.to_string_lossy().into_owned(),
        }
    }
}

/// What makes two sightings one finding.
#[derive(PartialEq, Eq, Hash)]
struct Identity {
    id: String,
    path: PathBuf,
    within: String,
}

#[derive(Default)]
struct State {
    findings: Vec<Finding>,
    known: HashMap<Identity, usize>,
    passed_over: BTreeMap<String, PassedOver>,
    left_out: BTreeMap<&'static str, LeftOut>,
    could_not_look: BTreeMap<String, LeftOut>,
}

/// Everything that is found and left out.
pub(super) struct Record<'a> {
    allow: &'a AllowList,
    started_at: Timestamp,
    state: Mutex<State>,
}

impl<'a> Record<'a> {
    pub(super) fn new(allow: &'a AllowList, started_at: Timestamp) -> Self {
        Self { allow, started_at, state: Mutex::default() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Every change is whole when the lock is given back.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes something that was not looked at, with an example.
    pub(super) fn leave_out(&self, reason: &'static str, path: &Path) {
        let mut state = self.state();
        let entry = state.left_out.entry(reason).or_insert_with(|| LeftOut::new(reason));
        entry.add(|| shown(path));
    }

    /// Notes something that was asked for and could not be looked at.
    pub(super) fn could_not_look(&self, reason: &str, path: &Path) {
        let mut state = self.state();
        let entry = state.could_not_look.entry(reason.to_owned()).or_insert_with(|| LeftOut::new(reason));
        entry.add(|| shown(path));
    }

    /// Notes what was seen in a text, in which it stands on that line. Returns whether it is a new finding.
    pub(super) fn saw(&self, source: &Source, line: u64, sighting: Sighting) -> bool {
        let Sighting { judgement, place, secret_beside, allowance, at: _ } = sighting;
        let path = source.path.to_string_lossy();
        let key = match judgement {
            Judgement::Passed(id, reason) => {
                self.pass_over(reason.to_owned(), &id, source, line);
                return false;
            }
            Judgement::Key(key) => key,
        };
        let by_list = || self.allow.allowance(&key.id, key.account.as_deref(), &path, self.started_at);
        let allowance = allowance.or_else(by_list);
        if let Some(allowance) = allowance.filter(|allowance| allowance.holds(self.started_at)) {
            let reason = match allowance.until {
                Some(until) => format!("allowed until {}", &until.to_string()[..10]),
                None => String::from("allowed without an end"),
            };
            self.pass_over(reason, &key.id, source, line);
            return false;
        }
        self.find(source, line, &key, place, secret_beside, allowance)
    }

    fn pass_over(&self, reason: String, id: &str, source: &Source, line: u64) {
        let mut state = self.state();
        let entry = state.passed_over.entry(reason.clone());
        let entry = entry.or_insert_with(|| PassedOver { reason, count: 0, examples: Vec::new() });
        entry.count += 1;
        if entry.examples.len() < MOST_EXAMPLES {
            entry.examples.push(format!("{id} {}:{line}", shown(&source.path)));
        }
    }

    fn find(
        &self,
        source: &Source,
        line: u64,
        key: &Key,
        place: Option<String>,
        secret_beside: bool,
        ended: Option<Allowance>,
    ) -> bool {
        let identity = match &source.process {
            // Children have what their parents had: one finding for all of that name.
            Some((_, name)) => Identity {
                id: key.id.clone(),
                path: PathBuf::from("/proc"),
                within: format!("{name}\0{}", place.as_deref().unwrap_or_default()),
            },
            None => Identity {
                id: key.id.clone(),
                path: source.path.clone(),
                within: format!(
                    "{}\0{}",
                    source.members.join("\0"),
                    source.object.as_deref().unwrap_or_default()
                ),
            },
        };
        let mut state = self.state();
        if let Some(known) = state.known.get(&identity).copied() {
            let finding = &mut state.findings[known];
            if let Some(process) = &mut finding.process {
                process.processes += 1;
            } else {
                finding.occurrences += 1;
            }
            // The place with the secret is the one to go to.
            if secret_beside && !finding.secret_beside {
                finding.secret_beside = true;
                finding.line = line;
                finding.place = place;
            }
            return false;
        }
        if state.findings.len() >= MOST_FINDINGS {
            drop(state);
            self.leave_out("findings beyond the first 20,000", &source.path);
            return false;
        }
        let finding = self.finding(source, line, key, place, secret_beside, ended);
        let number = state.findings.len();
        state.findings.push(finding);
        state.known.insert(identity, number);
        true
    }

    fn finding(
        &self,
        source: &Source,
        line: u64,
        key: &Key,
        place: Option<String>,
        secret_beside: bool,
        ended: Option<Allowance>,
    ) -> Finding {
        let readers = readers::of(&source.path);
        let path = source.path.to_string_lossy().into_owned();
        let inner = source.members.last().map_or_else(|| path.clone(), |member| format!("/{member}"));
        let process = source.process.clone();
        Finding {
            rule: key.kind.rule().to_owned(),
            severity: self.severity(key, secret_beside, &readers),
            access_key_id: key.id.clone(),
            kind: key.kind,
            account: key.account.clone(),
            line,
            member: (!source.members.is_empty()).then(|| source.members.join(" > ")),
            place,
            holder: if process.is_some() { Some("process") } else { holder::of(&inner) }.map(str::to_owned),
            path,
            secret_beside,
            occurrences: 1,
            owner: readers.owner,
            group: readers.group,
            mode: readers.mode,
            readable_by: readers.audience,
            modified_at: readers.modified.map(|time| Timestamp::from_unix_seconds(time).to_string()),
            git: source.object.clone().map(|object| GitPlace { object, commit: None, file: None }),
            process: process.map(|(pid, name)| ProcessPlace { pid, name, processes: 1 }),
            allowed_until: ended.and_then(|ended| ended.until).map(|until| until.to_string()),
        }
    }

    fn severity(&self, key: &Key, secret_beside: bool, readers: &readers::Readers) -> Severity {
        if key.kind.is_temporary() {
            let written = readers.modified.map_or(self.started_at, Timestamp::from_unix_seconds);
            let may_live = self.started_at.since(written) < LONGEST_SESSION;
            return if may_live && secret_beside { Severity::Medium } else { Severity::Low };
        }
        match (secret_beside, readers.audience) {
            (true, Audience::Group | Audience::Everyone) => Severity::Critical,
            (true, Audience::Owner | Audience::Unknown) => Severity::High,
            (false, _) => Severity::Medium,
        }
    }

    /// Returns the objects of a repository in which something was found.
    pub(super) fn objects_of(&self, repository: &Path) -> Vec<String> {
        let path = repository.to_string_lossy();
        let state = self.state();
        let found = state.findings.iter().filter(|finding| finding.path == path);
        found.filter_map(|finding| finding.git.as_ref().map(|git| git.object.clone())).collect()
    }

    /// Names the commit and the file of an object.
    pub(super) fn name_object(&self, repository: &Path, object: &str, commit: &str, file: Option<&str>) {
        let path = repository.to_string_lossy();
        let mut state = self.state();
        for finding in state.findings.iter_mut().filter(|finding| finding.path == path) {
            if let Some(git) = finding.git.as_mut().filter(|git| git.object == object) {
                git.commit = Some(commit.to_owned());
                git.file = file.map(str::to_owned);
                finding.holder = file.and_then(|file| holder::of(&format!("/{file}"))).map(str::to_owned);
            }
        }
    }

    /// Returns everything, the worst first.
    pub(super) fn into_report(self, roots: &[&Path], by_default: bool, progress: &Progress) -> Report {
        let state = self.state.into_inner().unwrap_or_else(PoisonError::into_inner);
        let mut findings = state.findings;
        findings.sort_by(|a, b| {
            let order =
                |finding: &Finding| (std::cmp::Reverse(finding.severity), finding.path.clone(), finding.line);
            order(a).cmp(&order(b)).then_with(|| a.access_key_id.cmp(&b.access_key_id))
        });
        Report {
            host: host(),
            started_at: self.started_at.to_string(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            as_root: is_root(),
            by_default,
            roots: roots.iter().map(|root| root.to_string_lossy().into_owned()).collect(),
            looked_at: progress.looked_at(),
            could_not_look: state.could_not_look.into_values().collect(),
            left_out: state.left_out.into_values().collect(),
            passed_over: state.passed_over.into_values().collect(),
            in_baseline: None,
            gone_from_baseline: None,
            findings,
        }
    }
}

impl LeftOut {
    fn new(reason: &str) -> Self {
        Self { reason: reason.to_owned(), count: 0, examples: Vec::new() }
    }

    fn add(&mut self, example: impl FnOnce() -> String) {
        self.count += 1;
        if self.examples.len() < MOST_EXAMPLES {
            self.examples.push(example());
        }
    }
}

fn shown(path: &Path) -> String {
    printable(&path.to_string_lossy())
}

#[cfg(unix)]
pub(super) fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

#[cfg(not(unix))]
pub(super) fn is_root() -> bool {
    false
}

/// Returns this host's name.
#[cfg(unix)]
pub fn host() -> String {
    printable(&rustix::system::uname().nodename().to_string_lossy())
}

/// Returns this host's name.
#[cfg(not(unix))]
pub fn host() -> String {
    let name = crate::env::Environment::process().var("COMPUTERNAME").ok().flatten();
    printable(&name.unwrap_or_default())
}
