//! The tables of connections in `/proc/net`, which show the user of each socket in this network namespace (proc(5)).

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::Owner;

/// The tables of IPv4 sockets and of IPv6 sockets, which may be used for IPv4 too.
const TABLES: [&str; 2] = ["/proc/net/tcp", "/proc/net/tcp6"];
/// The most read of a table, in bytes: about 400,000 sockets.
const TABLE_BYTES: u64 = 64 * 1024 * 1024;
/// The user number that stands for all users unknown to a user namespace.
const OVERFLOW_USER: u32 = 65_534;

/// The states in which a socket has a peer: ESTABLISHED, FIN_WAIT1, FIN_WAIT2, CLOSE_WAIT.
const CONNECTED: [&str; 4] = ["01", "04", "05", "08"];

/// The state of a listening socket: LISTEN.
const LISTENING: &str = "0A";

/// Returns the owner of the socket at the other end of the connection.
pub(super) fn owner(local: SocketAddr, peer: SocketAddr) -> Option<Owner> {
    rows().find_map(|row| owner_in_row(&row, local, peer))
}

/// Returns the user who listens on an address, or on its port at every address.
pub(super) fn listener(address: SocketAddr) -> Option<u32> {
    let every = [IpAddr::from(Ipv4Addr::UNSPECIFIED), Ipv6Addr::UNSPECIFIED.into()];
    let places = [address.ip(), every[0], every[1]].map(|ip| SocketAddr::new(ip, address.port()));
    rows().find_map(|row| {
        let mut columns = row.split_ascii_whitespace();
        let (own, state) = (columns.nth(1)?, columns.nth(1)?);
        let listens = state == LISTENING && places.iter().any(|place| is(own, *place));
        columns.nth(3).filter(|_| listens)?.parse().ok()
    })
}

fn rows() -> impl Iterator<Item = String> {
    let tables = TABLES.iter().filter_map(|table| File::open(table).ok());
    tables.flat_map(|table| BufReader::new(table.take(TABLE_BYTES)).lines().map_while(Result::ok))
}

/// Returns whether a number identifies one user: the overflow user's does only if this user namespace knows all users.
pub(super) fn is_known(user: u32) -> bool {
    user != OVERFLOW_USER || knows_all_users()
}

/// Returns the owner of a row if it is the other end: its local address is our peer.
fn owner_in_row(row: &str, local: SocketAddr, peer: SocketAddr) -> Option<Owner> {
    let mut columns = row.split_ascii_whitespace();
    let (own, other, state) = (columns.nth(1)?, columns.next()?, columns.next()?);
    if !is(own, peer) || !is(other, local) || !CONNECTED.contains(&state) {
        return None;
    }
    let (user, inode) = (columns.nth(3)?, columns.nth(1)?);
    let owner = Owner { user: user.parse().ok()?, inode: inode.parse().ok()? };
    Some(owner).filter(|owner| owner.inode != 0)
}

/// Returns whether a column, `0100007F:1F90`, is this address: each word of it in this machine's byte order.
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

/// Returns whether this is the initial user namespace, which knows every user.
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
        let user = |row: &str| owner_in_row(row, local, peer).map(|owner| owner.user);
        assert_eq!(user(&row("0100007F:9C40", "0100007F:1F90", "01", "77")), Some(1000));
        assert_eq!(user(&row("0100007F:9C40", "0100007F:1F90", "08", "77")), Some(1000));
        let mapped = "0000000000000000FFFF00000100007F";
        assert_eq!(user(&row(&format!("{mapped}:9C40"), &format!("{mapped}:1F90"), "01", "77")), Some(1000));
        // Our own end, another address with the same ports, a socket without an owner, and a listening socket.
        assert_eq!(user(&row("0100007F:1F90", "0100007F:9C40", "01", "77")), None);
        assert_eq!(user(&row("0200007F:9C40", "0100007F:1F90", "01", "77")), None);
        assert_eq!(user(&row("0100007F:9C40", "0300007F:1F90", "01", "77")), None);
        assert_eq!(user(&row("0100007F:9C40", "0100007F:1F90", "01", "0")), None);
        assert_eq!(user(&row("0100007F:9C40", "0100007F:1F90", "0A", "77")), None);
        assert_eq!(user("  sl  local_address rem_address   st"), None);
        assert_eq!(user(""), None);
    }
}
