//! A simulator with the usual trust anchor, profile and role, and a clock that tests can set.

use std::sync::{Arc, Mutex};

use pki_test::algorithm::KeyAlgorithm;
use pki_test::simulator::{JournalEntry, Simulator, SimulatorClock, SimulatorSettings, Verdict};
use pki_test::verifier::{ReceivedRequest, TrustAnchor};
use time::OffsetDateTime;

use super::client::{Received, send};
use super::draft::Draft;
use super::identity::{Identity, NOW};
use super::vectors::{ANCHOR, Case};

/// A running simulator and an identity that it trusts.
pub(super) struct World {
    pub(super) simulator: Simulator,
    pub(super) identity: Identity,
    pub(super) clock: TestClock,
}

/// A clock that stands still until it is set.
#[derive(Clone)]
pub(super) struct TestClock(Arc<Mutex<OffsetDateTime>>);

impl TestClock {
    pub(super) fn at(time: OffsetDateTime) -> Self {
        Self(Arc::new(Mutex::new(time)))
    }

    pub(super) fn set(&self, time: OffsetDateTime) {
        *self.0.lock().unwrap() = time;
    }

    pub(super) fn shared(&self) -> SimulatorClock {
        let time = Arc::clone(&self.0);
        SimulatorClock(Arc::new(move || *time.lock().unwrap()))
    }
}

impl World {
    /// Starts a simulator after `change` has had its way with the settings.
    pub(super) fn start(change: impl FnOnce(&mut SimulatorSettings)) -> Self {
        Self::of(Identity::sound(KeyAlgorithm::EcP256, "build-17"), change)
    }

    /// Starts a simulator that trusts `identity`.
    pub(super) fn of(identity: Identity, change: impl FnOnce(&mut SimulatorSettings)) -> Self {
        let anchor = TrustAnchor::new(ANCHOR, &[&identity.anchor]).unwrap().with_alias("fleet");
        let mut profile = Case::profile();
        profile.alias = Some("builders".to_owned());
        let clock = TestClock::at(NOW);
        let mut settings =
            SimulatorSettings::new("eu-central-1", vec![anchor], vec![profile], vec![Case::role()]);
        settings.clock = clock.shared();
        change(&mut settings);
        Self { simulator: Simulator::start(settings).unwrap(), identity, clock }
    }

    pub(super) fn with_faults(faults: &[&str]) -> Self {
        Self::start(|settings| {
            settings.faults = faults.iter().map(|fault| fault.parse().unwrap()).collect();
        })
    }

    pub(super) fn draft(&self) -> Draft {
        Draft::create_session(&self.identity)
    }

    pub(super) fn send(&self, request: &ReceivedRequest) -> Received {
        send(&self.simulator.http_endpoint(), request).unwrap()
    }

    /// Sends a draft, signed by the identity.
    pub(super) fn ask(&self, draft: &Draft) -> Received {
        self.send(&draft.sign(&self.identity))
    }

    /// Returns the journal's last entry.
    pub(super) fn last_entry(&self) -> JournalEntry {
        self.simulator.journal().pop().unwrap()
    }

    /// Returns the rule of the journal's last entry, which is a refusal.
    pub(super) fn last_rule(&self) -> String {
        match self.last_entry().verdict {
            Verdict::Refused { rule, .. } => rule,
            verdict @ (Verdict::Accepted | Verdict::Fault { .. } | Verdict::Throttled) => {
                panic!("{verdict:?}")
            }
        }
    }

    /// Creates a sound session.
    pub(super) fn session(&self) -> Received {
        self.ask(&self.draft())
    }
}
