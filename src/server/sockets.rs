//! Which user's socket is at the other end of a connection on this host, according to the kernel.
//!
//! The lookup is for the exact connection, by both addresses and ports: a listener of another user on the same port, or
//! a socket without a process, does not count.

#[cfg(target_os = "linux")]
mod diag;
#[cfg(target_os = "linux")]
mod tables;

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use super::caller::Caller;
#[cfg(target_os = "linux")]
use super::caller::Peer;

/// The time in which this process must reach its own port.
const REACH_TIME: Duration = Duration::from_secs(5);

/// How this host identifies the owner of a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sockets {
    /// By asking the kernel about one connection (sock_diag(7)).
    #[cfg(target_os = "linux")]
    Netlink,
    /// From the tables in `/proc/net`, read up to the row: for sandboxes that do not allow netlink.
    #[cfg(target_os = "linux")]
    ProcNet,
    /// Not possible.
    Unsupported,
}

/// The owner of a socket, according to the kernel.
#[cfg(target_os = "linux")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Owner {
    user: u32,
    inode: u64,
}

impl Sockets {
    /// Finds out which way works here, by a connection to itself.
    ///
    /// # Errors
    ///
    /// Fails if this process cannot reach itself on 127.0.0.1: the interface `lo` is down, although Linux assigns a
    /// port there.
    pub fn probe() -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let stream = TcpStream::connect_timeout(&address, REACH_TIME)?;
        let peer = stream.local_addr()?;
        Ok(Self::WAYS.iter().copied().find(|way| way.finds_owner(address, peer)).unwrap_or(Self::Unsupported))
    }

    #[cfg(target_os = "linux")]
    const WAYS: [Self; 2] = [Self::Netlink, Self::ProcNet];
    #[cfg(not(target_os = "linux"))]
    const WAYS: [Self; 0] = [];

    #[cfg(target_os = "linux")]
    fn finds_owner(self, local: SocketAddr, peer: SocketAddr) -> bool {
        self.owner(local, peer).is_some()
    }

    #[cfg(not(target_os = "linux"))]
    const fn finds_owner(self, _local: SocketAddr, _peer: SocketAddr) -> bool {
        false
    }

    /// Returns whether this process's own user can be told apart from others. In a user namespace that shows one number
    /// for all users outside it, this may be impossible; then nobody is admitted.
    pub fn can_identify_own_user(self) -> bool {
        #[cfg(target_os = "linux")]
        return self == Self::Unsupported || tables::is_known(rustix::process::geteuid().as_raw());
        #[cfg(not(target_os = "linux"))]
        true
    }

    /// Returns who opened a connection: `local` is our address, `peer` the other one.
    pub fn caller(self, local: SocketAddr, peer: SocketAddr) -> Caller {
        #[cfg(target_os = "linux")]
        if self != Self::Unsupported {
            let owner = self.owner(local, peer).filter(|owner| tables::is_known(owner.user));
            return owner.map_or(Caller::Unknown, |Owner { user, inode }| {
                Caller::User(Peer { user, socket: Some(inode), process: None })
            });
        }
        let _ = (local, peer);
        Caller::Unidentifiable
    }

    #[cfg(target_os = "linux")]
    fn owner(self, local: SocketAddr, peer: SocketAddr) -> Option<Owner> {
        match self {
            Self::Netlink => diag::owner(local, peer),
            Self::ProcNet => tables::owner(local, peer),
            Self::Unsupported => None,
        }
    }
}

/// Returns the user who listens on an address, or on its port at every address.
pub(super) fn listener(address: SocketAddr) -> Option<u32> {
    #[cfg(target_os = "linux")]
    return tables::listener(address);
    #[cfg(not(target_os = "linux"))]
    {
        let _ = address;
        None
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    /// Both ways find the same socket, also for IPv4 over an IPv6 socket, and find nothing for what is not a
    /// connection.
    #[test]
    fn both_ways_tell_the_same() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let mapped = SocketAddr::new(Ipv4Addr::LOCALHOST.to_ipv6_mapped().into(), address.port());
        let own = rustix::process::geteuid().as_raw();
        for target in [address, mapped] {
            let stream = TcpStream::connect(target).unwrap();
            let (accepted, peer) = listener.accept().unwrap();
            let local = accepted.local_addr().unwrap();
            let told = tables::owner(local, peer).unwrap();
            assert_eq!(told.user, own);
            if Sockets::probe().unwrap() == Sockets::Netlink {
                assert_eq!(diag::owner(local, peer), Some(told), "{target}");
                let elsewhere = SocketAddr::from(([127, 0, 0, 2], peer.port()));
                assert_eq!(diag::owner(local, elsewhere), None);
                assert_eq!(diag::owner(elsewhere, peer), None);
                // The listener itself is not the other end.
                assert_eq!(diag::owner(SocketAddr::from(([127, 0, 0, 1], 1)), address), None);
            }
            // A half-closed connection still counts; once it is closed on both sides there is no owner.
            stream.shutdown(std::net::Shutdown::Write).unwrap();
            assert_eq!(tables::owner(local, peer).map(|owner| owner.user), Some(own));
            drop(stream);
            assert_eq!(tables::owner(local, peer), None);
        }
        assert_eq!(super::listener(address), Some(own));
    }
}
