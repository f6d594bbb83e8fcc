//! Certificates of other CAs, installed beside a key.

use anyrole::clock::{Clock as _, SystemClock};
use pki_test::algorithm::KeyAlgorithm;
use pki_test::authority::{Authority, AuthoritySpec};
use pki_test::certificate::Validity;
use pki_test::end_entity::EndEntitySpec;
use pki_test::key_pair::{KeyForm, KeyPair};
use time::{Duration, OffsetDateTime};

use super::workbench::Workbench;
use crate::support::components::have;

fn now() -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(SystemClock.now().unix_seconds()).expect("a year of four digits")
}

fn validity() -> Validity {
    Validity::starting(now() - Duration::HOUR, Duration::days(2))
}

/// Somebody else's CA with an intermediate.
fn authority() -> (Authority, Authority) {
    let key = || KeyPair::generate(KeyAlgorithm::EcP256).expect("a key");
    let spec = |name: &str| AuthoritySpec::new(name.parse().expect("a name"), validity());
    let root = Authority::root(&spec("CN=TEST other root"), key()).expect("a root");
    let intermediate = root.intermediate(&spec("CN=TEST other intermediate"), key()).expect("a CA");
    (root, intermediate)
}

/// Puts a key in its place, without any CA.
fn with_key(bench: &Workbench, name: &str) -> KeyPair {
    let key_pair = KeyPair::generate(KeyAlgorithm::EcP384).expect("a key");
    bench.run("mkdir", &format!("-p -m 700 anyrole-pki anyrole-pki/{name}")).done();
    bench.write(&format!("anyrole-pki/{name}/{name}.key"), &key_pair.to_pem(KeyForm::Pkcs8).expect("PKCS#8"));
    bench.run("chmod", &format!("600 anyrole-pki/{name}/{name}.key")).done();
    key_pair
}

#[test]
fn a_chain_in_any_order_is_put_in_order_beside_its_key() {
    let bench = Workbench::empty();
    let key_pair = with_key(&bench, "host");
    let (root, intermediate) = authority();
    let spec = EndEntitySpec::new("CN=host".parse().expect("a name"), validity());
    let issued = intermediate.issue(&spec, key_pair.subject_public_key_info()).expect("a certificate");
    let heap = [root.certificate_pem(), intermediate.certificate_pem(), issued.certificate_pem()].concat();
    bench.write("heap.pem", &heap);
    let told = bench.pki("install host --certificate heap.pem").done();
    assert!(
        told.contains("issuer       'CN=TEST other intermediate'") && told.contains("with 1 intermediate\n"),
        "{told}"
    );
    assert_eq!(bench.read("anyrole-pki/host/host.pem"), issued.chain_pem());
    assert_eq!(*bench.read("anyrole-pki/host/host.key"), **key_pair.to_pem(KeyForm::Pkcs8).expect("PKCS#8"));
    if have(&["openssl"]) {
        bench.write("root.pem", &root.certificate_pem());
        bench.write("intermediate.pem", &intermediate.certificate_pem());
        bench
            .run("openssl", "verify -CAfile root.pem -untrusted intermediate.pem anyrole-pki/host/host.pem")
            .done();
    }
    bench.pki("renew host --check").done();
    bench.pki("renew host").refused(2, "pki-missing");

    // The same in two files, over the one before.
    bench.write("certificate.pem", &issued.certificate_pem());
    bench.write("chain.pem", &intermediate.certificate_pem());
    bench.pki("install host --certificate certificate.pem --intermediates chain.pem").done();
    assert_eq!(bench.read("anyrole-pki/host/host.pem"), issued.chain_pem());
}

#[test]
fn what_no_session_would_take_is_not_installed() {
    let bench = Workbench::empty();
    let key_pair = with_key(&bench, "host");
    let (_, intermediate) = authority();
    let issue = |validity: Validity, key: &KeyPair, subject: &str| {
        let spec = EndEntitySpec::new(subject.parse().expect("a name"), validity);
        intermediate.issue(&spec, key.subject_public_key_info()).expect("a certificate").chain_pem()
    };
    let other = KeyPair::generate(KeyAlgorithm::EcP384).expect("a key");
    let day = Duration::days(1);
    for (id, text) in [
        ("key-mismatch", issue(validity(), &other, "CN=host")),
        ("certificate-expired", issue(Validity::starting(now() - day * 3, day), &key_pair, "CN=host")),
        ("certificate-not-yet-valid", issue(Validity::starting(now() + day, day), &key_pair, "CN=host")),
        ("empty-subject", issue(validity(), &key_pair, "")),
        ("certificate-not-pem", String::from("no certificate\n")),
    ] {
        bench.write("certificate.pem", &text);
        bench.pki("install host --certificate certificate.pem").refused(1, id);
        assert!(!bench.path("anyrole-pki/host/host.pem").exists(), "{id}");
    }
    bench.pki("install host --certificate missing.pem").refused(1, "certificate-unreadable");
    bench.pki("install nobody --certificate certificate.pem").refused(2, "pki-key-missing");
    bench.pki("install host").refused(2, "setting-missing");
    bench.pki("install ../host --certificate certificate.pem").refused(2, "pki-name");
}

#[test]
fn what_another_ca_issued_is_neither_renewed_nor_revoked_here() {
    let bench = Workbench::with_root();
    let key_pair = with_key(&bench, "host");
    let (_, intermediate) = authority();
    let spec = EndEntitySpec::new("CN=host".parse().expect("a name"), validity());
    let issued = intermediate.issue(&spec, key_pair.subject_public_key_info()).expect("a certificate");
    bench.write("certificate.pem", &issued.chain_pem());
    bench.pki("install host --certificate certificate.pem").done();
    bench.pki("renew host").refused(1, "pki-not-ours");
    bench.pki("revoke host").refused(2, "pki-unknown-certificate");
    assert!(bench.pki("list").done().contains("CN=host"));
}
