use super::Backtest;
use super::bounds::{Alternative, Alternatives};
use super::episodes::{longest, total};
use super::replay::Throttled;
use super::text::UNKNOWABLE;
use crate::chart::count;
use flow_manager::report::{action_word, reason_word};
use serde_json::{Value, json};

/// What came of a backtest, for programs. Times are in seconds.
pub(super) fn answer(backtest: &Backtest) -> Value {
    let (past, replay) = (&backtest.past, &backtest.replay);
    let objectives = 0..backtest.manifest.policy.objectives.len();
    json!({
        "policy": backtest.manifest.name(),
        "from": past.from_s,
        "stepSeconds": past.step_s(),
        "steps": past.steps(),
        "objectives": objectives.filter_map(|position| objective(backtest, position)).collect::<Vec<_>>(),
        "throttledShare": replay.throttled_share(),
        "changes": replay.changes,
        "throttled": replay.throttled.iter().map(|it| throttled(backtest, it)).collect::<Vec<_>>(),
        "bounds": backtest.alternatives.iter().filter_map(|it| bounds(backtest, it)).collect::<Vec<_>>(),
        "cannotKnow": UNKNOWABLE,
    })
}

fn objective(backtest: &Backtest, position: usize) -> Option<Value> {
    let (objective, series) = (backtest.objective(position)?, backtest.past.series.get(position)?);
    let (violated, step_s) = (backtest.replay.violated.get(position)?, backtest.past.step_s());
    Some(json!({
        "name": objective.name,
        "bound": objective.indicator.show_bound(objective.bound),
        "query": series.query,
        "violatedSeconds": count(total(violated)) * step_s,
        "violations": violated.len(),
        "longestViolationSeconds": count(longest(violated)) * step_s,
        "unknownSeconds": count(*backtest.replay.unknown.get(position)?) * step_s,
    }))
}

fn throttled(backtest: &Backtest, throttled: &Throttled) -> Value {
    let Throttled { during, left, lowest, decision } = throttled;
    let name = decision.objective.and_then(|position| Some(&backtest.objective(position)?.name));
    json!({
        "from": backtest.at(during.from),
        "seconds": count(during.steps) * backtest.past.step_s(),
        "leftShare": left,
        "lowestLimit": lowest.to_string(),
        "action": action_word(decision.action),
        "reason": reason_word(decision.reason),
        "objective": name,
    })
}

fn bounds(backtest: &Backtest, alternatives: &Alternatives) -> Option<Value> {
    let objective = backtest.objective(alternatives.objective)?;
    let row = |it: &Alternative| {
        json!({
            "bound": objective.indicator.show_bound(it.bound),
            "isPresent": it.is_present,
            "violatedShare": it.violated_share,
            "violations": it.times,
            "longestViolationSeconds": count(it.longest) * backtest.past.step_s(),
        })
    };
    Some(
        json!({"objective": objective.name, "bounds": alternatives.bounds.iter().map(row).collect::<Vec<_>>()}),
    )
}
