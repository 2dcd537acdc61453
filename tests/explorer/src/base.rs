//! The states that are known to be good, from which changes start, and to which each policy comes back.

use crate::place::Path;
use serde_json::{Value, json};

/// The policy's name; each has a namespace of its own.
pub const POLICY: &str = "explored";
/// Where probes are answered.
pub const REFLECTOR: &str = "127.0.0.1:5201";

/// A state that is known to be good.
#[derive(Clone, Debug)]
pub struct Base {
    /// The spec.
    pub spec: Value,
    /// The limit of each pod then, in bits per second, by its label `app`.
    pub limits: &'static [(&'static str, u64)],
}

/// Every base. Together they have each field of the schema.
#[must_use]
pub fn all(beyond: &str) -> Vec<Base> {
    vec![everything(beyond), rolling()]
}

/// Each kind of objective and target; every field is there.
fn everything(beyond: &str) -> Base {
    let spec = json!({
        "mode": "Enforce",
        "interval": "1s",
        "objectives": objectives(),
        "targets": targets(beyond),
        "control": control(),
        "strategy": {"type": "Live", "minInterval": "10m"},
        "onNoData": {"after": "30s", "action": "Hold"},
    });
    let limits = &[
        ("many", 40_000_000),
        ("set", 30_000_000),
        ("daemon", 20_000_000),
        ("picked", 10_000_000),
        ("far", 50_000_000),
    ];
    Base { spec, limits }
}

/// By the strategy Rollout, which needs other targets. It never had to lower a limit, so it has changed nothing.
fn rolling() -> Base {
    let query = json!({"query": "vector(0.8)", "source": "default"});
    let target = |name: &str| json!({"kind": "Deployment", "name": name, "namespace": "", "limit": pinned("40M", "Pod")});
    let spec = json!({
        "mode": "Enforce",
        "interval": "1s",
        "objectives": [{"name": "depth", "priority": 1, "role": "Control", "prometheus": query, "value": {"max": "1"}}],
        "targets": [target("many"), target("picked")],
        "control": control(),
        "strategy": {"type": "Rollout", "minInterval": "1m"},
        "onNoData": {"after": "30s", "action": "Hold"},
    });
    Base { spec, limits: &[] }
}

fn control() -> Value {
    json!({
        "law": "AIMD",
        "adaptive": {
            "mode": "Balanced", "headroomPercent": 6, "growthPercent": 15, "cutInterval": "300ms", "drain": "600ms",
            "idleAfter": "60s", "retryAfter": "5s", "retryMax": "60s",
        },
        "aimd": {"decreasePercent": 20, "headroomPercent": 50, "increase": "10M", "severityMax": 1},
        "effectCheck": {"action": "Return", "after": "30s", "retryAfter": "10m"},
    })
}

fn objectives() -> Value {
    let probe = |protocol: &str| json!({"protocol": protocol, "host": "127.0.0.1", "port": 5201, "interval": "200ms"});
    let ping = json!({"protocol": "ICMP", "host": "127.0.0.1", "interval": "200ms"});
    let query = |query: &str| json!({"query": query, "source": "default"});
    let histogram = json!({
        "selector": "prometheus_http_request_duration_seconds", "type": "Classic", "unit": "Seconds", "window": "1m",
        "observations": 1,
    });
    let objective = |name: &str, how: &str, source: Value, bound: Value| {
        let (measure, what) = how.split_once(' ').unwrap_or_default();
        json!({"name": name, "priority": 100, "role": "Control", (measure): source, (what): bound})
    };
    json!([
        objective(
            "jitter",
            "probe jitter",
            probe("UDP"),
            json!({"max": "1h", "samples": 5, "method": "IQR"})
        ),
        objective(
            "latency",
            "probe latency",
            probe("TCP"),
            json!({"max": "1h", "samples": 5, "permille": 990})
        ),
        objective("loss", "probe loss", ping, json!({"max": "1", "samples": 5})),
        objective("rate", "prometheus throughput", query("vector(6e7)"), json!({"min": "50M"})),
        objective("depth", "prometheus value", query("vector(0.8)"), json!({"min": "0", "max": "1"})),
        objective(
            "times",
            "prometheus latency",
            json!({"histogram": histogram, "source": "default"}),
            json!({"max": "1h", "samples": 5, "permille": 990}),
        ),
    ])
}

fn targets(beyond: &str) -> Value {
    let target = |kind: &str, name: &str, limit: &str, scope: &str| json!({"kind": kind, "name": name, "namespace": "", "limit": pinned(limit, scope)});
    let mut targets = [
        target("Deployment", "many", "40M", "Pod"),
        target("StatefulSet", "set", "30M", "Target"),
        target("DaemonSet", "daemon", "20M", "Pod"),
        target("Pods", "picked", "10M", "Pod"),
        target("Deployment", "far", "50M", "Pod"),
    ];
    let traffic = json!({"prometheus": {"query": "vector(1e6)", "source": "default"}});
    let selector = json!({
        "matchLabels": {"app": "picked"},
        "matchExpressions": [{"key": "app", "operator": "In", "values": ["picked"]}],
    });
    let added = [(0, "traffic", traffic), (3, "selector", selector), (4, "namespace", json!(beyond))];
    for (position, key, value) in added {
        if let Some(fields) = targets.get_mut(position).and_then(Value::as_object_mut) {
            fields.insert(key.to_owned(), value);
        }
    }
    json!(targets)
}

fn pinned(limit: &str, scope: &str) -> Value {
    json!({"min": limit, "max": limit, "initial": limit, "scope": scope})
}

/// What a field may well be where the operator runs, which its schema cannot tell.
#[must_use]
pub fn known(path: &Path) -> Vec<Value> {
    let known: &[&str] = match path.to_string().as_str() {
        "spec.objectives[].probe.host" => {
            &["127.0.0.1", "198.18.0.1", "::1", "localhost", "no-such-host.", "1.2.3"]
        }
        "spec.targets[].name" => &["many", "set", "daemon", "picked", "far", "no-such-workload"],
        "spec.targets[].namespace" => &["kube-system", "no-such-namespace"],
        "spec.objectives[].prometheus.source" | "spec.targets[].traffic.prometheus.source" => &["other"],
        "spec.objectives[].prometheus.query" | "spec.targets[].traffic.prometheus.query" => &[
            "vector(0.1)",
            "vector(2)",
            "vector(-1)",
            "up",
            "vector(0)/0",
            "no_such_series",
            "1 +",
            "1",
            "'x'",
            "up[1m]",
        ],
        "spec.objectives[].prometheus.histogram.selector" => {
            &["no_such_histogram", "up", "up{", "up{a=\"b\",}"]
        }
        "spec.targets[].selector.matchLabels{}" => &["many", "no-such-app", "a b"],
        "spec.targets[].selector.matchExpressions[].operator" => {
            &["In", "NotIn", "Exists", "DoesNotExist", "Gt"]
        }
        "spec.targets[].selector.matchExpressions[].key" => &["app", "no-such-label", "a b", "a/b/c"],
        _ => &[],
    };
    known.iter().map(|text| Value::from(*text)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::fields;
    use flow_policy::{FlowPolicySpec, Policy};

    #[test]
    fn each_base_is_a_spec_that_can_be_used() {
        for base in all("beyond") {
            let spec: FlowPolicySpec = serde_json::from_value(base.spec).unwrap();
            Policy::try_from(&spec).unwrap();
        }
    }

    #[test]
    fn each_field_of_the_schema_has_a_place_in_a_base() {
        let bases: Vec<Value> = all("beyond").into_iter().map(|base| json!({"spec": base.spec})).collect();
        let is_missing = |path: &Path| bases.iter().all(|base| path.places(base).is_empty());
        let missing: Vec<_> = fields()
            .unwrap()
            .into_iter()
            .map(|field| field.path)
            .filter(is_missing)
            .map(|path| path.to_string())
            .collect();
        assert_eq!(missing, Vec::<String>::new());
    }
}
