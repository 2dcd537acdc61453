use super::backend::Backend;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};
use std::time::Duration;

/// Counts what is written to pods.
#[derive(Clone, Debug)]
pub struct EnforceMetrics {
    writes: Family<OutcomeLabel, Counter>,
    duration: Histogram,
    /// Pods whose limit is not written yet.
    pub(super) pending: Gauge,
    /// Shapers by whether they answered the last time.
    pub(super) shapers_up: Gauge,
    pub(super) shapers_down: Gauge,
    backend: Family<BackendLabel, Gauge>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct BackendLabel {
    backend: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OutcomeLabel {
    outcome: &'static str,
}

impl EnforceMetrics {
    /// The metrics, exported by `registry`.
    #[must_use]
    pub fn register(registry: &mut Registry) -> Self {
        let metrics = Self {
            writes: Family::default(),
            duration: Histogram::new(exponential_buckets(0.001, 2.0, 14)),
            pending: Gauge::default(),
            shapers_up: Gauge::default(),
            shapers_down: Gauge::default(),
            backend: Family::default(),
        };
        let help = "Writes of a limit to a pod, by outcome: changed, restored, conflict, gone or error";
        registry.register("flowmanager_limit_writes", help, metrics.writes.clone());
        let help = "How long the API server took to answer a write of a limit";
        registry.register_with_unit(
            "flowmanager_limit_write_duration",
            help,
            Unit::Seconds,
            metrics.duration.clone(),
        );
        let help = "Pods whose limit is decided but not written yet";
        registry.register("flowmanager_limit_writes_pending", help, metrics.pending.clone());
        registry.register(
            "flowmanager_shapers_up",
            "Shapers that answered when last asked",
            metrics.shapers_up.clone(),
        );
        let help = "Shapers that did not answer when last asked";
        registry.register("flowmanager_shapers_down", help, metrics.shapers_down.clone());
        let help = "Who makes limits take effect";
        registry.register("flowmanager_backend_info", help, metrics.backend.clone());
        metrics
    }

    /// Takes down who makes limits take effect.
    pub(super) fn works_by(&self, backend: Backend) {
        self.backend.clear();
        self.backend.get_or_create(&BackendLabel { backend: backend.name() }).set(1);
    }

    /// Forgets what is true of a working enforcer only.
    pub(super) fn clear(&self) {
        for gauge in [&self.pending, &self.shapers_up, &self.shapers_down] {
            gauge.set(0);
        }
        self.backend.clear();
    }

    pub(super) fn wrote(&self, outcome: &'static str, took: Duration) {
        self.writes.get_or_create(&OutcomeLabel { outcome }).inc();
        self.duration.observe(took.as_secs_f64());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use prometheus_client::encoding::text::encode;

    #[test]
    fn the_back_end_is_told_while_the_enforcer_works() {
        let mut registry = Registry::default();
        let metrics = EnforceMetrics::register(&mut registry);
        let told = |registry: &Registry| {
            let mut text = String::new();
            encode(&mut text, registry).unwrap();
            text.lines()
                .filter(|line| line.starts_with("flowmanager_backend"))
                .map(str::to_owned)
                .collect::<Vec<_>>()
        };
        metrics.works_by(Backend::Shaper);
        metrics.works_by(Backend::KubeOvn);
        assert_eq!(told(&registry), [r#"flowmanager_backend_info{backend="kube-ovn"} 1"#]);
        metrics.clear();
        assert_eq!(told(&registry), [""; 0]);
    }
}
