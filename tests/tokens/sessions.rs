//! Sessions with keys on tokens.

use pki_test::algorithm::KeyAlgorithm;
use pki_test::key_pair::KeyPair;
use pki_test::simulator::Verdict;

use crate::tokens::hsm::{Hsm, MODULE};

#[test]
fn every_algorithm_signs_what_is_accepted() {
    let Some(hsm) = Hsm::new("iamra") else { return };
    let pin = hsm.pin_file();
    for (algorithm, label, id) in [
        (KeyAlgorithm::EcP256, "p256", "01"),
        (KeyAlgorithm::EcP384, "p384", "02"),
        (KeyAlgorithm::EcP521, "p521", "03"),
        (KeyAlgorithm::Rsa2048, "rsa", "04"),
    ] {
        let certificate = hsm.identity("iamra", label, id, algorithm);
        let uri = format!("pkcs11:token=iamra;object={label}");
        let module = ["--pkcs11-pin-file", pin.as_str(), "--pkcs11-lib", MODULE];
        // The certificate from a file, and the key on the token.
        hsm.session(&certificate, Some(&uri), &module).succeeded();
        // Both by one URI, whatever type it says; the chain comes from a file.
        let one = format!("pkcs11:token=iamra;object={label};type=cert?module-path={MODULE}");
        let chain = ["--intermediates", certificate.as_str(), "--pkcs11-pin-file", pin.as_str()];
        hsm.session(&one, None, &chain).succeeded();
        // The test string of the official helper, under a hash of choice.
        for digest in ["SHA256", "SHA384", "SHA512"] {
            let arguments = ["sign-string", "--private-key", &uri, "--digest", digest];
            hsm.anyrole(&[&arguments[..], &module].concat()).succeeded();
        }
    }
    assert!(hsm.stage.journal().iter().all(|entry| entry.verdict == Verdict::Accepted));
    assert_eq!(hsm.stage.journal().len(), 8);
}

/// Without a module named, p11-kit's proxy has SoftHSM, as its package registers it.
#[test]
fn the_chain_comes_from_the_token_and_strangers_stay_there() {
    let Some(hsm) = Hsm::new("iamra") else { return };
    hsm.identity("iamra", "host", "01", KeyAlgorithm::EcP256);
    let other = hsm.identity("iamra", "other", "02", KeyAlgorithm::Rsa2048);
    hsm.put_certificate("iamra", "issuing", "77", hsm.stage.issuing_der());
    let pin = hsm.pin_file();
    let uri = "pkcs11:token=iamra;object=host";
    hsm.session(uri, None, &["--pkcs11-pin-file", &pin]).succeeded();
    let report =
        hsm.anyrole(&["inspect", "--json", "--certificate", uri, "--pkcs11-pin-file", &pin]).succeeded();
    let report: serde_json::Value = serde_json::from_str(&report).unwrap();
    let data = &report["data"];
    assert_eq!(data["intermediates"].as_array().map(Vec::len), Some(1), "{report}");
    assert_eq!((data["usable"].as_bool(), data["warnings"].as_array().map(Vec::len)), (Some(true), Some(0)));

    // Several are listed, each by a URI that means it alone; nobody is asked for a PIN.
    let listed = hsm.anyrole(&["inspect", "--json", "--certificate", "pkcs11:token=iamra"]).succeeded();
    let listed: serde_json::Value = serde_json::from_str(&listed).unwrap();
    let certificates = listed["data"]["certificates"].as_array().unwrap();
    assert_eq!(certificates.len(), 3);
    for certificate in certificates {
        let uri = certificate["uri"].as_str().unwrap();
        let data = hsm.anyrole(&["read-certificate-data", "--certificate", uri]).succeeded();
        assert!(data.starts_with("Matching identities\n1) Hex Fingerprint: "), "{data}");
        assert!(data.contains(&format!("\nURI: {uri}\n\n")) && !data.contains("\n2) "), "{data}");
    }
    let none = hsm.anyrole(&["read-certificate-data", "--certificate", "pkcs11:token=nowhere"]).succeeded();
    assert_eq!(none, "No matching identities\n");
    // The certificate says which of several keys is meant.
    hsm.session(&other, Some("pkcs11:token=iamra"), &["--pkcs11-pin-file", &pin]).succeeded();
}

#[test]
fn a_key_that_asks_each_time_gets_the_pin_again() {
    let Some(hsm) = Hsm::new("iamra") else { return };
    let pin = hsm.pin_file();
    for (algorithm, label, id) in [(KeyAlgorithm::EcP384, "ec", "01"), (KeyAlgorithm::Rsa2048, "rsa", "02")] {
        let key = KeyPair::generate(algorithm).unwrap();
        hsm.put_key("iamra", label, id, &key, &["--always-auth"]);
        let certificate = hsm.stage.write("host.pem", &hsm.stage.issue("host", &key).chain_pem());
        let uri = format!("pkcs11:token=iamra;object={label}");
        let module = ["--pkcs11-pin-file", pin.as_str(), "--pkcs11-lib", MODULE];
        hsm.session(&certificate, Some(&uri), &[&module[..], &["--reuse-pin"]].concat()).succeeded();
        let told = hsm.session(&certificate, Some(&uri), &module).refused("pkcs11-pin-missing");
        assert!(told.contains("add --reuse-pin"), "{told}");
    }
}

/// What a token says is kept costs no token: neither the helper nor the module is started for what the cache has.
#[test]
fn a_session_that_is_kept_needs_no_token() {
    let Some(hsm) = Hsm::new("iamra") else { return };
    let certificate = hsm.identity("iamra", "host", "01", KeyAlgorithm::EcP256);
    let pin = hsm.pin_file();
    let kept = |pin: &str| {
        let uri = "pkcs11:token=iamra;object=host;type=cert";
        let more =
            ["--intermediates", certificate.as_str(), "--pkcs11-pin-file", pin, "--pkcs11-lib", MODULE];
        let mut command = hsm.stage.credential_process_with(uri, None, &more);
        command.stdout(std::process::Stdio::piped());
        crate::tokens::hsm::Ran(hsm.with(&mut command).output().unwrap())
    };
    let first = kept(&pin).succeeded();
    std::fs::remove_dir_all(hsm.path("tokens")).unwrap();
    std::fs::remove_file(hsm.helper()).unwrap();
    assert_eq!(kept("/nowhere").succeeded(), first);
}
