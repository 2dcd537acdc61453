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
