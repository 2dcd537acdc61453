use super::report::{Check, Outcome};
use crate::policies::{PolicyView, Seen};
use flow_policy::condition::Entry;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

const DOCUMENTATION: &str = "docs/status.md#conditions";

/// Every policy does its work, as its status says. A violated objective is no failure: it is what policies are for.
pub(super) fn check(seen: &Seen) -> Vec<Check> {
    if seen.policies.is_empty() {
        return vec![Check::passed("there are no policies yet")];
    }
    seen.policies.iter().flat_map(of_policy).collect()
}

fn of_policy(policy: &PolicyView) -> Vec<Check> {
    let name = policy.name();
    if !policy.is_current() {
        let found = format!("{name}: the operator has told nothing of the spec as it is now");
        return vec![Check::otherwise(
            Outcome::Failed,
            found,
            "wait some seconds; else see the controller",
            "docs/operating.md#health",
        )];
    }
    let conditions = policy.status().conditions;
    let wrong: Vec<_> = conditions.iter().filter_map(|condition| judge(&name, condition)).collect();
    if wrong.is_empty() { vec![Check::passed(format!("{name} does its work"))] } else { wrong }
}

fn judge(name: &str, condition: &Condition) -> Option<Check> {
    let Condition { type_, status, reason, message, .. } = condition;
    let outcome = match (type_.as_str(), status.as_str(), reason.as_str()) {
        ("Accepted" | "Ready", "False", _) | ("Enforced", "False", "NotInForce") => Outcome::Failed,
        ("Ready", "Unknown", _) | ("Enforced", "Unknown", "NotVerified") => Outcome::Unknown,
        ("Paused" | "Ineffective", "True", _) => Outcome::Warning,
        _ => return None,
    };
    let remedy = Entry::of(condition).map_or("", Entry::remedy);
    Some(Check::otherwise(outcome, format!("{name}: {type_} is {status}: {message}"), remedy, DOCUMENTATION))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policies::fixture::{changed, violated};
    use serde_json::json;

    fn outcomes(policy: PolicyView) -> Vec<Outcome> {
        check(&Seen { policies: vec![policy] }).iter().map(|check| check.outcome).collect()
    }

    #[test]
    fn a_violated_objective_is_no_failure() {
        assert_eq!(outcomes(violated()), [Outcome::Passed]);
    }

    #[test]
    fn what_keeps_a_policy_from_its_work_is() {
        let not_in_force = changed(|policy| {
            policy["status"]["conditions"][3]["status"] = json!("False");
            policy["status"]["conditions"][3]["reason"] = json!("NotInForce");
        });
        assert_eq!(outcomes(not_in_force), [Outcome::Failed]);
        let unseen = changed(|policy| policy["metadata"]["generation"] = json!(2));
        assert_eq!(outcomes(unseen), [Outcome::Failed]);
    }
}
