use flow_control::{Bound, Finite, JitterMethod};
use flow_policy::Indicator;
use std::time::Duration;

/// The queueing delay on a path that is the first sign that an objective's bound will break.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FirstSign {
    /// It is the same on every path.
    Fixed(Duration),
    /// It is a share of what this latency leaves above the path's base round-trip time.
    OfLatency(Duration),
}

impl FirstSign {
    /// That of an objective on this indicator; `None` where a queue tells nothing of it.
    pub(super) fn of(indicator: Indicator, bound: Bound) -> Option<Self> {
        let Bound::AtMost(most) = bound else { return None };
        let most = duration(most)?;
        match indicator {
            // While a queue grows, the middle half of the probes differs by half of its length at most.
            Indicator::Jitter {
                method: JitterMethod::InterquartileRange | JitterMethod::Rfc3550, ..
            } => Some(Self::Fixed(most.saturating_mul(5) / 2)),
            Indicator::Jitter { method: JitterMethod::DelayVariation, .. } => Some(Self::Fixed(most / 2)),
            Indicator::Latency { .. } => Some(Self::OfLatency(most)),
            Indicator::Loss { .. } | Indicator::Throughput | Indicator::Value => None,
        }
    }

    /// The longest delay that is no sign yet, on a path of this base round-trip time.
    pub(super) fn allowed(self, base: Duration) -> Duration {
        match self {
            Self::Fixed(allowed) => allowed,
            // Where the path alone takes nearly as long as is allowed, something must still be allowed to queue.
            Self::OfLatency(most) => (most.saturating_sub(base) / 4).max(most / 20),
        }
    }
}

fn duration(seconds: Finite) -> Option<Duration> {
    Duration::try_from_secs_f64(seconds.get()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOST: Duration = Duration::from_millis(20);
    const BASE: Duration = Duration::from_millis(4);

    fn sign(indicator: Indicator) -> Option<FirstSign> {
        FirstSign::of(indicator, Bound::AtMost(Finite::seconds(MOST)))
    }

    fn jitter(method: JitterMethod) -> Duration {
        sign(Indicator::Jitter { samples: 20, method }).unwrap().allowed(BASE)
    }

    #[test]
    fn the_first_sign_of_jitter_goes_by_how_it_is_told() {
        assert_eq!(jitter(JitterMethod::InterquartileRange), Duration::from_millis(50));
        assert_eq!(jitter(JitterMethod::Rfc3550), Duration::from_millis(50));
        assert_eq!(jitter(JitterMethod::DelayVariation), Duration::from_millis(10));
    }

    #[test]
    fn the_first_sign_of_latency_is_a_quarter_of_what_the_path_leaves_of_it() {
        let sign = sign(Indicator::Latency { samples: 20, permille: 990 }).unwrap();
        assert_eq!(sign.allowed(BASE), Duration::from_millis(4));
        assert_eq!(sign.allowed(Duration::from_millis(19)), Duration::from_millis(1), "a twentieth at least");
        assert_eq!(sign.allowed(Duration::from_millis(90)), Duration::from_millis(1), "a path too long");
    }

    #[test]
    fn a_queue_is_no_sign_of_anything_else() {
        assert_eq!(sign(Indicator::Loss { samples: 20 }), None);
        let jitter = Indicator::Jitter { samples: 20, method: JitterMethod::default() };
        for odd in [Bound::AtLeast(Finite::default()), Bound::AtMost(Finite::new(-1.0).unwrap())] {
            assert_eq!(FirstSign::of(jitter, odd), None, "{odd:?}");
        }
    }
}
