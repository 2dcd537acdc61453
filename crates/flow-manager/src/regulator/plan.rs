use crate::cluster::{Caches, Found, PodId, PolicyId, find};
use flow_control::Bandwidth;
use flow_policy::spec::Mode;
use flow_policy::{FlowPolicy, Overrides, Policy, Target};
use kube::ResourceExt;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What a regulator works by: a policy that was checked, and its targets as they are in the cluster.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// The generation of the spec.
    pub generation: Option<i64>,
    /// The spec.
    pub policy: Arc<Policy>,
    /// What a person asks for besides.
    pub overrides: Arc<Overrides>,
    /// The policy's targets, in its order.
    pub targets: Vec<PlannedTarget>,
}

/// A target of a policy and what was found of it.
#[derive(Clone, Debug, PartialEq)]
pub struct PlannedTarget {
    /// What the policy says.
    pub target: Target,
    /// What the cluster says.
    pub found: Found,
}

impl Plan {
    /// Looks up the targets of `policy`, which is `stored` checked.
    #[must_use]
    pub fn resolve(caches: &Caches, id: &PolicyId, stored: &FlowPolicy, policy: Policy) -> Self {
        let planned = |target: &Target| PlannedTarget {
            target: target.clone(),
            found: find(caches, &id.namespace, target),
        };
        Self {
            generation: stored.metadata.generation,
            targets: policy.targets.iter().map(planned).collect(),
            policy: Arc::new(policy),
            overrides: Arc::new(Overrides::of(stored.annotations())),
        }
    }

    /// Whether limits are written.
    #[must_use]
    pub fn enforces(&self) -> bool {
        self.policy.mode == Mode::Enforce
    }

    /// The limit of each pod, given those of the targets: the lower one for a pod that two targets name.
    #[must_use]
    pub fn limits(&self, of_targets: &[Bandwidth]) -> Vec<(PodId, Bandwidth)> {
        let mut limits = BTreeMap::new();
        for (planned, limit) in self.targets.iter().zip(of_targets) {
            for pod in &planned.found.pods {
                let lowest = limits.entry(&pod.id).or_insert(*limit);
                *lowest = (*lowest).min(*limit);
            }
        }
        limits.into_iter().map(|(pod, limit)| (pod.clone(), limit)).collect()
    }
}

impl PlannedTarget {
    /// The limit to go on from: the lowest that its pods have from us already (before a restart, perhaps),
    /// so that nothing jumps; else the one that the policy starts from.
    #[must_use]
    pub fn present_limit(&self) -> Bandwidth {
        let applied = self.found.pods.iter().filter_map(|pod| pod.applied).min();
        applied.map_or(self.target.initial, |limit| limit.clamp(self.target.range.min, self.target.range.max))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::TargetPod;
    use flow_policy::spec::FlowPolicySpec;
    use serde_json::json;

    fn pod(name: &str, applied: Option<u64>) -> TargetPod {
        let id = PodId { namespace: "factory".to_owned(), name: name.to_owned(), uid: name.to_owned() };
        TargetPod { id, applied: applied.map(Bandwidth::from_mbps) }
    }

    fn plan(pods: [Vec<TargetPod>; 2]) -> Plan {
        let limit = json!({"min": "10M", "max": "100M", "initial": "50M"});
        let spec = json!({
            "objectives": [{"name": "jitter", "probe": {"host": "robot", "port": 1}, "jitter": {"max": "1ms"}}],
            "targets": [
                {"kind": "Deployment", "name": "a", "limit": limit},
                {"kind": "Deployment", "name": "b", "limit": limit},
            ],
        });
        let policy = Policy::try_from(&serde_json::from_value::<FlowPolicySpec>(spec).unwrap()).unwrap();
        let found = |pods| Found { exists: true, pods };
        let targets = policy
            .targets
            .iter()
            .cloned()
            .zip(pods)
            .map(|(target, pods)| PlannedTarget { target, found: found(pods) });
        let overrides = Arc::default();
        Plan { generation: Some(1), targets: targets.collect(), policy: Arc::new(policy), overrides }
    }

    #[test]
    fn a_pod_of_two_targets_gets_the_lower_limit() {
        let plan = plan([vec![pod("x", None), pod("y", None)], vec![pod("y", None)]]);
        let limits = plan.limits(&[Bandwidth::from_mbps(80), Bandwidth::from_mbps(20)]);
        let expected =
            [(pod("x", None).id, Bandwidth::from_mbps(80)), (pod("y", None).id, Bandwidth::from_mbps(20))];
        assert_eq!(limits, expected);
    }

    #[test]
    fn a_target_goes_on_from_the_lowest_limit_that_its_pods_have() {
        let plan = plan([vec![pod("x", Some(40)), pod("y", Some(30))], vec![pod("z", Some(500))]]);
        assert_eq!(plan.targets[0].present_limit(), Bandwidth::from_mbps(30));
        assert_eq!(plan.targets[1].present_limit(), Bandwidth::from_mbps(100), "within the range");
    }

    #[test]
    fn a_target_that_was_never_limited_starts_from_its_initial_limit() {
        assert_eq!(plan([vec![pod("x", None)], vec![]]).targets[0].present_limit(), Bandwidth::from_mbps(50));
    }
}
