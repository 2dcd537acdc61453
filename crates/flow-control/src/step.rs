use crate::{Action, Aimd, Bandwidth, Bound, Decision, Judgement, Moment, Reading, Reason};
use std::time::Duration;

/// How one policy controls: its law, and the range of each of its targets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Params {
    /// The control law.
    pub law: Aimd,
    /// What to do where nothing is known.
    pub no_data: NoData,
    /// The range of each target's limit, in the order of [`State::limits`].
    pub ranges: Vec<Range>,
    /// What a person asks for, if anything.
    pub manual: Option<Manual>,
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

/// Whether an objective takes part in decisions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// It decides.
    Control,
    /// It is reported only.
    Watch,
}

/// One objective as it stands now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Observation {
    /// Whether it decides.
    pub role: Role,
    /// Its rank: the highest-ranking violated objective is named as the reason.
    pub priority: u16,
    /// What is asked.
    pub bound: Bound,
    /// What was measured.
    pub reading: Reading,
    /// When the newest measurement behind the reading was made.
    pub measured: Option<Moment>,
}

/// What a policy's control remembers from one decision to the next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State {
    /// The limit of each target.
    pub limits: Vec<Bandwidth>,
    /// Whether the limits are taken away for want of data.
    pub released: bool,
    unknown_since: Option<Moment>,
    changed: Option<Moment>,
}

impl State {
    /// The state of a policy whose targets have `limits` now.
    #[must_use]
    pub const fn resume(limits: Vec<Bandwidth>) -> Self {
        Self { limits, released: false, unknown_since: None, changed: None }
    }
}

/// Everything a rule may look at.
struct Situation<'a> {
    params: &'a Params,
    state: &'a State,
    observations: &'a [Observation],
    now: Moment,
}

/// The rules in the order in which they are asked; the first that answers decides.
const RULES: [fn(&Situation) -> Option<Decision>; 6] =
    [by_hand, violated, unknown_too_long, unknown, headroom, within_bounds];

/// Decides once: from what is known `now`, the next state and the decision that led to it.
///
/// Every limit of the result is within its range, and no limit rises unless every decisive objective is
/// known and has headroom.
#[must_use]
pub fn step(
    params: &Params,
    mut state: State,
    observations: &[Observation],
    now: Moment,
) -> (State, Decision) {
    state.unknown_since = decisive(observations)
        .any(|(_, observation)| observation.reading.is_err())
        .then(|| state.unknown_since.unwrap_or(now));
    let situation = Situation { params, state: &state, observations, now };
    let decision = RULES.iter().find_map(|rule| rule(&situation)).unwrap_or(HOLD);
    let overshoot = overshoot(observations);
    apply(params, state, decision, overshoot, now)
}

/// How far the worst decisive objective is beyond its bound, in hundredths of it.
fn overshoot(observations: &[Observation]) -> u32 {
    let known =
        decisive(observations).filter_map(|(_, seen)| Some(seen.bound.overshoot_percent(seen.reading.ok()?)));
    known.max().unwrap_or_default()
}

const HOLD: Decision = Decision { action: Action::Hold, reason: Reason::WithinBounds, objective: None };

fn decisive(observations: &[Observation]) -> impl Iterator<Item = (usize, &Observation)> {
    observations.iter().enumerate().filter(|(_, observation)| observation.role == Role::Control)
}

fn first_by_priority<'a>(
    observations: &'a [Observation],
    wanted: impl Fn(&Observation) -> bool + 'a,
) -> Option<(usize, &'a Observation)> {
    let matching = decisive(observations).filter(move |(_, observation)| wanted(observation));
    matching.max_by_key(|(position, observation)| (observation.priority, std::cmp::Reverse(*position)))
}

/// What a person asks for goes before everything.
fn by_hand(situation: &Situation) -> Option<Decision> {
    let (action, reason) = match situation.params.manual? {
        Manual::Hold => (Action::Hold, Reason::Paused),
        Manual::Pin(_) => (Action::Pin, Reason::Pinned),
    };
    Some(Decision { action, reason, objective: None })
}

/// A violated objective lowers every limit, once per measurement.
fn violated(situation: &Situation) -> Option<Decision> {
    let broken =
        |observation: &Observation| observation.bound.judge(observation.reading) == Judgement::Violated;
    let (position, _) = first_by_priority(situation.observations, broken)?;
    let objective = Some(position);
    let news = decisive(situation.observations).any(|(_, seen)| broken(seen) && situation.is_news(seen));
    Some(if news {
        Decision { action: Action::Decrease, reason: Reason::ObjectiveViolated, objective }
    } else {
        Decision { action: Action::Hold, reason: Reason::AwaitingEffect, objective }
    })
}

/// An objective that stays unknown brings the action which the policy declares for that.
fn unknown_too_long(situation: &Situation) -> Option<Decision> {
    let since = situation.state.unknown_since?;
    let NoData { after, action } = situation.params.no_data;
    let action = match action {
        _ if situation.now.since(since) < after => return None,
        NoDataAction::Hold => Action::Hold,
        NoDataAction::Minimum => Action::Decrease,
        NoDataAction::Release => Action::Release,
    };
    Some(Decision { action, reason: Reason::NoDataTooLong, ..unknown(situation)? })
}

/// An unknown objective holds every limit.
fn unknown(situation: &Situation) -> Option<Decision> {
    let (position, _) =
        first_by_priority(situation.observations, |observation| observation.reading.is_err())?;
    Some(Decision { action: Action::Hold, reason: Reason::NoData, objective: Some(position) })
}

/// Headroom in every decisive objective raises every limit, once per measurement of each.
fn headroom(situation: &Situation) -> Option<Decision> {
    let percent = situation.params.law.headroom_percent;
    let mut all = decisive(situation.observations).peekable();
    all.peek()?;
    let has_headroom = |observation: &Observation| {
        observation.reading.is_ok_and(|value| observation.bound.has_headroom(value, percent))
    };
    if !all.all(|(_, observation)| has_headroom(observation)) {
        return None;
    }
    let news = decisive(situation.observations).all(|(_, observation)| situation.is_news(observation));
    Some(if news {
        Decision { action: Action::Increase, reason: Reason::Headroom, objective: None }
    } else {
        Decision { reason: Reason::AwaitingEffect, ..HOLD }
    })
}

/// What holds without headroom stays as it is.
fn within_bounds(situation: &Situation) -> Option<Decision> {
    let percent = situation.params.law.headroom_percent;
    let tight = |observation: &Observation| {
        observation.reading.is_ok_and(|value| !observation.bound.has_headroom(value, percent))
    };
    let (position, _) = first_by_priority(situation.observations, tight)?;
    Some(Decision { objective: Some(position), ..HOLD })
}

impl Situation<'_> {
    /// Whether an observation was made after the limits last changed, and can show that change's effect.
    fn is_news(&self, observation: &Observation) -> bool {
        self.state
            .changed
            .is_none_or(|changed| observation.measured.is_some_and(|measured| measured > changed))
    }
}

fn apply(
    params: &Params,
    mut state: State,
    decision: Decision,
    overshoot: u32,
    now: Moment,
) -> (State, Decision) {
    let mut changed = false;
    for (limit, range) in state.limits.iter_mut().zip(&params.ranges) {
        let next = next_limit(params, decision, overshoot, *limit, *range)
            .clamp(range.min, range.max.max(range.min));
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
        return (state, decision);
    }
    (state, settled(decision))
}

fn next_limit(
    params: &Params,
    decision: Decision,
    overshoot: u32,
    limit: Bandwidth,
    range: Range,
) -> Bandwidth {
    match (decision.action, params.manual) {
        (Action::Decrease, _) if decision.reason == Reason::NoDataTooLong => range.min,
        (Action::Decrease, _) => params.law.cut(limit, overshoot),
        (Action::Increase, _) => params.law.raise(limit),
        (Action::Release, _) => range.max,
        (Action::Pin, Some(Manual::Pin(pin))) => pin,
        (Action::Pin | Action::Hold, _) => limit,
    }
}

/// A decision that changed nothing is a hold, and says why nothing could change.
const fn settled(decision: Decision) -> Decision {
    let reason = match (decision.action, decision.reason) {
        (Action::Decrease, Reason::ObjectiveViolated) => Reason::AtMinimum,
        (Action::Increase, _) => Reason::AtMaximum,
        (_, reason) => reason,
    };
    Decision { action: Action::Hold, reason, objective: decision.objective }
}
