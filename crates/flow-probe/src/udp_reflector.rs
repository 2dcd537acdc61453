//! Answers UDP probes.

use std::io::{self, IoSlice};
use std::net::{IpAddr, SocketAddr};
use std::os::fd::AsRawFd;
use std::time::{Instant, SystemTime};

use nix::libc::in_pktinfo;
use nix::sys::socket::sockopt::{Ipv4PacketInfo, Ipv6RecvPacketInfo, ReceiveTimestampns};
use nix::sys::socket::{ControlMessage, MsgFlags, SockaddrStorage, sendmsg, setsockopt};
use socket2::Socket;
use tokio::io::Interest;
use tokio::net::UdpSocket;

use crate::key::Key;
use crate::packet::{self, Packet};
use crate::rate_limit::RateLimit;
use crate::receive::{Datagram, Destination, control_buffer, receive};
use crate::replay::Replays;

/// Longest probe answered, bytes.
const LONGEST: usize = 1500;

/// A socket that probes are sent to.
#[derive(Debug)]
pub(crate) struct UdpReflector {
    socket: UdpSocket,
    keys: Vec<Key>,
    replays: Replays,
    limit: RateLimit,
    buffer: Vec<u8>,
    control: Vec<u8>,
}

impl UdpReflector {
    /// Asks the kernel to tell when and to which address each probe came.
    pub(crate) fn prepare(socket: &Socket, address: SocketAddr) -> io::Result<()> {
        setsockopt(socket, ReceiveTimestampns, &true)?;
        match address {
            SocketAddr::V4(_) => setsockopt(socket, Ipv4PacketInfo, &true)?,
            SocketAddr::V6(_) => setsockopt(socket, Ipv6RecvPacketInfo, &true)?,
        }
        Ok(())
    }

    /// Within a runtime only.
    pub(crate) fn new(socket: Socket, keys: Vec<Key>) -> io::Result<Self> {
        let (limit, buffer, control) =
            (RateLimit::new(Instant::now()), vec![0; LONGEST + 1], control_buffer());
        let (socket, replays) = (UdpSocket::from_std(socket.into())?, Replays::default());
        Ok(Self { socket, keys, replays, limit, buffer, control })
    }

    /// Answers probes for ever.
    pub(crate) async fn run(mut self) {
        loop {
            match self.next().await {
                Ok(probe) => self.answer(&probe),
                Err(error) => tracing::debug!(%error, "a datagram cannot be received"),
            }
        }
    }

    async fn next(&mut self) -> io::Result<Datagram> {
        let Self { socket, buffer, control, .. } = self;
        socket.async_io(Interest::READABLE, || receive(socket, buffer, control)).await
    }

    fn answer(&mut self, probe: &Datagram) {
        let Self { socket, keys, replays, limit, buffer, .. } = self;
        let Some(source) = probe.from.as_ref() else { return };
        let Some(packet) = buffer.get_mut(..probe.length).filter(|packet| packet.len() <= LONGEST) else {
            return;
        };
        // What is forged must not use up the rate of whom it pretends to come from.
        let Some(seal) = admit(keys, replays, packet) else { return };
        let allowed = address(source).is_some_and(|source| limit.allows(source, Instant::now()));
        if !allowed || !packet::answer(packet, probe.at, SystemTime::now()) {
            return;
        }
        if let Seal::With(key) = seal {
            key.seal(packet);
        }
        // An answer that cannot be sent is a lost one, which is for the prober to tell.
        if let Err(error) = send_from(socket, packet, probe.to, source) {
            tracing::debug!(%error, "an answer cannot be sent");
        }
    }
}

/// How an answer is sealed.
enum Seal<'a> {
    /// Not at all.
    Without,
    /// With the key of its probe.
    With(&'a Key),
}

/// How to seal the answer; nothing where there is to be none, as the probe is sealed with no key that there is, or was
/// seen before.
fn admit<'a>(keys: &'a [Key], replays: &mut Replays, packet: &[u8]) -> Option<Seal<'a>> {
    if keys.is_empty() {
        return Some(Seal::Without);
    }
    let key = keys.iter().find(|key| key.sealed(packet))?;
    match packet::decode(packet)? {
        Packet::Probe(identity) => replays.is_new(identity).then_some(Seal::With(key)),
        Packet::Answer { .. } => None,
    }
}

/// Sends from the address that was probed: from any other, the prober would not take it.
fn send_from(
    socket: &UdpSocket,
    packet: &[u8],
    from: Option<Destination>,
    to: &SockaddrStorage,
) -> nix::Result<()> {
    let send = |control: &[ControlMessage<'_>]| {
        sendmsg(socket.as_raw_fd(), &[IoSlice::new(packet)], control, MsgFlags::empty(), Some(to)).map(drop)
    };
    match from {
        None => send(&[]),
        // The way back need not be the interface that the probe came by.
        Some(Destination::V4(info)) => {
            send(&[ControlMessage::Ipv4PacketInfo(&in_pktinfo { ipi_ifindex: 0, ..info })])
        }
        // A link-local address means nothing without its interface.
        Some(Destination::V6(info)) => send(&[ControlMessage::Ipv6PacketInfo(&info)]),
    }
}

fn address(source: &SockaddrStorage) -> Option<IpAddr> {
    let v4 = source.as_sockaddr_in().map(|address| IpAddr::V4(address.ip()));
    v4.or_else(|| source.as_sockaddr_in6().map(|address| IpAddr::V6(address.ip())))
}
