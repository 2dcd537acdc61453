use flow_control::Moment;
use std::time::Duration;

/// A longer time between two changes tells of a value that stands still, not of one that is measured so seldom.
const LONGEST: Duration = Duration::from_mins(1);

/// How often what is asked for is measured: an answer stays the same from one scrape to the next, however often it is
/// asked for.
#[derive(Clone, Copy, Debug, Default)]
pub struct Cadence {
    changed: Option<Moment>,
    /// The times between the newest changes.
    gaps: [Option<Duration>; 5],
}

impl Cadence {
    /// The answer to what was asked `at` this moment is another than the one before.
    pub fn change(&mut self, at: Moment) {
        if let Some(before) = self.changed.replace(at) {
            self.gaps.rotate_right(1);
            if let Some(oldest) = self.gaps.first_mut() {
                *oldest = Some(at.since(before).min(LONGEST));
            }
        }
    }

    /// There was no answer: when it changed next, nobody knows.
    pub const fn lose(&mut self) {
        self.changed = None;
    }

    /// The time from one measurement to the next, as far as known: the longest lately but for one, since a value may
    /// happen to stay the same. Zero before there were two changes; at most a minute.
    #[must_use]
    pub fn period(&self) -> Duration {
        let mut gaps = self.gaps;
        gaps.sort_unstable();
        let mut longest = gaps.into_iter().rev().flatten();
        let first = longest.next();
        longest.next().or(first).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Moment {
        Moment::after_epoch(Duration::from_secs(seconds))
    }

    /// The period in seconds after changes so many seconds after one another, the first of them at zero.
    fn period(gaps: &[u64]) -> u64 {
        let (mut cadence, mut now) = (Cadence::default(), 0);
        cadence.change(at(now));
        for gap in gaps {
            now += gap;
            cadence.change(at(now));
        }
        cadence.period().as_secs()
    }

    #[test]
    fn a_value_that_never_changes_or_once_tells_nothing() {
        assert_eq!(Cadence::default().period(), Duration::ZERO);
        assert_eq!(period(&[]), 0);
    }

    #[test]
    fn the_time_between_scrapes_shows_in_the_changes() {
        assert_eq!([period(&[15]), period(&[15, 14, 16, 15, 15])], [15, 15]);
    }

    #[test]
    fn samples_that_leave_a_range_between_two_scrapes_do_not_hide_them() {
        assert_eq!(period(&[5, 10, 5, 10, 5, 10]), 10);
    }

    #[test]
    fn a_value_that_stood_still_once_is_no_slower_one_and_none_takes_longer_than_a_minute() {
        assert_eq!(period(&[15, 15, 600, 15, 15]), 15);
        assert_eq!(period(&[600, 600]), 60);
    }

    #[test]
    fn what_was_long_ago_is_forgotten() {
        assert_eq!(period(&[60, 60, 60, 5, 5, 5, 5, 5]), 5);
    }

    #[test]
    fn a_time_without_answers_tells_nothing() {
        let mut cadence = Cadence::default();
        cadence.change(at(0));
        cadence.lose();
        cadence.change(at(50));
        assert_eq!(cadence.period(), Duration::ZERO);
        cadence.change(at(65));
        assert_eq!(cadence.period(), Duration::from_secs(15));
    }
}
