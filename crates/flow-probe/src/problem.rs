//! Why a target cannot be probed.

use std::io;
use std::net::IpAddr;

/// Why probes cannot be sent, or are not answered. Its text is a sentence for a user.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Problem {
    /// The name has no address, or no name server says so.
    #[error("{host} cannot be resolved: {cause}")]
    Unresolved {
        /// The name.
        host: String,
        /// What the resolver said.
        cause: String,
    },
    /// The administrator forbids probes to the address.
    #[error(
        "{host} is not probed: the operator's administrator forbids probes to {address}, and may allow them \
         (--probe-allow-cidr, in the chart probe.allowedAddresses)"
    )]
    Forbidden {
        /// The target's host, as it is named.
        host: String,
        /// What it resolved to.
        address: IpAddr,
    },
    /// The target's host says that nothing listens there.
    #[error("{endpoint} refuses probes: nothing listens on that port")]
    Refused {
        /// The target.
        endpoint: String,
    },
    /// A router, or the neighbour's silence, says that the host is not there.
    #[error("{endpoint} is unreachable: its host does not answer on its network")]
    HostUnreachable {
        /// The target.
        endpoint: String,
    },
    /// This node knows no way to the target's network.
    #[error("{endpoint} is unreachable: this node has no route to it")]
    NoRoute {
        /// The target.
        endpoint: String,
    },
    /// This process may not open a ping socket.
    #[error(
        "this process may not ping {endpoint}: its group is not within the sysctl \
         net.ipv4.ping_group_range; allow it with net.ipv4.ping_group_range=\"0 2147483647\", which a pod may \
         set in securityContext.sysctls"
    )]
    PingNotPermitted {
        /// The target.
        endpoint: String,
    },
    /// The kernel refuses to send.
    #[error("this node may not send to {endpoint}: a firewall or a network policy forbids it")]
    SendNotPermitted {
        /// The target.
        endpoint: String,
    },
    /// Any other fault of a socket.
    #[error("{endpoint} cannot be probed: {cause}")]
    Socket {
        /// The target.
        endpoint: String,
        /// What the system said.
        cause: String,
    },
}

impl Problem {
    /// All that [`Self::reason`] returns.
    pub const REASONS: [&'static str; 8] = [
        "unresolved",
        "forbidden",
        "refused",
        "host_unreachable",
        "no_route",
        "ping_not_permitted",
        "send_not_permitted",
        "socket",
    ];

    /// A short name, for a metric's label.
    #[must_use]
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Unresolved { .. } => "unresolved",
            Self::Forbidden { .. } => "forbidden",
            Self::Refused { .. } => "refused",
            Self::HostUnreachable { .. } => "host_unreachable",
            Self::NoRoute { .. } => "no_route",
            Self::PingNotPermitted { .. } => "ping_not_permitted",
            Self::SendNotPermitted { .. } => "send_not_permitted",
            Self::Socket { .. } => "socket",
        }
    }

    /// Whether the target or a router said so, which means that a probe was sent and is lost.
    pub(crate) const fn is_remote(&self) -> bool {
        matches!(self, Self::Refused { .. } | Self::HostUnreachable { .. })
    }

    /// What a failed connect, send or receive means.
    pub(crate) fn from_io(endpoint: String, error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::ConnectionRefused => Self::Refused { endpoint },
            io::ErrorKind::HostUnreachable => Self::HostUnreachable { endpoint },
            io::ErrorKind::NetworkUnreachable => Self::NoRoute { endpoint },
            io::ErrorKind::PermissionDenied => Self::SendNotPermitted { endpoint },
            _ => Self::Socket { endpoint, cause: error.to_string() },
        }
    }
}

#[cfg(test)]
mod tests {
    use nix::errno::Errno;

    use super::*;

    #[test]
    fn errors_of_the_system_become_sentences() {
        let of = |errno: Errno| Problem::from_io("robot:5201".into(), &errno.into());
        let sentence = |errno| of(errno).to_string();
        assert_eq!(sentence(Errno::ECONNREFUSED), "robot:5201 refuses probes: nothing listens on that port");
        assert!(sentence(Errno::EHOSTUNREACH).contains("its host does not answer"));
        assert!(sentence(Errno::ENETUNREACH).contains("no route"));
        assert!(sentence(Errno::EPERM).contains("firewall"));
        assert!(sentence(Errno::EAFNOSUPPORT).starts_with("robot:5201 cannot be probed: Address family"));
    }

    #[test]
    fn each_reason_is_listed() {
        let problems = [
            Problem::Unresolved { host: String::new(), cause: String::new() },
            Problem::Forbidden { host: String::new(), address: IpAddr::from([0; 4]) },
            Problem::Refused { endpoint: String::new() },
            Problem::HostUnreachable { endpoint: String::new() },
            Problem::NoRoute { endpoint: String::new() },
            Problem::PingNotPermitted { endpoint: String::new() },
            Problem::SendNotPermitted { endpoint: String::new() },
            Problem::Socket { endpoint: String::new(), cause: String::new() },
        ];
        assert_eq!(problems.map(|problem| problem.reason()), Problem::REASONS);
    }
}
