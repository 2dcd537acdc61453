use super::super::sentences::{self, STARTING};
use super::super::{ObjectiveView, Snapshot};
use flow_control::{Judgement, Role, Unknown};
use flow_policy::condition::{
    Finding, OBJECTIVES_MET_ALL_MET, OBJECTIVES_MET_NO_DATA, OBJECTIVES_MET_STARTING, OBJECTIVES_MET_VIOLATED,
};
use flow_policy::{Objective, Source};
use jiff::{SignedDuration, Timestamp};
use std::time::Duration;

/// How long an objective may be without data before that is called a fault: this, and so many intervals of
/// its probe.
const STARTING_TIME: Duration = Duration::from_secs(10);
const STARTING_PROBES: u32 = 10;

/// That an objective keeps the policy from deciding, and why.
pub(super) enum Unmeasured {
    /// It may only be starting.
    Starting(String),
    /// It cannot be measured.
    NoData(String),
}

/// The objectives that decide, the highest-ranking first.
fn decisive(snapshot: &Snapshot) -> Vec<(&Objective, &ObjectiveView)> {
    let objectives = snapshot.policy.objectives.iter().zip(&snapshot.objectives);
    let mut decisive: Vec<_> = objectives.filter(|(objective, _)| objective.role == Role::Control).collect();
    decisive.sort_by_key(|(objective, _)| std::cmp::Reverse(objective.priority));
    decisive
}

/// The objective that keeps the policy from deciding.
pub(super) fn unmeasured(snapshot: &Snapshot, now: Timestamp) -> Option<Unmeasured> {
    let unknown = decisive(snapshot).into_iter().filter_map(|(objective, view)| {
        let why = view.reading.err()?;
        let starting = is_starting(snapshot, objective, view, now);
        Some((starting, objective, sentences::unknown(why, view.detail.as_deref())))
    });
    // What has failed says more than what has not begun.
    let (starting, objective, why) = unknown.min_by_key(|(starting, ..)| *starting)?;
    Some(if starting {
        Unmeasured::Starting(format!("{}: {STARTING}", objective.name))
    } else {
        Unmeasured::NoData(sentences::unmeasured(&objective.name, &why))
    })
}

/// Whether an objective has no data only because its measurement has just begun.
pub(in super::super) fn is_starting(
    snapshot: &Snapshot,
    objective: &Objective,
    view: &ObjectiveView,
    now: Timestamp,
) -> bool {
    let probes = match &objective.source {
        Source::Probe(probe) => probe.interval.saturating_mul(STARTING_PROBES),
        Source::Prometheus { .. } => Duration::ZERO,
    };
    let allowed =
        SignedDuration::try_from(STARTING_TIME.saturating_add(probes)).unwrap_or(SignedDuration::MAX);
    let has_nothing_yet = match view.reading {
        Err(Unknown::NoData | Unknown::TooFewSamples { .. }) => view.detail.is_none(),
        // What was just started has not been scraped yet.
        Err(Unknown::NoSeries) => true,
        _ => false,
    };
    has_nothing_yet && now.duration_since(snapshot.measured_since) < allowed
}

pub(super) fn objectives_met(snapshot: &Snapshot, unmeasured: Option<&Unmeasured>) -> Finding {
    let violated = decisive(snapshot).into_iter().filter(|(_, view)| view.judgement == Judgement::Violated);
    let violated: Vec<_> = violated.map(|(objective, _)| sentences::bounded(objective)).collect();
    match (violated.is_empty(), unmeasured) {
        (false, _) => Finding::new(OBJECTIVES_MET_VIOLATED, format!("violated: {}", violated.join(", "))),
        (true, Some(Unmeasured::Starting(why))) => Finding::new(OBJECTIVES_MET_STARTING, why),
        (true, Some(Unmeasured::NoData(why))) => Finding::new(OBJECTIVES_MET_NO_DATA, why),
        (true, None) => Finding::new(OBJECTIVES_MET_ALL_MET, "every objective that decides holds"),
    }
}
