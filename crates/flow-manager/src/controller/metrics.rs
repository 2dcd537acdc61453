use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};
use std::time::Duration;

/// Counts and times reconciliations.
#[derive(Clone, Debug)]
pub struct ReconcileMetrics {
    errors: Family<Category, Counter>,
    duration: Histogram,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Category {
    category: &'static str,
}

impl ReconcileMetrics {
    /// The metrics, exported by `registry`.
    #[must_use]
    pub fn register(registry: &mut Registry) -> Self {
        let duration = Histogram::new(exponential_buckets(0.0001, 4.0, 10));
        let metrics = Self { errors: Family::default(), duration };
        let help = "Reconciliations of a policy that failed, by category of error";
        registry.register("flowmanager_reconcile_errors", help, metrics.errors.clone());
        let (name, help) = ("flowmanager_reconcile_duration", "How long reconciling a policy took");
        registry.register_with_unit(name, help, Unit::Seconds, metrics.duration.clone());
        metrics
    }

    pub(super) fn failed(&self, category: &'static str) {
        self.errors.get_or_create(&Category { category }).inc();
    }

    pub(super) fn took(&self, duration: Duration) {
        self.duration.observe(duration.as_secs_f64());
    }
}
