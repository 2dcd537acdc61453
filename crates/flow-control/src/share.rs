use crate::Bandwidth;

/// The least that a limit may be.
const LEAST: Bandwidth = Bandwidth::from_bps(8_000);

impl Bandwidth {
    /// What each of `pods` may send so that all together send no more than this limit: an equal share, rounded down.
    ///
    /// It is never below the least that a limit may be, 8 kbit/s; only there may the shares exceed the limit.
    #[must_use]
    pub fn share(self, pods: usize) -> Self {
        Self::from_bps(self.bps() / count(pods)).max(LEAST)
    }

    /// The limit of which each of `pods` has this as its [share](Self::share). Of the several that there are, a whole
    /// number of Mbit/s if one is, since limits mostly are; else the lowest.
    #[must_use]
    pub fn shared_by(self, pods: usize) -> Self {
        let lowest = self.bps().saturating_mul(count(pods));
        let highest = Self::from_bps(lowest.saturating_add(count(pods) - 1));
        highest.whole_mbps().max(Self::from_bps(lowest))
    }
}

/// Nobody shares with nobody: without pods, the limit is as it is for one.
fn count(pods: usize) -> u64 {
    u64::try_from(pods).unwrap_or(u64::MAX).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const LARGEST: u64 = 1_000_000_000_000;

    #[test]
    fn a_limit_is_divided_equally_and_rounded_down() {
        let limit = Bandwidth::from_bps(100_000_000);
        let shares = [0, 1, 2, 3].map(|pods| limit.share(pods).bps());
        assert_eq!(shares, [100_000_000, 100_000_000, 50_000_000, 33_333_333]);
    }

    #[test]
    fn no_share_is_below_the_least_there_is() {
        let shares = [16_000, 20_000, 24_003].map(|bps| Bandwidth::from_bps(bps).share(3).bps());
        assert_eq!(shares, [8_000, 8_000, 8_001]);
    }

    #[test]
    fn the_limit_behind_shares_that_are_too_large_is_the_largest_rate() {
        let largest = Bandwidth::from_bps(u64::MAX);
        assert_eq!(largest.shared_by(2), largest);
    }

    #[test]
    fn the_limit_behind_shares_is_the_round_one() {
        assert_eq!(Bandwidth::from_bps(33_333_333).shared_by(3), Bandwidth::from_mbps(100));
        assert_eq!(Bandwidth::from_bps(33_333_000).shared_by(3), Bandwidth::from_bps(99_999_000));
        let almost = Bandwidth::from_bps(49_999_999);
        assert_eq!(almost.shared_by(2), Bandwidth::from_bps(99_999_998), "half of 100M is more");
        assert_eq!(Bandwidth::from_mbps(20).shared_by(0), Bandwidth::from_mbps(20));
    }

    proptest! {
        #[test]
        fn all_shares_together_never_exceed_the_limit_but_at_the_least_there_is(
            bps in 8_000..=LARGEST, pods in 1usize..=100_000,
        ) {
            let limit = Bandwidth::from_bps(bps);
            let share = limit.share(pods);
            prop_assert!(share >= LEAST && share <= limit);
            prop_assert!(share == LEAST || share.bps() * count(pods) <= bps);
        }

        #[test]
        fn nothing_that_could_be_shared_out_is_lost(bps in 8_000..=LARGEST, pods in 1usize..=1_000) {
            let left = bps.saturating_sub(Bandwidth::from_bps(bps).share(pods).bps() * count(pods));
            prop_assert!(left < count(pods));
        }

        #[test]
        fn a_share_grows_with_the_limit_and_shrinks_with_the_pods(
            bps in 8_000..=LARGEST, more in 0..=LARGEST, pods in 0usize..=1_000, others in 0usize..=1_000,
        ) {
            let limit = Bandwidth::from_bps(bps);
            prop_assert!(Bandwidth::from_bps(bps + more).share(pods) >= limit.share(pods));
            prop_assert!(limit.share(pods + others) <= limit.share(pods));
        }

        #[test]
        fn the_limit_behind_shares_gives_the_same_shares(bps in 8_000..=LARGEST, pods in 0usize..=1_000) {
            let share = Bandwidth::from_bps(bps);
            prop_assert_eq!(share.shared_by(pods).share(pods), share);
        }
    }
}
