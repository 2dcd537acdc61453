//! What is written to a pod in every situation: the mode, what a person asks for, how the objective stands, and
//! whether this controller leads.

use super::super::{PlannedTarget, fixture};
use super::*;
use crate::cluster::{Caches, Found, PodId, TargetPod, WatchedPod};
use crate::enforce::Backend;
use crate::regulator::plan::Template;
use crate::rollout::{RolloutMetrics, Rollouts, WorkloadId};
use flow_control::{Finite, Reading, Unknown};
use flow_policy::names::{
    APPLIED_EGRESS_BANDWIDTH, EGRESS_BANDWIDTH, LIMIT, ORIGINAL_EGRESS_BANDWIDTH, PAUSED, ROLLED_OUT_AT,
};
use flow_policy::{Objective, Overrides};
use futures::FutureExt;
use http::{Request, Response};
use kube::Client;
use kube::client::Body;
use kube::runtime::reflector;
use kube::runtime::watcher::Event;
use prometheus_client::registry::Registry;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use tower_test::mock::Handle;

/// A regulator with a limit from 10M to 100M for one pod, and the API server that its enforcer writes to.
struct Stage {
    regulator: Regulator,
    api: Handle<Request<Body>, Response<Body>>,
}

fn pod() -> Value {
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": "upload", "namespace": "factory", "uid": "u1", "resourceVersion": "7"},
    })
}

fn plan(mode: &str, overrides: Overrides) -> Plan {
    let spec = json!({
        "mode": mode,
        "objectives": [{"name": "queried", "prometheus": {"query": "x"}, "value": {"max": "1"}}],
        "targets": [{"kind": "Deployment", "name": "upload", "limit": {"min": "10M", "max": "100M"}}],
        "control": {"law": "AIMD"},
        "onNoData": {"after": "5s", "action": "Release"},
    });
    let policy = Policy::try_from(&serde_json::from_value(spec).unwrap()).unwrap();
    let id = PodId::new("factory", "upload", "u1");
    let pods = vec![TargetPod { id, applied: None, on_host_network: false }];
    let found = Found { consents: true, exists: true, pods };
    let targets = vec![PlannedTarget { target: policy.targets[0].clone(), found, template: None }];
    Plan { generation: Some(1), policy: Arc::new(policy), overrides: Arc::new(overrides), targets }
}

/// The same for the template of the Deployment, which has this limit from us.
fn rollout(applied: Option<Bandwidth>) -> Plan {
    let mut plan = plan("Enforce", Overrides::default());
    let strategy = Strategy::Rollout { min_interval: Duration::from_mins(10) };
    plan.policy = Arc::new(Policy { strategy, ..(*plan.policy).clone() });
    let workload = WorkloadId::of(&plan.targets[0].target, "factory").unwrap();
    plan.targets[0].template = Some(Template { workload, applied });
    plan
}

impl Stage {
    async fn set(mode: &str, hand: &str, leads: bool) -> Self {
        Self::with(Backend::Cilium, mode, hand, leads).await
    }

    async fn with(backend: Backend, mode: &str, hand: &str, leads: bool) -> Self {
        let pods = std::iter::once(serde_json::from_value::<WatchedPod>(pod()).unwrap().pod).collect();
        let (services, api) = fixture::services(Caches::of(pods, reflector::store().0), backend);
        if !leads {
            let over = CancellationToken::new();
            over.cancel();
            services.enforcer.clone().run(over).await;
        }
        let annotation = match hand {
            "paused" => Some((PAUSED, "true")),
            "pinned" => Some((LIMIT, "40M")),
            _ => None,
        };
        let annotations = annotation.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned()));
        let plan = plan(mode, Overrides::of(&annotations.collect()));
        let id = PolicyId::new("factory", "robot");
        Self { regulator: Regulator::new(Arc::new(services), id, Arc::new(plan)), api }
    }

    /// One decision, `seconds` after the start, about an objective measured just then.
    fn decide(&mut self, reading: Reading, seconds: u64) -> Decision {
        let now = Moment::after_epoch(Duration::from_secs(seconds));
        let regulator = &mut self.regulator;
        regulator.params.manual = regulator.plan.overrides.manual(Timestamp::now());
        let Objective { role, priority, bound, .. } = regulator.plan.policy.objectives[0];
        let seen = Observation::new(role, priority, bound, reading, Some(now));
        regulator.decide(&[seen], now)
    }

    /// The limit that is written now, if one is. The write is accepted.
    async fn written(&mut self) -> Option<String> {
        let (request, answer) = self.next().await?;
        let body = request.into_body().collect_bytes().await.unwrap();
        let body: Value = serde_json::from_slice(&body).unwrap();
        let limit = body["metadata"]["annotations"][EGRESS_BANDWIDTH].as_str().unwrap().to_owned();
        let mut after = pod();
        after["metadata"]["resourceVersion"] = json!("8");
        after["metadata"]["annotations"] = body["metadata"]["annotations"].clone();
        answer.send_response(Response::new(Body::from(serde_json::to_vec(&after).unwrap())));
        Some(limit)
    }

    /// The limit that is written into a pod template now, if one is. The write is never answered.
    async fn written_to_template(&mut self) -> Option<String> {
        let (request, _) = self.next().await?;
        let body = request.into_body().collect_bytes().await.unwrap();
        let body: Value = serde_json::from_slice(&body).unwrap();
        Some(body["metadata"]["annotations"][APPLIED_EGRESS_BANDWIDTH].as_str()?.to_owned())
    }

    /// What the workers ask the API server for, once each of them has done all it can.
    async fn next(&mut self) -> Option<(Request<Body>, tower_test::mock::SendResponse<Response<Body>>)> {
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        self.api.next_request().now_or_never().flatten()
    }
}

fn value(value: f64) -> Reading {
    Finite::new(value).map_err(|_| Unknown::NotFinite)
}

/// The pod as it is with a limit of ours, in that version.
fn limited(limit: &str, version: &str) -> WatchedPod {
    let mut pod = pod();
    pod["metadata"]["resourceVersion"] = json!(version);
    pod["metadata"]["annotations"] = json!({
        EGRESS_BANDWIDTH: limit, ORIGINAL_EGRESS_BANDWIDTH: "", APPLIED_EGRESS_BANDWIDTH: limit,
    });
    serde_json::from_value(pod).unwrap()
}

#[tokio::test]
async fn who_started_from_an_old_view_goes_on_from_the_lower_limit_that_a_newer_one_shows() {
    let (pods, mut cache) = crate::cluster::Objects::empty();
    cache.take(Event::Apply(limited("100M", "7").pod));
    let (services, api) = fixture::services(Caches::of(pods, reflector::store().0), Backend::Cilium);
    let (enforcer, id) = (services.enforcer.clone(), PolicyId::new("factory", "robot"));
    let plan = Arc::new(plan("Enforce", Overrides::default()));
    let mut stage = Stage { regulator: Regulator::new(Arc::new(services), id, plan), api };
    assert_eq!(stage.written().await, None);
    for (shown, decided, second, next) in [("25M", 0.7, 1, None), ("20M", 2.0, 7, Some("16M"))] {
        let newer = limited(shown, "8");
        cache.take(Event::Apply(newer.pod.clone()));
        enforcer.seen(&newer.pod);
        assert_eq!(stage.written().await, None, "{shown} is raised");
        stage.regulator.inherit();
        assert_eq!(stage.regulator.state.limits, [shown.parse().unwrap()]);
        assert_eq!(stage.written().await, None, "{shown} is raised");
        stage.decide(value(decided), second);
        assert_eq!(stage.written().await.as_deref(), next);
    }
}

#[tokio::test]
async fn who_started_from_an_old_view_of_a_pod_template_goes_on_from_the_lower_limit_that_it_has() {
    let (deployments, mut cache) = reflector::store();
    let upload = |limit: &str, version: &str| {
        let records = json!({
            ORIGINAL_EGRESS_BANDWIDTH: "", APPLIED_EGRESS_BANDWIDTH: limit, ROLLED_OUT_AT: "2020-01-01T00:00:00Z",
        });
        let template = json!({"metadata": {"annotations": {EGRESS_BANDWIDTH: limit}}});
        json!({
            "apiVersion": "apps/v1", "kind": "Deployment", "spec": {"template": template},
            "metadata": {
                "name": "upload", "namespace": "factory", "uid": "u1", "resourceVersion": version,
                "annotations": records,
            },
        })
    };
    let old = json!({"metadata": upload("100M", "7")["metadata"]});
    cache.apply_watcher_event(&Event::Apply(serde_json::from_value(old).unwrap()));
    let mut caches = Caches::of(crate::cluster::Objects::empty().0, deployments);
    let robot = json!({
        "apiVersion": "flow.fustli.io/v1alpha1", "kind": "FlowPolicy",
        "metadata": {"name": "robot", "namespace": "factory"}, "spec": {"objectives": [], "targets": []},
    });
    let (policies, mut cached_policies) = reflector::store();
    cached_policies.apply_watcher_event(&Event::Apply(serde_json::from_value(robot.clone()).unwrap()));
    caches.policies = policies;
    let (mut services, _) = fixture::services(caches.clone(), Backend::AtCreation);
    let (service, api) = tower_test::mock::pair();
    let metrics = RolloutMetrics::register(&mut Registry::default());
    services.rollouts = Rollouts::new(Client::new(service, "factory"), caches, true, metrics);
    let (id, plan) = (PolicyId::new("factory", "robot"), Arc::new(rollout(Some("100M".parse().unwrap()))));
    let mut stage = Stage { regulator: Regulator::new(Arc::new(services), id, plan), api };
    assert_eq!(stage.regulator.state.limits, ["100M".parse().unwrap()]);
    let (look, answer) = stage.next().await.unwrap();
    assert_eq!(look.method(), http::Method::GET);
    let newer = serde_json::to_vec(&upload("20M", "8")).unwrap();
    answer.send_response(Response::new(Body::from(newer)));
    assert!(stage.next().await.is_none(), "20M is raised");
    stage.regulator.inherit();
    assert_eq!(stage.regulator.state.limits, ["20M".parse().unwrap()]);
    assert!(stage.next().await.is_none(), "20M is raised");
    stage.regulator.plan = Arc::new(Plan {
        overrides: Arc::new(Overrides::of(&[(LIMIT.to_owned(), "40M".to_owned())].into())),
        ..(*stage.regulator.plan).clone()
    });
    stage.decide(value(0.7), 1);
    let (question, answer) = stage.next().await.unwrap();
    assert!(question.uri().path().ends_with("/flowpolicies/robot"));
    answer.send_response(Response::new(Body::from(serde_json::to_vec(&robot).unwrap())));
    assert_eq!(stage.written_to_template().await.as_deref(), Some("40M"), "a person asks for it");
}

#[tokio::test]
async fn a_limit_known_to_be_good_before_a_restart_is_told_and_kept_by_another_plan_of_the_same_objectives() {
    let mut stage = Stage::set("Enforce", "none", true).await;
    let regulator = &mut stage.regulator;
    let told = |regulator: &mut Regulator| regulator.target_views(Moment::default())[0].safe;
    assert_eq!(told(regulator), None);
    regulator.remember(&[Some(Bandwidth::from_mbps(40))]);
    assert_eq!(told(regulator), Some(Bandwidth::from_mbps(40)));
    let mut plan = (*regulator.plan).clone();
    let policy = Policy { interval: Duration::from_secs(7), ..(*plan.policy).clone() };
    plan.policy = Arc::new(policy);
    regulator.adopt(Arc::new(plan));
    assert_eq!(told(regulator), Some(Bandwidth::from_mbps(40)));
    assert_eq!(regulator.state.limits, [Bandwidth::from_mbps(100)], "the limit itself stays");
}

#[tokio::test]
async fn pods_that_join_share_what_is_known_to_be_good_unless_a_limit_is_of_all_together() {
    for (scope, good) in [(Scope::Pod, 40), (Scope::Target, 80)] {
        let mut stage = Stage::set("Enforce", "none", true).await;
        let regulator = &mut stage.regulator;
        regulator.plan = Arc::new(scaled(&regulator.plan, scope, 2));
        regulator.remember(&[Some(Bandwidth::from_mbps(80))]);
        regulator.adopt(Arc::new(scaled(&regulator.plan, scope, 4)));
        let told = regulator.target_views(Moment::default())[0].safe;
        assert_eq!(told, Some(Bandwidth::from_mbps(good)), "{scope:?}");
    }
}

/// The same for so many pods, one of which is on the network of its node.
fn scaled(plan: &Plan, scope: Scope, pods: usize) -> Plan {
    let mut plan = plan.clone();
    let target = &mut plan.targets[0];
    target.target = Arc::new(flow_policy::Target { scope, ..(*target.target).clone() });
    let pod = |number| TargetPod {
        id: PodId::new("factory", "upload", format!("u{number}").as_str()),
        applied: None,
        on_host_network: number == 0,
    };
    target.found.pods = (0..=pods).map(pod).collect();
    plan
}

/// The last of two decisions six seconds apart, and the limit written then.
const TABLE: [(&str, &str, &str, Action, Option<&str>); 16] = [
    ("Enforce", "none", "violated", Action::Decrease, Some("64M")),
    ("Enforce", "none", "met", Action::Hold, Some("100M")),
    ("Enforce", "none", "unknown", Action::Hold, Some("100M")),
    ("Enforce", "none", "unknown too long", Action::Release, None),
    ("Enforce", "paused", "violated", Action::Hold, Some("100M")),
    ("Enforce", "paused", "met", Action::Hold, Some("100M")),
    ("Enforce", "paused", "unknown", Action::Hold, Some("100M")),
    ("Enforce", "paused", "unknown too long", Action::Hold, Some("100M")),
    ("Enforce", "pinned", "violated", Action::Hold, Some("40M")),
    ("Enforce", "pinned", "met", Action::Hold, Some("40M")),
    ("Enforce", "pinned", "unknown", Action::Hold, Some("40M")),
    ("Enforce", "pinned", "unknown too long", Action::Hold, Some("40M")),
    ("Observe", "none", "violated", Action::Decrease, None),
    ("Observe", "none", "unknown too long", Action::Release, None),
    ("Observe", "paused", "violated", Action::Hold, None),
    ("Observe", "pinned", "violated", Action::Hold, None),
];

impl Stage {
    fn see(&mut self, seen: &str) -> Decision {
        let unknown = Err(Unknown::NoSeries);
        let (before, now) = match seen {
            "violated" => (value(2.0), value(2.0)),
            "unknown" => (value(0.7), unknown),
            "unknown too long" => (unknown, unknown),
            _ => (value(0.7), value(0.7)),
        };
        self.decide(before, 1);
        self.decide(now, 7)
    }
}

#[tokio::test]
async fn a_leader_writes_once_what_the_table_says_and_then_nothing_more() {
    for (mode, hand, seen, action, limit) in TABLE {
        let mut stage = Stage::set(mode, hand, true).await;
        let case = format!("{mode}, {hand}, {seen}");
        assert_eq!(stage.see(seen).action, action, "{case}");
        assert_eq!(stage.written().await.as_deref(), limit, "{case}");
        // What holds, or stays unknown, changes nothing.
        let newest = if seen.starts_with("unknown") { Err(Unknown::NoSeries) } else { value(0.7) };
        for seconds in 8..12 {
            assert_eq!(stage.decide(newest, seconds).action, Action::Hold, "{case}");
            assert_eq!(stage.written().await, None, "{case}");
        }
    }
}

#[tokio::test]
async fn who_does_not_lead_writes_nothing_whatever_is_decided() {
    for (mode, hand, seen, action, _) in TABLE {
        let mut stage = Stage::set(mode, hand, false).await;
        assert_eq!(stage.see(seen).action, action);
        assert!(stage.next().await.is_none(), "{mode}, {hand}, {seen}");
    }
}

#[tokio::test]
async fn limits_that_were_taken_away_are_claimed_again_with_the_data() {
    let mut stage = Stage::set("Enforce", "none", true).await;
    stage.see("unknown too long");
    assert_eq!(stage.written().await, None);
    stage.decide(value(0.7), 8);
    assert_eq!(stage.written().await.as_deref(), Some("100M"));
}

#[tokio::test]
async fn where_no_limit_is_written_none_counts_as_out_of_force_or_without_effect() {
    let mut stage = Stage::set("Observe", "none", true).await;
    stage.regulator.look(&[], Moment::default());
    assert_eq!(
        (stage.regulator.params.effect, stage.regulator.params.effect_check),
        (Effect::Possible, None)
    );
    let stage = Stage::set("Enforce", "none", true).await;
    assert!(stage.regulator.params.effect_check.is_some());
}

#[tokio::test]
async fn without_a_pod_limits_stay_and_with_one_they_move_a_second_later() {
    let mut stage = Stage::set("Enforce", "none", true).await;
    let full = Arc::clone(&stage.regulator.plan);
    let mut empty = (*full).clone();
    empty.targets[0].found.pods.clear();
    stage.regulator.adopt(Arc::new(empty));
    stage.regulator.look(&[], Moment::default());
    assert_eq!(stage.decide(value(2.0), 1).reason, flow_control::Reason::NoPods);
    stage.regulator.adopt(full);
    stage.regulator.look(&[], Moment::default());
    assert_eq!(stage.decide(value(2.0), 2).action, Action::Decrease);
}

#[tokio::test]
async fn limits_that_count_only_for_new_pods_do_not_move() {
    let mut stage = Stage::with(Backend::AtCreation, "Enforce", "none", true).await;
    stage.regulator.look(&[], Moment::default());
    assert_eq!(stage.decide(value(2.0), 1).reason, flow_control::Reason::OnlyAtCreation);
}

fn at(ms: u64) -> Moment {
    Moment::after_epoch(Duration::from_millis(ms))
}

#[tokio::test]
async fn where_nobody_tells_limits_are_in_effect_half_a_second_after_their_change() {
    let mut stage = Stage::set("Enforce", "none", true).await;
    let taken_up = stage.regulator.taken_up;
    assert_eq!(stage.regulator.settled_since(taken_up), taken_up + Duration::from_millis(500));
    stage.decide(value(2.0), 100);
    assert_eq!(stage.regulator.settled_since(at(100_200)), at(100_500));
    stage.decide(value(0.7), 101);
    assert_eq!(stage.regulator.settled_since(at(101_200)), at(100_500), "nothing has changed");
}

#[tokio::test]
async fn what_a_shaper_does_not_confirm_is_in_effect_three_seconds_after_its_change() {
    for (mode, ms) in [("Enforce", 103_000), ("Observe", 100_500)] {
        let mut stage = Stage::with(Backend::Shaper, mode, "none", true).await;
        stage.decide(value(2.0), 100);
        assert_eq!(stage.regulator.settled_since(at(100_200)), at(ms), "{mode}");
    }
}

#[tokio::test]
async fn a_limit_that_waits_for_its_rollout_is_not_in_effect_however_long_that_takes() {
    let (deployments, mut cache) = reflector::store();
    let upload = json!({"metadata": {"name": "upload", "namespace": "factory", "uid": "u1"}});
    cache.apply_watcher_event(&Event::Apply(serde_json::from_value(upload).unwrap()));
    let services =
        fixture::services(Caches::of(crate::cluster::Objects::empty().0, deployments), Backend::AtCreation).0;
    let id = PolicyId::new("factory", "robot");
    let mut regulator = Regulator::new(Arc::new(services), id, Arc::new(rollout(None)));
    regulator.taken_up = at(1_000);
    assert_eq!(regulator.settled_since(at(1_000)), at(1_000), "none is needed yet");
    regulator.needed = true;
    regulator.claim();
    assert!([1_000, 600_000].into_iter().all(|now| regulator.settled_since(at(now)) > at(now)));
}

#[tokio::test]
async fn another_spec_counts_as_a_change_of_limits() {
    let mut stage = Stage::set("Enforce", "none", true).await;
    stage.decide(value(2.0), 100);
    let mut next = (*stage.regulator.plan).clone();
    next.policy = Arc::new(Policy {
        no_data: flow_control::NoData { after: Duration::ZERO, ..next.policy.no_data },
        ..(*next.policy).clone()
    });
    stage.regulator.adopt(Arc::new(next));
    let taken_up = stage.regulator.taken_up;
    assert_eq!(stage.regulator.settled_since(taken_up), taken_up + Duration::from_millis(500));
}

#[tokio::test]
async fn only_a_law_that_goes_by_queues_listens_for_them() {
    let mut stage = Stage::set("Enforce", "none", true).await;
    let probed = json!({
        "objectives": [{"name": "jitter", "probe": {"host": "127.0.0.1", "port": 9}, "jitter": {"max": "1ms"}}],
        "targets": [{"kind": "Deployment", "name": "upload", "limit": {"min": "10M", "max": "100M"}}],
    });
    let probed = Policy::try_from(&serde_json::from_value(probed).unwrap()).unwrap();
    let adaptive = flow_control::Law::Adaptive(flow_control::Adaptive::BALANCED);
    let mut levels = |law| {
        let policy = Arc::new(Policy { law, ..probed.clone() });
        stage.regulator.adopt(Arc::new(Plan { policy, ..(*stage.regulator.plan).clone() }));
        Arc::weak_count(&stage.regulator.bell())
    };
    let aimd = flow_control::Law::Aimd(flow_control::Aimd::default());
    assert_eq!([aimd, adaptive, aimd, adaptive].map(&mut levels), [0, 2, 0, 2]);
}

#[test]
fn a_regulator_takes_less_than_a_kilobyte_but_for_what_it_points_to() {
    // It is boxed, and beyond this the allocator rounds up to 1024.
    assert!(size_of::<Regulator>() <= 896, "{}", size_of::<Regulator>());
}
