//! Private keys in every form, read by openssl; and openssl's keys, read by us.

use pki_test::algorithm::KeyAlgorithm;
use pki_test::key_pair::{KeyForm, KeyPair, KeyPairError};

use super::keys;
use super::openssl::Openssl;

const PASSPHRASE: &str = "correct horse, Größe 7";

fn known_to_openssl() -> impl Iterator<Item = KeyAlgorithm> {
    let post_quantum = [KeyAlgorithm::MlDsa44, KeyAlgorithm::MlDsa65, KeyAlgorithm::MlDsa87];
    KeyAlgorithm::ALL.into_iter().filter(move |algorithm| !post_quantum.contains(algorithm))
}

#[test]
fn openssl_reads_every_form() {
    let Some(openssl) = Openssl::find() else { return };
    for algorithm in known_to_openssl() {
        let key = keys::end_entity(algorithm);
        for form in KeyForm::ALL {
            let Ok(pem) = key.to_pem(form) else { continue };
            let commands: &[&str] = match form {
                KeyForm::Pkcs8 | KeyForm::MlDsaSeed | KeyForm::MlDsaExpanded | KeyForm::MlDsaBoth => {
                    &["pkey"]
                }
                KeyForm::Sec1 | KeyForm::Sec1WithParameters => &["pkey", "ec"],
                KeyForm::Pkcs1 => &["pkey", "rsa"],
            };
            for command in commands {
                let public = openssl
                    .run(&[command, "-pubout", "-outform", "DER"], pem.as_bytes())
                    .unwrap_or_else(|complaint| panic!("{algorithm} {form} {command}: {complaint}"));
                assert_eq!(public, key.subject_public_key_info(), "{algorithm} {form}");
            }
            openssl.run(&["pkey", "-check", "-noout"], pem.as_bytes()).expect("the numbers agree");
        }
    }
}

#[test]
fn openssl_reads_encrypted_keys() {
    let Some(openssl) = Openssl::find() else { return };
    for algorithm in [KeyAlgorithm::EcP521, KeyAlgorithm::Rsa4096] {
        let key = keys::end_entity(algorithm);
        let pem = key.to_encrypted_pem(PASSPHRASE).expect("it can be encrypted");
        let passphrase = format!("pass:{PASSPHRASE}");
        let public = openssl
            .run(&["pkey", "-pubout", "-outform", "DER", "-passin", &passphrase], pem.as_bytes())
            .expect("openssl knows PBES2 with scrypt");
        assert_eq!(public, key.subject_public_key_info());
        assert!(openssl.run(&["pkey", "-noout", "-passin", "pass:wrong"], pem.as_bytes()).is_err());
    }
}

#[test]
fn every_form_is_read_back() {
    for algorithm in KeyAlgorithm::ALL {
        let key = keys::end_entity(algorithm);
        let mut forms = 0;
        for form in KeyForm::ALL {
            match key.to_pem(form) {
                Ok(pem) => {
                    forms += 1;
                    let again = KeyPair::from_pem(&pem, None).expect("our own text is read");
                    assert_eq!(again.algorithm(), algorithm);
                    assert_eq!(again.subject_public_key_info(), key.subject_public_key_info(), "{form}");
                    let keeps_seed = form != KeyForm::MlDsaExpanded;
                    assert_eq!(again.to_pem(KeyForm::MlDsaSeed).is_ok(), keeps_seed && is_ml_dsa(algorithm));
                    if keeps_seed {
                        assert_eq!(again.to_pem(form).expect("the same form"), pem, "{algorithm} {form}");
                    }
                }
                Err(error) => assert_eq!(error, KeyPairError::Form { algorithm, form }),
            }
        }
        assert_eq!(
            forms,
            if is_ml_dsa(algorithm) {
                4
            } else if is_ec(algorithm) {
                3
            } else {
                2
            }
        );
    }
}

#[test]
fn encrypted_keys_are_read_back() {
    let key = keys::end_entity(KeyAlgorithm::MlDsa44);
    let pem = key.to_encrypted_pem(PASSPHRASE).expect("it can be encrypted");
    let again = KeyPair::from_pem(&pem, Some(PASSPHRASE)).expect("the passphrase is right");
    assert_eq!(again.subject_public_key_info(), key.subject_public_key_info());
    let refused = |passphrase| KeyPair::from_pem(&pem, passphrase).expect_err("the passphrase is not right");
    assert_eq!(refused(None), KeyPairError::PassphraseMissing);
    assert_eq!(refused(Some("wrong")), KeyPairError::PassphraseWrong);
}

#[test]
fn keys_of_openssl_are_read() {
    let Some(openssl) = Openssl::find() else { return };
    let generated: [(KeyAlgorithm, &[&str]); 5] = [
        (KeyAlgorithm::EcP256, &["ecparam", "-genkey", "-name", "prime256v1"]),
        (KeyAlgorithm::EcP384, &["ecparam", "-genkey", "-noout", "-name", "secp384r1"]),
        (KeyAlgorithm::EcP521, &["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-521"]),
        (KeyAlgorithm::Rsa2048, &["genrsa", "-traditional", "2048"]),
        (KeyAlgorithm::Rsa2048, &["genrsa", "2048"]),
    ];
    for (algorithm, arguments) in generated {
        let pem = openssl.text(arguments, &[]);
        let key = KeyPair::from_pem(&pem, None).unwrap_or_else(|error| panic!("{arguments:?}: {error}"));
        assert_eq!(key.algorithm(), algorithm);
        let public =
            openssl.run(&["pkey", "-pubout", "-outform", "DER"], pem.as_bytes()).expect("its own key");
        assert_eq!(key.subject_public_key_info(), public);
    }
}

#[test]
fn encrypted_keys_of_openssl_are_read_or_refused_with_a_reason() {
    let Some(openssl) = Openssl::find() else { return };
    let key = keys::end_entity(KeyAlgorithm::EcP256);
    let plain = key.to_pem(KeyForm::Pkcs8).expect("every key has this form");
    let encrypt = |arguments: &[&str]| {
        let passphrase = format!("pass:{PASSPHRASE}");
        openssl.text(&[arguments, &["-passout", &passphrase]].concat(), plain.as_bytes())
    };
    for arguments in [
        &["pkcs8", "-topk8", "-v2", "aes-256-cbc", "-v2prf", "hmacWithSHA256"][..],
        &["pkcs8", "-topk8", "-v2", "aes-128-cbc", "-iter", "5000"][..],
        &["pkcs8", "-topk8", "-scrypt"][..],
    ] {
        let loaded = KeyPair::from_pem(&encrypt(arguments), Some(PASSPHRASE)).expect("PBES2 is read");
        assert_eq!(loaded.subject_public_key_info(), key.subject_public_key_info(), "{arguments:?}");
    }
    let refused = |pem: &str| KeyPair::from_pem(pem, Some(PASSPHRASE)).expect_err("this is not read");
    let traditional = encrypt(&["ec", "-aes256"]);
    assert!(traditional.contains("Proc-Type: 4,ENCRYPTED"));
    assert_eq!(refused(&traditional), KeyPairError::Encryption);
    let costly =
        encrypt(&["pkcs8", "-topk8", "-scrypt", "-scrypt_N", "16", "-scrypt_r", "1", "-scrypt_p", "17"]);
    assert_eq!(refused(&costly), KeyPairError::KeyDerivationCost);
}

#[test]
fn what_is_not_a_key_of_ours_is_refused() {
    let refused = |pem: &str| KeyPair::from_pem(pem, None).expect_err("this is not read");
    assert_eq!(refused(""), KeyPairError::Missing);
    assert_eq!(
        refused("-----BEGIN PRIVATE KEY-----\nMAA=\n-----END PRIVATE KEY-----\n"),
        KeyPairError::Malformed
    );
    let Some(openssl) = Openssl::find() else { return };
    let unsupported: [&[&str]; 3] = [
        &["genpkey", "-algorithm", "ed25519"],
        &["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:secp256k1"],
        &["ecparam", "-genkey", "-noout", "-name", "secp224r1"],
    ];
    for arguments in unsupported {
        assert_eq!(refused(&openssl.text(arguments, &[])), KeyPairError::Unsupported, "{arguments:?}");
    }
}

fn is_ml_dsa(algorithm: KeyAlgorithm) -> bool {
    algorithm.name().starts_with("ml-dsa")
}

fn is_ec(algorithm: KeyAlgorithm) -> bool {
    algorithm.name().starts_with("ec")
}
