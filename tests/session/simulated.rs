//! Real requests over HTTP and HTTPS, judged by the simulator.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use anyrole::clock::{Clock as _, SystemClock};
use anyrole::diagnostic::Diagnostic as _;
use anyrole::env::Environment;
use anyrole::http::{
    Limits, NativeTransport, Proxies, ServerTrust, Timeouts, TransportSettings, TrustedRoots,
};
use anyrole::session::{self, Session, SessionError, SessionRequest};
use anyrole::signing::Endpoint;
use pki_test::algorithm::KeyAlgorithm;
use pki_test::simulator::{Profile, Role, Simulator, SimulatorSettings};
use pki_test::verifier::{Denial, TrustAnchor};

use super::support::{Chain, PROFILE, REGION, ROLE, TRUST_ANCHOR, request};

const HOUR: Duration = Duration::from_secs(3600);

/// A chain and a simulator whose trust anchor is its root.
pub(super) struct World {
    pub(super) chain: Chain,
    pub(super) simulator: Simulator,
}

impl World {
    pub(super) fn start(change: impl FnOnce(&mut SimulatorSettings)) -> Self {
        Self::with_key(KeyAlgorithm::EcP256, change)
    }

    pub(super) fn with_key(algorithm: KeyAlgorithm, change: impl FnOnce(&mut SimulatorSettings)) -> Self {
        let chain = Chain::valid(algorithm, SystemClock.now(), 100 * 24 * HOUR);
        let anchor = TrustAnchor::new(TRUST_ANCHOR, &[&chain.root_der]).unwrap();
        let profile = Profile::new(PROFILE, &[ROLE]).unwrap();
        let mut settings =
            SimulatorSettings::new(REGION, vec![anchor], vec![profile], vec![Role::new(ROLE).unwrap()]);
        settings.https = Some(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)));
        change(&mut settings);
        Self { chain, simulator: Simulator::start(settings).unwrap() }
    }

    fn with_fault(fault: &str) -> Self {
        Self::start(|settings| settings.faults = vec![fault.parse().unwrap()])
    }

    pub(super) fn endpoint(&self) -> Endpoint {
        Endpoint::parse(&self.simulator.http_endpoint()).unwrap()
    }

    fn create(
        &self,
        request: &SessionRequest,
        endpoint: &Endpoint,
        trust: ServerTrust,
    ) -> Result<Session, SessionError> {
        let transport = transport(trust, Duration::from_secs(5));
        let mut identity = self.chain.identity();
        let call =
            session::create(&transport, &mut identity, request, endpoint, Limits::default(), &SystemClock);
        block_on(call)
    }

    fn create_plainly(&self) -> Result<Session, SessionError> {
        self.create(&request(), &self.endpoint(), ServerTrust::Anybody)
    }
}

pub(super) fn block_on<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

pub(super) fn transport(trust: ServerTrust, attempt: Duration) -> NativeTransport {
    let timeouts = Timeouts { attempt, ..Timeouts::default() };
    NativeTransport::new(TransportSettings { proxies: Proxies::default(), timeouts, trust })
}

#[test]
fn every_kind_of_key_over_http_and_https() {
    for algorithm in KeyAlgorithm::ALL {
        let world = World::with_key(algorithm, |_| {});
        let folder = tempfile::tempdir().unwrap();
        let bundle = folder.path().join("ca.pem");
        #[expect(clippy::disallowed_methods, reason = "a test's own folder")]
        std::fs::write(&bundle, world.simulator.tls_ca_pem().unwrap()).unwrap();
        let none = Environment::given::<&str, &str>([]);
        let roots = TrustedRoots { bundle: Some(bundle), ..TrustedRoots::platform(none) };
        let https = Endpoint::parse(&world.simulator.https_endpoint().unwrap()).unwrap();
        for (endpoint, trust) in
            [(world.endpoint(), ServerTrust::Anybody), (https, ServerTrust::Roots(roots))]
        {
            let session = world.create(&request(), &endpoint, trust).unwrap();
            assert_eq!((session.attempts, session.clock_offset), (1, 0), "{algorithm:?}");
            assert_eq!(session.credential_set.role_arn.to_string(), ROLE);
            let left = session.credential_set.credentials.expiration.since(SystemClock.now());
            assert!(left <= HOUR && left > HOUR - Duration::from_secs(60));
        }
        for entry in world.simulator.journal() {
            assert!(entry.anomalies.is_empty(), "{:?}", entry.anomalies);
            assert_eq!(entry.user_agent.as_deref(), Some(concat!("anyrole/", env!("CARGO_PKG_VERSION"))));
        }
    }
}

#[test]
fn duration_and_session_name_arrive() {
    let world = World::start(|settings| settings.profiles[0].accept_role_session_name = true);
    let named = SessionRequest {
        session_duration: Some(Duration::from_secs(900)),
        role_session_name: Some(String::from("build-17@ci")),
        ..request()
    };
    let session = world.create(&named, &world.endpoint(), ServerTrust::Anybody).unwrap();
    let arn = session.credential_set.assumed_role_arn.unwrap();
    assert!(arn.ends_with("/build-17@ci"), "{arn}");
    let unnamed = SessionRequest { session_duration: None, ..request() };
    world.create(&unnamed, &world.endpoint(), ServerTrust::Anybody).unwrap();
    let granted: Vec<_> = world.simulator.journal().iter().map(|entry| entry.duration_seconds).collect();
    assert_eq!(granted, [Some(900), Some(3600)]);
}

#[test]
fn every_fault_has_its_error() {
    for (fault, id, requests) in [
        ("bad-token=newline", "answer-malformed", 1),
        ("bad-token=shell", "answer-malformed", 1),
        ("bad-token=escape", "answer-malformed", 1),
        ("cut-body", "network-connection-lost", 3),
        ("empty-set", "answer-malformed", 1),
        ("expiration=+10y", "answer-expiration", 1),
        ("expiration=-1m", "answer-expiration", 1),
        ("foreign-role", "answer-other-role", 1),
        ("html=403", "proxy-answered", 1),
        ("html=500", "proxy-answered", 3),
        ("missing=accessKeyId", "answer-malformed", 1),
        ("missing=secretAccessKey", "answer-malformed", 1),
        ("missing=sessionToken", "answer-malformed", 1),
        ("missing=expiration", "answer-malformed", 1),
        ("missing=credentials", "answer-malformed", 1),
        ("missing=credentialSet", "answer-malformed", 1),
        ("missing=roleArn", "answer-malformed", 1),
        ("redirect", "network-redirect", 1),
        ("redirect=http://127.0.0.1:9/", "network-redirect", 1),
        ("reset", "network-connection-lost", 3),
        ("status=500", "aws-unavailable", 3),
        ("status=503", "aws-unavailable", 3),
        ("throttle=60", "aws-throttled", 1),
        ("wrong-json", "answer-malformed", 1),
    ] {
        let world = World::with_fault(fault);
        let error = world.create_plainly().unwrap_err();
        assert_eq!(error.id(), id, "{fault}: {error:?}");
        assert_eq!(world.simulator.sessions_requested(), requests, "{fault}");
    }
}

#[test]
fn what_passes_is_survived() {
    for fault in
        ["status=500x2", "reset x1", "cut-body x1", "throttlex2", "throttle=0x1", "missing=subjectArn"]
    {
        World::with_fault(&fault.replace(' ', "")).create_plainly().unwrap();
    }
}

#[test]
fn silence_is_not_waited_for() {
    let world = World::with_fault("hang");
    let transport = transport(ServerTrust::Anybody, Duration::from_millis(50));
    let mut identity = world.chain.identity();
    let (request, endpoint) = (request(), world.endpoint());
    let call =
        session::create(&transport, &mut identity, &request, &endpoint, Limits::default(), &SystemClock);
    assert_eq!(block_on(call).unwrap_err().id(), "network-timeout");
    assert_eq!(world.simulator.sessions_requested(), 3);
}

#[test]
fn a_wrong_clock_is_corrected() {
    for (clock, offset) in [("+20m", 1200), ("-20h", -72_000)] {
        let world = World::with_fault(&format!("clock={clock}"));
        let session = world.create_plainly().unwrap();
        assert!((offset - 5..=offset + 5).contains(&session.clock_offset), "{}", session.clock_offset);
        assert_eq!(world.simulator.sessions_requested(), 2);
    }
    let world = World::with_fault("clock=+30h");
    assert_eq!(world.create_plainly().unwrap_err().id(), "aws-invalid-signature");
    assert_eq!(world.simulator.sessions_requested(), 1);
    // Over TLS that nobody verified, the clock is not corrected.
    let world = World::with_fault("clock=+20m");
    let https = Endpoint::parse(&world.simulator.https_endpoint().unwrap()).unwrap();
    let error = world.create(&request(), &https, ServerTrust::Anybody).unwrap_err();
    assert_eq!(error.id(), "aws-invalid-signature");
}

#[test]
fn every_denial_has_its_id() {
    for denial in Denial::ALL {
        let id = match denial {
            Denial::AttributeMapping => "aws-attributes-not-mapped",
            Denial::CertificateRevoked => "aws-certificate-revoked",
            Denial::InsufficientCertificate => "aws-insufficient-certificate",
            Denial::InvalidProfile => "aws-invalid-profile",
            Denial::InvalidSignature => "aws-invalid-signature",
            Denial::RoleNotInProfile => "aws-role-not-in-profile",
            Denial::RoleSessionName => "aws-session-name-not-accepted",
            Denial::SessionDuration | Denial::UnableToAssumeRole => "aws-cannot-assume-role",
            Denial::TrustAnchorNotFound => "aws-trust-anchor-not-found",
            Denial::UnknownOperation => "aws-refused",
            Denial::UntrustedCertificate => "aws-untrusted-certificate",
            Denial::Validation => "aws-invalid-request",
        };
        let world = World::with_fault(&format!("deny={}", denial.id()));
        let error = world.create_plainly().unwrap_err();
        assert_eq!(error.id(), id);
        assert_eq!(world.simulator.sessions_requested(), 1, "{id}");
    }
}

#[test]
fn a_missing_intermediate_is_what_the_judge_says() {
    let world = World::start(|_| {});
    let transport = transport(ServerTrust::Anybody, Duration::from_secs(5));
    let mut identity = world.chain.without_intermediates();
    let endpoint = world.endpoint();
    let error = block_on(session::create(
        &transport,
        &mut identity,
        &request(),
        &endpoint,
        Limits::default(),
        &SystemClock,
    ))
    .unwrap_err();
    assert_eq!(error.id(), "aws-untrusted-certificate");
}
