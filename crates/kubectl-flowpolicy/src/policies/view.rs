use flow_control::Bandwidth;
use flow_manager::cluster::PolicyId;
use flow_manager::enforce::OnPod;
use flow_policy::names::{LIMITING, RECORDS};
use flow_policy::spec::Mode;
use flow_policy::status::{FlowPolicyStatus, TargetStatus};
use flow_policy::{FlowPolicy, Policy, Scope, Target, show};
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::ResourceExt;
use std::collections::BTreeMap;

/// A policy, and what is seen of its targets.
#[derive(Clone, Debug)]
pub struct PolicyView {
    /// As the API server has it.
    pub stored: FlowPolicy,
    /// Its spec, checked; `None` where it cannot be used.
    pub policy: Option<Policy>,
    /// Its targets, in the order of the spec; none where that cannot be used.
    pub targets: Vec<TargetView>,
    /// Whether limits, states and the last change are what the operator's page tells, since that is newer than the rest.
    pub is_behind: bool,
}

/// A target of a policy.
#[derive(Clone, Debug)]
pub struct TargetView {
    /// As the spec has it.
    pub target: Target,
    /// As the operator has last told of it.
    pub status: Option<TargetStatus>,
    /// Its pods.
    pub pods: Pods,
}

/// The pods of a target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pods {
    /// Those that run or are about to.
    Seen(Vec<PodView>),
    /// They cannot be seen, and why.
    Unseen(String),
}

/// A pod of a target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PodView {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Its node, once it has one.
    pub node: Option<String>,
    /// Its phase, such as `Running`.
    pub phase: Option<String>,
    /// Its annotations that limit it, and those in which flow-manager records what it did.
    pub limiting: BTreeMap<String, String>,
    /// What holds it, as its annotations say.
    pub hold: Hold,
}

/// What holds a pod, as its own annotations say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hold {
    /// It uses the network of its node, where no limit reaches it.
    HostNetwork,
    /// flow-manager has not limited it.
    Nothing,
    /// flow-manager has written this limit.
    Written {
        /// The limit; `None` where what is written cannot be read.
        limit: Option<Bandwidth>,
        /// The limit that it had before, which is an upper bound.
        before: Option<Bandwidth>,
    },
    /// Somebody has changed it after flow-manager.
    ByHand(String),
}

impl PolicyView {
    /// Namespace and name.
    #[must_use]
    pub fn id(&self) -> PolicyId {
        PolicyId::of(&self.stored)
    }

    /// The status; empty where the operator has not seen the policy yet.
    #[must_use]
    pub fn status(&self) -> FlowPolicyStatus {
        self.stored.status.clone().unwrap_or_default()
    }

    /// Whether the operator has told of the spec as it is now.
    #[must_use]
    pub fn is_current(&self) -> bool {
        let observed = self.stored.status.as_ref().and_then(|status| status.observed_generation);
        observed.is_some() && observed == self.stored.metadata.generation
    }

    /// Whether limits are written.
    #[must_use]
    pub fn enforces(&self) -> bool {
        self.stored.spec.mode == Mode::Enforce && self.stored.metadata.deletion_timestamp.is_none()
    }

    /// A condition of the status.
    #[must_use]
    pub fn condition(&self, type_: &str) -> Option<&Condition> {
        let conditions = self.stored.status.iter().flat_map(|status| &status.conditions);
        conditions.into_iter().find(|condition| condition.type_ == type_)
    }

    /// Whether a condition is `True`.
    #[must_use]
    pub fn is(&self, type_: &str) -> bool {
        self.condition(type_).is_some_and(|condition| condition.status == "True")
    }

    /// The name as `namespace/name`.
    #[must_use]
    pub fn name(&self) -> String {
        format!("{}/{}", self.stored.namespace().unwrap_or_default(), self.stored.name_any())
    }
}

impl PodView {
    /// Whether that is the same pod, however long ago each was seen.
    #[must_use]
    pub fn is(&self, other: &Self) -> bool {
        (&self.namespace, &self.name) == (&other.namespace, &other.name)
    }

    /// What a pod says of itself.
    #[must_use]
    pub fn of(pod: &Pod) -> Self {
        let spec = pod.spec.as_ref();
        let ours = |name: &&String| LIMITING.iter().chain(&RECORDS).any(|our| our == name);
        let limiting = pod.annotations().iter().filter(|(name, _)| ours(name));
        let on_host_network = spec.and_then(|spec| spec.host_network) == Some(true);
        Self {
            namespace: pod.namespace().unwrap_or_default(),
            name: pod.name_any(),
            node: spec.and_then(|spec| spec.node_name.clone()),
            phase: pod.status.as_ref().and_then(|status| status.phase.clone()),
            limiting: limiting.map(|(name, value)| (name.clone(), value.clone())).collect(),
            hold: if on_host_network { Hold::HostNetwork } else { Hold::of(OnPod::of(pod)) },
        }
    }
}

/// A limit of a status as a person would write it.
#[must_use]
pub fn readable_limit(limit: &str) -> String {
    limit.parse().map_or_else(|_| limit.to_owned(), show::bandwidth)
}

impl Hold {
    fn of(on_pod: Option<OnPod>) -> Self {
        match on_pod {
            None => Self::Nothing,
            Some(OnPod { deed: Some(deed), .. }) => Self::ByHand(deed),
            Some(OnPod { applied, before, .. }) => Self::Written { limit: applied, before },
        }
    }
}

impl TargetView {
    /// The limit that is asked for, if any is: of each pod, or with the scope Target of all together.
    #[must_use]
    pub fn limit(&self) -> Option<Bandwidth> {
        self.status.as_ref()?.limit.as_ref()?.parse().ok()
    }

    /// The limit that is asked for each pod, if any is.
    #[must_use]
    pub fn claim(&self) -> Option<Bandwidth> {
        let limit = self.limit()?;
        Some(match self.target.scope {
            Scope::Pod => limit,
            Scope::Target => limit.share(self.limitable()),
        })
    }

    /// Which limit is known to be good, as a person would say it.
    #[must_use]
    pub fn known_good(&self) -> Option<String> {
        let safe: Bandwidth = self.status.as_ref()?.safe_limit.as_ref()?.parse().ok()?;
        let so_far = if self.limit()? > safe { " so far" } else { "" };
        Some(format!("known to be good {}{so_far}", show::bandwidth(safe)))
    }

    /// Whether it has a running pod, as far as the operator has told.
    #[must_use]
    pub fn has_pods(&self) -> bool {
        self.status.as_ref().is_none_or(|status| status.pods > 0)
    }

    /// Whether less is asked for than the spec lets it have.
    #[must_use]
    pub fn is_below_maximum(&self) -> bool {
        self.limit().is_some_and(|limit| limit < self.target.range.max)
    }

    fn limitable(&self) -> usize {
        self.pods.seen().iter().filter(|pod| pod.hold != Hold::HostNetwork).count()
    }

    /// Whether the operator says that every pod is held to its limit.
    #[must_use]
    pub fn is_in_force(&self) -> bool {
        self.status.as_ref().is_some_and(|status| status.pods > 0 && status.enforced == status.pods)
    }
}

impl Pods {
    /// Those that are seen.
    #[must_use]
    pub fn seen(&self) -> &[PodView] {
        match self {
            Self::Seen(pods) => pods,
            Self::Unseen(_) => &[],
        }
    }
}
