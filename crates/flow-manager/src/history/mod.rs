//! The last hour of each policy, in memory, for the page.
//!
//! A [`Recorder`] begins a [`History`] for each term in which this controller leads. Where policies are reported, the
//! history is told of it too: a sample of the board would miss the worst of decisions that come several times a second.
//! It keeps steps of 5 s, and holds the lock of a policy only for a few comparisons, or a copy.

mod record;
mod ring;
#[cfg(test)]
mod tests;
mod view;

use crate::clock::Clock;
use crate::cluster::PolicyId;
use crate::report::{ObjectiveView, Standing};
use flow_control::{Decision, Moment};
use flow_page::PolicyHistory;
use jiff::Timestamp;
use record::Record;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;
use view::Dial;

pub use record::is_worse;
pub use view::{Ends, mode_word, unit};

/// How long a step lasts.
const STEP: Duration = Duration::from_secs(5);
/// How many steps are kept: those of an hour.
const STEPS: usize = 720;
/// How many changes of limits are kept.
const CHANGES: usize = 100;
/// How many changes of the number of a target's pods are kept.
const COUNTS: usize = 20;

/// Lets history be kept. Clones are the same recorder.
#[derive(Clone, Debug)]
pub struct Recorder {
    clock: Clock,
    history: Arc<Mutex<Weak<History>>>,
}

/// What policies measured, decided and did in the last hour.
///
/// A policy takes 2880 B for each objective and 5760 B for each target, and up to 30 KiB for the last 100 changes with
/// their sentences: 45 KiB with one objective and two targets.
#[derive(Debug)]
pub struct History {
    clock: Clock,
    dial: Mutex<Option<Dial>>,
    records: Mutex<BTreeMap<PolicyId, Arc<Mutex<Record>>>>,
}

/// Which policies are asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, serde::Deserialize)]
pub struct Choice {
    /// Only those of this namespace.
    pub namespace: Option<String>,
    /// Only those of this name.
    pub name: Option<String>,
}

impl Recorder {
    /// A recorder of nothing yet, by `clock`.
    #[must_use]
    pub fn new(clock: Clock) -> Self {
        Self { clock, history: Arc::default() }
    }

    /// Begins a new history, which is shown from now on, for as long as somebody holds on to it.
    #[must_use]
    pub fn begin(&self) -> Arc<History> {
        let history =
            Arc::new(History { clock: self.clock, dial: Mutex::default(), records: Mutex::default() });
        *lock(&self.history) = Arc::downgrade(&history);
        history
    }

    /// The history that is kept now; none where nobody decides.
    #[must_use]
    pub fn history(&self) -> Option<Arc<History>> {
        lock(&self.history).upgrade()
    }
}

impl History {
    /// Takes how a policy stands now.
    pub(crate) fn stands(&self, id: &PolicyId, standing: &Arc<Standing>) {
        let now = self.clock.now();
        let present = lock(&self.records).get(id).cloned();
        if let Some(record) = present {
            lock(&record).take(standing, now);
        } else {
            let record = Arc::new(Mutex::new(Record::new(standing, now)));
            lock(&self.records).insert(id.clone(), record);
        }
    }

    /// Takes what was measured of a policy's objectives, in their order, since it was last told how it stands.
    pub(crate) fn measured(&self, id: &PolicyId, objectives: &[ObjectiveView]) {
        let record = lock(&self.records).get(id).cloned();
        if let Some(record) = record {
            lock(&record).measure(objectives, self.clock.now());
        }
    }

    /// Takes what was decided last.
    pub(crate) fn decided(&self, id: &PolicyId, decision: Decision) {
        let record = lock(&self.records).get(id).cloned();
        if let Some(record) = record {
            lock(&record).decided = Some(decision);
        }
    }

    /// Keeps nothing of a policy any more.
    pub(crate) fn forget(&self, id: &PolicyId) {
        lock(&self.records).remove(id);
    }

    /// The policies that are asked for, worst first, as of `now`.
    #[must_use]
    pub fn policies(&self, choice: &Choice, now: Timestamp) -> Vec<PolicyHistory> {
        let dial = self.dial(now);
        let all = lock(&self.records).clone();
        let chosen = all.iter().filter(|(id, _)| choice.includes(id));
        // Copied first, so that no decision waits until it is shown.
        let copies = chosen.map(|(id, record)| (id, lock(record).clone()));
        let mut shown: Vec<_> = copies.map(|(id, record)| record.show(id, dial, now)).collect();
        // They are ordered by name, which stays so among those that stand alike.
        shown.sort_by_key(|(rank, _)| *rank);
        shown.into_iter().map(|(_, policy)| policy).collect()
    }

    fn dial(&self, now: Timestamp) -> Dial {
        let present = Dial::new(self.clock.now(), now);
        let mut known = lock(&self.dial);
        let dial = known.map_or(present, |before| present.after(before));
        *known = Some(dial);
        dial
    }
}

impl Choice {
    fn includes(&self, id: &PolicyId) -> bool {
        let is =
            |wanted: &Option<String>, found: &str| wanted.as_deref().is_none_or(|wanted| wanted == found);
        is(&self.namespace, &id.namespace) && is(&self.name, &id.name)
    }
}

/// The number of the step in which `moment` is.
fn step(moment: Moment) -> u64 {
    moment.since(Moment::default()).as_secs() / STEP.as_secs()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
