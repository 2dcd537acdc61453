//! What an operator could have to show.

use flow_page::{Mark, ObjectiveHistory, Page, PolicyHistory, Series, State, TargetHistory, Unit};

/// 2026-11-20 12:00:00 UTC.
pub(crate) const START: i64 = 1_795_176_000_000;
const STEP: i64 = 5_000;
const STEPS: u32 = 180;

/// Five policies, one in each state, the worst first.
pub(crate) fn page() -> Page {
    let policies = vec![
        broken(),
        robot(),
        policy("factory", "scanner", State::Unknown, "safety-scan has not been measured for 40 s."),
        policy("lab", "telescope", State::Met, "Every objective holds, without headroom."),
        policy("office", "calls", State::Clear, "Every objective has headroom."),
    ];
    of(policies)
}

pub(crate) fn of(policies: Vec<PolicyHistory>) -> Page {
    let at = START + STEP * i64::from(STEPS);
    Page { title: "flow-manager".to_owned(), note: None, at, policies, tables: Vec::new() }
}

fn broken() -> PolicyHistory {
    let why = "spec.targets[0].limit: found min 200M above max 100M; min may be at most max.";
    let mut policy = policy("backup", "nightly", State::Invalid, why);
    (policy.objectives, policy.targets, policy.decisions) = (Vec::new(), Vec::new(), Vec::new());
    policy
}

/// Violated twice, of which the first was answered; not measured for a while in between.
pub(crate) fn robot() -> PolicyHistory {
    let why = "command-jitter is 412us, above its bound of 150us; limits fall.";
    let mut policy = policy("factory", "robot-control", State::Violated, why);
    policy.objectives[0].values = series(|step| match step {
        0..40 | 60..80 => Some(60e-6 + 30e-6 * wobble(step)),
        80..100 => None,
        40..60 | 160.. => Some(180e-6 + 900e-6 * wobble(step)),
        _ => Some(80e-6 + 40e-6 * wobble(step)),
    });
    policy.objectives.push(ObjectiveHistory {
        name: "video-throughput".to_owned(),
        unit: Unit::BitsPerSecond,
        bound: 8e6,
        at_least: true,
        other_bound: None,
        state: State::Met,
        measured: None,
        queue: None,
        values: series(|step| Some(if (44..52).contains(&step) { 5e6 } else { 11e6 } + 2e6 * wobble(step))),
    });
    policy
}

pub(crate) fn policy(namespace: &str, name: &str, state: State, why: &str) -> PolicyHistory {
    let unknown = state == State::Unknown;
    PolicyHistory {
        namespace: namespace.to_owned(),
        name: name.to_owned(),
        mode: if name == "telescope" { "Observe" } else { "Enforce" }.to_owned(),
        state,
        why: why.to_owned(),
        holding: None,
        failed: None,
        since: None,
        objectives: vec![ObjectiveHistory {
            name: "command-jitter".to_owned(),
            unit: Unit::Seconds,
            bound: 150e-6,
            at_least: false,
            other_bound: None,
            state,
            measured: None,
            queue: None,
            values: series(|step| (!unknown || step < 172).then(|| 70e-6 + 50e-6 * wobble(step))),
        }],
        targets: vec![TargetHistory {
            name: "Deployment/telemetry-upload".to_owned(),
            pods: 3,
            enforced: if state == State::Violated { 2 } else { 3 },
            limit_each_pod: true,
            too_much: None,
            goal: None,
            known_good: None,
            counts: Vec::new(),
            limit: series(|step| (step >= 20).then(|| limit(step))),
            sent: series(|step| Some(limit(step) * (0.6 + 0.35 * wobble(step)))),
        }],
        decisions: marks(),
    }
}

fn limit(step: u32) -> f64 {
    match step {
        0..42 => 100e6,
        42..46 => 60e6,
        46..70 => 36e6,
        70..100 => 48e6,
        100..162 => 64e6,
        162..168 => 38e6,
        _ => 23e6,
    }
}

fn marks() -> Vec<Mark> {
    let mark = |step: i64, decision: &str, reason: &str, message: &str| Mark {
        at: START + step * STEP,
        decision: decision.to_owned(),
        reason: reason.to_owned(),
        message: message.to_owned(),
    };
    vec![
        mark(42, "Decrease", "QueueGrows", "the queue on the path of command-jitter grows"),
        mark(46, "Decrease", "ObjectiveViolated", "command-jitter is 640us, above its bound of 150us"),
        mark(70, "Increase", "Recovery", "it is calm again, and more seems to fit"),
        mark(100, "Increase", "Headroom", "every objective has headroom"),
        mark(162, "Decrease", "ObjectiveViolated", "command-jitter is 730us, above its bound of 150us"),
        mark(168, "Decrease", "ObjectiveViolated", "command-jitter is 412us, above its bound of 150us"),
    ]
}

pub(crate) fn series(value: impl Fn(u32) -> Option<f64>) -> Series {
    Series { start: START, step: STEP, values: (0..STEPS).map(value).collect() }
}

/// Something between 0 and 1 that looks measured.
fn wobble(step: u32) -> f64 {
    f64::from(step * 7_919 % 101) / 100.0
}
