//! The settings of a simulator.

use std::collections::BTreeMap;
use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use time::OffsetDateTime;
use zeroize::Zeroizing;

use super::fault::Fault;
use super::journal::JournalEntry;
use super::policy::{Grant, Profile, Role};
use crate::verifier::{DEFAULT_SKEW, Strictness, TrustAnchor};

/// A clock that tests can set.
#[derive(Clone)]
pub struct SimulatorClock(pub Arc<dyn Fn() -> OffsetDateTime + Send + Sync>);

impl SimulatorClock {
    /// Returns the operating system's clock.
    pub fn system() -> Self {
        Self(Arc::new(OffsetDateTime::now_utc))
    }

    /// Returns a clock that stands still.
    pub fn fixed(time: OffsetDateTime) -> Self {
        Self(Arc::new(move || time))
    }
}

impl fmt::Debug for SimulatorClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SimulatorClock")
    }
}

/// A callback for each journal entry, on the simulator's thread.
#[derive(Clone)]
pub struct EntryObserver(pub Arc<dyn Fn(&JournalEntry) + Send + Sync>);

impl fmt::Debug for EntryObserver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EntryObserver")
    }
}

type Issue = dyn Fn(&Grant) -> Option<ForeignSession> + Send + Sync;

/// An external issuer of the sessions that the simulator grants, such as another simulator of AWS.
///
/// Called on the simulator's thread once a request has been verified and granted. `None` is answered as an error of the
/// service itself, status 500.
#[derive(Clone)]
pub struct SessionIssuer(pub Arc<Issue>);

impl fmt::Debug for SessionIssuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionIssuer")
    }
}

/// Session credentials from an external issuer.
#[derive(Clone)]
pub struct ForeignSession {
    /// The access key id.
    pub access_key_id: String,
    /// The secret access key, wiped when dropped.
    pub secret_access_key: Zeroizing<String>,
    /// The session token, wiped when dropped.
    pub session_token: Zeroizing<String>,
    /// When they end.
    pub expiration: OffsetDateTime,
}

impl fmt::Debug for ForeignSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { access_key_id, secret_access_key: _, session_token: _, expiration } = self;
        f.debug_struct("ForeignSession")
            .field("access_key_id", access_key_id)
            .field("expiration", expiration)
            .finish_non_exhaustive()
    }
}

/// The settings of a simulator.
#[derive(Clone, Debug)]
pub struct SimulatorSettings {
    /// Address for plain HTTP; port 0 takes a free one. Only loopback is accepted.
    pub http: SocketAddr,
    /// Address for HTTPS; `None` serves none. Only loopback is accepted.
    pub https: Option<SocketAddr>,
    /// The simulated region, in addition to those of trust anchors and profiles.
    pub region: String,
    /// The trust anchors that exist.
    pub trust_anchors: Vec<TrustAnchor>,
    /// For each trust anchor the files of its certificates, if they were read from files.
    pub trust_anchor_files: Vec<Vec<PathBuf>>,
    /// Files that stand for the URLs of CRL distribution points, read anew for each request; other URLs are fetched, and
    /// only from loopback.
    pub crl_files: BTreeMap<String, PathBuf>,
    /// The profiles that exist.
    pub profiles: Vec<Profile>,
    /// The roles that exist.
    pub roles: Vec<Role>,
    /// The clock.
    pub clock: SimulatorClock,
    /// How far a request's date may be from the current time, in both directions.
    pub skew: Duration,
    /// Whether anomalies are rejected, or only recorded as at the service.
    pub strictness: Strictness,
    /// Requests for CreateSession a second above which 429 is answered; AWS's quota is 10. `None` is no limit.
    pub rate_limit: Option<u32>,
    /// Whether the certificate's session tags are transitive (role chaining); the trust policies of later roles then
    /// need `sts:TagSession`. AWS documents nothing; users report that they are.
    pub transitive_tags: bool,
    /// The faults to play, in order.
    pub faults: Vec<Fault>,
    /// A file to which the journal is appended as lines of JSON, mode 0600.
    pub journal_file: Option<PathBuf>,
    /// Whether the journal records signatures instead of their SHA-256. A signature is a bearer token for minutes.
    pub journal_full: bool,
    /// A callback for each journal entry.
    pub observer: Option<EntryObserver>,
    /// An external issuer of sessions; with `None` the simulator issues its own, valid only for its own STS.
    pub issuer: Option<SessionIssuer>,
}

impl SimulatorSettings {
    /// Returns strict settings for plain HTTP on a free port of 127.0.0.1, by the system's clock, without limit or
    /// faults.
    pub fn new(
        region: &str,
        trust_anchors: Vec<TrustAnchor>,
        profiles: Vec<Profile>,
        roles: Vec<Role>,
    ) -> Self {
        Self {
            http: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            https: None,
            region: region.to_owned(),
            trust_anchors,
            trust_anchor_files: Vec::new(),
            crl_files: BTreeMap::new(),
            profiles,
            roles,
            clock: SimulatorClock::system(),
            skew: DEFAULT_SKEW,
            strictness: Strictness::Strict,
            rate_limit: None,
            transitive_tags: true,
            faults: Vec::new(),
            journal_file: None,
            journal_full: false,
            observer: None,
            issuer: None,
        }
    }
    /// Accepts anomalies and records them, as the service does, instead of refusing them.
    #[must_use]
    pub fn like_the_service(self) -> Self {
        Self { strictness: Strictness::AsTheService, ..self }
    }

    /// Returns the regions that exist: the simulator's own, and those of the trust anchors and profiles.
    pub fn regions(&self) -> Vec<String> {
        let anchors = self.trust_anchors.iter().map(|anchor| anchor.arn().region());
        let profiles = self.profiles.iter().map(|profile| profile.arn.region());
        let mut regions: Vec<String> = Vec::new();
        for region in std::iter::once(self.region.as_str()).chain(anchors).chain(profiles) {
            if !regions.iter().any(|known| known == region) {
                regions.push(region.to_owned());
            }
        }
        regions
    }

    /// Plays these faults, in order.
    #[must_use]
    pub fn with_faults(self, faults: Vec<Fault>) -> Self {
        Self { faults, ..self }
    }
}
