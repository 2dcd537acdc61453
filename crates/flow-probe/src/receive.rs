//! Receiving a datagram together with what the kernel knows of it.

use std::io::{self, IoSliceMut};
use std::os::fd::AsRawFd;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use nix::libc::{in_pktinfo, in6_pktinfo};
use nix::sys::socket::{ControlMessageOwned, MsgFlags, SockaddrStorage, recvmsg};
use nix::sys::time::TimeSpec;

/// What the kernel knows of a datagram.
#[derive(Debug)]
pub(crate) struct Datagram {
    /// Its length; a longer one is cut off at the length of the buffer.
    pub(crate) length: usize,
    /// When it was received: with `SO_TIMESTAMPNS` by the kernel, else now.
    pub(crate) at: SystemTime,
    /// Who sent it.
    pub(crate) from: Option<SockaddrStorage>,
    /// Where it was sent to, with `IP_PKTINFO` or `IPV6_RECVPKTINFO`.
    pub(crate) to: Option<Destination>,
}

/// The local address that a datagram was sent to.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Destination {
    V4(in_pktinfo),
    V6(in6_pktinfo),
}

/// Room for the control messages of one datagram.
pub(crate) fn control_buffer() -> Vec<u8> {
    nix::cmsg_space!(TimeSpec, in_pktinfo, in6_pktinfo)
}

/// Receives one datagram.
pub(crate) fn receive(socket: &impl AsRawFd, buffer: &mut [u8], control: &mut [u8]) -> io::Result<Datagram> {
    let mut slices = [IoSliceMut::new(buffer)];
    let flags = MsgFlags::empty();
    let message = recvmsg::<SockaddrStorage>(socket.as_raw_fd(), &mut slices, Some(control), flags)?;
    let (mut at, mut to) = (None, None);
    for control in message.cmsgs()? {
        match control {
            ControlMessageOwned::ScmTimestampns(time) => at = system_time(time),
            ControlMessageOwned::Ipv4PacketInfo(info) => to = Some(Destination::V4(info)),
            ControlMessageOwned::Ipv6PacketInfo(info) => to = Some(Destination::V6(info)),
            _ => {}
        }
    }
    let at = at.unwrap_or_else(SystemTime::now);
    Ok(Datagram { length: message.bytes, at, from: message.address, to })
}

fn system_time(time: TimeSpec) -> Option<SystemTime> {
    let seconds = u64::try_from(time.tv_sec()).ok()?;
    let nanoseconds = u32::try_from(time.tv_nsec()).ok()?;
    UNIX_EPOCH.checked_add(Duration::new(seconds, nanoseconds))
}
