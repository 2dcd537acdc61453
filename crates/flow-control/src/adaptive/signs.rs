use super::Adaptive;
use super::course::{Memory, Raised};
use super::pressure::{FULL_PERCENT, Pressure};
use crate::situation::Situation;
use crate::{Bandwidth, Moment, Range, Traffic};
use std::time::Duration;

/// How much of its limit a target sends that could send more.
const USED_PERCENT: u32 = 90;
/// How long what is sent is counted to tell a rate, about.
const COUNTED_OVER: Duration = Duration::from_millis(250);

/// What is to be seen now, whatever was before.
pub(super) struct Signs<'a> {
    pub(super) seen: &'a Situation<'a>,
    pub(super) law: Adaptive,
    pub(super) pressure: Pressure,
}

/// A target as it stands. It borrows what is large: of many targets, each is looked at several times.
#[derive(Clone, Copy)]
pub(super) struct Standing<'a> {
    pub(super) limit: Bandwidth,
    pub(super) range: Range,
    /// What it sends, where somebody tells.
    traffic: Option<&'a Traffic>,
    now: Moment,
    pub(super) memory: &'a Memory,
}

impl<'a> Signs<'a> {
    pub(super) fn of(seen: &'a Situation<'a>, law: Adaptive) -> Self {
        Self { seen, law, pressure: Pressure::of(seen) }
    }

    pub(super) const fn now(&self) -> Moment {
        self.seen.now
    }

    /// Whether an objective is broken, or is about to be.
    pub(super) fn presses(&self) -> bool {
        self.pressure.objective.is_some()
    }

    /// Whether every objective lets limits rise.
    pub(super) fn is_roomy(&self) -> bool {
        self.pressure.is_known && self.pressure.percent() < Adaptive::ROOMY_PERCENT
    }

    /// Whether no queue to speak of stands, not even one that grows slowly.
    pub(super) const fn is_empty(&self) -> bool {
        self.pressure.queue_percent < Adaptive::EMPTY_PERCENT
    }

    /// How long limits have been what they are.
    pub(super) fn unchanged_for(&self) -> Duration {
        self.seen.state.changed.map_or(Duration::MAX, |changed| self.now().since(changed))
    }

    /// `span`, or the time in which so many measurements are made that look back on nothing older, if that is more.
    pub(super) fn at_least_measured(&self, span: Duration, times: u32) -> Duration {
        span.max(self.pressure.period.saturating_mul(times).saturating_add(self.pressure.window))
    }

    /// The same for what presses: a queue that probes see is known at once.
    pub(super) fn at_least_seen(&self, span: Duration, times: u32) -> Duration {
        if self.pressure.queue_percent > FULL_PERCENT { span } else { self.at_least_measured(span, times) }
    }

    pub(super) fn target<'m>(&self, position: usize, memory: &'m Memory) -> Option<Standing<'m>>
    where
        'a: 'm,
    {
        Some(Standing {
            limit: *self.seen.state.limits.get(position)?,
            range: *self.seen.params.ranges.get(position)?,
            traffic: self.seen.params.traffic.get(position).and_then(Option::as_ref),
            now: self.now(),
            memory,
        })
    }
}

impl<'a> Standing<'a> {
    /// What it sends, where that is known now.
    fn fresh(&self) -> Option<&'a Traffic> {
        self.traffic.filter(|traffic| traffic.is_fresh(self.now))
    }

    /// What all of its pods send, where that is known now.
    pub(super) fn sent(&self) -> Option<Bandwidth> {
        Some(self.fresh()?.sent)
    }

    /// Whether it could send more if it might; taken for granted where nobody tells at all.
    pub(super) fn is_used(&self) -> bool {
        let used = |traffic: &Traffic| traffic.busiest >= self.limit.percent(USED_PERCENT);
        self.traffic.is_none() || self.fresh().is_some_and(used)
    }

    /// Whether it sends nothing worth speaking of.
    pub(super) fn is_idle(&self) -> bool {
        self.fresh().is_some_and(|traffic| traffic.busiest <= self.limit.percent(1))
    }

    /// Whether no limit that it may be given would take anything from it, by what was counted after `since`.
    pub(super) fn sends_next_to_nothing(&self, since: Moment) -> bool {
        self.fresh().is_some_and(|traffic| {
            traffic.measured >= since && traffic.busiest <= self.range.min && !self.is_used()
        })
    }

    /// Whether it has sent something that a limit could take from it, by what was counted after `since`.
    pub(super) fn sends_something(&self, since: Moment) -> bool {
        self.fresh().is_some_and(|traffic| traffic.measured >= since && traffic.busiest > self.range.min)
    }

    /// What each of its pods sends, where that tells how much the link carries: counted since the trouble began, or so
    /// much that it was at it before. What was counted before limits rose has grown with them since.
    pub(super) fn at_it(&self, since: Moment) -> Option<Bandwidth> {
        let traffic = self.fresh()?;
        let is_older = |raised: Raised| traffic.measured < raised.at + COUNTED_OVER;
        let grown = self.memory.raised.filter(|raised| is_older(*raised));
        let limit = grown.map_or(self.limit, |raised| raised.from);
        let tells =
            traffic.measured >= since + COUNTED_OVER || traffic.busiest >= limit.percent(USED_PERCENT);
        let sent = grown.map_or(traffic.fair, |raised| traffic.fair.scaled(self.limit, raised.from));
        tells.then(|| sent.min(self.limit))
    }
}
