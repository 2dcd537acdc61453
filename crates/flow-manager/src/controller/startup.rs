use crate::cluster::{Caches, PolicyId};
use flow_policy::FlowPolicy;
use kube::runtime::reflector::{ObjectRef, Store};
use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};
use tokio::sync::OnceCell;

/// The policies that were there when the operator started and have not been reconciled yet.
///
/// Until there is none left, nobody knows all claims, and a pod that nobody claims may well be limited.
#[derive(Debug, Default)]
pub(super) struct Startup {
    unseen: OnceCell<Mutex<HashSet<PolicyId>>>,
}

impl Startup {
    /// Waits for the caches and notes the policies. Returns whether there are none, to the first that asks: what follows
    /// from that is to be done once.
    pub(super) async fn begin(&self, caches: &Caches) -> bool {
        let mut are_none = false;
        let note = async {
            caches.ready().await;
            let policies: HashSet<_> =
                caches.policies.state().iter().map(|policy| PolicyId::of(policy)).collect();
            are_none = policies.is_empty();
            Mutex::new(policies)
        };
        self.unseen.get_or_init(|| note).await;
        are_none
    }

    /// Notes that a policy was reconciled, or is gone. Returns whether it was the last one.
    pub(super) fn done(&self, id: &PolicyId) -> bool {
        self.strike(|unseen| {
            unseen.remove(id);
        })
    }

    /// Strikes out all that are not among `policies` any more. Returns whether none is left of some.
    pub(super) fn sweep(&self, policies: &Store<FlowPolicy>) -> bool {
        let is_there =
            |id: &PolicyId| policies.get(&ObjectRef::new(&id.name).within(&id.namespace)).is_some();
        self.strike(|unseen| unseen.retain(is_there))
    }

    fn strike(&self, out: impl FnOnce(&mut HashSet<PolicyId>)) -> bool {
        let Some(unseen) = self.unseen.get() else { return false };
        let mut unseen = unseen.lock().unwrap_or_else(PoisonError::into_inner);
        let was_empty = unseen.is_empty();
        out(&mut unseen);
        !was_empty && unseen.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::Inventory;
    use kube::runtime::reflector;
    use kube::runtime::watcher::Event;
    use serde_json::json;

    fn policy(name: &str) -> FlowPolicy {
        let spec = json!({"objectives": [], "targets": []});
        let policy = json!({
            "apiVersion": "flow.fustli.io/v1alpha1", "kind": "FlowPolicy",
            "metadata": {"name": name, "namespace": "factory"}, "spec": spec,
        });
        serde_json::from_value(policy).unwrap()
    }

    #[tokio::test]
    async fn that_there_is_no_policy_at_the_start_is_found_once() {
        let (startup, caches) = (Startup::default(), Caches::from(Inventory::default()));
        assert!(startup.begin(&caches).await);
        assert!(
            !startup.begin(&caches).await,
            "each reconcile asks, and all pods would be looked at each time"
        );
    }

    #[test]
    fn all_are_known_once_the_last_policy_is_reconciled() {
        let ids = ["first", "second"].map(|name| PolicyId::of(&policy(name)));
        let startup = Startup { unseen: OnceCell::new_with(Some(Mutex::new(ids.clone().into()))) };
        assert_eq!([0, 0, 1, 1].map(|number: usize| startup.done(&ids[number])), [false, false, true, false]);
    }

    #[test]
    fn all_are_known_once_the_last_policy_is_gone() {
        let (reader, mut writer) = reflector::store();
        let (first, second) = (policy("first"), policy("second"));
        writer.apply_watcher_event(&Event::Apply(first.clone()));
        writer.apply_watcher_event(&Event::Apply(second.clone()));
        let ids = [&first, &second].map(PolicyId::of);
        let startup = Startup { unseen: OnceCell::new_with(Some(Mutex::new(ids.clone().into()))) };
        assert!(!startup.done(&ids[0]) && !startup.sweep(&reader));
        writer.apply_watcher_event(&Event::Delete(second.clone()));
        assert!(startup.sweep(&reader), "the second one is gone");
        assert!(!startup.done(&ids[0]) && !startup.sweep(&reader), "only once");
    }
}
