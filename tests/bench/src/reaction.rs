//! How soon after the first delayed probe the limits were lower.

use crate::limits::{at, first_below, highest};
use crate::plan::{BOUND_US, LINK_MBPS};
use crate::recording::Recording;
use serde::Serialize;

/// A limit must sink below this share of the highest before it counts as lower.
const LOWER: f64 = 0.98;
/// Limits below this share of the new capacity bear its fall without a queue: there is nothing to react to.
const CONGESTED_FROM: f64 = 0.97;

/// What calls for lower limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Event {
    /// The uploads began.
    TrafficStart,
    /// The link's capacity fell below the limits.
    CapacityFall,
}

/// The reaction to one event.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Reaction {
    pub(crate) event: Event,
    /// The event, in seconds after the start of the traffic.
    pub(crate) at_s: f64,
    /// The sending of the first probe that was delayed by more than the bound, or lost.
    pub(crate) onset_s: f64,
    /// From then until the limits of all pods together were lower, in milliseconds; zero where they already were. Where
    /// that never came, the time until the next event: it took longer.
    pub(crate) ms: f64,
    /// Whether it came.
    pub(crate) reacted: bool,
}

/// The reactions to all events of a run that delayed a probe. `base_us` is the delay on an empty link.
pub(crate) fn reactions(run: &Recording, base_us: f64, length_s: f64) -> Vec<Reaction> {
    let mut starts = vec![0.0];
    starts.extend(run.capacity.iter().map(|capacity| capacity.at_s).filter(|at_s| *at_s > 0.0));
    let ends = starts.iter().skip(1).copied().chain([length_s]);
    let spans = starts.iter().copied().zip(ends);
    let events = spans.filter_map(|(at_s, end_s)| Some((event(run, at_s)?, at_s, end_s)));
    events
        .filter_map(|(event, at_s, end_s)| reaction(run, event, (at_s, end_s), base_us + BOUND_US))
        .collect()
}

fn event(run: &Recording, at_s: f64) -> Option<Event> {
    if at_s <= 0.0 {
        return Some(Event::TrafficStart);
    }
    let mbps = |before: bool| {
        let passed =
            run.capacity.iter().take_while(|step| step.at_s < at_s || (!before && step.at_s <= at_s));
        passed.last().map_or(f64::from(LINK_MBPS), |step| step.mbps)
    };
    let (old, new) = (mbps(true), mbps(false));
    (new < old && at(&run.totals, at_s) > CONGESTED_FROM * new).then_some(Event::CapacityFall)
}

fn reaction(run: &Recording, event: Event, (at_s, end_s): (f64, f64), late_us: f64) -> Option<Reaction> {
    let delayed =
        run.probes(at_s, end_s).iter().find(|probe| probe.rtt_us.is_none_or(|rtt_us| rtt_us > late_us));
    let onset_s = delayed?.sent_s;
    let below = LOWER * highest(&run.totals, at_s, onset_s);
    let lower_s = first_below(&run.totals, onset_s, below).filter(|lower_s| *lower_s < end_s);
    let ms = (lower_s.unwrap_or(end_s) - onset_s) * 1e3;
    Some(Reaction { event, at_s, onset_s, ms, reacted: lower_s.is_some() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capacity::Capacity;
    use crate::limits::Total;
    use crate::recording::tests::probed;

    /// Delayed from 1 s and from 11.5 s on, each for a second; capacities and totals as given.
    fn run(capacity: &[(f64, f64)], totals: &[(f64, f64)]) -> Recording {
        let delayed = |at_s: f64| (1.0..2.0).contains(&at_s) || (11.5..12.5).contains(&at_s);
        let mut run = probed(20, |at_s| Some(if delayed(at_s) { 5_000.0 } else { 200.0 }));
        run.capacity = capacity.iter().map(|(at_s, mbps)| Capacity { at_s: *at_s, mbps: *mbps }).collect();
        run.totals = totals.iter().map(|(at_s, mbps)| Total { at_s: *at_s, mbps: *mbps }).collect();
        run
    }

    fn ms(run: &Recording) -> Vec<(Event, i32, bool)> {
        let all = reactions(run, 200.0, 20.0);
        #[expect(clippy::as_conversions, clippy::cast_possible_truncation, reason = "whole milliseconds")]
        all.iter().map(|one| (one.event, one.ms.round() as i32, one.reacted)).collect()
    }

    #[test]
    fn a_reaction_lasts_from_the_first_delayed_probe_to_a_limit_that_is_really_lower() {
        let run = run(&[(0.0, 100.0)], &[(-1.0, 200.0), (1.1, 199.0), (1.25, 150.0)]);
        assert_eq!(ms(&run), [(Event::TrafficStart, 250, true)]);
    }

    #[test]
    fn a_limit_that_sank_before_the_first_delayed_probe_was_in_time() {
        let run = run(&[(0.0, 100.0)], &[(-1.0, 200.0), (0.5, 150.0)]);
        assert_eq!(ms(&run), [(Event::TrafficStart, 0, true)]);
    }

    #[test]
    fn no_limit_is_the_highest_and_any_limit_is_lower() {
        let run = run(&[(0.0, 100.0)], &[(1.4, 200.0)]);
        assert_eq!(ms(&run), [(Event::TrafficStart, 400, true)]);
    }

    #[test]
    fn a_fall_below_the_limits_is_an_event_and_one_that_they_bear_is_not() {
        let totals = [(-1.0, 200.0), (1.1, 90.0), (11.8, 60.0)];
        let falls = run(&[(0.0, 100.0), (11.0, 70.0)], &totals);
        assert_eq!(ms(&falls), [(Event::TrafficStart, 100, true), (Event::CapacityFall, 300, true)]);
        let borne = run(&[(0.0, 100.0), (11.0, 95.0)], &totals);
        assert_eq!(ms(&borne), [(Event::TrafficStart, 100, true)]);
        let rises = run(&[(0.0, 60.0), (11.0, 80.0)], &totals);
        assert_eq!(ms(&rises), [(Event::TrafficStart, 100, true)]);
    }

    #[test]
    fn a_reaction_that_never_came_lasts_until_the_next_event() {
        let run = run(&[(0.0, 100.0), (11.0, 50.0)], &[(-1.0, 200.0)]);
        assert_eq!(ms(&run), [(Event::TrafficStart, 10_000, false), (Event::CapacityFall, 8_500, false)]);
    }

    #[test]
    fn a_lost_probe_was_delayed_and_without_a_delay_there_is_nothing_to_react_to() {
        let mut lost = probed(20, |at_s| if at_s < 3.0 { Some(200.0) } else { None });
        lost.totals = vec![Total { at_s: 3.5, mbps: 50.0 }];
        assert_eq!(ms(&lost), [(Event::TrafficStart, 500, true)]);
        assert_eq!(ms(&probed(20, |_| Some(300.0))), []);
    }
}
