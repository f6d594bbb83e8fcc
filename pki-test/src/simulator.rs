//! A local IAM Roles Anywhere and STS: CreateSession, GetCallerIdentity, AssumeRole and GetScopedCredentials on loopback.
//!
//! Requests are checked by [`crate::verifier`], then by the profile, the certificate's attributes and the role's trust
//! policy, and answered with the codes, statuses and messages of the service. Sessions issued here are valid only for
//! this simulator's STS. Faults that are hard to provoke in the real service are played on demand, from the start or
//! over the [control path](control). The resources are given as [`SimulatorSettings`] or as a TOML file
//! ([`SimulatorSettings::from_file`]).
//!
//! The simulator runs on a separate thread, listens only on loopback addresses, without exception, and ends when its
//! handle is dropped.

mod answer;
pub mod attributes;
pub mod control;
mod create_session;
mod credentials;
pub mod fault;
mod http;
pub mod journal;
mod lists;
pub mod policy;
mod rate_limit;
mod settings;
mod sts;
mod tls;
pub mod trust_policy;
pub mod world;

use std::net::{SocketAddr, TcpListener};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;
use std::{fmt, io};

use time::{Duration as TimeSpan, OffsetDateTime};
use tokio::sync::oneshot;
use zeroize::Zeroizing;

pub use self::attributes::AttributeMapping;
pub use self::fault::{Fault, FaultError, FaultKind};
pub use self::journal::{AdditionalEventData, JournalEntry, Operation, ScopeLayer, Verdict};
pub use self::policy::{Grant, PolicyRefusal, Profile, Role, SubjectSource, SubjectType, TipConfiguration};
pub use self::settings::{EntryObserver, ForeignSession, SessionIssuer, SimulatorClock, SimulatorSettings};
pub use self::trust_policy::TrustPolicy;
pub use self::world::WorldError;

use self::credentials::{CredentialTable, random};
use self::fault::FaultPlan;
use self::journal::Journal;
use self::rate_limit::RateLimit;
use self::tls::ThrowAwayTls;
use crate::verifier::{Strictness, TrustAnchorError, Verifier};

/// A running simulator. Dropping it stops it.
#[derive(Debug)]
pub struct Simulator {
    state: Arc<State>,
    http_address: SocketAddr,
    https_address: Option<SocketAddr>,
    tls_ca_pem: Option<String>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Simulator {
    /// Binds the listeners and starts answering.
    ///
    /// When this returns, connections are accepted.
    ///
    /// # Errors
    ///
    /// Fails if an address is not a loopback address or cannot be bound, if the journal's file cannot be opened, if the
    /// TLS certificate cannot be made, and if the thread or its runtime cannot be started.
    pub fn start(settings: SimulatorSettings) -> Result<Self, SimulatorError> {
        let http = bind(settings.http)?;
        let https = settings.https.map(bind).transpose()?;
        let http_address = http.local_addr().map_err(SimulatorError::Runtime)?;
        let https_address =
            https.as_ref().map(TcpListener::local_addr).transpose().map_err(SimulatorError::Runtime)?;
        let tls = https.is_some().then(ThrowAwayTls::create).transpose().map_err(SimulatorError::Tls)?;
        let tls_ca_pem = tls.as_ref().map(|tls| tls.ca_pem.clone());
        let state = Arc::new(State::new(settings)?);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(SimulatorError::Runtime)?;
        let listeners = {
            let _context = runtime.enter();
            http::Listeners::new(http, https.zip(tls)).map_err(SimulatorError::Runtime)?
        };
        let (stop, stopped) = oneshot::channel();
        let shared = Arc::clone(&state);
        let thread = std::thread::Builder::new()
            .name("simulator".to_owned())
            .spawn(move || runtime.block_on(listeners.serve(shared, stopped)))
            .map_err(SimulatorError::Runtime)?;
        Ok(Self { state, http_address, https_address, tls_ca_pem, stop: Some(stop), thread: Some(thread) })
    }

    /// Returns the endpoint for plain HTTP, for example `http://127.0.0.1:40123`, without a slash at the end.
    pub fn http_endpoint(&self) -> String {
        format!("http://{}", self.http_address)
    }

    /// Returns the endpoint for HTTPS, if there is one, without a slash at the end.
    pub fn https_endpoint(&self) -> Option<String> {
        self.https_address.map(|address| format!("https://{address}"))
    }

    /// Returns the CA certificate that clients of the HTTPS endpoint must trust, in PEM, if there is one.
    pub fn tls_ca_pem(&self) -> Option<&str> {
        self.tls_ca_pem.as_deref()
    }

    /// Returns the journal, oldest entry first; at most [`journal::ENTRIES_LIMIT`] entries.
    pub fn journal(&self) -> Vec<JournalEntry> {
        self.state.journal.entries()
    }

    /// Returns how many sessions CreateSession has issued, including those that a fault kept from the client.
    pub fn sessions_created(&self) -> u64 {
        self.state.sessions_created.load(Ordering::SeqCst)
    }

    /// Returns how many CreateSession requests were read, whatever their outcome.
    pub fn sessions_requested(&self) -> u64 {
        self.state.sessions_requested.load(Ordering::SeqCst)
    }

    /// Returns the largest number of connections that were open at once.
    pub fn connections_high_water(&self) -> usize {
        self.state.connections_high_water.load(Ordering::SeqCst)
    }

    /// Returns the token for requests to the [control path](control). It is new for each simulator.
    pub fn control_token(&self) -> &str {
        &self.state.control_token
    }

    /// Plays these faults from now on, in order, and no others.
    pub fn play(&self, faults: Vec<Fault>) {
        *lock(&self.state.faults) = FaultPlan::new(faults);
    }

    /// Imports and enables a DER certificate revocation list while the simulator runs, in place of an older one of the
    /// same issuer.
    ///
    /// # Errors
    ///
    /// Fails if there is no such trust anchor, or if the list is damaged, too long or not signed by the anchor.
    pub fn import_revocation_list(
        &self,
        trust_anchor_arn: &str,
        der: &[u8],
    ) -> Result<(), RevocationListError> {
        self.state.import_revocation_list(trust_anchor_arn, der)
    }

    /// Stops the simulator: listeners and connections are closed, and the thread has ended when this returns.
    pub fn stop(mut self) {
        self.end();
    }

    /// Waits until the simulator's thread ends by itself, which it does only if it fails.
    pub fn wait(mut self) {
        if let Some(thread) = self.thread.take() {
            let _panicked = thread.join();
        }
    }

    fn end(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _already_ended = stop.send(());
        }
        if let Some(thread) = self.thread.take() {
            let _panicked = thread.join();
        }
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        self.end();
    }
}

/// Why a simulator cannot start.
#[derive(Debug, thiserror::Error)]
pub enum SimulatorError {
    /// The address is in use, or not one of this host.
    #[error("cannot listen on {address}")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// The reason.
        #[source]
        source: io::Error,
    },
    /// The journal's file cannot be opened.
    #[error("cannot open the journal's file")]
    Journal(#[source] io::Error),
    /// The address can be reached from other hosts.
    #[error("the simulator listens on loopback addresses only, and {address} is none")]
    NotLoopback {
        /// The address.
        address: SocketAddr,
    },
    /// The thread or its runtime cannot be started.
    #[error("cannot start the simulator's thread")]
    Runtime(#[source] io::Error),
    /// The TLS certificate cannot be made.
    #[error("cannot make the simulator's TLS certificate: {0}")]
    Tls(String),
}

/// Why a revocation list cannot be imported.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RevocationListError {
    /// The trust anchor rejects the list.
    #[error(transparent)]
    List(#[from] TrustAnchorError),
    /// There is no such trust anchor.
    #[error("there is no such trust anchor")]
    TrustAnchorUnknown,
}

/// The state shared by all connections.
struct State {
    verifier: Mutex<Verifier>,
    /// The world's own region first.
    regions: Vec<String>,
    skew: Duration,
    strictness: Strictness,
    control_token: Zeroizing<String>,
    clock_offset: Mutex<TimeSpan>,
    transitive_tags: bool,
    profiles: Vec<Profile>,
    roles: Vec<Role>,
    clock: SimulatorClock,
    journal: Journal,
    journal_full: bool,
    issuer: Option<SessionIssuer>,
    faults: Mutex<FaultPlan>,
    rate_limit: Mutex<RateLimit>,
    credentials: Mutex<CredentialTable>,
    sessions_created: AtomicU64,
    sessions_requested: AtomicU64,
    connections: AtomicUsize,
    connections_high_water: AtomicUsize,
}

impl State {
    fn new(settings: SimulatorSettings) -> Result<Self, SimulatorError> {
        let regions = settings.regions();
        let journal = Journal::open(settings.journal_file.as_deref(), settings.observer)
            .map_err(SimulatorError::Journal)?;
        Ok(Self {
            verifier: Mutex::new(Verifier {
                regions: regions.clone(),
                skew: settings.skew,
                strictness: settings.strictness,
                trust_anchors: settings.trust_anchors,
                lists: lists::fetcher(settings.crl_files),
            }),
            regions,
            skew: settings.skew,
            strictness: settings.strictness,
            control_token: random::<32>()
                .map(|bytes| Zeroizing::new(hex::encode(*bytes)))
                .map_err(|_| SimulatorError::Runtime(io::Error::other("no random numbers")))?,
            clock_offset: Mutex::new(TimeSpan::ZERO),
            transitive_tags: settings.transitive_tags,
            profiles: settings.profiles,
            roles: settings.roles,
            clock: settings.clock,
            journal,
            journal_full: settings.journal_full,
            issuer: settings.issuer,
            faults: Mutex::new(FaultPlan::new(settings.faults)),
            rate_limit: Mutex::new(RateLimit::new(settings.rate_limit)),
            credentials: Mutex::default(),
            sessions_created: AtomicU64::new(0),
            sessions_requested: AtomicU64::new(0),
            connections: AtomicUsize::new(0),
            connections_high_water: AtomicUsize::new(0),
        })
    }

    /// Returns the simulator's time: the clock's, shifted by a fault or the control path.
    fn now(&self) -> OffsetDateTime {
        let offset = lock(&self.faults).clock_offset().saturating_add(*lock(&self.clock_offset));
        let now = (self.clock.0)();
        now.checked_add(offset).unwrap_or(now)
    }
}

impl State {
    fn import_revocation_list(&self, arn: &str, der: &[u8]) -> Result<(), RevocationListError> {
        let arn = arn.parse().map_err(TrustAnchorError::from)?;
        let mut verifier = lock(&self.verifier);
        let anchor = verifier
            .trust_anchors
            .iter_mut()
            .find(|anchor| anchor.answers_to(&arn))
            .ok_or(RevocationListError::TrustAnchorUnknown)?;
        Ok(anchor.import_revocation_list(der)?)
    }
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("State").field("regions", &self.regions).finish_non_exhaustive()
    }
}

/// Locks, even after another thread has panicked: all shared state is consistent between two statements.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn bind(address: SocketAddr) -> Result<TcpListener, SimulatorError> {
    if !address.ip().is_loopback() {
        return Err(SimulatorError::NotLoopback { address });
    }
    TcpListener::bind(address).map_err(|source| SimulatorError::Bind { address, source })
}
