//! The cache in another process, under another user, session or namespace: this test binary runs itself.
//!
//! [`Drive`] starts the binary with the one test [`driver`], which carries out the steps that it finds in a variable,
//! and writes a line for each result.

use std::ffi::OsString;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use anyrole::cache::failure::{FailureReport, Failures};
use anyrole::cache::lock::{Lock, Locks, SingleFlight};
use anyrole::cache::state_folder::StateLocation;
use anyrole::cache::{Cache, CacheEntry, CacheKey, CredentialCache, Namespace, SealingKey};
use anyrole::clock::{Clock, SystemClock};
use anyrole::credentials::{CredentialSet, SessionCredentials};
use anyrole::diagnostic::{Diagnostic, Fault};
use anyrole::secret::Secret;
use anyrole::signer::SubjectPublicKeyInfo;

const STEPS: &str = "ANYROLE_TEST_STEPS";
const PREFIX: &str = "=> ";

/// The secret in every entry; nothing but the cache may know it.
pub(crate) const CANARY: &str = "canary-session-token";

/// Runs steps in a new process.
pub(crate) struct Drive {
    command: Vec<OsString>,
    program: PathBuf,
    steps: Vec<String>,
}

impl Drive {
    pub(crate) fn new() -> Self {
        Self { command: Vec::new(), program: std::env::current_exe().unwrap(), steps: Vec::new() }
    }

    /// Puts a program in front: `setpriv …`, `keyctl session -`, `unshare …`.
    pub(crate) fn under(mut self, words: &str) -> Self {
        self.command.extend(words.split_whitespace().map(OsString::from));
        self
    }

    /// Runs a copy of the binary that every user can reach.
    pub(crate) fn program(mut self, program: &Path) -> Self {
        program.clone_into(&mut self.program);
        self
    }

    pub(crate) fn step(mut self, step: impl Into<String>) -> Self {
        self.steps.push(step.into());
        self
    }

    pub(crate) fn open(self, choice: &str, state: &Path, namespace: &str) -> Self {
        self.step(format!("open {choice} {} {namespace}", state.display()))
    }

    /// Starts it, to be talked to.
    pub(crate) fn start(self) -> Running {
        let mut words = self.command;
        words.push(self.program.into_os_string());
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]).args(["cache::driver::driver", "--exact", "--ignored", "--nocapture"]);
        command.args(["--test-threads", "1", "-q"]);
        command.env(STEPS, self.steps.join("\n"));
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("cannot start {words:?}: {error}"));
        let stdin = child.stdin.take();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        Running { child, stdin, stdout }
    }

    /// Runs it to its end and returns the results.
    pub(crate) fn run(self) -> Vec<String> {
        self.start().finish()
    }
}

/// A driver that runs.
pub(crate) struct Running {
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: BufReader<ChildStdout>,
}

impl Running {
    /// Waits for the next result.
    pub(crate) fn next(&mut self) -> String {
        let mut line = String::new();
        loop {
            line.clear();
            assert_ne!(self.stdout.read_line(&mut line).unwrap(), 0, "the driver ended");
            if let Some((_, result)) = line.trim_end().split_once(PREFIX) {
                return result.to_owned();
            }
        }
    }

    /// Lets a step `wait` go on.
    pub(crate) fn go_on(&mut self) {
        writeln!(self.stdin.as_mut().unwrap()).unwrap();
    }

    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Waits for the end, whatever it is.
    pub(crate) fn end(mut self) {
        self.stdin = None;
        let _ = self.stdout.read_to_end(&mut Vec::new());
        let _ = self.child.wait();
    }

    /// Waits for the end and returns the remaining results.
    pub(crate) fn finish(mut self) -> Vec<String> {
        self.stdin = None;
        let mut rest = String::new();
        self.stdout.read_to_string(&mut rest).unwrap();
        let output = self.child.wait_with_output().unwrap();
        assert!(output.status.success(), "{rest}{}", String::from_utf8_lossy(&output.stderr));
        rest.lines().filter_map(|line| line.split_once(PREFIX)).map(|(_, result)| result.to_owned()).collect()
    }
}

/// Returns the key that tests call by two hex digits.
pub(crate) fn key(digits: &str) -> CacheKey {
    digits.repeat(32).parse().unwrap()
}

/// Returns an entry that was made at this moment; its access key id tells whose it is.
pub(crate) fn entry(digits: &str, lifetime: u64, padding: usize) -> CacheEntry {
    let created_at = SystemClock.now();
    CacheEntry {
        credential_set: CredentialSet {
            role_arn: "arn:aws:iam::111122223333:role/build".parse().unwrap(),
            assumed_role_arn: None,
            source_identity: None,
            subject_arn: None,
            credentials: SessionCredentials {
                access_key_id: format!("ASIAEXAMPLE{}", digits.to_uppercase()),
                secret_access_key: Secret::new(String::from("canary-secret-access-key")),
                session_token: Secret::new(format!("{CANARY}{}", "=".repeat(padding))),
                expiration: created_at.plus(Duration::from_secs(lifetime)),
            },
        },
        created_at,
        usable_until: created_at.plus(Duration::from_secs(lifetime)),
        certificate_sha256: [7; 32],
        subject_name: String::from("CN=build-17"),
        issuer_name: String::from("CN=Issuing CA 3"),
        trust_anchor_arn: "arn:aws:rolesanywhere:eu-central-1:111122223333:trust-anchor/a".parse().unwrap(),
        profile_arn: "arn:aws:rolesanywhere:eu-central-1:111122223333:profile/p".parse().unwrap(),
        endpoint: String::from("https://rolesanywhere.eu-central-1.amazonaws.com"),
        scope: None,
    }
}

/// A key that seals files, as the private key of an identity lends it.
pub(crate) fn sealing_key(name: u8) -> SealingKey {
    let public_key = SubjectPublicKeyInfo::new(vec![name; 91]);
    let lent = anyrole::signer::SealingKey::new(Secret::new(vec![name; 121]), &public_key);
    let (material, context) = lent.into_parts();
    SealingKey::new(material, context)
}

pub(crate) fn report() -> FailureReport {
    FailureReport {
        wanted: String::from("arn:aws:iam::111122223333:role/build"),
        id: String::from("access-denied"),
        fault: Fault::Refused,
        code: Some(String::from("AccessDeniedException")),
        text: String::from("AWS refused to create the session"),
        facts: vec![(String::from("request id"), String::from("4c1f"))],
        hint: None,
    }
}

struct Session {
    cache: Cache,
    locks: Option<(Locks, Failures)>,
    held: Vec<Lock>,
}

impl Session {
    fn open(words: &[&str]) -> Self {
        let [choice, state, namespace] = words else { panic!("open CHOICE STATE NAMESPACE") };
        let location = StateLocation::at(*state);
        let namespace: Namespace = namespace.parse().unwrap();
        let locks = location.open().ok().map(|folder| {
            let folder = Arc::new(folder);
            (Locks::new(Arc::clone(&folder)), Failures::new(folder, namespace.clone()))
        });
        let lender = Box::new(|| Some(sealing_key(1)));
        let cache = Cache::new(choice.parse().unwrap(), namespace, location, lender);
        Self { cache, locks, held: Vec::new() }
    }

    fn carry_out(&mut self, words: &[&str]) -> String {
        let outcome = match words {
            ["put", name, lifetime, padding] => {
                let entry = entry(name, lifetime.parse().unwrap(), padding.parse().unwrap());
                self.cache.put(&key(name), &entry).map(|()| String::from("stored"))
            }
            ["get", name] => self.cache.get(&key(name)).map(|found| {
                found.map_or_else(|| String::from("miss"), |entry| entry.into_facts().access_key_id)
            }),
            ["list"] => self.cache.list().map(|entries| {
                let mut shown: Vec<_> = entries
                    .iter()
                    .map(|entry| format!("{}:{}", &entry.key.to_string()[..2], entry.store.as_str()))
                    .collect();
                shown.sort();
                shown.join(" ")
            }),
            ["clear"] => self.cache.list().map(|entries| {
                for entry in &entries {
                    self.cache.remove(&entry.key).unwrap();
                }
                format!("removed {}", entries.len())
            }),
            ["survey"] => {
                let verdicts: Vec<_> = self
                    .cache
                    .survey()
                    .map(|found| {
                        let verdict = found.verdict.as_ref().map_or_else(Diagnostic::id, |()| "works");
                        format!("{}:{verdict}", found.store.as_str())
                    })
                    .collect();
                Ok(verdicts.join(" "))
            }
            words => return self.take_turns(words),
        };
        outcome.unwrap_or_else(|error| format!("error {}", error.id()))
    }

    fn take_turns(&mut self, words: &[&str]) -> String {
        let Some((locks, failures)) = &self.locks else { return String::from("no locks") };
        match words {
            ["take", name, milliseconds] => {
                let longest = Duration::from_millis(milliseconds.parse().unwrap());
                match locks.acquire(&key(name), longest, failures).unwrap() {
                    SingleFlight::Leads(lock) => {
                        self.held.push(lock);
                        String::from("ours")
                    }
                    SingleFlight::Failed(failure) => {
                        format!("failed {} {}", failure.report.id, failure.count)
                    }
                    SingleFlight::TimedOut => String::from("timed out"),
                }
            }
            ["fail", name] => {
                failures.note(&key(name), report(), [7; 32], SystemClock.now()).unwrap();
                String::from("noted")
            }
            ["release"] => {
                self.held.clear();
                String::from("released")
            }
            words => panic!("no step {words:?}"),
        }
    }
}

/// Carries out the steps of [`Drive`].
#[test]
#[ignore = "run by the other tests, in a process of its own"]
fn driver() {
    let steps = std::env::var(STEPS).expect("the steps are given by another test");
    let mut session = None;
    for step in steps.lines() {
        let words: Vec<_> = step.split(' ').collect();
        let result = match words.as_slice() {
            ["open", rest @ ..] => {
                session = Some(Session::open(rest));
                continue;
            }
            // A system call that a trace can find again.
            ["mark", name] => {
                let _ = std::fs::read_link(format!("/anyrole-mark-{name}"));
                continue;
            }
            ["wait"] => {
                std::io::stdin().lock().read_line(&mut String::new()).unwrap();
                continue;
            }
            // On a busy machine a service may not answer within its bound.
            ["patiently", rest @ ..] => {
                let session = session.as_mut().expect("`open` comes first");
                let results = std::iter::repeat_with(|| session.carry_out(rest)).take(100);
                let is_late = |result: &String| {
                    result.ends_with("cache-unavailable") || result.is_empty() || result == "removed 0"
                };
                results.into_iter().find(|result| !is_late(result)).expect("it answers at last")
            }
            #[cfg(all(target_os = "linux", feature = "pki"))]
            ["kernel", rest @ ..] => crate::components::kernel_keyring::kernel(rest),
            words => session.as_mut().expect("`open` comes first").carry_out(words),
        };
        println!("\n{PREFIX}{result}");
    }
}
