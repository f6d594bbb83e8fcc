//! Sends signed requests and receives the answers.
//!
//! A [`Transport`] takes a [`SignedRequest`] and nothing else. The one real transport is [`NativeTransport`].

mod clock_offset;
pub mod error;
mod failure;
pub mod native;
pub mod no_answer;
mod phase;
#[cfg(feature = "cli")]
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

/// Sends one signed request and returns the answer, whatever its status.
pub trait Transport: Send + Sync {
    /// Sends a request once. Redirects are not followed; an answer with any other status is a success here.
    fn send(&self, request: SignedRequest) -> impl Future<Output = Result<Response, TransportError>> + Send;

    /// Returns how far the latest attempt has got.
    fn phase(&self) -> Phase {
        Phase::Answer
    }
}

/// How certain it is who answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Peer {
    /// A literal loopback address: this machine.
    Loopback,
    /// Unknown: TLS verification was turned off.
    Unverified,
    /// The intended host: its certificate was verified.
    Verified,
}

/// An answer. Its body is wiped on drop, since it may contain session credentials.
pub struct Response {
    status: u16,
    headers: HeaderMap,
    body: Zeroizing<Vec<u8>>,
    peer: Peer,
}

impl Response {
    /// Creates an answer from its parts.
    pub const fn new(status: u16, headers: HeaderMap, body: Zeroizing<Vec<u8>>, peer: Peer) -> Self {
        Self { status, headers, body, peer }
    }

    /// Returns the status code.
    pub const fn status(&self) -> u16 {
        self.status
    }

    /// Returns the first header with this name, if it is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// Returns the body, at most [`MAX_BODY`] bytes.
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// Returns how certain it is who answered.
    pub const fn peer(&self) -> Peer {
        self.peer
    }

    /// Returns the id by which AWS can find the request, if AWS answered.
    pub fn request_id(&self) -> Option<&str> {
        self.header("x-amzn-requestid").filter(|id| !id.is_empty())
    }

    /// Returns whether this is a page for people rather than an answer of an AWS API: proxies and portals send those.
    pub fn is_page(&self) -> bool {
        let html =
            self.header("content-type").is_some_and(|value| value.to_ascii_lowercase().contains("html"));
        let start = self.body.trim_ascii_start();
        let begins = |tag: &[u8]| start.len() >= tag.len() && start[..tag.len()].eq_ignore_ascii_case(tag);
        html || begins(b"<!doctype html") || begins(b"<html")
    }
}

/// Shows only the status: the body may contain session credentials.
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
