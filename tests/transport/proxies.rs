//! HTTP proxies: tunnels, refusals, passwords and exceptions.

use std::io::Write as _;
use std::net::TcpListener;

use anyrole::diagnostic::Diagnostic as _;
use anyrole::env::Environment;
use anyrole::http::{Proxies, Response, ServerTrust, TransportError, TransportSettings};
use anyrole::signing::Endpoint;

use super::server::{GRANTED, Server, read_request, relay, send, settings};

/// A host that only the proxy could reach.
const ELSEWHERE: &str = "https://rolesanywhere.test.example";

fn through(proxies: Proxies, endpoint: &str) -> Result<Response, TransportError> {
    let settings = TransportSettings { proxies, ..settings(ServerTrust::Anybody) };
    send(settings, &Endpoint::parse(endpoint).unwrap())
}

fn proxy(server: &Server, userinfo: &str) -> Proxies {
    Proxies::explicit(&format!("http://{userinfo}127.0.0.1:{}", server.port)).unwrap()
}

#[test]
fn a_tunnel_leads_to_the_host_by_name() {
    // The tunnel ends at once, since nobody here speaks TLS for that name: the head of CONNECT is what counts.
    let server = Server::answering("HTTP/1.1 200 Connection established\r\n\r\n");
    let error = through(proxy(&server, "user:can%20ary@"), ELSEWHERE).unwrap_err();
    assert_eq!(error.id(), "network-connection-lost");
    let seen = server.seen().remove(0);
    assert!(seen.starts_with("CONNECT rolesanywhere.test.example:443 HTTP/1.1\r\n"), "{seen}");
    let seen = seen.to_ascii_lowercase();
    assert!(seen.contains("\r\nproxy-authorization: basic dxnlcjpjyw4gyxj5\r\n"), "{seen}"); // user:can ary
    assert!(
        !seen.contains("\r\nauthorization") && !seen.contains("x-amz"),
        "the proxy sees nothing of the request"
    );
}

#[test]
fn a_refusing_proxy_is_named_without_its_password() {
    for (status, text) in [
        (407, "it refused the user name and password that it was given (HTTP 407)"),
        (403, "it does not open this connection (HTTP 403)"),
        (502, "it does not open this connection (HTTP 502)"),
    ] {
        let server = Server::answering(format!("HTTP/1.1 {status} No\r\nContent-Length: 0\r\n\r\n"));
        let error = through(proxy(&server, "user:canary@"), ELSEWHERE).unwrap_err();
        assert_eq!(error.id(), "network-proxy-refused", "{status}");
        assert!(error.to_string().contains(text), "{error}");
        assert!(error.to_string().contains(&format!("'http://…@127.0.0.1:{}'", server.port)), "{error}");
        assert!(!format!("{error} {error:?}").contains("canary"));
    }
}

#[test]
fn what_a_proxy_wants_is_told() {
    let negotiate = "Proxy-Authenticate: Negotiate\r\nProxy-Authenticate: NTLM\r\n";
    for (userinfo, headers, why, cure) in [
        (
            "",
            "Proxy-Authenticate: Basic realm=x\r\n",
            "it asks for a user name and a password",
            "put user and password",
        ),
        (
            "user:canary@",
            "Proxy-Authenticate: Basic realm=x\r\n",
            "it refused the user name",
            "percent-encoded",
        ),
        ("user:canary@", negotiate, "it accepts only negotiate, ntlm authentication", "takes Basic"),
        ("", negotiate, "it accepts only negotiate, ntlm authentication", "takes Basic"),
    ] {
        let server = Server::answering(format!("HTTP/1.1 407 No\r\n{headers}Content-Length: 0\r\n\r\n"));
        let error = through(proxy(&server, userinfo), ELSEWHERE).unwrap_err();
        assert!(error.to_string().contains(why), "{error}");
        assert!(error.hint().unwrap().contains(cure), "{:?}", error.hint());
        assert!(!format!("{error} {error:?}").contains("canary"));
    }
}

#[test]
fn a_proxy_without_an_address_is_not_taken_for_the_endpoint() {
    let proxies = Proxies::explicit("http://no-such-proxy.invalid:3128").unwrap();
    let error = through(proxies, ELSEWHERE).unwrap_err();
    assert!(
        error.to_string().starts_with("cannot find an address for the proxy 'no-such-proxy.invalid'"),
        "{error}"
    );
    assert!(error.hint().unwrap().starts_with("check the proxy's name"), "{:?}", error.hint());
    let error = through(Proxies::default(), ELSEWHERE).unwrap_err();
    assert!(error.hint().unwrap().contains("name it with HTTPS_PROXY"), "{:?}", error.hint());
}

#[test]
fn a_proxy_that_is_not_there_is_named() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let proxies = Proxies::explicit(&format!("http://user:canary@127.0.0.1:{port}")).unwrap();
    let error = through(proxies, ELSEWHERE).unwrap_err();
    assert_eq!(error.id(), "network-connection-refused");
    assert!(
        error.to_string().starts_with(&format!("cannot connect to the proxy http://…@127.0.0.1:{port}: ")),
        "{error}"
    );
    assert!(error.hint().unwrap().starts_with("check that the proxy runs"), "{:?}", error.hint());
    assert!(!format!("{error} {error:?}").contains("canary"));
}

#[test]
fn loopback_and_exceptions_go_around_the_proxy() {
    let proxy = Server::answering("HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n");
    let url = format!("http://127.0.0.1:{}", proxy.port);
    let server = Server::answering(GRANTED);
    assert!(through(Proxies::explicit(&url).unwrap(), &server.endpoint().to_string()).is_ok());
    let env = |no_proxy: &str| {
        let variables = [("HTTPS_PROXY", url.clone()), ("NO_PROXY", no_proxy.to_owned())];
        Proxies::from_environment(&Environment::given(variables)).unwrap()
    };
    assert!(through(env("none.example"), ELSEWHERE).is_err());
    // Once to be let through, and once more to hear why it is not; the server may note the second a little later.
    assert!(!proxy.seen().is_empty());
    // A name that nobody knows: that the name service is asked shows that the proxy was not.
    let name = format!("https://{0}.{0}.{0}.{1}", "a".repeat(63), "a".repeat(61));
    assert_eq!(through(env("*"), &name).unwrap_err().id(), "network-dns");
    let elsewhere = "CONNECT rolesanywhere.test.example:443 ";
    assert!(proxy.seen().iter().all(|head| head.starts_with(elsewhere)));
}

#[test]
fn a_whole_exchange_passes_through_a_tunnel() {
    use pki_test::simulator::{Simulator, SimulatorSettings};
    let mut simulated = SimulatorSettings::new("eu-central-1", Vec::new(), Vec::new(), Vec::new());
    simulated.https = Some("127.0.0.1:0".parse().unwrap());
    let simulator = Simulator::start(simulated).unwrap();
    let target = simulator.https_endpoint().unwrap().replace("https://", "");
    let proxy = Server::start(move |stream| {
        read_request(stream);
        stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").unwrap();
        relay(stream, &target);
    });
    let proxies = Proxies::explicit(&format!("127.0.0.1:{}", proxy.port)).unwrap();
    let answer = through(proxies, ELSEWHERE).unwrap();
    assert!(answer.status() >= 400, "the simulator knows no trust anchor");
    assert!(answer.request_id().is_some());
    assert_eq!(simulator.journal().len(), 1);
}
