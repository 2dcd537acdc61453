//! What the operator's page tells before the status, which is written once a second at most.

use super::Recent;
use crate::policies::{PolicyView, TargetView};
use flow_page::{Mark, ObjectiveHistory, State};
use flow_policy::status::{DecisionStatus, ObjectiveState, ObjectiveStatus};
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

/// By how much the times may differ of one change that the page and the status tell of, in milliseconds.
const SAME: u64 = 2_000;

/// How the page stands to the status, by the changes of limits that each tells of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stands {
    Ahead,
    Level,
    Behind,
}

impl PolicyView {
    /// The same with the limits, the states and the last change that the page tells, where those are newer than the status.
    pub(crate) fn newest(&self, recent: Option<Recent>) -> Self {
        let mut view = self.clone();
        let Some(recent) = recent else { return view };
        let stands = stands(self, recent);
        if stands == Stands::Ahead {
            view.is_behind |= follow_change(&mut view, recent);
        }
        if stands != Stands::Behind {
            view.is_behind |= follow_states(&mut view, recent);
        }
        view
    }
}

/// Whether the page is older than the status.
pub(crate) fn is_outdated(view: &PolicyView, recent: Recent) -> bool {
    stands(view, recent) == Stands::Behind
}

fn stands(view: &PolicyView, recent: Recent) -> Stands {
    // A page that knows of no change may be that of a controller that has just begun to lead.
    let Some(newest) = recent.changes().last() else { return Stands::Level };
    let Some(told) = view.status().last_decision else { return Stands::Ahead };
    match recent.changes().iter().rev().position(|change| is_same(change, &told)) {
        Some(0) => Stands::Level,
        Some(_) => Stands::Ahead,
        // The status tells whole seconds.
        None if newest.at.div_euclid(1_000) > told.time.0.as_second() => Stands::Ahead,
        None => Stands::Behind,
    }
}

fn is_same(change: &Mark, told: &DecisionStatus) -> bool {
    (&change.decision, &change.reason, &change.message) == (&told.action, &told.reason, &told.message)
        && change.at.abs_diff(told.time.0.as_millisecond()) <= SAME
}

fn follow_change(view: &mut PolicyView, recent: Recent) -> bool {
    let decision = recent.changes().last().and_then(decision);
    let (Some(status), Some(decision)) = (&mut view.stored.status, decision) else { return false };
    status.last_decision = Some(decision);
    for target in &mut view.targets {
        follow_limit(target, recent);
    }
    true
}

fn decision(change: &Mark) -> Option<DecisionStatus> {
    Some(DecisionStatus {
        action: change.decision.clone(),
        reason: change.reason.clone(),
        message: change.message.clone(),
        time: Time(Timestamp::from_millisecond(change.at).ok()?),
    })
}

fn follow_limit(target: &mut TargetView, recent: Recent) {
    let limit = recent.target(&target.target.id).and_then(|told| *told.limit.values.last()?);
    if let Some(status) = &mut target.status {
        status.limit = limit.map(|bps| format!("{bps:.0}"));
    }
}

fn follow_states(view: &mut PolicyView, recent: Recent) -> bool {
    let objectives = view.stored.status.iter_mut().flat_map(|status| &mut status.objectives);
    let differs = |objective: &mut ObjectiveStatus| {
        let state = recent.objective(&objective.name).and_then(state);
        let state = state.filter(|state| *state != objective.state);
        if let Some(state) = state {
            (objective.state, objective.since) = (state, None);
            (objective.value, objective.message) = (None, None);
        }
        state.is_some()
    };
    objectives.map(differs).fold(false, |any, differs| any | differs)
}

const fn state(told: &ObjectiveHistory) -> Option<ObjectiveState> {
    match told.state {
        State::Clear | State::Met => Some(ObjectiveState::Met),
        State::Violated => Some(ObjectiveState::Violated),
        State::Unknown => Some(ObjectiveState::Unknown),
        State::Invalid => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policies::fixture::{changed, page, violated};
    use flow_page::Page;
    use serde_json::json;

    const OF_STATUS: &str = "command-jitter is 412us, bound <= 300us: limit cut to 64M";

    /// A page with changes at these milliseconds.
    fn with(changes: &[(i64, &str)]) -> Page {
        let mut page = page();
        let mark = |(at, message): &(i64, &str)| Mark {
            at: *at,
            decision: "Decrease".to_owned(),
            reason: "ObjectiveViolated".to_owned(),
            message: (*message).to_owned(),
        };
        page.policies[0].decisions = changes.iter().map(mark).collect();
        page.policies[0].targets[0].limit.values = vec![Some(64e6), Some(32e6)];
        page
    }

    fn stands_with(changes: &[(i64, &str)]) -> Stands {
        let (page, view) = (with(changes), violated());
        stands(&view, Recent::of(Some(&page), &view).unwrap())
    }

    #[test]
    fn who_is_ahead_is_seen_by_the_last_change() {
        assert_eq!(stands_with(&[]), Stands::Level);
        assert_eq!(stands_with(&[(70_000, "another"), (88_400, OF_STATUS)]), Stands::Level);
        assert_eq!(stands_with(&[(88_400, OF_STATUS), (88_700, "another")]), Stands::Ahead);
        assert_eq!(stands_with(&[(90_000, "another")]), Stands::Ahead, "it has begun anew since");
        assert_eq!(stands_with(&[(70_000, "another")]), Stands::Behind);
        assert_eq!(stands_with(&[(70_000, OF_STATUS)]), Stands::Behind, "the same was done before");
        let page = with(&[(88_400, "first")]);
        let new = changed(|policy| policy["status"]["lastDecision"] = json!(null));
        assert_eq!(stands(&new, Recent::of(Some(&page), &new).unwrap()), Stands::Ahead);
    }

    #[test]
    fn limits_states_and_the_last_change_follow_a_page_that_is_ahead() {
        let newest = |changes: &[(i64, &str)], state| {
            let mut page = with(changes);
            page.policies[0].objectives[0].state = state;
            let view = violated();
            let newest = view.newest(Recent::of(Some(&page), &view));
            let (status, limit) = (newest.status(), newest.targets[0].limit().unwrap());
            (newest.is_behind, status.last_decision.unwrap().message, limit.bps(), status.objectives[0].state)
        };
        let (level, ahead) = ([(88_400, OF_STATUS)], [(88_400, OF_STATUS), (99_000, "cut to 32M")]);
        let (violated, met) = (ObjectiveState::Violated, ObjectiveState::Met);
        assert_eq!(newest(&level, State::Violated), (false, OF_STATUS.to_owned(), 64_000_000, violated));
        assert_eq!(newest(&level, State::Clear), (true, OF_STATUS.to_owned(), 64_000_000, met));
        assert_eq!(newest(&ahead, State::Violated), (true, "cut to 32M".to_owned(), 32_000_000, violated));
        let behind = newest(&[(70_000, "another")], State::Clear);
        assert_eq!(behind, (false, OF_STATUS.to_owned(), 64_000_000, violated));
    }
}
