//! `cache list` and `cache clear`: what is stored for later runs, without its secrets.

use std::fmt::Write as _;
use std::sync::Arc;

use serde::Serialize;

use super::args::{Needs, Spec, Words};
use super::keeping::Keeping;
use super::report::Failure;
use super::settings::table::{Group, Kind, Setting};
use super::{CalledAs, Invocation, output, provider};
use crate::cache::choice::CacheChoice;
use crate::cache::failure::{self, Failures};
use crate::cache::state_folder::StateLocation;
use crate::cache::{Cache, CacheKey, CredentialCache as _, EntrySummary, Namespace, StoreKind};
use crate::clock::{Clock as _, SystemClock, Timestamp};
use crate::diagnostic::{Diagnostic, Fact, Fault};
use crate::text::{printable, quoted};

const JSON: Setting = Setting::flag("json", Kind::Boolean, "print JSON");
const ALL: Setting = Setting::flag("all", Kind::Boolean, "every session of this user, not of one name");

/// `anyrole cache list`.
pub(super) const LIST: Spec = Spec {
    name: "cache list",
    about: "Lists the sessions that are kept for later runs, without their secrets.",
    words: Words::None,
    groups: &[Group::Cache, Group::Program],
    flags: &[JSON],
    more: "\
A session in a file can only be opened with its private key, so its role is not shown here: see
anyrole status NAME.
",
    needs: Needs::Everything,
    run: list,
};

/// `anyrole cache clear`.
pub(super) const CLEAR: Spec = Spec {
    name: "cache clear",
    about: "Forgets sessions, so that the next run asks AWS. The credentials stay valid until they expire.",
    words: Words::Session,
    groups: Group::ALL,
    flags: &[ALL],
    more: "\
NAME is a [session.NAME] of the config file. Without it the flags, variables and [defaults] count.
",
    needs: Needs::Everything,
    run: clear,
};

/// The parts of a failure that may be shown, in JSON.
#[derive(Serialize)]
pub(super) struct FailureDocument<'a> {
    wanted: &'a str,
    id: &'a str,
    code: Option<&'a str>,
    text: &'a str,
    facts: Vec<(&'a str, &'a str)>,
    at: String,
    count: u32,
    next_try: String,
}

impl<'a> FailureDocument<'a> {
    pub(super) fn of(failure: &'a failure::Failure) -> Self {
        let failure::FailureReport { wanted, id, fault: _, code, text, facts, hint: _ } = &failure.report;
        Self {
            wanted,
            id,
            code: code.as_deref(),
            text,
            facts: facts.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect(),
            at: failure.at.to_string(),
            count: failure.count,
            next_try: failure.next_try.to_string(),
        }
    }
}

/// Describes in one line what failed and when.
pub(super) fn failure_line(failure: &failure::Failure, now: Timestamp) -> String {
    let failure::Failure { report, at, next_try, .. } = failure;
    let mut line = format!("{} [{}], at {at}, {}", printable(&report.text), report.id, at.distance_from(now));
    if *next_try > now {
        let _ = write!(line, "; next try {}", next_try.distance_from(now));
    }
    line
}

#[derive(Serialize)]
struct EntryDocument<'a> {
    key: String,
    store: &'static str,
    expiration: String,
    role_arn: Option<&'a str>,
    scope: Option<&'a str>,
    access_key_id: Option<&'a str>,
    created_at: Option<String>,
    subject_name: Option<&'a str>,
    issuer_name: Option<&'a str>,
    trust_anchor_arn: Option<&'a str>,
    profile_arn: Option<&'a str>,
    endpoint: Option<&'a str>,
}

impl<'a> EntryDocument<'a> {
    fn of(entry: &'a EntrySummary) -> Self {
        let facts = entry.facts.as_ref();
        Self {
            key: entry.key.to_string(),
            store: entry.store.as_str(),
            expiration: entry.expiration.to_string(),
            role_arn: facts.map(|facts| facts.role_arn.arn().as_str()),
            scope: facts.and_then(|facts| facts.scope.as_deref()),
            access_key_id: facts.map(|facts| facts.access_key_id.as_str()),
            created_at: facts.map(|facts| facts.created_at.to_string()),
            subject_name: facts.map(|facts| facts.subject_name.as_str()),
            issuer_name: facts.map(|facts| facts.issuer_name.as_str()),
            trust_anchor_arn: facts.map(|facts| facts.trust_anchor_arn.arn().as_str()),
            profile_arn: facts.map(|facts| facts.profile_arn.arn().as_str()),
            endpoint: facts.map(|facts| facts.endpoint.as_str()),
        }
    }
}

#[derive(Serialize)]
struct ListDocument<'a> {
    new_sessions: Keeping,
    entries: Vec<EntryDocument<'a>>,
    failures: Vec<KeyedFailure<'a>>,
}

#[derive(Serialize)]
struct KeyedFailure<'a> {
    key: String,
    #[serde(flatten)]
    failure: FailureDocument<'a>,
}

/// Everything stored for this user in this namespace.
struct Kept {
    cache: Cache,
    location: StateLocation,
    namespace: Namespace,
    /// `None` if the state folder cannot be used; then no failure was recorded there.
    failures: Option<Failures>,
}

impl Kept {
    fn open(invocation: &Invocation<'_>) -> Result<Self, Failure> {
        let choice = match invocation.settings()?.cache()? {
            // Without a cache, credentials are only created; here that would list nothing.
            CacheChoice::None => CacheChoice::Auto,
            choice @ (CacheChoice::Auto | CacheChoice::File | CacheChoice::Keyring) => choice,
        };
        let namespace = Namespace::from_environment(invocation.env)?;
        let location = StateLocation::resolve(invocation.env)?;
        let failures = location.open().ok().map(|folder| Failures::new(Arc::new(folder), namespace.clone()));
        let cache = Cache::new(choice, namespace.clone(), location.clone(), Box::new(|| None));
        Ok(Self { cache, location, namespace, failures })
    }

    /// Finds where a new session would be stored, whatever its private key.
    fn keeping(&self) -> Keeping {
        Keeping::find(self.cache.choice(), self.namespace.clone(), Ok(self.location.clone()), None)
    }

    /// Returns what is stored, the last to expire first.
    fn entries(&self) -> Result<Vec<EntrySummary>, Failure> {
        let mut entries = self.cache.list()?;
        entries.sort_by_key(|entry| (std::cmp::Reverse(entry.expiration), entry.key));
        Ok(entries)
    }

    fn failures(&self) -> Vec<(CacheKey, failure::Failure)> {
        let mut failures = self.failures.as_ref().map(Failures::list).unwrap_or_default();
        failures.sort_by_key(|(key, failure)| (std::cmp::Reverse(failure.at), *key));
        failures
    }
}

/// Prints what is stored, for `status` without a session; the answer is negative if a refresh failed.
pub(super) fn kept_as_status(invocation: &Invocation<'_>) -> Result<(), Failure> {
    let kept = Kept::open(invocation)?;
    list(invocation)?;
    if kept.failures().is_empty() { Ok(()) } else { Err(Failure::Negative) }
}

fn list(invocation: &Invocation<'_>) -> Result<(), Failure> {
    let kept = Kept::open(invocation)?;
    let (entries, failures) = (kept.entries()?, kept.failures());
    if invocation.has(&JSON) {
        let failures = failures
            .iter()
            .map(|(key, failure)| KeyedFailure {
                key: key.to_string(),
                failure: FailureDocument::of(failure),
            })
            .collect();
        let entries = entries.iter().map(EntryDocument::of).collect();
        return output::write_json(
            "cache-list",
            &ListDocument { new_sessions: kept.keeping(), entries, failures },
        )
        .map_err(Failure::output);
    }
    let text = render(&entries, &failures, SystemClock.now()) + &kept.keeping().render();
    output::write_lines(&text).map_err(Failure::output)
}

/// Explains why the facts of an entry are unknown.
const fn sealed_under(store: StoreKind) -> &'static str {
    match store {
        StoreKind::File => "sealed under its private key",
        StoreKind::CredentialManager
        | StoreKind::KernelKeyring
        | StoreKind::Keychain
        | StoreKind::SecretService => "sealed under the key of another state folder",
    }
}

fn render(entries: &[EntrySummary], failures: &[(CacheKey, failure::Failure)], now: Timestamp) -> String {
    let mut text = String::new();
    let failure_of = |key: &CacheKey| failures.iter().find(|(failed, _)| failed == key);
    // Writing to a String cannot fail.
    for entry in entries {
        let EntrySummary { key, store, expiration, facts } = entry;
        match facts {
            None => {
                let _ = writeln!(text, "session {key} ({})", sealed_under(*store));
            }
            Some(facts) => {
                let _ = writeln!(text, "{}", facts.role_arn);
                if let Some(scope) = &facts.scope {
                    let _ = writeln!(text, "  narrowed by: {}", printable(scope));
                }
                let _ = writeln!(text, "  access key: {}", printable(&facts.access_key_id));
                let (subject, issuer) = (quoted(&facts.subject_name), quoted(&facts.issuer_name));
                let _ = writeln!(text, "  certificate: subject {subject}, issuer {issuer}");
                let _ = writeln!(text, "  endpoint: {}", printable(&facts.endpoint));
            }
        }
        let _ = writeln!(text, "  expires: {expiration}, {}", expiration.distance_from(now));
        let _ = writeln!(text, "  kept in: {store}");
        if let Some((_, failure)) = failure_of(key) {
            let _ = writeln!(text, "  last failure: {}", failure_line(failure, now));
        }
    }
    for (key, failure) in failures {
        if entries.iter().all(|entry| entry.key != *key) {
            let _ = writeln!(text, "{} (none is kept)", printable(&failure.report.wanted));
            let _ = writeln!(text, "  session: {key}");
            let _ = writeln!(text, "  last failure: {}", failure_line(failure, now));
        }
    }
    if text.is_empty() {
        text.push_str("no session is kept\n");
    }
    text
}

/// It was not said which session to forget.
#[derive(Debug, thiserror::Error)]
#[error("no session to forget is named")]
pub(super) struct NotNamed {
    /// What is stored: roles, or keys if the role is sealed.
    kept: Vec<String>,
}

impl NotNamed {
    /// The ids of this error.
    pub(super) const IDS: &[&str] = &["cache-clear-what"];
}

impl Diagnostic for NotNamed {
    fn id(&self) -> &'static str {
        "cache-clear-what"
    }

    fn fault(&self) -> Fault {
        Fault::Usage
    }

    fn facts(&self) -> Vec<Fact> {
        self.kept.iter().map(|kept| Fact::new("kept", kept)).collect()
    }

    fn hint(&self) -> Option<String> {
        Some(String::from(
            "forget all with anyrole cache clear --all, or one by the flags that it was asked for with",
        ))
    }
}

/// If nothing is stored, there is nothing to forget.
fn nothing_named(kept: &Kept) -> Result<(), Failure> {
    let entries = kept.entries()?;
    let entry = |entry: &EntrySummary| match &entry.facts {
        None => format!("session {} ({})", entry.key, sealed_under(entry.store)),
        Some(facts) => facts.role_arn.to_string(),
    };
    let mut names: Vec<String> = entries.iter().map(entry).collect();
    let failures =
        kept.failures().into_iter().filter(|(key, _)| entries.iter().all(|entry| entry.key != *key));
    names.extend(failures.map(|(_, failure)| {
        format!("{}, which failed: [{}]", printable(&failure.report.wanted), failure.report.id)
    }));
    if names.is_empty() { Ok(()) } else { Err(NotNamed { kept: names }.into()) }
}

fn clear(invocation: &Invocation<'_>) -> Result<(), Failure> {
    if !invocation.has(&ALL) {
        let lenient = invocation.called_as == CalledAs::OfficialHelper;
        let settings = invocation.settings()?;
        if !settings.describe_a_session() {
            return nothing_named(&Kept::open(invocation)?);
        }
        let mut settings = settings.session(invocation.env, lenient)?;
        if settings.cache == CacheChoice::None {
            settings.cache = CacheChoice::Auto;
        }
        return Ok(provider::provider(settings, invocation.env)?.forget()?);
    }
    let kept = Kept::open(invocation)?;
    for entry in kept.entries()? {
        kept.cache.remove(&entry.key)?;
    }
    for (key, _) in kept.failures() {
        if let Some(failures) = &kept.failures {
            failures.forget(&key)?;
        }
    }
    Ok(())
}
