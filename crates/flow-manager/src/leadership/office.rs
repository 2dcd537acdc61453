use crate::serve::Readiness;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use tokio::sync::watch;

/// The part of [`Readiness`] that waits while nothing is known of the Lease. Whoever knows that another leads is
/// ready to take over.
const PART: &str = "lease";

/// Who leads, as far as this controller knows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Leader {
    /// Nobody knows.
    #[default]
    Unknown,
    /// This controller.
    Us,
    /// The one of that identity.
    Other(String),
}

/// Where it is seen who leads.
#[derive(Clone, Debug)]
pub struct Office {
    leads: Gauge,
    leader: watch::Sender<Leader>,
    readiness: Readiness,
}

impl Office {
    /// Seen in a metric of `registry`, and in `readiness` where it cannot be known.
    #[must_use]
    pub fn new(registry: &mut Registry, readiness: Readiness) -> Self {
        let leads = Gauge::default();
        let help = "Whether this process is the one that decides and writes";
        registry.register("flowmanager_leader", help, leads.clone());
        Self { leads, leader: watch::Sender::default(), readiness }
    }

    /// Who leads, now and whenever that changes.
    #[must_use]
    pub fn leader(&self) -> watch::Receiver<Leader> {
        self.leader.subscribe()
    }

    /// This controller leads from now on.
    pub(super) fn take(&self) {
        self.readiness.done(PART);
        self.leads.set(1);
        self.leader.send_replace(Leader::Us);
    }

    /// This controller leads no more.
    pub(super) fn leave(&self) {
        self.leads.set(0);
        self.leader.send_replace(Leader::Unknown);
    }

    /// The one of that identity leads. Returns whether that is new.
    pub(super) fn see(&self, other: &str) -> bool {
        self.readiness.done(PART);
        let leader = Leader::Other(other.to_owned());
        self.leader.send_if_modified(|present| std::mem::replace(present, leader.clone()) != leader)
    }

    /// Nothing is known of the Lease, and why.
    pub(super) fn miss(&self, why: &str) {
        self.readiness.wait(PART, why);
        self.leader.send_replace(Leader::Unknown);
    }
}
