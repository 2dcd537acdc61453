//! The newest report, for whoever wants to read it.

use std::sync::Arc;

use tokio::sync::watch;

use crate::meter::Moment;
use crate::report::NodeReport;

/// Gives out the newest report of a running agent.
#[derive(Clone, Debug)]
pub struct Reports(watch::Receiver<Arc<NodeReport>>);

impl Reports {
    pub(crate) fn new(report: NodeReport) -> (watch::Sender<Arc<NodeReport>>, Self) {
        let (sender, receiver) = watch::channel(Arc::new(report));
        (sender, Self(receiver))
    }

    /// The newest report, as said now: measurements in it get older while no new ones come.
    #[must_use]
    pub fn now(&self) -> NodeReport {
        NodeReport { at_unix_ms: Moment::now().unix_ms, ..self.latest().as_ref().clone() }
    }

    /// The newest report, as said when it was made.
    #[must_use]
    pub fn latest(&self) -> Arc<NodeReport> {
        Arc::clone(&self.0.borrow())
    }

    /// Waits for a report that `wanted` accepts; `None` when the agent has ended before.
    pub async fn wait_for(&mut self, mut wanted: impl FnMut(&NodeReport) -> bool) -> Option<Arc<NodeReport>> {
        self.0.wait_for(|report| wanted(report)).await.ok().map(|report| Arc::clone(&report))
    }
}
