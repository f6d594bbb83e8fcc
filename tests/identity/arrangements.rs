//! Algorithm × form of the key × arrangement of the files.

use anyrole::identity::{IdentitySource, Input};
use pki_test::algorithm::KeyAlgorithm;
use pki_test::key_pair::KeyForm;

use super::support::{Folder, Pki, loaded, source};

/// RSA 4096 takes seconds to make and differs from 2048 in nothing here.
const ALGORITHMS: [KeyAlgorithm; 7] = [
    KeyAlgorithm::EcP256,
    KeyAlgorithm::EcP384,
    KeyAlgorithm::EcP521,
    KeyAlgorithm::Rsa2048,
    KeyAlgorithm::MlDsa44,
    KeyAlgorithm::MlDsa65,
    KeyAlgorithm::MlDsa87,
];

fn check(pki: &Pki, source: &IdentitySource, what: &str) {
    let mut identity = loaded(source);
    assert_eq!(identity.end_entity().der(), pki.end_entity.certificate_der(), "{what}: end entity");
    let intermediates: Vec<&[u8]> = identity.intermediates().iter().map(|one| one.der()).collect();
    assert_eq!(intermediates, [pki.lower.certificate_der(), pki.upper.certificate_der()], "{what}: chain");
    let signature = identity.sign(b"message").expect("a signature");
    let own = anyrole::x509::public_key::VerifiedAlgorithm::Own;
    let public_key = identity.end_entity().public_key().clone();
    assert!(public_key.verifies(own, b"message", signature.octets()), "{what}: signature");
    assert!(!public_key.verifies(own, b"massage", signature.octets()), "{what}: signature of another text");
}

#[test]
fn every_key_form_is_read_in_every_arrangement() {
    for algorithm in ALGORITHMS {
        let pki = Pki::new(algorithm);
        let chain =
            [pki.upper.certificate_pem(), pki.root.certificate_pem(), pki.lower.certificate_pem()].concat();
        let mut forms = 0;
        for form in KeyForm::ALL {
            let Ok(key) = pki.key.to_pem(form) else { continue };
            forms += 1;
            let all = format!("{}{chain}", pki.certificate_pem());
            let combined = [
                ("key first", format!("{}{all}", *key)),
                ("certificate first", format!("{all}{}", *key)),
                (
                    "shuffled",
                    format!("{chain}{}{}{}", *key, pki.certificate_pem(), pki.upper.certificate_pem()),
                ),
                ("CRLF", format!("{}{all}", *key).replace('\n', "\r\n")),
                ("CR", format!("{}{all}", *key).replace('\n', "\r")),
                ("byte order mark", format!("\u{feff}{}{all}", *key)),
                ("indented", format!("{}{all}", *key).replace('\n', "\n  ")),
                (
                    "bag attributes",
                    format!(
                        "Bag Attributes\n    localKeyID: 01\nKey Attributes: <none>\n{}subject=CN = x\n\nissuer=CN = y\n{all}",
                        *key
                    ),
                ),
                ("no last line feed", format!("{all}{}", key.trim_end())),
                (
                    "joined",
                    format!("{}{}", key.trim_end(), all.replace("-----\n-----BEGIN", "----------BEGIN")),
                ),
            ];
            for (arrangement, content) in combined {
                let folder = Folder::new();
                let file = folder.write("all.pem", content);
                check(&pki, &source(&file, None), &format!("{algorithm} {form} {arrangement}"));
            }
            let folder = Folder::new();
            let der = folder.write("key.der", pki.key.to_der(form).expect("what is PEM is DER").as_slice());
            let certificate = folder.write("host.der", pki.end_entity.certificate_der());
            let intermediates = folder.write("chain.pem", &chain);
            let mut apart = source(&certificate, Some(&der));
            apart.intermediates = Some(Input::file(intermediates));
            check(&pki, &apart, &format!("{algorithm} {form} DER"));
        }
        assert!(forms >= 2, "{algorithm} has {forms} forms");
    }
}

#[test]
fn the_three_forms_of_ml_dsa_made_by_openssl_are_read() {
    let vectors = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/ml-dsa");
    for level in [44, 65, 87] {
        for form in ["seed", "expanded", "both"] {
            let folder = Folder::new();
            let read = |name: &str| std::fs::read(vectors.join(name)).expect("a vector");
            let key = folder.write("key.pem", read(&format!("ml-dsa-{level}-{form}.pem")));
            let certificate = folder.write("cert.pem", read(&format!("ml-dsa-{level}-cert.pem")));
            let mut identity = loaded(&source(&certificate, Some(&key)));
            assert_eq!(identity.end_entity().public_key().kind().to_string(), format!("ML-DSA-{level}"));
            let signature = identity.sign(b"message").expect("a signature");
            let own = anyrole::x509::public_key::VerifiedAlgorithm::Own;
            assert!(identity.end_entity().public_key().verifies(own, b"message", signature.octets()));
        }
    }
}

#[test]
fn intermediates_of_both_sources_are_merged_without_duplicates() {
    let pki = Pki::new(KeyAlgorithm::EcP256);
    let folder = Folder::new();
    let key = folder.write("key.pem", pki.key_pem());
    let certificate = folder.write("host.pem", [pki.certificate_pem(), pki.lower.certificate_pem()].concat());
    let more = [pki.lower.certificate_pem(), pki.upper.certificate_pem(), pki.certificate_pem()].concat();
    let mut both = source(&certificate, Some(&key));
    both.intermediates = Some(Input::file(folder.write("more.pem", more)));
    check(&pki, &both, "both sources");
}

#[test]
fn of_several_certificates_of_the_key_the_longest_valid_is_taken() {
    let pki = Pki::new(KeyAlgorithm::EcP256);
    let mut spec = pki_test::end_entity::EndEntitySpec::new(
        super::support::name("TEST build-17"),
        super::support::validity(),
    );
    spec.validity.not_after += time::Duration::days(30);
    let renewed = pki.lower.issue(&spec, pki.key.subject_public_key_info()).expect("a renewal");
    let folder = Folder::new();
    for content in [
        [pki.key_pem(), pki.certificate_pem(), renewed.certificate_pem()].concat(),
        [renewed.certificate_pem(), pki.certificate_pem(), pki.key_pem()].concat(),
    ] {
        let identity = loaded(&source(&folder.write("all.pem", content), None));
        assert_eq!(identity.end_entity().der(), renewed.certificate_der());
    }
}
