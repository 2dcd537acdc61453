//! The operator stops fast, leaves limits in force, and goes on from them.

use flow_e2e::cluster::network;
use flow_e2e::kubectl::kubectl;
use flow_e2e::operator::{self, Endpoint};
use flow_e2e::policies::{sinking, with};
use flow_e2e::wait::{Look, until};
use flow_e2e::workload::Work;
use flow_e2e::{LimitWatch, Stage};
use flow_policy::names::EGRESS_BANDWIDTH;
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use serde_json::json;
use std::time::{Duration, Instant};

const NAMESPACE: &str = "e2e-restart";

/// Stops the controller, and expects the next one to go on with `limit` for the policy `sinking`, which leaves each of
/// `pods` at `mbps` all the while.
async fn goes_on_after_a_stop(stage: &Stage, pods: &[Pod], limit: &str, mbps: u32) {
    let watched: Vec<_> = pods.iter().map(|pod| (pod.name_any(), network(pod).unwrap())).collect();
    let watch = LimitWatch::start(Instant::now(), watched.into_iter()).await.unwrap();
    let controller = operator::controller(&stage.cluster).await.unwrap();
    let before = stage.cluster.restarts(&[operator::NAMESPACE]).await.unwrap();
    let stopped_in = operator::stop(&controller).await.unwrap();
    assert!(stopped_in < Duration::from_secs(5), "{stopped_in:?}");
    for pod in pods {
        stage.annotated(pod, EGRESS_BANDWIDTH, Some(&format!("{mbps}M"))).await.unwrap();
    }
    until("the next controller at work", Duration::from_mins(1), async || {
        let restarts = stage.cluster.restarts(&[operator::NAMESPACE]).await?;
        let metrics = Endpoint::of_controller(&stage.cluster).await?.metrics().await?;
        let decided = metrics.value("flowmanager_target_limit_bps", &["policy=\"sinking\""]);
        let decided = decided.map(|bps| format!("{}M", bps / 1e6));
        Ok(Look::when(restarts > before && decided.as_deref() == Some(limit), || {
            format!("{restarts} restarts, {decided:?}")
        }))
    })
    .await
    .unwrap();
    let shown = |policy: &_| flow_e2e::stage::limit(policy) == Some(limit);
    stage.policy_where("sinking", &format!("its limit at {limit}"), shown).await.unwrap();
    let rates: Vec<_> = watch.points().iter().map(|point| point.mbps).collect();
    assert!(rates.iter().all(|rate| *rate == Some(f64::from(mbps))), "{rates:?}");
}

#[tokio::test]
async fn a_stop_takes_less_than_five_seconds_and_no_limit_jumps_at_the_restart() {
    let stage = Stage::set(NAMESPACE).await.unwrap();
    let pods = stage.start("Deployment", "best-effort", 1, Work::Idle).await.unwrap();
    // Violated for good: the limit sinks from its maximum, 100M, to its minimum, 10M.
    stage.apply(&sinking("sinking")).await.unwrap();
    stage.limited(&pods[0], Some(10_000_000)).await.unwrap();
    goes_on_after_a_stop(&stage, &pods, "10M", 10).await;
}

#[tokio::test]
async fn no_share_of_a_limit_jumps_at_the_restart() {
    let stage = Stage::set(NAMESPACE).await.unwrap();
    let pods = stage.start("Deployment", "best-effort", 2, Work::Idle).await.unwrap();
    let limit = json!({"min": "24M", "max": "100M", "scope": "Target"});
    let policy = with(sinking("sinking"), "/spec/targets/0/limit", limit);
    stage.apply(&policy).await.unwrap();
    for pod in &pods {
        stage.limited(pod, Some(12_000_000)).await.unwrap();
    }
    goes_on_after_a_stop(&stage, &pods, "24M", 12).await;
}

#[tokio::test]
async fn what_is_deleted_while_the_operator_is_away_is_restored_once_it_is_back() {
    let stage = Stage::set(NAMESPACE).await.unwrap();
    let pod = stage.start("Deployment", "best-effort", 1, Work::Idle).await.unwrap().remove(0);
    let before = stage.cluster.annotations(&pod).await.unwrap();
    stage.apply(&sinking("sinking")).await.unwrap();
    stage.limited(&pod, Some(10_000_000)).await.unwrap();
    operator::scale(0).await.unwrap();
    kubectl(&format!("-n {} delete flowpolicy sinking --wait=false", stage.namespace)).await.unwrap();
    stage.annotated(&pod, EGRESS_BANDWIDTH, Some("10M")).await.unwrap();
    operator::scale(1).await.unwrap();
    stage.annotated(&pod, EGRESS_BANDWIDTH, None).await.unwrap();
    stage.limited(&pod, None).await.unwrap();
    assert_eq!(stage.cluster.annotations(&pod).await.unwrap(), before);
}
