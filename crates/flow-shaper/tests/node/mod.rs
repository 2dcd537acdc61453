//! A node for the agent: an API server that lists and watches pods, and a folder that looks like `/proc`.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on ends"
)]

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use flow_shaper::{Config, EGRESS_BANDWIDTH, Error, NodeReport, PodReport, Reports, Shaper};
use futures::{Stream, StreamExt};
use k8s_openapi::api::core::v1::{Pod, PodSpec, PodStatus};
use kube::api::ObjectMeta;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::broadcast;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::network::Network;

const NAME: &str = "node-1";
const PATIENCE: Duration = Duration::from_secs(10);

/// A running pod without annotation; its UID is its name.
pub(crate) fn pod(name: &str) -> PodBuilder {
    PodBuilder(Pod {
        metadata: ObjectMeta {
            name: Some(name.into()),
            namespace: Some("factory".into()),
            uid: Some(name.into()),
            ..ObjectMeta::default()
        },
        spec: Some(PodSpec { node_name: Some(NAME.into()), ..PodSpec::default() }),
        status: Some(PodStatus { phase: Some("Running".into()), ..PodStatus::default() }),
    })
}

pub(crate) struct PodBuilder(Pod);

impl PodBuilder {
    pub(crate) fn limited(mut self, text: &str) -> Self {
        self.0.metadata.annotations = Some([(EGRESS_BANDWIDTH.into(), text.into())].into());
        self
    }

    pub(crate) fn starting(mut self) -> Self {
        self.0.status.get_or_insert_default().phase = Some("Pending".into());
        self
    }

    pub(crate) fn on_host_network(mut self) -> Self {
        self.0.spec.get_or_insert_default().host_network = Some(true);
        self
    }
}

/// The pods, and all that ever happened to them, so that a watch begins where a list ended.
#[derive(Debug, Default)]
struct History {
    pods: BTreeMap<String, Value>,
    events: Vec<String>,
}

#[derive(Debug)]
struct Api {
    history: Mutex<History>,
    live: broadcast::Sender<Option<String>>,
    failing: AtomicBool,
}

impl Api {
    /// What happens gets the next resource version: the number of events up to it.
    fn happen(&self, kind: &str, change: impl FnOnce(&mut BTreeMap<String, Value>, String) -> Value) {
        let mut history = self.history.lock().unwrap();
        let version = (history.events.len() + 1).to_string();
        let object = change(&mut history.pods, version);
        let event = format!("{}\n", json!({"type": kind, "object": object}));
        history.events.push(event.clone());
        // Sent under the lock, so that a watch sees it once; nobody may be watching.
        let _ = self.live.send(Some(event));
    }

    fn list(&self) -> Value {
        let history = self.history.lock().unwrap();
        let items: Vec<_> = history.pods.values().collect();
        let version = history.events.len().to_string();
        json!({"kind": "PodList", "apiVersion": "v1", "metadata": {"resourceVersion": version}, "items": items})
    }

    fn watch(&self, since: usize) -> impl Stream<Item = String> + use<> {
        let history = self.history.lock().unwrap();
        let missed: Vec<_> = history.events.iter().skip(since).cloned().collect();
        let live = futures::stream::unfold(self.live.subscribe(), |mut live| async {
            let event = live.recv().await.ok().flatten()?;
            Some((event, live))
        });
        futures::stream::iter(missed).chain(live)
    }
}

pub(crate) struct Node {
    /// The node's own network.
    pub(crate) network: Network,
    api: Arc<Api>,
    address: String,
    folder: TempDir,
    next_process: AtomicU32,
    _server: DropGuard,
}

impl Node {
    pub(crate) async fn new() -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let api = Arc::new(Api {
            history: Mutex::default(),
            live: broadcast::channel(1000).0,
            failing: AtomicBool::new(false),
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().route("/api/v1/pods", get(list_or_watch)).with_state(Arc::clone(&api));
        let stop = CancellationToken::new();
        let stopped = stop.clone().cancelled_owned();
        tokio::spawn(async move {
            tokio::select! {
                result = axum::serve(listener, router) => result.unwrap(),
                () = stopped => {}
            }
        });
        let folder = tempfile::tempdir().unwrap();
        let node = Self {
            network: Network::new(),
            api,
            address,
            folder,
            next_process: AtomicU32::new(2),
            _server: stop.drop_guard(),
        };
        node.add_process(1, "0::/init.scope", &node.network);
        node
    }

    /// Starts the sandbox of a pod in that network.
    pub(crate) fn process(&self, uid: &str, network: &Network) {
        let pid = self.next_process.fetch_add(1, Ordering::Relaxed);
        self.add_process(pid, &format!("0::/kubepods/pod{uid}/sandbox"), network);
    }

    fn add_process(&self, pid: u32, cgroup: &str, network: &Network) {
        let folder = self.folder.path().join(pid.to_string());
        fs::create_dir_all(folder.join("ns")).unwrap();
        fs::write(folder.join("stat"), format!("{pid} (pause) S {} {pid}00 0\n", "0 ".repeat(18).trim_end()))
            .unwrap();
        symlink(network.path(), folder.join("ns/net")).unwrap();
        fs::write(folder.join("cgroup"), format!("{cgroup}\n")).unwrap();
    }

    /// Ends all processes of a pod.
    pub(crate) fn end(&self, uid: &str) {
        for entry in fs::read_dir(self.folder.path()).unwrap() {
            let folder: PathBuf = entry.unwrap().path();
            if fs::read_to_string(folder.join("cgroup")).unwrap().contains(&format!("pod{uid}/")) {
                fs::remove_dir_all(folder).unwrap();
            }
        }
    }

    /// Creates or changes a pod.
    pub(crate) fn serve(&self, pod: PodBuilder) {
        self.api.happen("MODIFIED", |pods, version| {
            let mut object = serde_json::to_value(&pod.0).unwrap();
            object["metadata"]["resourceVersion"] = json!(version);
            pods.insert(pod.0.metadata.uid.unwrap(), object.clone());
            object
        });
    }

    pub(crate) fn delete(&self, uid: &str) {
        self.api.happen("DELETED", |pods, version| {
            let mut object = pods.remove(uid).unwrap();
            object["metadata"]["resourceVersion"] = json!(version);
            object
        });
    }

    /// Makes the API server end all watches and refuse all requests, or answer again.
    pub(crate) fn fail(&self, failing: bool) {
        self.api.failing.store(failing, Ordering::Relaxed);
        let _ = self.api.live.send(None);
    }

    /// Starts an agent on this node.
    pub(crate) fn agent(&self) -> Agent {
        self.agent_that_measures_every(Duration::from_millis(250))
    }

    pub(crate) fn agent_that_measures_every(&self, measure_interval: Duration) -> Agent {
        let mut config = kube::Config::new(self.address.parse().unwrap());
        // The watch itself tries again; below it, a failure would stay unseen for minutes.
        config.default_retry = false;
        let client = kube::Client::try_from(config).unwrap();
        let shaper = Shaper::new(
            client,
            Config { node_name: NAME.into(), proc_root: self.folder.path().to_owned(), measure_interval },
        );
        let reports = shaper.reports();
        let stop = CancellationToken::new();
        let task = tokio::spawn(shaper.run(stop.clone()));
        Agent { reports, stop, task }
    }
}

async fn list_or_watch(
    State(api): State<Arc<Api>>,
    Query(query): Query<BTreeMap<String, String>>,
) -> Response {
    assert_eq!(query.get("fieldSelector").map(String::as_str), Some("spec.nodeName=node-1"));
    if api.failing.load(Ordering::Relaxed) {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    if query.get("watch").is_none_or(|watch| watch != "true") {
        return Json(api.list()).into_response();
    }
    let since = query.get("resourceVersion").and_then(|version| version.parse().ok()).unwrap_or(0);
    Body::from_stream(api.watch(since).map(Ok::<_, Infallible>)).into_response()
}

/// A running agent.
pub(crate) struct Agent {
    reports: Reports,
    stop: CancellationToken,
    task: JoinHandle<Result<(), Error>>,
}

impl Agent {
    /// Waits until the report on a pod is as wanted.
    pub(crate) async fn wait_for(&mut self, name: &str, wanted: impl Fn(&PodReport) -> bool) -> PodReport {
        let found =
            |report: &NodeReport| report.pods.iter().find(|pod| pod.name == name && wanted(pod)).cloned();
        let report = self.wait_for_report(|report| found(report).is_some()).await;
        found(&report).unwrap()
    }

    /// Waits until nothing is reported on a pod.
    pub(crate) async fn wait_until_silent(&mut self, name: &str) {
        self.wait_for_report(|report| report.pods.iter().all(|pod| pod.name != name)).await;
    }

    pub(crate) async fn wait_for_report(&mut self, wanted: impl Fn(&NodeReport) -> bool) -> Arc<NodeReport> {
        let answer =
            timeout(PATIENCE, self.reports.wait_for(|report| wanted(report))).await.map(Option::unwrap);
        answer.unwrap_or_else(|_| panic!("waited in vain; the last report was {:#?}", self.reports.latest()))
    }

    /// Stops it as SIGTERM would.
    pub(crate) async fn stop(self) {
        self.stop.cancel();
        self.task.await.unwrap().unwrap();
    }
}
