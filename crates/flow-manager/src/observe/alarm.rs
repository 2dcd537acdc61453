use super::first_sign::FirstSign;
use flow_control::Moment;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;
use tokio::sync::Notify;

/// The least time between two alarms at one level.
const REST: Duration = Duration::from_millis(50);

/// Tells those who wait for it when the queue of a path grows beyond a level: once, until it was well below again.
#[derive(Debug)]
pub(super) struct Alarm {
    level: Level,
    crossing: Crossing,
    bells: Arc<Bells>,
}

/// So many hundredths of the queue that is a first sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Level {
    pub(super) sign: FirstSign,
    pub(super) percent: u32,
}

/// All who want to know of one level. They have a lock of their own: to wake them must not hold up who reads the path.
#[derive(Debug, Default)]
pub(super) struct Bells(Mutex<Vec<Weak<Notify>>>);

#[derive(Clone, Copy, Debug, Default)]
struct Crossing {
    above: bool,
    told: Option<Moment>,
}

impl Alarm {
    /// Lets `bell` ring at `level`, for as long as somebody holds on to it: by the alarm at that level among `alarms`,
    /// however many bells it has.
    pub(super) fn set(alarms: &mut Vec<Self>, level: Level, bell: &Arc<Notify>) {
        alarms.retain(|alarm| alarm.bells.are_heard());
        if let Some(alarm) = alarms.iter().find(|alarm| alarm.level == level) {
            return alarm.bells.add(bell);
        }
        let bells = Arc::new(Bells::default());
        bells.add(bell);
        alarms.push(Self { level, crossing: Crossing::default(), bells });
    }

    /// The bells to ring for this `delay`, if it has just grown beyond the level.
    pub(super) fn rings(&mut self, delay: Duration, base: Duration, now: Moment) -> Option<Arc<Bells>> {
        self.crossing.upward(delay, self.level.delay(base), now).then(|| Arc::clone(&self.bells))
    }
}

impl Level {
    fn delay(self, base: Duration) -> Duration {
        self.sign.allowed(base) / 100 * self.percent
    }
}

impl Bells {
    /// Wakes everybody who waits; who is busy finds out next.
    pub(super) fn ring(&self) {
        self.lock().iter().filter_map(Weak::upgrade).for_each(|bell| bell.notify_one());
    }

    fn add(&self, bell: &Arc<Notify>) {
        let mut bells = self.lock();
        // Only when there is no room: many policies may look at one path.
        if bells.len() == bells.capacity() {
            bells.retain(|bell| bell.strong_count() > 0);
        }
        bells.push(Arc::downgrade(bell));
    }

    fn are_heard(&self) -> bool {
        self.lock().iter().any(|bell| bell.strong_count() > 0)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Weak<Notify>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Crossing {
    /// Whether `delay` has just grown beyond `allowed`. One that swings about the level crosses it once: it has to fall to
    /// three quarters of it before the next time.
    fn upward(&mut self, delay: Duration, allowed: Duration, now: Moment) -> bool {
        if delay <= allowed {
            self.above &= delay > allowed * 3 / 4;
            return false;
        }
        if self.above || self.told.is_some_and(|told| now.since(told) < REST) {
            return false;
        }
        *self = Self { above: true, told: Some(now) };
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt;

    const BASE: Duration = Duration::ZERO;

    fn level(ms: u64) -> Level {
        Level { sign: FirstSign::Fixed(Duration::from_millis(ms)), percent: 100 }
    }

    /// At which of these moments and delays, in milliseconds, a level of 100 ms is crossed.
    fn crossings(delays: &[(u64, u64)]) -> Vec<u64> {
        let (mut crossing, allowed) = (Crossing::default(), Duration::from_millis(100));
        let mut crosses = |now, delay| {
            let now = Moment::after_epoch(Duration::from_millis(now));
            crossing.upward(Duration::from_millis(delay), allowed, now)
        };
        delays.iter().filter(|(now, delay)| crosses(*now, *delay)).map(|(now, _)| *now).collect()
    }

    /// Whether a bell has rung since the last look.
    fn has_rung(bell: &Notify) -> bool {
        bell.notified().now_or_never().is_some()
    }

    /// Rings all that have to at this delay, a second after the last time; how many levels were crossed.
    fn delay(alarms: &mut [Alarm], second: u64, ms: u64) -> usize {
        let now = Moment::after_epoch(Duration::from_secs(second));
        let crossed = alarms.iter_mut().filter_map(|alarm| alarm.rings(Duration::from_millis(ms), BASE, now));
        crossed.map(|bells| bells.ring()).count()
    }

    #[test]
    fn only_what_grows_beyond_a_level_crosses_it() {
        assert_eq!(crossings(&[(0, 100), (20, 101), (40, 500), (900, 101)]), [20]);
    }

    #[test]
    fn what_swings_about_a_level_crosses_it_once() {
        assert_eq!(crossings(&[(0, 101), (100, 76), (200, 101), (300, 75), (400, 101)]), [0, 400]);
    }

    #[test]
    fn the_next_crossing_counts_only_after_a_rest_and_then_is_not_lost() {
        assert_eq!(crossings(&[(0, 101), (10, 0), (20, 101), (49, 101), (50, 101), (60, 101)]), [0, 50]);
    }

    #[test]
    fn equal_levels_share_one_alarm_and_each_bell_rings() {
        let (mut alarms, bells) = (Vec::new(), [(); 500].map(|()| Arc::default()));
        for bell in &bells {
            Alarm::set(&mut alarms, level(10), bell);
        }
        let higher = Arc::default();
        Alarm::set(&mut alarms, level(20), &higher);
        assert_eq!((alarms.len(), delay(&mut alarms, 0, 15)), (2, 1));
        assert!(bells.iter().all(|bell| has_rung(bell)) && !has_rung(&higher));
        assert_eq!((delay(&mut alarms, 1, 25), has_rung(&higher)), (1, true));
        assert!(!bells.iter().any(|bell| has_rung(bell)), "they know");
    }

    #[test]
    fn a_level_is_a_part_of_the_sign() {
        let (mut alarms, bell) = (Vec::new(), Arc::default());
        Alarm::set(&mut alarms, Level { percent: 40, ..level(10) }, &bell);
        assert_eq!([delay(&mut alarms, 0, 4), delay(&mut alarms, 1, 5)], [0, 1]);
    }

    #[test]
    fn bells_that_nobody_holds_are_forgotten() {
        let (mut alarms, kept) = (Vec::new(), Arc::default());
        Alarm::set(&mut alarms, level(10), &Arc::default());
        Alarm::set(&mut alarms, level(20), &kept);
        for _ in 0..1000 {
            Alarm::set(&mut alarms, level(20), &Arc::default());
        }
        assert_eq!(alarms.len(), 1);
        assert!(alarms[0].bells.lock().len() < 10);
    }
}
