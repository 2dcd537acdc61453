//! How far limits go.

use super::course::Memory;
use super::look::{Look, beyond};
use super::pressure::FULL_PERCENT;
use super::signs::{Signs, Standing};
use crate::moment::percent;
use crate::{Action, Adaptive, Bandwidth, Decision, Manual, Moment, Reason};

/// How much of what is too much a further cut takes away, in hundredths.
const EAGER_PERCENT: u32 = 80;
/// The first raise in a row, in hundredths of the limit.
const FIRST_RAISE_PERCENT: u32 = 3;
/// A raise to where it was too much before: so little that the queue is seen before it hurts.
const CREEP_PERCENT: u32 = 1;
/// From [`Adaptive::CLOSE_PERCENT`] to here it was too much before, in hundredths of that: what lies beyond is another link.
pub(super) const PASSED_PERCENT: u32 = 110;

impl Look<'_> {
    /// The limit that `decision` leads to for a target, where a raise is to be `blamed` or not.
    pub(super) fn aim(&self, decision: Decision, target: Standing, blamed: bool) -> Bandwidth {
        let Standing { limit, range, .. } = target;
        let aim = match (decision.action, decision.reason) {
            (Action::Decrease, Reason::NoDataTooLong) => range.min,
            (Action::Decrease, _) => self.cut(target, blamed),
            (Action::Increase, Reason::Recovery) => limit.max(target.goal().unwrap_or(limit)),
            (Action::Increase, Reason::NoEffect) => limit.max(target.given_back()),
            (Action::Increase, Reason::Idle) | (Action::Release, _) => range.max,
            (Action::Increase, _) => self.grown(target),
            (Action::Pin, _) => match self.signs.seen.params.manual {
                Some(Manual::Pin(pin)) => pin,
                _ => limit,
            },
            (Action::Hold, _) => limit,
        };
        aim.clamp(range.min, range.max.max(range.min))
    }

    /// What is good, less what empties the queue in time; never more than the limit.
    fn cut(&self, target: Standing, blamed: bool) -> Bandwidth {
        let since = self.troubled_since();
        if target.sends_next_to_nothing(since) {
            return target.limit;
        }
        let carried = target.carried(self.signs, since, blamed);
        let Some(good) = target.good(self.signs, carried, blamed) else {
            return target.limit.percent(Adaptive::LEAST_LEFT_PERCENT);
        };
        let drained = FULL_PERCENT.saturating_sub(percent(self.signs.pressure.delay, self.signs.law.drain));
        let first = self.course.episode.is_none();
        // A trial's queue is short, and is gone the sooner the less it hurt; recovery soon gives back what that takes.
        let drained = if blamed { drained.min(self.signs.left()) } else { drained };
        let left = if first { drained } else { drained.min(self.left_of_excess()) };
        good.percent(left.max(Adaptive::LEAST_LEFT_PERCENT)).min(target.limit)
    }

    /// What a further cut leaves, in hundredths: the less the worse it is.
    fn left_of_excess(&self) -> u32 {
        let pressure = self.signs.pressure.percent().max(FULL_PERCENT);
        let excess = (pressure - FULL_PERCENT).saturating_mul(EAGER_PERCENT) / pressure;
        FULL_PERCENT.saturating_sub(excess)
    }

    /// One step more, the longer the more of them went well. Where it was too much before, small ones, once it is time.
    pub(super) fn grown(&self, target: Standing) -> Bandwidth {
        let Standing { limit, .. } = target;
        if !target.is_used() {
            return limit;
        }
        let most = self.signs.law.growth_percent;
        let step = FIRST_RAISE_PERCENT.saturating_mul(1 << self.course.streak.min(8)).min(most);
        let raised = limit.percent(beyond(step));
        match target.memory.ceiling.filter(|ceiling| limit < ceiling.percent(PASSED_PERCENT)) {
            None => raised,
            Some(ceiling) if self.has_to_wait() => raised.min(self.signs.below(ceiling)).max(limit),
            Some(ceiling) => {
                let creep = CREEP_PERCENT.saturating_mul(1 << (self.course.streak / 2).min(8)).min(most);
                raised.min(ceiling.percent(Adaptive::CLOSE_PERCENT)).max(limit.percent(beyond(creep)))
            }
        }
    }

    /// Whether the next raise is to where it was too much before.
    pub(super) fn creeps(&self) -> bool {
        self.targets().any(|target| {
            let close = |ceiling: Bandwidth| {
                (ceiling.percent(Adaptive::CLOSE_PERCENT)..ceiling.percent(PASSED_PERCENT))
                    .contains(&self.grown(target))
            };
            target.memory.ceiling.is_some_and(close)
        })
    }

    /// Whether it is too early for more than what is known to be good.
    pub(super) fn has_to_wait(&self) -> bool {
        self.course.failed(self.signs.law).is_some_and(|failed| self.signs.now() < failed.retry)
    }
}

impl Signs<'_> {
    /// `rate` less the headroom.
    fn below(&self, rate: Bandwidth) -> Bandwidth {
        rate.percent(self.left())
    }

    const fn left(&self) -> u32 {
        FULL_PERCENT.saturating_sub(self.law.headroom_percent)
    }
}

impl Standing<'_> {
    /// The limit that is good, for all that is known when limits turn out too high: what is `carried`, or else what was
    /// too much before, less the headroom; where a raise is to blame, what was good before it, if that is more.
    fn good(&self, signs: &Signs, carried: Option<Bandwidth>, blamed: bool) -> Option<Bandwidth> {
        let Memory { safe, ceiling, .. } = *self.memory;
        let safe = safe
            .filter(|safe| blamed && *safe < self.limit)
            .map(|safe| safe.percent(FULL_PERCENT - CREEP_PERCENT));
        let left = carried.map(|carried| signs.below(carried));
        let known = ceiling.map(|ceiling| signs.below(ceiling)).filter(|known| *known < self.limit);
        safe.max(left).or(known).map(|good| good.min(self.limit))
    }

    /// What the link carries of what each of its pods sends, where that can be told: of what comes to a queue that grows
    /// by a second each second, half leaves it. Where a raise is to blame, no less than before it.
    fn carried(&self, signs: &Signs, since: Moment, blamed: bool) -> Option<Bandwidth> {
        let growth = u64::from(beyond(signs.pressure.growth_percent));
        let part = |sent: Bandwidth| Bandwidth::from_bps(sent.bps().saturating_mul(100) / growth);
        let before = self.memory.raised.map(|raised| raised.from).filter(|_| blamed);
        let counted = self.at_it(since).map(part).map(|counted| self.believable(counted));
        counted.max(before).map(|carried| carried.min(self.limit))
    }

    /// What newcomers send beyond what was too much before, a full buffer drops: the delay grows no more.
    fn believable(&self, counted: Bandwidth) -> Bandwidth {
        let ceiling = self.memory.ceiling.filter(|_| self.memory.has_newcomers);
        ceiling.map_or(counted, |ceiling| counted.min(ceiling))
    }

    /// What to remember as its limit is cut.
    pub(super) fn after_cut(&self, signs: &Signs, since: Moment, blamed: bool, first: bool) -> Memory {
        let carried = self.carried(signs, since, blamed);
        let good = self.good(signs, carried, blamed);
        let before = if first { good.filter(|_| blamed).or(Some(self.limit)) } else { self.memory.before };
        let memory = Memory { before, ..*self.memory };
        if self.sends_next_to_nothing(since) {
            return memory;
        }
        // Where nobody knows what gets through, the truth is between what was too much and what is left now.
        let between = memory.next.midpoint(self.limit);
        let known = good.filter(|_| first || !signs.pressure.is_blind);
        let (goal, is_guess) = (known.unwrap_or(between), known.is_none() && self.sent().is_none());
        let holds = |safe: &Bandwidth| if blamed { *safe < self.limit } else { *safe <= goal };
        let safe = memory.safe.filter(holds);
        let ceiling = carried.or(memory.ceiling.filter(|before| *before < self.limit)).or(Some(self.limit));
        Memory { safe, goal: Some(goal), is_guess, ceiling, ..memory }
    }

    /// See [`Memory::goal`].
    pub(super) fn goal(&self) -> Option<Bandwidth> {
        self.memory.goal(self.sent().is_some())
    }

    /// The limit to return to where cuts did not help.
    fn given_back(&self) -> Bandwidth {
        let Memory { safe, before, .. } = *self.memory;
        before.filter(|before| *before > self.range.min).or(safe).unwrap_or(self.range.max)
    }
}
