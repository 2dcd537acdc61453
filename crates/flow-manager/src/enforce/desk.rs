use super::in_force::Written;
use super::inherited::OwnLimits;
use super::record::applied_limit;
use super::write::{Foreign, Todo};
use crate::cluster::CachedPod;
use flow_control::Moment;
use std::sync::Arc;

/// What is known of the writes to one pod.
#[derive(Default)]
pub(super) struct Desk {
    pub(super) written: Written,
    /// What somebody else has set, and since when.
    pub(super) foreign: Option<Box<(Moment, Foreign)>>,
    /// The pod as the last write returned it: the cache may be older.
    pub(super) returned: Option<Arc<CachedPod>>,
    /// The limit that the pod has by this enforcer, as far as it knows, and those of writes that may have arrived.
    pub(super) own: OwnLimits,
    pub(super) failures: u32,
    pub(super) at_work: bool,
}

impl Desk {
    /// Takes note of a write that was accepted. While limits change faster than they are written, each counts.
    pub(super) fn wrote(&mut self, pod: CachedPod, now: Moment) {
        if let Some(limit) = applied_limit(&pod) {
            self.written.note(limit, now);
        }
        (self.written.behind_since, self.written.problem, self.failures) = (None, None, 0);
        self.own = applied_limit(&pod).into_iter().collect();
        self.returned = Some(Arc::new(pod));
    }

    /// Takes note of what there is to do for the pod.
    pub(super) fn look(&mut self, todo: &Todo, uses_host_network: bool, now: Moment) {
        let foreign_since = self.foreign.take().map_or(now, |foreign| foreign.0);
        let written = &mut self.written;
        match todo {
            Todo::Nothing if uses_host_network => {
                written.problem = Some("it uses the network of its node, which no limit reaches".into());
                written.behind_since.get_or_insert(now);
            }
            Todo::Nothing => (written.problem, written.behind_since) = (None, None),
            Todo::Has(limit) => written.has(*limit, now),
            Todo::LeaveTo(foreign) => {
                if let Some(limit) = foreign.limit {
                    written.has(limit, now);
                }
                self.foreign = Some(Box::new((foreign_since, foreign.clone())));
            }
            Todo::Write(_) => {
                written.behind_since.get_or_insert(now);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_known_of_a_pod_takes_less_than_a_hundred_bytes() {
        assert!(size_of::<Desk>() <= 96, "{}", size_of::<Desk>());
    }
}
