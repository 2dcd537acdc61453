use flow_policy::FlowPolicy;
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use std::fmt;

/// A policy, by namespace and name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PolicyId {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

/// A pod, by namespace, name and UID: another pod of the same name is another pod.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PodId {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Its UID.
    pub uid: String,
}

impl PolicyId {
    /// The identity of `policy`.
    #[must_use]
    pub fn of(policy: &FlowPolicy) -> Self {
        Self { namespace: policy.namespace().unwrap_or_default(), name: policy.name_any() }
    }
}

impl PodId {
    /// The identity of `pod`; `None` for a pod that the API server has not stored.
    #[must_use]
    pub fn of(pod: &Pod) -> Option<Self> {
        Some(Self { namespace: pod.namespace()?, name: pod.metadata.name.clone()?, uid: pod.uid()? })
    }
}

impl fmt::Display for PolicyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

impl fmt::Display for PodId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}
