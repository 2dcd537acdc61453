//! Of several controllers one works, and none writes after another has taken over.

use flow_e2e::LimitWatch;
use flow_e2e::Stage;
use flow_e2e::cluster::network;
use flow_e2e::factory::HOST;
use flow_e2e::operator::{self, Endpoint};
use flow_e2e::policies::{by_probe, pinned, target};
use flow_e2e::replicas::{leader, scale};
use flow_e2e::workload::Work;
use kube::ResourceExt;
use serde_json::json;
use std::time::Instant;

const NAMESPACE: &str = "e2e-leadership";

#[tokio::test]
async fn the_other_takes_over_where_a_leader_hangs_and_what_hung_writes_no_more() {
    let stage = Stage::set(NAMESPACE).await.unwrap();
    let pod = stage.start("Deployment", "best-effort", 1, Work::Idle).await.unwrap().remove(0);
    stage.apply(&pinned(by_probe("steady", HOST), "50M")).await.unwrap();
    stage.limited(&pod, Some(50_000_000)).await.unwrap();
    let watched = [(pod.name_any(), network(&pod).unwrap())];
    let watch = LimitWatch::start(Instant::now(), watched.into_iter()).await.unwrap();
    let replicas = scale(&stage.cluster, 2).await.unwrap();
    let first = leader(&replicas).await.unwrap();

    first.signal("STOP").await.unwrap();
    let second = leader(&replicas).await.unwrap();
    assert_ne!(second.pod.name_any(), first.pod.name_any());
    stage.change("steady", &json!({"targets": [target("Deployment", "best-effort", "30M")]})).await.unwrap();
    stage.limited(&pod, Some(30_000_000)).await.unwrap();
    first.signal("CONT").await.unwrap();
    first.stands_by().await.unwrap();
    assert!(second.leads().await.unwrap());

    second.signal("TERM").await.unwrap();
    leader(&replicas).await.unwrap();
    stage
        .policy_where("steady", "still in force", |policy| {
            flow_e2e::stage::condition(policy, "Enforced").starts_with("True")
        })
        .await
        .unwrap();
    let mut rates: Vec<_> = watch.points().iter().map(|point| point.mbps).collect();
    rates.dedup();
    assert_eq!(rates, [Some(50.0), Some(30.0)], "every limit that was in force, in its order");
    scale(&stage.cluster, 1).await.unwrap();
    operator::ready().await.unwrap();
    Endpoint::of_controller(&stage.cluster).await.unwrap();
}
