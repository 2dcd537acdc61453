//! What the operator says, word for word. Nothing here changes unless what it speaks of does: a text with an
//! age or a count of samples in it would be another one at every tick.

use super::{Awaiting, ObjectiveView};
use crate::enforce::Backend;
use flow_control::{Action, Bandwidth, Decision, Law, Queueing, Reason, Unknown};
use flow_policy::names::POLICIES_FROM;
use flow_policy::spec::Mode;
use flow_policy::{Invalid, Objective, Policy, Scope, TargetId, show};
use jiff::Timestamp;
use std::borrow::Cow;
use std::time::Duration;

/// What is said of an objective that was not given the time yet to be measured.
pub(super) const STARTING: &str = "not enough was measured yet";

/// Why an objective is unknown.
pub(super) fn unknown(unknown: Unknown, detail: Option<&str>) -> String {
    let why: Cow<'static, str> = match unknown {
        Unknown::TooFewSamples { need, .. } => format!("fewer samples than the {need} needed").into(),
        Unknown::Stale { .. } => "the newest measurement is too old".into(),
        other => other.to_string().into(),
    };
    // A source may have no more to say than the kind of outcome does.
    let more = detail.filter(|detail| !detail.starts_with(&*why));
    more.map_or_else(|| detail.unwrap_or(&why).to_owned(), |more| format!("{why}: {more}"))
}

/// How old a measurement may be, where the newest is older: the same as long as that is so.
#[must_use]
pub fn too_old(unknown: Unknown, allowed: Duration) -> Option<String> {
    matches!(unknown, Unknown::Stale { .. }).then(|| format!("more than {}", show::duration(allowed)))
}

/// That an objective cannot be measured, and why.
pub(super) fn unmeasured(name: &str, why: &str) -> String {
    format!("{name} cannot be measured: {why}")
}

/// An objective's name and bound, such as `command-jitter (<= 300us)`.
pub(super) fn bounded(objective: &Objective) -> String {
    format!("{} ({})", objective.name, objective.indicator.show_bound(objective.bound))
}

/// That the namespace of a target does not let policies of the namespace `policies` limit it, and what would.
pub(super) fn not_consented(target: &TargetId, policies: &str) -> String {
    let namespace = target.namespace.as_deref().unwrap_or_default();
    format!(
        "{target}: the namespace {namespace} does not let policies of {policies} limit its pods; it would by its \
         annotation {POLICIES_FROM}, with {policies} among its values"
    )
}

/// Why a change of limits was made, and what it did.
pub(super) fn change(
    policy: &Policy,
    decision: Decision,
    objectives: &[ObjectiveView],
    limits: &[(Bandwidth, usize)],
) -> String {
    format!("{}: {}", cause(policy, decision, objectives), effect(policy, decision.action, limits))
}

fn cause(policy: &Policy, decision: Decision, objectives: &[ObjectiveView]) -> String {
    let decisive = decision
        .objective
        .and_then(|position| Some((policy.objectives.get(position)?, objectives.get(position)?)));
    match (decision.reason, decisive) {
        (reason @ (Reason::Recovery | Reason::Idle), _) | (reason, None) => of_all(policy, reason),
        (Reason::QueueGrows, Some((objective, view))) => {
            queue(objective, view).unwrap_or_else(|| fact(objective, view))
        }
        (reason, Some((objective, view))) => {
            let more = of_objective(policy, reason).map(|more| format!(", and {more}"));
            format!("{}{}", fact(objective, view), more.unwrap_or_default())
        }
    }
}

/// Why limits stay as they are, by a decision to hold them: the reason, and a sentence.
#[must_use]
pub fn holding(policy: &Policy, decision: Decision) -> String {
    format!("{}: {}", reason_word(decision.reason), held(policy, decision))
}

fn held(policy: &Policy, decision: Decision) -> String {
    let objective = decision.objective.and_then(|position| policy.objectives.get(position));
    let name = objective.map_or("an objective", |objective| &objective.name);
    match decision.reason {
        Reason::WithinBounds => format!("{name} holds, though not by enough to raise them"),
        Reason::NoData | Reason::NoDataTooLong => format!("{name} cannot be measured"),
        Reason::AtMinimum => format!("{name} is violated, and every limit is at its minimum"),
        Reason::AtMaximum => "every limit is at its maximum".to_owned(),
        Reason::AwaitingEffect if objective.is_some() => {
            format!("the effect of the last change does not show in {name} yet")
        }
        Reason::AwaitingEffect => "the effect of the last change does not show yet".to_owned(),
        Reason::QueueStands => format!("the queue on the path of {name} is not gone"),
        Reason::NotTheCause | Reason::NoEffect => "lower ones do not help".to_owned(),
        Reason::NoPods => "no target has a running pod".to_owned(),
        Reason::NotInForce => "no running pod is held to its limit".to_owned(),
        Reason::OnlyAtCreation => "they count only for pods that are made after them".to_owned(),
        Reason::RollingOut => "workloads are replacing their pods for the one before".to_owned(),
        Reason::Paused => "a person has paused the policy".to_owned(),
        reason => of_all(policy, reason),
    }
}

/// What there is to say of the objective that decided, besides what it is.
fn of_objective(policy: &Policy, reason: Reason) -> Option<Cow<'static, str>> {
    Some(match reason {
        Reason::NoDataTooLong => format!("onNoData.after ({:?}) is over", policy.no_data.after).into(),
        Reason::NoEffect => "gains nothing by lower limits".into(),
        Reason::NotTheCause => "no target sends what its minimum would not let through".into(),
        _ => return None,
    })
}

/// How long the queue on the path of an objective is, which of the two bounds of it holds and why, and the objective.
fn queue(objective: &Objective, view: &ObjectiveView) -> Option<String> {
    let queueing = view.queueing?;
    let Queueing { delay, allowed, .. } = queueing;
    let [waits, most, faint] = [delay, allowed, queueing.faint()].map(show::duration);
    let bound = if delay > allowed {
        format!("of {most} allowed")
    } else {
        format!("of {faint} allowed so soon after a raise near to what was too much before (else {most})")
    };
    let (name, fact) = (&objective.name, fact(objective, view));
    Some(format!("the queue on the path of {name} is {waits}, {bound}; {fact}"))
}

/// Why something is decided where no single objective has decided.
fn of_all(policy: &Policy, reason: Reason) -> String {
    let why = match (reason, policy.law) {
        (Reason::ObjectiveViolated, _) => "an objective is violated",
        (Reason::QueueGrows, _) => "the queue on a probed path grows",
        (Reason::Headroom, _) => "every objective that decides has headroom",
        (Reason::Recovery, _) => {
            "it is calm again (no queue, nothing violated), and the link seems to carry more"
        }
        (Reason::Idle, Law::Adaptive(law)) => {
            return format!("the targets have sent nothing for {:?}", law.idle_after);
        }
        (Reason::RetryLater, _) => "more has failed lately, and is tried again later",
        (Reason::Unused, _) => "what the targets send does not use their limits",
        (Reason::Pinned, _) => "pinned by annotation",
        (reason, _) => reason_word(reason),
    };
    why.to_owned()
}

fn fact(objective: &Objective, view: &ObjectiveView) -> String {
    let Objective { name, indicator, bound, .. } = objective;
    match view.reading {
        Ok(value) => format!("{name} is {}, bound {}", indicator.show(value), indicator.show_bound(*bound)),
        Err(why) => format!("{name} cannot be measured ({})", unknown(why, view.detail.as_deref())),
    }
}

/// That limits are written, and nobody tells whether they are in force.
pub(super) fn unverified(backend: Backend) -> String {
    let but = match backend {
        Backend::Cilium => "; Cilium does not limit traffic that stays on a node",
        Backend::Shaper | Backend::Calico | Backend::KubeOvn | Backend::AtCreation => "",
    };
    format!("limits are written; the network plugin does not tell whether they are in force{but}")
}

/// That a person has paused a policy, and why.
pub(super) fn paused(until: Option<Timestamp>, reason: Option<&str>) -> String {
    let until = until.map(|until| format!(" until {until}")).unwrap_or_default();
    let reason = reason.map(|reason| format!(" ({reason})")).unwrap_or_default();
    format!("paused by annotation{until}{reason}: limits stay as they are")
}

/// That a person has pinned the limits of a policy.
pub(super) fn pinned(policy: &Policy, limit: Bandwidth) -> String {
    let fits = policy.targets.iter().all(|target| (target.range.min..=target.range.max).contains(&limit));
    let but = if fits { "" } else { ", within the range of its target" };
    format!("pinned by annotation: every limit is {limit}{but}")
}

/// What the limits of a target wait for.
pub(super) fn awaiting(target: &TargetId, awaiting: Awaiting) -> String {
    match awaiting {
        Awaiting::Need => {
            "no limit was needed yet; the first is written when the policy first lowers limits".to_owned()
        }
        Awaiting::Interval(at) => format!("{target}: the next rollout may begin at {at}"),
        Awaiting::Write => format!("{target}: a rollout is about to begin"),
        Awaiting::Pods => format!("{target}: a rollout is under way"),
    }
}

/// That the administrator has not allowed the strategy, and how it is allowed.
pub(super) const STRATEGY_NOT_ALLOWED: &str = "the operator's administrator has not allowed the strategy Rollout, which restarts pods; \
     the chart's value rollout.enabled=true (flow-manager run --allow-rollout) does";

/// That an annotation cannot be understood, and what follows.
pub(super) fn not_understood(problem: &Invalid) -> String {
    format!("{problem}; limits stay as they are")
}

fn effect(policy: &Policy, action: Action, limits: &[(Bandwidth, usize)]) -> String {
    let would = if policy.mode == Mode::Observe { "would be " } else { "" };
    let done = match action {
        Action::Decrease => "cut",
        Action::Increase => "raised",
        Action::Pin => "set",
        Action::Hold => return format!("limits {would}in force again"),
        Action::Release => return format!("limits {would}taken away"),
    };
    match (limits, limits.iter().map(|(limit, _)| *limit).min().map(show::bandwidth)) {
        (_, None) => format!("limits {would}{done}"),
        ([one], Some(limit)) => format!("limit {would}{done} to {limit}{}", in_all(policy, *one)),
        (_, Some(lowest)) => format!("limits {would}{done}, the lowest to {lowest}"),
    }
}

/// What the limit of the only target comes to with all of its pods, where it is that of each and they are several.
fn in_all(policy: &Policy, (limit, pods): (Bandwidth, usize)) -> String {
    let is_each = policy.targets.first().is_some_and(|target| target.scope == Scope::Pod);
    let all = u64::try_from(pods).ok().filter(|pods| is_each && *pods > 1);
    let all = all.map(|pods| show::bandwidth(Bandwidth::from_bps(limit.bps().saturating_mul(pods))));
    all.map(|all| format!(" a pod ({pods} pods: {all})")).unwrap_or_default()
}

/// An action as one word, for status and metric labels.
#[must_use]
pub const fn action_word(action: Action) -> &'static str {
    match action {
        Action::Decrease => "Decrease",
        Action::Increase => "Increase",
        Action::Hold => "Hold",
        Action::Release => "Release",
        Action::Pin => "Pin",
    }
}

/// A reason as one word, for status and metric labels.
#[must_use]
pub const fn reason_word(reason: Reason) -> &'static str {
    match reason {
        Reason::ObjectiveViolated => "ObjectiveViolated",
        Reason::AtMinimum => "AtMinimum",
        Reason::QueueGrows => "QueueGrows",
        Reason::QueueStands => "QueueStands",
        Reason::Recovery => "Recovery",
        Reason::RetryLater => "RetryLater",
        Reason::Unused => "Unused",
        Reason::Idle => "Idle",
        Reason::NotTheCause => "NotTheCause",
        Reason::Headroom => "Headroom",
        Reason::AtMaximum => "AtMaximum",
        Reason::AwaitingEffect => "AwaitingEffect",
        Reason::WithinBounds => "WithinBounds",
        Reason::NoData => "NoData",
        Reason::NoDataTooLong => "NoDataTooLong",
        Reason::NoEffect => "NoEffect",
        Reason::NoPods => "NoPods",
        Reason::NotInForce => "NotInForce",
        Reason::OnlyAtCreation => "OnlyAtCreation",
        Reason::RollingOut => "RollingOut",
        Reason::Paused => "Paused",
        Reason::Pinned => "Pinned",
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{self, decision};
    use super::*;

    fn told(policy: &Policy, decision: Decision, views: &[ObjectiveView], limits: &[u64]) -> String {
        let limits: Vec<_> = limits.iter().map(|mbps| (Bandwidth::from_mbps(*mbps), 1)).collect();
        change(policy, decision, views, &limits)
    }

    #[test]
    fn a_cut_names_the_objective_its_value_its_bound_and_the_limit() {
        let (policy, views) = (fixture::policy("Enforce"), fixture::views(&[Ok(412e-6), Ok(6e7)]));
        let cut = decision(Action::Decrease, Reason::ObjectiveViolated, Some(0));
        let one = told(&policy, cut, &views, &[80]);
        assert_eq!(one, "command-jitter is 412us, bound <= 300us: limit cut to 80M");
        let two = told(&policy, cut, &views, &[80, 64]);
        assert_eq!(two, "command-jitter is 412us, bound <= 300us: limits cut, the lowest to 64M");
    }

    #[test]
    fn the_limit_of_each_of_several_pods_is_told_with_what_it_comes_to() {
        let mut policy = fixture::policy("Enforce");
        let views = fixture::views(&[Ok(412e-6), Ok(6e7)]);
        let cut = decision(Action::Decrease, Reason::ObjectiveViolated, Some(0));
        let said = |policy: &Policy, pods| change(policy, cut, &views, &[(Bandwidth::from_mbps(23), pods)]);
        assert!(said(&policy, 4).ends_with(": limit cut to 23M a pod (4 pods: 92M)"), "{}", said(&policy, 4));
        for pods in [0, 1] {
            assert!(said(&policy, pods).ends_with(": limit cut to 23M"), "{}", said(&policy, pods));
        }
        let mut target = (*policy.targets[0]).clone();
        target.scope = Scope::Target;
        policy.targets[0] = target.into();
        assert!(said(&policy, 4).ends_with(": limit cut to 23M"), "it is that of all pods already");
    }

    #[test]
    fn mode_observe_claims_nothing_that_was_not_done() {
        let (policy, views) = (fixture::policy("Observe"), fixture::views(&[Ok(412e-6), Ok(6e7)]));
        let cut = decision(Action::Decrease, Reason::ObjectiveViolated, Some(0));
        assert!(told(&policy, cut, &views, &[80]).ends_with(": limit would be cut to 80M"));
        let release = decision(Action::Release, Reason::NoDataTooLong, Some(0));
        assert!(told(&policy, release, &views, &[80]).ends_with(": limits would be taken away"));
    }

    #[test]
    fn a_raise_and_a_release_say_why() {
        let (policy, views) =
            (fixture::policy("Enforce"), fixture::views(&[Err(Unknown::NoSeries), Ok(6e7)]));
        let raise = decision(Action::Increase, Reason::Headroom, None);
        let raised = told(&policy, raise, &views, &[90]);
        assert_eq!(raised, "every objective that decides has headroom: limit raised to 90M");
        let release = decision(Action::Release, Reason::NoDataTooLong, Some(0));
        let released = told(&policy, release, &views, &[1000]);
        let expected = "command-jitter cannot be measured (the query returned no series), and onNoData.after (30s) is over: limits taken away";
        assert_eq!(released, expected);
    }

    #[test]
    fn what_the_law_adaptive_does_is_said_with_what_it_saw() {
        let (policy, mut views) = (fixture::policy("Enforce"), fixture::views(&[Ok(212e-6), Ok(6e7)]));
        views[0].queueing = Some(fixture::queueing(180));
        let said =
            |action, reason, objective| told(&policy, decision(action, reason, objective), &views, &[80]);
        assert_eq!(
            said(Action::Decrease, Reason::QueueGrows, Some(0)),
            "the queue on the path of command-jitter is 180us, of 150us allowed; command-jitter is 212us, bound <= 300us: limit cut to 80M"
        );
        let faint = Decision { action: Action::Decrease, reason: Reason::QueueGrows, objective: Some(0) };
        let mut views = views.clone();
        views[0].queueing = Some(fixture::queueing(90));
        assert_eq!(
            told(&policy, faint, &views, &[80]),
            "the queue on the path of command-jitter is 90us, of 60us allowed so soon after a raise near to what was too much before (else 150us); command-jitter is 212us, bound <= 300us: limit cut to 80M"
        );
        for objective in [None, Some(0)] {
            assert_eq!(
                said(Action::Increase, Reason::Recovery, objective),
                "it is calm again (no queue, nothing violated), and the link seems to carry more: limit raised to 80M"
            );
            assert_eq!(
                said(Action::Increase, Reason::Idle, objective),
                "the targets have sent nothing for 60s: limit raised to 80M"
            );
        }
        let back = said(Action::Hold, Reason::NotTheCause, Some(1));
        let expected = "scanner-rate is 60M, bound >= 50M, and no target sends what its minimum would not let through: limits in force again";
        assert_eq!(back, expected);
        let unused = said(Action::Hold, Reason::Unused, None);
        assert!(unused.starts_with("what the targets send does not use their limits: "), "{unused}");
        let later = said(Action::Hold, Reason::RetryLater, None);
        assert!(later.starts_with("more has failed lately, and is tried again later: "), "{later}");
    }

    #[test]
    fn a_cut_that_no_single_objective_has_led_to_says_why_in_words() {
        let (policy, views) = (fixture::policy("Enforce"), fixture::views(&[Ok(212e-6), Ok(6e7)]));
        let said = |reason| told(&policy, decision(Action::Decrease, reason, None), &views, &[80]);
        assert_eq!(said(Reason::QueueGrows), "the queue on a probed path grows: limit cut to 80M");
        assert_eq!(said(Reason::ObjectiveViolated), "an objective is violated: limit cut to 80M");
    }

    #[test]
    fn why_something_is_unknown_does_not_change_by_itself() {
        let stale = |seconds| unknown(Unknown::Stale { age: Duration::from_secs(seconds) }, None);
        assert_eq!(stale(1), stale(2));
        let stale = Unknown::Stale { age: Duration::from_secs(1) };
        let old = unknown(stale, too_old(stale, Duration::from_millis(500)).as_deref());
        assert_eq!(old, "the newest measurement is too old: more than 500ms");
        assert_eq!(too_old(Unknown::NoData, Duration::from_secs(1)), None);
        let few = |have| unknown(Unknown::TooFewSamples { have, need: 5 }, None);
        assert_eq!((few(1), few(1)), (few(4), "fewer samples than the 5 needed".to_owned()));
        let failed = unknown(Unknown::SourceFailed, Some("connection refused"));
        assert_eq!(failed, "the source failed: connection refused");
    }

    #[test]
    fn a_pause_tells_its_end_and_its_reason() {
        let until = Some(Timestamp::UNIX_EPOCH);
        let expected = "paused by annotation until 1970-01-01T00:00:00Z (repair): limits stay as they are";
        assert_eq!(paused(until, Some("repair")), expected);
        assert_eq!(paused(None, None), "paused by annotation: limits stay as they are");
    }

    #[test]
    fn a_bound_is_shown_with_its_objective() {
        assert_eq!(bounded(&fixture::policy("Enforce").objectives[0]), "command-jitter (<= 300us)");
    }
}
