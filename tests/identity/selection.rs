//! Folders of certificates and keys: which certificate is taken, which key is found, and what is told where none is.

use std::path::Path;
use std::sync::Arc;

use anyrole::diagnostic::Diagnostic as _;
use anyrole::identity::{
    IdentityError, IdentitySource, Input, PasswordSource, Selection, SelectionError, examine, holds, load,
    load_chain, load_matching, read_certificate, unattended_key,
};
use anyrole::secret::Secret;
use anyrole::x509::Selector;
use pki_test::algorithm::KeyAlgorithm;
use pki_test::end_entity::EndEntitySpec;
use pki_test::key_pair::{KeyForm, KeyPair};
use time::Duration;

use super::support::{
    Folder, Pki, loaded, name, new_key, no_environment, refused, set_mode, source, validity,
};

/// Issues another certificate, which is valid that many days longer, and writes it and its key.
fn write(pki: &Pki, folder: &Folder, names: [&str; 2], subject: &str, days: i64) -> KeyPair {
    let key = new_key(KeyAlgorithm::EcP256);
    write_for(pki, folder, names[0], subject, days, &key);
    folder.write(names[1], key.to_pem(KeyForm::Pkcs8).expect("PKCS#8").as_bytes());
    key
}

fn write_for(pki: &Pki, folder: &Folder, file: &str, subject: &str, days: i64, key: &KeyPair) {
    let mut spec = EndEntitySpec::new(name(subject), validity());
    spec.validity.not_after += Duration::days(days);
    let issued = pki.lower.issue(&spec, key.subject_public_key_info()).expect("a certificate");
    folder.write_mode(file, issued.certificate_pem(), 0o644);
}

/// A folder of two identities with their keys, the CAs between them and the root, and files that are none of it.
fn shop() -> (Pki, Folder) {
    let (pki, folder) = (Pki::new(KeyAlgorithm::EcP256), Folder::new());
    write(&pki, &folder, ["build.pem", "build.key"], "TEST build", 0);
    write(&pki, &folder, ["deploy.crt", "zz.pem"], "TEST deploy", 0);
    folder.write_mode(
        "chain.pem",
        [pki.lower.certificate_pem(), pki.upper.certificate_pem()].concat(),
        0o644,
    );
    folder.write_mode("root.pem", pki.root.certificate_pem(), 0o644);
    folder.write("host.log", "-----BEGIN CERTIFICATE-----\n");
    folder.write("README", "these are certificates");
    std::fs::create_dir(folder.path("old.pem")).expect("a folder");
    (pki, folder)
}

fn of(folder: &Folder, selector: &str) -> IdentitySource {
    let selector = (!selector.is_empty()).then(|| Selector::parse(selector).expect("a selector"));
    let selection = Selection { selector, latest: false };
    IdentitySource { selection, ..source(&folder.path("."), None) }
}

fn latest(source: IdentitySource) -> IdentitySource {
    IdentitySource { selection: Selection { latest: true, ..source.selection }, ..source }
}

fn selection_error(source: &IdentitySource) -> SelectionError {
    let error = refused(source);
    let told = format!("{error} [{}]", error.id());
    let IdentityError::Selection(error) = error else { panic!("{told}") };
    *error
}

fn subject(source: &IdentitySource) -> String {
    loaded(source).end_entity().subject_name().to_owned()
}

#[test]
fn the_selector_says_which_certificate_and_the_key_is_found_by_its_public_half() {
    let (pki, folder) = shop();
    for (selector, file, key) in [
        ("Key=x509Subject,Value=cn = test  BUILD", "build.pem", "build.key"),
        ("Key=x509Subject,Value=CN=TEST deploy Key=x509Issuer,Value=/CN=TEST lower", "deploy.crt", "zz.pem"),
    ] {
        let identity = loaded(&of(&folder, selector));
        let provenance = identity.provenance();
        let certificate = provenance.certificate.as_deref().unwrap_or_default();
        assert!(certificate.ends_with(&format!("/{file}'")), "{certificate}");
        assert!(provenance.private_key.as_deref().unwrap_or_default().ends_with(&format!("/{key}'")));
        let chain: Vec<&[u8]> = identity.intermediates().iter().map(|one| one.der()).collect();
        assert_eq!(chain, [pki.lower.certificate_der(), pki.upper.certificate_der()]);
        assert_eq!(provenance.roots.len(), 1);
        assert!(provenance.unrelated.is_empty(), "the neighbours are nothing to warn of");
        let again = Selector::of_renewals(identity.end_entity()).expect("names").to_string();
        assert_eq!(loaded(&of(&folder, &again)).end_entity(), identity.end_entity());
    }
}

#[test]
fn several_and_none_list_candidates_whose_selectors_select_them() {
    let (_, folder) = shop();
    let several = selection_error(&of(&folder, ""));
    assert_eq!(several.id(), "selection-ambiguous");
    let SelectionError::Several { candidates, selector: None, .. } = &several else { panic!("{several:?}") };
    assert_eq!(candidates.len(), 2);
    for candidate in candidates {
        assert_eq!(subject(&of(&folder, &candidate.selector)), candidate.subject);
    }
    let facts: Vec<String> = several.facts().into_iter().map(|fact| fact.value).collect();
    assert!(facts[0].starts_with("Key=sha256,Value=") && facts[0].contains("in 'build.pem')"), "{facts:?}");

    let none = selection_error(&of(&folder, "Key=x509Subject,Value=CN=TEST"));
    assert_eq!((none.id(), none.facts().len()), ("selector-matches-none", 3));
    assert!(none.to_string().contains("matches the selector"));

    let matching = load_matching(&of(&folder, ""), &no_environment()).expect("a folder");
    let files: Vec<&str> = matching.iter().filter_map(|(_, file)| file.as_deref()).collect();
    assert_eq!(files, ["build.pem", "deploy.crt"]);
    let serial = matching[1].0.serial_number();
    let error = selection_error(&of(&folder, &format!("Key=x509Serial,Value={}", serial.decimal())));
    assert!(
        error.hint().is_some_and(|hint| hint.ends_with(&format!("Key=x509Serial,Value={}", serial.hex())))
    );
    assert_eq!(subject(&of(&folder, &format!("Key=x509Serial,Value={}", serial.hex()))), "CN=TEST deploy");
}

#[test]
fn a_renewal_takes_over_once_its_key_is_there() {
    let (pki, folder) = shop();
    let build = || of(&folder, "Key=x509Subject,Value=CN=TEST build");
    let until = |source: &IdentitySource| loaded(source).end_entity().not_after();
    let first = until(&build());
    let renewed = new_key(KeyAlgorithm::EcP256);
    write_for(&pki, &folder, "build-2.pem", "TEST build", 30, &renewed);
    assert_eq!(until(&build()), first, "the new certificate has no key yet");
    assert_eq!(until(&latest(build())), first);
    folder.write("build-2.key", renewed.to_pem(KeyForm::Sec1).expect("SEC1").as_bytes());
    assert_eq!(selection_error(&build()).id(), "selection-ambiguous");
    assert!(until(&latest(build())) > first);
    // Of one name and one key the last one counts, whatever is said.
    let key = new_key(KeyAlgorithm::EcP256);
    folder.write("one.key", key.to_pem(KeyForm::Pkcs8).expect("PKCS#8").as_bytes());
    write_for(&pki, &folder, "one-a.pem", "TEST one", 90, &key);
    write_for(&pki, &folder, "one-b.pem", "TEST one", 10, &key);
    let one = loaded(&of(&folder, "Key=x509Subject,Value=CN=TEST one"));
    assert!(one.provenance().certificate.as_deref().is_some_and(|file| file.ends_with("one-a.pem'")));
}

#[test]
fn keys_may_be_elsewhere_and_certificates_too() {
    let (pki, certificates, keys) = (Pki::new(KeyAlgorithm::EcP256), Folder::new(), Folder::new());
    let key = write(&pki, &certificates, ["build.pem", "unused.key"], "TEST build", 0);
    write(&pki, &certificates, ["deploy.pem", "unused2.key"], "TEST deploy", 0);
    std::fs::remove_file(certificates.path("unused.key")).expect("it is there");
    std::fs::remove_file(certificates.path("unused2.key")).expect("it is there");
    let alone = selection_error(&of(&certificates, ""));
    assert_eq!(alone.id(), "private-key-missing");
    assert_eq!(alone.facts().len(), 2);
    let file = keys.write("any.pem", key.to_pem(KeyForm::Pkcs8).expect("PKCS#8").as_bytes());
    for private_key in [keys.path("."), file] {
        let both = IdentitySource { private_key: Some(Input::file(private_key)), ..of(&certificates, "") };
        assert_eq!(subject(&both), "CN=TEST build");
        assert!(unattended_key(&both, &no_environment()).is_some());
    }
    let one = IdentitySource {
        private_key: Some(Input::file(keys.path("."))),
        ..source(&certificates.path("build.pem"), None)
    };
    assert_eq!(subject(&one), "CN=TEST build");
    let other = IdentitySource { certificate: Input::file(certificates.path("deploy.pem")), ..one };
    assert_eq!(selection_error(&other).id(), "private-key-missing");
}

#[test]
fn a_selector_selects_in_a_file_too() {
    let pki = Pki::new(KeyAlgorithm::EcP256);
    let folder = Folder::new();
    write_for(&pki, &folder, "other.pem", "TEST other", 90, &pki.key);
    let other = std::fs::read_to_string(folder.path("other.pem")).expect("it was written");
    let all = folder.write("all.pem", [pki.key_pem(), pki.certificate_pem(), other].concat());
    assert_eq!(subject(&source(&all, None)), "CN=TEST other", "the one that is valid longest");
    let selected = |selector: &str| IdentitySource { ..of_file(&all, selector) };
    assert_eq!(subject(&selected("Key=x509Subject,Value=CN=TEST build-17")), "CN=TEST build-17");
    let chain = load_chain(&selected("Key=x509Subject,Value=CN=TEST other"), &no_environment());
    assert_eq!(chain.expect("a chain").end_entity.subject_name(), "CN=TEST other");
    assert_eq!(selection_error(&selected("Key=x509Serial,Value=01")).id(), "selector-matches-none");
}

fn of_file(path: &Path, selector: &str) -> IdentitySource {
    let selector = Some(Selector::parse(selector).expect("a selector"));
    IdentitySource { selection: Selection { selector, latest: false }, ..source(path, None) }
}

#[test]
fn encrypted_keys_and_stores_in_a_folder_are_opened_with_the_password() {
    let (pki, folder) = (Pki::new(KeyAlgorithm::EcP256), Folder::new());
    for name in ["a", "b"] {
        let key = write(&pki, &folder, [&format!("{name}.pem"), &format!("{name}.key")], name, 0);
        let encrypted = key.to_encrypted_pem("correct horse").expect("PBES2");
        folder.write(&format!("{name}.key"), encrypted.as_bytes());
    }
    let given = |password: &str| PasswordSource::Given(Arc::new(Secret::new(password.to_owned())));
    let b =
        |password| IdentitySource { password: given(password), ..of(&folder, "Key=x509Subject,Value=CN=b") };
    assert_eq!(subject(&b("correct horse")), "CN=b");
    assert_eq!(refused(&b("wrong")).id(), "password-wrong");
    let nobody = IdentitySource { password: PasswordSource::Nobody, ..b("") };
    assert_eq!(refused(&nobody).id(), "private-key-encrypted");
    // Nothing tells whose key it is but the password.
    std::fs::rename(folder.path("b.key"), folder.path("x.key")).expect("a new name");
    assert_eq!(subject(&b("correct horse")), "CN=b");
    assert_eq!(refused(&b("wrong")).id(), "password-wrong");
    let all = IdentitySource { password: given("correct horse"), ..of(&folder, "") };
    assert_eq!(selection_error(&all).id(), "selection-ambiguous");
}

#[test]
fn what_cannot_be_used_is_told_where_nothing_else_is_there() {
    let pki = Pki::new(KeyAlgorithm::EcP256);
    let folder = Folder::new();
    assert_eq!(selection_error(&of(&folder, "")).id(), "certificate-missing");
    folder.write_mode("host.pem", "-----BEGIN CERTIFICATE-----\nnonsense", 0o644);
    let damaged = selection_error(&of(&folder, ""));
    let SelectionError::Nothing { passed_over, .. } = &damaged else { panic!("{damaged:?}") };
    assert!(passed_over[0].contains("host.pem"), "{passed_over:?}");
    write(&pki, &folder, ["build.pem", "build.key"], "TEST build", 0);
    set_mode(&folder.path("build.key"), 0o644);
    let exposed = selection_error(&of(&folder, ""));
    let SelectionError::NoKey { passed_over, .. } = &exposed else { panic!("{exposed:?}") };
    assert!(passed_over[0].contains("other users can read it"), "{passed_over:?}");
    let accepted = IdentitySource { allow_insecure_key_file: true, ..of(&folder, "") };
    assert!(loaded(&accepted).provenance().insecure_key_file.is_some());
    for number in 0..1001 {
        folder.write_mode(&format!("{number}.pem"), "", 0o644);
    }
    let many = refused(&of(&folder, ""));
    assert_eq!(many.id(), "certificate-unreadable");
    assert!(many.to_string().ends_with("there are more than 1000 files in it"), "{many}");
}

#[test]
fn the_folder_is_as_it_was_until_a_certificate_changes() {
    let (pki, folder) = shop();
    let source = of(&folder, "Key=x509Subject,Value=CN=TEST build");
    let read = || read_certificate(&source.certificate, &no_environment()).expect("a folder");
    let first = *read().sha256();
    assert_eq!(loaded(&source).provenance().certificate_sha256, Some(first));
    folder.write("build.key.new", "");
    std::fs::remove_file(folder.path("build.key")).expect("it is there");
    folder.write("host.log", "a line");
    assert_eq!(*read().sha256(), first, "neither keys nor logs are part of it");
    write(&pki, &folder, ["build.pem", "build.key"], "TEST build", 30);
    let second = read();
    assert_ne!(*second.sha256(), first);
    assert!(second.is_whole());
    let is = |subject: &str| holds(&source, &second, subject, "CN=TEST lower", &no_environment());
    assert!(is("CN=TEST build") && !is("CN=TEST deploy") && !is("CN=TEST lower"));
    let whole = std::fs::read(folder.path("build.pem")).expect("it is there");
    folder.write("build.pem", &whole[..whole.len() / 2]);
    assert!(!is("CN=TEST build"), "half of a certificate is waited for, and is none");
    folder.write("build.pem", &whole);
    assert!(is("CN=TEST build"));
    assert!(examine(&source, &no_environment()).is_ok());
    assert!(load(&source, &no_environment()).is_ok());
}
