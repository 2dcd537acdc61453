//! A target on the command line.

use flow_probe::{ProbeSpec, Protocol};
use std::str::FromStr;
use std::time::Duration;

/// `udp://HOST:PORT`, `tcp://HOST:PORT` or `icmp://HOST`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Target {
    protocol: Protocol,
    host: String,
    port: u16,
}

/// Why a text names no target.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub(super) enum InvalidTarget {
    #[error("it has to start with udp://, tcp:// or icmp://")]
    Protocol,
    #[error("the host is missing, or is not a name or an address (IPv6 goes in brackets)")]
    Host,
    #[error("it has to end with a port from 1 to 65535, such as :5201")]
    Port,
    #[error("ICMP knows no ports")]
    PortOfIcmp,
}

impl Target {
    /// How to probe it; without `interval` as often as is usual for its protocol.
    pub(super) fn spec(&self, interval: Option<Duration>, timeout: Duration) -> ProbeSpec {
        ProbeSpec {
            protocol: self.protocol,
            host: self.host.clone(),
            port: self.port,
            interval: interval.unwrap_or(self.protocol.default_interval()),
            timeout,
        }
    }
}

impl FromStr for Target {
    type Err = InvalidTarget;

    fn from_str(text: &str) -> Result<Self, InvalidTarget> {
        let (scheme, rest) = text.split_once("://").ok_or(InvalidTarget::Protocol)?;
        let protocol = Protocol::ALL.into_iter().find(|protocol| protocol.as_str() == scheme);
        let protocol = protocol.ok_or(InvalidTarget::Protocol)?;
        let (host, port) = host_and_port(rest)?;
        let port = match (protocol, port) {
            (Protocol::Icmp, None) => 0,
            (Protocol::Icmp, Some(_)) => return Err(InvalidTarget::PortOfIcmp),
            (Protocol::Udp | Protocol::Tcp, port) => port
                .and_then(|port| port.parse().ok())
                .filter(|port| *port != 0)
                .ok_or(InvalidTarget::Port)?,
        };
        Ok(Self { protocol, host: host.to_owned(), port })
    }
}

/// Splits `host`, `host:port`, `[v6]` or `[v6]:port`.
fn host_and_port(text: &str) -> Result<(&str, Option<&str>), InvalidTarget> {
    if let Some(bracketed) = text.strip_prefix('[') {
        let (host, rest) = bracketed.split_once(']').ok_or(InvalidTarget::Host)?;
        host.parse::<std::net::Ipv6Addr>().map_err(|_| InvalidTarget::Host)?;
        return match rest.strip_prefix(':') {
            None if rest.is_empty() => Ok((host, None)),
            port => port.map(|port| (host, Some(port))).ok_or(InvalidTarget::Port),
        };
    }
    let (host, port) = text.split_once(':').map_or((text, None), |(host, port)| (host, Some(port)));
    let is_of_names = |c: char| c.is_ascii_alphanumeric() || "-._".contains(c);
    if host.is_empty() || !host.chars().all(is_of_names) {
        return Err(InvalidTarget::Host);
    }
    Ok((host, port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_read() {
        let target = |protocol, host: &str, port| Ok(Target { protocol, host: host.into(), port });
        let cases = [
            ("udp://robot.factory.svc:5201", target(Protocol::Udp, "robot.factory.svc", 5201)),
            ("tcp://198.18.0.1:80", target(Protocol::Tcp, "198.18.0.1", 80)),
            ("tcp://[::1]:80", target(Protocol::Tcp, "::1", 80)),
            ("icmp://robot", target(Protocol::Icmp, "robot", 0)),
            ("icmp://[::1]", target(Protocol::Icmp, "::1", 0)),
            ("robot:5201", Err(InvalidTarget::Protocol)),
            ("http://robot:80", Err(InvalidTarget::Protocol)),
            ("udp://robot", Err(InvalidTarget::Port)),
            ("udp://robot:0", Err(InvalidTarget::Port)),
            ("udp://robot:65536", Err(InvalidTarget::Port)),
            ("udp://robot:5201/path", Err(InvalidTarget::Port)),
            ("udp://[::1]", Err(InvalidTarget::Port)),
            ("udp://[::1]5201", Err(InvalidTarget::Port)),
            ("udp://:5201", Err(InvalidTarget::Host)),
            ("udp://[::1:5201", Err(InvalidTarget::Host)),
            ("udp://user@robot:5201", Err(InvalidTarget::Host)),
            ("icmp://", Err(InvalidTarget::Host)),
            ("icmp://robot:1", Err(InvalidTarget::PortOfIcmp)),
        ];
        for (text, expected) in cases {
            assert_eq!(text.parse::<Target>(), expected, "{text}");
        }
    }

    #[test]
    fn interval_is_the_usual_one_unless_asked_for() {
        let target: Target = "tcp://robot:80".parse().unwrap();
        let second = Duration::from_secs(1);
        assert_eq!(target.spec(None, second).interval, Duration::from_millis(500));
        assert_eq!(target.spec(Some(second), second).interval, second);
    }
}
