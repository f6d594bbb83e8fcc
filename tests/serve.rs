//! `serve`: what programs are given, who may ask, and how it begins, changes and ends.
#![cfg(all(target_os = "linux", feature = "pki"))] // most of it asks the kernel who is who

mod access;
mod http;
mod life;
mod namespaces;
mod soak;
mod via;

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use crate::support::stage::Stage;

/// Longer than anything here takes; only a failing test waits for it.
const LONGEST: Duration = Duration::from_secs(60);

/// Our program with a session of the stage by flags, or by names where a config is given.
fn command(stage: &Stage, more: &[&str]) -> Command {
    let process = stage.credential_process(stage.http_endpoint(), &[]);
    let mut own = stage.bare(process.get_program());
    own.env("ANYROLE_CACHE", "file").arg("serve");
    own.args(process.get_args().skip(1)).args(["--port", "0"]).args(more);
    own
}

/// A running server, and what it logs.
struct Server {
    child: Child,
    /// `127.0.0.1:PORT`
    address: String,
    /// The lines of its standard output: `NAME=value`.
    variables: Vec<(String, String)>,
    log: Arc<(Mutex<Vec<String>>, Condvar)>,
}

impl Server {
    fn start(stage: &Stage) -> Self {
        Self::of(command(stage, &[]))
    }

    fn with(stage: &Stage, more: &[&str]) -> Self {
        Self::of(command(stage, more))
    }

    /// One that is reached by other hosts.
    fn of_remote(command: &mut Command) -> Self {
        Self::spawn(command, "https://")
    }

    fn of(mut command: Command) -> Self {
        Self::spawn(&mut command, "http://")
    }

    fn spawn(command: &mut Command, scheme: &str) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let log: Arc<(Mutex<Vec<String>>, Condvar)> = Arc::default();
        let (lines, stderr) = (Arc::clone(&log), child.stderr.take().unwrap());
        std::thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                lines.0.lock().unwrap().push(line);
                lines.1.notify_all();
            }
        });
        let mut server = Self { child, address: String::new(), variables: Vec::new(), log };
        server.logged(|line| line.contains(" listening "));
        let stdout = server.child.stdout.as_mut().unwrap();
        // All of it is written in one piece, before the log says where it listens.
        let mut text = vec![0; 16 * 1024];
        let length = stdout.read(&mut text).unwrap();
        for line in std::str::from_utf8(&text[..length]).unwrap().lines() {
            let (name, value) = line.split_once('=').unwrap();
            server.variables.push((name.to_owned(), value.to_owned()));
        }
        let uri = server.variable("AWS_CONTAINER_CREDENTIALS_FULL_URI");
        server.address = uri.strip_prefix(scheme).unwrap().split('/').next().unwrap().to_owned();
        server
    }

    fn variable(&self, name: &str) -> String {
        let found = self.variables.iter().find(|(known, _)| known == name);
        found.unwrap_or_else(|| panic!("{name} in {:?}", self.variables)).1.clone()
    }

    /// The token of a session's container path.
    fn token(&self, name: &str) -> String {
        let file =
            self.variables.iter().find(|(_, value)| value.ends_with(&format!("/{name}.token"))).unwrap();
        std::fs::read_to_string(&file.1).unwrap()
    }

    /// Waits for a line of the log.
    fn logged(&self, is_it: impl Fn(&str) -> bool) -> String {
        let started = Instant::now();
        let mut lines = self.log.0.lock().unwrap();
        loop {
            if let Some(line) = lines.iter().find(|line| is_it(line)) {
                return line.clone();
            }
            assert!(started.elapsed() < LONGEST, "{lines:?}");
            lines = self.log.1.wait_timeout(lines, Duration::from_millis(200)).unwrap().0;
        }
    }

    /// Waits until so many sessions are there.
    fn has_sessions(&self, count: usize) {
        let started = Instant::now();
        while self.log().iter().filter(|line| line.contains(" session session=")).count() < count {
            assert!(started.elapsed() < LONGEST, "{:?}", self.log());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    fn log(&self) -> Vec<String> {
        self.log.0.lock().unwrap().clone()
    }

    /// Sends a request as it stands, and returns the whole answer.
    fn send(&self, request: &str) -> String {
        send_to(&self.address, request)
    }

    /// A request of an SDK with these headers.
    fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)]) -> Reply {
        let mut request =
            format!("{method} {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n", self.address);
        for (name, value) in headers {
            request.push_str(&format!("{name}: {value}\r\n"));
        }
        Reply::of(&self.send(&(request + "\r\n")))
    }

    fn metadata_token(&self) -> String {
        let reply =
            self.ask("PUT", "/latest/api/token", &[("x-aws-ec2-metadata-token-ttl-seconds", "21600")]);
        assert_eq!(reply.status, 200, "{}", reply.head);
        reply.body
    }

    fn metadata(&self, path: &str) -> Reply {
        self.ask("GET", path, &[("x-aws-ec2-metadata-token", &self.metadata_token())])
    }

    fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([format!("-{name}"), self.child.id().to_string()]).status();
        assert!(sent.unwrap().success());
    }

    /// Ends it as systemd does, and returns its exit status.
    fn end(mut self) -> Option<i32> {
        self.signal("TERM");
        let status = self.child.wait().unwrap();
        assert!(status.code().is_some(), "{status}: {:?}", self.log());
        status.code()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Sends a request as it stands, and returns the whole answer: whatever came until the connection ended.
fn send_to(address: &str, request: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(LONGEST)).unwrap();
    // It may have been closed already.
    let _ = stream.write_all(request.as_bytes());
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8(answer).unwrap()
}

/// An answer.
#[derive(Debug)]
struct Reply {
    status: u16,
    head: String,
    body: String,
}

impl Reply {
    fn of(answer: &str) -> Self {
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((answer, ""));
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
        Self { status, head: head.to_ascii_lowercase(), body: body.to_owned() }
    }

    fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("{self:?}"))
    }

    fn header(&self, name: &str) -> Option<&str> {
        let prefix = format!("{name}: ");
        self.head.lines().find_map(|line| line.strip_prefix(&prefix))
    }
}

/// Two sessions of the stage in a config file, the second one with lines of its own.
fn two_sessions(stage: &Stage, build: &str, audit: &str) -> String {
    let process = stage.credential_process(stage.http_endpoint(), &[]);
    let arguments: Vec<String> =
        process.get_args().skip(1).map(|it| it.to_str().unwrap().to_owned()).collect();
    let mut settings = String::new();
    for pair in arguments.chunks(2) {
        let key = pair[0].trim_start_matches("--").replace('-', "_");
        settings.push_str(&format!("{key} = {:?}\n", pair[1]));
    }
    let config =
        format!("version = 1\n[session.build]\n{settings}{build}\n[session.audit]\n{settings}{audit}\n");
    stage.write("sessions.toml", &config)
}

fn named(stage: &Stage, config: &str, more: &[&str]) -> Command {
    let mut own = stage.bare(env!("CARGO_BIN_EXE_anyrole"));
    own.env("ANYROLE_CACHE", "file").env("ANYROLE_CONFIG", config);
    own.args(["serve", "build", "audit", "--port", "0"]).args(more);
    own
}

fn is_root() -> bool {
    std::fs::metadata("/proc/self").is_ok_and(|own| std::os::unix::fs::MetadataExt::uid(&own) == 0)
}

/// Sends a request as another user, and returns what came.
fn ask_as(user: u32, address: &str, request: &str) -> String {
    use std::os::unix::process::CommandExt as _;
    let (host, port) = address.rsplit_once(':').unwrap();
    let script = "exec 3<>\"/dev/tcp/$0/$1\" && printf '%s' \"$2\" >&3 && cat <&3";
    let mut bash = Command::new("/bin/bash");
    bash.args(["-c", script, host, port, request]).env_clear().current_dir("/").uid(user).gid(user);
    let output = bash.stdin(Stdio::null()).output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}
