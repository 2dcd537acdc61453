use flow_control::Moment;
use std::time::Duration;

/// How long something new must last.
const LASTING: Duration = Duration::from_secs(3);

/// What is shown of a value that may flicker: the first one, and another only once it has lasted.
#[derive(Debug)]
pub(super) struct Settled<T> {
    shown: Option<T>,
    next: Option<(T, Moment)>,
}

impl<T> Default for Settled<T> {
    fn default() -> Self {
        Self { shown: None, next: None }
    }
}

impl<T: Clone + PartialEq> Settled<T> {
    /// Takes the present value, and returns the one to show.
    pub(super) fn look(&mut self, present: T, now: Moment) -> T {
        let shown = self.shown.get_or_insert_with(|| present.clone());
        if *shown == present {
            self.next = None;
            return present;
        }
        match self.next.take().filter(|(next, _)| *next == present) {
            Some((_, since)) if now.since(since) >= LASTING => shown.clone_from(&present),
            Some(next) => self.next = Some(next),
            None => self.next = Some((present, now)),
        }
        shown.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Moment {
        Moment::after_epoch(Duration::from_millis(ms))
    }

    #[test]
    fn the_first_value_is_shown_at_once_and_another_once_it_has_lasted() {
        let mut settled = Settled::default();
        assert_eq!(settled.look("a", at(0)), "a");
        assert_eq!(settled.look("b", at(1_000)), "a");
        assert_eq!(settled.look("b", at(3_999)), "a");
        assert_eq!(settled.look("b", at(4_000)), "b");
        assert_eq!(settled.look("a", at(4_100)), "b");
    }

    #[test]
    fn what_changes_several_times_a_second_shows_one_value() {
        let mut settled = Settled::default();
        for tick in 0..100 {
            let present = if tick % 2 == 0 { "a" } else { "b" };
            assert_eq!(settled.look(present, at(tick * 200)), "a");
        }
    }

    #[test]
    fn a_third_value_has_to_last_by_itself() {
        let mut settled = Settled::default();
        let shown = [("a", 0), ("b", 0), ("c", 2_000), ("c", 4_000), ("c", 5_000)];
        assert_eq!(shown.map(|(value, ms)| settled.look(value, at(ms))), ["a", "a", "a", "a", "c"]);
    }
}
