//! Whatever happens to the shaper of a node, limits stay in force, or the policy says within seconds that they are not.

use flow_e2e::cluster::{kill_sandbox, network};
use flow_e2e::kubectl::kubectl;
use flow_e2e::operator::{self, SHAPER_NAMESPACE};
use flow_e2e::policies::{by_probe, pinned, target};
use flow_e2e::stage::condition;
use flow_e2e::wait::{Look, until};
use flow_e2e::workload::Work;
use flow_e2e::{LimitWatch, Result, Stage, factory, release};
use flow_faults::depth::Depth;
use flow_faults::figures::note;
use flow_faults::honesty::Honesty;
use flow_lab::{Away, Component};
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use serde_json::json;
use std::time::{Duration, Instant};

const SHAPER: &str = "daemonset/flow-manager-shaper";
/// What is promised, and room for a busy machine.
const PROMISE: Duration = Duration::from_secs(5);
const ROOM: Duration = Duration::from_secs(3);
/// A pod may have to wait for the cluster's own back-offs.
const PATIENCE: Duration = Duration::from_mins(2);

/// A policy that holds a pod at a limit, and what is seen of both.
struct Scene {
    stage: Stage,
    pod: Pod,
    honesty: Honesty,
}

impl Scene {
    /// A pod that is held at 50M.
    async fn set(purpose: &str) -> Self {
        let stage = Stage::set(purpose).await.unwrap();
        let pod = stage.start("Deployment", "best-effort", 1, Work::Idle).await.unwrap().remove(0);
        stage.apply(&pinned(by_probe("steady", factory::HOST), "50M")).await.unwrap();
        stage.limited(&pod, Some(50_000_000)).await.unwrap();
        let honesty = Honesty::watch(&stage, "steady", "best-effort");
        let scene = Self { stage, pod, honesty };
        scene.says("True").await;
        scene
    }

    /// The limits of the pod's present network, from now on.
    async fn limits(&self) -> LimitWatch {
        let watched = [(self.pod.name_any(), network(&self.pod).unwrap())];
        LimitWatch::start(Instant::now(), watched.into_iter()).await.unwrap()
    }

    /// Asks for another limit, in Mbit/s.
    async fn ask(&self, mbps: u32) {
        let limit = json!({"targets": [target("Deployment", "best-effort", &format!("{mbps}M"))]});
        self.stage.change("steady", &limit).await.unwrap();
    }

    /// Asks for another limit, in Mbit/s, and waits until the kernel has it.
    async fn obeys(&self, mbps: u32) {
        self.ask(mbps).await;
        self.stage.limited(&self.pod, Some(u64::from(mbps) * 1_000_000)).await.unwrap();
    }

    /// Waits until the condition Enforced contains `words`, and returns how long that took.
    async fn says(&self, words: &str) -> Duration {
        let start = Instant::now();
        let policies = self.stage.cluster.policies(&self.stage.namespace);
        until(&format!("Enforced {words:?}"), PATIENCE, async || {
            let enforced = condition(&policies.get("steady").await?, "Enforced");
            Ok(Look::when(enforced.contains(words), || enforced))
        })
        .await
        .unwrap();
        start.elapsed()
    }

    /// The same, as soon as is promised.
    async fn soon_says(&self, what: &str, words: &str) {
        let took = self.says(words).await;
        note(&format!("shaper: {what}, until the status says so"), took).unwrap();
        assert!(took <= PROMISE + ROOM, "{what}: {took:?}");
    }

    /// Never for longer than is promised has the policy said what was not so.
    fn was_honest(&self, what: &str) {
        let lie = self.honesty.longest_lie().unwrap();
        note(&format!("shaper: {what}, longest time of a status that was wrong"), lie).unwrap();
        assert!(lie <= PROMISE + ROOM, "{what}: {lie:?}");
    }
}

/// Every limit that the watch has seen, each once in a row.
fn rates(watch: &LimitWatch) -> Vec<Option<f64>> {
    let mut rates: Vec<_> = watch.points().iter().map(|point| point.mbps).collect();
    rates.dedup();
    rates
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_stand_while_the_shaper_is_killed_replaced_or_hangs() {
    let scene = Scene::set("faults-shaper").await;
    let limits = scene.limits().await;
    let shaper = operator::shaper(&scene.stage.cluster).await.unwrap();
    operator::signal(&shaper, "KILL").await.unwrap();
    scene.obeys(40).await;
    scene.says("True").await;

    operator::ready().await.unwrap();
    kubectl(&format!("-n {SHAPER_NAMESPACE} rollout restart {SHAPER}")).await.unwrap();
    operator::ready().await.unwrap();
    scene.obeys(30).await;
    scene.says("True").await;

    let shaper = operator::shaper(&scene.stage.cluster).await.unwrap();
    operator::signal(&shaper, "STOP").await.unwrap();
    scene.soon_says("it hangs", "no shaper reports this pod").await;
    operator::signal(&shaper, "CONT").await.unwrap();
    scene.obeys(20).await;
    scene.says("True").await;
    let each = [50.0, 40.0, 30.0, 20.0].map(Some);
    assert_eq!(rates(&limits), each, "each limit, in its order, and no gap");
    scene.was_honest("killed, replaced, hung");
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_stand_and_follow_while_containerd_is_away_and_after() {
    let scene = Scene::set("faults-containerd").await;
    let limits = scene.limits().await;
    let mut containerd = Away::send(Component::Containerd).unwrap();
    scene.obeys(40).await;
    scene.says("True").await;
    containerd.bring_back().unwrap();
    scene.obeys(30).await;
    scene.says("True").await;
    assert_eq!(rates(&limits), [50.0, 40.0, 30.0].map(Some));
    // A pod that is made now is limited as well.
    kubectl(&format!("-n {} scale deployment/best-effort --replicas=2", scene.stage.namespace))
        .await
        .unwrap();
    for pod in scene.stage.cluster.running(&scene.stage.namespace, "best-effort", 2).await.unwrap() {
        scene.stage.limited(&pod, Some(30_000_000)).await.unwrap();
    }
    scene.was_honest("containerd away and back");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pod_whose_sandbox_is_made_anew_is_limited_again() {
    let scene = Scene::set("faults-sandbox").await;
    let namespaces = [scene.stage.namespace.as_str()];
    let restarts = || scene.stage.cluster.restarts(&namespaces);
    let (before, start) = (restarts().await.unwrap(), Instant::now());
    kill_sandbox(&scene.pod).await.unwrap();
    until("another sandbox", PATIENCE, async || {
        let now = restarts().await?;
        Ok(Look::when(now > before, || format!("{now} restarts")))
    })
    .await
    .unwrap();
    note("shaper: sandbox killed, until the pod runs in another", start.elapsed()).unwrap();
    let runs = Instant::now();
    scene.stage.limited(&scene.pod, Some(50_000_000)).await.unwrap();
    note("shaper: sandbox made anew, until it is seen limited", runs.elapsed()).unwrap();
    scene.says("True").await;
    scene.obeys(30).await;
    scene.was_honest("sandbox made anew");
}

/// Deletes the only pod while its limit changes, and waits for the next one, which has the new limit.
async fn replaced_in_mid_change(scene: &Scene, pod: &Pod, mbps: u32, grace: &str) -> Result<Pod> {
    let delete = format!("-n {} delete pod {} --wait=false {grace}", scene.stage.namespace, pod.name_any());
    let ((), deleted) = tokio::join!(scene.ask(mbps), kubectl(&delete));
    deleted?;
    let next = until("another pod", PATIENCE, async || {
        let pods = scene.stage.cluster.running(&scene.stage.namespace, "best-effort", 1).await?;
        let next = pods.into_iter().find(|next| next.name_any() != pod.name_any());
        Ok(Look::some(next, || "the old one".to_owned()))
    })
    .await?;
    scene.stage.limited(&next, Some(u64::from(mbps) * 1_000_000)).await?;
    Ok(next)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pod_that_is_deleted_while_its_limit_changes_leaves_no_trouble_behind() {
    let scene = Scene::set("faults-deleted").await;
    let times = if Depth::chosen() == Depth::Full { 10 } else { 2 };
    let mut pod = scene.pod.clone();
    for (number, grace) in (0..times).zip(["", "--grace-period=0 --force"].into_iter().cycle()) {
        pod = replaced_in_mid_change(&scene, &pod, 21 + number, grace).await.unwrap();
        scene.says("True").await;
    }
    let metrics = operator::Endpoint::of_shaper(&scene.stage.cluster).await.unwrap().metrics().await.unwrap();
    assert_eq!(metrics.value("flowmanager_shaper_problems", &[]), Some(0.0), "{}", metrics.0);
    scene.was_honest("pod deleted while its limit changes");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queue_that_somebody_else_sets_is_told_and_ours_comes_back_after_it() {
    let scene = Scene::set("faults-foreign").await;
    let network = network(&scene.pod).unwrap();
    network.tc("qdisc replace dev eth0 root handle 1: htb").await.unwrap();
    scene.soon_says("another's queue at the root", "htb 1:").await;
    network.tc("qdisc del dev eth0 root").await.unwrap();
    let start = Instant::now();
    scene.stage.limited(&scene.pod, Some(50_000_000)).await.unwrap();
    note("shaper: another's queue taken away, until ours is back", start.elapsed()).unwrap();
    scene.says("True").await;
    scene.was_honest("another's queue at the root");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kernel_that_refuses_limits_leaves_the_last_one_in_force_and_is_told() {
    let scene = Scene::set("faults-refused").await;
    let limits = scene.limits().await;
    // Without the capability, the kernel refuses each change of a queue.
    let without = json!({"spec": {"template": {"spec": {"containers": [
        {"name": "shaper", "securityContext": {"capabilities": {"drop": ["ALL"], "add": ["SYS_ADMIN", "SYS_PTRACE"]}}},
    ]}}}});
    let patch = ["-n", SHAPER_NAMESPACE, "patch", SHAPER, "--type=strategic", "-p", &without.to_string()]
        .map(str::to_owned);
    flow_e2e::program::run("kubectl", patch).await.unwrap();
    operator::ready().await.unwrap();
    scene.ask(30).await;
    scene.soon_says("the kernel refuses", "cannot set the limit").await;
    assert_eq!(rates(&limits), [Some(50.0)], "the last limit stands");
    release::install().await.unwrap();
    operator::ready().await.unwrap();
    scene.stage.limited(&scene.pod, Some(30_000_000)).await.unwrap();
    scene.says("True").await;
    assert_eq!(rates(&limits), [50.0, 30.0].map(Some));
    scene.was_honest("the kernel refuses");
}
