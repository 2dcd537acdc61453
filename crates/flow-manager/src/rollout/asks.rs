use super::due::Ask;
use super::workload::WorkloadId;
use crate::cluster::PolicyId;
use std::collections::{BTreeMap, HashMap};

/// What every policy asks of each workload.
#[derive(Debug, Default)]
pub(super) struct Book {
    asks: HashMap<WorkloadId, BTreeMap<PolicyId, Ask>>,
    /// The workloads of which each policy asks something.
    asked_by: HashMap<PolicyId, Vec<WorkloadId>>,
}

impl Book {
    /// Replaces what `policy` asks. Returns the workloads that are concerned, those asked no more included.
    pub(super) fn replace(&mut self, policy: &PolicyId, asks: Vec<(WorkloadId, Ask)>) -> Vec<WorkloadId> {
        let mut concerned = self.asked_by.remove(policy).unwrap_or_default();
        for workload in &concerned {
            self.remove(policy, workload);
        }
        let asked: Vec<_> = asks.iter().map(|(workload, _)| workload.clone()).collect();
        for (workload, ask) in asks {
            self.asks.entry(workload).or_default().insert(policy.clone(), ask);
        }
        concerned.extend(asked.iter().cloned());
        if !asked.is_empty() {
            self.asked_by.insert(policy.clone(), asked);
        }
        concerned
    }

    fn remove(&mut self, policy: &PolicyId, workload: &WorkloadId) {
        if let Some(by) = self.asks.get_mut(workload) {
            by.remove(policy);
            if by.is_empty() {
                self.asks.remove(workload);
            }
        }
    }

    /// What is asked of a workload.
    pub(super) fn of(&self, workload: &WorkloadId) -> Vec<Ask> {
        self.asks.get(workload).into_iter().flat_map(BTreeMap::values).copied().collect()
    }

    /// Who asks anything of a workload.
    pub(super) fn policies(&self, workload: &WorkloadId) -> impl Iterator<Item = &PolicyId> {
        self.asks.get(workload).into_iter().flat_map(BTreeMap::keys)
    }

    /// The workloads of which anything is asked.
    pub(super) fn workloads(&self) -> impl Iterator<Item = &WorkloadId> {
        self.asks.keys()
    }
}

#[cfg(test)]
mod tests {
    use super::super::workload::Kind;
    use super::*;
    use flow_control::Bandwidth;
    use std::time::Duration;

    fn policy(name: &str) -> PolicyId {
        PolicyId::new("factory", name)
    }

    fn workload(name: &str) -> WorkloadId {
        WorkloadId { kind: Kind::Deployment, namespace: "factory".to_owned(), name: name.to_owned() }
    }

    fn ask(mbps: u64) -> Ask {
        Ask { limit: Bandwidth::from_mbps(mbps), min_interval: Duration::from_mins(10), begun: true }
    }

    #[test]
    fn what_a_policy_asks_replaces_what_it_asked_before_and_leaves_others_alone() {
        let mut book = Book::default();
        book.replace(&policy("a"), vec![(workload("x"), ask(50)), (workload("y"), ask(50))]);
        book.replace(&policy("b"), vec![(workload("x"), ask(20))]);
        let concerned = book.replace(&policy("a"), vec![(workload("x"), ask(40))]);
        assert!(concerned.contains(&workload("x")) && concerned.contains(&workload("y")), "{concerned:?}");
        assert_eq!(book.of(&workload("x")), [ask(40), ask(20)]);
        assert_eq!(book.policies(&workload("x")).collect::<Vec<_>>(), [&policy("a"), &policy("b")]);
        assert_eq!(book.of(&workload("y")), []);
        assert_eq!(book.workloads().collect::<Vec<_>>(), [&workload("x")]);
        book.replace(&policy("a"), Vec::new());
        book.replace(&policy("b"), Vec::new());
        assert_eq!(book.workloads().count(), 0);
    }
}
