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
    let mut standings = plan.targets.iter().filter_map(|planned| standing(services, planned, now));
    standings.all(|standing| is_free(&standing, observations))
}

/// Since when every workload has had its limit, and may get another one, by what was measured after that moment; `None`
/// while one has not or may not.
pub(super) fn free_since(services: &Services, plan: &Plan, now: Moment) -> Option<Moment> {
    let mut standings = plan.targets.iter().filter_map(|planned| standing(services, planned, now));
    standings.try_fold(Moment::default(), |latest, standing| Some(latest.max(standing.free_since()?)))
}

fn is_free(standing: &Standing, observations: &[Observation]) -> bool {
    let decisive = observations.iter().filter(|observation| observation.role == Role::Control);
    let mut measured = decisive.filter_map(|seen| seen.measured);
    standing.free_since().is_some_and(|since| measured.all(|measured| measured > since))
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
    use super::super::fixture;
    use super::*;
    use crate::cluster::{Caches, Found, PolicyId};
    use crate::enforce::Backend;
    use crate::regulator::plan::Template;
    use flow_control::{Bound, Finite};
    use flow_policy::Overrides;
    use flow_policy::spec::FlowPolicySpec;
    use kube::runtime::reflector;
    use kube::runtime::watcher::Event;
    use serde_json::json;
    use std::sync::Arc;
    use std::time::Duration;

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

    const INTERVAL: Duration = Duration::from_mins(10);

    fn at(second: u64) -> Moment {
        Moment::after_epoch(Duration::from_secs(second))
    }

    /// A plan for the template of one Deployment.
    fn plan(strategy: Strategy, exists: bool) -> Plan {
        let policy = Policy { strategy, ..policy("Hold") };
        let target = policy.targets[0].clone();
        let workload = WorkloadId::of(&target, "factory").unwrap();
        let found = Found { consents: true, exists, pods: Vec::new() };
        let template = Some(Template { workload, applied: None });
        let targets = vec![PlannedTarget { target, found, template }];
        Plan {
            generation: Some(1),
            policy: Arc::new(policy),
            overrides: Arc::new(Overrides::default()),
            targets,
        }
    }

    #[test]
    fn a_workload_is_asked_for_the_limit_of_its_target_where_pods_may_be_replaced_for_it() {
        let (rollout, limit) = (Strategy::Rollout { min_interval: INTERVAL }, Bandwidth::from_mbps(50));
        let existing = plan(rollout, true);
        let workload = existing.targets[0].template.as_ref().unwrap().workload.clone();
        let ask = Ask { limit, min_interval: INTERVAL, begun: true };
        assert_eq!(asks(&existing, &[limit], true), [(workload, ask)]);
        assert_eq!(asks(&plan(rollout, false), &[limit], true), [], "it does not exist");
        assert_eq!(asks(&plan(Strategy::Live, true), &[limit], true), []);
    }

    fn observed(role: Role, measured: Option<Moment>) -> Observation {
        let (bound, reading) = (Bound::AtMost(Finite::new(1.0).unwrap()), Ok(Finite::new(0.5).unwrap()));
        Observation::new(role, 1, bound, reading, measured)
    }

    #[test]
    fn a_workload_is_free_for_another_limit_once_all_that_decides_was_measured_under_the_one_it_has() {
        let free = |stage, observations: &[Observation]| {
            is_free(&Standing { stage, limit: None, carrying: Vec::new() }, observations)
        };
        let settled = || Stage::Settled(at(5));
        for (second, is_free) in [(4, false), (5, false), (6, true)] {
            let decisive = observed(Role::Control, Some(at(second)));
            assert_eq!(free(settled(), &[decisive]), is_free, "measured at {second} s");
            let both = [observed(Role::Control, Some(at(9))), decisive];
            assert_eq!(free(settled(), &both), is_free, "another one measured at {second} s");
        }
        let watched = [observed(Role::Watch, Some(at(1))), observed(Role::Control, Some(at(9)))];
        assert!(free(settled(), &watched), "what is only watched decides nothing");
        assert!(free(settled(), &[observed(Role::Control, None)]), "nor does what was never measured");
        assert!(!free(Stage::UnderWay, &watched));
    }

    /// Services whose caches have the Deployment.
    fn services() -> Services {
        let (deployments, mut cache) = reflector::store();
        let upload = json!({"metadata": {"name": "a", "namespace": "factory", "uid": "u1"}});
        cache.apply_watcher_event(&Event::Apply(serde_json::from_value(upload).unwrap()));
        fixture::services(Caches::of(crate::cluster::Objects::empty().0, deployments), Backend::AtCreation).0
    }

    #[tokio::test]
    async fn limits_can_take_effect_while_every_workload_of_the_plan_may_be_changed() {
        let (plan, services) = (plan(Strategy::Rollout { min_interval: INTERVAL }, true), services());
        let observed = [observed(Role::Control, Some(at(9)))];
        assert!(can_take_effect(&services, &plan, &observed, at(9)), "nothing was asked of it yet");
        assert_eq!(free_since(&services, &plan, at(9)), Some(at(0)));
        let policy = PolicyId::new("factory", "robot");
        services.rollouts.ask(&policy, asks(&plan, &[Bandwidth::from_mbps(50)], true));
        assert!(!can_take_effect(&services, &plan, &observed, at(9)), "its limit is not written yet");
        assert_eq!(free_since(&services, &plan, at(9)), None);
    }

    #[tokio::test]
    async fn what_a_limit_in_a_template_waits_for_is_seen() {
        let mut planned = plan(Strategy::Rollout { min_interval: INTERVAL }, true).targets.remove(0);
        let untouched = services();
        let awaiting = |planned: &PlannedTarget| seen(&untouched, planned, at(9)).map(|seen| seen.awaiting);
        assert_eq!(awaiting(&planned), Some(Some(Awaiting::Need)));
        planned.template = None;
        assert_eq!(awaiting(&planned), None, "limits are written to its pods");
    }
}
