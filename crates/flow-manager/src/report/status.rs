use super::conditions::{findings, is_starting};
use super::safe_limit;
use super::sentences::{self, STARTING, action_word, reason_word};
use super::{Change, ObjectiveView, Snapshot, Standing, TargetView};
use flow_control::{Bandwidth, Judgement};
use flow_policy::condition::merge;
use flow_policy::spec::Mode;
use flow_policy::status::{DecisionStatus, ObjectiveState, ObjectiveStatus, TargetStatus};
use flow_policy::{FlowPolicyStatus, Objective, Target};
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

/// The status of a policy that stands so at `now`, where it was `old` before.
///
/// It equals `old` unless something happened that is worth a write: a measured value alone is not, and is
/// taken over only when its objective's state changes, or with a new decision.
#[must_use]
pub fn status(old: &FlowPolicyStatus, standing: &Standing, now: Timestamp) -> FlowPolicyStatus {
    let conditions = |generation| {
        merge(&old.conditions, &findings(&old.conditions, standing, now), generation, whole_seconds(now))
    };
    match standing {
        Standing::Invalid { generation, .. } => FlowPolicyStatus {
            observed_generation: *generation,
            conditions: conditions(*generation),
            last_decision: old.last_decision.clone(),
            ..FlowPolicyStatus::default()
        },
        Standing::Running(snapshot) => {
            let last_decision =
                snapshot.last_change.as_deref().map(decision).or_else(|| old.last_decision.clone());
            let mut new = FlowPolicyStatus {
                observed_generation: snapshot.generation,
                conditions: conditions(snapshot.generation),
                backend: Some(snapshot.backend.name().to_owned()),
                limit: limit(snapshot),
                objectives: objectives(old, snapshot, last_decision != old.last_decision, now),
                targets: targets(old, snapshot),
                last_decision,
            };
            if new != *old {
                safe_limit::renew(&mut new.targets, snapshot.targets.iter().map(|view| safe(snapshot, view)));
            }
            new
        }
    }
}

/// The API stores times in whole seconds; what differs in the fraction alone is the same to it.
pub(super) fn whole_seconds(time: Timestamp) -> Timestamp {
    Timestamp::from_second(time.as_second()).unwrap_or(time)
}

fn decision(change: &Change) -> DecisionStatus {
    DecisionStatus {
        action: action_word(change.decision.action).to_owned(),
        reason: reason_word(change.decision.reason).to_owned(),
        message: change.message.clone(),
        time: Time(whole_seconds(change.at)),
    }
}

fn limit(snapshot: &Snapshot) -> Option<String> {
    let limits = snapshot.targets.iter().filter_map(|view| snapshot.limit_asked_of(view));
    limits.min().map(|limit| limit.to_string())
}

/// The limit of a target that is known to be good. In mode Observe no limit proves anything.
fn safe(snapshot: &Snapshot, view: &TargetView) -> Option<Bandwidth> {
    view.safe.filter(|_| snapshot.policy.mode == Mode::Enforce)
}

fn objectives(
    old: &FlowPolicyStatus,
    snapshot: &Snapshot,
    decided: bool,
    now: Timestamp,
) -> Vec<ObjectiveStatus> {
    let objectives = snapshot.policy.objectives.iter().zip(&snapshot.objectives);
    let objective = |(objective, view)| {
        let starting = is_starting(snapshot, objective, view, now);
        let mut newest = newest(objective, view, starting);
        let before = old.objectives.iter().find(|before| before.name == newest.name);
        let before = before.filter(|before| before.state == newest.state);
        newest.since = before.map_or_else(|| Some(Time(whole_seconds(now))), |before| before.since.clone());
        if let Some(before) = before.filter(|before| !decided && before.bound == newest.bound) {
            newest.value.clone_from(&before.value);
        }
        newest
    };
    objectives.map(objective).collect()
}

fn newest(objective: &Objective, view: &ObjectiveView, starting: bool) -> ObjectiveStatus {
    let why = |unknown| {
        if starting { STARTING.to_owned() } else { sentences::unknown(unknown, view.detail.as_deref()) }
    };
    ObjectiveStatus {
        name: objective.name.clone(),
        state: match view.judgement {
            Judgement::Met => ObjectiveState::Met,
            Judgement::Violated => ObjectiveState::Violated,
            Judgement::Unknown(_) => ObjectiveState::Unknown,
        },
        bound: objective.indicator.show_bound(objective.bound),
        value: view.reading.ok().map(|value| objective.indicator.show(value)),
        message: view.reading.err().map(why),
        since: None,
    }
}

fn targets(old: &FlowPolicyStatus, snapshot: &Snapshot) -> Vec<TargetStatus> {
    let targets = snapshot.policy.targets.iter().zip(&snapshot.targets);
    let asked = snapshot.policy.mode == Mode::Enforce && !snapshot.released;
    targets
        .map(|(target, view)| TargetStatus {
            limit: snapshot.limit_asked_of(view).map(|limit| limit.to_string()),
            ..pods(old, target, view, asked, safe(snapshot, view))
        })
        .collect()
}

/// A target's pods. While a new limit is on its way to those that had one, the old one holds, so they still
/// count.
fn pods(
    old: &FlowPolicyStatus,
    target: &Target,
    view: &TargetView,
    asked: bool,
    safe: Option<Bandwidth>,
) -> TargetStatus {
    let (kind, name) = (target.id.kind, &target.id.name);
    let namespace = target.id.namespace.clone().unwrap_or_default();
    let is_it =
        |other: &&TargetStatus| (other.kind, &other.namespace, &other.name) == (kind, &namespace, name);
    let before = old.targets.iter().find(is_it);
    let settled = before.filter(|_| asked && view.problem.is_none()).map_or(0, |before| before.enforced);
    let pods = count(view.pods);
    TargetStatus {
        kind,
        name: name.clone(),
        limit: None,
        safe_limit: safe_limit::told(before.and_then(|before| before.safe_limit.as_ref()), safe),
        pods,
        enforced: count(view.enforced).max(settled).min(pods),
        message: view.message.clone(),
        namespace,
    }
}

fn count(number: usize) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests;
