//! From counters of a queue to what a pod sends.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::interface::Counters;
use crate::report::Measured;

/// A moment by both clocks: one that only goes forward, and one that others understand.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment {
    pub(crate) instant: Instant,
    /// Milliseconds since 1970.
    pub(crate) unix_ms: u64,
}

impl Moment {
    pub(crate) fn now() -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self { instant: Instant::now(), unix_ms: u64::try_from(since.as_millis()).unwrap_or(u64::MAX) }
    }
}

/// The counters of one queue over time.
#[derive(Debug)]
pub(crate) struct Meter {
    /// Readings closer together than this do not make a rate: a lump more or less would sway it.
    shortest: Duration,
    baseline: Option<(Instant, u64)>,
    rate: Option<Rate>,
    measured: Option<Measured>,
}

/// Bits per second, and when they had been counted.
#[derive(Clone, Copy, Debug)]
struct Rate {
    bps: u64,
    at_unix_ms: u64,
}

impl Meter {
    pub(crate) fn new(shortest: Duration) -> Self {
        Self { shortest, baseline: None, rate: None, measured: None }
    }

    /// The newest reading.
    pub(crate) fn measured(&self) -> Option<Measured> {
        self.measured
    }

    /// Another queue from here on, whose counters have nothing to do with those before.
    pub(crate) fn restart(&mut self) {
        *self = Self::new(self.shortest);
    }

    /// Another limit from here on: no rate is counted over what was sent under both.
    pub(crate) fn turn(&mut self, counters: Counters, now: Moment) {
        self.baseline = Some((now.instant, counters.bytes));
    }

    pub(crate) fn read(&mut self, counters: Counters, now: Moment) {
        self.rate = self.rated(counters.bytes, now);
        self.measured = Some(Measured {
            at_unix_ms: now.unix_ms,
            sent_bytes: counters.bytes,
            sent_packets: counters.packets.into(),
            dropped_packets: counters.drops.into(),
            throttled: counters.overlimits.into(),
            backlog_bytes: counters.backlog.into(),
            sent_bps: self.rate.map(|rate| rate.bps),
            rated_at_unix_ms: self.rate.map(|rate| rate.at_unix_ms),
        });
    }

    fn rated(&mut self, bytes: u64, now: Moment) -> Option<Rate> {
        let baseline = self
            .baseline
            .map(|(since, before)| (now.instant.duration_since(since), bytes.checked_sub(before)));
        match baseline {
            Some((elapsed, Some(_))) if elapsed < self.shortest => self.rate,
            other => {
                self.baseline = Some((now.instant, bytes));
                let (elapsed, sent) = other?;
                let bits = u128::from(sent?) * 8 * 1_000_000_000;
                let bps = u64::try_from(bits / elapsed.as_nanos().max(1)).ok()?;
                Some(Rate { bps, at_unix_ms: now.unix_ms })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The rates after readings of so many bytes at so many milliseconds.
    fn rates(readings: &[(u64, u64)]) -> Vec<Option<u64>> {
        let start = Moment::now();
        let mut meter = Meter::new(Duration::from_millis(100));
        let read = |&(millis, bytes): &(u64, u64)| {
            let instant = start.instant + Duration::from_millis(millis);
            meter.read(Counters { bytes, ..Counters::default() }, Moment { instant, ..start });
            meter.measured().unwrap().sent_bps
        };
        readings.iter().map(read).collect()
    }

    #[test]
    fn a_rate_needs_two_readings() {
        assert_eq!(rates(&[(0, 5_000_000), (250, 5_250_000)]), [None, Some(8_000_000)]);
    }

    #[test]
    fn a_reading_right_after_another_leaves_the_rate() {
        let readings = [(0, 0), (250, 250_000), (260, 400_000), (500, 500_000)];
        assert_eq!(rates(&readings), [None, Some(8_000_000), Some(8_000_000), Some(8_000_000)]);
    }

    #[test]
    fn an_idle_pod_sends_nothing_which_is_known() {
        assert_eq!(rates(&[(0, 100), (250, 100)]), [None, Some(0)]);
    }

    #[test]
    fn counters_that_fall_are_those_of_another_queue() {
        assert_eq!(rates(&[(0, 1_000), (250, 10), (500, 250_010)]), [None, None, Some(8_000_000)]);
    }

    /// A reading of so many bytes so many milliseconds after the start.
    fn reading(start: Moment, millis: u64, bytes: u64) -> (Counters, Moment) {
        let instant = start.instant + Duration::from_millis(millis);
        (Counters { bytes, ..Counters::default() }, Moment { instant, unix_ms: millis })
    }

    fn rate(meter: &Meter) -> (Option<u64>, Option<u64>) {
        meter.measured().map(|measured| (measured.sent_bps, measured.rated_at_unix_ms)).unwrap()
    }

    #[test]
    fn a_rate_that_is_left_keeps_its_time() {
        let (start, mut meter) = (Moment::now(), Meter::new(Duration::from_millis(100)));
        for (millis, bytes) in [(0, 0), (250, 250_000), (260, 400_000)] {
            let (counters, now) = reading(start, millis, bytes);
            meter.read(counters, now);
        }
        assert_eq!(rate(&meter), (Some(8_000_000), Some(250)));
        assert_eq!(meter.measured().unwrap().at_unix_ms, 260);
    }

    #[test]
    fn no_rate_is_counted_over_two_limits() {
        let (start, mut meter) = (Moment::now(), Meter::new(Duration::from_millis(100)));
        let mut read = |millis, bytes, turns| {
            let (counters, now) = reading(start, millis, bytes);
            meter.read(counters, now);
            if turns {
                meter.turn(counters, now);
            }
            rate(&meter)
        };
        read(0, 0, false);
        assert_eq!(
            read(200, 1_000_000, true),
            (Some(40_000_000), Some(200)),
            "all of it under the limit before"
        );
        assert_eq!(read(250, 1_050_000, false), (Some(40_000_000), Some(200)), "too short a time");
        assert_eq!(read(500, 1_300_000, false), (Some(8_000_000), Some(500)), "all of it under the new one");
        assert_eq!(read(550, 2_300_000, true), (Some(8_000_000), Some(500)), "too short a time, and lost");
        assert_eq!(read(750, 2_500_000, false), (Some(8_000_000), Some(750)));
    }

    #[test]
    fn after_a_restart_nothing_is_known() {
        let mut meter = Meter::new(Duration::ZERO);
        meter.read(Counters::default(), Moment::now());
        meter.restart();
        assert_eq!(meter.measured(), None);
    }
}
