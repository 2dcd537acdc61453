//! What other bounds would have meant.

use super::episodes::{episodes, longest, total};
use super::past::Past;
use crate::chart::count;
use flow_control::{Bound, Finite, Judgement, Reading};
use flow_policy::{Objective, Policy};

/// The parts of the bound that are tried.
const FACTORS: [f64; 7] = [0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 4.0];

/// Other bounds of an objective.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Alternatives {
    /// The position of the objective in its policy.
    pub(super) objective: usize,
    /// What is tried, from the strictest on.
    pub(super) bounds: Vec<Alternative>,
}

/// What another bound would have meant.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Alternative {
    pub(super) bound: Bound,
    /// Whether it is that of the policy.
    pub(super) is_present: bool,
    /// The share of the time of which anything is known.
    pub(super) violated_share: f64,
    /// How often it was violated, and for how many steps at most.
    pub(super) times: usize,
    pub(super) longest: usize,
}

/// Other bounds of each objective that has one bound only.
pub(super) fn alternatives(policy: &Policy, past: &Past) -> Vec<Alternatives> {
    let objectives = policy.objectives.iter().enumerate().zip(&past.series);
    let of = |((position, objective), series): ((usize, &Objective), &super::past::Series)| {
        let bounds = tried(objective.bound).into_iter();
        let bounds: Vec<_> =
            bounds.map(|bound| alternative(bound, bound == objective.bound, &series.readings)).collect();
        (!bounds.is_empty()).then_some(Alternatives { objective: position, bounds })
    };
    objectives.filter_map(of).collect()
}

fn tried(bound: Bound) -> Vec<Bound> {
    let scaled = |number: Finite, factor: f64| Finite::new(number.get() * factor).ok();
    let of = |factor: f64| match bound {
        Bound::AtMost(most) => Some(Bound::AtMost(scaled(most, factor)?)),
        // A floor is the stricter the higher it is.
        Bound::AtLeast(least) => Some(Bound::AtLeast(scaled(least, 1.0 / factor)?)),
        Bound::Within { .. } => None,
    };
    FACTORS.into_iter().filter_map(of).collect()
}

fn alternative(bound: Bound, is_present: bool, readings: &[Reading]) -> Alternative {
    let violated = episodes(readings.iter().map(|reading| bound.judge(*reading) == Judgement::Violated));
    let known = readings.iter().filter(|reading| reading.is_ok()).count();
    Alternative {
        bound,
        is_present,
        violated_share: count(total(&violated)) / count(known.max(1)),
        times: violated.len(),
        longest: longest(&violated),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finite(number: f64) -> Finite {
        Finite::new(number).unwrap()
    }

    #[test]
    fn what_is_unknown_counts_for_no_share() {
        let readings =
            [Ok(finite(1.0)), Err(flow_control::Unknown::NoSeries), Ok(finite(3.0)), Ok(finite(4.0))];
        let found = alternative(Bound::AtMost(finite(2.0)), true, &readings);
        assert!((found.violated_share - 2.0 / 3.0).abs() < 1e-9);
        assert_eq!((found.times, found.longest), (1, 2));
    }

    #[test]
    fn a_ceiling_grows_with_its_factor_and_a_floor_falls() {
        let least = tried(Bound::AtLeast(finite(8.0)));
        assert_eq!((least[0], least[3]), (Bound::AtLeast(finite(32.0)), Bound::AtLeast(finite(8.0))));
        assert_eq!(tried(Bound::AtMost(finite(8.0)))[0], Bound::AtMost(finite(2.0)));
        assert_eq!(tried(Bound::Within { min: finite(1.0), max: finite(2.0) }), []);
    }
}
