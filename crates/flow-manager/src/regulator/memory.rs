//! Which limits are known to be good, as a policy is taken up, or goes on by another plan.

use super::plan::{Plan, PlannedTarget};
use crate::cluster::CachedPolicy;
use flow_control::Bandwidth;
use flow_policy::FlowPolicyStatus;
use flow_policy::status::TargetStatus;
use kube::Resource;

/// The safe limit of each target of `plan`, as the status of the policy, written before a restart perhaps, tells it.
/// What was written of another spec does not count.
#[must_use]
pub fn remembered(stored: &CachedPolicy, plan: &Plan) -> Vec<Option<Bandwidth>> {
    let generation = stored.meta().generation;
    let is_of_this = |status: &&FlowPolicyStatus| plan.enforces() && status.observed_generation == generation;
    let targets = stored.status().filter(is_of_this).map(|status| &status.targets);
    let told = |planned: &PlannedTarget| {
        let mut targets = targets.into_iter().flatten();
        let limit = targets.find(|status| is_of(planned, status))?.safe_limit.as_ref()?.parse().ok()?;
        Some(planned.within_range(limit))
    };
    plan.targets.iter().map(told).collect()
}

fn is_of(planned: &PlannedTarget, status: &TargetStatus) -> bool {
    let id = &planned.target.id;
    let namespace = id.namespace.as_deref().unwrap_or_default();
    (id.kind, namespace, &id.name) == (status.kind, &status.namespace, &status.name)
}

/// The safe limit of each target of `next`, where those of `before` were `safe`: those of targets that stay, unless
/// other objectives, another mode or another meaning of the limit leave it open whether they still are.
pub(super) fn carried(
    next: &Plan,
    before: &Plan,
    safe: impl Iterator<Item = Option<Bandwidth>>,
) -> Vec<Option<Bandwidth>> {
    let alike = next.policy.objectives == before.policy.objectives;
    let safe: Vec<_> = safe.filter(|_| alike && next.enforces() && before.enforces()).collect();
    let carried = |planned: &PlannedTarget| {
        let mut known = before.targets.iter().zip(&safe);
        let (_, limit) = known.find(|(other, _)| other.is_limited_alike(planned))?;
        Some(planned.within_range((*limit)?))
    };
    next.targets.iter().map(carried).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::Caches;
    use kube::runtime::reflector;
    use serde_json::{Value, json};
    use std::sync::Arc;

    /// A policy of two targets with limits from 10M to 100M, in its second generation, and its plan.
    fn policy(change: impl FnOnce(&mut Value)) -> (CachedPolicy, Plan) {
        let limit = json!({"min": "10M", "max": "100M"});
        let mut stored = json!({
            "apiVersion": "flow.fustli.io/v1alpha1", "kind": "FlowPolicy",
            "metadata": {"name": "robot", "namespace": "factory", "generation": 2},
            "spec": {
                "objectives": [{"name": "queried", "prometheus": {"query": "x"}, "value": {"max": "1"}}],
                "targets": [
                    {"kind": "Deployment", "name": "upload", "limit": limit},
                    {"kind": "Deployment", "name": "upload", "namespace": "lab", "limit": limit},
                ],
            },
            "status": {"observedGeneration": 2, "targets": [
                {"kind": "Deployment", "namespace": "lab", "name": "upload", "safeLimit": "70M", "pods": 1, "enforced": 1},
                {"kind": "Deployment", "namespace": "", "name": "upload", "safeLimit": "40M", "pods": 1, "enforced": 1},
            ]},
        });
        change(&mut stored);
        let stored: CachedPolicy = serde_json::from_value(stored).unwrap();
        let checked = Arc::clone(stored.checked().unwrap());
        let caches = Caches::of(crate::cluster::Objects::empty().0, reflector::store().0);
        let plan = Plan::resolve(&caches, &stored, checked);
        (stored, plan)
    }

    fn mbps(limits: [Option<u64>; 2]) -> Vec<Option<Bandwidth>> {
        limits.iter().map(|limit| limit.map(Bandwidth::from_mbps)).collect()
    }

    fn after_a_restart(change: impl FnOnce(&mut Value)) -> Vec<Option<Bandwidth>> {
        let (stored, plan) = policy(change);
        remembered(&stored, &plan)
    }

    #[test]
    fn each_target_has_the_limit_that_the_status_tells_of_it() {
        assert_eq!(after_a_restart(|_| ()), mbps([Some(40), Some(70)]));
    }

    #[test]
    fn a_limit_beyond_the_range_is_taken_into_it_and_what_is_none_is_left() {
        let strange = |stored: &mut Value| {
            stored["status"]["targets"][0]["safeLimit"] = json!("700G");
            stored["status"]["targets"][1]["safeLimit"] = json!("plenty");
        };
        assert_eq!(after_a_restart(strange), mbps([None, Some(100)]));
    }

    #[test]
    fn without_a_status_of_this_spec_nothing_is_remembered() {
        let unknown = mbps([None, None]);
        assert_eq!(after_a_restart(|stored| stored["status"] = Value::Null), unknown);
        assert_eq!(after_a_restart(|stored| stored["metadata"]["generation"] = json!(3)), unknown);
        assert_eq!(after_a_restart(|stored| stored["spec"]["mode"] = json!("Observe")), unknown);
        assert_eq!(after_a_restart(|stored| stored["status"]["targets"] = json!([])), unknown);
    }

    fn by_another_plan(change: impl FnOnce(&mut Value)) -> Vec<Option<Bandwidth>> {
        let ((_, before), (_, next)) = (policy(|_| ()), policy(change));
        carried(&next, &before, mbps([Some(40), None]).into_iter())
    }

    #[test]
    fn what_is_known_of_a_target_that_stays_is_carried_over() {
        assert_eq!(
            by_another_plan(|stored| stored["spec"]["interval"] = json!("2s")),
            mbps([Some(40), None])
        );
        let narrower = |stored: &mut Value| stored["spec"]["targets"][0]["limit"]["max"] = json!("30M");
        assert_eq!(by_another_plan(narrower), mbps([Some(30), None]));
        let turned = |stored: &mut Value| stored["spec"]["targets"].as_array_mut().unwrap().reverse();
        assert_eq!(by_another_plan(turned), mbps([None, Some(40)]));
    }

    #[test]
    fn what_another_spec_leaves_open_is_not_carried_over() {
        let stricter = |stored: &mut Value| stored["spec"]["objectives"][0]["value"]["max"] = json!("0.5");
        let together = |stored: &mut Value| stored["spec"]["targets"][0]["limit"]["scope"] = json!("Target");
        assert_eq!(by_another_plan(stricter), mbps([None, None]));
        assert_eq!(by_another_plan(together), mbps([None, None]));
        assert_eq!(by_another_plan(|stored| stored["spec"]["mode"] = json!("Observe")), mbps([None, None]));
    }
}
