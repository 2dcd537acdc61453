//! Whom a policy limits.

use flow_e2e::factory::HOST;
use flow_e2e::kubectl::apply_in;
use flow_e2e::operator::Endpoint;
use flow_e2e::policies::{by_probe, pinned, selected, shared, target, with};
use flow_e2e::stage::{PATIENCE, condition, limit};
use flow_e2e::wait::{Look, until};
use flow_e2e::workload::{Work, bare_pod, workload};
use flow_e2e::{Result, Stage};
use flow_policy::names::EGRESS_BANDWIDTH;
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use kube::api::ListParams;
use serde_json::{Value, json};

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
    let mut policy = by_probe("kinds", HOST);
    policy["spec"]["targets"] = json!([
        target("Deployment", "of-deployment", "50M"),
        target("StatefulSet", "of-statefulset", "50M"),
        target("DaemonSet", "of-daemonset", "50M"),
        selected("selected", "50M"),
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

/// Applies a policy of that name with these targets.
async fn apply(stage: &Stage, name: &str, targets: Value) {
    stage.apply(&with(by_probe(name, HOST), "/spec/targets", targets)).await.unwrap();
}

#[tokio::test]
async fn a_pod_without_a_controller_is_limited_by_a_selector() {
    let stage = Stage::set(NAMESPACE).await.unwrap();
    for app in ["alone", "bystander"] {
        apply_in(&stage.namespace, &bare_pod(app, app, Work::Idle)).await.unwrap();
    }
    let alone = stage.cluster.running(&stage.namespace, "alone", 1).await.unwrap().remove(0);
    let bystander = stage.cluster.running(&stage.namespace, "bystander", 1).await.unwrap().remove(0);
    apply(&stage, "selecting", json!([selected("alone", "50M")])).await;
    stage.limited(&alone, Some(50_000_000)).await.unwrap();
    stage.limited(&bystander, None).await.unwrap();
    stage.delete("selecting").await.unwrap();
    stage.limited(&alone, None).await.unwrap();
}

/// Waits for `count` pods of `app` whose containers run, ready or not.
async fn started(stage: &Stage, app: &str, count: usize) -> Result<Vec<Pod>> {
    let (pods, labels) =
        (stage.cluster.pods(&stage.namespace), ListParams::default().labels(&format!("app={app}")));
    until(&format!("{count} pods of {app} that run"), PATIENCE, async || {
        let list = pods.list(&labels).await?.items;
        let phase = |pod: &Pod| pod.status.as_ref().and_then(|status| status.phase.clone());
        let phases: Vec<_> = list.iter().map(phase).collect();
        let all = list.len() == count && phases.iter().all(|phase| phase.as_deref() == Some("Running"));
        Ok(Look::some(all.then(|| list.clone()), || format!("{phases:?}")))
    })
    .await
}

#[tokio::test]
async fn during_a_rollout_the_pods_of_both_revisions_are_limited() {
    let stage = Stage::set(NAMESPACE).await.unwrap();
    let old = stage.start("Deployment", "best-effort", 1, Work::Idle).await.unwrap().remove(0);
    // Nothing listens there: the new pod never becomes ready, so the old one stays.
    let probe = json!({"tcpSocket": {"port": 1}});
    let next = with(
        workload("Deployment", "best-effort", 1, Work::Idle),
        "/spec/template/spec/containers/0/readinessProbe",
        probe,
    );
    let surge = json!({"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}});
    apply_in(&stage.namespace, &with(next, "/spec/strategy", surge)).await.unwrap();
    let both = started(&stage, "best-effort", 2).await.unwrap();
    assert!(both.iter().any(|pod| pod.uid() == old.uid()), "the old pod is gone");
    let owners: Vec<_> = both.iter().map(|pod| pod.owner_references()[0].uid.clone()).collect();
    assert_ne!(owners[0], owners[1], "both are of one ReplicaSet");
    apply(&stage, "rolling", json!([shared("Deployment", "best-effort", "60M")])).await;
    for pod in &both {
        stage.limited(pod, Some(30_000_000)).await.unwrap();
    }
}

#[tokio::test]
async fn pods_that_come_and_go_share_the_limit_of_their_target() {
    let stage = Stage::set(NAMESPACE).await.unwrap();
    apply(&stage, "sharing", json!([shared("Deployment", "best-effort", "60M")])).await;
    let endpoint = Endpoint::of_controller(&stage.cluster).await.unwrap();
    for (replicas, bps) in [(1, 60_000_000), (3, 20_000_000), (1, 60_000_000)] {
        let pods = stage.start("Deployment", "best-effort", replicas, Work::Idle).await.unwrap();
        for pod in &pods {
            stage.limited(pod, Some(bps)).await.unwrap();
        }
        let whole =
            |policy: &_| limit(policy) == Some("60M") && condition(policy, "Enforced").starts_with("True");
        stage.policy_where("sharing", "60M for all pods", whole).await.unwrap();
        let count = u32::try_from(replicas).unwrap();
        until("the metrics of the whole target", PATIENCE, async || {
            let metrics = endpoint.metrics().await?;
            let value = |name: &str| metrics.value(name, &["policy=\"sharing\""]);
            let found = [value("flowmanager_target_limit_bps"), value("flowmanager_target_pods")];
            Ok(Look::when(found == [Some(6e7), Some(f64::from(count))], || format!("{found:?}")))
        })
        .await
        .unwrap();
    }
}

#[tokio::test]
async fn a_pod_on_the_network_of_its_node_is_reported_and_has_no_share() {
    let stage = Stage::set(NAMESPACE).await.unwrap();
    let escaped = bare_pod("escaped", "mixed", Work::Idle);
    apply_in(&stage.namespace, &with(escaped, "/spec/hostNetwork", json!(true))).await.unwrap();
    apply_in(&stage.namespace, &bare_pod("held", "mixed", Work::Idle)).await.unwrap();
    let pods = stage.cluster.running(&stage.namespace, "mixed", 2).await.unwrap();
    let shared = with(selected("mixed", "40M"), "/limit/scope", json!("Target"));
    apply(&stage, "mixed", json!([shared])).await;
    let [escaped, held] = pods.as_slice() else { panic!("{pods:?}") };
    stage.limited(held, Some(40_000_000)).await.unwrap();
    let told = |policy: &_| {
        let said = condition(policy, "Enforced");
        said.starts_with("False NotInForce")
            && said.contains("Pods/mixed: pod escaped: it uses the network of its node")
    };
    stage.policy_where("mixed", "which pod no limit reaches", told).await.unwrap();
    stage.annotated(escaped, EGRESS_BANDWIDTH, None).await.unwrap();
}
