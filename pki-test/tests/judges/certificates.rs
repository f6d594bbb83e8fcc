//! Sound certificates: every algorithm, depth, name and serial number is accepted, and says what it was told to say.

use pki_test::algorithm::KeyAlgorithm;
use pki_test::authority::{Authority, AuthorityError};
use pki_test::certificate::{IssueError, SerialChoice};
use pki_test::distinguished_name::DistinguishedName;
use pki_test::end_entity::{EndEntity, EndEntitySpec, SubjectAlternativeName};

use super::chain::{self, Evidence};
use super::openssl::Openssl;
use super::{keys, web_pki};

fn is_known_to_openssl(algorithm: KeyAlgorithm) -> bool {
    !algorithm.name().starts_with("ml-dsa")
}

fn issue(root: &Authority, spec: &EndEntitySpec) -> EndEntity {
    let key = keys::end_entity(KeyAlgorithm::EcP256);
    root.issue(spec, key.subject_public_key_info()).expect("a certificate")
}

#[test]
fn every_algorithm_signs_for_every_other() {
    let openssl = Openssl::find();
    for authority in KeyAlgorithm::ALL {
        let root = chain::root(authority);
        for algorithm in KeyAlgorithm::ALL {
            let key = keys::end_entity(algorithm);
            let spec = chain::end_entity_spec("CN=build-17,O=Example");
            let end_entity = root.issue(&spec, key.subject_public_key_info()).expect("a certificate");
            let evidence = Evidence::new(&root, &end_entity);
            assert_eq!(web_pki::verify(&evidence), Ok(()), "{authority} for {algorithm}");
            let Some(openssl) = openssl else { continue };
            if is_known_to_openssl(authority) && is_known_to_openssl(algorithm) {
                assert_eq!(openssl.verify(&evidence), Ok(()), "{authority} for {algorithm}");
            }
        }
    }
}

#[test]
fn chains_of_every_depth_are_accepted() {
    let openssl = Openssl::find();
    for depth in 0..=5 {
        let evidence = chain::of_depth(KeyAlgorithm::EcP384, depth);
        assert_eq!(evidence.intermediates.len(), usize::from(depth));
        assert_eq!(web_pki::verify(&evidence), Ok(()), "{depth}");
        if let Some(openssl) = openssl {
            assert_eq!(openssl.verify(&evidence), Ok(()), "{depth}");
        }
    }
}

#[test]
fn the_signature_is_as_strong_as_the_key() {
    let Some(openssl) = Openssl::find() else { return };
    for (algorithm, signature) in [
        (KeyAlgorithm::EcP256, "ecdsa-with-SHA256"),
        (KeyAlgorithm::EcP384, "ecdsa-with-SHA384"),
        (KeyAlgorithm::EcP521, "ecdsa-with-SHA512"),
        (KeyAlgorithm::Rsa2048, "sha256WithRSAEncryption"),
        (KeyAlgorithm::Rsa3072, "sha384WithRSAEncryption"),
        (KeyAlgorithm::Rsa4096, "sha512WithRSAEncryption"),
    ] {
        let pem = chain::root(algorithm).certificate_pem();
        let text = openssl.text(&["x509", "-noout", "-text"], pem.as_bytes());
        assert_eq!(text.matches(&format!("Signature Algorithm: {signature}\n")).count(), 2, "{text}");
    }
}

#[test]
fn extensions_are_those_of_their_kind() {
    let Some(openssl) = Openssl::find() else { return };
    let root = Authority::root(
        &chain::authority_spec("CN=TEST root").with_path_length(3),
        keys::authority(KeyAlgorithm::EcP256),
    )
    .expect("a root");
    let text = openssl.text(&["x509", "-noout", "-text"], root.certificate_pem().as_bytes());
    assert!(
        text.contains("X509v3 Basic Constraints: critical\n                CA:TRUE, pathlen:3\n"),
        "{text}"
    );
    assert!(
        text.contains("X509v3 Key Usage: critical\n                Certificate Sign, CRL Sign\n"),
        "{text}"
    );
    let end_entity = issue(&root, &chain::end_entity_spec("CN=build-17"));
    let text = openssl.text(&["x509", "-noout", "-text"], end_entity.certificate_pem().as_bytes());
    assert!(text.contains("X509v3 Basic Constraints: critical\n                CA:FALSE\n"), "{text}");
    assert!(text.contains("X509v3 Key Usage: critical\n                Digital Signature\n"), "{text}");
    assert!(
        text.contains("X509v3 Extended Key Usage: \n                TLS Web Client Authentication\n"),
        "{text}"
    );
    assert!(
        text.contains("X509v3 Subject Key Identifier") && text.contains("X509v3 Authority Key Identifier")
    );
}

#[test]
fn every_alternative_name_is_written() {
    let root = chain::root(KeyAlgorithm::EcP256);
    let directory: DistinguishedName = "CN=alias,O=Example".parse().expect("a name");
    let spec = EndEntitySpec {
        subject_alternative_names: vec![
            SubjectAlternativeName::Dns("build-17.example".to_owned()),
            SubjectAlternativeName::Uri("spiffe://example/build/17".to_owned()),
            SubjectAlternativeName::DirectoryName(directory),
            SubjectAlternativeName::IpAddress([127, 0, 0, 1].into()),
            SubjectAlternativeName::IpAddress("::1".parse().expect("an address")),
        ],
        ..chain::end_entity_spec("CN=build-17")
    };
    let end_entity = issue(&root, &spec);
    assert_eq!(web_pki::verify(&Evidence::new(&root, &end_entity)), Ok(()));
    for name in [SubjectAlternativeName::Dns("bücher".to_owned()), SubjectAlternativeName::Uri(String::new())]
    {
        let spec = EndEntitySpec { subject_alternative_names: vec![name], ..spec.clone() };
        let key = keys::end_entity(KeyAlgorithm::EcP256);
        let refused = root.issue(&spec, key.subject_public_key_info()).expect_err("it cannot be written");
        assert_eq!(refused, IssueError::SubjectAlternativeName);
    }
    let Some(openssl) = Openssl::find() else { return };
    assert_eq!(openssl.verify(&Evidence::new(&root, &end_entity)), Ok(()));
    let arguments = ["x509", "-noout", "-ext", "subjectAltName"];
    let text = openssl.text(&arguments, end_entity.certificate_pem().as_bytes());
    let expected = "DNS:build-17.example, URI:spiffe://example/build/17, DirName:/O=Example/CN=alias, \
                    IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1";
    assert!(text.contains(expected), "{text}");
}

#[test]
fn names_are_written_as_openssl_reads_them() {
    let Some(openssl) = Openssl::find() else { return };
    let root = chain::root(KeyAlgorithm::EcP256);
    for name in [
        "CN=build-17,OU=Linux,OU=CI,O=Example,L=Berlin,ST=Berlin,C=DE",
        "CN=build-17,DC=example,DC=com",
        "UID=a+CN=b,O=Example",
        r"CN=a\, b \+ c\;,O=\#1 \<x\>",
        "CN=Büro",
        "serialNumber=42,title=Dr,GN=Ada,SN=L,street=Road 1",
        "CN=sixty-four and more characters are not for X.509 but for tests of what AWS does with them",
    ] {
        let end_entity = issue(&root, &chain::end_entity_spec(name));
        assert_eq!(openssl.verify(&Evidence::new(&root, &end_entity)), Ok(()), "{name}");
        let arguments = ["x509", "-noout", "-subject", "-nameopt", "RFC2253,-esc_msb,utf8"];
        let text = openssl.text(&arguments, end_entity.certificate_pem().as_bytes());
        assert_eq!(text.trim_end(), format!("subject={name}"));
    }
}

#[test]
fn serial_numbers_are_exact() {
    let root = chain::root(KeyAlgorithm::EcP256);
    let openssl = Openssl::find();
    let mut twenty_octets = vec![0x7f];
    twenty_octets.extend([0xff; 19]);
    for serial in [vec![1], vec![0x80], vec![0x12, 0x34], vec![0xff; 16], twenty_octets] {
        let spec =
            EndEntitySpec { serial: SerialChoice::Exact(serial.clone()), ..chain::end_entity_spec("CN=a") };
        let end_entity = issue(&root, &spec);
        let evidence = Evidence::new(&root, &end_entity);
        assert_eq!(end_entity.serial().hex(), hex::encode(&serial));
        assert_eq!(web_pki::verify(&evidence), Ok(()));
        let Some(openssl) = openssl else { continue };
        assert_eq!(openssl.verify(&evidence), Ok(()));
        let text = openssl.text(&["x509", "-noout", "-serial"], end_entity.certificate_pem().as_bytes());
        assert_eq!(text.trim_end(), format!("serial={}", hex::encode_upper(&serial)));
    }
}

#[test]
fn an_authority_is_read_back_and_issues_on() {
    let root = chain::root(KeyAlgorithm::MlDsa44);
    let upper = root
        .intermediate(
            &chain::authority_spec("CN=TEST upper").with_path_length(1),
            keys::authority(KeyAlgorithm::Rsa2048),
        )
        .expect("an intermediate");
    let spec = chain::authority_spec("CN=TEST lower");
    let lower =
        upper.intermediate(&spec, keys::authority(KeyAlgorithm::EcP521)).expect("the path length allows it");
    let issuers = upper.intermediates_pem();
    let read = |issuers: &str, algorithm| {
        Authority::from_pem(&lower.certificate_pem(), keys::authority(algorithm), issuers)
    };

    let again = read(&issuers, KeyAlgorithm::EcP521).expect("our own files are read");
    assert_eq!(again.certificate_der(), lower.certificate_der());
    assert_eq!(again.intermediates(), lower.intermediates());
    let evidence = Evidence::new(&root, &issue(&again, &chain::end_entity_spec("CN=build-17")));
    assert_eq!(evidence.intermediates.len(), 2);
    assert_eq!(web_pki::verify(&evidence), Ok(()));
    let refused = again.intermediate(&spec, keys::authority(KeyAlgorithm::EcP256));
    assert_eq!(refused.expect_err("the upper one allows no third"), IssueError::PathLength);

    let with_root = read(&[issuers.as_str(), &root.certificate_pem()].concat(), KeyAlgorithm::EcP521);
    assert_eq!(with_root.expect("a root is left out").intermediates(), lower.intermediates());
    let refusal = |result: Result<Authority, AuthorityError>| result.expect_err("the files do not fit");
    assert_eq!(refusal(read(&issuers, KeyAlgorithm::EcP256)), AuthorityError::KeyMismatch);
    assert_eq!(refusal(read(&lower.certificate_pem(), KeyAlgorithm::EcP521)), AuthorityError::IssuerOrder);
    let end_entity = issue(&root, &chain::end_entity_spec("CN=build-17"));
    let key = keys::end_entity(KeyAlgorithm::EcP256);
    let no_ca = Authority::from_pem(&end_entity.certificate_pem(), key, "");
    assert_eq!(refusal(no_ca), AuthorityError::NotAuthority);
    let none = Authority::from_pem("", keys::authority(KeyAlgorithm::EcP256), "");
    assert_eq!(refusal(none), AuthorityError::CertificateCount);
}

#[test]
fn a_damaged_public_key_is_refused() {
    let refused = chain::root(KeyAlgorithm::EcP256).issue(&chain::end_entity_spec("CN=a"), b"no key");
    assert_eq!(refused.expect_err("there is no key"), IssueError::PublicKey);
}
