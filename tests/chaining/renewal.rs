//! Which session a narrower one is made from: one that lasts as long as what is made of it, by a clock that is set.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyrole::cache::choice::CacheChoice;
use anyrole::cache::state_folder::StateLocation;
use anyrole::cache::{Cache, CacheEntry, Namespace, SealingKey, ServerVerification};
use anyrole::clock::{Clock, Timestamp};
use anyrole::env::Environment;
use anyrole::http::native::{ServerTrust, Timeouts, TransportSettings};
use anyrole::http::{Limits, Proxies};
use anyrole::identity::{IdentitySource, Input, PasswordSource};
use anyrole::provider::{
    Advice, ChainedSource, Hop, MinimumRemaining, Provider, RolesAnywhereSource, ScopedHop, SessionSpec,
    Sharing, chained,
};
use anyrole::secret::Secret;
use anyrole::session::SessionRequest;
use anyrole::signing::Endpoint;
use anyrole::sts::{Scope, ScopePolicy};
use pki_test::simulator::SimulatorClock;
use time::OffsetDateTime;

use super::host::{ACTIONS, FIRST_ROLE, Host, PROFILE, TRUST_ANCHOR, trust_policy};

const MINUTE: Duration = Duration::from_secs(60);

/// A clock that is set.
#[derive(Debug)]
struct Watch(Mutex<OffsetDateTime>);

impl Watch {
    fn advance(&self, by: Duration) {
        *self.0.lock().unwrap() += by;
    }
}

impl Clock for Watch {
    fn now(&self) -> Timestamp {
        Timestamp::from_unix_seconds(self.0.lock().unwrap().unix_timestamp())
    }
}

/// A host on which, and a simulator for which, it is as late as the watch says.
struct World {
    host: Host,
    watch: Arc<Watch>,
}

impl World {
    fn new() -> Self {
        let watch = Arc::new(Watch(Mutex::new(OffsetDateTime::now_utc())));
        let shared = Arc::clone(&watch);
        let clock = SimulatorClock(Arc::new(move || *shared.0.lock().unwrap()));
        let host = Host::with(trust_policy(ACTIONS, ""), |settings| settings.clock = clock);
        Self { host, watch }
    }

    fn sharing(&self) -> Sharing {
        let location = StateLocation::at(self.host.path("state"));
        let lender = Box::new(|| Some(SealingKey::new(Secret::new(vec![1; 32]), [])));
        let namespace = Namespace::default();
        let cache = Cache::new(CacheChoice::File, namespace.clone(), location.clone(), lender);
        Sharing::User { cache: Box::new(cache), location, namespace }
    }

    /// The provider of a session that is narrowed by a policy, and lasts so many minutes or as long as the first.
    fn narrowed(&self, minutes: Option<u32>) -> Provider<ChainedSource<RolesAnywhereSource>> {
        let endpoint = Endpoint::parse(&self.host.simulator.http_endpoint()).unwrap();
        let request = SessionRequest::new(
            TRUST_ANCHOR.parse().unwrap(),
            PROFILE.parse().unwrap(),
            FIRST_ROLE.parse().unwrap(),
            None,
            Some(60 * MINUTE),
            None,
        );
        let input = |name| Input::file(self.host.path(name));
        let wanted = SessionSpec {
            request: request.unwrap(),
            endpoint: endpoint.clone(),
            server_verification: ServerVerification::On,
            certificate: input("host.pem"),
            selection: anyrole::identity::Selection::default(),
            second_hop: None,
            scopes: Vec::new(),
        };
        let source = IdentitySource {
            certificate: input("host.pem"),
            private_key: Some(input("host.key")),
            intermediates: None,
            selection: anyrole::identity::Selection::default(),
            password: PasswordSource::Nobody,
            tpm: None,
            allow_insecure_key_file: false,
        };
        let env = Environment::given([("HOME", self.host.path("."))]);
        let transport = TransportSettings {
            proxies: Proxies::from_environment(&env).unwrap(),
            timeouts: Timeouts::default(),
            trust: ServerTrust::Anybody,
        };
        let (limits, clock) = (Limits::default(), Arc::clone(&self.watch) as Arc<dyn Clock>);
        let explain = |_: &_, _: &_, _: &_, _: &_| Advice::default();
        let maker = RolesAnywhereSource::new(source, transport, limits, env, Arc::clone(&clock), explain);
        let transport = maker.transport();
        let first = Provider::new(wanted, maker, self.sharing(), clock, limits.deadline);
        let policy = r#"{"Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*"}}"#;
        let policy = ScopePolicy::parse(policy.as_bytes(), "p.json").unwrap();
        let scope = Scope::new(Some(policy), minutes.map(|minutes| minutes * MINUTE), None).unwrap();
        let hop = Hop::Scope(ScopedHop { scope: Arc::new(scope.unwrap()), endpoint });
        chained(first, hop, transport, limits, self.sharing())
    }

    /// Returns a narrowed session as [`Self::narrowed`] says, and the number of first sessions that were made until then.
    fn ask(&self, minutes: Option<u32>, minimum: MinimumRemaining) -> (CacheEntry, u64) {
        let entry = self.narrowed(minutes).session(minimum).unwrap();
        (entry, self.host.simulator.sessions_created())
    }

    /// Returns how many whole minutes are left of it, half a minute more or less.
    fn left(&self, entry: &CacheEntry) -> u64 {
        (entry.remaining(self.watch.now()).as_secs() + 30) / 60
    }
}

#[test]
fn what_is_left_of_the_first_session_is_enough_or_there_is_a_new_one() {
    let world = World::new();
    let (whole, created) = world.ask(None, MinimumRemaining::Window);
    assert_eq!((world.left(&whole), created), (60, 1));
    // The first session is a minute old: what shall last as long as it did gets what is left, to a minute.
    world.watch.advance(Duration::from_secs(59));
    let (hour, created) = world.ask(Some(60), MinimumRemaining::Window);
    assert!((58..=59).contains(&world.left(&hour)) && created == 1, "{} {created}", world.left(&hour));
    assert!(hour.expiration() <= whole.expiration());

    // 25 minutes are left: enough for ten and for twenty, and not for thirty.
    world.watch.advance(34 * MINUTE);
    for (minutes, expected) in [(10, 1), (20, 1), (30, 2), (29, 2)] {
        let (entry, created) = world.ask(Some(minutes), MinimumRemaining::Window);
        assert_eq!((world.left(&entry), created), (u64::from(minutes), expected));
    }
}

#[test]
fn one_that_ends_with_the_first_is_made_from_what_its_consumer_needs() {
    let world = World::new();
    let (first, _) = world.ask(None, MinimumRemaining::Window);
    world.watch.advance(25 * MINUTE);
    let (same, created) = world.ask(None, MinimumRemaining::Half);
    assert_eq!((same.expiration(), created), (first.expiration(), 1));
    let (longer, created) = world.ask(None, MinimumRemaining::AtLeast(50 * MINUTE));
    assert_eq!((world.left(&longer), created), (60, 2));
    // Each is renewed in its own window.
    world.watch.advance(45 * MINUTE);
    let (renewed, created) = world.ask(None, MinimumRemaining::Window);
    assert_eq!((world.left(&renewed), created), (60, 3));
}

#[test]
fn a_short_one_is_renewed_from_the_same_first_session() {
    let world = World::new();
    let mut ids = Vec::new();
    for _ in 0..6 {
        let (entry, created) = world.ask(Some(10), MinimumRemaining::Window);
        assert_eq!(created, 1);
        ids.push(entry.credential_set.credentials.access_key_id);
        world.watch.advance(6 * MINUTE);
    }
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 6, "half of each was over");
}
