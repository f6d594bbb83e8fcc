//! The openssl program.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::chain::{Evidence, NOW};
use super::component::{missing, run, runs};

/// The openssl program, which is there.
#[derive(Clone, Copy, Debug)]
pub(super) struct Openssl;

impl Openssl {
    /// Returns it, or `None` after saying that it is missing.
    pub(super) fn find() -> Option<Self> {
        if runs("openssl", &["version"]) {
            return Some(Self);
        }
        missing("openssl");
        None
    }

    /// Verifies a chain as a TLS client's, strictly; fails with what openssl says.
    pub(super) fn verify(self, evidence: &Evidence) -> Result<(), String> {
        let folder = tempfile::tempdir().expect("a private folder");
        let write = |name: &str, certificates: &[&[u8]]| {
            let path = folder.path().join(name);
            std::fs::write(&path, certificates.iter().map(|der| pem(der)).collect::<String>())
                .expect("the folder is ours");
            path.to_str().expect("the path of a temporary folder is UTF-8").to_owned()
        };
        let anchor = write("anchor.pem", &[&evidence.trust_anchor]);
        let end_entity = write("end-entity.pem", &[&evidence.end_entity]);
        let intermediates: Vec<&[u8]> = evidence.intermediates.iter().map(Vec::as_slice).collect();
        let intermediates = write("intermediates.pem", &intermediates);
        let at = NOW.unix_timestamp().to_string();
        let mut arguments = vec!["verify", "-purpose", "sslclient", "-x509_strict", "-attime", &at];
        arguments.extend(["-no-CApath", "-no-CAstore", "-CAfile", &anchor]);
        if !evidence.intermediates.is_empty() {
            arguments.extend(["-untrusted", &intermediates]);
        }
        arguments.push(&end_entity);
        self.run(&arguments, &[]).map(drop)
    }

    /// Runs a command; returns what it writes, or what it complains of.
    pub(super) fn run(self, arguments: &[&str], input: &[u8]) -> Result<Vec<u8>, String> {
        let output = run("openssl", arguments, input);
        if output.status.success() {
            Ok(output.stdout)
        } else {
            Err([output.stdout, output.stderr]
                .map(|text| String::from_utf8_lossy(&text).into_owned())
                .concat())
        }
    }

    /// The same, for text.
    pub(super) fn text(self, arguments: &[&str], input: &[u8]) -> String {
        let output = self.run(arguments, input).expect("openssl reads its input");
        String::from_utf8(output).expect("openssl writes UTF-8 here")
    }
}

/// Writes a certificate as PEM, independently of the library under test.
pub(super) fn pem(der: &[u8]) -> String {
    let base64 = STANDARD.encode(der);
    let lines: Vec<&str> = base64
        .as_bytes()
        .chunks(64)
        .map(|line| std::str::from_utf8(line).expect("base64 is ASCII"))
        .collect();
    format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", lines.join("\n"))
}
