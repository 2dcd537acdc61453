//! Round-trip times from two clocks.
//!
//! The kernel stamps a datagram at receipt with the system's clock (`CLOCK_REALTIME`), so the time of sending
//! is read from that clock as well. It may be set in between, which the monotonic clock shows: both are slewed
//! alike by NTP, so a difference in how far they went is a step.
//!
//! The time of sending is read just before the send call. If this thread loses the processor in between, the
//! round-trip time comes out too long; the send call then appears to take long. But it also does when the
//! processor is lost, or lent to the kernel for other packets, *after* the probe has left, which is far more
//! common on a busy node and harmless. So a slow call alone is no reason to discard.

use std::time::{Duration, Instant, SystemTime};

use crate::event::Discard;

/// Larger differences between the clocks are steps; smaller ones come from not reading both at once.
const STEP: Duration = Duration::from_micros(200);

/// A send call takes some 10 µs; up to this, it is of no interest what the time was spent on.
const SLOW_SEND: Duration = Duration::from_micros(500);

/// One moment on both clocks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stamp {
    pub(crate) monotonic: Instant,
    pub(crate) system: SystemTime,
}

/// When a probe was sent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Departure {
    /// Just before the send call.
    pub(crate) at: Stamp,
    /// How long the call took: the probe left within this time.
    pub(crate) took: Duration,
}

impl Departure {
    /// Whether the probe may have left so long after the stamp that a time of `total` since the stamp is too
    /// inexact: by more than 10 %, and by more than [`SLOW_SEND`]. Not if the answer was there before the call
    /// returned.
    fn is_inexact_for(&self, total: Duration) -> bool {
        self.took > SLOW_SEND && self.took > total / 10 && self.took <= total
    }
}

impl Stamp {
    pub(crate) fn now() -> Self {
        Self { monotonic: Instant::now(), system: SystemTime::now() }
    }
}

/// What is known of an answer when it is read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Receipt {
    /// When the kernel received it.
    pub(crate) received: SystemTime,
    /// When it was read from the socket.
    pub(crate) read: Stamp,
    /// How long the reflector says that it had it.
    pub(crate) residence: Duration,
}

impl Receipt {
    /// Time on the path since `departure`: until the kernel's receipt, less what the reflector took.
    pub(crate) fn rtt(&self, departure: &Departure) -> Result<Duration, Discard> {
        let sent = departure.at;
        let monotonic = self.read.monotonic.saturating_duration_since(sent.monotonic);
        let system = self.read.system.duration_since(sent.system).map_err(|_| Discard::ClockStep)?;
        let total = self.received.duration_since(sent.system).map_err(|_| Discard::ClockStep)?;
        if system.abs_diff(monotonic) > STEP || total > system + STEP {
            return Err(Discard::ClockStep);
        }
        if departure.is_inexact_for(total) {
            return Err(Discard::SlowSend);
        }
        // More than the whole is not to be believed: the reflector's clock was set, or it is broken.
        Ok(total.checked_sub(self.residence).unwrap_or(total))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(n: u64) -> Duration {
        Duration::from_millis(n)
    }

    fn departure(took: Duration) -> Departure {
        Departure { at: Stamp::now(), took }
    }

    /// Received after 5 ms, read after 7 ms, and the system's clock set forward by `step` ms before receipt.
    fn receipt(departure: &Departure, step: i64, residence: Duration) -> Receipt {
        let moved = |time: SystemTime| {
            let by = ms(step.unsigned_abs());
            if step < 0 { time - by } else { time + by }
        };
        let sent = departure.at;
        let read = Stamp { monotonic: sent.monotonic + ms(7), system: moved(sent.system + ms(7)) };
        Receipt { received: moved(sent.system + ms(5)), read, residence }
    }

    #[test]
    fn time_counts_until_the_kernel_has_the_answer() {
        let departure = departure(ms(0));
        assert_eq!(receipt(&departure, 0, ms(0)).rtt(&departure), Ok(ms(5)));
    }

    #[test]
    fn time_at_the_reflector_does_not_count() {
        let departure = departure(ms(0));
        assert_eq!(receipt(&departure, 0, ms(4)).rtt(&departure), Ok(ms(1)));
    }

    #[test]
    fn impossible_time_at_the_reflector_is_ignored() {
        let departure = departure(ms(0));
        assert_eq!(receipt(&departure, 0, ms(6)).rtt(&departure), Ok(ms(5)));
        assert_eq!(receipt(&departure, 0, Duration::MAX).rtt(&departure), Ok(ms(5)));
    }

    #[test]
    fn slow_send_counts_only_if_the_probe_may_have_left_late() {
        let outcome = |micros| {
            let departure = departure(Duration::from_micros(micros));
            receipt(&departure, 0, ms(0)).rtt(&departure)
        };
        assert_eq!(outcome(500), Ok(ms(5)), "at most 10 % off");
        assert_eq!(outcome(501), Err(Discard::SlowSend));
        assert_eq!(outcome(5000), Err(Discard::SlowSend));
        assert_eq!(outcome(5001), Ok(ms(5)), "the answer came before the call returned");
    }

    #[test]
    fn clock_set_under_way_is_noticed() {
        let departure = departure(ms(0));
        for step in [-3_600_000, -6, -1, 1, 3_600_000] {
            assert_eq!(
                receipt(&departure, step, ms(0)).rtt(&departure),
                Err(Discard::ClockStep),
                "{step} ms"
            );
        }
    }

    #[test]
    fn clock_set_between_receipt_and_reading_is_noticed() {
        let departure = departure(ms(0));
        let mut receipt = receipt(&departure, 0, ms(0));
        receipt.received += ms(10);
        assert_eq!(receipt.rtt(&departure), Err(Discard::ClockStep));
    }
}
