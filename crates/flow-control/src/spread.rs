use crate::quantile::nearest_rank;
use crate::{Bound, Finite};

/// How many measurements are kept at most.
const MOST: usize = 64;

/// One measurement of an objective. Those that are further beyond the bound are greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Measurement {
    /// How far it is beyond the bound.
    pub(crate) excess: Finite,
    /// What was measured.
    pub(crate) value: Finite,
}

/// Measurements over any length of time: so many of them that a quantile can be told, evenly spread.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Spread {
    kept: Vec<Measurement>,
    /// How many are left out between two that are kept.
    gap: u32,
    left_out: u32,
}

impl Measurement {
    pub(crate) fn new(value: Finite, bound: Bound) -> Self {
        Self { excess: bound.excess(value), value }
    }
}

impl Spread {
    pub(crate) fn push(&mut self, measurement: Measurement) {
        if self.left_out < self.gap {
            self.left_out += 1;
            return;
        }
        self.left_out = 0;
        self.kept.push(measurement);
        if self.kept.len() == MOST {
            self.thin_out();
        }
    }

    /// How many measurements are at hand.
    pub(crate) const fn len(&self) -> usize {
        self.kept.len()
    }

    /// The measurement that `permille` thousandths of all do not exceed.
    pub(crate) fn rank(&self, permille: u16) -> Option<Measurement> {
        let mut sorted = self.kept.clone();
        sorted.sort_unstable();
        nearest_rank(&sorted, permille)
    }

    /// Leaves out every second one, before as from now on.
    fn thin_out(&mut self) {
        let mut stays = [false, true].into_iter().cycle();
        self.kept.retain(|_| stays.next() == Some(true));
        self.gap = self.gap.saturating_mul(2).saturating_add(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spread(values: impl IntoIterator<Item = u32>) -> Spread {
        let mut spread = Spread::default();
        for value in values {
            let value = Finite::new(f64::from(value)).unwrap();
            spread.push(Measurement::new(value, Bound::AtMost(Finite::default())));
        }
        spread
    }

    fn rank(spread: &Spread, permille: u16) -> f64 {
        spread.rank(permille).unwrap().excess.get()
    }

    #[test]
    fn a_few_measurements_are_all_kept() {
        let few = spread([3, 1, 2]);
        assert_eq!(few.len(), 3);
        assert!((rank(&few, 500) - 2.0).abs() < 1e-9);
    }

    #[test]
    fn of_many_an_even_share_is_kept() {
        for many in [64, 1_000, 20_000] {
            let spread = spread(1..=many);
            assert!((MOST / 2 - 1..MOST).contains(&spread.len()), "{many}: {}", spread.len());
            for permille in [100, 500, 900] {
                let expected = f64::from(many) * f64::from(permille) / 1000.0;
                let off = (rank(&spread, permille) - expected).abs() / f64::from(many);
                assert!(off < 0.05, "{permille} of {many} is off by {off}");
            }
        }
    }

    #[test]
    fn those_that_are_kept_are_equally_far_apart() {
        let spread = spread(1..=1_000);
        let apart: Vec<_> =
            spread.kept.windows(2).map(|two| two[1].value.get() - two[0].value.get()).collect();
        assert!(apart.iter().all(|distance| (distance - 16.0).abs() < 1e-9), "{apart:?}");
    }
}
