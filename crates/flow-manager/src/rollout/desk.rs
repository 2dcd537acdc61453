use super::due::{Ask, Todo, todo};
use super::worker::Problem;
use super::workload::{Workload, is_marked};
use crate::cluster::{CachedPolicy, Uid};
use crate::enforce::OwnLimits;
use flow_control::Moment;
use jiff::Timestamp;
use kube::api::ObjectMeta;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

pub(super) const FIRST_RETRY: Duration = Duration::from_millis(100);
const LONGEST_RETRY: Duration = Duration::from_secs(30);

/// How many failures in a row are a problem: the first may come of something that is over in a moment.
const PROBLEM_AFTER: u32 = 3;

/// How often in a row a workload that was changed before it was written to is looked at again without a wait: during a
/// rollout its own controller changes it all the time, and each look and write takes but a moment.
pub(super) const MOST_AT_ONCE: u32 = 4;

/// What is known of one workload.
#[derive(Debug, Default)]
pub(super) struct Desk {
    /// The workload as the API server returned it last: the cache may be older, and has no template.
    returned: Option<Workload>,
    /// Whether it has been changed since.
    outdated: bool,
    /// How often in a row that was found, without a wait.
    at_once: u32,
    /// The policies that were found to be as they are cached, since the last wait.
    confirmed: Vec<Arc<CachedPolicy>>,
    /// When we last changed its template, as far as this controller remembers: what is recorded on the workload is gone
    /// once it was restored.
    changed: Option<Timestamp>,
    /// The limit that the template has by this controller, as far as it knows, and those of writes that may have arrived.
    pub(super) own: OwnLimits,
    problem: Option<String>,
    failures: u32,
    /// Whether a worker is at it.
    pub(super) at_work: bool,
    /// Since when each pod has been running with the limit of the template.
    pub(super) carrying: HashMap<Uid, Moment>,
    /// Since when all of them have.
    pub(super) through: Option<Moment>,
}

impl Desk {
    /// The newest metadata, where the cache has `cached`.
    pub(super) fn newest(&mut self, cached: ObjectMeta) -> ObjectMeta {
        // The cache may have another one of that name: an older one, or a newer one.
        let is_there = |returned: &Workload| {
            returned.metadata.uid == cached.uid || is_newer(&returned.metadata, &cached)
        };
        self.returned = self.returned.take().filter(is_there);
        match &self.returned {
            Some(returned) if is_newer(&returned.metadata, &cached) => returned.metadata.clone(),
            _ => cached,
        }
    }

    /// The workload with that metadata, if its template is known: it is the same as long as the generation is.
    pub(super) fn workload(&self, metadata: &ObjectMeta) -> Option<Workload> {
        let is_known = |returned: &Workload| returned.metadata.generation == metadata.generation;
        self.assumed(metadata).filter(|_| !self.outdated && self.returned.as_ref().is_some_and(is_known))
    }

    /// The workload with that metadata and the template that was seen last.
    pub(super) fn assumed(&self, metadata: &ObjectMeta) -> Option<Workload> {
        let returned = self.returned.as_ref()?;
        Some(Workload { metadata: metadata.clone(), ..returned.clone() })
    }

    /// What there is to do for `workload`.
    pub(super) fn todo(&self, workload: &Workload, asks: &[Ask], now: Timestamp) -> Todo {
        todo(workload, asks, self.changed(workload, now), now)
    }

    /// When the template was last changed. A time that is recorded and cannot be is taken for this moment.
    pub(super) fn changed(&self, workload: &Workload, now: Timestamp) -> Option<Timestamp> {
        let recorded = workload.rolled_out_at(now);
        let unreadable = recorded.is_none() && self.changed.is_none() && is_marked(&workload.metadata);
        recorded.max(self.changed).or(unreadable.then_some(now))
    }

    /// Notes how the workload was when it was looked at.
    pub(super) fn looked(&mut self, workload: Workload, now: Timestamp) {
        if is_marked(&workload.metadata) && workload.rolled_out_at(now).is_none() {
            self.changed.get_or_insert(now);
        }
        (self.returned, self.outdated) = (Some(workload), false);
    }

    /// Whether each of these policies was found to be as it is `cached`.
    pub(super) fn has_confirmed(&self, cached: &[Arc<CachedPolicy>]) -> bool {
        cached.iter().all(|policy| self.confirmed.iter().any(|confirmed| confirmed.asks_as(policy)))
    }

    /// Notes that these policies were found to be as they were cached.
    pub(super) fn confirmed(&mut self, policies: Vec<Arc<CachedPolicy>>) {
        self.confirmed = policies;
    }

    /// Notes that a write was accepted at `now`, and what it made of the workload.
    pub(super) fn wrote(&mut self, workload: Workload, now: Timestamp) {
        *self = Self {
            own: workload.present().into_iter().collect(),
            returned: Some(workload),
            changed: Some(now),
            at_work: self.at_work,
            ..Self::default()
        };
    }

    /// Notes that what was asked of the API server was not done, and returns how long to wait before anything else is;
    /// `None` where a look is enough.
    pub(super) fn failed(&mut self, problem: &Problem) -> Option<Duration> {
        if matches!(problem, Problem::Outdated(_)) && self.at_once < MOST_AT_ONCE {
            (self.outdated, self.at_once) = (true, self.at_once + 1);
            return None;
        }
        // Whatever is wrong, what is known may be too.
        (self.returned, self.at_once) = (None, 0);
        self.confirmed.clear();
        self.problem = Some(problem.to_string());
        self.failures = self.failures.saturating_add(1);
        Some(FIRST_RETRY.saturating_mul(2u32.saturating_pow(self.failures - 1)).min(LONGEST_RETRY))
    }

    /// Notes that nothing failed.
    pub(super) fn settled(&mut self) {
        (self.problem, self.failures, self.at_once) = (None, 0, 0);
    }

    /// Notes that the worker has ended.
    pub(super) fn ended(&mut self) {
        self.at_work = false;
        self.confirmed.clear();
    }

    /// What keeps going wrong.
    pub(super) fn problem(&self) -> Option<&str> {
        self.problem.as_deref().filter(|_| self.failures >= PROBLEM_AFTER)
    }

    /// When the template was last changed, of a workload that has nothing of ours now.
    pub(super) const fn remembered(&self) -> Option<Timestamp> {
        self.changed
    }
}

/// Whether the controller has something to do with a workload of which this is asked.
pub(super) fn concerns(metadata: &ObjectMeta, asks: &[Ask], all_known: bool) -> bool {
    match (is_marked(metadata), asks.is_empty()) {
        (true, true) => all_known,
        (true, false) => true,
        (false, _) => asks.iter().any(|ask| ask.begun),
    }
}

/// Whether `returned` is later than `cached`. Versions of one resource are decimal numbers that grow (guaranteed since
/// Kubernetes 1.35), and generations of one workload always did.
fn is_newer(returned: &ObjectMeta, cached: &ObjectMeta) -> bool {
    let version = |metadata: &ObjectMeta| {
        metadata.resource_version.as_ref().and_then(|version| version.parse::<u128>().ok())
    };
    match (version(returned), version(cached)) {
        (Some(returned), Some(cached)) => returned > cached,
        _ => returned.generation > cached.generation,
    }
}

/// What a worker has to do next for its workload.
pub(super) enum Next {
    /// Nothing; the worker ends.
    Done,
    /// To ask the API server how it is.
    Look,
    /// To ask it whether these policies are as they are cached.
    Confirm(Vec<Arc<CachedPolicy>>),
    /// This write.
    Write(crate::enforce::Write),
}

/// What there is to do next for a workload, unless `is_kept` says that its template stays as it is for now.
pub(super) fn next(
    desk: &mut Desk,
    cached: ObjectMeta,
    asks: &[Ask],
    all_known: bool,
    now: Timestamp,
    is_kept: impl FnOnce(&mut Desk, &Workload) -> bool,
) -> Next {
    let metadata = desk.newest(cached);
    if !concerns(&metadata, asks, all_known) {
        desk.settled();
        return Next::Done;
    }
    let Some(workload) = desk.workload(&metadata) else { return Next::Look };
    if !is_kept(desk, &workload)
        && let Todo::Write(write) = desk.todo(&workload, asks, now)
    {
        return Next::Write(write);
    }
    desk.settled();
    Next::Done
}
