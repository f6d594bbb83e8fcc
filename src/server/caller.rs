//! Which user opened a connection that arrived on loopback.

use std::fmt;
use std::net::SocketAddr;

/// Who may open connections.
#[derive(Clone, Copy, Debug)]
pub struct Callers {
    /// The one user who may; `None` where the system does not tell who opens a connection.
    user: Option<u32>,
}

/// Whose connection was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stranger {
    /// Another user of this host.
    User(u32),
    /// Somebody the system does not name: gone already, or not on this host.
    Unknown,
}

impl fmt::Display for Stranger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User(uid) => write!(f, "user {uid}"),
            Self::Unknown => f.write_str("an unknown user"),
        }
    }
}

impl Callers {
    /// Admits the user of this process alone; where the system does not tell who opens a connection, everybody, and then the token alone
    /// decides.
    pub fn own_user() -> Self {
        Self { user: system::own_user() }
    }

    /// Tells whether this process's own user can be told from others: not where a user namespace shows one
    /// number for all whom it does not know, and then nobody is admitted.
    pub fn know_own_user(self) -> bool {
        self.user.is_none_or(system::is_known)
    }

    /// Tells whether the system names the user of a connection.
    pub const fn are_known(self) -> bool {
        self.user.is_some()
    }

    /// Decides about a connection by its two addresses: `local` as it is here, `peer` as it is there.
    ///
    /// # Errors
    ///
    /// Returns whose connection it is, where it is not admitted.
    pub fn admit(self, local: SocketAddr, peer: SocketAddr) -> Result<(), Stranger> {
        let Some(user) = self.user else { return Ok(()) };
        match system::user_of(local, peer) {
            Some(uid) if uid == user => Ok(()),
            Some(uid) => Err(Stranger::User(uid)),
            None => Err(Stranger::Unknown),
        }
    }
}

/// The tables of connections in `/proc/net`, which name the user of each socket of this network namespace (proc(5)).
#[cfg(target_os = "linux")]
mod system {
    use std::fs::File;
    use std::io::{BufRead as _, BufReader, Read as _};
    use std::net::{IpAddr, SocketAddr};

    /// The tables, of IPv4 sockets and of IPv6 sockets, which may speak IPv4 too.
    const TABLES: [&str; 2] = ["/proc/net/tcp", "/proc/net/tcp6"];
    /// The most of a table that is read, in bytes: some 400,000 sockets.
    const TABLE_BYTES: u64 = 64 * 1024 * 1024;
    /// The user that stands for all whom a user namespace does not know.
    const OVERFLOW_USER: u32 = 65_534;

    /// The states in which a socket has two ends: ESTABLISHED, FIN_WAIT1, FIN_WAIT2, CLOSE_WAIT.
    const CONNECTED: [&str; 4] = ["01", "04", "05", "08"];

    pub(super) fn own_user() -> Option<u32> {
        File::open(TABLES[0]).ok()?;
        Some(rustix::process::geteuid().as_raw())
    }

    /// Returns the user whose socket is the other end of the connection.
    pub(super) fn user_of(local: SocketAddr, peer: SocketAddr) -> Option<u32> {
        let rows = TABLES.iter().filter_map(|table| File::open(table).ok());
        let rows =
            rows.flat_map(|table| BufReader::new(table.take(TABLE_BYTES)).lines().map_while(Result::ok));
        let mut users = rows.filter_map(|row| user_in_row(&row, local, peer));
        users.next().filter(|user| is_known(*user))
    }

    pub(super) fn is_known(user: u32) -> bool {
        user != OVERFLOW_USER || knows_all_users()
    }

    /// Returns the user of a row, if it is the other end: its local address is our peer.
    pub(super) fn user_in_row(row: &str, local: SocketAddr, peer: SocketAddr) -> Option<u32> {
        let mut columns = row.split_ascii_whitespace();
        let (own, other, state) = (columns.nth(1)?, columns.next()?, columns.next()?);
        if !is(own, peer) || !is(other, local) || !CONNECTED.contains(&state) {
            return None;
        }
        let (user, inode) = (columns.nth(3)?, columns.nth(1)?);
        user.parse().ok().filter(|_| inode != "0")
    }

    /// Tells whether a column, `0100007F:1F90`, is that address: each word of it in the order of this machine.
    fn is(column: &str, address: SocketAddr) -> bool {
        let words = |octets: &[u8]| -> String {
            let words = octets.as_chunks::<4>().0.iter();
            words.map(|word| format!("{:08X}", u32::from_ne_bytes(*word))).collect()
        };
        let port = address.port();
        match address.ip() {
            IpAddr::V4(ip) => {
                column == format!("{}:{port:04X}", words(&ip.octets()))
                    || column == format!("{}:{port:04X}", words(&ip.to_ipv6_mapped().octets()))
            }
            IpAddr::V6(ip) => column == format!("{}:{port:04X}", words(&ip.octets())),
        }
    }

    /// Tells whether this user namespace is the first one, which knows every user.
    fn knows_all_users() -> bool {
        let mut map = String::new();
        let read = File::open("/proc/self/uid_map").and_then(|file| file.take(4096).read_to_string(&mut map));
        read.is_ok() && map.split_ascii_whitespace().eq(["0", "0", "4294967295"])
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        #[cfg(target_endian = "little")]
        fn a_row_counts_only_if_all_of_it_fits() {
            let local = SocketAddr::from(([127, 0, 0, 1], 8080));
            let peer = SocketAddr::from(([127, 0, 0, 1], 40_000));
            let row = |own: &str, other: &str, state: &str, inode: &str| {
                format!(
                    "   1: {own} {other} {state} 00000000:00000000 00:00000000 00000000  1000        0 {inode} 1 0 20 4 30 10 -1"
                )
            };
            let user = |row: &str| user_in_row(row, local, peer);
            assert_eq!(user(&row("0100007F:9C40", "0100007F:1F90", "01", "77")), Some(1000));
            assert_eq!(user(&row("0100007F:9C40", "0100007F:1F90", "08", "77")), Some(1000));
            let mapped = "0000000000000000FFFF00000100007F";
            assert_eq!(
                user(&row(&format!("{mapped}:9C40"), &format!("{mapped}:1F90"), "01", "77")),
                Some(1000)
            );
            // Our own end, another address of the same ports, no owner any more, and a socket that only listens.
            assert_eq!(user(&row("0100007F:1F90", "0100007F:9C40", "01", "77")), None);
            assert_eq!(user(&row("0200007F:9C40", "0100007F:1F90", "01", "77")), None);
            assert_eq!(user(&row("0100007F:9C40", "0300007F:1F90", "01", "77")), None);
            assert_eq!(user(&row("0100007F:9C40", "0100007F:1F90", "01", "0")), None);
            assert_eq!(user(&row("0100007F:9C40", "0100007F:1F90", "0A", "77")), None);
            assert_eq!(user("  sl  local_address rem_address   st"), None);
            assert_eq!(user(""), None);
        }
    }
}

/// Elsewhere nobody is told without code that this program does not carry.
#[cfg(not(target_os = "linux"))]
mod system {
    use std::net::SocketAddr;

    pub(super) const fn own_user() -> Option<u32> {
        None
    }

    pub(super) const fn is_known(_user: u32) -> bool {
        true
    }

    pub(super) const fn user_of(_local: SocketAddr, _peer: SocketAddr) -> Option<u32> {
        None
    }
}
