//! Cached credentials if they are fresh enough, else a new session: one for all processes of a user that want it.
//!
//! - A fresh entry is the answer: nothing is locked, opened, parsed or sent.
//! - Single flight: without a usable entry, the processes that want the same session wait for one lock. The first makes
//!   it, and the others find it in the cache. If the first fails, those who waited share its failure; if it is killed,
//!   the next one takes over at once. One deadline covers waiting and calling.
//! - With an entry that still works, nobody waits: one process tries for a new session, for a short time, and if there is
//!   none, the entry is the answer.
//! - Back-off: after a failure nobody tries for a while.
//! - A store or a state folder that fails costs a call and never the answer.
//!
//! Everything here blocks; an asynchronous caller uses a thread for it.

mod attempt;
mod error;
mod hop;
mod maker;
mod pace;
mod wanted;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

pub use error::{ForgetError, IDS, ProviderError};
pub use hop::{HopMaker, chained};
pub use maker::{Advice, CreateError, Explainer, IdentityMaker, NewSession, SessionMaker, file_key_lender};
pub use pace::Pace;
pub use wanted::{Hop, ScopedHop, SecondHop, Wanted};

use crate::cache::calls::{Calls, Counts};
use crate::cache::failure::{Failure, Failures};
use crate::cache::freshness::refresh_window;
use crate::cache::lock::Locks;
use crate::cache::state_folder::StateLocation;
use crate::cache::{CacheEntry, CredentialCache, Namespace, ServerVerification};
use crate::clock::Clock;
use attempt::Attempt;

/// The time for waiting and calling together where no setting says otherwise: below the minute that the Go SDK gives a
/// `credential_process`.
pub const DEADLINE: Duration = Duration::from_secs(45);

/// A request takes time, and clocks differ a little: a session that is shorter by less than this is what was asked for.
pub const SLACK: Duration = Duration::from_secs(60);

/// How much of its lifetime a session must have left for its consumer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MinimumRemaining {
    /// Half of the lifetime, for one that renews while nobody waits for it: a new session has the whole deadline.
    Ahead,
    /// `max(half of the lifetime, this)`: for a consumer that will not ask again before.
    AtLeast(Duration),
    /// As for [`Self::Window`], and this and a minute, as far as a new session has that: for a shorter one that is made from it.
    Covering(Duration),
    /// `min(20 minutes, half of the lifetime)`: for a consumer that asks each time it starts.
    Window,
    /// Half of the lifetime: for one that refreshes ahead of its own consumers.
    Half,
}

impl MinimumRemaining {
    /// Returns it for a session of that lifetime.
    pub fn of(self, lifetime: Duration) -> Duration {
        match self {
            Self::AtLeast(duration) => duration.max(lifetime / 2),
            Self::Covering(duration) => {
                let covering = duration.saturating_add(SLACK).min(lifetime.saturating_sub(SLACK));
                covering.max(refresh_window(lifetime))
            }
            Self::Ahead | Self::Half => lifetime / 2,
            Self::Window => refresh_window(lifetime),
        }
    }
}

/// With whom sessions are shared.
pub enum Sharing {
    /// With nobody: nothing is read, stored, locked or noted. A success still tells the others that what they were refused
    /// for is cured.
    Alone {
        /// Where an earlier failure of this session may have the processes of the user back off; `None` for nowhere.
        others: Option<(StateLocation, Namespace)>,
    },
    /// With all processes of the user.
    User {
        /// Where sessions wait.
        cache: Box<dyn CredentialCache>,
        /// Where the processes of the user coordinate.
        location: StateLocation,
        /// The part of it that is seen.
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
    wanted: Wanted,
    maker: M,
    sharing: Sharing,
    clock: Arc<dyn Clock>,
    deadline: Duration,
}

/// What this machine knows of a session.
#[derive(Debug)]
pub struct SessionStatus {
    /// The entry in the cache, if it still works.
    pub entry: Option<CacheEntry>,
    /// The last failure, unless a success came after it.
    pub failure: Option<Failure>,
    /// How often AWS was asked for it since this host was started, where that is known.
    pub calls: Option<Counts>,
}

impl<M: SessionMaker> Provider<M> {
    /// Joins which session is wanted with who makes it and with whom it is shared. Nothing is read.
    ///
    /// What was obtained from a server that nobody verified is never shared, whatever `sharing` says.
    pub fn new(
        wanted: Wanted,
        maker: M,
        sharing: Sharing,
        clock: Arc<dyn Clock>,
        deadline: Duration,
    ) -> Self {
        let sharing = match wanted.server_verification {
            ServerVerification::Off => Sharing::Alone { others: None },
            ServerVerification::On => sharing,
        };
        Self { wanted, maker, sharing, clock, deadline }
    }

    /// Returns which session is wanted.
    pub const fn wanted(&self) -> &Wanted {
        &self.wanted
    }

    /// Returns credentials with as much of their lifetime left as the consumer needs; or, where no new session can be had,
    /// those that still work.
    ///
    /// # Errors
    ///
    /// Fails if the certificate cannot be read, and if there are no credentials that still work and no new session can be
    /// had: because this process tried in vain, another one did while this one waited, AWS refused a short time ago, or the
    /// deadline passed.
    pub fn session(&self, minimum: MinimumRemaining) -> Result<CacheEntry, ProviderError> {
        self.session_within(minimum, self.deadline)
    }

    /// Returns what [`Provider::session`] returns, in at most `deadline`.
    fn session_within(
        &self,
        minimum: MinimumRemaining,
        deadline: Duration,
    ) -> Result<CacheEntry, ProviderError> {
        let certificate = self.maker.certificate(&self.wanted)?;
        match &self.sharing {
            Sharing::Alone { others } => {
                let new = self.maker.create(&self.wanted, &certificate, minimum, deadline)?;
                if let Some((location, namespace)) = others {
                    let key = self.wanted.key(namespace, &certificate);
                    for folder in location.existing() {
                        // What cannot be forgotten holds others back for a while, and this call not at all.
                        let _ = Failures::new(Arc::new(folder), namespace.clone()).forget(&key);
                    }
                }
                Ok(new.into_entry(&self.wanted, self.clock.now()))
            }
            Sharing::User { cache, location, namespace } => {
                let attempt = |certificate| {
                    let key = self.wanted.key(namespace, certificate);
                    Attempt::new(self, cache.as_ref(), key, certificate, minimum, deadline)
                };
                let coordinate = || Coordination::open(location, namespace);
                let first = attempt(&certificate);
                let found = first.lookup();
                if found.is_fresh() || certificate.is_whole() {
                    return first.finish(found, coordinate);
                }
                // Half of a file is no other certificate. Only here are the bytes looked into: a fresh entry is the answer before.
                let certificate = self.maker.whole_certificate(&self.wanted)?;
                let second = attempt(&certificate);
                let found = second.lookup();
                second.finish(found, coordinate)
            }
        }
    }

    /// Returns the same provider, whoever makes its sessions.
    pub fn boxed(self) -> Provider<Box<dyn SessionMaker>>
    where
        M: 'static,
    {
        let Self { wanted, maker, sharing, clock, deadline } = self;
        Provider { wanted, maker: Box::new(maker), sharing, clock, deadline }
    }

    /// Returns what is known of the session; none is made, and no other process is kept waiting.
    ///
    /// # Errors
    ///
    /// Fails if the certificate cannot be read.
    pub fn status(&self) -> Result<SessionStatus, CreateError> {
        let Sharing::User { cache, location, namespace } = &self.sharing else {
            return Ok(SessionStatus { entry: None, failure: None, calls: None });
        };
        let mut certificate = self.maker.certificate(&self.wanted)?;
        if !certificate.is_whole() {
            certificate = self.maker.whole_certificate(&self.wanted)?;
        }
        let key = self.wanted.key(namespace, &certificate);
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
        let key = self.wanted.key(namespace, &*self.maker.certificate(&self.wanted)?);
        let last = |folder| Failures::new(Arc::new(folder), namespace.clone()).last(&key);
        Ok(folders.find_map(last))
    }

    /// Forgets the session and its last failure, so that the next call asks AWS.
    ///
    /// # Errors
    ///
    /// Fails if the certificate cannot be read, and if the store or the state folder does not let go.
    pub fn forget(&self) -> Result<(), ForgetError> {
        let Sharing::User { cache, location, namespace } = &self.sharing else { return Ok(()) };
        let certificate = self.maker.certificate(&self.wanted)?;
        let key = self.wanted.key(namespace, &certificate);
        cache.remove(&key)?;
        Ok(Failures::new(Arc::new(location.open()?), namespace.clone()).forget(&key)?)
    }
}

/// Single flight and back-off for all processes of a user: one of them at a time asks AWS for a session, and all share its failure.
struct Coordination {
    locks: Locks,
    failures: Failures,
    calls: Calls,
}

impl Coordination {
    /// Opens the state folder; where it cannot be used, each process is on its own.
    fn open(location: &StateLocation, namespace: &Namespace) -> Option<Self> {
        let folder = Arc::new(location.open().ok()?);
        let failures = Failures::new(Arc::clone(&folder), namespace.clone());
        failures.remove_older();
        let calls = Calls::new(Arc::clone(&folder), namespace.clone());
        Some(Self { locks: Locks::new(folder), failures, calls })
    }
}
