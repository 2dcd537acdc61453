//! The law as a chain of rules: what a person asks for, then trouble, then what is unknown, then growth.

use super::Adaptive;
use super::look::Look;
use super::pressure::FULL_PERCENT;
use crate::rules::{HOLD, by_hand, unknown, unknown_too_long};
use crate::{Action, Decision, Observation, Reason};
use std::time::Duration;

/// The shortest time between two raises.
const RAISE_INTERVAL: Duration = Duration::from_millis(500);

/// The rules in the order in which they are asked; the first that answers decides.
pub(super) const RULES: [fn(&Look) -> Option<Decision>; 14] = [
    asked_by_hand,
    of_no_effect,
    first_cut,
    further_cut,
    awaiting_effect,
    not_known,
    recovery,
    idle,
    unused,
    retry_later,
    growth,
    not_settled,
    within_bounds,
    queue_stands,
];

fn asked_by_hand(look: &Look) -> Option<Decision> {
    by_hand(look.signs.seen)
}

/// Cuts that do not help, or that would take nothing from anybody, are taken back.
fn of_no_effect(look: &Look) -> Option<Decision> {
    let parked = look.course.parked?;
    let reason = if parked.for_nothing_sent { Reason::NotTheCause } else { Reason::NoEffect };
    let objective = Some(parked.verdict.objective);
    let given_back = Decision { action: Action::Increase, reason: Reason::NoEffect, objective };
    let moves = look.targets().any(|target| look.aim(given_back, target, false) != target.limit);
    let decision = if moves { given_back } else { Decision { action: Action::Hold, reason, objective } };
    Some(not_known(look).unwrap_or(decision))
}

/// Trouble that is more than a moment's noise, or that follows a raise, leads to a cut.
fn first_cut(look: &Look) -> Option<Decision> {
    let begins = look.course.episode.is_none() && (look.presses_for_sure() || look.is_raise_to_blame());
    begins.then(|| cut(look))
}

/// A cut that proves too small is followed by another.
fn further_cut(look: &Look) -> Option<Decision> {
    let episode = look.course.episode?;
    (look.signs.presses() && episode.is_cut_too_small(*look)).then(|| cut(look))
}

fn cut(look: &Look) -> Decision {
    let pressure = look.signs.pressure;
    let broken = pressure.bound_percent > FULL_PERCENT;
    let reason = if broken { Reason::ObjectiveViolated } else { Reason::QueueGrows };
    // Right after a raise, a queue counts that does not press yet.
    Decision { action: Action::Decrease, reason, objective: pressure.objective.or(pressure.queued) }
}

/// What was cut takes its time.
fn awaiting_effect(look: &Look) -> Option<Decision> {
    let objective = look.signs.pressure.objective?;
    let reason = if look.signs.seen.is_at_minimum() { Reason::AtMinimum } else { Reason::AwaitingEffect };
    Some(hold(reason, Some(objective)))
}

fn not_known(look: &Look) -> Option<Decision> {
    unknown_too_long(look.signs.seen).or_else(|| unknown(look.signs.seen))
}

/// Once the queue is gone, limits go back to what gets through.
fn recovery(look: &Look) -> Option<Decision> {
    let behind = look.targets().any(|target| target.goal().is_some_and(|goal| target.limit < goal));
    (behind && look.signs.is_roomy()).then(|| {
        if may_rise(look) && look.is_calm() {
            Decision { action: Action::Increase, reason: Reason::Recovery, objective: None }
        } else {
            hold(Reason::AwaitingEffect, look.signs.pressure.slowest)
        }
    })
}

/// Limits that nobody needs are forgotten.
fn idle(look: &Look) -> Option<Decision> {
    let since = look.course.idle_since.filter(|_| look.signs.is_roomy())?;
    let long = look.signs.now().since(since) >= look.signs.law.idle_after;
    long.then_some(Decision { action: Action::Increase, reason: Reason::Idle, objective: None })
}

/// A limit that is not used up says nothing about a higher one.
fn unused(look: &Look) -> Option<Decision> {
    let below = |target: &super::signs::Standing| target.limit < target.range.max;
    let any = look.targets().any(|target| below(&target));
    (any && look.signs.is_roomy() && !look.targets().any(|target| below(&target) && target.is_used()))
        .then(|| hold(Reason::Unused, None))
}

/// What was too much lately is not tried again at once.
fn retry_later(look: &Look) -> Option<Decision> {
    let stuck = look.targets().all(|target| look.grown(target) <= target.limit);
    (look.signs.is_roomy() && look.has_to_wait() && stuck).then(|| hold(Reason::RetryLater, None))
}

/// Where every objective has headroom, limits grow.
fn growth(look: &Look) -> Option<Decision> {
    if !look.signs.is_roomy() {
        return None;
    }
    let (pressure, creeps) = (look.signs.pressure, look.creeps());
    Some(if !may_rise(look) || (creeps && !look.is_calm()) {
        hold(Reason::AwaitingEffect, pressure.slowest)
    } else if creeps && !look.signs.is_empty() {
        hold(Reason::QueueStands, pressure.queued)
    } else {
        Decision { action: Action::Increase, reason: Reason::Headroom, objective: None }
    })
}

/// What is not measured yet under the present limits says nothing about higher ones.
fn not_settled(look: &Look) -> Option<Decision> {
    let unsettled = |observation: &Observation| observation.settled.is_err();
    Some(hold(Reason::AwaitingEffect, Some(look.signs.seen.first(unsettled)?)))
}

/// A queue too short for a cut still lets nothing rise.
fn queue_stands(look: &Look) -> Option<Decision> {
    let pressure = look.signs.pressure;
    let stands = pressure.queue_percent >= Adaptive::ROOMY_PERCENT;
    stands.then(|| hold(Reason::QueueStands, pressure.queued))
}

/// What holds without headroom stays as it is.
fn within_bounds(look: &Look) -> Option<Decision> {
    let tight = |observation: &Observation| {
        let percent = Adaptive::ROOMY_PERCENT;
        observation.settled.is_ok_and(|value| !observation.bound.has_headroom(value, percent))
    };
    Some(hold(Reason::WithinBounds, Some(look.signs.seen.first(tight)?)))
}

/// Whether the last change of limits has had the time to show what it does.
fn may_rise(look: &Look) -> bool {
    look.signs.unchanged_for() >= look.signs.at_least_measured(RAISE_INTERVAL, 2)
}

const fn hold(reason: Reason, objective: Option<usize>) -> Decision {
    Decision { reason, objective, ..HOLD }
}
