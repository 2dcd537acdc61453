//! The enforcer against an API server that refuses, fails, and takes its time.

mod conflicts;
mod delays;
mod raising;
mod restoring;

use super::shapers::Heard;
use super::{Backend, Confirmed, EnforceMetrics, Enforcer, Held, InForce};
use crate::api_server::answers::{answer, failure};
use crate::clock::Clock;
use crate::cluster::{CachedPod, Objects, ObjectsWriter, PodId, PolicyId};
use flow_control::{Bandwidth, Moment};
use flow_policy::names::{APPLIED_EGRESS_BANDWIDTH, EGRESS_BANDWIDTH, ORIGINAL_EGRESS_BANDWIDTH};
use flow_shaper::PodReport;
use http::{Method, Request, Response, StatusCode};
use k8s_openapi::api::core::v1::Pod;
use kube::Client;
use kube::client::Body;
use kube::runtime::watcher::Event;
use prometheus_client::registry::Registry;
use serde_json::{Value, json};
use std::time::Duration;
use tower_test::mock::{Handle, SendResponse};

/// An enforcer, the cache that it reads and the API server that it writes to.
struct Stage {
    enforcer: Enforcer,
    cache: ObjectsWriter<CachedPod>,
    api: Handle<Request<Body>, Response<Body>>,
    clock: Clock,
}

/// A write that waits for its answer.
struct Asked {
    query: String,
    body: Value,
    answer: SendResponse<Response<Body>>,
}

impl Stage {
    fn new() -> Self {
        Self::with(Backend::Shaper)
    }

    fn with(backend: Backend) -> Self {
        // The same provider that the operator installs; another test may have been first.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let (service, api) = tower_test::mock::pair();
        let (pods, cache) = Objects::empty();
        let clock = Clock::start();
        let metrics = EnforceMetrics::register(&mut Registry::default());
        let client = Client::new(service, "factory");
        let enforcer = Enforcer::new(client, pods, backend, "shapers".to_owned(), clock, metrics);
        Self { enforcer, cache, api, clock }
    }

    /// The watch brings this pod.
    fn watch(&mut self, pod: &Pod) {
        self.cache.take(Event::Apply(pod.into()));
        self.enforcer.seen(&pod.into());
    }

    fn watch_deletion(&mut self, pod: &Pod) {
        self.cache.take(Event::Delete(pod.into()));
        self.enforcer.seen(&pod.into());
    }

    fn claim(&self, mbps: u64) {
        self.enforcer.claim(&policy(), vec![(id(), Bandwidth::from_mbps(mbps))]);
    }

    async fn asked(&mut self) -> Asked {
        let next = tokio::time::timeout(Duration::from_secs(10), self.api.next_request()).await;
        let (request, answer) = next.expect("nothing was written").expect("the client is gone");
        assert_eq!(request.method(), Method::PATCH);
        assert_eq!(request.uri().path(), "/api/v1/namespaces/factory/pods/upload");
        let query = request.uri().query().unwrap_or_default().to_owned();
        let body = request.into_body().collect_bytes().await.unwrap();
        Asked { query, body: serde_json::from_slice(&body).unwrap(), answer }
    }

    async fn restored(&self) {
        let namespaces = namespaces();
        let restored = self.enforcer.restored(&namespaces);
        tokio::time::timeout(Duration::from_secs(10), restored).await.expect("not restored");
    }

    /// What is confirmed where the shaper says just now that the pod is held to so much.
    fn confirmed(&self, mbps: u64) -> Confirmed {
        let (at, in_force_bps) = (self.clock.now(), Some(Bandwidth::from_mbps(mbps).bps()));
        let heard =
            |_: &PodId| Some(Heard { at, report: PodReport { in_force_bps, ..PodReport::default() } });
        self.enforcer.shared.confirmed([&id()], heard, at)
    }

    /// Why the limit is not in force, a while later.
    fn problem(&self) -> Option<String> {
        match in_force(&self.enforcer, self.clock.now() + Duration::from_mins(1)) {
            InForce::No { reason } => Some(reason),
            InForce::Yes { .. } | InForce::Coming | InForce::Written => None,
        }
    }
}

impl Asked {
    fn annotation(&self, name: &str) -> &Value {
        &self.body["metadata"]["annotations"][name]
    }

    fn limit(&self) -> &Value {
        self.annotation(EGRESS_BANDWIDTH)
    }

    fn is_forced(&self) -> bool {
        self.query.contains("force=true")
    }

    /// Accepts the write: `before` with what was written, as the next version.
    fn accept(self, before: &Pod, version: u32) -> Pod {
        let mut after = before.clone();
        after.metadata.resource_version = Some(version.to_string());
        let annotations = after.metadata.annotations.get_or_insert_default();
        for (name, value) in self.body["metadata"]["annotations"].as_object().unwrap() {
            match value.as_str() {
                Some(value) => annotations.insert(name.clone(), value.to_owned()),
                None => annotations.remove(name),
            };
        }
        self.answer.send_response(answer(StatusCode::OK, &serde_json::to_value(&after).unwrap()));
        after
    }

    fn refuse(self, status: StatusCode, message: &str) {
        self.answer.send_response(failure(status, message));
    }
}

fn in_force(enforcer: &Enforcer, now: Moment) -> InForce {
    enforcer.in_force(&policy(), [&id()], now, |pods| pods.next()).unwrap()
}

fn held(enforcer: &Enforcer) -> Held {
    enforcer.held(&policy(), [&id()]).remove(0)
}

fn policy() -> PolicyId {
    PolicyId::new("factory", "robot")
}

fn namespaces() -> Vec<String> {
    vec!["factory".to_owned()]
}

fn id() -> PodId {
    PodId::new("factory", "upload", "u1")
}

fn pod(version: u32, annotations: &[(&str, &str)]) -> Pod {
    let annotations: serde_json::Map<_, _> =
        annotations.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
    serde_json::from_value(json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {
            "name": "upload", "namespace": "factory", "uid": "u1", "resourceVersion": version.to_string(),
            "annotations": annotations,
        },
    }))
    .unwrap()
}

fn limited(version: u32, limit: &str, original: &str) -> Pod {
    let ours =
        [(EGRESS_BANDWIDTH, limit), (ORIGINAL_EGRESS_BANDWIDTH, original), (APPLIED_EGRESS_BANDWIDTH, limit)];
    pod(version, &ours)
}
