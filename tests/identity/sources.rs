//! Variables, descriptors, pipes and the standard input.

use std::io::Write as _;
use std::os::fd::AsRawFd as _;
use std::process::{Command, Stdio};

use anyrole::diagnostic::Diagnostic as _;
use anyrole::env::Environment;
use anyrole::identity::{IdentitySource, Input, PasswordSource, load, load_chain, load_private_key};
use anyrole::private_file::read_bounded;
use base64::Engine as _;
use pki_test::algorithm::KeyAlgorithm;

use super::support::{Folder, Pki, no_environment, refused_with};

/// Tells a child of this test to read its identity from its standard input.
const CHILD: &str = "ANYROLE_TEST_READ_STDIN";

fn from(certificate: Input, private_key: Option<Input>) -> IdentitySource {
    IdentitySource {
        certificate,
        private_key,
        intermediates: None,
        selection: anyrole::identity::Selection::default(),
        password: PasswordSource::Prompt,
        tpm: None,
        allow_insecure_key_file: false,
    }
}

#[test]
fn variables_hold_pem_or_base64_of_it() {
    let pki = Pki::new(KeyAlgorithm::EcP256);
    let wrapped = base64::engine::general_purpose::STANDARD.encode(pki.key_pem());
    let env =
        Environment::given([("HOST", pki.certificate_pem()), ("KEY", pki.key_pem()), ("WRAPPED", wrapped)]);
    let variable = |name: &str| Input::Variable(String::from(name));
    load(&from(variable("HOST"), Some(variable("KEY"))), &env).expect("from variables");
    load(&from(variable("HOST"), Some(variable("WRAPPED"))), &env).expect("from base64 in a variable");
    let error = refused_with(&from(variable("ABSENT"), Some(variable("KEY"))), &env);
    assert_eq!(error.to_string(), "cannot read the certificate 'env:ABSENT': it is not set, or empty");
    assert_eq!(error.id(), "certificate-unreadable");
}

#[test]
fn a_descriptor_of_a_pipe_is_read_to_its_end() {
    let pki = Pki::new(KeyAlgorithm::Rsa2048);
    let (reader, mut writer) = std::io::pipe().expect("a pipe");
    let key = pki.key_pem();
    let feeder = std::thread::spawn(move || {
        for piece in key.as_bytes().chunks(100) {
            writer.write_all(piece).expect("somebody reads");
            std::thread::yield_now();
        }
    });
    let number = u32::try_from(reader.as_raw_fd()).expect("a descriptor");
    let env = Environment::given([("HOST", pki.certificate_pem())]);
    load(&from(Input::Variable(String::from("HOST")), Some(Input::Descriptor(number))), &env)
        .expect("from a pipe");
    feeder.join().expect("all was written");
}

#[test]
fn a_closed_descriptor_is_named() {
    let error =
        load_private_key(&Input::Descriptor(9999), &PasswordSource::Prompt, None, false, &no_environment())
            .expect_err("there is none");
    assert_eq!(error.to_string(), "cannot read the private key 'fd:9999': there is no such file or folder");
}

#[test]
fn the_standard_input_is_read_once_for_both() {
    if std::env::var_os(CHILD).is_some() {
        load(&from(Input::StandardInput, Some(Input::StandardInput)), &no_environment()).expect("from stdin");
        return;
    }
    let pki = Pki::new(KeyAlgorithm::EcP521);
    let mut child = Command::new(std::env::current_exe().expect("this test's program"))
        .args(["--exact", "identity::sources::the_standard_input_is_read_once_for_both"])
        .env(CHILD, "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("a child");
    let content = [pki.key_pem(), pki.certificate_pem()].concat();
    child.stdin.take().expect("piped").write_all(content.as_bytes()).expect("the child reads");
    let output = child.wait_with_output().expect("the child ends");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

#[test]
fn public_files_are_bounded_and_devices_are_no_files() {
    let folder = Folder::new();
    let path = folder.write_mode("ca.pem", "12345", 0o644);
    assert_eq!(read_bounded(&path, 5).expect("five bytes").as_slice(), b"12345");
    let error = read_bounded(&path, 4).expect_err("too large");
    assert_eq!(error.to_string(), format!("cannot read '{}': it is larger than 4 bytes", path.display()));
    assert_eq!(read_bounded("/dev/null".as_ref(), 4).expect("a device without end is bounded").len(), 0);
    read_bounded("/dev/zero".as_ref(), 4096).expect_err("it has no end");
}

#[test]
fn the_first_certificate_that_is_no_ca_is_the_end_entity() {
    let pki = Pki::new(KeyAlgorithm::EcP256);
    let folder = Folder::new();
    let heap = [pki.root.certificate_pem(), pki.lower.certificate_pem(), pki.certificate_pem()].concat();
    let path = Input::file(folder.write("chain.pem", heap));
    let upper = Input::file(folder.write("upper.pem", pki.upper.certificate_pem()));
    let chain =
        load_chain(&IdentitySource { intermediates: Some(upper), ..from(path, None) }, &no_environment())
            .expect("a chain");
    assert_eq!(chain.end_entity.der(), pki.end_entity.certificate_der());
    assert_eq!((chain.intermediates.len(), chain.roots.len(), chain.unrelated.len()), (2, 1, 0));
}
