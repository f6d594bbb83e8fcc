//! Sending signed requests, and the answers to them.
//!
//! A [`Transport`] takes a [`SignedRequest`] and nothing else. The one real transport is [`NativeTransport`].

mod clock_offset;
pub mod error;
mod failure;
pub mod native;
pub mod no_answer;
mod phase;
pub mod probe;
pub mod proxy;
mod proxy_answer;
pub mod retry;
mod roots;
pub mod runtime;
mod verifier;

use std::fmt;

pub use clock_offset::clock_offset;
pub use error::TransportError;
use http::HeaderMap;
pub use native::{NativeTransport, ServerTrust, Timeouts, TransportSettings};
pub use no_answer::{NoAnswer, Service};
pub use phase::Phase;
pub use proxy::{Proxies, ProxyError};
pub use proxy_answer::Refusal as ProxyRefusal;
pub use retry::{Budget, ExchangeError, Limits};
pub use roots::TrustedRoots;
use zeroize::Zeroizing;

use crate::signing::SignedRequest;

/// The longest body of an answer, in bytes; real ones have two or three thousand.
pub const MAX_BODY: usize = 256 * 1024;

/// Sends one signed request and returns the answer, however it was refused.
pub trait Transport: Send + Sync {
    /// Sends a request once. A redirect is not followed, and an answer with any other status is a success here.
    fn send(&self, request: SignedRequest) -> impl Future<Output = Result<Response, TransportError>> + Send;

    /// Returns how far the latest attempt has come.
    fn phase(&self) -> Phase {
        Phase::Answer
    }
}

/// How much is known about who answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Peer {
    /// A literal loopback address: this machine.
    Loopback,
    /// Anybody: TLS without verification was asked for.
    Unverified,
    /// The host that was asked: its certificate was verified.
    Verified,
}

/// An answer. Its body is wiped on drop, since it may hold session credentials.
pub struct Response {
    status: u16,
    headers: HeaderMap,
    body: Zeroizing<Vec<u8>>,
    peer: Peer,
}

impl Response {
    /// Joins the parts of an answer.
    pub const fn new(status: u16, headers: HeaderMap, body: Zeroizing<Vec<u8>>, peer: Peer) -> Self {
        Self { status, headers, body, peer }
    }

    /// Returns the status code.
    pub const fn status(&self) -> u16 {
        self.status
    }

    /// Returns the first header of a name, if it is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// Returns the body, at most [`MAX_BODY`] bytes.
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// Returns how much is known about who answered.
    pub const fn peer(&self) -> Peer {
        self.peer
    }

    /// Returns the id by which AWS finds the request, where AWS answered.
    pub fn request_id(&self) -> Option<&str> {
        self.header("x-amzn-requestid").filter(|id| !id.is_empty())
    }

    /// Tells whether this is a page for people, not an answer of an AWS API: what proxies and portals send.
    pub fn is_page(&self) -> bool {
        let html =
            self.header("content-type").is_some_and(|value| value.to_ascii_lowercase().contains("html"));
        let start = self.body.trim_ascii_start();
        let begins = |tag: &[u8]| start.len() >= tag.len() && start[..tag.len()].eq_ignore_ascii_case(tag);
        html || begins(b"<!doctype html") || begins(b"<html")
    }
}

/// Shows the status only: the body may hold session credentials.
impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { status, headers: _, body, peer } = self;
        f.debug_struct("Response")
            .field("status", status)
            .field("body_length", &body.len())
            .field("peer", peer)
            .finish_non_exhaustive()
    }
}
