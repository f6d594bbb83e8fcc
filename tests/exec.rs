//! `exec` and `env`: what the command gets, who may ask its endpoint, and how it ends.
#![cfg(all(unix, feature = "pki"))]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use crate::support::components::missing;
use crate::support::stage::Stage;

/// Longer than anything here takes; only a failing test waits for it.
const LONGEST: Duration = Duration::from_secs(60);

/// Our program with a session of the stage, as another command than `credential-process`.
fn session(stage: &Stage, command: &str, more: &[&str]) -> Command {
    let process = stage.credential_process(stage.http_endpoint(), &[]);
    let mut own = stage.bare(process.get_program());
    // Sessions in the stage's own folder, which goes with it.
    own.env("ANYROLE_CACHE", "file");
    own.arg(command).args(process.get_args().skip(1)).args(more);
    own
}

fn run(command: &mut Command) -> (Output, String) {
    let output = command.stdout(Stdio::piped()).stderr(Stdio::piped()).output().unwrap();
    let told = String::from_utf8(output.stderr.clone()).unwrap();
    (output, told)
}

/// A command that tells its endpoint and token, and lasts until its standard input ends.
struct Running {
    child: Child,
    address: String,
    path: String,
    token: String,
}

impl Running {
    fn start(stage: &Stage) -> Self {
        Self::of(session(stage, "exec", &[]))
    }

    fn of(mut exec: Command) -> Self {
        let script = "echo \"$AWS_CONTAINER_CREDENTIALS_FULL_URI\"; echo \"$AWS_CONTAINER_AUTHORIZATION_TOKEN\"; exec cat";
        let mut child = exec
            .args(["--", "/bin/sh", "-c", script])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.as_mut().unwrap()).lines().map(Result::unwrap);
        let uri = lines.next().unwrap();
        let token = lines.next().unwrap();
        let (address, path) = uri.strip_prefix("http://").unwrap().split_once('/').unwrap();
        Self { address: address.to_owned(), path: format!("/{path}"), token, child }
    }

    /// Sends a request as it stands, and returns the status and the body.
    fn ask(&self, request: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
        (status, answer.split_once("\r\n\r\n").unwrap().1.to_owned())
    }

    /// The request of an SDK, with other lines after its own.
    fn request(&self, more: &str) -> String {
        let Self { address, path, token, .. } = self;
        format!(
            "GET {path} HTTP/1.1\r\nHost: {address}\r\nAuthorization: {token}\r\nConnection: close\r\n{more}\r\n"
        )
    }

    fn end(mut self) -> Option<i32> {
        drop(self.child.stdin.take());
        self.child.wait().unwrap().code()
    }
}

#[test]
fn the_command_has_an_endpoint_for_as_long_as_it_runs() {
    let stage = Stage::set();
    let running = Running::start(&stage);
    let (status, body) = running.ask(&running.request(""));
    assert_eq!(status, 200, "{body}");
    let answer: serde_json::Value = serde_json::from_str(&body).unwrap();
    assert_eq!(answer["Code"], "Success");
    assert_eq!(answer["AccountId"], "111122223333");
    assert_eq!(answer["RoleArn"], "arn:aws:iam::111122223333:role/build");
    assert!(answer["AccessKeyId"].as_str().unwrap().starts_with("ASIA"));
    for member in ["SecretAccessKey", "Token"] {
        assert!(!answer[member].as_str().unwrap().is_empty());
    }
    let expiration = answer["Expiration"].as_str().unwrap();
    assert_eq!((expiration.len(), expiration.ends_with('Z')), (20, true), "{expiration}");

    // A hundred requests are one session.
    for _ in 0..100 {
        assert_eq!(running.ask(&running.request("")).0, 200);
    }
    assert_eq!(stage.journal().len(), 1);

    let address = running.address.clone();
    assert_eq!(running.end(), Some(0));
    assert!(TcpStream::connect(address).is_err(), "nothing listens any more");
}

/// Whoever holds connections open and says nothing does not keep the command's own requests out, and few descriptors change nothing.
#[test]
fn silent_connections_make_way() {
    let stage = Stage::set();
    for limit in ["256", "32"] {
        let exec = session(&stage, "exec", &[]);
        let mut shell = stage.bare("/bin/sh");
        shell
            .args(["-c", "ulimit -n \"$0\"; exec \"$@\"", limit])
            .arg(exec.get_program())
            .args(exec.get_args());
        shell.env("ANYROLE_CACHE", "file");
        let running = Running::of(shell);
        // Some say nothing at all, some half of what they have to say, and new ones come all the time.
        let mut silent: Vec<TcpStream> = Vec::new();
        for round in 0..20 {
            for _ in 0..10 {
                let mut stream = TcpStream::connect(&running.address).unwrap();
                // It may have been closed already.
                let _ = stream.write_all(if round % 2 == 0 { b"" } else { b"GET / HTTP/1.1\r\nX: " });
                silent.push(stream);
            }
            assert_eq!(running.ask(&running.request("")).0, 200, "{limit} {round}");
        }
        assert_eq!(running.end(), Some(0));
    }
}

/// The session ends twice while the command runs: who asks has always one that works.
#[test]
fn the_endpoint_outlives_its_sessions() {
    let stage = Stage::with(|settings| settings.faults.push("session-length=4s".parse().unwrap()));
    let running = Running::start(&stage);
    let mut seen: Vec<String> = Vec::new();
    let started = Instant::now();
    while seen.len() < 3 {
        assert!(started.elapsed() < LONGEST, "{seen:?}");
        let (status, body) = running.ask(&running.request(""));
        assert_eq!(status, 200, "{body}");
        let answer: serde_json::Value = serde_json::from_str(&body).unwrap();
        let id = answer["AccessKeyId"].as_str().unwrap().to_owned();
        if !seen.contains(&id) {
            seen.push(id);
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(running.end(), Some(0));
}

#[test]
fn whoever_is_not_the_command_learns_nothing() {
    let stage = Stage::set();
    let running = Running::start(&stage);
    let Running { address, path, token, .. } = &running;
    let port = address.split(':').nth(1).unwrap();
    let own = format!("Host: {address}\r\nAuthorization: {token}\r\n");
    let cases = [
        (401, format!("GET {path} HTTP/1.1\r\nHost: {address}\r\n\r\n")),
        (401, format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nAuthorization: {token}x\r\n\r\n")),
        (401, format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {token}\r\n\r\n")),
        (401, format!("GET {path} HTTP/1.1\r\n{own}Authorization: {token}\r\n\r\n")),
        (404, format!("GET /other HTTP/1.1\r\nHost: {address}\r\n\r\n")),
        (401, format!("GET {path}x HTTP/1.1\r\nHost: {address}\r\n\r\n")),
        (404, format!("GET /other HTTP/1.1\r\n{own}\r\n")),
        (404, format!("GET {path}/ HTTP/1.1\r\n{own}\r\n")),
        (405, format!("PUT {path} HTTP/1.1\r\n{own}\r\n")),
        (405, format!("OPTIONS {path} HTTP/1.1\r\n{own}\r\n")),
        (400, format!("GET {path} HTTP/1.1\r\nAuthorization: {token}\r\n\r\n")),
        (400, format!("GET http://{address}{path} HTTP/1.1\r\n{own}\r\n")),
        (400, format!("GET {path} HTTP/1.1\r\n{own}Content-Length: 1\r\n\r\nx")),
        (400, format!("GET {path} HTTP/1.1\r\n{own}Host: {address}\r\n\r\n")),
        (
            403,
            format!("GET {path} HTTP/1.1\r\nHost: attacker.example:{port}\r\nAuthorization: {token}\r\n\r\n"),
        ),
        (403, format!("GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: {token}\r\n\r\n")),
        (403, running.request("Origin: http://attacker.example\r\n")),
        (403, running.request("Sec-Fetch-Site: cross-site\r\n")),
        (403, running.request("X-Forwarded-For: 10.0.0.1\r\n")),
        (403, running.request("Forwarded: for=10.0.0.1\r\n")),
        (403, running.request("X-Forwarded-Port: 80\r\n")),
        (403, running.request("Via: 1.1 proxy\r\n")),
    ];
    for (expected, request) in cases {
        let (status, body) = running.ask(&request);
        assert_eq!(status, expected, "{request}");
        assert_eq!(
            body, r#"{"Code":"Refused","Message":"this endpoint does not answer such a request"}"#,
            "{request}"
        );
    }
    // Headers without end are cut.
    let mut stream = TcpStream::connect(address).unwrap();
    let line = format!("X-A: {}\r\n", "a".repeat(1000));
    let _ = stream.write_all(format!("GET {path} HTTP/1.1\r\n{own}").as_bytes());
    for _ in 0..100 {
        if stream.write_all(line.as_bytes()).is_err() {
            break;
        }
    }
    let mut answer = String::new();
    let _ = stream.read_to_string(&mut answer);
    assert!(!answer.contains("ASIA"));
    assert_eq!(running.end(), Some(0));
}

#[test]
fn another_user_is_refused_before_a_word() {
    if !rustix_is_root() {
        eprintln!("skipped: another user can be tried by root only");
        return;
    }
    let stage = Stage::set();
    let running = Running::start(&stage);
    let (host, port) = running.address.split_once(':').unwrap();
    let request = running.request("");
    let ask = |user: u32| {
        let script = "exec 3<>\"/dev/tcp/$0/$1\" && printf '%s' \"$2\" >&3 && cat <&3";
        let mut bash = Command::new("/bin/bash");
        bash.args(["-c", script, host, port, &request]).env_clear().current_dir("/").uid(user).gid(user);
        let output = bash.stdin(Stdio::null()).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    assert!(ask(0).contains("ASIA"));
    assert_eq!(ask(65_534), "");
    assert_eq!(ask(4242), "");
    assert_eq!(running.end(), Some(0));
}

fn rustix_is_root() -> bool {
    std::fs::metadata("/proc/self").is_ok_and(|own| std::os::unix::fs::MetadataExt::uid(&own) == 0)
}

#[test]
fn the_exit_status_is_that_of_the_command() {
    let stage = Stage::set();
    let script = stage.write("not-executable", "#!/bin/sh\n");
    for (command, status) in [
        (vec!["true"], 0),
        (vec!["sh", "-c", "exit 7"], 7),
        (vec!["sh", "-c", "kill -TERM $$"], 143),
        (vec!["sh", "-c", "kill -KILL $$"], 137),
        (vec!["/nonexistent/command"], 127),
        (vec!["no-such-command"], 127),
        (vec![script.as_str()], 126),
    ] {
        for mode in ["endpoint", "env"] {
            let (done, told) = run(session(&stage, "exec", &["--mode", mode, "--"]).args(&command));
            assert_eq!(done.status.code(), Some(status), "{command:?} {told}");
            assert_eq!(told.is_empty(), !(126..=127).contains(&status), "{told}");
        }
    }
    let (done, told) = run(stage.bare(env!("CARGO_BIN_EXE_anyrole")).args(["exec", "--", "touch", "made"]));
    assert_ne!(done.status.code(), Some(0));
    assert!(told.starts_with("anyrole: error: "), "{told}");
    let (done, told) = run(&mut session(&stage, "exec", &[]));
    assert_eq!(done.status.code(), Some(2));
    assert!(told.contains("anyrole exec needs -- COMMAND"), "{told}");
}

#[test]
fn signals_reach_the_command_and_it_alone_decides() {
    let stage = Stage::set();
    for (signal, status) in [("TERM", 41), ("INT", 42), ("HUP", 43), ("USR1", 44), ("QUIT", 45)] {
        let script = format!("trap 'exit {status}' {signal}; echo ready; while :; do sleep 0.05; done");
        let mut child = stage
            .with_usual_signals(&session(&stage, "exec", &["--", "sh", "-c", &script]))
            .stdout(Stdio::piped())
            // A group without a terminal: as under systemd, cron and CI.
            .process_group(0)
            .spawn()
            .unwrap();
        let mut ready = [0; 6];
        child.stdout.as_mut().unwrap().read_exact(&mut ready).unwrap();
        let sent =
            Command::new("kill").args([format!("-{signal}"), child.id().to_string()]).status().unwrap();
        assert!(sent.success());
        let ended = child.wait().unwrap();
        assert_eq!((ended.code(), ended.signal()), (Some(status), None), "{signal}");
    }
}

/// As under nohup, and in the background of a script, where INT and QUIT are ignored.
#[test]
#[cfg(target_os = "linux")]
fn a_signal_that_is_ignored_stays_ignored() {
    let stage = Stage::set();
    for mode in ["endpoint", "env"] {
        let exec = session(&stage, "exec", &["--mode", mode, "--", "/bin/sh", "-c"]);
        // The command is hit, and so is its parent, which would pass it on.
        let script =
            "for signal in HUP INT QUIT; do kill -$signal $$; kill -$signal $PPID; done; sleep 0.2; exit 6";
        let mut shell = stage.bare("/bin/sh");
        shell.args(["-c", "trap '' HUP INT QUIT; exec \"$@\"", "sh"]).arg(exec.get_program());
        let (done, told) = run(shell.args(exec.get_args()).arg(script).env("ANYROLE_CACHE", "file"));
        assert_eq!(done.status.code(), Some(6), "{mode}: {told}");
    }
}

/// A parent that ignores the end of its children hands that down, and the system then forgets how they ended.
#[test]
fn the_exit_status_is_known_under_a_parent_that_ignores_its_children() {
    let stage = Stage::set();
    let exec = session(&stage, "exec", &["--", "/bin/sh", "-c", "sleep 0.2; exit 5"]);
    let script = "import os, signal, sys\nsignal.signal(signal.SIGCHLD, signal.SIG_IGN)\nos.execv(sys.argv[1], sys.argv[1:])";
    let mut python = stage.bare("/usr/bin/python3");
    python.args(["-c", script]).arg(exec.get_program()).args(exec.get_args()).env("ANYROLE_CACHE", "file");
    let Ok(output) = python.stderr(Stdio::piped()).output() else {
        return missing("/usr/bin/python3");
    };
    assert_eq!(output.status.code(), Some(5), "{}", String::from_utf8_lossy(&output.stderr));
}

/// Where nobody can be told from anybody, the endpoint would refuse the command too: that is said before the command begins.
#[test]
fn a_user_whom_his_namespace_does_not_know_is_told() {
    let stage = Stage::set();
    let unshared = |exec: Command| {
        let mut unshare = stage.bare("/usr/bin/unshare");
        unshare.arg("-U").arg(exec.get_program()).args(exec.get_args()).env("ANYROLE_CACHE", "none");
        run(&mut unshare)
    };
    if !stage.bare("/usr/bin/unshare").args(["-U", "true"]).status().is_ok_and(|status| status.success()) {
        eprintln!("skipped: this system makes no user namespace");
        return;
    }
    let (done, told) = unshared(session(&stage, "exec", &["--", "echo", "ran"]));
    assert_eq!((done.status.code(), done.stdout.as_slice()), (Some(1), &b""[..]), "{told}");
    assert!(told.contains("[endpoint-not-bound]") && told.contains("--mode env"), "{told}");
    let (done, told) = unshared(session(&stage, "exec", &["--mode", "env", "--", "echo", "ran"]));
    assert_eq!(done.stdout, b"ran\n", "{told}");
}

#[test]
fn what_would_shadow_the_session_is_taken_away_and_our_secrets_stay_here() {
    let stage = Stage::set();
    let key = std::fs::read_to_string(stage.private_key()).unwrap();
    let mut command = session(&stage, "exec", &["--private-key", "env:HOST_KEY", "--", "env"]);
    command.env("HOST_KEY", key).env("ANYROLE_PKCS8_PASSWORD", "canary").env("KEPT", "yes");
    // A certificate may be named by a URI that has the token's PIN in it.
    command.env("ANYROLE_CERTIFICATE", "pkcs11:token=x?pin-value=canary");
    for name in [
        "AWS_PROFILE",
        "AWS_ACCESS_KEY_ID",
        "AWS_ACCESS_KEY",
        "AWS_SECRET_KEY",
        "AMAZON_ACCESS_KEY_ID",
        "AMAZON_SECRET_ACCESS_KEY",
        "AMAZON_SESSION_TOKEN",
        "AWS_ACCOUNT_ID",
        "AWS_ROLE_ARN",
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    ] {
        command.env(name, "shadow");
    }
    let (done, told) = run(&mut command);
    assert!(done.status.success(), "{told}");
    assert_eq!(told, "");
    let seen = String::from_utf8(done.stdout).unwrap();
    assert!(!seen.contains("shadow") && !seen.contains("canary") && !seen.contains("PRIVATE KEY"), "{seen}");
    for line in ["KEPT=yes", "AWS_REGION=eu-central-1", "AWS_DEFAULT_REGION=eu-central-1"] {
        assert!(seen.lines().any(|seen| seen == line), "{line}: {seen}");
    }
    assert!(seen.contains("AWS_CONTAINER_CREDENTIALS_FULL_URI=http://127.0.0.1:"), "{seen}");

    // The token goes to no proxy, and what is excepted stays.
    for (name, value, expected) in [
        ("HTTP_PROXY", "", "127.0.0.1"),
        ("HTTP_PROXY", "10.0.0.0/8", "10.0.0.0/8,127.0.0.1"),
        ("ALL_PROXY", "", "127.0.0.1"),
        ("http_proxy", "*", "*"),
        ("HTTPS_PROXY", "", ""),
    ] {
        let mut exec = session(&stage, "exec", &["--", "sh", "-c", "echo \"$no_proxy\""]);
        exec.env(name, "http://127.0.0.1:9").env("no_proxy", value);
        let (done, told) = run(&mut exec);
        assert_eq!(String::from_utf8(done.stdout).unwrap().trim_end(), expected, "{name} {value} {told}");
    }

    // The region that the user chose stays, whichever variable has it.
    let (done, _) = run(session(&stage, "exec", &["--", "env"]).env("AWS_DEFAULT_REGION", "us-east-1"));
    let seen = String::from_utf8(done.stdout).unwrap();
    assert!(seen.contains("AWS_DEFAULT_REGION=us-east-1") && !seen.contains("AWS_REGION="), "{seen}");

    let (done, _) = run(&mut session(&stage, "exec", &["--mode", "env", "--", "env"]));
    let seen = String::from_utf8(done.stdout).unwrap();
    assert!(seen.contains("\nAWS_ACCESS_KEY_ID=ASIA") && seen.contains("AWS_SESSION_TOKEN="), "{seen}");
    assert!(!seen.contains("AWS_CONTAINER"), "{seen}");
}

#[test]
fn a_default_profile_with_keys_is_told() {
    let stage = Stage::set();
    let file = stage.write("credentials", "[default]\naws_access_key_id = AKIAEXAMPLE\n");
    let shadowed = |mode: &str| {
        run(session(&stage, "exec", &["--mode", mode, "--", "true"])
            .env("AWS_SHARED_CREDENTIALS_FILE", &file))
    };
    let (done, told) = shadowed("endpoint");
    assert!(done.status.success());
    assert_eq!(told.lines().count(), 1, "{told}");
    assert!(
        told.starts_with("anyrole: warning: SDKs prefer aws_access_key_id of the default profile"),
        "{told}"
    );
    assert!(told.contains("credentials', line 2") && told.contains("--mode env"), "{told}");
    assert!(!told.contains("AKIA"), "{told}");
    let (done, told) = shadowed("env");
    assert!(done.status.success());
    assert_eq!(told, "");
}

/// Where the loopback interface is down, a port can be had and nobody reaches it.
#[test]
#[cfg(target_os = "linux")]
fn a_loopback_that_is_down_is_told() {
    let stage = Stage::set();
    let (done, told) = run(&mut session(&stage, "exec", &["--debug", "--", "sleep", "0.2"]));
    assert!(done.status.success() && !told.contains("a connection of"), "{told}");
    // The session is in the cache now, so that no network is needed.
    let exec = session(&stage, "exec", &["--", "echo", "ran"]);
    let mut unshare = stage.bare("/usr/bin/unshare");
    unshare.args(["-r", "-n"]).arg(exec.get_program()).args(exec.get_args()).env("ANYROLE_CACHE", "file");
    if !stage
        .bare("/usr/bin/unshare")
        .args(["-r", "-n", "true"])
        .status()
        .is_ok_and(|status| status.success())
    {
        eprintln!("skipped: this system makes no network namespace");
        return;
    }
    let (done, told) = run(&mut unshare);
    assert_eq!((done.status.code(), done.stdout.as_slice()), (Some(1), &b""[..]), "{told}");
    assert!(told.contains("[endpoint-not-bound]") && told.contains("ip address show lo"), "{told}");
}

#[test]
fn an_input_that_can_be_read_once_is_refused() {
    let stage = Stage::set();
    for input in ["-", "fd:3"] {
        let (done, told) = run(&mut session(&stage, "exec", &["--private-key", input, "--", "true"]));
        assert_eq!(done.status.code(), Some(2), "{told}");
        assert!(told.contains("[input-read-once]"), "{told}");
    }
}

#[test]
fn a_session_that_is_too_short_is_told() {
    let stage = Stage::set();
    let (done, told) =
        run(&mut session(&stage, "exec", &["--mode", "env", "--expect-duration", "3h", "--", "true"]));
    assert!(done.status.success());
    assert!(told.starts_with("anyrole: warning: the session lasts ") && told.contains("3 hours"), "{told}");
    let (done, told) = run(&mut session(&stage, "env", &["--expect-duration", "3h"]));
    assert!(done.status.success());
    assert!(told.starts_with("anyrole: warning: the session lasts "), "{told}");
    let (_, told) = run(&mut session(&stage, "env", &["--expect-duration", "10m"]));
    assert_eq!(told, "");
}

#[test]
fn a_shell_reads_the_variables() {
    let stage = Stage::set();
    let read = |shell: &str, format: &str, script: &str| {
        let (printed, told) = run(&mut session(&stage, "env", &["--format", format]));
        assert!(printed.status.success(), "{told}");
        let file = stage.write("variables", &String::from_utf8(printed.stdout).unwrap());
        let output =
            stage.bare(shell).args(["-c", script, "sh", &file]).stdout(Stdio::piped()).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    let script =
        ". \"$1\"; echo \"$AWS_ACCESS_KEY_ID $AWS_REGION $AWS_CREDENTIAL_EXPIRATION\"; env | grep -c ^AWS_";
    let seen = read("/bin/sh", "sh", script);
    assert!(
        seen.starts_with("ASIA") && seen.contains(" eu-central-1 20") && seen.ends_with("\n7\n"),
        "{seen}"
    );
    // What a dotenv file says, a shell reads too.
    let seen = read("/bin/sh", "dotenv", "set -a; . \"$1\"; env | grep -c ^AWS_");
    assert_eq!(seen, "7\n");
    let json: serde_json::Value = serde_json::from_str(&read("/bin/sh", "json", "cat \"$1\"")).unwrap();
    assert_eq!(json.as_object().unwrap().len(), 7);
}

/// Ctrl-C and Ctrl-Z, at a terminal of Python's.
#[test]
fn a_person_at_a_terminal_interrupts_and_stops_the_command() {
    let stage = Stage::set();
    let exec = session(&stage, "exec", &["--"]);
    let mut python = stage.bare("/usr/bin/python3");
    python.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/exec/terminal.py"));
    python.arg(exec.get_program()).args(exec.get_args()).stderr(Stdio::piped()).stdout(Stdio::piped());
    let Ok(output) = python.output() else {
        return missing("/usr/bin/python3");
    };
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(
        String::from_utf8_lossy(&output.stdout),
        "interrupted 1\nstatus 9\nstopped True\nresumed True\n",
        "{told}"
    );
}
