use super::course::Course;
use super::pressure::FULL_PERCENT;
use super::signs::{Signs, Standing};
use crate::{Adaptive, Bandwidth, Moment, Queueing};
use std::time::Duration;

/// So bad that it cannot be a moment's noise, in hundredths of what is allowed.
const GRAVE_PERCENT: u32 = 200;
/// So much of growth that a queue is no moment's noise, in hundredths of the time that passes.
const GROWING_PERCENT: u32 = 10;
/// How long a queue that is less bad, and grows less, has to stand.
const LASTING: Duration = Duration::from_millis(150);
/// How long an indicator has to be beyond its bound where probes see no queue: it is of few samples, and sways.
const LASTING_WITHOUT_QUEUE: Duration = Duration::from_secs(1);
/// How long a raise may be to blame for trouble.
const BLAMED: Duration = Duration::from_secs(2);

/// Everything that a rule of the law may look at.
#[derive(Clone, Copy)]
pub(super) struct Look<'a> {
    pub(super) signs: &'a Signs<'a>,
    pub(super) course: &'a Course,
}

impl Look<'_> {
    pub(super) fn targets(&self) -> impl Iterator<Item = Standing<'_>> {
        let memories = self.course.targets.iter().enumerate();
        memories.filter_map(|(position, memory)| self.signs.target(position, memory))
    }

    pub(super) fn target(&self, position: usize) -> Option<Standing<'_>> {
        self.signs.target(position, self.course.targets.get(position)?)
    }

    /// What all targets send, where that is known of each now.
    pub(super) fn sent(&self) -> Option<Bandwidth> {
        self.targets().try_fold(Bandwidth::ZERO, |sum, target| Some(sum.plus(target.sent()?)))
    }

    /// When the present trouble began.
    pub(super) fn troubled_since(&self) -> Moment {
        let course = self.course;
        course.queue_since.into_iter().chain(course.broken_since).min().unwrap_or(self.signs.now())
    }

    /// Whether an objective presses by more than a moment's noise.
    pub(super) fn presses_for_sure(&self) -> bool {
        let (pressure, now) = (self.signs.pressure, self.signs.now());
        let lasted = |since: Option<Moment>, span| since.is_some_and(|since| now.since(since) >= span);
        self.signs.presses()
            && (pressure.is_blind
                || pressure.queue_percent >= GRAVE_PERCENT
                || (pressure.queue_percent > FULL_PERCENT && pressure.growth_percent >= GROWING_PERCENT)
                || lasted(self.course.queue_since, LASTING)
                || lasted(self.course.broken_since, LASTING_WITHOUT_QUEUE))
    }

    /// Whether trouble begins right after limits rose: also a faint one, where limits were too high before.
    pub(super) fn is_raise_to_blame(&self) -> bool {
        let pressure = self.signs.pressure;
        let faint = pressure.queue_percent > Queueing::FAINT_PERCENT && self.is_near_ceiling();
        let just = self
            .course
            .raised
            .is_some_and(|raised| self.signs.now().since(raised) <= self.signs.at_least_seen(BLAMED, 3));
        just && (pressure.queue_percent > FULL_PERCENT || pressure.is_blind || faint)
    }

    fn is_near_ceiling(&self) -> bool {
        let near = |target: Standing| {
            target
                .memory
                .ceiling
                .is_some_and(|ceiling| target.limit >= ceiling.percent(Adaptive::NEAR_PERCENT))
        };
        self.targets().any(near)
    }

    /// Whether it has been calm under the present limits for long enough to conclude something.
    pub(super) fn is_calm(&self) -> bool {
        let since = self.course.calm_since.map_or(Duration::ZERO, |since| self.signs.now().since(since));
        since.min(self.signs.unchanged_for()) >= self.signs.at_least_measured(Adaptive::CALM, 3)
    }
}

/// What `percent` hundredths more than all of it is.
pub(super) const fn beyond(percent: u32) -> u32 {
    FULL_PERCENT.saturating_add(percent)
}
