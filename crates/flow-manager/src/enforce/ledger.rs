//! What limited pods really send, as the shapers of their nodes said.

use crate::cluster::Uid;
use flow_control::{Bandwidth, Moment};
use flow_shaper::{NodeReport, PodReport};
use std::collections::HashMap;
use std::time::Duration;

/// What a pod really sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sent {
    /// The rate.
    pub rate: Bandwidth,
    /// The end of the time over which it was counted.
    pub measured: Moment,
}

/// What each pod was last said to send.
///
/// A pod that sent something and of which nothing is heard any more may still send: what it sent stays, and gets old,
/// for as long as the pod is there. Only a pod that its shaper says has no limit is not counted.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    pods: HashMap<Uid, Entry>,
    /// When the shaper of each node was last asked with success.
    nodes: HashMap<String, Moment>,
}

#[derive(Debug)]
struct Entry {
    sent: Sent,
    node: String,
    said: Moment,
}

impl Ledger {
    /// Takes over what a shaper said that was asked at `asked`.
    pub(super) fn learn(&mut self, asked: Moment, report: &NodeReport) {
        self.nodes.insert(report.node.clone(), asked);
        for pod in &report.pods {
            let uid = Uid::from(pod.uid.as_str());
            if pod.measured.is_none() {
                self.pods.remove(&uid);
            } else if let Some(sent) = sent(asked, report, pod) {
                let node = report.node.clone();
                self.pods.insert(uid, Entry { sent, node, said: asked });
            } else if let Some(entry) = self.pods.get_mut(&uid) {
                entry.said = asked;
            }
        }
    }

    /// What the pod of this UID was last said to send.
    pub(super) fn sent(&self, uid: &Uid) -> Option<Sent> {
        self.pods.get(uid).map(|entry| entry.sent)
    }

    /// Forgets pods that are not there any more, or that their shaper no longer speaks of: those have no limit.
    pub(super) fn forget(&mut self, is_there: impl Fn(&Uid) -> bool) {
        let nodes = &self.nodes;
        let is_limited = |entry: &Entry| nodes.get(&entry.node).is_none_or(|newest| *newest <= entry.said);
        self.pods.retain(|uid, entry| is_there(uid) && is_limited(entry));
    }
}

fn sent(asked: Moment, report: &NodeReport, pod: &PodReport) -> Option<Sent> {
    let measured = pod.measured?;
    let rate = Bandwidth::from_bps(measured.sent_bps?);
    Some(Sent { rate, measured: before(asked, report.age_of_rate(&measured)) })
}

/// The moment so long before another. It was said after it was asked for, so this is rather too early than too late.
fn before(moment: Moment, span: Duration) -> Moment {
    Moment::after_epoch(moment.since(Moment::default()).saturating_sub(span))
}

#[cfg(test)]
mod tests {
    use super::*;
    use flow_shaper::Measured;

    fn at(ms: u64) -> Moment {
        Moment::after_epoch(Duration::from_millis(ms))
    }

    fn measured(mbps: Option<u64>, at_unix_ms: u64) -> Measured {
        let sent_bps = mbps.map(|mbps| mbps * 1_000_000);
        Measured {
            at_unix_ms: 999_999,
            sent_bytes: 0,
            sent_packets: 0,
            dropped_packets: 0,
            throttled: 0,
            backlog_bytes: 0,
            sent_bps,
            rated_at_unix_ms: Some(at_unix_ms),
        }
    }

    /// A report of one pod, said when the clock of the node showed 1,000,000.
    fn report(measured: Option<Measured>) -> NodeReport {
        let pods = vec![PodReport { uid: "u1".to_owned(), measured, ..PodReport::default() }];
        NodeReport { node: "node-1".to_owned(), at_unix_ms: 1_000_000, watching: true, pods }
    }

    /// A ledger that has heard of 20 Mbit/s, counted until 5.9 s.
    fn ledger() -> Ledger {
        let mut ledger = Ledger::default();
        ledger.learn(at(6_000), &report(Some(measured(Some(20), 999_900))));
        ledger
    }

    fn known() -> Sent {
        Sent { rate: Bandwidth::from_mbps(20), measured: Moment::after_epoch(Duration::from_millis(5_900)) }
    }

    #[test]
    fn the_time_of_a_rate_is_told_by_the_nodes_clock_as_an_age() {
        assert_eq!((ledger().sent(&"u1".into()), ledger().sent(&"u2".into())), (Some(known()), None));
    }

    #[test]
    fn a_pod_of_which_nothing_is_known_any_more_keeps_its_old_rate_while_it_is_there() {
        let mut ledger = ledger();
        ledger.learn(at(7_000), &report(Some(measured(None, 0))));
        assert_eq!(ledger.sent(&"u1".into()), Some(known()), "no rate, but a limit");
        ledger.forget(|_| true);
        assert_eq!(ledger.sent(&"u1".into()), Some(known()));
        ledger.forget(|uid| *uid != "u1".into());
        assert_eq!(ledger.sent(&"u1".into()), None);
    }

    #[test]
    fn a_pod_that_has_no_limit_is_not_counted() {
        let mut foreign = ledger();
        foreign.learn(at(7_000), &report(None));
        assert_eq!(foreign.sent(&"u1".into()), None);
        let mut unmentioned = ledger();
        unmentioned.learn(at(7_000), &NodeReport { pods: Vec::new(), ..report(None) });
        unmentioned.forget(|_| true);
        assert_eq!(unmentioned.sent(&"u1".into()), None);
    }

    #[test]
    fn what_the_shaper_of_another_node_says_or_does_not_say_counts_for_its_own_pods_only() {
        let mut ledger = ledger();
        let other = NodeReport { node: "node-2".to_owned(), pods: Vec::new(), ..report(None) };
        ledger.learn(at(7_000), &other);
        ledger.forget(|_| true);
        assert_eq!(ledger.sent(&"u1".into()), Some(known()));
    }
}
