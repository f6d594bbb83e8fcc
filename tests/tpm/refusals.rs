//! A TPM that refuses, is busy, is locked out, or is none; and nothing is left behind in it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::relay;
use super::world::World;

/// `FlushContext`, by which room is given back.
const FLUSH: u32 = 0x165;

#[test]
fn wrong_passwords_never_lock_a_tpm_out() {
    let Some(world) = World::begin() else { return };
    let world = world.with_parent();
    world.tools_key("key", "ecc256", "-p canary-7");
    world.write("right", b"canary-7");
    world.write("wrong", b"canary-9");
    // Three wrong ones lock this TPM out. Each call tries one, and the last one not at all.
    for tried in 1..=2 {
        let told = world.refuses("tpm-password-wrong", "key.pem", &["--tpm-key-password-file", "wrong"]);
        assert!(told.contains(&format!("wrong passwords: {tried} of 3")), "{told}");
        assert_eq!(world.wrong_passwords(), tried);
    }
    for _ in 0..2 {
        let told = world.refuses("tpm-locked-out", "key.pem", &["--tpm-key-password-file", "wrong"]);
        assert!(told.contains("one more wrong one would lock the TPM"), "{told}");
        assert_eq!(world.wrong_passwords(), 2);
    }
    world.run("tpm2_dictionarylockout -Q --clear-lockout");
    let answer = world.call(&["sign-string", "--private-key", "key.pem", "--tpm-key-password-file", "right"]);
    assert_eq!(answer.status, 0, "{answer:?}");
    // Without a password, a key that is said to have one is tried without, while half of the tries are left.
    world.run("openssl genpkey -provider tpm2 -algorithm EC -pkeyopt group:P-256 -pkeyopt user-auth:canary-7 -out said.pem");
    world.close("said.pem");
    for _ in 0..4 {
        world.refuses("tpm-password-missing", "said.pem", &[]);
    }
    assert!(world.wrong_passwords() <= 2);
    world.refuses("tpm-password-missing", "said.pem", &["--no-tpm-key-password"]);
}

#[test]
fn a_locked_tpm_says_so_and_keys_without_a_password_sign_on() {
    let Some(world) = World::begin() else { return };
    let world = world.with_parent();
    world.tools_key("key", "ecc256", "-p canary-7");
    world.write("right", b"canary-7");
    assert_eq!(world.call(&["pki", "init", "--no-passphrase"]).status, 0);
    assert_eq!(world.call(&["pki", "issue", "host", "--tpm"]).status, 0);
    world.run(
        "tpm2_load -Q -C 0x81000001 -u key.pub -r key.priv -c key.ctx; free
         for try in 1 2 3 4; do tpm2_sign -Q -c key.ctx -p canary-9 -g sha256 -o none key.pub 2>/dev/null || true; free; done",
    );
    let told = world.refuses("tpm-locked-out", "key.pem", &["--tpm-key-password-file", "right"]);
    assert!(told.contains("is locked out") && told.contains("tpm2_dictionarylockout"), "{told}");
    let answer = world.call(&["sign-string", "--private-key", "anyrole-pki/host/host.key"]);
    assert_eq!(answer.status, 0, "{answer:?}");
}

#[test]
fn a_busy_tpm_is_asked_again() {
    let Some(world) = World::begin() else { return };
    let world = world.with_parent();
    world.tools_key("key", "ecc256", "-p canary-7");
    world.certify("key");
    // RETRY, YIELDED and TESTING, every second time.
    let busy = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&busy);
    let rule = move |number: usize, _code| {
        number.is_multiple_of(2).then(|| [0x922, 0x908, 0x90A][count.fetch_add(1, Ordering::Relaxed) % 3])
    };
    relay::begin(&world.path("relay"), &world.path("tpm"), Box::new(rule));
    let more = ["--tpm-key-password", "canary-7", "--tpm-device", "relay"];
    world.accepts("key", "key.pem", &more);
    assert!(busy.load(Ordering::Relaxed) > 10);
    assert_eq!(world.wrong_passwords(), 0);
}

#[test]
fn nothing_is_left_behind_whatever_fails() {
    let Some(world) = World::begin() else { return };
    let world = world.with_parent();
    world.tools_key("key", "ecc256", "-p canary-7");
    let failing = Arc::new(AtomicUsize::new(usize::MAX));
    let chosen = Arc::clone(&failing);
    let mut since = 0;
    // Commands are counted over all connections of a call, but for those that give back.
    let rule = move |number: usize, code: u32| {
        if number == 0 && chosen.load(Ordering::Relaxed) & 1 << 32 != 0 {
            since = 0;
            chosen.fetch_and(!(1 << 32), Ordering::Relaxed);
        }
        if code == FLUSH {
            return None;
        }
        since += 1;
        (since == chosen.load(Ordering::Relaxed)).then_some(0x101)
    };
    let record = relay::begin(&world.path("relay"), &world.path("tpm"), Box::new(rule));
    let call = ["sign-string", "--private-key", "key.pem", "--tpm-key-password", "canary-7"];
    let mut refused = 0;
    for number in 1.. {
        failing.store(number | 1 << 32, Ordering::Relaxed);
        let before = record.exchanges().len();
        let answer = world.call(&[&call[..], &["--tpm-device", "swtpm:path=relay"]].concat());
        let asked =
            record.exchanges().split_off(before).iter().filter(|(command, _)| command[9] != 0x65).count();
        if asked < number {
            assert_eq!(answer.status, 0, "{answer:?}");
            break;
        }
        if answer.status != 0 {
            assert!(answer.stderr.contains("[tpm-refused]"), "{answer:?}");
            assert!(answer.stderr.contains("failure mode"), "{answer:?}");
            refused += 1;
        }
    }
    assert!(refused >= 5, "{refused}");
    assert_eq!(world.wrong_passwords(), 0);
}

#[test]
fn keys_that_cannot_sign_for_aws_are_named() {
    let Some(world) = World::begin() else { return };
    let world = world.with_parent();
    world.tools_key("sha384", "ecc384:ecdsa-sha384", "");
    world.tools_key("pss", "rsa2048:rsapss-sha256:null", "");
    for (name, attributes) in [
        ("restricted", "fixedtpm|fixedparent|sensitivedataorigin|userwithauth|sign|restricted"),
        ("decrypts", "fixedtpm|fixedparent|sensitivedataorigin|userwithauth|decrypt"),
    ] {
        let scheme = if name == "restricted" { "ecc256:ecdsa-sha256:null" } else { "ecc256" };
        world.run(&format!(
            "tpm2_create -Q -C 0x81000001 -G {scheme} -u {name}.pub -r {name}.priv -a '{attributes}'
             free
             tpm2_encodeobject -C 0x81000001 -u {name}.pub -r {name}.priv -o {name}.pem"
        ));
        world.close(&format!("{name}.pem"));
    }
    world.run(
        "tpm2_startauthsession -Q -S trial.ctx
         tpm2_policypcr -Q -S trial.ctx -l sha256:0 -L policy
         tpm2_flushcontext -Q trial.ctx
         tpm2_create -Q -C 0x81000001 -G ecc256 -L policy -u policy.pub -r policy.priv -a 'fixedtpm|fixedparent|sensitivedataorigin|sign'
         free
         tpm2_encodeobject -C 0x81000001 -u policy.pub -r policy.priv -o policy.pem",
    );
    world.close("policy.pem");
    for (name, why) in [
        ("sha384", "AWS takes ECDSA with SHA-256"),
        ("pss", "AWS takes RSASSA-PKCS1-v1_5 with SHA-256"),
        ("restricted", "is restricted"),
        ("decrypts", "not made for signing"),
        ("policy", "a policy guards the key"),
    ] {
        let told = world.refuses("tpm-key-unsupported", &format!("{name}.pem"), &[]);
        assert!(told.contains(why), "{told}");
    }
    // What another TPM has made, and what is not there.
    let Some(other) = World::begin() else { return };
    other.run("openssl genpkey -provider tpm2 -algorithm EC -pkeyopt group:P-256 -out key.pem");
    std::fs::copy(other.path("key.pem"), world.path("foreign.pem")).expect("a file");
    world.close("foreign.pem");
    let told = world.refuses("tpm-refused", "foreign.pem", &[]);
    assert!(told.contains("the key is not this TPM's") && told.contains("pki request --tpm"), "{told}");
    let told = world.refuses("tpm-refused", "handle:0x81000077", &[]);
    assert!(told.contains("there is nothing at the handle"), "{told}");
    world.refuses("tpm-key-unsupported", "handle:0x81000001", &[]);
    world.refuses("tpm-unreachable", "foreign.pem", &["--tpm-device", "/nowhere"]);
    let told = world.refuses("tpm-unreachable", "foreign.pem", &["--tpm-device", "policy.pub"]);
    assert!(told.contains("neither a device nor a socket"), "{told}");
}
