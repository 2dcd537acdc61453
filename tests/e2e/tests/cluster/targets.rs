//! Whom a policy limits.

use flow_e2e::Stage;
use flow_e2e::factory::HOST;
use flow_e2e::policies::{by_probe, pinned, target};
use flow_e2e::stage::condition;
use flow_e2e::workload::Work;
use flow_policy::names::EGRESS_BANDWIDTH;
use serde_json::json;

const NAMESPACE: &str = "e2e-targets";

#[tokio::test]
async fn the_pods_of_every_kind_of_target_are_limited() {
    let stage = Stage::set(NAMESPACE).await.unwrap();
    let mut limited = Vec::new();
    for kind in ["Deployment", "StatefulSet", "DaemonSet"] {
        let name = format!("of-{}", kind.to_lowercase());
        limited.extend(stage.start(kind, &name, 1, Work::Idle).await.unwrap());
    }
    limited.extend(stage.start("Deployment", "selected", 1, Work::Idle).await.unwrap());
    let bystander = stage.start("Deployment", "bystander", 1, Work::Idle).await.unwrap();
    let mut selected = target("Pods", "by-label", "50M");
    selected["selector"] = json!({"matchLabels": {"app": "selected"}});
    let mut policy = by_probe("kinds", HOST);
    policy["spec"]["targets"] = json!([
        target("Deployment", "of-deployment", "50M"),
        target("StatefulSet", "of-statefulset", "50M"),
        target("DaemonSet", "of-daemonset", "50M"),
        selected,
    ]);
    stage.apply(&policy).await.unwrap();
    for pod in &limited {
        stage.annotated(pod, EGRESS_BANDWIDTH, Some("50M")).await.unwrap();
        stage.limited(pod, Some(50_000_000)).await.unwrap();
    }
    let in_force = stage
        .policy_where("kinds", "limits in force", |policy| condition(policy, "Enforced").starts_with("True"))
        .await
        .unwrap();
    let targets = in_force.status.unwrap().targets;
    assert!(
        targets.len() == 4 && targets.iter().all(|target| target.pods == 1 && target.enforced == 1),
        "{targets:?}"
    );
    stage.annotated(&bystander[0], EGRESS_BANDWIDTH, None).await.unwrap();
    stage.limited(&bystander[0], None).await.unwrap();
}

#[tokio::test]
async fn a_pod_that_comes_later_is_limited_too() {
    let stage = Stage::set(NAMESPACE).await.unwrap();
    let first = stage.start("Deployment", "best-effort", 1, Work::Idle).await.unwrap();
    stage.apply(&pinned(by_probe("growing", HOST), "40M")).await.unwrap();
    stage.limited(&first[0], Some(40_000_000)).await.unwrap();
    let all = stage.start("Deployment", "best-effort", 3, Work::Idle).await.unwrap();
    assert!(all.iter().any(|pod| pod.metadata.uid == first[0].metadata.uid), "the first pod was replaced");
    for pod in &all {
        stage.limited(pod, Some(40_000_000)).await.unwrap();
    }
}

#[tokio::test]
async fn of_two_policies_on_one_pod_the_lower_limit_holds() {
    let stage = Stage::set(NAMESPACE).await.unwrap();
    let pods = stage.start("Deployment", "best-effort", 1, Work::Idle).await.unwrap();
    stage.apply(&pinned(by_probe("looser", HOST), "60M")).await.unwrap();
    stage.limited(&pods[0], Some(60_000_000)).await.unwrap();
    stage.apply(&pinned(by_probe("stricter", HOST), "30M")).await.unwrap();
    stage.limited(&pods[0], Some(30_000_000)).await.unwrap();
    stage.delete("stricter").await.unwrap();
    stage.limited(&pods[0], Some(60_000_000)).await.unwrap();
}
