use super::{ObjectiveView, Standing};
use crate::cluster::PolicyId;
use crate::history::History;
use flow_control::Decision;
use flow_policy::condition::Entry;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The newest standing of each policy, and whose was not looked at yet.
#[derive(Debug, Default)]
pub(super) struct Board {
    entries: Mutex<Entries>,
    /// Who is told of the same, where history is kept.
    history: Option<Arc<History>>,
}

#[derive(Debug, Default)]
struct Entries {
    standings: BTreeMap<PolicyId, Arc<Standing>>,
    conditions: BTreeMap<PolicyId, Box<[Entry]>>,
    fresh: HashSet<PolicyId>,
    forgotten: Vec<PolicyId>,
}

impl Board {
    /// A board of which `history` is kept.
    pub(super) fn recorded(history: Option<Arc<History>>) -> Self {
        Self { history, ..Self::default() }
    }

    pub(super) fn put(&self, id: &PolicyId, standing: Standing) {
        let standing = Arc::new(standing);
        if let Some(history) = &self.history {
            history.stands(id, &standing);
        }
        let mut entries = self.lock();
        if !entries.fresh.contains(id) {
            entries.fresh.insert(id.clone());
        }
        let replaced = match entries.standings.get_mut(id) {
            Some(present) => Some(std::mem::replace(present, standing)),
            None => entries.standings.insert(id.clone(), standing),
        };
        // What was replaced is freed without the lock.
        drop(entries);
        drop(replaced);
    }

    /// Takes what was measured since the policy was last put.
    pub(super) fn measured(&self, id: &PolicyId, objectives: &[ObjectiveView]) {
        if let Some(history) = &self.history {
            history.measured(id, objectives);
        }
    }

    /// Takes what was decided last.
    pub(super) fn decided(&self, id: &PolicyId, decision: Decision) {
        if let Some(history) = &self.history {
            history.decided(id, decision);
        }
    }

    pub(super) fn forget(&self, id: &PolicyId) {
        if let Some(history) = &self.history {
            history.forget(id);
        }
        let mut entries = self.lock();
        entries.fresh.remove(id);
        entries.conditions.remove(id);
        if entries.standings.remove(id).is_some() {
            entries.forgotten.push(id.clone());
        }
    }

    /// Asks for another look at a policy, if there still is one.
    pub(super) fn refresh(&self, id: PolicyId) {
        let mut entries = self.lock();
        if entries.standings.contains_key(&id) {
            entries.fresh.insert(id);
        }
    }

    pub(super) fn get(&self, id: &PolicyId) -> Option<Arc<Standing>> {
        self.lock().standings.get(id).cloned()
    }

    /// Takes down which conditions a policy has in its status, if there still is one.
    pub(super) fn tell(&self, id: &PolicyId, conditions: &[Condition]) {
        let mut entries = self.lock();
        if entries.standings.contains_key(id) {
            entries.conditions.insert(id.clone(), conditions.iter().filter_map(Entry::of).collect());
        }
    }

    /// The conditions of all policies, ordered by policy.
    pub(super) fn conditions(&self) -> Vec<(PolicyId, Box<[Entry]>)> {
        self.lock().conditions.iter().map(|(id, conditions)| (id.clone(), conditions.clone())).collect()
    }

    /// All standings, ordered by policy.
    pub(super) fn all(&self) -> Vec<(PolicyId, Arc<Standing>)> {
        let entries = self.lock();
        entries.standings.iter().map(|(id, standing)| (id.clone(), Arc::clone(standing))).collect()
    }

    /// Takes those of the policies with news that are `due`.
    pub(super) fn take_fresh(&self, due: impl Fn(&PolicyId) -> bool) -> Vec<PolicyId> {
        self.lock().fresh.extract_if(|id| due(id)).collect()
    }

    /// Takes the policies that were forgotten.
    pub(super) fn take_forgotten(&self) -> Vec<PolicyId> {
        std::mem::take(&mut self.lock().forgotten)
    }

    fn lock(&self) -> MutexGuard<'_, Entries> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
