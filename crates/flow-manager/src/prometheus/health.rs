use super::error::QueryError;
use super::metrics::SourceMetrics;
use super::sources::DEFAULT_SOURCE;
use crate::serve::Readiness;
use flow_control::Moment;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Whether a source answers: told to `/readyz`, the metric and the log.
pub(super) struct Health {
    source: String,
    readiness: Readiness,
    metrics: SourceMetrics,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// When the last answer came.
    answered: Option<Moment>,
    failing: bool,
}

impl Health {
    pub(super) fn new(source: &str, readiness: Readiness, metrics: SourceMetrics) -> Self {
        Self { source: source.to_owned(), readiness, metrics, state: Mutex::default() }
    }

    /// Learns from what came `now` of a request of the moment `sent`: an answer, or an error.
    pub(super) fn learn(&self, sent: Moment, now: Moment, error: Option<&QueryError>) {
        let mut state = self.lock();
        match error {
            Some(error) if error.is_source_down() => state.failed(sent, error, self),
            _ => state.answered(now, self),
        }
    }

    /// Forgets what was, since nothing is asked any more.
    pub(super) fn rest(&self) {
        let mut state = self.lock();
        *state = State::default();
        self.readiness.done(&self.part());
        self.metrics.set_up(None);
    }

    /// What the source is called in `/readyz`.
    fn part(&self) -> String {
        match self.source.as_str() {
            DEFAULT_SOURCE => "prometheus".to_owned(),
            other => format!("prometheus/{other}"),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn failed(&mut self, sent: Moment, error: &QueryError, health: &Health) {
        // If others were answered meanwhile, it is this one query that is too heavy.
        if self.answered.is_some_and(|answered| answered > sent) {
            return;
        }
        if !std::mem::replace(&mut self.failing, true) {
            tracing::warn!(source = health.source, %error, "Prometheus fails");
        }
        health.readiness.wait(health.part(), error.to_string());
        health.metrics.set_up(Some(false));
    }

    fn answered(&mut self, now: Moment, health: &Health) {
        self.answered = Some(now);
        if std::mem::replace(&mut self.failing, false) {
            tracing::info!(source = health.source, "Prometheus answers again");
        }
        health.readiness.done(&health.part());
        health.metrics.set_up(Some(true));
    }
}
