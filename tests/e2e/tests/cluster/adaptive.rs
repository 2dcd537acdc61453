//! The law Adaptive finds what the link bears, remembers it, and lets off who is not the cause.

use flow_e2e::Stage;
use flow_e2e::factory::HOST;
use flow_e2e::policies::{by_probe, by_query, with};
use flow_e2e::stage::condition;
use flow_e2e::workload::Work;
use flow_policy::FlowPolicy;
use serde_json::{Value, json};

const NAMESPACE: &str = "e2e-adaptive";

/// The same policy with the law Adaptive as it comes.
fn adaptive(policy: Value) -> Value {
    with(policy, "/spec/control", json!({"law": "Adaptive"}))
}

/// The highest limit of the policy's target that is known to be good, in Mbit/s.
fn safe_mbps(policy: &FlowPolicy) -> Option<f64> {
    let safe = policy.status.as_ref()?.targets.first()?.safe_limit.as_ref()?;
    let limit: flow_control::Bandwidth = safe.parse().ok()?;
    Some(flow_e2e::mbps(limit.bps()))
}

/// How many pods the policy's target has.
fn pods(policy: &FlowPolicy) -> Option<i32> {
    Some(policy.status.as_ref()?.targets.first()?.pods)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limit_that_the_link_bears_is_found_and_told_and_shared_by_pods_that_join() {
    let mut stage = Stage::set(NAMESPACE).await.unwrap();
    stage.factory.open_sink().unwrap();
    stage.start("Deployment", "best-effort", 2, Work::Upload).await.unwrap();
    stage.apply(&adaptive(by_probe("robot", HOST))).await.unwrap();
    // Known to be good is first what the queue emptied under, and then what the link bears.
    let found = |policy: &FlowPolicy| {
        safe_mbps(policy).is_some_and(|safe| safe > 40.0)
            && condition(policy, "ObjectivesMet").starts_with("True")
    };
    let policy = stage.policy_where("robot", "a limit that the link bears", found).await.unwrap();
    let safe = safe_mbps(&policy).unwrap();
    assert!(safe < 51.0, "{safe} Mbit/s for each of two pods on 100 Mbit/s");
    stage.start("Deployment", "best-effort", 4, Work::Upload).await.unwrap();
    let policy = stage.policy_where("robot", "four pods", |policy| pods(policy) == Some(4)).await.unwrap();
    let safe = safe_mbps(&policy).unwrap_or_default();
    assert!(safe < 26.0, "{safe} Mbit/s were never good for each of four");
    let shared = |policy: &FlowPolicy| {
        safe_mbps(policy).is_some_and(|safe| (18.0..26.0).contains(&safe))
            && condition(policy, "ObjectivesMet").starts_with("True")
    };
    stage.policy_where("robot", "a limit that the link bears from four", shared).await.unwrap();
}

#[tokio::test]
async fn limits_of_pods_that_send_nothing_are_given_back() {
    let stage = Stage::set(NAMESPACE).await.unwrap();
    let pod = stage.start("Deployment", "best-effort", 1, Work::Idle).await.unwrap().remove(0);
    // Violated whatever the limits are.
    stage.apply(&adaptive(by_query("elsewhere", "vector(2)", "1"))).await.unwrap();
    let ineffective =
        |policy: &FlowPolicy| condition(policy, "Ineffective").starts_with("True NoEffect: queried");
    stage.policy_where("elsewhere", "Ineffective", ineffective).await.unwrap();
    stage.limited(&pod, Some(100_000_000)).await.unwrap();
}
