use super::STEPS;
use std::collections::VecDeque;

/// A value for each of the last steps, and for the one that is going on.
///
/// NaN stands for none, so that a value takes 4 B; nobody sees it outside.
#[derive(Clone, Debug)]
pub(super) struct Ring {
    step: u64,
    current: f32,
    past: VecDeque<f32>,
}

impl Ring {
    /// Nothing yet, from `step` on.
    pub(super) fn new(step: u64) -> Self {
        Self { step, current: f32::NAN, past: VecDeque::with_capacity(STEPS) }
    }

    /// Lets the value of `step` be `value`.
    ///
    /// The steps since the last one are `held` at its value, as far as that reaches: whoever decides once a minute
    /// stands by it for a minute. Beyond, nothing is known of them. A step that is over counts as the present one.
    pub(super) fn set(&mut self, step: u64, held: u64, value: Option<f64>) {
        self.turn(step, held);
        self.current = value.map_or(f32::NAN, narrow);
    }

    /// Lets the value of `step` be the one of `value` and what it has that `is_worse`.
    pub(super) fn worst(
        &mut self,
        step: u64,
        held: u64,
        value: Option<f64>,
        is_worse: impl Fn(f64, f64) -> bool,
    ) {
        self.turn(step, held);
        let Some(value) = value else { return };
        if self.current.is_nan() || is_worse(value, f64::from(self.current)) {
            self.current = narrow(value);
        }
    }

    /// The first step that is shown, and the values from there on until at least `step`, oldest first.
    pub(super) fn series(&self, step: u64, held: u64) -> (u64, Vec<Option<f64>>) {
        let mut shown = self.clone();
        shown.turn(step.max(self.step).saturating_add(1), held);
        let values: Vec<_> = shown.past.into_iter().map(widen).collect();
        (shown.step.saturating_sub(values.len().try_into().unwrap_or(u64::MAX)), values)
    }

    fn turn(&mut self, step: u64, held: u64) {
        let Some(skipped) = step.checked_sub(self.step).and_then(|passed| passed.checked_sub(1)) else {
            return;
        };
        let last = self.current;
        self.push(last);
        let kept = u64::try_from(STEPS).unwrap_or(u64::MAX);
        for position in skipped.saturating_sub(kept)..skipped {
            self.push(if position < held { last } else { f32::NAN });
        }
        (self.step, self.current) = (step, f32::NAN);
    }

    fn push(&mut self, value: f32) {
        if self.past.len() == STEPS {
            self.past.pop_front();
        }
        self.past.push_back(value);
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::as_conversions,
    reason = "a plot needs no more than 7 digits"
)]
fn narrow(value: f64) -> f32 {
    value.clamp(f64::from(f32::MIN), f64::from(f32::MAX)) as f32
}

/// The shortest number that is `value`: as a plain `f64`, 0.1 would be 0.10000000149011612.
fn widen(value: f32) -> Option<f64> {
    value.to_string().parse().ok().filter(|value: &f64| value.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;

    const LAST: usize = STEPS - 1;

    fn larger(value: f64, than: f64) -> bool {
        value > than
    }

    fn values(ring: &Ring, until: u64) -> Vec<Option<f64>> {
        ring.series(until, 0).1
    }

    #[test]
    fn a_step_keeps_its_worst_value_and_what_is_unknown_is_none() {
        let mut ring = Ring::new(3);
        for (step, value) in [(3, Some(2.0)), (3, Some(5.0)), (3, None), (3, Some(4.0)), (4, None)] {
            ring.worst(step, 0, value, larger);
        }
        assert_eq!(ring.series(4, 0), (3, vec![Some(5.0), None]));
    }

    #[test]
    fn a_step_keeps_its_last_limit_even_where_that_is_none() {
        let mut ring = Ring::new(0);
        for (step, value) in [(0, Some(2.0)), (0, Some(1.0)), (1, Some(3.0)), (1, None)] {
            ring.set(step, 0, value);
        }
        assert_eq!(values(&ring, 1), [Some(1.0), None]);
    }

    #[test]
    fn steps_in_which_nothing_came_are_gaps() {
        let mut ring = Ring::new(0);
        ring.set(0, 0, Some(1.0));
        ring.set(3, 0, Some(2.0));
        assert_eq!(values(&ring, 5), [Some(1.0), None, None, Some(2.0), None, None]);
        assert_eq!(values(&ring, 2), values(&ring, 3), "the step that goes on is shown");
    }

    #[test]
    fn who_decides_seldom_stands_by_it_until_the_next_decision_is_due() {
        let mut ring = Ring::new(0);
        ring.set(0, 2, Some(1.0));
        let held = [Some(1.0), Some(1.0), Some(1.0), None];
        assert_eq!(ring.series(3, 2).1, held);
        ring.set(4, 2, Some(2.0));
        assert_eq!(ring.series(4, 2).1[..4], held);
    }

    #[test]
    fn after_an_hour_the_oldest_goes() {
        let mut ring = Ring::new(0);
        for step in 0..=720_u32 {
            ring.set(u64::from(step), 0, Some(f64::from(step)));
        }
        let (first, values) = ring.series(720, 0);
        assert_eq!((first, values.len()), (1, STEPS));
        assert_eq!((values[0], values[LAST]), (Some(1.0), Some(720.0)));
        assert!(ring.past.capacity() < STEPS * 2, "it does not grow");
    }

    #[test]
    fn a_gap_of_more_than_an_hour_leaves_nothing_of_before() {
        let mut ring = Ring::new(0);
        ring.set(0, 10, Some(1.0));
        ring.set(5_000, 10, Some(2.0));
        let (first, values) = ring.series(5_000, 10);
        assert_eq!((first, values.len()), (4_281, STEPS));
        assert_eq!((values[0], values[LAST - 1], values[LAST]), (None, None, Some(2.0)));
        assert_eq!(ring.series(u64::MAX, 0).1.iter().flatten().count(), 0);
    }

    #[test]
    fn a_step_that_is_over_counts_as_the_present_one() {
        let mut ring = Ring::new(7);
        ring.worst(7, 0, Some(1.0), larger);
        ring.worst(2, 0, Some(3.0), larger);
        assert_eq!(ring.series(7, 0), (7, vec![Some(3.0)]));
    }

    #[test]
    fn numbers_are_as_short_as_they_came_and_stay_numbers() {
        for value in [0.1, 412e-6, 80e6, -17.5, 0.0] {
            let mut ring = Ring::new(0);
            ring.set(0, 0, Some(value));
            assert_eq!(values(&ring, 0), [Some(value)]);
        }
        let mut ring = Ring::new(0);
        ring.set(0, 0, Some(f64::MAX));
        assert_eq!(values(&ring, 0), [Some(f64::from(f32::MAX))].map(|_| widen(f32::MAX)));
    }
}
