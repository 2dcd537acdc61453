//! What the API server accepts as a FlowPolicy, and what it says to the rest.

use flow_e2e::kubectl::{apply_files, apply_object, kubectl, refusal};
use flow_e2e::policies::by_probe;
use flow_e2e::program::run;
use serde_json::{Value, json};

mod bad_inputs;

use bad_inputs::bad_inputs;

async fn crd() {
    apply_files(&["manifests/crds.yaml"]).await.unwrap();
    kubectl("wait --for=condition=Established crd/flowpolicies.flow.fustli.io --timeout=30s").await.unwrap();
}

fn probing() -> Value {
    by_probe("admission", "robot")
}

#[tokio::test]
async fn each_bad_input_is_refused_with_a_message_that_names_the_field() {
    crd().await;
    for (object, named) in bad_inputs() {
        let said = refusal(&object).await.unwrap_or_else(|error| panic!("{named}: {error}\n{object:#}"));
        assert!(said.contains(named), "{named} is not named in: {said}");
    }
}

#[tokio::test]
async fn what_is_left_out_is_filled_in_with_the_documented_defaults() {
    crd().await;
    let mut bare = probing();
    bare["spec"]["targets"] = json!([{"kind": "Deployment", "name": "best-effort"}]);
    bare["spec"]["control"] = json!({});
    let path = std::env::temp_dir().join(format!("defaults-{}.json", std::process::id()));
    fs_err::write(&path, bare.to_string()).unwrap();
    let arguments = ["create", "--dry-run=server", "-o", "json", "-f", &path.to_string_lossy()];
    let stored: Value = serde_json::from_str(&run("kubectl", arguments).await.unwrap()).unwrap();
    fs_err::remove_file(&path).unwrap();
    let aimd = json!({"decreasePercent": 20, "headroomPercent": 50, "increase": "10M", "severityMax": 1});
    let control = json!({
        "law": "Adaptive", "adaptive": {"mode": "Balanced"}, "aimd": aimd, "effectCheck": {"action": "Return"},
    });
    for (pointer, expected) in [
        ("/spec/mode", json!("Enforce")),
        ("/spec/control", control),
        ("/spec/strategy", json!({"type": "Live", "minInterval": "10m"})),
        ("/spec/onNoData", json!({"action": "Hold", "after": "30s"})),
        ("/spec/objectives/0/priority", json!(100)),
        ("/spec/objectives/0/role", json!("Control")),
        ("/spec/objectives/0/jitter/samples", json!(20)),
        ("/spec/objectives/0/jitter/method", json!("IQR")),
        ("/spec/targets/0/limit", json!({"min": "10M", "max": "1G", "scope": "Pod"})),
        ("/spec/targets/0/namespace", json!("")),
    ] {
        assert_eq!(stored.pointer(pointer), Some(&expected), "{pointer}");
    }
}

#[tokio::test]
async fn every_kind_of_objective_and_target_is_accepted() {
    crd().await;
    let mut policy = probing();
    policy["spec"]["objectives"] = json!([
        {"name": "jitter", "probe": {"host": "robot", "port": 5201}, "jitter": {"max": "300us"}},
        {"name": "latency", "probe": {"protocol": "TCP", "host": "robot", "port": 1}, "latency": {"max": "5ms"}},
        {"name": "loss", "probe": {"protocol": "ICMP", "host": "198.18.2.2"}, "loss": {"max": "0.001"}},
        {"name": "rate", "prometheus": {"query": "r"}, "throughput": {"min": "50M"}, "role": "Watch"},
        {"name": "depth", "prometheus": {"query": "d", "source": "lab"}, "value": {"min": "-1", "max": "1.5k"}},
        {"name": "times", "prometheus": {"histogram": {"selector": "t{a=\"b\"}"}}, "jitter": {"max": "1ms"}},
        {"name": "native", "latency": {"max": "1ms"}, "prometheus": {"histogram": {
            "selector": "job:t:ms", "type": "Native", "unit": "Milliseconds", "window": "5m", "observations": 50,
        }}},
    ]);
    policy["spec"]["targets"] = json!([
        {"kind": "Deployment", "name": "a"},
        {"kind": "Deployment", "name": "a", "namespace": "office", "limit": {"scope": "Target"}},
        {"kind": "StatefulSet", "name": "a", "traffic": {"prometheus": {"query": "t", "source": "lab"}}},
        {"kind": "DaemonSet", "name": "a", "limit": {"min": "8k", "max": "1T", "initial": "1.5G"}},
        {"kind": "Pods", "name": "a", "selector": {"matchLabels": {"tier": "best-effort"}}},
    ]);
    policy["spec"]["control"] = json!({"law": "Adaptive", "adaptive": {
        "mode": "Strict", "headroomPercent": 50, "growthPercent": 100, "retryAfter": "1h", "retryMax": "1h",
        "cutInterval": "100ms", "drain": "1m", "idleAfter": "1s",
    }});
    policy["metadata"]["name"] = json!("everything");
    let said = apply_object(&policy).await.unwrap();
    kubectl("delete flowpolicy everything --wait=false").await.unwrap();
    assert!(said.contains("created"), "{said}");
}

#[tokio::test]
async fn kubectl_explains_each_field_of_the_spec() {
    crd().await;
    for (field, text) in [
        ("flowpolicy", "keeps critical network flows within their objectives"),
        ("flowpolicy.spec.mode", "only decided and reported"),
        ("flowpolicy.spec.objectives.jitter.max", "300us"),
        ("flowpolicy.spec.targets.limit.min", "bits per second"),
        ("flowpolicy.spec.control.law", "converges to the limit that the link bears"),
        ("flowpolicy.spec.targets.traffic.prometheus.query", "bits per second"),
        ("flowpolicy.spec.onNoData.action", "Hold keeps the limits"),
    ] {
        let explained = kubectl(&format!("explain {field}")).await.unwrap();
        let on_one_line = explained.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(on_one_line.contains(text), "{field}: {explained}");
    }
    let tree = kubectl("explain flowpolicy.spec --recursive").await.unwrap();
    assert!(!tree.contains("<no description>"), "{tree}");
}

#[tokio::test]
async fn the_columns_of_kubectl_get_are_those_of_the_documentation() {
    crd().await;

    let mut shown = probing();
    shown["metadata"]["name"] = json!("columns");
    apply_object(&shown).await.unwrap();
    let table = kubectl("get fp columns -o wide").await.unwrap();
    kubectl("delete flowpolicy columns --wait=false").await.unwrap();
    let columns: Vec<&str> = table.lines().next().unwrap_or_default().split_whitespace().collect();
    assert_eq!(columns, ["NAME", "MODE", "READY", "MET", "LIMIT", "REASON", "PAUSED", "AGE"]);
}
