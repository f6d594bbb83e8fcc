//! Every key that other programs make, each signing a request that the simulator accepts.

use std::io::Read as _;
use std::process::Stdio;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::relay;
use super::world::World;

/// Returns a DER element.
fn der(tag: u8, body: &[u8]) -> Vec<u8> {
    let length = body.len().to_be_bytes();
    let length: Vec<u8> = length.into_iter().skip_while(|octet| *octet == 0).collect();
    match body.len() {
        0..0x80 => [&[tag, u8::try_from(body.len()).expect("short")], body].concat(),
        _ => [&[tag, 0x80 | u8::try_from(length.len()).expect("short")], &length[..], body].concat(),
    }
}

#[test]
fn keys_of_openssl_sign() {
    let Some(world) = World::begin() else { return };
    let world = world.with_parent();
    let genpkey = "openssl genpkey -provider tpm2 -provider default";
    for (name, made) in [
        ("p256", "-algorithm EC -pkeyopt group:P-256"),
        ("p384", "-algorithm EC -pkeyopt group:P-384"),
        ("below", "-algorithm EC -pkeyopt group:P-256 -pkeyopt parent:0x81000001"),
        ("rsa", "-algorithm RSA -pkeyopt bits:2048"),
    ] {
        world.run(&format!("{genpkey} {made} -out {name}.pem"));
        world.close(&format!("{name}.pem"));
        world.certify(name);
        world.accepts(name, &format!("{name}.pem"), &[]);
    }
    // The TPM is named by a flag as well, and a key stands beside its certificate.
    let (certificate, key) = (std::fs::read(world.path("p256.crt")), std::fs::read(world.path("p256.pem")));
    world.write("both.crt", &[key.expect("a key"), certificate.expect("a certificate")].concat());
    world.accepts("both", "both.crt", &["--tpm-device", "tpm"]);
    world.run(&format!(
        "{genpkey} -algorithm EC -pkeyopt group:P-256 -pkeyopt user-auth:canary-7 -out locked.pem"
    ));
    world.close("locked.pem");
    world.certify("locked");
    world.write("password", b"canary-7\n");
    world.accepts("locked", "locked.pem", &["--tpm-key-password-file", "password"]);
    world.accepts("locked", "locked.pem", &["--tpm-key-password", "canary-7"]);
    assert_eq!(world.wrong_passwords(), 0);
}

#[test]
fn keys_of_tpm2_tools_sign() {
    let Some(world) = World::begin() else { return };
    let world = world.with_parent();
    world.write("password", b"canary-7");
    for (name, algorithm, more) in [
        ("p256", "ecc256", ""),
        ("p384", "ecc384", ""),
        ("only", "ecc256:ecdsa-sha256", ""),
        ("rsa", "rsa2048", ""),
        ("locked", "ecc256", "-p canary-7"),
    ] {
        world.tools_key(name, algorithm, more);
        world.certify(name);
        let password: &[&str] = if name == "locked" { &["--tpm-key-password-file", "password"] } else { &[] };
        world.accepts(name, &format!("{name}.pem"), password);
    }
    // A key that stays, with and without a password, and one of a program that forgot to give it back.
    for (name, handle) in [("p256", "0x81000010"), ("locked", "0x81000011")] {
        world.run(&format!(
            "tpm2_load -Q -C 0x81000001 -u {name}.pub -r {name}.priv -c {name}.ctx
             tpm2_evictcontrol -Q -C o -c {name}.ctx {handle}"
        ));
    }
    world.accepts("p256", "handle:0x81000010", &[]);
    world.accepts("p256", "handle:81000010", &["--no-tpm-key-password"]);
    world.accepts("locked", "handle:0x81000011", &["--tpm-key-password-file", "password"]);
    assert_eq!(world.wrong_passwords(), 0);
}

#[test]
fn parents_and_hierarchies_may_have_passwords() {
    let Some(world) = World::begin() else { return };
    world.write("password", b"canary-7");
    world.write("parents", b"canary-8");
    world.run(
        "tpm2_createprimary -Q -C o -G ecc256 -p canary-8 -c parent.ctx
         tpm2_evictcontrol -Q -C o -c parent.ctx 0x81000002",
    );
    world.tools_key_below("0x81000002", "both", "ecc256", "-p canary-7", "-P canary-8");
    world.certify("both");
    let passwords = ["--tpm-key-password-file", "password", "--tpm-parent-password-file", "parents"];
    world.accepts("both", "both.pem", &passwords);
    world.run("openssl genpkey -provider tpm2 -algorithm EC -pkeyopt group:P-256 -out owners.pem");
    world.close("owners.pem");
    world.certify("owners");
    world.accepts("owners", "owners.pem", &[]);
    world.run("tpm2_changeauth -Q -c owner canary-8");
    world.accepts("owners", "owners.pem", &["--tpm-parent-password-file", "parents"]);
    let told = world.refuses("tpm-password-missing", "owners.pem", &[]);
    assert!(told.contains("--tpm-parent-password-file"), "{told}");
    world.refuses("tpm-password-wrong", "owners.pem", &["--tpm-parent-password-file", "password"]);
    assert_eq!(world.wrong_passwords(), 0);
}

#[test]
fn a_parent_may_be_an_rsa_key_and_a_number_negative() {
    let Some(world) = World::begin() else { return };
    world.run(&format!(
        "tpm2_createprimary -Q -C o -G rsa2048 -c parent.ctx -a 'restricted|decrypt|fixedtpm|fixedparent|sensitivedataorigin|userwithauth|noda'
         tpm2_create -Q -C parent.ctx -G ecc256 -u key.pub -r key.priv -a '{}'
         tpm2_evictcontrol -Q -C o -c parent.ctx 0x81000003",
        super::world::SIGNS
    ));
    let part = |name: &str| der(4, &std::fs::read(world.path(name)).expect("a part"));
    let kind = der(6, &[0x67, 0x81, 0x05, 0x0A, 1, 3]);
    let is_rsa = der(0xA5, &der(1, &[0xFF]));
    for (name, optional, parent) in [
        ("made", is_rsa.clone(), vec![0x40, 0, 0, 1]),
        ("stays", Vec::new(), vec![0x81, 0, 0, 3]),
        ("described", der(0xA4, &der(0x0C, b"a key")), vec![0, 0x81, 0, 0, 3]),
    ] {
        let key =
            der(0x30, &[kind.clone(), optional, der(2, &parent), part("key.pub"), part("key.priv")].concat());
        let text = pem_text(&key);
        world.write(&format!("{name}.pem"), text.as_bytes());
        world.write("key.der", &key);
        world.certify(name);
        world.accepts(name, &format!("{name}.pem"), &[]);
        world.accepts(name, "key.der", &[]);
    }
}

#[test]
fn a_key_that_was_made_elsewhere_is_imported() {
    let Some(world) = World::begin() else { return };
    let world = world.with_parent();
    world.run(
        "tpm2_readpublic -Q -c 0x81000001 -o parent.pub
         tpm2_startauthsession -S trial.ctx; tpm2_policycommandcode -Q -S trial.ctx -L policy TPM2_CC_Duplicate; free
         tpm2_createprimary -Q -C o -G rsa2048 -c elsewhere.ctx; free
         tpm2_create -Q -C elsewhere.ctx -G ecc256 -u key.pub -r key.priv -L policy -a 'sensitivedataorigin|userwithauth|sign'; free
         tpm2_load -Q -C elsewhere.ctx -u key.pub -r key.priv -c key.ctx; free
         tpm2_loadexternal -Q -C o -u parent.pub -c parent.ctx; free
         tpm2_startauthsession --policy-session -S use.ctx; tpm2_policycommandcode -Q -S use.ctx TPM2_CC_Duplicate
         tpm2_duplicate -Q -C parent.ctx -c key.ctx -G null -p session:use.ctx -r key.dup -s key.seed",
    );
    let part = |name: &str| der(4, &std::fs::read(world.path(name)).expect("a part"));
    let kind = der(6, &[0x67, 0x81, 0x05, 0x0A, 1, 4]);
    let secret = der(0xA2, &part("key.seed"));
    let parent = der(2, &[0x40, 0, 0, 1]);
    let key = der(0x30, &[kind, secret, parent, part("key.pub"), part("key.dup")].concat());
    world.write("key.pem", pem_text(&key).as_bytes());
    world.certify("key");
    world.accepts("key", "key.pem", &[]);
}

#[test]
fn many_at_once_wait_for_each_other() {
    let Some(world) = World::begin() else { return };
    let world = world.with_parent();
    world.tools_key("key", "ecc256", "-p canary-7");
    world.certify("key");
    let arguments = world.session("key.crt", "key.pem", &["--tpm-key-password", "canary-7"]);
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let running: Vec<_> = (0..12)
        .map(|_| {
            let mut command = world.anyrole(&arguments);
            command.stdout(Stdio::piped()).stderr(Stdio::piped());
            command.spawn().expect("our program")
        })
        .collect();
    for run in running {
        let output = run.wait_with_output().expect("an end");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    world.is_empty();
    assert_eq!(world.wrong_passwords(), 0);
}

#[test]
fn a_device_is_used_as_a_socket_is() {
    let Some(world) = World::begin() else { return };
    let world = world.with_parent();
    world.tools_key("key", "ecc256", "-p canary-7");
    world.certify("key");
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/tpm/device.py");
    let mut bridge = world
        .command("python3")
        .args([script, "tpm", "device"])
        .stdout(Stdio::piped())
        .spawn()
        .expect("Python");
    let mut line = [0; 6];
    bridge.stdout.take().expect("its output").read_exact(&mut line).expect("it is ready");
    for device in ["device", "device:device"] {
        world.accepts("key", "key.pem", &["--tpm-key-password", "canary-7", "--tpm-device", device]);
    }
    bridge.kill().expect("it runs");
    bridge.wait().expect("it ends");
}

#[test]
fn a_password_is_asked_for_on_the_terminal() {
    let Some(world) = World::begin() else { return };
    let world = world.with_parent();
    world.tools_key("key", "ecc256", "-p canary-7");
    let call = format!("{} sign-string --private-key key.pem", env!("CARGO_BIN_EXE_anyrole"));
    for (answer, id) in [("canary-9", Some("tpm-password-wrong")), ("canary-7", None)] {
        // Its file says that there is one, so that nothing is tried before.
        world.run("tpm2_dictionarylockout -Q --clear-lockout");
        let told = world.run(&format!("printf '{answer}\\n' | script -qc '{call}' /dev/null; true"));
        assert!(told.contains("Password of the TPM key 'key.pem'"), "{told}");
        assert_eq!(told.matches("Password of").count(), 1, "{told}");
        match id {
            Some(id) => assert!(told.contains(&format!("[{id}]")), "{told}"),
            None => assert!(told.contains("\"30"), "{told}"),
        }
        world.is_empty();
    }
}

#[test]
fn a_password_is_never_sent_nor_told() {
    let Some(world) = World::begin() else { return };
    world.write("password", b"canary-7");
    world.write("parents", b"canary-8");
    world.run(
        "tpm2_createprimary -Q -C o -G ecc256 -p canary-8 -c parent.ctx
         tpm2_evictcontrol -Q -C o -c parent.ctx 0x81000002",
    );
    world.tools_key_below("0x81000002", "key", "ecc256", "-p canary-7", "-P canary-8");
    let record = relay::begin(&world.path("relay"), &world.path("tpm"), Box::new(|_, _| None));
    let passwords = ["--tpm-key-password-file", "password", "--tpm-parent-password-file", "parents"];
    let relayed = ["--tpm-device", "swtpm:path=relay", "--debug"];
    let answer =
        world.call(&[&["sign-string", "--private-key", "key.pem"], &passwords[..], &relayed[..]].concat());
    assert_eq!(answer.status, 0, "{answer:?}");
    let made = world.call(&["pki", "init", "--no-passphrase"]);
    assert_eq!(made.status, 0, "{made:?}");
    let issue = ["pki", "issue", "host", "--tpm", "--tpm-key-password-file", "password"];
    let below = ["--tpm-parent", "0x81000002", "--tpm-parent-password-file", "parents"];
    let made = world.call(&[&issue[..], &below[..], &relayed[..2]].concat());
    assert_eq!(made.status, 0, "{made:?}");
    let exchanges = record.exchanges();
    assert!(exchanges.len() > 20, "{}", exchanges.len());
    let told: Vec<u8> =
        exchanges.into_iter().flat_map(|(command, answer)| [command, answer].concat()).collect();
    let outputs = [answer.stdout, answer.stderr, made.stdout, made.stderr].concat();
    for password in ["canary-7", "canary-8"] {
        assert!(!told.windows(password.len()).any(|octets| octets == password.as_bytes()), "it was sent");
        assert!(!outputs.contains(password), "{outputs}");
    }
}

/// Returns a key file of DER as PEM.
fn pem_text(der: &[u8]) -> String {
    format!("-----BEGIN TSS2 PRIVATE KEY-----\n{}\n-----END TSS2 PRIVATE KEY-----\n", STANDARD.encode(der))
}
