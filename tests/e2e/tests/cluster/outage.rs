//! Without the API server or Prometheus the operator stays up, says so, changes nothing for the worse, and goes on
//! once they are back.

use flow_e2e::Stage;
use flow_e2e::factory::HOST;
use flow_e2e::operator::{self, Endpoint};
use flow_e2e::policies::{by_probe, by_query, target, with};
use flow_e2e::stage::condition;
use flow_e2e::wait::{Look, until};
use flow_e2e::workload::Work;
use flow_lab::{Away, Component};
use serde_json::json;
use std::time::Duration;

const NAMESPACE: &str = "e2e-outage";

async fn readyz_says(endpoint: &Endpoint, status: u16, text: &str) {
    endpoint.readyz_says(status, text, Duration::from_secs(30)).await.unwrap();
}

async fn metric_is(endpoint: &Endpoint, name: &str, value: f64) {
    until(&format!("{name} {value}"), Duration::from_secs(30), async || {
        let found = endpoint.metrics().await?.value(name, &[]);
        Ok(Look::when(found.is_some_and(|found| (found - value).abs() < 1e-9), || format!("{found:?}")))
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn without_the_api_server_the_operator_stays_up_and_goes_on_when_it_is_back() {
    let stage = Stage::set(NAMESPACE).await.unwrap();
    let pods = stage.start("Deployment", "best-effort", 1, Work::Idle).await.unwrap();
    stage.apply(&by_probe("steady", HOST)).await.unwrap();
    stage.limited(&pods[0], Some(100_000_000)).await.unwrap();
    let endpoint = Endpoint::of_controller(&stage.cluster).await.unwrap();
    let restarts = stage.cluster.restarts(&[operator::NAMESPACE, operator::SHAPER_NAMESPACE]).await.unwrap();
    let mut api_server = Away::send(Component::KubeApiserver).unwrap();
    readyz_says(&endpoint, 503, "api-server").await;
    metric_is(&endpoint, "flowmanager_api_server_up", 0.0).await;
    // The outage itself is what takes this time: long enough for watches and writers to have failed often.
    tokio::time::sleep(Duration::from_secs(20)).await;
    stage.limited(&pods[0], Some(100_000_000)).await.unwrap();
    api_server.bring_back().unwrap();
    readyz_says(&endpoint, 200, "ok").await;
    // Not by a new pod: the cluster's own controllers may take a minute to make one.
    let other = json!({"targets": [target("Deployment", "best-effort", "45M")]});
    stage.change("steady", &other).await.unwrap();
    stage.limited(&pods[0], Some(45_000_000)).await.unwrap();
    let now = stage.cluster.restarts(&[operator::NAMESPACE, operator::SHAPER_NAMESPACE]).await.unwrap();
    assert_eq!(now, restarts);
    // What comes after this finds a cluster that makes pods again, also in a namespace that it has yet to see.
    Stage::set(NAMESPACE).await.unwrap().start("Deployment", "after", 1, Work::Idle).await.unwrap();
}

#[tokio::test]
async fn without_prometheus_its_objective_is_unknown_and_holds_the_limit_until_it_is_back() {
    let stage = Stage::set(NAMESPACE).await.unwrap();
    let pods = stage.start("Deployment", "best-effort", 1, Work::Idle).await.unwrap();
    // Within its bound, and without headroom: the limit stays where it starts.
    let policy = by_query("asking", "vector(0.8)", "1");
    let starts_at_half = json!({"min": "10M", "max": "100M", "initial": "50M"});
    stage.apply(&with(policy, "/spec/targets/0/limit", starts_at_half)).await.unwrap();
    let met = |policy: &_| condition(policy, "ObjectivesMet").starts_with("True");
    stage.policy_where("asking", "its objective met", met).await.unwrap();
    let endpoint = Endpoint::of_controller(&stage.cluster).await.unwrap();
    let mut prometheus = Away::send(Component::Prometheus).unwrap();
    readyz_says(&endpoint, 503, "prometheus").await;
    metric_is(&endpoint, "flowmanager_prometheus_up", 0.0).await;
    let unknown = |policy: &_| condition(policy, "ObjectivesMet").starts_with("Unknown NoData");
    stage.policy_where("asking", "its objective unknown", unknown).await.unwrap();
    stage.limited(&pods[0], Some(50_000_000)).await.unwrap();
    prometheus.bring_back().unwrap();
    stage.policy_where("asking", "its objective met again", met).await.unwrap();
    readyz_says(&endpoint, 200, "ok").await;
}
