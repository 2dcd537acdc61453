//! The cluster, the link and the measurements on which all runs take place.

use crate::link::{self, Counting};
use crate::plan::{BOUND_US, LINK_MBPS, Scenario};
use crate::pods::PodWatch;
use crate::probing::Probing;
use flow_e2e::cluster::Cluster;
use flow_e2e::kubectl::kubectl;
use flow_e2e::program::run;
use flow_e2e::statistics::{interquartile_range, median};
use flow_e2e::wait::{Look, until};
use flow_e2e::workload::Work;
use flow_e2e::{Result, Stage, factory, operator};
use flow_policy::names::EGRESS_BANDWIDTH;
use k8s_openapi::api::core::v1::Pod;
use kube::api::ListParams;
use serde_json::json;
use std::time::{Duration, Instant};

/// The uploads.
pub(crate) const UPLOAD: &str = "telemetry-upload";
/// What sends datagrams whatever becomes of them.
pub(crate) const STREAM: &str = "video-stream";
/// Uploads that want no more than they need.
pub(crate) const CAMERAS: &str = "camera-upload";

const STREAM_MBPS: u32 = 60;
/// Of each of two.
const CAMERA_MBPS: u32 = 15;

const PATIENCE: Duration = Duration::from_secs(30);

/// See the module.
pub(crate) struct Bed {
    pub(crate) start: Instant,
    pub(crate) stage: Stage,
    pub(crate) probing: Probing,
    pub(crate) counting: Counting,
    pub(crate) watch: PodWatch,
}

/// How many pods of each workload a scenario has.
const fn replicas(scenario: Scenario) -> [(&'static str, usize); 3] {
    let (uploads, streams, cameras) = match scenario {
        Scenario::Udp => (2, 1, 0),
        Scenario::Fault => (0, 0, 2),
        _ => (2, 0, 0),
    };
    [(UPLOAD, uploads), (STREAM, streams), (CAMERAS, cameras)]
}

/// The workloads that a policy may limit.
pub(crate) fn targets(scenario: Scenario) -> impl Iterator<Item = &'static str> {
    replicas(scenario).into_iter().filter(|(_, pods)| *pods > 0).map(|(name, _)| name)
}

impl Bed {
    /// Installs everything and starts to measure.
    pub(crate) async fn make() -> Result<Self> {
        let stage = Stage::set_in(factory::NAMESPACE.to_owned()).await?;
        factory::publish().await?;
        let start = Instant::now();
        let watch = PodWatch::start(start, &stage.cluster, factory::NAMESPACE);
        stage.start("Deployment", UPLOAD, 2, Work::Upload).await?;
        stage.start("Deployment", STREAM, 0, Work::Stream(STREAM_MBPS)).await?;
        stage.start("Deployment", CAMERAS, 0, Work::UploadSlowly(CAMERA_MBPS)).await?;
        let (probing, counting) =
            (Probing::start(start, Duration::from_millis(10))?, Counting::start(start)?);
        Ok(Self { start, stage, probing, counting, watch })
    }

    /// Seconds since the start of all measurements.
    pub(crate) fn now_s(&self) -> f64 {
        self.start.elapsed().as_secs_f64()
    }

    pub(crate) const fn cluster(&self) -> &Cluster {
        &self.stage.cluster
    }

    /// Makes everything as it is before each run: no traffic, no policy, the usual link, the pods of the scenario
    /// without limits, and an empty link. Returns the pods.
    pub(crate) async fn prepare(&mut self, scenario: Scenario) -> Result<Vec<Pod>> {
        self.stage.factory.close_sink();
        link::set_mbps(LINK_MBPS).await?;
        for (name, pods) in replicas(scenario) {
            let namespace = factory::NAMESPACE;
            kubectl(&format!("-n {namespace} scale deployment/{name} --replicas={pods}")).await?;
        }
        let pods = self.pods(scenario).await?;
        until("pods without limits", PATIENCE, async || {
            self.watch.seen().look_at(&pods).await?;
            let limits = self.watch.seen().limits_of(&pods);
            let ready = self.watch.seen().knows(&pods) && limits.iter().all(Option::is_none);
            Ok(Look::when(ready, || format!("{limits:?}")))
        })
        .await?;
        self.calm().await?;
        Ok(pods)
    }

    /// The pods of a scenario, once all run and no other.
    pub(crate) async fn pods(&self, scenario: Scenario) -> Result<Vec<Pod>> {
        let mut all = Vec::new();
        for (name, pods) in replicas(scenario) {
            all.extend(self.cluster().running(factory::NAMESPACE, name, pods).await?);
        }
        Ok(all)
    }

    /// Waits until a limit is in force on each of these pods.
    pub(crate) async fn limited(&self, pods: &[Pod]) -> Result<()> {
        until("limits in force", PATIENCE, async || {
            let limits = self.watch.seen().limits_of(pods);
            Ok(Look::when(limits.iter().all(Option::is_some), || format!("{limits:?}")))
        })
        .await
    }

    /// Waits for a second in which nothing is lost and nothing waits. UDP may flow, as long as it leaves room.
    async fn calm(&self) -> Result<()> {
        until("an empty link", PATIENCE, async || {
            let now_s = self.now_s();
            // What was sent just now is not answered yet.
            let probes = self.probing.sent(now_s - 1.1, now_s - 0.1);
            let delays: Vec<f64> = probes.iter().filter_map(|probe| probe.rtt_us).collect();
            let jitter = interquartile_range(&delays);
            let calm = jitter.is_some_and(|jitter| jitter < BOUND_US / 2.0)
                && delays.len() == probes.len()
                && median(&delays).is_some_and(|us| us < 4.0 * BOUND_US);
            Ok(Look::when(calm, || format!("jitter {jitter:?} us of {} probes", delays.len())))
        })
        .await
    }

    /// Undoes what a run that broke may have left.
    pub(crate) async fn recover(&mut self) -> Result<()> {
        self.stage.factory.close_sink();
        self.stage.factory.mend_service()?;
        let namespace = factory::NAMESPACE;
        kubectl(&format!("-n {namespace} delete flowpolicies --all --timeout=20s")).await?;
        let pod = json!({"metadata": {"annotations": {EGRESS_BANDWIDTH: null}}});
        for left in self.cluster().pods(namespace).list(&ListParams::default()).await? {
            self.cluster().patch_pod(&left, &pod).await?;
        }
        let template = json!({"spec": {"template": pod}}).to_string();
        let patch = ["-n", namespace, "patch", "deployment", UPLOAD, "-p", &template];
        run("kubectl", patch).await.map(drop)
    }

    /// Containers that have restarted, ever.
    pub(crate) async fn restarts(&self) -> Result<usize> {
        let namespaces = [factory::NAMESPACE, operator::NAMESPACE, operator::SHAPER_NAMESPACE];
        self.cluster().restarts(&namespaces).await
    }
}
