//! Each back-end gets its own annotations, and gives back those of the one before.

use flow_e2e::Stage;
use flow_e2e::factory::HOST;
use flow_e2e::operator::Endpoint;
use flow_e2e::policies::{by_probe, pinned, target};
use flow_e2e::release::install_with;
use flow_e2e::stage::{PATIENCE, condition};
use flow_e2e::wait::{Look, until};
use flow_e2e::workload::Work;
use flow_policy::FlowPolicy;
use flow_policy::names::{
    APPLIED_EGRESS_BANDWIDTH, CALICO_EGRESS_BANDWIDTH, CALICO_EGRESS_BURST, EGRESS_BANDWIDTH,
    KUBE_OVN_EGRESS_RATE, ORIGINAL_EGRESS_BANDWIDTH,
};
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// A pod under a policy that holds it at 50.5M. It had annotations of two plugins before.
struct Walk {
    stage: Stage,
    pod: Pod,
    before: BTreeMap<String, String>,
}

impl Walk {
    async fn begin() -> Self {
        let stage = Stage::set("e2e-backends").await.unwrap();
        let pod = stage.start("Deployment", "best-effort", 1, Work::Idle).await.unwrap().remove(0);
        for (key, value) in [(CALICO_EGRESS_BURST, "9M"), (KUBE_OVN_EGRESS_RATE, "80")] {
            stage.cluster.annotate(&pod, key, Some(value)).await.unwrap();
        }
        let before = stage.cluster.annotations(&pod).await.unwrap();
        stage.apply(&pinned(by_probe("walking", HOST), "50500k")).await.unwrap();
        Self { stage, pod, before }
    }

    /// Installs the chart with another back-end, and waits until the policy and the metrics name it.
    async fn on_to(&self, chosen: &str, found: &str, enforced: &str) {
        install_with(json!({"backend": chosen})).await.unwrap();
        let named = |policy: &FlowPolicy| {
            let backend = policy.status.as_ref().and_then(|status| status.backend.as_deref());
            backend == Some(found) && condition(policy, "Enforced").contains(enforced)
        };
        self.stage.policy_where("walking", &format!("{found}, {enforced}"), named).await.unwrap();
        let endpoint = Endpoint::of_controller(&self.stage.cluster).await.unwrap();
        until(&format!("the metric of {found}"), PATIENCE, async || {
            let value = endpoint.metrics().await?.value("flowmanager_backend_info", &[found]);
            Ok(Look::when(value == Some(1.0), || format!("{value:?}")))
        })
        .await
        .unwrap();
    }

    /// The pod is as it was before, but for `annotations` and what we record; of those, we own exactly these.
    async fn has(&self, annotations: &[(&str, &str)], original: &str, applied: &str) {
        let records = [(ORIGINAL_EGRESS_BANDWIDTH, original), (APPLIED_EGRESS_BANDWIDTH, applied)];
        let ours = annotations.iter().chain(&records).copied();
        let mut expected = self.before.clone();
        expected.extend(ours.clone().map(|(key, value)| (key.to_owned(), value.to_owned())));
        self.is(&expected).await;
        let keys: BTreeSet<_> = ours.map(|(key, _)| key.to_owned()).collect();
        assert_eq!(self.owned().await, keys);
    }

    async fn is(&self, expected: &BTreeMap<String, String>) {
        until(&format!("{expected:?}"), PATIENCE, async || {
            let found = self.stage.cluster.annotations(&self.pod).await?;
            Ok(Look::when(found == *expected, || format!("{found:?}")))
        })
        .await
        .unwrap();
    }

    /// The annotations that flow-manager owns by server-side apply.
    async fn owned(&self) -> BTreeSet<String> {
        let pods = self.stage.cluster.pods(&self.stage.namespace);
        let pod = pods.get(&self.pod.name_any()).await.unwrap();
        let entries = pod.metadata.managed_fields.unwrap_or_default();
        let ours = entries.into_iter().filter(|entry| {
            let is_ours = entry.manager.as_ref().is_some_and(|manager| manager.starts_with("flow-manager"));
            is_ours && entry.operation.as_deref() == Some("Apply")
        });
        let fields: Vec<Value> = ours.filter_map(|entry| entry.fields_v1).map(|fields| fields.0).collect();
        let annotations =
            fields.iter().filter_map(|fields| fields["f:metadata"]["f:annotations"].as_object());
        annotations
            .flat_map(|keys| keys.keys())
            .filter_map(|key| key.strip_prefix("f:"))
            .map(str::to_owned)
            .collect()
    }
}

#[tokio::test]
async fn each_back_end_gets_its_own_annotations_and_gives_back_those_of_the_one_before() {
    let walk = Walk::begin().await;
    walk.has(&[(EGRESS_BANDWIDTH, "50500k")], "", "50500k").await;

    walk.on_to("calico", "calico", "NotVerified").await;
    let (limit, burst) = ((CALICO_EGRESS_BANDWIDTH, "50500k"), (CALICO_EGRESS_BURST, "661672"));
    walk.has(
        &[limit, burst],
        &json!({CALICO_EGRESS_BANDWIDTH: null, CALICO_EGRESS_BURST: "9M"}).to_string(),
        &json!({CALICO_EGRESS_BANDWIDTH: "50500k", CALICO_EGRESS_BURST: "661672"}).to_string(),
    )
    .await;

    walk.on_to("kube-ovn", "kube-ovn", "NotVerified").await;
    let (original, applied) = (json!({KUBE_OVN_EGRESS_RATE: "80"}), json!({KUBE_OVN_EGRESS_RATE: "50"}));
    walk.has(&[(KUBE_OVN_EGRESS_RATE, "50")], &original.to_string(), &applied.to_string()).await;

    // Where limits take effect only as a pod is created, nothing is written to a running one.
    walk.on_to("at-creation", "at-creation", "only when a pod is created").await;
    walk.is(&walk.before).await;

    // The lab's network plugin brings no API group, and shapers run: they are detected.
    walk.on_to("auto", "shaper", "InForce").await;
    walk.has(&[(EGRESS_BANDWIDTH, "50500k")], "", "50500k").await;
    walk.stage.limited(&walk.pod, Some(50_500_000)).await.unwrap();
    walk.stage.delete("walking").await.unwrap();
    walk.is(&walk.before).await;
}

#[tokio::test]
async fn what_one_back_end_has_given_back_stays_while_another_limits() {
    let stage = Stage::set("e2e-backends").await.unwrap();
    let pod = stage.start("Deployment", "best-effort", 1, Work::Idle).await.unwrap().remove(0);
    for (key, value) in [(EGRESS_BANDWIDTH, "20M"), (KUBE_OVN_EGRESS_RATE, "20")] {
        stage.cluster.annotate(&pod, key, Some(value)).await.unwrap();
    }
    let before = stage.cluster.annotations(&pod).await.unwrap();
    // Lower than before, and then as before: from then on the value is ours alone, and the same as the original.
    stage.apply(&pinned(by_probe("bounded", HOST), "10M")).await.unwrap();
    stage.annotated(&pod, EGRESS_BANDWIDTH, Some("10M")).await.unwrap();
    let higher = json!({"targets": [target("Deployment", "best-effort", "50M")]});
    stage.change("bounded", &higher).await.unwrap();
    stage.annotated(&pod, EGRESS_BANDWIDTH, Some("20M")).await.unwrap();

    install_with(json!({"backend": "kube-ovn"})).await.unwrap();
    let original = json!({KUBE_OVN_EGRESS_RATE: "20"}).to_string();
    stage.annotated(&pod, ORIGINAL_EGRESS_BANDWIDTH, Some(&original)).await.unwrap();
    stage.annotated(&pod, KUBE_OVN_EGRESS_RATE, Some("20")).await.unwrap();
    stage.annotated(&pod, EGRESS_BANDWIDTH, Some("20M")).await.unwrap();
    stage.delete("bounded").await.unwrap();
    assert_eq!(stage.cluster.annotations(&pod).await.unwrap(), before);
}
