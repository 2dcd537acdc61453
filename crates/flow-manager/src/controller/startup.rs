use crate::cluster::Uid;
use kube::api::ObjectMeta;
use std::collections::HashMap;
use tokio::sync::watch;

/// Which policies have been reconciled since the start of a term, until all that there were have been.
///
/// Before that nobody knows all claims, and a pod that nobody claims may well be limited.
#[derive(Debug, Default)]
pub(super) struct Startup {
    seen: watch::Sender<Seen>,
}

/// A policy and the generation of its spec. Another policy of the same name, and another spec, claim something else.
pub(super) type Version = (Uid, i64);

#[derive(Debug, Default)]
struct Seen {
    is_over: bool,
    reconciled: HashMap<Uid, i64>,
    awaited: HashMap<Uid, i64>,
}

/// The version of a policy that the API server has stored.
pub(super) fn version(policy: &ObjectMeta) -> Option<Version> {
    Some((Uid::from(policy.uid.as_deref()?), policy.generation.unwrap_or_default()))
}

impl Startup {
    /// Notes that a policy was reconciled.
    pub(super) fn reconciled(&self, policy: &ObjectMeta) {
        let Some((uid, generation)) = version(policy) else { return };
        self.seen.send_if_modified(|seen| {
            if seen.is_over {
                return false;
            }
            let was_awaited = seen.awaited.get(&uid).is_some_and(|awaited| *awaited <= generation);
            let is_last = was_awaited && seen.strike(&uid);
            seen.reconciled.insert(uid, generation);
            is_last
        });
    }

    /// Notes that a policy is gone.
    pub(super) fn gone(&self, policy: &ObjectMeta) {
        let Some((uid, _)) = version(policy) else { return };
        self.seen.send_if_modified(|seen| seen.strike(&uid));
    }

    /// Waits until these policies, or newer versions of them, have been reconciled, and for no other ones any more.
    pub(super) async fn all_reconciled(&self, policies: impl IntoIterator<Item = Version>) {
        self.seen.send_modify(|seen| {
            let is_new =
                |(uid, generation): &Version| seen.reconciled.get(uid).is_none_or(|known| known < generation);
            seen.awaited = policies.into_iter().filter(is_new).collect();
        });
        // It fails only without a sender, which is here.
        let _ = self.seen.subscribe().wait_for(|seen| seen.awaited.is_empty()).await;
    }

    /// Notes that all claims are known.
    pub(super) fn end(&self) {
        self.seen.send_replace(Seen { is_over: true, ..Seen::default() });
    }

    /// Whether all claims are known.
    pub(super) fn is_over(&self) -> bool {
        self.seen.borrow().is_over
    }
}

impl Seen {
    /// Waits for a policy no more. Returns whether it was the last one.
    fn strike(&mut self, policy: &Uid) -> bool {
        self.awaited.remove(policy).is_some() && self.awaited.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt;

    fn policy((uid, generation): (&str, i64)) -> ObjectMeta {
        ObjectMeta { uid: Some(uid.to_owned()), generation: Some(generation), ..ObjectMeta::default() }
    }

    fn versions<const N: usize>(versions: [(&str, i64); N]) -> [Version; N] {
        versions.map(|(uid, generation)| (uid.into(), generation))
    }

    #[test]
    fn nobody_waits_for_no_policy_or_for_those_that_were_reconciled_before() {
        let startup = Startup::default();
        let waits = |policies: &[(&str, i64)]| {
            let policies = policies.iter().map(|(uid, generation)| ((*uid).into(), *generation));
            startup.all_reconciled(policies).now_or_never().is_none()
        };
        assert!(!waits(&[]));
        startup.reconciled(&policy(("u1", 2)));
        assert!(!waits(&[("u1", 2)]) && !waits(&[("u1", 1)]));
        assert!(waits(&[("u1", 3)]), "an older spec of it was seen");
        assert!(waits(&[("u1", 2), ("u2", 1)]));
        assert!(!waits(&[("u1", 2)]), "another one is not waited for any more");
    }

    #[test]
    fn who_waits_is_woken_by_the_last_policy() {
        let startup = Startup::default();
        let mut waiting = Box::pin(startup.all_reconciled(versions([("u1", 2), ("u2", 2), ("u3", 2)])));
        for reconciled in [("another", 2), ("u2", 1), ("u2", 2), ("u2", 2), ("u3", 3)] {
            assert!(waiting.as_mut().now_or_never().is_none());
            startup.reconciled(&policy(reconciled));
        }
        assert!(waiting.as_mut().now_or_never().is_none());
        startup.gone(&policy(("u1", 1)));
        assert!(waiting.now_or_never().is_some());
    }

    #[test]
    fn nothing_is_kept_of_policies_once_it_is_over() {
        let startup = Startup::default();
        startup.reconciled(&policy(("u1", 1)));
        assert!(!startup.is_over());
        startup.end();
        startup.reconciled(&policy(("u2", 1)));
        assert!(startup.is_over() && startup.seen.borrow().reconciled.is_empty());
    }
}
