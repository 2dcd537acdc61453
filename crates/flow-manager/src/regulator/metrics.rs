use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};
use std::time::Duration;

/// Times decisions.
#[derive(Clone, Debug)]
pub struct DecisionMetrics {
    lateness: Histogram,
}

impl DecisionMetrics {
    /// The metrics, exported by `registry`.
    #[must_use]
    pub fn register(registry: &mut Registry) -> Self {
        let buckets = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0];
        let metrics = Self { lateness: Histogram::new(buckets) };
        let (name, help) =
            ("flowmanager_decision_lateness", "How long after it was due a decision was taken");
        registry.register_with_unit(name, help, Unit::Seconds, metrics.lateness.clone());
        metrics
    }

    /// A decision is taken so long after it was due.
    pub(super) fn late(&self, by: Duration) {
        self.lateness.observe(by.as_secs_f64());
    }
}
