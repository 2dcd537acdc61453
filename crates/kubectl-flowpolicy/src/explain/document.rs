use super::basis::basis;
use super::gather::{Explained, Touching};
use super::history::{Earlier, Happened, with_changes};
use super::lower::Lower;
use super::prospect::prospects;
use super::subject::SubjectKind;
use crate::page::Recent;
use crate::policies::{Pod, TargetView};
use flow_policy::status::{ObjectiveStatus, TargetStatus};
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::ResourceExt;
use serde::Serialize;

/// What `explain` tells, for programs.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Document {
    subject: String,
    namespace: String,
    /// Whether it is seen that no controller leads, so that the rest is what was last told.
    #[serde(skip_serializing_if = "Option::is_none")]
    leaderless: Option<bool>,
    /// Those that are meant; none where the subject is a policy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pods: Option<Vec<Pod>>,
    policies: Vec<Policy>,
    /// What could not be seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    unseen: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Policy {
    namespace: String,
    name: String,
    /// Whether limits and states are newer than the conditions.
    #[serde(skip_serializing_if = "Option::is_none")]
    status_behind: Option<bool>,
    conditions: Vec<Condition>,
    objectives: Vec<ObjectiveStatus>,
    targets: Vec<Target>,
    /// Changes of limits before those that are told.
    #[serde(skip_serializing_if = "Option::is_none")]
    earlier_changes: Option<Earlier>,
    /// What has happened, the newest last.
    #[serde(skip_serializing_if = "Option::is_none")]
    history: Option<Vec<Happened>>,
    /// Why that is not seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    history_unseen: Option<String>,
    /// What would have to happen for a change.
    prospects: Vec<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Target {
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    namespace: Option<String>,
    name: String,
    /// What is asked for each pod.
    #[serde(skip_serializing_if = "Option::is_none")]
    limit_per_pod: Option<String>,
    /// Whether that is the lowest, and nothing else holds the pods.
    decides: bool,
    min: String,
    max: String,
    /// What the limit comes from, a sentence each.
    basis: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<TargetStatus>,
    /// The other policy that asks for less for its pods, and so decides.
    #[serde(skip_serializing_if = "Option::is_none")]
    lower: Option<Lower>,
}

/// The document of `explained`.
pub(super) fn of(explained: &Explained, now: Timestamp) -> Document {
    let has_pods = explained.subject.kind != SubjectKind::FlowPolicy;
    Document {
        subject: explained.subject.to_string(),
        namespace: explained.namespace.clone(),
        leaderless: explained.is_leaderless.then_some(true),
        pods: has_pods.then(|| explained.pods.iter().map(Pod::of).collect()),
        policies: explained.policies.iter().map(|touching| policy(explained, touching, now)).collect(),
        unseen: explained.unseen.clone(),
    }
}

fn policy(explained: &Explained, touching: &Touching, now: Timestamp) -> Policy {
    let (view, status) = (&touching.policy, touching.policy.status());
    let recent = Recent::of(explained.page.as_ref(), view);
    let history = touching.history.as_ref().map(|told| with_changes(told, recent));
    let (history, history_unseen) = (history.clone().ok(), history.err().cloned());
    Policy {
        namespace: view.stored.namespace().unwrap_or_default(),
        name: view.stored.name_any(),
        status_behind: view.is_behind.then_some(true),
        conditions: status.conditions,
        objectives: status.objectives,
        targets: touching.targets().map(|view| target(explained, touching, view, now)).collect(),
        earlier_changes: history.as_ref().and_then(|history| history.earlier.clone()),
        history: history.map(|history| history.told),
        history_unseen,
        prospects: prospects(view, recent, now),
    }
}

fn target(explained: &Explained, touching: &Touching, view: &TargetView, now: Timestamp) -> Target {
    let id = &view.target.id;
    let is_lowest = explained.decides() == Some((touching.policy.id(), id.clone()));
    Target {
        kind: id.kind.as_str(),
        namespace: id.namespace.clone(),
        name: id.name.clone(),
        limit_per_pod: touching.claim(view).map(|limit| limit.to_string()),
        decides: is_lowest && !explained.is_held_otherwise(),
        min: view.target.range.min.to_string(),
        max: view.target.range.max.to_string(),
        basis: basis(&touching.policy, view, Recent::of(explained.page.as_ref(), &touching.policy), now),
        status: view.status.clone(),
        lower: touching.lower(view).cloned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policies::Hold;
    use crate::policies::fixture::{at, changed, pod, stored, violated};
    use flow_control::Bandwidth;
    use serde_json::{Value, json};

    fn document(subject: &str, hold: Hold) -> Value {
        let other = changed(|policy| {
            policy["metadata"]["name"] = json!("cameras");
            policy["status"]["targets"][0]["limit"] = json!("80M");
        });
        let touching = |(policy, history)| Touching { policy, targets: vec![0], history, lower: Vec::new() };
        let unseen = Err("it is not allowed".to_owned());
        let explained = Explained {
            subject: subject.parse().unwrap(),
            namespace: "factory".to_owned(),
            pods: vec![pod(hold)],
            policies: [(violated(), Ok(vec![])), (other, unseen)].map(touching).into(),
            unseen: None,
            page: None,
            is_page_late: false,
            is_leaderless: false,
        };
        serde_json::to_value(of(&explained, at(100))).unwrap()
    }

    #[test]
    fn the_lowest_limit_decides_and_the_history_that_is_not_seen_is_told() {
        let limit = Some(Bandwidth::from_mbps(64));
        let document = document("pod/upload-7d9f", Hold::Written { limit, before: None });
        assert_eq!(document["pods"][0]["limit"], "64M");
        let [robot, cameras] = [&document["policies"][0], &document["policies"][1]];
        assert_eq!(
            robot["targets"],
            json!([{
                "kind": "Deployment", "name": "upload", "limitPerPod": "64M", "decides": true, "min": "10M",
                "max": "1G",
                "basis": robot["targets"][0]["basis"], "status": stored()["status"]["targets"][0],
            }])
        );
        assert_eq!(robot["targets"][0]["basis"][0], "known to be good 80M");
        assert_eq!((&robot["history"], &robot["historyUnseen"]), (&json!([]), &Value::Null));
        assert!(robot["prospects"][0].as_str().unwrap().starts_with("Down: "), "{robot}");
        assert_eq!(cameras["targets"][0]["decides"], false);
        assert_eq!(
            (&cameras["history"], &cameras["historyUnseen"]),
            (&Value::Null, &json!("it is not allowed"))
        );
    }

    #[test]
    fn where_something_else_holds_the_pods_no_policy_decides() {
        let document = document("pod/upload-7d9f", Hold::ByHand("set it".to_owned()));
        assert_eq!(document["policies"][0]["targets"][0]["decides"], false);
        let of_policy = self::document("fp/robot", Hold::Nothing);
        assert_eq!(of_policy.get("pods"), None);
    }
}
