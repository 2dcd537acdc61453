use super::report::{Check, Outcome};
use crate::policies::{PolicyView, Seen};
use flow_control::Role;
use flow_policy::status::{ObjectiveState, ObjectiveStatus};
use flow_policy::{Objective, Source};

const DOCUMENTATION: &str = "docs/how-to/debug.md#nodata";

/// Each objective is measured: its probes are answered, or its query returns one fresh value, as the operator tells.
pub(super) fn check(seen: &Seen) -> Vec<Check> {
    seen.policies.iter().filter(|policy| policy.is_current()).flat_map(of_policy).collect()
}

/// Whether an objective that decides is not measured.
pub(super) fn is_missing(view: &PolicyView) -> bool {
    told(view).iter().any(|(objective, status)| is_unknown(status) && objective.role == Role::Control)
}

/// The objectives of which the operator has told.
fn told(view: &PolicyView) -> Vec<(&Objective, ObjectiveStatus)> {
    let objectives = view.policy.iter().flat_map(|policy| &policy.objectives);
    let all = view.status().objectives;
    let told = |objective: &Objective| all.iter().find(|status| status.name == objective.name).cloned();
    objectives.filter_map(|objective| Some((objective, told(objective)?))).collect()
}

fn is_unknown(status: &ObjectiveStatus) -> bool {
    status.state == ObjectiveState::Unknown
}

fn of_policy(view: &PolicyView) -> Vec<Check> {
    let is_starting = view.condition("Ready").is_some_and(|ready| ready.reason == "Starting");
    let judge = |(objective, status): &(&Objective, ObjectiveStatus)| {
        judge(&format!("{} {}", view.name(), objective.name), objective, status, is_starting)
    };
    told(view).iter().map(judge).collect()
}

fn judge(name: &str, objective: &Objective, status: &ObjectiveStatus, is_starting: bool) -> Check {
    if !is_unknown(status) {
        return Check::passed(format!("{name} is measured"));
    }
    let outcome = match objective.role {
        Role::Control if is_starting => Outcome::Unknown,
        Role::Control => Outcome::Failed,
        // It holds up nothing.
        Role::Watch => Outcome::Warning,
    };
    let why = status.message.as_deref().unwrap_or("nothing was told yet");
    let hint = match &objective.source {
        Source::Probe(_) => "is there a reflector, and do network policies let probes through?",
        Source::Prometheus { .. } => "ask the same of Prometheus",
    };
    Check::otherwise(outcome, format!("{name} is not measured: {why}"), hint, DOCUMENTATION)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policies::fixture::{changed, violated};
    use serde_json::json;

    fn checks(policy: PolicyView) -> Vec<Check> {
        check(&Seen { policies: vec![policy] })
    }

    #[test]
    fn what_is_measured_passes_whatever_it_reads() {
        assert_eq!(checks(violated()), [Check::passed("factory/robot command-jitter is measured")]);
    }

    #[test]
    fn what_is_not_measured_fails_with_the_operators_reason_unless_it_starts_or_is_only_watched() {
        let silent = |policy: &mut serde_json::Value| {
            policy["status"]["objectives"][0]["state"] = json!("Unknown");
            policy["status"]["objectives"][0]["message"] = json!("no answer");
        };
        let [found] = checks(changed(silent)).try_into().unwrap();
        assert_eq!(found.outcome, Outcome::Failed);
        assert_eq!(found.found, "factory/robot command-jitter is not measured: no answer");
        let starting = changed(|policy| {
            silent(policy);
            policy["status"]["conditions"][1]["reason"] = json!("Starting");
        });
        assert_eq!(checks(starting)[0].outcome, Outcome::Unknown);
        let watched = changed(|policy| {
            silent(policy);
            let objectives = policy["spec"]["objectives"].as_array_mut().unwrap();
            let mut other = objectives[0].clone();
            other["name"] = json!("other");
            objectives[0]["role"] = json!("Watch");
            objectives.push(other);
        });
        assert_eq!(checks(watched)[0].outcome, Outcome::Warning);
    }
}
