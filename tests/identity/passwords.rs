//! Encrypted keys: every cipher that openssl writes, every source of a password, and what goes wrong.

use std::sync::Arc;

use anyrole::diagnostic::Diagnostic as _;
use anyrole::env::Environment;
use anyrole::identity::{IdentitySource, Input, PasswordSource, load};
use anyrole::secret::Secret;
use pki_test::algorithm::KeyAlgorithm;

use super::support::{Folder, Pki, no_environment, openssl, refused, refused_with, source, text};

fn given(password: &str) -> PasswordSource {
    PasswordSource::Given(Arc::new(Secret::new(String::from(password))))
}

fn encrypted(folder: &Folder, pki: &Pki) -> IdentitySource {
    let key = pki.key.to_encrypted_pem("correct horse").expect("an encrypted key");
    source(&folder.write("host.pem", pki.certificate_pem()), Some(&folder.write("host.key", key.as_str())))
}

#[test]
fn every_source_of_a_password_opens_the_key() {
    let pki = Pki::new(KeyAlgorithm::MlDsa44);
    let folder = Folder::new();
    let mut source = encrypted(&folder, &pki);
    folder.write("password", "correct horse\n");
    let directory = folder.path("").display().to_string();
    let env =
        Environment::given([("PASSWORD", "correct horse"), ("CREDENTIALS_DIRECTORY", directory.as_str())]);
    let sources = [
        given("correct horse"),
        PasswordSource::Credential(String::from("password")),
        PasswordSource::Input(Input::file(folder.path("password"))),
        PasswordSource::Input(Input::file(folder.write("crlf", "correct horse\r\n"))),
        PasswordSource::Input(Input::Variable(String::from("PASSWORD"))),
    ];
    for password in sources {
        source.password = password;
        load(&source, &env).unwrap_or_else(|error| panic!("{:?}: {error}", source.password));
    }
}

#[test]
fn a_wrong_password_is_told_from_a_missing_one() {
    let pki = Pki::new(KeyAlgorithm::EcP256);
    let folder = Folder::new();
    let mut source = encrypted(&folder, &pki);
    source.password = given("wrong");
    assert_eq!(refused(&source).id(), "password-wrong");
    source.password = PasswordSource::Input(Input::Variable(String::from("ABSENT")));
    let error = refused(&source);
    assert_eq!(error.id(), "password-unreadable");
    assert!(error.to_string().ends_with(": it is not set, or empty"), "{error}");
    source.password = PasswordSource::Credential(String::from("password"));
    assert_eq!(refused(&source).id(), "password-unreadable");
    source.password = PasswordSource::Credential(String::from("../password"));
    let env = Environment::given([("CREDENTIALS_DIRECTORY", "/nonexistent")]);
    assert!(refused_with(&source, &env).to_string().contains("no slash"));
    source.password =
        PasswordSource::Input(Input::file(folder.write_mode("password", "correct horse", 0o644)));
    let error = refused(&source);
    assert!(error.to_string().contains("other users can read it"), "{error}");
}

#[test]
fn every_modern_cipher_of_openssl_is_opened() {
    let pki = Pki::new(KeyAlgorithm::EcP256);
    let folder = Folder::new();
    let certificate = folder.write("host.pem", pki.certificate_pem());
    let clear = folder.write("clear.key", pki.key_pem());
    let ciphers: [&[&str]; 8] = [
        &["-v2", "aes-256-cbc", "-iter", "2"],
        &["-v2", "aes-192-cbc", "-iter", "2"],
        &["-v2", "aes-128-cbc", "-v2prf", "hmacWithSHA1", "-iter", "2"],
        &["-v2", "aes-256-cbc", "-v2prf", "hmacWithSHA512", "-iter", "3000"],
        &["-v2", "aes-256-cbc", "-v2prf", "hmacWithSHA384", "-iter", "2"],
        &["-v2", "des3", "-iter", "2"],
        &["-scrypt"],
        &["-outform", "DER"],
    ];
    for cipher in ciphers {
        let key = folder.path("host.key");
        let command =
            ["pkcs8", "-topk8", "-in", text(&clear), "-out", text(&key), "-passout", "pass:correct horse"];
        let Some(output) = openssl(&[&command, cipher].concat()) else { return };
        assert!(output.status.success(), "{cipher:?}: {}", String::from_utf8_lossy(&output.stderr));
        super::support::set_mode(&key, 0o600);
        let mut source = source(&certificate, Some(&key));
        source.password = given("correct horse");
        load(&source, &no_environment()).unwrap_or_else(|error| panic!("{cipher:?}: {error}"));
        source.password = given("wrong");
        assert_eq!(refused(&source).id(), "password-wrong", "{cipher:?}");
    }
}

#[test]
fn old_ciphers_are_named_with_the_command_that_converts() {
    let pki = Pki::new(KeyAlgorithm::Rsa2048);
    let folder = Folder::new();
    let certificate = folder.write("host.pem", pki.certificate_pem());
    let clear = folder.write("clear.key", pki.key_pem());
    let key = folder.path("host.key");
    let (input, output) = (text(&clear), text(&key));
    let cases: [(&[&str], &str); 2] = [
        (
            &["rsa", "-in", input, "-out", output, "-traditional", "-aes128", "-passout", "pass:p"],
            "it is encrypted in the form that OpenSSL used before PKCS#8",
        ),
        (
            &["pkcs8", "-topk8", "-in", input, "-out", output, "-v1", "PBE-SHA1-3DES", "-passout", "pass:p"],
            "it is encrypted with PKCS#12 PBE with 3DES, which is not supported",
        ),
    ];
    for (command, shown) in cases {
        let Some(made) = openssl(command) else { return };
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        super::support::set_mode(&key, 0o600);
        let mut source = source(&certificate, Some(&key));
        source.password = given("p");
        let error = refused(&source);
        assert_eq!(error.id(), "private-key-unsupported", "{error}");
        assert_eq!(error.to_string(), format!("cannot use the private key '{output}': {shown}"));
        let hint = error.hint().expect("a hint");
        assert!(hint.contains("openssl pkcs8 -topk8"), "{hint}");
    }
}
