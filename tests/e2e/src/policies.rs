//! Policies as a user would write them, for tests to build on.

use serde_json::{Value, json};

/// A policy named `name` with one jitter objective, by probes of `host`, that may limit the Deployment
/// `best-effort`. Its law is AIMD, whose steps are the same whatever is sent.
#[must_use]
pub fn by_probe(name: &str, host: &str) -> Value {
    let objective = json!({
        "name": "command-jitter",
        "probe": {"protocol": "UDP", "host": host, "port": 5201, "interval": "20ms"},
        "jitter": {"max": "500us"},
    });
    with_objective(name, &objective)
}

/// The same with an objective on the value of a query.
#[must_use]
pub fn by_query(name: &str, query: &str, max: &str) -> Value {
    let objective = json!({"name": "queried", "prometheus": {"query": query}, "value": {"max": max}});
    with_objective(name, &objective)
}

/// A policy whose objective is violated for good: its limit sinks from 100M to 10M, and stays there although that helps
/// nobody.
#[must_use]
pub fn sinking(name: &str) -> Value {
    with(by_query(name, "vector(2)", "1"), "/spec/control/effectCheck", json!({"action": "Ignore"}))
}

fn with_objective(name: &str, objective: &Value) -> Value {
    json!({
        "apiVersion": "flow.fustli.io/v1alpha1",
        "kind": "FlowPolicy",
        "metadata": {"name": name},
        "spec": {
            "objectives": [objective],
            "targets": [{
                "kind": "Deployment",
                "name": "best-effort",
                "limit": {"min": "10M", "max": "100M"},
            }],
            "control": {"law": "AIMD"},
        },
    })
}

/// The same object with the value at `pointer`, whose parent must exist, set to `value`.
#[must_use]
pub fn with(mut object: Value, pointer: &str, value: Value) -> Value {
    let (parent, key) = pointer.rsplit_once('/').unwrap_or(("", pointer));
    match object.pointer_mut(parent) {
        Some(Value::Object(fields)) => {
            fields.insert(key.to_owned(), value);
        }
        Some(Value::Array(items)) => items.push(value),
        _ => {}
    }
    object
}

/// The same policy with the limit of its first target held at `limit`.
#[must_use]
pub fn pinned(policy: Value, limit: &str) -> Value {
    with(policy, "/spec/targets/0/limit", json!({"min": limit, "max": limit}))
}

/// A target of any kind.
#[must_use]
pub fn target(kind: &str, name: &str, limit: &str) -> Value {
    json!({"kind": kind, "name": name, "limit": {"min": limit, "max": limit}})
}

/// A target whose pods share `limit`.
#[must_use]
pub fn shared(kind: &str, name: &str, limit: &str) -> Value {
    with(target(kind, name, limit), "/limit/scope", json!("Target"))
}

/// The pods with the label `app=<app>`, as a target of that name.
#[must_use]
pub fn selected(app: &str, limit: &str) -> Value {
    with(target("Pods", app, limit), "/selector", json!({"matchLabels": {"app": app}}))
}

/// A policy with each kind of objective, about `host`, that fills every series there is. It decides by the first
/// one, and may limit the Deployment `target`.
#[must_use]
pub fn of_everything(name: &str, host: &str, target: &str) -> Value {
    let probe =
        |protocol: &str| json!({"protocol": protocol, "host": host, "port": 5201, "interval": "100ms"});
    let pinging = json!({"protocol": "ICMP", "host": host, "interval": "100ms"});
    let query = |query: &str| json!({"query": query});
    let objectives = json!([
        {"name": name, "probe": probe("UDP"), "jitter": {"max": "500us", "samples": 10}},
        {"name": "udp-latency", "probe": probe("UDP"), "latency": {"max": "1s", "samples": 5}, "role": "Watch"},
        {"name": "tcp-jitter", "probe": probe("TCP"), "jitter": {"max": "1s", "samples": 5}, "role": "Watch"},
        {"name": "tcp-latency", "probe": probe("TCP"), "latency": {"max": "1s", "samples": 5}, "role": "Watch"},
        {"name": "loss", "probe": pinging, "loss": {"max": "0.5", "samples": 5}, "role": "Watch"},
        {"name": "rate", "prometheus": query("vector(6e7)"), "throughput": {"min": "50M"}, "role": "Watch"},
        {"name": "depth", "prometheus": query("vector(1)"), "value": {"min": "0", "max": "2"}, "role": "Watch"},
    ]);
    let target = json!([{"kind": "Deployment", "name": target, "limit": {"min": "10M", "max": "100M"}}]);
    let policy = with(by_probe(name, host), "/spec/objectives", objectives);
    with(policy, "/spec/targets", target)
}
