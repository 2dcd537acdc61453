//! The lab's network: the node's address, the factory, and the uplink between them.

use std::io;
use std::path::Path;

use crate::address::{FACTORY, NODE, UPLINK};
use crate::command::{CommandError, run_line};

/// The network namespace of the factory, and its file.
pub(crate) const FACTORY_NAMESPACE: &str = "/run/netns/factory";
/// The node's end of the link to the factory: what leaves through it is shaped.
pub const UPLINK_DEVICE: &str = "uplink";
/// A burst of 64 KiB lets a whole GSO packet through; 100 ms of queue is what a cheap industrial switch has.
pub const UPLINK_SHAPE: &str = "burst 64k latency 100ms";
const UPLINK_RATE: &str = "100mbit";

/// A network that could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum NetworkError {
    /// `ip` or `tc` failed.
    #[error("cannot set up the lab's network: {0}")]
    Command(#[from] CommandError),
    /// A kernel setting could not be written.
    #[error("cannot set up the lab's network: {0}")]
    Io(#[from] io::Error),
}

/// Kernel settings of the node's network namespace.
const SETTINGS: [(&str, &str); 4] = [
    ("net/ipv4/ip_forward", "1"),
    // Replies between pods of one bridge must pass kube-proxy's rules too.
    ("net/bridge/bridge-nf-call-iptables", "1"),
    // No packets but the test's own on the measured link.
    ("net/ipv6/conf/all/disable_ipv6", "1"),
    ("net/ipv6/conf/default/disable_ipv6", "1"),
];

/// Sets up a new network namespace, in which this process must be.
pub(crate) fn set_up() -> Result<(), NetworkError> {
    write_settings()?;
    let lines = [
        "ip link set lo up".to_owned(),
        format!("ip address add {NODE}/32 dev lo"),
        "ip netns add factory".to_owned(),
        // No IPv6 there either; its address must not be announced when the link comes up.
        "ip netns exec factory sysctl -qw net.ipv6.conf.all.disable_ipv6=1".to_owned(),
        format!("ip link add {UPLINK_DEVICE} type veth peer name eth0 netns factory"),
        format!("ip address add {UPLINK}/30 dev {UPLINK_DEVICE}"),
        format!("ip link set {UPLINK_DEVICE} up"),
        "ip -n factory link set lo up".to_owned(),
        format!("ip -n factory address add {FACTORY}/30 dev eth0"),
        "ip -n factory link set eth0 up".to_owned(),
        // Pods come with their own addresses, not the node's.
        format!("ip -n factory route add default via {UPLINK}"),
        format!("tc qdisc add dev {UPLINK_DEVICE} root tbf rate {UPLINK_RATE} {UPLINK_SHAPE}"),
    ];
    Ok(lines.iter().try_for_each(|line| run_line(line).map(drop))?)
}

fn write_settings() -> io::Result<()> {
    let settings = SETTINGS.iter().map(|(name, value)| (Path::new("/proc/sys").join(name), value));
    // A kernel without a feature has no setting for it.
    settings.filter(|(file, _)| file.exists()).try_for_each(|(file, value)| fs_err::write(file, value))
}
