use flow_control::Moment;
use std::time::Duration;

/// How far one step of the model goes.
pub(crate) const STEP: Duration = Duration::from_millis(1);

/// The same in seconds.
pub(crate) const STEP_SECONDS: f64 = 0.001;

/// The time since the model began.
pub(crate) fn elapsed(now: Moment) -> Duration {
    now.since(Moment::default())
}

/// What happens at an interval.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Every {
    next: Moment,
    interval: Duration,
}

impl Every {
    /// For the first time at the beginning.
    pub(crate) fn new(interval: Duration) -> Self {
        Self::after(Duration::ZERO, interval)
    }

    /// For the first time so much later.
    pub(crate) fn after(first: Duration, interval: Duration) -> Self {
        Self { next: Moment::after_epoch(first), interval: interval.max(STEP) }
    }

    /// Whether it happens now; asked once a step.
    pub(crate) fn is_due(&mut self, now: Moment) -> bool {
        let due = now >= self.next;
        if due {
            self.next = self.next + self.interval;
        }
        due
    }
}
