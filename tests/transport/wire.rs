//! What is sent is what was signed.

use anyrole::http::{Peer, ServerTrust};
use anyrole::signing::Endpoint;

use super::server::{GRANTED, Server, send, settings, signed};

#[test]
fn the_bytes_on_the_wire_are_the_signed_ones() {
    let server = Server::answering(GRANTED);
    let base = Endpoint::parse(&format!("http://127.0.0.1:{}/ra//./v1%20beta/", server.port)).unwrap();
    for (endpoint, path) in [(server.endpoint(), "/sessions"), (base, "/ra/v1%20beta/sessions")] {
        let request = signed(&endpoint);
        let (url, signed_headers) = (request.url().to_owned(), request.headers().clone());
        let response = send(settings(ServerTrust::Anybody), &endpoint).unwrap();
        assert_eq!((response.status(), response.body(), response.peer()), (200, &b"ok"[..], Peer::Loopback));
        let seen = server.seen().remove(0);
        let (head, body) = seen.split_once("\r\n\r\n").unwrap();
        let mut lines = head.split("\r\n");
        let query = "?a=&roleArn=arn%3Aaws%3Aiam%3A%3A111122223333%3Arole%2Fteam%2Fa%2Bb%3Dc%20d~%C3%A9";
        assert_eq!(lines.next().unwrap(), format!("POST {path}{query} HTTP/1.1"));
        assert!(url.ends_with(&format!("{path}{query}")), "{url}");
        assert_eq!(body, "{\"durationSeconds\":900}");
        let mut sent: Vec<(String, String)> = lines
            .map(|line| line.split_once(": ").unwrap())
            .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
            .collect();
        sent.sort();
        for (name, value) in &signed_headers {
            let header = (name.as_str().to_owned(), value.to_str().unwrap().to_owned());
            assert!(sent.contains(&header), "{name} is not sent as it was signed");
        }
        let unsigned: Vec<&str> = sent
            .iter()
            .map(|(name, _)| name.as_str())
            .filter(|name| !signed_headers.contains_key(*name))
            .collect();
        assert_eq!(unsigned, ["accept", "content-length", "user-agent"]);
    }
}
