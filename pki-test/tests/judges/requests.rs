//! Certificate requests: of openssl, of certtool and our own; what is taken from them, and what is refused.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use pki_test::algorithm::KeyAlgorithm;
use pki_test::certificate_request::{CertificateRequest, MAX_REQUEST_OCTETS, RequestError};
use pki_test::end_entity::SubjectAlternativeName;
use proptest::prelude::*;

use super::certtool::Certtool;
use super::chain::{self, Evidence};
use super::openssl::Openssl;
use super::{keys, web_pki};

/// The rest of the object identifier `ecdsa-with-SHA256` after its tag.
const ECDSA_WITH_SHA256: [u8; 9] = [8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2];

/// What a request must not become: a CA, and somebody else.
const OPENSSL_WISHES: [&str; 6] = [
    "-subj",
    "/CN=admin/O=Mallory",
    "-addext",
    "basicConstraints=critical,CA:TRUE",
    "-addext",
    "subjectAltName=DNS:admin.example,URI:spiffe://example/admin,IP:192.0.2.1",
];

/// Makes a key and a request for it.
fn openssl_request(openssl: Openssl, key: &[&str], more: &[&str]) -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().expect("a private folder");
    let path = folder.path().join("openssl.key");
    let path = path.to_str().expect("the path of a temporary folder is UTF-8");
    let mut arguments = vec!["req", "-new", "-nodes", "-keyout", path];
    arguments.extend_from_slice(key);
    arguments.extend_from_slice(more);
    let request = openssl.text(&arguments, &[]);
    (folder, request)
}

/// Issues a certificate for a request, and has it judged: it has our name and none of the request's.
fn issue_and_judge(openssl: Openssl, request: &str) -> CertificateRequest {
    let read =
        CertificateRequest::parse(request.as_bytes()).unwrap_or_else(|error| panic!("{error}: {request}"));
    let public_key = openssl.text(&["req", "-noout", "-pubkey"], request.as_bytes());
    let public_key = openssl.run(&["pkey", "-pubin", "-outform", "DER"], public_key.as_bytes());
    assert_eq!(read.subject_public_key_info(), public_key.expect("openssl reads its own text"));

    let root = chain::root(KeyAlgorithm::EcP256);
    let spec = chain::end_entity_spec("CN=build-17,O=Example");
    let end_entity = root.issue(&spec, read.subject_public_key_info()).expect("a certificate");
    let evidence = Evidence::new(&root, &end_entity);
    assert_eq!(openssl.verify(&evidence), Ok(()), "{}", read.key());
    assert_eq!(web_pki::verify(&evidence), Ok(()), "{}", read.key());
    let text = openssl.text(&["x509", "-noout", "-text"], end_entity.certificate_pem().as_bytes());
    assert!(text.contains("Subject: O = Example, CN = build-17\n"), "{text}");
    assert!(text.contains("CA:FALSE") && !text.contains("CA:TRUE"), "{text}");
    assert!(!text.contains("admin") && !text.contains("Alternative"), "{text}");
    read
}

#[test]
fn only_the_public_key_of_a_request_by_openssl_is_taken() {
    let Some(openssl) = Openssl::find() else { return };
    let keys: [(&str, &[&str]); 5] = [
        ("EC P-256", &["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]),
        // openssl signs with SHA-256 on every curve unless told otherwise.
        ("EC P-384", &["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-384"]),
        ("EC P-384", &["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-384", "-sha512"]),
        ("EC P-521", &["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-521"]),
        ("RSA 2048", &["-newkey", "rsa:2048", "-sha384"]),
    ];
    for (name, key) in keys {
        let (_folder, request) = openssl_request(openssl, key, &OPENSSL_WISHES);
        let read = issue_and_judge(openssl, &request);
        assert_eq!(read.key().to_string(), name);
        assert!(read.wishes().authority);
        assert_eq!(read.wishes().subject, "CN=admin, O=Mallory");
        assert_eq!(
            read.wishes().subject_alternative_names,
            ["DNS:admin.example", "URI:spiffe://example/admin", "IP:192.0.2.1"]
        );
    }
}

#[test]
fn only_the_public_key_of_a_request_by_certtool_is_taken() {
    let (Some(openssl), Some(certtool)) = (Openssl::find(), Certtool::find()) else { return };
    let folder = tempfile::tempdir().expect("a private folder");
    let keys: [(&str, &[&str]); 4] = [
        ("EC P-256", &["--key-type", "ecdsa", "--curve", "secp256r1"]),
        ("EC P-384", &["--key-type", "ecdsa", "--curve", "secp384r1"]),
        ("EC P-521", &["--key-type", "ecdsa", "--curve", "secp521r1"]),
        ("RSA 3072", &["--key-type", "rsa", "--bits", "3072"]),
    ];
    for (name, key) in keys {
        let template = "cn = admin\nca\ncert_signing_key\ndns_name = admin.example\nchallenge_password = x\n";
        let request = certtool.request(folder.path(), key, template);
        assert!(request.contains("BEGIN NEW CERTIFICATE REQUEST"), "{request}");
        let read = issue_and_judge(openssl, &request);
        assert_eq!(read.key().to_string(), name);
        assert!(read.wishes().authority);
    }
}

#[test]
fn our_own_requests_are_read_by_others() {
    let openssl = Openssl::find();
    let certtool = Certtool::find();
    let names = [SubjectAlternativeName::Dns("build-17.example".to_owned())];
    for algorithm in KeyAlgorithm::ALL {
        let key = keys::end_entity(algorithm);
        for (subject, names) in [("CN=build-17,O=Example", &names[..]), ("", &names[..]), ("CN=a", &[])] {
            let subject = subject.parse().expect("a name");
            let request = CertificateRequest::render(&key, &subject, names).expect("a request");
            let read = CertificateRequest::parse(request.as_bytes()).expect("our own text is read");
            assert_eq!(read.subject_public_key_info(), key.subject_public_key_info());
            assert_eq!(read.wishes().subject_alternative_names.len(), names.len());
            assert!(!read.wishes().authority);
            if algorithm.name().starts_with("ml-dsa") {
                continue;
            }
            if let Some(openssl) = openssl {
                let verified = openssl.run(&["req", "-verify", "-noout"], request.as_bytes());
                assert!(verified.is_ok(), "{algorithm}: {verified:?}");
            }
            if let Some(certtool) = certtool {
                let text = certtool.run(&["--crq-info"], request.as_bytes()).expect("certtool reads it");
                assert!(text.contains("Self signature: verified"), "{algorithm}: {text}");
            }
        }
    }
}

#[test]
fn weak_and_unknown_keys_and_hashes_are_refused() {
    let Some(openssl) = Openssl::find() else { return };
    let refused = |key: &[&str], more: &[&str]| {
        let (_folder, request) = openssl_request(openssl, key, &[&["-subj", "/CN=a"], more].concat());
        CertificateRequest::parse(request.as_bytes()).expect_err("it is not for AWS")
    };
    let p256 = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"];
    let key = |found: &str| RequestError::Key { found: found.to_owned() };
    let hash = |found: &str| RequestError::SignatureAlgorithm { found: found.to_owned() };
    assert_eq!(refused(&p256, &["-sha1"]), hash("ECDSA with SHA-1"));
    assert_eq!(refused(&["-newkey", "rsa:2048"], &["-sigopt", "rsa_padding_mode:pss"]), hash("RSASSA-PSS"));
    assert_eq!(refused(&["-newkey", "rsa:1024"], &[]), key("RSA 1024"));
    assert_eq!(refused(&["-newkey", "ed25519"], &[]), key("Ed25519"));
    let other_curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:secp256k1"];
    assert_eq!(refused(&other_curve, &[]), key("EC on the curve 1.3.132.0.10"));
    let explicit = [&p256[..], &["-pkeyopt", "ec_param_enc:explicit"]].concat();
    assert!(matches!(refused(&explicit, &[]), RequestError::Key { .. }));
}

fn der(pem: &str) -> Vec<u8> {
    let base64: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
    STANDARD.decode(base64).expect("our own PEM is base64")
}

fn request(algorithm: KeyAlgorithm) -> String {
    let subject = "CN=build-17".parse().expect("a name");
    CertificateRequest::render(&keys::end_entity(algorithm), &subject, &[]).expect("a request")
}

#[test]
fn a_request_changed_anywhere_is_refused() {
    let sound = der(&request(KeyAlgorithm::EcP256));
    assert!(CertificateRequest::parse(&sound).is_ok());
    // The tag of the outer object identifier is under no signature, and goes into no certificate.
    let outer_identifier = [&[0x06][..], &ECDSA_WITH_SHA256].concat();
    for position in (0..sound.len()).filter(|position| !sound[*position..].starts_with(&outer_identifier)) {
        let mut changed = sound.clone();
        changed[position] ^= 1;
        assert!(CertificateRequest::parse(&changed).is_err(), "octet {position}");
    }
    for length in 0..sound.len() {
        assert!(CertificateRequest::parse(&sound[..length]).is_err(), "{length} octets");
    }
}

#[test]
fn a_request_with_somebody_elses_key_is_refused() {
    let mut stolen = der(&request(KeyAlgorithm::EcP256));
    let own = keys::end_entity(KeyAlgorithm::EcP256);
    let other = keys::authority(KeyAlgorithm::EcP256);
    let length = own.subject_public_key_info().len();
    let position = stolen.windows(length).position(|octets| octets == own.subject_public_key_info());
    let position = position.expect("the key is in the request");
    stolen[position..position + length].copy_from_slice(other.subject_public_key_info());
    assert_eq!(CertificateRequest::parse(&stolen).expect_err("no proof"), RequestError::Signature);
}

#[test]
fn texts_without_one_request_are_refused() {
    let refused = |text: &str| CertificateRequest::parse(text.as_bytes()).expect_err("not one request");
    let pem = request(KeyAlgorithm::EcP384);
    assert_eq!(refused(""), RequestError::Missing);
    assert_eq!(refused(&chain::root(KeyAlgorithm::EcP256).certificate_pem()), RequestError::Missing);
    assert_eq!(refused(&[pem.as_str(), &pem].concat()), RequestError::Several);
    assert_eq!(refused(&" ".repeat(MAX_REQUEST_OCTETS + 1)), RequestError::TooLong);
    assert!(matches!(refused(pem.trim_end_matches(['-', '\n'])), RequestError::Pem(_)));
    let trailing = [der(&pem), vec![0]].concat();
    assert_eq!(CertificateRequest::parse(&trailing).expect_err("a byte more"), RequestError::Malformed);
}

proptest! {
    #[test]
    fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = CertificateRequest::parse(&bytes);
        let _ = CertificateRequest::parse(&[&[0x30], bytes.as_slice()].concat());
    }
}
