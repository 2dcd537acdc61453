use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

/// Counts reconciliations that failed.
#[derive(Clone, Debug, Default)]
pub struct ReconcileMetrics {
    errors: Family<Category, Counter>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Category {
    category: &'static str,
}

impl ReconcileMetrics {
    /// The metrics, exported by `registry`.
    #[must_use]
    pub fn register(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        let help = "Reconciliations of a policy that failed, by category of error";
        registry.register("flowmanager_reconcile_errors", help, metrics.errors.clone());
        metrics
    }

    pub(super) fn failed(&self, category: &'static str) {
        self.errors.get_or_create(&Category { category }).inc();
    }
}
