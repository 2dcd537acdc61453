//! What the demo reports, and what it promises.

use crate::machine::Machine;
use crate::recording::{LimitPoint, Point, Recording, Span};
use crate::{Error, Result};
use serde::Serialize;
use std::collections::BTreeMap;

/// The names of the phases, in their order.
pub const PHASES: [&str; 4] = ["quiet", "congested", "protected", "released"];

/// How long before its end the protected phase is judged, in seconds.
const JUDGED_S: f64 = 30.0;

/// What the demo measured: the content of `report.json`.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// By the name of the phase.
    pub phases: BTreeMap<&'static str, PhaseReport>,
    /// The bound on jitter, in microseconds.
    pub bound_us: f64,
    /// The share of the protected phase's last 30 s in which the jitter was within its bound.
    pub in_bound_share: f64,
    /// From the sending of the first probe that was delayed by more than the bound to a lower limit in force
    /// on the queue of every best-effort pod, in milliseconds; `None` if that never came.
    pub reaction_ms: Option<f64>,
    /// From the sending of that probe to the beginning of the first second within the bound, in milliseconds.
    pub recovered_ms: Option<f64>,
    /// Containers that restarted and pods that were replaced.
    pub pod_restarts: usize,
    /// Queries that the operator sent to Prometheus.
    pub prometheus_queries: f64,
    /// Whether each pod's annotations, and with them its limit, were in the end what they had been before.
    pub limit_restored: bool,
    /// What the kernel held each pod to.
    pub limits: Vec<LimitPoint>,
    /// The jitter every 200 ms, in microseconds.
    pub jitter: Vec<Point>,
    /// What the best-effort pods sent together, in Mbit/s.
    pub best_effort: Vec<Point>,
    /// What it was measured on.
    pub machine: Machine,
}

/// The figures of one phase.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct PhaseReport {
    /// The median of the jitter: the interquartile range of the newest 20 round trips, every 200 ms.
    pub jitter_us: f64,
    /// The same as the operator saw it, once a second; `None` where it exported none.
    pub operator_jitter_us: Option<f64>,
    /// The median round trip.
    pub latency_p50_us: f64,
    /// What the best-effort pods sent together on average, in Mbit/s.
    pub best_effort_mbps: f64,
}

/// What was found besides the measurements.
#[derive(Clone, Debug)]
pub struct Findings {
    /// The bound on jitter, in microseconds.
    pub bound_us: f64,
    /// The best-effort pods' names.
    pub pods: Vec<String>,
    /// See [`Report::pod_restarts`].
    pub pod_restarts: usize,
    /// See [`Report::prometheus_queries`].
    pub prometheus_queries: f64,
    /// See [`Report::limit_restored`].
    pub limit_restored: bool,
}

impl Report {
    /// Works out the figures. Fails where a phase has no measurement.
    pub fn new(recording: &Recording, findings: &Findings) -> Result<Self> {
        let phases = PHASES.into_iter().map(|name| Ok((name, phase_report(recording, name)?)));
        let protected = phase(recording, "protected")?;
        let quiet_us = recording.median_latency_us(phase(recording, "quiet")?).unwrap_or_default();
        let onset_s = recording.first_above(protected, quiet_us + findings.bound_us);
        let cut_s = onset_s.and_then(|onset_s| recording.all_cut_after(onset_s, &findings.pods));
        let calm_s = cut_s.and_then(|cut_s| recording.calm_after(cut_s, findings.bound_us));
        let after_onset = |at_s: Option<f64>| Some((at_s? - onset_s?) * 1e3);
        let judged = protected.last(JUDGED_S);
        Ok(Self {
            phases: phases.collect::<Result<_>>()?,
            bound_us: findings.bound_us,
            in_bound_share: recording.in_bound_share(&judged, findings.bound_us).unwrap_or_default(),
            reaction_ms: after_onset(cut_s),
            recovered_ms: after_onset(calm_s),
            pod_restarts: findings.pod_restarts,
            prometheus_queries: findings.prometheus_queries,
            limit_restored: findings.limit_restored,
            limits: recording.limits.clone(),
            jitter: whole_jitter(recording),
            best_effort: recording.sent_mbps.clone(),
            machine: Machine::this(),
        })
    }

    /// What was promised and not reached, each as a sentence.
    #[must_use]
    pub fn missed(&self) -> Vec<String> {
        let congested = self.phases.get("congested").map_or(0.0, |phase| phase.jitter_us);
        let over = |what: &str, ms: Option<f64>, most: f64| match ms {
            None => Some(format!("{what} was never seen")),
            Some(ms) => {
                (ms > most).then(|| format!("{what} took {ms:.0} ms; at most {most:.0} are promised"))
            }
        };
        let unless = |reached: bool, sentence: String| (!reached).then_some(sentence);
        let missed = [
            unless(
                congested >= 5.0 * self.bound_us,
                format!(
                    "the congested jitter was {congested:.0} us, less than 5 times the bound: no test of anything"
                ),
            ),
            unless(
                self.in_bound_share >= 0.9,
                format!(
                    "the jitter was within its bound in {:.1} % of the protected phase's last 30 s; 90 % are promised",
                    self.in_bound_share * 100.0
                ),
            ),
            over("the reaction", self.reaction_ms, 1_000.0),
            over("the recovery", self.recovered_ms, 10_000.0),
            unless(self.pod_restarts == 0, format!("{} pods restarted; none may", self.pod_restarts)),
            unless(self.prometheus_queries > 0.0, "Prometheus was never asked".to_owned()),
            unless(self.limit_restored, "the pods were not left as they had been before".to_owned()),
        ];
        missed.into_iter().flatten().collect()
    }
}

fn phase<'a>(recording: &'a Recording, name: &str) -> Result<&'a Span> {
    recording.phase(name).ok_or_else(|| Error::Missing(format!("the phase {name}")))
}

fn phase_report(recording: &Recording, name: &str) -> Result<PhaseReport> {
    let span = phase(recording, name)?;
    let known = |what: &str, value: Option<f64>| {
        value.ok_or_else(|| Error::Missing(format!("the {what} of the phase {name}")))
    };
    Ok(PhaseReport {
        jitter_us: known("jitter", recording.median_jitter_us(span))?,
        operator_jitter_us: recording.median_operator_jitter_us(span),
        latency_p50_us: known("latency", recording.median_latency_us(span))?,
        best_effort_mbps: known("best-effort rate", recording.mean_sent_mbps(span))?,
    })
}

/// The jitter of the whole recording; a time at which it was not known has no point.
pub(crate) fn whole_jitter(recording: &Recording) -> Vec<Point> {
    let known = |(at_s, jitter): (f64, Option<f64>)| Some(Point { at_s, value: jitter? });
    recording.jitter(&recording.whole()).into_iter().filter_map(known).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report() -> Report {
        let figures = |jitter_us| PhaseReport {
            jitter_us,
            operator_jitter_us: None,
            latency_p50_us: 200.0,
            best_effort_mbps: 90.0,
        };
        Report {
            phases: PHASES.into_iter().zip([80.0, 3_000.0, 200.0, 80.0].map(figures)).collect(),
            bound_us: 500.0,
            in_bound_share: 0.95,
            reaction_ms: Some(400.0),
            recovered_ms: Some(900.0),
            pod_restarts: 0,
            prometheus_queries: 7.0,
            limit_restored: true,
            limits: Vec::new(),
            jitter: Vec::new(),
            best_effort: Vec::new(),
            machine: Machine::this(),
        }
    }

    #[test]
    fn a_run_that_keeps_every_promise_misses_nothing() {
        assert_eq!(report().missed(), Vec::<String>::new());
    }

    #[test]
    fn each_broken_promise_is_named() {
        type Breaking = fn(&mut Report);
        let breaks: [(Breaking, &str); 7] = [
            (|report| report.bound_us = 700.0, "congested jitter was 3000 us"),
            (|report| report.in_bound_share = 0.89, "89.0 %"),
            (|report| report.reaction_ms = None, "reaction was never seen"),
            (|report| report.recovered_ms = Some(10_001.0), "recovery took 10001 ms"),
            (|report| report.pod_restarts = 1, "1 pods restarted"),
            (|report| report.prometheus_queries = 0.0, "never asked"),
            (|report| report.limit_restored = false, "not left as"),
        ];
        for (breaking, sentence) in breaks {
            let mut broken = report();
            breaking(&mut broken);
            let missed = broken.missed();
            assert!(missed.len() == 1 && missed[0].contains(sentence), "{missed:?}");
        }
    }
}
