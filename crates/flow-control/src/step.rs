use crate::adaptive::{self, Course};
use crate::effect::Trial;
use crate::rules::{HOLD, RULES};
use crate::situation::Situation;
use crate::{
    Action, Adaptive, Aimd, Bandwidth, Decision, Effect, EffectCheck, Law, Moment, NoEffect, Observation,
    Reason, Traffic,
};
use std::time::Duration;

/// How one policy controls: its law, and the range of each of its targets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Params {
    /// The control law.
    pub law: Law,
    /// What to do where nothing is known.
    pub no_data: NoData,
    /// The range of each target's limit, in the order of [`State::limits`].
    pub ranges: Vec<Range>,
    /// What to do where lower limits do not help; `None` to keep them.
    pub effect_check: Option<EffectCheck>,
    /// What a person asks for, if anything.
    pub manual: Option<Manual>,
    /// Whether limits can take effect now.
    pub effect: Effect,
    /// What each target sends, in the order of [`State::limits`]; empty or `None` where nobody tells.
    pub traffic: Vec<Option<Traffic>>,
}

/// What a person asks for, before which every rule stands back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manual {
    /// The limits stay as they are.
    Hold,
    /// Every limit is this, within its range.
    Pin(Bandwidth),
}

/// The limits that a target may be given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    /// The lowest.
    pub min: Bandwidth,
    /// The highest; not below `min`.
    pub max: Bandwidth,
}

/// What to do once a decisive objective has been unknown for a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoData {
    /// How long the limits are held first.
    pub after: Duration,
    /// What happens then.
    pub action: NoDataAction,
}

/// See [`NoData`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoDataAction {
    /// The limits stay as they are.
    Hold,
    /// Every limit goes to its minimum: the critical flow is safe, best effort pays.
    Minimum,
    /// Every limit is taken away: best effort is free, the critical flow takes its chance.
    Release,
}

/// What a policy's control remembers from one decision to the next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State {
    /// The limit of each target.
    pub limits: Vec<Bandwidth>,
    /// Whether the limits are taken away for want of data.
    pub released: bool,
    pub(crate) unknown_since: Option<Moment>,
    pub(crate) changed: Option<Moment>,
    pub(crate) course: Course,
    trial: Trial,
}

/// That limits were too high.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failed {
    /// When they were last.
    pub at: Moment,
    /// When more than what is known to be good is tried again, at the earliest.
    pub retry: Moment,
}

impl State {
    /// The state of a policy whose targets have `limits` now.
    #[must_use]
    pub fn resume(limits: Vec<Bandwidth>) -> Self {
        Self::remembering(limits, &[])
    }

    /// The state of a policy whose targets have `limits` now, and [had](Self::safe_limits) these `safe` ones.
    #[must_use]
    pub fn remembering(limits: Vec<Bandwidth>, safe: &[Option<Bandwidth>]) -> Self {
        let course = Course::remembering(limits.len(), safe);
        Self { limits, released: false, unknown_since: None, changed: None, course, trial: Trial::None }
    }

    /// The highest limit of each target that is known to be good, where one is: all that has to be kept over a restart.
    pub fn safe_limits(&self) -> impl Iterator<Item = Option<Bandwidth>> {
        self.course.safe_limits()
    }

    /// What each target got through, in the unit of its limit, when that was last too high: what the law Adaptive takes
    /// for what the link carries. None where it never was, or where that is forgotten.
    pub fn too_much(&self) -> impl Iterator<Item = Option<Bandwidth>> {
        self.course.too_much()
    }

    /// The limit that each target returns to once it is calm, where its present one is below that: with the law Adaptive
    /// after a cut, a pin or a pause. `traffic` is what each sends, as in [`Params::traffic`].
    pub fn goals(&self, traffic: &[Option<Traffic>], now: Moment) -> impl Iterator<Item = Option<Bandwidth>> {
        let is_sent_known = move |position| {
            let told: Option<Traffic> = traffic.get(position).copied().flatten();
            told.is_some_and(|told| told.is_fresh(now))
        };
        let limits = self.limits.iter().enumerate();
        limits.map(move |(position, limit)| {
            self.course.goal(position, is_sent_known(position)).filter(|goal| goal > limit)
        })
    }

    /// When limits were last too high, and when higher ones are tried again; none where they never were, or that is
    /// forgotten, and with the law AIMD.
    #[must_use]
    pub fn failed(&self, law: Law) -> Option<Failed> {
        match law {
            Law::Adaptive(law) => self.course.failed(law),
            Law::Aimd(_) => None,
        }
    }

    /// Takes in that the target at `position` has so many `pods`, each of which may send its limit; none is no news. What
    /// the link was found to carry is divided among them, however many there were.
    pub fn has_pods(&mut self, position: usize, pods: usize) {
        self.course.has_pods(position, u32::try_from(pods).unwrap_or(u32::MAX));
    }

    /// When the limits last changed.
    #[must_use]
    pub const fn changed(&self) -> Option<Moment> {
        self.changed
    }

    /// That lower limits do not help, while that holds.
    #[must_use]
    pub fn no_effect(&self) -> Option<NoEffect> {
        self.course.verdict().or(self.trial.verdict())
    }
}

/// Decides once: from what is known `now`, the next state and the decision that led to it.
///
/// Every limit of the result is within its range. No limit rises unless every decisive objective is known, and
/// either all of them have headroom or lower limits are known not to help.
#[must_use]
pub fn step(
    params: &Params,
    mut state: State,
    observations: &[Observation],
    now: Moment,
) -> (State, Decision) {
    state.unknown_since = Situation { params, state: &state, observations, now }.unknown_since();
    match params.law {
        Law::Adaptive(law) => by_adaptive(law, params, state, observations, now),
        Law::Aimd(law) => by_aimd(law, params, state, observations, now),
    }
}

fn by_adaptive(
    law: Adaptive,
    params: &Params,
    mut state: State,
    observations: &[Observation],
    now: Moment,
) -> (State, Decision) {
    let mut course = std::mem::take(&mut state.course);
    let seen = Situation { params, state: &state, observations, now };
    let decision = adaptive::decide(law, &seen, &mut course);
    let moved =
        apply(params, &mut state, decision, now, |position, limit| course.next(position).unwrap_or(limit));
    state.course = course;
    let lowest = Situation { params, state: &state, observations, now }.is_at_minimum();
    (state, if moved { decision } else { settled(decision, lowest) })
}

fn by_aimd(
    law: Aimd,
    params: &Params,
    mut state: State,
    observations: &[Observation],
    now: Moment,
) -> (State, Decision) {
    let trial = std::mem::take(&mut state.trial);
    state.trial = trial.observe(&Situation { params, state: &state, observations, now });
    let seen = Situation { params, state: &state, observations, now };
    let decision = RULES.iter().find_map(|rule| rule(&seen)).unwrap_or(HOLD);
    let (decision, overshoot) = (params.effect.hinder(decision), seen.overshoot());
    let moved = apply(params, &mut state, decision, now, |position, limit| {
        let range = params.ranges.get(position);
        range.map_or(limit, |range| next_limit(params, law, decision, overshoot, limit, *range))
    });
    let trial = std::mem::take(&mut state.trial);
    let seen = Situation { params, state: &state, observations, now };
    let lowest = seen.is_at_minimum();
    state.trial = trial.follow(&seen, decision, moved);
    (state, if moved { decision } else { settled(decision, lowest) })
}

/// Moves the limits as decided, and returns whether that changed anything.
fn apply(
    params: &Params,
    state: &mut State,
    decision: Decision,
    now: Moment,
    next_limit: impl Fn(usize, Bandwidth) -> Bandwidth,
) -> bool {
    let mut changed = false;
    for (position, (limit, range)) in state.limits.iter_mut().zip(&params.ranges).enumerate() {
        let next = next_limit(position, *limit).clamp(range.min, range.max.max(range.min));
        changed |= next != *limit;
        *limit = next;
    }
    // A pause leaves limits that were taken away as they are, too.
    let paused = decision.reason == Reason::Paused;
    let released = if paused { state.released } else { decision.action == Action::Release };
    changed |= released != state.released;
    state.released = released;
    if changed {
        state.changed = Some(now);
    }
    changed
}

fn next_limit(
    params: &Params,
    law: Aimd,
    decision: Decision,
    overshoot: u32,
    limit: Bandwidth,
    range: Range,
) -> Bandwidth {
    match (decision.action, params.manual) {
        (Action::Decrease, _) if decision.reason == Reason::NoDataTooLong => range.min,
        (Action::Decrease, _) => law.cut(limit, overshoot),
        (Action::Increase, _) => law.raise(limit),
        (Action::Release, _) => range.max,
        (Action::Pin, Some(Manual::Pin(pin))) => pin,
        (Action::Pin | Action::Hold, _) => limit,
    }
}

/// A decision that changed nothing is a hold, and says why nothing could change: limits are at an end of their range, or
/// those that are not are of targets that send nothing.
const fn settled(decision: Decision, lowest: bool) -> Decision {
    let reason = match (decision.action, decision.reason) {
        (Action::Decrease, Reason::ObjectiveViolated | Reason::QueueGrows) if lowest => Reason::AtMinimum,
        (Action::Decrease, Reason::ObjectiveViolated | Reason::QueueGrows) => Reason::AwaitingEffect,
        (Action::Increase, Reason::Headroom) => Reason::AtMaximum,
        (_, reason) => reason,
    };
    Decision { action: Action::Hold, reason, objective: decision.objective }
}
