use std::cmp::Ordering;

/// A number that is neither NaN nor infinite: the only kind of number a decision is made on.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Finite(f64);

/// A number that is NaN or infinite where a finite one is needed.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[error("{0} is not a finite number")]
pub struct NotFinite(f64);

impl Finite {
    /// `number`, if it is finite.
    pub fn new(number: f64) -> Result<Self, NotFinite> {
        if number.is_finite() { Ok(Self(number)) } else { Err(NotFinite(number)) }
    }

    /// The seconds in `span`, which are always finite.
    #[must_use]
    pub fn seconds(span: std::time::Duration) -> Self {
        Self(span.as_secs_f64())
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> f64 {
        self.0
    }
}

impl Eq for Finite {}

impl PartialOrd for Finite {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Finite {
    fn cmp(&self, other: &Self) -> Ordering {
        // `+ 0.0` makes −0 equal to 0, as `PartialEq` has it.
        (self.0 + 0.0).total_cmp(&(other.0 + 0.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn not_a_number_and_infinities_are_refused() {
        for number in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert!(Finite::new(number).is_err());
        }
    }

    #[test]
    fn order_agrees_with_equality_at_zero() {
        assert_eq!(Finite(-0.0).cmp(&Finite(0.0)), Ordering::Equal);
        assert_eq!(Finite(0.0).cmp(&Finite(-0.0)), Ordering::Equal);
        assert!(Finite(-1.0) < Finite(0.0));
    }
}
