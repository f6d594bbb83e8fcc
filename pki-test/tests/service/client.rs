//! A client that sends what it is told, byte for byte, and reads one answer.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use pki_test::verifier::ReceivedRequest;

/// Long enough for a busy machine, short enough to fail.
const PATIENCE: Duration = Duration::from_secs(30);

/// An answer as received.
#[derive(Debug)]
pub(super) struct Received {
    pub(super) status: u16,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
}

impl Received {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(candidate, _)| candidate == name).map(|(_, value)| value.as_str())
    }

    pub(super) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    pub(super) fn text(&self) -> &str {
        str::from_utf8(&self.body).unwrap()
    }

    /// Returns code and message of an error of Roles Anywhere.
    pub(super) fn error(&self) -> (String, String) {
        let code = self.header("x-amzn-errortype").unwrap().to_owned();
        (code, self.json()["message"].as_str().unwrap().to_owned())
    }
}

/// Opens a connection to an `http://` endpoint.
pub(super) fn connect(endpoint: &str) -> TcpStream {
    let address = endpoint.split_once("://").unwrap().1;
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// Sends a request over a new connection.
pub(super) fn send(endpoint: &str, request: &ReceivedRequest) -> io::Result<Received> {
    exchange(&mut connect(endpoint), &wire_form(request))
}

/// Renders a request for the wire. `Content-Length` is added unless it is there.
pub(super) fn wire_form(request: &ReceivedRequest) -> Vec<u8> {
    let mut bytes = format!("{} {} HTTP/1.1\r\n", request.method, request.target).into_bytes();
    for (name, value) in &request.headers {
        bytes.extend_from_slice(name.as_bytes());
        bytes.extend_from_slice(b": ");
        bytes.extend_from_slice(value);
        bytes.extend_from_slice(b"\r\n");
    }
    if request.header_values("content-length").next().is_none() {
        bytes.extend_from_slice(format!("Content-Length: {}\r\n", request.body.len()).as_bytes());
    }
    bytes.extend_from_slice(b"\r\n");
    bytes.extend_from_slice(&request.body);
    bytes
}

/// Sends bytes and reads one answer.
pub(super) fn exchange(stream: &mut (impl Read + Write), request: &[u8]) -> io::Result<Received> {
    stream.write_all(request)?;
    stream.flush()?;
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break end;
        }
        read_more(stream, &mut bytes)?;
    };
    let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
    let mut lines = head.split("\r\n");
    let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
    let headers: Vec<(String, String)> = lines
        .map(|line| line.split_once(": ").unwrap())
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    let length: usize = headers
        .iter()
        .find(|(name, _)| name == "content-length")
        .map_or(0, |(_, length)| length.parse().unwrap());
    while bytes.len() < end + 4 + length {
        read_more(stream, &mut bytes)?;
    }
    Ok(Received { status, headers, body: bytes[end + 4..].to_vec() })
}

fn read_more(stream: &mut impl Read, bytes: &mut Vec<u8>) -> io::Result<()> {
    let mut chunk = [0; 4096];
    match stream.read(&mut chunk)? {
        0 => Err(io::ErrorKind::UnexpectedEof.into()),
        length => {
            bytes.extend_from_slice(&chunk[..length]);
            Ok(())
        }
    }
}
