//! What is made of datagrams, for who feeds them with arbitrary bytes.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, SystemTime};

use crate::packet::{self, Identity};
use crate::{Protocol, datagram};

/// A probe's session and sequence number, and how long the reflector had it.
pub type Answered = (u64, u64, Duration);

/// The packet of a probe.
#[must_use]
pub fn probe(session: u64, sequence: u64) -> Vec<u8> {
    packet::probe(Identity { session, sequence }).to_vec()
}

/// What a reflector does to what it receives: `true` if it then sends it back.
pub fn reflect(bytes: &mut [u8], received: SystemTime, sent: SystemTime) -> bool {
    packet::answer(bytes, received, sent)
}

/// What a prober takes a datagram for.
#[must_use]
pub fn read(protocol: Protocol, bytes: &[u8]) -> Option<Answered> {
    let (identity, residence) = datagram::answer(protocol, None, PEER, bytes)?;
    Some((identity.session, identity.sequence, residence))
}

const PEER: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 1);
