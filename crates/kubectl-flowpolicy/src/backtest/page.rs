//! What came of a backtest, as a page.

use super::Backtest;
use super::bounds::{Alternative, Alternatives};
use super::episodes::{longest, total};
use super::replay::Throttled;
use super::text::{UNKNOWABLE, percent};
use super::times::{length, minute};
use crate::chart::count;
use crate::reasons;
use crate::terminal::number;
use flow_control::{Bandwidth, Finite};
use flow_manager::history::{Ends, is_worse, mode_word, unit};
use flow_manager::report::{action_word, reason_word};
use flow_page::{Mark, ObjectiveHistory, Page, PolicyHistory, Series, State, Table, TargetHistory};
use flow_policy::{Objective, show};

/// Of at most so many parts of the time, the worst of each is shown.
const PARTS: usize = 1_000;

/// The page.
pub(super) fn page(backtest: &Backtest) -> Page {
    let past = &backtest.past;
    let (from, to) = (minute(past.from_s), minute(past.from_s + past.length_s()));
    let step = length(past.step_s());
    let metadata = &backtest.manifest.written.metadata;
    let namespace = metadata.namespace.clone().unwrap_or_default();
    let name = backtest.manifest.name().to_owned();
    let of = if namespace.is_empty() { name.clone() } else { format!("{namespace}/{name}") };
    let alternatives = backtest.alternatives.iter();
    Page {
        title: format!("Backtest of {of}"),
        note: Some(format!("{from} to {to} UTC, a value each {step}. {UNKNOWABLE}")),
        at: milliseconds(past.from_s + past.length_s()),
        policies: vec![policy(backtest, namespace, name)],
        tables: std::iter::once(summary(backtest))
            .chain(alternatives.filter_map(|alternatives| bounds(backtest, alternatives)))
            .collect(),
    }
}

fn policy(backtest: &Backtest, namespace: String, name: String) -> PolicyHistory {
    let policy = &backtest.manifest.policy;
    let positions = 0..policy.objectives.len();
    let states = positions.map(|position| state(backtest, position));
    let objectives = policy.objectives.iter().enumerate();
    let targets = policy.targets.iter().zip(&backtest.replay.limits);
    PolicyHistory {
        namespace,
        name,
        mode: mode_word(policy.mode).to_owned(),
        state: states.min().unwrap_or(State::Unknown),
        why: why(backtest),
        holding: None,
        failed: None,
        since: None,
        objectives: objectives.map(|(position, it)| objective(backtest, position, it)).collect(),
        targets: targets
            .map(|(target, limits)| self::target(backtest, target.id.to_string(), limits))
            .collect(),
        decisions: backtest.replay.throttled.iter().map(|throttled| mark(backtest, throttled)).collect(),
    }
}

fn why(backtest: &Backtest) -> String {
    let replay = &backtest.replay;
    let violated: usize = replay.violated.iter().map(|all| total(all)).sum();
    format!(
        "Limits would have been lower {}, {} of the time; objectives were violated for {} together.",
        number(replay.throttled.len(), "time", "times"),
        percent(replay.throttled_share()),
        backtest.length(violated),
    )
}

/// How an objective stood over the whole time.
fn state(backtest: &Backtest, position: usize) -> State {
    let is_violated = backtest.replay.violated.get(position).is_some_and(|all| !all.is_empty());
    let unknown = backtest.replay.unknown.get(position).copied().unwrap_or_default();
    match (is_violated, unknown == backtest.past.steps()) {
        (true, _) => State::Violated,
        (false, true) => State::Unknown,
        (false, false) => State::Met,
    }
}

fn objective(backtest: &Backtest, position: usize, objective: &Objective) -> ObjectiveHistory {
    let readings = (0..backtest.past.steps()).map(|step| backtest.past.reading(position, step).ok());
    let Ends { bound, at_least, other_bound } = Ends::of(objective.bound, readings.clone().flatten().last());
    let worse = |one, other| if is_worse(objective.bound, other, one) { other } else { one };
    ObjectiveHistory {
        name: objective.name.clone(),
        unit: unit(objective.indicator),
        bound,
        at_least,
        other_bound,
        state: state(backtest, position),
        measured: None,
        queue: None,
        values: series(backtest, readings.map(|reading| reading.map(Finite::get)), worse),
    }
}

/// A target, whose pods and what they sent nobody remembers.
fn target(backtest: &Backtest, name: String, limits: &[Bandwidth]) -> TargetHistory {
    let limits = limits.iter().map(|limit| Some(limit.bps_f64()));
    TargetHistory {
        name,
        pods: 0,
        enforced: 0,
        limit_each_pod: false,
        too_much: None,
        goal: None,
        known_good: None,
        counts: Vec::new(),
        limit: series(backtest, limits, f64::min),
        sent: Series::default(),
    }
}

fn mark(backtest: &Backtest, throttled: &Throttled) -> Mark {
    let Throttled { during, left, lowest, decision } = throttled;
    let name = decision.objective.and_then(|position| backtest.objective(position));
    let name = name.map(|objective| format!(" [{}]", objective.name)).unwrap_or_default();
    let (why, lasted) = (reasons::why(decision.reason), backtest.length(during.steps));
    let lowest = show::bandwidth(*lowest);
    Mark {
        at: milliseconds(backtest.at(during.from)),
        decision: action_word(decision.action).to_owned(),
        reason: reason_word(decision.reason).to_owned(),
        message: format!("{why}{name}; lower for {lasted}, down to {:.0} % ({lowest})", left * 100.0),
    }
}

/// As many steps as a screen can show; each has the worst of those that it stands for.
fn series(
    backtest: &Backtest,
    values: impl Iterator<Item = Option<f64>>,
    worse: impl Fn(f64, f64) -> f64,
) -> Series {
    let values: Vec<_> = values.collect();
    let together = values.len().div_ceil(PARTS).max(1);
    let of_part = |part: &[Option<f64>]| part.iter().flatten().copied().reduce(&worse);
    Series {
        start: milliseconds(backtest.past.from_s),
        step: milliseconds(backtest.past.step_s() * count(together)),
        values: values.chunks(together).map(of_part).collect(),
    }
}

fn summary(backtest: &Backtest) -> Table {
    let row = |(position, objective): (usize, &Objective)| {
        let violated = backtest.replay.violated.get(position).map(Vec::as_slice).unwrap_or_default();
        let unknown = backtest.replay.unknown.get(position).copied().unwrap_or_default();
        let steps = backtest.past.steps();
        let known = steps.saturating_sub(unknown).max(1);
        vec![
            format!("{} {}", objective.name, objective.indicator.show_bound(objective.bound)),
            percent(count(total(violated)) / count(known)),
            violated.len().to_string(),
            backtest.length(longest(violated)),
            percent(count(unknown) / count(steps.max(1))),
        ]
    };
    Table {
        title: "Objectives".to_owned(),
        columns: heads(["objective", "violated", "times", "longest", "unknown"]),
        rows: backtest.manifest.policy.objectives.iter().enumerate().map(row).collect(),
    }
}

fn bounds(backtest: &Backtest, alternatives: &Alternatives) -> Option<Table> {
    let objective = backtest.objective(alternatives.objective)?;
    let row = |it: &Alternative| {
        let present = if it.is_present { " (as it is)" } else { "" };
        vec![
            format!("{}{present}", objective.indicator.show_bound(it.bound)),
            percent(it.violated_share),
            it.times.to_string(),
            backtest.length(it.longest),
        ]
    };
    Some(Table {
        title: format!("Other bounds of {}", objective.name),
        columns: heads(["bound", "violated", "times", "longest"]),
        rows: alternatives.bounds.iter().map(row).collect(),
    })
}

fn heads<const COLUMNS: usize>(columns: [&str; COLUMNS]) -> Vec<String> {
    columns.into_iter().map(str::to_owned).collect()
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::as_conversions,
    reason = "a float is cut off at the ends of the integer's range"
)]
const fn milliseconds(seconds: f64) -> i64 {
    (seconds * 1e3) as i64
}

#[cfg(test)]
mod tests {
    use super::super::text::tests::backtest;
    use super::*;
    use flow_control::Bound;
    use flow_page::Unit;

    #[test]
    fn a_page_has_what_was_read_what_limits_would_have_been_and_why() {
        let page = page(&backtest());
        assert_eq!(page.title, "Backtest of mine");
        let policy = &page.policies[0];
        assert_eq!((policy.state, policy.mode.as_str()), (State::Violated, "Enforce"));
        assert_eq!(
            policy.why,
            "Limits would have been lower 1 time, 9.03 % of the time; objectives were violated for 2h together."
        );
        let [objective] = policy.objectives.as_slice() else { panic!("{:?}", policy.objectives) };
        assert_eq!((objective.unit, objective.bound, objective.at_least), (Unit::Number, 5.0, false));
        let mark = &policy.decisions[0];
        assert_eq!(mark.at, 1_700_021_600_000);
        assert_eq!(
            (mark.decision.as_str(), mark.reason.as_str(), mark.message.as_str()),
            (
                "Decrease",
                "ObjectiveViolated",
                "an objective is violated [depth]; lower for 2h 10m, down to 10 % (10M)"
            )
        );
    }

    #[test]
    fn steps_are_told_together_by_the_worst_of_them_and_the_unknown_stays_unknown() {
        let page = page(&backtest());
        let values = &page.policies[0].objectives[0].values;
        assert_eq!((values.start, values.step, values.values.len()), (1_700_000_000_000, 120_000, 720));
        assert_eq!(
            (values.values[179], values.values[180], values.values[600]),
            (Some(1.0), Some(9.0), None)
        );
        let target = &page.policies[0].targets[0];
        assert_eq!((target.limit.values[179], target.limit.values[180]), (Some(100e6), Some(10e6)));
        assert_eq!(target.sent.values, []);
    }

    #[test]
    fn what_other_bounds_would_have_meant_and_what_nobody_knows_is_told() {
        let page = page(&backtest());
        assert!(page.note.unwrap().ends_with(UNKNOWABLE));
        let titles: Vec<_> = page.tables.iter().map(|table| table.title.as_str()).collect();
        assert_eq!(titles, ["Objectives", "Other bounds of depth"]);
        assert_eq!(page.tables[0].rows, [["depth <= 5", "8.70 %", "1", "2h", "4.17 %"]]);
        assert!(page.tables[1].rows.contains(&heads(["<= 5 (as it is)", "8.70 %", "1", "2h"])));
    }

    #[test]
    fn what_is_bounded_from_both_sides_is_one_objective_with_both_ends() {
        let mut backtest = backtest();
        let finite = |number| Finite::new(number).unwrap();
        backtest.manifest.policy.objectives[0].bound = Bound::Within { min: finite(0.5), max: finite(5.0) };
        let page = page(&backtest);
        let [depth] = page.policies[0].objectives.as_slice() else { panic!("{:?}", page.policies[0]) };
        assert_eq!((depth.name.as_str(), depth.state), ("depth", State::Violated));
        assert_eq!((depth.bound, depth.at_least, depth.other_bound), (0.5, true, Some(5.0)));
        assert_eq!((depth.values.values[179], depth.values.values[180]), (Some(1.0), Some(9.0)));
    }
}
