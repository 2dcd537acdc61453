use crate::path::{RoundTrip, jitter_us};
use crate::statistics::{mean, median, share};
use serde::Serialize;
use std::collections::BTreeMap;

/// Time between two values of the jitter series, in seconds.
const STEP_S: f64 = 0.2;

/// A value at a time, in seconds since the start.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Point {
    /// When.
    pub at_s: f64,
    /// What.
    pub value: f64,
}

/// A limit that the kernel held a pod to from a time on.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LimitPoint {
    /// Seconds since the start.
    pub at_s: f64,
    /// The pod.
    pub pod: String,
    /// Mbit/s; `None` where the limit was taken away.
    pub mbps: Option<f64>,
}

/// The sum of all pods' limits from a time on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TotalLimit {
    /// Seconds since the start.
    pub at_s: f64,
    /// Mbit/s; `None` while there is no limit.
    pub mbps: Option<f64>,
}

/// The time of one phase, in seconds since the start.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Span {
    /// The phase's name.
    pub name: &'static str,
    /// Its start.
    pub from_s: f64,
    /// Its end.
    pub to_s: f64,
}

impl Span {
    fn contains(&self, at_s: f64) -> bool {
        (self.from_s..self.to_s).contains(&at_s)
    }

    /// The last `length_s` seconds of this.
    #[must_use]
    pub fn last(&self, length_s: f64) -> Self {
        Self { from_s: (self.to_s - length_s).max(self.from_s), ..self.clone() }
    }
}

/// All that was measured.
#[derive(Clone, Debug, Default)]
pub struct Recording {
    /// When it started.
    pub start: jiff::Timestamp,
    /// Of the independent probe, in the order of the answers.
    pub round_trips: Vec<RoundTrip>,
    /// What the kernel held the pods to.
    pub limits: Vec<LimitPoint>,
    /// What all best-effort pods sent together, in Mbit/s.
    pub sent_mbps: Vec<Point>,
    /// The jitter that the operator exported, in microseconds.
    pub operator_jitter_us: Vec<Point>,
    /// The phases in their order.
    pub phases: Vec<Span>,
}

impl Recording {
    /// The phase of that name.
    #[must_use]
    pub fn phase(&self, name: &str) -> Option<&Span> {
        self.phases.iter().find(|span| span.name == name)
    }

    /// From the first phase to the last.
    #[must_use]
    pub fn whole(&self) -> Span {
        let from_s = self.phases.first().map_or(0.0, |first| first.from_s);
        Span { name: "whole", from_s, to_s: self.phases.last().map_or(from_s, |last| last.to_s) }
    }

    /// The jitter within `span` every 200 ms; `None` where it was not known.
    #[must_use]
    pub fn jitter(&self, span: &Span) -> Vec<(f64, Option<f64>)> {
        let steps = (0u32..).map(|step| span.from_s + f64::from(step) * STEP_S);
        let within = steps.take_while(|at_s| *at_s < span.to_s);
        within.map(|at_s| (at_s, jitter_us(&self.until(at_s), at_s))).collect()
    }

    /// The median of the jitter within `span`, in microseconds.
    #[must_use]
    pub fn median_jitter_us(&self, span: &Span) -> Option<f64> {
        median(&self.jitter(span).into_iter().filter_map(|(_, jitter)| jitter).collect::<Vec<_>>())
    }

    /// The share of `span` in which the jitter was known and within `bound_us`.
    #[must_use]
    pub fn in_bound_share(&self, span: &Span, bound_us: f64) -> Option<f64> {
        share(&self.jitter(span), |(_, jitter)| jitter.is_some_and(|jitter| jitter <= bound_us))
    }

    /// The median round trip of the probes sent within `span`, in microseconds.
    #[must_use]
    pub fn median_latency_us(&self, span: &Span) -> Option<f64> {
        let sent_within = self.round_trips.iter().filter(|trip| span.contains(trip.sent_s));
        median(&sent_within.map(|trip| trip.rtt_us).collect::<Vec<_>>())
    }

    /// The median of the jitter that the operator exported within `span`, in microseconds.
    #[must_use]
    pub fn median_operator_jitter_us(&self, span: &Span) -> Option<f64> {
        median(&values(&self.operator_jitter_us, span))
    }

    /// What best effort sent on average within `span`, in Mbit/s.
    #[must_use]
    pub fn mean_sent_mbps(&self, span: &Span) -> Option<f64> {
        mean(&values(&self.sent_mbps, span))
    }

    /// When the first probe was sent within `span` that took longer than `rtt_us`.
    #[must_use]
    pub fn first_above(&self, span: &Span, rtt_us: f64) -> Option<f64> {
        let slow = |trip: &&RoundTrip| span.contains(trip.sent_s) && trip.rtt_us > rtt_us;
        self.round_trips.iter().find(slow).map(|trip| trip.sent_s)
    }

    /// When, from `from_s` on, a limit was first lowered on every one of `pods`.
    #[must_use]
    pub fn all_cut_after(&self, from_s: f64, pods: &[String]) -> Option<f64> {
        let cuts = pods.iter().map(|pod| self.cut_after(from_s, pod)).collect::<Option<Vec<_>>>()?;
        cuts.into_iter().reduce(f64::max)
    }

    fn cut_after(&self, from_s: f64, pod: &str) -> Option<f64> {
        let of_pod: Vec<&LimitPoint> = self.limits.iter().filter(|point| point.pod == pod).collect();
        let is_cut = |before: &LimitPoint, after: &LimitPoint| {
            after.mbps.is_some_and(|after| before.mbps.is_none_or(|before| after < before))
        };
        let pairs = of_pod.iter().zip(of_pod.iter().skip(1));
        let mut cuts = pairs.filter(|(before, after)| after.at_s >= from_s && is_cut(before, after));
        cuts.next().map(|(_, after)| after.at_s)
    }

    /// The start of the first second, from `from_s` on, throughout which the jitter was within `bound_us`.
    #[must_use]
    pub fn calm_after(&self, from_s: f64, bound_us: f64) -> Option<f64> {
        const FOR_S: f64 = 1.0;
        let end_s = self.phases.last()?.to_s;
        let rest = Span { name: "rest", from_s, to_s: end_s };
        let mut since = None;
        for (at_s, jitter) in self.jitter(&rest) {
            let calm = jitter.is_some_and(|jitter| jitter <= bound_us);
            since = calm.then(|| since.unwrap_or(at_s));
            if since.is_some_and(|since| at_s - since >= FOR_S) {
                return since;
            }
        }
        None
    }

    /// The sum of all pods' limits after each change; `None` while there is none.
    #[must_use]
    pub fn total_limits(&self) -> Vec<TotalLimit> {
        let mut held = BTreeMap::new();
        let total = |point: &LimitPoint| {
            match point.mbps {
                Some(mbps) => held.insert(point.pod.clone(), mbps),
                None => held.remove(&point.pod),
            };
            TotalLimit { at_s: point.at_s, mbps: (!held.is_empty()).then(|| held.values().sum()) }
        };
        self.limits.iter().map(total).collect()
    }

    /// The last seconds of the round trips until `at_s`: all that the jitter at that time may look at.
    fn until(&self, at_s: f64) -> Vec<RoundTrip> {
        let start = self.round_trips.partition_point(|trip| trip.sent_s < at_s - 2.0);
        let recent = self.round_trips.iter().skip(start);
        recent.take_while(|trip| trip.sent_s <= at_s).copied().collect()
    }
}

fn values(series: &[Point], span: &Span) -> Vec<f64> {
    series.iter().filter(|point| span.contains(point.at_s)).map(|point| point.value).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PHASE: Span = Span { name: "protected", from_s: 0.0, to_s: 10.0 };

    /// Ten seconds of probes: between 2 s and 4 s they take turns at 1 ms and 5 ms, else all take 200 us.
    fn recording() -> Recording {
        let trip = |position: u32| {
            let sent_s = f64::from(position) / 50.0;
            let congested = (2.0..4.0).contains(&sent_s);
            let rtt_us = if !congested {
                200.0
            } else if position.is_multiple_of(2) {
                1_000.0
            } else {
                5_000.0
            };
            RoundTrip { sent_s, rtt_us }
        };
        Recording { round_trips: (0..500).map(trip).collect(), phases: vec![PHASE], ..Recording::default() }
    }

    fn limit(at_s: f64, pod: &str, mbps: f64) -> LimitPoint {
        LimitPoint { at_s, pod: pod.to_owned(), mbps: Some(mbps) }
    }

    #[test]
    fn a_congested_fifth_is_out_of_bound_and_the_unknown_start_too() {
        let share = recording().in_bound_share(&PHASE, 500.0).unwrap();
        assert!((0.74..=0.82).contains(&share), "{share}");
    }

    #[test]
    fn the_first_slow_probe_and_the_return_of_calm_are_found() {
        let recording = recording();
        assert_eq!(recording.first_above(&PHASE, 700.0), Some(2.0));
        let calm = recording.calm_after(2.2, 500.0).unwrap();
        assert!((4.0..4.8).contains(&calm), "{calm}");
    }

    #[test]
    fn a_cut_counts_once_it_holds_on_every_pod_and_a_raise_does_not_count() {
        let mut recording = recording();
        recording.limits =
            vec![limit(0.0, "a", 90.0), limit(0.0, "b", 90.0), limit(2.1, "a", 100.0), limit(2.4, "a", 80.0)];
        let pods = ["a".to_owned(), "b".to_owned()];
        assert_eq!(recording.all_cut_after(2.0, &pods), None);
        recording.limits.push(limit(2.5, "b", 72.0));
        assert_eq!(recording.all_cut_after(2.0, &pods), Some(2.5));
    }
}
