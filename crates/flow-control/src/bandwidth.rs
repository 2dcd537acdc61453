/// A rate of data in bits per second.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bandwidth(u64);

impl Bandwidth {
    /// Nothing at all.
    pub const ZERO: Self = Self(0);

    /// `bps` bits per second.
    #[must_use]
    pub const fn from_bps(bps: u64) -> Self {
        Self(bps)
    }

    /// `mbps` megabits (10⁶ bits) per second; saturates at the largest rate.
    #[must_use]
    pub const fn from_mbps(mbps: u64) -> Self {
        Self(mbps.saturating_mul(1_000_000))
    }

    /// Bits per second.
    #[must_use]
    pub const fn bps(self) -> u64 {
        self.0
    }

    /// Bits per second, to calculate with.
    #[must_use]
    #[expect(
        clippy::cast_precision_loss,
        clippy::as_conversions,
        reason = "exact up to 2⁵³, which no rate comes near"
    )]
    pub const fn bps_f64(self) -> f64 {
        self.0 as f64
    }

    /// The sum, saturating at the largest rate.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// The difference, or zero where `other` is larger.
    #[must_use]
    pub const fn minus(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }

    /// `percent` hundredths of this rate, rounded down; saturates at the largest rate.
    #[must_use]
    pub fn percent(self, percent: u32) -> Self {
        let scaled = u128::from(self.0) * u128::from(percent) / 100;
        Self(u64::try_from(scaled).unwrap_or(u64::MAX))
    }

    /// `whole` times the share that this is of `of`; this where `of` is nothing.
    #[must_use]
    pub fn scaled(self, whole: Self, of: Self) -> Self {
        let scaled = (u128::from(self.0) * u128::from(whole.0)).checked_div(u128::from(of.0));
        scaled.map_or(self, |scaled| Self(u64::try_from(scaled).unwrap_or(u64::MAX)))
    }

    /// What each of `after` has where each of `before` had this; this where there is none after.
    pub(crate) fn divided(self, before: u32, after: u32) -> Self {
        self.scaled(Self(before.into()), Self(after.into()))
    }

    /// The rate between this and `other`.
    #[must_use]
    pub const fn midpoint(self, other: Self) -> Self {
        Self(self.0.midpoint(other.0))
    }

    /// This rate rounded down to whole megabits per second.
    #[must_use]
    pub const fn whole_mbps(self) -> Self {
        Self(self.0 - self.0 % 1_000_000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentages_round_down_and_do_not_overflow() {
        assert_eq!(Bandwidth::from_bps(999).percent(10), Bandwidth::from_bps(99));
        assert_eq!(Bandwidth::from_bps(u64::MAX).percent(200), Bandwidth::from_bps(u64::MAX));
    }

    #[test]
    fn what_is_too_large_becomes_the_largest_rate() {
        let largest = Bandwidth::from_bps(u64::MAX);
        assert_eq!(Bandwidth::from_mbps(u64::MAX / 1_000_000 + 1), largest);
        assert_eq!(largest.plus(Bandwidth::from_bps(1)), largest);
    }

    #[test]
    fn differences_stop_at_zero() {
        assert_eq!(Bandwidth::from_mbps(1).minus(Bandwidth::from_mbps(2)), Bandwidth::ZERO);
    }
}
