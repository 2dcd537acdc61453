use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

/// Counts watches that failed.
#[derive(Clone, Debug, Default)]
pub struct WatchMetrics {
    errors: Family<Resource, Counter>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Resource {
    resource: &'static str,
}

impl WatchMetrics {
    /// The metrics, exported by `registry`.
    #[must_use]
    pub fn register(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        let help = "Lists and watches of a resource that failed; each is tried again";
        registry.register("flowmanager_watch_errors", help, metrics.errors.clone());
        metrics
    }

    pub(super) fn failed(&self, resource: &'static str) {
        self.errors.get_or_create(&Resource { resource }).inc();
    }
}
