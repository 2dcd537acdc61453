//! What the chart leaves out by default works where it is asked for.

use flow_e2e::Stage;
use flow_e2e::factory::HOST;
use flow_e2e::kubectl::{apply_object, kubectl};
use flow_e2e::metrics::scrape;
use flow_e2e::operator::NAMESPACE;
use flow_e2e::policies::{by_probe, by_query, pinned};
use flow_e2e::release::install_with;
use flow_e2e::stage::condition;
use flow_e2e::wait::{Look, until};
use flow_e2e::workload::Work;
use flow_lab::address::{NODE, PROMETHEUS_PORT};
use flow_policy::names::EGRESS_BANDWIDTH;
use kube::api::ListParams;
use serde_json::json;
use std::time::Duration;

#[tokio::test]
async fn probes_of_the_nodes_measure_the_way_to_the_reflector() {
    let stage = Stage::set("e2e-chart-probe").await.unwrap();
    let target = "udp://flow-manager-reflector.flow-manager-system.svc:5201";
    let probe = json!({"daemonSet": {"enabled": true, "targets": [target]}});
    install_with(json!({"probe": probe, "reflector": {"enabled": true}})).await.unwrap();
    let labels = ListParams::default().labels("app.kubernetes.io/component=probe");
    let pods = stage.cluster.pods(NAMESPACE).list(&labels).await.unwrap().items;
    let address = pods[0].status.as_ref().unwrap().pod_ip.clone().unwrap();
    until("a probe that is answered", Duration::from_mins(1), async || {
        let metrics = scrape(&format!("http://{address}:9090/metrics")).await?;
        let answered = metrics.value("network_probe_udp_success", &["flow-manager-reflector"]);
        Ok(Look::when(answered == Some(1.0), || format!("{answered:?}")))
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn where_the_network_plugin_enforces_limits_nobody_claims_to_know_that_they_are_in_force() {
    let stage = Stage::set("e2e-chart-plugin").await.unwrap();
    install_with(json!({"shaper": {"enabled": false}})).await.unwrap();
    let pod = stage.start("Deployment", "best-effort", 1, Work::Idle).await.unwrap().remove(0);
    stage.apply(&pinned(by_probe("trusting", HOST), "50M")).await.unwrap();
    stage.annotated(&pod, EGRESS_BANDWIDTH, Some("50M")).await.unwrap();
    let told = |policy: &_| {
        condition(policy, "Enforced").starts_with("Unknown NotVerified")
            && condition(policy, "Ready").starts_with("True")
    };
    stage.policy_where("trusting", "written and not verified", told).await.unwrap();
}

#[tokio::test]
async fn the_credentials_of_a_secret_are_read_for_prometheus() {
    let stage = Stage::set("e2e-chart-secret").await.unwrap();
    let metadata = json!({"name": "prometheus", "namespace": NAMESPACE});
    let secret = |data: serde_json::Value| json!({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": data});
    let url = format!("http://{NODE}:{PROMETHEUS_PORT}");
    let values = json!({"prometheus": {"url": url, "credentialsSecret": "prometheus"}});
    apply_object(&secret(json!({"username": "flow", "password": "s3cret"}))).await.unwrap();
    install_with(values).await.unwrap();
    stage.start("Deployment", "best-effort", 1, Work::Idle).await.unwrap();
    stage.apply(&by_query("asking", "vector(0.8)", "1")).await.unwrap();
    let met = |policy: &_| condition(policy, "ObjectivesMet").starts_with("True");
    stage.policy_where("asking", "asked with a password", met).await.unwrap();
    kubectl(&format!("-n {NAMESPACE} delete secret prometheus")).await.unwrap();
}
