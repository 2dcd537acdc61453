//! A policy that has cut its limit, and how it may stand.

use super::{Hold, PodView, Pods, PolicyView, TargetView};
use flow_control::Bandwidth;
use flow_page::Page;
use flow_policy::{FlowPolicy, Policy};
use jiff::Timestamp;
use serde_json::{Value, json};
use std::collections::BTreeMap;

pub(crate) fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn condition(type_: &str, status: &str, reason: &str, message: &str) -> Value {
    json!({
        "type": type_, "status": status, "reason": reason, "message": message,
        "observedGeneration": 1, "lastTransitionTime": "1970-01-01T00:00:40Z",
    })
}

/// As the API server has it.
pub(crate) fn stored() -> Value {
    let decision = "command-jitter is 412us, bound <= 300us: limit cut to 64M";
    json!({
        "apiVersion": "flow.fustli.io/v1alpha1", "kind": "FlowPolicy",
        "metadata": {"name": "robot", "namespace": "factory", "uid": "u1", "generation": 1},
        "spec": {
            "objectives": [{
                "name": "command-jitter", "jitter": {"max": "300us"},
                "probe": {"host": "robot.factory.svc", "port": 5201},
            }],
            "targets": [{"kind": "Deployment", "name": "upload", "limit": {"min": "10M", "max": "1G"}}],
        },
        "status": {
            "observedGeneration": 1,
            "backend": "shaper",
            "limit": "64M",
            "conditions": [
                condition("Accepted", "True", "Valid", "the spec is valid, every target exists"),
                condition("Ready", "True", "Working", "the objectives are measured"),
                condition("ObjectivesMet", "False", "Violated", "command-jitter (<= 300us) is violated"),
                condition("Enforced", "True", "InForce", "every pod is held to its limit"),
            ],
            "objectives": [{
                "name": "command-jitter", "state": "Violated", "bound": "<= 300us", "value": "412us",
                "since": "1970-01-01T00:01:28Z",
            }],
            "targets": [{
                "kind": "Deployment", "namespace": "", "name": "upload", "limit": "64M", "safeLimit": "80M",
                "pods": 1, "enforced": 1,
            }],
            "lastDecision": {
                "action": "Decrease", "reason": "ObjectiveViolated", "message": decision,
                "time": "1970-01-01T00:01:28Z",
            },
        },
    })
}

/// What the operator's page tells at second 100: a minute within the bound, and nothing, and twenty seconds beyond.
pub(crate) fn page() -> Page {
    let series = |values: &[Option<f64>]| json!({"start": 100_000 - 20_000 * values.len(), "step": 20_000, "values": values});
    let values = [Some(90e-6), Some(160e-6), Some(290e-6), None, Some(412e-6)];
    serde_json::from_value(json!({
        "title": "flow-manager", "note": null, "at": 100_000,
        "policies": [{
            "namespace": "factory", "name": "robot", "mode": "Enforce", "state": "Violated", "why": "",
            "objectives": [{
                "name": "command-jitter", "unit": "seconds", "bound": 300e-6, "atLeast": false,
                "state": "Violated", "values": series(&values),
            }],
            "targets": [{
                "name": "Deployment/upload", "pods": 1, "enforced": 1, "limit": series(&[]),
                "sent": series(&[Some(80e6), Some(61.5e6), None]),
            }],
            "decisions": [],
        }],
    }))
    .unwrap()
}

pub(crate) fn pod(hold: Hold) -> PodView {
    let [namespace, name, node, phase] = ["factory", "upload-7d9f", "n1", "Running"].map(str::to_owned);
    PodView { namespace, name, node: Some(node), phase: Some(phase), limiting: BTreeMap::new(), hold }
}

/// It violates its objective, and its one pod is held to the limit.
pub(crate) fn violated() -> PolicyView {
    changed(|_| {})
}

/// The same, but for what is changed of it.
pub(crate) fn changed(change: impl FnOnce(&mut Value)) -> PolicyView {
    let mut stored = stored();
    change(&mut stored);
    let stored: FlowPolicy = serde_json::from_value(stored).unwrap();
    let policy = Policy::try_from(&stored.spec).ok();
    let limit = Some(Bandwidth::from_mbps(64));
    let status = stored.status.as_ref().and_then(|status| status.targets.first().cloned());
    let targets = policy.iter().flat_map(|policy| &policy.targets).map(|target| TargetView {
        target: (**target).clone(),
        status: status.clone(),
        pods: Pods::Seen(vec![pod(Hold::Written { limit, before: Some(Bandwidth::from_mbps(1000)) })]),
    });
    PolicyView { targets: targets.collect(), policy, stored, is_behind: false }
}
