//! One call of a provider: the cache lookup, the single flight, the back-off, and the fallback if a new session fails.

use std::time::{Duration, Instant};

use super::{
    Coordination, CreateError, MinimumRemaining, Provider, ProviderError, SLACK, SessionSource, SessionSpec,
};
use crate::cache::calls::Outcome;
use crate::cache::failure::{Failure, FailureReport, Fallback};
use crate::cache::freshness::Freshness;
use crate::cache::lock::{Lock, SingleFlight};
use crate::cache::{CacheEntry, CacheKey, CredentialCache};
use crate::clock::{Timestamp, describe_seconds};
use crate::diagnostic::Fault;
use crate::identity::CertificateBytes;
use crate::session::SessionError;
use crate::sts::StsError;
use crate::trace;

/// How long to try for a new session while the last good one still works: somebody is waiting who could have an answer
/// at once.
const LONGEST_REFRESH: Duration = Duration::from_secs(5);

pub(super) struct Attempt<'a, M> {
    provider: &'a Provider<M>,
    cache: &'a dyn CredentialCache,
    key: CacheKey,
    certificate: &'a CertificateBytes,
    minimum: MinimumRemaining,
    deadline: Duration,
    begun: Instant,
    begun_at: Timestamp,
}

/// What the cache holds.
pub(super) enum Lookup {
    /// A session that answers the call.
    Fresh(CacheEntry),
    /// No session that works.
    Miss,
    /// A session that works but is due for renewal.
    Stale(CacheEntry),
}

impl Lookup {
    pub(super) const fn is_fresh(&self) -> bool {
        matches!(self, Self::Fresh(_))
    }
}

impl<'a, M: SessionSource> Attempt<'a, M> {
    pub(super) fn new(
        provider: &'a Provider<M>,
        cache: &'a dyn CredentialCache,
        key: CacheKey,
        certificate: &'a CertificateBytes,
        minimum: MinimumRemaining,
        deadline: Duration,
    ) -> Self {
        let (begun, begun_at) = (Instant::now(), provider.clock.now());
        Self { provider, cache, key, certificate, minimum, deadline, begun, begun_at }
    }

    /// Returns the answer, given what the cache holds. `coordinate` opens the state folder, and is called only if the
    /// cache has no answer.
    pub(super) fn finish(
        self,
        found: Lookup,
        coordinate: impl FnOnce() -> Option<Coordination>,
    ) -> Result<CacheEntry, ProviderError> {
        let last_good = match found {
            Lookup::Fresh(entry) => return Ok(entry),
            Lookup::Miss => None,
            Lookup::Stale(entry) => Some(entry),
        };
        let coordination = coordinate();
        trace::step(|| match (&coordination, &last_good) {
            (None, _) => String::from("no state folder can be used: nothing is shared with other processes"),
            (Some(_), None) => String::from("no session is kept that works: a new one is needed"),
            (Some(_), Some(entry)) => {
                format!("the session that is kept works until {}, and is to be renewed", entry.usable_until)
            }
        });
        match last_good {
            None => self.obtain(coordination.as_ref()),
            // The entry ends before a refresh would give up, so it is no fallback.
            Some(entry) if entry.remaining(self.now()) <= LONGEST_REFRESH => {
                let made = self.obtain(coordination.as_ref());
                made.or_else(|error| if entry.usable_until > self.now() { Ok(entry) } else { Err(error) })
            }
            Some(entry) => Ok(self.refresh(coordination.as_ref(), entry)),
        }
    }

    /// Returns the entry, if it still works.
    pub(super) fn usable_entry(&self) -> Option<CacheEntry> {
        match self.lookup() {
            Lookup::Fresh(entry) | Lookup::Stale(entry) => Some(entry),
            Lookup::Miss => None,
        }
    }

    /// Asks the cache. A cache that cannot be asked counts as a miss.
    pub(super) fn lookup(&self) -> Lookup {
        let Ok(Some(entry)) = self.cache.get(&self.key) else { return Lookup::Miss };
        let is_of_this_certificate = entry.certificate_sha256 == *self.certificate.sha256();
        match entry.freshness(self.now(), self.minimum.of(entry.lifetime())) {
            Freshness::Expired => Lookup::Miss,
            Freshness::Fresh if is_of_this_certificate => Lookup::Fresh(entry),
            // The bytes differ: either the same identity's certificate was renewed, or this is another identity's
            // session.
            Freshness::Fresh | Freshness::Stale if is_of_this_certificate || self.is_renewal_of(&entry) => {
                Lookup::Stale(entry)
            }
            Freshness::Fresh | Freshness::Stale => Lookup::Miss,
        }
    }

    /// Returns whether the certificate is a renewal of the one that the entry was created with.
    fn is_renewal_of(&self, entry: &CacheEntry) -> bool {
        self.provider.source.holds(self.certificate, &entry.subject_name, &entry.issuer_name)
    }

    /// Tries for a new session if nobody else does; `last_good` is the answer if that fails.
    fn refresh(&self, coordination: Option<&Coordination>, last_good: CacheEntry) -> CacheEntry {
        let _lock = match coordination.map(|coordination| coordination.locks.try_acquire(&self.key)) {
            Some(Ok(None)) => return last_good,
            Some(Ok(Some(lock))) => Some(lock),
            Some(Err(_)) | None => None,
        };
        // Somebody may have succeeded or failed between the first lookup and the lock.
        let last_good = match self.lookup() {
            Lookup::Fresh(entry) => return entry,
            Lookup::Stale(entry) => entry,
            Lookup::Miss => last_good,
        };
        let fallback = Fallback::ValidEntry { until: last_good.usable_until };
        if self.backoff(coordination, fallback).is_some() {
            return last_good;
        }
        let longest = match self.minimum {
            // Stop while enough of the session is left for another try.
            MinimumRemaining::Background => {
                self.deadline.min((last_good.remaining(self.now()) / 4).max(LONGEST_REFRESH))
            }
            MinimumRemaining::AtLeast(_)
            | MinimumRemaining::Covering(_)
            | MinimumRemaining::Half
            | MinimumRemaining::Window => LONGEST_REFRESH.min(self.deadline),
        };
        self.create(coordination, longest, longest).unwrap_or(last_good)
    }

    /// Returns a new session, created by this process or by the one it waits for.
    fn obtain(&self, coordination: Option<&Coordination>) -> Result<CacheEntry, ProviderError> {
        self.refuse_during_backoff(coordination)?;
        let _lock = self.lead(coordination)?;
        match self.lookup() {
            Lookup::Fresh(entry) => return Ok(entry),
            // Newer than this call, yet too short for its consumer: there is no longer one.
            Lookup::Stale(entry) if entry.created_at >= self.begun_at => return Ok(entry),
            Lookup::Miss | Lookup::Stale(_) => {}
        }
        self.refuse_during_backoff(coordination)?;
        let left = self.left();
        if left.is_zero() {
            return Err(self.busy());
        }
        Ok(self.create(coordination, left, self.deadline)?)
    }

    /// Waits for the lock; `None` if there can be no lock.
    fn lead(&self, coordination: Option<&Coordination>) -> Result<Option<Lock>, ProviderError> {
        let Some(Coordination { locks, failures, calls: _ }) = coordination else { return Ok(None) };
        let turn = locks.acquire(&self.key, self.left(), failures);
        trace::step(|| match &turn {
            Ok(SingleFlight::Failed(_)) => String::from("lock: another process tried meanwhile, and failed"),
            Ok(SingleFlight::Leads(_)) => String::from("lock: taken"),
            Ok(SingleFlight::TimedOut) => {
                String::from("lock: another process holds it, and has not finished")
            }
            Err(error) => format!("lock: there can be none: {error}"),
        });
        match turn {
            Ok(SingleFlight::Failed(failure)) => Err(ProviderError::Shared { failure }),
            Ok(SingleFlight::Leads(lock)) => Ok(Some(lock)),
            Ok(SingleFlight::TimedOut) => Err(self.busy()),
            Err(_) => Ok(None),
        }
    }

    /// Creates a session in at most `longest`; a success is stored and a failure recorded before the lock is released.
    ///
    /// If time runs out, the error names `reported`: the limit that the user knows, which includes waiting.
    fn create(
        &self,
        coordination: Option<&Coordination>,
        longest: Duration,
        reported: Duration,
    ) -> Result<CacheEntry, CreateError> {
        let Provider { spec, source, .. } = self.provider;
        let made = source.create(spec, self.certificate, self.minimum, longest);
        let made = made.map_err(|error| match error {
            CreateError::Session(SessionError::NoAnswer(error)) => {
                CreateError::Session(error.within(reported).into())
            }
            CreateError::Sts(StsError::NoAnswer(error)) => CreateError::Sts(error.within(reported).into()),
            error @ (CreateError::FirstHop(_)
            | CreateError::Identity(_)
            | CreateError::Refused { .. }
            | CreateError::Runtime(_)
            | CreateError::Session(_)
            | CreateError::Sts(_)) => error,
        });
        let now = self.now();
        // What cannot be stored, recorded or removed costs others a call; it does not affect this one.
        match made {
            Ok(new) => {
                let entry = new.into_entry(spec, now);
                let granted = entry.lifetime();
                if let Some(requested) = spec.requested().filter(|requested| granted + SLACK < *requested) {
                    trace::step(|| {
                        let [granted, requested] =
                            [granted, requested].map(|length| describe_seconds(length.as_secs()));
                        format!("granted {granted} of the {requested} asked for")
                    });
                }
                if entry.usable_until > now {
                    let _ = self.cache.put(&self.key, &entry);
                }
                if let Some(coordination) = coordination {
                    let _ = coordination.failures.forget(&self.key);
                    coordination.calls.count(&self.key, Outcome::Granted, now);
                }
                Ok(entry)
            }
            Err(error) => {
                if let Some(coordination) = coordination {
                    let sha256 = *self.certificate.sha256();
                    let report = report(&error, &self.provider.spec);
                    let outcome = match report.fault {
                        Fault::Refused => Some(Outcome::Refused),
                        Fault::Unreachable => Some(Outcome::Unreachable),
                        // Nobody was asked.
                        Fault::Bug | Fault::Identity | Fault::Local | Fault::Usage => None,
                    };
                    let _ = coordination.failures.note(&self.key, report, sha256, now);
                    if let Some(outcome) = outcome {
                        coordination.calls.count(&self.key, outcome, now);
                    }
                }
                Err(error)
            }
        }
    }

    fn refuse_during_backoff(&self, coordination: Option<&Coordination>) -> Result<(), ProviderError> {
        match self.backoff(coordination, Fallback::Nothing) {
            None => Ok(()),
            Some(failure) => Err(ProviderError::BackingOff { failure: Box::new(failure), now: self.now() }),
        }
    }

    /// Returns the failure that requires back-off, if any.
    fn backoff(&self, coordination: Option<&Coordination>, fallback: Fallback) -> Option<Failure> {
        let last = coordination?.failures.last(&self.key)?;
        let requires_backoff = last.requires_backoff(self.certificate.sha256(), self.now(), fallback);
        trace::step(|| {
            let verdict =
                if requires_backoff { "no new try before" } else { "a new try is allowed; it said" };
            format!(
                "the last try failed with [{}] at {}: {verdict} {}",
                last.report.id, last.at, last.next_try
            )
        });
        requires_backoff.then_some(last)
    }

    fn busy(&self) -> ProviderError {
        ProviderError::Busy { after: self.deadline }
    }

    fn left(&self) -> Duration {
        self.deadline.saturating_sub(self.begun.elapsed())
    }

    fn now(&self) -> Timestamp {
        self.provider.clock.now()
    }
}

/// Returns what other processes need to know about a failure.
///
/// Throttling and service errors are answers from AWS, but say nothing against this identity, so the next try need not
/// wait as long as after a refusal.
fn report(error: &CreateError, spec: &SessionSpec) -> FailureReport {
    let report = FailureReport::of(error, &spec.title());
    let code = error.code().map(str::to_owned);
    let fault = if error.is_transient() { Fault::Unreachable } else { report.fault };
    FailureReport { fault, code, ..report }
}
