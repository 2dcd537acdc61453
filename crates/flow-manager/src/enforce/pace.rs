//! How often the shaper of a node is asked.

use flow_control::Moment;
use std::time::Duration;

/// How long after a limit was written its shaper is asked whether it is in force; the second time for the case that the
/// first came too early.
const CONFIRM: [Duration; 2] = [Duration::from_millis(60), Duration::from_millis(160)];

/// The time between two questions while limits change, or a policy is in a hurry.
const HURRIED: Duration = Duration::from_millis(250);
/// That time while a policy has to know what its targets send.
const WATCHED: Duration = Duration::from_millis(500);
/// That time otherwise, and for a shaper that does not answer.
pub(super) const CALM: Duration = Duration::from_secs(1);

/// The least time between two questions.
const LEAST: Duration = Duration::from_millis(50);
/// How long a change, or a hurry, counts.
const LATELY: Duration = Duration::from_secs(5);

/// What decides how often one shaper is asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Pace {
    /// When the limit of a pod of its node was last written.
    pub(super) written: Option<Moment>,
    /// When a policy last was in a hurry.
    pub(super) hurried: Option<Moment>,
    /// Whether a policy has to know what its targets send.
    pub(super) watched: bool,
}

impl Pace {
    /// When to ask the next time after a question at `asked`.
    pub(super) fn due(&self, asked: Moment) -> Moment {
        let regular = asked + self.interval(asked);
        self.confirmation(asked).map_or(regular, |soon| soon.max(asked + LEAST).min(regular))
    }

    fn interval(&self, asked: Moment) -> Duration {
        let lately = |at: Option<Moment>| at.is_some_and(|at| asked.since(at) < LATELY);
        match (lately(self.written) || lately(self.hurried), self.watched) {
            (true, _) => HURRIED,
            (false, true) => WATCHED,
            (false, false) => CALM,
        }
    }

    fn confirmation(&self, asked: Moment) -> Option<Moment> {
        let written = self.written?;
        CONFIRM.into_iter().map(|wait| written + wait).find(|due| *due > asked)
    }
}

/// Whether a hurry at `now` is one already, after the last one then.
pub(super) fn is_in_a_hurry(last: Option<Moment>, now: Moment) -> bool {
    last.is_some_and(|last| now.since(last) < HURRIED)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(ms: u64) -> Moment {
        Moment::after_epoch(Duration::from_millis(ms))
    }

    /// How many milliseconds after a question at `asked` the next is due.
    fn wait(pace: Pace, asked: u64) -> u128 {
        pace.due(at(asked)).since(at(asked)).as_millis()
    }

    #[test]
    fn the_more_it_matters_the_oftener_a_shaper_is_asked() {
        let calm = Pace::default();
        let watched = Pace { watched: true, ..calm };
        let hurried = Pace { hurried: Some(at(10_000)), ..calm };
        assert_eq!([calm, watched, hurried].map(|pace| wait(pace, 10_000)), [1_000, 500, 250]);
        assert_eq!([14_999, 15_000].map(|asked| wait(hurried, asked)), [250, 1_000], "for a while");
    }

    #[test]
    fn a_limit_just_written_is_asked_for_soon_twice_and_then_often_for_a_while() {
        let changed = Pace { written: Some(at(10_000)), ..Pace::default() };
        let mut asked = vec![at(9_900)];
        for _ in 0..4 {
            asked.push(changed.due(*asked.last().unwrap()));
        }
        assert_eq!(asked, [9_900, 10_060, 10_160, 10_410, 10_660].map(at));
        assert_eq!(wait(changed, 15_000), 1_000);
    }

    #[test]
    fn two_questions_are_never_too_close_together() {
        let changed = Pace { written: Some(at(10_000)), ..Pace::default() };
        assert_eq!(changed.due(at(10_055)), at(10_105));
    }

    proptest! {
        #[test]
        fn whatever_happens_a_shaper_is_asked_each_second_and_not_more_than_twenty_times(
            written in prop::option::of(0u64..20_000), hurried in prop::option::of(0u64..20_000),
            watched in any::<bool>(), asked in 0u64..20_000,
        ) {
            let pace = Pace { written: written.map(at), hurried: hurried.map(at), watched };
            prop_assert!((50..=1_000).contains(&wait(pace, asked)));
        }
    }
}
