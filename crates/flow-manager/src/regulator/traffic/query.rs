use super::super::plan::PlannedTarget;
use super::load::Load;
use crate::cluster::TargetPod;
use crate::prometheus::{PodSeries, Queries, Query};
use flow_control::{Bandwidth, Finite, Moment, Traffic};
use std::collections::HashMap;
use std::time::Duration;

/// The shortest time between two questions: the answer between two scrapes is the same.
const MIN_INTERVAL: Duration = Duration::from_secs(1);
/// How much later than expected an answer may come.
const LATE: Duration = Duration::from_secs(1);

/// A query for what a target sends.
pub(super) struct TrafficFeed {
    query: Query,
    fresh_for: Duration,
    newest: Option<(Moment, Vec<PodSeries>)>,
}

impl TrafficFeed {
    /// Begins to ask every `interval`.
    pub(super) fn open(queries: &Queries, query: &str, interval: Duration) -> Self {
        let interval = interval.max(MIN_INTERVAL);
        let fresh_for = interval.saturating_add(interval / 2).saturating_add(LATE);
        Self { query: queries.subscribe_all(query, interval), fresh_for, newest: None }
    }

    /// What the newest answer that can be used says of the target; `None` before the first.
    pub(super) fn read(&mut self, planned: &PlannedTarget) -> Option<Traffic> {
        let last = self.newest.as_ref().map(|(asked, _)| *asked);
        self.newest = self.query.by_pod(last).or_else(|| self.newest.take());
        let (asked, series) = self.newest.as_ref()?;
        Some(load(planned, series)?.until(*asked, self.fresh_for))
    }
}

/// What these series say of a target: one without the label `pod` is of all pods together; else each is of its pod.
fn load(planned: &PlannedTarget, series: &[PodSeries]) -> Option<Load> {
    let scope = planned.target.scope;
    if let [PodSeries { pod: None, number }] = series {
        return Some(Load::together(scope, rate(*number)?, planned.limitable().count()));
    }
    let mut rates = HashMap::new();
    for PodSeries { pod, number } in series {
        let sent = rates.entry(pod.as_deref()?).or_insert(Bandwidth::ZERO);
        *sent = sent.plus(rate(*number)?);
    }
    let of_pod = |pod: &TargetPod| rates.get(pod.id.name.as_str()).copied();
    let rates: Vec<_> = planned.limitable().filter_map(of_pod).collect();
    Load::of_pods(scope, &rates)
}

/// Bits per second; `None` for what is no rate.
fn rate(number: Finite) -> Option<Bandwidth> {
    (number.get() >= 0.0).then(|| Bandwidth::from_bps(whole(number.get())))
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::as_conversions,
    reason = "it saturates, and a rate needs no fraction of a bit"
)]
const fn whole(number: f64) -> u64 {
    number as u64
}

#[cfg(test)]
mod tests {
    use super::super::tests::planned;
    use super::*;
    use flow_policy::Scope;

    fn series(pod: Option<&str>, bps: f64) -> PodSeries {
        PodSeries { pod: pod.map(str::to_owned), number: Finite::new(bps).unwrap() }
    }

    /// What is said of a target with the pods `a` and `b`, and one on the host network.
    fn said(scope: Scope, series: &[PodSeries]) -> Option<Load> {
        load(&planned(scope), series)
    }

    fn mbps(mbps: &[u64]) -> Vec<Bandwidth> {
        mbps.iter().copied().map(Bandwidth::from_mbps).collect()
    }

    #[test]
    fn one_series_is_of_all_pods_together() {
        let together = Load::together(Scope::Pod, Bandwidth::from_mbps(30), 2);
        assert_eq!(said(Scope::Pod, &[series(None, 30e6)]), Some(together));
    }

    #[test]
    fn series_with_the_label_pod_are_each_of_its_pod_and_of_no_other() {
        let named = [series(Some("a"), 10e6), series(Some("b"), 5e6), series(Some("ended"), 90e6)];
        assert_eq!(said(Scope::Pod, &named), Load::of_pods(Scope::Pod, &mbps(&[10, 5])));
        assert_eq!(said(Scope::Pod, &named[..1]), Load::of_pods(Scope::Pod, &mbps(&[10])));
        assert_eq!(said(Scope::Pod, &named[2..]), None);
        let twice = [series(Some("a"), 10e6), series(Some("a"), 5e6)];
        assert_eq!(said(Scope::Pod, &twice), Load::of_pods(Scope::Pod, &mbps(&[15])), "of two interfaces");
    }

    #[test]
    fn what_cannot_be_told_apart_or_is_no_rate_is_not_known() {
        for unclear in [
            vec![series(None, 1e6), series(None, 2e6)],
            vec![series(None, 1e6), series(Some("a"), 2e6)],
            vec![series(None, -1.0)],
            vec![series(Some("a"), -1.0), series(Some("b"), 1.0)],
        ] {
            assert_eq!(said(Scope::Target, &unclear), None, "{unclear:?}");
        }
    }

    #[test]
    fn a_rate_beyond_all_is_the_largest_there_is() {
        assert_eq!(rate(Finite::new(1e300).unwrap()), Some(Bandwidth::from_bps(u64::MAX)));
    }
}
