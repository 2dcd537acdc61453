use crate::cluster::{CachedPolicy, Caches, PolicyId};
use kube::Resource;
use kube::runtime::reflector::Store;
use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::OnceCell;

/// The policies that were there when the operator started and have not been reconciled yet, but for those that are being
/// deleted, which claim nothing.
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
            let policies = caches.policies.state();
            let stays = policies.iter().filter(|policy| policy.meta().deletion_timestamp.is_none());
            let policies: HashSet<_> = stays.map(|policy| policy.id().clone()).collect();
            are_none = policies.is_empty();
            Mutex::new(policies)
        };
        self.unseen.get_or_init(|| note).await;
        are_none
    }

    /// Whether all claims are known.
    pub(super) fn is_over(&self) -> bool {
        self.unseen.get().is_some_and(|unseen| lock(unseen).is_empty())
    }

    /// Notes that a policy was reconciled, or is gone. Returns whether it was the last one.
    pub(super) fn done(&self, id: &PolicyId) -> bool {
        self.strike(|unseen| {
            unseen.remove(id);
        })
    }

    /// Strikes out all that are not among `policies` any more. Returns whether none is left of some.
    pub(super) fn sweep(&self, policies: &Store<CachedPolicy>) -> bool {
        let is_there = |id: &PolicyId| policies.get(&id.reference()).is_some();
        self.strike(|unseen| unseen.retain(is_there))
    }

    fn strike(&self, out: impl FnOnce(&mut HashSet<PolicyId>)) -> bool {
        let Some(unseen) = self.unseen.get() else { return false };
        let mut unseen = lock(unseen);
        let was_empty = unseen.is_empty();
        out(&mut unseen);
        !was_empty && unseen.is_empty()
    }
}

fn lock(unseen: &Mutex<HashSet<PolicyId>>) -> MutexGuard<'_, HashSet<PolicyId>> {
    unseen.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::Inventory;
    use jiff::Timestamp;
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
    use kube::runtime::reflector;
    use kube::runtime::watcher::Event;
    use serde_json::json;

    fn policy(name: &str) -> CachedPolicy {
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

    #[tokio::test]
    async fn policies_that_are_being_deleted_are_not_waited_for() {
        let (startup, mut caches) = (Startup::default(), Caches::from(Inventory::default()));
        let (reader, mut writer) = reflector::store();
        caches.policies = reader;
        let mut deleted = policy("deleted");
        deleted.meta_mut().deletion_timestamp = Some(Time(Timestamp::UNIX_EPOCH));
        writer.apply_watcher_event(&Event::Apply(deleted));
        writer.apply_watcher_event(&Event::Apply(policy("stays")));
        assert!(!startup.begin(&caches).await && !startup.is_over());
        assert!(startup.done(policy("stays").id()) && startup.is_over());
    }

    #[test]
    fn all_are_known_once_the_last_policy_is_reconciled() {
        let ids = ["first", "second"].map(|name| policy(name).id().clone());
        let startup = Startup { unseen: OnceCell::new_with(Some(Mutex::new(ids.clone().into()))) };
        assert_eq!([0, 0, 1, 1].map(|number: usize| startup.done(&ids[number])), [false, false, true, false]);
    }

    #[test]
    fn all_are_known_once_the_last_policy_is_gone() {
        let (reader, mut writer) = reflector::store();
        let (first, second) = (policy("first"), policy("second"));
        writer.apply_watcher_event(&Event::Apply(first.clone()));
        writer.apply_watcher_event(&Event::Apply(second.clone()));
        let ids = [&first, &second].map(|policy| policy.id().clone());
        let startup = Startup { unseen: OnceCell::new_with(Some(Mutex::new(ids.clone().into()))) };
        assert!(!startup.done(&ids[0]) && !startup.sweep(&reader));
        writer.apply_watcher_event(&Event::Delete(second.clone()));
        assert!(startup.sweep(&reader), "the second one is gone");
        assert!(!startup.done(&ids[0]) && !startup.sweep(&reader), "only once");
    }
}
