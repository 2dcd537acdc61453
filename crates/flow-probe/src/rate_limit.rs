//! How many probes of one source are answered.

use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use std::time::{Duration, Instant};

/// Answers per second to one source address: two probes at the shortest interval of 1 ms, or forty at the
/// default of 20 ms.
const PER_SECOND: u32 = 2000;
/// Answers that a source may be ahead of that rate.
const BURST: u32 = 200;
/// Sources are spread over this many counters; two that share one share the rate.
const COUNTERS: usize = 4096;

/// Limits answers per source with a fixed amount of memory (96 KiB), however many sources are forged.
///
/// Each counter is a generic cell rate algorithm (ITU-T I.371): it holds when the source would be back within
/// its rate. The counter of a source is picked by a hash with a secret key, so that nobody can aim at the
/// counter of another.
#[derive(Debug)]
pub(crate) struct RateLimit {
    key: RandomState,
    within_rate_at: Vec<Instant>,
}

impl RateLimit {
    pub(crate) fn new(now: Instant) -> Self {
        Self { key: RandomState::new(), within_rate_at: vec![now; COUNTERS] }
    }

    /// Whether to answer this source once more.
    pub(crate) fn allows(&mut self, source: IpAddr, now: Instant) -> bool {
        let gap = Duration::from_secs(1) / PER_SECOND;
        let Some(within_rate_at) = self.counter(source) else {
            return false;
        };
        let next = (*within_rate_at).max(now) + gap;
        let allowed = next <= now + gap * BURST;
        if allowed {
            *within_rate_at = next;
        }
        allowed
    }

    fn counter(&mut self, source: IpAddr) -> Option<&mut Instant> {
        let count = u64::try_from(COUNTERS).ok()?;
        let index = self.key.hash_one(source.to_canonical()) % count;
        self.within_rate_at.get_mut(usize::try_from(index).ok()?)
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    const SOURCE: IpAddr = IpAddr::V4(Ipv4Addr::new(198, 18, 0, 1));

    #[test]
    fn source_may_send_a_burst_and_then_its_rate() {
        let now = Instant::now();
        let mut limit = RateLimit::new(now);
        let mut allowed = |n: u32, now| (0..n).filter(|_| limit.allows(SOURCE, now)).count();
        assert_eq!(allowed(1000, now), 200);
        assert_eq!(allowed(1000, now + Duration::from_millis(50)), 100);
        assert_eq!(allowed(1000, now + Duration::from_hours(1)), 200);
    }

    #[test]
    fn another_source_has_its_own_rate() {
        let now = Instant::now();
        let mut limit = RateLimit::new(now);
        while limit.allows(SOURCE, now) {}
        let others = (0..100).map(|n| IpAddr::V4(Ipv4Addr::new(198, 18, 1, n)));
        let allowed = others.filter(|source| limit.allows(*source, now)).count();
        assert!(allowed > 90, "{allowed}");
    }

    #[test]
    fn mapped_address_is_the_same_source() {
        let now = Instant::now();
        let mut limit = RateLimit::new(now);
        while limit.allows(SOURCE, now) {}
        let IpAddr::V4(v4) = SOURCE else { unreachable!() };
        assert!(!limit.allows(v4.to_ipv6_mapped().into(), now));
    }
}
