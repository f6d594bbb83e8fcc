//! Revocation lists: what is on them is refused by openssl and by the judge of requests, and what is not is accepted.

use pki_test::algorithm::KeyAlgorithm;
use pki_test::authority::Authority;
use pki_test::certificate::SerialNumber;
use pki_test::end_entity::EndEntity;
use pki_test::revocation::{
    MAX_IMPORT_OCTETS, RevocationError, RevocationList, RevocationListSpec, RevocationReason,
    RevokedCertificate,
};
use pki_test::verifier::path::build_path;
use pki_test::verifier::{Certificate, Refusal, TrustAnchor};
use proptest::prelude::*;
use time::Duration;

use super::certtool::Certtool;
use super::chain::{self, NOW};
use super::keys;
use super::openssl::{Openssl, pem};

const ANCHOR: &str =
    "arn:aws:rolesanywhere:eu-central-1:111122223333:trust-anchor/11111111-2222-3333-4444-555555555555";

fn spec(number: u64, revoked: Vec<RevokedCertificate>) -> RevocationListSpec {
    RevocationListSpec {
        number,
        this_update: NOW - Duration::MINUTE,
        next_update: NOW + Duration::DAY * 30,
        revoked,
    }
}

fn revoked(end_entity: &EndEntity) -> RevokedCertificate {
    RevokedCertificate {
        serial: end_entity.serial().clone(),
        revoked_at: NOW - Duration::HOUR,
        reason: Some(RevocationReason::KeyCompromise),
    }
}

fn issue(root: &Authority, name: &str) -> EndEntity {
    let key = keys::end_entity(KeyAlgorithm::EcP256);
    root.issue(&chain::end_entity_spec(name), key.subject_public_key_info()).expect("a certificate")
}

/// Asks openssl about one certificate, with the list at hand.
fn openssl_verifies(
    openssl: Openssl,
    root: &Authority,
    list: &RevocationList,
    certificate: &EndEntity,
) -> Result<(), String> {
    let folder = tempfile::tempdir().expect("a private folder");
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).expect("the folder is ours");
        path.to_str().expect("the path of a temporary folder is UTF-8").to_owned()
    };
    let anchor = write("anchor.pem", &pem(root.certificate_der()));
    let list = write("crl.pem", &list.pem());
    let certificate = write("certificate.pem", &pem(certificate.certificate_der()));
    let at = NOW.unix_timestamp().to_string();
    let arguments = [
        "verify",
        "-x509_strict",
        "-crl_check",
        "-attime",
        &at,
        "-no-CApath",
        "-no-CAstore",
        "-CAfile",
        &anchor,
        "-CRLfile",
        &list,
        &certificate,
    ];
    openssl.run(&arguments, &[]).map(drop)
}

/// Asks the judge of requests about one certificate, with the list imported.
fn judge_accepts(root: &Authority, list: &RevocationList, certificate: &EndEntity) -> Result<(), Refusal> {
    let anchor = TrustAnchor::new(ANCHOR, &[root.certificate_der()])
        .expect("a trust anchor")
        .with_revocation_list(list.der())
        .expect("the list is the anchor's");
    let end_entity = Certificate::parse(certificate.certificate_der()).expect("our own certificate");
    build_path(&end_entity, &[], &anchor, NOW).map(|_| ())
}

#[test]
fn what_is_revoked_is_refused_by_all() {
    let openssl = Openssl::find();
    let certtool = Certtool::find();
    for algorithm in KeyAlgorithm::ALL {
        let root = chain::root(algorithm);
        let (gone, kept) = (issue(&root, "CN=gone"), issue(&root, "CN=kept"));
        let list = root.revocation_list(&spec(7, vec![revoked(&gone)])).expect("a list");
        assert!(list.is_signed_by(&Certificate::parse(root.certificate_der()).expect("our own")));
        assert!(matches!(judge_accepts(&root, &list, &gone), Err(Refusal::Revoked { .. })), "{algorithm}");
        assert_eq!(judge_accepts(&root, &list, &kept), Ok(()), "{algorithm}");
        if algorithm.name().starts_with("ml-dsa") {
            continue;
        }
        if let Some(openssl) = openssl {
            let refusal = openssl_verifies(openssl, &root, &list, &gone).expect_err("it is revoked");
            assert!(refusal.contains("certificate revoked"), "{algorithm}: {refusal}");
            assert_eq!(openssl_verifies(openssl, &root, &list, &kept), Ok(()), "{algorithm}");
        }
        if let Some(certtool) = certtool {
            let text = certtool.run(&["--crl-info"], list.pem().as_bytes()).expect("certtool reads it");
            assert!(text.contains("Revoked certificates (1):"), "{text}");
            assert!(text.contains(&format!("{}\n", gone.serial().hex())), "{text}");
        }
    }
}

#[test]
fn a_list_says_what_it_was_told_to_say() {
    let Some(openssl) = Openssl::find() else { return };
    let root = chain::root(KeyAlgorithm::EcP384);
    let entries: Vec<_> = RevocationReason::ALL
        .into_iter()
        .map(Some)
        .chain([None])
        .zip(1u8..)
        .map(|(reason, serial)| RevokedCertificate {
            serial: SerialNumber::new(&[0x80, serial]).expect("positive"),
            revoked_at: NOW - Duration::DAY,
            reason,
        })
        .collect();
    let list = root.revocation_list(&spec(u64::MAX, entries.clone())).expect("a list");
    assert_eq!(list.revoked(), entries);
    assert_eq!(list.number(), Some(u64::MAX));
    let text = openssl.text(&["crl", "-noout", "-text", "-crlnumber"], list.pem().as_bytes());
    for told in [
        "Version 2 (0x1)",
        "Issuer: O = Example, CN = TEST root",
        "crlNumber=0xFFFFFFFFFFFFFFFF",
        "Last Update: May  6 07:07:09 2031 GMT",
        "Next Update: Jun  5 07:08:09 2031 GMT",
        "Key Compromise",
        "CA Compromise",
        "Affiliation Changed",
        "Superseded",
        "Cessation Of Operation",
        "Certificate Hold",
        "Remove From CRL",
        "Privilege Withdrawn",
        "AA Compromise",
        "Signature Algorithm: ecdsa-with-SHA384",
    ] {
        assert!(text.contains(told), "{told} is not in {text}");
    }
    let empty = root.revocation_list(&spec(1, Vec::new())).expect("a list");
    let text = openssl.text(&["crl", "-noout", "-text"], empty.pem().as_bytes());
    assert!(text.contains("No Revoked Certificates."), "{text}");
    assert_eq!(openssl_verifies(openssl, &root, &empty, &issue(&root, "CN=kept")), Ok(()));
}

#[test]
fn lists_are_read_back_and_their_signature_is_checked() {
    let root = chain::root(KeyAlgorithm::EcP256);
    let list = root.revocation_list(&spec(1, vec![revoked(&issue(&root, "CN=gone"))])).expect("a list");
    assert_eq!(RevocationList::parse(list.pem().as_bytes()), Ok(list.clone()));
    assert_eq!(RevocationList::parse(list.der()), Ok(list.clone()));
    assert_eq!(
        (list.this_update(), list.next_update()),
        (NOW - Duration::MINUTE, Some(NOW + Duration::DAY * 30))
    );

    let own = Certificate::parse(root.certificate_der()).expect("our own");
    let other = chain::root(KeyAlgorithm::EcP384);
    let other = Certificate::parse(other.certificate_der()).expect("our own");
    assert!(list.is_signed_by(&own) && !list.is_signed_by(&other));
    assert_eq!(list.issuer_name(), other.subject_name(), "the names alone do not tell them apart");
    // The tag of the outer object identifier is under no signature, and says nothing.
    let tag = |position: &usize| {
        list.der()[*position..].starts_with(&[6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2])
    };
    let outer = (0..list.der().len()).filter(tag).max();
    for position in (0..list.der().len()).filter(|position| Some(*position) != outer) {
        let mut changed = list.der().to_vec();
        changed[position] ^= 1;
        let taken = RevocationList::parse(&changed).is_ok_and(|list| list.is_signed_by(&own));
        assert!(!taken, "octet {position}");
    }
    assert_eq!(RevocationList::parse(b"no list"), Err(RevocationError::Missing));
    let twice = list.pem().repeat(2);
    assert_eq!(RevocationList::parse(twice.as_bytes()), Err(RevocationError::Missing));
}

#[test]
fn lists_of_openssl_are_read() {
    let Some(openssl) = Openssl::find() else { return };
    let folder = tempfile::tempdir().expect("a private folder");
    let path = |name: &str| folder.path().join(name).to_str().expect("UTF-8").to_owned();
    let root = chain::root(KeyAlgorithm::Rsa2048);
    let key = root.key_pair().to_pem(pki_test::key_pair::KeyForm::Pkcs8).expect("every key has this form");
    let config = format!(
        "[ca]\ndefault_ca=a\n[a]\ndatabase={}\ndefault_md=sha256\ncrlnumber={}\n",
        path("index"),
        path("number")
    );
    let index = "R\t320101000000Z\t310101000000Z,superseded\t80A1\tunknown\t/CN=gone\n";
    for (name, text) in [
        ("ca.pem", root.certificate_pem().as_str()),
        ("ca.key", &key),
        ("config", &config),
        ("index", index),
        ("number", "1F\n"),
    ] {
        std::fs::write(path(name), text).expect("the folder is ours");
    }
    let (config, certificate, key) = (path("config"), path("ca.pem"), path("ca.key"));
    let arguments = [
        "ca",
        "-gencrl",
        "-config",
        &config,
        "-cert",
        &certificate,
        "-keyfile",
        &key,
        "-crldays",
        "30",
        "-crlexts",
        "ext",
    ];
    std::fs::write(
        &config,
        [
            std::fs::read_to_string(&config).expect("just written").as_str(),
            "[ext]\nauthorityKeyIdentifier=keyid\n",
        ]
        .concat(),
    )
    .expect("the folder is ours");
    let list = RevocationList::parse(openssl.text(&arguments, &[]).as_bytes()).expect("a sound list");
    assert_eq!(list.number(), Some(0x1f));
    assert!(list.is_signed_by(&Certificate::parse(root.certificate_der()).expect("our own")));
    let [entry] = list.revoked() else { panic!("one certificate is revoked") };
    assert_eq!((entry.serial.hex().as_str(), entry.reason), ("80a1", Some(RevocationReason::Superseded)));
}

#[test]
fn a_list_is_no_larger_than_aws_takes() {
    let root = chain::root(KeyAlgorithm::EcP521);
    let entries = |count: u32| -> Vec<RevokedCertificate> {
        (0..count)
            .map(|number| RevokedCertificate {
                serial: SerialNumber::new(&[&[0xff; 12][..], &number.to_be_bytes()].concat())
                    .expect("positive"),
                revoked_at: NOW,
                reason: Some(RevocationReason::Superseded),
            })
            .collect()
    };
    let Err(RevocationError::TooLarge { octets, entries: 6000, fitting }) =
        root.revocation_list(&spec(1, entries(6000)))
    else {
        panic!("6000 certificates do not fit");
    };
    assert!(octets > MAX_IMPORT_OCTETS);
    let fitting = u32::try_from(fitting).expect("fewer than 6000");
    // The length of an ECDSA signature varies by a few octets, less than an entry.
    let largest = root.revocation_list(&spec(1, entries(fitting - 1))).expect("that many fit");
    let length = largest.pem().len();
    assert!((MAX_IMPORT_OCTETS - 200..=MAX_IMPORT_OCTETS).contains(&length), "{length}");
    let too_many = root.revocation_list(&spec(1, entries(fitting + 2)));
    assert!(matches!(too_many, Err(RevocationError::TooLarge { .. })));
}

#[test]
fn a_list_is_replaced_after_it_is_made() {
    let root = chain::root(KeyAlgorithm::EcP256);
    let backwards = RevocationListSpec { next_update: NOW - Duration::HOUR, ..spec(1, Vec::new()) };
    assert_eq!(root.revocation_list(&backwards), Err(RevocationError::Validity));
}

proptest! {
    #[test]
    fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = RevocationList::parse(&bytes);
        let _ = RevocationList::parse(&[&[0x30], bytes.as_slice()].concat());
    }
}
