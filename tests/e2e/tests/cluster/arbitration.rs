//! What holds where several ask for something else of one pod, and what the policies say about it.

use flow_e2e::Stage;
use flow_e2e::factory::HOST;
use flow_e2e::kubectl::{apply_in, kubectl};
use flow_e2e::policies::{by_probe, pinned, target, with};
use flow_e2e::stage::condition;
use flow_e2e::workload::{Work, workload};
use flow_policy::FlowPolicy;
use flow_policy::names::{EGRESS_BANDWIDTH, ORIGINAL_EGRESS_BANDWIDTH, PAUSED};
use serde_json::json;

const NAMESPACE: &str = "e2e-arbitration";

/// What else holds the pods of the policy's only target.
fn said(policy: &FlowPolicy) -> Option<&str> {
    policy.status.as_ref()?.targets.first()?.message.as_deref()
}

fn enforced(policy: &FlowPolicy) -> Option<i32> {
    Some(policy.status.as_ref()?.targets.first()?.enforced)
}

/// Waits until the policy says so, and that its only pod is held at or below its limit.
async fn says(stage: &Stage, policy: &str, message: Option<&str>) {
    let wanted = |policy: &FlowPolicy| said(policy) == message && enforced(policy) == Some(1);
    stage.policy_where(policy, &format!("one pod held, and {message:?}"), wanted).await.unwrap();
}

#[tokio::test]
async fn of_two_policies_on_one_pod_the_lower_limit_holds_and_both_say_so() {
    let stage = Stage::set(NAMESPACE).await.unwrap();
    let pods = stage.start("Deployment", "best-effort", 1, Work::Idle).await.unwrap();
    let held = format!("1 of 1 pod is held lower by the policy {}/stricter", stage.namespace);
    let also = format!("also limited by the policy {}/looser", stage.namespace);
    stage.apply(&pinned(by_probe("looser", HOST), "60M")).await.unwrap();
    stage.limited(&pods[0], Some(60_000_000)).await.unwrap();
    says(&stage, "looser", None).await;
    stage.apply(&pinned(by_probe("stricter", HOST), "30M")).await.unwrap();
    stage.limited(&pods[0], Some(30_000_000)).await.unwrap();
    says(&stage, "looser", Some(&held)).await;
    says(&stage, "stricter", Some(&also)).await;

    // A paused policy keeps its limits, so it still holds the pod.
    let annotate = format!("-n {} annotate flowpolicy stricter --overwrite", stage.namespace);
    kubectl(&format!("{annotate} {PAUSED}=true")).await.unwrap();
    let paused = |policy: &_| !condition(policy, "Paused").is_empty();
    stage.policy_where("stricter", "paused", paused).await.unwrap();
    says(&stage, "looser", Some(&held)).await;
    stage.limited(&pods[0], Some(30_000_000)).await.unwrap();
    kubectl(&format!("{annotate} {PAUSED}-")).await.unwrap();

    stage.change("stricter", &json!({"mode": "Observe"})).await.unwrap();
    stage.limited(&pods[0], Some(60_000_000)).await.unwrap();
    says(&stage, "looser", None).await;
    stage.policy_where("stricter", "nothing to say", |policy| said(policy).is_none()).await.unwrap();

    stage.change("stricter", &json!({"mode": "Enforce"})).await.unwrap();
    stage.limited(&pods[0], Some(30_000_000)).await.unwrap();
    says(&stage, "looser", Some(&held)).await;
    stage.delete("stricter").await.unwrap();
    stage.limited(&pods[0], Some(60_000_000)).await.unwrap();
    says(&stage, "looser", None).await;
}

#[tokio::test]
async fn a_limit_that_was_there_before_is_an_upper_bound_and_comes_back() {
    let stage = Stage::set(NAMESPACE).await.unwrap();
    let limited = json!({EGRESS_BANDWIDTH: "50M"});
    let workload = workload("Deployment", "best-effort", 1, Work::Idle);
    let workload = with(workload, "/spec/template/metadata/annotations", limited);
    apply_in(&stage.namespace, &workload).await.unwrap();
    let pod = stage.cluster.running(&stage.namespace, "best-effort", 1).await.unwrap().remove(0);
    stage.limited(&pod, Some(50_000_000)).await.unwrap();
    let before = stage.cluster.annotations(&pod).await.unwrap();

    stage.apply(&pinned(by_probe("bounded", HOST), "80M")).await.unwrap();
    stage.annotated(&pod, ORIGINAL_EGRESS_BANDWIDTH, Some("50M")).await.unwrap();
    says(&stage, "bounded", Some("1 of 1 pod keeps the lower limit of before, 50M")).await;
    stage.annotated(&pod, EGRESS_BANDWIDTH, Some("50M")).await.unwrap();
    stage.limited(&pod, Some(50_000_000)).await.unwrap();

    let lower = json!({"targets": [target("Deployment", "best-effort", "20M")]});
    stage.change("bounded", &lower).await.unwrap();
    stage.limited(&pod, Some(20_000_000)).await.unwrap();
    says(&stage, "bounded", None).await;

    stage.delete("bounded").await.unwrap();
    stage.limited(&pod, Some(50_000_000)).await.unwrap();
    assert_eq!(stage.cluster.annotations(&pod).await.unwrap(), before);
}
