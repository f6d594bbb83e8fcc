//! Every refusal: its id, its text, its facts, its hint.

use anyrole::clock::Timestamp;
use anyrole::diagnostic::Diagnostic;
use anyrole::identity::{Identity, IdentityError, IdentitySource, Input};
use anyrole::signer::{
    DigestAlgorithm, SignError, Signature, SignatureAlgorithm, SigningKey, SubjectPublicKeyInfo,
};
use anyrole::x509::Certificate;
use pki_test::algorithm::KeyAlgorithm;
use pki_test::defect::{AwsVerdict, Defect};
use pki_test::key_pair::KeyForm;

use super::support::{Folder, NOW, Pki, loaded, new_key, now, openssl, refused, source, text};

/// What the chain shows on the host, defect by defect; AWS's rule about the others is not documented.
fn expected(defect: Defect) -> Option<&'static str> {
    match defect {
        Defect::CaTrue => Some("certificate-is-ca"),
        Defect::DepthSix => Some("chain-too-deep"),
        Defect::EmptySubject => Some("empty-subject"),
        Defect::Expired | Defect::IntermediateExpired => Some("certificate-expired"),
        Defect::IntermediateNotCa | Defect::IntermediateVersion1 | Defect::IntermediateWithoutKeyCertSign => {
            Some("intermediate-not-ca")
        }
        Defect::IntermediateSha1Signature | Defect::Sha1Signature => Some("weak-signature-hash"),
        Defect::NoDigitalSignature | Defect::NoKeyUsage => Some("no-digital-signature"),
        Defect::NotYetValid => Some("certificate-not-yet-valid"),
        Defect::PathLengthExceeded => Some("path-length-exceeded"),
        Defect::SelfSigned => Some("self-signed"),
        Defect::Version1 => Some("certificate-version"),
        Defect::MissingIntermediate
        | Defect::NegativeSerial
        | Defect::SerialTooLong
        | Defect::ServerPurposeOnly
        | Defect::TamperedSignature
        | Defect::TrustAnchorExpired
        | Defect::UnknownCriticalExtension
        | Defect::WrongIssuer
        | Defect::ZeroSerial => None,
    }
}

fn identity_with(defect: Defect) -> Identity {
    let made = defect.make(now()).expect("a defective identity");
    let folder = Folder::new();
    let key = made.key_pair.to_pem(KeyForm::Pkcs8).expect("PKCS#8");
    let all = [key.as_str(), &made.intermediates_pem(), &made.end_entity_pem()].concat();
    loaded(&source(&folder.write("all.pem", all), None))
}

#[test]
fn each_defect_that_the_host_can_see_is_refused_before_anything_is_sent() {
    for defect in Defect::ALL {
        let identity = identity_with(defect);
        let ids: Vec<_> = identity.problems(NOW).iter().map(Diagnostic::id).collect();
        assert_eq!(ids, Vec::from_iter(expected(defect)), "{defect}");
        assert_eq!(identity.check(NOW).is_err(), expected(defect).is_some(), "{defect}");
        // What AWS refuses and the host sees is refused here too, or at least warned about.
        let seen = matches!(defect.verdicts().aws, AwsVerdict::Refuses { seen_on_host: true, .. });
        let noticed = !ids.is_empty()
            || identity.warnings(NOW).iter().any(|warning| !warning.to_string().contains("expires"));
        assert_eq!(noticed, seen, "{defect}");
    }
}

#[test]
fn expiry_is_told_with_both_times_and_the_distance() {
    let pki = Pki::new(KeyAlgorithm::EcP256);
    let folder = Folder::new();
    let file = folder.write("all.pem", [pki.key_pem(), pki.certificate_pem()].concat());
    let identity = loaded(&source(&file, None));
    let not_after = identity.end_entity().not_after();
    let late = Timestamp::from_unix_seconds(not_after.unix_seconds() + 3 * 86_400);
    let error = identity.check(late).expect_err("expired");
    assert_eq!(error.to_string(), format!("the end-entity certificate expired at {not_after}, 3 days ago"));
    let fact = &error.facts()[0];
    let serial = identity.end_entity().serial_number().decimal();
    assert_eq!(fact.value, format!("'{}', serial {serial}, subject 'CN=TEST build-17'", file.display()));
    assert_eq!(
        error.hint(),
        Some(format!("renew the certificate, or correct this machine's clock (now {late})"))
    );
    identity.check(not_after).expect("the last second is valid");
    identity.check(identity.end_entity().not_before()).expect("the first second is valid");
}

#[test]
fn a_key_of_another_certificate_is_refused_with_both_sides() {
    let (pki, other) = (Pki::new(KeyAlgorithm::EcP256), new_key(KeyAlgorithm::Rsa2048));
    let folder = Folder::new();
    let key = folder.write("key.pem", other.to_pem(KeyForm::Pkcs1).expect("PKCS#1").as_str());
    let certificate = folder.write("host.pem", [pki.lower.certificate_pem(), pki.certificate_pem()].concat());
    let error = refused(&source(&certificate, Some(&key)));
    assert_eq!(error.id(), "key-mismatch");
    assert_eq!(error.to_string(), "the private key does not belong to the certificate");
    let facts = error.facts();
    let public = SubjectPublicKeyInfo::new(pki.key.subject_public_key_info().to_vec()).sha256();
    assert_eq!(facts[0].value, format!("'{}', EC P-256, public key SHA-256 {public}", certificate.display()));
    let public = SubjectPublicKeyInfo::new(other.subject_public_key_info().to_vec()).sha256();
    assert_eq!(facts[1].value, format!("'{}', RSA 2048, public key SHA-256 {public}", key.display()));
    assert_eq!(error.hint().as_deref(), Some("after a renewal, replace both files together"));
}

fn id_and_text(certificate: &[u8], key: Option<&[u8]>) -> (&'static str, String) {
    let folder = Folder::new();
    let certificate = folder.write("host.pem", certificate);
    let key = key.map(|key| folder.write("host.key", key));
    let error = refused(&source(&certificate, key.as_deref()));
    let shown = error.to_string();
    let mut shown = shown.replace(text(&certificate), "C");
    if let Some(key) = &key {
        shown = shown.replace(text(key), "K");
    }
    assert!(!shown.contains('\n'));
    assert!(error.hint().is_some(), "{shown} has a hint");
    (error.id(), shown)
}

#[test]
fn what_is_in_a_file_is_named() {
    let pki = Pki::new(KeyAlgorithm::EcP256);
    let (host, key) = (pki.certificate_pem(), pki.key_pem());
    let (host, key) = (host.as_bytes(), key.as_bytes());
    let labelled =
        |label: &str| format!("-----BEGIN {label}-----\nMAMCAQA=\n-----END {label}-----\n").into_bytes();
    let cases = [
        (
            labelled("CERTIFICATE REQUEST"),
            Some(key.into()),
            "certificate-missing",
            "there is no certificate in 'C', only a certificate request",
        ),
        (
            key.into(),
            Some(key.into()),
            "certificate-missing",
            "there is no certificate in 'C', only a private key",
        ),
        (
            b"hello".into(),
            Some(key.into()),
            "certificate-not-pem",
            "cannot use the certificate 'C': it is neither PEM nor DER",
        ),
        (Vec::new(), Some(key.into()), "certificate-not-pem", "cannot use the certificate 'C': it is empty"),
        (
            host[..host.len() - 30].into(),
            Some(key.into()),
            "certificate-not-pem",
            "cannot use the certificate 'C': the block that begins at line 1 has no matching END line",
        ),
        (labelled("CERTIFICATE"), Some(key.into()), "certificate-malformed", ""),
        (host.into(), None, "private-key-missing", "there is no private key in 'C', only a certificate"),
        (
            host.into(),
            Some(host.into()),
            "private-key-missing",
            "there is no private key in 'K', only a certificate",
        ),
        (
            host.into(),
            Some(labelled("PUBLIC KEY")),
            "private-key-missing",
            "there is no private key in 'K', only a public key",
        ),
        (
            host.into(),
            Some(b"\xff\xfe-\0".into()),
            "private-key-not-pem",
            "cannot use the private key 'K': it is neither PEM nor DER",
        ),
        (
            host.into(),
            Some(labelled("PRIVATE KEY")),
            "private-key-malformed",
            "cannot use the private key 'K': the block at line 1: it is not PKCS#8",
        ),
        (
            host.into(),
            Some(labelled("OPENSSH PRIVATE KEY")),
            "private-key-unsupported",
            "cannot use the private key 'K': keys of the kind OpenSSH are not supported",
        ),
        (
            host.into(),
            Some(labelled("TSS2 PRIVATE KEY")),
            "tpm-key-damaged",
            "cannot use the TPM key 'K': it is damaged: it is no TSS2 key file",
        ),
        (
            host.into(),
            Some(vec![0x30, 5, 2, 1, 3, 0x30, 0]),
            "pkcs12-damaged",
            "the PKCS#12 store 'K' is damaged: its outermost structure cannot be read",
        ),
        (
            vec![0x30, 5, 2, 1, 3, 0x30, 0],
            None,
            "pkcs12-damaged",
            "the PKCS#12 store 'C' is damaged: its outermost structure cannot be read",
        ),
    ];
    // Each waits for a moment: the file was just written, and may be being renewed.
    std::thread::scope(|scope| {
        for (certificate, key, id, expected) in &cases {
            scope.spawn(move || {
                let (found, shown) = id_and_text(certificate, key.as_deref());
                assert_eq!(found, *id, "{shown}");
                assert!(expected.is_empty() || shown == *expected, "{shown}\n{expected}");
            });
        }
    });
}

#[test]
fn kinds_of_keys_without_use_are_named() {
    let pki = Pki::new(KeyAlgorithm::EcP256);
    let folder = Folder::new();
    let certificate = folder.write("host.pem", pki.certificate_pem());
    let kinds: [(&str, &[&str]); 7] = [
        ("Ed25519", &["-algorithm", "ED25519"]),
        ("Ed448", &["-algorithm", "ED448"]),
        ("X25519", &["-algorithm", "X25519"]),
        ("EC secp256k1", &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:secp256k1"]),
        ("EC P-224", &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-224"]),
        ("RSA 1024", &["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:1024"]),
        ("RSASSA-PSS only", &["-algorithm", "RSA-PSS", "-pkeyopt", "rsa_keygen_bits:2048"]),
    ];
    for (kind, arguments) in kinds {
        let key = folder.path("key.pem");
        let arguments = [&["genpkey", "-out", text(&key)], arguments].concat();
        let Some(output) = openssl(&arguments) else { return };
        assert!(output.status.success(), "{kind}: {}", String::from_utf8_lossy(&output.stderr));
        super::support::set_mode(&key, 0o600);
        let error = refused(&source(&certificate, Some(&key)));
        assert_eq!(error.id(), "private-key-unsupported", "{error}");
        assert!(
            error.to_string().ends_with(&format!("keys of the kind {kind} are not supported")),
            "{error}"
        );
    }
}

#[test]
fn unreadable_files_are_named_with_the_reason() {
    let pki = Pki::new(KeyAlgorithm::EcP256);
    let folder = Folder::new();
    let host = folder.write("host.pem", pki.certificate_pem());
    let absent = folder.path("absent.pem");
    let error = refused(&source(&absent, Some(&host)));
    let shown =
        format!("cannot read the certificate '{}': there is no such file or folder", absent.display());
    assert_eq!((error.id(), error.to_string()), ("certificate-unreadable", shown));
    let error = refused(&source(&host, Some(&absent)));
    let shown =
        format!("cannot read the private key '{}': there is no such file or folder", absent.display());
    assert_eq!((error.id(), error.to_string()), ("private-key-unreadable", shown));
    let error = refused(&source(&host, Some(&folder.path("."))));
    let shown = error.to_string();
    assert!(shown.starts_with("there is no private key in '") && shown.contains("TEST build-17"), "{shown}");
    let with_folder = source(&host, Some(&host));
    let error =
        refused(&IdentitySource { intermediates: Some(Input::file(folder.path("."))), ..with_folder });
    assert!(error.to_string().ends_with(": it is a folder"), "{error}");
    let error = refused(&source(&folder.path("host.pem/x"), Some(&host)));
    assert!(error.to_string().ends_with(": a part of its path is not a folder"), "{error}");
    let mut with_more = source(&host, Some(&host));
    with_more.intermediates = Some(Input::file(absent));
    with_more.private_key = Some(Input::file(folder.write("key.pem", pki.key_pem())));
    assert!(refused(&with_more).to_string().starts_with("cannot read the intermediates '"));
}

/// A device that does not tell its public key.
#[derive(Debug)]
struct Mute(anyrole::signer::file::FileKey);

impl SigningKey for Mute {
    fn algorithm(&self) -> SignatureAlgorithm {
        self.0.algorithm()
    }

    fn public_key(&self) -> Option<&SubjectPublicKeyInfo> {
        None
    }

    fn sign_with(&mut self, digest: DigestAlgorithm, message: &[u8]) -> Result<Signature, SignError> {
        self.0.sign_with(digest, message)
    }
}

#[test]
fn a_mute_device_proves_itself_by_its_first_signature() {
    let pki = Pki::new(KeyAlgorithm::EcP384);
    let certificate = Certificate::parse(pki.end_entity.certificate_der()).expect("a certificate");
    let mute = |key: &pki_test::key_pair::KeyPair| {
        let der = key.to_der(KeyForm::Pkcs8).expect("PKCS#8");
        let key = anyrole::x509::PrivateKey::from_pkcs8(&der).expect("a private key");
        Box::new(Mute(anyrole::signer::file::FileKey::new(key).expect("a key")))
    };
    let mut right = Identity::new(certificate.clone(), Vec::new(), mute(&pki.key)).expect("it does not tell");
    right.sign(b"message").expect("its own certificate");
    assert!(right.sealing_key().expect("a mute device needs no device here").is_none());
    let other = new_key(KeyAlgorithm::EcP384);
    let mut wrong = Identity::new(certificate, Vec::new(), mute(&other)).expect("it does not tell");
    let error = wrong.sign(b"message").expect_err("another's key");
    assert_eq!(error.id(), "key-mismatch");
}

#[test]
fn every_id_has_its_page() {
    let manual = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/manual/refusals");
    let ids = [
        anyrole::identity::error::IDS,
        anyrole::private_file::IDS,
        anyrole::signer::IDS,
        anyrole::signer::pkcs11::IDS,
        anyrole::signer::tpm::IDS,
    ]
    .concat();
    for id in ids {
        let page = std::fs::read_to_string(manual.join(format!("{id}.md")))
            .unwrap_or_else(|_| panic!("{id} has no page"));
        assert!(page.starts_with("# ") && page.lines().count() > 3, "{id}");
        assert!(page.lines().all(|line| line.len() < 100), "{id} has a long line");
    }
}

#[test]
fn an_unsupported_source_is_named() {
    let folder = Folder::new();
    let host = folder.write("host.pem", Pki::new(KeyAlgorithm::EcP256).certificate_pem());
    let shown = "cannot use 'handle:0x81000001': a key at a handle of a TPM is not supported by this version";
    let mut source = source(&host, None);
    source.private_key = Some(Input::parse("handle:0x81000001").expect("a source"));
    let error: IdentityError = refused(&source);
    assert_eq!((error.id(), error.to_string()), ("source-unsupported", String::from(shown)));
    source.certificate = Input::parse("handle:0x81000001").expect("a source");
    assert_eq!(refused(&source).to_string(), shown);
}
