use super::Shown;
use crate::page::Recent;
use crate::policies::{Pod, Pods, PolicyView, TargetView};
use flow_page::Page;
use flow_policy::spec::Mode;
use flow_policy::status::{DecisionStatus, ObjectiveStatus, TargetStatus};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::ResourceExt;
use serde::Serialize;

/// What `get` shows, for programs.
#[derive(Debug, Serialize)]
pub(super) struct Document {
    /// Whether it is seen that no controller leads, so that the rest is what was last told.
    #[serde(skip_serializing_if = "Option::is_none")]
    leaderless: Option<bool>,
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
    /// Whether limits, states and the last decision are newer than the conditions.
    #[serde(skip_serializing_if = "Option::is_none")]
    status_behind: Option<bool>,
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
    /// What its pods send together, in bit/s, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    sent: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pods: Option<Vec<Pod>>,
    /// Why pods are not seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    unseen: Option<String>,
}

/// The document of what is `shown`, with what the operator's page tells.
pub(super) fn of(shown: &Shown, page: Option<&Page>) -> Document {
    Document {
        leaderless: shown.is_leaderless.then_some(true),
        policies: shown.seen.policies.iter().map(|view| policy(view, page)).collect(),
    }
}

fn policy(view: &PolicyView, page: Option<&Page>) -> Policy {
    let recent = Recent::of(page, view);
    let view = view.newest(recent);
    let status = view.status();
    Policy {
        namespace: view.stored.namespace().unwrap_or_default(),
        name: view.stored.name_any(),
        mode: view.stored.spec.mode,
        current: view.is_current(),
        status_behind: view.is_behind.then_some(true),
        backend: status.backend,
        conditions: status.conditions,
        last_decision: status.last_decision,
        objectives: status.objectives,
        targets: view.targets.iter().map(|view| target(view, recent)).collect(),
    }
}

fn target(view: &TargetView, recent: Option<Recent>) -> Target {
    let (pods, unseen) = match &view.pods {
        Pods::Seen(pods) => (Some(pods.iter().map(Pod::of).collect()), None),
        Pods::Unseen(why) => (None, Some(why.clone())),
    };
    let id = &view.target.id;
    Target {
        kind: id.kind.as_str(),
        namespace: id.namespace.clone(),
        name: id.name.clone(),
        status: view.status.clone(),
        sent: recent.and_then(|recent| recent.sent(id)),
        pods,
        unseen,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policies::Seen;
    use crate::policies::fixture::{page, stored, violated};
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
        let seen = Seen { policies: vec![violated()] };
        let mut shown = Shown { seen, is_leaderless: false };
        assert_eq!(serde_json::to_value(of(&shown, None)).unwrap(), expected);
        let mut known = expected;
        known["policies"][0]["targets"][0]["sent"] = json!("61.5M");
        assert_eq!(serde_json::to_value(of(&shown, Some(&page()))).unwrap(), known);
        shown.is_leaderless = true;
        assert_eq!(serde_json::to_value(of(&shown, None)).unwrap()["leaderless"], true);
    }
}
