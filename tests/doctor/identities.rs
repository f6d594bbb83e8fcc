//! Faults of certificate, key and chain.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use pki_test::algorithm::KeyAlgorithm;
use pki_test::certificate::{SerialNumber, Validity};
use pki_test::end_entity::EndEntitySpec;
use pki_test::key_pair::{KeyForm, KeyPair};
use pki_test::revocation::{RevocationListSpec, RevokedCertificate};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use time::{Duration, OffsetDateTime};

use super::host::{Fault, Host, each_fault, fault};

fn spec(subject: &str, begins: Duration, lives: Duration) -> EndEntitySpec {
    EndEntitySpec::new(
        subject.parse().unwrap(),
        Validity::starting(OffsetDateTime::now_utc() + begins, lives),
    )
}

fn issue(host: &mut Host) {
    host.issue(&spec("CN=bench", -Duration::HOUR, Duration::days(2)));
}

fn key(host: &Host) -> std::path::PathBuf {
    host.stage.private_key().into()
}

fn mode(host: &Host, mode: u32) {
    fs::set_permissions(key(host), fs::Permissions::from_mode(mode)).unwrap();
}

/// The key, somewhere else.
fn key_at(host: &mut Host, place: &str) {
    let content = fs::read(key(host)).unwrap();
    let path = host.write(place, content, 0o600);
    host.say("private_key", &path);
}

/// The first certificate of the chain alone.
fn alone(host: &mut Host) {
    let chain = fs::read_to_string(host.stage.certificate()).unwrap();
    let (end_entity, intermediates) =
        chain.split_at(chain.find("-----END").unwrap() + "-----END CERTIFICATE-----\n".len());
    host.write("intermediates.pem", intermediates, 0o644);
    let path = host.write("alone.pem", end_entity, 0o644);
    host.say("certificate", &path);
}

fn encrypted(host: &mut Host) {
    let path = host.write("encrypted.key", host.stage.encrypted_key("right"), 0o600);
    host.say("private_key", &path);
    // Such a key seals no file, and not every host has a keyring.
    host.env.insert("ANYROLE_CACHE", String::from("none"));
}

fn password(host: &mut Host, password: &str) {
    let path = host.write("password", password, 0o600);
    host.say("pkcs8_password_file", &path);
}

fn work_tree(host: &mut Host) {
    host.write("repository/.git/HEAD", "ref: refs/heads/main\n", 0o644);
    key_at(host, "repository/deploy/host.key");
}

fn own_key(host: &mut Host) {
    let path = key(host).to_str().unwrap().to_owned();
    host.say("private_key", &path);
}

const FAULTS: &[Fault] = &[
    fault(
        "a key that others can read",
        |host| mode(host, 0o644),
        ("private-key", "other users can read it (mode 0644", "run chmod 600 "),
        |host| mode(host, 0o600),
    ),
    fault(
        "a key of another certificate",
        |host| {
            let key = KeyPair::generate(KeyAlgorithm::EcP256).unwrap().to_pem(KeyForm::Pkcs8).unwrap();
            let path = host.write("other.key", key.as_bytes(), 0o600);
            host.say("private_key", &path);
        },
        ("private-key", "does not belong to the certificate", "replace both files together"),
        own_key,
    ),
    fault(
        "a certificate that is not there",
        |host| host.say("certificate", "/nowhere/host.pem"),
        ("certificate", "'/nowhere/host.pem'", "check the path"),
        |host| {
            let path = host.stage.certificate().to_owned();
            host.say("certificate", &path);
        },
    ),
    fault(
        "a key that is not there",
        |host| host.say("private_key", "/nowhere/host.key"),
        ("private-key", "'/nowhere/host.key'", "check the path that private_key"),
        own_key,
    ),
    fault(
        "a certificate that expired",
        |host| host.issue(&spec("CN=bench", -Duration::days(3), Duration::days(2))),
        ("certificate-dates", "expired at", "renew the certificate"),
        issue,
    ),
    fault(
        "a certificate of tomorrow",
        |host| host.issue(&spec("CN=bench", Duration::days(1), Duration::days(2))),
        ("certificate-dates", "is not valid before", "wait, or correct this machine's clock"),
        issue,
    ),
    fault(
        "a request instead of a certificate",
        |host| {
            let text = "-----BEGIN CERTIFICATE REQUEST-----\nMIIB\n-----END CERTIFICATE REQUEST-----\n";
            let path = host.write("host.csr", text, 0o644);
            host.say("certificate", &path);
        },
        ("certificate", "there is no certificate in", "send the request to your CA"),
        |host| {
            let path = host.stage.certificate().to_owned();
            host.say("certificate", &path);
        },
    ),
    fault(
        "an encrypted key without a password",
        encrypted,
        ("private-key", "is encrypted, and no setting has its password", "--pkcs8-password-file"),
        |host| password(host, "right"),
    ),
    fault(
        "a wrong password",
        |host| {
            encrypted(host);
            password(host, "wrong");
        },
        ("private-key", "the password does not decrypt", "check the password"),
        |host| password(host, "right"),
    ),
    fault(
        "an intermediate that is not sent",
        alone,
        ("create-session", "the chain ends at issuer 'CN=TEST issuing'", "--intermediates"),
        |host| {
            let path = host.path("intermediates.pem").to_str().unwrap().to_owned();
            host.say("intermediates", &path);
        },
    ),
    fault(
        "a key in a git work tree",
        work_tree,
        ("key-place", "git add takes it along", "move it to a folder of this host alone"),
        |host| {
            host.write("repository/.gitignore", "*.key\n", 0o644);
        },
    ),
    fault(
        "a key that git tracks",
        |host| {
            work_tree(host);
            host.write("repository/.git/index", "DIRC\0deploy/host.key\0", 0o644);
        },
        ("key-place", "every clone has it", "git rm --cached"),
        own_key,
    ),
    fault(
        "a key in a synced folder",
        |host| key_at(host, "OneDrive - Example/host.key"),
        ("key-place", "OneDrive copies elsewhere", "renew it with a new key"),
        own_key,
    ),
    fault(
        "a CA's certificate",
        |host| {
            let ca = host.stage.issuing().certificate_pem();
            let key = host.stage.issuing().key_pair().to_pem(KeyForm::Pkcs8).unwrap();
            let (certificate, key) =
                (host.write("ca.pem", ca, 0o644), host.write("ca.key", key.as_bytes(), 0o600));
            host.say("certificate", &certificate);
            host.say("private_key", &key);
        },
        ("certificate-rules", "is a CA certificate", "give the end entity's own certificate"),
        issue,
    ),
];

#[test]
fn faults_of_certificate_and_key() {
    each_fault(FAULTS);
}

#[test]
fn what_works_and_may_not_last_is_doubtful() {
    let doubts = |change: fn(&mut Host)| {
        let mut host = Host::set();
        change(&mut host);
        let answer = host.doctor();
        assert_eq!(
            (answer.status, &answer.data["cause"]),
            (0, &serde_json::Value::Null),
            "{}",
            answer.text()
        );
        answer.of("doubtful").concat()
    };
    let soon = doubts(|host| host.issue(&spec("CN=bench", -Duration::days(90), Duration::days(95))));
    assert!(soon.contains("certificate-dates: the end-entity certificate expires at"), "{soon}");
    let outlived = doubts(|host| {
        host.issue(&spec("CN=bench", -Duration::days(90), Duration::days(90) + Duration::minutes(40)));
    });
    assert!(
        outlived.contains("session-duration: a session of 60 minutes outlives the certificate"),
        "{outlived}"
    );
    let short = doubts(|host| {
        host.session.insert("session_duration", String::from("900"));
    });
    assert!(short.contains("session-duration: a session of 15 minutes: the AWS CLI and boto3"), "{short}");
}

#[test]
fn the_list_of_the_pki_that_the_certificate_lies_in_is_looked_at() {
    let told = |is_revoked: bool, ends: Duration| {
        let mut host = Host::set();
        let chain = fs::read(host.stage.certificate()).unwrap();
        let der = CertificateDer::from_pem_slice(&chain).unwrap();
        let serial = pki_test::verifier::Certificate::parse(&der).unwrap().serial();
        let serial = SerialNumber::new(&serial.to_bytes_be()).unwrap();
        let now = OffsetDateTime::now_utc().replace_nanosecond(0).unwrap();
        let revoked = RevokedCertificate { serial, revoked_at: now - Duration::DAY, reason: None };
        let list = host.stage.issuing().revocation_list(&RevocationListSpec {
            number: 1,
            this_update: now - Duration::days(10),
            next_update: now + ends,
            revoked: if is_revoked { vec![revoked] } else { Vec::new() },
        });
        host.write("pki/ca/crl.pem", list.unwrap().pem(), 0o644);
        let path = host.write("pki/host/host.pem", &chain, 0o644);
        host.say("certificate", &path);
        let answer = host.doctor();
        let checks = answer.data["checks"].as_array().unwrap();
        let check = checks.iter().find(|check| check["id"] == "revocation-list").unwrap();
        (check["verdict"].as_str().unwrap().to_owned(), check["text"].as_str().unwrap().to_owned())
    };
    let (verdict, text) = told(false, Duration::days(3));
    assert!(verdict == "good" && text.contains("ends at"), "{verdict}: {text}");
    let (verdict, text) = told(false, -Duration::DAY);
    assert!(verdict == "doubtful" && text.contains("ended at"), "{verdict}: {text}");
    let (verdict, text) = told(true, Duration::days(3));
    assert!(verdict == "bad" && text.contains("revokes the certificate"), "{verdict}: {text}");
}
