//! The programs that run: those that ask once, a server, and one that keeps the credentials file fresh.

use std::fs;
use std::io::{BufRead as _, BufReader, ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::process::ExitStatusExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use time::OffsetDateTime;

use super::grants::{CANARY, Grants, Record};
use crate::support::stage::{self, Stage};

/// The longest that anything may take: less than the minute that SDKs give a `credential_process`.
const LONGEST: Duration = Duration::from_secs(45);

/// What somebody keeps in the credentials file, before and after the profile that is written.
const KEPT: [&str; 2] =
    ["# by hand\n[kept]\naws_access_key_id = AKIAEXAMPLEEXAMPLE01\n\n", "\n[last]\nregion = eu-west-1\n"];

/// How long something was waited for, by a clock that stands still while this machine has no time for anybody: each pause counts for
/// no more than it should have taken.
#[derive(Default)]
struct Patience(Duration);

impl Patience {
    const PAUSE: Duration = Duration::from_millis(2);

    /// Pauses, and returns whether it has been too long.
    fn is_over(&mut self) -> bool {
        let began = Instant::now();
        thread::sleep(Self::PAUSE);
        self.0 += began.elapsed().min(2 * Self::PAUSE);
        self.0 > LONGEST
    }
}

/// Waits until it holds, as long as anything may take.
pub(crate) fn soon(mut holds: impl FnMut() -> bool) {
    let mut patience = Patience::default();
    while !holds() {
        assert!(!patience.is_over(), "it did not come to that in {LONGEST:?}");
    }
}

/// The end of a program, within the time that it has.
fn end(mut child: Child, what: &str) -> Output {
    let mut patience = Patience::default();
    // What is written here fits into a pipe.
    while child.try_wait().unwrap().is_none() {
        if patience.is_over() {
            // Where it hangs, in the kernel's words.
            let state =
                |name: &str| fs::read_to_string(format!("/proc/{}/{name}", child.id())).unwrap_or_default();
            let states = [state("wchan"), state("syscall"), state("stat")].join(" ");
            child.kill().unwrap();
            let told = child.wait_with_output().unwrap();
            panic!("{what} took longer than {LONGEST:?}: {states} {}", String::from_utf8_lossy(&told.stderr));
        }
    }
    child.wait_with_output().unwrap()
}

fn text(octets: &[u8]) -> &str {
    std::str::from_utf8(octets).unwrap()
}

pub(crate) struct Programs<'a> {
    pub(crate) stage: &'a Stage,
    grants: &'a Grants,
    config: String,
}

impl<'a> Programs<'a> {
    /// The programs of a host whose config file has these sessions and their roles.
    pub(crate) fn new(stage: &'a Stage, grants: &'a Grants, sessions: &[(&str, &str)]) -> Self {
        let (certificate, private_key, endpoint) =
            (stage.certificate(), stage.private_key(), stage.http_endpoint());
        let (anchor, profile) = (stage::TRUST_ANCHOR, stage::PROFILE);
        let mut config = format!(
            "version = 1\n[defaults]\ntrust_anchor_arn = '{anchor}'\nprofile_arn = '{profile}'\ncertificate = '{certificate}'\n\
             private_key = '{private_key}'\nendpoint = '{endpoint}'\nattempt_timeout = '1s'\ntimeout = '10s'\n"
        );
        for (name, role) in sessions {
            config.push_str(&format!("[session.{name}]\nrole_arn = '{role}'\n"));
        }
        Self { stage, grants, config: stage.write("config.toml", &config) }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.stage.anyrole(arguments);
        command.env("ANYROLE_CONFIG", &self.config).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Runs to the end; whatever it comes to, it tells no secret on standard error, and ends as programs here end.
    fn run(&self, command: &mut Command) -> Output {
        let what = format!("{command:?}");
        let output = end(command.spawn().unwrap(), &what);
        let told = text(&output.stderr);
        assert!(!told.contains(CANARY), "{what}: {told}");
        assert!(matches!(output.status.code(), Some(0 | 1)), "{what}: {:?} {told}", output.status);
        output
    }

    /// A refusal says which one it is, and nothing else was written.
    fn refused(&self, output: &Output) -> &'static str {
        let told = text(&output.stderr);
        assert!(
            output.stdout.is_empty() && told.starts_with("anyrole: error: ") && told.contains(" ["),
            "{output:?}"
        );
        "refused"
    }

    pub(crate) fn credential_process(&self, name: &str, role: &str, store: Option<&str>) -> &'static str {
        let asked = OffsetDateTime::now_utc();
        let mut command = self.command(&["credential-process", name]);
        let output = self.run(command.envs(store.map(|store| ("ANYROLE_CACHE", store))));
        if !output.status.success() {
            return self.refused(&output);
        }
        assert!(output.stderr.is_empty(), "{output:?}");
        let document: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        let member = |name: &str| document[name].as_str().unwrap().to_owned();
        let record = Record {
            secret: member("SecretAccessKey"),
            token: member("SessionToken"),
            expiration: Some(member("Expiration")),
        };
        self.grants.check(role, &member("AccessKeyId"), &record, Some(asked));
        "credentials"
    }

    /// A program of somebody's, which shows the variables that it was given.
    pub(crate) fn exec(&self, name: &str, role: &str) -> &'static str {
        let asked = OffsetDateTime::now_utc();
        let output = self.run(&mut self.command(&["exec", name, "--mode", "env", "--", "/usr/bin/env"]));
        if !output.status.success() {
            return self.refused(&output);
        }
        let variable = |name: &str| {
            let value =
                text(&output.stdout).lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
            value.unwrap_or_else(|| panic!("{name} in {output:?}")).to_owned()
        };
        let (secret, token) = (variable("AWS_SECRET_ACCESS_KEY"), variable("AWS_SESSION_TOKEN"));
        let record = Record { secret, token, expiration: None };
        self.grants.check(role, &variable("AWS_ACCESS_KEY_ID"), &record, Some(asked));
        "executed"
    }

    /// One that shows: JSON without a secret.
    pub(crate) fn shows(&self, arguments: &[&str]) -> &'static str {
        let output = self.run(&mut self.command(arguments));
        assert!(!text(&output.stdout).contains(CANARY), "{arguments:?} shows a secret");
        let document = serde_json::from_slice::<serde_json::Value>(&output.stdout);
        assert!(document.is_ok(), "{arguments:?}: {output:?}");
        "shown"
    }

    /// One that forgets every session.
    pub(crate) fn clears(&self) -> &'static str {
        let output = self.run(&mut self.command(&["cache", "clear", "--all"]));
        assert!(output.status.success() && !text(&output.stdout).contains(CANARY), "{output:?}");
        "cleared"
    }

    /// One that is killed while it asks, in the middle of whatever.
    pub(crate) fn is_killed(&self, name: &str, store: Option<&str>, after: Duration) -> &'static str {
        let mut command = self.command(&["credential-process", name]);
        let mut child = command.envs(store.map(|store| ("ANYROLE_CACHE", store))).spawn().unwrap();
        thread::sleep(after);
        child.kill().unwrap();
        let output = child.wait_with_output().unwrap();
        if output.status.signal().is_some() { "killed" } else { "finished" }
    }

    /// Nothing runs, and nothing is kept but what one who was killed could not take away: files that the next hour removes.
    pub(crate) fn leave_nothing(&self, killed: u64) {
        assert_eq!(self.clears(), "cleared");
        let home = format!("HOME={}\0", self.stage.folder().display());
        for process in fs::read_dir("/proc").unwrap().flatten().map(|entry| entry.path()) {
            // Those that have ended, and those of others, cannot be read.
            let environment = fs::read(process.join("environ")).unwrap_or_default();
            let is_ours = environment.windows(home.len()).any(|window| window == home.as_bytes());
            assert!(!is_ours, "{} still runs", process.display());
        }
        let (mut half, mut whole) = (Vec::new(), Vec::new());
        let mut folders = vec![self.stage.state_folder(), self.stage.folder().to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap().flatten() {
                let name = entry.file_name().into_string().unwrap();
                let content = fs::read(entry.path()).unwrap_or_default();
                let has_secret = content.windows(CANARY.len()).any(|window| window == CANARY.as_bytes());
                assert!(!has_secret || entry.path() == self.credentials_file(), "{name} holds a secret");
                let list = if name.starts_with('.') { &mut half } else { &mut whole };
                list.push(name);
            }
        }
        let sessions: Vec<_> = whole.iter().filter(|name| name.ends_with(".session")).collect();
        assert!(sessions.is_empty(), "{sessions:?}");
        // The home's own folders are of them.
        assert!(half.len() as u64 <= killed + 2, "{killed} were killed, and left {half:?}");
        let keys = fs::read_to_string("/proc/keys").unwrap_or_default();
        // What is invalidated (a small i among the flags) waits for the kernel to clear it away.
        let is_invalidated =
            |line: &str| line.split_whitespace().nth(1).is_some_and(|flags| flags.contains('i'));
        let left: Vec<_> = keys
            .lines()
            .filter(|line| line.contains(&format!(":{}:", self.stage.namespace)) && !is_invalidated(line))
            .collect();
        assert!(left.is_empty(), "{left:?}");
    }

    fn credentials_file(&self) -> PathBuf {
        self.stage.folder().join(".aws/credentials")
    }
}

/// What a process uses.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Uses {
    pub(crate) descriptors: usize,
    pub(crate) kilobytes: u64,
}

/// A program that runs until it is told to end, and whose log is read.
struct Running {
    child: Child,
    log: Arc<Mutex<String>>,
}

impl Running {
    fn start(mut command: Command) -> Self {
        let mut child = command.spawn().unwrap();
        let (log, stderr) = (Arc::<Mutex<String>>::default(), child.stderr.take().unwrap());
        let told = Arc::clone(&log);
        thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                assert!(!line.contains(CANARY), "{line}");
                let mut told = told.lock().unwrap();
                // The beginning is waited for, and the end is shown.
                if told.len() > 65_536 {
                    told.drain(..32_768);
                }
                told.push_str(&line);
                told.push('\n');
            }
        });
        Self { child, log }
    }

    fn told(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([format!("-{name}"), self.child.id().to_string()]).status();
        assert!(sent.unwrap().success(), "it has ended: {}", self.told());
    }

    fn end(mut self) {
        self.signal("TERM");
        soon(|| self.child.try_wait().unwrap().is_some());
        assert_eq!(self.child.wait().unwrap().code(), Some(0), "{}", self.told());
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Only where the test fails does it still run.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// `serve`, with a token for each session.
pub(crate) struct Server {
    running: Running,
    address: String,
    tokens: PathBuf,
}

impl Server {
    pub(crate) fn start(programs: &Programs<'_>) -> Self {
        let tokens = programs.stage.folder().join("tokens");
        let folder = tokens.to_str().unwrap();
        let mut running = Running::start(programs.command(&[
            "serve",
            "build",
            "audit",
            "--port",
            "0",
            "--token-folder",
            folder,
        ]));
        soon(|| running.told().contains(" listening "));
        let mut variables =
            BufReader::new(running.child.stdout.take().unwrap()).lines().map_while(Result::ok);
        let uri =
            variables.find_map(|line| Some(line.split_once("_FULL_URI=http://")?.1.to_owned())).unwrap();
        Self { running, address: uri.split('/').next().unwrap().to_owned(), tokens }
    }

    /// Asks for a session over a connection of its own.
    pub(crate) fn ask(&self, grants: &Grants, name: &str, role: &str) -> &'static str {
        let asked = OffsetDateTime::now_utc();
        let (address, token) =
            (&self.address, fs::read_to_string(self.tokens.join(format!("{name}.token"))).unwrap());
        let mut stream = TcpStream::connect(address).unwrap();
        write!(
            stream,
            "GET /v1/credentials/{name} HTTP/1.1\r\nHost: {address}\r\nAuthorization: {token}\r\nConnection: close\r\n\r\n"
        )
        .unwrap();
        stream.set_nonblocking(true).unwrap();
        let (mut answer, mut patience) = (Vec::new(), Patience::default());
        // What came before it had to wait is kept.
        while let Err(error) = stream.read_to_end(&mut answer) {
            assert_eq!(error.kind(), ErrorKind::WouldBlock, "{} {}", text(&answer), self.running.told());
            assert!(
                !patience.is_over(),
                "no answer in {LONGEST:?}: {} {}",
                text(&answer),
                self.running.told()
            );
        }
        let answer = text(&answer);
        let (head, body) =
            answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{answer:?} {}", self.running.told()));
        let document: serde_json::Value = serde_json::from_str(body).unwrap();
        if !head.starts_with("HTTP/1.1 200 ") {
            assert!(head.starts_with("HTTP/1.1 5") && !body.contains(CANARY), "{answer}");
            return "not served";
        }
        let member = |name: &str| document[name].as_str().unwrap().to_owned();
        let record = Record {
            secret: member("SecretAccessKey"),
            token: member("Token"),
            expiration: Some(member("Expiration")),
        };
        assert_eq!(member("RoleArn"), role);
        grants.check(role, &member("AccessKeyId"), &record, Some(asked));
        "served"
    }

    pub(crate) fn reload(&self) {
        self.running.signal("HUP");
    }

    pub(crate) fn uses(&self) -> Uses {
        let process = PathBuf::from(format!("/proc/{}", self.running.child.id()));
        let status = fs::read_to_string(process.join("status")).unwrap();
        let resident =
            status.lines().find_map(|line| line.strip_prefix("VmRSS:")?.trim().strip_suffix(" kB"));
        Uses {
            descriptors: fs::read_dir(process.join("fd")).unwrap().count(),
            kilobytes: resident.unwrap().parse().unwrap(),
        }
    }

    pub(crate) fn end(self) {
        self.running.end();
    }
}

/// `update`, and the file that it writes.
pub(crate) struct Update {
    running: Running,
    file: PathBuf,
}

impl Update {
    pub(crate) fn start(programs: &Programs<'_>) -> Self {
        let file = programs.credentials_file();
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, KEPT.concat()).unwrap();
        let running = Running::start(programs.command(&["update", "build", "--profile", "soak"]));
        Self { running, file }
    }

    /// Reads the file as an SDK does: the profile is whole, or not there yet, and what others wrote stays.
    pub(crate) fn read(&self, grants: &Grants, role: &str) -> &'static str {
        let content = fs::read_to_string(&self.file).unwrap();
        assert!(KEPT.iter().all(|kept| content.contains(kept.trim())), "{content}");
        let Some((_, section)) = content.split_once("[soak]\n") else { return "not written" };
        let section = section.split("\n[").next().unwrap();
        let value = |key: &str| {
            let values: Vec<&str> =
                section.lines().filter_map(|line| line.strip_prefix(key)?.trim().strip_prefix('=')).collect();
            assert_eq!(values.len(), 1, "{key}: {content}");
            values[0].trim().to_owned()
        };
        let (secret, token) = (value("aws_secret_access_key"), value("aws_session_token"));
        // It may be over, where no other could be had since.
        grants.check(role, &value("aws_access_key_id"), &Record { secret, token, expiration: None }, None);
        "written"
    }

    pub(crate) fn end(self) {
        self.running.end();
        let left: Vec<_> = fs::read_dir(self.file.parent().unwrap())
            .unwrap()
            .flatten()
            .map(|entry| entry.file_name())
            .collect();
        assert!(left.len() <= 2, "{left:?}");
    }
}
