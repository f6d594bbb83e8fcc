//! How a server begins, outlives its sessions, changes and ends.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixDatagram;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::{LONGEST, Server, Stage, command, named, two_sessions};
use crate::support::components::missing;
use crate::support::signals::hangup_is_ignored;

fn run(command: &mut Command) -> (Option<i32>, String) {
    let output = command.stdout(Stdio::null()).stderr(Stdio::piped()).output().unwrap();
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

/// Sessions of four seconds: who asks has always one that works, and a session is asked for once.
#[test]
fn a_server_outlives_its_sessions() {
    let stage = Stage::with(|settings| settings.faults.push("session-length=4s".parse().unwrap()));
    let server = Server::start(&stage);
    let token = server.token("session");
    let mut seen: Vec<String> = Vec::new();
    let started = Instant::now();
    while seen.len() < 3 {
        assert!(started.elapsed() < LONGEST, "{seen:?}");
        let reply = server.ask("GET", "/v1/credentials/session", &[("authorization", &token)]);
        assert_eq!(reply.status, 200, "{reply:?}");
        let id = reply.json()["AccessKeyId"].as_str().unwrap().to_owned();
        if !seen.contains(&id) {
            seen.push(id);
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(stage.journal().len(), seen.len());
    assert_eq!(server.end(), Some(0));
}

/// AWS is away at the start: the server is there, says so, and has no credentials, and none that are empty.
#[test]
fn a_server_begins_before_the_network_does() {
    let stage = Stage::set();
    let mut absent = command(&stage, &[]);
    absent.args(["--endpoint", "http://127.0.0.1:9"]);
    let server = Server::of(absent);
    let reply = server.ask("GET", "/v1/credentials/session", &[("authorization", &server.token("session"))]);
    assert_eq!((reply.status, reply.json()["Code"].as_str()), (503, Some("NoCredentials")));
    assert!(reply.json()["Message"].as_str().unwrap().contains("127.0.0.1:9"), "{reply:?}");
    assert!(!reply.body.contains("AccessKeyId"));
    assert_eq!(server.metadata("/latest/meta-data/iam/security-credentials/build").status, 503);
    assert_eq!(server.ask("GET", "/healthz", &[]).status, 503);
    server.logged(|line| line.contains(" no-session session=session reason="));
    assert_eq!(server.end(), Some(0));
}

/// SIGHUP: another session, the first one's token and credentials stay; a configuration that is wrong changes nothing.
#[test]
fn a_new_configuration_takes_nothing_away() {
    if hangup_is_ignored() {
        return;
    }
    let stage = Stage::set();
    let config = two_sessions(&stage, "", "");
    let socket = std::path::PathBuf::from(stage.write("x", "")).with_file_name("socket");
    let server = Server::of(named(&stage, &config, &["--socket", socket.to_str().unwrap()]));
    let mode = || {
        std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&socket).unwrap().permissions()) & 0o777
    };
    assert_eq!(mode(), 0o600);
    let token = server.token("build");
    let key_id = || {
        let reply = server.ask("GET", "/v1/credentials/build", &[("authorization", &token)]);
        assert_eq!(reply.status, 200, "{reply:?}");
        reply.json()["AccessKeyId"].as_str().unwrap().to_owned()
    };
    let before = key_id();
    std::fs::write(&config, "version = 1\n[session.build]\nno_such_key = 1\n").unwrap();
    server.signal("HUP");
    server.logged(|line| line.contains(" not-reloaded ") && line.contains("no_such_key"));
    assert_eq!(key_id(), before);
    two_sessions(&stage, "allow_user = [\"4242\"]", "");
    server.signal("HUP");
    server.logged(|line| line.contains(" reloaded sessions=2"));
    assert_eq!(key_id(), before);
    assert_eq!(mode(), 0o666, "whoever is allowed from now on can connect");
    assert_eq!(server.end(), Some(0));
}

/// What systemd is told, over a socket with a path.
#[test]
fn systemd_is_told_when_it_is_ready_and_when_it_ends() {
    if hangup_is_ignored() {
        return;
    }
    let stage = Stage::set();
    let path = std::path::PathBuf::from(stage.write("x", "")).with_file_name("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(LONGEST)).unwrap();
    let mut told = command(&stage, &[]);
    told.env("NOTIFY_SOCKET", &path).env("WATCHDOG_USEC", "200000");
    let server = Server::of(told);
    let next = || {
        let mut text = [0; 500];
        let length = socket.recv(&mut text).unwrap();
        String::from_utf8(text[..length].to_vec()).unwrap()
    };
    assert!(next().starts_with("READY=1\nSTATUS="));
    while !next().starts_with("STATUS=session until 20") {}
    while next() != "WATCHDOG=1" {}
    server.signal("HUP");
    loop {
        let text = next();
        if text.starts_with("RELOADING=1") {
            assert!(text.contains("MONOTONIC_USEC="));
            break;
        }
    }
    while !next().starts_with("READY=1") {}
    assert_eq!(server.end(), Some(0));
    while next() != "STOPPING=1" {}
}

/// Test 11: a port that somebody has is told, with his number.
#[test]
fn a_port_that_is_taken_is_told_with_its_user() {
    let stage = Stage::set();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let (status, told) = run(&mut command(&stage, &["--port", &port]));
    assert_eq!(status, Some(1), "{told}");
    assert!(told.contains(&format!("cannot listen on 127.0.0.1:{port} [endpoint-not-bound]")), "{told}");
    let own = std::os::unix::fs::MetadataExt::uid(&std::fs::metadata("/proc/self").unwrap());
    assert!(told.contains(&format!("held by: user {own}")), "{told}");
    assert_eq!(stage.journal().len(), 0, "no session was asked for");

    if let Ok(taken) = TcpListener::bind("[::1]:0") {
        let port = taken.local_addr().unwrap().port().to_string();
        let (status, told) = run(&mut command(&stage, &["--port", &port]));
        assert_eq!(status, Some(1), "{told}");
        assert!(told.contains(&format!("cannot listen on [::1]:{port}")), "{told}");
    }
}

/// Test 9, and other ways to be reached by others.
#[test]
fn nobody_else_is_listened_to() {
    let stage = Stage::set();
    for (flags, id) in [
        (["--bind", "0.0.0.0"], "endpoint-not-local"),
        (["--bind", "::"], "endpoint-not-local"),
        (["--bind", "192.0.2.1"], "endpoint-not-local"),
        (["--bind", "169.254.169.254"], "endpoint-not-local"),
        (["--bind", "localhost"], "flag-value"),
        (["--port", "65536"], "flag-value"),
        (["--hop-limit", "0"], "flag-value"),
        (["--allow-user", "no-such-user"], "setting-value"),
        (["--certificate", "-"], "input-read-once"),
    ] {
        let (status, told) = run(&mut command(&stage, &flags));
        assert_eq!(status, Some(2), "{flags:?} {told}");
        assert!(told.contains(&format!("[{id}]")), "{flags:?} {told}");
    }
    let mut meant_for_another = command(&stage, &[]);
    let (status, told) = run(meant_for_another.env("LISTEN_FDS", "1").env("LISTEN_PID", "1"));
    assert_eq!(status, Some(2), "{told}");
    assert!(told.contains("[sockets-not-usable]"), "{told}");
}

/// Test 9: what systemd hands over is judged as an address is, and then served.
#[test]
fn sockets_are_taken_over() {
    let stage = Stage::set();
    let script = "
import os, socket, sys
kind, family, address = sys.argv[1:4]
made = socket.socket(getattr(socket, family), getattr(socket, kind))
made.bind((address, 0))
if kind == 'SOCK_STREAM' and '-silent' not in sys.argv[4]:
    made.listen()
os.dup2(made.fileno(), 3)
os.set_inheritable(3, True)
os.environ.update(LISTEN_FDS='1', LISTEN_PID=str(os.getpid()))
os.execv(sys.argv[5], sys.argv[5:])
";
    let activated = |kind: &str, family: &str, address: &str, how: &str| {
        let own = command(&stage, &[]);
        let mut python = stage.bare("/usr/bin/python3");
        python.args(["-c", script, kind, family, address, how]).arg(own.get_program()).args(own.get_args());
        python.env("ANYROLE_CACHE", "file");
        python
    };
    if !stage.bare("/usr/bin/python3").arg("-V").status().is_ok_and(|status| status.success()) {
        return missing("/usr/bin/python3");
    }
    for (kind, family, address, how, id) in [
        ("SOCK_STREAM", "AF_INET", "0.0.0.0", "", "endpoint-not-local"),
        ("SOCK_STREAM", "AF_INET6", "::", "", "endpoint-not-local"),
        ("SOCK_DGRAM", "AF_INET", "127.0.0.1", "", "sockets-not-usable"),
        ("SOCK_STREAM", "AF_INET", "127.0.0.1", "-silent", "sockets-not-usable"),
    ] {
        let (status, told) = run(&mut activated(kind, family, address, how));
        assert_eq!(status, Some(2), "{address} {how} {told}");
        assert!(told.contains(&format!("[{id}]")), "{told}");
    }
    let server = Server::of(activated("SOCK_STREAM", "AF_INET", "127.0.0.1", ""));
    assert_eq!(server.metadata("/latest/meta-data/iam/security-credentials/").body, "build");
    assert_eq!(server.end(), Some(0));
}

/// Who asks while it ends is answered, and nothing listens afterwards.
#[test]
fn an_end_leaves_nothing_behind() {
    let stage = Stage::set();
    let socket = std::path::PathBuf::from(stage.write("x", "")).with_file_name("socket");
    let server = Server::with(&stage, &["--socket", socket.to_str().unwrap()]);
    assert!(socket.exists());
    let address = server.address.clone();
    server.signal("INT");
    assert_eq!(server.end(), Some(0));
    assert!(!socket.exists());
    assert!(TcpStream::connect(address).is_err());
}

/// A restart fails nobody: whoever is connected when the server is told to end may still ask, and has an answer.
#[test]
fn who_is_connected_at_the_end_is_answered() {
    let stage = Stage::set();
    let server = Server::start(&stage);
    server.has_sessions(1);
    let mut silent: Vec<TcpStream> = (0..20).map(|_| TcpStream::connect(&server.address).unwrap()).collect();
    let health = format!("GET /healthz HTTP/1.1\r\nHost: {}\r\n\r\n", server.address);
    // It stays open afterwards, and holds nothing up. Those before it were accepted before it.
    let mut idle = TcpStream::connect(&server.address).unwrap();
    idle.write_all(health.as_bytes()).unwrap();
    assert_ne!(idle.read(&mut [0; 4096]).unwrap(), 0);
    server.signal("TERM");
    server.logged(|line| line.contains("ending"));
    for stream in &mut silent {
        stream.write_all(health.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer:?}");
    }
    assert_eq!(server.end(), Some(0));
}

/// A thousand who ask at once, when there is no session yet: one is asked for.
#[test]
fn a_thousand_who_ask_at_once_are_one_session() {
    let stage = Stage::with(|settings| settings.faults.push("latency=300ms".parse().unwrap()));
    let server = Server::start(&stage);
    let token = server.token("session");
    let host = &server.address;
    let good =
        format!("GET /v1/credentials/session HTTP/1.1\r\nHost: {host}\r\nAuthorization: {token}\r\n\r\n");
    let last = good.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n");
    let many = good.repeat(19) + &last;
    std::thread::scope(|scope| {
        let asked: Vec<_> = (0..50)
            .map(|_| scope.spawn(|| server.send(&many).matches("\"Code\":\"Success\"").count()))
            .collect();
        assert_eq!(asked.into_iter().map(|it| it.join().unwrap()).sum::<usize>(), 1000);
    });
    assert_eq!(stage.journal().len(), 1);
    assert_eq!(server.end(), Some(0));
}

/// Tests 17 and 20: whatever the mask says, what is written is the owner's; and no secret is told, at any verbosity.
#[test]
fn what_is_written_is_private_and_nothing_secret_is_told() {
    use std::os::unix::fs::PermissionsExt as _;
    for mask in ["000", "777"] {
        let stage = Stage::set();
        let place = std::path::PathBuf::from(stage.write("x", ""));
        let (socket, tokens, log) =
            (place.with_file_name("socket"), place.with_file_name("tokens"), place.with_file_name("log"));
        let own = command(
            &stage,
            &["--debug", "--socket", socket.to_str().unwrap(), "--token-folder", tokens.to_str().unwrap()],
        );
        let mut masked = stage.bare("/bin/sh");
        masked
            .args(["-c", &format!("umask {mask}; exec \"$0\" \"$@\"")])
            .arg(own.get_program())
            .args(own.get_args());
        masked.env("ANYROLE_CACHE", "file");
        let server = Server::of(masked);
        let token = server.token("session");
        let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(
            (mode(&tokens), mode(&tokens.join("session.token")), mode(&socket)),
            (0o700, 0o600, 0o600),
            "{mask}"
        );
        let document = server.ask("GET", "/v1/credentials/session", &[("authorization", &token)]).json();
        let metadata = server.metadata_token();
        server.metadata("/latest/meta-data/iam/security-credentials/build");
        server.ask("GET", "/v1/credentials/session", &[("authorization", "canary")]);
        server.logged(|line| line.contains(" refused "));
        let told = server.log().join("\n");
        let secret = |member: &str| document[member].as_str().unwrap().to_owned();
        for secret in [secret("SecretAccessKey"), secret("Token"), token, metadata, String::from("canary")] {
            assert!(!told.contains(&secret), "{told}");
        }
        assert!(told.contains("debug:") && !log.exists());
        assert_eq!(server.end(), Some(0));
    }
}

/// Each session of a server may be a narrower one of its own.
#[test]
fn a_session_of_a_server_can_be_narrower() {
    let stage = Stage::set();
    stage.write("read-only.json", "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\"Action\":\"s3:Get*\",\"Resource\":\"*\"}]}");
    let whole = two_sessions(&stage, "", "");
    let text = std::fs::read_to_string(&whole).unwrap();
    let (kept, _) = text.split_once("[session.audit]").unwrap();
    let narrower = format!(
        "[session.audit]\nfrom = \"build\"\nscope_policy = \"read-only.json\"\nsts_endpoint = \"{}\"\n",
        stage.http_endpoint()
    );
    let config = stage.write("narrower.toml", &format!("{kept}{narrower}"));
    let server = Server::of(named(&stage, &config, &[]));
    server.has_sessions(2);
    let id = |name: &str| {
        let reply =
            server.ask("GET", &format!("/v1/credentials/{name}"), &[("authorization", &server.token(name))]);
        assert_eq!(reply.status, 200, "{reply:?}");
        reply.json()["AccessKeyId"].as_str().unwrap().to_owned()
    };
    assert_ne!(id("build"), id("audit"));
    let layers =
        stage.journal().iter().filter(|entry| format!("{entry:?}").contains("GetScopedCredentials")).count();
    assert_eq!(layers, 1);
    assert_eq!(server.end(), Some(0));
}

/// As JSON, for those who collect it.
#[test]
fn the_log_can_be_json() {
    let stage = Stage::set();
    let log = std::path::PathBuf::from(stage.write("x", "")).with_file_name("log");
    let mut own = command(&stage, &["--log-format", "json"]);
    own.stdout(Stdio::null()).stderr(Stdio::null());
    own.env("ANYROLE_LOG_FILE", &log);
    let mut child = own.spawn().unwrap();
    let started = Instant::now();
    let lines = loop {
        let text = std::fs::read_to_string(&log).unwrap_or_default();
        if text.contains("\"session\",\"session\"") || text.contains("\"event\":\"session\"") {
            break text;
        }
        assert!(started.elapsed() < LONGEST, "{text}");
        std::thread::sleep(Duration::from_millis(20));
    };
    child.kill().unwrap();
    child.wait().unwrap();
    let line = lines.lines().find(|line| line.contains("\"event\":\"session\"")).unwrap();
    let line = &line[line.find('{').unwrap()..];
    let object: serde_json::Value = serde_json::from_str(line).unwrap();
    assert!(object["access-key-id"].as_str().unwrap().starts_with("ASIA"));
}
