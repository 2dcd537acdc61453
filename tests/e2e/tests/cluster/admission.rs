//! What the API server accepts as a FlowPolicy, and what it says to the rest.

use flow_e2e::kubectl::{apply_files, apply_object, in_repository, kubectl, refusal};
use flow_e2e::policies::{by_probe, by_query, with};
use flow_e2e::program::run;
use serde_json::{Value, json};

async fn crd() {
    apply_files(&["manifests/crds.yaml"]).await.unwrap();
    kubectl("wait --for=condition=Established crd/flowpolicies.flow.fustli.io --timeout=30s").await.unwrap();
}

fn probing() -> Value {
    by_probe("admission", "robot")
}

fn querying() -> Value {
    by_query("admission", "up", "1")
}

/// Each bad input, and what the refusal must name.
fn bad_inputs() -> Vec<(Value, &'static str)> {
    let objective = "/spec/objectives/0";
    let limit = "/spec/targets/0/limit";
    let probing_with = |path: String, value: Value| with(probing(), &path, value);
    vec![
        (with(probing(), "/spec/speed", json!(1)), "spec.speed"),
        (with(probing(), "/spec/objectives", json!([])), "spec.objectives"),
        (with(probing(), "/spec/objectives", json!(null)), "spec.objectives"),
        (with(probing(), "/spec/targets", json!([])), "spec.targets"),
        (with(probing(), "/spec/mode", json!("Enforced")), "spec.mode"),
        (with(probing(), "/spec/interval", json!("0s")), "spec.interval"),
        (with(probing(), "/spec/interval", json!("200")), "spec.interval"),
        (with(probing(), "/spec/interval", json!("2h")), "spec.interval"),
        (
            probing_with(format!("{objective}/latency"), json!({"max": "5ms"})),
            "exactly one of jitter, latency",
        ),
        (with(querying(), "/spec/objectives/0/value", json!({})), "value needs min, max or both"),
        (with(querying(), "/spec/objectives/0/value", json!({"min": "2", "max": "1"})), "value.min"),
        (
            probing_with(format!("{objective}/prometheus"), json!({"query": "up"})),
            "one of probe or prometheus",
        ),
        (with(querying(), "/spec/objectives/0/prometheus/query", json!("")), "prometheus.query"),
        (probing_with(format!("{objective}/name"), json!("Command Jitter")), "spec.objectives[0].name"),
        (probing_with(format!("{objective}/priority"), json!(1001)), "spec.objectives[0].priority"),
        (probing_with(format!("{objective}/role"), json!("Watch")), "spec.objectives must have role Control"),
        (probing_with(format!("{objective}/jitter/max"), json!("-1ms")), "spec.objectives[0].jitter.max"),
        (probing_with(format!("{objective}/jitter/max"), json!("300")), "spec.objectives[0].jitter.max"),
        (probing_with(format!("{objective}/jitter/max"), json!("0s")), "jitter.max must be more than 0"),
        (probing_with(format!("{objective}/jitter/samples"), json!(4)), "jitter.samples"),
        (probing_with(format!("{objective}/probe/port"), json!(65_536)), "probe.port"),
        (probing_with(format!("{objective}/probe/protocol"), json!("ICMP")), "port must be set"),
        (
            probing_with(format!("{objective}/probe/protocol"), json!("TCP")),
            "probe.interval must be at least 100ms",
        ),
        (probing_with(format!("{objective}/probe/interval"), json!("0s")), "probe.interval"),
        (probing_with(format!("{objective}/probe/host"), json!("a b")), "probe.host"),
        (
            probing_with("/spec/objectives/-".into(), probing()["spec"]["objectives"][0].clone()),
            "Duplicate value",
        ),
        (probing_with(format!("{limit}/min"), json!("200M")), "limit.min must not be more than limit.max"),
        (probing_with(format!("{limit}/min"), json!("-10M")), "limit.min"),
        (probing_with(format!("{limit}/min"), json!("10")), "limit.min"),
        (probing_with(format!("{limit}/max"), json!("1000")), "limit.max"),
        (probing_with(format!("{limit}/max"), json!(1000)), "limit.max"),
        (probing_with(format!("{limit}/initial"), json!("1G")), "limit.initial must be between"),
        (with(probing(), "/spec/targets/0/kind", json!("Pods")), "selector must be set for the kind Pods"),
        (with(probing(), "/spec/targets/0/kind", json!("Job")), "spec.targets[0].kind"),
        (with(probing(), "/spec/onNoData", json!({"after": "0s"})), "onNoData.after"),
        (with(probing(), "/spec/control", json!({"law": "PID"})), "spec.control.law"),
        (with(probing(), "/spec/control", json!({"aimd": {"decreasePercent": 0}})), "decreasePercent"),
    ]
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
    let path = std::env::temp_dir().join(format!("defaults-{}.json", std::process::id()));
    fs_err::write(&path, bare.to_string()).unwrap();
    let arguments = ["create", "--dry-run=server", "-o", "json", "-f", &path.to_string_lossy()];
    let stored: Value = serde_json::from_str(&run("kubectl", arguments).await.unwrap()).unwrap();
    fs_err::remove_file(&path).unwrap();
    let aimd = json!({"decreasePercent": 20, "headroomPercent": 50, "increase": "10M", "severityMax": 1});
    for (pointer, expected) in [
        ("/spec/mode", json!("Enforce")),
        ("/spec/control", json!({"law": "AIMD", "aimd": aimd})),
        ("/spec/onNoData", json!({"action": "Hold", "after": "30s"})),
        ("/spec/objectives/0/priority", json!(100)),
        ("/spec/objectives/0/role", json!("Control")),
        ("/spec/objectives/0/jitter/samples", json!(20)),
        ("/spec/objectives/0/jitter/method", json!("IQR")),
        ("/spec/targets/0/limit", json!({"min": "10M", "max": "1G"})),
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
        {"name": "depth", "prometheus": {"query": "d"}, "value": {"min": "-1", "max": "1.5k"}},
    ]);
    policy["spec"]["targets"] = json!([
        {"kind": "Deployment", "name": "a"},
        {"kind": "StatefulSet", "name": "a"},
        {"kind": "DaemonSet", "name": "a", "limit": {"min": "8k", "max": "1T", "initial": "1.5G"}},
        {"kind": "Pods", "name": "a", "selector": {"matchLabels": {"tier": "best-effort"}}},
    ]);
    policy["metadata"]["name"] = json!("everything");
    let said = apply_object(&policy).await.unwrap();
    kubectl("delete flowpolicy everything --wait=false").await.unwrap();
    assert!(said.contains("created"), "{said}");
}

#[tokio::test]
async fn every_example_passes_a_dry_run() {
    crd().await;
    kubectl("create namespace factory").await.ok();
    let examples = fs_err::read_dir(in_repository("examples")).unwrap();
    let files: Vec<_> = examples.map(|entry| entry.unwrap().path()).collect();
    assert!(!files.is_empty());
    for file in files {
        let arguments = ["apply", "--dry-run=server", "-f", &file.to_string_lossy()];
        run("kubectl", arguments).await.unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    }
}

#[tokio::test]
async fn kubectl_explains_each_field_of_the_spec() {
    crd().await;
    for (field, text) in [
        ("flowpolicy", "keeps critical network flows within their objectives"),
        ("flowpolicy.spec.mode", "only decided and reported"),
        ("flowpolicy.spec.objectives.jitter.max", "300us"),
        ("flowpolicy.spec.targets.limit.min", "bits per second"),
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
    assert_eq!(columns, ["NAME", "MODE", "READY", "MET", "LIMIT", "REASON", "AGE"]);
}
