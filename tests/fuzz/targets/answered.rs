//! An answer made of the input, a transport that gives it to whatever is sent, and a runtime whose pauses take no time.

use std::future::Future;

use anyrole::clock::Timestamp;
use anyrole::http::{Peer, Response, Transport, TransportError};
use anyrole::signing::SignedRequest;
use http::{HeaderMap, HeaderName, HeaderValue};
use zeroize::Zeroizing;

pub const REGION: &str = "eu-central-1";
pub const ROLE: &str = "arn:aws:iam::111122223333:role/build";

/// 2026-11-23T16:00:00Z
pub const NOW: Timestamp = Timestamp::from_unix_seconds(1_795_449_600);

/// The headers of an answer that are read.
static HEADERS: [HeaderName; 5] = [
    http::header::CONTENT_TYPE,
    http::header::DATE,
    http::header::RETRY_AFTER,
    HeaderName::from_static("x-amzn-errortype"),
    HeaderName::from_static("x-amzn-requestid"),
];

/// The input as an answer: a line with the status, lines of headers by their first letter, an empty line, and the body.
pub struct Answered<'a> {
    status: u16,
    headers: HeaderMap,
    body: &'a [u8],
}

impl<'a> Answered<'a> {
    pub fn of(input: &'a [u8]) -> Option<Self> {
        let mut lines = input;
        let mut line = || {
            let end = lines.iter().position(|octet| *octet == b'\n')?;
            let (line, rest) = (&lines[..end], &lines[end + 1..]);
            lines = rest;
            Some(line)
        };
        let status = std::str::from_utf8(line()?).ok()?.parse().ok()?;
        let mut headers = HeaderMap::new();
        while let Some((letter, value)) = line()?.split_first() {
            let name = HEADERS.get(usize::from(letter.wrapping_sub(b'a')))?;
            headers.append(name, HeaderValue::from_bytes(value).ok()?);
        }
        Some(Self { status, headers, body: lines })
    }
}

impl Transport for Answered<'_> {
    async fn send(&self, _: SignedRequest) -> Result<Response, TransportError> {
        let body = Zeroizing::new(self.body.to_vec());
        Ok(Response::new(self.status, self.headers.clone(), body, Peer::Verified))
    }
}

/// Runs to the end; pauses are skipped.
pub fn run<F: Future>(future: F) -> F::Output {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.expect("a runtime").block_on(future)
}
