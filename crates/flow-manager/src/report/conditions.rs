//! What the conditions of a policy say.

use super::sentences::{self, STARTING};
use super::{ObjectiveView, Snapshot, Standing, TargetView};
use flow_control::{Judgement, Manual, Role, Unknown};
use flow_policy::condition::{ConditionType, Finding, Reason, Truth};
use flow_policy::spec::{Mode, TargetKind};
use flow_policy::{Objective, Source, Target};
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use std::time::Duration;

/// How long an objective may be without data before that is called a fault: this, and so many intervals of
/// its probe.
const STARTING_TIME: Duration = Duration::from_secs(10);
const STARTING_PROBES: u32 = 10;

/// The conditions of a policy that stands so, given those of before.
pub(super) fn findings(old: &[Condition], standing: &Standing, now: Timestamp) -> Vec<Finding> {
    match standing {
        Standing::Invalid { problem, .. } => invalid(&problem.to_string()),
        Standing::Running(snapshot) => running(old, snapshot, now),
    }
}

fn finding(type_: ConditionType, truth: Truth, reason: Reason, message: impl Into<String>) -> Finding {
    Finding { type_, truth, reason, message: message.into() }
}

fn invalid(problem: &str) -> Vec<Finding> {
    let unknown = "the spec cannot be used";
    vec![
        finding(ConditionType::Accepted, Truth::False, Reason::InvalidSpec, problem),
        finding(ConditionType::Ready, Truth::False, Reason::InvalidSpec, problem),
        finding(ConditionType::ObjectivesMet, Truth::Unknown, Reason::InvalidSpec, unknown),
        finding(ConditionType::Enforced, Truth::False, Reason::InvalidSpec, unknown),
        finding(ConditionType::Stalled, Truth::True, Reason::InvalidSpec, problem),
    ]
}

fn running(old: &[Condition], snapshot: &Snapshot, now: Timestamp) -> Vec<Finding> {
    let accepted = accepted(snapshot);
    let unmeasured = unmeasured(snapshot, now);
    let enforced = enforced(old, snapshot);
    let met = objectives_met(snapshot, unmeasured.as_ref());
    let ready = ready(old, &accepted, unmeasured, &enforced);
    let stalled = (accepted.truth == Truth::False).then(|| Finding {
        type_: ConditionType::Stalled,
        truth: Truth::True,
        ..accepted.clone()
    });
    [accepted, ready, met, enforced].into_iter().chain(stalled).chain(paused(snapshot, now)).collect()
}

/// What a person has asked for by annotations, while it holds.
fn paused(snapshot: &Snapshot, now: Timestamp) -> Option<Finding> {
    let overrides = &snapshot.overrides;
    let (reason, message) = match (overrides.manual(now)?, overrides.problem(), overrides.until()) {
        (_, Some(problem), _) => (Reason::InvalidAnnotation, sentences::not_understood(problem)),
        (Manual::Pin(limit), ..) => (Reason::Pinned, sentences::pinned(&snapshot.policy, limit)),
        (Manual::Hold, None, until) => (Reason::ByAnnotation, sentences::paused(until)),
    };
    Some(finding(ConditionType::Paused, Truth::True, reason, message))
}

fn accepted(snapshot: &Snapshot) -> Finding {
    let targets = snapshot.policy.targets.iter().zip(&snapshot.targets);
    let missing: Vec<_> =
        targets.filter(|(_, view)| !view.found).map(|(target, _)| missing(target)).collect();
    if missing.is_empty() {
        finding(ConditionType::Accepted, Truth::True, Reason::Valid, "the spec is valid, every target exists")
    } else {
        finding(ConditionType::Accepted, Truth::False, Reason::TargetNotFound, missing.join("; "))
    }
}

fn missing(target: &Target) -> String {
    match target.id.kind {
        TargetKind::Pods => format!("the selector of {} cannot be used", target.id),
        _ => format!("{} does not exist in this namespace", target.id),
    }
}

/// The policy does its work, or what keeps it from that, the most fundamental first.
fn ready(old: &[Condition], accepted: &Finding, unmeasured: Option<Finding>, enforced: &Finding) -> Finding {
    let because = |truth, cause: &Finding| finding(ConditionType::Ready, truth, cause.reason, &cause.message);
    match (accepted.truth, unmeasured, enforced.reason) {
        (Truth::False, ..) => because(Truth::False, accepted),
        (_, Some(unmeasured), _) => because(unmeasured.truth, &unmeasured),
        (_, _, Reason::NotInForce) if enforced.truth == Truth::False => because(Truth::False, enforced),
        (_, _, Reason::NotInForce) if !was_true(old, "Ready") => {
            finding(ConditionType::Ready, Truth::Unknown, Reason::Starting, &enforced.message)
        }
        (_, _, Reason::NoPods | Reason::Observing) => because(Truth::True, enforced),
        _ => finding(
            ConditionType::Ready,
            Truth::True,
            Reason::Working,
            "the objectives are measured, and limits are in force or on their way",
        ),
    }
}

fn was_true(old: &[Condition], type_: &str) -> bool {
    old.iter().any(|condition| condition.type_ == type_ && condition.status == "True")
}

/// The objectives that decide, the highest-ranking first.
fn decisive(snapshot: &Snapshot) -> Vec<(&Objective, &ObjectiveView)> {
    let objectives = snapshot.policy.objectives.iter().zip(&snapshot.objectives);
    let mut decisive: Vec<_> = objectives.filter(|(objective, _)| objective.role == Role::Control).collect();
    decisive.sort_by_key(|(objective, _)| std::cmp::Reverse(objective.priority));
    decisive
}

/// The objective that keeps the policy from deciding, as the reason for which it is not ready: unknown while
/// it may only be starting.
fn unmeasured(snapshot: &Snapshot, now: Timestamp) -> Option<Finding> {
    let unknown = decisive(snapshot).into_iter().filter_map(|(objective, view)| {
        let why = view.reading.err()?;
        let starting = is_starting(snapshot, objective, view, now);
        Some((starting, objective, sentences::unknown(why, view.detail.as_deref())))
    });
    // What has failed says more than what has not begun.
    let (starting, objective, why) = unknown.min_by_key(|(starting, ..)| *starting)?;
    Some(if starting {
        let message = format!("{}: {STARTING}", objective.name);
        finding(ConditionType::Ready, Truth::Unknown, Reason::Starting, message)
    } else {
        let message = sentences::unmeasured(&objective.name, &why);
        finding(ConditionType::Ready, Truth::False, Reason::NoData, message)
    })
}

/// Whether an objective has no data only because its measurement has just begun.
pub(super) fn is_starting(
    snapshot: &Snapshot,
    objective: &Objective,
    view: &ObjectiveView,
    now: Timestamp,
) -> bool {
    let probes = match &objective.source {
        Source::Probe(probe) => probe.interval.saturating_mul(STARTING_PROBES),
        Source::Prometheus { .. } => Duration::ZERO,
    };
    let allowed =
        SignedDuration::try_from(STARTING_TIME.saturating_add(probes)).unwrap_or(SignedDuration::MAX);
    let has_nothing_yet = matches!(view.reading, Err(Unknown::NoData | Unknown::TooFewSamples { .. }));
    has_nothing_yet && view.detail.is_none() && now.duration_since(snapshot.measured_since) < allowed
}

fn objectives_met(snapshot: &Snapshot, unmeasured: Option<&Finding>) -> Finding {
    let violated = decisive(snapshot).into_iter().filter(|(_, view)| view.judgement == Judgement::Violated);
    let violated: Vec<_> = violated.map(|(objective, _)| sentences::bounded(objective)).collect();
    match (violated.is_empty(), unmeasured) {
        (false, _) => {
            let message = format!("violated: {}", violated.join(", "));
            finding(ConditionType::ObjectivesMet, Truth::False, Reason::Violated, message)
        }
        (true, Some(unmeasured)) => {
            finding(ConditionType::ObjectivesMet, Truth::Unknown, unmeasured.reason, &unmeasured.message)
        }
        (true, None) => finding(
            ConditionType::ObjectivesMet,
            Truth::True,
            Reason::AllMet,
            "every objective that decides holds",
        ),
    }
}

/// Whether limits are in force. False where it is known that they are not, even where none is meant to be
/// (mode Observe, or released): whoever waits for `Enforced` must not go on then.
fn enforced(old: &[Condition], snapshot: &Snapshot) -> Finding {
    let (truth, reason, message) = if snapshot.policy.mode == Mode::Observe {
        (Truth::False, Reason::Observing, "mode Observe: limits are decided, but none is written".to_owned())
    } else if snapshot.released {
        (Truth::False, Reason::Released, "limits are taken away until there is data again".to_owned())
    } else {
        in_force(was_true(old, "Enforced"), snapshot)
    };
    finding(ConditionType::Enforced, truth, reason, message)
}

fn in_force(before: bool, snapshot: &Snapshot) -> (Truth, Reason, String) {
    let count = |number: fn(&TargetView) -> usize| snapshot.targets.iter().map(number).sum::<usize>();
    let (pods, missing) = (count(|view| view.pods), count(missing_pods));
    match problem(snapshot) {
        Some(problem) => (Truth::False, Reason::NotInForce, problem),
        None if pods == 0 => (Truth::Unknown, Reason::NoPods, "the targets have no running pod".to_owned()),
        None if count(|view| view.unverified) > 0 => (
            Truth::Unknown,
            Reason::NotVerified,
            "limits are written; the network plugin does not tell whether they are in force".to_owned(),
        ),
        None if missing > 0 && !before => {
            (Truth::Unknown, Reason::NotInForce, "limits are on their way to the pods".to_owned())
        }
        // A limit was in force a moment ago, and a newer one is on its way.
        None => (Truth::True, Reason::InForce, "limits are in force on the running pods".to_owned()),
    }
}

fn missing_pods(view: &TargetView) -> usize {
    view.pods.saturating_sub(view.enforced)
}

fn problem(snapshot: &Snapshot) -> Option<String> {
    let mut targets = snapshot.policy.targets.iter().zip(&snapshot.targets);
    targets.find_map(|(target, view)| Some(format!("{}: {}", target.id, view.problem.as_ref()?)))
}
