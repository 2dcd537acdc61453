use crate::{Bandwidth, Effect, Judgement, Moment, Observation, Params, Range, Role, State};
use std::cmp::Reverse;

/// Everything that a rule may look at.
pub(crate) struct Situation<'a> {
    pub(crate) params: &'a Params,
    pub(crate) state: &'a State,
    pub(crate) observations: &'a [Observation],
    pub(crate) now: Moment,
}

impl Situation<'_> {
    /// The objectives that decide, and their positions.
    pub(crate) fn decisive(&self) -> impl Iterator<Item = (usize, &Observation)> {
        self.observations.iter().enumerate().filter(|(_, observation)| observation.role == Role::Control)
    }

    /// The position of the highest-ranking decisive objective that is as `wanted`.
    pub(crate) fn first(&self, wanted: impl Fn(&Observation) -> bool) -> Option<usize> {
        let matching = self.decisive().filter(|(_, observation)| wanted(observation));
        let first = matching.max_by_key(|(position, observation)| (observation.priority, Reverse(*position)));
        first.map(|(position, _)| position)
    }

    /// Whether an observation was made after the limits last changed, and can show that change's effect.
    pub(crate) fn is_news(&self, observation: &Observation) -> bool {
        self.state
            .changed
            .is_none_or(|changed| observation.measured.is_some_and(|measured| measured > changed))
    }

    /// Whether a violated objective was measured again since the limits last changed.
    pub(crate) fn has_news_of_a_violation(&self) -> bool {
        self.decisive().any(|(_, seen)| is_violated(seen) && self.is_news(seen))
    }

    /// How far the worst decisive objective is beyond its bound, in hundredths of it.
    pub(crate) fn overshoot(&self) -> u32 {
        let known =
            self.decisive().filter_map(|(_, seen)| Some(seen.bound.overshoot_percent(seen.reading.ok()?)));
        known.max().unwrap_or_default()
    }

    /// Since when an objective is unknown, if one is.
    pub(crate) fn unknown_since(&self) -> Option<Moment> {
        self.first(is_unknown).map(|_| self.state.unknown_since.unwrap_or(self.now))
    }

    /// Whether an objective is violated, and none unknown.
    pub(crate) fn is_violated_for_sure(&self) -> bool {
        self.first(is_violated).is_some() && self.first(is_unknown).is_none()
    }

    /// Whether every objective holds.
    pub(crate) fn is_met(&self) -> bool {
        self.first(|seen| judged(seen) != Judgement::Met).is_none()
    }

    /// Whether limits may move, and can take effect.
    pub(crate) fn is_free(&self) -> bool {
        self.params.manual.is_none() && self.params.effect == Effect::Possible
    }

    /// Whether there is a limit that can move at all.
    pub(crate) fn has_room(&self) -> bool {
        self.params.ranges.iter().any(|range| range.min < range.max)
    }

    /// Whether every limit is as low as it may be.
    pub(crate) fn is_at_minimum(&self) -> bool {
        self.limits().all(|(limit, range)| limit <= range.min)
    }

    /// Whether every limit is as high as it may be.
    pub(crate) fn is_at_maximum(&self) -> bool {
        self.limits().all(|(limit, range)| limit >= range.max)
    }

    fn limits(&self) -> impl Iterator<Item = (Bandwidth, Range)> {
        self.state.limits.iter().copied().zip(self.params.ranges.iter().copied())
    }
}

pub(crate) fn is_violated(observation: &Observation) -> bool {
    judged(observation) == Judgement::Violated
}

pub(crate) const fn is_unknown(observation: &Observation) -> bool {
    observation.reading.is_err()
}

fn judged(observation: &Observation) -> Judgement {
    observation.bound.judge(observation.reading)
}
