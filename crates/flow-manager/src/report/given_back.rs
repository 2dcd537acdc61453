use super::status::whole_seconds;
use flow_policy::FlowPolicyStatus;
use flow_policy::condition::{
    ConditionType, ENFORCED_GIVEN_BACK, Finding, OBJECTIVES_MET_GIVEN_BACK, READY_GIVEN_BACK, merge,
};
use jiff::Timestamp;

/// The status of a policy whose limits are all given back at `now`, where it was `old` before: nobody works for it any
/// more, and none of what was measured or asked for holds. Whoever takes it up again writes another one.
#[must_use]
pub fn given_back(old: &FlowPolicyStatus, now: Timestamp) -> FlowPolicyStatus {
    let why = "every limit was given back, for flow-manager to be uninstalled";
    let rows = [READY_GIVEN_BACK, OBJECTIVES_MET_GIVEN_BACK, ENFORCED_GIVEN_BACK];
    let found = rows.map(|row| Finding::new(row, why));
    let generation = old.observed_generation;
    let of_spec = |type_: &str| type_ == ConditionType::Accepted.as_str();
    let accepted = old.conditions.iter().find(|condition| of_spec(&condition.type_)).cloned();
    let others = merge(&old.conditions, &found, generation, whole_seconds(now));
    FlowPolicyStatus {
        observed_generation: generation,
        conditions: accepted.into_iter().chain(others).collect(),
        last_decision: old.last_decision.clone(),
        ..FlowPolicyStatus::default()
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{at, cut};
    use super::super::{Standing, status};
    use super::*;
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

    #[test]
    fn nothing_is_left_that_says_a_limit_holds_and_saying_so_again_changes_nothing() {
        let before = status(&FlowPolicyStatus::default(), &Standing::Running(cut(412e-6, 80, 99)), at(100));
        let after = given_back(&before, at(200));
        let shown = |condition: &Condition| {
            let Condition { type_, status, reason, .. } = condition;
            format!("{type_} {status} {reason}")
        };
        assert_eq!(
            after.conditions.iter().map(shown).collect::<Vec<_>>(),
            [
                "Accepted True Valid",
                "Ready False GivenBack",
                "ObjectivesMet Unknown GivenBack",
                "Enforced False GivenBack"
            ]
        );
        assert_eq!((&after.limit, after.targets.len(), after.objectives.len()), (&None, 0, 0));
        assert_eq!(after.last_decision, before.last_decision, "what was done stays told");
        assert_eq!(given_back(&after, at(300)), after);
    }

    #[test]
    fn a_policy_that_is_taken_up_again_says_what_it_would_have_said() {
        let standing = Standing::Running(cut(412e-6, 80, 99));
        let first = status(&FlowPolicyStatus::default(), &standing, at(300));
        let again = status(&given_back(&first, at(200)), &standing, at(300));
        assert_eq!((again.limit, again.targets), (first.limit, first.targets));
    }
}
