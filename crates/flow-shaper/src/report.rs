//! What the agent of a node has to say about its limited pods, as JSON for the operator.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The limited pods of one node.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NodeReport {
    /// The node's name.
    pub node: String,
    /// When this was said, in milliseconds since 1970 by the node's clock.
    pub at_unix_ms: u64,
    /// Whether the pods of the node are known: they have been listed, and the watch has not failed since.
    pub watching: bool,
    /// Pods with the annotation, and pods that still hold a limit set by this agent; by namespace and name.
    pub pods: Vec<PodReport>,
}

impl NodeReport {
    /// How old a measurement is, by the node's own clock, so that clocks of two machines need not agree.
    #[must_use]
    pub fn age_of(&self, measured: &Measured) -> Duration {
        Duration::from_millis(self.at_unix_ms.saturating_sub(measured.at_unix_ms))
    }

    /// How long ago the time ended over which the rate in a measurement was counted.
    #[must_use]
    pub fn age_of_rate(&self, measured: &Measured) -> Duration {
        let ended = measured.rated_at_unix_ms.unwrap_or(measured.at_unix_ms);
        Duration::from_millis(self.at_unix_ms.saturating_sub(ended))
    }
}

/// One limited pod.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PodReport {
    /// The pod's namespace.
    pub namespace: String,
    /// The pod's name.
    pub name: String,
    /// The pod's UID.
    pub uid: String,
    /// The limit that the annotation asks for, in bit/s; the last readable one where it cannot be read.
    pub wanted_bps: Option<u64>,
    /// The limit that the kernel holds the pod to, in bit/s as read back from it; none, or not known.
    pub in_force_bps: Option<u64>,
    /// What the pod really sends; none until it has been measured.
    pub measured: Option<Measured>,
    /// Why the limit is not what the annotation asks for.
    pub problem: Option<String>,
}

/// The counters of a pod's queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Measured {
    /// When, in milliseconds since 1970 by the node's clock.
    pub at_unix_ms: u64,
    /// Bytes sent since the queue was made, with link headers.
    pub sent_bytes: u64,
    /// Packets sent since the queue was made.
    pub sent_packets: u64,
    /// Packets dropped since the queue was made.
    pub dropped_packets: u64,
    /// How often a packet had to wait for the rate, since the queue was made.
    pub throttled: u64,
    /// Bytes waiting.
    pub backlog_bytes: u64,
    /// Bits per second sent over the last measuring interval, of it under the present limit; none until there are two
    /// measurements of one queue.
    pub sent_bps: Option<u64>,
    /// The end of that interval, in milliseconds since 1970 by the node's clock. An older shaper does not tell.
    pub rated_at_unix_ms: Option<u64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_as_old_as_the_end_of_its_interval_and_where_nobody_tells_as_the_measurement() {
        let report = NodeReport { at_unix_ms: 1_000, ..NodeReport::default() };
        let told = r#"{"atUnixMs": 950, "sentBytes": 0, "sentPackets": 0, "droppedPackets": 0, "throttled": 0,
            "backlogBytes": 0, "sentBps": 8, "ratedAtUnixMs": 800}"#;
        let measured: Measured = serde_json::from_str(told).unwrap();
        let of_before = r#"{"atUnixMs": 950, "sentBytes": 0, "sentPackets": 0, "droppedPackets": 0, "throttled": 0,
            "backlogBytes": 0, "sentBps": 8}"#;
        let before: Measured = serde_json::from_str(of_before).unwrap();
        assert_eq!(report.age_of_rate(&measured), Duration::from_millis(200));
        assert_eq!(report.age_of_rate(&before), Duration::from_millis(50));
    }
}
