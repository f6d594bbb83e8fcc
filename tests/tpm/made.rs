//! Keys that `pki` makes in a TPM: judged by OpenSSL's provider for TPMs, by tpm2-tools and by the simulator.

use super::world::World;

#[test]
fn a_key_is_made_certified_used_and_renewed() {
    let Some(world) = World::begin() else { return };
    let world = world.with_parent();
    let done = |arguments: &[&str]| {
        let answer = world.call(arguments);
        assert!(answer.status == 0 && answer.stderr.is_empty(), "{arguments:?}: {answer:?}");
        answer.stdout
    };
    done(&["pki", "init", "--no-passphrase"]);
    world.write("password", b"canary-7");
    for (name, algorithm) in [("p256", "ec-p256"), ("p384", "ec-p384"), ("rsa", "rsa-2048")] {
        let told = done(&["pki", "issue", name, "--tpm", "--algorithm", algorithm]);
        assert!(told.contains(&format!("{algorithm} in the TPM")), "{told}");
        judged(&world, name, "");
    }
    let locked = ["pki", "issue", "locked", "--tpm", "--tpm-key-password-file", "password"];
    let told = done(&locked);
    assert!(told.contains("--tpm-key-password-file password"), "{told}");
    judged(&world, "locked", "-passin file:password");
    // What files say of passwords may be wrong, so that the empty one is tried once; it counts.
    world.refuses("tpm-password-missing", "anyrole-pki/locked/locked.key", &[]);
    assert_eq!(world.wrong_passwords(), 1);

    let key = std::fs::read(world.path("anyrole-pki/p256/p256.key")).expect("a key file");
    let told = done(&["pki", "renew", "p256"]);
    assert!(told.contains("as before: it is in a TPM"), "{told}");
    assert_eq!(std::fs::read(world.path("anyrole-pki/p256/p256.key")).expect("a key file"), key);
    judged(&world, "p256", "");
    done(&["pki", "deploy", "p256", "--to", "deployed"]);
    done(&["inspect", "--certificate", "deployed/p256.pem", "--private-key", "deployed/p256.key"]);
}

/// Has others judge an identity of the PKI: its key is loaded and signs, its certificate is of that key.
fn judged(world: &World, name: &str, password: &str) {
    let (key, certificate) =
        (format!("anyrole-pki/{name}/{name}.key"), format!("anyrole-pki/{name}/{name}.pem"));
    let told = world.run(&format!(
        "echo text > text
         openssl dgst -provider tpm2 -provider default -propquery '?provider=tpm2' -sha256 -sign {key} {password} -out signature text
         openssl x509 -in {certificate} -pubkey -noout > public
         openssl dgst -sha256 -verify public -signature signature text
         openssl asn1parse -in {key} -noout -out key.der"
    ));
    assert!(told.contains("Verified OK"), "{name}: {told}");
    // tpm2-tools take the two parts, below the storage key that everybody makes of the same template.
    let der = std::fs::read(world.path("key.der")).expect("a key file");
    let parts: Vec<_> = elements(elements(&der)[0].1).into_iter().filter(|(tag, _)| *tag == 4).collect();
    let [(_, public), (_, private)] = parts[..] else { panic!("{name}: {} parts", parts.len()) };
    world.write("key.pub", public);
    world.write("key.priv", private);
    let told =
        world.run("tpm2_load -Q -C 0x81000001 -u key.pub -r key.priv -c key.ctx; tpm2_readpublic -c key.ctx");
    assert!(told.contains("fixedtpm|fixedparent|sensitivedataorigin|userwithauth"), "{name}: {told}");
    assert_eq!(told.contains("noda"), password.is_empty(), "{name}: {told}");
}

/// Returns the elements of DER, each with its tag.
fn elements(mut der: &[u8]) -> Vec<(u8, &[u8])> {
    let mut found = Vec::new();
    while let [tag, first, rest @ ..] = der {
        let octets = if *first < 0x80 { 0 } else { usize::from(first & 0x7F) };
        let length = match octets {
            0 => usize::from(*first),
            _ => rest[..octets].iter().fold(0, |length, octet| length << 8 | usize::from(*octet)),
        };
        let (body, after) = rest[octets..].split_at(length);
        found.push((*tag, body));
        der = after;
    }
    found
}

#[test]
fn a_key_is_made_and_another_ca_is_asked() {
    let Some(world) = World::begin() else { return };
    let done = |arguments: &[&str]| {
        let answer = world.call(arguments);
        assert!(answer.status == 0 && answer.stderr.is_empty(), "{arguments:?}: {answer:?}");
        answer.stdout
    };
    let told = done(&["pki", "request", "host", "--tpm", "--dns", "host.test", "--folder", "here"]);
    assert!(told.contains("EC P-256 in the TPM"), "{told}");
    let verified = world.run("openssl req -in here/host/host.csr -noout -verify -text 2>&1");
    assert!(verified.contains("verify OK") && verified.contains("DNS:host.test"), "{verified}");
    done(&["pki", "init", "--no-passphrase", "--folder", "there"]);
    done(&["pki", "issue", "host", "--csr", "here/host/host.csr", "--folder", "there"]);
    // The certificate is proven to be the key's without asking the TPM.
    let mut install = world.anyrole(&["pki", "install", "host", "--certificate", "there/host/host.pem"]);
    let installed =
        install.args(["--folder", "here"]).env("TPM_DEVICE", "nowhere").output().expect("our program");
    assert!(installed.status.success(), "{}", String::from_utf8_lossy(&installed.stderr));
    done(&["inspect", "--certificate", "here/host/host.pem", "--private-key", "here/host/host.key"]);
    done(&["pki", "request", "host", "--reuse-key", "--folder", "here"]);
    // Nothing is replaced by accident.
    let taken = world.call(&["pki", "request", "host", "--tpm", "--folder", "here"]);
    assert!(taken.status == 2 && taken.stderr.contains("[pki-name-taken]"), "{taken:?}");
}

#[test]
fn only_keys_that_a_tpm_has_are_made() {
    let Some(world) = World::begin() else { return };
    assert_eq!(world.call(&["pki", "init", "--no-passphrase"]).status, 0);
    for (arguments, status, id) in [
        (&["--algorithm", "ml-dsa-44"][..], 2, "flag-value"),
        (&["--tpm-parent", "0x1"][..], 2, "flag-value"),
        (&["--tpm-device", "tabrmd:"][..], 2, "flag-value"),
        (&["--csr", "file"][..], 2, "settings-exclusive"),
        (&["--tpm-parent", "0x81000009"][..], 1, "tpm-refused"),
        (&["--tpm-device", "nowhere"][..], 1, "tpm-unreachable"),
    ] {
        let answer = world.call(&[&["pki", "issue", "host", "--tpm"], arguments].concat());
        assert!(answer.status == status && answer.stderr.contains(&format!("[{id}]")), "{id}: {answer:?}");
        assert!(!world.path("anyrole-pki/host").exists(), "{id}");
    }
    let answer = world.call(&["pki", "issue", "host", "--tpm-parent", "0x81000001"]);
    assert!(answer.status == 2 && answer.stderr.contains("--tpm is missing"), "{answer:?}");
}
