//! What a probe next to each critical flow would export: a value for half of the policies, of which some are violated.

use axum::Router;
use axum::extract::State;
use axum::routing::get;
use flow_e2e::Result;
use std::fmt::Write;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::net::TcpListener;

/// Where it serves.
pub(crate) const ADDRESS: &str = "127.0.0.1:9200";

/// The metric, of which the operator asks for all series at once. It is one of the predecessor's probes.
pub(crate) const METRIC: &str = "flowmanager_udp_jitter_ms";

/// The most that policies allow, in milliseconds.
pub(crate) const BOUND_MS: u32 = 1;

/// Serves the values.
pub(crate) struct Exporter(Arc<Mutex<Values>>);

/// How many series there are, and which of them are too high: so many, from the first one on, as on a ring.
#[derive(Clone, Copy, Debug, Default)]
struct Values {
    series: usize,
    first_violated: usize,
    violated: usize,
}

impl Exporter {
    pub(crate) async fn serve() -> Result<Self> {
        let values = Arc::<Mutex<Values>>::default();
        let listener = TcpListener::bind(ADDRESS).await?;
        let router = Router::new().route("/metrics", get(metrics)).with_state(Arc::clone(&values));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(Self(values))
    }

    /// Exports so many series from now on, none of which is too high.
    pub(crate) fn export(&self, series: usize) {
        self.change(|values| *values = Values { series, ..Values::default() });
    }

    /// Lets so many be too high from now on.
    pub(crate) fn violate(&self, violated: usize) {
        self.change(|values| values.violated = violated);
    }

    /// Lets the next ones be too high instead of as many others.
    pub(crate) fn turn(&self, by: usize) {
        self.change(|values| values.first_violated = (values.first_violated + by) % values.series.max(1));
    }

    fn change(&self, change: impl FnOnce(&mut Values)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

async fn metrics(State(values): State<Arc<Mutex<Values>>>) -> String {
    let values = *values.lock().unwrap_or_else(PoisonError::into_inner);
    values.text()
}

impl Values {
    fn is_violated(&self, series: usize) -> bool {
        let place = (series + self.series - self.first_violated) % self.series.max(1);
        place < self.violated
    }

    fn text(&self) -> String {
        let mut text = format!("# TYPE {METRIC} gauge\n");
        for series in 0..self.series {
            let ms = if self.is_violated(series) { 5 * BOUND_MS } else { 0 };
            // To write to a string cannot fail.
            let _ = writeln!(text, "{METRIC}{{service=\"{}\"}} {ms}.25", service(series));
        }
        text
    }
}

/// What the critical service of a series is called.
pub(crate) fn service(series: usize) -> String {
    format!("service-{series:05}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_as_asked_for_are_too_high_wherever_they_begin() {
        for first_violated in [0, 3, 48, 49] {
            let values = Values { series: 50, first_violated, violated: 5 };
            let high = (0..50).filter(|series| values.is_violated(*series)).count();
            assert_eq!(high, 5, "{first_violated}");
            assert!(values.is_violated(first_violated));
            assert_eq!(values.text().matches(" 5.25\n").count(), 5);
        }
    }
}
