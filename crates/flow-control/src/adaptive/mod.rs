//! The law that converges: it cuts to what the link really carries, comes back to the limit that was good, and tries
//! for more the less often the more often that failed.

mod aim;
mod course;
mod look;
mod pressure;
mod rules;
mod signs;
mod trial;

pub(crate) use course::Course;

use crate::Decision;
use crate::rules::HOLD;
use crate::situation::Situation;
use look::Look;
use signs::Signs;
use std::time::Duration;

/// Decides, and notes in `course` what was decided and how far each limit goes.
pub(crate) fn decide(law: Adaptive, seen: &Situation, course: &mut Course) -> Decision {
    let signs = Signs::of(seen, law);
    course.observe(&signs);
    let look = Look { signs: &signs, course };
    let decision = rules::RULES.iter().find_map(|rule| rule(&look)).unwrap_or(HOLD);
    let decision = seen.params.effect.hinder(decision);
    course.aim(&signs, decision);
    course.follow(&signs, decision);
    decision
}

/// The parameters of the law; those of [`Self::BALANCED`] suit nearly everyone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Adaptive {
    /// Hundredths of what the link carries that stay free after a cut, 1 to 50.
    pub headroom_percent: u32,
    /// The most that a limit grows by in one step, in hundredths of it, 1 to 100.
    pub growth_percent: u32,
    /// How long a limit that was good stays before a higher one is tried; doubles each time that fails.
    pub retry_after: Duration,
    /// The longest that this may become.
    pub retry_max: Duration,
    /// The shortest time between two cuts.
    pub cut_interval: Duration,
    /// How long a cut takes to empty the queue that it finds.
    pub drain: Duration,
    /// How long best effort sends nothing before its limits are forgotten.
    pub idle_after: Duration,
}

impl Adaptive {
    /// Few violations at nearly all of the link's capacity.
    pub const BALANCED: Self = Self {
        headroom_percent: 6,
        growth_percent: 15,
        retry_after: Duration::from_secs(5),
        retry_max: Duration::from_mins(1),
        cut_interval: Duration::from_millis(300),
        drain: Duration::from_millis(600),
        idle_after: Duration::from_mins(1),
    };

    /// The fewest violations where the link's capacity varies, at the price of some of it.
    pub const STRICT: Self = Self {
        headroom_percent: 12,
        growth_percent: 5,
        retry_after: Duration::from_secs(15),
        retry_max: Duration::from_mins(5),
        ..Self::BALANCED
    };

    /// How long it has to be calm before anything is concluded from it, where measurements are not rarer.
    pub const CALM: Duration = Duration::from_secs(1);

    /// What a single cut leaves at least, in hundredths of what seems to be good.
    pub const LEAST_LEFT_PERCENT: u32 = 50;

    /// So little of a queue is none, in hundredths of what is allowed.
    pub const EMPTY_PERCENT: u32 = 20;

    /// From here on, in hundredths of what was too much, a queue as faint as [`Queueing::FAINT_PERCENT`](crate::Queueing)
    /// right after a raise is no coincidence.
    pub const NEAR_PERCENT: u32 = 85;

    /// From here on, in hundredths of what was too much, limits rise by small steps.
    pub const CLOSE_PERCENT: u32 = 98;

    /// Hundredths of its bound below which an indicator lets limits rise.
    pub(crate) const ROOMY_PERCENT: u32 = 75;
}

impl Default for Adaptive {
    fn default() -> Self {
        Self::BALANCED
    }
}
