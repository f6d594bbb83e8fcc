//! Where an endpoint listens: addresses of this host only, a socket in the file system, and sockets that systemd
//! passes.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;

use tokio::net::TcpListener;

use super::caller::user_name;
use super::sockets;
use super::tls::Tls;
use crate::diagnostic::{Diagnostic, Fact, Fault};
use crate::text::quoted;

/// The ids of this module's errors.
pub const IDS: &[&str] = &["endpoint-not-bound", "endpoint-not-local", "sockets-not-usable", "tls-files"];

/// The addresses of AWS's metadata and container services: local to this host if they were added to `lo`.
const AWS_ADDRESSES: [IpAddr; 4] = [
    IpAddr::V4(Ipv4Addr::new(169, 254, 169, 254)),
    IpAddr::V4(Ipv4Addr::new(169, 254, 170, 2)),
    IpAddr::V4(Ipv4Addr::new(169, 254, 170, 23)),
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254)),
];
/// The most sockets that systemd may pass.
#[cfg(unix)]
const MOST_PASSED: usize = 16;

/// A place where callers connect.
#[derive(Debug)]
pub enum Listener {
    /// An address and a port.
    Tcp(TcpListener),
    /// A socket in the file system.
    #[cfg(unix)]
    File(FileListener),
    /// An address that other hosts reach, under TLS.
    Remote(TcpListener, Tls),
}

/// A socket in the file system, removed at the end if it was created here.
#[cfg(unix)]
#[derive(Debug)]
pub struct FileListener {
    listener: tokio::net::UnixListener,
    made: Option<PathBuf>,
}

#[cfg(unix)]
impl FileListener {
    /// Waits for the next connection.
    ///
    /// # Errors
    ///
    /// Fails if the system cannot accept, for example for lack of descriptors.
    pub(super) async fn accept(&self) -> io::Result<(tokio::net::UnixStream, tokio::net::unix::SocketAddr)> {
        self.listener.accept().await
    }
}

#[cfg(unix)]
impl Drop for FileListener {
    fn drop(&mut self) {
        if let Some(path) = &self.made {
            // A leftover file is replaced at the next start.
            let _ = std::fs::remove_file(path);
        }
    }
}

/// Why an endpoint cannot listen.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// An address cannot be listened on.
    #[error("cannot listen on {address}")]
    Address {
        /// The address and port.
        address: SocketAddr,
        /// The user who already listens there, if any.
        holder: Option<u32>,
        /// Why not.
        source: io::Error,
    },
    /// This process cannot reach itself.
    #[error("cannot listen on 127.0.0.1 for the programs that ask for credentials")]
    Unreachable(#[source] io::Error),
    /// Other hosts could reach it.
    #[error("{address} is not an address of this host alone")]
    NotLocal {
        /// The address.
        address: IpAddr,
    },
    /// A socket in the file system cannot be created.
    #[error("cannot make the socket {}", quoted(&path.to_string_lossy()))]
    File {
        /// Its path.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A socket that was passed cannot be used.
    #[error("the sockets that were handed over cannot be used: {0}")]
    Passed(String),
}

impl Diagnostic for ListenError {
    fn id(&self) -> &'static str {
        match self {
            Self::Address { .. } | Self::Unreachable(_) | Self::File { .. } => "endpoint-not-bound",
            Self::NotLocal { .. } => "endpoint-not-local",
            Self::Passed(_) => "sockets-not-usable",
        }
    }

    fn fault(&self) -> Fault {
        match self {
            Self::Address { .. } | Self::Unreachable(_) | Self::File { .. } => Fault::Local,
            Self::NotLocal { .. } | Self::Passed(_) => Fault::Usage,
        }
    }

    fn facts(&self) -> Vec<Fact> {
        let Self::Address { holder: Some(user), .. } = self else { return Vec::new() };
        let name = user_name(*user).map(|name| format!(" ({})", quoted(&name))).unwrap_or_default();
        vec![Fact::new("held by", format!("user {user}{name}"))]
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Unreachable(_) => {
                String::from("'ip address show lo' tells whether the loopback interface is up")
            }
            Self::Address { address, source, .. } if source.kind() == io::ErrorKind::AddrInUse => format!(
                "'ss -ltnp sport = :{}' run as root names the process; --port takes another port, 0 any that is free",
                address.port()
            ),
            Self::Address { source, .. } if source.kind() == io::ErrorKind::PermissionDenied => String::from(
                "ports below 1024 are root's: let systemd hand the socket over, or take another --port",
            ),
            Self::Address { address, .. } => {
                format!("give it to the loopback interface: ip address add {} dev lo", address.ip())
            }
            Self::NotLocal { address } if AWS_ADDRESSES.contains(address) => {
                format!("give it to the loopback interface first: ip address add {address} dev lo")
            }
            Self::NotLocal { .. } => String::from(
                "take 127.0.0.1 or ::1; for containers and other users there is --socket, a file that is mounted or shared; for other \
                 hosts --allow-remote, with --tls-certificate and --tls-key",
            ),
            Self::File { source, .. } if source.kind() == io::ErrorKind::AddrInUse => String::from(
                "another server answers there, or the file is no socket of this user: give another path",
            ),
            Self::File { .. } => String::from(
                "its folder must be there and writable by this user; a path has at most 107 octets",
            ),
            Self::Passed(_) => String::from(
                "a .socket unit has ListenStream=127.0.0.1:9911, ListenStream=[::1]:9911 or a path, Accept=no, and its service starts \
                 this program directly, with no shell before it",
            ),
        })
    }
}

impl Listener {
    /// Listens on a free port of 127.0.0.1.
    ///
    /// # Errors
    ///
    /// Fails if the system provides no port.
    pub async fn on_free_port() -> Result<(Self, SocketAddr), ListenError> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(ListenError::Unreachable)?;
        let address = listener.local_addr().map_err(ListenError::Unreachable)?;
        Ok((Self::Tcp(listener), address))
    }

    /// Listens on an address. Other hosts can reach it only with `tls`; callers then need a token. `hop_limit` is the
    /// IP hop limit of the answers: how many routers they may pass.
    ///
    /// # Errors
    ///
    /// Fails if other hosts could reach the address and there is no `tls`, if somebody already listens there, or if
    /// this host does not have the address.
    pub async fn on(
        address: SocketAddr,
        hop_limit: Option<u8>,
        tls: Option<&Tls>,
    ) -> Result<(Self, SocketAddr), ListenError> {
        let tls = required_tls(address.ip(), tls)?;
        let failed = |source: io::Error| {
            let is_taken = source.kind() == io::ErrorKind::AddrInUse;
            ListenError::Address {
                address,
                holder: is_taken.then(|| sockets::listener(address)).flatten(),
                source,
            }
        };
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        if let Some(limit) = hop_limit {
            set_hop_limit(&listener, address, limit).map_err(failed)?;
        }
        let address = listener.local_addr().map_err(failed)?;
        Ok((Self::joined(listener, tls), address))
    }

    fn joined(listener: TcpListener, tls: Option<Tls>) -> Self {
        match tls {
            Some(tls) => Self::Remote(listener, tls),
            None => Self::Tcp(listener),
        }
    }

    /// Listens on a socket in the file system: for this user only, or for everybody if the caller's user will be
    /// checked.
    ///
    /// A socket that a server left behind is replaced.
    ///
    /// # Errors
    ///
    /// Fails if a server already answers there, or if the socket cannot be created.
    #[cfg(unix)]
    pub async fn in_file(path: &std::path::Path, is_shared: bool) -> Result<Self, ListenError> {
        use std::os::unix::fs::FileTypeExt as _;
        let failed = |source| ListenError::File { path: path.to_owned(), source };
        if let Ok(there) = std::fs::symlink_metadata(path) {
            let is_left_over = there.file_type().is_socket()
                && tokio::net::UnixStream::connect(path)
                    .await
                    .is_err_and(|error| error.kind() == io::ErrorKind::ConnectionRefused);
            if !is_left_over {
                return Err(failed(io::ErrorKind::AddrInUse.into()));
            }
            std::fs::remove_file(path).map_err(failed)?;
        }
        // Closed to others from the start; opened afterwards if the caller's user will be checked.
        let before = rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o177));
        let listener = tokio::net::UnixListener::bind(path);
        rustix::process::umask(before);
        let listener = FileListener { listener: listener.map_err(failed)?, made: Some(path.to_owned()) };
        if is_shared {
            Self::share_file(path)?;
        }
        Ok(Self::File(listener))
    }

    /// Lets every user connect to a socket in the file system; who is answered depends on the caller's user.
    ///
    /// # Errors
    ///
    /// Fails if the file no longer exists.
    #[cfg(unix)]
    pub fn share_file(path: &std::path::Path) -> Result<(), ListenError> {
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o666))
            .map_err(|source| ListenError::File { path: path.to_owned(), source })
    }

    /// Takes over the sockets that systemd passes to this process ([sd_listen_fds]); returns none if there are none.
    ///
    /// [sd_listen_fds]: https://www.freedesktop.org/software/systemd/man/latest/sd_listen_fds.html
    ///
    /// # Errors
    ///
    /// Fails unless all of them are listening sockets, at addresses allowed as in [`Self::on`], and meant for this
    /// process.
    #[cfg(unix)]
    pub fn passed(
        env: &crate::env::Environment,
        tls: Option<&Tls>,
    ) -> Result<Vec<(Self, Option<SocketAddr>)>, ListenError> {
        let unusable = |why: &str| ListenError::Passed(why.to_owned());
        let number = |name: &str| env.os_var(name)?.to_str()?.parse::<usize>().ok();
        let Some(count) = env.os_var("LISTEN_FDS") else { return Ok(Vec::new()) };
        let count = count.to_str().and_then(|count| count.parse().ok()).filter(|count| *count <= MOST_PASSED);
        let count: usize = count.ok_or_else(|| unusable("LISTEN_FDS is not a small number"))?;
        if number("LISTEN_PID") != usize::try_from(std::process::id()).ok() {
            return Err(unusable("LISTEN_PID names another process than this one"));
        }
        let mut passed = listenfd::ListenFd::from_env();
        let mut listeners = Vec::new();
        for index in 0..count {
            if let Ok(Some(listener)) = passed.take_unix_listener(index) {
                check_listens(&listener)?;
                let listener =
                    ready(listener, |it| it.set_nonblocking(true), tokio::net::UnixListener::from_std)?;
                listeners.push((Self::File(FileListener { listener, made: None }), None));
                continue;
            }
            let listener = passed.take_tcp_listener(index).ok().flatten();
            let listener = listener.ok_or_else(|| unusable("one is no stream socket"))?;
            check_listens(&listener)?;
            let address = listener.local_addr().map_err(|error| ListenError::Passed(error.to_string()))?;
            let tls = required_tls(address.ip(), tls)?;
            let listener = ready(listener, |it| it.set_nonblocking(true), TcpListener::from_std)?;
            listeners.push((Self::joined(listener, tls), Some(address)));
        }
        Ok(listeners)
    }
}

/// Returns the TLS that an address that others can reach requires; `None` for one that is local to this host.
fn required_tls(address: IpAddr, tls: Option<&Tls>) -> Result<Option<Tls>, ListenError> {
    if is_loopback(address) {
        return Ok(None);
    }
    tls.cloned().map(Some).ok_or(ListenError::NotLocal { address })
}

/// macOS cannot tell.
#[cfg(target_vendor = "apple")]
fn check_listens(_socket: &impl std::os::fd::AsFd) -> Result<(), ListenError> {
    Ok(())
}

#[cfg(all(unix, not(target_vendor = "apple")))]
fn check_listens(socket: &impl std::os::fd::AsFd) -> Result<(), ListenError> {
    match rustix::net::sockopt::socket_acceptconn(socket) {
        Ok(true) => Ok(()),
        Ok(false) | Err(_) => Err(ListenError::Passed(String::from("one does not listen"))),
    }
}

#[cfg(unix)]
fn ready<L, T>(
    listener: L,
    prepare: impl FnOnce(&L) -> io::Result<()>,
    convert: impl FnOnce(L) -> io::Result<T>,
) -> Result<T, ListenError> {
    prepare(&listener)
        .and_then(|()| convert(listener))
        .map_err(|error| ListenError::Passed(error.to_string()))
}

fn set_hop_limit(listener: &TcpListener, address: SocketAddr, limit: u8) -> io::Result<()> {
    // Accepted connections inherit it from the listener.
    #[cfg(unix)]
    if address.is_ipv6() {
        rustix::net::sockopt::set_ipv6_unicast_hops(listener, Some(limit))?;
        return Ok(());
    }
    let _ = address;
    listener.set_ttl(limit.into())
}

/// Returns whether an address can be reached only from this host: 127.0.0.0/8, ::1, and the addresses of AWS's services
/// while they are assigned to the interface `lo`.
pub fn is_loopback(ip: IpAddr) -> bool {
    ip.is_loopback() || (AWS_ADDRESSES.contains(&ip) && is_on_loopback_interface(ip))
}

#[cfg(unix)]
fn is_on_loopback_interface(ip: IpAddr) -> bool {
    let interfaces = nix::ifaddrs::getifaddrs().into_iter().flatten();
    let mut loopback =
        interfaces.filter(|interface| interface.flags.contains(nix::net::if_::InterfaceFlags::IFF_LOOPBACK));
    loopback.any(|interface| {
        let address = interface.address;
        let v4 = address.as_ref().and_then(|address| Some(IpAddr::V4(address.as_sockaddr_in()?.ip())));
        let v6 = address.as_ref().and_then(|address| Some(IpAddr::V6(address.as_sockaddr_in6()?.ip())));
        v4.or(v6) == Some(ip)
    })
}

#[cfg(not(unix))]
const fn is_on_loopback_interface(_ip: IpAddr) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_hosts_reach_none_of_these() {
        for (address, expected) in [
            ("127.0.0.1", true),
            ("127.1.2.3", true),
            ("::1", true),
            ("0.0.0.0", false),
            ("::", false),
            ("::ffff:127.0.0.1", false),
            ("192.0.2.1", false),
            ("10.0.0.1", false),
            ("169.254.1.1", false),
        ] {
            assert_eq!(is_loopback(address.parse().unwrap()), expected, "{address}");
        }
    }
}
