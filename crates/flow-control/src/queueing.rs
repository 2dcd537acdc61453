use crate::moment::percent;
use crate::quantile::nearest_rank;
use crate::{Moment, Queueing};
use std::time::Duration;

/// The newest five probes of a path by the time at which they were sent, whatever order their answers came in: what most
/// of them waited tells of a queue within a few probes, and one that is late by itself does not count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NewestProbes([Option<Outcome>; 5]);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Outcome {
    sent: Moment,
    took: Duration,
    answered: bool,
}

impl NewestProbes {
    /// Takes in a probe by its round-trip time; one that was lost by the time that was waited for it, its `timeout`.
    pub fn observe(&mut self, sent: Moment, rtt: Option<Duration>, timeout: Duration) {
        let (took, answered) = (rtt.unwrap_or(timeout), rtt.is_some());
        let oldest = self.0.iter_mut().min_by_key(|outcome| outcome.map(|outcome| outcome.sent));
        if let Some(oldest) = oldest.filter(|oldest| oldest.is_none_or(|oldest| oldest.sent < sent)) {
            *oldest = Some(Outcome { sent, took, answered });
        }
    }

    /// How much the delay grows from one probe to the next, typically, in hundredths of the time between them.
    fn growth_percent(&self) -> u32 {
        let mut in_order = self.0;
        in_order.sort_unstable_by_key(|outcome| outcome.map(|outcome| outcome.sent));
        let mut growths = [0; 4];
        for (growth, pair) in growths.iter_mut().zip(in_order.windows(2)) {
            if let [Some(before), Some(after)] = pair {
                *growth = percent(after.took.saturating_sub(before.took), after.sent.since(before.sent));
            }
        }
        growths.sort_unstable();
        let [_, _, typical, _] = growths;
        typical
    }

    /// The median of the five above the path's base round-trip time; `None` while there are fewer.
    #[must_use]
    pub fn delay(&self, base: Duration) -> Option<Duration> {
        let mut took = self.0.map(|outcome| outcome.map(|outcome| outcome.took));
        took.sort_unstable();
        took.first().copied().flatten()?;
        Some(nearest_rank(&took, 500)??.saturating_sub(base))
    }

    /// When the newest of them became known: as it was answered, or given up.
    #[must_use]
    pub fn known(&self) -> Option<Moment> {
        let newest = self.0.iter().flatten().max_by_key(|outcome| outcome.sent)?;
        Some(newest.sent + newest.took)
    }

    /// The queue that they tell of on a path with this `base`, of which so much is `allowed`, where the limits took effect
    /// at `settled_since`.
    #[must_use]
    pub fn queueing(&self, base: Duration, allowed: Duration, settled_since: Moment) -> Option<Queueing> {
        let settled = self.0.iter().flatten().all(|outcome| outcome.sent >= settled_since);
        let answered = self.0.iter().flatten().any(|outcome| outcome.answered);
        let (delay, growth_percent) = (self.delay(base)?, self.growth_percent());
        Some(Queueing { delay, allowed, growth_percent, settled, answered })
    }
}

/// When a queue that is longer than allowed was last seen on a path: what was sent before then tells nothing of how the
/// path is without one, although limits may have changed earlier.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LastQueued {
    at: Moment,
    stands: bool,
}

impl LastQueued {
    /// Takes in what is seen `now`, and returns since when no such queue has stood, for limits that took effect at
    /// `settled_since`.
    pub fn since(&mut self, queueing: Option<Queueing>, now: Moment, settled_since: Moment) -> Moment {
        let stood = self.stands;
        self.stands = queueing.is_some_and(|queueing| queueing.delay > queueing.allowed);
        // What was sent between the last look at a queue and the first without one still found some of it.
        if self.stands || stood {
            self.at = now;
        }
        self.at.max(settled_since)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    fn at(millis: u64) -> Moment {
        Moment::after_epoch(ms(millis))
    }

    /// Probes by when they were sent and what they took, in milliseconds, in the order in which that became known.
    fn probes(outcomes: &[(u64, u64)]) -> NewestProbes {
        let mut probes = NewestProbes::default();
        for (sent, took) in outcomes {
            probes.observe(at(*sent), Some(ms(*took)), ms(1_000));
        }
        probes
    }

    #[test]
    fn the_delay_is_the_median_of_the_newest_five_above_the_base() {
        let newest = [(20, 9), (40, 3), (60, 8), (80, 7), (100, 4)];
        assert_eq!(probes(&newest).delay(ms(2)), Some(ms(5)));
        let all: Vec<_> = [(0, 90), (10, 90)].into_iter().chain(newest).collect();
        assert_eq!(probes(&all).delay(ms(2)), Some(ms(5)), "older ones are forgotten");
        assert_eq!(probes(&newest).delay(ms(50)), Some(ms(0)), "a base is no more than a guess");
    }

    #[test]
    fn two_late_probes_of_five_are_no_queue_and_three_are() {
        assert_eq!(probes(&[(0, 1), (1, 1_000), (2, 1), (3, 1_000), (4, 1)]).delay(ms(1)), Some(ms(0)));
        assert_eq!(probes(&[(0, 1), (1, 1_000), (2, 1_000), (3, 1_000), (4, 1)]).delay(ms(1)), Some(ms(999)));
    }

    #[test]
    fn fewer_than_five_probes_tell_of_no_delay_and_not_of_none() {
        let few = probes(&[(0, 1), (1, 1), (2, 1), (3, 1)]);
        assert_eq!((few.delay(ms(1)), few.queueing(ms(1), ms(5), at(0))), (None, None));
        assert_eq!(NewestProbes::default().known(), None);
    }

    #[test]
    fn a_loss_that_is_known_late_does_not_take_the_place_of_a_newer_probe() {
        let newest = [(1_000, 2), (1_020, 2), (1_040, 2), (1_060, 2), (1_080, 2)];
        let lost = [(60, 1_000), (80, 1_000), (100, 1_000)];
        let all: Vec<_> = newest.into_iter().chain(lost).collect();
        assert_eq!((probes(&all).delay(ms(1)), probes(&all).known()), (Some(ms(1)), Some(at(1_082))));
    }

    #[test]
    fn the_newest_probe_became_known_when_it_was_answered() {
        assert_eq!(probes(&[(0, 500), (20, 30), (10, 1_000)]).known(), Some(at(50)));
    }

    #[test]
    fn a_queue_grows_by_what_most_probes_wait_longer_than_the_one_before() {
        let growth = |outcomes: &[(u64, u64)]| probes(outcomes).growth_percent();
        assert_eq!(growth(&[(0, 1), (20, 1), (40, 11), (60, 21), (80, 31)]), 50);
        assert_eq!(growth(&[(0, 1), (20, 1), (40, 1), (60, 21), (80, 22)]), 5, "one that is late by itself");
        assert_eq!(growth(&[(0, 90), (20, 70), (40, 50), (60, 30), (80, 10)]), 0, "it empties");
        assert_eq!(growth(&[(80, 31), (0, 1), (60, 21), (20, 1), (40, 11)]), 50, "in whatever order");
        assert_eq!(growth(&[(0, 1), (20, 21)]), 0, "two are too few");
    }

    #[test]
    fn a_path_is_without_a_queue_since_one_was_last_seen_or_since_limits_took_effect() {
        let queue = |delay| {
            Some(Queueing {
                delay: ms(delay),
                allowed: ms(5),
                growth_percent: 0,
                settled: true,
                answered: true,
            })
        };
        let mut last = LastQueued::default();
        let seen = [(10, Some(5)), (20, Some(6)), (30, None), (40, Some(1))];
        let since = seen.map(|(now, delay)| last.since(delay.and_then(queue), at(now), at(7)));
        assert_eq!(since, [at(7), at(20), at(30), at(30)]);
        assert_eq!(last.since(None, at(50), at(45)), at(45));
    }

    #[test]
    fn one_answer_of_five_tells_a_bad_queue_from_silence() {
        let mut probes = NewestProbes::default();
        let mut queueing = |sent, rtt| {
            probes.observe(at(sent), rtt, ms(1_000));
            probes.queueing(ms(1), ms(5), at(0))
        };
        let all: Vec<_> = [None, None, Some(ms(9)), None, None, None, None, None]
            .into_iter()
            .zip(0..)
            .map(|(rtt, number)| queueing(20 * number, rtt).map(|seen| (seen.delay, seen.answered)))
            .collect();
        assert_eq!(
            all[4..],
            [Some((ms(999), true)), Some((ms(999), true)), Some((ms(999), true)), Some((ms(999), false))]
        );
    }

    #[test]
    fn a_queue_is_settled_once_all_five_were_sent_after_the_limits_took_effect() {
        let five = probes(&[(20, 9), (40, 9), (60, 9), (80, 9), (100, 9)]);
        let expected = |settled| {
            Some(Queueing { delay: ms(8), allowed: ms(5), growth_percent: 0, settled, answered: true })
        };
        assert_eq!(five.queueing(ms(1), ms(5), at(20)), expected(true), "the moment itself is after it");
        assert_eq!(five.queueing(ms(1), ms(5), at(21)), expected(false));
    }
}
