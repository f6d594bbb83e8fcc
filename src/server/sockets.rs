//! Whose socket is the other end of a connection on this host, as the kernel tells.
//!
//! The exact connection is asked for, by both its addresses and ports: a listener of somebody else on the same port, or a socket that
//! has lost its process, is no answer.

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

/// The time in which this process must reach a port of its own.
const REACH_TIME: Duration = Duration::from_secs(5);

/// How this host tells whose a socket is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sockets {
    /// By a question to the kernel about one connection (sock_diag(7)).
    #[cfg(target_os = "linux")]
    Asked,
    /// By the tables in `/proc/net`, which are read to the row: where a sandbox allows no netlink.
    #[cfg(target_os = "linux")]
    Listed,
    /// Not at all.
    Untold,
}

/// A socket as the kernel tells it.
#[cfg(target_os = "linux")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Owner {
    user: u32,
    inode: u64,
}

impl Sockets {
    /// Finds out how this host tells, by a connection to itself.
    ///
    /// # Errors
    ///
    /// Fails where this process does not reach itself on 127.0.0.1: the interface `lo` is down, though Linux gives a port there.
    pub fn probe() -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let stream = TcpStream::connect_timeout(&address, REACH_TIME)?;
        let peer = stream.local_addr()?;
        Ok(Self::WAYS.iter().copied().find(|way| way.owner_is_told(address, peer)).unwrap_or(Self::Untold))
    }

    #[cfg(target_os = "linux")]
    const WAYS: [Self; 2] = [Self::Asked, Self::Listed];
    #[cfg(not(target_os = "linux"))]
    const WAYS: [Self; 0] = [];

    #[cfg(target_os = "linux")]
    fn owner_is_told(self, local: SocketAddr, peer: SocketAddr) -> bool {
        self.owner(local, peer).is_some()
    }

    #[cfg(not(target_os = "linux"))]
    const fn owner_is_told(self, _local: SocketAddr, _peer: SocketAddr) -> bool {
        false
    }

    /// Tells whether this process's own user can be told from others: not where a user namespace shows one number for all whom it
    /// does not know, and then nobody is admitted.
    pub fn know_own_user(self) -> bool {
        #[cfg(target_os = "linux")]
        return self == Self::Untold || tables::is_known(rustix::process::geteuid().as_raw());
        #[cfg(not(target_os = "linux"))]
        true
    }

    /// Returns who opened a connection: `local` is its address here, `peer` the one there.
    pub fn caller(self, local: SocketAddr, peer: SocketAddr) -> Caller {
        #[cfg(target_os = "linux")]
        if self != Self::Untold {
            let owner = self.owner(local, peer).filter(|owner| tables::is_known(owner.user));
            return owner.map_or(Caller::Unknown, |Owner { user, inode }| {
                Caller::User(Peer { user, socket: Some(inode), process: None })
            });
        }
        let _ = (local, peer);
        Caller::Untold
    }

    #[cfg(target_os = "linux")]
    fn owner(self, local: SocketAddr, peer: SocketAddr) -> Option<Owner> {
        match self {
            Self::Asked => diag::owner(local, peer),
            Self::Listed => tables::owner(local, peer),
            Self::Untold => None,
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

    /// Both ways name the same socket, also for an IPv6 socket that speaks IPv4, and nobody for what is no connection.
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
            if Sockets::probe().unwrap() == Sockets::Asked {
                assert_eq!(diag::owner(local, peer), Some(told), "{target}");
                let elsewhere = SocketAddr::from(([127, 0, 0, 2], peer.port()));
                assert_eq!(diag::owner(local, elsewhere), None);
                assert_eq!(diag::owner(elsewhere, peer), None);
                // The listener itself is no other end.
                assert_eq!(diag::owner(SocketAddr::from(([127, 0, 0, 1], 1)), address), None);
            }
            // Half closed is connected; and once it is closed on both sides nobody is told.
            stream.shutdown(std::net::Shutdown::Write).unwrap();
            assert_eq!(tables::owner(local, peer).map(|owner| owner.user), Some(own));
            drop(stream);
            assert_eq!(tables::owner(local, peer), None);
        }
        assert_eq!(super::listener(address), Some(own));
    }
}
