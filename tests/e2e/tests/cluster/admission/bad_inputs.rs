//! What the API server has to refuse.

use super::probing;
use flow_e2e::policies::{by_query, with};
use serde_json::{Value, json};

/// A bad input, and what the refusal must name.
pub(super) type BadInput = (Value, &'static str);

const HISTOGRAM: &str = "/spec/objectives/0/prometheus/histogram";

/// One bad input for each rule.
pub(super) fn bad_inputs() -> impl Iterator<Item = BadInput> {
    [spec(), control(), probed(), asked(), targets()].into_iter().flatten()
}

fn querying() -> Value {
    by_query("admission", "up", "1")
}

fn probing_with(path: &str, value: Value) -> Value {
    with(probing(), path, value)
}

fn latency_of(histogram: Value) -> Value {
    with(reading_histogram("latency", json!({"max": "5ms"})), HISTOGRAM, histogram)
}

fn reading_histogram(indicator: &str, bound: Value) -> Value {
    let mut objective = json!({"name": "times", "prometheus": {"histogram": {"selector": "rtt_seconds"}}});
    objective[indicator] = bound;
    with(querying(), "/spec/objectives/0", objective)
}

fn shared() -> Value {
    probing_with("/spec/targets/0/limit", json!({"scope": "Target"}))
}

/// Of the spec as a whole.
fn spec() -> Vec<BadInput> {
    vec![
        (probing_with("/spec/speed", json!(1)), "spec.speed"),
        (probing_with("/spec/objectives", json!([])), "spec.objectives"),
        (probing_with("/spec/objectives", json!(null)), "spec.objectives"),
        (probing_with("/spec/targets", json!([])), "spec.targets"),
        (probing_with("/spec/mode", json!("Enforced")), "spec.mode"),
        (probing_with("/spec/interval", json!("0s")), "spec.interval"),
        (probing_with("/spec/interval", json!("200")), "spec.interval"),
        (probing_with("/spec/interval", json!("2h")), "spec.interval"),
        (probing_with("/spec/onNoData", json!({"after": "0s"})), "onNoData.after"),
        (probing_with("/spec/strategy", json!({"minInterval": "1s"})), "strategy.minInterval must be"),
    ]
}

/// Of the law, and of what is done where it does not help.
fn control() -> Vec<BadInput> {
    let controlled = |control: Value| probing_with("/spec/control", control);
    let adaptive = |name: &str, value: Value| controlled(json!({"adaptive": {(name): value}}));
    vec![
        (controlled(json!({"law": "PID"})), "spec.control.law"),
        (controlled(json!({"aimd": {"decreasePercent": 0}})), "decreasePercent"),
        (
            controlled(json!({"effectCheck": {"after": "2h"}})),
            "effectCheck.after must be between 500ms and 1h",
        ),
        (controlled(json!({"effectCheck": {"after": "499ms"}})), "effectCheck.after must be"),
        (controlled(json!({"effectCheck": {"retryAfter": "9s"}})), "effectCheck.retryAfter must be"),
        (adaptive("mode", json!("Reckless")), "adaptive.mode"),
        (adaptive("headroomPercent", json!(51)), "adaptive.headroomPercent"),
        (adaptive("growthPercent", json!(0)), "adaptive.growthPercent"),
        (adaptive("retryAfter", json!("2h")), "adaptive.retryAfter must be between 1s and 1h"),
        (adaptive("retryMax", json!("0s")), "adaptive.retryMax must be between 1s and 24h"),
        (adaptive("cutInterval", json!("99ms")), "adaptive.cutInterval must be between 100ms and 1m"),
        (adaptive("drain", json!("2m")), "adaptive.drain must be between 100ms and 1m"),
        (adaptive("idleAfter", json!("25h")), "adaptive.idleAfter must be between 1s and 24h"),
        (
            controlled(json!({"adaptive": {"retryAfter": "10s", "retryMax": "9s"}})),
            "retryMax must not be less than adaptive.retryAfter",
        ),
    ]
}

/// Of objectives that are probed.
fn probed() -> Vec<BadInput> {
    vec![
        (probing_with("/spec/objectives/0/latency", json!({"max": "5ms"})), "exactly one of jitter, latency"),
        (probing_with("/spec/objectives/0/name", json!("Command Jitter")), "spec.objectives[0].name"),
        (probing_with("/spec/objectives/0/priority", json!(1001)), "spec.objectives[0].priority"),
        (probing_with("/spec/objectives/0/role", json!("Watch")), "spec.objectives must have role Control"),
        (probing_with("/spec/objectives/0/jitter/max", json!("-1ms")), "spec.objectives[0].jitter.max"),
        (probing_with("/spec/objectives/0/jitter/max", json!("300")), "spec.objectives[0].jitter.max"),
        (probing_with("/spec/objectives/0/jitter/max", json!("0s")), "jitter.max must be more than 0"),
        (probing_with("/spec/objectives/0/jitter/samples", json!(4)), "jitter.samples"),
        (probing_with("/spec/objectives/0/probe/port", json!(65_536)), "probe.port"),
        (probing_with("/spec/objectives/0/probe/protocol", json!("ICMP")), "port must be set"),
        (
            probing_with("/spec/objectives/0/probe/protocol", json!("TCP")),
            "probe.interval must be at least 100ms",
        ),
        (probing_with("/spec/objectives/0/probe/interval", json!("0s")), "probe.interval"),
        (probing_with("/spec/objectives/0/probe/host", json!("a b")), "probe.host"),
        (probing_with("/spec/objectives/-", probing()["spec"]["objectives"][0].clone()), "Duplicate value"),
    ]
}

/// Of objectives that Prometheus is asked for.
fn asked() -> Vec<BadInput> {
    vec![
        (with(querying(), "/spec/objectives/0/value", json!({})), "value needs min, max or both"),
        (with(querying(), "/spec/objectives/0/value", json!({"min": "2", "max": "1"})), "value.min"),
        (probing_with("/spec/objectives/0/prometheus", json!({"query": "up"})), "one of probe or prometheus"),
        (with(querying(), "/spec/objectives/0/prometheus/query", json!("")), "prometheus.query"),
        (with(querying(), "/spec/objectives/0/prometheus", json!({})), "exactly one of query or histogram"),
        (with(querying(), "/spec/objectives/0/prometheus/source", json!("A B")), "prometheus.source"),
        (reading_histogram("loss", json!({"max": "0.1"})), "histogram gives jitter or latency"),
        (reading_histogram("jitter", json!({"max": "1ms", "method": "PDV"})), "is its IQR"),
        (latency_of(json!({"selector": "{a=\"b\"}"})), "histogram.selector"),
        (latency_of(json!({"selector": "a", "window": "1s"})), "histogram.window must be between 5s and 1h"),
        (
            with(
                querying(),
                "/spec/objectives/0",
                json!({
                    "name": "time", "prometheus": {"query": "up"}, "latency": {"max": "5ms"},
                }),
            ),
            "query gives a throughput or a value",
        ),
    ]
}

/// Of targets.
fn targets() -> Vec<BadInput> {
    vec![
        (
            probing_with("/spec/targets/0/limit/min", json!("200M")),
            "limit.min must not be more than limit.max",
        ),
        (probing_with("/spec/targets/0/limit/min", json!("-10M")), "limit.min"),
        (probing_with("/spec/targets/0/limit/min", json!("10")), "limit.min"),
        (probing_with("/spec/targets/0/limit/max", json!("1000")), "limit.max"),
        (probing_with("/spec/targets/0/limit/max", json!(1000)), "limit.max"),
        (probing_with("/spec/targets/0/limit/initial", json!("1G")), "limit.initial must be between"),
        (probing_with("/spec/targets/0/kind", json!("Pods")), "selector must be set for the kind Pods"),
        (probing_with("/spec/targets/0/kind", json!("Job")), "spec.targets[0].kind"),
        (probing_with("/spec/targets/0/namespace", json!("Lab")), "spec.targets[0].namespace"),
        (probing_with("/spec/targets/0/limit/scope", json!("Node")), "limit.scope"),
        (probing_with("/spec/targets/0/traffic", json!({})), "traffic.prometheus"),
        (probing_with("/spec/targets/0/traffic", json!({"prometheus": {"query": ""}})), "prometheus.query"),
        (
            with(shared(), "/spec/strategy", json!({"type": "Rollout"})),
            "strategy Rollout changes the pod template",
        ),
    ]
}
