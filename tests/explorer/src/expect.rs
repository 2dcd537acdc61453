//! What has to come of a policy, as far as that follows from what it says and what is there.

use crate::change::Meaning;
use crate::world::{Surroundings, WORKLOADS, Workload};
use flow_policy::FlowPolicy;
use flow_policy::spec::{LawSpec, Mode, ScopeSpec, StrategyTypeSpec, TargetKind, TargetSpec};
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use kube::core::{Selector, SelectorExt};
use std::collections::{BTreeMap, BTreeSet};

/// The only Prometheus that the operator has.
const SOURCE: &str = "default";

/// What the annotations of a policy mean.
pub type Meanings = BTreeMap<&'static str, Meaning>;

/// A policy, and all that it is about.
pub struct Seen<'a> {
    /// The policy as it is stored.
    pub policy: &'a FlowPolicy,
    /// All pods.
    pub pods: &'a [Pod],
    /// What is there.
    pub there: &'a Surroundings,
    /// What its annotations mean.
    pub meanings: &'a Meanings,
}

/// The limits that a pod may have, in bits per second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The lowest.
    pub least: u64,
    /// The highest.
    pub most: u64,
}

impl Seen<'_> {
    /// Why the policy cannot be accepted as it is: one of these has to be the reason. Empty where it can.
    #[must_use]
    pub fn problems(&self) -> BTreeSet<&'static str> {
        let spec = &self.policy.spec;
        let asked = spec.objectives.iter().filter_map(|objective| objective.prometheus.as_ref());
        let asked = asked.map(|asked| asked.source.as_str());
        let told = spec.targets.iter().filter_map(|target| target.traffic.as_ref());
        let told = told
            .map(|told| told.prometheus.source.as_str())
            .filter(|_| spec.control.law == LawSpec::Adaptive);
        let unknown = asked.chain(told).any(|source| source != SOURCE).then_some("SourceNotFound");
        let targets = spec.targets.iter().filter_map(|target| self.problem(target));
        unknown.into_iter().chain(targets).collect()
    }

    fn problem(&self, target: &TargetSpec) -> Option<&'static str> {
        if !self.consents(target) {
            return Some("NotConsented");
        }
        let exists = match target.kind {
            TargetKind::Pods => selector(target).is_some(),
            kind => self.there.find(kind, self.namespace(target), &target.name).is_some(),
        };
        (!exists).then_some("TargetNotFound")
    }

    /// The condition Paused, by its reason.
    #[must_use]
    pub fn paused(&self) -> Option<&'static str> {
        let any = |meaning| self.meanings.values().any(|found| *found == meaning);
        let reasons = [
            (Meaning::Unreadable, "InvalidAnnotation"),
            (Meaning::Pin, "Pinned"),
            (Meaning::Hold, "ByAnnotation"),
        ];
        reasons.into_iter().find(|(meaning, _)| any(*meaning)).map(|(_, reason)| reason)
    }

    /// Whether limits are written to pods themselves.
    #[must_use]
    pub fn limits_pods(&self) -> bool {
        self.policy.spec.mode == Mode::Enforce && !self.rolls_out()
    }

    /// Whether limits are written to pod templates.
    #[must_use]
    pub fn rolls_out(&self) -> bool {
        self.policy.spec.strategy.type_ == StrategyTypeSpec::Rollout
    }

    /// The pods of a target.
    pub fn pods_of<'a>(&'a self, target: &'a TargetSpec) -> impl Iterator<Item = &'a Pod> + 'a {
        let usable = self.problem(target).is_none();
        let namespace = self.namespace(target);
        let chosen = selector(target);
        let matches = move |pod: &&Pod| {
            let named = pod.labels().get("app") == Some(&target.name);
            let is_one = chosen.as_ref().map_or(named, |selector| selector.matches(pod.labels()));
            is_one
                && pod.namespace().as_deref() == Some(namespace)
                && pod.metadata.deletion_timestamp.is_none()
        };
        self.pods.iter().filter(move |pod| usable && matches(pod))
    }

    /// What the pod may be limited to; `None` where no target is about it.
    #[must_use]
    pub fn limits(&self, pod: &Pod) -> Option<Limits> {
        let targets = self.policy.spec.targets.iter();
        let concerned = targets.filter(|target| self.pods_of(target).any(|other| other.uid() == pod.uid()));
        let all = concerned.filter_map(|target| self.limits_by(target));
        let lower = |one: Limits, other: Limits| Limits {
            least: one.least.min(other.least),
            most: one.most.min(other.most),
        };
        all.reduce(lower)
    }

    fn limits_by(&self, target: &TargetSpec) -> Option<Limits> {
        let bps = |text: &flow_policy::BandwidthText| text.parse().ok().map(flow_control::Bandwidth::bps);
        let (least, most) = (bps(&target.limit.min)?, bps(&target.limit.max)?);
        let sharing = match target.limit.scope {
            ScopeSpec::Pod => 1,
            ScopeSpec::Target => u64::try_from(self.pods_of(target).count()).ok()?,
        };
        Some(Limits { least: least.checked_div(sharing)?, most: most.checked_div(sharing)? })
    }

    /// The workload that a pod is of, if it is there.
    #[must_use]
    pub fn workload(&self, pod: &Pod) -> Option<&'static Workload> {
        let name = pod.labels().get("app")?;
        let is_it = |workload: &&Workload| workload.name == name && self.there.there.contains(workload.name);
        WORKLOADS.iter().find(is_it)
    }

    fn namespace<'a>(&'a self, target: &'a TargetSpec) -> &'a str {
        if target.namespace.is_empty() { &self.there.namespace } else { &target.namespace }
    }

    fn consents(&self, target: &TargetSpec) -> bool {
        let namespace = self.namespace(target);
        namespace == self.there.namespace || namespace == self.there.beyond && self.there.consents
    }
}

fn selector(target: &TargetSpec) -> Option<Selector> {
    target.selector.clone()?.try_into().ok()
}
