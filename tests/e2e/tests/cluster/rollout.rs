//! Limits in pod templates: only where the administrator allows it, only when needed, not too often, and given back
//! exactly. `Stage::set` installs the chart without rollouts again.

use flow_e2e::Stage;
use flow_e2e::document::Document;
use flow_e2e::kubectl::{in_repository, kubectl};
use flow_e2e::operator::{self, NAMESPACE};
use flow_e2e::policies::{by_query, with};
use flow_e2e::program::run;
use flow_e2e::release::{RELEASE, install_with};
use flow_e2e::stage::condition;
use flow_e2e::wait::{Look, until};
use flow_e2e::workload::Work;
use flow_policy::FlowPolicy;
use flow_policy::names::{
    APPLIED_EGRESS_BANDWIDTH, EGRESS_BANDWIDTH, LIMIT, ORIGINAL_EGRESS_BANDWIDTH, ROLLED_OUT_AT,
};
use jiff::Timestamp;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Pod;
use kube::api::{Api, Patch, PatchParams};
use kube::{Client, Config, ResourceExt};
use serde_json::{Value, json};
use std::time::Duration;

/// How long a Deployment may take to replace its pods.
const ROLLOUT: Duration = Duration::from_mins(2);
const REVISION: &str = "deployment.kubernetes.io/revision";
const UPLOAD: &str = "best-effort";

/// A Deployment with two pods, in a cluster whose operator may roll out limits.
struct Scene {
    stage: Stage,
    deployments: Api<Deployment>,
    before: Deployment,
}

impl Scene {
    async fn set(purpose: &str) -> Self {
        let stage = Stage::set(purpose).await.unwrap();
        install_with(json!({"rollout": {"enabled": true}})).await.unwrap();
        operator::ready().await.unwrap();
        stage.start("Deployment", UPLOAD, 2, Work::Idle).await.unwrap();
        let deployments: Api<Deployment> = Api::namespaced(stage.cluster.client.clone(), &stage.namespace);
        let before = deployments.get(UPLOAD).await.unwrap();
        Self { stage, deployments, before }
    }

    async fn deployment(&self) -> Deployment {
        self.deployments.get(UPLOAD).await.unwrap()
    }

    /// Waits until the Deployment is as `wanted`.
    async fn deployment_where(&self, what: &str, wanted: impl Fn(&Deployment) -> bool) -> Deployment {
        until(what, ROLLOUT, async || {
            let found = self.deployments.get(UPLOAD).await?;
            let seen = format!("{:?} {:?}", found.annotations(), found.spec.template);
            Ok(Look::some(wanted(&found).then_some(found), || seen))
        })
        .await
        .unwrap()
    }

    /// Waits until the template has that limit and every pod was replaced; returns the pods.
    async fn rolled_out(&self, limit: &str) -> Vec<Pod> {
        self.deployment_where(&format!("{limit} in the template"), |found| {
            template_limit(found) == Some(limit)
        })
        .await;
        until(&format!("pods with {limit}"), ROLLOUT, async || {
            let pods = self.stage.cluster.running(&self.stage.namespace, UPLOAD, 2).await?;
            let all = pods.iter().all(|pod| annotation(pod.annotations(), EGRESS_BANDWIDTH) == Some(limit));
            Ok(Look::some(all.then(|| pods.clone()), || format!("{pods:?}")))
        })
        .await
        .unwrap()
    }

    /// The Deployment has what it had before, and nothing of flow-manager.
    async fn is_as_before(&self) {
        let after = self.deployment_where("the template of before", |found| !is_ours(found)).await;
        assert_eq!(after.spec, self.before.spec);
        let others = |deployment: &Deployment| {
            let mut annotations = deployment.annotations().clone();
            annotations.remove(REVISION);
            annotations
        };
        assert_eq!(others(&after), others(&self.before));
    }

    async fn policy_says(&self, name: &str, type_: &str, says: &str) {
        let wanted = |policy: &FlowPolicy| condition(policy, type_).contains(says);
        self.stage.policy_where(name, &format!("{type_} says {says:?}"), wanted).await.unwrap();
    }
}

fn annotation<'a>(
    annotations: &'a std::collections::BTreeMap<String, String>,
    name: &str,
) -> Option<&'a str> {
    annotations.get(name).map(String::as_str)
}

fn template_limit(deployment: &Deployment) -> Option<&str> {
    let template = deployment.spec.template.metadata.as_ref()?;
    annotation(template.annotations.as_ref()?, EGRESS_BANDWIDTH)
}

fn is_ours(deployment: &Deployment) -> bool {
    [ORIGINAL_EGRESS_BANDWIDTH, APPLIED_EGRESS_BANDWIDTH, ROLLED_OUT_AT]
        .iter()
        .any(|name| deployment.annotations().contains_key(*name))
}

fn revision(deployment: &Deployment) -> u32 {
    annotation(deployment.annotations(), REVISION).and_then(|text| text.parse().ok()).unwrap()
}

/// A policy with the strategy Rollout and the least interval.
fn by_rollout(policy: Value) -> Value {
    with(policy, "/spec/strategy", json!({"type": "Rollout", "minInterval": "1m"}))
}

/// One whose objective is violated for good; the first cut is from 100M to 80M.
fn violated() -> Value {
    by_rollout(by_query("rolling", "vector(2)", "1"))
}

/// One whose objective holds without headroom, so that nothing is decided.
fn content() -> Value {
    by_rollout(by_query("rolling", "vector(0.8)", "1"))
}

#[tokio::test]
async fn a_violated_objective_rolls_out_a_limit_once_in_the_interval_and_the_deletion_gives_the_template_back()
 {
    let scene = Scene::set("e2e-rollout").await;
    scene.stage.apply(&violated()).await.unwrap();
    let pods = scene.rolled_out("80M").await;
    for pod in &pods {
        scene.stage.limited(pod, Some(80_000_000)).await.unwrap();
        assert_eq!(annotation(pod.annotations(), APPLIED_EGRESS_BANDWIDTH), None, "no pod is written to");
    }
    scene.policy_says("rolling", "Enforced", "True InForce").await;
    let first = scene.deployment().await;
    assert_eq!(annotation(first.annotations(), ORIGINAL_EGRESS_BANDWIDTH), Some(""));
    assert_eq!(revision(&first), revision(&scene.before) + 1);

    // The objective stays violated, so the next cut comes as soon as it may, and no sooner.
    let second =
        scene.deployment_where("the second rollout", |found| template_limit(found) == Some("64M")).await;
    let at = |deployment: &Deployment| {
        annotation(deployment.annotations(), ROLLED_OUT_AT).unwrap().parse::<Timestamp>().unwrap()
    };
    assert!(at(&second).duration_since(at(&first)).as_secs() >= 60, "{first:?} {second:?}");

    scene.stage.delete("rolling").await.unwrap();
    scene.is_as_before().await;
    scene.stage.cluster.running(&scene.stage.namespace, UPLOAD, 2).await.unwrap();
}

#[tokio::test]
async fn a_policy_that_needs_no_limit_restarts_no_pods_and_a_pin_does() {
    let scene = Scene::set("e2e-rollout-calm").await;
    scene.stage.apply(&content()).await.unwrap();
    scene.policy_says("rolling", "Enforced", "False NotNeeded").await;
    scene.policy_says("rolling", "Ready", "True Working").await;
    assert_eq!(scene.deployment().await.metadata.generation, scene.before.metadata.generation);

    kubectl(&format!("-n {} annotate flowpolicy rolling {LIMIT}=30M", scene.stage.namespace)).await.unwrap();
    let pods = scene.rolled_out("30M").await;
    scene.stage.limited(&pods[0], Some(30_000_000)).await.unwrap();
    // Not even a switch of the mode waits for the interval.
    scene.stage.change("rolling", &json!({"mode": "Observe"})).await.unwrap();
    scene.is_as_before().await;
}

#[tokio::test]
async fn a_template_that_had_a_limit_gets_it_back() {
    let mut scene = Scene::set("e2e-rollout-original").await;
    let limit = json!({"spec": {"template": {"metadata": {"annotations": {EGRESS_BANDWIDTH: "90M"}}}}});
    scene.deployments.patch(UPLOAD, &PatchParams::default(), &Patch::Merge(&limit)).await.unwrap();
    scene.rolled_out("90M").await;
    scene.before = scene.deployment().await;
    scene.stage.apply(&violated()).await.unwrap();
    scene.rolled_out("80M").await;
    let ours = scene.deployment().await;
    assert_eq!(annotation(ours.annotations(), ORIGINAL_EGRESS_BANDWIDTH), Some("90M"));
    assert_eq!(owners(&ours), ["flow-manager"]);
    scene.stage.delete("rolling").await.unwrap();
    scene.is_as_before().await;
    scene.rolled_out("90M").await;
}

/// The field managers that own the limit of the template by server-side apply.
fn owners(deployment: &Deployment) -> Vec<&str> {
    let managed = deployment.metadata.managed_fields.iter().flatten();
    let ours = managed.filter(|entry| {
        let fields = entry.fields_v1.as_ref().map(|fields| fields.0.to_string()).unwrap_or_default();
        let template = fields.contains("f:template") && fields.contains(EGRESS_BANDWIDTH);
        template && entry.operation.as_deref() == Some("Apply")
    });
    ours.filter_map(|entry| entry.manager.as_deref()).collect()
}

#[tokio::test]
async fn a_limit_that_somebody_else_sets_in_the_template_is_said_and_not_fought() {
    let scene = Scene::set("e2e-rollout-foreign").await;
    scene.stage.apply(&violated()).await.unwrap();
    scene.rolled_out("80M").await;
    let limit = json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": UPLOAD},
        "spec": {"template": {"metadata": {"annotations": {EGRESS_BANDWIDTH: "33M"}}}},
    });
    let flux = PatchParams::apply("kustomize-controller").force();
    scene.deployments.patch(UPLOAD, &flux, &Patch::Apply(&limit)).await.unwrap();
    scene
        .policy_says("rolling", "Enforced", "somebody else has set the limit of its pod template to \"33M\"")
        .await;
    scene.stage.delete("rolling").await.unwrap();
    let after = scene.deployment_where("nothing of ours", |found| !is_ours(found)).await;
    assert_eq!(template_limit(&after), Some("33M"));
}

#[tokio::test]
async fn a_restart_of_the_operator_rolls_out_nothing() {
    let scene = Scene::set("e2e-rollout-restart").await;
    scene.stage.apply(&content()).await.unwrap();
    kubectl(&format!("-n {} annotate flowpolicy rolling {LIMIT}=30M", scene.stage.namespace)).await.unwrap();
    scene.rolled_out("30M").await;
    scene.policy_says("rolling", "Enforced", "True InForce").await;
    let before = scene.deployment().await;
    operator::scale(0).await.unwrap();
    operator::scale(1).await.unwrap();
    kubectl(&format!("-n {} annotate flowpolicy rolling {LIMIT}-", scene.stage.namespace)).await.unwrap();
    let resumed = |policy: &FlowPolicy| condition(policy, "Paused").is_empty();
    scene.stage.policy_where("rolling", "no pin", resumed).await.unwrap();
    scene.policy_says("rolling", "Enforced", "True InForce").await;
    assert_eq!(scene.deployment().await.metadata.generation, before.metadata.generation);
}

#[tokio::test]
async fn a_template_is_given_back_by_hand_as_the_guide_says_while_no_controller_runs() {
    let scene = Scene::set("e2e-rollout-by-hand").await;
    scene.stage.apply(&violated()).await.unwrap();
    scene.rolled_out("80M").await;
    operator::scale(0).await.unwrap();
    let guide = Document::open("docs/operating.md").unwrap();
    guide.type_in(&in_repository(""), "## Without the operator", 1).await.unwrap();
    scene.is_as_before().await;
    operator::scale(1).await.unwrap();
}

#[tokio::test]
async fn a_template_is_given_back_as_the_release_is_uninstalled() {
    let scene = Scene::set("e2e-rollout-uninstall").await;
    scene.stage.apply(&violated()).await.unwrap();
    scene.rolled_out("80M").await;
    let uninstall = ["uninstall", RELEASE, "--namespace", NAMESPACE, "--wait", "--timeout=3m"];
    run("helm", uninstall).await.unwrap();
    scene.is_as_before().await;
}

#[tokio::test]
async fn without_leave_the_policy_says_which_value_allows_it() {
    let stage = Stage::set("e2e-rollout-forbidden").await.unwrap();
    stage.start("Deployment", UPLOAD, 1, Work::Idle).await.unwrap();
    stage.apply(&violated()).await.unwrap();
    let told = |policy: &FlowPolicy| {
        let says = |type_| condition(policy, type_);
        says("Accepted").starts_with("False StrategyNotAllowed")
            && says("Stalled").starts_with("True StrategyNotAllowed")
            && says("Stalled").contains("rollout.enabled=true")
    };
    stage.policy_where("rolling", "that it is not allowed", told).await.unwrap();
    let account = format!("--as=system:serviceaccount:{NAMESPACE}:flow-manager");
    let may = ["auth", "can-i", "patch", "deployments.apps", "--namespace", &stage.namespace, &account];
    assert!(run("kubectl", may).await.is_err(), "the account may patch Deployments");
    stage.delete("rolling").await.unwrap();
}

/// The controller's own account, as it is in a release `flow-manager`.
async fn controller() -> Client {
    let mut config = Config::infer().await.unwrap();
    config.auth_info.impersonate = Some(format!("system:serviceaccount:{NAMESPACE}:flow-manager"));
    Client::try_from(config).unwrap()
}

/// What comes of a change of the Deployment by the controller's account; nothing is stored.
async fn tried(deployments: &Api<Deployment>, patch: &Value) -> Result<Deployment, String> {
    let params = PatchParams { dry_run: true, ..PatchParams::default() };
    let patched = deployments.patch(UPLOAD, &params, &Patch::Strategic(patch)).await;
    patched.map_err(|error| error.to_string())
}

async fn refused(deployments: &Api<Deployment>, patch: Value, part: &str) {
    let said = tried(deployments, &patch).await.err().unwrap_or_else(|| panic!("{patch} was accepted"));
    assert!(said.contains("ValidatingAdmissionPolicy 'flow-manager-workloads'"), "{patch}: {said}");
    assert!(said.contains(part), "{patch}: {said}");
}

#[tokio::test]
async fn the_controllers_account_changes_the_limit_of_a_template_and_nothing_else_of_a_workload() {
    let scene = Scene::set("e2e-rollout-admission").await;
    let metadata = json!({"metadata": {"annotations": {"owner": "somebody else"}}});
    scene.deployments.patch(UPLOAD, &PatchParams::default(), &Patch::Merge(&metadata)).await.unwrap();
    let deployments: Api<Deployment> = Api::namespaced(controller().await, &scene.stage.namespace);
    // A new ValidatingAdmissionPolicy takes effect some seconds after it is stored.
    until("the admission policy in effect", flow_e2e::stage::PATIENCE, async || {
        let accepted = tried(&deployments, &json!({"spec": {"replicas": 1}})).await.is_ok();
        Ok(Look::when(!accepted, || "another number of replicas was accepted".to_owned()))
    })
    .await
    .unwrap();

    let template = |template: Value| json!({"spec": {"template": template}});
    let pod_annotations = |annotations: Value| template(json!({"metadata": {"annotations": annotations}}));
    let annotations = |annotations: Value| json!({"metadata": {"annotations": annotations}});
    let ours = json!({ORIGINAL_EGRESS_BANDWIDTH: "", APPLIED_EGRESS_BANDWIDTH: "50M", ROLLED_OUT_AT: "now"});
    for accepted in [pod_annotations(json!({EGRESS_BANDWIDTH: "50M"})), annotations(ours)] {
        tried(&deployments, &accepted).await.unwrap_or_else(|error| panic!("{accepted}: {error}"));
    }

    let image = json!({"containers": [{"name": "work", "image": "docker.io/evil/image:latest"}]});
    refused(&deployments, template(json!({"spec": image})), "the pods of a workload").await;
    let host = json!({"spec": {"hostNetwork": true}});
    refused(&deployments, template(host), "the pods of a workload").await;
    let labels = json!({"metadata": {"labels": {"team": "net"}}});
    refused(&deployments, template(labels), "the metadata of a workload's pods").await;
    let other = "only the bandwidth annotation";
    refused(&deployments, pod_annotations(json!({"kubernetes.io/ingress-bandwidth": "1M"})), other).await;
    for spec in [json!({"replicas": 0}), json!({"paused": true}), json!({"minReadySeconds": 9})] {
        refused(&deployments, json!({"spec": spec}), "the spec of a workload").await;
    }
    let own = "only its own annotations";
    refused(&deployments, annotations(json!({"owner": "flow-manager"})), own).await;
    refused(&deployments, annotations(json!({"owner": null})), own).await;
    // Only of a DaemonSet does the API server count its templates.
    refused(&deployments, annotations(json!({"deprecated.daemonset.template.generation": "9"})), own).await;
    refused(&deployments, json!({"metadata": {"labels": {"team": "net"}}}), "labels of a workload").await;
    refused(&deployments, json!({"metadata": {"finalizers": ["example.com/stay"]}}), "finalizers").await;
    let owner = json!({"apiVersion": "v1", "kind": "Pod", "name": "a", "uid": "b"});
    refused(&deployments, json!({"metadata": {"ownerReferences": [owner]}}), "owners").await;
}
