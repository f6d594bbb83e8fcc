//! Asks the link-local address of EC2's metadata service: whether it answers, and whether the instance has a role.
//!
//! IMDSv2 alone: a token first. Only the role's name is asked for, never its credentials. The service is on 169.254.169.254, or
//! where `AWS_EC2_METADATA_SERVICE_ENDPOINT` says, if that is a loopback or link-local address; nothing leaves the host.

use std::io::{Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use super::Host;
use crate::text::printable;

/// How long each of the two questions may take. In a container that is too many hops away no answer comes at all.
const PATIENCE: Duration = Duration::from_secs(1);
/// The most bytes of an answer.
const LIMIT: usize = 16 * 1024;

/// What the metadata service says.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    /// Nobody answered in time: not on EC2, or too many hops away.
    None,
    /// It was not asked, and why.
    NotAsked(String),
    /// Somebody answered, and not as IMDSv2 does: another cloud, or a proxy.
    Other(String),
    /// An instance with a role, by its name.
    Role(String),
    /// An instance without a role.
    WithoutRole,
}

/// Asks.
pub fn ask(host: &Host) -> Answer {
    if host.variable("AWS_EC2_METADATA_DISABLED").is_some_and(|value| value.eq_ignore_ascii_case("true")) {
        return Answer::NotAsked(String::from("AWS_EC2_METADATA_DISABLED is true"));
    }
    let address = match host.variable("AWS_EC2_METADATA_SERVICE_ENDPOINT") {
        None => SocketAddr::from((Ipv4Addr::new(169, 254, 169, 254), 80)),
        Some(url) => match address(&url) {
            Some(address) => address,
            None => {
                return Answer::NotAsked(String::from(
                    "AWS_EC2_METADATA_SERVICE_ENDPOINT is no loopback or link-local address",
                ));
            }
        },
    };
    let header = "X-aws-ec2-metadata-token-ttl-seconds: 60\r\n";
    let token = match request(address, "PUT", "/latest/api/token", header) {
        None => return Answer::None,
        Some((200, token)) if is_token(&token) => token,
        Some((status, _)) => {
            return Answer::Other(format!("it answered {status} to the question for a token"));
        }
    };
    let header = format!("X-aws-ec2-metadata-token: {token}\r\n");
    match request(address, "GET", "/latest/meta-data/iam/security-credentials/", &header) {
        None => Answer::None,
        Some((200, role)) => Answer::Role(printable(role.lines().next().unwrap_or_default())),
        Some((404, _)) => Answer::WithoutRole,
        Some((status, _)) => Answer::Other(format!("it answered {status} to the question for a role")),
    }
}

/// Returns the address of `http://ADDRESS[:PORT]`, if it is one that stays on the host or its link.
fn address(url: &str) -> Option<SocketAddr> {
    let authority = url.strip_prefix("http://")?.trim_end_matches('/');
    let address = authority
        .parse::<SocketAddr>()
        .or_else(|_| authority.trim_matches(['[', ']']).parse::<IpAddr>().map(|ip| SocketAddr::new(ip, 80)));
    address.ok().filter(|address| match address.ip() {
        IpAddr::V4(ip) => ip.is_loopback() || ip.is_link_local(),
        // The metadata service's own, by IPv6.
        IpAddr::V6(ip) => ip.is_loopback() || ip.segments() == [0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254],
    })
}

fn is_token(token: &str) -> bool {
    !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic())
}

/// Sends a request without a body, and returns the status and the body; `None` where no whole answer comes in time.
fn request(address: SocketAddr, method: &str, path: &str, header: &str) -> Option<(u16, String)> {
    let deadline = Instant::now() + PATIENCE;
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE).ok()?;
    stream.set_write_timeout(Some(PATIENCE)).ok()?;
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: {address}\r\nUser-Agent: anyrole/{}\r\n{header}Content-Length: 0\r\nConnection: close\r\n\r\n",
        env!("CARGO_PKG_VERSION")
    );
    stream.write_all(request.as_bytes()).ok()?;
    let mut answer = Vec::new();
    let mut piece = [0; 1024];
    while !is_whole(&answer) && answer.len() < LIMIT {
        let left = deadline.checked_duration_since(Instant::now()).filter(|left| !left.is_zero())?;
        stream.set_read_timeout(Some(left)).ok()?;
        match stream.read(&mut piece).ok()? {
            0 => break,
            count => answer.extend_from_slice(piece.get(..count)?),
        }
    }
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    Some((status, body.trim().to_owned()))
}

/// Tells whether an answer has as many bytes as it says; without a length it ends with the connection.
fn is_whole(answer: &[u8]) -> bool {
    let text = String::from_utf8_lossy(answer);
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
    });
    length.is_some_and(|length| body.len() >= length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_leaves_the_host() {
        for url in
            ["http://127.0.0.1:9911", "http://169.254.169.254/", "http://[fd00:ec2::254]", "http://[::1]:80"]
        {
            assert!(address(url).is_some(), "{url}");
        }
        for url in
            ["http://203.0.113.1", "https://169.254.169.254", "http://example.com", "http://10.0.0.1:80"]
        {
            assert!(address(url).is_none(), "{url}");
        }
    }
}
