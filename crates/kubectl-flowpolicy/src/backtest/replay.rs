//! The past through the control code. Limits have no effect there: the past is as it was.

use super::episodes::{Episode, episodes};
use super::past::Past;
use crate::chart::count;
use flow_control::{
    Bandwidth, Decision, Effect, Judgement, Moment, Observation, Params, Reading, State, Unknown, step,
};
use flow_policy::{Objective, Policy};
use std::time::Duration;

/// The shortest time between two decisions. A policy that is probed decides more often; a history has no more to tell.
const SHORTEST: Duration = Duration::from_secs(1);
/// After how many steps a value is too old, as the operator has it.
const STALE: u32 = 3;

/// What would have been decided.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Replay {
    /// The lowest share of its initial limit that any target had during each step.
    pub(super) left: Vec<f64>,
    /// The lowest limit of each target during each step.
    pub(super) limits: Vec<Vec<Bandwidth>>,
    /// When that was less than one.
    pub(super) throttled: Vec<Throttled>,
    /// When each objective was violated.
    pub(super) violated: Vec<Vec<Episode>>,
    /// At how many steps each objective was unknown.
    pub(super) unknown: Vec<usize>,
    /// How often limits would have changed.
    pub(super) changes: u32,
}

/// A time of lower limits.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Throttled {
    pub(super) during: Episode,
    /// The lowest share of its initial limit that any target had, and that limit.
    pub(super) left: f64,
    pub(super) lowest: Bandwidth,
    /// What it began with.
    pub(super) decision: Decision,
}

impl Replay {
    pub(super) fn of(policy: &Policy, past: &Past) -> Self {
        let mut run = Run::new(policy, past);
        let looks: Vec<_> = (0..past.steps()).map(|step| run.step(step)).collect();
        let left: Vec<f64> = looks.iter().map(|look| look.left).collect();
        let throttled = episodes(left.iter().map(|left| *left < 1.0));
        let throttled = throttled.into_iter().filter_map(|during| Throttled::of(during, &looks)).collect();
        let objectives = policy.objectives.iter().enumerate();
        let judged = |(position, objective): (usize, &Objective)| {
            let all = (0..past.steps()).map(move |step| objective.bound.judge(past.reading(position, step)));
            all.collect::<Vec<_>>()
        };
        let judged: Vec<_> = objectives.map(judged).collect();
        let violated = |all: &Vec<_>| episodes(all.iter().map(|judged| *judged == Judgement::Violated));
        let unknown =
            |all: &Vec<_>| all.iter().filter(|judged| matches!(judged, Judgement::Unknown(_))).count();
        Self {
            left,
            limits: run.limits,
            throttled,
            violated: judged.iter().map(violated).collect(),
            unknown: judged.iter().map(unknown).collect(),
            changes: run.changes,
        }
    }

    /// The share of steps with lower limits.
    pub(super) fn throttled_share(&self) -> f64 {
        let steps: usize = self.throttled.iter().map(|throttled| throttled.during.steps).sum();
        count(steps) / count(self.left.len().max(1))
    }
}

impl Throttled {
    fn of(during: Episode, looks: &[Look]) -> Option<Self> {
        let looks = looks.get(during.from..during.from + during.steps)?;
        let lowest = looks.iter().min_by(|one, other| one.left.total_cmp(&other.left))?;
        let decision = looks.iter().find_map(|look| look.decision)?;
        Some(Self { during, left: lowest.left, lowest: lowest.limit, decision })
    }
}

/// What was decided during one step of the past.
#[derive(Clone, Copy, Debug)]
struct Look {
    /// The lowest share of its initial limit that a target had, and that limit.
    left: f64,
    limit: Bandwidth,
    /// The first change of limits.
    decision: Option<Decision>,
}

struct Run<'a> {
    policy: &'a Policy,
    past: &'a Past,
    params: Params,
    state: State,
    limits: Vec<Vec<Bandwidth>>,
    changes: u32,
    decision: Option<Decision>,
}

impl<'a> Run<'a> {
    fn new(policy: &'a Policy, past: &'a Past) -> Self {
        let params = Params {
            law: policy.law,
            no_data: policy.no_data,
            ranges: policy.targets.iter().map(|target| target.range).collect(),
            // In the past nothing helps: limits would be given back at once.
            effect_check: None,
            manual: None,
            effect: Effect::Possible,
            traffic: vec![None; policy.targets.len()],
        };
        let state = State::resume(policy.targets.iter().map(|target| target.initial).collect());
        let limits = policy.targets.iter().map(|_| Vec::with_capacity(past.steps())).collect();
        Self { policy, past, params, state, limits, changes: 0, decision: None }
    }

    /// All decisions until the next step of the past.
    fn step(&mut self, step: usize) -> Look {
        let interval = self.policy.interval.max(SHORTEST);
        let from = self.past.step.saturating_mul(u32::try_from(step).unwrap_or(u32::MAX));
        let first = from.as_nanos().div_ceil(interval.as_nanos());
        let mut look = Look { left: f64::MAX, limit: Bandwidth::ZERO, decision: None };
        let mut at = interval.saturating_mul(u32::try_from(first).unwrap_or(u32::MAX));
        loop {
            if at < from + self.past.step {
                self.decide(step, Moment::after_epoch(at));
            }
            self.note(step);
            let (left, limit) = self.lowest();
            if left < look.left {
                (look.left, look.limit) = (left, limit);
            }
            look.decision = look.decision.or(self.decision.take());
            at += interval;
            if at >= from + self.past.step {
                return look;
            }
        }
    }

    fn note(&mut self, step: usize) {
        for (noted, limit) in self.limits.iter_mut().zip(&self.state.limits) {
            match noted.get_mut(step) {
                Some(lowest) => *lowest = (*lowest).min(*limit),
                None => noted.push(*limit),
            }
        }
    }

    fn decide(&mut self, step: usize, now: Moment) {
        let observed: Vec<_> =
            (0..self.policy.objectives.len()).filter_map(|objective| self.observe(objective, step)).collect();
        let before = self.state.clone();
        let (state, decision) = self::step(&self.params, before.clone(), &observed, now);
        if state.limits != before.limits {
            self.changes += 1;
            self.decision = self.decision.or(Some(decision));
        }
        self.state = state;
    }

    fn observe(&self, objective: usize, step: usize) -> Option<Observation> {
        let Objective { role, priority, bound, .. } = self.policy.objectives.get(objective)?;
        let (reading, measured) = self.newest(objective, step);
        let since = self.state.changed().map(|changed| changed + self.past.step);
        // What is answered may have been scraped a whole step before.
        let is_settled = measured.is_some_and(|measured| since.is_none_or(|since| measured >= since));
        Some(Observation {
            settled: if is_settled { reading } else { Err(Unknown::NoData) },
            period: self.past.step,
            window: self.past.series.get(objective).map(|series| series.window).unwrap_or_default(),
            ..Observation::new(*role, *priority, *bound, reading, measured)
        })
    }

    /// What was known at a step: the newest value that is not too old, and when it is from.
    fn newest(&self, objective: usize, step: usize) -> (Reading, Option<Moment>) {
        let now = self.past.reading(objective, step);
        let back = (0..STALE).map_while(|back| step.checked_sub(usize::try_from(back).ok()?));
        let known =
            back.map(|step| (step, self.past.reading(objective, step))).find(|(_, reading)| reading.is_ok());
        let at = |step| {
            Moment::after_epoch(self.past.step.saturating_mul(u32::try_from(step).unwrap_or(u32::MAX)))
        };
        known.map_or((now, None), |(step, reading)| (reading, Some(at(step))))
    }

    /// The lowest share of its initial limit that a target has, and its limit.
    fn lowest(&self) -> (f64, Bandwidth) {
        let limits = self.policy.targets.iter().zip(&self.state.limits);
        let shares = limits.map(|(target, limit)| (limit.bps_f64() / target.initial.bps_f64(), *limit));
        shares.min_by(|one, other| one.0.total_cmp(&other.0)).unwrap_or((1.0, Bandwidth::ZERO))
    }
}

#[cfg(test)]
mod tests {
    use super::super::past::Series;
    use super::*;
    use crate::simulate::tests::manifest;
    use flow_control::{Action, Finite};

    /// A replay of numbers, one each 15 s, of which at most 5 are allowed.
    fn replay(law: &str, numbers: impl Iterator<Item = Option<f64>>) -> Replay {
        let spec = format!(
            "
  objectives:
  - {{name: depth, prometheus: {{query: depth}}, value: {{max: \"5\"}}}}
  targets: [{{kind: Deployment, name: upload, limit: {{min: 10M, max: 100M}}}}]
  control: {{law: {law}}}
"
        );
        let reading =
            |number: Option<f64>| number.map(|number| Finite::new(number).unwrap()).ok_or(Unknown::NoSeries);
        let series =
            Series { readings: numbers.map(reading).collect(), window: Duration::ZERO, query: String::new() };
        let past = Past { from_s: 0.0, step: Duration::from_secs(15), series: vec![series] };
        Replay::of(&manifest(&spec).policy, &past)
    }

    #[test]
    fn limits_fall_to_their_minimum_while_a_violation_lasts_and_come_back_after_it() {
        for law in ["Adaptive", "AIMD"] {
            let numbers = (0..400).map(|step| Some(if (100..140).contains(&step) { 20.0 } else { 1.0 }));
            let replay = replay(law, numbers);
            assert_eq!(replay.violated, [[Episode { from: 100, steps: 40 }]], "{law}");
            let first = replay.throttled.first().unwrap();
            assert_eq!((first.during.from, first.decision.action), (100, Action::Decrease), "{law}");
            assert_eq!(first.lowest, Bandwidth::from_mbps(10), "{law}");
            let lowest = [99, 139].map(|step| replay.limits[0][step]);
            assert_eq!(lowest, [Bandwidth::from_mbps(100), Bandwidth::from_mbps(10)], "{law}");
            assert_eq!(replay.limits[0].len(), 400, "{law}");
            assert!(replay.left.last().is_some_and(|left| *left >= 1.0), "{law}: {:?}", replay.left.last());
        }
    }

    #[test]
    fn without_a_violation_nothing_is_lower() {
        let replay = replay("Adaptive", (0..400).map(|_| Some(1.0)));
        assert_eq!((replay.throttled.len(), replay.changes, replay.unknown[0]), (0, 0, 0));
        assert!(replay.throttled_share().abs() < 1e-9);
    }

    #[test]
    fn what_is_unknown_is_neither_met_nor_violated() {
        let replay = replay("Adaptive", (0..100).map(|step| (step % 10 > 5).then_some(1.0)));
        assert_eq!((replay.unknown[0], replay.violated[0].len(), replay.throttled.len()), (60, 0, 0));
    }
}
