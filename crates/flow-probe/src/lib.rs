//! Active measurement of network paths: probes and the reflector that answers them.
//!
//! A [`Prober`] asks targets at a steady rate, by UDP datagram, TCP connection or ICMP echo, and tells each
//! target's [`Sink`] what becomes of each probe as an [`Event`]. UDP probes are answered by a [`Reflector`],
//! which runs next to the service whose path is of interest. [`metrics`] turns events into Prometheus metrics.
//!
//! What is measured exactly: round trips only, so that no clocks need to agree. For UDP and ICMP from just
//! before the send call to the receipt by the kernel, without the time the UDP reflector took between its
//! kernel's receipt and its send call; so the scheduling of processes counts neither here nor there, while all
//! queues, including those of both nodes, do. For TCP the time to connect as this process sees it.
//!
//! Windows, quantiles and jitter are not made here.

mod address_rules;
mod clock;
mod datagram;
mod datagram_socket;
mod event;
#[doc(hidden)]
pub mod fuzzing;
mod icmp;
mod key;
pub mod metrics;
mod outstanding;
mod packet;
mod prober;
mod problem;
mod rate_limit;
mod receive;
#[cfg(test)]
mod recorder;
mod reflector;
mod replay;
mod resolve;
mod schedule;
mod silence;
mod spec;
mod target;
mod tcp;
#[cfg(test)]
mod tests;
mod udp_reflector;
mod worker;

pub use address_rules::AddressRules;
pub use event::{Discard, Event, Sink};
pub use ipnet::IpNet;
pub use key::{Key, KeyError};
pub use prober::{Options, ProbeHandle, Prober, StartError};
pub use problem::Problem;
pub use reflector::{Reflector, ReflectorError};
pub use spec::{ProbeSpec, Protocol};
