//! The figures of one run.

use crate::capacity::mean_mbps;
use crate::limits::sampled;
use crate::plan::{BOUND_US, CRITICAL_MBPS, Contender, FAULT, ORACLE_SHARE, Plan, Scenario};
use crate::reaction::{Reaction, reactions};
use crate::recording::{Probe, Recording};
use crate::statistics::{quantile, variation};
use flow_e2e::statistics::{interquartile_range, mean, share};
use serde::Serialize;
use std::collections::BTreeSet;

/// See the module. What is not said to be of the whole run is of its steady state: after the warm-up.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Figures {
    pub(crate) scenario: Scenario,
    pub(crate) contender: Contender,
    pub(crate) repetition: u32,
    pub(crate) seed: u64,
    pub(crate) length_s: f64,
    pub(crate) warm_up_s: f64,
    /// The limit of each pod under `best-fixed`, in Mbit/s.
    pub(crate) fixed_mbps: Option<f64>,
    /// The median delay on the empty link, before the run.
    pub(crate) base_us: f64,
    /// The share of seconds in which the jitter was above its bound, or nobody knows.
    pub(crate) violation_ratio: f64,
    /// The same of the whole run.
    pub(crate) violation_ratio_whole: f64,
    pub(crate) delay_p50_us: Option<f64>,
    pub(crate) delay_p99_us: Option<f64>,
    /// The share of probes that were never answered.
    pub(crate) lost_ratio: f64,
    /// What left through the link without the critical flow.
    pub(crate) goodput_mbps: f64,
    /// The same as an oracle would have it, which always leaves a twentieth of the capacity free.
    pub(crate) oracle_mbps: f64,
    /// The limits of all pods together, on average.
    pub(crate) limit_mbps: Option<f64>,
    /// Their standard deviation in units of their mean.
    pub(crate) limit_cv: Option<f64>,
    /// Limits written, of all objects together.
    pub(crate) writes_per_min: f64,
    /// The same for each object that was written to: a pod, or under `predecessor-rollout` the pod template.
    pub(crate) writes_per_min_each: f64,
    /// Pods that were replaced, and containers that restarted, in the whole run.
    pub(crate) pod_restarts: usize,
    /// Of the whole run; none of a fault, to which no limit is the answer.
    pub(crate) reactions: Vec<Reaction>,
    pub(crate) fault: Option<FaultFigures>,
}

/// What a fault did that no limit can cure.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct FaultFigures {
    /// From its beginning until the policy said that its limits do not help.
    pub(crate) ineffective_s: Option<f64>,
    pub(crate) goodput_before_mbps: f64,
    pub(crate) goodput_during_mbps: f64,
    /// The second in units of the first.
    pub(crate) goodput_share: f64,
}

impl Figures {
    /// Works them out.
    pub(crate) fn of(plan: &Plan, run: &Recording) -> Self {
        let (from_s, to_s) = (plan.warm_up.as_secs_f64(), plan.length.as_secs_f64());
        let quiet: Vec<f64> =
            run.probes(f64::NEG_INFINITY, 0.0).iter().filter_map(|probe| probe.rtt_us).collect();
        let base_us = quantile(&quiet, 500).unwrap_or_default();
        let probes = run.probes(from_s, to_s);
        let delays: Vec<f64> = probes.iter().map(delay_us).collect();
        let answered = |permille| quantile(&delays, permille).filter(|delay| delay.is_finite());
        let is_fault = plan.scenario == Scenario::Fault;
        let limits = sampled(&run.totals, from_s, to_s);
        let (writes_per_min, writes_per_min_each) = writes_per_min(run, from_s, to_s);
        Self {
            scenario: plan.scenario,
            contender: plan.contender,
            repetition: plan.repetition,
            seed: plan.seed(),
            length_s: to_s,
            warm_up_s: from_s,
            fixed_mbps: plan.fixed_kbps.map(|kbps| flow_e2e::mbps(kbps * 1000)),
            base_us,
            violation_ratio: violation_ratio(run, from_s, to_s),
            violation_ratio_whole: violation_ratio(run, 0.0, to_s),
            delay_p50_us: answered(500),
            delay_p99_us: answered(990),
            lost_ratio: share(probes, |probe| probe.rtt_us.is_none()).unwrap_or(1.0),
            goodput_mbps: goodput_mbps(run, from_s, to_s),
            oracle_mbps: ORACLE_SHARE * mean_mbps(&run.capacity, from_s, to_s) - CRITICAL_MBPS,
            limit_mbps: mean(&limits),
            limit_cv: variation(&limits),
            writes_per_min,
            writes_per_min_each,
            pod_restarts: run.pod_restarts,
            reactions: if is_fault { Vec::new() } else { reactions(run, base_us, to_s) },
            fault: is_fault.then(|| fault(run, from_s)),
        }
    }
}

/// A lost probe took longer than any other.
fn delay_us(probe: &Probe) -> f64 {
    probe.rtt_us.unwrap_or(f64::INFINITY)
}

/// The share of whole seconds in which the jitter was above its bound. Too few probes are a violation: unknown is not
/// good.
fn violation_ratio(run: &Recording, from_s: f64, to_s: f64) -> f64 {
    let starts = (0u32..).map(|second| from_s + f64::from(second)).take_while(|start| start + 1.0 <= to_s);
    let windows: Vec<bool> = starts.map(|start| is_violated(run.probes(start, start + 1.0))).collect();
    share(&windows, |violated| *violated).unwrap_or(1.0)
}

fn is_violated(probes: &[Probe]) -> bool {
    let delays: Vec<f64> = probes.iter().map(delay_us).collect();
    // Two infinite quartiles have no difference.
    !interquartile_range(&delays).is_some_and(|jitter| jitter <= BOUND_US)
}

fn goodput_mbps(run: &Recording, from_s: f64, to_s: f64) -> f64 {
    run.link_mbps(from_s, to_s).map_or(0.0, |mbps| (mbps - CRITICAL_MBPS).max(0.0))
}

/// Of all objects together, and of each.
fn writes_per_min(run: &Recording, from_s: f64, to_s: f64) -> (f64, f64) {
    let within = || run.writes.iter().filter(|write| (from_s..to_s).contains(&write.at_s));
    let objects: BTreeSet<&str> = within().map(|write| write.object.as_str()).collect();
    let count = |number: usize| f64::from(u32::try_from(number).unwrap_or(u32::MAX));
    let all = count(within().count()) * 60.0 / (to_s - from_s);
    (all, all / count(objects.len().max(1)))
}

fn fault(run: &Recording, from_s: f64) -> FaultFigures {
    let [begin_s, end_s] = FAULT.map(|time| time.as_secs_f64());
    let (before, during) = (goodput_mbps(run, from_s, begin_s), goodput_mbps(run, begin_s, end_s));
    FaultFigures {
        ineffective_s: run.ineffective_s.map(|at_s| at_s - begin_s),
        goodput_before_mbps: before,
        goodput_during_mbps: during,
        goodput_share: if before > 0.0 { during / before } else { 0.0 },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capacity::Capacity;
    use crate::limits::Total;
    use crate::recording::tests::probed;
    use crate::recording::{Bytes, Write};

    fn near(one: f64, other: f64) -> bool {
        (one - other).abs() < 1e-6
    }

    /// Jitter of 900 us in every second of a run that begins with `within`.
    fn jittery(at_s: f64, within: std::ops::Range<f64>) -> f64 {
        let odd = (at_s * 100.0).round() % 2.0 != 0.0;
        if odd && within.contains(&at_s) { 1_100.0 } else { 200.0 }
    }

    fn figures(scenario: Scenario, run: &Recording) -> Figures {
        Figures::of(&Plan::of(scenario, Contender::Ours, 1), run)
    }

    #[test]
    fn seconds_out_of_bound_are_counted_after_the_warm_up_and_in_all() {
        let run = probed(35, |at_s| Some(jittery(at_s, 4.0..13.0)));
        let figures = figures(Scenario::Fixed, &run);
        assert!(near(figures.violation_ratio, 3.0 / 25.0), "{figures:?}");
        assert!(near(figures.violation_ratio_whole, 9.0 / 35.0), "{figures:?}");
        assert!(near(figures.base_us, 200.0) && figures.seed == 0xF11);
    }

    #[test]
    fn silence_and_losses_are_violations() {
        let silent = Recording::default();
        assert!(near(figures(Scenario::Fixed, &silent).violation_ratio, 1.0));
        let lost = probed(35, |at_s| (at_s < 20.0 || at_s * 100.0 % 2.0 < 1.0).then_some(200.0));
        let figures = figures(Scenario::Fixed, &lost);
        assert!(near(figures.violation_ratio, 15.0 / 25.0), "{figures:?}");
        assert_eq!(figures.delay_p99_us, None);
        assert!((0.3..0.36).contains(&figures.lost_ratio), "{figures:?}");
    }

    #[test]
    fn goodput_is_what_the_link_carries_besides_the_critical_flow_and_the_oracle_leaves_a_twentieth() {
        let mut run = probed(35, |_| Some(200.0));
        run.sent =
            (0..=400u32).map(|tick| (f64::from(tick) / 10.0, Bytes(u64::from(tick) * 1_000_000))).collect();
        run.capacity = vec![Capacity { at_s: 0.0, mbps: 100.0 }];
        let figures = figures(Scenario::Fixed, &run);
        assert!(near(figures.goodput_mbps, 80.0 - CRITICAL_MBPS), "{figures:?}");
        assert!(near(figures.oracle_mbps, 95.0 - CRITICAL_MBPS), "{figures:?}");
    }

    #[test]
    fn writes_are_counted_after_the_warm_up_in_all_and_for_each_pod() {
        let write = |at_s: f64, object: &str| Write { at_s, object: object.to_owned() };
        let mut run = probed(35, |_| Some(200.0));
        run.writes =
            vec![write(9.0, "a"), write(11.0, "a"), write(11.1, "b"), write(12.0, "a"), write(12.1, "b")];
        let figures = figures(Scenario::Fixed, &run);
        assert!(near(figures.writes_per_min, 9.6) && near(figures.writes_per_min_each, 4.8), "{figures:?}");
    }

    #[test]
    fn limits_are_judged_once_they_have_settled() {
        let mut run = probed(130, |_| Some(200.0));
        run.totals = [(0.0, 200.0), (30.0, 120.0), (60.0, 80.0), (95.0, 100.0)]
            .map(|(at_s, mbps)| Total { at_s, mbps })
            .to_vec();
        let figures = figures(Scenario::Settled, &run);
        assert!(near(figures.limit_mbps.unwrap(), 90.0), "{figures:?}");
        assert!(near(figures.limit_cv.unwrap(), 10.0 / 90.0), "{figures:?}");
    }

    #[test]
    fn a_fault_is_compared_with_the_time_before_it() {
        let mut run = probed(60, |_| Some(200.0));
        let bytes =
            |at_s: u32| if at_s <= 20 { at_s * 4_000_000 } else { 80_000_000 + (at_s - 20) * 3_000_000 };
        run.sent = (0..=60).map(|at_s| (f64::from(at_s), Bytes(u64::from(bytes(at_s))))).collect();
        run.ineffective_s = Some(24.5);
        let fault = figures(Scenario::Fault, &run).fault.unwrap();
        assert!(figures(Scenario::Fault, &run).reactions.is_empty());
        assert!(near(fault.goodput_share, (24.0 - CRITICAL_MBPS) / (32.0 - CRITICAL_MBPS)), "{fault:?}");
        assert_eq!(fault.ineffective_s, Some(4.5));
        assert_eq!(figures(Scenario::Fixed, &run).fault, None);
    }
}
