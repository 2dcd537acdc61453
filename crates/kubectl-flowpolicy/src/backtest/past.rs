use flow_control::{Reading, Unknown};
use std::time::Duration;

/// What objectives read, step by step.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Past {
    /// The first step, in seconds since 1970.
    pub(super) from_s: f64,
    /// The time from one step to the next.
    pub(super) step: Duration,
    /// Of each objective, in the order of the policy.
    pub(super) series: Vec<Series>,
}

/// What one objective reads.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Series {
    /// At each step.
    pub(super) readings: Vec<Reading>,
    /// How far back each value looks.
    pub(super) window: Duration,
    /// What Prometheus was asked.
    pub(super) query: String,
}

impl Past {
    /// The number of steps.
    pub(super) fn steps(&self) -> usize {
        self.series.iter().map(|series| series.readings.len()).max().unwrap_or_default()
    }

    pub(super) fn step_s(&self) -> f64 {
        self.step.as_secs_f64()
    }

    /// How long it is, in seconds.
    pub(super) fn length_s(&self) -> f64 {
        crate::chart::count(self.steps()) * self.step_s()
    }

    /// What an objective reads at a step.
    pub(super) fn reading(&self, objective: usize, step: usize) -> Reading {
        let series = self.series.get(objective);
        series.and_then(|series| series.readings.get(step).copied()).unwrap_or(Err(Unknown::NoSeries))
    }
}
