use crate::{Bandwidth, Bound, Moment, Reading};
use std::time::Duration;

/// Whether an objective takes part in decisions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// It decides.
    Control,
    /// It is reported only.
    Watch,
}

/// One objective as it stands now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Observation {
    /// Whether it decides.
    pub role: Role,
    /// Its rank: the highest-ranking violated objective is named as the reason.
    pub priority: u16,
    /// What is asked.
    pub bound: Bound,
    /// What was measured.
    pub reading: Reading,
    /// When the newest measurement behind the reading was made.
    pub measured: Option<Moment>,
    /// The same indicator, of what was measured under the limits as they are now only: what was sent after they took
    /// effect and the queue of before was gone. It tells what the limits do; [`reading`](Self::reading), whose window
    /// is longer, what users see.
    pub settled: Reading,
    /// The time from one measurement to the next; zero where nobody knows.
    pub period: Duration,
    /// How far back a measurement looks whatever the limits were: the range of a query. Zero where
    /// [`settled`](Self::settled) does not reach further back than the limits as they are now.
    pub window: Duration,
    /// The queue on the way, where probes tell of one.
    pub queueing: Option<Queueing>,
}

/// The queue on a probed path, lately.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Queueing {
    /// What most of the newest probes waited at least: the median of the newest five above the path's base round-trip
    /// time, where a lost probe counts as a very late one.
    pub delay: Duration,
    /// A longer delay than this is a sign that the bound will break.
    pub allowed: Duration,
    /// How much that grows, in hundredths of the time that passes: a link that gets twice what it carries has 100.
    pub growth_percent: u32,
    /// Whether all of these probes were sent after the limits as they are now took effect.
    pub settled: bool,
    /// Whether any of them was answered: else there may be nobody who does.
    pub answered: bool,
}

impl Queueing {
    /// So much of what is allowed, in hundredths, is a sign where limits were too high before.
    pub const FAINT_PERCENT: u32 = 40;

    /// The delay that is a faint sign.
    #[must_use]
    pub fn faint(&self) -> Duration {
        self.allowed / 100 * Self::FAINT_PERCENT
    }
}

/// What the running pods of a target send, in the unit of its limit: that of one pod, or of all together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Traffic {
    /// All pods together, in bits per second, whatever the unit of the limit.
    pub sent: Bandwidth,
    /// What the limit has to be compared with: the busiest pod, or all together.
    pub busiest: Bandwidth,
    /// The limit at which the pods that are busy would send as much as they do, if they shared it equally.
    pub fair: Bandwidth,
    /// The end of the time over which this was counted.
    pub measured: Moment,
    /// How long after that it may be taken for the present.
    pub fresh_for: Duration,
}

impl Traffic {
    /// Whether it may be taken for the present.
    #[must_use]
    pub fn is_fresh(&self, now: Moment) -> bool {
        now.since(self.measured) <= self.fresh_for
    }
}

impl Observation {
    /// An observation of which no more is known: no queue, and what was measured counts for the limits as they are.
    #[must_use]
    pub const fn new(
        role: Role,
        priority: u16,
        bound: Bound,
        reading: Reading,
        measured: Option<Moment>,
    ) -> Self {
        let (settled, period, window, queueing) = (reading, Duration::ZERO, Duration::ZERO, None);
        Self { role, priority, bound, reading, measured, settled, period, window, queueing }
    }
}
