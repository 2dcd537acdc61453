use super::asks::Book;
use super::desk::{Desk, Next, next};
use super::due::Ask;
use super::inherited::is_kept;
use super::metrics::RolloutMetrics;
use super::standing::{Standing, stand};
use super::worker::{self, Problem};
use super::workload::{Workload, WorkloadId, is_marked, marked};
use super::write::limit_of;
use crate::cluster::{CachedPolicy, Caches, PodId, PolicyId};
use crate::enforce::{Inheritance, Write};
use flow_control::Moment;
use jiff::Timestamp;
use kube::Client;
use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{Notify, Semaphore};
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// How many workloads are written to at once.
const CONCURRENCY: usize = 4;
/// How often every workload is looked at: nothing else wakes one whose time has come.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);

/// Keeps the pod template of each workload at the lowest limit that a policy asks for, changes it no more often than
/// they allow, and gives back what was there before where none asks.
///
/// What the cache does not have, the template itself, is asked for when the workload's generation is another one than
/// before: so a change by somebody else is seen, and a quiet workload costs nothing. Clones are handles of the same.
#[derive(Clone)]
pub struct Rollouts {
    pub(super) shared: Arc<Shared>,
}

pub(super) struct Shared {
    pub(super) client: Client,
    pub(super) metrics: RolloutMetrics,
    pub(super) permits: Semaphore,
    pub(super) stop: CancellationToken,
    allowed: bool,
    caches: Caches,
    state: Mutex<State>,
    settled: Notify,
    workers: TaskTracker,
}

#[derive(Default)]
pub(super) struct State {
    book: Book,
    pub(super) inheritance: Inheritance<WorkloadId>,
    /// Whether every policy has said what it asks: before that, a template that nobody asks for is left as it is.
    all_known: bool,
    desks: HashMap<WorkloadId, Desk>,
}

impl Rollouts {
    /// Changes workloads of the caches, if the administrator has `allowed` it.
    #[must_use]
    pub fn new(client: Client, caches: Caches, allowed: bool, metrics: RolloutMetrics) -> Self {
        let shared = Shared {
            client,
            metrics,
            permits: Semaphore::new(CONCURRENCY),
            stop: CancellationToken::new(),
            allowed,
            caches,
            state: Mutex::default(),
            settled: Notify::new(),
            workers: TaskTracker::new(),
        };
        Self { shared: Arc::new(shared) }
    }

    /// Whether pod templates may be changed.
    #[must_use]
    pub fn are_allowed(&self) -> bool {
        self.shared.allowed
    }

    /// Replaces everything that `policy` asks.
    pub fn ask(&self, policy: &PolicyId, asks: Vec<(WorkloadId, Ask)>) {
        let mut state = self.shared.lock();
        let concerned = state.book.replace(policy, asks);
        self.attend_all(&mut state, concerned);
    }

    /// Removes everything that `policy` asks.
    pub fn withdraw(&self, policy: &PolicyId) {
        self.ask(policy, Vec::new());
    }

    /// Tells that every policy has said what it asks. From now on templates that are ours and that nobody asks for are
    /// restored.
    pub fn all_policies_known(&self) {
        self.shared.lock().all_known = true;
        self.look_at_all();
    }

    /// How the workload stands, which has these `pods`.
    #[must_use]
    pub fn standing(&self, workload: &WorkloadId, pods: &[PodId], now: Moment) -> Standing {
        let cached = |id: &PodId| self.shared.caches.pods.get(&id.namespace, &id.name);
        let pods: Vec<_> = pods.iter().map(|id| (id, cached(id))).collect();
        let mut state = self.shared.lock();
        let (asks, metadata) = (state.book.of(workload), workload.metadata(&self.shared.caches));
        let desk = state.desks.entry(workload.clone()).or_default();
        stand(desk, metadata, &asks, &pods, now, Timestamp::now())
    }

    /// Waits until no template in these namespaces is ours without being asked for. Where rollouts are not allowed,
    /// nothing can be done about one.
    pub async fn restored(&self, namespaces: &[String]) {
        loop {
            let settled = self.shared.settled.notified();
            tokio::pin!(settled);
            settled.as_mut().enable();
            if !self.shared.allowed || self.shared.is_restored(namespaces) {
                return;
            }
            settled.await;
        }
    }

    /// Works until `shutdown`, then finishes the writes that are under way. Limits stay in place.
    pub async fn run(self, shutdown: CancellationToken) {
        let mut ticks = interval(LOOK_INTERVAL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while shutdown.run_until_cancelled(ticks.tick()).await.is_some() {
            self.look_at_all();
            self.shared.settled.notify_waiters();
        }
        self.shared.stop.cancel();
        self.shared.workers.close();
        self.shared.workers.wait().await;
    }

    /// Looks at every workload of which something is asked, or which has something of ours.
    pub(super) fn look_at_all(&self) {
        let marked = marked(&self.shared.caches);
        let mut state = self.shared.lock();
        state.forget_those_gone(&self.shared.caches);
        let all: BTreeSet<_> = state.book.workloads().cloned().chain(marked).collect();
        self.attend_all(&mut state, all.into_iter().collect());
    }

    /// Starts a worker for each workload that has something to do and no worker yet.
    pub(super) fn attend_all(&self, state: &mut State, workloads: Vec<WorkloadId>) {
        for id in workloads.into_iter().filter(|_| self.shared.allowed) {
            let at_work = state.desks.get(&id).is_some_and(|desk| desk.at_work);
            if !at_work && !matches!(self.shared.next(state, &id), Next::Done) {
                state.desks.entry(id.clone()).or_default().at_work = true;
                self.shared.workers.spawn(worker::work(Arc::clone(&self.shared), id));
            }
        }
    }
}

impl State {
    /// Whether a workload has nothing of ours, and is not being written to either.
    fn is_restored(&mut self, caches: &Caches, id: &WorkloadId) -> bool {
        let Some(metadata) = id.metadata(caches) else { return true };
        match self.desks.get_mut(id) {
            Some(desk) => !desk.at_work && !is_marked(&desk.newest(metadata)),
            None => !is_marked(&metadata),
        }
    }

    fn forget_those_gone(&mut self, caches: &Caches) {
        self.desks.retain(|id, desk| desk.at_work || id.metadata(caches).is_some());
    }
}

impl Shared {
    /// What the worker of the workload does next. A worker that is told [`Next::Done`] has ended.
    pub(super) fn next_for(&self, id: &WorkloadId) -> Next {
        let mut state = self.lock();
        let next = if self.stop.is_cancelled() { Next::Done } else { self.next(&mut state, id) };
        if let (Next::Done, Some(desk)) = (&next, state.desks.get_mut(id)) {
            desk.ended();
        }
        next
    }

    fn next(&self, state: &mut State, id: &WorkloadId) -> Next {
        let State { book, inheritance, all_known, desks } = state;
        let (asks, cached) = (book.of(id), id.metadata(&self.caches));
        if asks.is_empty() || cached.is_none() {
            inheritance.forget(id);
        }
        let Some(cached) = cached else { return Next::Done };
        let is_kept = |desk: &mut Desk, workload: &Workload| is_kept(inheritance, book, desk, workload);
        let desk = desks.entry(id.clone()).or_default();
        match next(desk, cached, &asks, *all_known, Timestamp::now(), is_kept) {
            Next::Write(write) => self.once_confirmed(write, desk, book.policies(id)),
            other => other,
        }
    }

    /// `write`, if all policies that ask for a limit are known to be as they are cached; else what comes before it. What is
    /// cached may be old, and a rollout is not taken back in a moment.
    fn once_confirmed<'a>(
        &self,
        write: Write,
        desk: &Desk,
        asking: impl Iterator<Item = &'a PolicyId>,
    ) -> Next {
        let cached: Option<Vec<_>> = asking.map(|id| self.caches.policies.get(&id.reference())).collect();
        match cached {
            // One that is not cached any more asks for nothing in a moment.
            None => Next::Done,
            Some(cached) if desk.has_confirmed(&cached) => Next::Write(write),
            Some(cached) => Next::Confirm(cached),
        }
    }

    /// Notes how the workload is.
    pub(super) fn looked(&self, id: &WorkloadId, workload: Workload) {
        self.lock().desks.entry(id.clone()).or_default().looked(workload, Timestamp::now());
    }

    /// Notes that a write was accepted and what it made of the workload.
    pub(super) fn wrote(&self, id: &WorkloadId, workload: Workload) {
        self.lock().desks.entry(id.clone()).or_default().wrote(workload, Timestamp::now());
        self.settled.notify_waiters();
    }

    /// Notes that `write` may have been made: no answer tells.
    pub(super) fn unanswered(&self, id: &WorkloadId, write: &Write) {
        let mut state = self.lock();
        let own = &mut state.desks.entry(id.clone()).or_default().own;
        own.extend(limit_of(write).filter(|sent| !own.contains(sent)));
    }

    /// Notes that these policies, which ask for a limit of the workload, are as they were cached.
    pub(super) fn confirmed(&self, id: &WorkloadId, policies: Vec<Arc<CachedPolicy>>) {
        self.lock().desks.entry(id.clone()).or_default().confirmed(policies);
    }

    /// Notes that what was asked of the API server was not done, and returns how long to wait before anything else is;
    /// `None` where a look is enough.
    pub(super) fn failed(&self, id: &WorkloadId, problem: &Problem) -> Option<Duration> {
        self.lock().desks.entry(id.clone()).or_default().failed(problem)
    }

    fn is_restored(&self, namespaces: &[String]) -> bool {
        let mut state = self.lock();
        // What was just written may not be in the cache yet.
        let all: BTreeSet<_> = marked(&self.caches).into_iter().chain(state.desks.keys().cloned()).collect();
        let mut here = all.into_iter().filter(|id| namespaces.contains(&id.namespace));
        here.all(|id| !state.book.of(&id).is_empty() || state.is_restored(&self.caches, &id))
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
