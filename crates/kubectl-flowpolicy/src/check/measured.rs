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

fn of_policy(view: &PolicyView) -> Vec<Check> {
    let objectives = view.policy.iter().flat_map(|policy| &policy.objectives);
    let told = view.status().objectives;
    let of = |objective: &Objective| {
        let status = told.iter().find(|status| status.name == objective.name)?;
        Some(judge(&format!("{} {}", view.name(), objective.name), objective, status))
    };
    objectives.filter_map(of).collect()
}

fn judge(name: &str, objective: &Objective, status: &ObjectiveStatus) -> Check {
    if status.state != ObjectiveState::Unknown {
        return Check::passed(format!("{name} is measured"));
    }
    // What is only watched holds up nothing.
    let outcome = if objective.role == Role::Control { Outcome::Failed } else { Outcome::Warning };
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
    fn what_is_not_measured_fails_with_the_operators_reason_unless_it_is_only_watched() {
        let silent = |policy: &mut serde_json::Value| {
            policy["status"]["objectives"][0]["state"] = json!("Unknown");
            policy["status"]["objectives"][0]["message"] = json!("no answer");
        };
        let [found] = checks(changed(silent)).try_into().unwrap();
        assert_eq!(found.outcome, Outcome::Failed);
        assert_eq!(found.found, "factory/robot command-jitter is not measured: no answer");
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
