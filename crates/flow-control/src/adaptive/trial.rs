//! Whether cuts help. Where they do not, limits are given back, and tried again the later the more often that was so.

use super::look::{Look, beyond};
use super::pressure::Evidence;
use crate::{Bandwidth, EffectCheck, Finite, Moment, NoEffect};
use std::time::Duration;

/// What is left of best effort's traffic, in hundredths, once a cut can be told to be of no use.
const REDUCED_PERCENT: u32 = 55;
/// What is left of the pressure, in hundredths of the worst, where a cut is of no use.
const UNCHANGED_PERCENT: u32 = 60;
/// How much worse it has to get, in hundredths, after limits are given back to cut again before the time.
const WORSE_PERCENT: u32 = 50;
/// How long that, or calm, has to last.
const LASTING: Duration = Duration::from_secs(1);
/// The wait for another trial doubles up to this many times the first.
const LONGEST_WAIT: u32 = 10;

/// The time from the first cut on, until it is calm again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Episode {
    /// When the first cut was made.
    since: Moment,
    /// When it was first seen what a cut does, if all is known since.
    seen: Option<Moment>,
    /// When the newest cut was made that lowered a limit.
    cut: Moment,
    /// When it was first seen what that one does.
    cut_seen: Option<Moment>,
    /// Whether anything was sent meanwhile that a limit could take away.
    busy: bool,
    /// The worst pressure so far, in hundredths.
    worst_percent: u32,
    /// The queueing delay at the newest cut, and the shortest since.
    delay: Duration,
    shortest: Duration,
    /// What was sent when it was first seen what a cut does, where that is known: as it began, it may have been far more
    /// than the link carries.
    sent: Option<Bandwidth>,
    /// What the objective read as it began.
    value: Option<Finite>,
}

/// That cuts do not help.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Parked {
    /// What there is to say of it.
    pub(super) verdict: NoEffect,
    /// Whether that is so because nothing is sent that a limit could take away.
    pub(super) for_nothing_sent: bool,
    until: Moment,
    percent: u32,
    worse_since: Option<Moment>,
}

impl Episode {
    /// The episode that a cut begins or goes on with.
    pub(super) fn after_cut(before: Option<Self>, look: Look) -> Self {
        let (now, pressure) = (look.signs.now(), look.signs.pressure);
        let begun = || Self {
            since: now,
            seen: None,
            cut: now,
            cut_seen: None,
            busy: false,
            worst_percent: pressure.percent(),
            delay: pressure.delay,
            shortest: pressure.delay,
            sent: None,
            value: look.value(),
        };
        let episode = before.unwrap_or_else(begun);
        let lowered = look.targets().any(|target| target.memory.next < target.limit);
        let (delay, shortest) = (pressure.delay, pressure.delay);
        if lowered { Self { cut: now, cut_seen: None, delay, shortest, ..episode } } else { episode }
    }

    pub(super) fn observe(self, look: Look) -> Self {
        let pressure = look.signs.pressure;
        let effect = (pressure.evidence > Evidence::Old || pressure.is_known).then(|| look.signs.now());
        // What is too bad to be measured may become better unseen.
        let seen = self.seen.or(effect).filter(|_| pressure.is_read || look.signs.presses());
        let cut_seen = self.cut_seen.or(effect);
        let sent = self.sent.or_else(|| seen.and_then(|_| look.sent()));
        let busy = self.busy || look.targets().any(|target| target.sends_something(self.since));
        let worst_percent = self.worst_percent.max(pressure.percent());
        let shortest = self.shortest.min(pressure.delay);
        Self { seen, cut_seen, busy, worst_percent, shortest, sent, ..self }
    }

    /// Whether the newest cut has had the time to show what it does, and the queue does not shrink.
    pub(super) fn is_cut_too_small(&self, look: Look) -> bool {
        let signs = look.signs;
        let (pressure, law) = (signs.pressure, signs.law);
        let elapsed = signs.now().since(self.cut);
        let least = if pressure.evidence == Evidence::Queue || pressure.is_blind {
            signs.at_least_seen(law.cut_interval, 2)
        } else {
            law.drain.saturating_mul(3)
        };
        pressure.evidence > Evidence::Old && elapsed >= least && !self.drains(look)
    }

    /// Whether the queue shrinks under the newest cut, and has the time to. Limits that nobody uses empty nothing, nor does
    /// a delay only sway that is longer again than it has been.
    fn drains(&self, look: Look) -> bool {
        let (delay, longest) = (look.signs.pressure.delay, look.signs.law.drain.saturating_mul(2));
        let time = self.cut_seen.map_or(Duration::ZERO, |seen| look.signs.now().since(seen));
        let shrinks = delay < self.delay.mul_f64(0.85) && delay <= self.shortest.mul_f64(1.15);
        time < longest && shrinks && look.targets().any(|target| target.is_used())
    }

    /// Whether cuts have had all the time and depth that they need to help.
    fn is_futile(&self, check: EffectCheck, look: Look) -> bool {
        let due = look.signs.at_least_seen(check.after, 4);
        let pressure = look.signs.pressure;
        let unchanged = pressure.percent() >= percent_of(self.worst_percent, UNCHANGED_PERCENT);
        self.seen.is_some_and(|seen| look.signs.now().since(seen) >= due)
            && self.is_cut_too_small(look)
            && unchanged
            && self.is_reduced(look)
    }

    fn is_reduced(&self, look: Look) -> bool {
        let traffic = self.sent.zip(look.sent());
        let less = traffic.is_some_and(|(before, now)| now <= before.percent(REDUCED_PERCENT));
        let lower = look.targets().all(|target| {
            target.memory.before.is_some_and(|before| target.limit <= before.percent(REDUCED_PERCENT))
        });
        look.signs.seen.is_at_minimum() || if traffic.is_some() { less } else { lower }
    }
}

impl Parked {
    /// The verdict on the cuts of an episode, where there is one by now. It ends the episode, and no other begins before it
    /// is over.
    pub(super) fn judge(look: Look) -> Option<Self> {
        let (check, episode) = (look.signs.seen.params.effect_check?, look.course.episode?);
        let (objective, after) = (look.signs.pressure.objective?, look.value()?);
        let lasts = look.signs.now().since(episode.since) >= check.after;
        let for_nothing_sent = lasts && !episode.busy && look.nothing_is_sent();
        if !for_nothing_sent && !episode.is_futile(check, look) {
            return None;
        }
        let times = 1 << look.course.futile.min(8);
        let until = look.signs.now() + check.retry_after.saturating_mul(LONGEST_WAIT.min(times));
        let verdict =
            NoEffect { objective, before: episode.value, after, retry: (!for_nothing_sent).then_some(until) };
        let percent = look.signs.pressure.percent();
        Some(Self { verdict, for_nothing_sent, until, percent, worse_since: None })
    }

    /// Goes on while there is trouble that is not worse, until it is time to try again.
    pub(super) fn observe(mut self, look: Look) -> Option<Self> {
        let now = look.signs.now();
        let worse = look.signs.pressure.percent() > percent_of(self.percent, beyond(WORSE_PERCENT));
        self.worse_since = worse.then(|| self.worse_since.unwrap_or(now));
        let lasted = |since: Option<Moment>| since.is_some_and(|since| now.since(since) >= LASTING);
        let over = if self.for_nothing_sent {
            !look.nothing_is_sent() && look.signs.presses()
        } else {
            now >= self.until || lasted(self.worse_since)
        };
        (!over && !lasted(look.course.calm_since)).then_some(self)
    }
}

impl Look<'_> {
    /// What the objective that presses reads.
    fn value(&self) -> Option<Finite> {
        let observation = self.signs.seen.observations.get(self.signs.pressure.objective?)?;
        observation.settled.or(observation.reading).ok()
    }

    /// Whether no target has sent anything that a limit could take from it since the trouble began.
    fn nothing_is_sent(&self) -> bool {
        let since = self.troubled_since();
        self.targets().all(|target| target.sends_next_to_nothing(since))
    }
}

fn percent_of(number: u32, percent: u32) -> u32 {
    u32::try_from(u64::from(number) * u64::from(percent) / 100).unwrap_or(u32::MAX)
}
