//! The openssl program verifies what anyrole signs: AWS4-X509 hashes with SHA-256 on every curve.

use anyrole::identity::{Input, PasswordSource, load_private_key};
use anyrole::inspect::{SignatureFormat, sign_string};
use anyrole::signer::DigestAlgorithm;
use pki_test::algorithm::KeyAlgorithm;

use super::support::{Folder, Pki, loaded, no_environment, openssl, source, text};

const ALGORITHMS: [KeyAlgorithm; 4] =
    [KeyAlgorithm::EcP256, KeyAlgorithm::EcP384, KeyAlgorithm::EcP521, KeyAlgorithm::Rsa2048];

#[test]
fn openssl_verifies_every_signature() {
    for algorithm in ALGORITHMS {
        let pki = Pki::new(algorithm);
        let folder = Folder::new();
        let key = folder.write("key.pem", pki.key_pem());
        let certificate = folder.write("host.pem", pki.certificate_pem());
        let mut identity = loaded(&source(&certificate, Some(&key)));
        let message = folder.write("message", "string to sign");
        let signature = identity.sign(b"string to sign").expect("a signature");
        let signature = folder.write("signature", signature.octets());
        verified(&folder, text(&key), "-sha256", text(&signature), text(&message), &algorithm.to_string());
    }
}

#[test]
fn openssl_verifies_the_test_string_under_every_digest() {
    for algorithm in ALGORITHMS {
        let pki = Pki::new(algorithm);
        let folder = Folder::new();
        let key = folder.write("key.pem", pki.key_pem());
        let input = Input::file(key.clone());
        let (mut file_key, _) =
            load_private_key(&input, &PasswordSource::Prompt, false, &no_environment()).expect("a key");
        let octets =
            file_key.public_key().expect("it is in memory").key_octets().expect("whole octets").to_vec();
        let hash =
            aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &[b"IAM RA".as_slice(), &octets].concat());
        let message =
            [b"AWS Roles Anywhere Credential Helper Signing Test1".as_slice(), hash.as_ref()].concat();
        let message = folder.write("message", message);
        for (digest, flag) in [
            (DigestAlgorithm::Sha256, "-sha256"),
            (DigestAlgorithm::Sha384, "-sha384"),
            (DigestAlgorithm::Sha512, "-sha512"),
        ] {
            let signature =
                sign_string(file_key.as_mut(), digest, SignatureFormat::Bin).expect("a signature");
            let signature = folder.write("signature", signature);
            verified(
                &folder,
                text(&key),
                flag,
                text(&signature),
                text(&message),
                &format!("{algorithm} {flag}"),
            );
        }
    }
}

fn verified(folder: &Folder, key: &str, digest: &str, signature: &str, message: &str, what: &str) {
    let public = folder.path("public.pem");
    let Some(made) = openssl(&["pkey", "-in", key, "-pubout", "-out", text(&public)]) else { return };
    assert!(made.status.success(), "{what}: {}", String::from_utf8_lossy(&made.stderr));
    let arguments = ["dgst", digest, "-verify", text(&public), "-signature", signature, message];
    let output = openssl(&arguments).expect("openssl ran a moment ago");
    assert!(output.status.success(), "{what}: {}", String::from_utf8_lossy(&output.stderr));
}
