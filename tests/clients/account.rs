//! An AWS account made by moto, which issues the simulator's sessions and checks each of them.
//!
//! moto verifies every signature and evaluates every policy. The simulator grants a session, and has moto's
//! sts:AssumeRole issue it.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};
use std::sync::{Arc, Mutex};

use pki_test::simulator::{ForeignSession, Grant, SessionIssuer, SimulatorSettings};
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::client::{consumers, python};
use super::world::ROLE_ARN;
use crate::support::components::missing;

/// Has the simulator's sessions issued by the account, and changed by `change`.
pub(crate) fn issue_from(
    account: &Arc<Account>,
    settings: &mut SimulatorSettings,
    change: impl Fn(&mut ForeignSession) + Send + Sync + 'static,
) {
    let account = Arc::clone(account);
    settings.issuer = Some(SessionIssuer(Arc::new(move |granted| {
        let mut session = account.assume_role(granted);
        change(&mut session);
        Some(session)
    })));
}

/// An account of moto's, in a process of its own that ends with this.
pub(crate) struct Account {
    pub(crate) endpoint: String,
    process: Mutex<(Child, ChildStdin, BufReader<ChildStdout>)>,
}

impl Account {
    /// Starts moto, and returns it with what it said: of an account with users, their keys. `None` after saying that a component
    /// is missing. `client` is what else is needed, in Python's words; `arguments` are those of `moto_account.py`.
    pub(crate) fn open(client: &str, arguments: &[&str]) -> Option<(Arc<Self>, Value)> {
        let Some(mut python) = python(&format!("import moto.server{client}")) else {
            missing("Terraform with moto");
            return None;
        };
        let mut child = python
            .arg(consumers().join("terraform/moto_account.py"))
            .args(arguments)
            .env("HOME", "/nonexistent")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("Python ran a moment ago");
        let stdin = child.stdin.take().expect("it is a pipe");
        let mut stdout = BufReader::new(child.stdout.take().expect("it is a pipe"));
        let ready = read(&mut stdout);
        assert_eq!(ready["role_arn"], ROLE_ARN);
        let endpoint = ready["endpoint"].as_str().expect("it is a text").to_owned();
        Some((Arc::new(Self { endpoint, process: Mutex::new((child, stdin, stdout)) }), ready))
    }

    /// Sends one request and returns the answer.
    pub(crate) fn ask(&self, request: &Value) -> Value {
        let mut process = self.process.lock().expect("no other test shares it");
        writeln!(process.1, "{request}").expect("moto is running");
        read(&mut process.2)
    }

    pub(crate) fn assume_role(&self, granted: &Grant) -> ForeignSession {
        let answer = self.ask(&json!({
            "assume": granted.role_arn.to_string(),
            "session_name": granted.session_name,
            "duration_seconds": granted.duration.as_secs(),
        }));
        let text = |name: &str| answer[name].as_str().expect("STS names it").to_owned();
        ForeignSession {
            access_key_id: text("AccessKeyId"),
            secret_access_key: text("SecretAccessKey").into(),
            session_token: text("SessionToken").into(),
            expiration: OffsetDateTime::parse(&text("Expiration"), &Rfc3339).expect("it is a time"),
        }
    }
}

impl Drop for Account {
    fn drop(&mut self) {
        if let Ok(process) = self.process.get_mut() {
            // It has nothing to lose.
            let _ended = process.0.kill();
            let _reaped = process.0.wait();
        }
    }
}

fn read(stdout: &mut BufReader<ChildStdout>) -> Value {
    let mut line = String::new();
    stdout.read_line(&mut line).expect("moto writes text");
    serde_json::from_str(&line).expect("moto answers with one line of JSON")
}
