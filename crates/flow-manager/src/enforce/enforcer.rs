use super::backend::Backend;
use super::book::Book;
use super::confirmed::{Confirmed, all, by_shaper};
use super::desk::Desk;
use super::held::{Held, held};
use super::in_force::{InForce, Witness, Written, judge, set_by_somebody};
use super::inherited::Inheritance;
use super::metrics::EnforceMetrics;
use super::record::{applied_limit, before_us};
use super::request::Write;
use super::shapers::{Heard, Shapers};
use super::worker::{self, Problem};
use super::write::{Todo, give_back, limit_of, todo};
use crate::clock::Clock;
use crate::cluster::{CachedPod, Objects, PodId, PolicyId};
use flow_control::{Bandwidth, Moment};
use kube::Client;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{Notify, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// How many pods are written to at once.
const CONCURRENCY: usize = 16;
const LONGEST_RETRY: Duration = Duration::from_secs(30);

const ONLY_AT_CREATION: &str = "its network plugin reads a limit only when a pod is created";

/// Keeps each pod at the lowest limit that a policy claims for it, and as it was before where none does.
///
/// Only the newest limit of each pod is written, one write at a time; a write that fails is made again later, and
/// holds up no other pod. Clones are handles of the same enforcer.
#[derive(Clone)]
pub struct Enforcer {
    pub(super) shared: Arc<Shared>,
}

pub(super) struct Shared {
    pub(super) client: Client,
    pub(super) metrics: EnforceMetrics,
    pub(super) permits: Semaphore,
    pub(super) stop: CancellationToken,
    pub(super) backend: Backend,
    pods: Objects<CachedPod>,
    clock: Clock,
    pub(super) shapers: Option<Shapers>,
    state: Mutex<State>,
    settled: Notify,
    workers: TaskTracker,
}

#[derive(Default)]
pub(super) struct State {
    book: Book,
    pub(super) inheritance: Inheritance<PodId>,
    /// Whether every policy has made its claims: before that, a pod that nobody claims is left as it is.
    all_known: bool,
    /// Boxed, since a table may have room for twice as many.
    desks: HashMap<PodId, Box<Desk>>,
    /// How many pods have a worker.
    working: i64,
}

/// What a worker has to do next for its pod.
pub(super) enum Next {
    /// Nothing; the worker ends.
    Done,
    /// This write.
    Write(Write),
}

impl Enforcer {
    /// Limits pods of the cache `pods`; `backend` makes the limits take effect. Its shapers run in `shaper_namespace`:
    /// only there can nobody but the administrator start one.
    #[must_use]
    pub fn new(
        client: Client,
        pods: Objects<CachedPod>,
        backend: Backend,
        shaper_namespace: String,
        clock: Clock,
        metrics: EnforceMetrics,
    ) -> Self {
        metrics.works_by(backend);
        let shapers = (backend == Backend::Shaper)
            .then(|| Shapers::new(pods.clone(), shaper_namespace, clock, metrics.clone()));
        let shared = Shared {
            client,
            permits: Semaphore::new(CONCURRENCY),
            stop: CancellationToken::new(),
            shapers,
            metrics,
            pods,
            backend,
            clock,
            state: Mutex::default(),
            settled: Notify::new(),
            workers: TaskTracker::new(),
        };
        Self { shared: Arc::new(shared) }
    }

    /// Replaces everything that `policy` claims.
    pub fn claim(&self, policy: &PolicyId, limits: Vec<(PodId, Bandwidth)>) {
        let mut state = self.shared.lock();
        let changed = state.book.claim(policy, limits);
        self.attend_all(&mut state, changed);
    }

    /// Removes everything that `policy` claims.
    pub fn withdraw(&self, policy: &PolicyId) {
        let mut state = self.shared.lock();
        let changed = state.book.withdraw(policy);
        self.attend_all(&mut state, changed);
    }

    /// Tells that every policy has made its claims. From now on pods that are ours and that nobody claims are restored.
    pub fn all_policies_known(&self) {
        self.shared.lock().all_known = true;
        self.look_at_all();
    }

    /// Looks at every pod of the cache.
    pub fn look_at_all(&self) {
        let mut state = self.shared.lock();
        let pods = self.shared.pods.all().iter().map(|pod| pod.id().clone()).collect();
        self.attend_all(&mut state, pods);
        self.shared.settled.notify_waiters();
    }

    /// Looks at a pod that was changed or deleted.
    pub fn seen(&self, pod: &CachedPod) {
        let mut state = self.shared.lock();
        self.attend_all(&mut state, vec![pod.id().clone()]);
        self.shared.settled.notify_waiters();
    }

    /// Waits until no pod in these namespaces is ours without being claimed.
    pub async fn restored(&self, namespaces: &[String]) {
        loop {
            let settled = self.shared.settled.notified();
            tokio::pin!(settled);
            settled.as_mut().enable();
            if self.shared.is_restored(namespaces) {
                return;
            }
            settled.await;
        }
    }

    /// Who makes limits take effect.
    #[must_use]
    pub fn backend(&self) -> Backend {
        self.shared.backend
    }

    /// What `tell` says, who is told of each of these pods whether it is held to the limit that `policy` claims for it, or
    /// lower. No pod is looked at that is not asked for.
    pub fn in_force<'a, R>(
        &self,
        policy: &PolicyId,
        pods: impl IntoIterator<Item = &'a PodId>,
        now: Moment,
        tell: impl FnOnce(&mut dyn Iterator<Item = InForce>) -> R,
    ) -> R {
        let state = self.shared.lock();
        tell(&mut pods.into_iter().map(|pod| self.shared.in_force(&state, policy, pod, now)))
    }

    /// Whether the shapers of these pods say that the limit which is wanted now is in force: unlike [`Self::in_force`], not
    /// one of a moment ago.
    #[must_use]
    pub fn confirmed<'a>(&self, pods: impl IntoIterator<Item = &'a PodId>, now: Moment) -> Confirmed {
        let Some(shapers) = &self.shared.shapers else { return Confirmed::Unwitnessed };
        self.shared.confirmed(pods, |pod| shapers.heard(&pod.uid), now)
    }

    /// Who holds each of these pods, as `policy` sees it.
    #[must_use]
    pub fn held<'a>(&self, policy: &PolicyId, pods: impl IntoIterator<Item = &'a PodId>) -> Vec<Held> {
        let mut state = self.shared.lock();
        pods.into_iter().map(|pod| self.shared.held(&mut state, policy, pod)).collect()
    }

    /// Works until `shutdown`, then finishes the writes that are under way. Limits stay in place.
    pub async fn run(self, shutdown: CancellationToken) {
        match &self.shared.shapers {
            Some(shapers) => shapers.run(&shutdown).await,
            None => shutdown.cancelled().await,
        }
        self.shared.stop.cancel();
        self.shared.workers.close();
        self.shared.workers.wait().await;
        self.shared.metrics.clear();
    }

    /// Starts a worker for each pod that has something to do and no worker yet.
    pub(super) fn attend_all(&self, state: &mut State, pods: Vec<PodId>) {
        for pod in pods {
            if !state.is_at_work(&pod) && !matches!(self.shared.next(state, &pod), Next::Done) {
                state.desks.entry(pod.clone()).or_default().at_work = true;
                state.working += 1;
                self.shared.workers.spawn(worker::work(Arc::clone(&self.shared), pod));
            }
        }
        self.shared.metrics.pending.set(state.working);
    }
}

impl State {
    fn is_at_work(&self, pod: &PodId) -> bool {
        self.desks.get(pod).is_some_and(|desk| desk.at_work)
    }

    /// What there is to do, unless it would raise a limit that somebody else has set in our name: that stays until all
    /// that claim the pod have heard of it.
    fn unless_inherited(&mut self, pod: &CachedPod, todo: Todo) -> Todo {
        let (id, found) = (pod.id(), applied_limit(pod));
        let desk = self.desks.entry(id.clone()).or_default();
        let sent = if let Todo::Write(write) = &todo { limit_of(write) } else { None };
        if let (Some(found), Some(sent), Some(claims)) = (found, sent, self.book.claims(id))
            && found < sent
            && !self.inheritance.may_raise(id, found, &mut desk.own, claims.policies())
        {
            return Todo::Has(found);
        }
        self.inheritance.forget(id);
        if sent.is_none() {
            desk.own = found.into_iter().collect();
        }
        todo
    }
}

impl Shared {
    /// What the worker of `pod` does next. A worker that is told [`Next::Done`] has ended.
    pub(super) fn next_for(&self, pod: &PodId) -> Next {
        let mut state = self.lock();
        let next = if self.stop.is_cancelled() { Next::Done } else { self.next(&mut state, pod) };
        if let Next::Done = next {
            if let Some(desk) = state.desks.get_mut(pod) {
                desk.at_work = false;
            }
            state.working -= 1;
            self.metrics.pending.set(state.working);
        }
        next
    }

    fn next(&self, state: &mut State, id: &PodId) -> Next {
        let Some(pod) = self.newest(state, id) else {
            state.desks.remove(id);
            state.inheritance.forget(id);
            return Next::Done;
        };
        let wanted = state.book.wanted(id).filter(|_| self.backend.limits_running_pods());
        let is_orphan = wanted.is_none();
        if is_orphan && !state.all_known {
            return Next::Done;
        }
        let uses_host_network = pod.on_host_network();
        let todo =
            if uses_host_network && !is_orphan { Todo::Nothing } else { todo(&pod, wanted, self.backend) };
        if is_orphan && todo == Todo::Nothing {
            // Until the cache has caught up, only the desk knows that the pod was restored.
            if state.desks.get(id).is_some_and(|desk| desk.returned.is_none()) {
                state.desks.remove(id);
            }
            return Next::Done;
        }
        let todo = state.unless_inherited(&pod, todo);
        let desk = state.desks.entry(id.clone()).or_default();
        desk.look(&todo, uses_host_network, self.clock.now());
        match todo {
            Todo::Write(write) => Next::Write(write),
            Todo::Nothing | Todo::Has(_) | Todo::LeaveTo(_) => Next::Done,
        }
    }

    fn in_force(&self, state: &State, policy: &PolicyId, pod: &PodId, now: Moment) -> InForce {
        if !self.backend.limits_running_pods() {
            return InForce::No { reason: ONLY_AT_CREATION.to_owned() };
        }
        let heard = self.shapers.as_ref().map(|shapers| shapers.heard(&pod.uid));
        let witness = heard.as_ref().map_or(Witness::Nobody, |heard| Witness::Shaper(heard.as_ref()));
        let Some(desk) = state.desks.get(pod) else { return judge(&Written::default(), &witness, now) };
        match desk.foreign.as_deref() {
            Some((since, foreign)) if !foreign.holds(state.book.claim_of(policy, pod)) => {
                set_by_somebody(foreign, *since, now)
            }
            _ => judge(&desk.written, &witness, now),
        }
    }

    fn held(&self, state: &mut State, policy: &PolicyId, pod: &PodId) -> Held {
        let Some(newest) = self.newest(state, pod) else { return Held::Alone };
        let before = before_us(&newest, self.backend);
        let foreign =
            state.desks.get(pod).and_then(|desk| desk.foreign.as_deref()).map(|(_, foreign)| foreign);
        state.book.claims(pod).map_or(Held::Alone, |claims| held(before, policy, claims, foreign))
    }

    /// [`Enforcer::confirmed`], by what was `heard` of each pod.
    pub(super) fn confirmed<'a>(
        &self,
        pods: impl IntoIterator<Item = &'a PodId>,
        heard: impl Fn(&PodId) -> Option<Heard>,
        now: Moment,
    ) -> Confirmed {
        let mut state = self.lock();
        all(pods.into_iter().map(|pod| {
            let Some(desk) = state.desks.get(pod) else { return Confirmed::Unwitnessed };
            match by_shaper(&desk.written, heard(pod).as_ref(), now) {
                Confirmed::Since(_) if self.is_behind(&mut state, pod) => Confirmed::NotYet,
                verdict => verdict,
            }
        }))
    }

    /// Whether another limit is yet to be written to the pod.
    fn is_behind(&self, state: &mut State, id: &PodId) -> bool {
        let wanted = state.book.wanted(id);
        self.newest(state, id).is_some_and(|pod| matches!(todo(&pod, wanted, self.backend), Todo::Write(_)))
    }

    /// The pod as it was last seen, by the watch or in the answer to a write; `None` if it is gone or going.
    fn newest(&self, state: &mut State, id: &PodId) -> Option<Arc<CachedPod>> {
        let cached = self.pods.get(&id.namespace, &id.name);
        let cached = cached.filter(|pod| pod.id() == id && !pod.is_going())?;
        let Some(desk) = state.desks.get_mut(id) else { return Some(cached) };
        desk.returned = desk.returned.take().filter(|returned| returned.is_newer(&cached));
        Some(desk.returned.as_ref().map_or(cached, Arc::clone))
    }

    /// Notes that a write was accepted and what it made of the pod.
    pub(super) fn wrote(&self, id: &PodId, pod: CachedPod) {
        if let (Some(shapers), Some(node)) = (&self.shapers, pod.node()) {
            shapers.wrote(node, self.clock.now());
        }
        let mut state = self.lock();
        if let Some(desk) = state.desks.get_mut(id) {
            desk.wrote(pod, self.clock.now());
        }
        drop(state);
        self.settled.notify_waiters();
    }

    /// Notes that `write` failed, and returns how long to wait before the next one.
    pub(super) fn failed(&self, id: &PodId, write: &Write, problem: &Problem) -> Duration {
        let mut state = self.lock();
        let desk = state.desks.entry(id.clone()).or_default();
        if let (Some(sent), Problem::Refused(_)) = (limit_of(write), problem)
            && !desk.own.contains(&sent)
        {
            desk.own.push(sent);
        }
        desk.written.problem = Some(problem.to_string().into());
        desk.failures = desk.failures.saturating_add(1);
        problem.first_retry().saturating_mul(2u32.saturating_pow(desk.failures - 1)).min(LONGEST_RETRY)
    }

    fn is_restored(&self, namespaces: &[String]) -> bool {
        let mut state = self.lock();
        let mut here = namespaces.iter().flat_map(|namespace| self.pods.in_namespace(namespace));
        here.all(|pod| {
            let unclaimed = state.book.wanted(pod.id()).is_none();
            let restored = |pod: Arc<CachedPod>| give_back(&pod).is_none();
            !unclaimed || self.newest(&mut state, pod.id()).is_none_or(restored)
        })
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
