//! PKCS#12 stores, as openssl and Java write them: what is in them is presented as if it stood in PEM, and what is wrong with one is told
//! apart.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use anyrole::diagnostic::Diagnostic as _;
use anyrole::identity::{
    IdentityError, IdentitySource, Input, PasswordSource, holds, load, load_chain, load_private_key,
    read_certificate, unattended_key,
};
use anyrole::secret::Secret;
use anyrole::x509::pem::{self, Label};
use anyrole::x509::pkcs12::{self, Pkcs12Error};
use aws_lc_rs::{digest, hmac, pbkdf2};
use pki_test::algorithm::KeyAlgorithm;
use proptest::prelude::*;

use super::support::{Folder, NOW, Pki, no_environment, openssl, refused, set_mode, source, text};
use crate::support::components::{missing, skip};

const PASSWORD: &str = "correct horse";

fn given(password: &str) -> PasswordSource {
    PasswordSource::Given(Arc::new(Secret::new(String::from(password))))
}

/// A folder with a key and its chain in PEM, and the stores that openssl makes of them.
struct Shop {
    pki: Pki,
    folder: Folder,
    key: PathBuf,
    chain: PathBuf,
}

impl Shop {
    fn new(algorithm: KeyAlgorithm) -> Self {
        let (pki, folder) = (Pki::new(algorithm), Folder::new());
        let key = folder.write("clear.key", pki.key_pem());
        // Out of order, with the root and a stranger.
        let stranger = Pki::new(KeyAlgorithm::EcP256);
        let chain = [
            pki.root.certificate_pem(),
            pki.upper.certificate_pem(),
            stranger.lower.certificate_pem(),
            pki.lower.certificate_pem(),
            pki.lower.certificate_pem(),
            pki.certificate_pem(),
        ];
        let chain = folder.write("chain.pem", chain.concat());
        Self { pki, folder, key, chain }
    }

    /// Has openssl make a store; `None` where openssl is missing, or cannot do that.
    fn store(&self, password: &str, options: &[&str]) -> Option<PathBuf> {
        let path = self.folder.path("host.p12");
        let password = format!("pass:{password}");
        let command = ["pkcs12", "-export", "-inkey", text(&self.key), "-in", text(&self.chain)];
        let output = ["-out", text(&path), "-passout", &password];
        let made = openssl(&[&command[..], &output, options].concat())?;
        if !made.status.success() {
            skip(&format!("openssl pkcs12 {options:?}: {}", String::from_utf8_lossy(&made.stderr)));
            return None;
        }
        set_mode(&path, 0o600);
        Some(path)
    }

    fn bytes(&self, password: &str, options: &[&str]) -> Option<Vec<u8>> {
        self.store(password, options).map(|path| std::fs::read(path).expect("a store"))
    }
}

fn of(store: &Path, password: PasswordSource) -> IdentitySource {
    IdentitySource { password, ..source(store, None) }
}

/// The whole chain is there, once and in order, and what the key signs is the certificate's.
fn assert_loads(pki: &Pki, store: &Path, password: PasswordSource, what: &str) {
    let mut identity =
        load(&of(store, password), &no_environment()).unwrap_or_else(|error| panic!("{what}: {error}"));
    assert_eq!(identity.end_entity().der(), pki.end_entity.certificate_der(), "{what}");
    let intermediates: Vec<_> = identity.intermediates().iter().map(|one| one.der()).collect();
    assert_eq!(intermediates, [pki.lower.certificate_der(), pki.upper.certificate_der()], "{what}");
    assert_eq!(identity.provenance().roots.len(), 1, "{what}");
    assert_eq!(identity.provenance().unrelated.len(), 1, "{what}");
    identity.check(NOW).unwrap_or_else(|error| panic!("{what}: {error}"));
    identity.sign(b"message").unwrap_or_else(|error| panic!("{what}: {error}"));
}

/// What openssl 3 writes by default, what `-legacy` writes as openssl 1.1 and Windows do, and what can be mixed.
const FORMS: [&[&str]; 14] = [
    &[],
    &["-legacy"],
    &["-legacy", "-descert"],
    &["-legacy", "-certpbe", "PBE-SHA1-RC2-128", "-keypbe", "PBE-SHA1-2DES"],
    &["-certpbe", "PBE-SHA1-3DES", "-keypbe", "PBE-SHA1-3DES", "-macalg", "sha1"],
    &["-certpbe", "AES-128-CBC", "-keypbe", "AES-192-CBC", "-macalg", "sha512"],
    &["-certpbe", "AES-256-CBC", "-keypbe", "des-ede3-cbc", "-macalg", "sha384"],
    &["-macalg", "sha224", "-iter", "1"],
    &["-iter", "100000"],
    &["-nomaciter"],
    &["-nomac"],
    &["-legacy", "-nomac"],
    &["-certpbe", "NONE"],
    &["-keypbe", "NONE", "-certpbe", "NONE"],
];

#[test]
fn every_form_is_opened() {
    let passwords = [PASSWORD, "", "Grüße, 世界 🔑"];
    for (algorithm, passwords) in
        [(KeyAlgorithm::EcP256, &passwords[..]), (KeyAlgorithm::Rsa2048, &[PASSWORD])]
    {
        let shop = Shop::new(algorithm);
        for options in FORMS {
            for &password in passwords {
                let Some(store) = shop.store(password, options) else { continue };
                let what = format!("{algorithm:?} {options:?} {password:?}");
                assert_loads(&shop.pki, &store, given(password), &what);
                let is_open = options.contains(&"NONE") && options.contains(&"-keypbe");
                if password == PASSWORD && !is_open {
                    let error = refused(&of(&store, given("wrong")));
                    assert_eq!(error.id(), "pkcs12-password-wrong", "{what}: {error}");
                }
            }
        }
    }
}

#[test]
fn every_kind_of_key_is_opened() {
    let kinds = [KeyAlgorithm::EcP384, KeyAlgorithm::EcP521, KeyAlgorithm::Rsa4096];
    for algorithm in kinds {
        let shop = Shop::new(algorithm);
        for options in [&[][..], &["-legacy"], &["-nomac", "-keypbe", "NONE", "-certpbe", "NONE"]] {
            let Some(store) = shop.store(PASSWORD, options) else { continue };
            assert_loads(&shop.pki, &store, given(PASSWORD), &format!("{algorithm:?} {options:?}"));
        }
    }
}

#[test]
fn a_store_may_be_the_key_alone_or_the_certificates_alone_and_come_in_pem() {
    let shop = Shop::new(KeyAlgorithm::EcP256);
    let Some(store) = shop.store(PASSWORD, &[]) else { return };
    let pem = shop.folder.write("host.pem", shop.pki.certificate_pem());
    let only_key = IdentitySource { password: given(PASSWORD), ..source(&pem, Some(&store)) };
    load(&only_key, &no_environment()).expect("the store as the private key");
    let only_certificate = IdentitySource { password: given(PASSWORD), ..source(&store, Some(&shop.key)) };
    load(&only_certificate, &no_environment()).expect("the store as the certificate");
    let more = IdentitySource { intermediates: Some(Input::file(store.clone())), ..only_key };
    let identity = load(&more, &no_environment()).expect("the store as the intermediates");
    assert_eq!(identity.intermediates().len(), 2);
    let (key, _) =
        load_private_key(&Input::file(store.clone()), &given(PASSWORD), None, false, &no_environment())
            .expect("a key");
    drop(key);
    let chain = load_chain(&of(&store, given(PASSWORD)), &no_environment());
    assert_eq!(chain.expect("a chain").end_entity.der(), shop.pki.end_entity.certificate_der());

    // GnuTLS writes PEM, and CI systems keep base64 in variables.
    let base64 = base64_of(&std::fs::read(&store).expect("a store"));
    let pem =
        shop.folder.write("gnutls.pem", format!("-----BEGIN PKCS12-----\n{base64}\n-----END PKCS12-----\n"));
    assert_loads(&shop.pki, &pem, given(PASSWORD), "PEM");
    let base64 = shop.folder.write("base64", base64);
    assert_loads(&shop.pki, &base64, given(PASSWORD), "base64");

    // Where others can read the store, they can try passwords.
    set_mode(&store, 0o644);
    assert_eq!(refused(&of(&store, given(PASSWORD))).id(), "key-file-permissions");
}

fn base64_of(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

#[test]
fn an_empty_password_is_found_without_asking() {
    let shop = Shop::new(KeyAlgorithm::EcP256);
    for options in [&[][..], &["-legacy"], &["-nomac"]] {
        let Some(store) = shop.store("", options) else { continue };
        for password in [PasswordSource::Nobody, PasswordSource::Prompt] {
            assert_loads(&shop.pki, &store, password, &format!("{options:?}"));
        }
        let input = of(&store, PasswordSource::Prompt);
        assert!(unattended_key(&input, &no_environment()).is_some(), "{options:?}");
        let bytes = read_certificate(&input.certificate, &no_environment()).expect("readable");
        let (subject, issuer) = ("CN=TEST build-17", "CN=TEST lower");
        let holds = |subject| holds(&input, &bytes, subject, issuer, &no_environment());
        assert!(bytes.is_whole() && holds(subject) && !holds("CN=x"));
    }
    let Some(store) = shop.store(PASSWORD, &[]) else { return };
    let closed = of(&store, PasswordSource::Nobody);
    let error = refused(&closed);
    assert_eq!(error.id(), "pkcs12-password-missing");
    assert!(
        error.to_string().ends_with("has a password, and nobody is asked for its password here"),
        "{error}"
    );
    assert!(unattended_key(&closed, &no_environment()).is_none());
    let bytes = read_certificate(&closed.certificate, &no_environment()).expect("readable");
    let holds = |source: IdentitySource| {
        holds(&source, &bytes, "CN=TEST build-17", "CN=TEST lower", &no_environment())
    };
    assert!(bytes.is_whole() && !holds(closed), "nobody is asked for this");
    assert!(!holds(of(&store, PasswordSource::Prompt)), "nor for this");
    assert!(holds(of(&store, given(PASSWORD))) && !holds(of(&store, given("wrong"))));
}

/// A store whose MAC is that of no password at all, as programs write that hand no password to OpenSSL; openssl opens it too.
#[test]
fn an_empty_password_of_no_octets_is_one_too() {
    let shop = Shop::new(KeyAlgorithm::EcP256);
    let options = ["-keypbe", "NONE", "-certpbe", "NONE", "-nomaciter"];
    let Some(mut store) = shop.bytes("", &options) else { return };
    let parts = Parts::of(&store);
    let (salt, content) = (parts.salt.to_vec(), parts.content.to_vec());
    // One iteration, one block: the key is one hash (RFC 7292, appendix B.2).
    let input = [&[3; 64][..], &salt.repeat(8)].concat();
    let key = digest::digest(&digest::SHA256, &input);
    let mac = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key.as_ref()), &content);
    let end = store.len() - 10;
    store[end - 32..end].copy_from_slice(mac.as_ref());
    let path = shop.folder.write("host.p12", &store);
    let judged = openssl(&["pkcs12", "-in", text(&path), "-passin", "pass:", "-noout"]).expect("openssl");
    assert!(judged.status.success(), "{}", String::from_utf8_lossy(&judged.stderr));
    assert_loads(&shop.pki, &path, PasswordSource::Nobody, "no octets");
}

/// The parts of a store by openssl, with lengths of two octets: all that the tests change.
struct Parts<'a> {
    /// The name of the content's type.
    name: &'a [u8],
    content: &'a [u8],
    mac: &'a [u8],
    salt: &'a [u8],
}

impl<'a> Parts<'a> {
    fn of(store: &'a [u8]) -> Self {
        let (name, octets) = (&store[11..22], &store[26..]);
        assert_eq!((&store[7..9], name[0], octets[0]), (&[0x30, 0x82][..], 6, 4));
        let length = usize::from(octets[2]) << 8 | usize::from(octets[3]);
        let (content, mac) = octets[4..].split_at(length);
        Self { name, content, mac, salt: &store[store.len() - 8..] }
    }

    /// Writes the store as Firefox and macOS do: indefinite lengths, and the content in pieces.
    fn in_ber(&self, mac: &[u8]) -> Vec<u8> {
        let mut ber = vec![0x30, 0x80, 2, 1, 3, 0x30, 0x80];
        ber.extend_from_slice(self.name);
        ber.extend([0xA0, 0x80, 0x24, 0x80]);
        for piece in self.content.chunks(1000) {
            ber.extend([4, 0x82]);
            ber.extend(u16::try_from(piece.len()).expect("short").to_be_bytes());
            ber.extend_from_slice(piece);
        }
        ber.extend([0; 6]);
        ber.extend_from_slice(mac);
        ber.extend([0; 2]);
        ber
    }
}

#[test]
fn a_store_in_ber_is_opened() {
    let shop = Shop::new(KeyAlgorithm::Rsa2048);
    let Some(store) = shop.bytes(PASSWORD, &[]) else { return };
    let parts = Parts::of(&store);
    let path = shop.folder.write("firefox.p12", parts.in_ber(parts.mac));
    let passin = format!("pass:{PASSWORD}");
    let judged = openssl(&["pkcs12", "-in", text(&path), "-passin", &passin, "-noout"]).expect("openssl");
    assert!(judged.status.success(), "{}", String::from_utf8_lossy(&judged.stderr));
    assert_loads(&shop.pki, &path, given(PASSWORD), "BER");
}

#[test]
fn a_derivation_that_is_too_costly_is_refused_before_it_begins() {
    let shop = Shop::new(KeyAlgorithm::EcP256);
    let Some(store) = shop.bytes(PASSWORD, &["-nomaciter"]) else { return };
    let parts = Parts::of(&store);
    // SEQUENCE { digest, salt } becomes SEQUENCE { digest, salt, 2147483647 }.
    let mac = [&[0x30, 0x80][..], &parts.mac[2..], &[2, 4, 0x7F, 0xFF, 0xFF, 0xFF, 0, 0]].concat();
    let path = shop.folder.write("costly.p12", parts.in_ber(&mac));
    let error = refused(&of(&path, given(PASSWORD)));
    assert_eq!(error.id(), "pkcs12-unsupported", "{error}");
    assert!(error.to_string().contains("too costly: 2147483647 iterations"), "{error}");
}

/// Writes one element of DER, shorter than 128 octets.
fn element(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let content = parts.concat();
    let length = u8::try_from(content.len()).expect("short");
    assert!(length < 0x80);
    [&[tag, length][..], &content].concat()
}

/// PBMAC1, which `openssl pkcs12 -export -pbmac1_pbkdf2` writes from 3.4 on, and FIPS wants (RFC 9579).
#[test]
fn a_mac_of_pbkdf2_is_checked() {
    let shop = Shop::new(KeyAlgorithm::EcP256);
    let Some(store) = shop.bytes(PASSWORD, &[]) else { return };
    let parts = Parts::of(&store);
    let (pkcs, salt) = ([0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D], [7; 8]);
    let name = |rest: &[u8]| element(6, &[&pkcs, rest]);
    let hmac_sha256 = element(0x30, &[&name(&[2, 9]), &[5, 0]]);
    let derivation = element(0x30, &[&element(4, &[&salt]), &[2, 2, 8, 0], &[2, 1, 32], &hmac_sha256]);
    let derivation = element(0x30, &[&name(&[1, 5, 12]), &derivation]);
    let algorithm = element(0x30, &[&derivation, &hmac_sha256]);
    let algorithm = element(0x30, &[&name(&[1, 5, 14]), &algorithm]);
    let mut key = [0; 32];
    let iterations = std::num::NonZeroU32::new(2048).expect("not 0");
    pbkdf2::derive(pbkdf2::PBKDF2_HMAC_SHA256, iterations, &salt, PASSWORD.as_bytes(), &mut key);
    for is_right in [true, false] {
        let mut mac = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &key), parts.content).as_ref().to_vec();
        mac[0] ^= u8::from(!is_right);
        let mac = [algorithm.clone(), element(4, &[&mac])].concat();
        // Longer than 127 octets, so without a length.
        let mac = [&[0x30, 0x80, 0x30, 0x80][..], &mac, &[0, 0, 4, 1, 0, 2, 1, 1, 0, 0]].concat();
        let path = shop.folder.write("pbmac1.p12", parts.in_ber(&mac));
        if is_right {
            assert_loads(&shop.pki, &path, given(PASSWORD), "PBMAC1");
            assert_eq!(refused(&of(&path, given("wrong"))).id(), "pkcs12-password-wrong");
        } else {
            assert_eq!(refused(&of(&path, given(PASSWORD))).id(), "pkcs12-damaged");
        }
    }
}

#[test]
fn what_is_wrong_with_a_store_is_told_apart() {
    let shop = Shop::new(KeyAlgorithm::EcP256);
    let Some(store) = shop.bytes(PASSWORD, &[]) else { return };
    let path = shop.folder.path("broken.p12");
    let error_of = |bytes: &[u8], password: &str| -> IdentityError {
        shop.folder.write("broken.p12", bytes);
        refused(&of(&path, given(password)))
    };
    let shown = |error: &IdentityError| error.to_string().replace(text(&path), "C");
    let error = error_of(&store[..store.len() / 2], PASSWORD);
    assert_eq!(error.id(), "pkcs12-damaged");
    assert!(shown(&error).starts_with("the PKCS#12 store 'C' is damaged: it is cut off"), "{error}");
    assert!(error.hint().expect("a hint").contains("openssl pkcs12 -info"));

    // The certificates' ciphertext comes first: the password opens the key, so it is right, and the MAC tells.
    let mut changed = store.clone();
    changed[300] ^= 1;
    let error = error_of(&changed, PASSWORD);
    assert_eq!(error.id(), "pkcs12-damaged", "{error}");
    assert_eq!(error_of(&changed, "wrong").id(), "pkcs12-password-wrong");

    let error = error_of(&store, "wrong");
    assert_eq!(shown(&error), "the password does not open the PKCS#12 store 'C'");
    assert!(error.hint().expect("a hint").contains("openssl pkcs12 -info -noout"));

    let Some(old) = shop.bytes(PASSWORD, &["-legacy", "-certpbe", "PBE-SHA1-RC4-128"]) else { return };
    for password in [PASSWORD, "wrong"] {
        let error = error_of(&old, password);
        assert_eq!(error.id(), "pkcs12-unsupported");
        let expected = "cannot open the PKCS#12 store 'C': it is encrypted with PKCS#12 PBE with RC4, which is not supported";
        assert_eq!(shown(&error), expected);
        assert!(error.hint().expect("a hint").contains("openssl pkcs12 -legacy"));
    }
}

/// What the hint says is done, and what comes out is opened.
#[test]
fn the_command_that_converts_does() {
    let shop = Shop::new(KeyAlgorithm::EcP256);
    let Some(old) = shop.store(PASSWORD, &["-legacy", "-certpbe", "PBE-SHA1-RC4-128"]) else { return };
    let hint = refused(&of(&old, given(PASSWORD))).hint().expect("a hint");
    let command = hint.strip_prefix("convert it: ").expect("a command");
    let new = shop.folder.path("new.pem");
    let command = command.replace("OLD.p12", text(&old)).replace("NEW.pem", text(&new));
    let password = format!("pass:{PASSWORD}");
    let mut words: Vec<&str> = command.split(' ').skip(1).collect();
    words.extend(["-passin", &password, "-passout", &password]);
    let output = openssl(&words).expect("openssl");
    assert!(output.status.success(), "{command}: {}", String::from_utf8_lossy(&output.stderr));
    set_mode(&new, 0o600);
    assert_loads(&shop.pki, &new, given(PASSWORD), "converted");
}

/// Runs keytool; `None` where Java is missing.
fn keytool(folder: &Folder, options: &[&str], properties: &[&str]) -> Option<()> {
    let mut command = Command::new("keytool");
    command.args(properties).args(options).stdin(Stdio::null()).env("HOME", folder.path(""));
    let Ok(output) = command.output() else {
        missing("keytool");
        return None;
    };
    assert!(output.status.success(), "{options:?}: {}", String::from_utf8_lossy(&output.stdout));
    Some(())
}

#[test]
fn stores_of_java_are_opened() {
    let shop = Shop::new(KeyAlgorithm::Rsa2048);
    let Some(store) = shop.store(PASSWORD, &["-name", "host"]) else { return };
    let java = shop.folder.path("java.p12");
    let imported = |alias: &str, properties: &[&str]| {
        let options = [
            "-importkeystore",
            "-srckeystore",
            text(&store),
            "-destkeystore",
            text(&java),
            "-srcstorepass",
            PASSWORD,
            "-deststorepass",
            PASSWORD,
            "-srcstoretype",
            "PKCS12",
            "-deststoretype",
            "PKCS12",
            "-srcalias",
            "host",
            "-destalias",
            alias,
        ];
        keytool(&shop.folder, &options, properties)?;
        set_mode(&java, 0o600);
        Some(())
    };
    for properties in [&[][..], &["-J-Dkeystore.pkcs12.legacy"]] {
        let _ = std::fs::remove_file(&java);
        if imported("host", properties).is_none() {
            return;
        }
        let identity = load(&of(&java, given(PASSWORD)), &no_environment())
            .unwrap_or_else(|error| panic!("{properties:?}: {error}"));
        assert_eq!(identity.end_entity().der(), shop.pki.end_entity.certificate_der());
        assert_eq!(identity.intermediates().len(), 2);
        assert_eq!(refused(&of(&java, given("wrong"))).id(), "pkcs12-password-wrong");
    }
    if imported("second", &["-J-Dkeystore.pkcs12.legacy"]).is_some() {
        let error = refused(&of(&java, given(PASSWORD)));
        assert_eq!(error.id(), "pkcs12-ambiguous", "{error}");
        assert!(error.to_string().ends_with("holds 2 private keys, and one is needed"), "{error}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever is changed, there is an answer and no panic; and no other key or certificate than those that were there.
    #[test]
    fn changed_stores_are_survived(
        index in any::<prop::sample::Index>(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        cut in prop::option::weighted(0.2, any::<prop::sample::Index>()),
    ) {
        if SAMPLES.is_empty() {
            return Ok(());
        }
        let mut store = index.get(&SAMPLES).clone();
        for (place, octet) in changes {
            let place = place.index(store.len());
            store[place] = octet;
        }
        if let Some(cut) = cut {
            store.truncate(cut.index(store.len()));
        }
        for block in pem::read(&store).unwrap_or_default() {
            if block.label == Label::Pkcs12 {
                let _ = pkcs12::check(&block.der);
                let _ = pkcs12::open(&block.der, &Secret::new(String::from(PASSWORD)));
            }
        }
    }

    #[test]
    fn noise_is_no_store(noise in prop::collection::vec(any::<u8>(), 0..400)) {
        let begun = [&[0x30, 0x80, 2, 1, 3, 0x30][..], &noise].concat();
        for store in [noise, begun] {
            let outcome = pkcs12::open(&store, &Secret::new(String::new()));
            prop_assert!(matches!(outcome, Err(Pkcs12Error::Damaged(_) | Pkcs12Error::Unsupported(_))));
        }
    }
}

/// Stores with few iterations, of every structure.
static SAMPLES: std::sync::LazyLock<Vec<Vec<u8>>> = std::sync::LazyLock::new(|| {
    let shop = Shop::new(KeyAlgorithm::EcP256);
    let forms: [&[&str]; 5] = [
        &["-iter", "1", "-nomaciter"],
        &["-iter", "1", "-nomac"],
        &["-legacy", "-iter", "1", "-nomaciter"],
        &["-legacy", "-iter", "1", "-nomac"],
        &["-keypbe", "NONE", "-certpbe", "NONE", "-nomac"],
    ];
    let mut samples: Vec<_> = forms.iter().filter_map(|options| shop.bytes(PASSWORD, options)).collect();
    if let Some(first) = samples.first() {
        let parts = Parts::of(first);
        samples.push(parts.in_ber(parts.mac));
    }
    samples
});
