//! A PKI created in a temporary folder.

use std::time::Duration;

use pki_test::end_entity::SubjectAlternativeName;

use super::*;
use crate::diagnostic::Diagnostic;

const NOW: Timestamp = Timestamp::from_unix_seconds(1_795_449_600);

fn init(folder: &Folder, intermediate: bool, passphrase: Option<&str>) {
    let passphrase = passphrase.map(|text| Secret::new(text.to_owned()));
    let spec = InitSpec {
        name: String::from("TEST"),
        algorithm: KeyAlgorithm::EcP256,
        intermediate,
        passphrase,
        crl_url: None,
        root_crl_url: None,
    };
    folder.init(&spec, NOW).expect("a new PKI");
}

fn spec(name: &str) -> IssueSpec {
    IssueSpec {
        name: name.to_owned(),
        subject: common_name(name).expect("a name"),
        alternative_names: vec![SubjectAlternativeName::Dns(String::from("build.example"))],
        lifetime: DAY,
        key: KeyOrigin::New(KeyAlgorithm::EcP256),
        crl_url: None,
    }
}

#[test]
fn an_identity_below_an_intermediate_is_found_in_the_list() {
    let temporary = tempfile::tempdir().expect("a folder");
    let folder = Folder::new(temporary.path().join("pki"));
    init(&folder, true, Some("opens"));
    assert!(folder.is_encrypted().expect("readable"));
    let opens = Secret::new(String::from("opens"));
    let issued = folder.issue(&spec("build-17"), Some(&opens), NOW).expect("issued");
    assert_eq!(issued.not_after, NOW.plus(DAY));
    let listed = folder.list().expect("readable");
    let names: Vec<_> = listed.iter().map(|listed| (listed.name.as_str(), listed.role)).collect();
    assert_eq!(
        names,
        [("root", Role::Root), ("intermediate", Role::Intermediate), ("build-17", Role::EndEntity)]
    );
    assert_eq!(listed[2].certificate.serial_number().hex(), issued.serial);
    assert_eq!(listed[2].certificate.issuer_name(), "CN=TEST intermediate");
}

#[test]
fn nothing_is_overwritten_unless_asked() {
    let temporary = tempfile::tempdir().expect("a folder");
    let folder = Folder::new(temporary.path().join("pki"));
    init(&folder, false, None);
    let first = folder.issue(&spec("a"), None, NOW).expect("issued").serial;
    let id = |result: Result<Issued, PkiError>| result.expect_err("a refusal").id();
    assert_eq!(id(folder.issue(&spec("a"), None, NOW)), "pki-name-taken");
    let again = folder.reissue(&spec("a"), None, NOW, &mut |_, _| ()).expect("issued").serial;
    assert_ne!(first, again);
    assert_eq!(folder.list().expect("readable").len(), 2, "the old pair is gone");
    let again = InitSpec {
        name: String::from("TEST"),
        algorithm: KeyAlgorithm::EcP256,
        intermediate: false,
        passphrase: None,
        crl_url: None,
        root_crl_url: None,
    };
    assert_eq!(folder.init(&again, NOW).expect_err("a refusal").id(), "pki-exists");
}

#[test]
fn what_cannot_be_issued_is_refused_before_anything_is_written() {
    let temporary = tempfile::tempdir().expect("a folder");
    let folder = Folder::new(temporary.path().join("pki"));
    let id = |result: Result<Issued, PkiError>| result.expect_err("a refusal").id();
    assert_eq!(id(folder.issue(&spec("a"), None, NOW)), "pki-missing");
    init(&folder, false, Some("opens"));
    assert_eq!(id(folder.issue(&spec("a"), None, NOW)), "pki-passphrase-missing");
    assert_eq!(
        id(folder.issue(&spec("a"), Some(&Secret::new(String::from("wrong"))), NOW)),
        "pki-ca-unusable"
    );
    let opens = Secret::new(String::from("opens"));
    let long = IssueSpec { lifetime: ROOT_LIFETIME + Duration::from_secs(1), ..spec("a") };
    assert_eq!(id(folder.issue(&long, Some(&opens), NOW)), "pki-outlives-ca");
    assert_eq!(id(folder.issue(&spec("ca"), Some(&opens), NOW)), "pki-name");
    assert_eq!(id(folder.issue(&spec("a/b"), Some(&opens), NOW)), "pki-name");
    assert_eq!(folder.list().expect("readable").len(), 1);
}

#[cfg(unix)]
#[test]
fn every_file_is_the_owner_s_alone() {
    use std::os::unix::fs::PermissionsExt as _;

    let temporary = tempfile::tempdir().expect("a folder");
    let folder = Folder::new(temporary.path().join("pki"));
    init(&folder, true, None);
    folder.issue(&spec("a"), None, NOW).expect("issued");
    let mode = |path: &str| {
        let metadata = std::fs::metadata(temporary.path().join("pki").join(path)).expect("is there");
        metadata.permissions().mode() & 0o777
    };
    for path in ["", "ca", "a"] {
        assert_eq!(mode(path), 0o700, "{path}");
    }
    for path in ["ca/root.pem", "ca/root.key", "ca/intermediate.key", "a/a.pem", "a/a.key"] {
        assert_eq!(mode(path), 0o600, "{path}");
    }
}
