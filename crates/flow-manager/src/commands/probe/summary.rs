//! What `--print` prints of a target.

use crate::clock::Clock;
use flow_control::{JitterMethod, Moment, Reading, Sample, Selection, Window};
use flow_probe::{Event, ProbeSpec, Problem, Sink};
use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Median and interquartile range are those of this many newest answers: a second at the usual 20 ms.
const SAMPLES: usize = 50;
const MEDIAN_PERMILLE: u16 = 500;
/// Without an answer for this long, or three intervals if that is longer, there is no median.
const MIN_AGE: Duration = Duration::from_secs(1);

/// Collects the events of one target.
#[derive(Debug)]
pub(super) struct Summary {
    target: String,
    max_age: Duration,
    clock: Clock,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    answered: u64,
    lost: u64,
    window: Window,
    problem: Option<Problem>,
}

impl Summary {
    pub(super) fn new(spec: &ProbeSpec, clock: Clock) -> Self {
        let max_age = MIN_AGE.max(spec.interval.saturating_mul(3));
        let state = State { answered: 0, lost: 0, window: Window::new(SAMPLES), problem: None };
        Self { target: spec.to_string(), max_age, clock, state: Mutex::new(state) }
    }

    /// What happened since the line before.
    pub(super) fn next_line(&self, now: Moment) -> String {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let (answered, lost) = (std::mem::take(&mut state.answered), std::mem::take(&mut state.lost));
        let newest = Selection::newest(SAMPLES, now, self.max_age);
        let median = Milliseconds(state.window.latency(newest, MEDIAN_PERMILLE));
        let iqr = Milliseconds(state.window.jitter(newest, JitterMethod::InterquartileRange));
        let target = &self.target;
        let problem = state.problem.as_ref().map(|problem| format!("  ({problem})")).unwrap_or_default();
        format!("{target}  answered {answered}  lost {lost}  median {median}  iqr {iqr}{problem}")
    }
}

impl Sink for Summary {
    fn record(&self, event: Event) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        match event {
            Event::Answered { sent_at, rtt, .. } => {
                state.answered += 1;
                state.problem = None;
                state.window.push(Sample { sent: self.clock.moment(sent_at), rtt: Some(rtt) });
            }
            Event::Lost { .. } => state.lost += 1,
            Event::Failed { problem, .. } => state.problem = Some(problem),
            Event::Sent { .. }
            | Event::Late { .. }
            | Event::Duplicate { .. }
            | Event::Discarded { .. }
            | Event::Stray => {}
        }
    }
}

/// A reading in seconds, shown in milliseconds.
struct Milliseconds(Reading);

impl fmt::Display for Milliseconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Ok(seconds) => write!(f, "{:.3} ms", seconds.get() * 1000.0),
            Err(_) => f.write_str("unknown"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flow_probe::Protocol;
    use std::time::Instant;

    fn summary() -> (Summary, Clock) {
        let (clock, second) = (Clock::start(), Duration::from_secs(1));
        let (protocol, host) = (Protocol::Udp, "robot".to_owned());
        let spec = ProbeSpec { protocol, host, port: 5201, interval: second / 50, timeout: second };
        (Summary::new(&spec, clock), clock)
    }

    #[test]
    fn line_tells_what_happened_since_the_last() {
        let (summary, clock) = summary();
        let sent_at = Instant::now();
        for millis in 1..=20 {
            summary.record(Event::Answered { sent_at, rtt: Duration::from_millis(millis), reordered: false });
        }
        summary.record(Event::Lost { sent_at });
        let line = "udp://robot:5201  answered 20  lost 1  median 10.000 ms  iqr 10.000 ms";
        assert_eq!(summary.next_line(clock.moment(sent_at)), line);
        let line = "udp://robot:5201  answered 0  lost 0  median unknown  iqr unknown";
        assert_eq!(summary.next_line(clock.moment(sent_at + Duration::from_secs(2))), line);
    }

    #[test]
    fn line_tells_why_there_are_no_answers_until_there_are() {
        let (summary, clock) = summary();
        let problem = Problem::Refused { endpoint: "robot:5201".into() };
        summary.record(Event::Failed { at: Instant::now(), problem });
        assert!(
            summary
                .next_line(clock.now())
                .ends_with("(robot:5201 refuses probes: nothing listens on that port)")
        );
        summary.record(Event::Answered { sent_at: Instant::now(), rtt: Duration::ZERO, reordered: false });
        assert!(!summary.next_line(clock.now()).contains("refuses"));
    }
}
