use super::error::QueryError;
use super::metrics::QueryMetrics;
use crate::serve::Readiness;
use flow_control::{Finite, Moment};
use std::sync::{Mutex, MutexGuard, PoisonError};

const PART: &str = "prometheus";

/// Whether the source answers: told to `/readyz`, the metric and the log.
pub(super) struct Health {
    readiness: Readiness,
    metrics: QueryMetrics,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// When the last answer came.
    answered: Option<Moment>,
    failing: bool,
}

impl Health {
    pub(super) fn new(readiness: Readiness, metrics: QueryMetrics) -> Self {
        Self { readiness, metrics, state: Mutex::default() }
    }

    /// Learns from the answer that came `now` to a request of the moment `sent`.
    pub(super) fn learn(&self, sent: Moment, now: Moment, answer: &Result<Finite, QueryError>) {
        let mut state = self.lock();
        match answer {
            Err(error) if error.is_source_down() => state.failed(sent, error, self),
            _ => state.answered(now, self),
        }
    }

    /// Forgets what was, since nothing is asked any more.
    pub(super) fn rest(&self) {
        let mut state = self.lock();
        *state = State::default();
        self.readiness.done(PART);
        self.metrics.set_up(None);
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
            tracing::warn!(%error, "Prometheus fails");
        }
        health.readiness.wait(PART, error.to_string());
        health.metrics.set_up(Some(false));
    }

    fn answered(&mut self, now: Moment, health: &Health) {
        self.answered = Some(now);
        if std::mem::replace(&mut self.failing, false) {
            tracing::info!("Prometheus answers again");
        }
        health.readiness.done(PART);
        health.metrics.set_up(Some(true));
    }
}
