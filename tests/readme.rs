//! The lines of README.md from nothing to AWS, run by a shell as they stand there, with the real AWS CLI.
//!
//! A small server stands in for the three calls that make trust anchor, role and profile, and keeps what they said. From it a
//! simulator is started, which answers CreateSession and STS behind the same address: requests go through octet by octet, so that
//! every signature is verified as it was sent.
#![cfg(all(unix, feature = "pki"))]

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;

use pki_test::simulator::{Simulator, SimulatorSettings};

use crate::support::components;

const ANCHOR: &str =
    "arn:aws:rolesanywhere:eu-central-1:111122223333:trust-anchor/a1b2c3d4-0000-4000-8000-000000000001";
const PROFILE: &str =
    "arn:aws:rolesanywhere:eu-central-1:111122223333:profile/a1b2c3d4-0000-4000-8000-000000000001";
const ROLE: &str = "arn:aws:iam::111122223333:role/build";

/// Sends the AWS CLI to the endpoint of the test: versions before 2.13 read no variable for that.
const CLI_TO_ENDPOINT: &str = r#"
aws() { if [ "$1" = configure ]; then command aws "$@"; else command aws --endpoint-url "$ENDPOINT" "$@"; fi; }
"#;

/// The code block under the heading, without the line that installs.
fn lines() -> String {
    let readme = include_str!("../README.md");
    let section = readme.split("## From zero to AWS\n").nth(1).expect("the heading");
    let block = section.split("```sh\n").nth(1).and_then(|rest| rest.split("```").next()).expect("the lines");
    let (install, rest) = block.split_once('\n').unwrap();
    assert!(install.starts_with("cargo install --path ."), "{install}");
    rest.to_owned()
}

/// Version 2 of the AWS CLI; version 1 may be called the same.
fn aws_cli() -> Option<PathBuf> {
    let is_2 = |program: &&str| {
        let version = Command::new(program).arg("--version").output();
        version.is_ok_and(|output| output.stdout.starts_with(b"aws-cli/2."))
    };
    let found = ["/usr/bin/aws", "/usr/local/bin/aws"].into_iter().find(is_2).map(PathBuf::from);
    if found.is_none() {
        components::missing("version 2 of the AWS CLI, which the lines of README.md call,");
    }
    found
}

/// What was made by the lines so far.
struct Account {
    folder: PathBuf,
    root: String,
    trust_policy: String,
    simulator: Option<Simulator>,
}

impl Account {
    /// Answers a call that makes something; `None` for the calls of the data plane.
    fn answer(&mut self, head: &str, body: &str) -> Option<(&'static str, String)> {
        let member = |document: &serde_json::Value, path: &str| {
            document.pointer(path).and_then(serde_json::Value::as_str).unwrap_or_default().to_owned()
        };
        if head.starts_with("POST /trustanchors ") {
            let document: serde_json::Value = serde_json::from_str(body).unwrap();
            self.root = member(&document, "/source/sourceData/x509CertificateData");
            let made = serde_json::json!({"trustAnchor": {"trustAnchorArn": ANCHOR}});
            return Some(("application/json", made.to_string()));
        }
        if head.starts_with("POST /profiles ") {
            let document: serde_json::Value = serde_json::from_str(body).unwrap();
            assert_eq!(member(&document, "/roleArns/0"), ROLE);
            self.start();
            let made = serde_json::json!({"profile": {"profileArn": PROFILE}});
            return Some(("application/json", made.to_string()));
        }
        if body.starts_with("Action=CreateRole&") {
            let policy =
                body.split('&').find_map(|pair| pair.strip_prefix("AssumeRolePolicyDocument=")).unwrap();
            let policy = policy.replace('+', " ");
            self.trust_policy =
                percent_encoding::percent_decode_str(&policy).decode_utf8().unwrap().into_owned();
            let made = format!(
                "<CreateRoleResponse xmlns=\"https://iam.amazonaws.com/doc/2010-05-08/\"><CreateRoleResult><Role>\
                 <Path>/</Path><RoleName>build</RoleName><RoleId>AROA00000000EXAMPLE</RoleId><Arn>{ROLE}</Arn>\
                 <CreateDate>2026-01-01T00:00:00Z</CreateDate></Role></CreateRoleResult></CreateRoleResponse>"
            );
            return Some(("text/xml", made));
        }
        None
    }

    /// Starts a simulator of exactly what was made.
    fn start(&mut self) {
        fs::write(self.folder.join("root.pem"), &self.root).unwrap();
        let policy = serde_json::Value::String(self.trust_policy.clone()).to_string();
        let world = format!(
            "version = 1\nregion = 'eu-central-1'\n[[trust_anchor]]\narn = '{ANCHOR}'\ncertificates = ['root.pem']\n\
             [[profile]]\narn = '{PROFILE}'\nroles = ['{ROLE}']\n[[role]]\narn = '{ROLE}'\ntrust_policy = {policy}\n"
        );
        let settings = SimulatorSettings::from_toml(&world, &self.folder).unwrap();
        self.simulator = Some(Simulator::start(settings).unwrap());
    }
}

/// Reads one request or answer whole; those of these lines announce their length.
fn message(stream: &mut TcpStream) -> Vec<u8> {
    let mut text = Vec::new();
    let mut chunk = [0; 4096];
    loop {
        if let Some(end) = text.windows(4).position(|window| window == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&text[..end]).to_ascii_lowercase();
            let length =
                head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse::<usize>().ok());
            if text.len() >= end + 4 + length.unwrap_or(0) {
                return text;
            }
        }
        match stream.read(&mut chunk).unwrap() {
            0 => return text,
            length => text.extend_from_slice(&chunk[..length]),
        }
    }
}

fn serve(stream: &mut TcpStream, account: &Mutex<Account>) {
    let octets = message(stream);
    let text = String::from_utf8_lossy(&octets).into_owned();
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return };
    let mut account = account.lock().unwrap();
    if let Some((kind, made)) = account.answer(head, body) {
        let length = made.len();
        let answer = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{made}"
        );
        stream.write_all(answer.as_bytes()).unwrap();
        return;
    }
    let endpoint = account.simulator.as_ref().expect("a profile was made before").http_endpoint();
    let mut service = TcpStream::connect(endpoint.trim_start_matches("http://")).unwrap();
    service.write_all(&octets).unwrap();
    stream.write_all(&message(&mut service)).unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
}

#[test]
fn the_lines_of_the_readme_lead_to_a_session() {
    let Some(aws) = aws_cli() else { return };
    let folder = tempfile::tempdir().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let account = Account {
        folder: folder.path().to_owned(),
        root: String::new(),
        trust_policy: String::new(),
        simulator: None,
    };
    let account = Arc::new(Mutex::new(account));
    thread::spawn(move || {
        for stream in listener.incoming() {
            let account = Arc::clone(&account);
            thread::spawn(move || serve(&mut stream.unwrap(), &account));
        }
    });
    let program = Path::new(env!("CARGO_BIN_EXE_anyrole")).parent().unwrap().display();
    let path = format!("{program}:{}:/usr/bin:/bin", aws.parent().unwrap().display());
    let done = Command::new("bash")
        .args(["-euc", &format!("{CLI_TO_ENDPOINT}{}", lines())])
        .current_dir(folder.path())
        .env_clear()
        .envs([("HOME", folder.path().as_os_str()), ("PATH", path.as_ref())])
        .envs([
            ("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE"),
            ("AWS_SECRET_ACCESS_KEY", "of-nobody"),
            ("AWS_PAGER", ""),
        ])
        .envs([("ENDPOINT", &endpoint), ("AWS_ENDPOINT_URL_ROLESANYWHERE", &endpoint)])
        .env("ANYROLE_CACHE", "file")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let (told, complained) = (String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
    assert!(done.status.success(), "{told}\n{complained}");
    assert!(told.contains("arn:aws:sts::111122223333:assumed-role/build/"), "{told}\n{complained}");
}
