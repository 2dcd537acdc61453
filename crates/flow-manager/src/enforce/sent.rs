use super::enforcer::Enforcer;
use super::ledger::Sent;
use super::shapers::Attention;
use crate::cluster::PodId;
use flow_control::Moment;

impl Enforcer {
    /// What those of the pods really send of which a shaper tells: those that have a limit.
    #[must_use]
    pub fn sent<'a>(&self, pods: impl Iterator<Item = &'a PodId>) -> Vec<Sent> {
        let uids = pods.map(|pod| &pod.uid);
        self.shared.shapers.as_ref().map(|shapers| shapers.sent(uids)).unwrap_or_default()
    }

    /// While this is held, shapers are asked often enough to know what pods send. `None` where there are none.
    #[must_use]
    pub fn attention(&self) -> Option<Attention> {
        self.shared.shapers.as_ref().map(super::shapers::Shapers::attention)
    }

    /// Lets shapers be asked oftener for the next seconds, since limits may have to change.
    pub fn hurry(&self, now: Moment) {
        if let Some(shapers) = &self.shared.shapers {
            shapers.hurry(now);
        }
    }
}

#[cfg(test)]
impl Enforcer {
    /// Takes what a shaper says that was asked at `asked`.
    pub(crate) fn hear(&self, asked: Moment, report: flow_shaper::NodeReport) {
        self.shared.shapers.as_ref().unwrap().hear(asked, report);
    }

    /// Whether somebody pays attention to what pods send.
    pub(crate) fn is_attended(&self) -> bool {
        self.shared.shapers.as_ref().unwrap().is_watched()
    }
}
