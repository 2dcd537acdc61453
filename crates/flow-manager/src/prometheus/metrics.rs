use super::error::QueryError;
use flow_control::Finite;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};
use std::sync::atomic::AtomicU64;
use std::time::Duration;

/// Counts the queries to Prometheus.
#[derive(Clone, Debug)]
pub struct QueryMetrics {
    queries: Family<OutcomeLabel, Counter>,
    duration: Histogram,
    /// Not a number while nothing is asked, since nothing is known then.
    up: Gauge<f64, AtomicU64>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OutcomeLabel {
    outcome: &'static str,
}

impl QueryMetrics {
    /// The metrics, exported by `registry`.
    #[must_use]
    pub fn register(registry: &mut Registry) -> Self {
        let duration = Histogram::new(exponential_buckets(0.001, 2.0, 14));
        let metrics = Self { queries: Family::default(), duration, up: Gauge::default() };
        let help = "Queries to Prometheus, by outcome: ok, or the kind of error";
        registry.register("flowmanager_prometheus_queries", help, metrics.queries.clone());
        let help = "How long Prometheus took to answer a query";
        registry.register_with_unit(
            "flowmanager_prometheus_query_duration",
            help,
            Unit::Seconds,
            metrics.duration.clone(),
        );
        registry.register(
            "flowmanager_prometheus_up",
            "Whether Prometheus answers: 1, or 0 if it fails; NaN if it is not asked",
            metrics.up.clone(),
        );
        metrics.set_up(None);
        metrics
    }

    pub(super) fn asked(&self, answer: &Result<Finite, QueryError>, took: Duration) {
        let outcome = answer.as_ref().map_or_else(QueryError::category, |_| "ok");
        self.queries.get_or_create(&OutcomeLabel { outcome }).inc();
        self.duration.observe(took.as_secs_f64());
    }

    pub(super) fn set_up(&self, up: Option<bool>) {
        self.up.set(up.map_or(f64::NAN, |up| f64::from(u8::from(up))));
    }
}
