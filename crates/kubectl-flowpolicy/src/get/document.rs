use crate::policies::{Hold, PodView, Pods, PolicyView, Seen, TargetView};
use flow_policy::spec::Mode;
use flow_policy::status::{DecisionStatus, ObjectiveStatus, TargetStatus};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::ResourceExt;
use serde::Serialize;

/// What `get` shows, for programs.
#[derive(Debug, Serialize)]
pub(super) struct Document {
    policies: Vec<Policy>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Policy {
    namespace: String,
    name: String,
    mode: Mode,
    /// Whether the status speaks of the spec as it is now.
    current: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    backend: Option<String>,
    conditions: Vec<Condition>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_decision: Option<DecisionStatus>,
    objectives: Vec<ObjectiveStatus>,
    targets: Vec<Target>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Target {
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    namespace: Option<String>,
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<TargetStatus>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pods: Option<Vec<Pod>>,
    /// Why pods are not seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    unseen: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Pod {
    namespace: String,
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    node: Option<String>,
    /// The limit that is written.
    #[serde(skip_serializing_if = "Option::is_none")]
    limit: Option<String>,
    held_by: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
}

/// The document of `seen`.
pub(super) fn of(seen: &Seen) -> Document {
    Document { policies: seen.policies.iter().map(policy).collect() }
}

fn policy(view: &PolicyView) -> Policy {
    let status = view.status();
    Policy {
        namespace: view.stored.namespace().unwrap_or_default(),
        name: view.stored.name_any(),
        mode: view.stored.spec.mode,
        current: view.is_current(),
        backend: status.backend,
        conditions: status.conditions,
        last_decision: status.last_decision,
        objectives: status.objectives,
        targets: view.targets.iter().map(target).collect(),
    }
}

fn target(view: &TargetView) -> Target {
    let (pods, unseen) = match &view.pods {
        Pods::Seen(pods) => (Some(pods.iter().map(pod).collect()), None),
        Pods::Unseen(why) => (None, Some(why.clone())),
    };
    let id = &view.target.id;
    Target {
        kind: id.kind.as_str(),
        namespace: id.namespace.clone(),
        name: id.name.clone(),
        status: view.status.clone(),
        pods,
        unseen,
    }
}

fn pod(view: &PodView) -> Pod {
    let (held_by, limit, message) = match &view.hold {
        Hold::HostNetwork => ("HostNetwork", None, None),
        Hold::Nothing => ("Nothing", None, None),
        Hold::Written { limit, .. } => ("FlowManager", limit.map(|limit| limit.to_string()), None),
        Hold::ByHand(deed) => ("SomebodyElse", None, Some(deed.clone())),
    };
    Pod {
        namespace: view.namespace.clone(),
        name: view.name.clone(),
        node: view.node.clone(),
        limit,
        held_by,
        message,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policies::fixture::{stored, violated};
    use serde_json::json;

    #[test]
    fn the_document_has_what_the_status_says_and_the_pods() {
        let status = &stored()["status"];
        let expected = json!({"policies": [{
            "namespace": "factory",
            "name": "robot",
            "mode": "Enforce",
            "current": true,
            "backend": "shaper",
            "conditions": status["conditions"],
            "lastDecision": status["lastDecision"],
            "objectives": status["objectives"],
            "targets": [{
                "kind": "Deployment",
                "name": "upload",
                "status": status["targets"][0],
                "pods": [{
                    "namespace": "factory", "name": "upload-7d9f", "node": "n1", "limit": "64M",
                    "heldBy": "FlowManager",
                }],
            }],
        }]});
        let document = of(&Seen { policies: vec![violated()] });
        assert_eq!(serde_json::to_value(document).unwrap(), expected);
    }
}
