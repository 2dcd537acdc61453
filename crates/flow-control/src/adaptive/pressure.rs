use crate::moment::percent;
use crate::situation::Situation;
use crate::{Judgement, Observation, Queueing, Role, Unknown};
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
    /// How much the delay grows at most, in hundredths of the time that passes.
    pub(super) growth_percent: u32,
    /// The objective with the worst queueing delay, if there is any.
    pub(super) queued: Option<usize>,
    /// The objective in which a change shows last.
    pub(super) slowest: Option<usize>,
    /// The highest-ranking objective that presses.
    pub(super) objective: Option<usize>,
    /// How far what presses tells of the present limits.
    pub(super) evidence: Evidence,
    /// Whether an objective that presses has no probes that would tell of a queue.
    pub(super) is_blind: bool,
    /// Whether every objective is known, under whatever limits.
    pub(super) is_read: bool,
    /// Whether every objective is known, and was measured under the present limits.
    pub(super) is_known: bool,
    /// The longest time from one measurement to the next.
    pub(super) period: Duration,
    /// How far back a measurement looks at most.
    pub(super) window: Duration,
}

/// What one objective adds.
struct Part {
    queue_percent: u32,
    bound_percent: u32,
    evidence: Evidence,
}

/// How far what presses tells of the present limits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Evidence {
    /// It was measured before they took effect.
    #[default]
    Old,
    /// An indicator is beyond its bound. Without a queue that is most likely still of the time in which one emptied.
    Indicator,
    /// A queue stands.
    Queue,
}

impl Pressure {
    pub(super) fn of(seen: &Situation) -> Self {
        let (mut all, mut ranked) = (Self { is_read: true, is_known: true, ..Self::default() }, None);
        let mut slowest = None;
        for (position, observation) in seen.decisive() {
            let part = Part::of(observation);
            if part.queue_percent > all.queue_percent {
                (all.queue_percent, all.queued) = (part.queue_percent, Some(position));
            }
            all.bound_percent = all.bound_percent.max(part.bound_percent);
            if let Some(queueing) = known_queueing(observation) {
                all.delay = all.delay.max(queueing.delay);
                all.growth_percent = all.growth_percent.max(queueing.growth_percent);
            }
            all.is_read &= observation.reading.is_ok();
            all.is_known &= observation.reading.is_ok() && observation.settled.is_ok();
            if slowest.is_none_or(|slowest| slowest < shows_after(observation)) {
                (slowest, all.slowest) = (Some(shows_after(observation)), Some(position));
            }
            all.period = all.period.max(observation.period);
            all.window = all.window.max(observation.window);
            if part.presses() {
                all.evidence = all.evidence.max(part.evidence);
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

/// How long it takes until a measurement looks back on nothing older than a change.
const fn shows_after(observation: &Observation) -> Duration {
    observation.period.saturating_add(observation.window)
}

/// Where nothing is answered any more, there is no queue to speak of: nobody knows. Where little is, it is a bad one.
fn known_queueing(observation: &Observation) -> Option<Queueing> {
    let few = matches!(observation.reading, Err(Unknown::TooFewSamples { .. }));
    observation.queueing.filter(|queueing| observation.reading.is_ok() || (few && queueing.answered))
}

impl Part {
    fn of(observation: &Observation) -> Self {
        debug_assert_eq!(observation.role, Role::Control);
        let queueing = known_queueing(observation);
        let queue_percent = queueing.map_or(0, |queueing| percent(queueing.delay, queueing.allowed));
        let broken = observation.bound.judge(observation.settled) == Judgement::Violated;
        let bound_percent = observation.settled.map_or(0, |value| {
            let percent = observation.bound.overshoot_percent(value);
            if broken { percent.max(FULL_PERCENT + 1) } else { percent.min(FULL_PERCENT) }
        });
        let queues = queue_percent > FULL_PERCENT && queueing.is_some_and(|queueing| queueing.settled);
        let evidence = match (queues, broken) {
            (true, _) => Evidence::Queue,
            (false, true) => Evidence::Indicator,
            (false, false) => Evidence::Old,
        };
        Self { queue_percent, bound_percent, evidence }
    }

    const fn presses(&self) -> bool {
        self.queue_percent > FULL_PERCENT || self.bound_percent > FULL_PERCENT
    }
}
