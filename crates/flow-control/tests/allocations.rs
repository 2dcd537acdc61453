//! A decision of the law Adaptive makes no allocation, whatever there is to decide.

#![allow(clippy::panic, clippy::unwrap_used, reason = "a test may panic")]

use flow_control::{
    Action, Adaptive, Bandwidth, Bound, Decision, Effect, EffectCheck, Finite, Law, Moment, NoData,
    NoDataAction, Observation, Params, Queueing, Range, Reason, Role, State, Traffic, Unknown, step,
};
use std::time::Duration;

const TICK: Duration = Duration::from_millis(100);
/// How many ticks a decision is waited for: over three minutes.
const PATIENCE: usize = 2_000;

/// What every objective and every target is like.
#[derive(Clone, Copy)]
struct Seen {
    /// What an objective reads in hundredths of its bound, where that is known, and its queue of what is allowed.
    percent: Option<u32>,
    /// Whether targets send all that they may; nothing if not.
    sends: bool,
}

const CALM: Seen = Seen { percent: Some(20), sends: true };
const BROKEN: Seen = Seen { percent: Some(300), sends: true };
const UNKNOWN: Seen = Seen { percent: None, sends: true };
const SILENT: Seen = Seen { percent: Some(20), sends: false };

/// What is seen, and the decision that it leads to.
const SCRIPT: [(Seen, Action, Reason); 14] = [
    (CALM, Action::Increase, Reason::Headroom),
    (CALM, Action::Hold, Reason::AwaitingEffect),
    (BROKEN, Action::Decrease, Reason::ObjectiveViolated),
    (BROKEN, Action::Hold, Reason::AwaitingEffect),
    // A further cut.
    (BROKEN, Action::Decrease, Reason::ObjectiveViolated),
    (CALM, Action::Increase, Reason::Recovery),
    (CALM, Action::Increase, Reason::Headroom),
    (UNKNOWN, Action::Hold, Reason::NoData),
    (UNKNOWN, Action::Decrease, Reason::NoDataTooLong),
    (SILENT, Action::Increase, Reason::Idle),
    (BROKEN, Action::Increase, Reason::NoEffect),
    // Parked.
    (BROKEN, Action::Hold, Reason::NoEffect),
    (SILENT, Action::Hold, Reason::Idle),
    (Seen { sends: false, ..BROKEN }, Action::Hold, Reason::NotTheCause),
];

struct Run {
    params: Params,
    state: State,
    objectives: usize,
    now: Moment,
}

impl Run {
    fn begin(size: usize) -> Self {
        let range = Range { min: Bandwidth::from_mbps(10), max: Bandwidth::from_mbps(1_000) };
        let check = EffectCheck { after: Duration::from_millis(1_500), retry_after: Duration::from_secs(30) };
        let params = Params {
            law: Law::Adaptive(Adaptive::BALANCED),
            no_data: NoData { after: Duration::from_secs(10), action: NoDataAction::Minimum },
            ranges: vec![range; size],
            effect_check: Some(check),
            manual: None,
            effect: Effect::Possible,
            traffic: Vec::new(),
        };
        let state = State::resume(vec![Bandwidth::from_mbps(100); size]);
        Self { params, state, objectives: size, now: Moment::after_epoch(Duration::from_hours(1)) }
    }

    /// One decision, and how many allocations it makes.
    fn decide(&mut self, seen: Seen) -> (Decision, u64) {
        self.now = self.now + TICK;
        let observations = vec![observation(seen, self.now); self.objectives];
        self.params.traffic =
            self.state.limits.iter().map(|limit| Some(traffic(seen, *limit, self.now))).collect();
        let state = std::mem::replace(&mut self.state, State::resume(Vec::new()));
        let mut decided = None;
        let made = allocation_counter::measure(|| {
            decided = Some(step(&self.params, state, &observations, self.now));
        });
        let (state, decision) = decided.unwrap();
        self.state = state;
        (decision, made.count_total)
    }

    /// Goes on until the decision is this one.
    fn until(&mut self, seen: Seen, action: Action, reason: Reason) {
        let mut last = None;
        for _ in 0..PATIENCE {
            let (decision, allocations) = self.decide(seen);
            assert_eq!(allocations, 0, "{decision:?} of {}", self.objectives);
            last = Some((decision.action, decision.reason));
            if last == Some((action, reason)) {
                return;
            }
        }
        panic!("it never comes to {action:?} with {reason:?}, but to {last:?}");
    }
}

fn observation(seen: Seen, now: Moment) -> Observation {
    let bound = Duration::from_millis(2);
    let allowed = bound * 5 / 2;
    let reading = seen.percent.map(|percent| Finite::seconds(bound * percent / 100)).ok_or(Unknown::NoData);
    let delay = allowed * seen.percent.unwrap_or_default() / 100;
    Observation {
        period: Duration::from_millis(20),
        queueing: Some(Queueing { delay, allowed, growth_percent: 0, settled: true, answered: true }),
        ..Observation::new(Role::Control, 1, Bound::AtMost(Finite::seconds(bound)), reading, Some(now))
    }
}

fn traffic(seen: Seen, limit: Bandwidth, now: Moment) -> Traffic {
    let sent = if seen.sends { limit } else { Bandwidth::ZERO };
    Traffic { sent, busiest: sent, fair: sent, measured: now, fresh_for: Duration::from_secs(1) }
}

#[test]
fn no_decision_of_the_adaptive_law_allocates_for_any_number_of_objectives_and_targets() {
    for size in [1, 64] {
        let mut run = Run::begin(size);
        for (seen, action, reason) in SCRIPT {
            run.until(seen, action, reason);
        }
    }
}

#[test]
fn an_allocation_would_be_counted() {
    assert_eq!(allocation_counter::measure(|| drop(std::hint::black_box(vec![1]))).count_total, 1);
}
