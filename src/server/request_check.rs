//! What every request must satisfy, whatever it asks for. Pure.

use std::net::SocketAddr;

use hyper::header::{
    CONTENT_LENGTH, FORWARDED, HOST, HeaderMap, HeaderName, HeaderValue, ORIGIN, TRANSFER_ENCODING, VIA,
};
use hyper::http::request::Parts;
use hyper::{StatusCode, Version};

/// Headers of browsers and proxies, which no SDK sends: whoever asks through one of those is not on this host.
const FOREIGN: &[HeaderName] = &[FORWARDED, ORIGIN, VIA];
/// The prefixes of others: the fetch metadata of browsers, and what proxies add.
const FOREIGN_PREFIXES: &[&str] = &["sec-fetch-", "x-forwarded-"];
/// The port that a URL may leave out.
const HTTP_PORT: u16 = 80;

/// Why a request is refused. The answer reveals no more than the status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// Not a request of an SDK: a body, no host or two, another form of target, or an invalid TTL.
    Malformed,
    /// A browser, a proxy, or the name of another host, as in DNS rebinding.
    Foreign,
    /// The wrong method for this path; the right one.
    Method(&'static str),
    /// No such path.
    Path,
    /// No token, two, or a wrong one.
    Token,
}

impl Refusal {
    /// Returns the status of the answer.
    pub(super) const fn status(self) -> StatusCode {
        match self {
            Self::Malformed => StatusCode::BAD_REQUEST,
            Self::Foreign => StatusCode::FORBIDDEN,
            Self::Method(_) => StatusCode::METHOD_NOT_ALLOWED,
            Self::Path => StatusCode::NOT_FOUND,
            Self::Token => StatusCode::UNAUTHORIZED,
        }
    }

    /// Returns the reason for the log, which the operator reads.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Malformed => "the request is not one that an SDK sends",
            Self::Foreign => "the request came through a browser or a forwarder, or names another host",
            Self::Method(_) => "the path has another method",
            Self::Path => "there is no such path",
            Self::Token => "the token is missing or not the right one",
        }
    }
}

/// Checks that a request's head is that of a program on this host: HTTP/1.1, without a body, in origin form, for this
/// very endpoint, and from no browser or proxy. `local` is the address it arrived at; `None` for a socket in the file
/// system, which has no name to check.
pub(super) fn check(head: &Parts, local: Option<SocketAddr>) -> Result<(), Refusal> {
    let headers = &head.headers;
    let foreign = |name: &HeaderName| {
        FOREIGN.contains(name) || FOREIGN_PREFIXES.iter().any(|prefix| name.as_str().starts_with(prefix))
    };
    if headers.keys().any(foreign) {
        return Err(Refusal::Foreign);
    }
    if head.version != Version::HTTP_11 || head.uri.authority().is_some() || head.uri.scheme().is_some() {
        return Err(Refusal::Malformed);
    }
    let host = only(headers, &HOST).ok_or(Refusal::Malformed)?;
    if let Some(local) = local
        && !names(host, local)
    {
        return Err(Refusal::Foreign);
    }
    let mut lengths = headers.get_all(CONTENT_LENGTH).iter();
    let is_empty = lengths.next().is_none_or(|length| length == "0") && lengths.next().is_none();
    if headers.contains_key(TRANSFER_ENCODING) || !is_empty {
        return Err(Refusal::Malformed);
    }
    Ok(())
}

/// Returns whether a `Host` names this endpoint: the literal address or `localhost`, with the port.
fn names(host: &HeaderValue, local: SocketAddr) -> bool {
    let port = local.port();
    let literal = if local.is_ipv6() { format!("[{}]", local.ip()) } else { local.ip().to_string() };
    [literal.as_str(), "localhost"].iter().any(|name| {
        let is = |text: &str| host.as_bytes().eq_ignore_ascii_case(text.as_bytes());
        is(&format!("{name}:{port}")) || (port == HTTP_PORT && is(name))
    })
}

/// Returns the value of a header that occurs exactly once.
pub(super) fn only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a HeaderValue> {
    let mut values = headers.get_all(name).iter();
    let first = values.next();
    if values.next().is_some() { None } else { first }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(headers: &[(&str, &str)]) -> Parts {
        let mut request = hyper::Request::get("/");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(()).unwrap().into_parts().0
    }

    #[test]
    fn only_the_endpoint_itself_is_a_host() {
        let v4 = SocketAddr::from(([127, 0, 0, 1], 9911));
        let v6: SocketAddr = "[::1]:9911".parse().unwrap();
        let metadata = SocketAddr::from(([169, 254, 169, 254], 80));
        for (local, host, expected) in [
            (v4, "127.0.0.1:9911", true),
            (v4, "LocalHost:9911", true),
            (v4, "127.0.0.1", false),
            (v4, "127.0.0.1:80", false),
            (v4, "evil", false),
            (v4, "127.0.0.1.evil:9911", false),
            (v4, "localhost.evil:9911", false),
            (v4, "user@127.0.0.1:9911", false),
            (v4, "[::1]:9911", false),
            (v6, "[::1]:9911", true),
            (v6, "localhost:9911", true),
            (v6, "127.0.0.1:9911", false),
            (metadata, "169.254.169.254", true),
            (metadata, "169.254.169.254:80", true),
            (metadata, "127.0.0.1", false),
        ] {
            let outcome = check(&head(&[("host", host)]), Some(local));
            assert_eq!(outcome.is_ok(), expected, "{local} {host}");
        }
        assert_eq!(check(&head(&[]), Some(v4)), Err(Refusal::Malformed));
        assert_eq!(check(&head(&[("host", "a"), ("host", "a")]), None), Err(Refusal::Malformed));
        assert_eq!(check(&head(&[("host", "anything")]), None), Ok(()));
    }
}
