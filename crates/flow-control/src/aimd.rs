use crate::Bandwidth;

/// The most that one cut may take, in hundredths of a limit.
const MOST_PERCENT: u32 = 90;

/// The predecessor's control law: cut deep when unsafe, recover slowly when safe (an asymmetric
/// additive-increase, multiplicative-decrease).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Aimd {
    /// Hundredths of a limit that a violation takes away, 1 to 90.
    pub decrease_percent: u32,
    /// How many times as deep a cut may be, the worse the violation; 1 for cuts that are all the same.
    pub severity_max: u32,
    /// What a limit gains at each decision while every objective has headroom.
    pub increase: Bandwidth,
    /// Hundredths of its bound below which an indicator has headroom, 1 to 100.
    pub headroom_percent: u32,
}

impl Default for Aimd {
    fn default() -> Self {
        Self {
            decrease_percent: 20,
            severity_max: 1,
            increase: Bandwidth::from_mbps(10),
            headroom_percent: 50,
        }
    }
}

impl Aimd {
    /// A limit of `limit` after one cut for an indicator that is `overshoot` hundredths of its bound.
    ///
    /// The cut is in whole Mbit/s, as the predecessor made it; below 1 Mbit/s it is exact, or a small limit
    /// could never be cut.
    pub(crate) fn cut(&self, limit: Bandwidth, overshoot: u32) -> Bandwidth {
        let share = limit.percent(self.decrease(overshoot));
        let whole = share.whole_mbps();
        limit.minus(if whole == Bandwidth::ZERO { share } else { whole })
    }

    /// How many hundredths the deepest cut takes.
    #[must_use]
    pub fn deepest_percent(&self) -> u32 {
        self.decrease(u32::MAX)
    }

    /// How many hundredths a cut takes: in proportion to the overshoot, and never more than nine tenths.
    fn decrease(&self, overshoot: u32) -> u32 {
        let severity = overshoot.clamp(100, self.severity_max.max(1).saturating_mul(100));
        (self.decrease_percent.saturating_mul(severity) / 100).min(MOST_PERCENT)
    }

    /// A limit of `limit` after one raise.
    pub(crate) fn raise(&self, limit: Bandwidth) -> Bandwidth {
        limit.plus(self.increase)
    }
}
