use flow_control::{Bandwidth, Moment, Traffic};
use flow_policy::Scope;
use std::time::Duration;

/// The part of what the busiest pod sends from which on another is busy, too.
const BUSY: u64 = 4;

/// What a target sends, whenever that was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Load {
    sent: Bandwidth,
    busiest: Bandwidth,
    fair: Bandwidth,
}

impl Load {
    /// Of pods that send as much each; `None` where there is none.
    pub(super) fn of_pods(scope: Scope, rates: &[Bandwidth]) -> Option<Self> {
        let most = *rates.iter().max()?;
        let sent = sum(rates.iter().copied());
        let busy = || rates.iter().copied().filter(|rate| rate.bps() >= most.bps() / BUSY);
        Some(match scope {
            Scope::Pod => Self { sent, busiest: most, fair: divided(sum(busy()), busy().count()) },
            Scope::Target => Self { sent, busiest: sent, fair: sent },
        })
    }

    /// Of so many pods that send as much together: nobody tells how it is divided.
    pub(super) fn together(scope: Scope, sent: Bandwidth, pods: usize) -> Self {
        let each = match scope {
            Scope::Pod => divided(sent, pods),
            Scope::Target => sent,
        };
        Self { sent, busiest: each, fair: each }
    }

    /// The same as traffic that was counted until then.
    pub(super) const fn until(self, measured: Moment, fresh_for: Duration) -> Traffic {
        let Self { sent, busiest, fair } = self;
        Traffic { sent, busiest, fair, measured, fresh_for }
    }
}

fn sum(rates: impl Iterator<Item = Bandwidth>) -> Bandwidth {
    rates.fold(Bandwidth::ZERO, Bandwidth::plus)
}

fn divided(sent: Bandwidth, pods: usize) -> Bandwidth {
    Bandwidth::from_bps(sent.bps() / u64::try_from(pods).unwrap_or(u64::MAX).max(1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of_pods(scope: Scope, mbps: &[u64]) -> Option<[u64; 3]> {
        let rates: Vec<_> = mbps.iter().copied().map(Bandwidth::from_mbps).collect();
        Load::of_pods(scope, &rates).map(in_mbps)
    }

    /// All together, the busiest, and the fair limit.
    fn in_mbps(load: Load) -> [u64; 3] {
        [load.sent, load.busiest, load.fair].map(|rate| rate.bps() / 1_000_000)
    }

    #[test]
    fn the_fair_limit_is_that_of_the_pods_that_are_busy() {
        assert_eq!(of_pods(Scope::Pod, &[40, 20, 9, 0]), Some([69, 40, 30]));
        assert_eq!(of_pods(Scope::Pod, &[40, 10]), Some([50, 40, 25]), "a quarter is busy");
    }

    #[test]
    fn a_shared_limit_is_compared_with_what_all_pods_send() {
        assert_eq!(of_pods(Scope::Target, &[40, 20, 9, 0]), Some([69, 69, 69]));
    }

    #[test]
    fn nothing_is_told_where_no_pod_tells_and_nothing_is_sent_where_all_are_idle() {
        assert_eq!((of_pods(Scope::Pod, &[]), of_pods(Scope::Target, &[])), (None, None));
        assert_eq!(of_pods(Scope::Pod, &[0, 0]), Some([0; 3]));
    }

    #[test]
    fn what_pods_send_together_is_divided_equally_where_each_has_a_limit() {
        let together = |scope, pods| in_mbps(Load::together(scope, Bandwidth::from_mbps(60), pods));
        assert_eq!(together(Scope::Pod, 3), [60, 20, 20]);
        assert_eq!(together(Scope::Pod, 0), [60, 60, 60], "no pod is known yet");
        assert_eq!(together(Scope::Target, 3), [60, 60, 60]);
    }

    proptest! {
        #[test]
        fn the_fair_limit_is_never_above_the_busiest_nor_below_a_quarter_of_it(
            rates in prop::collection::vec(0u64..=1_000_000_000_000, 1..50),
        ) {
            let rates: Vec<_> = rates.into_iter().map(Bandwidth::from_bps).collect();
            let Load { sent, busiest, fair } = Load::of_pods(Scope::Pod, &rates).unwrap();
            prop_assert!(fair <= busiest && busiest <= sent);
            prop_assert!(fair.bps() >= busiest.bps() / 4);
        }
    }
}
