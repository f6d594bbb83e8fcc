//! Faults between this host and AWS.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::time::Duration;

use pki_test::simulator::SimulatorClock;

use super::host::{Cure, Fault, Host, each_fault, fault};

fn closed_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// A proxy that answers each CONNECT so; it ends with the test.
fn proxy(answer: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    format!("http://user:canary@{address}")
}

/// What needs a host that is not this machine, whose name only a proxy knows.
fn by_proxy(host: &mut Host, proxy: String) {
    host.say("endpoint", "https://rolesanywhere.eu-central-1.amazonaws.com");
    host.env.insert("HTTPS_PROXY", proxy);
}

fn direct(host: &mut Host) {
    host.env.remove("HTTPS_PROXY");
    host.well_again("endpoint");
}

const FAULTS: &[Fault] = &[
    Fault {
        name: "a clock that is ten minutes behind",
        settings: Some(|settings| {
            settings.clock = SimulatorClock(std::sync::Arc::new(|| {
                time::OffsetDateTime::now_utc() + time::Duration::minutes(10)
            }));
        }),
        plant: |_| {},
        cause: ("clock", "this machine's clock is 10 minutes behind AWS's", "set this machine's clock"),
        cure: Cure::AtAws,
    },
    fault(
        "a server whose CA is not trusted",
        |host| {
            host.session.remove("extra_ca");
        },
        ("tls", "TEST simulator TLS CA", "--extra-ca FILE"),
        |host| host.well_again("extra_ca"),
    ),
    fault(
        "a bundle that is not there",
        |host| {
            host.env.insert("AWS_CA_BUNDLE", String::from("/nowhere/ca.pem"));
        },
        ("tls", "/nowhere/ca.pem", "--ca-bundle"),
        |host| {
            host.env.remove("AWS_CA_BUNDLE");
        },
    ),
    fault(
        "a name that nobody knows",
        |host| host.say("endpoint", "https://rolesanywhere.invalid"),
        ("name", "rolesanywhere.invalid", "check the spelling of region and endpoint"),
        |host| host.well_again("endpoint"),
    ),
    fault(
        "a port where nobody listens",
        |host| host.say("endpoint", &format!("https://127.0.0.1:{}", closed_port())),
        ("route", "refused", "open the way to the endpoint"),
        |host| host.well_again("endpoint"),
    ),
    fault(
        "a proxy that does not run",
        |host| by_proxy(host, format!("http://127.0.0.1:{}", closed_port())),
        ("route", "the proxy http://127.0.0.1:", "check that the proxy runs"),
        direct,
    ),
    fault(
        "a proxy that wants a password",
        |host| {
            let proxy =
                proxy("HTTP/1.1 407 x\r\nProxy-Authenticate: Basic realm=x\r\nContent-Length: 0\r\n\r\n");
            by_proxy(host, proxy.replace("user:canary@", ""));
        },
        ("proxy", "asks for a user name and a password (HTTP 407)", ""),
        direct,
    ),
    fault(
        "a proxy that refuses the password",
        |host| by_proxy(host, proxy("HTTP/1.1 407 x\r\nProxy-Authenticate: Basic realm=x\r\n\r\n")),
        ("proxy", "refused the user name and password", ""),
        direct,
    ),
    fault(
        "a proxy that does not lead there",
        |host| by_proxy(host, proxy("HTTP/1.1 403 Forbidden\r\n\r\n")),
        ("proxy", "does not open this connection (HTTP 403)", ""),
        direct,
    ),
    fault(
        "a variable that names no proxy",
        |host| {
            host.env.insert("HTTPS_PROXY", String::from("socks5://proxy.example"));
        },
        ("session", "SOCKS is not supported", "a proxy is written http://"),
        |host| {
            host.env.remove("HTTPS_PROXY");
        },
    ),
];

#[test]
fn faults_of_the_network() {
    each_fault(FAULTS);
}

/// A proxy that opens every connection to one address, whatever name is asked for.
fn leading_to(address: String) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let own = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (mut stream, mut other) = (stream.unwrap(), std::net::TcpStream::connect(&address).unwrap());
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n");
            let (mut back, mut there) = (stream.try_clone().unwrap(), other.try_clone().unwrap());
            std::thread::spawn(move || std::io::copy(&mut other, &mut back));
            std::thread::spawn(move || std::io::copy(&mut stream, &mut there));
        }
    });
    format!("http://{own}")
}

#[test]
fn whoever_opens_tls_on_the_way_is_named() {
    let mut host = Host::set();
    let there = host.stage.https_endpoint().replace("https://", "");
    by_proxy(&mut host, leading_to(there));
    let cause = host.doctor().data["cause"].clone();
    assert_eq!(cause["id"], "tls", "{cause}");
    let text = cause["text"].as_str().unwrap();
    assert!(
        text.contains("the connection is opened on the way: ") && text.contains("TEST simulator TLS CA"),
        "{text}"
    );
    assert!(text.contains("and not Amazon"), "{text}");
    assert_eq!(host.stage.simulator().sessions_requested(), 0);
}

#[test]
fn offline_nothing_is_sent_and_it_is_quick() {
    let mut host = Host::set();
    host.more.push("--offline");
    let answer = host.doctor();
    assert_eq!((answer.status, answer.of("bad"), answer.of("doubtful")), (0, Vec::new(), Vec::new()));
    assert_eq!(host.stage.simulator().connections_high_water(), 0);
    let not = answer.of("not-checked");
    assert!(not.iter().all(|told| told.contains("--offline")) && not.len() == 8, "{not:?}");
    assert!(answer.elapsed < Duration::from_secs(5), "{:?}", answer.elapsed);
}

/// In a network where packets go nowhere, and with a name server that says nothing.
#[test]
fn black_holes_and_silent_name_servers_are_named_within_half_a_minute() {
    let can = Command::new("unshare")
        .args(["--net", "--mount", "ip", "link", "set", "lo", "up"])
        .stderr(Stdio::null())
        .status();
    if !can.is_ok_and(|status| status.success()) {
        eprintln!("skipped: a network namespace is made by root only, with the programs unshare and ip");
        return;
    }
    let host = Host::set();
    host.doctor();
    let run = |endpoint: &str| {
        let home = host.stage.folder().to_str().unwrap().to_owned();
        let script = format!(
            "ip link set lo up\nip link add hole type veth peer name end\nip address add 10.99.0.1/24 dev hole\n\
             ip link set hole up\nip link set end up\n\
             ip route add default via 10.99.0.2\nip neigh add 10.99.0.2 lladdr 02:00:00:00:00:02 dev hole\n\
             echo 'nameserver 10.99.0.3' > {home}/resolv.conf\nmount --bind {home}/resolv.conf /etc/resolv.conf\n\
             exec \"$@\""
        );
        let mut command = host.stage.bare("unshare");
        command.args(["--net", "--mount", "--propagation", "private", "sh", "-ec", &script, "sh"]);
        command.arg(env!("CARGO_BIN_EXE_anyrole")).args([
            "doctor",
            "build",
            "--json",
            "--endpoint",
            endpoint,
        ]);
        let begun = std::time::Instant::now();
        let output = command
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .output()
            .unwrap();
        let document: serde_json::Value = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)));
        (document["data"]["cause"].clone(), begun.elapsed())
    };
    std::thread::scope(|scope| {
        let name = scope.spawn(|| run("https://rolesanywhere.eu-central-1.amazonaws.com"));
        let (cause, elapsed) = run("https://10.98.0.1");
        assert_eq!(cause["id"], "route", "{cause}");
        assert!(elapsed < Duration::from_secs(30), "{elapsed:?}");
        let (cause, elapsed) = name.join().unwrap();
        assert_eq!(cause["id"], "name", "{cause}");
        assert!(elapsed < Duration::from_secs(30), "{elapsed:?}");
    });
}
