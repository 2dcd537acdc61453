use crate::clock::{STEP_SECONDS, elapsed};
use crate::dice::Dice;
use crate::spec::{Capacity, LinkSpec, Walk};
use flow_control::Moment;
use std::time::Duration;

/// How long a packet waits where nothing is carried at all.
const LONGEST: Duration = Duration::from_hours(24);

/// A bottleneck with one first-in-first-out queue that drops what does not fit.
#[derive(Clone, Debug)]
pub(crate) struct Link {
    /// From each moment on, so many bits per second.
    course: Vec<(Duration, f64)>,
    position: usize,
    buffer: f64,
    base: Duration,
    critical: f64,
    backlog: f64,
    /// The share of what arrived in this step that was dropped.
    dropped: f64,
}

impl Link {
    pub(crate) fn new(spec: &LinkSpec, lasts: Duration, dice: &mut Dice) -> Self {
        let course = course(&spec.capacity, lasts, dice);
        let most = course.iter().map(|(_, capacity)| *capacity).fold(0.0, f64::max);
        Self {
            course,
            position: 0,
            buffer: most * spec.buffer.0.as_secs_f64(),
            base: spec.base.0,
            critical: spec.critical.bps(),
            backlog: 0.0,
            dropped: 0.0,
        }
    }

    /// Goes one step on: `offered` bits arrive besides those of the critical flow. Returns the share that is dropped.
    pub(crate) fn carry(&mut self, offered: f64, now: Moment) -> f64 {
        while self.course.get(self.position + 1).is_some_and(|(from, _)| elapsed(now) >= *from) {
            self.position += 1;
        }
        let arriving = offered + self.critical * STEP_SECONDS;
        let sent = (self.capacity() * STEP_SECONDS).min(self.backlog + arriving);
        let room = (self.buffer + sent - self.backlog).max(0.0);
        self.dropped = if arriving > room { 1.0 - room / arriving } else { 0.0 };
        self.backlog = (self.backlog + arriving * (1.0 - self.dropped) - sent).max(0.0);
        self.dropped
    }

    /// Bits per second now.
    pub(crate) fn capacity(&self) -> f64 {
        self.course.get(self.position).map_or(0.0, |(_, capacity)| *capacity)
    }

    /// What best effort may have of it.
    pub(crate) fn spare(&self) -> f64 {
        self.capacity() - self.critical
    }

    /// How long a packet waits that arrives now.
    pub(crate) fn wait(&self) -> Duration {
        Duration::try_from_secs_f64(self.backlog / self.capacity()).unwrap_or(LONGEST)
    }

    /// The round-trip time of a packet that arrives now.
    pub(crate) fn rtt(&self) -> Duration {
        self.base + self.wait()
    }

    /// The same when nothing queues.
    pub(crate) const fn base(&self) -> Duration {
        self.base
    }

    /// The share of packets that were dropped just now.
    pub(crate) const fn dropped(&self) -> f64 {
        self.dropped
    }
}

fn course(capacity: &Capacity, lasts: Duration, dice: &mut Dice) -> Vec<(Duration, f64)> {
    match capacity {
        Capacity::Constant(rate) => vec![(Duration::ZERO, rate.bps())],
        Capacity::Steps(steps) => steps.iter().map(|step| (step.at.0, step.is.bps())).collect(),
        Capacity::Walk(walk) => wander(walk, lasts, dice),
    }
}

/// From the middle, evenly up or down each time; what goes beyond a bound comes back by as much.
fn wander(walk: &Walk, lasts: Duration, dice: &mut Dice) -> Vec<(Duration, f64)> {
    let (low, high) = (walk.low.bps(), walk.high.bps());
    let (mut at, mut capacity, mut course) = (Duration::ZERO, f64::midpoint(low, high), Vec::new());
    while at < lasts {
        course.push((at, capacity));
        let moved = capacity + walk.stride.bps() * (2.0 * dice.uniform() - 1.0);
        let below_high = if moved > high { 2.0 * high - moved } else { moved };
        capacity = if below_high < low { 2.0 * low - below_high } else { below_high };
        at += walk.every.0;
    }
    course
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::{Rate, Span};
    use flow_control::Bandwidth;

    const HUNDRED: Rate = Rate(Bandwidth::from_mbps(100));

    fn link(capacity: Capacity) -> Link {
        let spec = LinkSpec {
            capacity,
            buffer: Span(Duration::from_millis(10)),
            base: Span(Duration::from_millis(2)),
            critical: Rate::default(),
        };
        Link::new(&spec, Duration::from_mins(1), &mut Dice::new(1, "link"))
    }

    fn offer(link: &mut Link, mbps: f64, steps: u64) -> f64 {
        (0..steps).map(|ms| link.carry(mbps * 1e3, Moment::after_epoch(Duration::from_millis(ms)))).sum()
    }

    #[test]
    fn what_fits_does_not_wait() {
        let mut link = link(Capacity::Constant(HUNDRED));
        assert!(offer(&mut link, 100.0, 1_000).abs() < 1e-9);
        assert!(link.wait() < Duration::from_nanos(10), "{:?}", link.wait());
    }

    #[test]
    fn a_tenth_too_much_waits_a_tenth_of_the_time() {
        let mut link = link(Capacity::Constant(HUNDRED));
        offer(&mut link, 110.0, 50);
        assert!((link.wait().as_secs_f64() - 0.005).abs() < 1e-6, "{:?}", link.wait());
    }

    #[test]
    fn what_does_not_fit_into_the_buffer_is_dropped() {
        let mut link = link(Capacity::Constant(HUNDRED));
        offer(&mut link, 125.0, 1_000);
        assert!((link.wait().as_secs_f64() - 0.010).abs() < 1e-6, "{:?}", link.wait());
        assert!((link.dropped() - 0.2).abs() < 1e-6, "{}", link.dropped());
    }

    #[test]
    fn a_walk_stays_between_its_bounds_and_uses_them() {
        let (low, stride) = (Rate(Bandwidth::from_mbps(45)), Rate(Bandwidth::from_mbps(30)));
        let walk = Walk { low, high: HUNDRED, every: Span(Duration::from_secs(1)), stride };
        let course = wander(&walk, Duration::from_mins(10), &mut Dice::new(3, "walk"));
        let rates = || course.iter().map(|(_, rate)| *rate);
        assert!(rates().all(|rate| (45e6..=100e6).contains(&rate)));
        assert!(rates().any(|rate| rate < 50e6) && rates().any(|rate| rate > 95e6));
    }
}
