//! The socket that a prober sends datagrams with.

use std::io;
use std::net::SocketAddr;
use std::time::SystemTime;

use nix::sys::socket::setsockopt;
use nix::sys::socket::sockopt::ReceiveTimestampns;
use socket2::{Domain, Protocol, SockRef, Socket, Type};
use tokio::io::Interest;
use tokio::net::UdpSocket;

use crate::receive::{Datagram, control_buffer, receive};

/// Longest datagram read in full: longer than any answer, so that a longer one is told from an answer.
const LONGEST: usize = 256;

/// A connected socket of either kind, which takes datagrams from its peer only, and whose kernel stamps what it receives.
#[derive(Debug)]
pub(crate) struct DatagramSocket {
    socket: UdpSocket,
    buffer: [u8; LONGEST],
    control: Vec<u8>,
}

impl DatagramSocket {
    /// A UDP socket connected to `peer`. Panics outside a runtime.
    pub(crate) fn udp(peer: SocketAddr) -> io::Result<Self> {
        Self::connect(peer, Protocol::UDP)
    }

    /// A ping socket (icmp(7)): needs no privilege, but `net.ipv4.ping_group_range` has to allow it. Panics
    /// outside a runtime.
    pub(crate) fn ping(peer: SocketAddr) -> io::Result<Self> {
        Self::connect(peer, if peer.is_ipv4() { Protocol::ICMPV4 } else { Protocol::ICMPV6 })
    }

    fn connect(peer: SocketAddr, protocol: Protocol) -> io::Result<Self> {
        let socket = Socket::new(Domain::for_address(peer), Type::DGRAM.nonblocking(), Some(protocol))?;
        setsockopt(&socket, ReceiveTimestampns, &true)?;
        socket.connect(&peer.into())?;
        Ok(Self {
            socket: UdpSocket::from_std(socket.into())?,
            buffer: [0; LONGEST],
            control: control_buffer(),
        })
    }

    /// Sends a datagram, or fails with `WouldBlock`.
    pub(crate) fn send(&self, datagram: &[u8]) -> io::Result<()> {
        SockRef::from(&self.socket).send(datagram).map(drop)
    }

    /// Waits until there is something to [`Self::receive`].
    pub(crate) async fn readable(&self) {
        // Fails only when the runtime ends, and this task with it.
        let _ended = self.socket.readable().await;
    }

    /// The next datagram and when the kernel received it, or `WouldBlock`. Also says what became of datagrams
    /// sent: `ConnectionRefused`.
    pub(crate) fn receive(&mut self) -> io::Result<(&[u8], SystemTime)> {
        let Self { socket, buffer, control } = self;
        let mut next = || receive(socket, buffer, control);
        // `try_io` notes that nothing is left, for `readable`; but it does not even look where the runtime
        // has not yet heard of a datagram.
        let datagram = match socket.try_io(Interest::READABLE, &mut next) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => next(),
            outcome => outcome,
        };
        let Datagram { length, at, .. } = datagram?;
        Ok((buffer.get(..length).unwrap_or_default(), at))
    }
}

#[cfg(test)]
mod tests {
    use std::thread::sleep;
    use std::time::{Duration, Instant};

    use super::*;

    #[tokio::test]
    async fn time_of_receipt_is_the_kernels_and_not_that_of_reading() {
        let peer = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        let mut socket = DatagramSocket::udp(peer.local_addr().unwrap()).unwrap();
        peer.connect(SockRef::from(&socket.socket).local_addr().unwrap().as_socket().unwrap()).unwrap();
        let start = Instant::now();
        loop {
            peer.send(b"answer").unwrap();
            let sent = SystemTime::now();
            sleep(Duration::from_millis(10));
            let (bytes, received) = socket.receive().unwrap();
            assert_eq!(bytes, b"answer");
            if received < sent + Duration::from_millis(5) {
                break;
            }
            // The kernel begins to stamp a little after it was asked to.
            assert!(start.elapsed() < Duration::from_secs(20), "the kernel does not stamp");
        }
    }
}
