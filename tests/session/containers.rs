//! Every kind of key in every container under every encryption, each signing a request that the simulator accepts.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use anyrole::clock::SystemClock;
use anyrole::env::Environment;
use anyrole::http::{Limits, ServerTrust};
use anyrole::identity::{self, IdentitySource, Input, PasswordSource};
use anyrole::secret::Secret;
use anyrole::session;
use pki_test::algorithm::KeyAlgorithm;
use pki_test::key_pair::KeyPair;

use super::simulated::{World, block_on, transport};
use super::support::request;
use crate::support::components::skip;

const PASSWORD: &str = "correct horse";
const PASS: &str = "pass:correct horse";

/// How openssl writes a private key; OUT is where.
const KEYS: [&str; 16] = [
    "pkcs8 -topk8 -nocrypt -in KEY -out OUT",
    "pkcs8 -topk8 -nocrypt -in KEY -out OUT -outform DER",
    "pkey -in KEY -out OUT -traditional",
    "pkey -in KEY -out OUT -traditional -outform DER",
    "pkcs8 -topk8 -in KEY -out OUT",
    "pkcs8 -topk8 -in KEY -out OUT -outform DER",
    "pkcs8 -topk8 -in KEY -out OUT -v2 aes-128-cbc -v2prf hmacWithSHA1",
    "pkcs8 -topk8 -in KEY -out OUT -v2 aes-192-cbc -v2prf hmacWithSHA224",
    "pkcs8 -topk8 -in KEY -out OUT -v2 aes-256-cbc -v2prf hmacWithSHA384",
    "pkcs8 -topk8 -in KEY -out OUT -v2 aes-256-cbc -v2prf hmacWithSHA512",
    "pkcs8 -topk8 -in KEY -out OUT -v2 des3",
    "pkcs8 -topk8 -in KEY -out OUT -scrypt -scrypt_N 1024",
    "pkcs8 -topk8 -in KEY -out OUT -scrypt -scrypt_N 1024 -outform DER",
    "pkey -in KEY -out OUT -aes-256-cbc",
    "pkey -in KEY -out OUT -des3",
    "pkey -in KEY -out OUT -outform DER",
];

/// How openssl writes a store.
const STORES: [&str; 8] = [
    "pkcs12 -export -inkey KEY -in CHAIN -out OUT",
    "pkcs12 -export -inkey KEY -in CHAIN -out OUT -legacy",
    "pkcs12 -export -inkey KEY -in CHAIN -out OUT -legacy -descert",
    "pkcs12 -export -inkey KEY -in CHAIN -out OUT -certpbe AES-128-CBC -keypbe AES-256-CBC -macalg sha512",
    "pkcs12 -export -inkey KEY -in CHAIN -out OUT -certpbe PBE-SHA1-3DES -keypbe PBE-SHA1-3DES -macalg sha1",
    "pkcs12 -export -inkey KEY -in CHAIN -out OUT -nomac",
    "pkcs12 -export -inkey KEY -in CHAIN -out OUT -keypbe NONE -certpbe NONE",
    "pkcs12 -export -inkey KEY -in CHAIN -out OUT -keypbe NONE -certpbe NONE -nomac",
];

/// Runs openssl; says so where it cannot do that.
fn made(command: &str, folder: &Path, out: &Path) -> bool {
    let path = |name: &str| folder.join(name).display().to_string();
    let mut words: Vec<String> = command
        .split(' ')
        .map(|word| match word {
            "KEY" => path("clear.key"),
            "CHAIN" => path("chain.pem"),
            "OUT" => out.display().to_string(),
            other => other.to_owned(),
        })
        .collect();
    if !command.contains("-nocrypt") {
        words.extend([String::from("-passout"), String::from(PASS)]);
    }
    let output = Command::new("openssl").args(words).stdin(Stdio::null()).output();
    let done = output.as_ref().is_ok_and(|output| output.status.success());
    if !done {
        skip(&format!("this openssl cannot: openssl {command}: {output:?}"));
    }
    done
}

fn write(path: &Path, content: &str) -> PathBuf {
    std::fs::write(path, content).unwrap();
    path.to_owned()
}

fn accepted(world: &World, certificate: &Path, key: Option<&Path>, what: &str) {
    for path in key.into_iter().chain([certificate]) {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
    }
    let source = IdentitySource {
        certificate: Input::file(certificate),
        private_key: key.map(Input::file),
        intermediates: None,
        selection: identity::Selection::default(),
        password: PasswordSource::Given(Arc::new(Secret::new(String::from(PASSWORD)))),
        tpm: None,
        allow_insecure_key_file: false,
    };
    let env = Environment::given::<&str, &str>([]);
    let mut identity = identity::load(&source, &env).unwrap_or_else(|error| panic!("{what}: {error}"));
    let transport = transport(ServerTrust::Anybody, Duration::from_secs(5));
    let (request, endpoint) = (request(), world.endpoint());
    let call =
        session::create(&transport, &mut identity, &request, &endpoint, Limits::default(), &SystemClock);
    block_on(call).unwrap_or_else(|error| panic!("{what}: {error}"));
}

#[test]
fn every_key_in_every_container_under_every_encryption_is_accepted() {
    for algorithm in KeyAlgorithm::ALL {
        let world = World::with_key(algorithm, |_| {});
        let folder = tempfile::tempdir().unwrap();
        let in_folder = |name: &str| folder.path().join(name);
        let chain = format!("{}{}", world.chain.end_entity_pem, world.chain.intermediates_pem);
        let chain = write(&in_folder("chain.pem"), &chain);
        let clear = write(&in_folder("clear.key"), &world.chain.key_pem);
        accepted(&world, &chain, Some(&clear), &format!("{algorithm}: PKCS#8"));
        let key = KeyPair::from_pem(&world.chain.key_pem, None).unwrap();
        let encrypted = write(&in_folder("encrypted.key"), &key.to_encrypted_pem(PASSWORD).unwrap());
        accepted(&world, &chain, Some(&encrypted), &format!("{algorithm}: encrypted PKCS#8"));
        let is_known_to_openssl = match algorithm {
            KeyAlgorithm::EcP256
            | KeyAlgorithm::EcP384
            | KeyAlgorithm::EcP521
            | KeyAlgorithm::Rsa2048
            | KeyAlgorithm::Rsa3072
            | KeyAlgorithm::Rsa4096 => true,
            // From 3.5 on.
            KeyAlgorithm::MlDsa44 | KeyAlgorithm::MlDsa65 | KeyAlgorithm::MlDsa87 => false,
        };
        let commands = KEYS.iter().chain(&STORES).filter(|_| is_known_to_openssl);
        for (number, command) in commands.enumerate() {
            let out = in_folder(&format!("out-{number}"));
            if !made(command, folder.path(), &out) {
                continue;
            }
            let what = format!("{algorithm}: openssl {command}");
            if command.starts_with("pkcs12") {
                accepted(&world, &out, None, &what);
            } else {
                accepted(&world, &chain, Some(&out), &what);
            }
        }
    }
}
