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
    /// Waits for the caches and notes the policies. Returns whether there are none.
    pub(super) async fn begin(&self, caches: &Caches) -> bool {
        let note = || async {
            caches.ready().await;
            Mutex::new(caches.policies.state().iter().map(|policy| PolicyId::of(policy)).collect())
        };
        self.unseen.get_or_init(note).await.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    /// Notes that a policy was reconciled, or is gone. Returns whether it was the last one.
    pub(super) fn reconciled(&self, id: &PolicyId, policies: &Store<FlowPolicy>) -> bool {
        let Some(unseen) = self.unseen.get() else { return false };
        let mut unseen = unseen.lock().unwrap_or_else(PoisonError::into_inner);
        let was_empty = unseen.is_empty();
        unseen.remove(id);
        unseen.retain(|id| policies.get(&ObjectRef::new(&id.name).within(&id.namespace)).is_some());
        !was_empty && unseen.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
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

    #[test]
    fn all_are_known_once_the_last_policy_is_reconciled_or_gone() {
        let (reader, mut writer) = reflector::store();
        let (first, second) = (policy("first"), policy("second"));
        writer.apply_watcher_event(&Event::Apply(first.clone()));
        writer.apply_watcher_event(&Event::Apply(second.clone()));
        let ids = [&first, &second].map(PolicyId::of);
        let startup = Startup { unseen: OnceCell::new_with(Some(Mutex::new(ids.clone().into()))) };
        assert!(!startup.reconciled(&ids[0], &reader));
        writer.apply_watcher_event(&Event::Delete(second));
        assert!(startup.reconciled(&ids[0], &reader));
        assert!(!startup.reconciled(&ids[0], &reader), "only once");
    }
}
