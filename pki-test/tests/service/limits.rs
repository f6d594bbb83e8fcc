//! Who can reach the simulator, and how much it takes.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;

use pki_test::simulator::{Simulator, SimulatorError, SimulatorSettings};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;

use super::client::{connect, exchange, wire_form};
use super::identity::NOW;
use super::world::World;

fn settings() -> SimulatorSettings {
    SimulatorSettings::new("eu-central-1", Vec::new(), Vec::new(), Vec::new())
}

#[test]
fn only_loopback_addresses_are_bound() {
    for address in ["0.0.0.0:0", "[::]:0", "169.254.169.254:0", "192.0.2.1:0", "[::ffff:192.0.2.1]:0"] {
        let address: SocketAddr = address.parse().unwrap();
        let http = SimulatorSettings { http: address, ..settings() };
        let https = SimulatorSettings { https: Some(address), ..settings() };
        for settings in [http, https] {
            let error = Simulator::start(settings).unwrap_err();
            assert!(matches!(error, SimulatorError::NotLoopback { address: found } if found == address));
        }
    }
}

#[test]
fn a_busy_port_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let error = Simulator::start(SimulatorSettings { http: address, ..settings() }).unwrap_err();
    assert_eq!(error.to_string(), format!("cannot listen on {address}"));
}

#[test]
fn a_stopped_simulator_listens_no_more() {
    let simulator = Simulator::start(settings()).unwrap();
    let address: SocketAddr = simulator.http_endpoint()[7..].parse().unwrap();
    drop(TcpStream::connect(address).unwrap());
    simulator.stop();
    assert!(TcpStream::connect(address).is_err());
}

#[test]
fn the_quota_is_counted_by_the_simulators_clock() {
    let world = World::start(|settings| settings.rate_limit = Some(2));
    let statuses: Vec<u16> = (0..3).map(|_| world.session().status).collect();
    assert_eq!(statuses, [201, 201, 429]);
    let answer = world.session();
    assert_eq!(answer.error(), ("ThrottlingException".to_owned(), "Rate exceeded".to_owned()));
    assert_eq!(answer.header("retry-after"), Some("1"));
    world.clock.set(NOW + time::Duration::SECOND);
    assert_eq!(world.session().status, 201);
}

#[test]
fn large_requests_are_taken_and_larger_ones_refused() {
    let world = World::start(|_| {});
    let mut draft = world.draft();
    draft.unsigned.push(("x-padding".to_owned(), "x".repeat(80 * 1024)));
    assert_eq!(world.ask(&draft).status, 201);
    draft.unsigned.push(("x-more".to_owned(), "x".repeat(40 * 1024)));
    assert_eq!(world.ask(&draft).status, 431);
    let mut draft = world.draft();
    draft.body = vec![b' '; 64 * 1024 + 1];
    assert_eq!(world.ask(&draft).status, 413);
    assert_eq!(world.session().status, 201);
}

#[test]
fn connections_are_kept_and_counted() {
    let world = World::start(|_| {});
    let endpoint = world.simulator.http_endpoint();
    let request = wire_form(&world.draft().sign(&world.identity));
    let mut streams: Vec<TcpStream> = (0..3).map(|_| connect(&endpoint)).collect();
    for _ in 0..2 {
        for stream in &mut streams {
            assert_eq!(exchange(stream, &request).unwrap().status, 201);
        }
    }
    assert_eq!(world.simulator.connections_high_water(), 3);
    assert_eq!(world.simulator.sessions_created(), 6);
}

#[test]
fn what_is_no_http_is_turned_away() {
    let world = World::start(|_| {});
    for bytes in [
        &b"\x16\x03\x01\x02\x00\x01\x00"[..],
        b"POST /sessions HTTP/1.1\r\nHost : x\r\n\r\n",
        b"\r\n\r\n\0\0",
    ] {
        let mut stream = connect(&world.simulator.http_endpoint());
        stream.write_all(bytes).unwrap();
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        let mut answer = Vec::new();
        let _reset = stream.read_to_end(&mut answer);
        assert!(answer.is_empty() || answer.starts_with(b"HTTP/1.1 400"), "{answer:?}");
    }
    assert_eq!(world.session().status, 201);
}

#[test]
fn https_answers_under_the_throw_away_ca_for_each_name() {
    let world = World::start(|settings| settings.https = Some(([127, 0, 0, 1], 0).into()));
    let endpoint = world.simulator.https_endpoint().unwrap();
    let ca = CertificateDer::from_pem_slice(world.simulator.tls_ca_pem().unwrap().as_bytes()).unwrap();
    let client = |roots: RootCertStore| {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder =
            ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        Arc::new(builder.with_root_certificates(roots).with_no_client_auth())
    };
    let mut roots = RootCertStore::empty();
    roots.add(ca).unwrap();
    let trusting = client(roots);
    let request = wire_form(&world.draft().sign(&world.identity));
    for name in ["localhost", "127.0.0.1", "::1"] {
        let name = ServerName::try_from(name).unwrap();
        let connection = ClientConnection::new(Arc::clone(&trusting), name).unwrap();
        let mut stream = StreamOwned::new(connection, connect(&endpoint));
        assert_eq!(exchange(&mut stream, &request).unwrap().status, 201);
    }
    let name = ServerName::try_from("localhost").unwrap();
    let connection = ClientConnection::new(client(RootCertStore::empty()), name).unwrap();
    let mut stream = StreamOwned::new(connection, connect(&endpoint));
    assert!(exchange(&mut stream, &request).is_err());
}
