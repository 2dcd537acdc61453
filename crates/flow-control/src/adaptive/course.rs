use super::aim::PASSED_PERCENT;
use super::look::Look;
use super::pressure::FULL_PERCENT;
use super::signs::{Signs, Standing};
use super::trial::{Episode, Parked};
use crate::{Action, Adaptive, Bandwidth, Decision, Effect, Failed, Moment, NoEffect, Reason};
use std::time::Duration;

/// A link that carries less than this, in hundredths of what was too much before, is another one.
const SAME_PERCENT: u32 = 90;

/// What the law remembers from one decision to the next.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Course {
    pub(super) targets: Vec<Memory>,
    /// From the first cut until it is calm again.
    pub(super) episode: Option<Episode>,
    /// That cuts do not help, while that holds.
    pub(super) parked: Option<Parked>,
    /// How many times in a row they did not.
    pub(super) futile: u32,
    /// Since when a queue stands on the way.
    pub(super) queue_since: Option<Moment>,
    /// Since when an objective is violated under the present limits.
    pub(super) broken_since: Option<Moment>,
    /// Since when no objective presses, and all are known.
    pub(super) calm_since: Option<Moment>,
    /// Since when nothing is sent.
    pub(super) idle_since: Option<Moment>,
    /// When limits were last raised, if they were not cut since.
    pub(super) raised: Option<Moment>,
    /// How many raises beyond what was good went well in a row.
    pub(super) streak: u32,
    /// When limits were last too high.
    pub(super) failed: Option<Moment>,
    /// How many times in a row a raise was to blame for that.
    pub(super) failures: u32,
}

/// What the law remembers of a target.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Memory {
    /// The highest limit that is known to be good.
    pub(super) safe: Option<Bandwidth>,
    /// What got through when its limit was too high.
    pub(super) ceiling: Option<Bandwidth>,
    /// The last raise.
    pub(super) raised: Option<Raised>,
    /// The limit to go back to once the queue is gone.
    pub(super) goal: Option<Bandwidth>,
    /// Whether that is a guess, since nobody told what gets through.
    pub(super) is_guess: bool,
    /// The limit before the first cut of the episode.
    pub(super) before: Option<Bandwidth>,
    /// The limit that is decided now.
    pub(super) next: Bandwidth,
    /// How many pods have that limit each; zero as long as nobody has told.
    pub(super) pods: u32,
    /// Whether others have joined them since it was last calm.
    pub(super) has_newcomers: bool,
}

impl Memory {
    /// The limit to return to once the queue is gone. A guess is none once somebody tells what is sent: steps find out more
    /// gently what the link carries.
    pub(super) fn goal(&self, is_sent_known: bool) -> Option<Bandwidth> {
        self.goal.filter(|_| !self.is_guess || !is_sent_known)
    }

    /// The same of a limit that so many `pods` have each. Less for each is good and too much where they are more; where they
    /// are fewer, more is too much, but not known to be good.
    fn divided_among(self, pods: u32) -> Self {
        if self.pods == 0 {
            return Self { pods, ..self };
        }
        let each = |limit: Bandwidth| limit.divided(self.pods, pods);
        let fewer = |limit: Bandwidth| each(limit).min(limit);
        let (safe, goal) = (self.safe.map(fewer), self.goal.map(fewer));
        Self { safe, goal, ceiling: self.ceiling.map(each), pods, ..self }
    }
}

/// When a limit was raised, and from what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Raised {
    pub(super) at: Moment,
    pub(super) from: Bandwidth,
}

impl Course {
    /// A course of so many targets, of which these limits are known to be good.
    pub(crate) fn remembering(targets: usize, safe: &[Option<Bandwidth>]) -> Self {
        let memory = |target| Memory { safe: safe.get(target).copied().flatten(), ..Memory::default() };
        Self { targets: (0..targets).map(memory).collect(), ..Self::default() }
    }

    pub(crate) fn safe_limits(&self) -> impl Iterator<Item = Option<Bandwidth>> {
        self.targets.iter().map(|memory| memory.safe)
    }

    pub(crate) fn verdict(&self) -> Option<NoEffect> {
        self.parked.as_ref().map(|parked| parked.verdict)
    }

    /// The limit that was decided last for the target at that position.
    pub(crate) fn next(&self, position: usize) -> Option<Bandwidth> {
        self.targets.get(position).map(|memory| memory.next)
    }

    /// So many `pods` have the limit of the target at that position each: what was learnt of it is of all together.
    pub(crate) fn has_pods(&mut self, position: usize, pods: u32) {
        let Some(memory) = self.targets.get_mut(position) else { return };
        if pods == 0 || pods == memory.pods {
            return;
        }
        let joined = pods > memory.pods && memory.pods > 0;
        let has_newcomers = memory.has_newcomers || joined;
        *memory = Memory { has_newcomers, ..memory.divided_among(pods) };
        if joined {
            // What now becomes too much is no fault of the last raise, and calm before proves nothing.
            (self.raised, self.calm_since) = (None, None);
        }
    }

    /// How long to wait, after limits were too high, before higher ones are tried.
    fn patience(&self, law: Adaptive) -> Duration {
        let doubled = law.retry_after.saturating_mul(1 << self.failures.min(16));
        doubled.min(law.retry_max.max(law.retry_after))
    }

    pub(crate) fn failed(&self, law: Adaptive) -> Option<Failed> {
        self.failed.map(|at| Failed { at, retry: at + self.patience(law) })
    }

    pub(crate) fn too_much(&self) -> impl Iterator<Item = Option<Bandwidth>> {
        self.targets.iter().map(|memory| memory.ceiling)
    }

    /// The limit that the target at that position returns to once the queue is gone.
    pub(crate) fn goal(&self, position: usize, is_sent_known: bool) -> Option<Bandwidth> {
        self.targets.get(position)?.goal(is_sent_known)
    }

    /// Takes in how things stand, before anything is decided.
    pub(super) fn observe(&mut self, signs: &Signs) {
        let now = signs.now();
        let since = |before: Option<Moment>, holds: bool| holds.then(|| before.unwrap_or(now));
        let look = Look { signs, course: self };
        let (idle, calm) = (look.targets().all(|target| target.is_idle()), signs.pressure.is_known);
        self.idle_since = since(self.idle_since, idle);
        self.calm_since = since(self.calm_since, calm && !signs.presses());
        self.queue_since = since(self.queue_since, signs.pressure.queue_percent > FULL_PERCENT);
        self.broken_since = since(self.broken_since, signs.pressure.bound_percent > FULL_PERCENT);
        self.episode = self.episode.map(|episode| episode.observe(Look { signs, course: self }));
        self.judge(signs);
        self.parked = self.parked.and_then(|parked| parked.observe(Look { signs, course: self }));
        if (Look { signs, course: self }).is_calm() {
            self.conclude(signs);
        }
    }

    /// Ends an episode whose cuts do not help.
    fn judge(&mut self, signs: &Signs) {
        if let Some(parked) = Parked::judge(Look { signs, course: self }) {
            (self.parked, self.episode) = (Some(parked), None);
            self.futile = self.futile.saturating_add(1);
        }
    }

    /// Notes how far each limit goes.
    pub(super) fn aim(&mut self, signs: &Signs, decision: Decision) {
        let blamed = (Look { signs, course: self }).is_raise_to_blame();
        for position in 0..self.targets.len() {
            let look = Look { signs, course: self };
            let next = look.target(position).map(|target| look.aim(decision, target, blamed));
            if let (Some(memory), Some(next)) = (self.targets.get_mut(position), next) {
                memory.next = next;
            }
        }
    }

    /// It is calm: trouble is over.
    fn conclude(&mut self, signs: &Signs) {
        if self.episode.take().is_some() {
            self.futile = 0;
        }
        self.targets.iter_mut().for_each(|memory| memory.has_newcomers = false);
        // A limit that is in force nowhere proves nothing, nor does one under which a queue grows slowly.
        if signs.seen.params.effect == Effect::Possible && signs.is_empty() {
            self.prove(signs);
        }
    }

    /// What is used of the present limits is good.
    fn prove(&mut self, signs: &Signs) {
        for (position, memory) in self.targets.iter_mut().enumerate() {
            let used = signs.target(position, memory).filter(Standing::is_used);
            if let Some(limit) = used.map(|target| target.limit) {
                memory.safe = memory.safe.max(Some(limit));
                if memory.ceiling.is_some_and(|ceiling| limit >= ceiling.percent(PASSED_PERCENT)) {
                    memory.ceiling = None;
                    self.failures = 0;
                }
            }
        }
    }

    /// Takes in what was decided, before limits are moved.
    pub(super) fn follow(&mut self, signs: &Signs, decision: Decision) {
        match (decision.action, decision.reason) {
            (Action::Release, _) | (_, Reason::NoDataTooLong) => self.interrupt(|_| None),
            // What was known to be good before a person set limits is so after.
            (Action::Pin, _) | (_, Reason::Paused) => self.interrupt(|memory| memory.safe),
            (Action::Decrease, _) => self.cut(signs),
            (Action::Increase, Reason::NoEffect) => self.episode = None,
            (Action::Increase, reason) => {
                self.raise(signs);
                self.streak = if reason == Reason::Headroom { self.streak.saturating_add(1) } else { 0 };
            }
            (Action::Hold, _) => {}
        }
    }

    /// Limits rise: what they were is remembered. Where all are at their maximum already, none does.
    fn raise(&mut self, signs: &Signs) {
        let rises = |target: Standing| target.memory.next > target.limit;
        if !(Look { signs, course: self }).targets().any(rises) {
            return;
        }
        for (position, memory) in self.targets.iter_mut().enumerate() {
            let from = signs.target(position, memory).map(|target| target.limit);
            memory.raised = from.map(|from| Raised { at: signs.now(), from });
        }
        self.raised = Some(signs.now());
    }

    /// Limits move for another reason: nothing that was under way goes on, but what leads to a new `goal`.
    fn interrupt(&mut self, goal: impl Fn(&Memory) -> Option<Bandwidth>) {
        let mut targets = std::mem::take(&mut self.targets);
        for memory in &mut targets {
            *memory = Memory { goal: goal(memory), is_guess: false, before: None, raised: None, ..*memory };
        }
        *self = Self { targets, ..Self::default() };
    }

    /// Limits are too high: what got through is remembered.
    fn cut(&mut self, signs: &Signs) {
        let (look, first) = (Look { signs, course: self }, self.episode.is_none());
        let (blamed, since) = (look.is_raise_to_blame(), look.troubled_since());
        let episode = Episode::after_cut(self.episode, look);
        let mut same_link = false;
        for (position, memory) in self.targets.iter_mut().enumerate() {
            if let Some(target) = signs.target(position, memory) {
                let next = target.after_cut(signs, since, blamed, first);
                same_link |=
                    memory.ceiling.is_some_and(|before| next.ceiling >= Some(before.percent(SAME_PERCENT)));
                *memory = next;
            }
        }
        if first {
            self.failures = if blamed || same_link { self.failures.saturating_add(1) } else { 0 };
        }
        self.episode = Some(episode);
        (self.failed, self.raised, self.streak) = (Some(signs.now()), None, 0);
    }
}
