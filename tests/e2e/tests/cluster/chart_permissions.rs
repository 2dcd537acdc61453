//! What is missing is named; the operator stays up, tries again, and goes on when it is there.

use flow_e2e::Stage;
use flow_e2e::factory::HOST;
use flow_e2e::kubectl::kubectl;
use flow_e2e::operator::{self, Endpoint, NAMESPACE};
use flow_e2e::policies::{by_probe, pinned};
use flow_e2e::release;
use flow_e2e::stage::condition;
use flow_e2e::workload::Work;
use serde_json::{Value, json};
use std::time::Duration;

/// The controller starts again, since a watch that is open outlives the permission for it.
async fn start_again(stage: &Stage) -> Endpoint {
    operator::scale(0).await.unwrap();
    kubectl(&format!("-n {NAMESPACE} scale deployment/flow-manager --replicas=1")).await.unwrap();
    Endpoint::of_controller(&stage.cluster).await.unwrap()
}

async fn readyz_says(endpoint: &Endpoint, status: u16, text: &str) {
    endpoint.readyz_says(status, text, Duration::from_mins(1)).await.unwrap();
}

/// Takes `verb` on `resource` away from the controller.
async fn take_away(resource: &str, verb: &str) {
    let role = kubectl("get clusterrole flow-manager -o json").await.unwrap();
    let mut role: Value = serde_json::from_str(&role).unwrap();
    let rules = role["rules"].as_array_mut().unwrap();
    let grant = rules.iter_mut().find(|grant| grant["resources"] == json!([resource])).unwrap();
    grant["verbs"].as_array_mut().unwrap().retain(|held| held != verb);
    let patch = json!({"rules": rules}).to_string();
    flow_e2e::program::run("kubectl", ["patch", "clusterrole", "flow-manager", "--type=merge", "-p", &patch])
        .await
        .unwrap();
}

/// With everything in its place again, the same controller goes on: a policy takes effect.
async fn goes_on(stage: &Stage, endpoint: &Endpoint) {
    readyz_says(endpoint, 200, "ok").await;
    let pod = stage.start("Deployment", "best-effort", 1, Work::Idle).await.unwrap().remove(0);
    stage.apply(&pinned(by_probe("steady", HOST), "50M")).await.unwrap();
    stage.limited(&pod, Some(50_000_000)).await.unwrap();
    assert_eq!(stage.cluster.restarts(&[NAMESPACE]).await.unwrap(), 0);
}

#[tokio::test]
async fn a_missing_permission_is_named_and_its_return_is_enough() {
    for resource in ["pods", "namespaces"] {
        let stage = Stage::set("e2e-chart-permission").await.unwrap();
        take_away(resource, "list").await;
        let endpoint = start_again(&stage).await;
        readyz_says(&endpoint, 503, &format!("cannot list resource {resource:?}")).await;
        release::install().await.unwrap();
        goes_on(&stage, &endpoint).await;
    }
}

#[tokio::test]
async fn a_limit_that_may_not_be_written_is_told_and_written_once_it_may() {
    let stage = Stage::set("e2e-chart-patch").await.unwrap();
    take_away("pods", "patch").await;
    let pod = stage.start("Deployment", "best-effort", 1, Work::Idle).await.unwrap().remove(0);
    stage.apply(&pinned(by_probe("steady", HOST), "50M")).await.unwrap();
    let told = |policy: &_| {
        let enforced = condition(policy, "Enforced");
        enforced.starts_with("False") && enforced.contains("cannot patch resource")
    };
    stage.policy_where("steady", "the missing permission", told).await.unwrap();
    release::install().await.unwrap();
    stage.limited(&pod, Some(50_000_000)).await.unwrap();
    let well = |policy: &_| condition(policy, "Enforced").starts_with("True");
    stage.policy_where("steady", "in force", well).await.unwrap();
}

#[tokio::test]
async fn a_missing_definition_is_named_and_its_return_is_enough() {
    let stage = Stage::set("e2e-chart-definition").await.unwrap();
    kubectl("delete customresourcedefinition flowpolicies.flow.fustli.io").await.unwrap();
    let endpoint = start_again(&stage).await;
    readyz_says(&endpoint, 503, "install the CustomResourceDefinition").await;
    release::install().await.unwrap();
    goes_on(&stage, &endpoint).await;
}
