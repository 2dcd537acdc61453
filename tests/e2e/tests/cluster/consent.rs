//! Pods of another namespace are limited only where that namespace consents.

use flow_e2e::Stage;
use flow_e2e::factory::HOST;
use flow_e2e::kubectl::kubectl;
use flow_e2e::operator::Endpoint;
use flow_e2e::policies::{by_probe, target, with};
use flow_e2e::stage::condition;
use flow_e2e::wait::{Look, until};
use flow_e2e::workload::Work;
use flow_policy::names::{EGRESS_BANDWIDTH, POLICIES_FROM};
use k8s_openapi::api::core::v1::Pod;
use serde_json::json;
use std::collections::BTreeMap;
use std::time::Duration;

const NAMESPACE: &str = "e2e-consent";

/// A pod in the policy's namespace and one in another, both of a workload of the same name, which the policy
/// `reaching` may send 50M and 30M.
struct Scene {
    stage: Stage,
    neighbour: String,
    own: Pod,
    other: Pod,
    before: BTreeMap<String, String>,
}

impl Scene {
    async fn set() -> Self {
        let stage = Stage::set(NAMESPACE).await.unwrap();
        let neighbour = stage.neighbour().await.unwrap();
        let own = stage.start("Deployment", "best-effort", 1, Work::Idle).await.unwrap().remove(0);
        let other = stage.start_in(&neighbour, "Deployment", "best-effort", Work::Idle).await.unwrap();
        stage.cluster.annotate(&other, EGRESS_BANDWIDTH, Some("70M")).await.unwrap();
        let before = stage.cluster.annotations(&other).await.unwrap();
        let elsewhere =
            with(target("Deployment", "best-effort", "30M"), "/namespace", json!(neighbour.clone()));
        let targets = json!([target("Deployment", "best-effort", "50M"), elsewhere]);
        stage.apply(&with(by_probe("reaching", HOST), "/spec/targets", targets)).await.unwrap();
        Self { stage, neighbour, own, other, before }
    }

    async fn consent(&self, value: &str) {
        let command = format!("annotate namespace {} --overwrite {POLICIES_FROM}={value}", self.neighbour);
        kubectl(&command).await.unwrap();
    }

    /// The policy works where it may, says what it lacks, and has left the other namespace as it was.
    async fn is_refused(&self) {
        let refused = |policy: &_| {
            let said = condition(policy, "Stalled");
            said.starts_with("True NotConsented")
                && [self.neighbour.as_str(), POLICIES_FROM, &self.stage.namespace]
                    .iter()
                    .all(|named| said.contains(named))
        };
        self.stage.policy_where("reaching", "that consent is missing", refused).await.unwrap();
        self.stage.warning("reaching", POLICIES_FROM).await.unwrap();
        self.stage.limited(&self.own, Some(50_000_000)).await.unwrap();
        self.is_untouched().await;
    }

    async fn is_untouched(&self) {
        self.stage.limited(&self.other, Some(70_000_000)).await.unwrap();
        assert_eq!(self.stage.cluster.annotations(&self.other).await.unwrap(), self.before);
    }

    async fn is_reached(&self) {
        self.stage.limited(&self.other, Some(30_000_000)).await.unwrap();
        let well = |policy: &_| {
            condition(policy, "Stalled").is_empty() && condition(policy, "Enforced").starts_with("True")
        };
        self.stage.policy_where("reaching", "both targets limited", well).await.unwrap();
    }
}

#[tokio::test]
async fn only_consent_lets_a_policy_limit_pods_of_another_namespace_and_its_end_gives_them_back() {
    let scene = Scene::set().await;
    scene.is_refused().await;
    scene.consent(&format!("office,{}", scene.stage.namespace)).await;
    scene.is_reached().await;
    let reached = scene.stage.policy_where("reaching", "both targets", |_| true).await.unwrap();
    let targets = reached.status.unwrap().targets;
    let shown: Vec<_> =
        targets.iter().map(|target| (target.namespace.as_str(), target.limit.as_deref())).collect();
    assert_eq!(shown, [("", Some("50M")), (scene.neighbour.as_str(), Some("30M"))]);
    scene.consent("office").await;
    scene.is_refused().await;
    scene.consent("*").await;
    scene.is_reached().await;
}

#[tokio::test]
async fn targets_of_the_same_name_in_two_namespaces_have_series_of_their_own() {
    let scene = Scene::set().await;
    scene.consent("*").await;
    scene.is_reached().await;
    let endpoint = Endpoint::of_controller(&scene.stage.cluster).await.unwrap();
    let elsewhere = format!("target=\"{}/best-effort\"", scene.neighbour);
    until("a series for each target", Duration::from_secs(10), async || {
        let metrics = endpoint.metrics().await?;
        let limit =
            |target: &str| metrics.value("flowmanager_target_limit_bps", &["policy=\"reaching\"", target]);
        let found = [limit("target=\"best-effort\""), limit(&elsewhere)];
        Ok(Look::when(found == [Some(5e7), Some(3e7)], || format!("{found:?}")))
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn a_policy_that_is_deleted_is_gone_only_once_the_other_namespace_is_as_before() {
    let scene = Scene::set().await;
    scene.consent("*").await;
    scene.is_reached().await;
    scene.stage.delete("reaching").await.unwrap();
    assert_eq!(scene.stage.cluster.annotations(&scene.other).await.unwrap(), scene.before);
    scene.is_untouched().await;
}
