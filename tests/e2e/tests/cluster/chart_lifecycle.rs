//! The way of a release, by the commands of the guide: install, test, upgrade, go back, uninstall; and the same with
//! manifests. Limits stay all the way, and are given back at its end.

use flow_e2e::document::Document;
use flow_e2e::factory::{Factory, HOST};
use flow_e2e::kubectl::{apply_object, in_repository, kubectl};
use flow_e2e::metrics::scrape;
use flow_e2e::operator::{self, NAMESPACE};
use flow_e2e::policies::{by_probe, pinned, with};
use flow_e2e::program::run;
use flow_e2e::release::{self, RELEASE};
use flow_e2e::stage::condition;
use flow_e2e::wait::{Look, until};
use flow_e2e::workload::Work;
use flow_e2e::{Cluster, LimitWatch, Stage, cluster};
use flow_policy::names::{EGRESS_BANDWIDTH, FINALIZER};
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use kube::api::ListParams;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// A checkout of its own in which the commands of the guide are typed, and two pods: the first had a limit of 70M
/// before, the second none.
struct Scene {
    stage: Stage,
    guide: Document,
    place: PathBuf,
    pods: Vec<Pod>,
    before: Vec<BTreeMap<String, String>>,
}

impl Scene {
    /// Nothing of flow-manager is in the cluster but its image.
    async fn set(purpose: &str) -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis();
        let (cluster, factory) = (Cluster::connect().await.unwrap(), Factory::start().unwrap());
        let stage = Stage { cluster, namespace: format!("{purpose}-{since}"), factory };
        operator::absent(&stage.cluster).await.unwrap();
        let metadata = json!({"name": stage.namespace, "labels": {"flow-e2e": ""}});
        apply_object(&json!({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})).await.unwrap();
        let (pods, before) = best_effort(&stage).await;
        let guide = Document::open("docs/installing.md").unwrap();
        let place = std::env::temp_dir().join(&stage.namespace);
        checkout(&place).await;
        Self { stage, guide, place, pods, before }
    }

    async fn type_in(&self, heading: &str, number: usize) -> String {
        self.guide.type_in(&self.place, heading, number).await.unwrap()
    }

    fn values(&self, more: &[(&str, Value)]) {
        let values =
            more.iter().fold(release::values(), |values, (at, value)| with(values, at, value.clone()));
        fs_err::write(self.place.join("my-values.yaml"), values.to_string()).unwrap();
    }

    async fn limited(&self) {
        for pod in &self.pods {
            self.stage.limited(pod, Some(50_000_000)).await.unwrap();
        }
        let well = |policy: &_| {
            condition(policy, "Ready").starts_with("True")
                && condition(policy, "Enforced").starts_with("True")
        };
        self.stage.policy_where("steady", "ready and enforced", well).await.unwrap();
    }

    /// The pods are as they were, and nothing keeps the policy from being deleted; no operator is there to ask.
    async fn is_as_before(&self) {
        for (pod, before) in self.pods.iter().zip(&self.before) {
            assert_eq!(&self.stage.cluster.annotations(pod).await.unwrap(), before);
        }
        let policies = self.stage.cluster.policies(&self.stage.namespace);
        if let Some(policy) = policies.get_opt("steady").await.unwrap() {
            assert!(!policy.finalizers().iter().any(|finalizer| finalizer == FINALIZER), "{policy:?}");
        }
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        // What is left in the folder for temporary files harms nobody.
        let _ = fs_err::remove_dir_all(&self.place);
    }
}

async fn best_effort(stage: &Stage) -> (Vec<Pod>, Vec<BTreeMap<String, String>>) {
    let pods = stage.start("Deployment", "best-effort", 2, Work::Idle).await.unwrap();
    stage.cluster.annotate(&pods[0], EGRESS_BANDWIDTH, Some("70M")).await.unwrap();
    let mut before = Vec::new();
    for pod in &pods {
        before.push(stage.cluster.annotations(pod).await.unwrap());
    }
    (pods, before)
}

async fn checkout(place: &Path) {
    fs_err::create_dir_all(place).unwrap();
    for part in ["charts", "manifests"] {
        run("cp", ["-r", &in_repository(part).to_string_lossy(), &place.to_string_lossy()]).await.unwrap();
    }
}

/// Makes the chart in `place` one of another version.
fn call_chart(place: &Path, version: &str) {
    let file = place.join("charts/flow-manager/Chart.yaml");
    let text = fs_err::read_to_string(&file).unwrap();
    let lines = text.lines().map(|line| match line.strip_prefix("version:") {
        Some(_) => format!("version: {version}\n"),
        None => format!("{line}\n"),
    });
    fs_err::write(&file, lines.collect::<String>()).unwrap();
}

/// The names and labels of what the controllers tell of policies.
async fn series(cluster: &Cluster) -> BTreeSet<String> {
    until("metrics of the policy", Duration::from_secs(30), async || {
        let labels = ListParams::default().labels("app.kubernetes.io/component=controller");
        let mut found = BTreeSet::new();
        for pod in cluster.pods(NAMESPACE).list(&labels).await? {
            let address = pod.status.and_then(|status| status.pod_ip).unwrap_or_default();
            let metrics = scrape(&format!("http://{address}:8001/metrics")).await?;
            found.extend(metrics.0.lines().filter_map(about_a_policy));
        }
        Ok(Look::some((!found.is_empty()).then(|| found.clone()), || "none".to_owned()))
    })
    .await
    .unwrap()
}

fn about_a_policy(line: &str) -> Option<String> {
    let about = [
        "flowmanager_target_limit_bps{",
        "flowmanager_objective_state{",
        "flowmanager_bandwidth_limit_mbps{",
    ];
    let (series, _) = line.rsplit_once(' ')?;
    about.iter().any(|name| series.starts_with(name)).then(|| series.to_owned())
}

async fn revision() -> String {
    let status = run("helm", ["status", RELEASE, "--namespace", NAMESPACE, "-o", "json"]).await.unwrap();
    let status: Value = serde_json::from_str(&status).unwrap();
    format!("{} {}", status["version"], status["info"]["status"])
}

/// Objects of flow-manager that are not in a namespace.
async fn left_behind() -> String {
    let kinds = "clusterroles,clusterrolebindings,validatingadmissionpolicies,validatingadmissionpolicybindings,\
                 validatingwebhookconfigurations,mutatingwebhookconfigurations";
    kubectl(&format!("get {kinds} -l app.kubernetes.io/name=flow-manager -o name")).await.unwrap()
}

#[tokio::test]
async fn a_release_is_installed_upgraded_rolled_back_and_uninstalled_by_the_commands_of_the_guide() {
    let scene = Scene::set("e2e-chart-release").await;
    let (stage, current) = (&scene.stage, env!("CARGO_PKG_VERSION"));
    call_chart(&scene.place, "0.0.9");
    scene.values(&[("/log", json!({"level": "debug"}))]);
    scene.type_in("### Install", 0).await;
    stage.apply(&pinned(by_probe("steady", HOST), "50M")).await.unwrap();
    scene.limited().await;
    let told = scene.type_in("### Install", 1).await;
    assert!(told.contains("Succeeded"), "{told}");
    let before = series(&stage.cluster).await;
    let watched = scene.pods.iter().map(|pod| (pod.name_any(), cluster::network(pod).unwrap()));
    let watch = LimitWatch::start(Instant::now(), watched).await.unwrap();

    call_chart(&scene.place, current);
    scene.values(&[("/replicaCount", json!(2)), ("/log", json!({"format": "json"}))]);
    scene.type_in("### Upgrade", 0).await;
    assert_eq!(series(&stage.cluster).await, before);
    scene.limited().await;
    scene.type_in("### Go back", 0).await;
    assert_eq!(revision().await, "3 \"deployed\"");
    assert_eq!(series(&stage.cluster).await, before);
    scene.limited().await;
    let rates: BTreeSet<_> = watch.points().iter().map(|point| format!("{:?}", point.mbps)).collect();
    assert_eq!(rates, BTreeSet::from(["Some(50.0)".to_owned()]), "no limit was ever another");

    scene.type_in("### Uninstall", 0).await;
    scene.is_as_before().await;
    assert_eq!(left_behind().await, "");
    let left = stage.cluster.policies(&stage.namespace).get_opt("steady").await.unwrap().expect("it stays");
    assert!(condition(&left, "Ready").starts_with("False GivenBack"), "{:?}", left.status);
    assert!(condition(&left, "Enforced").starts_with("False GivenBack"), "{:?}", left.status);
    scene.type_in("### Uninstall", 1).await;
    assert_eq!(stage.cluster.pods(NAMESPACE).list(&ListParams::default()).await.unwrap().items, []);
}

#[tokio::test]
async fn a_release_whose_controller_is_dead_gives_everything_back_as_it_is_uninstalled() {
    let scene = Scene::set("e2e-chart-dead").await;
    scene.values(&[]);
    scene.type_in("### Install", 0).await;
    scene.stage.apply(&pinned(by_probe("steady", HOST), "50M")).await.unwrap();
    scene.limited().await;
    operator::scale(0).await.unwrap();
    kubectl(&format!("-n {} delete flowpolicy steady --wait=false", scene.stage.namespace)).await.unwrap();
    scene.type_in("### Uninstall", 0).await;
    scene.is_as_before().await;
    let policies = scene.stage.cluster.policies(&scene.stage.namespace);
    assert_eq!(policies.get_opt("steady").await.unwrap(), None);
}

#[tokio::test]
async fn the_readme_installs_and_uninstalls_a_release_without_any_values() {
    let scene = Scene::set("e2e-chart-readme").await;
    // As if a registry had served the released image.
    let released = format!("fustli/flow-manager:{}", env!("CARGO_PKG_VERSION"));
    run("nerdctl", ["tag", "fustli/flow-manager:latest", &released]).await.unwrap();
    let readme = Document::open("README.md").unwrap();
    let told = readme.type_in(&scene.place, "## Install", 0).await.unwrap();
    assert!(told.contains("Succeeded"), "{told}");
    readme.type_in(&scene.place, "## Uninstall", 0).await.unwrap();
    assert_eq!(left_behind().await, "");

    readme.type_in(&scene.place, "## Install", 0).await.unwrap();
    scene.type_in("### Uninstall", 2).await;
    assert_eq!(left_behind().await, "");
}

#[tokio::test]
async fn manifests_alone_make_a_working_operator_and_take_it_away_again() {
    let scene = Scene::set("e2e-manifests").await;
    name_the_prometheus_of_the_lab(&scene.place);
    scene.type_in("### Apply", 0).await;
    scene.stage.apply(&pinned(by_probe("steady", HOST), "50M")).await.unwrap();
    scene.limited().await;

    scene.type_in("### Delete", 0).await;
    scene.is_as_before().await;
    scene.type_in("### Delete", 1).await;
    assert_eq!(left_behind().await, "");
}

fn name_the_prometheus_of_the_lab(place: &Path) {
    let file = place.join("manifests/flow-manager-configmap.yaml");
    let text = fs_err::read_to_string(&file).unwrap();
    let ours = release::values()["prometheus"]["url"].as_str().unwrap().to_owned();
    let lines = text.lines().map(|line| match line.strip_prefix("  PROMETHEUS_URL:") {
        Some(_) => format!("  PROMETHEUS_URL: {ours}\n"),
        None => format!("{line}\n"),
    });
    fs_err::write(&file, lines.collect::<String>()).unwrap();
}
