use super::metrics::WatchMetrics;
use super::problem::explain;
use crate::serve::Readiness;
use flow_policy::{FlowPolicy, names};
use futures::channel::mpsc::{self, UnboundedReceiver, UnboundedSender};
use futures::stream::{BoxStream, StreamExt, TryStreamExt};
use k8s_openapi::api::apps::v1::{DaemonSet, Deployment, ReplicaSet, StatefulSet};
use k8s_openapi::api::core::v1::{Namespace, Pod, PodSpec, PodStatus};
use kube::api::{ObjectMeta, PartialObjectMeta};
use kube::runtime::reflector::{self, Lookup, Store};
use kube::runtime::{WatchStreamExt, watcher};
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
    pub policies: Store<FlowPolicy>,
    /// All pods.
    pub pods: Store<Pod>,
    /// All Deployments.
    pub deployments: Store<PartialObjectMeta<Deployment>>,
    /// All `ReplicaSets`.
    pub replica_sets: Store<PartialObjectMeta<ReplicaSet>>,
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
    /// Policies that were changed or deleted.
    pub policies: Touched<FlowPolicy>,
    /// Pods that were changed or deleted.
    pub pods: Touched<Pod>,
    /// Deployments that were changed or deleted.
    pub deployments: Touched<PartialObjectMeta<Deployment>>,
    /// `ReplicaSets` that were changed or deleted.
    pub replica_sets: Touched<PartialObjectMeta<ReplicaSet>>,
    /// `StatefulSets` that were changed or deleted.
    pub stateful_sets: Touched<PartialObjectMeta<StatefulSet>>,
    /// `DaemonSets` that were changed or deleted.
    pub daemon_sets: Touched<PartialObjectMeta<DaemonSet>>,
    /// Namespaces that were changed or deleted.
    pub namespaces: Touched<PartialObjectMeta<Namespace>>,
    /// A cache was filled anew. What vanished meanwhile is told by no other event.
    pub refilled: UnboundedReceiver<()>,
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
    pub(crate) fn of(pods: Store<Pod>, deployments: Store<PartialObjectMeta<Deployment>>) -> Self {
        Self {
            policies: reflector::store().0,
            pods,
            deployments,
            replica_sets: reflector::store().0,
            stateful_sets: reflector::store().0,
            daemon_sets: reflector::store().0,
            namespaces: reflector::store().0,
            listed: Default::default(),
        }
    }
}

/// The parts of [`Readiness`] that wait for the caches.
const PARTS: [&str; 7] =
    ["policies", "pods", "deployments", "replicasets", "statefulsets", "daemonsets", "namespaces"];

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
    let (policies, touched_policies, policies_listed) = policies.cache(|_| {});
    let (pods, touched_pods, pods_listed) = pods.cache(keep_used_of_pod);
    let (deployments, touched_deployments, deployments_listed) = deployments.cache(keep_used_of_workload);
    let (replica_sets, touched_replica_sets, replica_sets_listed) =
        replica_sets.cache(keep_used_of_replica_set);
    let (stateful_sets, touched_stateful_sets, stateful_sets_listed) =
        stateful_sets.cache(keep_used_of_workload);
    let (daemon_sets, touched_daemon_sets, daemon_sets_listed) = daemon_sets.cache(keep_used_of_workload);
    let (namespaces, touched_namespaces, namespaces_listed) = namespaces.cache(keep_used_of_namespace);
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
    filled: UnboundedSender<()>,
}

impl Filling {
    /// A cache, the stream that fills it, and a token that is cancelled once it is filled: a store's own readiness
    /// wakes only one of those who wait for it, and the controller waits for that of the policies.
    fn cache<K>(self, prune: impl FnMut(&mut K) + Send + 'static) -> (Store<K>, Touched<K>, CancellationToken)
    where
        K: Resource<DynamicType = ()>
            + Lookup<DynamicType = ()>
            + Clone
            + DeserializeOwned
            + Debug
            + Send
            + Sync
            + 'static,
    {
        let (reader, writer) = reflector::store();
        let listed = CancellationToken::new();
        let Self { client, readiness, metrics, part, filled } = self;
        readiness.wait(part, "not listed yet");
        let events = flow_shaper::watch(Api::<K>::all(client), watcher::Config::default());
        let (first, told) = (listed.clone(), readiness.clone());
        let reflected = events.modify(prune).reflect(writer).inspect_ok(move |event| {
            if matches!(event, watcher::Event::InitDone) {
                first.cancel();
                told.done(part);
                // It fails only once nobody reconciles any more.
                let _ = filled.unbounded_send(());
            }
        });
        let seen = listed.clone();
        let touched = reflected.touched_objects().filter(move |touched| {
            if let Err(error) = touched {
                metrics.failed(part);
                let problem = explain(error, part);
                tracing::warn!(part, problem, "a watch failed and is tried again");
                if !seen.is_cancelled() {
                    readiness.wait(part, problem);
                }
            }
            // The controller pauses all watches after an error of any one, longer and longer.
            std::future::ready(touched.is_ok())
        });
        (reader, touched.boxed(), listed)
    }
}

fn keep_used_of_workload<K>(workload: &mut PartialObjectMeta<K>) {
    keep_used_of_metadata(&mut workload.metadata, |annotation| names::ON_WORKLOADS.contains(&annotation));
}

/// What it has of ours, its Deployment's controller has copied.
fn keep_used_of_replica_set(set: &mut PartialObjectMeta<ReplicaSet>) {
    keep_used_of_metadata(&mut set.metadata, |_| false);
}

fn keep_used_of_namespace(namespace: &mut PartialObjectMeta<Namespace>) {
    keep_used_of_metadata(&mut namespace.metadata, |annotation| annotation == names::POLICIES_FROM);
}

fn keep_used_of_pod(pod: &mut Pod) {
    keep_used_of_metadata(&mut pod.metadata, |annotation| {
        names::LIMITING.contains(&annotation) || names::RECORDS.contains(&annotation)
    });
    pod.spec = pod.spec.take().map(|spec| PodSpec {
        node_name: spec.node_name,
        host_network: spec.host_network,
        ..PodSpec::default()
    });
    pod.status = pod.status.take().map(|status| PodStatus {
        phase: status.phase,
        pod_ip: status.pod_ip,
        ..PodStatus::default()
    });
}

fn keep_used_of_metadata(metadata: &mut ObjectMeta, used: impl Fn(&str) -> bool) {
    metadata.managed_fields = None;
    if let Some(annotations) = &mut metadata.annotations {
        annotations.retain(|name, _| used(name));
    }
}
