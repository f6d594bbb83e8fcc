//! What a network, a user namespace and a sandbox do to the question whose connection it is (SECURITY.md, section 4, tests 1 to 4).

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};

use nix::sched::{CloneFlags, unshare};
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
};

use super::{Reply, Server, Stage, ask_as, command, is_root};
use crate::support::components::have;
use crate::support::signals::hangup_is_ignored;

/// A process that keeps a network namespace.
struct Neighbour(Child);

impl Drop for Neighbour {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn sh(script: &str) -> bool {
    Command::new("/bin/sh")
        .args(["-ec", script])
        .stdin(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// This thread, and what it starts, in a network with a neighbour at the other end of a cable, who reaches even the loopback addresses here.
fn with_a_neighbour() -> Option<Neighbour> {
    if !have(&["ip", "nsenter", "openssl", "/usr/bin/python3"]) {
        return None;
    }
    if !is_root() || unshare(CloneFlags::CLONE_NEWNET).is_err() {
        eprintln!("skipped: a network namespace is made by root only");
        return None;
    }
    let child = Command::new("/usr/bin/unshare")
        .args(["-n", "sh", "-c", "echo; exec cat"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn();
    let mut neighbour = Neighbour(child.unwrap());
    let mut ready = [0];
    std::io::Read::read_exact(neighbour.0.stdout.as_mut().unwrap(), &mut ready).unwrap();
    let there = neighbour.0.id();
    let made = sh(&format!(
        "ip link set lo up
         ip address add 169.254.169.254/32 dev lo
         ip link add here type veth peer name there netns {there}
         ip address add 10.77.0.1/24 dev here
         ip link set here up
         echo 1 > /proc/sys/net/ipv4/conf/all/route_localnet
         echo 1 > /proc/sys/net/ipv4/conf/here/route_localnet
         nsenter -t {there} -n sh -ec '
             ip address add 10.77.0.2/24 dev there
             ip link set there up
             echo 1 > /proc/sys/net/ipv4/conf/all/route_localnet
             ip route add 169.254.169.254/32 via 10.77.0.1
             ip route add 127.0.0.1/32 via 10.77.0.1 src 10.77.0.2'"
    ));
    if !made {
        eprintln!("skipped: the program ip (iproute2) makes no such network here");
        return None;
    }
    Some(neighbour)
}

/// Asks from the neighbour's side, from a certain port, and returns how the attempt ended: `refused`, `nothing`, or what came.
fn ask_from(neighbour: &Neighbour, address: &str, port: u16, from: u16) -> String {
    let script = "
import socket, sys
here = socket.socket()
here.settimeout(10)
here.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
here.bind(('10.77.0.2', int(sys.argv[3])))
try:
    here.connect((sys.argv[1], int(sys.argv[2])))
    here.sendall(('PUT /latest/api/token HTTP/1.1\\r\\nHost: %s:%s\\r\\nx-aws-ec2-metadata-token-ttl-seconds: 60\\r\\n\\r\\n' % tuple(sys.argv[1:3])).encode())
    print(here.recv(4096).decode() or 'nothing')
except ConnectionError:
    print('nothing')
except OSError as error:
    print('unreached', error)
";
    let numbers = [port.to_string(), from.to_string()];
    let output = Command::new("nsenter")
        .args(["-t", &neighbour.0.id().to_string(), "-n", "/usr/bin/python3", "-c", script, address])
        .args(numbers)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
}

/// Test 1: a neighbour uses the port of one of root's listeners here, for which a lookup would find that listener.
#[test]
fn a_neighbour_is_nobody_whatever_port_he_comes_from() {
    let Some(neighbour) = with_a_neighbour() else { return };
    let stage = Stage::set();
    let decoy = TcpListener::bind("0.0.0.0:0").unwrap();
    let from = decoy.local_addr().unwrap().port();
    for flags in [
        &["--bind", "169.254.169.254,127.0.0.1"][..],
        &["--bind", "169.254.169.254,127.0.0.1", "--allow-any-user"][..],
    ] {
        let server = Server::with(&stage, flags);
        assert!(server.address.starts_with("169.254.169.254:"), "{}", server.address);
        let port = server.address.rsplit(':').next().unwrap().parse().unwrap();
        for address in ["169.254.169.254", "127.0.0.1"] {
            for from in [from, 0] {
                let came = ask_from(&neighbour, address, port, from);
                assert_eq!(came, "nothing", "{address} from port {from}: {came}");
            }
        }
        let refused = server.logged(|line| line.contains(" refused "));
        assert!(refused.contains("user=unknown"), "{refused}");
        assert!(!server.log().iter().any(|line| line.contains("user=0") && line.contains("refused")));
        // This host's own programs are served there.
        let reply = server.metadata("/latest/meta-data/iam/security-credentials/");
        assert_eq!((reply.status, reply.body.as_str()), (200, "build"));
        assert_eq!(server.end(), Some(0));
    }
}

/// Another host asks by its token under TLS, and gets that and nothing else; without TLS it is not listened to.
#[test]
fn another_host_asks_by_token_and_under_tls() {
    let Some(neighbour) = with_a_neighbour() else { return };
    let stage = Stage::set();
    let folder = std::path::PathBuf::from(stage.write("x", ""));
    let file = |name: &str| folder.with_file_name(name).to_str().unwrap().to_owned();
    let (certificate, key) = (file("tls.pem"), file("tls.key"));
    let make = |key: &str, certificate: &str, days: i32| {
        let made = sh(&format!(
            "umask 077; openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc -keyout '{key}' -out '{certificate}' \
             -days {days} -subj '/CN=server' -addext 'subjectAltName=IP:10.77.0.1' 2>/dev/null"
        ));
        assert!(made);
    };
    make(&key, &certificate, 1);
    let remote = ["--bind", "10.77.0.1", "--allow-remote"];
    for (more, id) in [
        (&["--bind", "10.77.0.1"][..], "endpoint-not-local"),
        (&remote[..], "endpoint-not-local"),
        (
            &["--bind", "10.77.0.1", "--allow-remote", "--tls-certificate", &key, "--tls-key", &key][..],
            "tls-files",
        ),
        (
            &[
                "--bind",
                "10.77.0.1",
                "--allow-remote",
                "--tls-certificate",
                &certificate,
                "--tls-key",
                &certificate,
            ][..],
            "tls-files",
        ),
    ] {
        let output = command(&stage, more).stderr(Stdio::piped()).stdout(Stdio::null()).output().unwrap();
        let told = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.code() == Some(2) && told.contains(&format!("[{id}]")), "{more:?} {told}");
    }
    let more = [&remote[..], &["--tls-certificate", &certificate, "--tls-key", &key]].concat();
    let mut server = command(&stage, &more);
    let server = Server::of_remote(&mut server);
    let script = "
import socket, ssl, sys
address, port, ca, path, token = sys.argv[1:6]
context = ssl.create_default_context(cafile=ca)
stream = context.wrap_socket(socket.create_connection((address, int(port)), 10), server_hostname=address)
request = 'GET %s HTTP/1.1\\r\\nHost: %s:%s\\r\\nAuthorization: %s\\r\\nx-aws-ec2-metadata-token-ttl-seconds: 60\\r\\nConnection: close\\r\\n\\r\\n'
stream.sendall((request % (path, address, port, token)).encode())
print(stream.makefile().readline())
";
    let port = server.address.rsplit(':').next().unwrap().to_owned();
    let ask = |path: &str, token: &str| {
        let output = Command::new("nsenter")
            .args(["-t", &neighbour.0.id().to_string(), "-n", "/usr/bin/python3", "-c", script])
            .args(["10.77.0.1", &port, &certificate, path, token])
            .output()
            .unwrap();
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    };
    let token = server.token("session");
    assert_eq!(ask("/v1/credentials/session", &token), "HTTP/1.1 200 OK");
    assert_eq!(ask("/v1/credentials/session", "wrong"), "HTTP/1.1 401 Unauthorized");
    for path in ["/healthz", "/latest/api/token", "/latest/meta-data/iam/security-credentials/"] {
        assert_eq!(ask(path, &token), "HTTP/1.1 404 Not Found", "{path}");
    }
    let handed = server.logged(|line| line.contains(" handed-out "));
    assert!(handed.contains("by=container-tls user=at:10.77.0.2"), "{handed}");
    // In the clear nothing is said but that it is not TLS.
    let came = ask_from(&neighbour, "10.77.0.1", port.parse().unwrap(), 0);
    assert!(came.len() < 10 && !came.contains("HTTP"), "{came:?}");

    if hangup_is_ignored() {
        return;
    }
    let before = std::fs::read(&certificate).unwrap();
    // Half of a renewal, and a certificate that is over: the old pair stays, and whoever reads the log learns why.
    make(&file("new.key"), &file("new.pem"), 2);
    std::fs::copy(file("new.pem"), &certificate).unwrap();
    server.signal("HUP");
    let told = server.logged(|line| line.contains(" tls-not-renewed "));
    assert!(told.contains("tls.pem") && told.contains("not-after="), "{told}");
    std::fs::write(&certificate, before).unwrap();
    assert_eq!(ask("/v1/credentials/session", &token), "HTTP/1.1 200 OK");
    std::fs::copy(file("new.pem"), &certificate).unwrap();
    std::fs::copy(file("new.key"), &key).unwrap();
    server.signal("HUP");
    server.logged(|line| line.contains(" tls-renewed not-after="));
    // The file that names the CA is the new certificate.
    assert_eq!(ask("/v1/credentials/session", &token), "HTTP/1.1 200 OK");
    assert_eq!(server.end(), Some(0));
}

/// Test 2: one who asks and is gone is nobody, and never root, who listens on the port that he came from.
#[test]
fn whoever_is_gone_is_nobody() {
    if !is_root() {
        eprintln!("skipped: another user can be tried by root only");
        return;
    }
    if !have(&["/usr/bin/python3"]) {
        return;
    }
    let stage = Stage::set();
    let server = Server::start(&stage);
    let (host, port) = server.address.rsplit_once(':').unwrap();
    let script = "
import os, socket, struct, sys
os.setgid(4242); os.setuid(4242)
for how in ('exit', 'reset') * 20:
    it = socket.socket()
    it.connect((sys.argv[1], int(sys.argv[2])))
    it.sendall(b'PUT /latest/api/token HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n')
    if how == 'reset':
        it.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
    it.close()
";
    let status = Command::new("/usr/bin/python3").args(["-c", script, host, port]).status().unwrap();
    assert!(status.success());
    server.logged(|line| line.contains(" refused "));
    let log = server.log();
    let users = |line: &&String| line.contains("user=4242") || line.contains("user=unknown");
    assert!(log.iter().filter(|line| line.contains(" refused ")).all(|line| users(&line)), "{log:?}");
    assert_eq!(server.end(), Some(0));
}

/// Test 3: a sandbox that allows no netlink, as a unit with RestrictAddressFamilies=: the tables tell the same.
#[test]
fn without_netlink_the_tables_tell() {
    let stage = Stage::set();
    let netlink = SeccompCondition::new(0, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, 16).unwrap();
    let rules = BTreeMap::from([(nix::libc::SYS_socket, vec![SeccompRule::new(vec![netlink]).unwrap()])]);
    let denied = SeccompAction::Errno(nix::libc::EAFNOSUPPORT.unsigned_abs());
    let filter =
        SeccompFilter::new(rules, SeccompAction::Allow, denied, std::env::consts::ARCH.try_into().unwrap());
    let program: BpfProgram = filter.unwrap().try_into().unwrap();
    // For this thread and what it starts.
    seccompiler::apply_filter(&program).unwrap();
    let server = Server::start(&stage);
    let request = format!(
        "GET /v1/credentials/session HTTP/1.1\r\nHost: {}\r\nAuthorization: {}\r\nConnection: close\r\n\r\n",
        server.address,
        server.token("session")
    );
    assert_eq!(Reply::of(&server.send(&request)).status, 200);
    if is_root() {
        assert_eq!(ask_as(4242, &server.address, &request), "");
    }
    assert_eq!(server.end(), Some(0));
}

/// Test 4: in a user namespace one number stands for all whom it does not know; allowing it allows nobody.
#[test]
fn the_number_of_the_unknown_is_nobody() {
    if !is_root() || !sh("/usr/bin/unshare -r true") {
        eprintln!("skipped: root makes no user namespace here");
        return;
    }
    let stage = Stage::set();
    let own = command(&stage, &["--allow-user", "65534"]);
    let mut unshared = stage.bare("/usr/bin/unshare");
    unshared.arg("-r").arg(own.get_program()).args(own.get_args()).env("ANYROLE_CACHE", "none");
    let server = Server::of(unshared);
    let request = format!("GET /healthz HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", server.address);
    assert_eq!(ask_as(4242, &server.address, &request), "");
    assert_eq!(ask_as(65_534, &server.address, &request), "");
    assert_ne!(Reply::of(&server.send(&request)).status, 0, "root is known there");
    assert_eq!(server.end(), Some(0));

    let own = command(&stage, &["--allow-user", "65534"]);
    let mut unshared = stage.bare("/usr/bin/unshare");
    unshared.arg("-U").arg(own.get_program()).args(own.get_args()).env("ANYROLE_CACHE", "none");
    let output = unshared.stderr(Stdio::piped()).output().unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(
        told.contains("cannot tell the users of this host from each other")
            && told.contains("[endpoint-not-bound]"),
        "{told}"
    );
}
