//! A job without the key, which asks the server by its socket.

use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Output, Stdio};

use super::{Server, Stage, command, is_root};

/// Our program as a job has it: no config, no key, no home.
fn job(user: Option<u32>, socket: &str, name: &[&str]) -> Output {
    let mut job = Command::new(env!("CARGO_BIN_EXE_anyrole"));
    job.env_clear().current_dir("/").stdin(Stdio::null());
    job.arg("credential-process").args(name).args(["--via", &format!("unix:{socket}")]);
    if let Some(user) = user {
        job.uid(user).gid(user);
    }
    job.output().unwrap()
}

/// What a probe asks, in a container that has our program and nothing else.
fn probe(socket: &str, more: &[&str]) -> (Option<i32>, String, String) {
    let mut probe = Command::new(env!("CARGO_BIN_EXE_anyrole"));
    probe.env_clear().current_dir("/").stdin(Stdio::null());
    let done = probe.arg("status").args(["--via", &format!("unix:{socket}")]).args(more).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (done.status.code(), text(done.stdout), text(done.stderr))
}

#[test]
fn a_probe_asks_whether_there_is_a_session_and_is_told_no_secret() {
    let stage = Stage::set();
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("socket");
    let path = socket.to_str().unwrap();
    let (status, told, error) = probe(path, &[]);
    assert_eq!((status, told.as_str()), (Some(1), ""));
    assert!(error.contains("[via-unreachable]"), "{error}");

    let server = Server::with(&stage, &["--socket", path]);
    server.has_sessions(1);
    let (status, told, error) = probe(path, &[]);
    assert_eq!((status, error.as_str()), (Some(0), ""), "{told}");
    assert!(told.starts_with("session: arn:aws:iam::111122223333:role/"), "{told}");
    assert!(told.contains("\n  session: expires at 2") && !told.contains("ASIA"), "{told}");
    let (status, told, _) = probe(path, &["session", "--json"]);
    let document: serde_json::Value = serde_json::from_str(&told).unwrap();
    assert_eq!((status, &document["kind"]), (Some(0), &"served".into()));
    assert_eq!(
        (&document["data"][0]["name"], &document["data"][0]["failure"]),
        (&"session".into(), &().into())
    );
    let (status, told, error) = probe(path, &["other"]);
    assert_eq!((status, told.as_str()), (Some(1), ""));
    assert!(error.contains("has no session 'other' for this user [via-refused]"), "{error}");
    let (status, _, error) = probe(path, &["--prometheus"]);
    assert_eq!(status, Some(2), "{error}");
    assert!(!server.log().iter().any(|line| line.contains(" handed-out ")), "{:?}", server.log());
    assert_eq!(server.end(), Some(0));

    // A server that has no session yet says why not.
    let mut server = command(&stage, &["--socket", path]);
    server.args(["--endpoint", "http://127.0.0.1:1"]);
    let server = Server::of(server);
    server.logged(|line| line.contains(" no-session "));
    let (status, told, error) = probe(path, &[]);
    assert_eq!((status, error.as_str()), (Some(1), ""), "{told}");
    assert!(told.contains("  session: there is none\n  last failure: "), "{told}");
    assert_eq!(server.end(), Some(0));
}

#[test]
fn a_job_gets_credentials_without_the_key() {
    let stage = Stage::set();
    let folder = tempfile::tempdir().unwrap();
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let socket = folder.path().join("socket");
    let path = socket.to_str().unwrap();

    let absent = job(None, path, &[]);
    let told = String::from_utf8(absent.stderr).unwrap();
    assert!(told.contains("no server answers at") && told.contains("[via-unreachable]"), "{told}");

    let server = Server::with(&stage, &["--socket", path]);
    assert_eq!(std::fs::metadata(&socket).unwrap().permissions().mode() & 0o777, 0o600);
    let done = job(None, path, &[]);
    let document: serde_json::Value = serde_json::from_slice(&done.stdout).unwrap();
    assert_eq!((&document["Version"], done.stderr.as_slice()), (&1.into(), &b""[..]));
    assert!(document["AccessKeyId"].as_str().unwrap().starts_with("ASIA"));
    assert_eq!(document["AccountId"], "111122223333");
    let handed = server.logged(|line| line.contains(" handed-out ") && line.contains("by=socket"));
    assert!(handed.contains(" pid=") && handed.contains(" program=anyrole "), "{handed}");

    let other = job(None, path, &["other"]);
    let told = String::from_utf8(other.stderr).unwrap();
    assert!(told.contains("has no session 'other' for this user [via-refused]"), "{told}");
    assert_eq!((other.status.code(), other.stdout.as_slice()), (Some(1), &b""[..]));

    // A second server does not take the path away; one that was killed leaves it to the next.
    let second =
        command(&stage, &["--socket", path]).stdout(Stdio::null()).stderr(Stdio::piped()).output().unwrap();
    let told = String::from_utf8(second.stderr).unwrap();
    assert_eq!(second.status.code(), Some(1), "{told}");
    assert!(told.contains("another server answers there"), "{told}");
    drop(server);
    assert!(socket.exists(), "it was killed");
    let server = Server::with(&stage, &["--socket", path]);
    assert!(job(None, path, &[]).status.success());
    assert_eq!(server.end(), Some(0));
}

#[test]
fn another_user_asks_by_the_socket_if_he_may() {
    if !is_root() {
        eprintln!("skipped: another user can be tried by root only");
        return;
    }
    let stage = Stage::set();
    let folder = tempfile::tempdir().unwrap();
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let socket = folder.path().join("socket");
    let path = socket.to_str().unwrap();
    let server = Server::with(&stage, &["--socket", path, "--allow-user", "4242"]);
    assert!(job(Some(4242), path, &[]).status.success());
    let refused = job(Some(4243), path, &[]);
    let told = String::from_utf8(refused.stderr).unwrap();
    assert_eq!((refused.status.code(), refused.stdout.as_slice()), (Some(1), &b""[..]), "{told}");
    assert!(told.contains("does not answer this user [via-refused]"), "{told}");
    server.logged(|line| line.contains(" refused user=4243 "));
    assert_eq!(server.end(), Some(0));
}
