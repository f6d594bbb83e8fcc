//! Cached credentials if they are fresh enough, else a new session, shared by all processes of a user that need it.
//!
//! - A fresh entry is the answer: nothing is locked, opened, parsed or sent.
//! - Single flight: without a usable entry, the processes that need the same session wait for one lock. The first one
//!   creates the session, and the others find it in the cache. If the first fails, those who waited share its failure;
//!   if it is killed, the next one takes over at once. One deadline covers both waiting and calling.
//! - While an entry still works, nobody waits: one process tries briefly for a new session, and if it gets none, the
//!   entry is the answer.
//! - Back-off: after a failure nobody tries for a while.
//! - A store or a state folder that fails costs an extra call, never the answer.
//!
//! Everything here blocks; asynchronous callers run it on a thread.

mod attempt;
mod error;
mod hop;
mod retry_backoff;
mod session_spec;
mod source;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

pub use error::{ForgetError, IDS, ProviderError};
pub use hop::{ChainedSource, chained};
pub use retry_backoff::RetryBackoff;
pub use session_spec::{Hop, ScopedHop, SecondHop, SessionSpec};
pub use source::{
    Advice, CreateError, Explainer, NewSession, RolesAnywhereSource, SessionSource, file_key_lender,
};

use crate::cache::calls::{Calls, Counts};
use crate::cache::failure::{Failure, Failures};
use crate::cache::freshness::refresh_window;
use crate::cache::lock::Locks;
use crate::cache::state_folder::StateLocation;
use crate::cache::{CacheEntry, CredentialCache, Namespace, ServerVerification};
use crate::clock::Clock;
use attempt::Attempt;

/// The limit for waiting and calling together unless a setting says otherwise: less than the minute that the Go SDK
/// allows a `credential_process`.
pub const DEADLINE: Duration = Duration::from_secs(45);

/// How much shorter than requested a session may be and still count as what was asked for: requests take time, and
/// clocks differ a little.
pub const SLACK: Duration = Duration::from_secs(60);

/// How much of its lifetime a session must have left for its consumer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MinimumRemaining {
    /// Half of the lifetime, for renewal in the background: nobody waits, so a new session may take the whole deadline.
    Background,
    /// `max(half of the lifetime, this)`: for a consumer that will not ask again before then.
    AtLeast(Duration),
    /// The larger of [`Self::Window`] and this plus [`SLACK`], but no more than a new session can have: for a shorter
    /// session that is derived from this one.
    Covering(Duration),
    /// `min(20 minutes, half of the lifetime)`: for a consumer that asks each time it starts.
    Window,
    /// Half of the lifetime: for a server that refreshes ahead of its own clients.
    Half,
}

impl MinimumRemaining {
    /// Returns the minimum for a session of this lifetime.
    pub fn of(self, lifetime: Duration) -> Duration {
        match self {
            Self::AtLeast(duration) => duration.max(lifetime / 2),
            Self::Covering(duration) => {
                let covering = duration.saturating_add(SLACK).min(lifetime.saturating_sub(SLACK));
                covering.max(refresh_window(lifetime))
            }
            Self::Background | Self::Half => lifetime / 2,
            Self::Window => refresh_window(lifetime),
        }
    }
}

/// Who shares the sessions.
pub enum Sharing {
    /// Nobody: nothing is read, stored, locked or recorded. A success still clears a failure that other processes
    /// recorded.
    Alone {
        /// Where other processes of the user may be backing off after a failure of this session; `None` for nowhere.
        others: Option<(StateLocation, Namespace)>,
    },
    /// All processes of the user.
    User {
        /// Where sessions are stored.
        cache: Box<dyn CredentialCache>,
        /// Where the processes of the user coordinate.
        location: StateLocation,
        /// The part of the store and of the state folder that is used.
        namespace: Namespace,
    },
}

impl fmt::Debug for Sharing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Alone { others } => f.debug_struct("Alone").field("others", others).finish(),
            Self::User { cache: _, location, namespace } => f
                .debug_struct("User")
                .field("location", location)
                .field("namespace", namespace)
                .finish_non_exhaustive(),
        }
    }
}

/// Provides the credentials of one session.
#[derive(Debug)]
pub struct Provider<M> {
    spec: SessionSpec,
    source: M,
    sharing: Sharing,
    clock: Arc<dyn Clock>,
    deadline: Duration,
}

/// What this machine knows about a session.
#[derive(Debug)]
pub struct SessionStatus {
    /// The cached entry, if it still works.
    pub entry: Option<CacheEntry>,
    /// The last failure, unless a success followed it.
    pub failure: Option<Failure>,
    /// How often AWS was asked for it since this host was started, where that is known.
    pub calls: Option<Counts>,
}

impl<M: SessionSource> Provider<M> {
    /// Combines the session's specification, its source, and who shares it. Nothing is read.
    ///
    /// What comes from a server that was not verified is never shared, whatever `sharing` says.
    pub fn new(
        spec: SessionSpec,
        source: M,
        sharing: Sharing,
        clock: Arc<dyn Clock>,
        deadline: Duration,
    ) -> Self {
        let sharing = match spec.server_verification {
            ServerVerification::Off => Sharing::Alone { others: None },
            ServerVerification::On => sharing,
        };
        Self { spec, source, sharing, clock, deadline }
    }

    /// Returns the specification of the session.
    pub const fn spec(&self) -> &SessionSpec {
        &self.spec
    }

    /// Returns credentials with as much of their lifetime left as the consumer needs; if there can be no new session,
    /// those that still work.
    ///
    /// # Errors
    ///
    /// Fails if the certificate cannot be read, or if no credentials still work and no new session is available: this
    /// process tried and failed, another one did while this one waited, AWS refused a short time ago, or the deadline
    /// passed.
    pub fn session(&self, minimum: MinimumRemaining) -> Result<CacheEntry, ProviderError> {
        self.session_within(minimum, self.deadline)
    }

    /// Returns what [`Provider::session`] returns, in at most `deadline`.
    fn session_within(
        &self,
        minimum: MinimumRemaining,
        deadline: Duration,
    ) -> Result<CacheEntry, ProviderError> {
        let certificate = self.source.certificate(&self.spec)?;
        match &self.sharing {
            Sharing::Alone { others } => {
                let new = self.source.create(&self.spec, &certificate, minimum, deadline)?;
                if let Some((location, namespace)) = others {
                    let key = self.spec.key(namespace, &certificate);
                    for folder in location.existing() {
                        // A record that cannot be removed makes others wait for a while; it does not affect this call.
                        let _ = Failures::new(Arc::new(folder), namespace.clone()).forget(&key);
                    }
                }
                Ok(new.into_entry(&self.spec, self.clock.now()))
            }
            Sharing::User { cache, location, namespace } => {
                let attempt = |certificate| {
                    let key = self.spec.key(namespace, certificate);
                    Attempt::new(self, cache.as_ref(), key, certificate, minimum, deadline)
                };
                let coordinate = || Coordination::open(location, namespace);
                let first = attempt(&certificate);
                let found = first.lookup();
                if found.is_fresh() || certificate.is_whole() {
                    return first.finish(found, coordinate);
                }
                // A half-written file is not a different certificate. The bytes are examined only here, because a fresh
                // entry has answered already.
                let certificate = self.source.whole_certificate(&self.spec)?;
                let second = attempt(&certificate);
                let found = second.lookup();
                second.finish(found, coordinate)
            }
        }
    }

    /// Returns the same provider with its source boxed.
    pub fn boxed(self) -> Provider<Box<dyn SessionSource>>
    where
        M: 'static,
    {
        let Self { spec, source, sharing, clock, deadline } = self;
        Provider { spec, source: Box::new(source), sharing, clock, deadline }
    }

    /// Returns what is known about the session; none is created, and no other process is kept waiting.
    ///
    /// # Errors
    ///
    /// Fails if the certificate cannot be read.
    pub fn status(&self) -> Result<SessionStatus, CreateError> {
        let Sharing::User { cache, location, namespace } = &self.sharing else {
            return Ok(SessionStatus { entry: None, failure: None, calls: None });
        };
        let mut certificate = self.source.certificate(&self.spec)?;
        if !certificate.is_whole() {
            certificate = self.source.whole_certificate(&self.spec)?;
        }
        let key = self.spec.key(namespace, &certificate);
        let attempt =
            Attempt::new(self, cache.as_ref(), key, &certificate, MinimumRemaining::Window, self.deadline);
        let folder = location.open().ok().map(Arc::new);
        let failures = folder.clone().map(|folder| Failures::new(folder, namespace.clone()));
        let failure = failures.and_then(|failures| failures.last(&key));
        let calls = folder.and_then(|folder| Calls::new(folder, namespace.clone()).of(&key));
        Ok(SessionStatus { entry: attempt.usable_entry(), failure, calls })
    }

    /// Returns the last failure, unless a success came after it; nothing is made or written.
    ///
    /// # Errors
    ///
    /// Fails if the certificate cannot be read.
    pub fn last_failure(&self) -> Result<Option<Failure>, CreateError> {
        let Sharing::User { cache: _, location, namespace } = &self.sharing else { return Ok(None) };
        let mut folders = location.existing().peekable();
        if folders.peek().is_none() {
            return Ok(None);
        }
        let key = self.spec.key(namespace, &*self.source.certificate(&self.spec)?);
        let last = |folder| Failures::new(Arc::new(folder), namespace.clone()).last(&key);
        Ok(folders.find_map(last))
    }

    /// Forgets the session and its last failure, so that the next call asks AWS.
    ///
    /// # Errors
    ///
    /// Fails if the certificate cannot be read, or if the store or the state folder refuses.
    pub fn forget(&self) -> Result<(), ForgetError> {
        let Sharing::User { cache, location, namespace } = &self.sharing else { return Ok(()) };
        let certificate = self.source.certificate(&self.spec)?;
        let key = self.spec.key(namespace, &certificate);
        cache.remove(&key)?;
        Ok(Failures::new(Arc::new(location.open()?), namespace.clone()).forget(&key)?)
    }
}

/// Single flight and back-off across all processes of a user: one of them at a time asks AWS for a session, and all
/// share its failure.
struct Coordination {
    locks: Locks,
    failures: Failures,
    calls: Calls,
}

impl Coordination {
    /// Opens the state folder; if it cannot be used, each process is on its own.
    fn open(location: &StateLocation, namespace: &Namespace) -> Option<Self> {
        let folder = Arc::new(location.open().ok()?);
        let failures = Failures::new(Arc::clone(&folder), namespace.clone());
        failures.remove_older();
        let calls = Calls::new(Arc::clone(&folder), namespace.clone());
        Some(Self { locks: Locks::new(folder), failures, calls })
    }
}
