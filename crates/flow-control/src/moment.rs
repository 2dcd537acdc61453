use std::num::NonZeroU64;
use std::time::Duration;

/// A point in time on a monotonic clock, counted from an epoch of the caller's choosing.
///
/// Moments of one epoch can be compared; the core never reads a clock itself. The last one is 584 years after the epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
// Nanoseconds, counted from one, so that an `Option` takes no more room: there are many.
pub struct Moment(NonZeroU64);

impl Moment {
    /// The first one.
    pub const EPOCH: Self = Self(NonZeroU64::MIN);

    /// The moment `elapsed` after the epoch.
    #[must_use]
    pub fn after_epoch(elapsed: Duration) -> Self {
        Self::EPOCH + elapsed
    }

    /// The time from `earlier` to this moment; zero if `earlier` is not earlier.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.get().saturating_sub(earlier.0.get()))
    }
}

impl Default for Moment {
    fn default() -> Self {
        Self::EPOCH
    }
}

impl std::ops::Add<Duration> for Moment {
    type Output = Self;

    fn add(self, span: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)))
    }
}

/// `part` in hundredths of `whole`; without end where there is no whole to speak of.
pub(crate) fn percent(part: Duration, whole: Duration) -> u32 {
    let hundredfold = part.as_nanos().saturating_mul(100);
    let percent = hundredfold.checked_div(whole.as_nanos());
    percent.map_or(u32::MAX, |percent| u32::try_from(percent).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_never_a_negative_time_after_a_later_one() {
        let early = Moment::after_epoch(Duration::from_secs(1));
        let late = early + Duration::from_secs(2);
        assert_eq!(late.since(early), Duration::from_secs(2));
        assert_eq!(early.since(late), Duration::ZERO);
    }

    #[test]
    fn a_moment_takes_a_word_and_none_takes_no_more() {
        assert_eq!(size_of::<Option<Moment>>(), 8);
    }

    #[test]
    fn there_is_a_last_moment() {
        let last = Moment::after_epoch(Duration::MAX);
        assert_eq!(last + Duration::from_secs(1), last);
    }
}
