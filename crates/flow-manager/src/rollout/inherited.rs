//! Limits in pod templates that somebody who led before has set since what this one has started from.

use super::asks::Book;
use super::desk::Desk;
use super::due::raised_from;
use super::rollouts::Rollouts;
use super::workload::{Workload, WorkloadId};
use crate::cluster::PolicyId;
use crate::enforce::Inheritance;
use flow_control::Bandwidth;

impl Rollouts {
    /// The limits that the templates of these workloads have from who led before, lower than what is asked, of which
    /// `policy` has not heard.
    #[must_use]
    pub fn inherited<'a>(
        &self,
        policy: &PolicyId,
        workloads: impl IntoIterator<Item = &'a WorkloadId>,
    ) -> Vec<(WorkloadId, Bandwidth)> {
        self.shared.lock().inheritance.unheard(policy, workloads)
    }

    /// Notes that `policy` has heard of these limits, and asks what it asks now in spite of them.
    pub fn heard(&self, policy: &PolicyId, found: &[(WorkloadId, Bandwidth)]) {
        let mut state = self.shared.lock();
        state.inheritance.hears(policy, found);
        self.attend_all(&mut state, found.iter().map(|(workload, _)| workload.clone()).collect());
    }
}

/// Whether the template of `workload` stays at a lower limit than is asked for: one that somebody else has set in our
/// name, of which not all that ask have heard.
pub(super) fn is_kept(
    inheritance: &mut Inheritance<WorkloadId>,
    asks: &Book,
    desk: &mut Desk,
    workload: &Workload,
) -> bool {
    let id = &workload.id;
    let raised_from = raised_from(workload, &asks.of(id));
    if let Some(found) = raised_from
        && !inheritance.may_raise(id, found, &mut desk.own, asks.policies(id))
    {
        return true;
    }
    inheritance.forget(id);
    if raised_from.is_none() {
        desk.own = workload.present().into_iter().collect();
    }
    false
}
