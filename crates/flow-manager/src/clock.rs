//! The operator's clock: the only place where the time of decisions comes from.

use flow_control::Moment;
use std::time::Instant;

/// A monotonic clock whose epoch is the operator's start.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    epoch: Instant,
}

impl Clock {
    /// A clock that starts now.
    #[must_use]
    pub fn start() -> Self {
        Self { epoch: Instant::now() }
    }

    /// The present moment.
    #[must_use]
    pub fn now(self) -> Moment {
        self.moment(Instant::now())
    }

    /// `instant` on this clock; the epoch itself for anything before it.
    #[must_use]
    pub fn moment(self, instant: Instant) -> Moment {
        Moment::after_epoch(instant.saturating_duration_since(self.epoch))
    }
}
