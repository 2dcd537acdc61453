//! What cannot be found or measured is said, raises no limit, and is nobody else's trouble. What Prometheus may answer
//! to a query is in `bad_answers`.

use flow_e2e::Stage;
use flow_e2e::factory::HOST;
use flow_e2e::policies::{by_probe, with};
use flow_e2e::stage::{condition, limit};
use flow_e2e::workload::Work;
use flow_policy::names::EGRESS_BANDWIDTH;
use serde_json::{Value, json};

const NAMESPACE: &str = "e2e-no-data";

/// A policy of its own for another workload: it raises its limit from 50M to its maximum, 100M, as long as it works.
pub(super) async fn neighbour(stage: &Stage) {
    stage.start("Deployment", "neighbour", 1, Work::Idle).await.unwrap();
    let target = json!([{
        "kind": "Deployment", "name": "neighbour", "limit": {"min": "10M", "max": "100M", "initial": "50M"},
    }]);
    stage.apply(&with(by_probe("neighbour", HOST), "/spec/targets", target)).await.unwrap();
}

pub(super) async fn neighbour_thrives(stage: &Stage) {
    stage
        .policy_where("neighbour", "its limit at 100M", |policy| limit(policy) == Some("100M"))
        .await
        .unwrap();
}

/// Applies a policy that starts at 50M, and expects it to say `text` and to hold that limit.
async fn is_unknown(objective: Value, text: &str) {
    let stage = Stage::set(NAMESPACE).await.unwrap();
    let pods = stage.start("Deployment", "best-effort", 1, Work::Idle).await.unwrap();
    let held = json!({"min": "10M", "max": "100M", "initial": "50M"});
    stage.apply(&with(objective, "/spec/targets/0/limit", held)).await.unwrap();
    neighbour(&stage).await;
    let unknown = |policy: &_| {
        let said = condition(policy, "ObjectivesMet");
        said.starts_with("Unknown NoData") && said.contains(text)
    };
    stage.policy_where("blind", text, unknown).await.unwrap();
    stage.warning("blind", text).await.unwrap();
    neighbour_thrives(&stage).await;
    stage.limited(&pods[0], Some(50_000_000)).await.unwrap();
    stage.annotated(&pods[0], EGRESS_BANDWIDTH, Some("50M")).await.unwrap();
}

#[tokio::test]
async fn a_host_that_does_not_resolve_is_unknown() {
    is_unknown(by_probe("blind", "no-such-host.factory.svc"), "no-such-host").await;
}

#[tokio::test]
async fn a_target_that_does_not_exist_is_named() {
    let stage = Stage::set(NAMESPACE).await.unwrap();
    stage.apply(&by_probe("aimless", HOST)).await.unwrap();
    neighbour(&stage).await;
    let stalled = |policy: &_| {
        let said = condition(policy, "Stalled");
        said.starts_with("True TargetNotFound") && said.contains("best-effort")
    };
    stage.policy_where("aimless", "that its target is missing", stalled).await.unwrap();
    stage.warning("aimless", "best-effort").await.unwrap();
    neighbour_thrives(&stage).await;
    // Once the target is there, all is well.
    let pods = stage.start("Deployment", "best-effort", 1, Work::Idle).await.unwrap();
    let well = |policy: &_| {
        condition(policy, "Stalled").is_empty() && condition(policy, "Ready").starts_with("True")
    };
    stage.policy_where("aimless", "that it works", well).await.unwrap();
    stage.limited(&pods[0], Some(100_000_000)).await.unwrap();
}
