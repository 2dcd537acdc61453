//! What people see of a policy: its columns, its description, its Events; and that it is left alone once all is said.

use flow_e2e::Stage;
use flow_e2e::kubectl::kubectl;
use flow_e2e::policies::{by_query, pinned};
use flow_e2e::stage::{condition, limit};
use flow_e2e::workload::Work;
use flow_policy::FlowPolicy;
use kube::ResourceExt;
use std::time::Duration;

const NAMESPACE: &str = "e2e-status";

/// How long a policy is looked at about which nothing is new.
const WINDOW: Duration = Duration::from_secs(10);

/// One best-effort pod, and a policy that holds it to 50M, whatever is measured.
async fn steady() -> Stage {
    let stage = Stage::set(NAMESPACE).await.unwrap();
    stage.start("Deployment", "best-effort", 1, Work::Idle).await.unwrap();
    stage.apply(&pinned(by_query("steady", "vector(0)", "1"), "50M")).await.unwrap();
    stage
}

/// The same with a policy whose objective is violated for good, once its limit is at its minimum.
async fn sinking() -> Stage {
    let stage = Stage::set(NAMESPACE).await.unwrap();
    stage.start("Deployment", "best-effort", 1, Work::Idle).await.unwrap();
    stage.apply(&by_query("sinking", "vector(2)", "1")).await.unwrap();
    stage
        .policy_where("sinking", "its limit at its minimum", |policy| limit(policy) == Some("10M"))
        .await
        .unwrap();
    stage
}

fn all_is_said(policy: &FlowPolicy) -> bool {
    let enforced =
        policy.status.iter().flat_map(|status| &status.targets).map(|target| target.enforced).sum::<i32>();
    let conditions = ["Accepted", "Ready", "ObjectivesMet", "Enforced"];
    enforced == 1 && conditions.iter().all(|type_| condition(policy, type_).starts_with("True"))
}

#[tokio::test]
async fn a_policy_about_which_nothing_is_new_is_not_written() {
    let stage = steady().await;
    let before = stage.policy_where("steady", "all conditions True", all_is_said).await.unwrap();
    tokio::time::sleep(WINDOW).await;
    let after = stage.cluster.policies(&stage.namespace).get("steady").await.unwrap();
    assert_eq!(after.resource_version(), before.resource_version(), "{before:#?} became {after:#?}");
}

#[tokio::test]
async fn kubectl_waits_for_a_policy_to_be_ready_and_enforced() {
    let stage = steady().await;
    for condition in ["Accepted", "Ready", "Enforced", "ObjectivesMet"] {
        let wait = format!("-n {} wait --for=condition={condition} --timeout=30s fp/steady", stage.namespace);
        let said = kubectl(&wait).await.unwrap();
        assert!(said.contains("condition met"), "{said}");
    }
}

#[tokio::test]
async fn the_columns_say_how_a_policy_stands_and_why_its_limit_last_changed() {
    let stage = sinking().await;
    let table = kubectl(&format!("-n {} get fp sinking -o wide", stage.namespace)).await.unwrap();
    let row: Vec<&str> = table.lines().last().unwrap().split_whitespace().collect();
    assert_eq!(row[..5], ["sinking", "Enforce", "True", "False", "10M"], "{table}");
    assert!(table.contains("queried is 2, bound <= 1: limit cut to 10M"), "{table}");
    let narrow = kubectl(&format!("-n {} get fp sinking", stage.namespace)).await.unwrap();
    assert!(!narrow.contains("limit cut to"), "{narrow}");
}

#[tokio::test]
async fn describe_tells_conditions_then_the_last_decision_then_limits() {
    let stage = sinking().await;
    stage.warning("sinking", "every limit is at its minimum").await.unwrap();
    let said = kubectl(&format!("-n {} describe fp sinking", stage.namespace)).await.unwrap();
    let (_, status) = said.split_once("\nStatus:").unwrap_or_else(|| panic!("no status in {said}"));
    let parts = [
        "Conditions:",
        "violated: queried (<= 1)",
        "Last Decision:",
        "Limit:",
        "Objectives:",
        "Observed Generation:",
        "Targets:",
        "Events:",
        "AtMinimum",
    ];
    let mut rest = status;
    for part in parts {
        let Some((_, after)) = rest.split_once(part) else {
            panic!("{part} is not where it should be in {said}")
        };
        rest = after;
    }
}
