use flow_control::Moment;
use std::time::Duration;

/// The bits of a full packet.
pub(crate) const PACKET: f64 = 12_000.0;
/// The packets that a connection begins with (RFC 6928).
const INITIAL: f64 = 10.0;
/// What is left of the window after a loss, and how fast it grows (RFC 9438, sections 4.6 and 5.1).
const BETA: f64 = 0.7;
const C: f64 = 0.4;
/// What a window gains each round-trip time at least, so as to be no worse than Reno (section 4.3).
const FRIENDLY: f64 = 3.0 * (1.0 - BETA) / (1.0 + BETA);
/// How long packets may wait in the pod's own token bucket before that drops some.
const OWN_QUEUE: f64 = 0.050;

/// The congestion window of a connection, after CUBIC (RFC 9438).
#[derive(Clone, Debug)]
pub(crate) struct Tcp {
    /// Packets in flight.
    window: f64,
    /// Where slow start ends.
    threshold: f64,
    /// The window when packets were last lost, and when it was reduced.
    peak: f64,
    reduced: Moment,
    /// When a loss is going to be noticed.
    notices: Option<Moment>,
}

impl Tcp {
    pub(crate) const fn connect(now: Moment) -> Self {
        Self { window: INITIAL, threshold: f64::MAX, peak: 0.0, reduced: now, notices: None }
    }

    /// What the window lets it send, in bits per second.
    pub(crate) fn rate(&self, rtt: Duration) -> f64 {
        self.window * PACKET / rtt.as_secs_f64()
    }

    /// Packets were lost that were sent at `now`: one round-trip time later the window is reduced, once for all.
    pub(crate) fn lose(&mut self, now: Moment, rtt: Duration) {
        if self.notices.is_none() && now >= self.reduced {
            self.notices = Some(now + rtt);
        }
    }

    /// `bits` arrived while at most `rate` bits per second could have been sent.
    pub(crate) fn acknowledge(&mut self, bits: f64, rate: f64, rtt: Duration, now: Moment) {
        if self.notices.is_some_and(|at| now >= at) {
            self.reduce(now, rtt);
        }
        let packets = bits / PACKET;
        self.window += if self.window < self.threshold { packets } else { self.growth(rtt, now) * packets };
        // What the pod may not send waits in its own queue, and does not make the window grow for ever.
        self.window = self.window.clamp(2.0, (rate * (rtt.as_secs_f64() + OWN_QUEUE) / PACKET).max(2.0));
    }

    fn reduce(&mut self, now: Moment, rtt: Duration) {
        self.peak = self.window;
        self.window = (self.window * BETA).max(2.0);
        // What is in flight now was sent too early to tell anything of the new window.
        (self.threshold, self.reduced, self.notices) = (self.window, now + rtt, None);
    }

    /// Packets more for each that is acknowledged.
    fn growth(&self, rtt: Duration, now: Moment) -> f64 {
        let back_at_peak = (self.peak * (1.0 - BETA) / C).cbrt();
        let since = now.since(self.reduced).as_secs_f64() + rtt.as_secs_f64();
        let cubic = self.peak + C * (since - back_at_peak).powi(3);
        let to_cubic = (cubic - self.window).clamp(0.0, 0.5 * self.window);
        to_cubic.max(FRIENDLY) / self.window
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RTT: Duration = Duration::from_millis(20);

    /// A connection that nothing holds back, for so long.
    fn run(tcp: &mut Tcp, from: u64, to: u64) {
        for ms in from..to {
            let now = Moment::after_epoch(Duration::from_millis(ms));
            tcp.acknowledge(tcp.rate(RTT) / 1e3, f64::MAX, RTT, now);
        }
    }

    #[test]
    fn slow_start_doubles_the_window_in_a_round_trip() {
        let mut tcp = Tcp::connect(Moment::default());
        run(&mut tcp, 0, 20);
        assert!((20.0..30.0).contains(&tcp.window), "{}", tcp.window);
    }

    #[test]
    fn a_loss_takes_three_tenths_once_a_round_trip_later_and_the_peak_comes_back() {
        let mut tcp = Tcp { threshold: 100.0, window: 100.0, ..Tcp::connect(Moment::default()) };
        (0..2).for_each(|_| tcp.lose(Moment::default(), RTT));
        run(&mut tcp, 0, 20);
        assert!(tcp.window > 99.0, "{}", tcp.window);
        run(&mut tcp, 20, 21);
        assert!((70.0..72.0).contains(&tcp.window), "{}", tcp.window);
        // Reno would be back after 30 / 0.53 round trips, sooner than the cubic.
        run(&mut tcp, 21, 1_153);
        assert!((98.0..106.0).contains(&tcp.window), "{}", tcp.window);
    }

    #[test]
    fn a_limit_holds_the_window_to_what_its_own_queue_keeps() {
        let mut tcp = Tcp::connect(Moment::default());
        for ms in 0..1_000 {
            tcp.acknowledge(12_000.0, 12e6, RTT, Moment::after_epoch(Duration::from_millis(ms)));
        }
        assert!((tcp.window - 70.0).abs() < 1e-6, "{}", tcp.window);
        assert!(tcp.rate(RTT) > 12e6);
    }
}
