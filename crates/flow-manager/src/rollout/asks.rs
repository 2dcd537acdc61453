use super::due::Ask;
use super::workload::WorkloadId;
use crate::cluster::PolicyId;
use std::collections::{BTreeMap, HashMap};

/// What every policy asks of each workload.
#[derive(Debug, Default)]
pub(super) struct Book {
    asks: HashMap<WorkloadId, BTreeMap<PolicyId, Ask>>,
}

impl Book {
    /// Replaces what `policy` asks. Returns the workloads that are concerned, those asked no more included.
    pub(super) fn replace(&mut self, policy: &PolicyId, asks: Vec<(WorkloadId, Ask)>) -> Vec<WorkloadId> {
        let before = self.asks.iter().filter(|(_, by)| by.contains_key(policy));
        let mut concerned: Vec<_> = before.map(|(workload, _)| workload.clone()).collect();
        concerned.extend(asks.iter().map(|(workload, _)| workload.clone()));
        for by in self.asks.values_mut() {
            by.remove(policy);
        }
        for (workload, ask) in asks {
            self.asks.entry(workload).or_default().insert(policy.clone(), ask);
        }
        self.asks.retain(|_, by| !by.is_empty());
        concerned
    }

    /// What is asked of a workload.
    pub(super) fn of(&self, workload: &WorkloadId) -> Vec<Ask> {
        self.asks.get(workload).into_iter().flat_map(BTreeMap::values).copied().collect()
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
        PolicyId { namespace: "factory".to_owned(), name: name.to_owned() }
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
        assert_eq!(book.of(&workload("y")), []);
        assert_eq!(book.workloads().collect::<Vec<_>>(), [&workload("x")]);
        book.replace(&policy("a"), Vec::new());
        book.replace(&policy("b"), Vec::new());
        assert_eq!(book.workloads().count(), 0);
    }
}
