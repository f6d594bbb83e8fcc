//! A request as received, before anything in it is trusted.

use std::net::IpAddr;

/// Most bytes that the headers of a request may have together, names and values counted.
///
/// An end-entity certificate and five intermediates with ML-DSA-87 keys and signatures need about 60 KiB.
pub const HEADER_LIMIT: usize = 96 * 1024;

/// Most bytes that a request's body may have.
pub const BODY_LIMIT: usize = 64 * 1024;

/// An HTTP request as received.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReceivedRequest {
    /// The method, for example `POST`.
    pub method: String,
    /// The raw request target in origin form: path and, after `?`, the query, both still percent-encoded.
    pub target: String,
    /// Header fields in the order received; names in any case, values without the line end.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The body.
    pub body: Vec<u8>,
    /// The address it came from; `None` if it did not come over a network.
    pub source_address: Option<IpAddr>,
}

impl ReceivedRequest {
    /// Returns the raw path, which is the target up to the first `?`.
    pub fn path(&self) -> &str {
        self.target.split_once('?').map_or(self.target.as_str(), |(path, _)| path)
    }

    /// Returns the raw query, which is the target after the first `?`; empty if there is none.
    pub fn query(&self) -> &str {
        self.target.split_once('?').map_or("", |(_, query)| query)
    }

    /// Returns the values of the header `name`, which is in lower case, in the order received.
    pub fn header_values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        self.headers
            .iter()
            .filter(move |(candidate, _)| candidate.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_slice())
    }

    /// Returns the number of bytes of all header names and values together.
    pub fn header_bytes(&self) -> usize {
        self.headers.iter().map(|(name, value)| name.len().saturating_add(value.len())).sum()
    }
}
