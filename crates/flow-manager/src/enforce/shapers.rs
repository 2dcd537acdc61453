use super::ask::{AskError, Asker};
use super::in_force::FRESH;
use super::ledger::{Ledger, Sent};
use super::metrics::EnforceMetrics;
use super::rounds::Rounds;
use crate::clock::Clock;
use crate::cluster::{CachedPod, Objects, Uid};
use flow_control::Moment;
use flow_shaper::{NodeReport, PodReport};
use futures::StreamExt;
use futures::future::{BoxFuture, FutureExt};
use futures::stream::FuturesUnordered;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::{MissedTickBehavior, interval, sleep};
use tokio_util::sync::CancellationToken;

/// The time between two looks at which shapers there are.
const SURVEY: Duration = Duration::from_secs(1);

/// What the shaper of a pod's node said last.
#[derive(Clone, Debug)]
pub(super) struct Heard {
    /// When it was asked.
    pub(super) at: Moment,
    /// What it said.
    pub(super) report: PodReport,
}

/// While somebody holds on to it, shapers are asked often enough to know what pods send.
#[derive(Clone, Debug)]
pub struct Attention(#[expect(dead_code, reason = "it is counted")] Arc<()>);

/// Asks the shapers of all nodes, again and again, what is in force and what is sent.
pub(super) struct Shapers {
    asker: Asker,
    pods: Objects<CachedPod>,
    namespace: String,
    clock: Clock,
    metrics: EnforceMetrics,
    heard: Mutex<HashMap<Uid, Heard>>,
    ledger: Mutex<Ledger>,
    rounds: Mutex<Rounds>,
    /// Cloned by each that pays attention.
    attention: Arc<()>,
    /// A question may be due earlier than was thought.
    news: Notify,
}

/// What came of a question to the shaper of this address.
struct Answer {
    address: String,
    asked: Moment,
    report: Result<NodeReport, AskError>,
}

impl Shapers {
    /// The shapers that run in `namespace`: only there can nobody but the administrator start one.
    pub(super) fn new(
        pods: Objects<CachedPod>,
        namespace: String,
        clock: Clock,
        metrics: EnforceMetrics,
    ) -> Self {
        let (heard, ledger, rounds) = (Mutex::default(), Mutex::default(), Mutex::default());
        let (asker, attention, news) = (Asker::default(), Arc::default(), Notify::new());
        Self { asker, pods, namespace, clock, metrics, heard, ledger, rounds, attention, news }
    }

    /// What was last said about the pod of this UID.
    pub(super) fn heard(&self, uid: &Uid) -> Option<Heard> {
        lock(&self.heard).get(uid).cloned()
    }

    /// What those of the pods send of which a shaper tells.
    pub(super) fn sent<'a>(&self, uids: impl Iterator<Item = &'a Uid>) -> Vec<Sent> {
        let ledger = lock(&self.ledger);
        uids.filter_map(|uid| ledger.sent(uid)).collect()
    }

    /// Asks often enough to know what pods send, while this is held.
    pub(super) fn attention(&self) -> Attention {
        self.news.notify_one();
        Attention(Arc::clone(&self.attention))
    }

    /// Asks oftener for the next seconds.
    pub(super) fn hurry(&self, now: Moment) {
        if lock(&self.rounds).hurry(now) {
            self.news.notify_one();
        }
    }

    /// Asks the shaper of this node soon, since a limit of one of its pods was written.
    pub(super) fn wrote(&self, node: &str, now: Moment) {
        lock(&self.rounds).wrote(node, now);
        self.news.notify_one();
    }

    /// Asks until `shutdown`.
    pub(super) async fn run(&self, shutdown: &CancellationToken) {
        shutdown.run_until_cancelled(self.ask_all()).await;
    }

    async fn ask_all(&self) {
        let mut surveys = interval(SURVEY);
        surveys.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut asking = FuturesUnordered::<BoxFuture<'_, Answer>>::new();
        loop {
            tokio::select! {
                _ = surveys.tick() => self.survey(),
                Some(answer) = asking.next() => self.learn(answer),
                () = self.news.notified() => {}
                () = self.until_due() => {}
            }
            let due = lock(&self.rounds).take(self.is_watched(), self.clock.now());
            asking.extend(due.into_iter().map(|address| self.ask(address).boxed()));
        }
    }

    async fn until_due(&self) {
        let next = lock(&self.rounds).next(self.is_watched());
        match next {
            // Timers are no finer than that.
            Some(due) => sleep(due.since(self.clock.now()).max(Duration::from_millis(1))).await,
            None => std::future::pending().await,
        }
    }

    pub(super) fn is_watched(&self) -> bool {
        Arc::strong_count(&self.attention) > 1
    }

    /// Looks which shapers there are, and forgets what is of no pod any more.
    fn survey(&self) {
        let (now, here) = (self.clock.now(), self.pods.in_namespace(&self.namespace));
        lock(&self.rounds).survey(here.iter().filter_map(|pod| address(pod)).collect::<BTreeMap<_, _>>());
        // One question that was not answered does not make the answer before it wrong.
        lock(&self.heard).retain(|_, heard| now.since(heard.at) <= FRESH);
        let pods = self.pods.all();
        let present: HashSet<_> = pods.iter().map(|pod| &pod.id().uid).collect();
        lock(&self.ledger).forget(|uid| present.contains(uid));
        self.count();
    }

    fn count(&self) {
        let (up, down) = lock(&self.rounds).up_and_down();
        self.metrics.shapers_up.set(i64::try_from(up).unwrap_or(i64::MAX));
        self.metrics.shapers_down.set(i64::try_from(down).unwrap_or(i64::MAX));
    }

    async fn ask(&self, address: String) -> Answer {
        let asked = self.clock.now();
        let report = self.asker.ask(&address).await;
        Answer { address, asked, report }
    }

    fn learn(&self, Answer { address, asked, report }: Answer) {
        lock(&self.rounds).settle(&address, report.is_ok());
        self.count();
        match report {
            Ok(report) if report.watching => self.hear(asked, report),
            Ok(_) => {}
            Err(error) => tracing::debug!(address, %error, "shaper not asked"),
        }
    }

    /// Takes over what a shaper says that was asked at `asked`.
    pub(super) fn hear(&self, asked: Moment, report: NodeReport) {
        lock(&self.ledger).learn(asked, &report);
        let pods = report.pods.into_iter();
        let pods = pods.map(|report| (report.uid.as_str().into(), Heard { at: asked, report }));
        lock(&self.heard).extend(pods);
    }
}

/// Where a pod serves a report, and the node that it is of, if it is a shaper.
fn address(pod: &CachedPod) -> Option<(String, String)> {
    let is = |label, value: &str| pod.labels().get(label).is_some_and(|found| found == value);
    let ours = is("app.kubernetes.io/name", "flow-manager") && is("app.kubernetes.io/component", "shaper");
    // The address of one that has ended may be somebody else's by now.
    let here = ours && pod.is_running() && !pod.is_going();
    let node = pod.node().unwrap_or_default().to_owned();
    here.then(|| Some((pod.address()?.to_string(), node)))?
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
