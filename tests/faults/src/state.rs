//! How pods and a policy stand, so that two ends can be compared.

use flow_e2e::Result;
use flow_policy::FlowPolicy;
use flow_policy::names::{EGRESS_BANDWIDTH, LIMITING, RECORDS};
use jiff::Timestamp;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use kube::api::{Api, ListParams};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The annotations of a pod, or of a pod template and its workload, that limit pods or record something of ours.
pub type Marks = BTreeMap<String, String>;

/// How everything stands.
#[derive(Clone, Debug, PartialEq)]
pub struct State {
    /// The marks of each pod.
    pub pods: BTreeMap<String, Marks>,
    /// The policy's finalizers and status, without times; `None` if it is gone.
    pub policy: Option<Value>,
}

impl State {
    /// The limits of all pods, by value.
    #[must_use]
    pub fn limits(&self) -> Vec<&str> {
        let mut limits: Vec<_> =
            self.pods.values().filter_map(|marks| marks.get(EGRESS_BANDWIDTH)).map(String::as_str).collect();
        limits.sort_unstable();
        limits
    }

    /// The status, reason and message of a condition of the policy; empty where there is none.
    #[must_use]
    pub fn condition(&self, type_: &str) -> String {
        let conditions = self.policy.as_ref().and_then(|policy| policy["conditions"].as_array());
        let mut conditions = conditions.into_iter().flatten();
        let found = conditions.find(|condition| condition["type"] == type_);
        let text = |key: &str| found.and_then(|found| found[key].as_str()).unwrap_or_default();
        format!("{} {}: {}", text("status"), text("reason"), text("message"))
    }
}

/// The marks of all pods that are not about to end.
pub async fn marks(pods: &Api<Pod>) -> Result<BTreeMap<String, Marks>> {
    let pods = pods.list(&ListParams::default()).await?;
    let stays = |pod: &&Pod| pod.metadata.deletion_timestamp.is_none();
    Ok(pods.iter().filter(stays).map(|pod| (pod.name_any(), marks_of(pod))).collect())
}

/// The marks of a pod.
#[must_use]
pub fn marks_of(pod: &Pod) -> Marks {
    marks_among(pod.annotations())
}

/// The marks of a Deployment's pod template: its limits, and the records that the Deployment has of them.
#[must_use]
pub fn marks_of_template(deployment: &Deployment) -> Marks {
    let template = deployment.spec.template.metadata.as_ref();
    let limits = template.and_then(|template| template.annotations.as_ref()).map(marks_among);
    limits.into_iter().flatten().chain(marks_among(deployment.annotations())).collect()
}

fn marks_among(annotations: &BTreeMap<String, String>) -> Marks {
    let is_mark = |key: &str| LIMITING.contains(&key) || RECORDS.contains(&key);
    let marks = annotations.iter().filter(|(key, _)| is_mark(key));
    marks.map(|(key, value)| (key.clone(), value.clone())).collect()
}

/// The finalizers and the status of a policy, without what tells a time, and without the last decision: how often an
/// operator has decided on its way to the same end tells of that way.
pub(crate) fn without_times(policy: &FlowPolicy) -> Value {
    let mut status = json!(policy.status);
    if let Some(status) = status.as_object_mut() {
        status.remove("lastDecision");
        status.insert("finalizers".to_owned(), json!(policy.finalizers()));
    }
    strip(&mut status);
    status
}

fn strip(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            let is_time =
                |value: &Value| value.as_str().is_some_and(|text| text.parse::<Timestamp>().is_ok());
            fields.retain(|_, value| !is_time(value));
            fields.values_mut().for_each(strip);
        }
        Value::Array(items) => items.iter_mut().for_each(strip),
        _ => {}
    }
}
