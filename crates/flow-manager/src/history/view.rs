use super::STEP;
use super::record::Record;
use super::ring::Ring;
use super::step;
use crate::cluster::PolicyId;
use crate::report::{Change, ObjectiveView, Snapshot, Standing, action_word, holding, reason_word, why};
use flow_control::{Action, Bandwidth, Bound, Finite, Judgement, Moment, Queueing, Role};
use flow_page::{
    Count, Failed, Mark, ObjectiveHistory, PolicyHistory, Queue, Series, State, TargetHistory, Unit,
};
use flow_policy::spec::Mode;
use flow_policy::{Indicator, Objective, Policy, Scope};
use jiff::Timestamp;
use std::cmp::Reverse;
use std::time::Duration;

/// Tells the time of moments. Where people's clock is set, the history moves with it and keeps its shape.
#[derive(Clone, Copy, Debug)]
pub(super) struct Dial {
    now: Moment,
    /// When the clock of decisions began, on that of people.
    epoch_ms: i64,
}

/// What two readings of two clocks may differ by although neither was set.
const TOLERANCE_MS: u64 = 1_000;

/// What comes first: how a policy stands, then how far its worst objective is over its bound.
pub(super) type Rank = (State, Reverse<u32>);

impl Dial {
    /// It is `now` on the clock of decisions, and `time` on that of people.
    pub(super) fn new(now: Moment, time: Timestamp) -> Self {
        let epoch_ms = time.as_millisecond().saturating_sub(millis(now.since(Moment::default())));
        Self { now, epoch_ms }
    }

    /// The same, where nobody has set a clock since `before`: what has not changed is told by the same times.
    pub(super) fn after(self, before: Self) -> Self {
        let was_set = self.epoch_ms.abs_diff(before.epoch_ms) >= TOLERANCE_MS;
        if was_set { self } else { Self { epoch_ms: before.epoch_ms, ..self } }
    }

    fn unix_ms(self, moment: Moment) -> i64 {
        self.epoch_ms.saturating_add(millis(moment.since(Moment::default())))
    }

    fn series(self, ring: &Ring, held: u64) -> Series {
        // The step that goes on may have nothing yet, which is no gap.
        let (first, values) = ring.series(step(self.now).saturating_sub(1), held);
        let start = Moment::default() + Duration::from_secs(first.saturating_mul(STEP.as_secs()));
        Series { start: self.unix_ms(start), step: millis(STEP), values }
    }

    fn mark(self, (at, change): &(Moment, Change)) -> Mark {
        Mark {
            at: self.unix_ms(*at),
            decision: action_word(change.decision.action).to_owned(),
            reason: reason_word(change.decision.reason).to_owned(),
            message: change.message.clone(),
        }
    }
}

fn millis(span: Duration) -> i64 {
    i64::try_from(span.as_millis()).unwrap_or(i64::MAX)
}

impl Record {
    /// The policy as the page shows it, and what it is ordered by.
    pub(super) fn show(&self, id: &PolicyId, dial: Dial, now: Timestamp) -> (Rank, PolicyHistory) {
        let (rank, mode, objectives, targets) = match &*self.standing {
            Standing::Invalid { .. } => ((State::Invalid, Reverse(0)), "", Vec::new(), Vec::new()),
            Standing::Running(snapshot) => {
                let objectives = self.objective_histories(snapshot, dial);
                (
                    rank(snapshot),
                    mode_word(snapshot.policy.mode),
                    objectives,
                    self.target_histories(snapshot, dial),
                )
            }
        };
        let shown = PolicyHistory {
            namespace: id.namespace.clone(),
            name: id.name.clone(),
            mode: mode.to_owned(),
            state: rank.0,
            why: why(&self.standing, now),
            holding: self.holding(),
            failed: self.failed(dial),
            since: self.since(dial),
            objectives,
            targets,
            decisions: self.changes.iter().map(|change| dial.mark(change)).collect(),
        };
        (rank, shown)
    }

    /// Why limits stay as they are; none where the last decision has changed them.
    fn holding(&self) -> Option<String> {
        let Standing::Running(snapshot) = &*self.standing else { return None };
        let decided = self.decided.filter(|decided| decided.action == Action::Hold)?;
        Some(holding(&snapshot.policy, decided))
    }

    fn failed(&self, dial: Dial) -> Option<Failed> {
        let Standing::Running(snapshot) = &*self.standing else { return None };
        let failed = snapshot.failed?;
        Some(Failed { at: dial.unix_ms(failed.at), retry: dial.unix_ms(failed.retry) })
    }

    fn since(&self, dial: Dial) -> Option<i64> {
        let Standing::Running(snapshot) = &*self.standing else { return None };
        Some(dial.unix_ms(snapshot.taken_up))
    }

    fn objective_histories(&self, snapshot: &Snapshot, dial: Dial) -> Vec<ObjectiveHistory> {
        let policy = &snapshot.policy;
        let objectives = policy.objectives.iter().zip(&snapshot.objectives).zip(&self.objectives);
        objectives
            .map(|((objective, view), ring)| {
                let Ends { bound, at_least, other_bound } = Ends::of(objective.bound, view.reading.ok());
                ObjectiveHistory {
                    name: objective.name.clone(),
                    unit: unit(objective.indicator),
                    bound,
                    at_least,
                    other_bound,
                    state: state(policy, objective, view),
                    measured: view.measured.map(|at| dial.unix_ms(at)),
                    queue: view.queueing.map(queue),
                    values: dial.series(ring, self.held()),
                }
            })
            .collect()
    }

    fn target_histories(&self, snapshot: &Snapshot, dial: Dial) -> Vec<TargetHistory> {
        let targets = snapshot.policy.targets.iter().zip(&snapshot.targets).zip(&self.targets);
        // A limit that is not written proves nothing.
        let proves = snapshot.policy.mode == Mode::Enforce;
        targets
            .map(|((target, view), held)| TargetHistory {
                name: target.id.to_string(),
                pods: view.pods,
                enforced: view.enforced,
                limit_each_pod: target.scope == Scope::Pod,
                too_much: view.too_much.map(Bandwidth::bps_f64),
                goal: view.goal.map(Bandwidth::bps_f64),
                known_good: view.safe.filter(|_| proves).map(Bandwidth::bps_f64),
                counts: held
                    .counts
                    .iter()
                    .map(|(at, pods)| Count { at: dial.unix_ms(*at), pods: *pods })
                    .collect(),
                limit: dial.series(&held.limit, self.held()),
                sent: dial.series(&held.sent, self.held()),
            })
            .collect()
    }
}

const fn queue(Queueing { delay, allowed, .. }: Queueing) -> Queue {
    Queue { delay: delay.as_secs_f64(), allowed: allowed.as_secs_f64() }
}

/// How a policy stands by the objectives that decide.
fn rank(snapshot: &Snapshot) -> Rank {
    let objectives = snapshot.policy.objectives.iter().zip(&snapshot.objectives);
    let ranks =
        objectives.filter(|(objective, _)| objective.role == Role::Control).map(|(objective, view)| {
            let over = view.reading.map_or(0, |value| objective.bound.overshoot_percent(value));
            (state(&snapshot.policy, objective, view), Reverse(over))
        });
    ranks.min().unwrap_or((State::Unknown, Reverse(0)))
}

fn state(policy: &Policy, objective: &Objective, view: &ObjectiveView) -> State {
    let percent = policy.law.headroom_percent();
    match (view.judgement, view.reading) {
        (Judgement::Violated, _) => State::Violated,
        (Judgement::Met, Ok(value)) if objective.bound.has_headroom(value, percent) => State::Clear,
        (Judgement::Met, _) => State::Met,
        (Judgement::Unknown(_), _) => State::Unknown,
    }
}

/// A bound as the page has it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ends {
    /// The bound; of a range, the end that the newest value is closer to.
    pub bound: f64,
    /// Whether values are to stay above it.
    pub at_least: bool,
    /// The other end of a range.
    pub other_bound: Option<f64>,
}

impl Ends {
    /// Those of a bound, where `newest` is the newest value.
    #[must_use]
    pub fn of(bound: Bound, newest: Option<Finite>) -> Self {
        let one = |bound: Finite, at_least| Self { bound: bound.get(), at_least, other_bound: None };
        match bound {
            Bound::AtMost(max) => one(max, false),
            Bound::AtLeast(min) => one(min, true),
            Bound::Within { min, max } => {
                let is_low = newest.is_some_and(|value| value.get() < f64::midpoint(min.get(), max.get()));
                let (near, far) = if is_low { (min, max) } else { (max, min) };
                Self { other_bound: Some(far.get()), ..one(near, is_low) }
            }
        }
    }
}

/// What the values of an indicator are counted in.
#[must_use]
pub const fn unit(indicator: Indicator) -> Unit {
    match indicator {
        Indicator::Jitter { .. } | Indicator::Latency { .. } => Unit::Seconds,
        Indicator::Loss { .. } => Unit::Ratio,
        Indicator::Throughput => Unit::BitsPerSecond,
        Indicator::Value => Unit::Number,
    }
}

/// A mode, as a spec has it.
#[must_use]
pub const fn mode_word(mode: Mode) -> &'static str {
    match mode {
        Mode::Enforce => "Enforce",
        Mode::Observe => "Observe",
    }
}
