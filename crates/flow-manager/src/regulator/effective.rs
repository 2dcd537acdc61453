use flow_control::Moment;
use std::time::Duration;

/// How long limits take to be in force where nobody tells: their write, and the network plugin.
const UNSEEN: Duration = Duration::from_millis(500);

/// The longest that a change of limits counts as not in force yet: one pod of many must not keep all that is measured from
/// being believed.
const LONGEST: Duration = Duration::from_secs(3);

/// Since when the limits as they are now have been in effect.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Effective {
    changed: Moment,
    since: Option<Moment>,
}

impl Effective {
    /// The moment from which on what is measured, measures the limits that were `changed` then. It may be yet to come: while
    /// no moment is `confirmed`, it is the latest possible one.
    pub(super) fn since(
        &mut self,
        changed: Moment,
        now: Moment,
        confirmed: impl FnOnce() -> Option<Moment>,
    ) -> Moment {
        if self.changed != changed {
            *self = Self { changed, since: None };
        }
        let latest = changed + LONGEST;
        if self.since.is_none() {
            let since = if now < latest { confirmed() } else { Some(latest) };
            self.since = since.map(|since| since.clamp(changed, latest));
        }
        self.since.unwrap_or(latest)
    }
}

/// A moment yet to come, for limits that wait for something that may take long.
pub(super) fn not_yet(now: Moment) -> Moment {
    now + LONGEST
}

/// When limits that were `changed` then count as in force where nobody tells.
pub(super) fn unseen(changed: Moment) -> Moment {
    changed + UNSEEN
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Moment {
        Moment::after_epoch(Duration::from_millis(ms))
    }

    /// The moment, in a world where it is asked for now and confirmed then, in milliseconds.
    fn since(effective: &mut Effective, changed: u64, now: u64, confirmed: Option<u64>) -> Moment {
        effective.since(at(changed), at(now), || confirmed.map(at))
    }

    #[test]
    fn until_a_change_is_confirmed_the_moment_is_yet_to_come() {
        let mut effective = Effective::default();
        assert_eq!(since(&mut effective, 1_000, 1_200, None), at(4_000));
        assert_eq!(since(&mut effective, 1_000, 1_400, Some(1_350)), at(1_350));
        assert_eq!(since(&mut effective, 1_000, 1_600, None), at(1_350), "once is enough");
    }

    #[test]
    fn the_next_change_has_to_be_confirmed_anew() {
        let mut effective = Effective::default();
        since(&mut effective, 1_000, 1_400, Some(1_350));
        assert_eq!(since(&mut effective, 2_000, 2_200, None), at(5_000));
        assert_eq!(since(&mut effective, 2_000, 2_400, Some(2_300)), at(2_300));
    }

    #[test]
    fn no_limit_is_in_effect_before_it_was_changed_or_much_later() {
        assert_eq!(since(&mut Effective::default(), 1_000, 1_200, Some(900)), at(1_000));
        assert_eq!(since(&mut Effective::default(), 1_000, 3_999, Some(9_000)), at(4_000));
        let mut effective = Effective::default();
        assert_eq!(since(&mut effective, 1_000, 4_000, Some(3_500)), at(4_000), "nobody is asked any more");
        assert_eq!(since(&mut effective, 1_000, 9_000, None), at(4_000));
    }

    #[test]
    fn where_nobody_tells_half_a_second_has_to_do() {
        assert_eq!(since(&mut Effective::default(), 1_000, 1_000, Some(1_500)), unseen(at(1_000)));
    }
}
