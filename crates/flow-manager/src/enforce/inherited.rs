//! Limits that somebody who led before has set since what this one has started from: an API server that is itself broken
//! may have told it of an older time.

use super::book::Claims;
use super::enforcer::Enforcer;
use crate::cluster::{PodId, PolicyId};
use flow_control::Bandwidth;
use std::collections::HashMap;

/// A limit that this enforcer has not set, and who has heard of it.
#[derive(Debug)]
struct Inherited {
    limit: Bandwidth,
    heard_by: Vec<PolicyId>,
}

/// The pods that have a lower limit than is claimed for them, not set by this enforcer. None is raised before each policy
/// that claims the pod has heard of it, and claims what it does in spite of it.
#[derive(Debug, Default)]
pub(super) struct Inheritance(HashMap<PodId, Inherited>);

impl Inheritance {
    /// Whether all that claim the pod have heard of the `limit` that was found on it.
    pub(super) fn is_known(&mut self, pod: &PodId, limit: Bandwidth, claims: &Claims) -> bool {
        let new = || Inherited { limit, heard_by: Vec::new() };
        let inherited = self.0.entry(pod.clone()).or_insert_with(new);
        if inherited.limit != limit {
            *inherited = new();
        }
        claims.iter().all(|claim| inherited.heard_by.contains(claim.policy))
    }

    /// Forgets a pod that has nothing to be told of.
    pub(super) fn forget(&mut self, pod: &PodId) {
        self.0.remove(pod);
    }

    fn unheard<'a>(
        &self,
        policy: &PolicyId,
        pods: impl IntoIterator<Item = &'a PodId>,
    ) -> Vec<(PodId, Bandwidth)> {
        if self.0.is_empty() {
            return Vec::new();
        }
        let found = pods.into_iter().filter_map(|pod| Some((pod, self.0.get(pod)?)));
        let unheard = found.filter(|(_, inherited)| !inherited.heard_by.contains(policy));
        unheard.map(|(pod, inherited)| (pod.clone(), inherited.limit)).collect()
    }

    fn hears(&mut self, policy: &PolicyId, pod: &PodId, limit: Bandwidth) {
        if let Some(inherited) = self.0.get_mut(pod).filter(|inherited| inherited.limit == limit)
            && !inherited.heard_by.contains(policy)
        {
            inherited.heard_by.push(policy.clone());
        }
    }
}

impl Enforcer {
    /// The limits that these pods have from who led before, lower than what is claimed, of which `policy` has not heard.
    #[must_use]
    pub fn inherited<'a>(
        &self,
        policy: &PolicyId,
        pods: impl IntoIterator<Item = &'a PodId>,
    ) -> Vec<(PodId, Bandwidth)> {
        self.shared.lock().inheritance.unheard(policy, pods)
    }

    /// Notes that `policy` has heard of these limits, and claims what it claims now in spite of them.
    pub fn heard(&self, policy: &PolicyId, found: &[(PodId, Bandwidth)]) {
        let mut state = self.shared.lock();
        for (pod, limit) in found {
            state.inheritance.hears(policy, pod, *limit);
        }
        self.attend_all(&mut state, found.iter().map(|(pod, _)| pod.clone()).collect());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(name: &str) -> PolicyId {
        PolicyId::new("factory", name)
    }

    #[test]
    fn a_limit_is_known_once_each_policy_that_claims_the_pod_has_heard_of_it_and_of_no_other() {
        let [low, lower] = [20, 10].map(Bandwidth::from_mbps);
        let pod = PodId::new("factory", "upload", "u1");
        let claims: Claims =
            ["a", "b"].map(|name| (policy(name), Bandwidth::from_mbps(50))).into_iter().collect();
        let mut inheritance = Inheritance::default();
        assert!(!inheritance.is_known(&pod, low, &claims));
        assert_eq!(inheritance.unheard(&policy("a"), [&pod]), [(pod.clone(), low)]);
        inheritance.hears(&policy("a"), &pod, low);
        assert_eq!(inheritance.unheard(&policy("a"), [&pod]), []);
        assert!(!inheritance.is_known(&pod, low, &claims), "the other one has not");
        inheritance.hears(&policy("b"), &pod, lower);
        assert!(!inheritance.is_known(&pod, low, &claims), "it has heard of something else");
        inheritance.hears(&policy("b"), &pod, low);
        assert!(inheritance.is_known(&pod, low, &claims));
        assert!(!inheritance.is_known(&pod, lower, &claims), "a newer one");
        assert_eq!(inheritance.unheard(&policy("a"), [&pod]), [(pod.clone(), lower)]);
        inheritance.forget(&pod);
        assert_eq!(inheritance.unheard(&policy("a"), [&pod]), []);
    }
}
