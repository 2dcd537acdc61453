use super::interned::Interned;
use super::metrics::WatchMetrics;
use super::objects::{Changed, Object, Objects};
use super::pod::{CachedPod, WatchedPod};
use super::policy::CachedPolicy;
use super::problem::explain;
use super::revision::Revision;
use crate::serve::Readiness;
use flow_policy::names;
use futures::channel::mpsc::{self, UnboundedReceiver, UnboundedSender};
use futures::stream::{BoxStream, StreamExt};
use k8s_openapi::api::apps::v1::{DaemonSet, Deployment, ReplicaSet, StatefulSet};
use k8s_openapi::api::core::v1::Namespace;
use kube::api::{ObjectMeta, PartialObjectMeta};
use kube::runtime::reflector::{self, Lookup, Store};
use kube::runtime::watcher;
use kube::{Api, Client, Resource};
use serde::de::DeserializeOwned;
use std::fmt::Debug;
use tokio_util::sync::CancellationToken;

/// Objects that were changed or deleted, as they come.
type Touched<K> = BoxStream<'static, Result<K, watcher::Error>>;

/// The caches that the whole operator reads. Each holds only what is used of its objects.
#[derive(Clone)]
pub struct Caches {
    /// All policies.
    pub policies: Store<CachedPolicy>,
    /// All pods.
    pub pods: Objects<CachedPod>,
    /// All Deployments.
    pub deployments: Store<PartialObjectMeta<Deployment>>,
    /// All `ReplicaSets`.
    pub replica_sets: Objects<Revision>,
    /// All `StatefulSets`.
    pub stateful_sets: Store<PartialObjectMeta<StatefulSet>>,
    /// All `DaemonSets`.
    pub daemon_sets: Store<PartialObjectMeta<DaemonSet>>,
    /// All namespaces.
    pub namespaces: Store<PartialObjectMeta<Namespace>>,
    /// For each cache a token that is cancelled once it holds what the API server has.
    pub(super) listed: [CancellationToken; 7],
}

/// The watches that fill the [`Caches`]: somebody has to drive them.
pub struct Watches {
    /// Policies that were listed, changed or deleted.
    pub policies: Touched<CachedPolicy>,
    /// Pods that were changed or deleted.
    pub pods: Touched<Changed<CachedPod>>,
    /// Deployments that were changed or deleted.
    pub deployments: Touched<PartialObjectMeta<Deployment>>,
    /// `ReplicaSets` that were changed or deleted.
    pub replica_sets: Touched<Changed<Revision>>,
    /// `StatefulSets` that were changed or deleted.
    pub stateful_sets: Touched<PartialObjectMeta<StatefulSet>>,
    /// `DaemonSets` that were changed or deleted.
    pub daemon_sets: Touched<PartialObjectMeta<DaemonSet>>,
    /// Namespaces that were changed or deleted.
    pub namespaces: Touched<PartialObjectMeta<Namespace>>,
    /// A cache was filled anew. What came or vanished with that is told by no other event.
    pub refilled: UnboundedReceiver<Refilled>,
}

/// Which cache was filled anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refilled {
    /// That of the policies.
    Policies,
    /// That of the pods.
    Pods,
    /// Another one.
    Another,
}

impl Caches {
    /// Waits until every cache holds what the API server has. Somebody must drive the [`Watches`] meanwhile.
    pub async fn ready(&self) {
        for listed in &self.listed {
            listed.cancelled().await;
        }
    }
}

#[cfg(test)]
impl Caches {
    /// Caches of these pods and Deployments, and of nothing else.
    pub(crate) fn of(pods: Objects<CachedPod>, deployments: Store<PartialObjectMeta<Deployment>>) -> Self {
        Self {
            policies: reflector::store().0,
            pods,
            deployments,
            replica_sets: Objects::empty().0,
            stateful_sets: reflector::store().0,
            daemon_sets: reflector::store().0,
            namespaces: reflector::store().0,
            listed: Default::default(),
        }
    }
}

const POLICIES: &str = "policies";
const PODS: &str = "pods";

/// The parts of [`Readiness`] that wait for the caches.
const PARTS: [&str; 7] =
    [POLICIES, PODS, "deployments", "replicasets", "statefulsets", "daemonsets", "namespaces"];

/// Starts to watch the whole cluster, one watch for each kind. What is not listed yet, and why, is told in `readiness`.
#[must_use]
pub fn watch(client: &Client, readiness: &Readiness, metrics: &WatchMetrics) -> (Caches, Watches) {
    let (filled, refilled) = mpsc::unbounded();
    let [policies, pods, deployments, replica_sets, stateful_sets, daemon_sets, namespaces] =
        PARTS.map(|part| Filling {
            client: client.clone(),
            readiness: readiness.clone(),
            metrics: metrics.clone(),
            part,
            filled: filled.clone(),
        });
    let (policies, touched_policies, policies_listed) = policies.cache(share_with_present, listed_or_changed);
    let mut nodes = Interned::default();
    let (pods, touched_pods, pods_listed) =
        pods.keep(move |watched: WatchedPod| watched.pod.intern(&mut nodes));
    let (deployments, touched_deployments, deployments_listed) =
        deployments.cache(|workload, _| keep_used_of_workload(workload), changed);
    let (replica_sets, touched_replica_sets, replica_sets_listed) =
        replica_sets.keep(|set: PartialObjectMeta<ReplicaSet>| Revision::from(&set));
    let (stateful_sets, touched_stateful_sets, stateful_sets_listed) =
        stateful_sets.cache(|workload, _| keep_used_of_workload(workload), changed);
    let (daemon_sets, touched_daemon_sets, daemon_sets_listed) =
        daemon_sets.cache(|workload, _| keep_used_of_workload(workload), changed);
    let (namespaces, touched_namespaces, namespaces_listed) =
        namespaces.cache(|namespace, _| keep_used_of_namespace(namespace), changed);
    let listed = [
        policies_listed,
        pods_listed,
        deployments_listed,
        replica_sets_listed,
        stateful_sets_listed,
        daemon_sets_listed,
        namespaces_listed,
    ];
    let caches =
        Caches { policies, pods, deployments, replica_sets, stateful_sets, daemon_sets, namespaces, listed };
    let watches = Watches {
        policies: touched_policies,
        pods: touched_pods,
        deployments: touched_deployments,
        replica_sets: touched_replica_sets,
        stateful_sets: touched_stateful_sets,
        daemon_sets: touched_daemon_sets,
        namespaces: touched_namespaces,
        refilled,
    };
    (caches, watches)
}

/// Says of no watch any more that it is waited for.
pub fn watches_no_more(readiness: &Readiness) {
    for part in PARTS {
        readiness.done(part);
    }
}

/// What it takes to fill a cache.
struct Filling {
    client: Client,
    readiness: Readiness,
    metrics: WatchMetrics,
    part: &'static str,
    filled: UnboundedSender<Refilled>,
}

/// What can be watched.
trait Watched: Resource<DynamicType = ()> + Clone + DeserializeOwned + Debug + Send + Sync + 'static {}

impl<K: Resource<DynamicType = ()> + Clone + DeserializeOwned + Debug + Send + Sync + 'static> Watched for K {}

impl Filling {
    /// A cache, the stream that fills it, and a token that is cancelled once it is filled: a store's own readiness
    /// wakes only one of those who wait for it, and the controller waits for that of the policies. `prune` is given each
    /// object, and the cache as it is.
    fn cache<K: Watched + Lookup<DynamicType = ()>>(
        self,
        mut prune: impl FnMut(&mut K, &Store<K>) + Send + 'static,
        mut touched: impl FnMut(watcher::Event<K>) -> Option<K> + Send + 'static,
    ) -> (Store<K>, Touched<K>, CancellationToken) {
        let (reader, mut writer) = reflector::store();
        let present = reader.clone();
        let (touched, listed) = self.fill(move |event: watcher::Event<K>| {
            let event = event.modify(|object| prune(object, &present));
            writer.apply_watcher_event(&event);
            touched(event)
        });
        (reader, touched, listed)
    }

    /// The same, of objects of which little is kept.
    fn keep<K: Watched, T: Object + Send + Sync + 'static>(
        self,
        mut keep: impl FnMut(K) -> T + Send + 'static,
    ) -> (Objects<T>, Touched<Changed<T>>, CancellationToken) {
        let (reader, mut writer) = Objects::empty();
        let (touched, listed) = self.fill(move |event| writer.take(map(event, &mut keep)));
        (reader, touched, listed)
    }

    /// The objects that were touched, as `take` tells them, who is given every event first.
    fn fill<K: Watched, T: Send + 'static>(
        self,
        mut take: impl FnMut(watcher::Event<K>) -> Option<T> + Send + 'static,
    ) -> (Touched<T>, CancellationToken) {
        self.readiness.wait(self.part, "not listed yet");
        let events = flow_shaper::watch(Api::<K>::all(self.client.clone()), watcher::Config::default());
        let listed = CancellationToken::new();
        let seen = listed.clone();
        let touched = events.filter_map(move |event| {
            let touched = match event {
                Ok(event) => {
                    let is_listed = matches!(event, watcher::Event::InitDone);
                    let touched = take(event);
                    if is_listed {
                        self.listed(&seen);
                    }
                    touched
                }
                Err(error) => {
                    self.failed(&error, &seen);
                    // The controller pauses all watches after an error of any one, longer and longer.
                    None
                }
            };
            std::future::ready(touched.map(Ok))
        });
        (touched.boxed(), listed)
    }

    fn listed(&self, listed: &CancellationToken) {
        listed.cancel();
        self.readiness.done(self.part);
        let refilled = match self.part {
            POLICIES => Refilled::Policies,
            PODS => Refilled::Pods,
            _ => Refilled::Another,
        };
        // It fails only once nobody reconciles any more.
        let _ = self.filled.unbounded_send(refilled);
    }

    fn failed(&self, error: &watcher::Error, listed: &CancellationToken) {
        let Self { part, readiness, metrics, .. } = self;
        metrics.failed(part);
        let problem = explain(error, part);
        tracing::warn!(part, problem, "a watch failed and is tried again");
        if !listed.is_cancelled() {
            readiness.wait(*part, problem);
        }
    }
}

/// The object of an event, unless it comes with a list: after a list, everything is looked at.
fn changed<K>(event: watcher::Event<K>) -> Option<K> {
    match event {
        watcher::Event::Apply(object) | watcher::Event::Delete(object) => Some(object),
        watcher::Event::Init | watcher::Event::InitApply(_) | watcher::Event::InitDone => None,
    }
}

/// The object of an event. Who filters by what has changed must know what was there.
fn listed_or_changed<K>(event: watcher::Event<K>) -> Option<K> {
    match event {
        watcher::Event::InitApply(object) => Some(object),
        other => changed(other),
    }
}

fn map<K, T>(event: watcher::Event<K>, keep: impl FnOnce(K) -> T) -> watcher::Event<T> {
    match event {
        watcher::Event::Apply(object) => watcher::Event::Apply(keep(object)),
        watcher::Event::Delete(object) => watcher::Event::Delete(keep(object)),
        watcher::Event::InitApply(object) => watcher::Event::InitApply(keep(object)),
        watcher::Event::Init => watcher::Event::Init,
        watcher::Event::InitDone => watcher::Event::InitDone,
    }
}

fn share_with_present(policy: &mut CachedPolicy, present: &Store<CachedPolicy>) {
    if let Some(present) = present.get(&policy.id().reference()) {
        policy.share(&present);
    }
}

fn keep_used_of_workload<K>(workload: &mut PartialObjectMeta<K>) {
    keep_used_of_metadata(&mut workload.metadata, |annotation| names::ON_WORKLOADS.contains(&annotation));
}

fn keep_used_of_namespace(namespace: &mut PartialObjectMeta<Namespace>) {
    keep_used_of_metadata(&mut namespace.metadata, |annotation| annotation == names::POLICIES_FROM);
}

fn keep_used_of_metadata(metadata: &mut ObjectMeta, used: impl Fn(&str) -> bool) {
    metadata.managed_fields = None;
    if let Some(annotations) = &mut metadata.annotations {
        annotations.retain(|name, _| used(name));
    }
}
