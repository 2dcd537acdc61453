//! The content of `target/bench/report.json`.

use crate::figures::Figures;
use crate::plan::{BOUND_US, CRITICAL_MBPS, Contender, Scenario};
use crate::statistics::Spread;
use crate::summary::{Summary, all};
use flow_e2e::Machine;
use serde::Serialize;
use std::collections::BTreeMap;

/// See the module.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Report {
    /// Of flow-manager.
    pub(crate) version: String,
    pub(crate) revision: String,
    pub(crate) machine: Machine,
    pub(crate) repetitions: u32,
    pub(crate) bound_us: f64,
    /// What is taken off what the link carries for the critical flow.
    pub(crate) critical_mbps: f64,
    pub(crate) summary: Summary,
    /// Medians and ranges over the repetitions, by scenario, contender and figure.
    pub(crate) medians: BTreeMap<&'static str, BTreeMap<&'static str, BTreeMap<&'static str, Spread>>>,
    /// Each run that is compared.
    pub(crate) runs: Vec<Figures>,
    /// Each try of a fixed limit; the best one of a repetition is among the runs as well.
    pub(crate) sweeps: Vec<Figures>,
    /// Runs that broke, and why.
    pub(crate) failures: Vec<String>,
}

/// A figure that tables show.
pub(crate) struct Column {
    /// Its name in reports.
    pub(crate) key: &'static str,
    /// Its head in tables.
    pub(crate) head: &'static str,
    pub(crate) figure: fn(&Figures) -> Option<f64>,
    /// How many places it is shown with.
    pub(crate) places: usize,
    /// Whether a higher figure is the better one.
    pub(crate) more_is_better: bool,
}

const fn column(
    key: &'static str,
    head: &'static str,
    figure: fn(&Figures) -> Option<f64>,
    places: usize,
    more_is_better: bool,
) -> Column {
    Column { key, head, figure, places, more_is_better }
}

/// What is told of each run.
pub(crate) const COLUMNS: [Column; 7] = [
    column("violation_percent", "in violation, %", |run| Some(run.violation_ratio * 100.0), 1, false),
    column("goodput_mbps", "goodput, Mbit/s", |run| Some(run.goodput_mbps), 1, true),
    column("delay_p50_ms", "delay p50, ms", |run| run.delay_p50_us.map(|us| us / 1e3), 2, false),
    column("delay_p99_ms", "delay p99, ms", |run| run.delay_p99_us.map(|us| us / 1e3), 2, false),
    column("reaction_ms", "reaction, ms", reaction_ms, 0, false),
    column("writes_per_min_each", "writes/min", |run| Some(run.writes_per_min_each), 1, false),
    column("pod_restarts", "pods replaced", restarts, 0, false),
];

fn reaction_ms(run: &Figures) -> Option<f64> {
    let all: Vec<f64> = run.reactions.iter().map(|reaction| reaction.ms).collect();
    flow_e2e::statistics::median(&all)
}

fn restarts(run: &Figures) -> Option<f64> {
    u32::try_from(run.pod_restarts).ok().map(f64::from)
}

/// The median and the range of a figure over the repetitions.
pub(crate) fn spread(
    runs: &[Figures],
    scenario: Scenario,
    contender: Contender,
    column: &Column,
) -> Option<Spread> {
    Spread::of(&all(runs, scenario, contender).filter_map(column.figure).collect::<Vec<_>>())
}

impl Report {
    /// Of these runs, on this machine.
    pub(crate) fn new(results: Results, repetitions: u32, revision: String) -> Self {
        let decision_ns = crate::files::decision_ns();
        Self {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            revision,
            machine: Machine::this(),
            repetitions,
            bound_us: BOUND_US,
            critical_mbps: CRITICAL_MBPS,
            summary: Summary::of(&results.runs, decision_ns),
            medians: medians(&results.runs),
            runs: results.runs,
            sweeps: results.sweeps,
            failures: results.failures,
        }
    }
}

/// What came of all runs.
#[derive(Clone, Debug, Default)]
pub(crate) struct Results {
    pub(crate) runs: Vec<Figures>,
    pub(crate) sweeps: Vec<Figures>,
    pub(crate) failures: Vec<String>,
}

fn medians(
    runs: &[Figures],
) -> BTreeMap<&'static str, BTreeMap<&'static str, BTreeMap<&'static str, Spread>>> {
    let of = |scenario, contender| {
        let figures = COLUMNS
            .iter()
            .filter_map(|column| Some((column.key, spread(runs, scenario, contender, column)?)));
        figures.collect::<BTreeMap<_, _>>()
    };
    let of_scenario = |scenario| {
        let contenders = Contender::ALL.map(|contender| (contender.name(), of(scenario, contender)));
        contenders.into_iter().filter(|(_, figures)| !figures.is_empty()).collect::<BTreeMap<_, _>>()
    };
    let all = Scenario::ALL.map(|scenario| (scenario.name(), of_scenario(scenario)));
    all.into_iter().filter(|(_, contenders)| !contenders.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::summary::tests::run;

    #[test]
    fn medians_stand_by_scenario_contender_and_figure() {
        let of = |repetition, ratio| run(Scenario::Fixed, Contender::Ours, repetition, ratio, 80.0);
        let medians = medians(&[of(0, 0.1), of(1, 0.3), of(2, 0.2)]);
        assert_eq!(medians.keys().collect::<Vec<_>>(), [&"fixed"]);
        let ours = &medians["fixed"]["ours"];
        assert_eq!(ours["violation_percent"], Spread { median: 20.0, least: 10.0, most: 30.0 });
        assert!((ours["goodput_mbps"].median - 80.0).abs() < 1e-9 && !ours.contains_key("reaction_ms"));
    }
}
