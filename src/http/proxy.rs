//! Which proxy a request uses.
//!
//! Loopback endpoints never use one, and plain HTTP goes only to loopback, so `HTTP_PROXY` has no effect.

use std::fmt;
use std::net::IpAddr;

use crate::diagnostic::{Diagnostic, Fault};
use crate::env::Environment;
use crate::secret::Secret;
use crate::signing::endpoint::{is_loopback, parse_host, split_port, without_userinfo};
use crate::text::quoted;

/// The ids of [`ProxyError`].
pub const IDS: &[&str] = &["proxy-malformed"];

/// The variables that name a proxy: the first that is set wins; upper case first, as in the official helper.
const PROXY_VARIABLES: [&str; 4] = ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"];
/// The variables that list hosts to reach without a proxy.
const NO_PROXY_VARIABLES: [&str; 2] = ["NO_PROXY", "no_proxy"];

/// The proxy, and the hosts that are reached without it.
#[derive(Debug, Default)]
pub struct Proxies {
    proxy: Option<Proxy>,
    exceptions: Vec<Exception>,
}

/// A proxy. Its URL may contain a password.
struct Proxy {
    url: Secret<String>,
    shown: String,
}

/// Shows the URL without user name and password.
impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

/// A text that is not a proxy's URL. The text itself is not shown: it may contain a password.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{origin} does not name a usable proxy {}: {why}", quoted(shown))]
pub struct ProxyError {
    /// The flag or variable.
    pub origin: &'static str,
    /// The text without user name and password.
    pub shown: String,
    /// What is wrong with it.
    pub why: &'static str,
}

impl Diagnostic for ProxyError {
    fn id(&self) -> &'static str {
        "proxy-malformed"
    }

    fn fault(&self) -> Fault {
        Fault::Usage
    }

    fn hint(&self) -> Option<String> {
        Some(String::from(
            "a proxy is written http://[USER:PASSWORD@]HOST[:PORT], or https:// where it speaks TLS",
        ))
    }
}

impl Proxies {
    /// Uses one proxy for every host but loopback.
    ///
    /// # Errors
    ///
    /// Fails if the text is not the URL of an HTTP proxy.
    pub fn explicit(url: &str) -> Result<Self, ProxyError> {
        Ok(Self { proxy: Some(Proxy::parse("--proxy", url)?), exceptions: Vec::new() })
    }

    /// Takes the proxy and its exceptions from the environment: `HTTPS_PROXY`, `ALL_PROXY`, `NO_PROXY`, in upper or
    /// lower case.
    ///
    /// Exceptions are separated by commas. Each is a host name (that host and all below it), `.name` (all below it), an
    /// IP address, a network (`10.0.0.0/8`), or `*`; all but networks and `*` may have a port, and then apply only to
    /// that.
    ///
    /// # Errors
    ///
    /// Fails if the variable that is used does not hold the URL of an HTTP proxy.
    pub fn from_environment(env: &Environment) -> Result<Self, ProxyError> {
        let mut proxy = None;
        for origin in PROXY_VARIABLES {
            if let Some(value) = env.os_var(origin) {
                let value = Secret::new(value.into_string().map_err(|_| ProxyError {
                    origin,
                    shown: String::from("…"),
                    why: "it is not UTF-8",
                })?);
                proxy = Some(Proxy::parse(origin, value.expose())?);
                break;
            }
        }
        let exceptions = NO_PROXY_VARIABLES.iter().find_map(|name| env.os_var(name)).unwrap_or_default();
        let exceptions = exceptions.to_string_lossy().split(',').filter_map(Exception::parse).collect();
        Ok(Self { proxy, exceptions })
    }

    /// Returns the URL of the proxy for a host, which may contain a password.
    pub(super) fn url_for(&self, host: &str, port: u16) -> Option<&str> {
        self.proxy_for(host, port).map(|proxy| proxy.url.expose().as_str())
    }

    /// Returns the URL of the proxy for a host, without user name and password; `None` for a direct connection.
    pub fn shown_for(&self, host: &str, port: u16) -> Option<&str> {
        self.proxy_for(host, port).map(|proxy| proxy.shown.as_str())
    }

    fn proxy_for(&self, host: &str, port: u16) -> Option<&Proxy> {
        let excepted = || self.exceptions.iter().any(|exception| exception.covers(host, port));
        self.proxy.as_ref().filter(|_| !is_loopback(host) && !excepted())
    }
}

impl Proxy {
    fn parse(origin: &'static str, text: &str) -> Result<Self, ProxyError> {
        let text = text.trim();
        let shown = without_userinfo(text);
        let error = |why| ProxyError { origin, shown: shown.clone(), why };
        let (scheme, rest) = text.split_once("://").unwrap_or(("http", text));
        match scheme.to_ascii_lowercase().as_str() {
            "http" | "https" => {}
            "socks" | "socks4" | "socks4a" | "socks5" | "socks5h" => {
                return Err(error("SOCKS is not supported"));
            }
            _ => return Err(error("it is neither http:// nor https://")),
        }
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let (userinfo, host) =
            authority.rsplit_once('@').map_or((None, authority), |(user, host)| (Some(user), host));
        let (host, port) = split_port(host).ok_or_else(|| error("its port is not a number"))?;
        let host = parse_host(host).ok_or_else(|| error("its host is not a host name or an IP address"))?;
        if userinfo.is_some_and(|text| !text.bytes().all(|byte| byte.is_ascii_graphic())) {
            return Err(error("its user name or password must be percent-encoded"));
        }
        let port = port.map(|port| format!(":{port}")).unwrap_or_default();
        let at = userinfo.map(|text| format!("{text}@")).unwrap_or_default();
        let scheme = scheme.to_ascii_lowercase();
        Ok(Self { url: Secret::new(format!("{scheme}://{at}{host}{port}")), shown })
    }
}

/// One entry of `NO_PROXY`.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Exception {
    Address(IpAddr, Option<u16>),
    All,
    /// A name and all below it; with `below`, only what is below it.
    Name {
        name: String,
        below: bool,
        port: Option<u16>,
    },
    Network {
        address: IpAddr,
        bits: u32,
    },
}

impl Exception {
    /// Returns `None` for an entry without meaning; by convention such entries are ignored.
    fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        if text == "*" {
            return Some(Self::All);
        }
        if let Some((address, bits)) = text.split_once('/') {
            let address: IpAddr = address.parse().ok()?;
            let bits = bits.parse().ok().filter(|bits| *bits <= width(address))?;
            return Some(Self::Network { address, bits });
        }
        if let Ok(address) = text.parse() {
            return Some(Self::Address(address, None));
        }
        let (host, port) = split_port(text)?;
        if let Ok(address) = host.trim_matches(['[', ']']).parse() {
            return Some(Self::Address(address, port));
        }
        let host = host.strip_prefix('*').unwrap_or(host).to_ascii_lowercase();
        let name = host.strip_prefix('.').unwrap_or(&host);
        (!name.is_empty()).then(|| Self::Name { name: name.to_owned(), below: host.starts_with('.'), port })
    }

    fn covers(&self, host: &str, port: u16) -> bool {
        let literal = || host.trim_matches(['[', ']']).parse::<IpAddr>().ok();
        let same_port = |wanted: Option<u16>| wanted.is_none_or(|wanted| wanted == port);
        match self {
            Self::Address(address, wanted) => literal() == Some(*address) && same_port(*wanted),
            Self::All => true,
            Self::Name { name, below, port: wanted } => {
                let is_below = host.strip_suffix(name.as_str()).is_some_and(|rest| rest.ends_with('.'));
                (is_below || (!below && host == name)) && same_port(*wanted)
            }
            Self::Network { address, bits } => {
                literal().is_some_and(|host| in_network(host, *address, *bits))
            }
        }
    }
}

const fn width(address: IpAddr) -> u32 {
    match address {
        IpAddr::V4(_) => 32,
        IpAddr::V6(_) => 128,
    }
}

fn in_network(host: IpAddr, network: IpAddr, bits: u32) -> bool {
    let number = |address: IpAddr| match address {
        IpAddr::V4(address) => u128::from(address.to_bits()),
        IpAddr::V6(address) => address.to_bits(),
    };
    let shift = width(network) - bits;
    let prefix = |address: IpAddr| number(address).checked_shr(shift).unwrap_or(0);
    width(host) == width(network) && prefix(host) == prefix(network)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn excepted(no_proxy: &str, host: &str, port: u16) -> bool {
        let env = Environment::given([("https_proxy", "http://proxy.example:3128"), ("no_proxy", no_proxy)]);
        Proxies::from_environment(&env).unwrap().shown_for(host, port).is_none()
    }

    #[test]
    fn exceptions() {
        assert!(!excepted("", "sts.eu-west-1.amazonaws.com", 443));
        assert!(excepted("*", "sts.eu-west-1.amazonaws.com", 443));
        assert!(excepted("a.example, amazonaws.com", "sts.eu-west-1.amazonaws.com", 443));
        assert!(excepted(".amazonaws.com", "sts.eu-west-1.amazonaws.com", 443));
        assert!(excepted("*.amazonaws.com", "sts.eu-west-1.amazonaws.com", 443));
        assert!(!excepted(".amazonaws.com", "amazonaws.com", 443));
        assert!(!excepted("aws.com", "sts.eu-west-1.amazonaws.com", 443));
        assert!(excepted("Host.Example:8443", "host.example", 8443));
        assert!(!excepted("host.example:8443", "host.example", 443));
        assert!(excepted("10.0.0.0/8", "10.1.2.3", 443));
        assert!(excepted("0.0.0.0/0", "10.1.2.3", 443));
        assert!(!excepted("10.0.0.0/8", "11.1.2.3", 443));
        assert!(!excepted("10.0.0.0/33,,:,/", "10.1.2.3", 443));
        assert!(excepted("fd00::/8", "[fd00::1]", 443));
        assert!(excepted("fd00::1", "[fd00::1]", 443));
        assert!(excepted("[fd00::1]:443", "[fd00::1]", 443));
    }

    #[test]
    fn loopback_takes_no_proxy() {
        let proxies = Proxies::explicit("http://proxy.example").unwrap();
        assert_eq!(proxies.shown_for("127.0.0.1", 80), None);
        assert_eq!(proxies.shown_for("[::1]", 443), None);
        assert_eq!(proxies.shown_for("sts.eu-west-1.amazonaws.com", 443), Some("http://proxy.example"));
    }

    #[test]
    fn the_password_is_never_shown() {
        let proxies = Proxies::explicit("http://user:canary@proxy.example:3128/").unwrap();
        assert!(!format!("{proxies:?}").contains("canary"));
        assert_eq!(proxies.shown_for("host.example", 443), Some("http://…@proxy.example:3128/"));
        assert_eq!(proxies.url_for("host.example", 443), Some("http://user:canary@proxy.example:3128"));
        for url in [
            "socks5://user:canary@host",
            "http://user:can@ary@ho st",
            "user:canary@host:port",
            "ftp://canary@x",
        ] {
            let error = Proxies::explicit(url).unwrap_err();
            assert!(!format!("{error} {error:?}").contains("canary"), "{error:?}");
        }
    }

    #[test]
    fn the_environment_is_asked_in_order() {
        let env = Environment::given([("ALL_PROXY", "socks5://x"), ("https_proxy", "proxy.example:3128")]);
        let proxies = Proxies::from_environment(&env).unwrap();
        assert_eq!(proxies.url_for("host.example", 443), Some("http://proxy.example:3128"));
        let none =
            Proxies::from_environment(&Environment::given([("HTTP_PROXY", "http://proxy.example")])).unwrap();
        assert_eq!(none.url_for("host.example", 443), None);
    }
}
