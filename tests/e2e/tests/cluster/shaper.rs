//! The annotation of a running pod, set by hand, takes effect on its queue.

use flow_e2e::cluster::network;
use flow_e2e::operator::{self, Endpoint};
use flow_e2e::wait::{Look, until};
use flow_e2e::workload::Work;
use flow_e2e::{LimitWatch, PodNetwork, Stage};
use flow_policy::names::EGRESS_BANDWIDTH;
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use std::time::{Duration, Instant};

const NAMESPACE: &str = "e2e-shaper";

async fn set(work: Work) -> (Stage, Pod) {
    let stage = Stage::set(NAMESPACE).await.unwrap();
    let pod = stage.start("Deployment", "best-effort", 1, work).await.unwrap().remove(0);
    (stage, pod)
}

/// When the watch saw the pod limited to so many Mbit/s.
async fn seen_s(watch: &LimitWatch, mbps: f64) -> f64 {
    until(&format!("a limit of {mbps} Mbit/s"), Duration::from_secs(10), async || {
        let points = watch.points();
        let found = points.iter().find(|point| point.mbps == Some(mbps));
        Ok(Look::some(found.map(|point| point.at_s), || format!("{:?}", points.last())))
    })
    .await
    .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_annotation_is_in_force_at_once_and_a_removed_one_leaves_no_qdisc() {
    let (stage, pod) = set(Work::Idle).await;
    let plain = network(&pod).unwrap().qdisc().await.unwrap();
    let watched = [(pod.name_any(), network(&pod).unwrap())];
    let start = Instant::now();
    let watch = LimitWatch::start(start, watched.into_iter()).await.unwrap();
    let mut fastest_s = f64::MAX;
    for mbps in 21..=30 {
        let asked_s = start.elapsed().as_secs_f64();
        stage.cluster.annotate(&pod, EGRESS_BANDWIDTH, Some(&format!("{mbps}M"))).await.unwrap();
        fastest_s = fastest_s.min(seen_s(&watch, f64::from(mbps)).await - asked_s);
    }
    assert!(fastest_s < 0.1, "the fastest of ten changes took {fastest_s} s");
    stage.cluster.annotate(&pod, EGRESS_BANDWIDTH, None).await.unwrap();
    stage.limited(&pod, None).await.unwrap();
    assert_eq!(network(&pod).unwrap().qdisc().await.unwrap(), plain);
}

/// Mbit/s that leave the pod during two seconds.
async fn sending(network: &PodNetwork) -> f64 {
    let (start, before) = (Instant::now(), network.sent_bytes().unwrap());
    tokio::time::sleep(Duration::from_secs(2)).await;
    flow_e2e::mbps((network.sent_bytes().unwrap() - before) * 8) / start.elapsed().as_secs_f64()
}

#[tokio::test]
async fn a_pod_really_sends_as_much_as_its_limit_and_the_metric_says_so() {
    let (mut stage, pod) = set(Work::Upload).await;
    stage.factory.open_sink().unwrap();
    for mbps in [20_u32, 40] {
        stage.cluster.annotate(&pod, EGRESS_BANDWIDTH, Some(&format!("{mbps}M"))).await.unwrap();
        stage.limited(&pod, Some(u64::from(mbps) * 1_000_000)).await.unwrap();
        let network = network(&pod).unwrap();
        let sent = f64::from(mbps);
        until("an upload at the limit", Duration::from_secs(20), async || {
            let now = sending(&network).await;
            Ok(Look::when((sent * 0.9..sent * 1.05).contains(&now), || format!("{now} Mbit/s of {sent}")))
        })
        .await
        .unwrap();
        let metrics = Endpoint::of_shaper(&stage.cluster).await.unwrap().metrics().await.unwrap();
        let label = format!("pod=\"{}\"", pod.name_any());
        assert_eq!(metrics.value("flowmanager_shaper_limit_bps", &[&label]), Some(sent * 1e6));
        let bytes = metrics.value("flowmanager_shaper_sent_bytes_total", &[&label]).unwrap();
        assert!(bytes > sent * 1e6 / 8.0, "{bytes}");
    }
}

#[tokio::test]
async fn a_limit_stands_without_a_gap_while_the_shaper_restarts() {
    let (stage, pod) = set(Work::Idle).await;
    stage.cluster.annotate(&pod, EGRESS_BANDWIDTH, Some("20M")).await.unwrap();
    stage.limited(&pod, Some(20_000_000)).await.unwrap();
    let watched = [(pod.name_any(), network(&pod).unwrap())];
    let watch = LimitWatch::start(Instant::now(), watched.into_iter()).await.unwrap();
    let shaper = operator::shaper(&stage.cluster).await.unwrap();
    operator::stop(&shaper).await.unwrap();
    // The next shaper has taken over once it follows a change.
    stage.cluster.annotate(&pod, EGRESS_BANDWIDTH, Some("25M")).await.unwrap();
    stage.limited(&pod, Some(25_000_000)).await.unwrap();
    let rates: Vec<_> = watch.points().iter().map(|point| point.mbps).collect();
    assert!(rates.iter().all(|rate| [Some(20.0), Some(25.0)].contains(rate)), "{rates:?}");
}

#[tokio::test]
async fn an_annotation_that_is_no_bandwidth_limits_nothing_and_is_told() {
    let (stage, pod) = set(Work::Idle).await;
    stage.cluster.annotate(&pod, EGRESS_BANDWIDTH, Some("fast")).await.unwrap();
    until("a problem in the shaper's metrics", Duration::from_secs(10), async || {
        let metrics = Endpoint::of_shaper(&stage.cluster).await?.metrics().await?;
        let problems = metrics.value("flowmanager_shaper_problems", &[]);
        Ok(Look::when(problems == Some(1.0), || format!("{problems:?}")))
    })
    .await
    .unwrap();
    stage.limited(&pod, None).await.unwrap();
}
