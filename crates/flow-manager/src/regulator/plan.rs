use crate::cluster::{CachedPolicy, Caches, Found, PodId, PolicyId, TargetPod, find};
use crate::rollout::WorkloadId;
use flow_control::Bandwidth;
use flow_policy::spec::Mode;
use flow_policy::{Overrides, Policy, Scope, Strategy, Target};
use kube::{Resource, ResourceExt};
use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

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
    pub target: Arc<Target>,
    /// What the cluster says.
    pub found: Found,
    /// Where the limit is written, if it is not written to the pods.
    pub template: Option<Template>,
}

/// The pod template that a limit is written into.
#[derive(Clone, Debug, PartialEq)]
pub struct Template {
    /// The workload that it is of.
    pub workload: WorkloadId,
    /// The limit that this operator, before a restart perhaps, gave it last.
    pub applied: Option<Bandwidth>,
}

impl Plan {
    /// Looks up the targets of `policy`, which is `stored` checked.
    #[must_use]
    pub fn resolve(caches: &Caches, stored: &CachedPolicy, policy: Arc<Policy>) -> Self {
        let id = stored.id();
        let planned = |target: &Arc<Target>| PlannedTarget {
            target: Arc::clone(target),
            found: find(caches, &id.namespace, target),
            template: Template::find(caches, id, target).filter(|_| policy.strategy != Strategy::Live),
        };
        Self {
            generation: stored.meta().generation,
            targets: policy.targets.iter().map(planned).collect(),
            policy,
            overrides: shared(Overrides::of(stored.annotations())),
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
        for (planned, of_target) in self.targets.iter().zip(of_targets) {
            let limit = planned.of_each_pod(*of_target);
            for pod in &planned.found.pods {
                let lowest = limits.entry(&pod.id).or_insert(limit);
                *lowest = (*lowest).min(limit);
            }
        }
        limits.into_iter().map(|(pod, limit)| (pod.clone(), limit)).collect()
    }

    /// The limits to go on from where `before` led to `limits`: those, for targets that stay, unless a change of mode or
    /// of whose limit it is makes them meaningless.
    #[must_use]
    pub fn carry_over(&self, before: &Self, limits: &[Bandwidth]) -> Vec<Bandwidth> {
        let both_enforce = self.enforces() && before.enforces();
        let carried = |planned: &PlannedTarget| {
            let mut known = before.targets.iter().zip(limits).filter(|_| both_enforce);
            let (_, limit) = known.find(|(other, _)| other.is_limited_alike(planned))?;
            Some(planned.within_range(*limit))
        };
        let carried = |planned| carried(planned).unwrap_or_else(|| planned.present_limit());
        self.targets.iter().map(carried).collect()
    }
}

impl PlannedTarget {
    /// The limit of each pod, given that of the target. Pods that no limit reaches have no share of it.
    fn of_each_pod(&self, limit: Bandwidth) -> Bandwidth {
        match self.target.scope {
            Scope::Pod => limit,
            Scope::Target => limit.share(self.limitable().count()),
        }
    }

    /// Its pods that a limit can reach.
    pub(super) fn limitable(&self) -> impl Iterator<Item = &TargetPod> {
        self.found.pods.iter().filter(|pod| !pod.on_host_network)
    }

    /// The limit to go on from: that of the pod template, where it is written there; else the one behind the lowest that
    /// its pods have from us already (before a restart, perhaps), so that none of them may send more at once; else the
    /// one that the policy starts from.
    #[must_use]
    pub fn present_limit(&self) -> Bandwidth {
        if let Some(Template { applied, .. }) = self.template {
            return applied.map_or(self.target.initial, |limit| self.within_range(limit));
        }
        let applied = self.found.pods.iter().filter_map(|pod| pod.applied);
        let behind = |lowest: Bandwidth| match self.target.scope {
            Scope::Pod => lowest,
            // Those that have none yet had no share of it.
            Scope::Target => lowest.shared_by(applied.clone().count()),
        };
        let present = applied.clone().min().map(behind);
        present.map_or(self.target.initial, |limit| self.within_range(limit))
    }

    /// The limit to go on from instead of `limit`, where some `pods` and `templates` were found to have these from us
    /// already: never a higher one.
    pub(super) fn lowered(
        &self,
        limit: Bandwidth,
        pods: &[(PodId, Bandwidth)],
        templates: &[(WorkloadId, Bandwidth)],
    ) -> Bandwidth {
        let found = self.lowest_of_pods(pods).into_iter().chain(self.of_template(templates));
        found.map(|found| self.within_range(found)).fold(limit, Bandwidth::min)
    }

    fn of_template(&self, templates: &[(WorkloadId, Bandwidth)]) -> Option<Bandwidth> {
        let own = &self.template.as_ref()?.workload;
        templates.iter().find(|(workload, _)| workload == own).map(|(_, limit)| *limit)
    }

    /// The limit of the target that is behind the lowest of those that some of its pods have.
    fn lowest_of_pods(&self, pods: &[(PodId, Bandwidth)]) -> Option<Bandwidth> {
        let here = pods.iter().filter(|(id, _)| self.found.pods.iter().any(|pod| pod.id == *id));
        let behind = |lowest: Bandwidth| match self.target.scope {
            Scope::Pod => lowest,
            Scope::Target => lowest.shared_by(self.limitable().count()),
        };
        here.map(|(_, limit)| *limit).min().map(behind)
    }

    pub(super) fn within_range(&self, limit: Bandwidth) -> Bandwidth {
        limit.clamp(self.target.range.min, self.target.range.max)
    }

    pub(super) fn is_limited_alike(&self, other: &Self) -> bool {
        (&self.target.id, self.target.scope) == (&other.target.id, other.target.scope)
    }
}

/// Of most policies nobody asks for anything.
fn shared(overrides: Overrides) -> Arc<Overrides> {
    static NONE: LazyLock<Arc<Overrides>> = LazyLock::new(Arc::default);
    if overrides == **NONE { Arc::clone(&NONE) } else { Arc::new(overrides) }
}

impl Template {
    fn find(caches: &Caches, policy: &PolicyId, target: &Target) -> Option<Self> {
        let workload = WorkloadId::of(target, &policy.namespace)?;
        let applied = workload.applied(caches);
        Some(Self { workload, applied })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flow_control::Range;
    use flow_policy::names::{APPLIED_EGRESS_BANDWIDTH, ORIGINAL_EGRESS_BANDWIDTH};
    use flow_policy::spec::FlowPolicySpec;
    use kube::runtime::reflector;
    use kube::runtime::watcher::Event;
    use proptest::prelude::*;
    use serde_json::json;

    fn pod(name: &str, applied: Option<u64>) -> TargetPod {
        let id = PodId::new("factory", name, name);
        TargetPod { id, applied: applied.map(Bandwidth::from_mbps), on_host_network: false }
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
        let found = |pods| Found { consents: true, exists: true, pods };
        let targets = policy.targets.iter().cloned().zip(pods).map(|(target, pods)| PlannedTarget {
            target,
            found: found(pods),
            template: None,
        });
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
    fn a_target_is_lowered_to_what_its_own_pods_were_found_to_have_and_never_raised() {
        let mut planned = plan([vec![pod("x", None), pod("y", None)], vec![]]).targets.remove(0);
        let mbps = Bandwidth::from_mbps;
        let lowered = |planned: &PlannedTarget, name: &str, found| {
            planned
                .lowered(mbps(50), &[(pod(name, None).id, mbps(found)), (pod("y", None).id, mbps(40))], &[])
                .bps()
        };
        for (name, found, limit) in [("x", 30, 30), ("x", 90, 40), ("x", 1, 10), ("z", 30, 40)] {
            assert_eq!(lowered(&planned, name, found), mbps(limit).bps(), "{name} {found}");
        }
        Arc::make_mut(&mut planned.target).scope = Scope::Target;
        assert_eq!(lowered(&planned, "x", 20), mbps(40).bps(), "two pods share it");
        assert_eq!(planned.lowered(mbps(50), &[], &[]), mbps(50));
    }

    #[test]
    fn where_limits_are_in_the_template_its_limit_counts_and_not_that_of_pods() {
        let mut planned = plan([vec![pod("x", Some(30))], vec![]]).targets.remove(0);
        let workload = WorkloadId::of(&planned.target, "factory").unwrap();
        for (applied, present) in [(Some(40), 40), (Some(500), 100), (None, 50)] {
            let applied = applied.map(Bandwidth::from_mbps);
            planned.template = Some(Template { workload: workload.clone(), applied });
            assert_eq!(planned.present_limit(), Bandwidth::from_mbps(present));
        }
    }

    #[test]
    fn a_target_is_lowered_to_what_its_own_template_was_found_to_have_and_never_raised() {
        let mut planned = plan([vec![], vec![]]).targets.remove(0);
        let mbps = Bandwidth::from_mbps;
        let workload = WorkloadId::of(&planned.target, "factory").unwrap();
        let other = WorkloadId { name: "other".to_owned(), ..workload.clone() };
        let lowered = |planned: &PlannedTarget, workload: &WorkloadId, found| {
            planned.lowered(mbps(50), &[], &[(workload.clone(), mbps(found))])
        };
        assert_eq!(lowered(&planned, &workload, 30), mbps(50), "limits are written to its pods");
        planned.template = Some(Template { workload: workload.clone(), applied: None });
        for (named, found, limit) in
            [(&workload, 30, 30), (&workload, 90, 50), (&workload, 1, 10), (&other, 30, 50)]
        {
            assert_eq!(lowered(&planned, named, found), mbps(limit), "{named} {found}");
        }
    }

    #[test]
    fn a_target_that_was_never_limited_starts_from_its_initial_limit() {
        assert_eq!(plan([vec![pod("x", None)], vec![]]).targets[0].present_limit(), Bandwidth::from_mbps(50));
    }

    /// A target whose pods share the limit of 10M to 100M.
    fn shared(pods: Vec<TargetPod>) -> PlannedTarget {
        let mut planned = plan([pods, vec![]]).targets.remove(0);
        Arc::make_mut(&mut planned.target).scope = Scope::Target;
        planned
    }

    fn limits(target: PlannedTarget, mbps: u64) -> Vec<u64> {
        let plan = Plan { targets: vec![target], ..plan([vec![], vec![]]) };
        let limits = plan.limits(&[Bandwidth::from_mbps(mbps)]);
        limits.into_iter().map(|(_, limit)| limit.bps()).collect()
    }

    #[test]
    fn a_shared_limit_is_divided_anew_as_pods_come_and_go() {
        let names = ["x", "y", "z"];
        let of = |count| limits(shared(names.iter().take(count).map(|name| pod(name, None)).collect()), 60);
        assert_eq!([of(1), of(3), of(0)], [vec![60_000_000], vec![20_000_000; 3], vec![]]);
    }

    #[test]
    fn a_pod_on_the_host_network_has_no_share() {
        let escaped = TargetPod { on_host_network: true, ..pod("z", None) };
        let target = shared(vec![pod("x", None), pod("y", None), escaped.clone()]);
        assert_eq!(limits(target, 60)[..2], [30_000_000; 2]);
        assert_eq!(limits(shared(vec![escaped]), 60), [60_000_000], "nothing to divide");
    }

    #[test]
    fn a_shared_limit_goes_on_as_the_limit_behind_the_shares() {
        let third = pod("x", None);
        let third = TargetPod { applied: Some(Bandwidth::from_bps(33_333_333)), ..third };
        assert_eq!(shared(vec![third; 3]).present_limit(), Bandwidth::from_mbps(100));
    }

    /// A plan for one target of a mode and a scope, whose pod has `applied` Mbit/s from us.
    fn plan_for(mode: Mode, scope: Scope, applied: u64) -> Plan {
        let mut target = shared(vec![pod("x", Some(applied)), pod("y", Some(applied))]);
        Arc::make_mut(&mut target.target).scope = scope;
        let plan = Plan { targets: vec![target], ..plan([vec![], vec![]]) };
        Plan { policy: Arc::new(Policy { mode, ..(*plan.policy).clone() }), ..plan }
    }

    #[test]
    fn a_limit_carries_over_to_the_next_plan_while_it_means_the_same() {
        let present = || plan_for(Mode::Enforce, Scope::Pod, 30);
        let go_on = |next: Plan, mbps| next.carry_over(&present(), &[Bandwidth::from_mbps(mbps)])[0];
        assert_eq!(go_on(present(), 70), Bandwidth::from_mbps(70));
        assert_eq!(go_on(present(), 700), Bandwidth::from_mbps(100), "within the range");
        let shared = plan_for(Mode::Enforce, Scope::Target, 30);
        assert_eq!(go_on(shared, 70), Bandwidth::from_mbps(60), "what both pods have together");
        let observing = plan_for(Mode::Observe, Scope::Pod, 30);
        assert_eq!(go_on(observing, 70), Bandwidth::from_mbps(30));
        let mut elsewhere = present();
        Arc::make_mut(&mut elsewhere.targets[0].target).id.namespace = Some("lab".to_owned());
        assert_eq!(go_on(elsewhere, 70), Bandwidth::from_mbps(30), "another target of the same name");
    }

    #[test]
    fn a_pod_that_came_while_nobody_looked_had_no_share() {
        let target = shared(vec![pod("x", Some(60)), pod("y", None), pod("z", None)]);
        assert_eq!(target.present_limit(), Bandwidth::from_mbps(60));
        assert_eq!(
            shared(vec![pod("x", None)]).present_limit(),
            Bandwidth::from_mbps(50),
            "the initial limit"
        );
    }

    /// The plan for a policy of this strategy, whose Deployment has a template that we have limited to 40M.
    fn resolved(strategy: &str) -> Plan {
        let (deployments, mut cache) = reflector::store();
        let upload = json!({"metadata": {
            "name": "upload", "namespace": "factory", "uid": "u1",
            "annotations": {ORIGINAL_EGRESS_BANDWIDTH: "", APPLIED_EGRESS_BANDWIDTH: "40M"},
        }});
        cache.apply_watcher_event(&Event::Apply(serde_json::from_value(upload).unwrap()));
        let spec = json!({
            "objectives": [{"name": "jitter", "probe": {"host": "robot", "port": 1}, "jitter": {"max": "1ms"}}],
            "targets": [{"kind": "Deployment", "name": "upload", "limit": {"min": "10M", "max": "100M"}}],
            "strategy": {"type": strategy},
        });
        let stored = json!({"metadata": {"name": "robot", "namespace": "factory"}, "spec": spec});
        let stored: CachedPolicy = serde_json::from_value(stored).unwrap();
        let policy = Arc::clone(stored.checked().unwrap());
        Plan::resolve(&Caches::of(crate::cluster::Objects::empty().0, deployments), &stored, policy)
    }

    #[test]
    fn only_the_strategy_rollout_has_to_do_with_pod_templates() {
        let planned = resolved("Rollout").targets.remove(0);
        let workload = WorkloadId::of(&planned.target, "factory").unwrap();
        let applied = Some(Bandwidth::from_mbps(40));
        assert_eq!((planned.found.exists, planned.template), (true, Some(Template { workload, applied })));
        assert_eq!(resolved("Live").targets[0].template, None);
    }

    proptest! {
        #[test]
        fn no_pod_may_send_more_after_a_restart(
            applied in prop::collection::vec(prop::option::of(10_000_000u64..100_000_000), 1..10),
            scope in prop::sample::select(vec![Scope::Pod, Scope::Target]),
        ) {
            let pods = applied.iter().enumerate().map(|(number, bps)| {
                TargetPod { applied: bps.map(Bandwidth::from_bps), ..pod(&number.to_string(), None) }
            });
            let mut target = shared(pods.collect());
            let range = Range { min: Bandwidth::from_bps(8_000), max: Bandwidth::from_mbps(1_000) };
            target.target = Arc::new(Target { scope, range, ..(*target.target).clone() });
            let limit = target.present_limit();
            for bps in applied.iter().flatten() {
                prop_assert!(target.of_each_pod(limit) <= Bandwidth::from_bps(*bps));
            }
        }
    }
}
