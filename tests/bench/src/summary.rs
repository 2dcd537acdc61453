//! The few figures by which a version is compared with another.

use crate::figures::Figures;
use crate::plan::{Contender, Scenario};
use crate::statistics::quantile;
use flow_e2e::statistics::median;
use serde::Serialize;
use serde_json::Value;

/// See the module. `None`: not measured, or nothing to divide by.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Summary {
    /// The violation ratio of ours in units of that of the predecessor with rollouts, in the same repetition; the median.
    pub(crate) violation_ratio_fixed: Option<f64>,
    pub(crate) violation_ratio_fixed_strict: Option<f64>,
    pub(crate) violation_ratio_varying: Option<f64>,
    pub(crate) violation_ratio_varying_strict: Option<f64>,
    /// The goodput of ours in units of that of the best fixed limit, in the same repetition; the median.
    pub(crate) goodput_share_fixed: Option<f64>,
    /// The same in units of that of the oracle.
    pub(crate) goodput_share_varying: Option<f64>,
    pub(crate) reaction_ms: ReactionSummary,
    pub(crate) ineffective_s: Option<f64>,
    pub(crate) goodput_share_fault: Option<f64>,
    pub(crate) limit_cv_fixed: Option<f64>,
    pub(crate) writes_per_min: WritesSummary,
    /// Of ours, in all its runs together.
    pub(crate) pod_restarts: usize,
    /// What `target/bench/step.json` says of the time that a decision takes.
    pub(crate) decision_ns: Value,
}

/// Over all events of the scenarios `fixed` and `varying`, of ours; in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct ReactionSummary {
    pub(crate) p50: Option<f64>,
    pub(crate) p95: Option<f64>,
    /// The median of ours by Prometheus.
    pub(crate) prometheus_p50: Option<f64>,
    /// The median of ours in the mode Strict.
    pub(crate) strict_p50: Option<f64>,
    /// How many events there were for `p50` and `p95`.
    pub(crate) events: usize,
}

/// Of each pod, once settled, of ours.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct WritesSummary {
    pub(crate) fixed: Option<f64>,
    pub(crate) varying: Option<f64>,
}

impl Summary {
    /// Of all runs.
    pub(crate) fn of(runs: &[Figures], decision_ns: Value) -> Self {
        use Contender::{Ours, OursPrometheus, OursStrict};
        use Scenario::{Fault, Fixed, Settled, SettledVarying, Varying};
        let middle = |scenario, figure: fn(&Figures) -> Option<f64>| {
            median(&all(runs, scenario, Ours).filter_map(figure).collect::<Vec<_>>())
        };
        let events = reactions_ms(runs, Ours);
        Self {
            violation_ratio_fixed: violations(runs, Fixed, Ours),
            violation_ratio_fixed_strict: violations(runs, Fixed, OursStrict),
            violation_ratio_varying: violations(runs, Varying, Ours),
            violation_ratio_varying_strict: violations(runs, Varying, OursStrict),
            goodput_share_fixed: relative(runs, Fixed, Ours, Contender::BestFixed, |run| run.goodput_mbps),
            goodput_share_varying: middle(Varying, |run| quotient(run.goodput_mbps, run.oracle_mbps)),
            reaction_ms: ReactionSummary {
                p50: quantile(&events, 500),
                p95: quantile(&events, 950),
                prometheus_p50: quantile(&reactions_ms(runs, OursPrometheus), 500),
                strict_p50: quantile(&reactions_ms(runs, OursStrict), 500),
                events: events.len(),
            },
            ineffective_s: middle(Fault, |run| run.fault?.ineffective_s),
            goodput_share_fault: middle(Fault, |run| Some(run.fault?.goodput_share)),
            limit_cv_fixed: middle(Settled, |run| run.limit_cv),
            writes_per_min: WritesSummary {
                fixed: middle(Settled, |run| Some(run.writes_per_min_each)),
                varying: middle(SettledVarying, |run| Some(run.writes_per_min_each)),
            },
            pod_restarts: runs.iter().filter(|run| run.contender == Ours).map(|run| run.pod_restarts).sum(),
            decision_ns,
        }
    }
}

/// The runs of a contender.
pub(crate) fn all(
    runs: &[Figures],
    scenario: Scenario,
    contender: Contender,
) -> impl Iterator<Item = &Figures> {
    runs.iter().filter(move |run| run.scenario == scenario && run.contender == contender)
}

/// How long a contender took for each event, in all runs of `fixed` and `varying`.
pub(crate) fn reactions_ms(runs: &[Figures], contender: Contender) -> Vec<f64> {
    let of =
        |scenario| all(runs, scenario, contender).flat_map(|run| &run.reactions).map(|reaction| reaction.ms);
    of(Scenario::Fixed).chain(of(Scenario::Varying)).collect()
}

fn violations(runs: &[Figures], scenario: Scenario, contender: Contender) -> Option<f64> {
    relative(runs, scenario, contender, Contender::PredecessorRollout, |run| run.violation_ratio)
}

/// The median over the repetitions of a figure of `one` in units of that of `other`.
fn relative(
    runs: &[Figures],
    scenario: Scenario,
    one: Contender,
    other: Contender,
    figure: fn(&Figures) -> f64,
) -> Option<f64> {
    let of_repetition = |run: &Figures| {
        let same = all(runs, scenario, other).find(|same| same.repetition == run.repetition)?;
        quotient(figure(run), figure(same))
    };
    median(&all(runs, scenario, one).filter_map(of_repetition).collect::<Vec<_>>())
}

fn quotient(one: f64, other: f64) -> Option<f64> {
    (other > 0.0).then(|| one / other)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::figures::FaultFigures;
    use crate::plan::Plan;
    use crate::reaction::{Event, Reaction};
    use crate::recording::Recording;

    /// A run with these figures.
    pub(crate) fn run(
        scenario: Scenario,
        contender: Contender,
        repetition: u32,
        violation_ratio: f64,
        goodput_mbps: f64,
    ) -> Figures {
        let figures = Figures::of(&Plan::of(scenario, contender, repetition), &Recording::default());
        Figures { violation_ratio, goodput_mbps, oracle_mbps: 60.0, ..figures }
    }

    fn reaction(ms: f64) -> Reaction {
        Reaction { event: Event::TrafficStart, at_s: 0.0, onset_s: 0.1, ms, reacted: true }
    }

    #[test]
    fn each_repetition_is_compared_with_itself_and_the_middle_one_counts() {
        use Contender::{BestFixed, Ours, PredecessorRollout};
        let of = |repetition, ours, theirs| {
            [
                run(Scenario::Fixed, Ours, repetition, ours, 90.0),
                run(Scenario::Fixed, PredecessorRollout, repetition, theirs, 50.0),
                run(Scenario::Fixed, BestFixed, repetition, 0.0, 100.0),
            ]
        };
        let runs = [of(0, 0.1, 0.2), of(1, 0.1, 1.0), of(2, 0.3, 0.4)].concat();
        let summary = Summary::of(&runs, Value::Null);
        assert_eq!(summary.violation_ratio_fixed, Some(0.5));
        assert_eq!(summary.goodput_share_fixed, Some(0.9));
        assert_eq!((summary.violation_ratio_varying, summary.violation_ratio_fixed_strict), (None, None));
    }

    #[test]
    fn nothing_is_divided_by_zero() {
        let runs = [
            run(Scenario::Fixed, Contender::Ours, 0, 0.1, 90.0),
            run(Scenario::Fixed, Contender::PredecessorRollout, 0, 0.0, 50.0),
        ];
        assert_eq!(Summary::of(&runs, Value::Null).violation_ratio_fixed, None);
    }

    #[test]
    fn reactions_are_those_of_the_compared_scenarios_and_the_rest_has_a_scenario_of_its_own() {
        let with = |scenario, contender, ms: &[f64]| Figures {
            reactions: ms.iter().copied().map(reaction).collect(),
            limit_cv: Some(0.03),
            writes_per_min_each: 4.0,
            pod_restarts: 1,
            fault: Some(FaultFigures {
                ineffective_s: Some(5.0),
                goodput_before_mbps: 30.0,
                goodput_during_mbps: 27.0,
                goodput_share: 0.9,
            }),
            ..run(scenario, contender, 0, 0.0, 48.0)
        };
        let runs = [
            with(Scenario::Fixed, Contender::Ours, &[100.0]),
            with(Scenario::Varying, Contender::Ours, &[200.0, 300.0]),
            with(Scenario::Udp, Contender::Ours, &[9_000.0]),
            with(Scenario::Fixed, Contender::OursPrometheus, &[4_000.0]),
            with(Scenario::Fault, Contender::Ours, &[]),
            with(Scenario::Settled, Contender::Ours, &[]),
        ];
        let summary = Summary::of(&runs, Value::from(250));
        let reaction = summary.reaction_ms;
        assert_eq!((reaction.p50, reaction.p95, reaction.events), (Some(200.0), Some(300.0), 3));
        assert_eq!((reaction.prometheus_p50, reaction.strict_p50), (Some(4_000.0), None));
        assert_eq!((summary.ineffective_s, summary.goodput_share_fault), (Some(5.0), Some(0.9)));
        assert_eq!((summary.limit_cv_fixed, summary.writes_per_min.fixed), (Some(0.03), Some(4.0)));
        assert_eq!((summary.writes_per_min.varying, summary.pod_restarts), (None, 5));
        assert_eq!((summary.goodput_share_varying, summary.decision_ns), (Some(0.8), Value::from(250)));
    }
}
