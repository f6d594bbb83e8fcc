//! Why a proxy refuses a connection.
//!
//! The HTTP library does not expose the answer to a refused CONNECT. To explain a failure, and only then, the same
//! CONNECT is sent once more here, for its status and the authentication schemes offered (RFC 9110 §9.3.6 and §11.7.1).

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use zeroize::Zeroizing;

/// The longest head that is read, in octets.
const LONGEST_HEAD: usize = 8 * 1024;

/// What a proxy answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ProxyAnswer {
    /// The HTTP status.
    pub(super) status: u16,
    /// The authentication schemes that it offers, in lower case: `basic`, `ntlm`, `negotiate`.
    pub(super) schemes: Vec<String>,
    /// Whether it was sent a user name and a password.
    pub(super) had_password: bool,
}

/// Asks a proxy for the same connection again; `None` if it returns nothing readable in that time.
pub(super) async fn ask(proxy: &str, host: &str, port: u16, longest: Duration) -> Option<ProxyAnswer> {
    tokio::time::timeout(longest, exchange(proxy, host, port)).await.ok().flatten()
}

async fn exchange(proxy: &str, host: &str, port: u16) -> Option<ProxyAnswer> {
    let url = proxy.parse::<reqwest::Url>().ok().filter(|url| url.scheme() == "http")?;
    let address = (url.host_str()?.trim_matches(['[', ']']), url.port_or_known_default()?);
    let mut stream = TcpStream::connect(address).await.ok()?;
    converse(&mut stream, proxy, host, port).await
}

/// Asks a proxy over a connection to it for one to the host; `None` where it says nothing that can be read.
pub(super) async fn converse(
    stream: &mut TcpStream,
    proxy: &str,
    host: &str,
    port: u16,
) -> Option<ProxyAnswer> {
    let proxy = proxy.parse::<reqwest::Url>().ok()?;
    let decoded = |text| percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned();
    let had_password = !proxy.username().is_empty();
    let mut request = Zeroizing::new(format!("CONNECT {host}:{port} HTTP/1.1\r\nHost: {host}:{port}\r\n"));
    if had_password {
        let pair = Zeroizing::new(format!(
            "{}:{}",
            decoded(proxy.username()),
            decoded(proxy.password().unwrap_or_default())
        ));
        request.push_str("Proxy-Authorization: Basic ");
        request.push_str(&STANDARD.encode(pair.as_bytes()));
        request.push_str("\r\n");
    }
    request.push_str("\r\n");
    stream.write_all(request.as_bytes()).await.ok()?;
    let mut head = Vec::new();
    let mut chunk = [0; 1024];
    while !head.windows(4).any(|end| end == b"\r\n\r\n") && head.len() < LONGEST_HEAD {
        match stream.read(&mut chunk).await.ok()? {
            0 => break,
            length => head.extend_from_slice(&chunk[..length]),
        }
    }
    read(&String::from_utf8_lossy(&head), had_password)
}

fn read(head: &str, had_password: bool) -> Option<ProxyAnswer> {
    let mut lines = head.lines();
    let status = lines.next()?.strip_prefix("HTTP/1.")?.get(2..5)?.parse().ok()?;
    let schemes = lines
        .take_while(|line| !line.is_empty())
        .filter_map(|line| line.split_once(':'))
        .filter(|(name, _)| name.trim().eq_ignore_ascii_case("proxy-authenticate"))
        .filter_map(|(_, value)| value.split_whitespace().next())
        .map(|scheme| scheme.trim_end_matches(',').to_ascii_lowercase())
        .collect();
    Some(ProxyAnswer { status, schemes, had_password })
}

impl ProxyAnswer {
    /// Returns why the proxy refuses the connection; `None` if it accepted the second request.
    pub(super) fn refusal(&self) -> Option<Refusal> {
        match self.status {
            200..=299 => None,
            407 if !self.schemes.is_empty() && !self.schemes.iter().any(|scheme| scheme == "basic") => {
                Some(Refusal::OtherAuthentication(self.schemes.join(", ")))
            }
            407 if self.had_password => Some(Refusal::PasswordRefused),
            407 => Some(Refusal::PasswordMissing),
            status => Some(Refusal::Status(status)),
        }
    }
}

/// Why a proxy refuses a connection.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It closed the connection without an answer.
    #[error("it closed the connection")]
    Closed,
    /// It accepts only authentication schemes that this program does not support.
    #[error("it accepts only {0} authentication, and only Basic is used here (HTTP 407)")]
    OtherAuthentication(String),
    /// It requires a user name and a password, and got none.
    #[error("it asks for a user name and a password (HTTP 407)")]
    PasswordMissing,
    /// It rejected the user name and password.
    #[error("it refused the user name and password that it was given (HTTP 407)")]
    PasswordRefused,
    /// Its rules forbid the connection, or it cannot make it.
    #[error("it does not open this connection (HTTP {0})")]
    Status(u16),
    /// It gave no reason.
    #[error("it does not open this connection")]
    Unexplained,
}

impl Refusal {
    /// Returns how to fix it.
    pub(super) const fn cure(&self) -> &'static str {
        match self {
            Self::OtherAuthentication(_) => {
                "name a proxy that takes Basic, or a forwarder on this host that speaks the other kind (cntlm, px)"
            }
            Self::PasswordMissing => {
                "put user and password into the proxy's URL, or except the host with NO_PROXY"
            }
            Self::PasswordRefused => {
                "check user and password in the proxy's URL; in them @ : / and % are percent-encoded"
            }
            Self::Closed | Self::Status(_) | Self::Unexplained => {
                "have the proxy's operator allow the endpoint's host and port, or except the host with NO_PROXY"
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(head: &str, had_password: bool) -> Option<Refusal> {
        read(head, had_password).and_then(|answer| answer.refusal())
    }

    #[test]
    fn a_proxys_refusal_is_told_apart() {
        let basic =
            "HTTP/1.1 407 No\r\nProxy-Authenticate: NTLM\r\nproxy-authenticate: Basic realm=\"x\"\r\n\r\n";
        assert_eq!(refusal(basic, true), Some(Refusal::PasswordRefused));
        assert_eq!(refusal(basic, false), Some(Refusal::PasswordMissing));
        let others = "HTTP/1.0 407 No\r\nProxy-Authenticate: Negotiate\r\nProxy-Authenticate: NTLM\r\n\r\nProxy-Authenticate: Basic";
        assert_eq!(
            refusal(others, true),
            Some(Refusal::OtherAuthentication(String::from("negotiate, ntlm")))
        );
        assert_eq!(refusal("HTTP/1.1 403 Forbidden\r\n\r\n", false), Some(Refusal::Status(403)));
        assert_eq!(refusal("HTTP/1.1 200 Connection established\r\n\r\n", false), None);
        for nonsense in ["", "SSH-2.0-x\r\n", "HTTP/1.1 x\r\n", "HTTP/1."] {
            assert_eq!(refusal(nonsense, false), None, "{nonsense}");
        }
    }
}
