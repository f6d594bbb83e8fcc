//! A program that uses the library: this test program, started again. What it is told comes by variables, and what it tells goes into a
//! file, so that its standard streams are the library's.

use std::env;
use std::error::Error as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, SystemTime};

use anyrole::sdk::{Builder, Credentials};
use aws_credential_types::provider::ProvideCredentials as _;
use aws_credential_types::provider::error::CredentialsError;
use serde_json::{Value, json};

/// What to do; it is no client without it.
pub(crate) const ASK: &str = "SDK_TEST_ASK";
/// A JSON object of settings.
const SETTINGS: &str = "SDK_TEST_SETTINGS";
const SESSION: &str = "SDK_TEST_SESSION";
const TASKS: &str = "SDK_TEST_TASKS";
/// The file for what it tells.
const TOLD: &str = "SDK_TEST_TOLD";

/// How often a task asks again, and how long it does.
const PAUSE: Duration = Duration::from_millis(10);
const PATIENCE: Duration = Duration::from_secs(60);

/// A client that is to be started.
pub(crate) struct Client {
    command: Command,
    told: PathBuf,
    settings: serde_json::Map<String, Value>,
}

/// One that runs.
pub(crate) struct Running {
    child: Child,
    told: PathBuf,
}

/// What a client tells: credentials, a refusal, or a text.
pub(crate) struct Line(Value);

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) access_key: String,
    pub(crate) account: String,
    pub(crate) seconds_left: i64,
}

pub(crate) struct Refusal {
    /// The variant of the SDK's error; or the id, where there were no credentials to ask.
    pub(crate) kind: String,
    pub(crate) text: String,
    pub(crate) debug: String,
}

impl Client {
    pub(crate) fn new<'a>(
        mut command: Command,
        folder: &Path,
        values: impl IntoIterator<Item = (&'a str, String)>,
    ) -> Self {
        let told = tempfile::Builder::new().prefix("told").tempfile_in(folder).expect("a file");
        let told = told.into_temp_path().keep().expect("it stays");
        command
            .args(["--exact", "sdk::client::the_client_itself", "--nocapture", "--quiet"])
            .env(ASK, "credentials")
            .env(TOLD, &told);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let settings = values.into_iter().map(|(key, value)| (key.to_owned(), Value::from(value))).collect();
        Self { command, told, settings }
    }

    pub(crate) fn session(mut self, name: &str) -> Self {
        self.command.env(SESSION, name);
        self
    }

    pub(crate) fn tasks(mut self, count: usize) -> Self {
        self.command.env(TASKS, count.to_string());
        self
    }

    pub(crate) fn doing(mut self, what: &str) -> Self {
        self.command.env(ASK, what);
        self
    }

    pub(crate) fn variable(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
        self
    }

    pub(crate) fn setting(mut self, key: &str, value: &str) -> Self {
        self.settings.insert(key.to_owned(), Value::from(value));
        self
    }

    pub(crate) fn start(mut self) -> Running {
        let settings = Value::from(self.settings).to_string();
        let child = self.command.env(SETTINGS, settings).spawn().expect("it starts");
        Running { child, told: self.told }
    }

    pub(crate) fn run(self) -> Vec<Line> {
        self.start().finish()
    }
}

impl Running {
    /// Returns what it tells; its streams must hold nothing but what the test's own frame writes.
    pub(crate) fn finish(self) -> Vec<Line> {
        let output = self.child.wait_with_output().expect("it ends");
        let (stdout, stderr) =
            (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{stdout}{stderr}");
        assert_eq!(stderr, "", "standard error is not the library's");
        let frame = |line: &&str| !line.is_empty() && *line != "." && *line != "running 1 test";
        let told: Vec<&str> = stdout
            .lines()
            .filter(frame)
            .filter(|line| !line.starts_with("test result: ok. 1 passed"))
            .collect();
        assert!(told.is_empty(), "standard output is not the library's: {told:?}");
        let told: Vec<Value> =
            serde_json::from_str(&fs::read_to_string(self.told).expect("the file")).expect("JSON");
        told.into_iter().map(Line).collect()
    }
}

impl Line {
    fn member(&self, name: &str) -> String {
        self.0[name].as_str().unwrap_or_else(|| panic!("it told something else: {}", self.0)).to_owned()
    }

    pub(crate) fn answer(&self) -> Answer {
        let seconds_left =
            self.0["seconds_left"].as_i64().unwrap_or_else(|| panic!("no credentials: {}", self.0));
        Answer { access_key: self.member("access_key"), account: self.member("account"), seconds_left }
    }

    pub(crate) fn refusal(&self) -> Refusal {
        Refusal { kind: self.member("kind"), text: self.member("text"), debug: self.member("debug") }
    }

    pub(crate) fn text(&self) -> String {
        self.member("text")
    }
}

fn variable(name: &str) -> Option<String> {
    env::var(name).ok()
}

#[tokio::test]
async fn the_client_itself() {
    let Some(what) = variable(ASK) else { return };
    let mut builder = match variable(SESSION) {
        Some(name) => Credentials::builder().session(name),
        None => Credentials::builder(),
    };
    let settings: Value = serde_json::from_str(&variable(SETTINGS).expect("the settings")).expect("JSON");
    for (key, value) in settings.as_object().expect("an object") {
        builder = builder.setting(key, value.as_str().expect("a text"));
    }
    let told = told(&what, builder).await;
    fs::write(variable(TOLD).expect("the file"), Value::from(told).to_string()).expect("it can be written");
}

async fn told(what: &str, builder: Builder) -> Vec<Value> {
    let shown = format!("{builder:?}");
    let credentials = match builder.build() {
        Ok(credentials) => credentials,
        Err(error) => {
            return vec![
                json!({ "kind": error.id(), "text": error.to_string(), "debug": format!("{error:?}") }),
            ];
        }
    };
    match what {
        "debug" => {
            credentials.provide_credentials().await.expect("they are there");
            vec![json!({ "text": format!("{shown} {credentials:?}") })]
        }
        "leave" => leave(&credentials).await,
        "until another" => until_another(&credentials).await,
        _ => {
            let count = variable(TASKS).map_or(1, |count| count.parse().expect("a number"));
            let ask = || {
                let credentials = credentials.clone();
                tokio::spawn(async move { one(&credentials).await })
            };
            let mut told = Vec::new();
            for task in (0..count).map(|_| ask()).collect::<Vec<_>>() {
                told.push(task.await.expect("it ends"));
            }
            told
        }
    }
}

/// Stops waiting before there can be an answer, and asks again.
async fn leave(credentials: &Credentials) -> Vec<Value> {
    let left = tokio::time::timeout(Duration::ZERO, credentials.provide_credentials()).await;
    assert!(left.is_err());
    let text = match credentials.fallback_on_interrupt() {
        None => "left, and there is nothing to fall back to",
        Some(_) => "left, and there is something already",
    };
    let answer = one(credentials).await;
    let fallback = credentials.fallback_on_interrupt().expect("the last ones");
    let same = answer["access_key"] == fallback.access_key_id();
    let fallback = if same { "the fallback is the same" } else { "the fallback is another" };
    vec![json!({ "text": text }), answer, json!({ "text": fallback })]
}

/// Asks until other credentials come; what is had until then must work.
async fn until_another(credentials: &Credentials) -> Vec<Value> {
    let first = one(credentials).await;
    let begun = SystemTime::now();
    while begun.elapsed().is_ok_and(|elapsed| elapsed < PATIENCE) {
        let next = one(credentials).await;
        assert!(next["seconds_left"].as_i64().is_some_and(|left| left > 0), "{next}");
        if next["access_key"] != first["access_key"] {
            return vec![first, next];
        }
        tokio::time::sleep(PAUSE).await;
    }
    vec![first]
}

async fn one(credentials: &Credentials) -> Value {
    match credentials.provide_credentials().await {
        Ok(answer) => {
            let left = answer.expiry().expect("an expiry").duration_since(SystemTime::now());
            assert!(answer.session_token().is_some_and(|token| !token.is_empty()));
            assert!(!format!("{answer:?}").contains(answer.secret_access_key()));
            json!({
                "access_key": answer.access_key_id(),
                "account": answer.account_id().map_or("", |account| account.as_str()),
                "seconds_left": left.map_or(-1, |left| i64::try_from(left.as_secs()).expect("an hour")),
            })
        }
        Err(error) => {
            let kind = if matches!(error, CredentialsError::InvalidConfiguration(_)) {
                "InvalidConfiguration"
            } else if matches!(error, CredentialsError::ProviderError(_)) {
                "ProviderError"
            } else {
                panic!("{error:?}")
            };
            let cause = error.source().map_or_else(String::new, ToString::to_string);
            json!({ "kind": kind, "text": cause, "debug": format!("{error:?}") })
        }
    }
}
