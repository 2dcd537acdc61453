use super::in_force::FRESH;
use super::metrics::EnforceMetrics;
use crate::clock::Clock;
use flow_control::Moment;
use flow_shaper::{NodeReport, PodReport};
use futures::StreamExt;
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use kube::runtime::reflector::Store;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

/// Where a shaper serves its report.
const PORT: u16 = 9102;
const INTERVAL: Duration = Duration::from_secs(1);
const TIMEOUT: Duration = Duration::from_secs(1);
/// More than 10,000 pods of one node need.
const MAX_BODY_BYTES: usize = 8 << 20;
const CONCURRENCY: usize = 32;

/// What the shaper of a pod's node said last.
#[derive(Clone, Debug)]
pub(super) struct Heard {
    /// When it was asked.
    pub(super) at: Moment,
    /// What it said.
    pub(super) report: PodReport,
}

/// Asks the shapers of all nodes, again and again, what is in force.
pub(super) struct Shapers {
    client: Option<reqwest::Client>,
    pods: Store<Pod>,
    namespace: String,
    clock: Clock,
    metrics: EnforceMetrics,
    heard: Mutex<HashMap<String, Heard>>,
}

/// Why a shaper could not be asked.
#[derive(Debug, thiserror::Error)]
enum AskError {
    #[error("no HTTP client")]
    NoClient,
    #[error(transparent)]
    Http(#[from] reqwest::Error),
    #[error("the report is longer than {MAX_BODY_BYTES} bytes")]
    TooLong,
    #[error("the report cannot be read: {0}")]
    Malformed(#[from] serde_json::Error),
}

impl Shapers {
    /// The shapers that run in `namespace`: only there can nobody but the administrator start one.
    pub(super) fn new(pods: Store<Pod>, namespace: String, clock: Clock, metrics: EnforceMetrics) -> Self {
        let client = reqwest::Client::builder()
            .timeout(TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            // Plain HTTP needs no authorities, and the machine may have none.
            .tls_certs_only([]);
        Self { client: client.build().ok(), pods, namespace, clock, metrics, heard: Mutex::default() }
    }

    /// What was last said about the pod of this UID.
    pub(super) fn heard(&self, uid: &str) -> Option<Heard> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner).get(uid).cloned()
    }

    /// Asks until `shutdown`.
    pub(super) async fn run(&self, shutdown: &CancellationToken) {
        let mut ticks = interval(INTERVAL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while shutdown.run_until_cancelled(ticks.tick()).await.is_some() {
            if shutdown.run_until_cancelled(self.ask_all()).await.is_none() {
                return;
            }
        }
    }

    async fn ask_all(&self) {
        let asked = self.clock.now();
        let addresses = self.pods.state().into_iter().filter_map(|pod| self.address(&pod));
        let answers = futures::stream::iter(addresses).map(|address| self.ask(address));
        let answers: Vec<_> = answers.buffer_unordered(CONCURRENCY).collect().await;
        let down = answers.iter().filter(|answer| answer.is_err()).count();
        self.metrics.shapers_up.set(i64::try_from(answers.len() - down).unwrap_or(i64::MAX));
        self.metrics.shapers_down.set(i64::try_from(down).unwrap_or(i64::MAX));
        let reports = answers.into_iter().flatten().filter(|node| node.watching).flat_map(|node| node.pods);
        let mut heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        // One question that was not answered does not make the answer before it wrong.
        heard.retain(|_, before| asked.since(before.at) <= FRESH);
        heard.extend(reports.map(|report| (report.uid.clone(), Heard { at: asked, report })));
    }

    fn address(&self, pod: &Pod) -> Option<String> {
        let is = |label, value: &str| pod.labels().get(label).is_some_and(|found| found == value);
        let ours =
            is("app.kubernetes.io/name", "flow-manager") && is("app.kubernetes.io/component", "shaper");
        let status = pod.status.as_ref().filter(|status| status.phase.as_deref() == Some("Running"))?;
        // The address of one that has ended may be somebody else's by now.
        let here =
            pod.metadata.deletion_timestamp.is_none() && pod.namespace().as_ref() == Some(&self.namespace);
        (ours && here).then(|| status.pod_ip.clone())?
    }

    async fn ask(&self, address: String) -> Result<NodeReport, AskError> {
        let asked = self.fetch(&address).await;
        asked.inspect_err(|error| tracing::debug!(address, %error, "shaper not asked"))
    }

    async fn fetch(&self, address: &str) -> Result<NodeReport, AskError> {
        let host = if address.contains(':') { format!("[{address}]") } else { address.to_owned() };
        let client = self.client.as_ref().ok_or(AskError::NoClient)?;
        let answer =
            client.get(format!("http://{host}:{PORT}/v1/report")).send().await?.error_for_status()?;
        let (mut chunks, mut body) = (answer.bytes_stream(), Vec::new());
        while let Some(chunk) = chunks.next().await {
            body.extend_from_slice(&chunk?);
            if body.len() > MAX_BODY_BYTES {
                return Err(AskError::TooLong);
            }
        }
        Ok(serde_json::from_slice(&body)?)
    }
}
