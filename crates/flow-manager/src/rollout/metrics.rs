use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

/// Counts what is written to pod templates.
#[derive(Clone, Debug, Default)]
pub struct RolloutMetrics {
    rollouts: Family<OutcomeLabel, Counter>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OutcomeLabel {
    outcome: &'static str,
}

impl RolloutMetrics {
    /// The metrics, exported by `registry`.
    #[must_use]
    pub fn register(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        let help = "Writes of a limit to a pod template, by outcome: changed, restored, outdated, conflict, gone or error";
        registry.register("flowmanager_rollouts", help, metrics.rollouts.clone());
        // From 0 on, or the first of each would be no increase to Prometheus.
        for outcome in ["changed", "restored", "outdated", "conflict", "gone", "error"] {
            let _ = metrics.rollouts.get_or_create(&OutcomeLabel { outcome });
        }
        metrics
    }

    pub(super) fn wrote(&self, outcome: &'static str) {
        self.rollouts.get_or_create(&OutcomeLabel { outcome }).inc();
    }
}
