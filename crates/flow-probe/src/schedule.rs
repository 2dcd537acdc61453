//! When the next probe is due.

use std::time::{Duration, Instant};

/// Due times around a mean interval.
#[derive(Debug)]
pub(crate) struct Schedule {
    interval: Duration,
    due: Instant,
}

impl Schedule {
    /// The first probe is due within one interval from `now`, so that probes started together spread out.
    pub(crate) fn starting(now: Instant, interval: Duration) -> Self {
        Self { interval, due: now + interval.mul_f64(rand::random()) }
    }

    /// When the next probe is due.
    pub(crate) fn due(&self) -> Instant {
        self.due
    }

    /// The next probe is due a gap after this one was; but never in the past, so that there is no burst after
    /// the process was held up.
    pub(crate) fn advance(&mut self, now: Instant) {
        let gap = gap(self.interval, rand::random());
        self.due += gap;
        if self.due <= now {
            self.due = now + gap;
        }
    }
}

/// The interval ±10 %, uniformly for `chance` within 0..1: the mean rate is kept.
fn gap(interval: Duration, chance: f64) -> Duration {
    interval.mul_f64(0.9 + 0.2 * chance)
}

#[cfg(test)]
mod tests {
    use super::*;

    const INTERVAL: Duration = Duration::from_millis(20);

    #[test]
    fn gap_is_the_interval_within_ten_percent() {
        assert_eq!(gap(INTERVAL, 0.0), Duration::from_millis(18));
        assert_eq!(gap(INTERVAL, 0.5), INTERVAL);
        assert!(gap(INTERVAL, 0.999_999) < Duration::from_millis(22));
    }

    #[test]
    fn gaps_vary_and_lateness_does_not_add_up() {
        let start = Instant::now();
        let mut schedule = Schedule::starting(start, INTERVAL);
        assert!((start..start + INTERVAL).contains(&schedule.due()));
        let mut gaps = Vec::new();
        for _ in 0..100 {
            let due = schedule.due();
            schedule.advance(due + Duration::from_millis(5));
            gaps.push(schedule.due() - due);
        }
        assert!(gaps.iter().all(|gap| (18_000..22_000).contains(&gap.as_micros())), "{gaps:?}");
        assert!(gaps.iter().any(|gap| gap != &gaps[0]));
    }

    #[test]
    fn no_burst_after_a_pause() {
        let mut schedule = Schedule::starting(Instant::now(), INTERVAL);
        let now = schedule.due() + Duration::from_secs(5);
        schedule.advance(now);
        assert!(schedule.due() >= now + Duration::from_millis(18));
    }
}
