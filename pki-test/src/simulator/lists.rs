//! Where the simulator has the lists at CRL distribution points from: a file that stands for a URL, else a web server on
//! loopback. Nothing is fetched from anywhere else.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Write as _};
use std::net::{IpAddr, SocketAddr, TcpStream, ToSocketAddrs as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::text::shown;
use crate::verifier::ListFetcher;

/// The largest answer that is read, in bytes: the longest list that ImportCrl takes, with room for a head.
const ANSWER_LIMIT: u64 = 320_000;

/// How long a web server may take for each step. A request waits for the list, and so do all others.
const PATIENCE: Duration = Duration::from_secs(2);

/// Returns a fetcher of these files by URL, and of web servers on loopback.
pub(super) fn fetcher(files: BTreeMap<String, PathBuf>) -> ListFetcher {
    ListFetcher(Arc::new(move |url| match files.get(url) {
        Some(path) => read(path),
        None => fetch(url),
    }))
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(ANSWER_LIMIT).read_to_end(&mut bytes))
        .map_err(|error| format!("'{}' cannot be read: {error}", shown(path.display())))?;
    Ok(bytes)
}

/// Asks with HTTP/1.0, whose answers end with the connection.
fn fetch(url: &str) -> Result<Vec<u8>, String> {
    let rest = url.strip_prefix("http://").ok_or("its scheme is not http")?;
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    if url.bytes().any(|byte| !byte.is_ascii_graphic()) || authority.contains('@') {
        return Err("it is no URL of a list".to_owned());
    }
    let address = loopback(authority)?;
    let io = |error: std::io::Error| format!("it cannot be reached: {error}");
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE).map_err(io)?;
    stream
        .set_read_timeout(Some(PATIENCE))
        .and_then(|()| stream.set_write_timeout(Some(PATIENCE)))
        .map_err(io)?;
    let path = if path.is_empty() { "/" } else { path };
    write!(stream, "GET {path} HTTP/1.0\r\nHost: {authority}\r\nConnection: close\r\n\r\n").map_err(io)?;
    let mut answer = Vec::new();
    stream.take(ANSWER_LIMIT).read_to_end(&mut answer).map_err(io)?;
    body(answer)
}

/// Returns the address of a host on loopback: `127.0.0.1:8080`, `[::1]:8080`, `localhost`.
fn loopback(authority: &str) -> Result<SocketAddr, String> {
    let has_port =
        authority.rsplit_once(':').is_some_and(|(_, port)| port.bytes().all(|byte| byte.is_ascii_digit()));
    let with_port = if has_port { authority.to_owned() } else { format!("{authority}:80") };
    let host = with_port.rsplit_once(':').map_or("", |(host, _)| host);
    let is_literal = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>().is_ok();
    if !is_literal && host != "localhost" {
        // No name server is asked: the simulator works without a network, and looks nowhere else.
        return Err("only lists on loopback are fetched here; crl_files names a file for this URL".to_owned());
    }
    let found = with_port.to_socket_addrs().map_err(|error| format!("it is no address: {error}"))?;
    found.into_iter().find(|address| address.ip().is_loopback()).ok_or_else(|| {
        "only lists on loopback are fetched here; crl_files names a file for this URL".to_owned()
    })
}

/// Returns the body of a successful answer, which is not cut short.
fn body(mut answer: Vec<u8>) -> Result<Vec<u8>, String> {
    let end = answer
        .windows(4)
        .position(|four| four == b"\r\n\r\n")
        .ok_or("the web server's answer has no head")?;
    let body = answer.split_off(end + 4);
    let head = String::from_utf8_lossy(&answer);
    let mut lines = head.lines();
    let status = lines.next().and_then(|line| line.split(' ').nth(1)).unwrap_or_default();
    if status != "200" {
        return Err(format!("the web server answers with status {}", shown(status)));
    }
    let length = lines
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .and_then(|(_, value)| value.trim().parse::<usize>().ok());
    match length {
        Some(length) if length != body.len() => Err("the web server's answer was cut short".to_owned()),
        Some(_) | None => Ok(body),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_but_loopback_is_asked() {
        for url in
            ["http://192.0.2.1/ca.crl", "http://pki.example/ca.crl", "https://127.0.0.1/ca.crl", "ldap:///"]
        {
            assert!(fetch(url).is_err(), "{url}");
        }
        assert_eq!(loopback("127.0.0.1").map(|address| address.port()), Ok(80));
        assert_eq!(loopback("[::1]:8080").map(|address| address.port()), Ok(8080));
        assert!(loopback("[::1]").is_ok());
        assert!(loopback("127.0.0.1:").is_err());
    }

    #[test]
    fn an_answer_that_is_cut_short_is_no_list() {
        let answer = |text: &str| body(text.as_bytes().to_vec());
        assert_eq!(answer("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc"), Ok(b"abc".to_vec()));
        assert_eq!(answer("HTTP/1.0 200 OK\r\n\r\nabc"), Ok(b"abc".to_vec()));
        for bad in [
            "",
            "HTTP/1.1 200 OK\r\n",
            "HTTP/1.1 404 Not\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nabc",
        ] {
            assert!(answer(bad).is_err(), "{bad}");
        }
    }
}
