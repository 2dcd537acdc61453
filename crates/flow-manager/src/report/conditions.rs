//! What the conditions of a policy say. What they can say at all is in `flow_policy::condition::TABLE`.

mod enforced;
mod measured;
mod refused;
#[cfg(test)]
mod truth;

pub(super) use measured::is_starting;

use super::sentences;
use super::{Snapshot, Standing};
use enforced::enforced;
use flow_control::{Bandwidth, Manual};
use flow_policy::condition::{
    ACCEPTED_VALID, ENFORCED_INVALID_SPEC, ENFORCED_NO_PODS, ENFORCED_NOT_IN_FORCE, ENFORCED_OBSERVING,
    ENFORCED_ON_THE_WAY, ENFORCED_RELEASED, Finding, INEFFECTIVE_NO_EFFECT, OBJECTIVES_MET_INVALID_SPEC,
    PAUSED_BY_ANNOTATION, PAUSED_INVALID_ANNOTATION, PAUSED_PINNED, READY_NO_DATA, READY_NO_PODS,
    READY_NOT_IN_FORCE, READY_OBSERVING, READY_RELEASED, READY_STARTING, READY_WORKING, Refusal,
};
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use measured::{Unmeasured, objectives_met, unmeasured};
use refused::{Refused, refused};

/// The conditions of a policy that stands so, given those of before.
pub(super) fn findings(old: &[Condition], standing: &Standing, now: Timestamp) -> Vec<Finding> {
    match standing {
        Standing::Invalid { problem, .. } => invalid(problem.to_string()),
        Standing::Running(snapshot) => running(old, snapshot, refused(snapshot).as_ref(), now),
    }
}

fn invalid(problem: String) -> Vec<Finding> {
    let unknown = "the spec cannot be used";
    let refused = Refused { why: Refusal::INVALID_SPEC, message: problem };
    vec![
        refused.as_accepted(),
        refused.as_ready(),
        Finding::new(OBJECTIVES_MET_INVALID_SPEC, unknown),
        Finding::new(ENFORCED_INVALID_SPEC, unknown),
        refused.as_stalled(),
    ]
}

fn running(
    old: &[Condition],
    snapshot: &Snapshot,
    refused: Option<&Refused>,
    now: Timestamp,
) -> Vec<Finding> {
    let unmeasured = unmeasured(snapshot, now);
    let enforced = enforced(old, snapshot);
    let met = objectives_met(snapshot, unmeasured.as_ref());
    let ready = ready(old, refused, unmeasured.as_ref(), &enforced);
    let accepted = refused.map_or_else(valid, Refused::as_accepted);
    let stalled = refused.map(Refused::as_stalled);
    let always = [accepted, ready, met, enforced].into_iter();
    always.chain(stalled).chain(paused(snapshot, now)).chain(ineffective(snapshot)).collect()
}

fn valid() -> Finding {
    Finding::new(ACCEPTED_VALID, "the spec is valid, every target exists")
}

/// That lower limits do not help, while it holds.
fn ineffective(snapshot: &Snapshot) -> Option<Finding> {
    let message = snapshot.ineffective.as_ref()?.message(&snapshot.policy)?;
    Some(Finding::new(INEFFECTIVE_NO_EFFECT, message))
}

/// The policy does its work, or what keeps it from that, the most fundamental first.
fn ready(
    old: &[Condition],
    refused: Option<&Refused>,
    unmeasured: Option<&Unmeasured>,
    enforced: &Finding,
) -> Finding {
    let (entry, message) = match (refused, unmeasured, enforced.entry()) {
        (Some(refused), ..) => return refused.as_ready(),
        (_, Some(Unmeasured::Starting(why)), _) => (READY_STARTING, why.as_str()),
        (_, Some(Unmeasured::NoData(why)), _) => (READY_NO_DATA, why.as_str()),
        (.., ENFORCED_NOT_IN_FORCE) => (READY_NOT_IN_FORCE, enforced.message()),
        (.., ENFORCED_RELEASED) => (READY_RELEASED, enforced.message()),
        (.., ENFORCED_ON_THE_WAY) if !was_true(old, "Ready") => (READY_STARTING, enforced.message()),
        (.., ENFORCED_NO_PODS) => (READY_NO_PODS, enforced.message()),
        (.., ENFORCED_OBSERVING) => (READY_OBSERVING, enforced.message()),
        _ => (READY_WORKING, "the objectives are measured, and limits are in force or on their way"),
    };
    Finding::new(entry, message)
}

fn was_true(old: &[Condition], type_: &str) -> bool {
    old.iter().any(|condition| condition.type_ == type_ && condition.status == "True")
}

/// What a person has asked for by annotations, while it holds.
fn paused(snapshot: &Snapshot, now: Timestamp) -> Option<Finding> {
    let overrides = &snapshot.overrides;
    let (entry, message) = match (overrides.manual(now)?, overrides.problem(), overrides.until()) {
        (_, Some(problem), _) => (PAUSED_INVALID_ANNOTATION, sentences::not_understood(problem)),
        (Manual::Pin(limit), None, _) => (PAUSED_PINNED, pinned(snapshot, limit, now)),
        (Manual::Hold, None, until) => (PAUSED_BY_ANNOTATION, sentences::paused(until, overrides.reason())),
    };
    Some(Finding::new(entry, message))
}

/// That a person has pinned the policy, and paused it as well where that is so.
fn pinned(snapshot: &Snapshot, limit: Bandwidth, now: Timestamp) -> String {
    let (pinned, overrides) = (sentences::pinned(&snapshot.policy, limit), &snapshot.overrides);
    if overrides.pauses(now) {
        let paused = sentences::paused(overrides.until(), overrides.reason());
        return format!("{pinned}; once that is over: {paused}");
    }
    pinned
}
