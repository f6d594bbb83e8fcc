//! Which token, certificate and key is meant.

use pki_test::algorithm::KeyAlgorithm;
use pki_test::key_pair::KeyPair;

use crate::tokens::hsm::{Hsm, MODULE};

/// The URIs that an error lists.
fn candidates(told: &str) -> Vec<String> {
    let listed = told.lines().filter_map(|line| line.trim().strip_prefix("candidate: "));
    listed.map(str::to_owned).collect()
}

#[test]
fn tokens_of_one_label_are_told_apart() {
    let Some(hsm) = Hsm::empty() else { return };
    let serials = [hsm.token("twin"), hsm.token("twin")];
    assert_ne!(serials[0], serials[1]);
    let key = KeyPair::generate(KeyAlgorithm::EcP256).unwrap();
    let certificate = hsm.stage.write("host.pem", &hsm.stage.issue("host", &key).chain_pem());
    let pin = hsm.pin_file();
    let more = ["--pkcs11-pin-file", pin.as_str(), "--pkcs11-lib", MODULE];
    // Private keys are not seen before a login, and no PIN is sent to a token that may not be meant.
    let told =
        hsm.session(&certificate, Some("pkcs11:token=twin;object=host"), &more).refused("pkcs11-ambiguous");
    let tokens = candidates(&told);
    assert_eq!(tokens.len(), 2, "{told}");
    assert!(tokens.iter().all(|uri| uri.contains(";serial=") && uri.contains(";object=host")), "{told}");

    // What one of them shows without a login decides: there lies the certificate's own certificate.
    let slot = u64::from_str_radix(&serials[1], 16).unwrap().to_string();
    let file = hsm.path("import.der");
    let der = hsm.stage.issue("host", &key);
    std::fs::write(&file, der.certificate_der()).unwrap();
    let put = |what: &[&str]| {
        let login = ["--module", MODULE, "--slot", &slot, "--login", "--pin", crate::tokens::hsm::PIN];
        let output = std::process::Command::new("pkcs11-tool")
            .args(login)
            .args(what)
            .env("SOFTHSM2_CONF", hsm.path("softhsm2.conf"))
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    };
    put(&["-w", &file, "-y", "cert", "--label", "host", "--id", "01"]);
    let key_file = hsm.path("import.key");
    std::fs::write(&key_file, key.to_der(pki_test::key_pair::KeyForm::Pkcs8).unwrap()).unwrap();
    put(&["-w", &key_file, "-y", "privkey", "--label", "host", "--id", "01", "--usage-sign"]);
    hsm.session(&certificate, Some("pkcs11:token=twin;object=host"), &more).succeeded();
    // And so does a candidate that is pasted back.
    let meant = tokens.iter().filter(|uri| hsm.session(&certificate, Some(uri), &more).0.status.success());
    assert_eq!(meant.count(), 1);
}

#[test]
fn several_keys_are_listed_and_one_can_be_pasted_back() {
    let Some(hsm) = Hsm::new("my token; 50%") else { return };
    let label = "a key/+ü";
    for (id, name) in [("01", label), ("02", label)] {
        hsm.put_key("my token; 50%", name, id, &KeyPair::generate(KeyAlgorithm::Rsa2048).unwrap(), &[]);
    }
    let pin = hsm.pin_file();
    let sign = |uri: &str| {
        hsm.anyrole(&["sign-string", "--private-key", uri, "--pkcs11-pin-file", &pin, "--pkcs11-lib", MODULE])
    };
    let told = sign("pkcs11:token=my%20token%3B%2050%25").refused("pkcs11-ambiguous");
    let keys = candidates(&told);
    assert_eq!(keys.len(), 2, "{told}");
    let signatures: Vec<String> = keys.iter().map(|uri| sign(uri).succeeded()).collect();
    assert_ne!(signatures[0], signatures[1]);
}

#[test]
fn what_is_not_there_is_told_with_what_is() {
    let Some(hsm) = Hsm::new("iamra") else { return };
    let pin = hsm.pin_file();
    let more = ["--pkcs11-pin-file", pin.as_str(), "--pkcs11-lib", MODULE];
    let key = KeyPair::generate(KeyAlgorithm::EcP256).unwrap();
    hsm.put_certificate("iamra", "host", "01", hsm.stage.issue("host", &key).certificate_der());
    // A certificate without a key, then a key without a certificate.
    let told = hsm.session("pkcs11:token=iamra;object=host", None, &more).refused("pkcs11-not-found");
    assert!(told.contains("no private key that matches 'pkcs11:token=iamra;object=host'"), "{told}");
    hsm.put_key("iamra", "lonely", "02", &key, &[]);
    let told = hsm.session("pkcs11:token=iamra;object=lonely", None, &more).refused("pkcs11-not-found");
    assert!(told.contains("no certificate that matches") && told.contains("object=host"), "{told}");
    // The key belongs to another certificate; this one does not tell its public half, and is found out by its signature.
    hsm.session(hsm.stage.certificate(), Some("pkcs11:object=lonely"), &more).refused("key-mismatch");
    let told = hsm.session("pkcs11:token=nowhere", None, &more).refused("pkcs11-not-found");
    assert!(told.contains("there is: pkcs11:token=iamra;serial="), "{told}");
    let told = hsm.session("pkcs11:token=iamra;object=h%FFst", None, &more).refused("source-malformed");
    assert!(told.contains("not UTF-8"), "{told}");
    // By the certificate's id, whatever the key is called.
    let third = KeyPair::generate(KeyAlgorithm::EcP256).unwrap();
    let end_entity = hsm.stage.issue("third", &third);
    hsm.put_certificate(
        "iamra",
        "X.509 Certificate for PIV Authentication",
        "03",
        end_entity.certificate_der(),
    );
    hsm.put_key("iamra", "PIV AUTH key", "03", &third, &[]);
    let chain = hsm.stage.write("third.pem", &end_entity.chain_pem());
    let uri = "pkcs11:token=iamra;object=X.509%20Certificate%20for%20PIV%20Authentication;type=cert";
    hsm.session(uri, None, &[&more[..], &["--intermediates", &chain]].concat()).succeeded();
}
