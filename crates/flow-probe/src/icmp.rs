//! Echo requests and replies (RFC 792, RFC 4443) around a probe packet.
//!
//! The kernel fills in identifier and checksum of what a ping socket sends, and delivers only replies to it.

use std::net::SocketAddr;

/// Length of the header, bytes.
const HEADER: usize = 8;

/// An echo request with `packet` as its data.
pub(crate) fn request(peer: SocketAddr, sequence: u64, packet: &[u8]) -> Vec<u8> {
    let kind = if peer.is_ipv4() { 8 } else { 128 };
    let [.., high, low] = sequence.to_be_bytes();
    let header: [u8; HEADER] = [kind, 0, 0, 0, 0, 0, high, low];
    [&header, packet].concat()
}

/// The data of an echo reply.
pub(crate) fn reply(peer: SocketAddr, datagram: &[u8]) -> Option<&[u8]> {
    let kind = if peer.is_ipv4() { 0 } else { 129 };
    let (header, data) = datagram.split_first_chunk::<HEADER>()?;
    let [found, ..] = header;
    (*found == kind).then_some(data)
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, Ipv6Addr};

    use super::*;

    #[test]
    fn request_carries_the_packet_and_is_no_reply() {
        for (peer, kind) in [((Ipv4Addr::LOCALHOST, 0).into(), 8), ((Ipv6Addr::LOCALHOST, 0).into(), 128)] {
            let mut datagram = request(peer, 0x0001_0203, b"packet");
            assert_eq!(datagram, [&[kind, 0, 0, 0, 0, 0, 2, 3], b"packet".as_slice()].concat());
            assert_eq!(reply(peer, &datagram), None);
            datagram[0] = if peer.is_ipv4() { 0 } else { 129 };
            assert_eq!(reply(peer, &datagram), Some(b"packet".as_slice()));
        }
    }

    #[test]
    fn short_reply_is_none() {
        assert_eq!(reply((Ipv4Addr::LOCALHOST, 0).into(), &[0; 7]), None);
    }
}
