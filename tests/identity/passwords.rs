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
    let named = Input::file_named_by(folder.path("absent"), "--pkcs8-password-file");
    source.password = PasswordSource::Input(named);
    let error = refused(&source);
    assert_eq!(error.hint().expect("a hint"), "check the path that --pkcs8-password-file gives");
    source.password = PasswordSource::Credential(String::from("password"));
    assert_eq!(refused(&source).id(), "password-unreadable");
    source.password = PasswordSource::Credential(String::from("../password"));
    let env = Environment::given([("CREDENTIALS_DIRECTORY", "/nonexistent")]);
    assert!(refused_with(&source, &env).to_string().contains("no slash"));
    source.password =
        PasswordSource::Input(Input::file(folder.write_mode("password", "correct horse", 0o644)));
    let error = refused(&source);
    assert!(error.to_string().contains("other users can read it"), "{error}");
    assert!(error.hint().expect("a hint").starts_with("run chmod 600 /"));
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

/// What no crate here reads: how it is made, what is said, and that the command of the hint makes a key of it that works.
#[test]
fn old_forms_are_named_with_the_command_that_converts() {
    let folder = Folder::new();
    let (rsa, ec) = (Pki::new(KeyAlgorithm::Rsa2048), Pki::new(KeyAlgorithm::EcP256));
    folder.write("rsa.key", rsa.key_pem());
    folder.write("ec.key", ec.key_pem());
    let encrypted = |name: &str| format!("it is encrypted with {name}, which is not supported");
    let traditional = || String::from("it is encrypted in the form that OpenSSL used before PKCS#8");
    let pkcs8 = |options: &str| format!("pkcs8 -topk8 -in ec.key -passout pass:p {options}");
    let cases = [
        (String::from("rsa -in rsa.key -traditional -aes128 -passout pass:p"), traditional()),
        (String::from("ec -in ec.key -aes256 -passout pass:p"), traditional()),
        (String::from("ec -in ec.key -des3 -passout pass:p"), traditional()),
        (pkcs8("-v1 PBE-SHA1-3DES"), encrypted("PKCS#12 PBE with 3DES")),
        (pkcs8("-v1 PBE-SHA1-3DES -outform DER"), encrypted("PKCS#12 PBE with 3DES")),
        (pkcs8("-v1 PBE-SHA1-2DES"), encrypted("PKCS#12 PBE with 3DES of two keys")),
        (pkcs8("-v1 PBE-SHA1-RC2-40"), encrypted("PKCS#12 PBE with RC2-40")),
        (pkcs8("-v1 PBE-SHA1-RC2-128"), encrypted("PKCS#12 PBE with RC2")),
        (pkcs8("-v1 PBE-SHA1-RC4-128"), encrypted("PKCS#12 PBE with RC4")),
        (pkcs8("-v1 PBE-MD5-DES"), encrypted("PBES1 with MD5 and DES")),
        (pkcs8("-v1 PBE-SHA1-DES -outform DER"), encrypted("PBES1 with SHA-1 and DES")),
        (pkcs8("-v2 aria-256-cbc"), encrypted("ARIA (object identifier 1.2.410.200046.1.1.12)")),
        (
            pkcs8("-v2 aes-256-cfb"),
            encrypted("AES in another mode than CBC and GCM (object identifier 2.16.840.1.101.3.4.1.44)"),
        ),
        (pkcs8("-v2 aes-256-cbc -v2prf hmacWithMD5"), encrypted("PBKDF2 with HMAC-MD5")),
        (
            String::from("ec -in ec.key -param_enc explicit"),
            String::from("keys of the kind EC with explicit curve parameters are not supported"),
        ),
        (
            String::from("rsa -in rsa.key -outform PVK -pvk-none"),
            String::from("it is a private key in a form of Windows (PVK)"),
        ),
        (
            String::from("rsa -in rsa.key -outform MSBLOB"),
            String::from("it is a private key in a form of Windows (PRIVATEKEYBLOB)"),
        ),
    ];
    for (command, shown) in cases {
        let (old, new) = (folder.path("old.key"), folder.path("new.key"));
        let mut words: Vec<String> =
            command
                .split(' ')
                .map(|word| {
                    if word.ends_with(".key") { text(&folder.path(word)).to_owned() } else { word.to_owned() }
                })
                .collect();
        words.extend(["-out", text(&old), "-provider", "legacy", "-provider", "default"].map(String::from));
        let run = |words: &[String]| openssl(&words.iter().map(String::as_str).collect::<Vec<_>>());
        let Some(made) = run(&words) else { return };
        if !made.status.success() {
            crate::support::components::skip(&format!("this openssl cannot: openssl {command}"));
            continue;
        }
        super::support::set_mode(&old, 0o600);
        let pki = if command.contains("rsa.key") { &rsa } else { &ec };
        let certificate = folder.write("host.pem", pki.certificate_pem());
        let mut source = source(&certificate, Some(&old));
        source.password = given("p");
        let error = refused(&source);
        assert_eq!(error.to_string(), format!("cannot use the private key '{}': {shown}", text(&old)));

        let hint = error.hint().expect("a hint");
        let converts = &hint[hint.find("openssl ").expect("a command")..];
        let mut words: Vec<String> = converts
            .split(' ')
            .skip(1)
            .map(|word| match word {
                "OLD.key" | "OLD.pvk" => text(&old).to_owned(),
                "NEW.key" => text(&new).to_owned(),
                other => other.to_owned(),
            })
            .collect();
        words.extend(["-passin", "pass:p", "-passout", "pass:p"].map(String::from));
        let converted = run(&words).expect("openssl");
        assert!(converted.status.success(), "{words:?}: {}", String::from_utf8_lossy(&converted.stderr));
        super::support::set_mode(&new, 0o600);
        let mut source = super::support::source(&certificate, Some(&new));
        source.password = given("p");
        load(&source, &no_environment()).unwrap_or_else(|error| panic!("{command}: {hint}: {error}"));
    }
}
