//! The target of requests: scheme, host, port and base path, checked once.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::diagnostic::{Diagnostic, Fault};
use crate::text::quoted;

/// The longest URL accepted as an endpoint, in characters: far longer than any real one.
const MAX_LENGTH: usize = 2048;

/// The ids of [`EndpointError`].
pub const IDS: &[&str] =
    &["endpoint-insecure", "endpoint-malformed", "endpoint-not-standard", "region-malformed"];

/// `https`, or `http` on loopback.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// Plain HTTP, to a literal loopback address only.
    Http,
    /// HTTP over TLS.
    Https,
}

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Http => "http",
            Self::Https => "https",
        })
    }
}

/// A checked endpoint: `scheme://authority/base/path`.
///
/// The host is in lower case, a default port is left out (so `authority` is the `Host` header), and the base path has
/// no dot segments or empty segments and does not end with a slash.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Endpoint {
    scheme: Scheme,
    host: String,
    port: Option<u16>,
    authority: String,
    base_path: String,
}

/// Why there is no endpoint to call.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EndpointError {
    /// Plain HTTP to something that is not a literal loopback address.
    #[error("the endpoint {} is not HTTPS", quoted(url))]
    Insecure {
        /// The URL as it was given.
        url: String,
    },
    /// The text is not a URL of an endpoint.
    #[error("the endpoint {} is not usable: {why}", quoted(url))]
    Malformed {
        /// The URL as it was given, without any user information.
        url: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// A custom endpoint combined with a choice among AWS's endpoints.
    #[error("the endpoint {} is given, and {option} chooses among AWS's endpoints", quoted(url))]
    NotStandard {
        /// The URL as it was given.
        url: String,
        /// `FIPS` or `dual-stack`.
        option: &'static str,
    },
    /// A region that cannot be part of a host name.
    #[error("the region {} is not a region's name", quoted(region))]
    Region {
        /// The region as it was given.
        region: String,
    },
}

impl Diagnostic for EndpointError {
    fn id(&self) -> &'static str {
        match self {
            Self::Insecure { .. } => "endpoint-insecure",
            Self::Malformed { .. } => "endpoint-malformed",
            Self::NotStandard { .. } => "endpoint-not-standard",
            Self::Region { .. } => "region-malformed",
        }
    }

    fn fault(&self) -> Fault {
        Fault::Usage
    }

    fn hint(&self) -> Option<String> {
        Some(String::from(match self {
            Self::Insecure { .. } => {
                "use https://, or http:// with 127.0.0.1 or [::1]: a signed request is worth a session to its reader"
            }
            Self::Malformed { .. } => "give it as https://HOST[:PORT][/PATH]",
            Self::NotStandard { .. } => {
                "leave out the endpoint, or leave out the option (also AWS_USE_FIPS_ENDPOINT, AWS_USE_DUALSTACK_ENDPOINT)"
            }
            Self::Region { .. } => {
                "a region is written like eu-central-1; it is part of the trust anchor's ARN"
            }
        }))
    }
}

impl Endpoint {
    /// Returns `https://host`, for a host name that was built here.
    pub(crate) fn https(host: String) -> Self {
        Self { scheme: Scheme::Https, authority: host.clone(), host, port: None, base_path: String::new() }
    }

    /// Parses `https://HOST[:PORT][/PATH]`, or `http://` with a literal loopback address.
    ///
    /// # Errors
    ///
    /// Fails for another scheme, plain HTTP to another host, user information, a query, a fragment, a path with `..`,
    /// or characters that do not belong in a URL.
    pub fn parse(url: &str) -> Result<Self, EndpointError> {
        let malformed = |why| EndpointError::Malformed { url: without_userinfo(url), why };
        if url.len() > MAX_LENGTH {
            return Err(malformed("it is longer than 2048 characters"));
        }
        let (scheme, rest) =
            url.split_once("://").ok_or_else(|| malformed("it does not begin with https://"))?;
        let scheme = match scheme.to_ascii_lowercase().as_str() {
            "https" => Scheme::Https,
            "http" => Scheme::Http,
            _ => return Err(malformed("it does not begin with https://")),
        };
        if rest.contains(['?', '#']) {
            return Err(malformed("it holds a query or a fragment"));
        }
        let (authority, path) = rest.find('/').map_or((rest, ""), |slash| rest.split_at(slash));
        if authority.contains('@') {
            return Err(malformed("it holds a user name or a password"));
        }
        let (host, port) = split_port(authority).ok_or_else(|| malformed("its port is not a number"))?;
        let host =
            parse_host(host).ok_or_else(|| malformed("its host is not a host name or an IP address"))?;
        if scheme == Scheme::Http && !is_loopback(&host) {
            return Err(EndpointError::Insecure { url: url.to_owned() });
        }
        let port = port.filter(|port| *port != default_port(scheme));
        let authority = port.map_or_else(|| host.clone(), |port| format!("{host}:{port}"));
        Ok(Self { scheme, host, port, authority, base_path: parse_path(path).map_err(malformed)? })
    }

    /// Returns the scheme.
    pub const fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// Returns the host in lower case; an IPv6 address in brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Returns the port; the scheme's default if none was given.
    pub fn port(&self) -> u16 {
        self.port.unwrap_or_else(|| default_port(self.scheme))
    }

    /// Returns host and port as in the `Host` header: without a default port.
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// Returns the path that precedes that of every request: empty, or `/like/this`.
    pub fn base_path(&self) -> &str {
        &self.base_path
    }

    /// Returns whether the host is a literal loopback address, for which neither the name service nor a proxy is used.
    pub fn is_loopback(&self) -> bool {
        is_loopback(&self.host)
    }
}

/// Renders the URL without a slash at its end.
impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}{}", self.scheme, self.authority, self.base_path)
    }
}

/// Returns a URL without its user information, for errors.
pub(crate) fn without_userinfo(url: &str) -> String {
    let start = url.find("://").map_or(0, |index| index + 3);
    let end = url[start..].find(['/', '?', '#']).map_or(url.len(), |index| start + index);
    match url[start..end].rfind('@') {
        Some(at) => format!("{}…@{}", &url[..start], &url[start + at + 1..]),
        None => url.to_owned(),
    }
}

/// Splits `host[:port]`; an IPv6 address is in brackets.
pub(crate) fn split_port(authority: &str) -> Option<(&str, Option<u16>)> {
    let host_end = authority.rfind(']').map_or(0, |index| index + 1);
    match authority[host_end..].find(':') {
        None => Some((authority, None)),
        Some(colon) => {
            let (host, port) = authority.split_at(host_end + colon);
            let port = &port[1..];
            let digits = !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
            port.parse().ok().filter(|_| digits).map(|port| (host, Some(port)))
        }
    }
}

/// Returns a host in lower case if it is an IP address, or a host name of letters, digits, hyphens and underscores.
///
/// A name whose last label starts with a digit must be an address in the usual form: browsers and HTTP libraries take
/// `127.1` or `0x7f.1` for 127.0.0.1, which nobody means.
pub(crate) fn parse_host(host: &str) -> Option<String> {
    if let Some(address) = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        return address.parse::<Ipv6Addr>().ok().map(|address| format!("[{address}]"));
    }
    let label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && !label.starts_with('-')
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
    };
    let last = host.rsplit('.').next().unwrap_or_default();
    if last.starts_with(|first: char| first.is_ascii_digit()) {
        return host.parse::<Ipv4Addr>().ok().map(|address| address.to_string());
    }
    (host.len() <= 253 && host.split('.').all(label)).then(|| host.to_ascii_lowercase())
}

/// Returns whether a host is 127.0.0.0/8 or ::1, written as an address.
pub(crate) fn is_loopback(host: &str) -> bool {
    host.trim_start_matches('[')
        .trim_end_matches(']')
        .parse::<IpAddr>()
        .is_ok_and(|address| address.is_loopback())
}

const fn default_port(scheme: Scheme) -> u16 {
    match scheme {
        Scheme::Http => 80,
        Scheme::Https => 443,
    }
}

/// Returns a base path without empty and `.` segments, as it will be sent and signed.
fn parse_path(path: &str) -> Result<String, &'static str> {
    let mut normal = String::with_capacity(path.len());
    for segment in path.split('/').filter(|segment| !segment.is_empty() && *segment != ".") {
        if segment == ".." {
            return Err("its path holds '..'");
        }
        if !is_path_segment(segment) {
            return Err("its path holds a character that must be percent-encoded");
        }
        normal.push('/');
        normal.push_str(segment);
    }
    Ok(normal)
}

/// Returns whether a text is `*pchar` (RFC 3986 §3.3) without percent-encoded dots.
fn is_path_segment(segment: &str) -> bool {
    let bytes = segment.as_bytes();
    let percent = |index: usize| {
        matches!(bytes.get(index + 1..index + 3), Some(hex) if hex.iter().all(u8::is_ascii_hexdigit))
            && !bytes[index + 1..].to_ascii_lowercase().starts_with(b"2e")
    };
    bytes.iter().enumerate().all(|(index, byte)| match byte {
        b'%' => percent(index),
        byte => byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@".contains(byte),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(url: &str) -> String {
        Endpoint::parse(url).map_or_else(|error| error.to_string(), |endpoint| endpoint.to_string())
    }

    #[test]
    fn forms() {
        assert_eq!(parse("https://Proxy.Example"), "https://proxy.example");
        assert_eq!(parse("HTTPS://proxy.example:443//ra/./v1/"), "https://proxy.example/ra/v1");
        assert_eq!(parse("https://proxy.example:8443/a%20b"), "https://proxy.example:8443/a%20b");
        assert_eq!(parse("http://127.0.0.1:8080/"), "http://127.0.0.1:8080");
        assert_eq!(parse("http://[::1]:80"), "http://[::1]");
        assert_eq!(parse("https://[::]:8443"), "https://[::]:8443");
        let longest = format!("https://host/{}", "a".repeat(MAX_LENGTH - "https://host/".len()));
        assert_eq!(parse(&longest), longest);
        assert!(parse(&(longest + "a")).contains("longer than 2048"));
        assert_eq!(Endpoint::parse("https://proxy.example").unwrap().port(), 443);
    }

    #[test]
    fn loopback_is_an_address_and_no_name() {
        for (url, expected) in [
            ("http://127.9.9.9:8080", true),
            ("https://[::1]", true),
            ("https://localhost", false),
            ("https://10.0.0.1", false),
        ] {
            assert_eq!(Endpoint::parse(url).unwrap().is_loopback(), expected, "{url}");
        }
    }

    #[test]
    fn what_is_refused() {
        for url in [
            "proxy.example",
            "ftp://proxy.example",
            "https://",
            "https://a b",
            "https://u:p@host",
            "https://host?x",
            "https://host#x",
            "https://host:",
            "https://host:+1",
            "https://host:99999",
            "https://host/a b",
            "https://host/../x",
            "https://host/%2E%2e/x",
            "https://host/%zz",
            "https://-host",
            "https://127.1",
            "https://0x7f.1",
            "https://1",
            "https://[::1",
            "https://::1",
            "https://höst",
            "https://host/ä",
        ] {
            assert!(matches!(Endpoint::parse(url), Err(EndpointError::Malformed { .. })), "{url}");
        }
        for url in ["http://localhost:1", "http://10.0.0.1", "http://[::2]", "http://127.0.0.1.example"] {
            assert!(matches!(Endpoint::parse(url), Err(EndpointError::Insecure { .. })), "{url}");
        }
    }

    #[test]
    fn user_information_is_never_shown() {
        assert!(!parse("https://user:canary@host/").contains("canary"));
        assert!(!parse("ftp://user:canary@host/").contains("canary"));
        assert!(!parse("http://user:can@ary@host/").contains("can@ary"));
        assert_eq!(without_userinfo("user:canary@host"), "…@host");
    }
}
