use super::super::fixture;
use super::*;
use crate::cluster::{Caches, Found, PodId, TargetPod};
use crate::enforce::Backend;
use flow_control::{Adaptive, Bandwidth, Bound, Finite, Queueing, Unknown};
use flow_policy::{Overrides, Scope, TrafficQuery};
use flow_shaper::{Measured, NodeReport, PodReport};
use kube::runtime::reflector;
use serde_json::json;
use std::sync::Arc;

fn at(ms: u64) -> Moment {
    Moment::after_epoch(Duration::from_millis(ms))
}

fn pod(name: &str, on_host_network: bool) -> TargetPod {
    let id = PodId::new("factory", name, name);
    TargetPod { id, applied: None, on_host_network }
}

fn policy(mode: &str) -> Policy {
    let spec = json!({
        "mode": mode,
        "objectives": [{"name": "queried", "prometheus": {"query": "x"}, "value": {"max": "1"}}],
        "targets": [{"kind": "Deployment", "name": "upload", "limit": {"min": "10M", "max": "100M"}}],
    });
    let policy = Policy::try_from(&serde_json::from_value(spec).unwrap()).unwrap();
    Policy { law: Law::Adaptive(Adaptive::BALANCED), ..policy }
}

/// A target with the pods `a` and `b`, and one on the host network.
pub(super) fn planned(scope: Scope) -> PlannedTarget {
    let pods = vec![pod("a", false), pod("b", false), pod("c", true)];
    let found = Found { consents: true, exists: true, pods };
    let target = Arc::new(Target { scope, ..(*policy("Enforce").targets[0]).clone() });
    PlannedTarget { target, found, template: None }
}

fn plan(policy: &Policy) -> Plan {
    let (policy, overrides) = (Arc::new(policy.clone()), Arc::new(Overrides::default()));
    Plan { generation: None, policy, overrides, targets: vec![planned(Scope::Pod)] }
}

fn services() -> Services {
    fixture::services(Caches::of(crate::cluster::Objects::empty().0, reflector::store().0), Backend::Shaper).0
}

/// What the shaper of a node says that was asked at `asked`: what each of these pods sent in Mbit/s until 50 ms before.
fn says(services: &Services, node: &str, asked: Moment, pods: &[(&str, u64)]) {
    let measured = |mbps: u64| Measured {
        at_unix_ms: 1_000,
        sent_bytes: 0,
        sent_packets: 0,
        dropped_packets: 0,
        throttled: 0,
        backlog_bytes: 0,
        sent_bps: Some(mbps * 1_000_000),
        rated_at_unix_ms: Some(950),
    };
    let pod = |(uid, mbps): &(&str, u64)| PodReport {
        uid: (*uid).to_owned(),
        measured: Some(measured(*mbps)),
        ..PodReport::default()
    };
    let pods = pods.iter().map(pod).collect();
    let report = NodeReport { node: node.to_owned(), at_unix_ms: 1_000, watching: true, pods };
    services.enforcer.hear(asked, report);
}

fn read(services: &Services, policy: &Policy) -> Vec<Option<Traffic>> {
    let mut feeds = TrafficFeeds::open(services, "factory", policy);
    feeds.read(&services.enforcer, &plan(policy), &[], at(10_000))
}

fn traffic(mbps: [u64; 3], measured: Moment) -> Traffic {
    let [sent, busiest, fair] = mbps.map(Bandwidth::from_mbps);
    Traffic { sent, busiest, fair, measured, fresh_for: SHAPER_FRESH }
}

#[tokio::test]
async fn pods_that_there_are_not_send_nothing_unless_none_was_looked_for() {
    let services = services();
    let nothing = Some(traffic([0, 0, 0], at(10_000)));
    for (mode, consents, expected) in
        [("Enforce", true, nothing), ("Observe", true, nothing), ("Enforce", false, None)]
    {
        let policy = policy(mode);
        let mut plan = plan(&policy);
        plan.targets[0].found = Found { consents, exists: true, pods: Vec::new() };
        let mut feeds = TrafficFeeds::open(&services, "factory", &policy);
        assert_eq!(feeds.read(&services.enforcer, &plan, &[], at(10_000)), [expected], "{mode} {consents}");
    }
}

#[tokio::test]
async fn a_target_sends_what_its_limited_pods_send_as_long_ago_as_the_oldest_report() {
    let (services, policy) = (services(), policy("Enforce"));
    assert_eq!(read(&services, &policy), [None], "nobody tells");
    says(&services, "node-1", at(9_950), &[("a", 40), ("c", 90), ("another", 90)]);
    let too_old = traffic([40, 40, 40], Moment::default());
    assert_eq!(read(&services, &policy), [Some(too_old)], "nobody tells of the other");
    says(&services, "node-2", at(8_000), &[("b", 20)]);
    assert_eq!(read(&services, &policy), [Some(traffic([60, 40, 30], at(7_950)))], "and gets old");
}

#[tokio::test]
async fn shapers_count_and_are_watched_only_for_limits_that_are_written_by_a_law_that_asks() {
    let services = services();
    says(&services, "node-1", at(9_950), &[("a", 40)]);
    assert_eq!(read(&services, &policy("Observe")), [None]);
    let aimd = Policy { law: Law::Aimd(flow_control::Aimd::default()), ..policy("Enforce") };
    assert_eq!(read(&services, &aimd), []);
    let watched = |policy| {
        let _held = TrafficFeeds::open(&services, "factory", policy);
        services.enforcer.is_attended()
    };
    let all = [&policy("Enforce"), &policy("Observe"), &aimd];
    assert_eq!(all.map(watched), [true, false, false]);
}

#[tokio::test]
async fn a_query_to_a_source_that_nobody_has_configured_tells_nothing_and_is_told() {
    let mut policy = policy("Observe");
    Arc::make_mut(&mut policy.targets[0]).traffic =
        Some(TrafficQuery { source: "edge".to_owned(), query: "x".to_owned() });
    assert_eq!(read(&services(), &policy), [None]);
    let said = "traffic.prometheus.source of Deployment/upload: the operator has no Prometheus of the name \"edge\"; \
                it has none";
    let feeds = TrafficFeeds::open(&services(), "factory", &policy);
    assert_eq!(feeds.refused(), [(Unknown::NoSource, said.to_owned())]);
}

#[test]
fn a_query_counts_only_where_the_shapers_do_not_tell() {
    let (told, asked) = (traffic([1; 3], at(9_500)), traffic([2; 3], at(9_900)));
    let old = |traffic| Traffic { measured: at(5_000), ..traffic };
    for (shapers, query, counts) in [
        (Some(told), Some(asked), Some(told)),
        (None, Some(asked), Some(asked)),
        (Some(old(told)), Some(asked), Some(asked)),
        (Some(old(told)), Some(old(asked)), Some(old(told))),
        (Some(old(told)), None, Some(old(told))),
        (None, None, None),
    ] {
        assert_eq!(newest(shapers, query, at(10_000)), counts, "{shapers:?} {query:?}");
    }
}

#[test]
fn a_violation_and_its_first_sign_are_urgent_where_the_objective_decides() {
    let bound = Bound::AtMost(Finite::new(1.0).unwrap());
    let seen = |role, reading| Observation::new(role, 0, bound, reading, None);
    let (well, bad) = (Finite::new(0.5), Finite::new(2.0));
    let reading = |value: Result<Finite, _>| value.map_err(|_| Unknown::NotFinite);
    let waits = |ms, role| {
        let (delay, allowed) = (Duration::from_millis(ms), Duration::from_millis(10));
        let queueing = Some(Queueing { delay, allowed, growth_percent: 0, settled: true, answered: true });
        Observation { queueing, ..seen(role, reading(well)) }
    };
    for (observation, urgent) in [
        (seen(Role::Control, reading(well)), false),
        (seen(Role::Control, reading(bad)), true),
        (seen(Role::Watch, reading(bad)), false),
        (seen(Role::Control, Err(Unknown::NoData)), false),
        (waits(10, Role::Control), false),
        (waits(11, Role::Control), true),
        (waits(11, Role::Watch), false),
    ] {
        assert_eq!(is_urgent(&observation), urgent, "{observation:?}");
    }
}
