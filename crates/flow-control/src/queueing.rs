use crate::Moment;
use std::time::Duration;

/// How long a path's base round-trip time takes to follow a lasting rise by 63 %.
const RISE: Duration = Duration::from_mins(5);

/// The round-trip time of a path when its queues are empty, and what a sample exceeds it by.
///
/// It falls at once, since nothing is faster than an empty path, and rises slowly, since a standing queue
/// looks like a longer path (compare the base delay of LEDBAT, RFC 6817 section 3.4.2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BaseRtt {
    base: Option<(Duration, Moment)>,
}

impl BaseRtt {
    /// Takes in a sample and returns its queueing delay: the time above the base.
    pub fn observe(&mut self, rtt: Duration, now: Moment) -> Duration {
        let base = self.base.map_or(rtt, |(base, at)| drift(base, rtt, now.since(at)));
        self.base = Some((base, now));
        rtt.saturating_sub(base)
    }

    /// The base, once there was a sample.
    #[must_use]
    pub fn get(&self) -> Option<Duration> {
        self.base.map(|(base, _)| base)
    }
}

fn drift(base: Duration, rtt: Duration, elapsed: Duration) -> Duration {
    let share = (elapsed.as_secs_f64() / RISE.as_secs_f64()).min(1.0);
    rtt.min(base + rtt.saturating_sub(base).mul_f64(share))
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn the_base_falls_at_once() {
        let mut base = BaseRtt::default();
        base.observe(ms(5), Moment::default());
        assert_eq!(base.observe(ms(1), Moment::default()), ms(0));
        assert_eq!(base.get(), Some(ms(1)));
    }

    #[test]
    fn a_queue_of_seconds_hardly_moves_the_base() {
        let mut base = BaseRtt::default();
        base.observe(ms(1), Moment::default());
        for tick in 1..=500 {
            base.observe(ms(11), Moment::after_epoch(ms(20 * tick)));
        }
        assert!(base.get() < Some(ms(2)), "{base:?}");
    }

    #[test]
    fn a_queueing_delay_is_what_a_sample_exceeds_the_base_by() {
        let mut base = BaseRtt::default();
        base.observe(ms(1), Moment::default());
        assert_eq!(base.observe(ms(11), Moment::default()), ms(10));
    }

    #[test]
    fn the_base_follows_a_lasting_rise_by_two_thirds_in_five_minutes() {
        let mut base = BaseRtt::default();
        base.observe(ms(1), Moment::default());
        for second in 1..=300 {
            base.observe(ms(101), Moment::after_epoch(Duration::from_secs(second)));
        }
        assert!((ms(63)..ms(66)).contains(&base.get().unwrap()), "{base:?}");
    }

    #[test]
    fn after_a_silence_of_any_length_a_sample_is_the_base() {
        let mut base = BaseRtt::default();
        base.observe(ms(1), Moment::default());
        let long = Duration::from_secs(1_000);
        assert_eq!(base.observe(long, Moment::after_epoch(Duration::MAX)), ms(0));
        assert_eq!(base.get(), Some(long));
    }

    #[test]
    fn a_longer_path_becomes_the_base_in_the_end() {
        let mut base = BaseRtt::default();
        base.observe(ms(1), Moment::default());
        for second in 1..=1_500 {
            base.observe(ms(11), Moment::after_epoch(Duration::from_secs(second)));
        }
        assert!(base.get() > Some(ms(10)), "{base:?}");
    }
}
