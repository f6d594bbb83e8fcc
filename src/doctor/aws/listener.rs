//! The endpoint of this host that variables send SDKs to: whether somebody listens there, and who.

use std::net::{IpAddr, SocketAddr, TcpStream};
use std::time::Duration;

use super::super::Check;
use crate::env::Environment;
use crate::private_file;
use crate::text::quoted;

const ID: &str = "local-endpoint";
/// The time for a connection to this machine.
const CONNECT: Duration = Duration::from_millis(500);
/// The variables that name an endpoint by its URL.
const VARIABLES: [&str; 2] = ["AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_EC2_METADATA_SERVICE_ENDPOINT"];
/// The variable that names the file with the token.
const TOKEN_FILE: &str = "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE";
/// The longest token, in bytes.
const LONGEST_TOKEN: u64 = 64 * 1024;

/// Returns the first variable that names an endpoint on this machine, and its address.
pub(super) fn address(env: &Environment) -> Option<(&'static str, SocketAddr)> {
    VARIABLES.into_iter().find_map(|name| {
        let url = env.var(name).ok().flatten()?;
        let rest = url.strip_prefix("http://")?;
        let authority = rest.split('/').next().unwrap_or_default();
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if port.parse::<u16>().is_ok() => (host, port.parse().ok()?),
            Some(_) | None => (authority, 80),
        };
        let host = host.trim_matches(['[', ']']);
        let address = if host == "localhost" { IpAddr::from([127, 0, 0, 1]) } else { host.parse().ok()? };
        address.is_loopback().then(|| (name, SocketAddr::new(address, port)))
    })
}

/// Checks that endpoint; `None` where there is none.
pub(super) fn check(env: &Environment) -> Option<Check> {
    let (variable, address) = address(env)?;
    if let Some(passed_over) = passed_over(variable, env) {
        return Some(passed_over);
    }
    if TcpStream::connect_timeout(&address, CONNECT).is_err() {
        return Some(Check::bad(
            ID,
            format!("{variable} sends SDKs to {address}, and nobody listens there"),
            format!("start anyrole serve, or unset {variable}"),
        ));
    }
    if let Some(wrong) = wrong_token(env) {
        return Some(wrong);
    }
    let own = own_user();
    match owner(address) {
        Some(user) if Some(user) != own && !is_service(user) => Some(Check::bad(
            ID,
            format!(
                "{variable} sends SDKs to {address}, where a program of the user {} listens, who hands out what SDKs take for credentials",
                user_name(user)
            ),
            format!(
                "end that program, or unset {variable}; anyrole serve runs as you, as root or as a system's user"
            ),
        )),
        Some(user) => Some(Check::good(
            ID,
            format!("{variable} sends SDKs to {address}, where {} listens", user_name(user)),
        )),
        None => Some(Check::good(ID, format!("{variable} sends SDKs to {address}, where somebody listens"))),
    }
}

/// Tells of a variable that has SDKs ask somewhere else, or nowhere.
fn passed_over(variable: &'static str, env: &Environment) -> Option<Check> {
    const RELATIVE: &str = "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI";
    const DISABLED: &str = "AWS_EC2_METADATA_DISABLED";
    if variable == VARIABLES[0] && env.os_var(RELATIVE).is_some() {
        let text = format!("{RELATIVE} is set as well: most SDKs take that, and not {variable}");
        return Some(Check::bad(ID, text, format!("unset {RELATIVE}")));
    }
    let is_disabled = env.os_var(DISABLED).is_some_and(|value| value.eq_ignore_ascii_case("true"));
    (variable == VARIABLES[1] && is_disabled).then(|| {
        Check::bad(
            ID,
            format!("{DISABLED} is true: no SDK asks the endpoint of {variable}"),
            format!("unset {DISABLED}"),
        )
    })
}

/// SDKs refuse a token with a line feed, which an editor or echo adds.
fn wrong_token(env: &Environment) -> Option<Check> {
    let path = env.os_var(TOKEN_FILE)?;
    let path = std::path::Path::new(&path);
    let shown = quoted(&path.to_string_lossy());
    match private_file::read_bounded(path, LONGEST_TOKEN) {
        Err(error) => {
            let cure = "name the file that anyrole serve writes";
            let text = format!("{TOKEN_FILE} names {shown}: {}", error.reason);
            Some(Check::bad(ID, text, cure))
        }
        Ok(token) if token.iter().any(|octet| matches!(octet, b'\r' | b'\n')) => Some(Check::bad(
            ID,
            format!("the token in {shown} has a line break, with which SDKs refuse it"),
            format!("write it without one: printf %s \"$(cat {})\" > FILE", path.display()),
        )),
        Ok(_) => None,
    }
}

/// Returns the user who listens at an address, by the kernel's tables.
#[cfg(target_os = "linux")]
fn owner(address: SocketAddr) -> Option<u32> {
    let table = if address.is_ipv4() { "/proc/net/tcp" } else { "/proc/net/tcp6" };
    let table = private_file::read_bounded(std::path::Path::new(table), 64 << 20).ok()?;
    listener(std::str::from_utf8(&table).ok()?, address)
}

#[cfg(not(target_os = "linux"))]
fn owner(_address: SocketAddr) -> Option<u32> {
    None
}

/// Finds a listener in the form of `/proc/net/tcp`: on that address, or on all of them.
#[cfg(target_os = "linux")]
fn listener(table: &str, address: SocketAddr) -> Option<u32> {
    let octets = |address: IpAddr| match address {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets().to_vec(),
    };
    // Each group of four octets is a number in the machine's order.
    let written = |address: IpAddr| {
        let groups = octets(address);
        let groups = groups.chunks(4).filter_map(|group| Some(u32::from_ne_bytes(group.try_into().ok()?)));
        groups.map(|group| format!("{group:08X}")).collect::<String>()
    };
    let any = if address.is_ipv4() { IpAddr::from([0; 4]) } else { IpAddr::from([0; 16]) };
    let port = address.port();
    let wanted = [address.ip(), any].map(|ip| format!("{}:{port:04X}", written(ip)));
    wanted.iter().find_map(|wanted| {
        table.lines().skip(1).find_map(|line| {
            let fields: Vec<&str> = line.split_whitespace().collect();
            let listens = fields.get(1) == Some(&wanted.as_str()) && fields.get(3) == Some(&"0A");
            listens.then(|| fields.get(7)?.parse().ok()).flatten()
        })
    })
}

#[cfg(unix)]
fn own_user() -> Option<u32> {
    Some(rustix::process::geteuid().as_raw())
}

#[cfg(not(unix))]
const fn own_user() -> Option<u32> {
    None
}

/// Tells whether a user is none that a person is: root, a system's user, or one that systemd made for a unit.
const fn is_service(user: u32) -> bool {
    user < 1000 || matches!(user, 61_184..=65_519)
}

fn user_name(user: u32) -> String {
    private_file::user_name(user)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn a_listener_is_found_with_its_user() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n   \
                     0: 0100007F:26B7 00000000:0000 01 00000000:00000000 00:00000000 00000000  1001        0 1 1\n   \
                     1: 0100007F:26B7 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 1 1\n";
        let at = |address: &str| listener(table, address.parse().expect("an address"));
        assert_eq!(at("127.0.0.1:9911"), Some(1000));
        assert_eq!(at("127.0.0.2:9911"), None);
        assert_eq!(at("127.0.0.1:9912"), None);
    }

    #[test]
    fn only_this_machine_counts() {
        let found = |url: &str| {
            address(&Environment::given([(VARIABLES[0], url)])).map(|(_, address)| address.to_string())
        };
        assert_eq!(found("http://127.0.0.1:9911/v1/credentials/a").as_deref(), Some("127.0.0.1:9911"));
        assert_eq!(found("http://[::1]:9911/").as_deref(), Some("[::1]:9911"));
        assert_eq!(found("http://localhost").as_deref(), Some("127.0.0.1:80"));
        assert_eq!(found("http://169.254.170.2/v2"), None);
        assert_eq!(found("https://example.com/"), None);
    }
}
