use super::controller::NO_LEADER;
use super::measured;
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

/// The same while no controller leads: what their statuses say was true before, and says nothing of now.
pub(super) fn of_before(seen: &Seen) -> Vec<Check> {
    let judge = |policy: &PolicyView| {
        let found = format!("{}: what it says is of before, as no controller leads", policy.name());
        Check::otherwise(Outcome::Unknown, found, "", NO_LEADER)
    };
    seen.policies.iter().map(judge).collect()
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
    // What is not measured is told of each objective.
    let is_told = measured::is_missing(policy);
    let others = conditions.iter().filter(|condition| !(is_told && is_of_measurement(condition)));
    let wrong: Vec<_> = others.filter_map(|condition| judge(&name, condition)).collect();
    let is_well = wrong.is_empty() && !is_told;
    if is_well { vec![Check::passed(format!("{name} does its work"))] } else { wrong }
}

fn is_of_measurement(condition: &Condition) -> bool {
    condition.type_ == "Ready" && ["NoData", "Starting"].contains(&condition.reason.as_str())
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
    fn what_is_not_measured_is_told_of_the_objective_alone() {
        let silent = |policy: &mut serde_json::Value| {
            policy["status"]["conditions"][1]["status"] = json!("False");
            policy["status"]["conditions"][1]["reason"] = json!("NoData");
            policy["status"]["objectives"][0]["state"] = json!("Unknown");
        };
        assert_eq!(outcomes(changed(silent)), []);
        let lost = changed(|policy| {
            silent(policy);
            policy["status"]["conditions"][3]["status"] = json!("False");
            policy["status"]["conditions"][3]["reason"] = json!("NotInForce");
        });
        assert_eq!(outcomes(lost), [Outcome::Failed], "what else is wrong stays");
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
