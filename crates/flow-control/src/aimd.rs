use crate::Bandwidth;

/// The predecessor's control law: cut deep when unsafe, recover slowly when safe (an asymmetric
/// additive-increase, multiplicative-decrease).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Aimd {
    /// Hundredths of a limit that a violation takes away, 1 to 90.
    pub decrease_percent: u32,
    /// What a limit gains at each decision while every objective has headroom.
    pub increase: Bandwidth,
    /// Hundredths of its bound below which an indicator has headroom, 1 to 100.
    pub headroom_percent: u32,
}

impl Default for Aimd {
    fn default() -> Self {
        Self { decrease_percent: 20, increase: Bandwidth::from_mbps(10), headroom_percent: 50 }
    }
}

impl Aimd {
    /// A limit of `limit` after one cut.
    ///
    /// The cut is in whole Mbit/s, as the predecessor made it; below 1 Mbit/s it is exact, or a small limit
    /// could never be cut.
    pub(crate) fn cut(&self, limit: Bandwidth) -> Bandwidth {
        let share = limit.percent(self.decrease_percent);
        let whole = share.whole_mbps();
        limit.minus(if whole == Bandwidth::ZERO { share } else { whole })
    }

    /// A limit of `limit` after one raise.
    pub(crate) fn raise(&self, limit: Bandwidth) -> Bandwidth {
        limit.plus(self.increase)
    }
}
