//! Requests, and their signatures.
//!
//! A [`Request`] is what a caller builds; a [`SignedRequest`] is what may be sent. Its fields are private and set only
//! in this module, and the transport is above it, so nothing unsigned can be sent.

pub mod authorization;
pub mod canonical_request;
pub mod endpoint;
pub mod sigv4;
pub mod string_to_sign;
pub mod x509;

use std::fmt;

pub use authorization::Authorization;
pub use canonical_request::CanonicalRequest;
pub use endpoint::{Endpoint, EndpointError, Scheme};
use http::header::{HOST, HeaderMap, HeaderName, HeaderValue};
pub use string_to_sign::{Scope, StringToSign};

use crate::diagnostic::{Diagnostic, Fact, Fault};
use crate::signer::SignError;

/// The method of a request; the two services called here use no others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// `GET`
    Get,
    /// `POST`
    Post,
}

impl Method {
    /// Returns the method as in the request line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
        }
    }
}

/// A request before it is signed.
#[derive(Clone, Debug)]
pub struct Request {
    /// The method.
    pub method: Method,
    /// The target; its base path precedes `path`.
    pub endpoint: Endpoint,
    /// The absolute path below the endpoint's base path, percent-encoded as it is sent: `/sessions`.
    pub path: String,
    /// Names and values of the query, not encoded, in any order.
    pub query: Vec<(String, String)>,
    /// Headers beyond those that signing adds; names in any case. All but `user-agent` are signed.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Request {
    /// Returns the path that is sent, including the endpoint's base path.
    pub fn full_path(&self) -> String {
        format!("{}{}", self.endpoint.base_path(), self.path)
    }

    /// Returns the URL that is sent; the query is in canonical form, so what is sent is what was signed.
    pub fn url(&self) -> String {
        let query = canonical_request::canonical_query(&self.query);
        let mark = if query.is_empty() { "" } else { "?" };
        format!("{}://{}{}{mark}{query}", self.endpoint.scheme(), self.endpoint.authority(), self.full_path())
    }
}

/// A request with a signature: the only thing that a transport accepts.
///
/// # Security
///
/// It is a bearer token for as long as the service accepts its time, so `Debug` shows neither headers nor body.
pub struct SignedRequest {
    method: Method,
    endpoint: Endpoint,
    url: String,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl SignedRequest {
    /// Combines a request with the headers that sign it; `Host` is set here, so that it is sent exactly as signed.
    fn new(request: Request, signing_headers: HeaderMap) -> Result<Self, SigningError> {
        let mut headers = HeaderMap::with_capacity(request.headers.len() + signing_headers.len() + 1);
        headers.insert(HOST, header_value(HOST.as_str(), request.endpoint.authority())?);
        for (name, value) in &request.headers {
            let name = HeaderName::from_bytes(name.as_bytes())
                .map_err(|_| SigningError::UnsendableHeader { name: name.clone() })?;
            let value = header_value(name.as_str(), value.trim())?;
            headers.append(name, value);
        }
        for (name, value) in &signing_headers {
            headers.insert(name, value.clone());
        }
        let url = request.url();
        Ok(Self { method: request.method, endpoint: request.endpoint, url, headers, body: request.body })
    }

    /// Returns the method.
    pub const fn method(&self) -> Method {
        self.method
    }

    /// Returns the target.
    pub const fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Returns the whole URL.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Returns all headers, including `Host`.
    pub const fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// Returns the body.
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// Returns the headers and the body, for sending.
    pub fn into_parts(self) -> (HeaderMap, Vec<u8>) {
        (self.headers, self.body)
    }
}

impl fmt::Debug for SignedRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { method, endpoint: _, url, headers: _, body } = self;
        f.debug_struct("SignedRequest")
            .field("method", method)
            .field("url", url)
            .field("body_length", &body.len())
            .finish_non_exhaustive()
    }
}

/// Why a request was not signed.
#[derive(Debug, thiserror::Error)]
pub enum SigningError {
    /// The signing key or its device refused.
    #[error("cannot sign the request")]
    Key(#[source] SignError),
    /// The SigV4 library failed; a bug of ours, since the request was built here.
    #[error("the request cannot be signed with SigV4: {why}")]
    Sigv4 {
        /// What the library reports.
        why: String,
    },
    /// A header whose name or value HTTP cannot carry.
    #[error("the header {name} holds characters that HTTP cannot carry")]
    UnsendableHeader {
        /// The header's name.
        name: String,
    },
}

/// The ids of [`SigningError`], beyond those of the errors that it wraps.
pub const IDS: &[&str] = &["signing-failed"];

impl Diagnostic for SigningError {
    fn id(&self) -> &'static str {
        match self {
            Self::Key(error) => error.id(),
            Self::Sigv4 { .. } | Self::UnsendableHeader { .. } => "signing-failed",
        }
    }

    fn fault(&self) -> Fault {
        match self {
            Self::Key(error) => error.fault(),
            Self::Sigv4 { .. } | Self::UnsendableHeader { .. } => Fault::Bug,
        }
    }

    fn facts(&self) -> Vec<Fact> {
        match self {
            Self::Key(error) => error.facts(),
            Self::Sigv4 { .. } | Self::UnsendableHeader { .. } => Vec::new(),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Key(error) => error
                .hint()
                .or_else(|| Some(String::from("anyrole inspect shows the certificate and the key"))),
            Self::Sigv4 { .. } | Self::UnsendableHeader { .. } => {
                Some(String::from("report it with the output of anyrole inspect; it holds no secrets"))
            }
        }
    }
}

fn header_value(name: &str, value: &str) -> Result<HeaderValue, SigningError> {
    HeaderValue::from_str(value).map_err(|_| SigningError::UnsendableHeader { name: name.to_owned() })
}
