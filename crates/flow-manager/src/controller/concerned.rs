//! Which policies a change of something else concerns: there are far more changes of pods than policies, and most of them
//! concern few.

use crate::cluster::{CachedPolicy, PolicyId};
use kube::runtime::reflector::{ObjectRef, Store};
use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The policies by the namespaces in which they have targets. Clones are the same.
#[derive(Clone, Debug, Default)]
pub(super) struct Concerned(Arc<Mutex<Index>>);

#[derive(Debug, Default)]
struct Index {
    /// For each namespace, the policies in it.
    within: HashMap<String, BTreeSet<PolicyId>>,
    /// For each namespace, the policies that name it.
    naming: HashMap<String, BTreeSet<PolicyId>>,
    /// The namespaces that each policy names.
    named: HashMap<PolicyId, Vec<String>>,
}

impl Concerned {
    /// Takes over a policy as it is now, or was last if it `is_there` no more.
    pub(super) fn note(&self, policy: &CachedPolicy, is_there: bool) {
        let mut index = self.lock();
        index.remove(policy.id());
        if is_there {
            index.insert(policy);
        }
    }

    /// Takes over all policies, and forgets all others.
    pub(super) fn renew(&self, policies: &Store<CachedPolicy>) {
        let mut renewed = Index::default();
        for policy in policies.state() {
            renewed.insert(&policy);
        }
        *self.lock() = renewed;
    }

    /// The policies that may have an object in this namespace, a workload or a pod, for a target: those in the namespace,
    /// and those that name it.
    pub(super) fn by_object(&self, namespace: &str) -> Vec<ObjectRef<CachedPolicy>> {
        let index = self.lock();
        let around = [&index.within, &index.naming].map(|policies| policies.get(namespace));
        let around: BTreeSet<_> = around.into_iter().flatten().flatten().collect();
        around.into_iter().map(PolicyId::reference).collect()
    }

    /// The policies that depend on the consent of a namespace.
    pub(super) fn by_namespace(&self, namespace: &str) -> Vec<ObjectRef<CachedPolicy>> {
        self.lock().naming.get(namespace).into_iter().flatten().map(PolicyId::reference).collect()
    }

    fn lock(&self) -> MutexGuard<'_, Index> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Index {
    fn insert(&mut self, policy: &CachedPolicy) {
        let (id, named) = (policy.id(), policy.named_namespaces());
        self.within.entry(id.namespace.clone()).or_default().insert(id.clone());
        for namespace in named {
            self.naming.entry(namespace.clone()).or_default().insert(id.clone());
        }
        if !named.is_empty() {
            self.named.insert(id.clone(), named.to_vec());
        }
    }

    fn remove(&mut self, id: &PolicyId) {
        remove(&mut self.within, &id.namespace, id);
        for namespace in self.named.remove(id).unwrap_or_default() {
            remove(&mut self.naming, &namespace, id);
        }
    }
}

fn remove(policies: &mut HashMap<String, BTreeSet<PolicyId>>, namespace: &str, id: &PolicyId) {
    if let Some(around) = policies.get_mut(namespace) {
        around.remove(id);
        if around.is_empty() {
            policies.remove(namespace);
        }
    }
}

/// All namespaces in which a policy may have limited pods: its own, and those that it names.
pub(super) fn namespaces(policy: &CachedPolicy) -> Vec<String> {
    policy.named_namespaces().iter().chain([&policy.id().namespace]).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use kube::runtime::reflector;
    use kube::runtime::watcher::Event;
    use proptest::prelude::*;
    use serde_json::json;

    fn policy(namespace: &str, name: &str, targets: &[&str]) -> CachedPolicy {
        let targets: Vec<_> = targets
            .iter()
            .map(|namespace| json!({"kind": "Deployment", "namespace": namespace, "name": "upload"}))
            .collect();
        let policy = json!({
            "apiVersion": "flow.fustli.io/v1alpha1", "kind": "FlowPolicy",
            "metadata": {"name": name, "namespace": namespace},
            "spec": {"objectives": [], "targets": targets},
        });
        serde_json::from_value(policy).unwrap()
    }

    fn concerned() -> Concerned {
        let concerned = Concerned::default();
        for policy in [
            policy("lab", "own", &[""]),
            policy("factory", "reaching", &["", "lab"]),
            policy("factory", "home", &["", "lab-2"]),
        ] {
            concerned.note(&policy, true);
        }
        concerned
    }

    fn names_of(policies: Vec<ObjectRef<CachedPolicy>>) -> Vec<String> {
        let mut names: Vec<_> = policies.into_iter().map(|policy| policy.name).collect();
        names.sort();
        names
    }

    #[test]
    fn a_pod_concerns_the_policies_around_it_and_those_that_name_its_namespace() {
        assert_eq!(names_of(concerned().by_object("lab")), ["own", "reaching"]);
    }

    #[test]
    fn a_namespace_concerns_the_policies_that_name_it() {
        assert_eq!(names_of(concerned().by_namespace("lab")), ["reaching"]);
    }

    #[test]
    fn a_policy_may_have_limited_pods_in_its_own_namespace_and_in_those_that_it_names() {
        assert_eq!(namespaces(&policy("factory", "x", &["", "lab"])), ["lab", "factory"]);
    }

    const NAMESPACES: [&str; 3] = ["a", "b", "c"];

    /// Whether a policy comes or goes, and which.
    fn change() -> impl Strategy<Value = (bool, CachedPolicy)> {
        let namespace = || prop::sample::select(&NAMESPACES[..]);
        let targets = prop::collection::vec(prop_oneof![Just(""), namespace()], 0..3);
        (any::<bool>(), namespace(), "[xyz]", targets)
            .prop_map(|(comes, namespace, name, targets)| (comes, policy(namespace, &name, &targets)))
    }

    /// What a search through all policies finds.
    fn scan(policies: &Store<CachedPolicy>, wanted: impl Fn(&CachedPolicy) -> bool) -> Vec<String> {
        let all = policies.state().into_iter().filter(|policy| wanted(policy));
        names_of(all.map(|policy| ObjectRef::from_obj(&*policy)).collect())
    }

    fn assert_found(concerned: &Concerned, policies: &Store<CachedPolicy>) {
        for namespace in NAMESPACES {
            let names =
                |policy: &CachedPolicy| policy.named_namespaces().iter().any(|named| named == namespace);
            let around = |policy: &CachedPolicy| policy.id().namespace == namespace || names(policy);
            assert_eq!(names_of(concerned.by_object(namespace)), scan(policies, around));
            assert_eq!(names_of(concerned.by_namespace(namespace)), scan(policies, names));
        }
    }

    proptest! {
        #[test]
        fn whatever_policies_come_and_go_those_concerned_are_those_that_a_search_finds(
            changes in prop::collection::vec(change(), 0..40),
        ) {
            let (concerned, (policies, mut writer)) = (Concerned::default(), reflector::store());
            for (comes, policy) in changes {
                let event = if comes { Event::Apply } else { Event::Delete };
                writer.apply_watcher_event(&event(policy.clone()));
                concerned.note(&policy, comes);
                assert_found(&concerned, &policies);
            }
            let renewed = Concerned::default();
            renewed.renew(&policies);
            assert_found(&renewed, &policies);
        }
    }
}
