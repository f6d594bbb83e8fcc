//! The provider against real stores and locks in folders of its own, with a clock that is set and sessions that nobody has to
//! ask AWS for.
#![cfg(all(unix, feature = "pki"))]

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Barrier, Mutex};
use std::time::Duration;

use anyrole::cache::choice::CacheChoice;
use anyrole::cache::state_folder::StateLocation;
use anyrole::cache::{Cache, CacheEntry, CacheError, CacheKey, CredentialCache, EntrySummary, SealingKey};
use anyrole::cache::{Namespace, ServerVerification};
use anyrole::clock::{Clock, Timestamp};
use anyrole::credentials::{CredentialSet, SessionCredentials};
use anyrole::diagnostic::{Diagnostic as _, Fault};
use anyrole::http::{NoAnswer, Phase, Service};
use anyrole::identity::{CertificateBytes, Input};
use anyrole::provider::{
    CreateError, MinimumRemaining, NewSession, Provider, ProviderError, SessionSource, SessionSpec, Sharing,
};
use anyrole::secret::Secret;
use anyrole::session::{Refusal, RefusalKind, SessionError, SessionRequest};
use anyrole::signing::Endpoint;
use pki_test::algorithm::KeyAlgorithm;
use pki_test::authority::{Authority, AuthoritySpec};
use pki_test::certificate::Validity;
use pki_test::end_entity::EndEntitySpec;
use pki_test::key_pair::KeyPair;
use zeroize::Zeroizing;

use crate::support::wait::wait_until;

const NOON: Timestamp = Timestamp::from_unix_seconds(1_795_449_600);
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);

/// A clock that is set.
#[derive(Debug)]
struct Watch(Mutex<Timestamp>);

impl Watch {
    fn advance(&self, by: Duration) {
        let mut now = self.0.lock().unwrap();
        *now = now.plus(by);
    }
}

impl Clock for Watch {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }
}

/// What the source in this test does when it is asked for a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mood {
    /// Makes one of that lifetime, and finds this clock to be that many seconds behind.
    Grants(Duration, i64),
    Hangs,
    Refuses,
    Throttles,
}

/// Everything that the providers of a test share, as processes share a user.
struct World {
    folder: tempfile::TempDir,
    clock: Arc<Watch>,
    mood: Mutex<Mood>,
    created: AtomicU32,
    longest: Mutex<Vec<Duration>>,
    /// Held by a test that wants to be in the middle of a call.
    gate: Mutex<()>,
    certificate: Mutex<Arc<CertificateBytes>>,
}

impl World {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            folder: tempfile::tempdir().unwrap(),
            clock: Arc::new(Watch(Mutex::new(NOON))),
            mood: Mutex::new(Mood::Grants(HOUR, 0)),
            created: AtomicU32::new(0),
            longest: Mutex::new(Vec::new()),
            gate: Mutex::new(()),
            certificate: Mutex::new(certificate("CN=TEST build-17")),
        })
    }

    fn state(&self) -> std::path::PathBuf {
        self.folder.path().join("state")
    }

    fn created(&self) -> u32 {
        self.created.load(Ordering::SeqCst)
    }

    fn set(&self, mood: Mood) {
        *self.mood.lock().unwrap() = mood;
    }

    fn provider(self: &Arc<Self>) -> Provider<TestSource> {
        self.provider_with(self.shared(), ServerVerification::On, 45 * Duration::from_secs(1))
    }

    fn shared(&self) -> Sharing {
        let location = StateLocation::at(self.state());
        let lender = Box::new(|| Some(SealingKey::new(Secret::new(vec![1; 32]), [])));
        let namespace = Namespace::default();
        let cache = Cache::new(CacheChoice::File, namespace.clone(), location.clone(), lender);
        Sharing::User { cache: Box::new(cache), location, namespace }
    }

    fn provider_with(
        self: &Arc<Self>,
        sharing: Sharing,
        server_verification: ServerVerification,
        deadline: Duration,
    ) -> Provider<TestSource> {
        let request = SessionRequest::new(
            "arn:aws:rolesanywhere:eu-central-1:111122223333:trust-anchor/a".parse().unwrap(),
            "arn:aws:rolesanywhere:eu-central-1:111122223333:profile/p".parse().unwrap(),
            "arn:aws:iam::111122223333:role/build".parse().unwrap(),
            None,
            Some(HOUR),
            None,
        );
        let wanted = SessionSpec {
            request: request.unwrap(),
            endpoint: Endpoint::parse("http://127.0.0.1:9").unwrap(),
            server_verification,
            certificate: Input::parse("host.pem").unwrap(),
            selection: anyrole::identity::Selection::default(),
            second_hop: None,
            scopes: Vec::new(),
        };
        Provider::new(wanted, TestSource(Arc::clone(self)), sharing, Arc::clone(&self.clock) as _, deadline)
    }

    fn ask(self: &Arc<Self>) -> Result<String, ProviderError> {
        self.provider().session(MinimumRemaining::Window).map(access_key_id)
    }
}

fn access_key_id(entry: CacheEntry) -> String {
    entry.credential_set.credentials.access_key_id
}

struct TestSource(Arc<World>);

impl SessionSource for TestSource {
    fn certificate(&self, _: &SessionSpec) -> Result<Arc<CertificateBytes>, CreateError> {
        Ok(Arc::clone(&self.0.certificate.lock().unwrap()))
    }

    fn create(
        &self,
        wanted: &SessionSpec,
        certificate: &CertificateBytes,
        _: MinimumRemaining,
        longest: Duration,
    ) -> Result<NewSession, CreateError> {
        let Self(world) = self;
        let number = world.created.fetch_add(1, Ordering::SeqCst) + 1;
        world.longest.lock().unwrap().push(longest);
        drop(world.gate.lock().unwrap());
        let refused = |kind| {
            Err(CreateError::Session(SessionError::Refused(Box::new(Refusal {
                kind,
                status: 403,
                code: String::from("AccessDeniedException"),
                message: String::from("Certificate revoked"),
                request_id: Some(String::from("4c1f")),
                server_time: None,
                local_time: world.clock.now(),
                corrected_by: 0,
                retry_after: None,
                attempts: 1,
            }))))
        };
        let mood = *world.mood.lock().unwrap();
        match mood {
            Mood::Hangs => Err(CreateError::Session(SessionError::NoAnswer(NoAnswer::Deadline {
                service: Service::RolesAnywhere,
                host: String::from("h"),
                phase: Phase::Answer,
                after: longest,
            }))),
            Mood::Refuses => refused(RefusalKind::CertificateRevoked),
            Mood::Throttles => refused(RefusalKind::Throttled),
            Mood::Grants(lifetime, clock_offset) => {
                let aws_now = world.clock.now().unix_seconds() + clock_offset;
                let common_name = if certificate.holds("CN=TEST build-17", "CN=TEST root") {
                    "CN=TEST build-17"
                } else {
                    "CN=TEST other"
                };
                Ok(NewSession {
                    credential_set: CredentialSet {
                        role_arn: wanted.request.role_arn.clone(),
                        assumed_role_arn: None,
                        source_identity: None,
                        subject_arn: None,
                        credentials: SessionCredentials {
                            access_key_id: format!("ASIAEXAMPLE{number:09}"),
                            secret_access_key: Secret::new(String::from("canary-secret")),
                            session_token: Secret::new(String::from("canary-token")),
                            expiration: Timestamp::from_unix_seconds(aws_now).plus(lifetime),
                        },
                    },
                    clock_offset,
                    certificate_sha256: *certificate.sha256(),
                    subject_name: common_name.to_owned(),
                    issuer_name: String::from("CN=TEST root"),
                })
            }
        }
    }
}

/// Returns a certificate of that subject name; each has other bytes.
fn certificate(subject: &str) -> Arc<CertificateBytes> {
    let begin = time::OffsetDateTime::from_unix_timestamp(NOON.unix_seconds()).unwrap();
    let validity = Validity::starting(begin - time::Duration::HOUR, time::Duration::days(30));
    let key_pair = || KeyPair::generate(KeyAlgorithm::EcP256).unwrap();
    let root = AuthoritySpec::new("CN=TEST root".parse().unwrap(), validity);
    let root = Authority::root(&root, key_pair()).unwrap();
    let spec = EndEntitySpec::new(subject.parse().unwrap(), validity);
    let issued = root.issue(&spec, key_pair().subject_public_key_info()).unwrap();
    Arc::new(CertificateBytes::new(Zeroizing::new(issued.chain_pem().into_bytes())))
}

#[test]
fn a_fresh_entry_is_the_answer_until_its_window_begins() {
    let world = World::new();
    let first = world.ask().unwrap();
    for _ in 0..10 {
        assert_eq!(world.ask().unwrap(), first);
    }
    world.clock.advance(40 * MINUTE);
    assert_eq!(world.ask().unwrap(), first);
    assert_eq!(world.created(), 1);
    world.clock.advance(MINUTE);
    assert_ne!(world.ask().unwrap(), first);
    assert_eq!(world.created(), 2);
}

#[test]
fn each_consumer_gets_what_it_needs_of_one_cache() {
    let world = World::new();
    let ask = |minimum| world.provider().session(minimum).map(access_key_id).unwrap();
    let first = ask(MinimumRemaining::Window);
    world.clock.advance(31 * MINUTE);
    assert_eq!(ask(MinimumRemaining::Window), first);
    let second = ask(MinimumRemaining::Half);
    assert_ne!(second, first);
    assert_eq!(ask(MinimumRemaining::Window), second);
    world.clock.advance(20 * MINUTE);
    assert_eq!(ask(MinimumRemaining::Half), second);
    assert_ne!(ask(MinimumRemaining::AtLeast(50 * MINUTE)), second);
}

#[test]
fn many_at_once_make_one_session() {
    let world = World::new();
    let begin = Barrier::new(32);
    let answers: Vec<_> = std::thread::scope(|scope| {
        let ask = || {
            begin.wait();
            world.ask().unwrap()
        };
        let threads: Vec<_> = (0..32).map(|_| scope.spawn(ask)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(world.created(), 1);
    assert!(answers.iter().all(|answer| *answer == answers[0]));
}

#[test]
fn those_who_wait_share_the_failure() {
    let world = World::new();
    world.set(Mood::Hangs);
    let closed = world.gate.lock().unwrap();
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(|| world.ask().unwrap_err())).collect();
        // One is in the middle of its call, and the others wait for the lock in threads of their own.
        wait_until(|| world.created() == 1 && waiting(&world) == 7);
        drop(closed);
        let errors: Vec<_> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
        let shared = errors.iter().filter(|error| matches!(error, ProviderError::Shared { .. })).count();
        assert_eq!((world.created(), shared), (1, 7));
        assert!(errors.iter().all(|error| (error.id(), error.fault()) == ("deadline", Fault::Unreachable)));
    });
    // The network is worth another try to whoever has nothing.
    world.set(Mood::Grants(HOUR, 0));
    world.ask().unwrap();
    assert_eq!(world.created(), 2);
}

/// Counts who waits for a lock of the world's state folder.
fn waiting(world: &World) -> usize {
    use std::os::unix::fs::MetadataExt as _;
    let locks = std::fs::read_to_string("/proc/locks").unwrap_or_default();
    let inodes: Vec<_> = std::fs::read_dir(world.state())
        .into_iter()
        .flatten()
        .map(|entry| format!(":{} ", entry.unwrap().metadata().unwrap().ino()))
        .collect();
    locks
        .lines()
        .filter(|line| line.contains("->") && inodes.iter().any(|inode| line.contains(inode.as_str())))
        .count()
}

#[test]
fn where_nobody_waits_a_slow_answer_is_worth_the_whole_deadline() {
    let world = World::new();
    let ask = |minimum| world.provider().session(minimum).map(access_key_id).unwrap();
    let first = ask(MinimumRemaining::Background);
    world.clock.advance(29 * MINUTE);
    assert_eq!(ask(MinimumRemaining::Background), first);
    world.clock.advance(2 * MINUTE);
    assert_ne!(ask(MinimumRemaining::Background), first);
    assert_eq!(world.longest.lock().unwrap().last(), Some(&Duration::from_secs(45)));
}

#[test]
fn an_outage_is_silent_while_an_entry_works() {
    let world = World::new();
    let first = world.ask().unwrap();
    world.set(Mood::Hangs);
    world.clock.advance(45 * MINUTE);
    assert_eq!(world.ask().unwrap(), first);
    assert_eq!(world.created(), 2);
    assert_eq!(world.longest.lock().unwrap().last(), Some(&Duration::from_secs(5)));
    for _ in 0..10 {
        assert_eq!(world.ask().unwrap(), first, "nobody tries again for half a minute");
    }
    assert_eq!(world.created(), 2);
    let standing = world.provider().status().unwrap();
    let failure = standing.failure.expect("it is kept for `status`");
    assert_eq!((failure.report.id.as_str(), failure.count), ("deadline", 1));
    assert_eq!(standing.entry.map(access_key_id), Some(first.clone()));

    world.clock.advance(Duration::from_secs(38));
    assert_eq!(world.ask().unwrap(), first);
    assert_eq!(world.created(), 3, "30 s and at most a quarter of jitter later somebody tries");
    world.clock.advance(15 * MINUTE);
    let error = world.ask().unwrap_err();
    assert!(matches!(error, ProviderError::Failed(_)), "expired is never answered: {error:?}");
    let limits = world.longest.lock().unwrap();
    assert!(limits.last().is_some_and(|longest| *longest > Duration::from_secs(40)), "{limits:?}");
    drop(limits);

    world.set(Mood::Grants(HOUR, 0));
    world.ask().unwrap();
    assert_eq!(world.provider().status().unwrap().failure, None, "a success ends it");
}

#[test]
fn after_a_refusal_the_next_try_waits_longer_each_time() {
    let world = World::new();
    world.set(Mood::Refuses);
    let first = world.ask().unwrap_err();
    assert_eq!(first.id(), "aws-certificate-revoked");
    let mut tries = Vec::new();
    for _ in 0..60 {
        let before = world.created();
        let error = world.ask().unwrap_err();
        assert_eq!((error.id(), error.fault()), ("aws-certificate-revoked", Fault::Refused));
        if before == world.created() {
            assert!(matches!(error, ProviderError::BackingOff { .. }));
            assert!(error.facts().iter().any(|fact| fact.name == "next try"), "{:?}", error.facts());
            assert_eq!(error.hint(), first.hint(), "the cure stays the same");
        } else {
            tries.push(world.clock.now().since(NOON).as_secs() / 60);
        }
        world.clock.advance(MINUTE);
    }
    assert!((4..=6).contains(&tries.len()), "one hour holds few tries: {tries:?}");
    let waits: Vec<_> = tries.windows(2).map(|pair| pair[1] - pair[0]).collect();
    // They double until fifteen minutes, and from there on only the jitter of a quarter moves them.
    let grows = |pair: &[u64]| pair[0] <= pair[1] || pair[1] >= 15;
    assert!(waits.windows(2).all(grows), "{waits:?}");
    assert!(waits.last().is_some_and(|wait| (15..=20).contains(wait)), "{waits:?}");

    let before = world.created();
    let alone = world.provider_with(Sharing::Alone { others: None }, ServerVerification::On, MINUTE);
    alone.session(MinimumRemaining::Window).unwrap_err();
    assert_eq!(world.created(), before + 1, "who asks alone does not wait");

    // A new certificate has nothing to do with the refusal of the old one.
    *world.certificate.lock().unwrap() = certificate("CN=TEST build-17");
    world.set(Mood::Grants(HOUR, 0));
    world.ask().unwrap();
}

#[test]
fn throttling_is_no_refusal_of_this_identity() {
    let world = World::new();
    let first = world.ask().unwrap();
    world.clock.advance(45 * MINUTE);
    world.set(Mood::Throttles);
    assert_eq!(world.ask().unwrap(), first);
    world.set(Mood::Grants(HOUR, 0));
    world.clock.advance(Duration::from_secs(38));
    assert_ne!(world.ask().unwrap(), first);
}

#[test]
fn a_renewed_certificate_means_a_new_session() {
    let world = World::new();
    let first = world.ask().unwrap();
    *world.certificate.lock().unwrap() = certificate("CN=TEST build-17");
    let second = world.ask().unwrap();
    assert_ne!(second, first);
    assert_eq!(world.ask().unwrap(), second);

    world.set(Mood::Refuses);
    *world.certificate.lock().unwrap() = certificate("CN=TEST build-17");
    assert_eq!(
        world.ask().unwrap(),
        second,
        "the same names: the session of the old certificate still is good"
    );
    *world.certificate.lock().unwrap() = certificate("CN=TEST other");
    let error = world.ask().unwrap_err();
    assert_eq!(error.id(), "aws-certificate-revoked", "other names: that session is not theirs");
    *world.certificate.lock().unwrap() =
        Arc::new(CertificateBytes::new(Zeroizing::new(b"half of a file".to_vec())));
    world.ask().unwrap_err();
}

#[test]
fn freshness_follows_the_corrected_clock() {
    // This clock is 30 minutes behind: the session ends when it has run for half of what the clock shows.
    let world = World::new();
    world.set(Mood::Grants(HOUR, 1800));
    let first = world.ask().unwrap();
    let entry = world.provider().session(MinimumRemaining::Window).unwrap();
    assert_eq!((entry.lifetime(), entry.expiration()), (HOUR, NOON.plus(90 * MINUTE)));
    world.clock.advance(40 * MINUTE);
    assert_eq!(world.ask().unwrap(), first);
    world.clock.advance(MINUTE);
    assert_ne!(world.ask().unwrap(), first);

    // 30 minutes ahead: consumers judge the expiration by the same clock, so it counts as it is.
    let world = World::new();
    world.set(Mood::Grants(HOUR, -1800));
    let first = world.ask().unwrap();
    world.clock.advance(15 * MINUTE);
    assert_eq!(world.ask().unwrap(), first);
    world.clock.advance(MINUTE);
    assert_ne!(world.ask().unwrap(), first);
}

#[test]
fn what_nobody_verified_is_not_kept() {
    let world = World::new();
    for number in 1..=3 {
        let provider = world.provider_with(world.shared(), ServerVerification::Off, MINUTE);
        provider.session(MinimumRemaining::Window).unwrap();
        assert_eq!(world.created(), number);
    }
    assert!(!world.state().exists());
}

/// A store that fails at everything.
struct Broken;

impl CredentialCache for Broken {
    fn get(&self, _: &CacheKey) -> Result<Option<CacheEntry>, CacheError> {
        Err(CacheError::Container)
    }
    fn put(&self, _: &CacheKey, _: &CacheEntry) -> Result<(), CacheError> {
        Err(CacheError::Container)
    }
    fn remove(&self, _: &CacheKey) -> Result<(), CacheError> {
        Err(CacheError::Container)
    }
    fn list(&self) -> Result<Vec<EntrySummary>, CacheError> {
        Err(CacheError::Container)
    }
}

#[test]
fn a_store_or_a_folder_that_fails_never_fails_the_call() {
    let world = World::new();
    let namespace = Namespace::default;
    std::fs::write(world.folder.path().join("file"), "").unwrap();
    for path in [world.state(), world.folder.path().join("file"), world.folder.path().join("file/below")] {
        let location = StateLocation::at(path);
        let sharing = Sharing::User { cache: Box::new(Broken), location, namespace: namespace() };
        world.provider_with(sharing, ServerVerification::On, MINUTE).session(MinimumRemaining::Half).unwrap();
    }
    assert_eq!(world.created(), 3);
}

#[test]
fn a_damaged_entry_is_a_miss() {
    let world = World::new();
    let first = world.ask().unwrap();
    for entry in std::fs::read_dir(world.state()).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "session") {
            let mut bytes = std::fs::read(&path).unwrap();
            bytes[100] ^= 1;
            std::fs::write(&path, bytes).unwrap();
        }
    }
    let second = world.ask().unwrap();
    assert_ne!(first, second);
    assert_eq!(world.ask().unwrap(), second);
}

#[test]
fn the_deadline_covers_the_waiting() {
    let world = World::new();
    let closed = world.gate.lock().unwrap();
    std::thread::scope(|scope| {
        let holder = scope.spawn(|| world.ask());
        wait_until(|| world.created() == 1);
        let provider = world.provider_with(world.shared(), ServerVerification::On, Duration::from_millis(50));
        let error = provider.session(MinimumRemaining::Window).unwrap_err();
        assert!(matches!(error, ProviderError::Busy { .. }), "{error:?}");
        assert_eq!(world.created(), 1, "nobody goes alone while a living holder works");
        drop(closed);
        holder.join().unwrap().unwrap();
    });
}

#[test]
fn with_a_valid_entry_nobody_waits_for_the_one_who_renews() {
    let world = World::new();
    let first = world.ask().unwrap();
    world.clock.advance(45 * MINUTE);
    let closed = world.gate.lock().unwrap();
    std::thread::scope(|scope| {
        let holder = scope.spawn(|| world.ask());
        wait_until(|| world.created() == 2);
        assert_eq!(world.ask().unwrap(), first);
        drop(closed);
        assert_ne!(holder.join().unwrap().unwrap(), first);
    });
    assert_eq!(world.created(), 2);
}
