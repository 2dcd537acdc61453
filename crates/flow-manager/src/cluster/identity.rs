use super::policy::CachedPolicy;
use super::uid::Uid;
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use kube::runtime::reflector::ObjectRef;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::Deref;
use std::sync::Arc;

use flow_policy::FlowPolicy;

/// A policy, by namespace and name. Clones share both: there are many.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PolicyId(Arc<PolicyName>);

/// What a policy is called.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PolicyName {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

/// A pod, by namespace, name and UID: another pod of the same name is another pod. Clones share all three.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PodId(Arc<PodName>);

/// What a pod is called.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PodName {
    /// Its namespace, kept once for many pods, each of which has but one word of it.
    pub namespace: Arc<String>,
    /// Its name.
    pub name: Box<str>,
    /// Its UID.
    pub uid: Uid,
}

impl PolicyId {
    /// The policy of that name.
    #[must_use]
    pub fn new(namespace: impl Into<String>, name: impl Into<String>) -> Self {
        Self(Arc::new(PolicyName { namespace: namespace.into(), name: name.into() }))
    }

    /// The identity of `policy`.
    #[must_use]
    pub fn of(policy: &FlowPolicy) -> Self {
        Self::new(policy.namespace().unwrap_or_default(), policy.name_any())
    }

    /// Where the cache has the policy.
    #[must_use]
    pub(crate) fn reference(&self) -> ObjectRef<CachedPolicy> {
        ObjectRef::new(&self.name).within(&self.namespace)
    }
}

impl PodId {
    /// The pod of that name and UID.
    #[must_use]
    pub fn new(namespace: impl Into<String>, name: impl Into<Box<str>>, uid: impl Into<Uid>) -> Self {
        let namespace = Arc::new(namespace.into());
        Self(Arc::new(PodName { namespace, name: name.into(), uid: uid.into() }))
    }

    /// The identity of `pod`; `None` for a pod that the API server has not stored.
    #[must_use]
    pub fn of(pod: &Pod) -> Option<Self> {
        Some(Self::new(pod.namespace()?, pod.metadata.name.clone()?, pod.uid()?))
    }

    /// Takes what it has in common with `other` from there, so that it is kept once.
    pub(super) fn share(&mut self, other: &Self) {
        if self == other {
            self.clone_from(other);
        } else if let Some(name) = Arc::get_mut(&mut self.0)
            && name.namespace == other.namespace
        {
            name.namespace = Arc::clone(&other.namespace);
        }
    }
}

/// The UID tells pods apart by itself, and pods are looked up very often.
impl Hash for PodName {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.uid.hash(state);
    }
}

impl Deref for PolicyId {
    type Target = PolicyName;

    fn deref(&self) -> &PolicyName {
        &self.0
    }
}

impl Deref for PodId {
    type Target = PodName;

    fn deref(&self) -> &PodName {
        &self.0
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_pod_is_called_takes_a_cache_line_but_for_its_name() {
        // Behind the two counters of its `Arc`.
        assert!(size_of::<PodName>() <= 64 - 16, "{}", size_of::<PodName>());
    }
}
