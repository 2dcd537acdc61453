use crate::effect::no_effect;
use crate::situation::{Situation, is_unknown, is_violated};
use crate::{Action, Decision, Manual, NoData, NoDataAction, Observation, Reason};

/// The rules in the order in which they are asked; the first that answers decides.
pub(crate) const RULES: [fn(&Situation) -> Option<Decision>; 7] =
    [by_hand, no_effect, violated, unknown_too_long, unknown, headroom, within_bounds];

/// What is decided where no rule answers.
pub(crate) const HOLD: Decision =
    Decision { action: Action::Hold, reason: Reason::WithinBounds, objective: None };

/// What a person asks for goes before everything.
pub(crate) fn by_hand(situation: &Situation) -> Option<Decision> {
    let (action, reason) = match situation.params.manual? {
        Manual::Hold => (Action::Hold, Reason::Paused),
        Manual::Pin(_) => (Action::Pin, Reason::Pinned),
    };
    Some(Decision { action, reason, objective: None })
}

/// A violated objective lowers every limit, once per measurement.
fn violated(situation: &Situation) -> Option<Decision> {
    let objective = Some(situation.first(is_violated)?);
    Some(if situation.has_news_of_a_violation() {
        Decision { action: Action::Decrease, reason: Reason::ObjectiveViolated, objective }
    } else {
        Decision { action: Action::Hold, reason: Reason::AwaitingEffect, objective }
    })
}

/// An objective that stays unknown brings the action which the policy declares for that.
pub(crate) fn unknown_too_long(situation: &Situation) -> Option<Decision> {
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
pub(crate) fn unknown(situation: &Situation) -> Option<Decision> {
    let objective = Some(situation.first(is_unknown)?);
    Some(Decision { action: Action::Hold, reason: Reason::NoData, objective })
}

/// Headroom in every decisive objective raises every limit, once per measurement of each.
fn headroom(situation: &Situation) -> Option<Decision> {
    let percent = situation.params.law.headroom_percent();
    let mut all = situation.decisive().peekable();
    all.peek()?;
    let has_headroom = |observation: &Observation| {
        observation.reading.is_ok_and(|value| observation.bound.has_headroom(value, percent))
    };
    if !all.all(|(_, observation)| has_headroom(observation)) {
        return None;
    }
    let news = situation.decisive().all(|(_, observation)| situation.is_news(observation));
    Some(if news {
        Decision { action: Action::Increase, reason: Reason::Headroom, objective: None }
    } else {
        Decision { reason: Reason::AwaitingEffect, ..HOLD }
    })
}

/// What holds without headroom stays as it is.
fn within_bounds(situation: &Situation) -> Option<Decision> {
    let percent = situation.params.law.headroom_percent();
    let tight = |observation: &Observation| {
        observation.reading.is_ok_and(|value| !observation.bound.has_headroom(value, percent))
    };
    Some(Decision { objective: Some(situation.first(tight)?), ..HOLD })
}
