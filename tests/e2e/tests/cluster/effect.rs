//! Limits that do not help are given back, and limits that no pod is held to do not move.

use flow_e2e::Stage;
use flow_e2e::operator::Endpoint;
use flow_e2e::policies::{by_query, with};
use flow_e2e::stage::{condition, limit};
use flow_e2e::wait::{Look, until};
use flow_e2e::workload::Work;
use serde_json::json;
use std::time::Duration;

const NAMESPACE: &str = "e2e-effect";

#[tokio::test]
async fn limits_that_do_not_help_are_given_back_and_tried_again() {
    let stage = Stage::set(NAMESPACE).await.unwrap();
    let pod = stage.start("Deployment", "best-effort", 1, Work::Idle).await.unwrap().remove(0);
    // Violated whatever the limits are.
    let policy = by_query("helpless", "vector(2)", "1");
    let check = json!({"after": "3s", "retryAfter": "10s"});
    stage.apply(&with(policy, "/spec/control/effectCheck", check)).await.unwrap();
    stage.limited(&pod, Some(10_000_000)).await.unwrap();

    let ineffective = |policy: &_| condition(policy, "Ineffective").starts_with("True NoEffect: queried");
    let policy = stage.policy_where("helpless", "Ineffective", ineffective).await.unwrap();
    assert!(condition(&policy, "ObjectivesMet").starts_with("False Violated"));
    let said = condition(&policy, "Ineffective");
    assert!(said.contains("2 while limits were cut, 2 with limits at their minimum"), "{said}");
    stage.limited(&pod, Some(100_000_000)).await.unwrap();
    stage.warning("helpless", "queried gains nothing by limits at their minimum").await.unwrap();
    let resting = |policy: &_| condition(policy, "Ineffective").contains("tried again at 20");
    stage.policy_where("helpless", "when limits are tried again", resting).await.unwrap();

    stage.limited(&pod, Some(10_000_000)).await.unwrap();
}

#[tokio::test]
async fn the_limit_of_a_target_without_a_pod_stays_until_there_is_one() {
    let stage = Stage::set(NAMESPACE).await.unwrap();
    stage.start("Deployment", "best-effort", 0, Work::Idle).await.unwrap();
    stage.apply(&by_query("podless", "vector(2)", "1")).await.unwrap();
    until("decisions to move no limit", Duration::from_secs(30), async || {
        let metrics = Endpoint::of_controller(&stage.cluster).await?.metrics().await?;
        let labels = ["policy=\"podless\"", "action=\"Hold\"", "reason=\"NoPods\""];
        let decided = metrics.value("flowmanager_decisions_total", &labels);
        Ok(Look::when(decided >= Some(5.0), || format!("{decided:?}")))
    })
    .await
    .unwrap();
    stage.policy_where("podless", "its limit at 100M", |policy| limit(policy) == Some("100M")).await.unwrap();
    let pods = stage.start("Deployment", "best-effort", 1, Work::Idle).await.unwrap();
    stage.limited(&pods[0], Some(10_000_000)).await.unwrap();
}
