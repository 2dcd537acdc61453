//! The enforcer against an API server that refuses, fails, and takes its time.

use super::shapers::Heard;
use super::{Backend, Confirmed, EnforceMetrics, Enforcer, Held, InForce};
use crate::clock::Clock;
use crate::cluster::{CachedPod, Objects, ObjectsWriter, PodId, PolicyId};
use flow_control::{Bandwidth, Moment};
use flow_policy::names::{
    APPLIED_EGRESS_BANDWIDTH, EGRESS_BANDWIDTH, KUBE_OVN_EGRESS_RATE, ORIGINAL_EGRESS_BANDWIDTH,
};
use flow_shaper::PodReport;
use futures::FutureExt;
use http::{Method, Request, Response, StatusCode};
use k8s_openapi::api::core::v1::Pod;
use kube::Client;
use kube::client::Body;
use kube::runtime::watcher::Event;
use prometheus_client::registry::Registry;
use serde_json::{Value, json};
use std::time::Duration;
use tokio_util::sync::CancellationToken;
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
        self.answer.send_response(response(StatusCode::OK, &serde_json::to_value(&after).unwrap()));
        after
    }

    fn refuse(self, status: StatusCode, message: &str) {
        let code = status.as_u16();
        let body = json!({
            "kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "message": message,
            "reason": "", "metadata": {},
        });
        self.answer.send_response(response(status, &body));
    }
}

fn response(status: StatusCode, body: &Value) -> Response<Body> {
    Response::builder().status(status).body(Body::from(serde_json::to_vec(body).unwrap())).unwrap()
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

#[tokio::test]
async fn a_take_over_that_met_a_change_starts_again_from_what_is_there_now() {
    let mut stage = Stage::new();
    stage.watch(&pod(7, &[(EGRESS_BANDWIDTH, "1G")]));
    stage.claim(64);
    let first = stage.asked().await;
    assert!(first.is_forced());
    assert_eq!(first.body["metadata"]["resourceVersion"], "7");
    assert_eq!(first.annotation(ORIGINAL_EGRESS_BANDWIDTH), "1G");
    stage.watch(&pod(8, &[(EGRESS_BANDWIDTH, "2G")]));
    first.refuse(StatusCode::CONFLICT, "the object has been modified");
    let second = stage.asked().await;
    assert_eq!(second.body["metadata"]["resourceVersion"], "8");
    assert_eq!(second.annotation(ORIGINAL_EGRESS_BANDWIDTH), "2G");
}

#[tokio::test(start_paused = true)]
async fn a_pod_that_changes_while_it_starts_is_limited_without_delay() {
    let mut stage = Stage::new();
    stage.watch(&pod(7, &[]));
    stage.claim(64);
    let began = tokio::time::Instant::now();
    // The scheduler binds it, and the kubelet reports it twice.
    for version in 8..=10 {
        let asked = stage.asked().await;
        stage.watch(&pod(version, &[]));
        asked.refuse(StatusCode::CONFLICT, "the object has been modified");
    }
    let settled = stage.asked().await;
    assert_eq!(settled.body["metadata"]["resourceVersion"], "10");
    let taken = began.elapsed();
    assert!(taken < Duration::from_millis(50), "{taken:?}");
}

#[tokio::test]
async fn a_limit_that_another_manager_has_taken_is_never_forced() {
    let mut stage = Stage::new();
    stage.watch(&limited(7, "64M", ""));
    stage.claim(50);
    let change = stage.asked().await;
    assert!(!change.is_forced());
    change.refuse(StatusCode::CONFLICT, "conflict with \"kubectl-annotate\" using v1");
    let again = stage.asked().await;
    assert!(!again.is_forced());
    let problem = stage.problem().unwrap();
    assert!(problem.contains("kubectl-annotate"), "{problem}");
}

#[tokio::test]
async fn a_value_that_was_set_by_hand_is_left_and_told() {
    let mut stage = Stage::new();
    let by_hand =
        [(EGRESS_BANDWIDTH, "70M"), (ORIGINAL_EGRESS_BANDWIDTH, ""), (APPLIED_EGRESS_BANDWIDTH, "64M")];
    stage.watch(&pod(7, &by_hand));
    stage.claim(50);
    let problem = stage.problem().unwrap();
    assert!(problem.contains("70M"), "{problem}");
    // The first thing that is ever written is the restoration, and it leaves their value alone.
    stage.enforcer.all_policies_known();
    stage.enforcer.withdraw(&policy());
    let restoration = stage.asked().await;
    assert_eq!(restoration.annotation(ORIGINAL_EGRESS_BANDWIDTH), &Value::Null);
    assert!(restoration.body["metadata"]["annotations"].get(EGRESS_BANDWIDTH).is_none());
}

#[tokio::test]
async fn a_write_that_failed_is_made_again_with_the_newest_limit() {
    let mut stage = Stage::new();
    let before = limited(7, "64M", "");
    stage.watch(&before);
    stage.claim(50);
    let first = stage.asked().await;
    assert_eq!(first.limit(), "50M");
    first.refuse(StatusCode::INTERNAL_SERVER_ERROR, "etcd is away");
    stage.claim(40);
    let second = stage.asked().await;
    assert_eq!(second.limit(), "40M");
    second.accept(&before, 8);
}

#[tokio::test]
async fn while_an_answer_is_slow_only_the_newest_limit_is_kept() {
    let mut stage = Stage::new();
    let before = limited(7, "64M", "");
    stage.watch(&before);
    stage.claim(50);
    let slow = stage.asked().await;
    for mbps in [40, 30, 20] {
        stage.claim(mbps);
    }
    let after = slow.accept(&before, 8);
    let next = stage.asked().await;
    assert_eq!(next.limit(), "20M");
    next.accept(&after, 9);
}

#[tokio::test]
async fn a_pod_that_has_its_limit_is_not_written_after_a_restart() {
    let mut stage = Stage::new();
    stage.watch(&limited(7, "64M", ""));
    stage.claim(64);
    stage.claim(50);
    assert_eq!(stage.asked().await.limit(), "50M", "64M was not written");
}

#[tokio::test]
async fn a_lower_limit_that_somebody_else_has_set_in_our_name_is_raised_once_the_policy_has_heard_of_it() {
    let mut stage = Stage::new();
    stage.watch(&limited(7, "64M", ""));
    stage.claim(64);
    stage.watch(&limited(8, "20M", ""));
    stage.claim(50);
    assert!(stage.api.next_request().now_or_never().is_none(), "20M is raised");
    let found = stage.enforcer.inherited(&policy(), [&id()]);
    assert_eq!(found, [(id(), Bandwidth::from_mbps(20))]);
    stage.enforcer.heard(&policy(), &found);
    for version in ["8", "9"] {
        let raise = stage.asked().await;
        assert_eq!(
            (raise.limit(), &raise.body["metadata"]["resourceVersion"]),
            (&json!("50M"), &json!(version))
        );
        stage.watch(&limited(9, "20M", ""));
        raise.refuse(StatusCode::CONFLICT, "the object has been modified");
    }
    assert_eq!(stage.enforcer.inherited(&policy(), [&id()]), []);
}

#[tokio::test]
async fn a_lower_limit_may_be_our_own_of_which_no_answer_came() {
    let mut stage = Stage::new();
    stage.watch(&limited(7, "64M", ""));
    stage.claim(50);
    let lost = stage.asked().await;
    stage.watch(&limited(8, "50M", ""));
    stage.claim(60);
    lost.refuse(StatusCode::INTERNAL_SERVER_ERROR, "nobody knows whether it was made");
    assert_eq!(stage.asked().await.limit(), "60M");
}

#[tokio::test]
async fn a_pod_that_is_gone_is_forgotten() {
    let mut stage = Stage::new();
    let before = limited(7, "64M", "");
    stage.watch(&before);
    stage.enforcer.all_policies_known();
    let gone = stage.asked().await;
    gone.refuse(StatusCode::NOT_FOUND, "pods \"upload\" not found");
    assert_eq!(stage.enforcer.restored(&namespaces()).now_or_never(), None, "the cache still has it");
    stage.watch_deletion(&before);
    stage.restored().await;
}

#[tokio::test]
async fn nobody_s_pod_is_restored_once_all_policies_are_known() {
    let mut stage = Stage::new();
    let before = limited(7, "64M", "1G");
    stage.watch(&before);
    assert_eq!(stage.enforcer.restored(&namespaces()).now_or_never(), None);
    stage.enforcer.all_policies_known();
    let restoration = stage.asked().await;
    assert_eq!(restoration.body["metadata"]["resourceVersion"], "7");
    let after = restoration.accept(&before, 8);
    assert_eq!(after, pod(8, &[(EGRESS_BANDWIDTH, "1G")]));
    stage.watch(&after);
    stage.restored().await;
}

#[tokio::test]
async fn a_pod_that_is_left_in_any_of_the_namespaces_is_waited_for() {
    let mut stage = Stage::new();
    stage.watch(&limited(7, "64M", ""));
    let restored = |namespaces: &[&str]| {
        let namespaces: Vec<_> = namespaces.iter().map(|name| (*name).to_owned()).collect();
        stage.enforcer.restored(&namespaces).now_or_never().is_some()
    };
    assert!(restored(&["lab"]) && restored(&[]));
    assert!(!restored(&["lab", "factory"]));
}

#[tokio::test]
async fn a_stop_waits_for_the_answer_and_starts_nothing_new() {
    let mut stage = Stage::new();
    let before = limited(7, "64M", "");
    stage.watch(&before);
    stage.claim(50);
    let under_way = stage.asked().await;
    let stop = CancellationToken::new();
    let mut running = tokio::spawn(stage.enforcer.clone().run(stop.clone()));
    stop.cancel();
    stage.claim(40);
    tokio::task::yield_now().await;
    assert_eq!((&mut running).now_or_never().map(|ended| ended.is_ok()), None, "an answer is awaited");
    under_way.accept(&before, 8);
    tokio::time::timeout(Duration::from_secs(10), running).await.expect("does not stop").unwrap();
    assert!(stage.api.next_request().now_or_never().is_none(), "40M waits for the next start");
}

#[tokio::test]
async fn the_old_state_of_a_restored_pod_is_not_restored_again() {
    let mut stage = Stage::new();
    let before = limited(7, "64M", "1G");
    stage.watch(&before);
    stage.enforcer.all_policies_known();
    let restoration = stage.asked().await;
    restoration.accept(&before, 9);
    stage.restored().await;
    stage.watch(&limited(8, "64M", "1G"));
    assert!(stage.enforcer.restored(&namespaces()).now_or_never().is_some(), "it is known to be restored");
    stage.claim(64);
    let take_over = stage.asked().await;
    assert_eq!(take_over.body["metadata"]["resourceVersion"], "9");
    assert_eq!(take_over.annotation(ORIGINAL_EGRESS_BANDWIDTH), "1G");
}

#[tokio::test]
async fn a_marked_pod_on_the_host_network_does_not_hold_up_its_namespace() {
    let mut stage = Stage::new();
    let mut before = limited(7, "64M", "");
    before.spec =
        Some(k8s_openapi::api::core::v1::PodSpec { host_network: Some(true), ..Default::default() });
    stage.watch(&before);
    stage.enforcer.all_policies_known();
    stage.asked().await.accept(&before, 8);
    stage.restored().await;
}

#[tokio::test]
async fn limits_that_change_faster_than_the_api_answers_are_not_overdue() {
    let mut stage = Stage::new();
    let mut before = limited(7, "64M", "");
    stage.watch(&before);
    stage.claim(60);
    let mut asked = stage.asked().await;
    let mut last = stage.clock.now();
    for step in 0..3u32 {
        stage.claim(50 - u64::from(step));
        last = stage.clock.now();
        before = asked.accept(&before, 8 + step);
        asked = stage.asked().await;
    }
    // Three limits were written one after the other; only the fourth is overdue, and not before 3 s.
    let standing = in_force(&stage.enforcer, last + Duration::from_secs(3));
    assert!(!matches!(&standing, InForce::No { reason } if reason.contains("not written")), "{standing:?}");
}

#[tokio::test]
async fn a_marker_removed_by_hand_does_not_make_our_limit_the_original() {
    let mut stage = Stage::new();
    stage.watch(&pod(7, &[(EGRESS_BANDWIDTH, "64M"), (APPLIED_EGRESS_BANDWIDTH, "64M")]));
    stage.claim(50);
    let asked = stage.asked().await;
    assert_eq!(asked.annotation(ORIGINAL_EGRESS_BANDWIDTH), "");
}

#[tokio::test]
async fn a_lower_value_that_was_set_by_hand_holds_the_pod() {
    let mut stage = Stage::with(Backend::Cilium);
    let by_hand =
        [(EGRESS_BANDWIDTH, "5M"), (ORIGINAL_EGRESS_BANDWIDTH, ""), (APPLIED_EGRESS_BANDWIDTH, "64M")];
    stage.watch(&pod(7, &by_hand));
    stage.claim(50);
    assert_eq!(stage.problem(), None);
    assert!(matches!(held(&stage.enforcer), Held::ByHand { .. }));
    stage.claim(4);
    assert!(stage.problem().is_some(), "5M is more than 4M");
    assert!(stage.api.next_request().now_or_never().is_none(), "nothing is written");
}

#[tokio::test]
async fn a_limit_is_confirmed_once_it_is_written_and_the_shaper_says_so() {
    let mut stage = Stage::new();
    let before = limited(7, "50M", "");
    stage.watch(&before);
    assert_eq!(stage.confirmed(50), Confirmed::Unwitnessed, "nothing is asked for");
    stage.claim(50);
    assert!(matches!(stage.confirmed(50), Confirmed::Since(_)));
    stage.claim(40);
    let change = stage.asked().await;
    assert_eq!([stage.confirmed(50), stage.confirmed(40)], [Confirmed::NotYet; 2], "it is not written");
    change.accept(&before, 8);
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert_eq!(stage.confirmed(50), Confirmed::NotYet, "that is the one of a moment ago");
    assert!(matches!(stage.confirmed(40), Confirmed::Since(_)));
}

#[tokio::test]
async fn a_limit_of_before_is_not_exceeded() {
    let mut stage = Stage::new();
    let before = pod(7, &[(EGRESS_BANDWIDTH, "20M")]);
    stage.watch(&before);
    stage.claim(64);
    let take_over = stage.asked().await;
    assert_eq!(take_over.limit(), "20M");
    let after = take_over.accept(&before, 8);
    stage.watch(&after);
    assert_eq!(held(&stage.enforcer), Held::Before(Bandwidth::from_mbps(20)));
    stage.claim(10);
    assert_eq!(stage.asked().await.limit(), "10M");
}

#[tokio::test]
async fn where_limits_take_effect_only_at_creation_running_pods_are_not_written_but_given_back() {
    let mut stage = Stage::with(Backend::AtCreation);
    stage.watch(&pod(7, &[]));
    stage.claim(64);
    stage.enforcer.all_policies_known();
    assert!(stage.api.next_request().now_or_never().is_none(), "it would have no effect");
    assert!(stage.problem().unwrap().contains("only when a pod is created"));
    let limited = limited(8, "64M", "1G");
    stage.watch(&limited);
    let restoration = stage.asked().await;
    assert_eq!(restoration.limit(), "1G");
    let after = restoration.accept(&limited, 9);
    stage.watch(&after);
    stage.enforcer.withdraw(&policy());
    stage.restored().await;
}

#[tokio::test]
async fn after_a_restart_with_another_back_end_a_pod_is_given_back_before_it_is_limited() {
    let mut stage = Stage::with(Backend::KubeOvn);
    let before = limited(7, "64M", "1G");
    stage.watch(&before);
    stage.claim(50);
    let restoration = stage.asked().await;
    assert_eq!(restoration.limit(), "1G");
    restoration.accept(&before, 8);
    let take_over = stage.asked().await;
    assert_eq!(take_over.annotation(KUBE_OVN_EGRESS_RATE), "50");
    assert!(take_over.query.contains("fieldManager=flow-manager-kube-ovn"), "{}", take_over.query);
    assert_eq!(take_over.annotation(EGRESS_BANDWIDTH), &Value::Null, "it is not ours any more");
}
