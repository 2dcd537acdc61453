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
    measured: Option<Measured>,
}

impl Meter {
    pub(crate) fn new(shortest: Duration) -> Self {
        Self { shortest, baseline: None, measured: None }
    }

    /// The newest reading.
    pub(crate) fn measured(&self) -> Option<Measured> {
        self.measured
    }

    /// Another queue from here on, whose counters have nothing to do with those before.
    pub(crate) fn restart(&mut self) {
        *self = Self::new(self.shortest);
    }

    pub(crate) fn read(&mut self, counters: Counters, now: Moment) {
        self.measured = Some(Measured {
            at_unix_ms: now.unix_ms,
            sent_bytes: counters.bytes,
            sent_packets: counters.packets.into(),
            dropped_packets: counters.drops.into(),
            throttled: counters.overlimits.into(),
            backlog_bytes: counters.backlog.into(),
            sent_bps: self.rate(counters.bytes, now.instant),
        });
    }

    fn rate(&mut self, bytes: u64, now: Instant) -> Option<u64> {
        let last = self.measured.and_then(|measured| measured.sent_bps);
        let baseline =
            self.baseline.map(|(since, before)| (now.duration_since(since), bytes.checked_sub(before)));
        match baseline {
            Some((elapsed, Some(_))) if elapsed < self.shortest => last,
            other => {
                self.baseline = Some((now, bytes));
                let (elapsed, sent) = other?;
                let bits = u128::from(sent?) * 8 * 1_000_000_000;
                u64::try_from(bits / elapsed.as_nanos().max(1)).ok()
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

    #[test]
    fn after_a_restart_nothing_is_known() {
        let mut meter = Meter::new(Duration::ZERO);
        meter.read(Counters::default(), Moment::now());
        meter.restart();
        assert_eq!(meter.measured(), None);
    }
}
