use crate::situation::Situation;
use crate::{Judgement, Observation, Role};
use std::cmp::Reverse;
use std::time::Duration;

/// On its bound.
pub(super) const FULL_PERCENT: u32 = 100;

/// How close the objectives that decide are to breaking, all together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Pressure {
    /// The worst queueing delay, in hundredths of what is allowed.
    pub(super) queue_percent: u32,
    /// The worst indicator under the present limits, in hundredths of its bound; more than 100 where one is violated.
    pub(super) bound_percent: u32,
    /// The longest queueing delay.
    pub(super) delay: Duration,
    /// The highest-ranking objective that presses.
    pub(super) objective: Option<usize>,
    /// Whether what presses was measured under the present limits.
    pub(super) is_settled: bool,
    /// Whether an objective that presses has no probes that would tell of a queue.
    pub(super) is_blind: bool,
    /// Whether every objective is known, and was measured under the present limits.
    pub(super) is_known: bool,
    /// The longest time from one measurement to the next.
    pub(super) period: Duration,
}

/// What one objective adds.
struct Part {
    queue_percent: u32,
    bound_percent: u32,
    is_settled: bool,
}

impl Pressure {
    pub(super) fn of(seen: &Situation) -> Self {
        let (mut all, mut ranked) = (Self { is_known: true, ..Self::default() }, None);
        for (position, observation) in seen.decisive() {
            let part = Part::of(observation);
            all.queue_percent = all.queue_percent.max(part.queue_percent);
            all.bound_percent = all.bound_percent.max(part.bound_percent);
            all.delay = all.delay.max(observation.queueing.map_or(Duration::ZERO, |queueing| queueing.delay));
            all.is_known &= observation.reading.is_ok() && observation.settled.is_ok();
            all.period = all.period.max(observation.period);
            if part.presses() {
                all.is_settled |= part.is_settled;
                all.is_blind |= observation.queueing.is_none();
                ranked = ranked.max(Some((observation.priority, Reverse(position))));
            }
        }
        Self { objective: ranked.map(|(_, position)| position.0), ..all }
    }

    /// The worse of both.
    pub(super) fn percent(&self) -> u32 {
        self.queue_percent.max(self.bound_percent)
    }
}

impl Part {
    fn of(observation: &Observation) -> Self {
        debug_assert_eq!(observation.role, Role::Control);
        let queueing = observation.queueing;
        let queue_percent = queueing.map_or(0, |queueing| percent(queueing.delay, queueing.allowed));
        let broken = observation.bound.judge(observation.settled) == Judgement::Violated;
        let bound_percent = observation.settled.map_or(0, |value| {
            let percent = observation.bound.overshoot_percent(value);
            if broken { percent.max(FULL_PERCENT + 1) } else { percent.min(FULL_PERCENT) }
        });
        let is_settled = broken || queueing.is_some_and(|queueing| queueing.settled);
        Self { queue_percent, bound_percent, is_settled }
    }

    const fn presses(&self) -> bool {
        self.queue_percent > FULL_PERCENT || self.bound_percent > FULL_PERCENT
    }
}

/// `part` in hundredths of `whole`; without end where there is no whole to speak of.
pub(super) fn percent(part: Duration, whole: Duration) -> u32 {
    let hundredfold = part.as_nanos().saturating_mul(100);
    let percent = hundredfold.checked_div(whole.as_nanos());
    percent.map_or(u32::MAX, |percent| u32::try_from(percent).unwrap_or(u32::MAX))
}
