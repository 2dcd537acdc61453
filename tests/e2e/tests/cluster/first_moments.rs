//! How late the limit of a new pod is.

use flow_e2e::factory::HOST;
use flow_e2e::policies::{by_probe, selected, with};
use flow_e2e::stage::condition;
use flow_e2e::workload::{Work, bare_pod};
use flow_e2e::{FirstMoments, Stage};
use serde_json::json;

const NAMESPACE: &str = "e2e-first-moments";
const BPS: u64 = 8_000_000;

/// What may leave before the limit is there. Without one, the link takes as much in 20 ms.
const HARDLY_ANYTHING: u64 = 256 * 1024;

#[tokio::test]
async fn new_pods_are_limited_before_they_send() {
    let mut stage = Stage::set(NAMESPACE).await.unwrap();
    stage.factory.open_sink().unwrap();
    let targets = json!([selected("eager", "8M")]);
    stage.apply(&with(by_probe("expecting", HOST), "/spec/targets", targets)).await.unwrap();
    let waiting = |policy: &_| condition(policy, "Enforced").starts_with("Unknown NoPods");
    stage.policy_where("expecting", "that it waits for pods", waiting).await.unwrap();
    let mut all = Vec::new();
    for number in 1..=5 {
        let pod = bare_pod(&format!("eager-{number}"), "eager", Work::Upload);
        let pod = serde_json::from_value(pod).unwrap();
        let moments = FirstMoments::of(&stage.cluster, &stage.namespace, &pod, "upload", BPS).await.unwrap();
        println!("pod {number}: {moments}");
        all.push(moments);
    }
    let median = FirstMoments::median(&all).unwrap();
    println!("median: {median}");
    for moments in &all {
        assert!(moments.annotated_s <= moments.started_s, "annotated too late: {moments}");
    }
    assert!(median.sent_before_limit < HARDLY_ANYTHING, "limited too late: {median}");
}
