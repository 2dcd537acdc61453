//! The best-effort pods as they come and go, what they are held to, and how often somebody writes their limit.

use crate::limits::{PodChange, Total, What, totals};
use crate::recording::Write;
use flow_e2e::cluster::{Cluster, network};
use flow_e2e::{LimitPoint, LimitWatch, Result};
use flow_policy::names::LIMITING;
use futures::StreamExt;
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use kube::runtime::WatchStreamExt;
use kube::runtime::watcher::{self, Event, watcher};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;
use tokio::task::JoinHandle;

/// Watches the pods of a namespace until it is dropped.
pub(crate) struct PodWatch {
    seen: Seen,
    task: JoinHandle<()>,
}

/// What was seen.
#[derive(Clone)]
pub(crate) struct Seen {
    start: Instant,
    log: Arc<Mutex<Log>>,
}

#[derive(Default)]
struct Log {
    changes: Vec<PodChange>,
    writes: Vec<Write>,
    /// By the name of the pod, which no other pod of a Deployment ever has.
    pods: BTreeMap<String, Known>,
}

#[derive(Default)]
struct Known {
    limits: Option<LimitWatch>,
    written: Vec<Option<String>>,
}

impl PodWatch {
    /// Starts to watch; times count from `start`.
    pub(crate) fn start(start: Instant, cluster: &Cluster, namespace: &str) -> Self {
        let seen = Seen { start, log: Arc::default() };
        let events = watcher(cluster.pods(namespace), watcher::Config::default()).default_backoff();
        let into = seen.clone();
        let task = tokio::spawn(async move {
            let mut events = Box::pin(events);
            // An error is one of the API server: the watcher begins again.
            while let Some(event) = events.next().await {
                into.take(event).await;
            }
        });
        Self { seen, task }
    }

    pub(crate) const fn seen(&self) -> &Seen {
        &self.seen
    }
}

impl Drop for PodWatch {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Seen {
    /// The totals of all pods' limits after each change so far.
    pub(crate) fn totals(&self) -> Vec<Total> {
        let log = self.log();
        let limits = log.pods.values().filter_map(|known| known.limits.as_ref()).flat_map(changes);
        totals(&limits.chain(log.changes.iter().cloned()).collect::<Vec<_>>())
    }

    /// The limit that the kernel holds each of these pods to now, in Mbit/s.
    pub(crate) fn limits_of(&self, pods: &[Pod]) -> Vec<Option<f64>> {
        let log = self.log();
        let newest = |name: String| log.pods.get(&name)?.limits.as_ref()?.newest_mbps(&name);
        pods.iter().map(|pod| newest(pod.name_any())).collect()
    }

    /// Watches those of these pods whose processes were not there yet when they were first seen.
    pub(crate) async fn look_at(&self, pods: &[Pod]) -> Result<()> {
        for pod in pods {
            self.see_start(pod).await?;
        }
        Ok(())
    }

    /// Whether all of these pods are watched.
    pub(crate) fn knows(&self, pods: &[Pod]) -> bool {
        let log = self.log();
        pods.iter().all(|pod| log.pods.get(&pod.name_any()).is_some_and(|known| known.limits.is_some()))
    }

    /// The limits written so far.
    pub(crate) fn writes(&self) -> Vec<Write> {
        self.log().writes.clone()
    }

    /// Tells of a limit that was written into something else than a pod.
    pub(crate) fn wrote(&self, object: &str) {
        let write = Write { at_s: self.now_s(), object: object.to_owned() };
        self.log().writes.push(write);
    }

    /// The pods that went from `from_s` to `to_s`.
    pub(crate) fn gone(&self, from_s: f64, to_s: f64) -> usize {
        let within = |change: &&PodChange| change.what == What::Gone && (from_s..to_s).contains(&change.at_s);
        self.log().changes.iter().filter(within).count()
    }

    async fn take(&self, event: Result<Event<Pod>, watcher::Error>) {
        match event {
            Ok(Event::Apply(pod) | Event::InitApply(pod)) => {
                self.see_writes(&pod);
                // Its processes may not be there yet; then another event follows.
                let _ = self.see_start(&pod).await;
            }
            Ok(Event::Delete(pod)) => self.see_end(&pod),
            Ok(Event::Init | Event::InitDone) | Err(_) => {}
        }
    }

    fn see_writes(&self, pod: &Pod) {
        let annotations = pod.annotations();
        let written: Vec<Option<String>> = LIMITING.map(|name| annotations.get(name).cloned()).to_vec();
        let write = Write { at_s: self.now_s(), object: pod.name_any() };
        let mut log = self.log();
        match log.pods.get_mut(&pod.name_any()) {
            Some(known) if known.written != written => {
                known.written = written;
                log.writes.push(write);
            }
            Some(_) => {}
            None => drop(log.pods.insert(pod.name_any(), Known { limits: None, written })),
        }
    }

    async fn see_start(&self, pod: &Pod) -> Result<()> {
        let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
        if phase != Some("Running") || self.knows(std::slice::from_ref(pod)) {
            return Ok(());
        }
        let limits = LimitWatch::start(self.start, [(pod.name_any(), network(pod)?)].into_iter()).await?;
        self.log().pods.entry(pod.name_any()).or_default().limits = Some(limits);
        self.change(pod, What::Appeared);
        Ok(())
    }

    /// What watches a pod that is gone would keep its network alive.
    fn see_end(&self, pod: &Pod) {
        let limits = self.log().pods.get_mut(&pod.name_any()).and_then(|known| known.limits.take());
        self.log().changes.extend(limits.iter().flat_map(changes));
        self.change(pod, What::Gone);
    }

    fn change(&self, pod: &Pod, what: What) {
        let change = PodChange { at_s: self.now_s(), pod: pod.name_any(), what };
        self.log().changes.push(change);
    }

    fn now_s(&self) -> f64 {
        self.start.elapsed().as_secs_f64()
    }

    fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn changes(limits: &LimitWatch) -> Vec<PodChange> {
    let change =
        |point: LimitPoint| PodChange { at_s: point.at_s, pod: point.pod, what: What::Limited(point.mbps) };
    limits.points().into_iter().map(change).collect()
}
