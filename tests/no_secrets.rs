//! Canaries: known secrets go through every command at its most talkative, and must not come out anywhere.
//!
//! Searched for are the text itself, its base64, its hex and its percent form, in every stream and in the simulator's
//! journal. What `credential-process` prints on success is the one place where credentials belong.
#![cfg(feature = "pki")]

use std::fs;
use std::process::{Command, Output};

use crate::support::stage::Stage;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use pki_test::simulator::JournalEntry;

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
    aviary.search("the steps of a success", &granted.stderr);
    let document: serde_json::Value = serde_json::from_slice(&granted.stdout).unwrap();
    for (name, member) in
        [("the secret access key", "SecretAccessKey"), ("the session token", "SessionToken")]
    {
        aviary.0.push(Canary::new(name, document[member].as_str().unwrap().as_bytes()));
    }
    aviary.search("the steps of a success", &granted.stderr);

    // The other place is a file; what is told of it holds nothing of it.
    let process = stage.credential_process(stage.http_endpoint(), &["--once", "--debug", "--no-cache"]);
    let mut update = stage.bare(process.get_program());
    let written = run(update.arg("update").args(process.get_args().skip(1)));
    assert!(written.status.success(), "{}", String::from_utf8_lossy(&written.stderr));
    let file = stage.state_folder().ancestors().nth(3).unwrap().join(".aws/credentials");
    for line in fs::read_to_string(file)
        .unwrap()
        .lines()
        .filter(|line| line.contains("secret_access_key") || line.contains("session_token"))
    {
        let (_, value) = line.split_once(" = ").unwrap();
        aviary.0.push(Canary::new("a secret of the credentials file", value.as_bytes()));
    }
    aviary.search_output("update", &written);

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
        vec![&key],
        vec!["explain", "key-mismatch"],
        vec!["version"],
    ] {
        let output = run(&mut stage.anyrole(&arguments));
        aviary.search_output(&arguments.join(" "), &output);
    }

    let log = stage.write("failures.log", "");
    let proxied = run(stage
        .credential_process(String::from("https://rolesanywhere.example.invalid"), &["--debug"])
        .env("ANYROLE_LOG_FILE", &log)
        .env("HTTPS_PROXY", format!("http://user:{PROXY_PASSWORD}@127.0.0.1:9")));
    assert!(!proxied.status.success());
    let logged = fs::read(&log).unwrap();
    assert!(!logged.is_empty());
    aviary.search("the log", &logged);
    aviary.search_output("credential-process through a proxy", &proxied);

    let uri = format!("pkcs11:token=a?pin-value={KEY_PASSWORD}");
    let endpoint = format!("https://user:{PROXY_PASSWORD}@rolesanywhere.example.invalid");
    for (name, value) in
        [("--private-key", &uri), ("--certificate", &uri), ("--endpoint", &endpoint), ("--proxy", &endpoint)]
    {
        let output = run(stage
            .credential_process(stage.http_endpoint(), &["--no-cache", "--debug", name, value])
            .env("ANYROLE_LOG_FILE", &log));
        // A loopback endpoint is reached without the proxy, and succeeds; what counts is that the setting was told.
        assert!(String::from_utf8_lossy(&output.stderr).contains(&format!("setting {name} ")), "{name}");
        aviary.search_output(&format!("{name} with a password in it"), &output);
        aviary.search("the log", &fs::read(&log).unwrap());
    }

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

/// The key as CI systems hand it out: as it is, with its line breaks mangled, as one line of base64, and that once more.
fn forms_of_key(pem: &str) -> Vec<String> {
    let body: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
    vec![pem.to_owned(), pem.replace('\n', "\\n"), pem.replace('\n', " "), body, STANDARD.encode(pem)]
}

/// Every dozen letters of the private scalar, in each form of the key.
fn dozens_of_scalar(forms: &[String]) -> Aviary {
    let dozens = forms.iter().flat_map(|form| {
        let letters: Vec<char> =
            form.chars().filter(|letter| !letter.is_whitespace() && *letter != '\\').collect();
        // Before stand the parts that all keys share, behind the public key; 48 letters of base64 are 36 octets.
        let begin = if form.starts_with("-----") { 75 } else { 50 };
        (begin..begin + 25).map(move |at| letters[at..at + 12].iter().collect::<String>()).collect::<Vec<_>>()
    });
    let canary = |dozen| Canary { name: "a part of the private key", forms: vec![dozen] };
    Aviary(dozens.filter(|dozen| !dozen.contains('-')).map(canary).collect())
}

/// The settings by the reference, which a test of the program holds equal to its table: the flag's name and the config key's.
fn settings() -> Vec<(String, String)> {
    let reference = include_str!("../src/manual/settings.md");
    let rows = reference.lines().filter_map(|line| line.strip_prefix("| `--"));
    let names =
        rows.filter_map(|row| row.split_once('`').map(|(flag, _)| flag.split([' ', '=']).next().unwrap()));
    let settings: Vec<_> = names.map(|name| (name.to_owned(), name.replace('-', "_"))).collect();
    assert!(settings.len() > 25, "{settings:?}");
    settings
}

#[test]
fn a_key_where_its_place_was_asked_for_is_never_told() {
    let stage = Stage::set();
    let forms = forms_of_key(&fs::read_to_string(stage.private_key()).unwrap());
    let aviary = dozens_of_scalar(&forms);
    let certificate = stage.certificate();
    for key in &forms[..4] {
        for (flag, config_key) in settings() {
            let as_flag = format!("--{flag}={key}");
            let variable = format!("ANYROLE_{}", flag.replace('-', "_").to_uppercase());
            let config =
                format!("version = 1\n[session.canary]\n{config_key} = {}\n", serde_json::json!(key));
            let config = stage.write("canary.toml", &config);
            let pair = ["--certificate", certificate, "--debug"];
            for (place, mut command) in [
                (
                    "--",
                    stage
                        .credential_process(stage.http_endpoint(), &["--cache", "file", "--debug", &as_flag]),
                ),
                ("inspect --", stage.anyrole(&["inspect", pair[0], pair[1], &as_flag])),
                ("the config's ", stage.anyrole(&["inspect", "canary", "--config", &config])),
                ("the config's and more, ", stage.anyrole(&["status", "canary", "--config", &config])),
            ] {
                aviary.search_output(&format!("{place}{flag}"), &run(&mut command));
            }
            let mut command = stage.anyrole(&["credential-process", pair[0], pair[1], pair[2]]);
            aviary.search_output(&variable, &run(command.env(&variable, key)));
        }
        for words in [
            &["credential-process"][..],
            &["explain"],
            &["status"],
            &["pki", "issue"],
            &["pki"],
            &["help"],
            &[],
        ] {
            let output = run(stage.anyrole(words).arg(key));
            assert!(!output.status.success(), "{words:?}");
            aviary.search_output(&format!("{words:?} with a key as its word"), &output);
        }
        for simulated in ["--trust-anchor", "--config", "--fault", "--region"] {
            let output = run(stage.anyrole(&["simulate", simulated]).arg(key));
            aviary.search_output(&format!("simulate {simulated}"), &output);
        }
    }
    for listing in [&["status"][..], &["status", "--json"], &["cache", "list"], &["cache", "list", "--json"]]
    {
        aviary.search_output(&listing.join(" "), &run(&mut stage.anyrole(listing)));
    }
    for entry in fs::read_dir(stage.state_folder()).into_iter().flatten() {
        let path = entry.unwrap().path();
        aviary.search(&path.display().to_string(), &fs::read(&path).unwrap());
    }
}

#[test]
fn a_key_in_the_variable_of_its_setting_is_used() {
    let stage = Stage::set();
    let certificate = fs::read_to_string(stage.certificate()).unwrap();
    for key in forms_of_key(&fs::read_to_string(stage.private_key()).unwrap()) {
        let mut call = stage.anyrole(&["inspect"]);
        let output = run(call.env("ANYROLE_PRIVATE_KEY", &key).env("ANYROLE_CERTIFICATE", &certificate));
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
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
