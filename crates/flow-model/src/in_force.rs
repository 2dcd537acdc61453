use flow_control::Moment;
use std::collections::VecDeque;
use std::time::Duration;

/// How long after it is in force a shaper tells of a limit.
const TELLS_AFTER: Duration = Duration::from_millis(50);
/// How long after its write a limit counts as in force where nobody tells.
const ASSUMED_AFTER: Duration = Duration::from_millis(500);
/// How long after its write it does at the latest.
const AT_LATEST: Duration = Duration::from_secs(3);

/// The way of limits from their write to their pods.
#[derive(Clone, Debug)]
pub(crate) struct InForce {
    delay: Duration,
    tells: bool,
    on_the_way: VecDeque<(Moment, Vec<f64>)>,
    /// From when on the last change counts as in force, for all that the operator knows.
    settled: Moment,
}

impl InForce {
    pub(crate) const fn new(delay: Duration, tells: bool) -> Self {
        Self { delay, tells, on_the_way: VecDeque::new(), settled: Moment::EPOCH }
    }

    /// Writes new limits.
    pub(crate) fn write(&mut self, limits: Vec<f64>, now: Moment) {
        self.on_the_way.push_back((now + self.delay, limits));
        let known_after = if self.tells { self.delay + TELLS_AFTER } else { ASSUMED_AFTER };
        self.settled = now + known_after.min(AT_LATEST);
    }

    /// The newest limits that have come into force since the last look.
    pub(crate) fn arrived(&mut self, now: Moment) -> Option<Vec<f64>> {
        let mut newest = None;
        while self.on_the_way.front().is_some_and(|(at, _)| now >= *at) {
            newest = self.on_the_way.pop_front().map(|(_, limits)| limits);
        }
        newest
    }

    /// Since when the present limits have been in force, for all that the operator knows; `None` if it does not yet.
    pub(crate) fn settled_since(&self, now: Moment) -> Option<Moment> {
        (now >= self.settled).then_some(self.settled)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Moment {
        Moment::after_epoch(Duration::from_millis(ms))
    }

    #[test]
    fn limits_come_into_force_after_the_delay_and_are_told_a_little_later() {
        let mut way = InForce::new(Duration::from_millis(100), true);
        way.write(vec![1.0], at(0));
        assert_eq!((way.arrived(at(99)), way.arrived(at(100))), (None, Some(vec![1.0])));
        assert_eq!((way.settled_since(at(149)), way.settled_since(at(150))), (None, Some(at(150))));
    }

    #[test]
    fn nobody_waits_longer_than_three_seconds_to_be_told() {
        let mut way = InForce::new(Duration::from_secs(5), true);
        way.write(vec![1.0], at(0));
        assert_eq!(way.settled_since(at(3_000)), Some(at(3_000)));
        assert_eq!(way.arrived(at(4_999)), None);
    }

    #[test]
    fn where_nobody_tells_half_a_second_is_assumed() {
        let mut way = InForce::new(Duration::from_secs(1), false);
        way.write(vec![1.0], at(0));
        assert_eq!(way.settled_since(at(500)), Some(at(500)));
    }
}
