//! Compares what a policy says, and what is on its pods, with what is so.

use crate::expect::Seen;
use flow_control::Bandwidth;
use flow_policy::condition::Entry;
use flow_policy::names::{APPLIED_EGRESS_BANDWIDTH, EGRESS_BANDWIDTH, LIMITING, RECORDS};
use flow_policy::spec::Mode;
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::ResourceExt;

/// The conditions that are always there.
const ALWAYS: [&str; 4] = ["Accepted", "Ready", "ObjectivesMet", "Enforced"];

/// What is as it has to be, or else the first thing that is not.
pub type Verdict = Result<(), String>;

/// Whether the policy's status is complete, consistent and true, and its pods are as it says.
pub fn agrees(seen: &Seen<'_>) -> Verdict {
    is_up_to_date(seen)?;
    is_complete(seen)?;
    is_accepted_rightly(seen)?;
    is_honest(seen)?;
    if reason(seen, "Accepted") != "InvalidSpec" {
        is_paused_rightly(seen)?;
        lists_all(seen)?;
    }
    seen.pods.iter().try_for_each(|pod| is_limited_rightly(seen, pod))
}

/// Whether the policy does all that it is meant to, and its pods have exactly these limits, by their label `app`.
pub fn is_well(seen: &Seen<'_>, limits: &[(&str, u64)]) -> Verdict {
    agrees(seen)?;
    let enforced = if seen.rolls_out() { "NotNeeded" } else { "NotVerified" };
    for (type_, wanted) in [("Ready", "Working"), ("ObjectivesMet", "AllMet"), ("Enforced", enforced)] {
        check(reason(seen, type_) == wanted, || format!("{type_} is {}, not {wanted}", shown(seen, type_)))?;
    }
    for pod in seen.pods {
        let name = pod.labels().get("app").map(String::as_str).unwrap_or_default();
        let Some((_, bps)) = limits.iter().find(|(app, _)| *app == name) else { continue };
        let found = limit(pod);
        check(found == Some(*bps), || format!("{} has {found:?} bit/s, not {bps}", pod.name_any()))?;
    }
    Ok(())
}

/// Whether a pod has nothing of ours, and what was there before us.
pub fn is_restored(seen: &Seen<'_>, pod: &Pod) -> Verdict {
    let Some(workload) = seen.workload(pod) else { return Ok(()) };
    let left = RECORDS.into_iter().find(|key| pod.annotations().contains_key(*key));
    check(left.is_none(), || format!("{} still has {left:?}", pod.name_any()))?;
    for key in LIMITING {
        let before = workload.original.filter(|_| key == EGRESS_BANDWIDTH);
        let found = annotation(pod, key);
        check(found == before, || format!("{}: {key} is {found:?}, and was {before:?}", pod.name_any()))?;
    }
    Ok(())
}

fn check(holds: bool, problem: impl FnOnce() -> String) -> Verdict {
    if holds { Ok(()) } else { Err(problem()) }
}

fn conditions<'a>(seen: &'a Seen<'_>) -> &'a [Condition] {
    seen.policy.status.as_ref().map_or(&[][..], |status| status.conditions.as_slice())
}

fn condition<'a>(seen: &'a Seen<'_>, type_: &str) -> Option<&'a Condition> {
    conditions(seen).iter().find(|condition| condition.type_ == type_)
}

fn reason<'a>(seen: &'a Seen<'_>, type_: &str) -> &'a str {
    condition(seen, type_).map_or("", |condition| &condition.reason)
}

fn truth<'a>(seen: &'a Seen<'_>, type_: &str) -> &'a str {
    condition(seen, type_).map_or("", |condition| &condition.status)
}

fn shown(seen: &Seen<'_>, type_: &str) -> String {
    let found = condition(seen, type_);
    found.map_or_else(String::new, |found| format!("{} {}: {}", found.status, found.reason, found.message))
}

fn is_up_to_date(seen: &Seen<'_>) -> Verdict {
    let generation = seen.policy.metadata.generation;
    let observed = seen.policy.status.as_ref().and_then(|status| status.observed_generation);
    check(observed == generation, || {
        format!("the status is of generation {observed:?}, not {generation:?}")
    })?;
    let old = conditions(seen).iter().find(|condition| condition.observed_generation != generation);
    check(old.is_none(), || format!("a condition is not of generation {generation:?}: {old:?}"))
}

fn is_complete(seen: &Seen<'_>) -> Verdict {
    for type_ in ALWAYS {
        check(condition(seen, type_).is_some(), || format!("there is no condition {type_}"))?;
    }
    for condition in conditions(seen) {
        let count = conditions(seen).iter().filter(|other| other.type_ == condition.type_).count();
        let is_known = Entry::of(condition).is_some() && count == 1 && !condition.message.trim().is_empty();
        check(is_known, || format!("an unknown, double or silent condition: {condition:?}"))?;
    }
    Ok(())
}

fn is_accepted_rightly(seen: &Seen<'_>) -> Verdict {
    let (accepted, said) = (reason(seen, "Accepted"), shown(seen, "Accepted"));
    if accepted == "InvalidSpec" {
        // The schema let it pass, and so somebody must be told where it is wrong.
        return check(said.contains("spec.") && said.contains("found"), || {
            format!("no field is named: {said}")
        });
    }
    let problems = seen.problems();
    let is_right = if problems.is_empty() { accepted == "Valid" } else { problems.contains(accepted) };
    check(is_right, || format!("Accepted is {said}; expected is one of {problems:?}, or else Valid"))
}

/// Accepted, Stalled, Ready, `ObjectivesMet` and Enforced say the same.
fn is_honest(seen: &Seen<'_>) -> Verdict {
    let refused = (truth(seen, "Accepted") == "False").then(|| reason(seen, "Accepted"));
    let stalled = condition(seen, "Stalled").map(|condition| condition.reason.as_str());
    check(refused == stalled, || format!("Accepted is False by {refused:?}, Stalled True by {stalled:?}"))?;
    let ready = (truth(seen, "Ready"), reason(seen, "Ready"));
    let (met, enforced) =
        ((truth(seen, "ObjectivesMet"), reason(seen, "ObjectivesMet")), reason(seen, "Enforced"));
    let fits = match ready {
        ("False", why) if refused.is_some() => refused == Some(why),
        _ if refused.is_some() => false,
        ("True", "NoPods") => met.0 != "Unknown" && enforced == "NoPods",
        ("True", "Observing") => met.0 != "Unknown" && enforced == "Observing",
        ("True", _) => {
            met.0 != "Unknown" && ["InForce", "NotInForce", "NotVerified", "NotNeeded"].contains(&enforced)
        }
        ("False", "NoData") => met.1 == "NoData" || met.1 == "Violated",
        ("False", why) => why == enforced,
        _ => true,
    };
    check(fits, || {
        let [ready, met, enforced] = ["Ready", "ObjectivesMet", "Enforced"].map(|type_| shown(seen, type_));
        format!("Ready is {ready}; ObjectivesMet is {met}; Enforced is {enforced}; refused: {refused:?}")
    })
}

fn is_paused_rightly(seen: &Seen<'_>) -> Verdict {
    let (expected, found) = (seen.paused(), condition(seen, "Paused").map(|found| found.reason.as_str()));
    check(found == expected, || format!("Paused is {found:?}, expected is {expected:?}"))
}

fn lists_all(seen: &Seen<'_>) -> Verdict {
    let Some(status) = &seen.policy.status else { return Err("there is no status".to_owned()) };
    let spec = &seen.policy.spec;
    let objectives = spec.objectives.iter().map(|objective| &objective.name);
    check(objectives.eq(status.objectives.iter().map(|objective| &objective.name)), || {
        format!("the objectives of the status are {:?}", status.objectives)
    })?;
    let pods = |count: usize| i32::try_from(count).unwrap_or(i32::MAX);
    let targets =
        spec.targets.iter().map(|target| (target.kind, &target.name, pods(seen.pods_of(target).count())));
    check(
        targets.clone().eq(status.targets.iter().map(|target| (target.kind, &target.name, target.pods))),
        || {
            format!(
                "the targets of the status are {:?}; expected {:?}",
                status.targets,
                targets.collect::<Vec<_>>()
            )
        },
    )
}

fn is_limited_rightly(seen: &Seen<'_>, pod: &Pod) -> Verdict {
    let is_ending = pod.metadata.deletion_timestamp.is_some() || seen.workload(pod).is_none();
    // By a rollout pods are replaced; what is on their workloads tells more.
    if is_ending || seen.rolls_out() && seen.policy.spec.mode == Mode::Enforce {
        return Ok(());
    }
    let none = ["InvalidSpec", "Released"].contains(&reason(seen, "Enforced")) || !seen.limits_pods();
    let Some(limits) = seen.limits(pod).filter(|_| !none) else { return is_restored(seen, pod) };
    let records = RECORDS.iter().all(|key| pod.annotations().contains_key(*key));
    let as_recorded = annotation(pod, EGRESS_BANDWIDTH) == annotation(pod, APPLIED_EGRESS_BANDWIDTH);
    check(records && as_recorded, || {
        format!("{} is not as recorded: {:?}", pod.name_any(), pod.annotations())
    })?;
    let before = seen.workload(pod).and_then(|workload| workload.original).and_then(bps);
    let (least, most) = before
        .map_or((limits.least, limits.most), |before| (limits.least.min(before), limits.most.min(before)));
    let found = limit(pod);
    check(found.is_some_and(|bps| (least..=most).contains(&bps)), || {
        format!("{} has {found:?} bit/s, allowed are {least} to {most}", pod.name_any())
    })
}

fn annotation<'a>(pod: &'a Pod, key: &str) -> Option<&'a str> {
    pod.annotations().get(key).map(String::as_str)
}

fn limit(pod: &Pod) -> Option<u64> {
    bps(annotation(pod, EGRESS_BANDWIDTH)?)
}

fn bps(text: &str) -> Option<u64> {
    Bandwidth::parse_quantity(text).ok().map(Bandwidth::bps)
}
