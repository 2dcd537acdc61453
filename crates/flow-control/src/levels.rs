use crate::situation::Situation;
use crate::spread::{Measurement, Spread};
use crate::{Finite, Moment, Observation};

/// The fewest measurements that a judgement rests on.
const FEWEST: usize = 3;
/// What share of an excess is left, at most, where there is a gain.
const GAIN: f64 = 4.0 / 5.0;
/// How much worse than most of what was seen is much worse.
const MUCH_WORSE: f64 = 5.0 / 4.0;
/// The permille that is most of what was seen.
const MOST_SEEN: u16 = 900;
/// How many measurements in a row show that something has got worse.
const IN_A_ROW: u32 = 5;

/// How far each objective was beyond its bound over some time. Objectives that do not decide have no level.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Levels(Vec<Level>);

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Level {
    newest: Option<Moment>,
    spread: Spread,
}

impl Levels {
    /// Takes in what was measured after `from` and is not taken in yet.
    pub(crate) fn take(&mut self, seen: &Situation, from: Moment) {
        self.0.resize_with(seen.observations.len(), Level::default);
        for (position, observation) in seen.decisive() {
            if let Some(level) = self.0.get_mut(position)
                && let Some(measurement) = fresh(&mut level.newest, observation, from)
            {
                level.spread.push(measurement);
            }
        }
    }

    /// Whether enough was measured of every objective that decides.
    pub(crate) fn are_known(&self, seen: &Situation) -> bool {
        seen.decisive()
            .all(|(position, _)| self.0.get(position).is_some_and(|level| level.spread.len() >= FEWEST))
    }

    /// The typical measurement of an objective.
    pub(crate) fn typical(&self, objective: usize) -> Option<Measurement> {
        self.0.get(objective)?.spread.rank(500)
    }

    /// The highest-ranking objective that is typically violated, and its typical value.
    pub(crate) fn worst(&self, seen: &Situation) -> Option<(usize, Finite)> {
        let broken = seen.decisive().filter_map(|(position, observation)| {
            let typical = self.typical(position).filter(|typical| typical.excess > Finite::default())?;
            Some((observation.priority, std::cmp::Reverse(position), typical.value))
        });
        let (_, position, value) = broken.max_by_key(|(priority, position, _)| (*priority, *position))?;
        Some((position.0, value))
    }

    /// Whether an objective that was typically violated `before` is clearly less so.
    pub(crate) fn gained_on(&self, before: &Self) -> bool {
        (0..self.0.len()).any(|position| {
            let levels = self.typical(position).zip(before.typical(position));
            levels.is_some_and(|(now, before)| {
                before.excess > Finite::default() && now.excess.get() <= before.excess.get() * GAIN
            })
        })
    }

    /// What tells whether it gets much worse than this after `now`.
    pub(crate) fn watch(&self, now: Moment) -> Streaks {
        let streak = |level: &Level| {
            let most = level.spread.rank(MOST_SEEN).map(|most| most.excess.get() * MUCH_WORSE);
            Streak { newest: Some(now), bearable: most.and_then(|most| Finite::new(most).ok()), length: 0 }
        };
        Streaks(self.0.iter().map(streak).collect())
    }
}

/// How often in a row each objective was much worse.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Streaks(Vec<Streak>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Streak {
    newest: Option<Moment>,
    /// An excess that is not much worse; `None` for objectives that do not decide.
    bearable: Option<Finite>,
    length: u32,
}

impl Streaks {
    /// Takes in what was measured, and returns whether an objective has got much worse.
    pub(crate) fn take(&mut self, seen: &Situation) -> bool {
        for (position, observation) in seen.decisive() {
            if let Some(streak) = self.0.get_mut(position)
                && let Some(measurement) = fresh(&mut streak.newest, observation, Moment::default())
            {
                let worse = streak.bearable.is_some_and(|bearable| measurement.excess > bearable);
                streak.length = if worse { streak.length.saturating_add(1) } else { 0 };
            }
        }
        self.0.iter().any(|streak| streak.length >= IN_A_ROW)
    }
}

/// What was measured, where that was after `from` and later than the `newest` one known.
fn fresh(newest: &mut Option<Moment>, observation: &Observation, from: Moment) -> Option<Measurement> {
    let (value, at) = (observation.reading.ok()?, observation.measured?);
    if at < from || newest.is_some_and(|newest| at <= newest) {
        return None;
    }
    *newest = Some(at);
    Some(Measurement::new(value, observation.bound))
}
