//! Rollouts against an API server that refuses, fails, and takes its time.

use super::{Ask, Kind, RolloutMetrics, Rollouts, Stage, WorkloadId};
use crate::api_server::answers::{answer, failure, owned};
use crate::cluster::{CachedPolicy, Caches, PolicyId};
use flow_control::{Bandwidth, Moment};
use flow_policy::names::{
    APPLIED_EGRESS_BANDWIDTH, EGRESS_BANDWIDTH, ORIGINAL_EGRESS_BANDWIDTH, ROLLED_OUT_AT,
};
use futures::FutureExt;
use http::{Method, Request, Response, StatusCode};
use jiff::Timestamp;
use k8s_openapi::api::apps::v1::Deployment;
use kube::Client;
use kube::api::PartialObjectMeta;
use kube::client::Body;
use kube::runtime::reflector::{self, store::Writer};
use kube::runtime::watcher::Event;
use prometheus_client::registry::Registry;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use tower_test::mock::{Handle, SendResponse};

mod conflicts;
mod policies;
mod raising;

const NAMESPACE: &str = "factory";
const DEPLOYMENT: &str = "/apis/apps/v1/namespaces/factory/deployments/upload";
const POLICIES: &str = "/apis/flow.fustli.io/v1alpha1/namespaces/factory/flowpolicies/";

/// Rollouts, the caches that they read and the API server that they write to.
struct Scene {
    rollouts: Rollouts,
    metrics: Registry,
    caches: Caches,
    cache: Writer<PartialObjectMeta<Deployment>>,
    cached_policies: Writer<CachedPolicy>,
    /// The policies as the API server has them, by name.
    policies: BTreeMap<&'static str, Value>,
    /// How often it was asked how one is.
    questions: usize,
    api: Handle<Request<Body>, Response<Body>>,
}

/// A request that waits for its answer.
struct Asked {
    method: Method,
    query: String,
    body: Value,
    answer: SendResponse<Response<Body>>,
}

impl Scene {
    fn set(allowed: bool) -> Self {
        // The same provider that the operator installs; another test may have been first.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let (service, api) = tower_test::mock::pair();
        let ((deployments, cache), (policies, cached_policies)) = (reflector::store(), reflector::store());
        let mut caches = Caches::of(crate::cluster::Objects::empty().0, deployments);
        caches.policies = policies;
        let mut metrics = Registry::default();
        let counts = RolloutMetrics::register(&mut metrics);
        let rollouts = Rollouts::new(Client::new(service, NAMESPACE), caches.clone(), allowed, counts);
        let policies = ["robot", "welder"].map(|name| (name, stored(name, "p1", 1))).into();
        let mut scene =
            Self { rollouts, metrics, caches, cache, cached_policies, policies, questions: 0, api };
        for policy in scene.policies.clone().values() {
            scene.hear_of(policy);
        }
        scene
    }

    /// The watch brings this policy.
    fn hear_of(&mut self, policy: &Value) {
        let policy = serde_json::from_value(policy.clone()).unwrap();
        self.cached_policies.apply_watcher_event(&Event::Apply(policy));
    }

    /// The watch brings this Deployment, and the next look at everything finds it.
    fn watch(&mut self, deployment: &Value) {
        let metadata = json!({"metadata": deployment["metadata"]});
        self.cache.apply_watcher_event(&Event::Apply(serde_json::from_value(metadata).unwrap()));
        self.rollouts.look_at_all();
    }

    fn ask(&self, mbps: u64, begun: bool) {
        let limit = Bandwidth::from_mbps(mbps);
        let ask = Ask { limit, min_interval: Duration::from_mins(10), begun };
        self.rollouts.ask(&policy(), vec![(id(), ask)]);
    }

    /// The next request about the Deployment. Those about policies are answered before.
    async fn asked(&mut self) -> Asked {
        let (request, answer) = loop {
            let (request, answer) = self.request().await;
            match request.uri().path().strip_prefix(POLICIES) {
                Some(policy) => answer.send_response(self.policy(policy)),
                None => break (request, answer),
            }
        };
        assert_eq!(request.uri().path(), DEPLOYMENT);
        let (method, query) =
            (request.method().clone(), request.uri().query().unwrap_or_default().to_owned());
        let body = request.into_body().collect_bytes().await.unwrap();
        Asked { method, query, body: serde_json::from_slice(&body).unwrap_or_default(), answer }
    }

    async fn request(&mut self) -> (Request<Body>, SendResponse<Response<Body>>) {
        let next = tokio::time::timeout(Duration::from_secs(100), self.api.next_request()).await;
        next.expect("nothing was asked").expect("the client is gone")
    }

    /// What the API server answers who asks how that policy is.
    fn policy(&mut self, name: &str) -> Response<Body> {
        self.questions += 1;
        match self.policies.get(name) {
            Some(policy) => answer(StatusCode::OK, policy),
            None => failure(StatusCode::NOT_FOUND, "not found"),
        }
    }

    /// So many writes were counted with that outcome.
    fn counted(&self, outcome: &str) -> u32 {
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &self.metrics).unwrap();
        let series = format!("flowmanager_rollouts_total{{outcome=\"{outcome}\"}} ");
        text.lines().find_map(|line| line.strip_prefix(&series)).unwrap().parse().unwrap()
    }

    /// Answers a look.
    async fn find(&mut self, deployment: &Value) {
        self.asked().await.answer.send_response(answer(StatusCode::OK, deployment));
    }

    /// A look at the Deployment, which is as `deployment`; then the write that comes of it.
    async fn write_after_a_look_at(&mut self, deployment: &Value) -> Asked {
        let look = self.asked().await;
        assert_eq!(look.method, Method::GET);
        look.answer.send_response(answer(StatusCode::OK, deployment));
        let write = self.asked().await;
        assert_eq!(write.method, Method::PATCH);
        write
    }

    /// Whether nothing is asked of the API server, after whoever is at work had its turn.
    async fn is_quiet(&mut self) -> bool {
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        self.api.next_request().now_or_never().is_none()
    }

    fn stage(&self) -> Stage {
        self.rollouts.standing(&id(), &[], Moment::after_epoch(Duration::ZERO)).stage
    }

    async fn restored(&self) {
        let namespaces = [NAMESPACE.to_owned()];
        let restored = self.rollouts.restored(&namespaces);
        tokio::time::timeout(Duration::from_secs(10), restored).await.expect("not restored");
    }

    fn is_restored(&self) -> bool {
        self.rollouts.restored(&[NAMESPACE.to_owned()]).now_or_never().is_some()
    }
}

impl Asked {
    fn limit(&self) -> &Value {
        &self.body["spec"]["template"]["metadata"]["annotations"][EGRESS_BANDWIDTH]
    }

    fn original(&self) -> &Value {
        &self.body["metadata"]["annotations"][ORIGINAL_EGRESS_BANDWIDTH]
    }

    fn is_forced(&self) -> bool {
        self.query.contains("force=true")
    }

    /// Accepts the write: `before` with what was written, as the next version.
    fn accept(self, before: &Value, version: u32) -> Value {
        let mut after = before.clone();
        merge(&mut after, &self.body);
        after["metadata"]["resourceVersion"] = json!(version.to_string());
        after["metadata"]["generation"] = json!(version);
        self.answer.send_response(answer(StatusCode::OK, &after));
        after
    }

    fn refuse(self, status: StatusCode, message: &str) {
        self.answer.send_response(failure(status, message));
    }

    /// Refuses the write since the Deployment has another version by now.
    fn refuse_as_outdated(self) {
        self.refuse(StatusCode::CONFLICT, "the object has been modified");
    }
}

/// As a JSON merge patch; server-side apply does the same to what these tests write.
fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else { return };
    for (name, value) in patch {
        match value {
            Value::Null => drop(target.as_object_mut().unwrap().remove(name)),
            Value::Object(_) => {
                if !target[name].is_object() {
                    target[name] = json!({});
                }
                merge(&mut target[name], value);
            }
            _ => target[name] = value.clone(),
        }
    }
}

/// A policy as the API server has it.
fn stored(name: &str, uid: &str, generation: i64) -> Value {
    json!({
        "apiVersion": "flow.fustli.io/v1alpha1", "kind": "FlowPolicy",
        "metadata": {"name": name, "namespace": NAMESPACE, "uid": uid, "generation": generation},
        "spec": {"objectives": [], "targets": []},
    })
}

fn policy() -> PolicyId {
    PolicyId::new(NAMESPACE, "robot")
}

fn id() -> WorkloadId {
    WorkloadId { kind: Kind::Deployment, namespace: NAMESPACE.to_owned(), name: "upload".to_owned() }
}

/// A Deployment whose template has this limit, and whose annotations are these.
fn deployment(version: u32, limit: Option<&str>, annotations: &[(&str, &str)]) -> Value {
    let annotations: serde_json::Map<_, _> =
        annotations.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
    let mut template = json!({"labels": {"app": "upload"}, "annotations": {}});
    if let Some(limit) = limit {
        template["annotations"][EGRESS_BANDWIDTH] = json!(limit);
    }
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {
            "name": "upload", "namespace": NAMESPACE, "uid": "u1", "resourceVersion": version.to_string(),
            "generation": version, "annotations": annotations,
        },
        "spec": {"template": {"metadata": template}},
    })
}

/// One that got 50M long ago, with that limit in its template now.
fn limited(version: u32, present: &str) -> Value {
    recorded(version, present, "50M")
}

/// One that got `applied` long ago, with that limit in its template now.
fn recorded(version: u32, present: &str, applied: &str) -> Value {
    let records = [
        (ORIGINAL_EGRESS_BANDWIDTH, "1G"),
        (APPLIED_EGRESS_BANDWIDTH, applied),
        (ROLLED_OUT_AT, "2020-01-01T00:00:00Z"),
    ];
    deployment(version, Some(present), &records)
}

#[tokio::test]
async fn before_a_policy_decides_not_even_a_question_is_asked() {
    let mut scene = Scene::set(true);
    scene.watch(&deployment(7, None, &[]));
    scene.rollouts.all_policies_known();
    scene.ask(50, false);
    assert!(scene.is_quiet().await);
    assert_eq!(scene.stage(), Stage::NotBegun(None));
}

#[tokio::test]
async fn a_take_over_that_met_a_change_starts_again_from_what_is_there_now() {
    let mut scene = Scene::set(true);
    let before = deployment(7, Some("1G"), &[]);
    scene.watch(&before);
    scene.ask(50, true);
    let first = scene.write_after_a_look_at(&before).await;
    assert!(first.is_forced());
    assert_eq!((first.limit(), first.original()), (&json!("50M"), &json!("1G")));
    assert_eq!(first.body["metadata"]["resourceVersion"], "7");
    first.refuse_as_outdated();
    let second = scene.write_after_a_look_at(&deployment(8, Some("2G"), &[])).await;
    assert_eq!((second.original(), &second.body["metadata"]["resourceVersion"]), (&json!("2G"), &json!("8")));
}

#[tokio::test]
async fn a_second_change_waits_for_the_interval_and_the_restoration_does_not() {
    let mut scene = Scene::set(true);
    let before = deployment(7, Some("1G"), &[]);
    scene.watch(&before);
    scene.rollouts.all_policies_known();
    scene.ask(50, true);
    let after = scene.write_after_a_look_at(&before).await.accept(&before, 8);
    scene.ask(20, true);
    assert!(scene.is_quiet().await);
    assert!(matches!(scene.stage(), Stage::Due(at) if at > Timestamp::now()), "{:?}", scene.stage());
    scene.rollouts.withdraw(&policy());
    let restoration = scene.asked().await;
    assert_eq!(restoration.body["metadata"]["resourceVersion"], "8");
    assert_eq!(restoration.accept(&after, 9), deployment(9, Some("1G"), &[]));
    scene.restored().await;
    scene.ask(20, true);
    assert!(scene.is_quiet().await, "the pods were just restarted");
}

#[tokio::test]
async fn what_another_manager_has_taken_is_never_forced_and_said() {
    let mut scene = Scene::set(true);
    let before = limited(7, "50M");
    scene.watch(&before);
    scene.ask(20, true);
    for _ in 0..3 {
        let change = scene.write_after_a_look_at(&before).await;
        assert!(!change.is_forced());
        change.answer.send_response(owned("flux"));
    }
    // The fourth look comes after the third failure was noted.
    assert_eq!(scene.asked().await.method, Method::GET);
    let Stage::Blocked(why) = scene.stage() else { panic!("{:?}", scene.stage()) };
    assert!(why.contains("flux"), "{why}");
}

#[tokio::test]
async fn a_template_that_somebody_else_has_changed_is_looked_at_and_left() {
    let mut scene = Scene::set(true);
    let before = limited(7, "50M");
    scene.watch(&before);
    scene.ask(50, true);
    scene.asked().await.answer.send_response(answer(StatusCode::OK, &before));
    assert!(scene.is_quiet().await, "it has its limit");
    scene.watch(&limited(8, "5M"));
    scene.asked().await.answer.send_response(answer(StatusCode::OK, &limited(8, "5M")));
    assert!(scene.is_quiet().await);
    let Stage::Blocked(why) = scene.stage() else { panic!("{:?}", scene.stage()) };
    assert!(why.contains("5M"), "{why}");
}

#[tokio::test]
async fn nobody_s_template_is_restored_once_all_policies_are_known() {
    let mut scene = Scene::set(true);
    let before = limited(7, "50M");
    scene.watch(&before);
    assert!(scene.is_quiet().await && !scene.is_restored());
    scene.rollouts.all_policies_known();
    let restoration = scene.write_after_a_look_at(&before).await;
    assert_eq!(restoration.accept(&before, 8), deployment(8, Some("1G"), &[]));
    scene.restored().await;
}

#[tokio::test]
async fn after_a_restart_the_recorded_limit_goes_on_and_the_recorded_time_counts() {
    let mut scene = Scene::set(true);
    let now = Timestamp::now().to_string();
    let records = [(ORIGINAL_EGRESS_BANDWIDTH, ""), (APPLIED_EGRESS_BANDWIDTH, "50M"), (ROLLED_OUT_AT, &now)];
    let before = deployment(7, Some("50M"), &records);
    scene.watch(&before);
    assert_eq!(id().applied(&scene.caches), Some(Bandwidth::from_mbps(50)));
    scene.ask(20, true);
    scene.asked().await.answer.send_response(answer(StatusCode::OK, &before));
    assert!(scene.is_quiet().await);
    assert!(matches!(scene.stage(), Stage::Due(_)), "{:?}", scene.stage());
}

#[tokio::test]
async fn without_leave_nothing_is_touched_and_no_deletion_waits() {
    let mut scene = Scene::set(false);
    scene.watch(&limited(7, "50M"));
    scene.rollouts.all_policies_known();
    scene.ask(20, true);
    assert!(scene.is_quiet().await);
    assert!(scene.is_restored());
}

#[tokio::test]
async fn a_stop_waits_for_the_answer_and_starts_nothing_new() {
    let mut scene = Scene::set(true);
    let before = limited(7, "50M");
    scene.watch(&before);
    scene.ask(20, true);
    let under_way = scene.write_after_a_look_at(&before).await;
    let stop = CancellationToken::new();
    let mut running = tokio::spawn(scene.rollouts.clone().run(stop.clone()));
    stop.cancel();
    scene.rollouts.withdraw(&policy());
    assert!(scene.is_quiet().await);
    assert_eq!((&mut running).now_or_never().map(|ended| ended.is_ok()), None, "an answer is awaited");
    under_way.accept(&before, 8);
    tokio::time::timeout(Duration::from_secs(10), running).await.expect("does not stop").unwrap();
    assert!(scene.is_quiet().await);
}
