//! Who is given nothing: other users, browsers, forwarders, and whoever does not speak HTTP as it is written (SECURITY.md, section 4).

use std::io::Write as _;
use std::net::TcpStream;

use super::{Reply, Server, Stage, ask_as, is_root, named, send_to, two_sessions};
use crate::support::components::have;

/// Two users who have nothing to do with the tests.
const OTHER: u32 = 4242;
const THIRD: u32 = 4243;

/// Test 5 and 7: the authority and the headers of others, on each path.
#[test]
fn other_hosts_browsers_and_forwarders_are_refused_on_every_path() {
    let stage = Stage::set();
    let server = Server::start(&stage);
    let (container, metadata) = (server.token("session"), server.metadata_token());
    let port = server.address.rsplit(':').next().unwrap();
    let paths = [
        ("PUT", "/latest/api/token"),
        ("GET", "/latest/meta-data/iam/security-credentials/"),
        ("GET", "/latest/meta-data/iam/security-credentials/build"),
        ("GET", "/v1/credentials/session"),
        ("GET", "/healthz"),
        ("GET", "/"),
    ];
    let own = format!(
        "Authorization: {container}\r\nx-aws-ec2-metadata-token: {metadata}\r\nx-aws-ec2-metadata-token-ttl-seconds: 60\r\n"
    );
    let mut cases: Vec<(String, String)> = Vec::new();
    for host in [
        "evil",
        "127.0.0.1.evil",
        &format!("127.0.0.1.evil:{port}"),
        &format!("localhost.evil:{port}"),
        &format!("user@127.0.0.1:{port}"),
        "127.0.0.1",
        "127.0.0.1:1",
        "localhost",
        "169.254.169.254",
        "",
    ] {
        cases.push((String::new(), format!("Host: {host}\r\n")));
    }
    let right = format!("Host: {}\r\n", server.address);
    cases.push((String::new(), String::new()));
    cases.push((String::new(), format!("{right}{right}")));
    cases.push((String::from("http://evil"), right.clone()));
    cases.push((format!("http://{}", server.address), right.clone()));
    for foreign in [
        "Origin: http://evil.example",
        "Origin: null",
        "Sec-Fetch-Site: same-origin",
        "Forwarded: for=192.0.2.1",
        "Via: 1.1 proxy",
        "X-Forwarded-For: 127.0.0.1",
        "X-Forwarded-Host: localhost",
        "Transfer-Encoding: chunked",
        "Content-Length: 1",
    ] {
        cases.push((String::new(), format!("{right}{foreign}\r\n")));
    }
    for (method, path) in paths {
        for (form, headers) in &cases {
            let request = format!("{method} {form}{path} HTTP/1.1\r\n{headers}{own}\r\n");
            let reply = Reply::of(&server.send(&request));
            assert!((400..500).contains(&reply.status), "{} {request}", reply.status);
            assert!(!reply.head.contains("access-control"), "{request}");
            let nothing = !reply.body.contains("ASIA") && !reply.body.contains(&metadata[..8]);
            assert!(nothing, "{request} {}", reply.body);
        }
        let preflight = format!("OPTIONS {path} HTTP/1.1\r\n{right}{own}\r\n");
        let reply = Reply::of(&server.send(&preflight));
        assert!(matches!(reply.status, 404 | 405), "{preflight} {}", reply.status);
        assert!(!reply.head.contains("access-control"));
    }
    assert_eq!(server.end(), Some(0));
}

/// Test 6: whatever two readers could read differently.
#[test]
fn requests_that_two_readers_could_read_differently_end_the_connection() {
    let stage = Stage::set();
    let server = Server::start(&stage);
    let token = server.token("session");
    let head = format!(
        "GET /v1/credentials/session HTTP/1.1\r\nHost: {}\r\nAuthorization: {token}\r\n",
        server.address
    );
    let good = format!("{head}\r\n");
    for request in [
        format!("{head}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{good}"),
        format!("{head}Content-Length: 0, 0\r\n\r\n{good}"),
        format!("{head}Content-Length: 0\r\nContent-Length: 9\r\n\r\n{good}"),
        format!("{head}X: a\r\n b\r\n\r\n{good}"),
        good.replace("\r\n", "\n"),
        head.replace("\r\nHost", "\nHost") + "\r\n",
        format!("{head}X: a\0b\r\n\r\n{good}"),
        good.replace("HTTP/1.1", "HTTP/1.0"),
        good.replace("HTTP/1.1", "HTTP/2.0"),
        format!("{head}X: {}\r\n\r\n{good}", "a".repeat(65 * 1024)),
        format!("{head}{}\r\n{good}", "X: a\r\n".repeat(70)),
        format!("GET /v1/credentials/session{} HTTP/1.1\r\n\r\n{good}", "a".repeat(20_000)),
        format!("{}\r\n{good}", "\0".repeat(10)),
    ] {
        let answer = server.send(&request);
        assert!(!answer.contains("Success"), "{} {answer}", &request[..request.len().min(300)]);
    }
    assert!(server.send(&good.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n")).contains("Success"));
    assert_eq!(server.end(), Some(0));
}

/// Tests 2 and 10: another user is refused before a word, one who was allowed has his session alone, and the log says who it was.
#[test]
fn another_user_has_what_he_was_allowed_and_nothing_else() {
    if !is_root() {
        eprintln!("skipped: another user can be tried by root only");
        return;
    }
    let stage = Stage::set();
    let config =
        two_sessions(&stage, "", &format!("session_duration = \"1800s\"\nallow_user = [\"{OTHER}\"]"));
    let server = Server::of(named(&stage, &config, &[]));
    server.has_sessions(2);
    let host = &server.address;
    let put = format!(
        "PUT /latest/api/token HTTP/1.1\r\nHost: {host}\r\nx-aws-ec2-metadata-token-ttl-seconds: 60\r\nConnection: close\r\n\r\n"
    );
    assert_eq!(ask_as(THIRD, host, &put), "");
    let refused = server.logged(|line| line.contains(" refused "));
    assert!(refused.contains(&format!("user={THIRD}")), "{refused}");
    assert!(refused.contains(&format!("allowed-by=\"--allow-user {THIRD}\"")), "{refused}");

    let token = Reply::of(&ask_as(OTHER, host, &put));
    assert_eq!(token.status, 200);
    let get = |path: &str, header: &str| {
        format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n{header}\r\nConnection: close\r\n\r\n")
    };
    let metadata = format!("x-aws-ec2-metadata-token: {}", token.body);
    let list =
        Reply::of(&ask_as(OTHER, host, &get("/latest/meta-data/iam/security-credentials/", &metadata)));
    assert_eq!((list.status, list.body.as_str()), (200, "build"));
    // It is the second session: the log names it.
    let path = "/latest/meta-data/iam/security-credentials/build";
    assert_eq!(Reply::of(&ask_as(OTHER, host, &get(path, &metadata))).status, 200);
    let handed =
        server.logged(|line| line.contains(" handed-out ") && line.contains(&format!("user={OTHER}")));
    assert!(handed.contains("session=audit"), "{handed}");
    // A token is for the one whom it was given to.
    assert_eq!(Reply::of(&server.send(&get(path, &metadata))).status, 401);

    // The other session is not there for him: by its path, with its token, and in health.
    let (build, audit) = (server.token("build"), server.token("audit"));
    let by = |user: u32, name: &str, token: &str| {
        let request = get(&format!("/v1/credentials/{name}"), &format!("Authorization: {token}"));
        Reply::of(&ask_as(user, host, &request)).status
    };
    assert_eq!(by(OTHER, "audit", &audit), 200);
    assert_eq!(by(OTHER, "build", &build), 401);
    assert_eq!(by(OTHER, "build", &audit), 404, "as for a session that nobody has");
    assert_eq!(by(OTHER, "none", &audit), 404);
    let health = Reply::of(&ask_as(OTHER, host, &get("/healthz", "Accept: */*"))).json();
    let names: Vec<&str> =
        health["sessions"].as_array().unwrap().iter().map(|it| it["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["audit"]);
    let health = server.ask("GET", "/healthz", &[]).json();
    assert_eq!(health["sessions"].as_array().unwrap().len(), 2);
    assert_eq!(server.end(), Some(0));
}

/// A session that starts from another is not for those who may have the first.
#[test]
fn whoever_may_have_a_first_session_may_not_have_the_second() {
    if !is_root() {
        eprintln!("skipped: another user can be tried by root only");
        return;
    }
    let stage = Stage::set();
    let first = two_sessions(&stage, &format!("allow_user = [\"{OTHER}\"]"), "");
    let text = std::fs::read_to_string(&first).unwrap();
    let (kept, _) = text.split_once("[session.audit]").unwrap();
    let second =
        "[session.audit]\nfrom = \"build\"\nassume_role_arn = \"arn:aws:iam::111122223333:role/audit\"\n";
    let config = stage.write("chained.toml", &format!("{kept}{second}"));
    let server = Server::of(named(&stage, &config, &[]));
    let health = Reply::of(&ask_as(OTHER, &server.address, &health_of(&server))).json();
    assert_eq!(health["sessions"].as_array().unwrap().len(), 1, "{health}");
    assert_eq!(server.end(), Some(0));
}

/// A group's members, as the name service knows them, and every user of this host.
#[test]
fn a_group_and_everybody_can_be_allowed() {
    if !is_root() {
        eprintln!("skipped: another user can be tried by root only");
        return;
    }
    let stage = Stage::set();
    // Every Debian has the user `daemon`, number 1, in the group of that name.
    let server = Server::with(&stage, &["--allow-group", "daemon"]);
    let asked = |server: &Server, user: u32| {
        server.has_sessions(1);
        Reply::of(&ask_as(user, &server.address, &health_of(server))).status
    };
    assert_eq!((asked(&server, 1), asked(&server, OTHER)), (200, 0));
    assert_eq!(server.end(), Some(0));
    let server = Server::with(&stage, &["--allow-any-user"]);
    assert_eq!((asked(&server, 1), asked(&server, OTHER)), (200, 200));
    assert_eq!(server.end(), Some(0));
}

fn health_of(server: &Server) -> String {
    format!("GET /healthz HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", server.address)
}

/// Test 8: whoever opens connections without end, or asks for tokens without end, takes nothing from the others.
#[test]
fn a_user_who_floods_the_server_keeps_nobody_out() {
    let stage = Stage::set();
    let server = Server::start(&stage);
    let token = server.metadata_token();
    let mut silent: Vec<TcpStream> = Vec::new();
    for round in 0..5 {
        for _ in 0..200 {
            let mut stream = TcpStream::connect(&server.address).unwrap();
            let _ = stream.write_all(if round % 2 == 0 { b"" } else { b"GET / HTTP/1.1\r\nX: " });
            silent.push(stream);
        }
        let path = "/latest/meta-data/iam/security-credentials/build";
        assert_eq!(server.ask("GET", path, &[("x-aws-ec2-metadata-token", &token)]).status, 200, "{round}");
    }
    // Ten thousand tokens over one connection after the other, and the first one is still good.
    let put = format!(
        "PUT /latest/api/token HTTP/1.1\r\nHost: {}\r\nx-aws-ec2-metadata-token-ttl-seconds: 60\r\n\r\n",
        server.address
    );
    let many = put.repeat(99) + &put.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n");
    for _ in 0..100 {
        assert_eq!(server.send(&many).matches("HTTP/1.1 200").count(), 100);
    }
    let path = "/latest/meta-data/iam/security-credentials/";
    assert_eq!(server.ask("GET", path, &[("x-aws-ec2-metadata-token", &token)]).status, 200);
    // At its end the server waits for those who have just connected.
    drop(silent);
    assert_eq!(server.end(), Some(0));
}

/// Test 8 again, by another user who may ask: five thousand connections that say nothing, and ten thousand tokens.
#[test]
fn another_user_s_flood_keeps_the_own_user_in() {
    if !is_root() {
        eprintln!("skipped: another user can be tried by root only");
        return;
    }
    if !have(&["/usr/bin/python3"]) {
        return;
    }
    let stage = Stage::set();
    let server = Server::with(&stage, &["--allow-user", "4242"]);
    let token = server.metadata_token();
    let (host, port) = server.address.rsplit_once(':').unwrap();
    let script = "
import os, socket, sys
os.setgid(4242); os.setuid(4242)
address = (sys.argv[1], int(sys.argv[2]))
put = ('PUT /latest/api/token HTTP/1.1\\r\\nHost: %s:%d\\r\\nx-aws-ec2-metadata-token-ttl-seconds: 60\\r\\n\\r\\n' % address).encode()
kept, given = [], 0
for number in range(5000):
    it = socket.create_connection(address)
    if number % 500 == 0:
        it.sendall(put * 1000)
        while given < (number // 500 + 1) * 1000:
            given += it.recv(65536).count(b'HTTP/1.1 200')
    kept.append(it)
    kept = kept[-900:]
print('flooded', given, flush=True)
sys.stdin.read()
";
    let mut flood = std::process::Command::new("/usr/bin/python3")
        .args(["-c", script, host, port])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut told = [0; 13];
    std::io::Read::read_exact(flood.stdout.as_mut().unwrap(), &mut told).unwrap();
    assert_eq!(&told, b"flooded 10000");
    let path = "/latest/meta-data/iam/security-credentials/build";
    for _ in 0..20 {
        assert_eq!(server.ask("GET", path, &[("x-aws-ec2-metadata-token", &token)]).status, 200);
    }
    flood.kill().unwrap();
    flood.wait().unwrap();
    assert_eq!(server.end(), Some(0));
}

/// An IPv6 socket that speaks IPv4 and one that speaks IPv6 are both this user's.
#[test]
fn both_families_are_answered() {
    let stage = Stage::set();
    let server = Server::start(&stage);
    server.has_sessions(1);
    let port = server.address.rsplit(':').next().unwrap();
    let request =
        |host: &str| format!("GET /healthz HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: close\r\n\r\n");
    let mapped = send_to(&format!("[::ffff:127.0.0.1]:{port}"), &request("127.0.0.1"));
    assert_eq!(Reply::of(&mapped).status, 200, "{mapped}");
    if server.log().iter().any(|line| line.contains("[::1]")) {
        assert_eq!(Reply::of(&send_to(&format!("[::1]:{port}"), &request("[::1]"))).status, 200);
        assert_eq!(Reply::of(&send_to(&format!("[::1]:{port}"), &request("127.0.0.1"))).status, 403);
    }
    assert_eq!(server.end(), Some(0));
}
