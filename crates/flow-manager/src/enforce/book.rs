use crate::cluster::{PodId, PolicyId};
use flow_control::{Bandwidth, Claim, arbitrate};
use smallvec::SmallVec;
use std::collections::{HashMap, HashSet};

/// The limits that policies claim for one pod, in the order of the policies. Mostly it is one.
#[derive(Debug, Default)]
pub(super) struct Claims(SmallVec<[(PolicyId, Bandwidth); 1]>);

/// What every policy claims, and what that means for each pod.
#[derive(Debug, Default)]
pub(super) struct Book {
    claims: HashMap<PodId, Claims>,
    claimed_by: HashMap<PolicyId, Vec<(PodId, Bandwidth)>>,
}

impl Book {
    /// Replaces the claims of `policy`. Returns the pods for which another limit holds now.
    pub(super) fn claim(&mut self, policy: &PolicyId, limits: Vec<(PodId, Bandwidth)>) -> Vec<PodId> {
        if self.claimed_by.get(policy).is_some_and(|present| *present == limits) {
            return Vec::new();
        }
        let previous = self.claimed_by.remove(policy).unwrap_or_default();
        let affected: HashSet<PodId> = previous.iter().chain(&limits).map(|(pod, _)| pod.clone()).collect();
        let before: Vec<_> = affected.into_iter().map(|pod| (self.wanted(&pod), pod)).collect();
        self.replace(policy, &previous, &limits);
        self.claimed_by.insert(policy.clone(), limits);
        before.into_iter().filter(|(limit, pod)| self.wanted(pod) != *limit).map(|(_, pod)| pod).collect()
    }

    /// Removes the claims of `policy`. Returns the pods for which another limit, or none, holds now.
    pub(super) fn withdraw(&mut self, policy: &PolicyId) -> Vec<PodId> {
        let changed = self.claim(policy, Vec::new());
        self.claimed_by.remove(policy);
        changed
    }

    /// The limit that holds for a pod: the lowest that is claimed.
    pub(super) fn wanted(&self, pod: &PodId) -> Option<Bandwidth> {
        let claims = self.claims.get(pod)?.iter();
        arbitrate(claims).map(|claim| claim.limit)
    }

    /// What `policy` claims for a pod.
    pub(super) fn claim_of(&self, policy: &PolicyId, pod: &PodId) -> Option<&Bandwidth> {
        self.claims(pod)?.get(policy)
    }

    /// What policies claim for a pod; `None` if none does.
    pub(super) fn claims(&self, pod: &PodId) -> Option<&Claims> {
        self.claims.get(pod)
    }

    fn replace(&mut self, policy: &PolicyId, previous: &[(PodId, Bandwidth)], limits: &[(PodId, Bandwidth)]) {
        for (pod, _) in previous {
            if let Some(claims) = self.claims.get_mut(pod) {
                claims.remove(policy);
                if claims.0.is_empty() {
                    self.claims.remove(pod);
                }
            }
        }
        for (pod, limit) in limits {
            self.claims.entry(pod.clone()).or_default().insert(policy, *limit);
        }
    }
}

impl Claims {
    /// The limit that `policy` claims.
    pub(super) fn get(&self, policy: &PolicyId) -> Option<&Bandwidth> {
        let place = self.place(policy).ok()?;
        self.0.get(place).map(|(_, limit)| limit)
    }

    /// All claims.
    pub(super) fn iter(&self) -> impl Iterator<Item = Claim<&PolicyId>> + Clone {
        self.0.iter().map(|(policy, limit)| Claim { policy, limit: *limit })
    }

    /// Who claims a limit.
    pub(super) fn policies(&self) -> impl Iterator<Item = &PolicyId> {
        self.0.iter().map(|(policy, _)| policy)
    }

    fn insert(&mut self, policy: &PolicyId, limit: Bandwidth) {
        match self.place(policy) {
            Ok(place) => drop(self.0.get_mut(place).map(|(_, present)| *present = limit)),
            Err(place) => {
                self.0.insert(place, (policy.clone(), limit));
            }
        }
    }

    fn remove(&mut self, policy: &PolicyId) {
        self.0.retain(|(other, _)| other != policy);
    }

    /// Where the claim of `policy` is, or would be.
    fn place(&self, policy: &PolicyId) -> Result<usize, usize> {
        self.0.binary_search_by(|(other, _)| other.cmp(policy))
    }
}

#[cfg(test)]
impl FromIterator<(PolicyId, Bandwidth)> for Claims {
    fn from_iter<I: IntoIterator<Item = (PolicyId, Bandwidth)>>(limits: I) -> Self {
        let mut claims = Self::default();
        for (policy, limit) in limits {
            claims.insert(&policy, limit);
        }
        claims
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn policy(name: &str) -> PolicyId {
        PolicyId::new("factory", name)
    }

    fn pod(name: &str) -> PodId {
        PodId::new("factory", name, name)
    }

    fn limits(limits: &[(&str, u64)]) -> Vec<(PodId, Bandwidth)> {
        limits.iter().map(|(name, mbps)| (pod(name), Bandwidth::from_mbps(*mbps))).collect()
    }

    #[test]
    fn the_lowest_claim_holds_and_the_next_one_when_it_is_withdrawn() {
        let mut book = Book::default();
        assert_eq!(book.claim(&policy("a"), limits(&[("x", 50)])), [pod("x")]);
        assert_eq!(book.claim(&policy("b"), limits(&[("x", 20)])), [pod("x")]);
        assert_eq!(book.claim(&policy("a"), limits(&[("x", 40)])), [], "b still holds it lower");
        assert_eq!(book.withdraw(&policy("b")), [pod("x")]);
        assert_eq!(book.wanted(&pod("x")), Some(Bandwidth::from_mbps(40)));
        assert_eq!(book.withdraw(&policy("a")), [pod("x")]);
        assert_eq!(book.wanted(&pod("x")), None);
    }

    #[test]
    fn the_same_claim_again_changes_nothing() {
        let mut book = Book::default();
        book.claim(&policy("a"), limits(&[("x", 50)]));
        assert_eq!(book.claim(&policy("a"), limits(&[("x", 50)])), []);
    }

    #[test]
    fn a_pod_that_is_claimed_no_longer_is_free() {
        let mut book = Book::default();
        book.claim(&policy("a"), limits(&[("x", 50), ("y", 50)]));
        assert_eq!(book.claim(&policy("a"), limits(&[("y", 50)])), [pod("x")]);
        assert_eq!(book.wanted(&pod("x")), None);
    }

    proptest! {
        #[test]
        fn whatever_happens_the_lowest_present_claim_holds(
            steps in prop::collection::vec((0usize..3, prop::collection::btree_map(0usize..4, 1u64..100, 0..4)), 1..40),
        ) {
            let mut book = Book::default();
            let mut model: BTreeMap<usize, BTreeMap<usize, u64>> = BTreeMap::new();
            for (who, claims) in steps {
                let named: Vec<_> = claims.iter().map(|(pod, mbps)| (format!("p{pod}"), *mbps)).collect();
                let named: Vec<_> = named.iter().map(|(name, mbps)| (name.as_str(), *mbps)).collect();
                book.claim(&policy(&format!("policy{who}")), limits(&named));
                model.insert(who, claims);
                for number in 0..4 {
                    let lowest = model.values().filter_map(|claims| claims.get(&number)).min();
                    let wanted = book.wanted(&pod(&format!("p{number}")));
                    prop_assert_eq!(wanted, lowest.map(|mbps| Bandwidth::from_mbps(*mbps)));
                }
            }
            for who in 0..3 {
                book.withdraw(&policy(&format!("policy{who}")));
            }
            prop_assert!(book.claims.is_empty() && book.claimed_by.is_empty());
        }
    }
}
