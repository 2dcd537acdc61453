use super::ring::Ring;
use super::{CHANGES, COUNTS, STEP, step};
use crate::report::{Change, ObjectiveView, Snapshot, Standing};
use flow_control::{Bandwidth, Bound, Decision, Moment};
use flow_policy::{Objective, Policy, Target};
use std::collections::VecDeque;
use std::mem::discriminant;
use std::sync::Arc;

/// The last hour of one policy.
#[derive(Clone, Debug)]
pub(super) struct Record {
    pub(super) standing: Arc<Standing>,
    /// The spec that the series are of; none as long as it could not be used.
    policy: Option<Arc<Policy>>,
    /// What was measured of each objective.
    pub(super) objectives: Vec<Ring>,
    /// Each target.
    pub(super) targets: Vec<Held>,
    pub(super) changes: VecDeque<(Moment, Change)>,
    /// What was decided last.
    pub(super) decided: Option<Decision>,
}

/// The last hour of one target.
#[derive(Clone, Debug)]
pub(super) struct Held {
    /// What it was held to.
    pub(super) limit: Ring,
    /// What it sent.
    pub(super) sent: Ring,
    /// How many pods ran, each from when on.
    pub(super) counts: VecDeque<(Moment, usize)>,
}

impl Held {
    fn new(step: u64) -> Self {
        Self { limit: Ring::new(step), sent: Ring::new(step), counts: VecDeque::new() }
    }

    fn count(&mut self, pods: usize, now: Moment) {
        if self.counts.back().is_some_and(|(_, known)| *known == pods) {
            return;
        }
        if self.counts.len() == COUNTS {
            self.counts.pop_front();
        }
        self.counts.push_back((now, pods));
    }
}

impl Record {
    /// That of a policy that stands so for the first time.
    pub(super) fn new(standing: &Arc<Standing>, now: Moment) -> Self {
        let mut record = Self {
            standing: Arc::clone(standing),
            policy: None,
            objectives: Vec::new(),
            targets: Vec::new(),
            changes: VecDeque::new(),
            decided: None,
        };
        record.take(standing, now);
        record
    }

    /// Takes how the policy stands now.
    pub(super) fn take(&mut self, standing: &Arc<Standing>, now: Moment) {
        self.standing = Arc::clone(standing);
        if let Standing::Running(snapshot) = &**standing {
            self.follow(&snapshot.policy, step(now));
            self.measure(&snapshot.objectives, now);
            self.limit(snapshot, now);
            self.note(snapshot.last_change.as_deref(), now);
        }
    }

    /// Takes what was measured.
    pub(super) fn measure(&mut self, views: &[ObjectiveView], now: Moment) {
        let held = self.held();
        let Some(policy) = &self.policy else { return };
        for ((ring, view), objective) in self.objectives.iter_mut().zip(views).zip(&policy.objectives) {
            let value = view.reading.ok().map(flow_control::Finite::get);
            ring.worst(step(now), held, value, |value, than| is_worse(objective.bound, value, than));
        }
    }

    /// How many steps a decision stands for.
    pub(super) fn held(&self) -> u64 {
        self.policy.as_ref().map_or(0, |policy| policy.interval.as_secs() / STEP.as_secs())
    }

    /// Goes on by another spec: what is measured and limited as before goes on, anything else begins anew.
    fn follow(&mut self, policy: &Arc<Policy>, step: u64) {
        let before = self.policy.replace(Arc::clone(policy));
        if before.as_ref().is_some_and(|before| Arc::ptr_eq(before, policy)) {
            return;
        }
        // It was about other objectives.
        self.decided = None;
        let (rings, held) = (std::mem::take(&mut self.objectives), std::mem::take(&mut self.targets));
        let before = before.as_deref();
        let mut measured: Vec<_> = before.iter().flat_map(|before| &before.objectives).zip(rings).collect();
        let mut limited: Vec<_> = before.iter().flat_map(|before| &before.targets).zip(held).collect();
        for objective in &policy.objectives {
            let ring = carry(&mut measured, |before| is_same_measurement(before, objective));
            self.objectives.push(ring.unwrap_or_else(|| Ring::new(step)));
        }
        for target in &policy.targets {
            let held = carry(&mut limited, |before| is_same_limit(before, target));
            self.targets.push(held.unwrap_or_else(|| Held::new(step)));
        }
    }

    fn limit(&mut self, snapshot: &Snapshot, now: Moment) {
        let (held, step) = (self.held(), step(now));
        for (target, view) in self.targets.iter_mut().zip(&snapshot.targets) {
            target.limit.set(step, held, snapshot.limit_asked_of(view).map(Bandwidth::bps_f64));
            target.sent.set(step, held, view.sent.map(Bandwidth::bps_f64));
            target.count(view.pods, now);
        }
    }

    fn note(&mut self, change: Option<&Change>, now: Moment) {
        let is_known = |change: &Change| self.changes.back().is_some_and(|(_, known)| known == change);
        let Some(change) = change.filter(|change| !is_known(change)) else { return };
        if self.changes.len() == CHANGES {
            self.changes.pop_front();
        }
        self.changes.push_back((now, change.clone()));
    }
}

/// Takes the series of the one that is the same.
fn carry<K, S>(before: &mut Vec<(&K, S)>, is_same: impl Fn(&K) -> bool) -> Option<S> {
    let position = before.iter().position(|(key, _)| is_same(key))?;
    Some(before.swap_remove(position).1)
}

/// Whether the same is measured, and the same is worse: the bound itself may be another.
fn is_same_measurement(one: &Objective, other: &Objective) -> bool {
    (&one.name, &one.source, &one.indicator) == (&other.name, &other.source, &other.indicator)
        && discriminant(&one.bound) == discriminant(&other.bound)
}

fn is_same_limit(one: &Target, other: &Target) -> bool {
    (&one.id, &one.selector, one.scope) == (&other.id, &other.selector, other.scope)
}

/// Whether `value` is closer to breaking its bound than another, or breaks it more.
#[must_use]
pub fn is_worse(bound: Bound, value: f64, than: f64) -> bool {
    match bound {
        Bound::AtMost(_) => value > than,
        Bound::AtLeast(_) => value < than,
        Bound::Within { min, max } => {
            let middle = f64::midpoint(min.get(), max.get());
            (value - middle).abs() > (than - middle).abs()
        }
    }
}
