use crate::installation::LEADERLESS;
use flow_policy::FlowPolicy;
use flow_policy::condition::{
    ENFORCED_IN_FORCE, ENFORCED_NO_PODS, ENFORCED_NOT_NEEDED, ENFORCED_NOT_VERIFIED, Entry,
};
use flow_policy::spec::Mode;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use serde::Serialize;

/// Whether a policy does its work.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Verdict {
    /// It does.
    pub ready: bool,
    /// What is missing, if it does not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub missing: Option<String>,
    /// What the operator says of it.
    pub conditions: Vec<Condition>,
}

impl Verdict {
    /// Whether `policy` does its work, as far as the operator has told, unless that `is_leaderless`.
    #[must_use]
    pub fn of(policy: &FlowPolicy, is_leaderless: bool) -> Self {
        let missing = if is_leaderless { Some(LEADERLESS.to_owned()) } else { missing(policy) };
        let conditions = policy.status.iter().flat_map(|status| status.conditions.clone()).collect();
        Self { ready: missing.is_none(), missing, conditions }
    }
}

fn missing(policy: &FlowPolicy) -> Option<String> {
    let status = policy.status.as_ref();
    let observed = status.and_then(|status| status.observed_generation);
    if observed.is_none() || observed != policy.metadata.generation {
        return Some("the operator has told nothing of the spec as it is now".to_owned());
    }
    let find = |type_: &str| {
        let mut conditions = status.iter().flat_map(|status| &status.conditions);
        conditions.find(|condition| condition.type_ == type_)
    };
    lacking(find("Ready"), "Ready", is_true).or_else(|| match policy.spec.mode {
        Mode::Enforce => lacking(find("Enforced"), "Enforced", is_enforced),
        Mode::Observe => None,
    })
}

fn lacking(found: Option<&Condition>, type_: &str, is_enough: impl Fn(&Condition) -> bool) -> Option<String> {
    let Some(condition) = found else { return Some(format!("nothing is said of {type_}")) };
    let Condition { status, reason, .. } = condition;
    (!is_enough(condition)).then(|| format!("{type_} is {status}, {reason}"))
}

fn is_true(condition: &Condition) -> bool {
    condition.status == "True"
}

/// Whether limits are in force, or there is nothing to wait for.
fn is_enforced(condition: &Condition) -> bool {
    let enough = [ENFORCED_IN_FORCE, ENFORCED_NO_PODS, ENFORCED_NOT_NEEDED, ENFORCED_NOT_VERIFIED];
    Entry::of(condition).is_some_and(|entry| enough.contains(&entry))
}
