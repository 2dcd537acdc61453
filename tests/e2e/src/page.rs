//! The page of a recording.

use crate::factory::NAMESPACE;
use crate::recording::{Point, Recording, Span};
use crate::report::{PHASES, Report};
use flow_page::{Mark, ObjectiveHistory, Page, PolicyHistory, Series, State, Table, TargetHistory, Unit};

/// Time between two values of limits and of what is sent, in seconds.
const RATES_S: f64 = 1.0;

/// Everything that a demo measured, as a page.
#[must_use]
pub fn page(recording: &Recording, report: &Report) -> Page {
    let whole = recording.whole();
    Page {
        title: "A run of the demo".to_owned(),
        note: Some(
            "A robot's commands and two uploads share one 100 Mbit/s uplink. First nobody uploads (quiet), then the \
             uploads take all they can (congested), then a FlowPolicy holds them back (protected), then they end \
             (released). Jitter is that of an independent probe, limits are what the kernel held the pods to."
                .to_owned(),
        ),
        at: recording.at(whole.to_s),
        policies: vec![policy(recording, report, &whole)],
        tables: vec![phases(report)],
    }
}

fn policy(recording: &Recording, report: &Report, whole: &Span) -> PolicyHistory {
    let missed = report.missed();
    let kept = format!(
        "The jitter was within its bound in {:.1} % of the protected phase's last 30 s.",
        report.in_bound_share * 100.0
    );
    let state = if missed.is_empty() { State::Met } else { State::Violated };
    PolicyHistory {
        namespace: NAMESPACE.to_owned(),
        name: "robot-control".to_owned(),
        mode: "Enforce".to_owned(),
        state,
        why: if missed.is_empty() { kept } else { format!("Missed: {}.", missed.join("; ")) },
        holding: None,
        failed: None,
        since: None,
        objectives: vec![jitter(recording, report, whole, state)],
        targets: vec![rates(recording, report, whole)],
        decisions: marks(recording),
    }
}

fn jitter(recording: &Recording, report: &Report, whole: &Span, state: State) -> ObjectiveHistory {
    let jitter = recording.jitter(whole);
    let step_s = jitter.iter().zip(jitter.iter().skip(1)).map(|(one, next)| next.0 - one.0).next();
    ObjectiveHistory {
        name: "command-jitter".to_owned(),
        unit: Unit::Seconds,
        bound: report.bound_us / 1e6,
        at_least: false,
        other_bound: None,
        state,
        measured: None,
        queue: None,
        values: Series {
            start: recording.at(whole.from_s),
            step: milliseconds(step_s.unwrap_or(1.0)),
            values: jitter.into_iter().map(|(_, us)| us.map(|us| us / 1e6)).collect(),
        },
    }
}

fn rates(recording: &Recording, report: &Report, whole: &Span) -> TargetHistory {
    let limits = recording.total_limits();
    let limit = |_: f64, to_s: f64| limits.iter().rev().find(|limit| limit.at_s < to_s)?.mbps;
    let sent = |from_s: f64, to_s: f64| {
        let within = |point: &&Point| (from_s..to_s).contains(&point.at_s);
        recording.sent_mbps.iter().rev().find(within).map(|point| point.value)
    };
    let pods =
        report.limits.iter().map(|point| point.pod.as_str()).collect::<std::collections::BTreeSet<_>>();
    let limit = series(recording, whole, limit);
    let is_limited = limit.values.last().is_some_and(Option::is_some);
    TargetHistory {
        name: "Deployment/telemetry-upload, all pods together".to_owned(),
        pods: pods.len(),
        enforced: if is_limited { pods.len() } else { 0 },
        limit_each_pod: false,
        too_much: None,
        goal: None,
        known_good: None,
        counts: Vec::new(),
        limit,
        sent: series(recording, whole, sent),
    }
}

/// A value for each second of a recording, out of Mbit/s from a time to another.
fn series(recording: &Recording, whole: &Span, mbps: impl Fn(f64, f64) -> Option<f64>) -> Series {
    let steps = (0u32..).map(|step| whole.from_s + f64::from(step) * RATES_S);
    let steps = steps.take_while(|from_s| *from_s < whole.to_s);
    Series {
        start: recording.at(whole.from_s),
        step: milliseconds(RATES_S),
        values: steps.map(|from_s| mbps(from_s, from_s + RATES_S).map(|mbps| mbps * 1e6)).collect(),
    }
}

/// The beginning of each phase, and each change of what the kernel held the pods to together.
fn marks(recording: &Recording) -> Vec<Mark> {
    let phases = recording.phases.iter().map(|phase| Mark {
        at: recording.at(phase.from_s),
        decision: "Phase".to_owned(),
        reason: phase.name.to_owned(),
        message: format!("{:.0} s long", phase.to_s - phase.from_s),
    });
    let limits = recording.total_limits();
    let changes = limits.iter().zip(limits.iter().skip(1)).filter_map(|(before, after)| {
        let (decision, message) = match (before.mbps, after.mbps) {
            (None, None) => return None,
            (_, None) => ("Release", "no limit is in force any more".to_owned()),
            (before, Some(after)) => {
                let decision =
                    if before.is_some_and(|before| before < after) { "Increase" } else { "Decrease" };
                (decision, format!("all pods together are held to {after:.1} Mbit/s"))
            }
        };
        let (decision, reason) = (decision.to_owned(), "InForce".to_owned());
        Some(Mark { at: recording.at(after.at_s), decision, reason, message })
    });
    let end = recording.at(recording.whole().to_s);
    let mut marks: Vec<_> = phases.chain(changes).filter(|mark| mark.at <= end).collect();
    marks.sort_by_key(|mark| mark.at);
    marks
}

fn phases(report: &Report) -> Table {
    let row = |name: &'static str| {
        let phase = report.phases.get(name)?;
        let operator = phase.operator_jitter_us.map_or_else(|| "-".to_owned(), |us| format!("{us:.0} us"));
        Some(vec![
            name.to_owned(),
            format!("{:.0} us", phase.jitter_us),
            operator,
            format!("{:.0} us", phase.latency_p50_us),
            format!("{:.1} Mbit/s", phase.best_effort_mbps),
        ])
    };
    let columns = ["phase", "jitter", "jitter seen by the operator", "latency", "best effort"];
    Table {
        title: "Phases".to_owned(),
        columns: columns.map(str::to_owned).to_vec(),
        rows: PHASES.into_iter().filter_map(row).collect(),
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::as_conversions,
    reason = "a float is cut off at the ends of the integer's range"
)]
fn milliseconds(seconds: f64) -> i64 {
    (seconds * 1e3).round() as i64
}

impl Recording {
    /// When that was, as a Unix time in milliseconds.
    fn at(&self, at_s: f64) -> i64 {
        self.start.as_millisecond() + milliseconds(at_s)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recording::LimitPoint;

    fn recording() -> Recording {
        let limit = |at_s, mbps| LimitPoint { at_s, pod: "a".to_owned(), mbps };
        Recording {
            start: "2026-11-20T12:00:00Z".parse().unwrap(),
            limits: vec![
                limit(0.0, Some(90.0)),
                limit(2.5, Some(40.0)),
                limit(3.5, Some(60.0)),
                limit(5.5, None),
            ],
            sent_mbps: vec![Point { at_s: 1.2, value: 80.0 }, Point { at_s: 3.1, value: 38.0 }],
            phases: vec![
                Span { name: "quiet", from_s: 1.0, to_s: 3.0 },
                Span { name: "protected", from_s: 3.0, to_s: 6.0 },
            ],
            ..Recording::default()
        }
    }

    #[test]
    fn what_was_not_known_in_a_second_stays_unknown() {
        let recording = recording();
        let whole = recording.whole();
        let limits = recording.total_limits();
        let limit = |_: f64, to_s: f64| limits.iter().rev().find(|limit| limit.at_s < to_s)?.mbps;
        let found = series(&recording, &whole, limit);
        assert_eq!(found.start, recording.start.as_millisecond() + 1_000);
        assert_eq!(found.values, [Some(90e6), Some(40e6), Some(60e6), Some(60e6), None]);
    }

    #[test]
    fn phases_and_changes_of_limits_are_marks_in_their_order() {
        let recording = recording();
        let start = recording.start.as_millisecond();
        let found: Vec<_> = marks(&recording)
            .into_iter()
            .map(|mark| (mark.at - start, mark.decision, mark.message))
            .collect();
        let expected = [
            (1_000, "Phase", "2 s long"),
            (2_500, "Decrease", "all pods together are held to 40.0 Mbit/s"),
            (3_000, "Phase", "3 s long"),
            (3_500, "Increase", "all pods together are held to 60.0 Mbit/s"),
            (5_500, "Release", "no limit is in force any more"),
        ];
        assert_eq!(
            found,
            expected.map(|(at, decision, message)| (at, decision.to_owned(), message.to_owned()))
        );
    }
}
