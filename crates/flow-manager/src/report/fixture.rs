//! A policy with two decisive objectives and two targets, and how it may stand.

use super::{Change, ObjectiveView, Snapshot, Standing, Tally, TargetView};
use crate::cluster::{CachedPolicy, PolicyId};
use crate::enforce::Backend;
use flow_control::{Action, Bandwidth, Decision, Finite, Judgement, Moment, Queueing, Reason, Unknown};
use flow_policy::Policy;
use jiff::Timestamp;
use kube::runtime::reflector::{self, Store};
use kube::runtime::watcher::Event;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

pub(crate) fn spec(mode: &str) -> Value {
    json!({
        "mode": mode,
        "objectives": [
            {
                "name": "command-jitter", "jitter": {"max": "300us"},
                "probe": {"protocol": "UDP", "host": "robot.factory.svc", "port": 5201, "interval": "20ms"},
            },
            {"name": "scanner-rate", "value": {"min": "50M"}, "prometheus": {"query": "scanner_bps"}},
        ],
        "targets": [
            {"kind": "Deployment", "name": "upload", "limit": {"min": "10M", "max": "1G"}},
            {"kind": "StatefulSet", "name": "erp", "limit": {"min": "10M", "max": "500M"}},
        ],
    })
}

pub(crate) fn policy(mode: &str) -> Policy {
    Policy::try_from(&serde_json::from_value(spec(mode)).unwrap()).unwrap()
}

pub(crate) fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

pub(crate) fn decision(action: Action, reason: Reason, objective: Option<usize>) -> Decision {
    Decision { action, reason, objective }
}

pub(crate) fn view(position: usize, reading: Result<f64, Unknown>) -> ObjectiveView {
    let reading = reading.map(|value| Finite::new(value).unwrap());
    ObjectiveView {
        reading,
        judgement: policy("Enforce").objectives[position].bound.judge(reading),
        measured: None,
        queueing: None,
        detail: None,
    }
}

/// A queue of which 150us are allowed.
pub(crate) fn queueing(us: u64) -> Queueing {
    let [delay, allowed] = [us, 150].map(Duration::from_micros);
    Queueing { delay, allowed, growth_percent: 0, settled: true, answered: true }
}

pub(crate) fn views(readings: &[Result<f64, Unknown>]) -> Vec<ObjectiveView> {
    readings.iter().enumerate().map(|(position, reading)| view(position, *reading)).collect()
}

pub(crate) fn target(mbps: u64) -> TargetView {
    TargetView {
        consents: true,
        found: true,
        limit: Bandwidth::from_mbps(mbps),
        safe: None,
        too_much: None,
        goal: None,
        pods: 3,
        enforced: 3,
        unverified: 0,
        awaiting: None,
        problem: None,
        faulty: None,
        message: None,
        sent: None,
    }
}

/// Everything well: both objectives met, both targets at their maximum and in force.
pub(crate) fn well() -> Snapshot {
    Snapshot {
        generation: Some(1),
        namespace: "factory".into(),
        policy: Arc::new(policy("Enforce")),
        overrides: Arc::default(),
        measured_since: at(0),
        objectives: views(&[Ok(82e-6), Ok(6e7)]),
        targets: vec![target(1000), target(500)],
        backend: Backend::Shaper,
        last_change: None,
        taken_up: Moment::default(),
        failed: None,
        decisions: Tally::default(),
        released: false,
        ineffective: None,
        strategy_allowed: true,
        traffic_refused: Vec::new(),
    }
}

/// The first objective violated, and the limits cut at `second` for it.
pub(crate) fn cut(value: f64, mbps: u64, second: i64) -> Snapshot {
    let objectives = views(&[Ok(value), Ok(6e7)]);
    let decision = decision(Action::Decrease, Reason::ObjectiveViolated, Some(0));
    let limits = [(Bandwidth::from_mbps(mbps), 3); 2];
    assert_eq!(objectives[0].judgement, Judgement::Violated);
    Snapshot {
        last_change: Some(Arc::new(Change::new(
            &policy("Enforce"),
            decision,
            &objectives,
            &limits,
            at(second),
        ))),
        objectives,
        targets: vec![target(mbps), target(mbps)],
        ..well()
    }
}

pub(crate) fn running(change: impl FnOnce(&mut Snapshot)) -> Standing {
    let mut snapshot = well();
    change(&mut snapshot);
    Standing::Running(snapshot)
}

pub(crate) fn id(name: &str) -> PolicyId {
    PolicyId::new("factory", name)
}

/// A cache of policies with these names.
pub(crate) fn cache(names: &[&str]) -> Store<CachedPolicy> {
    let (reader, mut writer) = reflector::store();
    for name in names {
        let metadata = json!({"name": name, "namespace": "factory", "uid": format!("uid-{name}")});
        let policy = json!({
            "apiVersion": "flow.fustli.io/v1alpha1", "kind": "FlowPolicy",
            "metadata": metadata, "spec": spec("Enforce"),
        });
        writer.apply_watcher_event(&Event::Apply(serde_json::from_value(policy).unwrap()));
    }
    reader
}
