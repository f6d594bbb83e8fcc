//! Which servers are trusted, by which roots.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use anyrole::diagnostic::Diagnostic as _;
use anyrole::env::Environment;
use anyrole::http::{Peer, ServerTrust, TransportError, TrustedRoots};
use anyrole::signing::Endpoint;
use pki_test::algorithm::KeyAlgorithm;
use pki_test::authority::{Authority, AuthoritySpec};
use pki_test::certificate::Validity;
use pki_test::key_pair::KeyPair;
use pki_test::simulator::{Simulator, SimulatorSettings};
use tempfile::TempDir;

use super::server::{send, settings};

struct World {
    simulator: Simulator,
    folder: TempDir,
}

impl World {
    fn start() -> Self {
        let mut settings = SimulatorSettings::new("eu-central-1", Vec::new(), Vec::new(), Vec::new());
        settings.https = Some(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)));
        Self { simulator: Simulator::start(settings).unwrap(), folder: tempfile::tempdir().unwrap() }
    }

    fn endpoint(&self) -> Endpoint {
        Endpoint::parse(&self.simulator.https_endpoint().unwrap()).unwrap()
    }

    /// Writes the simulator's CA to a file of the folder.
    fn ca(&self, name: &str) -> PathBuf {
        self.file(name, self.simulator.tls_ca_pem().unwrap())
    }

    fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path
    }

    /// Asks with the given roots; any answer will do.
    fn ask(&self, roots: TrustedRoots) -> Result<Peer, TransportError> {
        send(settings(ServerTrust::Roots(roots)), &self.endpoint()).map(|response| response.peer())
    }
}

fn platform(variables: &[(&str, PathBuf)]) -> TrustedRoots {
    let variables = variables.iter().map(|(name, value)| (*name, value.clone()));
    TrustedRoots::platform(Environment::given(variables))
}

/// A CA of the same name as the simulator's, with another key.
fn imitation() -> String {
    World::start().simulator.tls_ca_pem().unwrap().to_owned()
}

/// Another CA that nobody asked for.
fn other_ca() -> String {
    let now = time::OffsetDateTime::now_utc();
    let validity = Validity { not_before: now - time::Duration::HOUR, not_after: now + time::Duration::HOUR };
    let spec = AuthoritySpec::new("CN=TEST other CA".parse().unwrap(), validity);
    Authority::root(&spec, KeyPair::generate(KeyAlgorithm::EcP256).unwrap()).unwrap().certificate_pem()
}

#[test]
fn a_stranger_is_not_trusted_and_is_named() {
    let world = World::start();
    let roots = platform(&[("SSL_CERT_FILE", world.file("other.pem", &other_ca()))]);
    let error = world.ask(roots).unwrap_err();
    assert_eq!(error.id(), "network-untrusted-server");
    assert_eq!(
        error.to_string(),
        "the TLS certificate of 127.0.0.1 is not trusted: its issuer is not among the trusted roots"
    );
    let issued_by = &error.facts()[0];
    assert_eq!(issued_by.name, "issued by");
    assert!(issued_by.value.contains("CN="), "{}", issued_by.value);
    assert!(error.hint().unwrap().contains("--extra-ca"));
    assert!(!error.is_transient());

    let roots = platform(&[("SSL_CERT_FILE", world.file("imitation.pem", &imitation()))]);
    let error = world.ask(roots).unwrap_err();
    assert!(error.to_string().ends_with("a trusted root has its issuer's name, but not its key"), "{error}");
}

#[test]
fn a_bundle_replaces_and_an_extra_ca_adds() {
    let world = World::start();
    let (own, other) = (world.ca("ca.pem"), world.file("other.pem", &other_ca()));
    let known = || platform(&[("SSL_CERT_FILE", own.clone())]);
    assert_eq!(
        world.ask(TrustedRoots { bundle: Some(own.clone()), ..platform(&[]) }).unwrap(),
        Peer::Verified
    );
    let replaced = world.ask(TrustedRoots { bundle: Some(other.clone()), ..known() });
    assert_eq!(replaced.unwrap_err().id(), "network-untrusted-server");
    let unknown = || platform(&[("SSL_CERT_FILE", other.clone())]);
    assert_eq!(world.ask(TrustedRoots { extra: vec![own.clone()], ..unknown() }).unwrap(), Peer::Verified);
    let both = TrustedRoots { bundle: Some(other.clone()), extra: vec![own.clone()], ..unknown() };
    assert_eq!(world.ask(both).unwrap(), Peer::Verified);
    assert_eq!(world.ask(known()).unwrap(), Peer::Verified);
}

#[cfg(all(unix, not(target_vendor = "apple")))]
#[test]
fn folders_are_asked_when_the_file_does_not_know() {
    let world = World::start();
    let other = world.file("other.pem", &other_ca());
    let folder = world.ca("folder/ca.pem").parent().unwrap().to_owned();
    for variables in [
        vec![("SSL_CERT_DIR", folder.clone())],
        vec![("SSL_CERT_FILE", world.file("imitation.pem", &imitation())), ("SSL_CERT_DIR", folder.clone())],
        vec![("SSL_CERT_FILE", other), ("SSL_CERT_DIR", folder.clone())],
        vec![("SSL_CERT_FILE", PathBuf::from("/nonexistent")), ("SSL_CERT_DIR", folder)],
    ] {
        assert_eq!(world.ask(platform(&variables)).unwrap(), Peer::Verified, "{variables:?}");
    }
}

#[cfg(all(unix, not(target_vendor = "apple")))]
#[test]
fn without_roots_nobody_is_trusted() {
    let world = World::start();
    let error = world.ask(platform(&[("SSL_CERT_FILE", PathBuf::from("/nonexistent"))])).unwrap_err();
    assert_eq!(error.id(), "no-trusted-roots");
    assert_eq!(error.facts()[0].value, "/nonexistent");
}

#[test]
fn a_bundle_that_cannot_be_used_is_named() {
    let world = World::start();
    let damaged = "-----BEGIN CERTIFICATE-----\n*\n-----END CERTIFICATE-----\n";
    for path in [PathBuf::from("/nonexistent"), world.file("empty", ""), world.file("damaged", damaged)] {
        let error = world.ask(TrustedRoots { bundle: Some(path.clone()), ..platform(&[]) }).unwrap_err();
        assert_eq!(error.id(), "ca-bundle-unusable");
        assert!(error.to_string().contains(path.to_str().unwrap()), "{error}");
    }
    assert!(world.simulator.journal().is_empty(), "nothing was sent");
}

#[test]
fn anybody_is_trusted_only_when_asked_for() {
    let world = World::start();
    let answer = send(settings(ServerTrust::Anybody), &world.endpoint()).unwrap();
    assert_eq!(answer.peer(), Peer::Unverified);
}

// On macOS 127.0.0.1 is the only one of its kind.
#[cfg(not(target_vendor = "apple"))]
#[test]
fn another_host_is_not_this_one() {
    use super::server::Server;

    // The simulator's certificate is for 127.0.0.1; a port forwarder on 127.0.0.2 is another host.
    let world = World::start();
    let target = world.simulator.https_endpoint().unwrap().replace("https://", "");
    let forwarder = Server::forwarding("127.0.0.2:0", target);
    let roots = TrustedRoots { bundle: Some(world.ca("ca.pem")), ..platform(&[]) };
    let endpoint = Endpoint::parse(&format!("https://127.0.0.2:{}", forwarder.port)).unwrap();
    let error = send(settings(ServerTrust::Roots(roots)), &endpoint).unwrap_err();
    assert!(error.to_string().ends_with("it was issued for another host"), "{error}");
}
