//! What `inspect`, `read-certificate-data` and `sign-string` show.

use anyrole::identity::{Input, PasswordSource, load_chain, load_private_key};
use anyrole::inspect::{Report, SignatureFormat, read_certificate_data, sign_string};
use anyrole::signer::DigestAlgorithm;
use anyrole::x509::Certificate;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use pki_test::algorithm::KeyAlgorithm;
use pki_test::authority::{Authority, AuthoritySpec};
use pki_test::defect::Defect;
use pki_test::end_entity::{EndEntitySpec, SubjectAlternativeName};
use pki_test::simulator::attributes::{AttributeMapping, map_attributes};

use super::support::{Folder, NOW, Pki, loaded, name, new_key, no_environment, now, source, validity};

#[test]
fn certificate_data_is_that_of_the_official_helper_to_the_byte() {
    let expected = [
        (KeyAlgorithm::EcP384, "EC", r#"["ECSHA256","ECSHA384","ECSHA512"]"#),
        (KeyAlgorithm::Rsa2048, "RSA", r#"["RSASHA256","RSASHA384","RSASHA512"]"#),
        (KeyAlgorithm::MlDsa65, "ML-DSA-65", r#"["ML-DSA-65"]"#),
    ];
    for (algorithm, kind, algorithms) in expected {
        let pki = Pki::new(algorithm);
        let certificate = Certificate::parse(pki.end_entity.certificate_der()).expect("a certificate");
        let data = STANDARD.encode(pki.end_entity.certificate_der());
        let serial = certificate.serial_number().decimal();
        assert_eq!(
            read_certificate_data(&certificate),
            format!(
                r#"{{"keyType":"{kind}","certificateData":"{data}","serialNumber":"{serial}","supportedAlgorithms":{algorithms}}}"#
            )
        );
    }
}

#[test]
fn the_three_formats_of_a_signature_agree() {
    // RSA signatures are the same every time.
    let pki = Pki::new(KeyAlgorithm::Rsa2048);
    let folder = Folder::new();
    let input = Input::file(folder.write("key.pem", pki.key_pem()));
    let password = PasswordSource::Prompt;
    let (mut key, warning) =
        load_private_key(&input, &password, None, false, &no_environment()).expect("a key");
    assert_eq!(warning, None);
    let mut sign = |format| sign_string(key.as_mut(), DigestAlgorithm::Sha256, format).expect("a signature");
    let hex = hex::encode(sign(SignatureFormat::Bin)).into_bytes();
    assert_eq!(sign(SignatureFormat::Text), hex);
    assert_eq!(sign(SignatureFormat::Json), [b"\"", hex.as_slice(), b"\""].concat());
}

#[test]
fn a_report_shows_what_would_be_presented() {
    let pki = Pki::new(KeyAlgorithm::EcP256);
    let folder = Folder::new();
    let all = [
        pki.key_pem(),
        pki.root.certificate_pem(),
        pki.upper.certificate_pem(),
        pki.certificate_pem(),
        pki.lower.certificate_pem(),
    ];
    let file = folder.write("all.pem", all.concat());
    let report = Report::of_identity(&loaded(&source(&file, None)), NOW);
    assert!(report.usable && report.problems.is_empty() && report.warnings.is_empty());
    assert_eq!(report.algorithm, Some("AWS4-X509-ECDSA-SHA256"));
    assert_eq!(report.roots_left_out, ["CN=TEST root"]);
    let subjects: Vec<&str> = report.intermediates.iter().map(|one| one.subject.as_str()).collect();
    assert_eq!(subjects, ["CN=TEST lower", "CN=TEST upper"]);
    let shown = report.to_string();
    for part in [
        format!("end-entity certificate in '{}'\n  subject     CN=TEST build-17\n", file.display()),
        String::from(
            "intermediate certificate 2 of 2\n  subject     CN=TEST upper\n  issuer      CN=TEST root\n",
        ),
        String::from("(in 265 days)\n  key         EC P-256, SHA-256 "),
        format!("private key in '{}'\n  algorithm   AWS4-X509-ECDSA-SHA256\n", file.display()),
    ] {
        assert!(shown.contains(&part), "{shown}\n{part}");
    }
    let json = serde_json::to_value(&report).expect("a report serialises");
    assert_eq!(json["end_entity"]["public_key"], "EC P-256");
    assert_eq!(json["end_entity"]["sha256"].as_str().map(str::len), Some(64));
}

#[test]
fn a_report_on_certificates_alone_tells_problems_with_their_ids() {
    let made = Defect::Expired.make(now()).expect("an identity");
    let folder = Folder::new();
    let file = folder.write("host.pem", made.end_entity_pem());
    let path = Input::file(file.clone());
    let chain = load_chain(&source(&file, None), &no_environment()).expect("a chain");
    let report = Report::of_chain(&chain, path.to_string(), NOW);
    assert!(!report.usable);
    assert_eq!(report.problems[0].id, "certificate-expired");
    assert!(
        report.to_string().contains("[certificate-expired]\n  hint        renew the certificate"),
        "{report}"
    );
}

#[test]
fn nothing_shown_is_a_secret() {
    let pki = Pki::new(KeyAlgorithm::Rsa2048);
    let folder = Folder::new();
    let mut identity =
        loaded(&source(&folder.write("all.pem", [pki.key_pem(), pki.certificate_pem()].concat()), None));
    let signature = identity.sign(b"message").expect("a signature");
    let shown = format!(
        "{identity:?} {signature:?} {:?} {}",
        identity.sealing_key(),
        Report::of_identity(&identity, NOW)
    );
    let der = pki.key.to_der(pki_test::key_pair::KeyForm::Pkcs1).expect("PKCS#1");
    // Any run of the private half: the primes and exponents follow the modulus.
    for window in der[300..].chunks_exact(24) {
        assert!(!shown.contains(&STANDARD.encode(window)) && !shown.contains(&hex::encode(window)));
        assert!(!shown.contains(&format!("{window:?}").replace(['[', ']'], "")));
    }
    assert!(!shown.contains(&hex::encode(signature.octets())));
}

#[test]
fn the_session_tags_are_those_that_the_simulator_makes() {
    for subject in [
        "CN=build-17",
        "CN=build-17,OU=Ops,OU=Linux,O=Example",
        "CN=build (17),O=Example",
        "CN=Zoë,C=DE,emailAddress=a@b.example",
    ] {
        let validity = validity();
        let root = Authority::root(
            &AuthoritySpec::new(name("CN=TEST root,O=Example"), validity),
            new_key(KeyAlgorithm::EcP256),
        );
        let mut spec = EndEntitySpec::new(name(subject), validity);
        spec.subject_alternative_names = vec![
            SubjectAlternativeName::Dns(String::from("a.example")),
            SubjectAlternativeName::Dns(String::from("b.example")),
            SubjectAlternativeName::Uri(String::from("spiffe://example/build")),
        ];
        let issued =
            root.unwrap().issue(&spec, new_key(KeyAlgorithm::EcP256).subject_public_key_info()).unwrap();
        let ours = Certificate::parse(issued.certificate_der()).unwrap();
        let theirs = pki_test::verifier::Certificate::parse(issued.certificate_der()).unwrap();
        let mut tags = anyrole::explain::session_tags(&ours);
        tags.sort();
        let mut made: Vec<(String, String)> =
            map_attributes(&theirs, &AttributeMapping::defaults()).tags.into_iter().collect();
        made.sort();
        assert_eq!(tags, made, "{subject}");
    }
}
