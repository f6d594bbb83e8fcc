//! Due, renewed, revoked, listed: by the library where time must pass, by the program otherwise.

use std::time::Duration;

use anyrole::clock::{Clock as _, SystemClock, Timestamp};
use anyrole::diagnostic::Diagnostic as _;
use anyrole::pki::{Folder, InitSpec, IssueSpec, KeyOrigin, PkiError, RenewSpec, RenewedKey, When};
use pki_test::algorithm::KeyAlgorithm;
use pki_test::distinguished_name::DistinguishedName;
use pki_test::end_entity::SubjectAlternativeName;
use pki_test::revocation::{RevocationList, RevocationReason};

use super::workbench::Workbench;
use crate::support::components::have;

const DAY: Duration = Duration::from_secs(86_400);
const NOW: Timestamp = Timestamp::from_unix_seconds(1_795_449_600);

fn init(bench: &Workbench, at: Timestamp) -> Folder {
    let folder = Folder::new(bench.path("anyrole-pki"));
    let spec = InitSpec {
        name: String::from("TEST"),
        algorithm: KeyAlgorithm::EcP256,
        intermediate: false,
        passphrase: None,
        crl_url: None,
        root_crl_url: None,
    };
    folder.init(&spec, at).expect("a new PKI");
    folder
}

fn spec(name: &str) -> IssueSpec {
    IssueSpec {
        name: name.to_owned(),
        subject: format!("CN={name},OU=Build\\, Test,O=Example").parse().expect("a name"),
        alternative_names: vec![
            SubjectAlternativeName::Dns(format!("{name}.example")),
            SubjectAlternativeName::Uri(format!("spiffe://example/{name}")),
            SubjectAlternativeName::DirectoryName(DistinguishedName::common_name("alias").expect("a name")),
        ],
        lifetime: DAY * 30,
        key: KeyOrigin::New(KeyAlgorithm::EcP384),
        crl_url: None,
    }
}

fn renewal(name: &str, key: RenewedKey, when: When) -> RenewSpec {
    RenewSpec { name: name.to_owned(), lifetime: None, key, when }
}

fn certificate(folder: &Folder, name: &str) -> anyrole::x509::Certificate {
    let listed = folder.list().expect("readable");
    listed.into_iter().find(|listed| listed.name == name).expect("it was issued").certificate
}

#[test]
fn a_renewal_is_due_at_two_thirds_of_life_and_keeps_the_names() {
    let bench = Workbench::empty();
    let folder = init(&bench, NOW);
    folder.issue(&spec("a"), None, NOW).expect("issued");
    let before = certificate(&folder, "a");
    let due = folder.due("a").expect("readable");
    let life = before.not_after().since(before.not_before());
    assert_eq!(due.at, before.not_before().plus(life / 3 * 2));
    assert!(!due.is_due(due.at.minus(Duration::from_secs(1))) && due.is_due(due.at));

    let mut keys = Vec::new();
    let mut rekey = |old: &str, new: &str| keys.push([old.to_owned(), new.to_owned()]);
    let early = folder.renew(&renewal("a", RenewedKey::New, When::IfDue), None, NOW.plus(DAY), &mut rekey);
    assert!(early.expect("nothing to do").is_none());
    assert_eq!(certificate(&folder, "a"), before);

    let key_before = bench.read("anyrole-pki/a/a.key");
    let renewed = folder.renew(&renewal("a", RenewedKey::New, When::IfDue), None, due.at, &mut rekey);
    let renewed = renewed.expect("renewed").expect("due");
    let after = certificate(&folder, "a");
    assert_eq!(renewed.not_after, due.at.plus(DAY * 30), "as long as before");
    assert_eq!(after.subject_name(), before.subject_name());
    assert_eq!(after.subject_alternative_names(), before.subject_alternative_names());
    assert_eq!(after.subject_alternative_names().len(), 3);
    assert_eq!(after.public_key().kind(), before.public_key().kind());
    assert_ne!(after.public_key(), before.public_key());
    assert_ne!(after.serial_number(), before.serial_number());
    assert_ne!(bench.read("anyrole-pki/a/a.key"), key_before);

    let again = RenewSpec { lifetime: Some(DAY), ..renewal("a", RenewedKey::Same, When::Now) };
    let renewed = folder.renew(&again, None, due.at, &mut rekey).expect("renewed").expect("at once");
    assert_eq!(renewed.not_after, due.at.plus(DAY));
    assert_eq!(certificate(&folder, "a").public_key(), after.public_key());
    assert_eq!(keys, [[key_before, bench.read("anyrole-pki/a/a.key")]], "the old key and the new one, once");
}

#[test]
fn an_expired_identity_can_be_renewed() {
    let bench = Workbench::empty();
    let folder = init(&bench, NOW);
    folder.issue(&spec("a"), None, NOW).expect("issued");
    let later = NOW.plus(DAY * 200);
    folder.issue(&IssueSpec { lifetime: DAY, ..spec("b") }, None, later).expect("issued");
    assert!(folder.due("a").expect("readable").is_due(later));
    let spec = renewal("a", RenewedKey::New, When::IfDue);
    folder.renew(&spec, None, later, &mut |_, _| ()).expect("renewed").expect("due");
}

#[test]
fn exit_codes_tell_a_timer_what_to_do() {
    let bench = Workbench::empty();
    let now = SystemClock.now();
    let folder = init(&bench, now.minus(DAY * 60));
    folder.issue(&spec("old"), None, now.minus(DAY * 25)).expect("issued");
    folder.issue(&spec("young"), None, now.minus(DAY)).expect("issued");
    let check = |name: &str| bench.pki(&format!("renew {name} --check")).status;
    assert_eq!((check("young"), check("old")), (0, 1));
    let told = bench.pki("renew young --if-due").done();
    assert!(told.starts_with("young is not due until "), "{told}");
    let told = bench.pki("renew old --if-due").done();
    assert!(told.starts_with("renewed old: valid until ") && told.contains("old.key, new"), "{told}");
    assert!(told.contains("the certificate before is valid until "), "{told}");
    assert_eq!(check("old"), 0);
    bench.pki("renew old --check --if-due").refused(2, "settings-exclusive");
    bench.pki("renew nobody --if-due").refused(2, "pki-unknown-identity");
    bench.pki("renew ../a --check").refused(2, "pki-name");
    // A revoked one fails, so that the timer's failure is seen.
    bench.pki("revoke old").done();
    bench.pki("renew old").refused(1, "pki-revoked");
    bench.pki("renew old --if-due").done();
}

#[test]
fn certificates_are_revoked_by_name_and_by_each_form_of_their_serial() {
    let bench = Workbench::empty();
    let folder = init(&bench, NOW);
    let serials: Vec<String> = ["a", "b", "c"]
        .iter()
        .map(|name| folder.issue(&spec(name), None, NOW).expect("issued").serial)
        .collect();
    let id = |result: Result<Vec<_>, PkiError>| result.expect_err("refused").id();
    assert_eq!(id(folder.revoke("nobody", None, NOW)), "pki-unknown-certificate");
    let decimal = certificate(&folder, "b").serial_number().decimal().to_owned();
    let reason = Some(RevocationReason::KeyCompromise);
    for (selector, name) in [("a", "a"), (decimal.as_str(), "b"), (&serials[2].to_uppercase(), "c")] {
        let revoked = folder.revoke(selector, reason, NOW).expect("revoked");
        assert_eq!(revoked.len(), 1);
        assert_eq!((revoked[0].name.as_str(), revoked[0].already), (name, false));
        let again = folder.revoke(selector, None, NOW.plus(DAY)).expect("revoked before");
        assert_eq!((again[0].at, again[0].already), (NOW, true), "the first time counts");
    }
    let list = folder.write_revocation_list(DAY * 30, None, NOW.plus(DAY)).expect("written");
    assert_eq!((list.number, list.certificates, list.next_update), (1, 3, NOW.plus(DAY * 31)));
    let parsed = RevocationList::parse(&std::fs::read(&list.file).expect("written")).expect("our own list");
    let listed: Vec<_> = parsed.revoked().iter().map(|entry| (entry.serial.hex(), entry.reason)).collect();
    assert_eq!(listed, serials.into_iter().map(|serial| (serial, reason)).collect::<Vec<_>>());
    assert!(folder.list().expect("readable")[1..].iter().all(|listed| listed.revoked == Some(NOW)));
}

#[test]
fn what_expired_leaves_the_list_thirty_days_later() {
    let bench = Workbench::empty();
    let folder = init(&bench, NOW);
    folder.issue(&spec("a"), None, NOW).expect("issued");
    folder.revoke("a", None, NOW).expect("revoked");
    let mut number = 0;
    for (day, certificates) in [(0, 1), (30, 1), (59, 1), (60, 1), (61, 0)] {
        let list = folder.write_revocation_list(DAY * 30, None, NOW.plus(DAY * day)).expect("written");
        assert!(list.number > number, "numbers increase");
        number = list.number;
        assert_eq!(list.certificates, certificates, "day {day}");
    }
    let id = folder.revoke("a", None, NOW.plus(DAY * 31)).expect_err("expired").id();
    assert_eq!(id, "pki-unknown-certificate");
}

#[test]
fn without_its_register_a_pki_does_nothing() {
    let bench = Workbench::with_root();
    bench.pki("issue a").done();
    let register = bench.read("anyrole-pki/ca/issued.json");
    bench.write("anyrole-pki/ca/issued.json", &register.replace("\"version\": 1", "\"version\": 2"));
    bench.pki("crl").refused(1, "pki-register");
    bench.write("anyrole-pki/ca/issued.json", &register[..register.len() / 2]);
    for call in ["issue b", "renew a", "revoke a", "crl", "list"] {
        bench.pki(call).refused(1, "pki-register");
    }
    std::fs::remove_file(bench.path("anyrole-pki/ca/issued.json")).expect("the folder is ours");
    for call in ["issue b", "renew a", "revoke a", "crl"] {
        let told = bench.pki(call).refused(1, "pki-register");
        assert!(told.contains("it is missing"), "{told}");
    }
    assert!(!bench.path("anyrole-pki/b").exists() && !bench.path("anyrole-pki/ca/crl.pem").exists());
}

#[test]
fn a_list_that_aws_would_not_take_is_not_made() {
    let bench = Workbench::empty();
    let folder = init(&bench, NOW);
    let records: Vec<_> = (0..7000)
        .map(|number| {
            serde_json::json!({
                "serial": format!("80{number:030x}"),
                "name": "a",
                "subject": "CN=a",
                "alternative_names": [],
                "lifetime": 86_400,
                "not_after": NOW.plus(DAY).to_string(),
            })
        })
        .collect();
    let register = serde_json::json!({ "version": 1, "list_number": 6, "certificates": records });
    bench.write("anyrole-pki/ca/issued.json", &register.to_string());
    assert_eq!(folder.revoke("a", None, NOW).expect("revoked").len(), 7000);
    let refusal = folder.write_revocation_list(DAY, None, NOW).expect_err("too large");
    assert_eq!(refusal.id(), "pki-revocation-list");
    let source = std::error::Error::source(&refusal).expect("the reason").to_string();
    assert!(source.starts_with("a revocation list of 7000 certificates has "), "{source}");
    assert!(source.contains("AWS takes 300000, which is "), "{source}");
    assert!(!bench.path("anyrole-pki/ca/crl.pem").exists());
    folder.issue(&spec("b"), None, NOW).expect("what the register holds is no hindrance to others");
}

#[test]
fn lists_below_an_intermediate_are_the_intermediate_s() {
    let bench = Workbench::empty();
    bench.pki("init --no-passphrase --intermediate").done();
    bench.pki("issue a").done();
    bench.pki("issue b").done();
    bench.pki("revoke a").done();
    let told = bench.pki("crl --days 7").done();
    assert!(told.contains("make ca/intermediate.pem the trust anchor"), "{told}");
    assert!(told.contains("(in 7 days)"), "{told}");
    let simulator = bench.simulator("anyrole-pki/ca/intermediate.pem");
    let session = |name: &str| {
        let file = |extension: &str| format!("anyrole-pki/{name}/{name}.{extension}");
        bench.session(&simulator, &file("pem"), &file("key"))
    };
    session("a").refused(1, "aws-certificate-revoked");
    session("b").done();
    simulator.stop();
}

#[test]
fn certificates_name_their_list_and_a_renewal_keeps_it() {
    const OWN: &str = "http://pki.example/ca.crl";
    const OTHER: &str = "http://pki.example/other.crl";
    const ROOT: &str = "http://pki.example/root.crl";
    let bench = Workbench::empty();
    let urls = |name: &str| {
        let folder = Folder::new(bench.path("anyrole-pki"));
        certificate(&folder, name).crl_urls().to_vec()
    };
    bench.pki(&format!("init --no-passphrase --root-crl-url {ROOT}")).refused(2, "flag-value");
    bench.pki("init --no-passphrase --crl-url https://pki.example/ca.crl").refused(2, "pki-alternative-name");
    let made =
        bench.pki(&format!("init --no-passphrase --intermediate --crl-url {OWN} --root-crl-url {ROOT}"));
    assert!(made.done().contains(OWN));
    assert_eq!(urls("intermediate"), [ROOT]);
    assert!(urls("root").is_empty());
    assert!(bench.pki("issue a").done().contains(OWN));
    bench.pki(&format!("issue b --crl-url {OTHER}")).done();
    for (name, url) in [("a", OWN), ("b", OTHER)] {
        assert_eq!(urls(name), [url]);
        bench.pki(&format!("renew {name}")).done();
        assert_eq!(urls(name), [url], "renewed");
        bench.pki(&format!("issue {name} --replace")).done();
        assert_eq!(urls(name), [url], "replaced");
    }
    if have(&["openssl"]) {
        let told =
            bench.run("openssl", "x509 -noout -ext crlDistributionPoints -in anyrole-pki/b/b.pem").done();
        assert!(told.contains("Full Name:") && told.contains(&format!("URI:{OTHER}")), "{told}");
    }
    let told = bench.pki("crl").done();
    let put = format!(
        "  put anyrole-pki/ca/crl.der at {OWN}\n  put anyrole-pki/ca/crl.der at {OTHER}\n  put anyrole-pki/ca/root-crl.der at {ROOT}\n"
    );
    assert!(told.contains(&put) && told.contains("--crl-dp-revocation-enabled"), "{told}");
    for (list, authority) in [("crl", "intermediate"), ("root-crl", "root")] {
        let der = std::fs::read(bench.path(&format!("anyrole-pki/ca/{list}.der"))).expect("it was written");
        let pem = RevocationList::parse(bench.read(&format!("anyrole-pki/ca/{list}.pem")).as_bytes())
            .expect("a list");
        assert_eq!(pem.der(), der);
        let certificate = bench.read(&format!("anyrole-pki/ca/{authority}.pem"));
        let blocks = anyrole::x509::pem::read(certificate.as_bytes()).expect("PEM");
        let issuer = pki_test::verifier::Certificate::parse(&blocks[0].der).expect("our own certificate");
        assert!(pem.is_signed_by(&issuer), "{list}");
    }
}

#[test]
fn the_first_url_becomes_that_of_the_pki() {
    let bench = Workbench::with_root();
    bench.pki("issue before").done();
    bench.pki("issue a --crl-url http://pki.example/ca.crl").done();
    bench.pki("issue b").done();
    bench.pki("renew before").done();
    let inspected = |name: &str| {
        let file = format!("anyrole-pki/{name}/{name}.pem");
        let output =
            bench.program().args(["inspect", "--json", "--certificate", &file]).output().expect("built");
        let document: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
        document["data"]["end_entity"]["crl_urls"].clone()
    };
    let shown =
        bench.program().args(["inspect", "--certificate", "anyrole-pki/a/a.pem"]).output().expect("built");
    assert!(String::from_utf8_lossy(&shown.stdout).contains("  CRL at      http://pki.example/ca.crl\n"));
    for name in ["a", "b", "before"] {
        assert_eq!(inspected(name), serde_json::json!(["http://pki.example/ca.crl"]), "{name}");
    }
}

#[test]
fn a_list_that_is_published_revokes_at_a_trust_anchor_that_asks() {
    let bench = Workbench::empty();
    bench.pki("init --no-passphrase --crl-url http://pki.example/ca.crl").done();
    bench.pki("issue a").done();
    bench.pki("issue b").done();
    let session = |name: &str| {
        let simulator = bench.asking_simulator("http://pki.example/ca.crl");
        let answer = bench.session(
            &simulator,
            &format!("anyrole-pki/{name}/{name}.pem"),
            &format!("anyrole-pki/{name}/{name}.key"),
        );
        simulator.stop();
        answer
    };
    session("a").refused(1, "aws-untrusted-certificate");
    bench.pki("crl").done();
    session("a").done();
    bench.pki("revoke b").done();
    bench.pki("crl").done();
    session("b").refused(1, "aws-certificate-revoked");
}

#[test]
fn an_encrypted_authority_needs_its_passphrase_only_to_sign() {
    let bench = Workbench::empty();
    bench.write("passphrase", "correct horse\n");
    bench.run("chmod", "600 passphrase").done();
    bench.pki("init --passphrase-file passphrase").done();
    bench.pki("issue a --passphrase-file passphrase").done();
    bench.pki("renew a --check").done();
    bench.pki("renew a --if-due").done();
    bench.pki("revoke a").done();
    bench.pki("crl").refused(2, "passphrase");
    bench.pki("crl --passphrase-file passphrase").done();
    let list = RevocationList::parse(bench.read("anyrole-pki/ca/crl.pem").as_bytes()).expect("our own list");
    assert_eq!((list.number(), list.revoked().len()), (Some(1), 1));
}

#[test]
fn a_passphrase_may_be_a_systemd_credential() {
    let bench = Workbench::empty();
    bench.write("passphrase", "correct horse\n");
    bench.run("chmod", "600 passphrase").done();
    bench.pki("init --passphrase-file passphrase").done();
    // As systemd hands them over: the access list of the service's user shows as the group's right to read.
    bench.run("chmod", "440 passphrase").done();
    let call = "pki issue a --passphrase-file passphrase".split(' ');
    let mut command = bench.program();
    let refused = command.args(call.clone()).output().expect("the program was built");
    // Root's own files may be open to a group.
    if bench.run("id", "-u").done() != "0\n" {
        assert!(!refused.status.success(), "{refused:?}");
    }
    let mut command = bench.program();
    command.env("CREDENTIALS_DIRECTORY", bench.path("")).args(call).arg("--replace");
    let path = bench.path("passphrase");
    command.arg("--passphrase-file").arg(path);
    let taken = command.output().expect("the program was built");
    assert!(taken.status.success(), "{}", String::from_utf8_lossy(&taken.stderr));
}
