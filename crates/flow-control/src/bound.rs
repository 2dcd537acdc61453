use crate::{Finite, Reading, Unknown};

/// What is asked of an indicator, in the indicator's base unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bound {
    /// No more than this.
    AtMost(Finite),
    /// No less than this.
    AtLeast(Finite),
    /// Between the two, both included.
    Within {
        /// The least allowed.
        min: Finite,
        /// The most allowed.
        max: Finite,
    },
}

/// An indicator held against its bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Judgement {
    /// The bound holds.
    Met,
    /// The bound is broken.
    Violated,
    /// Nobody can tell.
    Unknown(Unknown),
}

impl Bound {
    /// Holds a reading against this bound.
    #[must_use]
    pub fn judge(self, reading: Reading) -> Judgement {
        match reading {
            Ok(value) if self.holds(value) => Judgement::Met,
            Ok(_) => Judgement::Violated,
            Err(unknown) => Judgement::Unknown(unknown),
        }
    }

    /// Whether `value` keeps a distance from its ceiling: below `percent` hundredths of it.
    ///
    /// A floor has no such distance to keep, since a flow that gets what it asked for need not get more: a
    /// floor that holds has headroom.
    #[must_use]
    pub fn has_headroom(self, value: Finite, percent: u32) -> bool {
        self.holds(value)
            && self.ceiling().is_none_or(|max| value.get() < max.get() * f64::from(percent) / 100.0)
    }

    /// How far `value` is from this bound, in hundredths: 100 on it, more beyond it.
    #[must_use]
    pub fn overshoot_percent(self, value: Finite) -> u32 {
        let value = value.get();
        let over = self.ceiling().map(|max| ratio(value, max.get()));
        let under = self.floor().map(|min| ratio(min.get(), value));
        over.into_iter().chain(under).max().unwrap_or_default()
    }

    /// How far `value` is beyond this bound, in the indicator's base unit: zero where the bound holds.
    #[must_use]
    pub fn excess(self, value: Finite) -> Finite {
        let over = self.ceiling().map_or(0.0, |max| value.get() - max.get());
        let under = self.floor().map_or(0.0, |min| min.get() - value.get());
        Finite::new(over.max(under).clamp(0.0, f64::MAX)).unwrap_or_default()
    }

    fn holds(self, value: Finite) -> bool {
        self.floor().is_none_or(|min| value >= min) && self.ceiling().is_none_or(|max| value <= max)
    }

    const fn floor(self) -> Option<Finite> {
        match self {
            Self::AtMost(_) => None,
            Self::AtLeast(min) | Self::Within { min, .. } => Some(min),
        }
    }

    const fn ceiling(self) -> Option<Finite> {
        match self {
            Self::AtLeast(_) => None,
            Self::AtMost(max) | Self::Within { max, .. } => Some(max),
        }
    }
}

/// `part` as hundredths of `whole`; without end where there is no whole to speak of.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::as_conversions,
    reason = "a float becomes the nearest integer that there is"
)]
fn ratio(part: f64, whole: f64) -> u32 {
    match (part <= 0.0, whole <= 0.0) {
        (true, _) => 0,
        (false, true) => u32::MAX,
        (false, false) => (part / whole * 100.0) as u32,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finite(number: f64) -> Finite {
        Finite::new(number).unwrap()
    }

    #[test]
    fn a_value_on_its_bound_meets_it() {
        assert_eq!(Bound::AtMost(finite(3.0)).judge(Ok(finite(3.0))), Judgement::Met);
        assert_eq!(Bound::AtLeast(finite(3.0)).judge(Ok(finite(3.0))), Judgement::Met);
    }

    #[test]
    fn a_value_beyond_its_bound_violates_it() {
        let range = Bound::Within { min: finite(1.0), max: finite(2.0) };
        for (bound, value) in [
            (Bound::AtMost(finite(3.0)), 3.1),
            (Bound::AtLeast(finite(3.0)), 2.9),
            (range, 0.9),
            (range, 2.1),
        ] {
            assert_eq!(bound.judge(Ok(finite(value))), Judgement::Violated, "{bound:?} {value}");
        }
    }

    #[test]
    fn an_overshoot_is_counted_in_hundredths_of_the_bound() {
        let (most, least) = (Bound::AtMost(finite(2.0)), Bound::AtLeast(finite(2.0)));
        for (bound, value, percent) in [
            (most, 2.0, 100),
            (most, 3.0, 150),
            (most, 1.0, 50),
            (most, -1.0, 0),
            (most, f64::MAX, u32::MAX),
            (least, 2.0, 100),
            (least, 1.0, 200),
            (least, 0.0, u32::MAX),
            (Bound::AtMost(finite(0.0)), 1.0, u32::MAX),
            (Bound::AtMost(finite(0.0)), 0.0, 0),
            (Bound::Within { min: finite(1.0), max: finite(2.0) }, 4.0, 200),
            (Bound::Within { min: finite(1.0), max: finite(2.0) }, 0.5, 200),
        ] {
            assert_eq!(bound.overshoot_percent(finite(value)), percent, "{bound:?} {value}");
        }
    }

    #[test]
    fn an_excess_is_the_distance_from_the_bound_that_is_broken() {
        let (most, least) = (Bound::AtMost(finite(2.0)), Bound::AtLeast(finite(2.0)));
        let range = Bound::Within { min: finite(1.0), max: finite(2.0) };
        for (bound, value, excess) in [
            (most, 2.0, 0.0),
            (most, 5.0, 3.0),
            (least, 2.0, 0.0),
            (least, -1.0, 3.0),
            (range, 1.5, 0.0),
            (range, 4.0, 2.0),
            (range, 0.5, 0.5),
            (Bound::AtMost(finite(-f64::MAX)), f64::MAX, f64::MAX),
        ] {
            assert_eq!(bound.excess(finite(value)), finite(excess), "{bound:?} {value}");
        }
    }

    #[test]
    fn an_unknown_reading_is_neither_met_nor_violated() {
        let judgement = Bound::AtMost(finite(3.0)).judge(Err(Unknown::NoSeries));
        assert_eq!(judgement, Judgement::Unknown(Unknown::NoSeries));
    }

    #[test]
    fn headroom_is_a_distance_from_a_ceiling_and_a_floor_that_holds() {
        let ceiling = Bound::AtMost(finite(1.0));
        assert!(ceiling.has_headroom(finite(0.49), 50));
        assert!(!ceiling.has_headroom(finite(0.5), 50));
        assert!(Bound::AtLeast(finite(1.0)).has_headroom(finite(1.0), 50));
        assert!(!Bound::AtLeast(finite(1.0)).has_headroom(finite(0.9), 50));
    }

    #[test]
    fn a_ceiling_of_zero_can_be_met_but_leaves_no_headroom() {
        let none = Bound::AtMost(finite(0.0));
        assert_eq!(none.judge(Ok(finite(0.0))), Judgement::Met);
        assert!(!none.has_headroom(finite(0.0), 50));
    }
}
