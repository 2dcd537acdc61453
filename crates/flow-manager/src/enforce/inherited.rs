//! Limits that somebody who led before has set since what this one has started from: an API server that is itself broken
//! may have told it of an older time.

use super::enforcer::Enforcer;
use crate::cluster::{PodId, PolicyId};
use flow_control::Bandwidth;
use smallvec::SmallVec;
use std::collections::HashMap;
use std::hash::Hash;

/// The limits that something may have by this operator: mostly it is one, of each of many pods.
pub(crate) type OwnLimits = SmallVec<[Bandwidth; 1]>;

/// A limit that this operator has not set, and who has heard of it.
#[derive(Debug)]
struct Inherited {
    limit: Bandwidth,
    heard_by: Vec<PolicyId>,
}

/// The pods, or the workloads by their templates, that have a lower limit than is asked for, not set by this operator.
/// None is raised before each policy that asks for it has heard of the limit, and asks for what it does in spite of it.
#[derive(Debug)]
pub(crate) struct Inheritance<K>(HashMap<K, Inherited>);

impl<K> Default for Inheritance<K> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<K: Clone + Eq + Hash> Inheritance<K> {
    /// Whether the limit that was `found` may be raised: it is one of our `own`, or all of these policies have heard of
    /// it, which makes it one.
    pub(crate) fn may_raise<'a>(
        &mut self,
        key: &K,
        found: Bandwidth,
        own: &mut OwnLimits,
        policies: impl IntoIterator<Item = &'a PolicyId>,
    ) -> bool {
        if own.contains(&found) {
            return true;
        }
        let is_known = self.is_known(key, found, policies);
        own.extend(is_known.then_some(found));
        is_known
    }

    fn is_known<'a>(
        &mut self,
        key: &K,
        limit: Bandwidth,
        policies: impl IntoIterator<Item = &'a PolicyId>,
    ) -> bool {
        let new = || Inherited { limit, heard_by: Vec::new() };
        let inherited = self.0.entry(key.clone()).or_insert_with(new);
        if inherited.limit != limit {
            *inherited = new();
        }
        policies.into_iter().all(|policy| inherited.heard_by.contains(policy))
    }

    /// Forgets one that has nothing to be told of.
    pub(crate) fn forget(&mut self, key: &K) {
        self.0.remove(key);
    }

    /// The limits of which `policy` has not heard.
    pub(crate) fn unheard<'a>(
        &self,
        policy: &PolicyId,
        keys: impl IntoIterator<Item = &'a K>,
    ) -> Vec<(K, Bandwidth)>
    where
        K: 'a,
    {
        if self.0.is_empty() {
            return Vec::new();
        }
        let found = keys.into_iter().filter_map(|key| Some((key, self.0.get(key)?)));
        let unheard = found.filter(|(_, inherited)| !inherited.heard_by.contains(policy));
        unheard.map(|(key, inherited)| (key.clone(), inherited.limit)).collect()
    }

    /// Notes that `policy` has heard of these limits.
    pub(crate) fn hears(&mut self, policy: &PolicyId, found: &[(K, Bandwidth)]) {
        for (key, limit) in found {
            if let Some(inherited) = self.0.get_mut(key).filter(|inherited| inherited.limit == *limit)
                && !inherited.heard_by.contains(policy)
            {
                inherited.heard_by.push(policy.clone());
            }
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
        state.inheritance.hears(policy, found);
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
    fn a_limit_may_be_raised_once_each_policy_that_asks_has_heard_of_it_and_of_no_other() {
        let [low, lower] = [20, 10].map(Bandwidth::from_mbps);
        let pod = PodId::new("factory", "upload", "u1");
        let policies = ["a", "b"].map(policy);
        let mut inheritance = Inheritance::default();
        let may_raise = |inheritance: &mut Inheritance<_>, limit| {
            inheritance.may_raise(&pod, limit, &mut OwnLimits::new(), &policies)
        };
        assert!(!may_raise(&mut inheritance, low));
        assert_eq!(inheritance.unheard(&policy("a"), [&pod]), [(pod.clone(), low)]);
        inheritance.hears(&policy("a"), &[(pod.clone(), low)]);
        assert_eq!(inheritance.unheard(&policy("a"), [&pod]), []);
        assert!(!may_raise(&mut inheritance, low), "the other one has not");
        inheritance.hears(&policy("b"), &[(pod.clone(), lower)]);
        assert!(!may_raise(&mut inheritance, low), "it has heard of something else");
        inheritance.hears(&policy("b"), &[(pod.clone(), low)]);
        assert!(may_raise(&mut inheritance, low));
        assert!(!may_raise(&mut inheritance, lower), "a newer one");
        assert_eq!(inheritance.unheard(&policy("a"), [&pod]), [(pod.clone(), lower)]);
        inheritance.forget(&pod);
        assert_eq!(inheritance.unheard(&policy("a"), [&pod]), []);
    }

    #[test]
    fn an_own_limit_may_be_raised_unheard_and_one_that_all_have_heard_of_is_own() {
        let [own_limit, found] = [20, 10].map(Bandwidth::from_mbps);
        let (pod, policies, mut own) =
            (PodId::new("factory", "upload", "u1"), [policy("a")], OwnLimits::from([own_limit]));
        let mut inheritance = Inheritance::default();
        assert!(inheritance.may_raise(&pod, own_limit, &mut own, &policies));
        assert_eq!(inheritance.unheard(&policy("a"), [&pod]), []);
        assert!(!inheritance.may_raise(&pod, found, &mut own, &policies));
        inheritance.hears(&policy("a"), &[(pod.clone(), found)]);
        assert!(inheritance.may_raise(&pod, found, &mut own, &policies));
        assert_eq!(own.as_slice(), [own_limit, found]);
    }
}
