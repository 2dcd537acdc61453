use super::error::QueryError;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};
use std::sync::atomic::AtomicU64;
use std::time::Duration;

/// Counts the queries to each Prometheus.
#[derive(Clone, Debug)]
pub struct QueryMetrics {
    queries: Family<OutcomeLabels, Counter>,
    duration: Family<SourceLabel, Histogram, fn() -> Histogram>,
    /// Not a number while nothing is asked, since nothing is known then.
    up: Family<SourceLabel, Gauge<f64, AtomicU64>>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct SourceLabel {
    source: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OutcomeLabels {
    source: String,
    outcome: &'static str,
}

/// Counts the queries to one Prometheus.
#[derive(Clone, Debug)]
pub(super) struct SourceMetrics {
    metrics: QueryMetrics,
    source: String,
}

impl QueryMetrics {
    /// The metrics, exported by `registry`.
    #[must_use]
    pub fn register(registry: &mut Registry) -> Self {
        let durations: fn() -> Histogram = || Histogram::new(exponential_buckets(0.001, 2.0, 14));
        let duration = Family::new_with_constructor(durations);
        let metrics = Self { queries: Family::default(), duration, up: Family::default() };
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
        metrics
    }

    pub(super) fn of(self, source: &str) -> SourceMetrics {
        let metrics = SourceMetrics { metrics: self, source: source.to_owned() };
        metrics.set_up(None);
        metrics
    }
}

impl SourceMetrics {
    /// Counts a query that took so long, and ended in an answer or an error.
    pub(super) fn asked(&self, error: Option<&QueryError>, took: Duration) {
        let outcome = error.map_or("ok", QueryError::category);
        let labels = OutcomeLabels { source: self.source.clone(), outcome };
        self.metrics.queries.get_or_create(&labels).inc();
        self.metrics.duration.get_or_create(&self.label()).observe(took.as_secs_f64());
    }

    pub(super) fn set_up(&self, up: Option<bool>) {
        let up = up.map_or(f64::NAN, |up| f64::from(u8::from(up)));
        self.metrics.up.get_or_create(&self.label()).set(up);
    }

    fn label(&self) -> SourceLabel {
        SourceLabel { source: self.source.clone() }
    }
}
