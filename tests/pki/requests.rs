//! From a request to a session, to a renewal, to a revocation.

use pki_test::algorithm::KeyAlgorithm;
use pki_test::certificate_request::CertificateRequest;
use pki_test::key_pair::{KeyForm, KeyPair};

use super::workbench::Workbench;
use crate::support::components::have;

/// Makes `NAME.key` and `NAME.csr` in each of the ways there are, and returns the names.
fn make_requests(bench: &Workbench) -> Vec<String> {
    let mut names = Vec::new();
    if have(&["openssl"]) {
        for (name, key) in [
            ("openssl-p256", "ec -pkeyopt ec_paramgen_curve:P-256"),
            ("openssl-p384", "ec -pkeyopt ec_paramgen_curve:P-384"),
            ("openssl-p521", "ec -pkeyopt ec_paramgen_curve:P-521"),
            ("openssl-rsa", "rsa:2048"),
        ] {
            let arguments = format!(
                "req -new -newkey {key} -nodes -keyout {name}.key -out {name}.csr -subj /CN=admin -addext basicConstraints=CA:TRUE"
            );
            assert_eq!(bench.run("openssl", &arguments).status, 0);
            names.push(name.to_owned());
        }
    }
    if have(&["certtool"]) {
        bench.write("template", "cn = admin\nca\ncert_signing_key\n");
        for (name, key) in [
            ("certtool-p256", "--key-type ecdsa --curve secp256r1"),
            ("certtool-p384", "--key-type ecdsa --curve secp384r1"),
            ("certtool-p521", "--key-type ecdsa --curve secp521r1"),
            ("certtool-rsa", "--key-type rsa --bits 2048"),
        ] {
            let key = bench.run("certtool", &format!("--generate-privkey {key} --outfile {name}.key"));
            assert_eq!(key.status, 0);
            let request = format!(
                "--generate-request --load-privkey {name}.key --template template --outfile {name}.csr"
            );
            assert_eq!(bench.run("certtool", &request).status, 0);
            names.push(name.to_owned());
        }
    }
    let own = [KeyAlgorithm::EcP256, KeyAlgorithm::EcP384, KeyAlgorithm::EcP521, KeyAlgorithm::Rsa2048];
    for algorithm in own {
        let name = format!("own-{algorithm}");
        let key_pair = KeyPair::generate(algorithm).expect("a key");
        let subject = "CN=admin".parse().expect("a name");
        let request = CertificateRequest::render(&key_pair, &subject, &[]).expect("a request");
        bench.write(&format!("{name}.csr"), &request);
        bench.write(&format!("{name}.key"), &key_pair.to_pem(KeyForm::Pkcs8).expect("PKCS#8"));
        names.push(name);
    }
    for name in &names {
        bench.run("chmod", &format!("600 {name}.key")).done();
    }
    names
}

#[test]
fn certificates_of_requests_are_accepted_renewed_and_refused_once_revoked() {
    let bench = Workbench::with_root();
    let openssl = have(&["openssl"]);
    let root = "anyrole-pki/ca/root.pem";
    let names = make_requests(&bench);
    let certificate = |name: &str| format!("anyrole-pki/{name}/{name}.pem");
    let simulator = bench.simulator(root);
    let is_accepted = |name: &str, certificate: &str| {
        let answer = bench.session(&simulator, certificate, &format!("{name}.key")).done();
        assert!(answer.contains("\"AccessKeyId\""), "{name}");
        if openssl {
            bench.openssl_verify(certificate, false).done();
        }
    };
    for name in &names {
        let told = bench.pki(&format!("issue {name} --csr {name}.csr --dns {name}.example")).done();
        assert!(told.contains("and the certificate does not: subject 'CN=admin'"), "{told}");
        is_accepted(name, &certificate(name));
        bench.write(&format!("{name}-before.pem"), &bench.read(&certificate(name)));
        bench.pki(&format!("renew {name}")).refused(1, "pki-key-elsewhere");
        bench.pki(&format!("renew {name} --reuse-key --days 20")).done();
        assert_ne!(bench.read(&certificate(name)), bench.read(&format!("{name}-before.pem")));
        is_accepted(name, &certificate(name));
    }
    simulator.stop();

    // One after another is revoked; those that are not are still accepted.
    let (kept, gone) = names.split_first().expect("our own keys are always there");
    for name in gone {
        let told = bench.pki(&format!("revoke {name} --reason key-compromise")).done();
        assert_eq!(told.matches("revoked: ").count(), 2, "the one before the renewal too: {told}");
        assert!(told.contains("\"aws:TokenIssueTime\": \"20") && told.contains("live on until they expire"));
    }
    let told = bench.pki("crl").done();
    assert!(told.contains("aws rolesanywhere import-crl") && told.contains(" --enabled "), "{told}");
    let simulator = bench.simulator(root);
    for name in gone {
        for certificate in [certificate(name), format!("{name}-before.pem")] {
            bench
                .session(&simulator, &certificate, &format!("{name}.key"))
                .refused(1, "aws-certificate-revoked");
            if openssl {
                let refusal = bench.openssl_verify(&certificate, true);
                assert!(refusal.status != 0 && refusal.stderr.contains("certificate revoked"), "{refusal:?}");
            }
        }
        bench.pki(&format!("renew {name} --reuse-key")).refused(1, "pki-revoked");
    }
    bench.session(&simulator, &certificate(kept), &format!("{kept}.key")).done();
    if openssl {
        bench.openssl_verify(&certificate(kept), true).done();
    }
    simulator.stop();
}

#[test]
fn a_request_gives_nothing_but_its_public_key() {
    if !have(&["openssl"]) {
        return;
    }
    let bench = Workbench::with_root();
    let made = bench.run(
        "openssl",
        "req -new -newkey rsa:2048 -nodes -keyout m.key -out m.csr -subj /CN=admin/O=Mallory -addext \
         basicConstraints=critical,CA:TRUE,pathlen:5 -addext keyUsage=keyCertSign,cRLSign -addext \
         extendedKeyUsage=serverAuth -addext subjectAltName=DNS:admin.example,URI:spiffe://example/admin",
    );
    assert_eq!(made.status, 0);
    bench
        .pki("issue build-17 --csr m.csr --subject CN=build-17,O=Example --uri spiffe://example/build-17")
        .done();
    let text = bench.run("openssl", "x509 -noout -text -in anyrole-pki/build-17/build-17.pem").done();
    for foreign in ["admin", "Mallory", "CA:TRUE", "pathlen", "Certificate Sign", "CRL Sign", "Server"] {
        assert!(!text.contains(foreign), "{foreign}: {text}");
    }
    for own in [
        "Subject: O = Example, CN = build-17\n",
        "CA:FALSE",
        "Digital Signature\n",
        "spiffe://example/build-17",
    ] {
        assert!(text.contains(own), "{own}: {text}");
    }
    assert!(!bench.path("anyrole-pki/build-17/build-17.key").exists());
}

#[test]
fn requests_that_prove_nothing_are_refused() {
    let bench = Workbench::with_root();
    let key_pair = KeyPair::generate(KeyAlgorithm::EcP256).expect("a key");
    let request =
        CertificateRequest::render(&key_pair, &"CN=a".parse().expect("a name"), &[]).expect("a request");
    let damaged = request.replace("MI", "MJ");
    for (text, reason) in [
        ("", "the text holds no certificate request"),
        (damaged.as_str(), "the certificate request is"),
        (&request.repeat(2), "the text holds more than one certificate request"),
    ] {
        bench.write("a.csr", text);
        let told = bench.pki("issue a --csr a.csr").refused(1, "pki-request");
        assert!(told.contains(reason), "{told}");
    }
    bench.pki("issue a --csr missing.csr").refused(1, "file-unreadable");
    bench.write("a.csr", &request);
    bench.pki("issue a --csr a.csr --algorithm ec-p256").refused(2, "settings-exclusive");
    assert!(!bench.path("anyrole-pki/a").exists());
}
