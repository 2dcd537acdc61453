use super::Simulation;
use flow_manager::report::{action_word, reason_word};
use flow_model::Judged;
use flow_policy::Objective;
use serde_json::{Value, json};

/// What came of a simulation, for programs.
pub(super) fn answer(simulation: &Simulation) -> Value {
    let Simulation { manifest, scenario, simulated, outcome, best_mbps, .. } = simulation;
    let objectives = simulated.objectives.iter().zip(&outcome.judged);
    json!({
        "policy": manifest.name(),
        "scenario": {"name": scenario.name, "why": scenario.why},
        "objectives": objectives.map(objective).collect::<Vec<_>>(),
        "goodputMbps": outcome.figures.goodput_mbps,
        "bestGoodputMbps": best_mbps,
        "changesPerMinute": outcome.figures.changes_per_minute,
        "ineffectiveAfterSeconds": outcome.figures.ineffective_after,
        "changes": changes(simulation),
        "differences": simulated.differences,
    })
}

fn objective((objective, judged): (&Objective, &Judged)) -> Value {
    json!({
        "name": objective.name,
        "bound": objective.indicator.show_bound(objective.bound),
        "judgedSeconds": judged.seconds,
        "violatedSeconds": judged.broken,
    })
}

fn changes(simulation: &Simulation) -> Vec<Value> {
    let name = |position: usize| Some(&simulation.simulated.objectives.get(position)?.name);
    let change = |change: &super::course::Change| {
        let super::course::Change { at_s, decision, limit_mbps } = change;
        json!({
            "atSeconds": at_s,
            "action": action_word(decision.action),
            "reason": reason_word(decision.reason),
            "objective": decision.objective.and_then(name),
            "limitsTogetherMbps": limit_mbps,
        })
    };
    simulation.course.changes.iter().map(change).collect()
}
