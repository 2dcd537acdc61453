use crate::Moment;
use std::time::Duration;

/// How far back a base round-trip time looks: so many buckets of so many seconds.
const BUCKETS: u64 = 10;
const BUCKET_SECS: u64 = 60;

/// The round-trip time of a path when its queues are empty: the least of the last ten minutes, counted by the minute.
///
/// It falls at once, since nothing is faster than an empty path. A standing queue looks like a longer path, so it rises
/// only once nothing lower was seen for all that time (compare the base delay of LEDBAT, RFC 6817 section 3.4.2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BaseRtt {
    /// The last minutes, each at the place that its number gives it.
    buckets: [Option<Bucket>; 10],
    base: Option<Duration>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Bucket {
    number: u64,
    least: Duration,
}

impl BaseRtt {
    /// Takes in a sample and returns its queueing delay: the time above the base.
    pub fn observe(&mut self, rtt: Duration, now: Moment) -> Duration {
        let number = now.since(Moment::default()).as_secs() / BUCKET_SECS;
        self.note(Bucket { number, least: rtt });
        let recent = self.buckets.iter().flatten().filter(|bucket| number < bucket.number + BUCKETS);
        let base = recent.map(|bucket| bucket.least).min().unwrap_or(rtt);
        self.base = Some(base);
        rtt.saturating_sub(base)
    }

    /// The base, once there was a sample.
    #[must_use]
    pub const fn get(&self) -> Option<Duration> {
        self.base
    }

    fn note(&mut self, new: Bucket) {
        let place = usize::try_from(new.number % BUCKETS).ok();
        let Some(bucket) = place.and_then(|place| self.buckets.get_mut(place)) else { return };
        let same = bucket.filter(|old| old.number == new.number);
        *bucket = Some(same.filter(|old| old.least < new.least).unwrap_or(new));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    fn at(seconds: u64) -> Moment {
        Moment::after_epoch(Duration::from_secs(seconds))
    }

    /// A path of so many milliseconds that gets longer after `second`, and its base as of the end of each second.
    fn longer(before: u64, after: u64, second: u64, until: u64) -> Vec<Duration> {
        let mut base = BaseRtt::default();
        let base_at = |now| {
            base.observe(ms(if now <= second { before } else { after }), at(now));
            base.get().unwrap()
        };
        (0..=until).map(base_at).collect()
    }

    #[test]
    fn there_is_no_base_before_a_sample() {
        assert_eq!(BaseRtt::default().get(), None);
    }

    #[test]
    fn the_base_falls_at_once() {
        let mut base = BaseRtt::default();
        assert_eq!(base.observe(ms(5), at(0)), ms(0), "the first one is all that is known");
        assert_eq!(base.observe(ms(7), at(0)), ms(2));
        assert_eq!(base.observe(ms(1), at(0)), ms(0));
        assert_eq!(base.get(), Some(ms(1)));
    }

    #[test]
    fn a_standing_queue_of_minutes_does_not_become_the_base() {
        assert_eq!(longer(1, 11, 59, 59 + 9 * 60).last(), Some(&ms(1)));
    }

    #[test]
    fn a_longer_path_is_the_base_once_the_window_is_over() {
        let bases = longer(1, 11, 59, 59 + 10 * 60);
        assert_eq!(bases[599], ms(1), "the last second of the window");
        assert_eq!(bases[600..], [ms(11); 60], "and not in part before");
    }

    #[test]
    fn after_a_long_silence_nothing_of_before_counts() {
        let mut base = BaseRtt::default();
        base.observe(ms(1), at(0));
        assert_eq!(base.observe(ms(9), at(86_400)), ms(0), "in the place of the first minute");
        assert_eq!(base.observe(ms(7), at(2 * 86_400 + 60)), ms(0), "in another one");
    }

    proptest! {
        #[test]
        fn the_base_is_the_least_of_ten_minutes_give_or_take_one(
            samples in prop::collection::vec((0u64..90, 1u64..100), 1..200),
        ) {
            let (mut base, mut now, mut all) = (BaseRtt::default(), 0, Vec::new());
            for (wait, rtt) in samples {
                now += wait;
                all.push((now, rtt));
                base.observe(ms(rtt), at(now));
            }
            let least = |span| all.iter().filter(|(when, _)| now - when <= span).map(|(_, rtt)| ms(*rtt)).min();
            prop_assert!(base.get() <= least(540) && base.get() >= least(600), "{base:?}");
        }
    }
}
