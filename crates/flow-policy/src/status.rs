//! What the operator says about a policy: the status of a `FlowPolicy`.
//!
//! It is small and flat, since `kubectl describe` prints it as it is; samples belong in metrics.

use crate::spec::TargetKind;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The status of a policy.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
// Of no generation until the operator has seen the policy: kstatus takes an object without a status for ready.
#[schemars(extend("default" = std::collections::BTreeMap::from([("observedGeneration", -1)])))]
pub struct FlowPolicyStatus {
    /// The generation of the spec that this status speaks of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Accepted, Ready, `ObjectivesMet`, Enforced, and while abnormal Stalled, Paused and Ineffective.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"]))]
    pub conditions: Vec<Condition>,
    /// The lowest limit now asked for, over all targets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<String>,
    /// Who makes limits take effect.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backend: Option<String>,
    /// Each objective as it was at the last change of its state.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"]))]
    pub objectives: Vec<ObjectiveStatus>,
    /// Each target's limit and pods.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["kind", "namespace", "name"]))]
    pub targets: Vec<TargetStatus>,
    /// The last decision that changed a limit, or would have in mode Observe.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_decision: Option<DecisionStatus>,
}

/// How an objective stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ObjectiveStatus {
    /// The objective's name.
    pub name: String,
    /// Met, Violated or Unknown.
    pub state: ObjectiveState,
    /// What is asked, such as "<= 300us".
    pub bound: String,
    /// What was measured when the state last changed, or at the last decision.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// Why the objective is unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Since when it has been in this state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Time>,
}

/// See [`ObjectiveStatus::state`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ObjectiveState {
    /// The bound holds.
    Met,
    /// The bound is broken.
    Violated,
    /// Nobody can tell.
    Unknown,
}

/// A target's limit and pods.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TargetStatus {
    /// The target's kind.
    pub kind: TargetKind,
    /// The target's namespace, where it is not that of the policy.
    #[serde(default)]
    pub namespace: String,
    /// The target's name.
    pub name: String,
    /// The egress limit asked for: for each pod, or with the scope Target for all together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<String>,
    /// The highest limit under which the objectives are known to hold, which the law Adaptive comes back to; absent
    /// while none is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub safe_limit: Option<String>,
    /// The target's running pods.
    pub pods: i32,
    /// Those of them on which the limit is known to be in force.
    pub enforced: i32,
    /// What else holds some of these pods: another policy, or somebody by hand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// A decision.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DecisionStatus {
    /// Decrease, Increase, Release or Pin.
    pub action: String,
    /// Why, as one word.
    pub reason: String,
    /// Why, as a sentence.
    pub message: String,
    /// When.
    pub time: Time,
}
