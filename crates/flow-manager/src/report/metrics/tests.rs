use super::super::Reporter;
use super::super::fixture::{cut, id, policy, queueing, running, spec, target, view, well};
use flow_control::{Action, Bandwidth, Decision, Reason, Unknown};
use flow_policy::{Invalid, Policy};
use prometheus_client::registry::Registry;
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::Arc;

use super::*;

/// What a scrape sees of policies that stand so: the value of each series, which must be unique, and of a
/// metric that was announced before it.
fn scrape(standings: Vec<(&str, Standing)>) -> BTreeMap<String, f64> {
    let mut registry = Registry::default();
    let reporter = Reporter::new(&StandingMetrics::register(&mut registry, Clock::start(), true));
    for (name, standing) in standings {
        reporter.report(&id(name), standing);
    }
    let mut text = String::new();
    prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
    parse(&text)
}

fn parse(text: &str) -> BTreeMap<String, f64> {
    let mut series = BTreeMap::new();
    let mut announced = String::new();
    for line in text.lines().filter(|line| *line != "# EOF") {
        if let Some(kind) = line.strip_prefix("# TYPE ") {
            let (name, kind) = kind.split_once(' ').unwrap();
            announced = format!("{name}{}", if kind == "counter" { "_total" } else { "" });
        } else if !line.starts_with("# HELP ") {
            let (labelled, value) = line.rsplit_once(' ').unwrap();
            assert_eq!(labelled.split('{').next(), Some(announced.as_str()), "{line}");
            let before = series.insert(labelled.to_owned(), value.parse().unwrap());
            assert_eq!(before, None, "twice: {line}");
        }
    }
    series
}

#[test]
fn objectives_and_targets_are_exported_in_base_units() {
    let mut snapshot = cut(412e-6, 80, 1);
    snapshot.targets[0].sent = Some(Bandwidth::from_mbps(79));
    snapshot.targets[0].enforced = 2;
    let series = scrape(vec![("robot", Standing::Running(snapshot))]);
    let jitter = r#"namespace="factory",policy="robot",objective="command-jitter",indicator="jitter""#;
    let rate = r#"namespace="factory",policy="robot",objective="scanner-rate",indicator="value""#;
    let upload = r#"namespace="factory",policy="robot",kind="Deployment",target="upload""#;
    for (name, value) in [
        ("flowmanager_policies".to_owned(), 1.0),
        (format!("flowmanager_objective_value{{{jitter}}}"), 412e-6),
        (format!("flowmanager_objective_bound{{{jitter},bound=\"max\"}}"), 300e-6),
        (format!("flowmanager_objective_bound{{{rate},bound=\"min\"}}"), 50e6),
        (format!("flowmanager_objective_state{{{jitter},state=\"Violated\"}}"), 1.0),
        (format!("flowmanager_objective_state{{{jitter},state=\"Met\"}}"), 0.0),
        (format!("flowmanager_objective_state{{{jitter},state=\"Unknown\"}}"), 0.0),
        (format!("flowmanager_target_limit_bps{{{upload}}}"), 80e6),
        (format!("flowmanager_target_limit_range_bps{{{upload},bound=\"min\"}}"), 10e6),
        (format!("flowmanager_target_limit_range_bps{{{upload},bound=\"max\"}}"), 1e9),
        (format!("flowmanager_target_pods{{{upload}}}"), 3.0),
        (format!("flowmanager_target_enforced_pods{{{upload}}}"), 2.0),
        (format!("flowmanager_target_sent_bps{{{upload}}}"), 79e6),
    ] {
        assert_eq!(series.get(&name), Some(&value), "{name} in {series:#?}");
    }
}

#[test]
fn a_target_in_another_namespace_is_told_from_one_of_the_same_name() {
    let mut spec = spec("Enforce");
    let elsewhere = |namespace: &str| json!({"kind": "Deployment", "name": "upload", "namespace": namespace});
    spec["targets"] = json!([elsewhere(""), elsewhere("lab")]);
    let policy = Policy::try_from(&serde_json::from_value(spec).unwrap()).unwrap();
    let standing = running(|snapshot| {
        snapshot.policy = Arc::new(policy);
        snapshot.targets = vec![target(100), target(40)];
    });
    let series = scrape(vec![("robot", standing)]);
    let limit = |name| {
        let labels = r#"namespace="factory",policy="robot",kind="Deployment""#;
        series.get(&format!("flowmanager_target_limit_bps{{{labels},target=\"{name}\"}}"))
    };
    assert_eq!((limit("upload"), limit("lab/upload")), (Some(&100e6), Some(&40e6)));
    let kept = |namespace| {
        let name = "flowmanager_bandwidth_limit_mbps";
        series.get(&format!("{name}{{deployment=\"upload\",namespace=\"{namespace}\"}}"))
    };
    assert_eq!((kept("factory"), kept("lab")), (Some(&100.0), Some(&40.0)));
}

#[test]
fn the_age_of_a_measurement_grows_and_is_absent_where_there_is_none() {
    let mut registry = Registry::default();
    let clock = Clock::start();
    let reporter = Reporter::new(&StandingMetrics::register(&mut registry, clock, true));
    let mut snapshot = well();
    snapshot.objectives[0].measured = Some(Moment::after_epoch(std::time::Duration::ZERO));
    reporter.report(&id("robot"), Standing::Running(snapshot));
    let ages = || {
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
        let series = parse(&text);
        series.into_iter().filter(|(name, _)| name.contains("_age_seconds")).collect::<Vec<_>>()
    };
    let (first, passed, second) = (ages(), clock.now(), ages());
    let name = r#"flowmanager_objective_age_seconds{namespace="factory",policy="robot",objective="command-jitter",indicator="jitter"}"#;
    assert_eq!(first.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), [name]);
    let passed = passed.since(Moment::after_epoch(std::time::Duration::ZERO)).as_secs_f64();
    assert!((0.0..=passed).contains(&first[0].1) && second[0].1 >= passed, "{first:?} {second:?}");
}

#[test]
fn the_queueing_delay_of_an_objective_is_absent_where_no_probe_tells_of_one() {
    let series =
        scrape(vec![("robot", running(|snapshot| snapshot.objectives[0].queueing = Some(queueing(2_000))))]);
    let of_queues: Vec<_> = series.iter().filter(|(name, _)| name.contains("_queueing_")).collect();
    let name = r#"flowmanager_objective_queueing_delay_seconds{namespace="factory",policy="robot",objective="command-jitter",indicator="jitter"}"#;
    assert_eq!(of_queues, [(&name.to_owned(), &0.002)]);
}

#[test]
fn the_predecessors_names_are_kept() {
    let series = scrape(vec![("robot", Standing::Running(cut(412e-6, 80, 1)))]);
    let jitter = r#"flowmanager_udp_jitter_ms{service="command-jitter",target_host="robot.factory.svc"}"#;
    assert_eq!(series.get(jitter), Some(&0.412));
    let limit = r#"flowmanager_bandwidth_limit_mbps{deployment="upload",namespace="factory"}"#;
    assert_eq!(series.get(limit), Some(&80.0));
    let of_deployments = series.keys().filter(|name| name.starts_with("flowmanager_bandwidth_limit_mbps"));
    assert_eq!(of_deployments.count(), 1, "a StatefulSet is no Deployment");
}

#[test]
fn where_policies_share_a_series_the_worse_value_and_the_lower_limit_count() {
    let mut observed = cut(350e-6, 10, 1);
    observed.policy = Arc::new(policy("Observe"));
    let series = scrape(vec![
        ("a", Standing::Running(cut(412e-6, 80, 1))),
        ("b", Standing::Running(well())),
        ("c", Standing::Running(observed)),
    ]);
    let jitter = r#"flowmanager_udp_jitter_ms{service="command-jitter",target_host="robot.factory.svc"}"#;
    let limit = r#"flowmanager_bandwidth_limit_mbps{deployment="upload",namespace="factory"}"#;
    assert_eq!((series.get(jitter), series.get(limit)), (Some(&0.412), Some(&80.0)));
}

#[test]
fn what_is_unknown_has_no_series() {
    let unknown = running(|snapshot| {
        snapshot.objectives[0] = view(0, Err(Unknown::NoData));
        snapshot.released = true;
    });
    let series = scrape(vec![("robot", unknown)]);
    let of_jitter = |name: &&String| name.contains("command-jitter") && name.contains("_value");
    assert_eq!(series.keys().find(of_jitter), None);
    for absent in ["flowmanager_udp_jitter_ms", "_limit_bps", "_limit_mbps", "_sent_bps"] {
        assert_eq!(series.keys().find(|name| name.contains(absent)), None);
    }
    let state = r#"flowmanager_objective_state{namespace="factory",policy="robot",objective="command-jitter",indicator="jitter",state="Unknown"}"#;
    assert_eq!(series.get(state), Some(&1.0));
}

/// These, and what speaks of no policy.
fn only(series: &[(&str, f64)]) -> BTreeMap<String, f64> {
    let always = ("flowmanager_status_write_errors_total", 0.0);
    series.iter().chain([&always]).map(|(name, value)| ((*name).to_owned(), *value)).collect()
}

#[test]
fn policies_that_are_gone_or_invalid_have_no_series() {
    let problem = Invalid { field: "spec".into(), problem: "bad".into() };
    let invalid = scrape(vec![("robot", Standing::Invalid { generation: None, problem })]);
    assert_eq!(invalid, only(&[("flowmanager_policies", 1.0)]));

    let mut registry = Registry::default();
    let reporter = Reporter::new(&StandingMetrics::register(&mut registry, Clock::start(), true));
    let text = || {
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
        parse(&text)
    };
    reporter.report(&id("robot"), Standing::Running(well()));
    reporter.forget(&id("robot"));
    assert_eq!(text(), only(&[("flowmanager_policies", 0.0)]));
    drop(reporter);
    assert_eq!(text(), only(&[]), "nobody reports");
}

#[test]
fn without_the_predecessors_names_only_ours_are_exported() {
    let mut registry = Registry::default();
    let reporter = Reporter::new(&StandingMetrics::register(&mut registry, Clock::start(), false));
    reporter.report(&id("robot"), Standing::Running(cut(412e-6, 80, 1)));
    let mut text = String::new();
    prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
    let series = parse(&text);
    assert!(series.keys().any(|name| name.starts_with("flowmanager_target_limit_bps")));
    assert!(!text.contains("_mbps") && !text.contains("_ms"), "{text}");
}

#[test]
fn decisions_are_counted_by_action_and_reason() {
    let mut snapshot = cut(412e-6, 80, 1);
    for objective in [Some(3), None] {
        let (action, reason) = (Action::Decrease, Reason::ObjectiveViolated);
        snapshot.decisions.count(&Decision { action, reason, objective });
    }
    let series = scrape(vec![("robot", Standing::Running(snapshot))]);
    let name = r#"flowmanager_decisions_total{namespace="factory",policy="robot",action="Decrease",reason="ObjectiveViolated"}"#;
    assert_eq!(series.get(name), Some(&2.0));
}
