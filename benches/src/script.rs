//! Leads a policy to where the decision that is to be measured is due.

use crate::case::{Case, Situation};
use flow_control::{
    Action, Bandwidth, Bound, Decision, Effect, Finite, Moment, NoData, NoDataAction, Observation, Params,
    Queueing, Range, Reading, Reason, Role, State, Traffic, Unknown, step,
};
use std::time::Duration;

/// The default of `spec.interval`.
const TICK: Duration = Duration::from_millis(100);
/// How many ticks a situation is waited for: over a minute.
const PATIENCE: usize = 1_000;
/// What the base of every decision is: so many quiet ticks.
const WARM_UP: usize = 30;

/// All that a decision is made of.
#[derive(Clone, Debug)]
pub struct Ready {
    /// How the policy controls.
    pub params: Params,
    /// What it remembers.
    pub state: State,
    /// Its objectives.
    pub observations: Vec<Observation>,
    /// The time.
    pub now: Moment,
}

impl Ready {
    /// Makes the decision, and gives back what it was made of, so that a measurement needs not count its release.
    #[must_use]
    pub fn decide(self) -> (State, Decision, Params, Vec<Observation>) {
        let Self { params, state, observations, now } = self;
        let (state, decision) = step(&params, state, &observations, now);
        (state, decision, params, observations)
    }
}

/// What all objectives read, in hundredths of their bound, and their queues, in hundredths of what is allowed.
#[derive(Clone, Copy)]
enum Seen {
    Percent(u32),
    Nothing,
}

const CALM: Seen = Seen::Percent(20);
const TIGHT: Seen = Seen::Percent(90);
const BROKEN: Seen = Seen::Percent(300);

/// What is seen, and the decision that this leads to.
type Phase = (Seen, fn(Decision) -> bool);

impl Situation {
    /// The last decision is the one that is measured.
    const fn phases(self) -> &'static [Phase] {
        const CUT: Phase = (BROKEN, |decision| matches!(decision.action, Action::Decrease));
        const RAISE: Phase = (CALM, |decision| matches!(decision.action, Action::Increase));
        match self {
            Self::Quiet => &[RAISE],
            Self::Tight => &[(TIGHT, |decision| matches!(decision.reason, Reason::WithinBounds))],
            Self::Violated => &[CUT],
            Self::Recovering => &[CUT, RAISE],
            Self::Unknown => &[(Seen::Nothing, |decision| matches!(decision.reason, Reason::NoData))],
            Self::Futile => &[CUT, (BROKEN, |decision| matches!(decision.reason, Reason::NoEffect))],
        }
    }
}

pub(crate) fn play(case: Case) -> Option<Ready> {
    let mut ready = ready(case);
    for _ in 0..WARM_UP {
        ready = next(ready, CALM).0;
    }
    let phases = case.situation.phases();
    let mut due = None;
    for (seen, is_wanted) in phases {
        let (before, after) = wait(ready, *seen, *is_wanted)?;
        (due, ready) = (Some(before), after);
    }
    due
}

/// Goes on until the decision is as wanted, and returns what there is before and after it.
fn wait(mut ready: Ready, seen: Seen, is_wanted: fn(Decision) -> bool) -> Option<(Ready, Ready)> {
    for _ in 0..PATIENCE {
        let (after, before, decision) = next(ready, seen);
        if is_wanted(decision) {
            return Some((before, after));
        }
        ready = after;
    }
    None
}

/// One tick: the state after it, all that its decision was made of, and the decision.
fn next(ready: Ready, seen: Seen) -> (Ready, Ready, Decision) {
    let now = ready.now + TICK;
    let observations = ready.observations.iter().map(|_| observation(seen, now)).collect();
    let traffic = ready.state.limits.iter().map(|limit| Some(used_up(*limit, now))).collect();
    let due = Ready { params: Params { traffic, ..ready.params }, observations, now, state: ready.state };
    let (state, decision, ..) = due.clone().decide();
    (Ready { state, ..due.clone() }, due, decision)
}

fn ready(Case { law, size, .. }: Case) -> Ready {
    let range = Range { min: Bandwidth::from_mbps(10), max: Bandwidth::from_mbps(10_000) };
    let now = Moment::after_epoch(Duration::from_hours(1));
    let params = Params {
        law: law.law(),
        no_data: NoData { after: Duration::from_secs(10), action: NoDataAction::Hold },
        ranges: vec![range; size],
        effect_check: Some(law.effect_check()),
        manual: None,
        effect: Effect::Possible,
        traffic: vec![None; size],
    };
    let state = State::resume(vec![Bandwidth::from_mbps(100); size]);
    Ready { params, state, observations: vec![observation(CALM, now); size], now }
}

/// A probed jitter of at most 2 ms.
fn observation(seen: Seen, now: Moment) -> Observation {
    let bound = Duration::from_millis(2);
    let allowed = bound * 5 / 2;
    let (reading, percent): (Reading, _) = match seen {
        Seen::Percent(percent) => (Ok(Finite::seconds(bound * percent / 100)), percent),
        Seen::Nothing => (Err(Unknown::NoData), 0),
    };
    let queueing = Queueing {
        delay: allowed * percent / 100,
        allowed,
        growth_percent: 0,
        settled: true,
        answered: true,
    };
    Observation {
        period: Duration::from_millis(20),
        queueing: Some(queueing),
        ..Observation::new(Role::Control, 1, Bound::AtMost(Finite::seconds(bound)), reading, Some(now))
    }
}

fn used_up(limit: Bandwidth, now: Moment) -> Traffic {
    Traffic { sent: limit, busiest: limit, fair: limit, measured: now, fresh_for: Duration::from_secs(1) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::LawName;

    fn decision(law: LawName, situation: Situation) -> (Action, Reason) {
        let ready = Case { law, size: 3, situation }.prepare().unwrap();
        let (_, decision, ..) = ready.decide();
        (decision.action, decision.reason)
    }

    #[test]
    fn every_law_comes_to_the_decision_that_is_measured() {
        use {Action::*, Reason::*};
        for law in [LawName::Adaptive, LawName::Aimd] {
            let (adaptive, decision) = (law == LawName::Adaptive, |situation| decision(law, situation));
            assert_eq!(decision(Situation::Quiet), (Increase, Headroom), "{law:?}");
            assert_eq!(decision(Situation::Tight), (Hold, WithinBounds), "{law:?}");
            assert_eq!(decision(Situation::Violated), (Decrease, ObjectiveViolated), "{law:?}");
            let raised = if adaptive { Recovery } else { Headroom };
            assert_eq!(decision(Situation::Recovering), (Increase, raised), "{law:?}");
            assert_eq!(decision(Situation::Unknown), (Hold, NoData), "{law:?}");
            assert_eq!(decision(Situation::Futile), (Increase, NoEffect), "{law:?}");
        }
    }
}
