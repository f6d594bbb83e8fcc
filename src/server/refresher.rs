//! A session that is kept fresh for all callers.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aws_lc_rs::rand::{SecureRandom as _, SystemRandom};

use crate::cache::CacheEntry;
use crate::clock::{Clock, Timestamp};
use crate::provider::RetryBackoff;

/// How often to check whether the session is due for renewal: by the wall clock, so that time during which the host
/// slept, or a jump of its clock, is noticed.
pub(super) const CHECK_INTERVAL: Duration = Duration::from_secs(15);
/// The most by which renewal is delayed past half of the lifetime, in hundredths of it, so that hosts that started
/// together do not all ask together. Of an hour 27 minutes are left then, and botocore wants at least 25.
const SPREAD: u32 = 5;
/// How far this host's clock may have been set back before a session counts as created in the future.
const CLOCK_TOLERANCE: Duration = Duration::from_secs(60);

/// Where a session with at least half of its lifetime left comes from: the cache, or AWS. Blocks for as long as that
/// takes.
pub trait Source: Send + Sync {
    /// Returns the session, or the reason why there is none, in one line without secrets.
    ///
    /// # Errors
    ///
    /// Fails if there is neither a new session nor one that still works.
    fn session(&self) -> Result<CacheEntry, String>;

    /// Called with the result of each attempt once it is what callers get. May block.
    fn noted(&self, _: Result<&CacheEntry, &str>) {}
}

/// A session that is renewed at half of its lifetime, once for all callers; if renewal fails, it is the answer until
/// its end.
pub struct Refresher {
    source: Box<dyn Source>,
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
    /// Single flight: held during a renewal.
    flight: tokio::sync::Mutex<()>,
    /// The delay of this host's renewals past half of the lifetime, in hundredths of it.
    spread: u32,
}

/// The state of a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionHealth {
    /// When it stops working, by this host's clock; `None` if none works.
    pub usable_until: Option<Timestamp>,
    /// Why the last attempt to renew it failed; `None` if it succeeded.
    pub failure: Option<Arc<str>>,
}

/// What is currently known.
struct State {
    entry: Option<Arc<CacheEntry>>,
    /// Why the last failed attempt failed.
    failure: Arc<str>,
    /// Whether the last attempt failed.
    has_failed: bool,
    backoff: RetryBackoff,
}

impl fmt::Debug for Refresher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Refresher").finish_non_exhaustive()
    }
}

impl Refresher {
    /// Keeps a session fresh, starting with `first` if there is one already.
    pub fn new(source: Box<dyn Source>, first: Option<Arc<CacheEntry>>, clock: Arc<dyn Clock>) -> Self {
        let state = State {
            entry: first,
            failure: Arc::from("there is no session yet"),
            has_failed: false,
            backoff: RetryBackoff::default(),
        };
        let mut octet = [0];
        // Nothing works without random numbers, and here they matter least.
        let _ = SystemRandom::new().fill(&mut octet);
        let spread = u32::from(octet[0]) % (SPREAD + 1);
        Self { source, clock, state: Mutex::new(state), flight: tokio::sync::Mutex::new(()), spread }
    }

    /// Returns the session while it works, without asking for a new one.
    pub fn last_good(&self) -> Option<Arc<CacheEntry>> {
        self.state().usable(self.clock.now())
    }

    /// Returns the state of the session, without asking for a new one.
    pub fn health(&self) -> SessionHealth {
        let now = self.clock.now();
        let state = self.state();
        let usable_until = state.usable(now).map(|entry| entry.usable_until);
        SessionHealth { usable_until, failure: state.has_failed.then(|| Arc::clone(&state.failure)) }
    }

    /// Returns the session, renewed if that is due and possible, else the last good one.
    ///
    /// # Errors
    ///
    /// Returns the reason if no session works.
    pub async fn current(self: &Arc<Self>) -> Result<Arc<CacheEntry>, Arc<str>> {
        if let Some(answer) = self.known() {
            return answer;
        }
        // A renewal is under way; whoever can use the last good session does not wait.
        if self.flight.try_lock().is_err()
            && let Some(entry) = self.state().usable(self.clock.now())
        {
            return Ok(entry);
        }
        // A separate task, so that the renewal goes on if the caller leaves.
        let refresher = Arc::clone(self);
        let renewal = tokio::spawn(async move { refresher.renew().await });
        renewal.await.unwrap_or_else(|_| Err(Arc::from("the renewal stopped; this is a bug")))
    }

    async fn renew(self: &Arc<Self>) -> Result<Arc<CacheEntry>, Arc<str>> {
        let _flight = self.flight.lock().await;
        if let Some(answer) = self.known() {
            return answer;
        }
        let (sender, receiver) = tokio::sync::oneshot::channel();
        let refresher = Arc::clone(self);
        // A plain thread: when the program ends, the runtime does not wait for one that hangs on the network.
        let started = std::thread::Builder::new().spawn(move || {
            let outcome = refresher.source.session().map(Arc::new);
            let answer = refresher.note(outcome.as_ref().map_err(String::as_str));
            refresher.source.noted(outcome.as_deref().map_err(String::as_str));
            // The receiver is gone if the program is ending.
            let _ = sender.send(answer);
        });
        let failed = match started {
            Ok(_) => match receiver.await {
                Ok(answer) => return answer,
                Err(_) => String::from("the renewal stopped; this is a bug"),
            },
            Err(error) => format!("cannot start a thread for the renewal: {error}"),
        };
        self.note(Err(&failed))
    }

    /// Returns the answer if it needs no attempt.
    fn known(&self) -> Option<Result<Arc<CacheEntry>, Arc<str>>> {
        let now = self.clock.now();
        let state = self.state();
        match &state.entry {
            Some(entry) if self.is_fresh(entry, now) => Some(Ok(Arc::clone(entry))),
            Some(_) | None if !state.backoff.wait(now).is_zero() => Some(state.answer(now)),
            Some(_) | None => None,
        }
    }

    /// Records the result of an attempt, and returns the answer.
    fn note(&self, outcome: Result<&Arc<CacheEntry>, &str>) -> Result<Arc<CacheEntry>, Arc<str>> {
        let now = self.clock.now();
        let mut state = self.state();
        match outcome {
            Ok(entry) => {
                // If there can be no new session, the provider returns the last good one.
                let renewed = self.is_fresh(entry, now);
                state.entry = Some(Arc::clone(entry));
                if renewed {
                    state.has_failed = false;
                    state.backoff = RetryBackoff::default();
                } else {
                    state.failure = Arc::from("no newer session can be had");
                    state.back_off(now);
                }
            }
            Err(reason) => {
                state.failure = Arc::from(reason);
                state.back_off(now);
            }
        }
        state.answer(now)
    }

    /// Returns whether about half of the lifetime is left.
    fn is_fresh(&self, entry: &CacheEntry, now: Timestamp) -> bool {
        let lifetime = entry.usable_until.since(entry.created_at);
        now >= entry.created_at.minus(CLOCK_TOLERANCE)
            && entry.usable_until.since(now) >= lifetime * (50 - self.spread) / 100
            && entry.usable_until > now
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // No code that holds it can panic half-way.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Returns the session while it works.
    fn usable(&self, now: Timestamp) -> Option<Arc<CacheEntry>> {
        self.entry.as_ref().filter(|entry| entry.usable_until > now).map(Arc::clone)
    }

    /// Returns the session while it works, after that the reason why there is no other.
    fn answer(&self, now: Timestamp) -> Result<Arc<CacheEntry>, Arc<str>> {
        self.usable(now).ok_or_else(|| Arc::clone(&self.failure))
    }

    fn back_off(&mut self, now: Timestamp) {
        self.has_failed = true;
        let left = self.usable(now).map(|entry| entry.usable_until.since(now));
        self.backoff.fail(now, left);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
    use std::sync::{OnceLock, Weak};

    use super::*;
    use crate::cache::example_entry;

    /// A clock that the test sets, in seconds after the creation of the example session.
    #[derive(Debug, Default)]
    struct ManualClock(AtomicI64);

    impl Clock for ManualClock {
        fn now(&self) -> Timestamp {
            Timestamp::from_unix_seconds(
                example_entry().created_at.unix_seconds() + self.0.load(Ordering::SeqCst),
            )
        }
    }

    /// Creates a session of an hour at each call, or fails.
    struct TestSource {
        clock: Arc<ManualClock>,
        calls: Arc<AtomicUsize>,
        fails: Arc<AtomicUsize>,
    }

    impl Source for TestSource {
        fn session(&self) -> Result<CacheEntry, String> {
            let call = self.calls.fetch_add(1, Ordering::SeqCst) + 1;
            if self.fails.load(Ordering::SeqCst) > 0 {
                return Err(String::from("the network is down [network-unreachable]"));
            }
            let mut entry = example_entry();
            entry.created_at = self.clock.now();
            entry.usable_until = entry.created_at.plus(Duration::from_secs(3600));
            entry.credential_set.credentials.access_key_id = format!("ASIA{call}");
            Ok(entry)
        }
    }

    struct Scene {
        refresher: Arc<Refresher>,
        clock: Arc<ManualClock>,
        calls: Arc<AtomicUsize>,
        fails: Arc<AtomicUsize>,
    }

    impl Scene {
        fn set() -> Self {
            let (clock, calls, fails) = (Arc::new(ManualClock::default()), Arc::default(), Arc::default());
            let source = TestSource {
                clock: Arc::clone(&clock),
                calls: Arc::clone(&calls),
                fails: Arc::clone(&fails),
            };
            let refresher_clock = Arc::clone(&clock) as Arc<dyn Clock>;
            let mut refresher =
                Refresher::new(Box::new(source), Some(Arc::new(example_entry())), refresher_clock);
            refresher.spread = 0;
            Self { refresher: Arc::new(refresher), clock, calls, fails }
        }

        fn at(&self, seconds: i64) -> &Self {
            self.clock.0.store(seconds, Ordering::SeqCst);
            self
        }

        /// Returns the access key id, or the reason.
        async fn answer(&self) -> Result<String, String> {
            match self.refresher.current().await {
                Ok(entry) => Ok(entry.credential_set.credentials.access_key_id.clone()),
                Err(reason) => Err(reason.to_string()),
            }
        }

        fn calls(&self) -> usize {
            self.calls.load(Ordering::SeqCst)
        }
    }

    const FIRST: &str = "ASIAEXAMPLEEXAMPLE00";

    #[tokio::test]
    async fn a_session_is_renewed_at_half_of_its_lifetime() {
        let scene = Scene::set();
        assert_eq!(scene.at(1799).answer().await.as_deref(), Ok(FIRST));
        assert_eq!(scene.calls(), 0);
        assert_eq!(scene.at(1801).answer().await.as_deref(), Ok("ASIA1"));
        assert_eq!(scene.at(3000).answer().await.as_deref(), Ok("ASIA1"));
        assert_eq!(scene.calls(), 1);
    }

    /// Makes the example session, and notes what callers would get when it is told of it.
    struct Told {
        of: Arc<OnceLock<Weak<Refresher>>>,
        health: Arc<Mutex<Vec<SessionHealth>>>,
    }

    impl Source for Told {
        fn session(&self) -> Result<CacheEntry, String> {
            Ok(example_entry())
        }

        fn noted(&self, outcome: Result<&CacheEntry, &str>) {
            assert!(outcome.is_ok());
            let refresher = self.of.get().unwrap().upgrade().unwrap();
            self.health.lock().unwrap().push(refresher.health());
        }
    }

    #[tokio::test]
    async fn a_session_is_told_once_callers_can_have_it() {
        let (of, health) = (Arc::default(), Arc::default());
        let source = Told { of: Arc::clone(&of), health: Arc::clone(&health) };
        let refresher = Arc::new(Refresher::new(Box::new(source), None, Arc::new(ManualClock::default())));
        of.set(Arc::downgrade(&refresher)).unwrap();
        refresher.current().await.unwrap();
        let usable = SessionHealth { usable_until: Some(example_entry().usable_until), failure: None };
        assert_eq!(*health.lock().unwrap(), [usable]);
    }

    #[tokio::test]
    async fn a_thousand_who_ask_at_once_are_one_renewal() {
        let scene = Scene::set();
        scene.at(4000);
        let asked: Vec<_> = (0..1000)
            .map(|_| {
                let refresher = Arc::clone(&scene.refresher);
                tokio::spawn(async move { refresher.current().await.is_ok() })
            })
            .collect();
        for answer in asked {
            assert!(answer.await.unwrap());
        }
        assert_eq!(scene.calls(), 1);
    }

    #[tokio::test]
    async fn the_last_good_session_is_answered_until_its_end_and_a_failure_backs_off() {
        let scene = Scene::set();
        scene.fails.store(1, Ordering::SeqCst);
        assert_eq!(scene.at(2000).answer().await.as_deref(), Ok(FIRST));
        assert_eq!(scene.at(2004).answer().await.as_deref(), Ok(FIRST));
        assert_eq!(scene.calls(), 1, "nobody tries again within five seconds");
        assert_eq!(scene.at(2006).answer().await.as_deref(), Ok(FIRST));
        assert_eq!(scene.at(2015).answer().await.as_deref(), Ok(FIRST));
        assert_eq!(scene.calls(), 2, "nor within ten the next time");
        let down = Err(String::from("the network is down [network-unreachable]"));
        assert_eq!(scene.at(3601).answer().await, down);
        assert_eq!(scene.at(3602).answer().await, down);
        assert_eq!(scene.calls(), 3);
        scene.fails.store(0, Ordering::SeqCst);
        assert_eq!(scene.at(3700).answer().await.as_deref(), Ok("ASIA4"));
    }

    #[tokio::test]
    async fn a_session_that_runs_out_is_tried_for_more_often() {
        let scene = Scene::set();
        scene.fails.store(1, Ordering::SeqCst);
        assert_eq!(scene.at(3592).answer().await.as_deref(), Ok(FIRST));
        assert_eq!(scene.at(3592).answer().await.as_deref(), Ok(FIRST));
        assert_eq!(scene.calls(), 1);
        scene.fails.store(0, Ordering::SeqCst);
        assert_eq!(
            scene.at(3594).answer().await.as_deref(),
            Ok("ASIA2"),
            "an eighth of what is left, and a second at least"
        );
    }

    #[tokio::test]
    async fn a_clock_that_was_set_back_makes_a_session_due() {
        let scene = Scene::set();
        assert_eq!(scene.at(-59).answer().await.as_deref(), Ok(FIRST));
        assert_eq!(scene.at(-3600).answer().await.as_deref(), Ok("ASIA1"));
    }

    #[tokio::test]
    async fn a_caller_who_goes_away_does_not_stop_the_renewal() {
        let scene = Scene::set();
        scene.at(4000);
        drop(tokio::time::timeout(Duration::ZERO, scene.refresher.current()).await);
        assert_eq!(scene.answer().await.as_deref(), Ok("ASIA1"));
        assert_eq!(scene.calls(), 1);
    }
}
