//! The limits in force on all best-effort pods together, out of what was seen of each.

use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// What was seen of a pod.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct PodChange {
    pub(crate) at_s: f64,
    pub(crate) pod: String,
    pub(crate) what: What,
}

/// See [`PodChange`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum What {
    /// It runs.
    Appeared,
    /// The kernel holds it to so many Mbit/s; `None`: no longer to anything.
    Limited(Option<f64>),
    /// It is no longer there.
    Gone,
}

/// The sum of the limits of all pods from a time on.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Total {
    pub(crate) at_s: f64,
    /// Mbit/s; infinite while a pod has no limit.
    pub(crate) mbps: f64,
}

/// The sums after each change. `changes` need no order.
pub(crate) fn totals(changes: &[PodChange]) -> Vec<Total> {
    let mut sorted: Vec<&PodChange> = changes.iter().collect();
    sorted.sort_by(|one, other| one.at_s.total_cmp(&other.at_s));
    let (mut pods, mut gone) = (BTreeMap::new(), BTreeSet::new());
    let total = |change: &PodChange| {
        match change.what {
            // What the kernel tells of a queue that goes with its pod comes late.
            _ if gone.contains(&change.pod) => {}
            What::Appeared => {
                pods.entry(change.pod.clone()).or_insert(f64::INFINITY);
            }
            What::Limited(mbps) => {
                pods.insert(change.pod.clone(), mbps.unwrap_or(f64::INFINITY));
            }
            What::Gone => {
                pods.remove(&change.pod);
                gone.insert(change.pod.clone());
            }
        }
        let mbps = if pods.is_empty() { f64::INFINITY } else { pods.values().sum() };
        Total { at_s: change.at_s, mbps }
    };
    sorted.into_iter().map(total).collect()
}

/// The total at a time; infinite where nothing is known.
pub(crate) fn at(totals: &[Total], at_s: f64) -> f64 {
    let next = totals.partition_point(|total| total.at_s <= at_s);
    next.checked_sub(1).and_then(|last| totals.get(last)).map_or(f64::INFINITY, |total| total.mbps)
}

/// The highest total from `from_s` to `to_s`.
pub(crate) fn highest(totals: &[Total], from_s: f64, to_s: f64) -> f64 {
    let within = totals.iter().filter(|total| total.at_s > from_s && total.at_s <= to_s);
    within.map(|total| total.mbps).fold(at(totals, from_s), f64::max)
}

/// The first time, from `from_s` on, at which the total is below `mbps`.
pub(crate) fn first_below(totals: &[Total], from_s: f64, mbps: f64) -> Option<f64> {
    if at(totals, from_s) < mbps {
        return Some(from_s);
    }
    totals.iter().find(|total| total.at_s > from_s && total.mbps < mbps).map(|total| total.at_s)
}

/// The totals ten times a second, where there was a limit.
pub(crate) fn sampled(totals: &[Total], from_s: f64, to_s: f64) -> Vec<f64> {
    const STEP_S: f64 = 0.1;
    let times = (0u32..).map(|step| from_s + f64::from(step) * STEP_S).take_while(|at_s| *at_s < to_s);
    times.map(|at_s| at(totals, at_s)).filter(|mbps| mbps.is_finite()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(at_s: f64, pod: &str, what: What) -> PodChange {
        PodChange { at_s, pod: pod.to_owned(), what }
    }

    fn total(at_s: f64, mbps: f64) -> Total {
        Total { at_s, mbps }
    }

    #[test]
    fn one_pod_without_a_limit_makes_the_total_infinite() {
        let changes = [
            change(1.0, "a", What::Appeared),
            change(0.5, "a", What::Limited(Some(40.0))),
            change(2.0, "b", What::Appeared),
            change(3.0, "b", What::Limited(Some(20.0))),
            change(4.0, "a", What::Limited(None)),
        ];
        let mbps: Vec<f64> = totals(&changes).iter().map(|total| total.mbps).collect();
        assert_eq!(mbps, [40.0, 40.0, f64::INFINITY, 60.0, f64::INFINITY]);
    }

    #[test]
    fn a_pod_that_is_gone_counts_no_more_whatever_is_heard_of_it() {
        let changes = [
            change(1.0, "a", What::Limited(Some(40.0))),
            change(1.0, "b", What::Limited(Some(50.0))),
            change(2.0, "a", What::Gone),
            change(2.1, "a", What::Limited(None)),
        ];
        assert_eq!(totals(&changes).last(), Some(&total(2.1, 50.0)));
    }

    #[test]
    fn the_total_holds_until_the_next() {
        let totals = [total(1.0, 90.0), total(2.0, 60.0), total(3.0, 80.0)];
        let found: Vec<f64> = [0.5, 1.0, 2.9, 9.0].iter().map(|at_s| at(&totals, *at_s)).collect();
        assert_eq!(found, vec![f64::INFINITY, 90.0, 60.0, 80.0]);
        assert!((highest(&totals, 1.5, 2.5) - 90.0).abs() < 1e-9);
        assert!((highest(&totals, 2.0, 2.5) - 60.0).abs() < 1e-9);
        assert_eq!(first_below(&totals, 1.0, 70.0), Some(2.0));
        assert_eq!(first_below(&totals, 2.5, 70.0), Some(2.5));
        assert_eq!(first_below(&totals, 3.0, 70.0), None);
        assert_eq!(sampled(&totals, 0.85, 1.2), [90.0, 90.0]);
    }
}
