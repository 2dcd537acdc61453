use super::sentences::{self, STARTING};
use super::{News, Snapshot, Standing};
use crate::cluster::PodId;
use flow_control::{Bandwidth, Range};
use flow_policy::FlowPolicyStatus;
use flow_policy::condition::{
    ACCEPTED_VALID, ConditionType, ENFORCED_NOT_IN_FORCE, Entry, INEFFECTIVE_NO_EFFECT,
};
use flow_policy::event::{
    AT_MAXIMUM, AT_MINIMUM, EFFECTIVE, LIMITS_CUT, LIMITS_CUT_EARLY, LIMITS_TO_MINIMUM, OBJECTIVE_MET,
    OBJECTIVE_UNKNOWN, OBJECTIVE_VIOLATED, RESUMED,
};
use flow_policy::spec::Mode;
use flow_policy::status::{ObjectiveState, ObjectiveStatus, TargetStatus};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

/// The Events that a change of a policy's status from `old` to `new` is worth, where the policy stands as in
/// `standing` now: transitions only.
#[must_use]
pub fn events(old: &FlowPolicyStatus, new: &FlowPolicyStatus, standing: &Standing) -> Vec<News> {
    let objectives = new.objectives.iter().filter_map(|objective| judged(old, objective));
    let conditions = new.conditions.iter().filter_map(|condition| turned(old, condition, standing));
    let mut news: Vec<_> = objectives.chain(conditions).collect();
    if let Standing::Running(snapshot) = standing {
        news.extend(old.conditions.iter().filter_map(|condition| over(new, condition)));
        if snapshot.policy.mode == Mode::Enforce {
            news.extend(decided(old, new));
            news.extend(reached(old, new, snapshot));
        }
    }
    news
}

/// A condition stands otherwise than before.
fn turned(old: &FlowPolicyStatus, now: &Condition, standing: &Standing) -> Option<News> {
    let entry = Entry::of(now)?;
    let before = find(old, &now.type_);
    let is_news = match before {
        // A policy that is right from the start is no news.
        None => entry != ACCEPTED_VALID,
        Some(before) => {
            let says_more = tells_by_message(entry.type_()) && before.message != now.message;
            Entry::of(before) != Some(entry) || says_more
        }
    };
    let note = without_values(entry, standing).unwrap_or_else(|| now.message.clone());
    let news = is_news.then(|| News::of_condition(entry, &note))??;
    Some(News { pod: faulty(standing).filter(|_| entry == ENFORCED_NOT_IN_FORCE), ..news })
}

/// What a condition says whose message has measured values in it.
fn without_values(entry: Entry, standing: &Standing) -> Option<String> {
    match standing {
        Standing::Running(snapshot) if entry == INEFFECTIVE_NO_EFFECT => {
            snapshot.ineffective.as_ref()?.note(&snapshot.policy)
        }
        _ => None,
    }
}

/// The pod that is at fault, of the first target with a problem: the one that the condition Enforced names.
fn faulty(standing: &Standing) -> Option<PodId> {
    let Standing::Running(snapshot) = standing else { return None };
    snapshot.targets.iter().find(|target| target.problem.is_some())?.faulty.clone()
}

/// Whether a condition's message is what a person has written, so that another message is another matter. Of what the
/// operator finds by itself, a message may name now this pod and now that.
const fn tells_by_message(type_: ConditionType) -> bool {
    matches!(type_, ConditionType::Accepted | ConditionType::Paused)
}

/// A condition that is only there while something is abnormal is gone.
fn over(new: &FlowPolicyStatus, before: &Condition) -> Option<News> {
    if find(new, &before.type_).is_some() {
        return None;
    }
    match Entry::of(before)?.type_() {
        ConditionType::Paused => News::of(RESUMED, "the policy decides by itself again"),
        ConditionType::Ineffective => News::of(EFFECTIVE, "limits are lowered again where that is needed"),
        _ => None,
    }
}

fn find<'a>(status: &'a FlowPolicyStatus, type_: &str) -> Option<&'a Condition> {
    status.conditions.iter().find(|condition| condition.type_ == type_)
}

fn judged(old: &FlowPolicyStatus, now: &ObjectiveStatus) -> Option<News> {
    let before = old.objectives.iter().find(|before| before.name == now.name);
    let known = before.filter(|before| !is_starting(before));
    if is_starting(now) || known.is_some_and(|before| before.state == now.state) {
        return None;
    }
    let (name, bound) = (&now.name, &now.bound);
    let was_unknown = known.is_some_and(|before| before.state == ObjectiveState::Unknown);
    let news = match now.state {
        // An objective that holds from the start is no news.
        ObjectiveState::Met if known.is_none() => return None,
        ObjectiveState::Met if was_unknown => {
            News::of(OBJECTIVE_MET, format!("{name} is measured again, and within its bound: {bound}"))
        }
        ObjectiveState::Met => News::of(OBJECTIVE_MET, format!("{name} is within its bound again: {bound}")),
        ObjectiveState::Violated if was_unknown => {
            News::of(OBJECTIVE_VIOLATED, format!("{name} is measured again, and beyond its bound: {bound}"))
        }
        ObjectiveState::Violated => {
            News::of(OBJECTIVE_VIOLATED, format!("{name} is beyond its bound: {bound}"))
        }
        ObjectiveState::Unknown => {
            let why = now.message.as_deref().unwrap_or_default();
            News::of(OBJECTIVE_UNKNOWN, sentences::unmeasured(name, why))
        }
    };
    Some(News { field: Some(format!("spec.objectives{{{name}}}")), ..news? })
}

fn is_starting(objective: &ObjectiveStatus) -> bool {
    objective.message.as_deref() == Some(STARTING)
}

/// Limits begin to fall.
fn decided(old: &FlowPolicyStatus, new: &FlowPolicyStatus) -> Option<News> {
    let decided = new.last_decision.as_ref().filter(|_| new.last_decision != old.last_decision)?;
    let before = old.last_decision.as_ref().map(|before| before.action.as_str());
    match (decided.action.as_str(), decided.reason.as_str()) {
        ("Decrease", _) if before == Some("Decrease") => None,
        ("Decrease", "NoDataTooLong") => {
            News::of(LIMITS_TO_MINIMUM, "limits go to their minimum, since an objective cannot be measured")
        }
        ("Decrease", "QueueGrows") => {
            News::of(LIMITS_CUT_EARLY, "limits are cut, since the queue on the path of an objective grows")
        }
        ("Decrease", _) => News::of(LIMITS_CUT, "limits are cut, since an objective is violated"),
        _ => None,
    }
}

/// Limits are as low as they may be, and that is not enough; or they are all back.
fn reached(old: &FlowPolicyStatus, new: &FlowPolicyStatus, snapshot: &Snapshot) -> Option<News> {
    let came = |is: fn(&FlowPolicyStatus, &Snapshot) -> bool| is(new, snapshot) && !is(old, snapshot);
    let raised = new.last_decision != old.last_decision
        && new.last_decision.as_ref().is_some_and(|decision| decision.action == "Increase");
    if came(is_exhausted) {
        News::of(AT_MINIMUM, "every limit is at its minimum, and an objective is violated all the same")
    } else if raised && came(is_full) {
        News::of(AT_MAXIMUM, "every limit is back at its maximum")
    } else {
        None
    }
}

fn is_exhausted(status: &FlowPolicyStatus, snapshot: &Snapshot) -> bool {
    let violated = find(status, "ObjectivesMet").is_some_and(|met| met.status == "False");
    violated && all_at(status, snapshot, |range| range.min)
}

fn is_full(status: &FlowPolicyStatus, snapshot: &Snapshot) -> bool {
    all_at(status, snapshot, |range| range.max)
}

fn all_at(status: &FlowPolicyStatus, snapshot: &Snapshot, end: fn(Range) -> Bandwidth) -> bool {
    let is_there = |of: &TargetStatus| {
        let target = snapshot.policy.targets.iter().find(|target| {
            (target.id.kind, &target.id.name) == (of.kind, &of.name)
                && target.id.namespace.as_deref().unwrap_or_default() == of.namespace
        });
        target.map(|target| end(target.range).to_string()) == of.limit
    };
    let mut limited = status.targets.iter().filter(|target| target.limit.is_some()).peekable();
    limited.peek().is_some() && limited.all(is_there)
}

#[cfg(test)]
mod tests;
