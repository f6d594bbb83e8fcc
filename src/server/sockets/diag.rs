//! Asks the kernel about one connection, over netlink (sock_diag(7)): about ten microseconds, however many connections
//! there are.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use netlink_packet_core::{NLM_F_REQUEST, NetlinkHeader, NetlinkMessage, NetlinkPayload};
use netlink_packet_sock_diag::SockDiagMessage;
use netlink_packet_sock_diag::constants::{
    AF_INET, AF_INET6, IPPROTO_TCP, TCP_CLOSE_WAIT, TCP_ESTABLISHED, TCP_FIN_WAIT1, TCP_FIN_WAIT2,
};
use netlink_packet_sock_diag::inet::{ExtensionFlags, InetRequest, InetResponseHeader, SocketId, StateFlags};
use rustix::net::netlink::{SOCK_DIAG, SocketAddrNetlink};
use rustix::net::sockopt::{Timeout, set_socket_timeout};
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, recv, sendto, socket_with};

use super::Owner;

/// More than one answer needs, in bytes.
const ANSWER_BYTES: usize = 4096;
/// The kernel answers at once; this limits the wait in case of a bug.
const ANSWER_TIME: Duration = Duration::from_secs(1);
/// The cookie that asks for no particular socket.
const NO_COOKIE: [u8; 8] = [0xff; 8];

/// Returns the owner of the socket at the other end of the connection.
pub(super) fn owner(local: SocketAddr, peer: SocketAddr) -> Option<Owner> {
    let family = if peer.is_ipv4() { AF_INET } else { AF_INET6 };
    let socket_id = SocketId {
        source_port: peer.port(),
        destination_port: local.port(),
        source_address: peer.ip(),
        destination_address: local.ip(),
        interface_id: 0,
        cookie: NO_COOKIE,
    };
    let request = InetRequest {
        family,
        protocol: IPPROTO_TCP,
        extensions: ExtensionFlags::empty(),
        states: StateFlags::all(),
        socket_id,
    };
    let mut header = NetlinkHeader::default();
    header.flags = NLM_F_REQUEST;
    let mut message = NetlinkMessage::new(header, SockDiagMessage::InetRequest(request).into());
    message.finalize();
    let mut bytes = vec![0; message.buffer_len()];
    message.serialize(&mut bytes);

    let flags = SocketFlags::CLOEXEC;
    let socket = socket_with(AddressFamily::NETLINK, SocketType::DGRAM, flags, Some(SOCK_DIAG)).ok()?;
    set_socket_timeout(&socket, Timeout::Recv, Some(ANSWER_TIME)).ok()?;
    sendto(&socket, &bytes, SendFlags::empty(), &SocketAddrNetlink::new(0, 0)).ok()?;
    let mut answer = vec![0; ANSWER_BYTES];
    let (length, _) = recv(&socket, &mut *answer, RecvFlags::empty()).ok()?;
    let answer = NetlinkMessage::<SockDiagMessage>::deserialize(answer.get(..length)?).ok()?;
    let NetlinkPayload::InnerMessage(SockDiagMessage::InetResponse(response)) = answer.payload else {
        return None;
    };
    let InetResponseHeader { state, socket_id, uid, inode, .. } = response.header;
    let is_connected = matches!(state, TCP_ESTABLISHED | TCP_FIN_WAIT1 | TCP_FIN_WAIT2 | TCP_CLOSE_WAIT);
    // The kernel falls back to a listener on the peer's port, whose owner has nothing to do with this connection.
    let is_this = is(socket_id.source_address, socket_id.source_port, peer)
        && is(socket_id.destination_address, socket_id.destination_port, local);
    (is_connected && is_this && inode != 0).then_some(Owner { user: uid, inode: inode.into() })
}

/// Returns whether this is the address, in either form: an IPv6 socket used for IPv4 has it mapped.
fn is(ip: IpAddr, port: u16, address: SocketAddr) -> bool {
    ip.to_canonical() == address.ip().to_canonical() && port == address.port()
}
