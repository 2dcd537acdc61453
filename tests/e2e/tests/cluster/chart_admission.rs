//! The controller's own account may change nothing of a pod but the bandwidth annotations.

use flow_e2e::Stage;
use flow_e2e::kubectl::kubectl;
use flow_e2e::operator::NAMESPACE;
use flow_e2e::release::install_with;
use flow_e2e::wait::{Look, until};
use flow_e2e::workload::Work;
use flow_policy::names::{
    APPLIED_EGRESS_BANDWIDTH, EGRESS_BANDWIDTH, KUBE_OVN_EGRESS_RATE, ORIGINAL_EGRESS_BANDWIDTH,
};
use k8s_openapi::api::core::v1::Pod;
use kube::api::{Api, Patch, PatchParams};
use kube::{Client, Config, ResourceExt};
use serde_json::{Value, json};

/// The account as it is in a release `flow-manager`.
async fn controller() -> Client {
    let mut config = Config::infer().await.unwrap();
    config.auth_info.impersonate = Some(format!("system:serviceaccount:{NAMESPACE}:flow-manager"));
    Client::try_from(config).unwrap()
}

struct Scene {
    stage: Stage,
    pods: Api<Pod>,
    pod: Pod,
}

impl Scene {
    async fn set() -> Self {
        let stage = Stage::set("e2e-chart-admission").await.unwrap();
        let pod = stage.start("Deployment", "best-effort", 1, Work::Idle).await.unwrap().remove(0);
        stage.cluster.annotate(&pod, "owner", Some("somebody else")).await.unwrap();
        let pods = Api::namespaced(controller().await, &stage.namespace);
        let scene = Self { stage, pods, pod };
        // A new ValidatingAdmissionPolicy takes effect some seconds after it is stored.
        until("the admission policy in effect", flow_e2e::stage::PATIENCE, async || {
            let tried = scene.patch(&json!({"metadata": {"labels": {"a": "b"}}})).await;
            Ok(Look::when(tried.is_err(), || "a changed label was accepted".to_owned()))
        })
        .await
        .unwrap();
        scene
    }

    async fn patch(&self, patch: &Value) -> Result<Pod, String> {
        let params = PatchParams { dry_run: true, ..PatchParams::default() };
        let patched = self.pods.patch(&self.pod.name_any(), &params, &Patch::Strategic(patch)).await;
        patched.map_err(|error| error.to_string())
    }

    async fn refused(&self, patch: Value, part: &str) {
        let said = self.patch(&patch).await.err().unwrap_or_else(|| panic!("{patch} was accepted"));
        assert!(said.contains("ValidatingAdmissionPolicy 'flow-manager-pods'"), "{patch}: {said}");
        assert!(said.contains(part), "{patch}: {said}");
    }

    async fn accepted(&self, annotations: Value) {
        let patch = json!({"metadata": {"annotations": annotations}});
        self.patch(&patch).await.unwrap_or_else(|error| panic!("{patch}: {error}"));
    }
}

#[tokio::test]
async fn the_controllers_account_changes_bandwidth_annotations_of_a_pod_and_nothing_else() {
    let scene = Scene::set().await;
    scene.accepted(json!({EGRESS_BANDWIDTH: "50M"})).await;
    scene.accepted(json!({ORIGINAL_EGRESS_BANDWIDTH: "", APPLIED_EGRESS_BANDWIDTH: "50M"})).await;
    scene.accepted(json!({EGRESS_BANDWIDTH: null})).await;

    // What another back-end follows may change only where a pod is given back that was limited by it.
    let only = "only the bandwidth annotations";
    let annotations = |annotations: Value| json!({"metadata": {"annotations": annotations}});
    scene.refused(annotations(json!({KUBE_OVN_EGRESS_RATE: "5"})), only).await;
    let record = |rate: Value| json!({KUBE_OVN_EGRESS_RATE: rate}).to_string();
    let limited = json!({
        KUBE_OVN_EGRESS_RATE: "5",
        ORIGINAL_EGRESS_BANDWIDTH: record(Value::Null),
        APPLIED_EGRESS_BANDWIDTH: record(json!("5")),
    });
    scene.stage.cluster.patch_pod(&scene.pod, &annotations(limited)).await.unwrap();
    // The controller does so by itself, by this account.
    scene.stage.annotated(&scene.pod, KUBE_OVN_EGRESS_RATE, None).await.unwrap();
    scene.stage.annotated(&scene.pod, ORIGINAL_EGRESS_BANDWIDTH, None).await.unwrap();

    let image = json!({"containers": [{"name": "work", "image": "docker.io/evil/image:latest"}]});
    scene.refused(json!({"spec": image}), "may not change the spec").await;
    scene.refused(json!({"spec": {"activeDeadlineSeconds": 1}}), "may not change the spec").await;
    let labels = |labels: Value| json!({"metadata": {"labels": labels}});
    scene.refused(labels(json!({"app": "other"})), "labels").await;
    scene.refused(labels(json!({"app": null})), "labels").await;
    scene.refused(annotations(json!({"owner": "flow-manager"})), only).await;
    scene.refused(annotations(json!({"owner": null})), only).await;
    scene.refused(annotations(json!({"kubernetes.io/ingress-bandwidth": "1M"})), only).await;
    scene.refused(annotations(json!({EGRESS_BANDWIDTH: "50M", "new": ""})), only).await;
    scene.refused(json!({"metadata": {"finalizers": ["example.com/stay"]}}), "finalizers").await;
    let owner = json!({"apiVersion": "v1", "kind": "Pod", "name": "a", "uid": "b"});
    scene.refused(json!({"metadata": {"ownerReferences": [owner]}}), "owners").await;
}

#[tokio::test]
async fn pods_of_other_namespaces_than_the_administrator_names_are_left_alone() {
    let scene = Scene::set().await;
    scene.accepted(json!({EGRESS_BANDWIDTH: "50M"})).await;
    let patch = json!({"metadata": {"annotations": {EGRESS_BANDWIDTH: "50M"}}});
    for (listed, allowed) in [("factory-*", false), ("e2e-chart-admission", false), ("e2e-chart-*", true)] {
        install_with(json!({"admissionPolicy": {"namespaces": [listed, "lab"]}})).await.unwrap();
        let what = format!("writing to a pod with {listed}: {allowed}");
        until(&what, flow_e2e::stage::PATIENCE, async || {
            let tried = scene.patch(&patch).await;
            let as_said = match &tried {
                Ok(_) => allowed,
                Err(said) => !allowed && said.contains("may not write to this namespace"),
            };
            Ok(Look::when(as_said, || format!("{tried:?}")))
        })
        .await
        .unwrap();
    }
}

/// What is tried besides the pod's own fields: other objects, and other ways to the same pod.
#[tokio::test]
async fn the_controllers_account_gets_nowhere_else() {
    let scene = Scene::set().await;
    let account = format!("--as=system:serviceaccount:{NAMESPACE}:flow-manager");
    let (namespace, pod) = (&scene.stage.namespace, scene.pod.name_any());
    // kubectl fails where the answer is no.
    let may = async |verb: &str, what: &str| {
        let (resource, part) = what.split_once('/').unwrap_or((what, ""));
        let question = format!("auth can-i {verb} {resource} --subresource={part} -n {namespace} {account}");
        let said = kubectl(&question).await;
        said.is_ok_and(|said| said.trim() == "yes")
    };
    assert!(may("patch", "pods").await && may("patch", "flowpolicies.flow.fustli.io/status").await);
    for (verb, what) in [
        ("get", "secrets"),
        ("list", "secrets"),
        ("create", "pods"),
        ("delete", "pods"),
        ("update", "pods"),
        ("create", "pods/exec"),
        ("create", "pods/eviction"),
        ("patch", "pods/ephemeralcontainers"),
        ("patch", "pods/status"),
        ("patch", "deployments.apps"),
        ("patch", "namespaces"),
        ("create", "flowpolicies.flow.fustli.io"),
        ("delete", "flowpolicies.flow.fustli.io"),
        ("create", "serviceaccounts/token"),
        ("patch", "nodes"),
        ("patch", "clusterroles.rbac.authorization.k8s.io"),
        ("delete", "validatingadmissionpolicies.admissionregistration.k8s.io"),
    ] {
        assert!(!may(verb, what).await, "{verb} {what}");
    }
    let deleted = kubectl(&format!("-n {namespace} delete pod {pod} {account}")).await.unwrap_err();
    assert!(deleted.to_string().contains("cannot delete resource"), "{deleted}");
}

#[tokio::test]
async fn an_administrator_is_not_held_up() {
    let stage = Stage::set("e2e-chart-admission").await.unwrap();
    let pod = stage.start("Deployment", "best-effort", 1, Work::Idle).await.unwrap().remove(0);
    stage.cluster.patch_pod(&pod, &json!({"metadata": {"labels": {"team": "net"}}})).await.unwrap();
}
