//! Why a request got no answer.

use std::fmt;
use std::time::Duration;

use super::MAX_BODY;
use super::proxy_answer::Refusal;
use crate::clock::describe_seconds;
use crate::diagnostic::{Diagnostic, Fact, Fault};
use crate::text::quoted;

/// The ids of [`TransportError`].
pub const IDS: &[&str] = &[
    "answer-too-large",
    "ca-bundle-unusable",
    "network-connection-lost",
    "network-connection-refused",
    "network-dns",
    "network-failed",
    "network-proxy-refused",
    "network-redirect",
    "network-timeout",
    "network-tls",
    "network-untrusted-server",
    "no-trusted-roots",
];

/// Why a server's certificate is not trusted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Distrust {
    /// Its validity has ended, by this machine's clock.
    #[error("it has expired by this machine's clock")]
    Expired,
    /// Its validity has not begun, by this machine's clock.
    #[error("it is not valid yet by this machine's clock")]
    NotYetValid,
    /// Anything else, in the words of the TLS library.
    #[error("{0}")]
    Other(String),
    /// It was issued for other hosts.
    #[error("it was issued for another host")]
    OtherHost,
    /// The chain ends at a CA with the name of a trusted one but a different key: an older or newer one, or an
    /// impostor.
    #[error("a trusted root has its issuer's name, but not its key")]
    SameName,
    /// The chain ends at a CA that is not trusted here.
    #[error("its issuer is not among the trusted roots")]
    UnknownIssuer,
}

/// Why a request got no answer. Hosts are as in the URL; a proxy is shown without its password.
#[derive(Clone, Debug, thiserror::Error)]
pub enum TransportError {
    /// The answer is longer than any real one.
    #[error("the answer of {host} is longer than {} KiB", MAX_BODY / 1024)]
    BodyTooLarge {
        /// Who answered.
        host: String,
    },
    /// A CA bundle cannot be used.
    #[error("cannot use the CA bundle {}: {why}", quoted(path))]
    CaBundle {
        /// The file.
        path: String,
        /// What is wrong with it.
        why: String,
        /// What an administrator should run, if this user may not read it.
        cure: Option<String>,
    },
    /// The connection ended before the answer was complete.
    #[error("{host} closed the connection before its answer was complete")]
    ConnectionLost {
        /// The host that was asked.
        host: String,
    },
    /// Nobody listens there, or the network has no route to it.
    #[error("cannot connect to {peer}: {why}")]
    ConnectionRefused {
        /// `host:port`, or the proxy.
        peer: Hop,
        /// What the operating system reports.
        why: String,
    },
    /// No connection within its time limit.
    #[error("cannot connect to {peer} within {}", describe_seconds(after.as_secs()))]
    ConnectTimeout {
        /// `host:port`, or the proxy.
        peer: Hop,
        /// The time limit.
        after: Duration,
    },
    /// The name service has no address for it.
    #[error("cannot find an address for {}", named(host, *is_proxy))]
    Dns {
        /// The name that was looked up.
        host: String,
        /// Whether it is the proxy's.
        is_proxy: bool,
        /// What the operating system reports.
        why: String,
    },
    /// There are no root certificates at all.
    #[error("this machine has no trusted root certificates")]
    NoRoots {
        /// Where they were searched for.
        looked_in: String,
    },
    /// Any other failure on the way.
    #[error("the request to {host} was not answered: {why}")]
    Other {
        /// The host that was asked.
        host: String,
        /// What the HTTP library reports.
        why: String,
    },
    /// The proxy refuses the connection.
    #[error("the proxy {} refused the connection to {host}: {why}", quoted(proxy))]
    ProxyRefused {
        /// The proxy, without its password.
        proxy: String,
        /// The host behind the proxy.
        host: String,
        /// Why it refuses.
        why: Refusal,
    },
    /// The answer is a redirect, which a signed request does not follow.
    #[error("{host} answered with a redirect (HTTP {status}), which a signed request does not follow")]
    Redirect {
        /// Who answered.
        host: String,
        /// 3xx.
        status: u16,
        /// Where to.
        location: Option<String>,
    },
    /// Connected, but no complete answer within the time limit of an attempt.
    #[error("{host} did not answer within {}", describe_seconds(after.as_secs()))]
    Timeout {
        /// The host that was asked.
        host: String,
        /// The time limit.
        after: Duration,
    },
    /// TLS failed for a reason other than trust.
    #[error("cannot agree on TLS with {host}: {why}")]
    Tls {
        /// The host that was asked.
        host: String,
        /// What the TLS library reports.
        why: String,
    },
    /// The server's certificate is not trusted, or not for this host.
    #[error("the TLS certificate of {host} is not trusted: {why}")]
    UntrustedServer {
        /// The host that was asked.
        host: String,
        /// What is wrong with the certificate.
        why: Distrust,
        /// The name of the CA that would have to be trusted, if the certificate reveals it.
        issuer: Option<String>,
    },
}

/// The target of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hop {
    /// The host itself: `host:port`.
    Host(String),
    /// The proxy, without its password.
    Proxy(String),
}

impl fmt::Display for Hop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Host(host) => f.write_str(host),
            Self::Proxy(proxy) => write!(f, "the proxy {proxy}"),
        }
    }
}

fn named(host: &str, is_proxy: bool) -> String {
    format!("the {} {}", if is_proxy { "proxy" } else { "host" }, quoted(host))
}

impl TransportError {
    /// Returns whether another attempt may end differently.
    pub const fn is_transient(&self) -> bool {
        match self {
            Self::ConnectionLost { .. }
            | Self::ConnectionRefused { .. }
            | Self::ConnectTimeout { .. }
            | Self::Dns { .. }
            | Self::Other { .. }
            | Self::Timeout { .. } => true,
            Self::BodyTooLarge { .. }
            | Self::CaBundle { .. }
            | Self::NoRoots { .. }
            | Self::ProxyRefused { .. }
            | Self::Redirect { .. }
            | Self::Tls { .. }
            | Self::UntrustedServer { .. } => false,
        }
    }
}

impl Diagnostic for TransportError {
    fn id(&self) -> &'static str {
        match self {
            Self::BodyTooLarge { .. } => "answer-too-large",
            Self::CaBundle { .. } => "ca-bundle-unusable",
            Self::ConnectionLost { .. } => "network-connection-lost",
            Self::ConnectionRefused { .. } => "network-connection-refused",
            Self::ConnectTimeout { .. } | Self::Timeout { .. } => "network-timeout",
            Self::Dns { .. } => "network-dns",
            Self::NoRoots { .. } => "no-trusted-roots",
            Self::Other { .. } => "network-failed",
            Self::ProxyRefused { .. } => "network-proxy-refused",
            Self::Redirect { .. } => "network-redirect",
            Self::Tls { .. } => "network-tls",
            Self::UntrustedServer { .. } => "network-untrusted-server",
        }
    }

    fn fault(&self) -> Fault {
        match self {
            Self::CaBundle { .. } => Fault::Usage,
            Self::NoRoots { .. } => Fault::Local,
            Self::BodyTooLarge { .. }
            | Self::ConnectionLost { .. }
            | Self::ConnectionRefused { .. }
            | Self::ConnectTimeout { .. }
            | Self::Dns { .. }
            | Self::Other { .. }
            | Self::ProxyRefused { .. }
            | Self::Redirect { .. }
            | Self::Timeout { .. }
            | Self::Tls { .. }
            | Self::UntrustedServer { .. } => Fault::Unreachable,
        }
    }

    fn facts(&self) -> Vec<Fact> {
        match self {
            Self::Dns { why, .. } => vec![Fact::new("name service", why.as_str())],
            Self::NoRoots { looked_in } => vec![Fact::new("looked in", looked_in.as_str())],
            Self::Redirect { location: Some(location), .. } => vec![Fact::new("location", location.as_str())],
            Self::UntrustedServer { issuer: Some(issuer), .. } => {
                vec![Fact::new("issued by", quoted(issuer))]
            }
            Self::BodyTooLarge { .. }
            | Self::CaBundle { .. }
            | Self::ConnectionLost { .. }
            | Self::ConnectionRefused { .. }
            | Self::ConnectTimeout { .. }
            | Self::Other { .. }
            | Self::ProxyRefused { .. }
            | Self::Redirect { location: None, .. }
            | Self::Timeout { .. }
            | Self::Tls { .. }
            | Self::UntrustedServer { issuer: None, .. } => Vec::new(),
        }
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::BodyTooLarge { .. } | Self::Redirect { .. } => {
                "check --endpoint and the proxy: this is not an answer of AWS"
            }
            Self::CaBundle { cure: Some(cure), .. } => return Some(cure.clone()),
            Self::CaBundle { .. } => {
                "give a file of PEM certificates to --ca-bundle, AWS_CA_BUNDLE or --extra-ca"
            }
            Self::ConnectionLost { .. } | Self::Other { .. } | Self::Timeout { .. } => {
                "check the proxy and the firewall between this host and the endpoint; anyrole doctor follows the way"
            }
            Self::ConnectionRefused { peer: Hop::Proxy(_), .. }
            | Self::ConnectTimeout { peer: Hop::Proxy(_), .. } => {
                "check that the proxy runs, and that HTTPS_PROXY or --proxy names it and its port"
            }
            Self::ConnectionRefused { .. } | Self::ConnectTimeout { .. } => {
                "open the way to the endpoint, or name the proxy with HTTPS_PROXY or --proxy"
            }
            Self::Dns { is_proxy: true, .. } => {
                "check the proxy's name in HTTPS_PROXY or --proxy, and this machine's name service"
            }
            Self::Dns { is_proxy: false, .. } => {
                "check the spelling of region and endpoint; where only a proxy knows public names, name it with HTTPS_PROXY or --proxy"
            }
            Self::NoRoots { .. } => "install the package ca-certificates, or give --ca-bundle FILE",
            Self::ProxyRefused { why, .. } => why.cure(),
            Self::Tls { .. } => "the endpoint or a proxy between must speak TLS 1.2 or 1.3",
            Self::UntrustedServer { why: Distrust::Expired | Distrust::NotYetValid, .. } => {
                "check this machine's clock and, where a proxy opens TLS connections, the proxy's certificate"
            }
            Self::UntrustedServer { why: Distrust::OtherHost, .. } => {
                "something else answers under this name: check --endpoint, the name service and the proxy"
            }
            Self::UntrustedServer {
                why: Distrust::Other(_) | Distrust::SameName | Distrust::UnknownIssuer,
                ..
            } => {
                "if a proxy of yours opens TLS connections, add its CA with --extra-ca FILE (--ca-bundle replaces all roots)"
            }
        };
        Some(String::from(hint))
    }
}
