//! What a policy with the strategy Rollout asks of its workloads, and how far they have come with it.

use super::plan::{Plan, PlannedTarget};
use super::registry::Services;
use crate::cluster::PodId;
use crate::enforce::InForce;
use crate::report::Awaiting;
use crate::rollout::{Ask, Stage, Standing, WorkloadId};
use flow_control::{Action, Bandwidth, Decision, Moment, NoDataAction, Observation, Reason, Role};
use flow_policy::{Policy, Strategy};

/// What is seen of the limits of a target.
#[derive(Default)]
pub(super) struct Seen {
    /// What they wait for.
    pub(super) awaiting: Option<Awaiting>,
    /// Why they cannot be in force.
    pub(super) problem: Option<String>,
    /// What else there is to say.
    pub(super) message: Option<String>,
    /// Whether each pod is held to its limit, as far as it has one.
    pub(super) pods: Vec<(PodId, InForce)>,
}

/// What a policy asks of its workloads, where its targets have these `limits`: nothing, unless it has the strategy.
pub(super) fn asks(plan: &Plan, limits: &[Bandwidth], begun: bool) -> Vec<(WorkloadId, Ask)> {
    let Strategy::Rollout { min_interval } = plan.policy.strategy else { return Vec::new() };
    let templates = plan.targets.iter().zip(limits).filter_map(|(planned, limit)| {
        let template = planned.template.as_ref().filter(|_| planned.found.exists)?;
        Some((template.workload.clone(), Ask { limit: *limit, min_interval, begun }))
    });
    templates.collect()
}

/// Whether a decision says that limits are needed, even if they are as low already as they may be. Only then is the
/// first limit of a workload worth a restart of its pods.
pub(super) fn are_limits_needed(decision: &Decision, policy: &Policy) -> bool {
    match (decision.action, decision.reason) {
        (Action::Decrease | Action::Pin, _) | (Action::Hold, Reason::AtMinimum | Reason::Pinned) => true,
        (Action::Hold, Reason::NoDataTooLong) => policy.no_data.action == NoDataAction::Minimum,
        _ => false,
    }
}

/// Whether other limits could take effect at once, given that these observations were made: every workload may be
/// changed, its pods have the limit of before, and what decides was measured since.
pub(super) fn can_take_effect(
    services: &Services,
    plan: &Plan,
    observations: &[Observation],
    now: Moment,
) -> bool {
    let decisive = || observations.iter().filter(|observation| observation.role == Role::Control);
    plan.targets.iter().filter_map(|planned| standing(services, planned, now)).all(|standing| {
        let measured = |since| decisive().filter_map(|seen| seen.measured).all(|measured| measured > since);
        standing.free_since().is_some_and(measured)
    })
}

/// What is seen of a target's limits; `None` where they are written to running pods.
pub(super) fn seen(services: &Services, planned: &PlannedTarget, now: Moment) -> Option<Seen> {
    let Standing { stage, limit, carrying } = standing(services, planned, now)?;
    let in_force = |(pod, since): (PodId, Moment)| {
        let verdict = services.enforcer.holds_created(&pod, limit?, since, now);
        Some((pod, verdict))
    };
    let awaiting = awaiting(&stage);
    let problem = if let Stage::Blocked(problem) = stage { Some(problem) } else { None };
    let pods = carrying.into_iter().filter_map(in_force).collect();
    Some(Seen { awaiting, problem, message: None, pods })
}

const fn awaiting(stage: &Stage) -> Option<Awaiting> {
    match stage {
        Stage::NotBegun(_) => Some(Awaiting::Need),
        Stage::Due(at) => Some(Awaiting::Interval(*at)),
        Stage::Writing => Some(Awaiting::Write),
        Stage::UnderWay => Some(Awaiting::Pods),
        Stage::Unseen | Stage::Blocked(_) | Stage::Resting(_) | Stage::Settled(_) => None,
    }
}

fn standing(services: &Services, planned: &PlannedTarget, now: Moment) -> Option<Standing> {
    let template = planned.template.as_ref().filter(|_| planned.found.exists)?;
    let pods: Vec<_> = planned.found.pods.iter().map(|pod| pod.id.clone()).collect();
    Some(services.rollouts.standing(&template.workload, &pods, now))
}

#[cfg(test)]
mod tests {
    use super::*;
    use flow_policy::spec::FlowPolicySpec;
    use serde_json::json;

    fn policy(no_data: &str) -> Policy {
        let spec = json!({
            "objectives": [{"name": "jitter", "probe": {"host": "robot", "port": 1}, "jitter": {"max": "1ms"}}],
            "targets": [{"kind": "Deployment", "name": "a", "limit": {"min": "10M", "max": "100M"}}],
            "onNoData": {"action": no_data},
        });
        Policy::try_from(&serde_json::from_value::<FlowPolicySpec>(spec).unwrap()).unwrap()
    }

    fn needed(action: Action, reason: Reason, no_data: &str) -> bool {
        are_limits_needed(&Decision { action, reason, objective: None }, &policy(no_data))
    }

    #[test]
    fn limits_are_needed_once_a_decision_lowers_them_or_would() {
        assert!(needed(Action::Decrease, Reason::ObjectiveViolated, "Hold"));
        assert!(needed(Action::Hold, Reason::AtMinimum, "Hold"), "as low already as they may be");
        assert!(needed(Action::Pin, Reason::Pinned, "Hold") && needed(Action::Hold, Reason::Pinned, "Hold"));
        assert!(needed(Action::Hold, Reason::NoDataTooLong, "Minimum"));
        assert!(!needed(Action::Hold, Reason::NoDataTooLong, "Hold"));
        for reason in [Reason::NoData, Reason::WithinBounds, Reason::AwaitingEffect, Reason::AtMaximum] {
            assert!(!needed(Action::Hold, reason, "Minimum"), "{reason:?}");
        }
        assert!(!needed(Action::Increase, Reason::Headroom, "Hold"));
    }
}
