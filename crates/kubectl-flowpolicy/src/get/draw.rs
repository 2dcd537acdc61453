use super::sparkline::sparkline;
use crate::connection::Within;
use crate::page::Recent;
use crate::policies::{Hold, PodView, Pods, PolicyView, Seen, TargetView, readable_limit};
use crate::terminal::{Tone, Tree, age, hanging, of_truth, paint};
use flow_page::Page;
use flow_policy::spec::Mode;
use flow_policy::status::{DecisionStatus, ObjectiveState, ObjectiveStatus};
use flow_policy::{Scope, show};
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use std::iter::once;

/// How policies stand, for a person, with what the operator's page tells of the last minutes.
#[must_use]
pub fn draw(seen: &Seen, page: Option<&Page>, within: &Within, now: Timestamp, width: usize) -> String {
    if seen.policies.is_empty() {
        return match within {
            Within::Everywhere => "There are no FlowPolicies.\n".to_owned(),
            Within::Namespace(namespace) => format!("There are no FlowPolicies in {namespace}.\n"),
        };
    }
    let drawn = |policy: &PolicyView| {
        let recent = Recent::of(page, policy);
        let policy = &policy.newest(recent);
        header(policy, now, width) + &tree(policy, recent, now).draw(width)
    };
    let policies: Vec<_> = seen.policies.iter().map(drawn).collect();
    policies.join("\n")
}

/// The name, the mode, the conditions and the last decision.
fn header(policy: &PolicyView, now: Timestamp, width: usize) -> String {
    let status = policy.status();
    let mode = match policy.stored.spec.mode {
        Mode::Enforce => "Enforce",
        Mode::Observe => "Observe (no limit is written)",
    };
    let backend = status.backend.map(|backend| format!(" · back-end {backend}")).unwrap_or_default();
    let mut text = format!("{} · mode {mode}{backend}\n", paint(Tone::Strong, &policy.name()));
    let sign = format!("  {} ", paint(Tone::Unsure, Tone::Unsure.sign()));
    if policy.stored.metadata.deletion_timestamp.is_some() {
        text += &hanging(&sign, "it is being deleted: its limits are given back first", width);
    }
    if !policy.is_current() {
        let problem = "the operator has told nothing of the spec as it is now";
        text += &hanging(&sign, problem, width);
    }
    text += &conditions(policy, now, width);
    let change = match &status.last_decision {
        Some(DecisionStatus { action, reason, message, time }) => {
            format!("{} ago, {action} ({reason}): {message}", age(time.0, now))
        }
        None if policy.targets.iter().any(TargetView::is_below_maximum) => {
            "none yet: limits go on from what the pods had".to_owned()
        }
        None => "none yet".to_owned(),
    };
    text + &hanging("    last change   ", &change, width)
}

/// What is said where limits and states are newer than the status.
const BEHIND: &str = "the status has not followed the newest change yet: limits, states and the last change are those that \
                      the operator's page tells";

/// The conditions, and whether they are of before.
#[must_use]
pub fn conditions(policy: &PolicyView, now: Timestamp, width: usize) -> String {
    let status = policy.status();
    let lines = status.conditions.iter().map(|condition| condition_line(condition, now, width));
    let sign = format!("  {} ", paint(Tone::Unsure, Tone::Unsure.sign()));
    let behind = policy.is_behind.then(|| hanging(&sign, BEHIND, width));
    lines.chain(behind).collect()
}

/// A condition with its reason, and with its message where it is not as it should be.
#[must_use]
pub fn condition_line(condition: &Condition, now: Timestamp, width: usize) -> String {
    let tone = match condition.type_.as_str() {
        "Stalled" | "Ineffective" => Tone::Bad,
        "Paused" => Tone::Wanted,
        _ => of_truth(&condition.status),
    };
    let since = age(condition.last_transition_time.0, now);
    let first = format!("  {} {:<13} ", paint(tone, tone.sign()), condition.type_);
    let stands = format!("{} for {since}, {}", condition.status, condition.reason);
    let text = if tone == Tone::Good { stands } else { format!("{stands}: {}", condition.message) };
    hanging(&first, &text, width)
}

fn tree(policy: &PolicyView, recent: Option<Recent>, now: Timestamp) -> Tree {
    let objectives = policy.status().objectives;
    let name_width = objectives.iter().map(|objective| objective.name.len()).max().unwrap_or_default();
    let of_objective = |objective| of_objective(policy, objective, recent, name_width, now);
    let objectives = objectives.iter().map(of_objective).collect();
    let targets = policy.targets.iter().map(|target| of_target(policy, target, recent)).collect();
    let parts = [("objectives", objectives), ("targets", targets)];
    Tree::new("", parts.into_iter().map(|(name, children)| part(name, children)).collect())
}

fn part(name: &str, children: Vec<Tree>) -> Tree {
    let children = if children.is_empty() { vec![Tree::leaf("nothing is told of them")] } else { children };
    Tree::new(paint(Tone::Strong, name), children)
}

fn of_objective(
    policy: &PolicyView,
    objective: &ObjectiveStatus,
    recent: Option<Recent>,
    name_width: usize,
    now: Timestamp,
) -> Tree {
    let (tone, state) = match objective.state {
        ObjectiveState::Met => (Tone::Good, "Met"),
        ObjectiveState::Violated => (Tone::Bad, "Violated"),
        ObjectiveState::Unknown => (Tone::Unsure, "Unknown"),
    };
    let since = objective.since.as_ref().map(|since| format!(" for {}", age(since.0, now)));
    let lately = recent.and_then(|recent| recent.shown(policy, &objective.name));
    let value = match (lately.as_ref().or(objective.value.as_ref()), &objective.message) {
        (Some(value), _) => format!("{value}, bound {}", objective.bound),
        (None, Some(why)) => format!("bound {}: {why}", objective.bound),
        (None, None) => format!("bound {}", objective.bound),
    };
    let course = recent.and_then(|recent| sparkline(recent.objective(&objective.name)?, recent.at));
    Tree::leaf(format!(
        "{} {:<name_width$}  {}{}: {value}{}",
        paint(tone, tone.sign()),
        objective.name,
        paint(tone, state),
        since.unwrap_or_default(),
        course.map(|course| format!("  {course}")).unwrap_or_default(),
    ))
}

fn of_target(policy: &PolicyView, target: &TargetView, recent: Option<Recent>) -> Tree {
    let status = target.status.as_ref();
    let limit = status.and_then(|status| status.limit.as_deref()).map(readable_limit);
    let count = status.map(|status| match status.pods {
        0 => "no running pods".to_owned(),
        pods => format!("in force on {} of {pods} pods", status.enforced),
    });
    let of = match target.target.scope {
        Scope::Pod => " a pod",
        Scope::Target => " for all pods together",
    };
    let asked = limit.map_or_else(|| "no limit asked for".to_owned(), |limit| format!("limit {limit}{of}"));
    // What pods sent that are gone says nothing of now.
    let recent = recent.filter(|_| target.has_pods());
    let sent =
        recent.and_then(|recent| recent.sent(&target.target.id)).map(|sent| format!("all pods send {sent}"));
    let said: Vec<_> = once(asked).chain(target.known_good()).chain(sent).chain(count).collect();
    let message = status.and_then(|status| status.message.as_ref());
    let message = message.map(|message| format!("; {message}")).unwrap_or_default();
    Tree::new(format!("{}  {}{message}", target.target.id, said.join(", ")), pods(policy, target))
}

fn pods(policy: &PolicyView, target: &TargetView) -> Vec<Tree> {
    match &target.pods {
        Pods::Seen(pods) if pods.is_empty() => vec![Tree::leaf("no pods")],
        Pods::Seen(pods) => {
            let name_width = pods.iter().map(|pod| pod.name.len()).max().unwrap_or_default();
            pods.iter().map(|pod| of_pod(policy, target, pod, name_width)).collect()
        }
        Pods::Unseen(why) => {
            vec![Tree::leaf(format!("{} pods are not seen: {why}", paint(Tone::Unsure, "?")))]
        }
    }
}

fn of_pod(policy: &PolicyView, target: &TargetView, pod: &PodView, name_width: usize) -> Tree {
    let (tone, text) = match &pod.hold {
        Hold::HostNetwork => (Tone::Bad, "it uses the network of its node: no limit reaches it".to_owned()),
        Hold::Nothing if policy.enforces() => (Tone::Unsure, "no limit".to_owned()),
        Hold::Nothing => (Tone::Quiet, "no limit".to_owned()),
        Hold::ByHand(deed) => (Tone::Bad, format!("somebody else has {deed}")),
        Hold::Written { limit, .. } => {
            let limit = limit.map_or_else(|| "a limit".to_owned(), show::bandwidth);
            if target.is_in_force() {
                (Tone::Good, format!("{limit}, in force"))
            } else {
                (Tone::Unsure, format!("{limit}, written"))
            }
        }
    };
    Tree::leaf(format!("{} {:<name_width$}  {text}", paint(tone, tone.sign()), pod.name))
}

#[cfg(test)]
mod tests;
