use std::time::Duration;

/// When lower limits count as of no effect, and when they are tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EffectCheck {
    /// How long limits are at their minimum without any gain for the objectives.
    pub after: Duration,
    /// How long to wait before limits are tried again.
    pub retry_after: Duration,
}
