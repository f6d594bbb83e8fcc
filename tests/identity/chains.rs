//! Chains out of heaps: order, bounds, strangers.

use anyrole::identity::check::Warning;
use anyrole::x509::{Certificate, Chain};
use pki_test::algorithm::KeyAlgorithm;
use pki_test::authority::Authority;
use pki_test::defect::Defect;
use pki_test::end_entity::EndEntitySpec;

use super::support::{Folder, NOW, Pki, authority_spec, loaded, name, new_key, now, source, validity};

fn parse(der: &[u8]) -> Certificate {
    Certificate::parse(der).expect("a certificate")
}

#[test]
fn a_stranger_is_left_out_and_told() {
    let pki = Pki::new(KeyAlgorithm::EcP256);
    let other = Pki::new(KeyAlgorithm::EcP256);
    let folder = Folder::new();
    let content =
        [pki.key_pem(), other.lower.certificate_pem(), pki.certificate_pem(), pki.lower.certificate_pem()];
    let identity = loaded(&source(&folder.write("all.pem", content.concat()), None));
    assert_eq!(identity.intermediates().len(), 1);
    let subject = String::from("CN=TEST lower");
    assert!(
        matches!(identity.warnings(NOW).as_slice(), [Warning::Unrelated { subject: found, .. }] if *found == subject),
        "{:?}",
        identity.warnings(NOW)
    );
}

#[test]
fn names_alone_make_no_chain() {
    // The same names by another key: only the signature tells.
    let pki = Pki::new(KeyAlgorithm::EcP256);
    let imitation = Pki::new(KeyAlgorithm::EcP256);
    let heap = vec![parse(imitation.lower.certificate_der()), parse(pki.lower.certificate_der())];
    let chain = Chain::order(parse(pki.end_entity.certificate_der()), heap);
    assert_eq!(chain.intermediates, [parse(pki.lower.certificate_der())]);
    assert_eq!(chain.unrelated, [parse(imitation.lower.certificate_der())]);
}

#[test]
fn every_pair_of_algorithms_can_issue() {
    let algorithms = [
        KeyAlgorithm::EcP256,
        KeyAlgorithm::EcP384,
        KeyAlgorithm::EcP521,
        KeyAlgorithm::Rsa2048,
        KeyAlgorithm::MlDsa44,
        KeyAlgorithm::MlDsa65,
        KeyAlgorithm::MlDsa87,
    ];
    for algorithm in algorithms {
        let authority = Authority::root(&authority_spec("TEST CA"), new_key(algorithm)).expect("a root");
        let spec = EndEntitySpec::new(name("TEST"), validity());
        let key = new_key(KeyAlgorithm::EcP256);
        let end_entity = authority.issue(&spec, key.subject_public_key_info()).expect("an end entity");
        let (root, child) = (parse(authority.certificate_der()), parse(end_entity.certificate_der()));
        assert!(root.issued(&child), "{algorithm}");
        assert!(root.is_self_signed() && root.is_ca() && root.allows_certificate_signing(), "{algorithm}");
        assert!(!child.issued(&root) && !child.is_self_signed(), "{algorithm}");
    }
}

#[test]
fn a_long_chain_keeps_its_order_and_is_refused() {
    let identity = Defect::DepthSix.make(now()).expect("an identity");
    let mut heap: Vec<Certificate> = identity.intermediates_der.iter().map(|der| parse(der)).collect();
    let ordered = heap.clone();
    heap.reverse();
    heap.push(parse(&identity.trust_anchor_der));
    let chain = Chain::order(parse(&identity.end_entity_der), heap);
    assert_eq!(chain.intermediates, ordered);
    assert_eq!(chain.roots.len(), 1);
}

#[test]
fn a_heap_of_the_same_ends() {
    let pki = Pki::new(KeyAlgorithm::EcP256);
    let lower = parse(pki.lower.certificate_der());
    let heap = vec![lower.clone(); 200];
    let chain = Chain::order(parse(pki.end_entity.certificate_der()), heap);
    assert_eq!(chain.intermediates, [lower]);
}
