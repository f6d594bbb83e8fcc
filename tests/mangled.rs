//! Certificates and keys as CI systems, consoles and other CAs hand them out: each gives a session at the simulator, whether it comes
//! from a variable, the standard input or a file.
#![cfg(all(unix, feature = "pki"))]

use std::fs;
use std::io::Write as _;
use std::process::{Command, Output, Stdio};

use crate::support::components::have;
use crate::support::stage::Stage;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// What became of a PEM file, by what did it.
fn forms(pem: &str) -> Vec<(&'static str, Vec<u8>)> {
    let lines = |form: fn(&str) -> String| pem.lines().map(form).collect::<String>();
    vec![
        ("line breaks as two characters", pem.replace('\n', "\\n").into()),
        ("Windows line breaks as four characters", pem.replace('\n', "\\r\\n").into()),
        ("blanks", pem.replace('\n', " ").into()),
        ("nothing", pem.replace('\n', "").into()),
        ("carriage returns", pem.replace('\n', "\r\n").into()),
        ("quotes around all", format!("\"{pem}\"").into()),
        ("quotes around each line", lines(|line| format!("\"{line}\"\n")).into()),
        ("a list of JSON", lines(|line| format!("  \"{line}\",\n")).into()),
        ("base64 once more", STANDARD.encode(pem).into()),
        ("base64 in lines", STANDARD.encode(pem).as_bytes().chunks(76).collect::<Vec<_>>().join(&b'\n')),
        (
            "UTF-16 of PowerShell",
            format!("\u{feff}{pem}").encode_utf16().flat_map(u16::to_le_bytes).collect(),
        ),
    ]
}

fn succeeds(what: &str, output: &Output) {
    assert!(output.status.success(), "{what}: {}", String::from_utf8_lossy(&output.stderr));
    assert!(output.stdout.starts_with(br#"{"Version":1,"#), "{what}");
}

#[test]
fn every_form_gives_a_session() {
    let stage = Stage::set();
    let certificates = forms(&fs::read_to_string(stage.certificate()).unwrap());
    let keys = forms(&fs::read_to_string(stage.private_key()).unwrap());
    for ((form, certificate), (_, key)) in certificates.iter().zip(&keys) {
        let call = |more: &[&str]| {
            let mut call = stage.credential_process(stage.http_endpoint(), &["--no-cache"]);
            call.args(more).stdout(Stdio::piped()).stderr(Stdio::piped());
            call
        };
        let both = [&certificate[..], b"\n", &key[..]].concat();
        for (name, content) in [("form.pem", certificate), ("form.key", key)] {
            fs::write(stage.write(name, ""), content).unwrap();
        }
        let [certificate_file, key_file] = ["form.pem", "form.key"].map(|name| {
            fs::canonicalize(stage.state_folder().ancestors().nth(3).unwrap().join(name)).unwrap()
        });
        let files = [
            "--certificate",
            certificate_file.to_str().unwrap(),
            "--private-key",
            key_file.to_str().unwrap(),
        ];
        succeeds(&format!("files, {form}"), &call(&files).output().unwrap());
        // A variable holds text, and the standard input both.
        if let (Ok(certificate), Ok(key)) = (std::str::from_utf8(certificate), std::str::from_utf8(key)) {
            let variables = ["--certificate", "env:CERTIFICATE", "--private-key", "env:KEY"];
            let mut call = call(&variables);
            succeeds(
                &format!("variables, {form}"),
                &call.env("CERTIFICATE", certificate).env("KEY", key).output().unwrap(),
            );
            if !form.starts_with("base64") {
                let mut piped = stage.credential_process(stage.http_endpoint(), &["--no-cache"]);
                piped.args(["--certificate", "-", "--private-key", "-"]);
                let mut child = piped
                    .stdin(Stdio::piped())
                    .stdout(Stdio::piped())
                    .stderr(Stdio::piped())
                    .spawn()
                    .unwrap();
                child.stdin.take().unwrap().write_all(&both).unwrap();
                succeeds(&format!("standard input, {form}"), &child.wait_with_output().unwrap());
            }
        }
    }
}

/// `.p7b` and `.p7c`, as Windows CAs and public CAs hand out a certificate with its chain.
#[test]
fn the_certificates_of_a_pkcs7_message_are_read() {
    if !have(&["openssl"]) {
        return;
    }
    let stage = Stage::set();
    let message = stage.write("chain.p7b", "");
    for form in ["PEM", "DER"] {
        let made = Command::new("openssl")
            .args([
                "crl2pkcs7",
                "-nocrl",
                "-outform",
                form,
                "-certfile",
                stage.certificate(),
                "-out",
                &message,
            ])
            .output()
            .unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let mut call =
            stage.credential_process(stage.http_endpoint(), &["--no-cache", "--certificate", &message]);
        succeeds(&format!("{form} as the certificate"), &call.stdout(Stdio::piped()).output().unwrap());
        let mut call =
            stage.credential_process(stage.http_endpoint(), &["--no-cache", "--intermediates", &message]);
        succeeds(&format!("{form} as the intermediates"), &call.stdout(Stdio::piped()).output().unwrap());
    }
}
