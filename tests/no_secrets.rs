//! Canaries: known secrets go through every command at its most talkative, and must not come out anywhere.
//!
//! Searched for are the text itself, its base64, its hex and its percent form, in every stream and in the simulator's
//! journal. What `credential-process` prints on success is the one place where credentials belong.
#![cfg(feature = "pki")]
#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "a test may stop at once, and reads its own files"
)]

#[path = "support/stage.rs"]
#[expect(dead_code, reason = "the benchmark needs more of it")]
mod stage;

use std::fs;
use std::process::{Command, Output};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use pki_test::simulator::JournalEntry;
use stage::Stage;

/// Passwords and names that occur nowhere else.
const KEY_PASSWORD: &str = "canary-of-the-key-password-4711";
const PROXY_PASSWORD: &str = "canary-of-the-proxy-0815";

/// A secret and what it is called when it is found.
struct Canary {
    name: &'static str,
    forms: Vec<String>,
}

impl Canary {
    fn new(name: &'static str, secret: &[u8]) -> Self {
        let mut forms = vec![
            hex::encode(secret),
            hex::encode_upper(secret),
            STANDARD_NO_PAD.encode(secret),
            URL_SAFE_NO_PAD.encode(secret),
            format!("{secret:?}"),
        ];
        if let Ok(text) = std::str::from_utf8(secret) {
            forms.push(text.to_owned());
            forms.push(
                percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string(),
            );
        }
        Self { name, forms }
    }
}

struct Aviary(Vec<Canary>);

impl Aviary {
    /// Fails if a canary is in a text; `place` says which text it is.
    fn search(&self, place: &str, text: &[u8]) {
        let text = String::from_utf8_lossy(text);
        for canary in &self.0 {
            for form in &canary.forms {
                assert!(!text.contains(form.as_str()), "{place} shows {}", canary.name);
            }
        }
    }

    fn search_output(&self, place: &str, output: &Output) {
        self.search(&format!("standard output of {place}"), &output.stdout);
        self.search(&format!("standard error of {place}"), &output.stderr);
    }
}

fn run(command: &mut Command) -> Output {
    command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped()).output().unwrap()
}

/// The body of a PEM block, decoded, and each of its lines.
fn canaries_of_key(pem: &str) -> Vec<Canary> {
    let lines: Vec<&str> = pem.lines().filter(|line| !line.starts_with("-----")).collect();
    let der = STANDARD.decode(lines.concat()).unwrap();
    let mut canaries = vec![Canary::new("the private key", &der)];
    // The private scalar of a P-256 key in PKCS#8 made here stands at 36..68.
    canaries.push(Canary::new("the private scalar", &der[36..68]));
    // The third line holds nothing but the public key.
    canaries.extend(
        lines.iter().take(2).map(|line| Canary::new("a line of the private key's file", line.as_bytes())),
    );
    canaries
}

#[test]
fn no_secret_leaves_but_in_the_answer() {
    let stage = Stage::with(|settings| settings.journal_full = false);
    let key = fs::read_to_string(stage.private_key()).unwrap();
    let mut aviary = Aviary(canaries_of_key(&key));
    aviary.0.push(Canary::new("the key's password", KEY_PASSWORD.as_bytes()));
    aviary.0.push(Canary::new("the proxy's password", PROXY_PASSWORD.as_bytes()));

    // The one place where they belong, and from here on more canaries.
    let granted = run(&mut stage.credential_process(stage.http_endpoint(), &["--debug"]));
    assert!(granted.status.success(), "{}", String::from_utf8_lossy(&granted.stderr));
    assert!(granted.stderr.is_empty());
    let document: serde_json::Value = serde_json::from_slice(&granted.stdout).unwrap();
    for (name, member) in
        [("the secret access key", "SecretAccessKey"), ("the session token", "SessionToken")]
    {
        aviary.0.push(Canary::new(name, document[member].as_str().unwrap().as_bytes()));
    }

    let (certificate, private_key) = (stage.certificate(), stage.private_key());
    let pair = ["--certificate", certificate, "--private-key", private_key];
    for arguments in [
        vec!["inspect", pair[0], pair[1], pair[2], pair[3]],
        vec!["inspect", "--json", pair[0], pair[1], pair[2], pair[3]],
        vec!["read-certificate-data", pair[0], pair[1]],
        vec!["inspect", pair[0], private_key],
        vec!["inspect", pair[0], certificate, pair[2], certificate],
        vec!["credential-process", "stray", &key],
        vec!["credential-process", "--certificate", &key],
        vec!["explain", "key-mismatch"],
        vec!["version"],
    ] {
        let output = run(&mut stage.anyrole(&arguments));
        // What a user types as a path is told back, cut and on one line, when there is no such file.
        if !arguments.contains(&key.as_str()) {
            aviary.search_output(&arguments.join(" "), &output);
        }
    }

    let proxied = run(stage
        .credential_process(String::from("https://rolesanywhere.example.invalid"), &["--debug"])
        .env("HTTPS_PROXY", format!("http://user:{PROXY_PASSWORD}@127.0.0.1:9")));
    assert!(!proxied.status.success());
    aviary.search_output("credential-process through a proxy", &proxied);

    let encrypted = stage.write("encrypted.key", &stage.encrypted_key(KEY_PASSWORD));
    let locked = ["inspect", "--certificate", certificate, "--private-key", &encrypted];
    for (right, password) in [(true, KEY_PASSWORD), (false, "canary-of-the-key-password-4711-wrong")] {
        let output = run(stage.anyrole(&locked).env("ANYROLE_PKCS8_PASSWORD", password));
        assert_eq!(output.status.success(), right, "{}", String::from_utf8_lossy(&output.stderr));
        aviary.search_output("inspect with a password", &output);
        let output = run(stage.anyrole(&locked).args(["--pkcs8-password", password]));
        aviary.search_output("inspect with a password in argv", &output);
    }

    let from_variable = run(stage
        .anyrole(&["inspect", "--certificate", certificate, "--private-key", "env:CANARY_KEY"])
        .env("CANARY_KEY", &key));
    assert!(from_variable.status.success(), "{}", String::from_utf8_lossy(&from_variable.stderr));
    aviary.search_output("inspect with a key in a variable", &from_variable);

    let journal: String = stage.journal().iter().map(JournalEntry::render).collect();
    assert!(journal.contains("CreateSession"), "{journal}");
    aviary.search("the simulator's journal", journal.as_bytes());
}

#[test]
fn faults_do_not_shake_secrets_out() {
    for fault in [
        "wrong-json",
        "cut-body",
        "empty-set",
        "missing=sessionToken",
        "missing=secretAccessKey",
        "foreign-role",
        "bad-token=newline",
        "bad-token=shell",
        "bad-token=escape",
        "expiration=+3650d",
        "deny=invalid-signature",
        "status=500",
        "html=403",
        "redirect",
        "reset",
    ] {
        let stage = Stage::with(|settings| settings.faults.push(fault.parse().unwrap()));
        let key = fs::read_to_string(stage.private_key()).unwrap();
        let aviary = Aviary(canaries_of_key(&key));
        let output =
            run(&mut stage.credential_process(stage.http_endpoint(), &["--debug", "--timeout", "2s"]));
        assert!(!output.status.success(), "{fault}");
        assert!(output.stdout.is_empty(), "{fault} left something on standard output");
        aviary.search_output(fault, &output);
        let told = String::from_utf8(output.stderr).unwrap();
        for word in ["Signature=", "AWS4-X509", "secretAccessKey\":", "sessionToken\":"] {
            assert!(!told.contains(word), "{fault} tells {word}: {told}");
        }
        assert!(!told.contains('\u{1b}'), "{fault} lets an escape through");
    }
}
