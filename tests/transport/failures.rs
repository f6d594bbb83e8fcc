//! Every way not to get an answer, by name.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::time::Duration;

use anyrole::diagnostic::Diagnostic as _;
use anyrole::http::{MAX_BODY, ServerTrust, Timeouts, TransportSettings};
use anyrole::signing::Endpoint;

use super::server::{GRANTED, Server, read_request, send, settings};

fn id(server: &Server) -> &'static str {
    send(settings(ServerTrust::Anybody), &server.endpoint()).unwrap_err().id()
}

#[test]
fn a_redirect_is_not_followed() {
    let elsewhere = Server::answering(GRANTED);
    for status in [301, 302, 303, 307, 308] {
        let location = elsewhere.endpoint();
        let server = Server::answering(format!(
            "HTTP/1.1 {status} Elsewhere\r\nLocation: {location}/x\r\nContent-Length: 0\r\n\r\n"
        ));
        let error = send(settings(ServerTrust::Anybody), &server.endpoint()).unwrap_err();
        assert_eq!(error.id(), "network-redirect");
        assert_eq!(error.facts()[0].value, format!("{location}/x"));
    }
    assert!(elsewhere.seen().is_empty(), "the second host sees nothing");
}

#[test]
fn a_body_has_a_bound() {
    let long = "x".repeat(MAX_BODY + 1);
    let announced =
        Server::answering(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{long}", long.len()));
    assert_eq!(id(&announced), "answer-too-large");
    let huge = Server::answering("HTTP/1.1 200 OK\r\nContent-Length: 18446744073709551615\r\n\r\n");
    assert!(["answer-too-large", "network-failed"].contains(&id(&huge)));
    let chunk = format!("{:x}\r\n{long}\r\n", long.len());
    let chunked =
        Server::answering(format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{chunk}0\r\n\r\n"));
    assert_eq!(id(&chunked), "answer-too-large");
    let until_the_end = Server::answering(format!("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{long}"));
    assert_eq!(id(&until_the_end), "answer-too-large");
    let exact = &long[1..];
    let server = Server::answering(format!("HTTP/1.1 200 OK\r\nContent-Length: {MAX_BODY}\r\n\r\n{exact}"));
    assert_eq!(send(settings(ServerTrust::Anybody), &server.endpoint()).unwrap().body(), exact.as_bytes());
    let server = Server::answering(format!("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{exact}"));
    assert_eq!(send(settings(ServerTrust::Anybody), &server.endpoint()).unwrap().body(), exact.as_bytes());
}

#[test]
fn a_cut_answer_is_no_answer() {
    for part in ["", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"] {
        assert_eq!(id(&Server::answering(part)), "network-connection-lost", "{part:?}");
    }
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhal";
    assert_eq!(id(&Server::answering(chunked)), "network-connection-lost");
}

#[test]
fn nonsense_is_no_answer() {
    for nonsense in ["SSH-2.0-OpenSSH_9.2\r\n\r\n", "HTTP/9.9 200 OK\r\n\r\n", "\0\0\0\0\r\n\r\n"] {
        assert_eq!(id(&Server::answering(nonsense)), "network-failed", "{nonsense:?}");
    }
}

#[test]
fn nobody_listens() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let endpoint = Endpoint::parse(&format!("http://127.0.0.1:{port}")).unwrap();
    let error = send(settings(ServerTrust::Anybody), &endpoint).unwrap_err();
    assert_eq!(error.id(), "network-connection-refused");
    assert!(error.to_string().starts_with(&format!("cannot connect to 127.0.0.1:{port}: ")), "{error}");
}

#[test]
fn a_name_without_an_address() {
    // The system's resolver refuses a name longer than any, without asking the network.
    let name = format!("{0}.{0}.{0}.{1}", "a".repeat(63), "a".repeat(61));
    let endpoint = Endpoint::parse(&format!("https://{name}")).unwrap();
    let error = send(settings(ServerTrust::Anybody), &endpoint).unwrap_err();
    assert_eq!(error.id(), "network-dns");
}

#[test]
fn silence_has_a_bound() {
    let silent = Server::start(|stream| {
        read_request(stream);
        std::mem::forget(stream.try_clone());
    });
    let dripping = Server::start(|stream| {
        read_request(stream);
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nx");
        std::mem::forget(stream.try_clone());
    });
    for server in [silent, dripping] {
        let timeouts = Timeouts { attempt: Duration::from_millis(50), ..Timeouts::default() };
        let settings = TransportSettings { timeouts, ..settings(ServerTrust::Anybody) };
        assert_eq!(send(settings, &server.endpoint()).unwrap_err().id(), "network-timeout");
    }
}

#[test]
fn tls_is_not_spoken_there() {
    let server = Server::start(|stream| {
        let _ = stream.read(&mut [0; 4096]);
        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
    });
    let endpoint = Endpoint::parse(&format!("https://127.0.0.1:{}", server.port)).unwrap();
    assert_eq!(send(settings(ServerTrust::Anybody), &endpoint).unwrap_err().id(), "network-tls");
}
