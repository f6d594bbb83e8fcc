//! Trust anchors that ask the lists at the CRL distribution points of certificates.

#![expect(clippy::disallowed_methods, reason = "a test makes its files itself")]

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::Path;

use pki_test::algorithm::KeyAlgorithm;
use pki_test::authority::{Authority, AuthoritySpec};
use pki_test::certificate::SerialNumber;
use pki_test::distinguished_name::DistinguishedName;
use pki_test::end_entity::EndEntitySpec;
use pki_test::key_pair::KeyPair;
use pki_test::revocation::{RevocationListSpec, RevokedCertificate};
use pki_test::simulator::{Simulator, SimulatorSettings};
use pki_test::verifier::Certificate;
use tempfile::TempDir;
use time::{Duration, OffsetDateTime};

use super::client::{Received, send};
use super::draft::Draft;
use super::identity::{Identity, Issuing, NOW, validity};
use super::vectors::{ANCHOR, PROFILE, ROLE};
use super::world::TestClock;

const OWN: &str = "http://pki.example/issuing.crl";
const ABOVE: &str = "http://pki.example/root.crl";

/// A root and an intermediate whose certificate names the root's list.
fn issuing() -> Issuing {
    let name = |name: &str| -> DistinguishedName { name.parse().unwrap() };
    let key = || KeyPair::generate(KeyAlgorithm::EcP256).unwrap();
    let root = Authority::root(&AuthoritySpec::new(name("CN=TEST root"), validity()), key()).unwrap();
    let spec = AuthoritySpec {
        crl_urls: vec![ABOVE.to_owned()],
        ..AuthoritySpec::new(name("CN=TEST issuing"), validity())
    };
    let authority = root.intermediate(&spec, key()).unwrap();
    Issuing { root, authority }
}

fn identity(issuing: &Issuing, urls: &[&str]) -> Identity {
    let spec = EndEntitySpec {
        crl_urls: urls.iter().map(|url| (*url).to_owned()).collect(),
        ..EndEntitySpec::new("CN=build-17".parse().unwrap(), validity())
    };
    Identity::specified(issuing, KeyAlgorithm::EcP256, spec)
}

/// Makes a list of `authority` with these serial numbers that ends at `next_update`.
fn list(authority: &Authority, serials: &[&[u8]], next_update: OffsetDateTime) -> Vec<u8> {
    let revoked = serials.iter().map(|serial| RevokedCertificate {
        serial: SerialNumber::new(serial).unwrap(),
        revoked_at: NOW - Duration::DAY,
        reason: None,
    });
    let this_update = next_update - 7 * Duration::DAY;
    let spec = RevocationListSpec { number: 1, this_update, next_update, revoked: revoked.collect() };
    authority.revocation_list(&spec).unwrap().der().to_vec()
}

/// Writes the files of a world in which both lists are good and empty.
fn folder(issuing: &Issuing) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("root.pem"), issuing.root.certificate_pem()).unwrap();
    let week = NOW + 6 * Duration::DAY;
    fs::write(folder.path().join("issuing.crl"), list(&issuing.authority, &[], week)).unwrap();
    fs::write(folder.path().join("root.crl"), list(&issuing.root, &[], week)).unwrap();
    folder
}

fn start(folder: &Path, more: &str) -> Simulator {
    let toml = format!(
        "version = 1\nregion = 'eu-central-1'\n[[trust_anchor]]\narn = '{ANCHOR}'\ncertificates = ['root.pem']\n\
         crl_distribution_points = true\n{more}crl_files = {{ '{OWN}' = 'issuing.crl', '{ABOVE}' = 'root.crl' }}\n\
         [[profile]]\narn = '{PROFILE}'\nroles = ['{ROLE}']\n[[role]]\narn = '{ROLE}'\n"
    );
    let mut settings = SimulatorSettings::from_toml(&toml, folder).unwrap();
    settings.clock = TestClock::at(NOW).shared();
    Simulator::start(settings).unwrap()
}

/// Asks, and returns the status with the rule and the detail of a refusal.
fn ask(simulator: &Simulator, identity: &Identity) -> (Received, String) {
    let request = Draft::create_session(identity).sign(identity);
    let answer = send(&simulator.http_endpoint(), &request).unwrap();
    (answer, simulator.journal().pop().unwrap().render())
}

#[test]
fn each_state_of_a_list_has_its_answer() {
    let issuing = issuing();
    let (named, silent) = (identity(&issuing, &[OWN]), identity(&issuing, &[]));
    let week = NOW + 6 * Duration::DAY;
    let intermediate = Certificate::parse(issuing.authority.certificate_der()).unwrap();
    let own = |serials: &[&[u8]], next| list(&issuing.authority, serials, next);
    let pem = pki_test::revocation::RevocationList::parse(&own(&[], week)).unwrap().pem().into_bytes();
    let above = list(&issuing.root, &[&intermediate.serial().to_bytes_be()], week);
    let unknown = "revocation-unknown";
    for (file, bytes, rule, detail) in [
        ("issuing.crl", Some(own(&[], week)), "", ""),
        ("issuing.crl", Some(own(&[&[0x0a, 0xbd]], week)), "", ""),
        ("issuing.crl", Some(own(&[&[0x0a, 0xbc]], week)), "revoked", "serial number 2748"),
        (
            "issuing.crl",
            Some(own(&[], NOW - Duration::SECOND)),
            unknown,
            "it expired at 2026-11-23T16:19:59Z",
        ),
        ("issuing.crl", Some(own(&[], NOW + 8 * Duration::DAY)), unknown, "it is not valid before"),
        ("issuing.crl", Some(pem), unknown, "it is PEM"),
        ("issuing.crl", Some(list(&issuing.root, &[], week)), unknown, "not a list of 'CN=TEST issuing'"),
        ("issuing.crl", Some(b"0".to_vec()), unknown, "the revocation list is damaged"),
        ("issuing.crl", None, unknown, "cannot be read"),
        ("root.crl", Some(above), "revoked", "CN=TEST issuing"),
        ("root.crl", None, unknown, ABOVE),
    ] {
        let folder = folder(&issuing);
        match bytes {
            Some(bytes) => fs::write(folder.path().join(file), bytes).unwrap(),
            None => fs::remove_file(folder.path().join(file)).unwrap(),
        }
        let (answer, entry) = ask(&start(folder.path(), ""), &named);
        if rule.is_empty() {
            assert_eq!(answer.status, 201, "{entry}");
            continue;
        }
        let message = if rule == "revoked" { "Certificate revoked" } else { "Untrusted signing certificate" };
        assert_eq!(answer.error(), ("AccessDeniedException".to_owned(), message.to_owned()), "{entry}");
        assert!(
            entry.contains(&format!("\"rule\":\"{rule}\"")) && entry.contains(detail),
            "{detail}: {entry}"
        );
        // Told to admit what cannot be told, the anchor still refuses what is revoked.
        let lenient = start(folder.path(), "crl_unavailable = 'admit'\n");
        assert_eq!(
            ask(&lenient, &named).0.status,
            if rule == unknown { 201 } else { 403 },
            "{file} {detail}"
        );
    }
    // Nobody names a list: nothing is asked, and nothing missed.
    let folder = folder(&issuing);
    fs::remove_file(folder.path().join("issuing.crl")).unwrap();
    assert_eq!(ask(&start(folder.path(), ""), &silent).0.status, 201);
}

#[test]
fn a_list_that_changes_counts_at_once() {
    let issuing = issuing();
    let folder = folder(&issuing);
    let (simulator, identity) = (start(folder.path(), ""), identity(&issuing, &[OWN]));
    assert_eq!(ask(&simulator, &identity).0.status, 201);
    let revoked = list(&issuing.authority, &[&[0x0a, 0xbc]], NOW + Duration::DAY);
    fs::write(folder.path().join("issuing.crl"), revoked).unwrap();
    assert_eq!(ask(&simulator, &identity).0.status, 403);
}

#[test]
fn a_web_server_on_loopback_is_asked_and_no_other() {
    let issuing = issuing();
    let folder = folder(&issuing);
    let server = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let url = format!("http://{}/lists/issuing.crl", server.local_addr().unwrap());
    let bytes = list(&issuing.authority, &[&[0x0a, 0xbc]], NOW + Duration::DAY);
    let served = std::thread::spawn(move || {
        let mut stream = server.accept().unwrap().0;
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            let mut octet = [0];
            stream.read_exact(&mut octet).unwrap();
            request.extend(octet);
        }
        write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", bytes.len()).unwrap();
        stream.write_all(&bytes).unwrap();
        String::from_utf8(request).unwrap()
    });
    let simulator = start(folder.path(), "");
    let (answer, entry) = ask(&simulator, &identity(&issuing, &[&url]));
    assert_eq!((answer.status, entry.contains("\"rule\":\"revoked\"")), (403, true), "{entry}");
    assert!(served.join().unwrap().starts_with("GET /lists/issuing.crl HTTP/1.0\r\n"));

    let (answer, entry) = ask(&simulator, &identity(&issuing, &["http://elsewhere.example/ca.crl"]));
    assert_eq!(answer.status, 403);
    assert!(entry.contains("only lists on loopback are fetched"), "{entry}");
    // The second URL helps where the first does not.
    assert_eq!(ask(&simulator, &identity(&issuing, &["http://elsewhere.example/ca.crl", OWN])).0.status, 201);
    let closed = ask(&simulator, &identity(&issuing, &[&url]));
    assert!(closed.0.status == 403 && closed.1.contains("cannot be reached"), "{}", closed.1);
}
