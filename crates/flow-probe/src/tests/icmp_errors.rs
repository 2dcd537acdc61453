//! What routers say about a probe, or what somebody says in their name, costs no other probe. Needs root.

use std::os::fd::AsRawFd;
use std::os::fd::OwnedFd;

use nix::sys::socket::{
    AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, SockaddrIn, sendto, socket,
};

use super::*;

/// Codes of "destination unreachable" (RFC 792, RFC 1122, RFC 1812) that the kernel tells the sender.
const CODES: [(u8, &str); 6] = [
    (2, "no such protocol"),
    (3, "no such port"),
    (4, "larger than the next hop's MTU"),
    (9, "the network is prohibited"),
    (10, "the host is prohibited"),
    (13, "prohibited by a filter"),
];

/// Sends what a router would that could not deliver a datagram from `source` to `target`.
fn complain(raw: &OwnedFd, code: u8, source: SocketAddr, target: SocketAddr) {
    let (SocketAddr::V4(source), SocketAddr::V4(target)) = (source, target) else { unreachable!() };
    let mut message = vec![3, code, 0, 0, 0, 0, 5, 220];
    // The header of the datagram that could not be delivered, with the protocol UDP, and the first 8 bytes after it.
    message.extend([0x45, 0, 0, 128, 0, 0, 0x40, 0, 64, 17, 0, 0]);
    message.extend(source.ip().octets());
    message.extend(target.ip().octets());
    for number in [source.port(), target.port(), 108, 0] {
        message.extend(number.to_be_bytes());
    }
    let sum = checksum(&message).to_be_bytes();
    message[2..4].copy_from_slice(&sum);
    sendto(raw.as_raw_fd(), &message, &SockaddrIn::from(source), MsgFlags::empty()).unwrap();
}

/// The checksum of RFC 1071.
fn checksum(message: &[u8]) -> u16 {
    let words =
        message.chunks(2).map(|pair| u32::from(pair[0]) << 8 | u32::from(pair.get(1).copied().unwrap_or(0)));
    let sum = words.sum::<u32>();
    let folded = (sum & 0xFFFF) + (sum >> 16);
    !u16::try_from((folded & 0xFFFF) + (folded >> 16)).unwrap()
}

fn costs_nothing(code: u8, meaning: &str) {
    let raw = socket(AddressFamily::Inet, SockType::Raw, SockFlag::empty(), SockProtocol::Icmp).unwrap();
    let reflecting = Reflecting::udp("127.0.0.1:0");
    let far = UdpSocket::bind("127.0.0.1:0").unwrap();
    far.connect(reflecting.address).unwrap();
    let peer = Peer::start(move |near, probe, from| {
        far.send(probe).unwrap();
        let length = far.recv(probe).unwrap();
        let target = near.local_addr().unwrap();
        complain(&raw, code, from, target);
        near.send_to(&probe[..length], from).unwrap();
    });
    let probing = Probing::of(spec(Protocol::Udp, "127.0.0.1", peer.address.port()));
    probing.events.wait_for(100, is_answered);
    probing.events.wait_for(10, |event| matches!(event, Event::Failed { .. }));
    assert_eq!(probing.events.count(is_lost), 0, "{meaning}");
}

#[test]
fn an_error_of_a_router_is_told_and_costs_no_probe() {
    network::in_one_of_its_own(|| CODES.iter().for_each(|(code, meaning)| costs_nothing(*code, meaning)));
}
