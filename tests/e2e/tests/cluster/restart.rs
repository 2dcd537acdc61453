//! The operator stops fast, leaves limits in force, and goes on from them.

use flow_e2e::cluster::network;
use flow_e2e::kubectl::kubectl;
use flow_e2e::operator::{self, Endpoint};
use flow_e2e::policies::by_query;
use flow_e2e::stage::limit;
use flow_e2e::wait::{Look, until};
use flow_e2e::workload::Work;
use flow_e2e::{LimitWatch, Stage};
use flow_policy::names::EGRESS_BANDWIDTH;
use kube::ResourceExt;
use std::time::{Duration, Instant};

const NAMESPACE: &str = "e2e-restart";

#[tokio::test]
async fn a_stop_takes_less_than_five_seconds_and_no_limit_jumps_at_the_restart() {
    let stage = Stage::set(NAMESPACE).await.unwrap();
    let pod = stage.start("Deployment", "best-effort", 1, Work::Idle).await.unwrap().remove(0);
    // Violated for good: the limit sinks from its maximum, 100M, to its minimum, 10M.
    stage.apply(&by_query("sinking", "vector(2)", "1")).await.unwrap();
    stage.limited(&pod, Some(10_000_000)).await.unwrap();
    let watched = [(pod.name_any(), network(&pod).unwrap())];
    let watch = LimitWatch::start(Instant::now(), watched.into_iter()).await.unwrap();
    let controller = operator::controller(&stage.cluster).await.unwrap();
    let before = stage.cluster.restarts(&[operator::NAMESPACE]).await.unwrap();
    let stopped_in = operator::stop(&controller).await.unwrap();
    assert!(stopped_in < Duration::from_secs(5), "{stopped_in:?}");
    stage.annotated(&pod, EGRESS_BANDWIDTH, Some("10M")).await.unwrap();
    until("the next controller at work", Duration::from_mins(1), async || {
        let restarts = stage.cluster.restarts(&[operator::NAMESPACE]).await?;
        let metrics = Endpoint::of_controller(&stage.cluster).await?.metrics().await?;
        let decided = metrics.value("flowmanager_target_limit_bps", &["policy=\"sinking\""]);
        Ok(Look::when(restarts > before && decided == Some(1e7), || {
            format!("{restarts} restarts, {decided:?}")
        }))
    })
    .await
    .unwrap();
    stage.policy_where("sinking", "its limit at 10M", |policy| limit(policy) == Some("10M")).await.unwrap();
    let rates: Vec<_> = watch.points().iter().map(|point| point.mbps).collect();
    assert!(rates.iter().all(|rate| *rate == Some(10.0)), "{rates:?}");
}

#[tokio::test]
async fn what_is_deleted_while_the_operator_is_away_is_restored_once_it_is_back() {
    let stage = Stage::set(NAMESPACE).await.unwrap();
    let pod = stage.start("Deployment", "best-effort", 1, Work::Idle).await.unwrap().remove(0);
    let before = stage.cluster.annotations(&pod).await.unwrap();
    stage.apply(&by_query("sinking", "vector(2)", "1")).await.unwrap();
    stage.limited(&pod, Some(10_000_000)).await.unwrap();
    operator::scale(0).await.unwrap();
    kubectl(&format!("-n {} delete flowpolicy sinking --wait=false", stage.namespace)).await.unwrap();
    stage.annotated(&pod, EGRESS_BANDWIDTH, Some("10M")).await.unwrap();
    operator::scale(1).await.unwrap();
    stage.annotated(&pod, EGRESS_BANDWIDTH, None).await.unwrap();
    stage.limited(&pod, None).await.unwrap();
    assert_eq!(stage.cluster.annotations(&pod).await.unwrap(), before);
}
