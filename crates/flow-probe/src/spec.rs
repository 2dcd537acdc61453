//! What to probe, and how often.

use std::fmt;
use std::net::Ipv6Addr;
use std::time::Duration;

/// How a target is asked.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Protocol {
    /// A datagram to a [`Reflector`](crate::Reflector), which sends it back.
    Udp,
    /// A TCP connection, opened and reset: SYN to SYN-ACK.
    Tcp,
    /// An ICMP echo request ("ping").
    Icmp,
}

impl Protocol {
    /// All protocols.
    pub const ALL: [Self; 3] = [Self::Udp, Self::Tcp, Self::Icmp];

    /// The shortest interval that [`Prober::spawn`](crate::Prober::spawn) uses.
    ///
    /// UDP: the timer of the runtime has a resolution of 1 ms. TCP: each probe makes the target accept a
    /// connection. ICMP: hosts commonly limit the rate of echo replies.
    #[must_use]
    pub const fn min_interval(self) -> Duration {
        match self {
            Self::Udp => Duration::from_millis(1),
            Self::Tcp => Duration::from_millis(100),
            Self::Icmp => Duration::from_millis(10),
        }
    }

    /// The interval to use where none is asked for: 20 ms for UDP, 500 ms for TCP, 100 ms for ICMP.
    #[must_use]
    pub const fn default_interval(self) -> Duration {
        match self {
            Self::Udp => Duration::from_millis(20),
            Self::Tcp => Duration::from_millis(500),
            Self::Icmp => Duration::from_millis(100),
        }
    }

    /// The name in lower case, as in a URL.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Udp => "udp",
            Self::Tcp => "tcp",
            Self::Icmp => "icmp",
        }
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One target and how to probe it.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct ProbeSpec {
    /// How the target is asked.
    pub protocol: Protocol,
    /// A DNS name or an IP address (IPv6 without brackets).
    pub host: String,
    /// The port; ignored for ICMP.
    pub port: u16,
    /// Mean time between two probes; each gap varies by ±10 % so that the probes do not lock on to the phase
    /// of something periodic. [`Protocol::min_interval`] to 1 h, brought within where it is not.
    pub interval: Duration,
    /// A probe without an answer after this time is lost; 1 ms to 10 s, brought within where it is not.
    pub timeout: Duration,
}

const MIN_TIMEOUT: Duration = Duration::from_millis(1);
const MAX_TIMEOUT: Duration = Duration::from_secs(10);
const MAX_INTERVAL: Duration = Duration::from_hours(1);

impl ProbeSpec {
    /// The timeout where none is asked for.
    pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(1);

    /// `host:port`, with an IPv6 address in brackets; only the host for ICMP.
    #[must_use]
    pub fn endpoint(&self) -> String {
        match self.protocol {
            Protocol::Icmp => self.host.clone(),
            _ if self.host.parse::<Ipv6Addr>().is_ok() => format!("[{}]:{}", self.host, self.port),
            _ => format!("{}:{}", self.host, self.port),
        }
    }

    /// The same with interval and timeout brought within what is allowed, which bounds rate and memory.
    pub(crate) fn within_limits(mut self) -> Self {
        self.interval = self.interval.clamp(self.protocol.min_interval(), MAX_INTERVAL);
        self.timeout = self.timeout.clamp(MIN_TIMEOUT, MAX_TIMEOUT);
        self
    }
}

impl fmt::Display for ProbeSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.protocol, self.endpoint())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(protocol: Protocol, host: &str) -> ProbeSpec {
        let (interval, timeout) = (Duration::ZERO, Duration::from_mins(1));
        ProbeSpec { protocol, host: host.into(), port: 5201, interval, timeout }
    }

    #[test]
    fn reads_like_a_url() {
        assert_eq!(spec(Protocol::Udp, "robot").to_string(), "udp://robot:5201");
        assert_eq!(spec(Protocol::Tcp, "::1").to_string(), "tcp://[::1]:5201");
        assert_eq!(spec(Protocol::Icmp, "robot").to_string(), "icmp://robot");
    }

    #[test]
    fn interval_and_timeout_are_brought_within_limits() {
        for protocol in Protocol::ALL {
            let limited = spec(protocol, "robot").within_limits();
            assert_eq!(limited.interval, protocol.min_interval());
            assert_eq!(limited.timeout, Duration::from_secs(10));
        }
    }
}
