//! Whether lower limits help. Where they have been at their minimum for a while, and no objective gains by it, they
//! are given back, and tried again later.
//!
//! Objectives are noisy, so nothing here goes by a single measurement. Medians are compared, and by a margin: a fifth
//! less is a gain. Given back too early, a limit makes things worse: five measurements in a row that are worse by a
//! quarter than nine tenths of those at the minimum. Then limits go down, and are not given back again before
//! [`EffectCheck::retry_after`] is over: so limits cannot swing fast.

use crate::levels::{Levels, Streaks};
use crate::rules::{unknown, unknown_too_long};
use crate::situation::{Situation, is_violated};
use crate::{Action, Decision, Finite, Moment, Reason};
use std::time::Duration;

/// When lower limits count as of no effect, and when they are tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EffectCheck {
    /// How long limits are at their minimum without any gain for the objectives.
    pub after: Duration,
    /// How long to wait before limits are tried again.
    pub retry_after: Duration,
}

/// That lower limits did not help, while it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoEffect {
    /// The position, among the observations, of the objective that gained nothing.
    pub objective: usize,
    /// What it was, typically, before; `None` if limits were at their minimum from the start.
    pub before: Option<Finite>,
    /// What it was, typically, under the lowered limits.
    pub after: Finite,
    /// When limits are tried again, as far as that is known.
    pub retry: Option<Moment>,
}

/// What is known of the effect of lower limits.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Trial {
    /// Limits were not lowered for a violated objective.
    #[default]
    None,
    /// They were, and perhaps it helps.
    Lowered(Lowered),
    /// It did not help: they are given back.
    Returned(Returned),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Lowered {
    /// The objectives from the first cut on, until limits are at their minimum.
    before: Levels,
    /// Since when limits are at their minimum, and the objectives since.
    at_minimum: Option<(Moment, Levels)>,
    /// Limits are not given back earlier.
    not_before: Moment,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Returned {
    verdict: NoEffect,
    worse: Streaks,
    full_since: Option<Moment>,
    met_since: Option<Moment>,
}

impl Trial {
    /// What is known after another look at the objectives, before anything is decided.
    pub(crate) fn observe(self, seen: &Situation) -> Self {
        let Some(check) = seen.params.effect_check else { return Self::None };
        match self {
            Self::None => Self::None,
            trial if !seen.is_free() => trial.interrupt(),
            Self::Lowered(lowered) => lowered.observe(check, seen),
            Self::Returned(returned) => returned.observe(check, seen),
        }
    }

    /// What is known after `decision`, which `moved` limits or did not.
    pub(crate) fn follow(self, seen: &Situation, decision: Decision, moved: bool) -> Self {
        let Some(check) = seen.params.effect_check else { return Self::None };
        match (self, decision.action, decision.reason) {
            (_, Action::Pin, _) | (_, Action::Decrease | Action::Release, Reason::NoDataTooLong) => {
                Self::None
            }
            (Self::Lowered(_), Action::Increase, _) => Self::None,
            (Self::None, Action::Decrease, _) if seen.has_room() => {
                Self::Lowered(Lowered::begin(check, seen, moved))
            }
            (same, ..) => same,
        }
    }

    pub(crate) const fn verdict(&self) -> Option<NoEffect> {
        match self {
            Self::Returned(returned) => Some(returned.verdict),
            Self::None | Self::Lowered(_) => None,
        }
    }

    /// While limits are held by hand or without effect, nothing can be learned.
    fn interrupt(self) -> Self {
        match self {
            Self::Lowered(lowered) => Self::Lowered(Lowered { at_minimum: None, ..lowered }),
            Self::Returned(returned) => Self::Returned(Returned { met_since: None, ..returned }),
            Self::None => Self::None,
        }
    }
}

impl Lowered {
    /// Where limits were at their minimum from the start, nobody has seen how it was before: then giving them back is
    /// the only test, and waits its time.
    fn begin(check: EffectCheck, seen: &Situation, moved: bool) -> Self {
        let mut before = Levels::default();
        if moved {
            before.take(seen, Moment::default());
        }
        let not_before = if moved { seen.now } else { seen.now + check.retry_after };
        Self { before, at_minimum: None, not_before }
    }

    fn observe(mut self, check: EffectCheck, seen: &Situation) -> Trial {
        if !seen.is_at_minimum() {
            self.at_minimum = None;
            self.before.take(seen, Moment::default());
            return Trial::Lowered(self);
        }
        let (since, levels) = self.at_minimum.get_or_insert_with(|| (seen.now, Levels::default()));
        // What is measured at first may still be of the time before.
        levels.take(seen, *since + check.after / 2);
        let due = seen.now >= self.not_before.max(*since + check.after);
        if !due || !seen.is_violated_for_sure() || !levels.are_known(seen) {
            return Trial::Lowered(self);
        }
        let broken = levels.worst(seen).filter(|_| !levels.gained_on(&self.before));
        let Some((objective, at_minimum)) = broken else {
            // It helps. Whether it goes on to is asked again.
            return Trial::Lowered(Self { at_minimum: None, ..self });
        };
        let before = self.before.typical(objective).map(|before| before.value);
        let verdict = NoEffect { objective, before, after: at_minimum, retry: None };
        Trial::Returned(Returned {
            verdict,
            worse: levels.watch(seen.now),
            full_since: None,
            met_since: None,
        })
    }
}

impl Returned {
    fn observe(mut self, check: EffectCheck, seen: &Situation) -> Trial {
        let since = |before: Option<Moment>, holds: bool| holds.then(|| before.unwrap_or(seen.now));
        let lasted = |since: Option<Moment>, span| since.is_some_and(|since| seen.now.since(since) >= span);
        self.full_since = since(self.full_since, seen.is_at_maximum());
        self.met_since = since(self.met_since, seen.is_met());
        self.verdict.retry = self.full_since.map(|since| since + check.retry_after);
        if lasted(self.full_since, check.retry_after) || lasted(self.met_since, check.after) {
            return Trial::None;
        }
        // What gets worse later than that has another cause.
        if !lasted(self.full_since, check.after) && self.worse.take(seen) {
            let again = Lowered::begin(check, seen, true);
            return Trial::Lowered(Lowered { not_before: seen.now + check.retry_after, ..again });
        }
        Trial::Returned(self)
    }
}

/// Limits that do not help are given back, although an objective is violated, once per measurement. While another is
/// unknown, nothing is given back.
pub(crate) fn no_effect(seen: &Situation) -> Option<Decision> {
    seen.state.no_effect()?;
    let objective = Some(seen.first(is_violated)?);
    let returned = if seen.has_news_of_a_violation() {
        Decision { action: Action::Increase, reason: Reason::NoEffect, objective }
    } else {
        Decision { action: Action::Hold, reason: Reason::AwaitingEffect, objective }
    };
    Some(unknown_too_long(seen).or_else(|| unknown(seen)).unwrap_or(returned))
}
