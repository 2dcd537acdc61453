//! What was there before is there again afterwards.

use flow_e2e::Stage;
use flow_e2e::factory::HOST;
use flow_e2e::policies::{by_probe, pinned, target, with};
use flow_e2e::stage::{condition, limit};
use flow_e2e::workload::Work;
use flow_policy::FlowPolicy;
use flow_policy::names::{EGRESS_BANDWIDTH, ORIGINAL_EGRESS_BANDWIDTH};
use k8s_openapi::api::core::v1::Pod;
use serde_json::{Value, json};
use std::collections::BTreeMap;

const NAMESPACE: &str = "e2e-restore";

/// Two best-effort pods under a policy that holds them at 50M: the first had a limit of 70M before, the
/// second none.
struct Scene {
    stage: Stage,
    pods: Vec<Pod>,
    before: Vec<BTreeMap<String, String>>,
}

impl Scene {
    async fn set() -> Self {
        let stage = Stage::set(NAMESPACE).await.unwrap();
        let pods = stage.start("Deployment", "best-effort", 2, Work::Idle).await.unwrap();
        stage.cluster.annotate(&pods[0], EGRESS_BANDWIDTH, Some("70M")).await.unwrap();
        let mut before = Vec::new();
        for pod in &pods {
            before.push(stage.cluster.annotations(pod).await.unwrap());
        }
        stage.apply(&policy()).await.unwrap();
        for (pod, original) in pods.iter().zip(["70M", ""]) {
            stage.annotated(pod, EGRESS_BANDWIDTH, Some("50M")).await.unwrap();
            stage.annotated(pod, ORIGINAL_EGRESS_BANDWIDTH, Some(original)).await.unwrap();
            stage.limited(pod, Some(50_000_000)).await.unwrap();
        }
        Self { stage, pods, before }
    }

    async fn is_as_before(&self) {
        for (pod, (original, bps)) in self.pods.iter().zip([(Some("70M"), Some(70_000_000)), (None, None)]) {
            self.stage.annotated(pod, EGRESS_BANDWIDTH, original).await.unwrap();
            self.stage.limited(pod, bps).await.unwrap();
        }
        for (pod, before) in self.pods.iter().zip(&self.before) {
            assert_eq!(&self.stage.cluster.annotations(pod).await.unwrap(), before);
        }
    }
}

fn policy() -> Value {
    pinned(by_probe("restoring", HOST), "50M")
}

#[tokio::test]
async fn deleting_the_policy_restores_what_each_pod_had() {
    let scene = Scene::set().await;
    scene.stage.delete("restoring").await.unwrap();
    scene.is_as_before().await;
}

#[tokio::test]
async fn taking_the_target_out_of_the_policy_restores_its_pods() {
    let scene = Scene::set().await;
    scene.stage.start("Deployment", "other", 1, Work::Idle).await.unwrap();
    let targets = json!({"targets": [target("Deployment", "other", "50M")]});
    scene.stage.change("restoring", &targets).await.unwrap();
    scene.is_as_before().await;
}

#[tokio::test]
async fn switching_to_observe_restores_and_goes_on_reporting() {
    let scene = Scene::set().await;
    scene.stage.change("restoring", &json!({"mode": "Observe"})).await.unwrap();
    scene.is_as_before().await;
    let observing = |policy: &_| condition(policy, "Enforced").contains("Observing");
    scene.stage.policy_where("restoring", "mode Observe", observing).await.unwrap();
}

#[tokio::test]
async fn a_policy_that_is_switched_on_and_off_again_leaves_what_was_there() {
    let scene = Scene::set().await;
    for _ in 0..2 {
        scene.stage.change("restoring", &json!({"mode": "Observe"})).await.unwrap();
        scene.is_as_before().await;
        let off = |policy: &_| condition(policy, "Enforced").starts_with("False Observing");
        scene.stage.policy_where("restoring", "that nothing is enforced", off).await.unwrap();
        scene.stage.change("restoring", &json!({"mode": "Enforce"})).await.unwrap();
        for (pod, original) in scene.pods.iter().zip(["70M", ""]) {
            scene.stage.limited(pod, Some(50_000_000)).await.unwrap();
            scene.stage.annotated(pod, ORIGINAL_EGRESS_BANDWIDTH, Some(original)).await.unwrap();
        }
        let on = |policy: &_| condition(policy, "Enforced").starts_with("True InForce");
        scene.stage.policy_where("restoring", "limits in force again", on).await.unwrap();
    }
    scene.stage.change("restoring", &json!({"mode": "Observe"})).await.unwrap();
    scene.is_as_before().await;
}

#[tokio::test]
async fn a_policy_that_begins_by_observing_touches_nothing_until_it_enforces() {
    let stage = Stage::set(NAMESPACE).await.unwrap();
    let pod = stage.start("Deployment", "best-effort", 1, Work::Idle).await.unwrap().remove(0);
    stage.cluster.annotate(&pod, EGRESS_BANDWIDTH, Some("70M")).await.unwrap();
    let before = stage.cluster.annotations(&pod).await.unwrap();
    stage.apply(&with(policy(), "/spec/mode", json!("Observe"))).await.unwrap();
    let off = |policy: &_| {
        condition(policy, "Enforced").starts_with("False Observing") && limit(policy) == Some("50M")
    };
    stage.policy_where("restoring", "what it would do", off).await.unwrap();
    assert_eq!(stage.cluster.annotations(&pod).await.unwrap(), before);
    stage.change("restoring", &json!({"mode": "Enforce"})).await.unwrap();
    stage.limited(&pod, Some(50_000_000)).await.unwrap();
    stage.change("restoring", &json!({"mode": "Observe"})).await.unwrap();
    stage.limited(&pod, Some(70_000_000)).await.unwrap();
    assert_eq!(stage.cluster.annotations(&pod).await.unwrap(), before);
}

#[tokio::test]
async fn a_change_by_hand_is_not_fought() {
    let scene = Scene::set().await;
    let Scene { stage, pods, .. } = &scene;
    // A lower value than the policy's holds the pod; a higher one does not.
    stage.cluster.annotate(&pods[0], EGRESS_BANDWIDTH, Some("33M")).await.unwrap();
    let held = |policy: &FlowPolicy| {
        let target = policy.status.as_ref().and_then(|status| status.targets.first());
        target.is_some_and(|target| {
            target.enforced == 2
                && target.message.as_ref().is_some_and(|said| said.contains("somebody else"))
                && condition(policy, "Enforced").starts_with("True")
        })
    };
    stage.policy_where("restoring", "a pod held lower by hand", held).await.unwrap();
    stage.cluster.annotate(&pods[0], EGRESS_BANDWIDTH, Some("77M")).await.unwrap();
    let told = |policy: &_| condition(policy, "Enforced").starts_with("False");
    stage.policy_where("restoring", "that a limit is not ours", told).await.unwrap();
    // A new limit reaches the pod that nobody else has changed, and only that one.
    let limit = json!({"targets": [target("Deployment", "best-effort", "45M")]});
    stage.change("restoring", &limit).await.unwrap();
    stage.limited(&pods[1], Some(45_000_000)).await.unwrap();
    stage.annotated(&pods[0], EGRESS_BANDWIDTH, Some("77M")).await.unwrap();
    stage.delete("restoring").await.unwrap();
    stage.annotated(&pods[0], EGRESS_BANDWIDTH, Some("77M")).await.unwrap();
}
