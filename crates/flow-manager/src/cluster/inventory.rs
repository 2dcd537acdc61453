use super::{CachedPod, Caches, Revision};
use k8s_openapi::api::apps::v1::{DaemonSet, Deployment, ReplicaSet, StatefulSet};
use k8s_openapi::api::core::v1::{Namespace, Pod};
use kube::api::PartialObjectMeta;
use kube::runtime::reflector::{self, Lookup, Store};
use kube::runtime::watcher::Event;
use std::hash::Hash;
use tokio_util::sync::CancellationToken;

/// What targets are looked up in, as it was at one time: for who looks once, and watches nothing.
#[derive(Clone, Debug, Default)]
pub struct Inventory {
    /// Pods.
    pub pods: Vec<Pod>,
    /// Deployments.
    pub deployments: Vec<PartialObjectMeta<Deployment>>,
    /// `ReplicaSets`.
    pub replica_sets: Vec<PartialObjectMeta<ReplicaSet>>,
    /// `StatefulSets`.
    pub stateful_sets: Vec<PartialObjectMeta<StatefulSet>>,
    /// `DaemonSets`.
    pub daemon_sets: Vec<PartialObjectMeta<DaemonSet>>,
    /// Namespaces, which consent or not.
    pub namespaces: Vec<PartialObjectMeta<Namespace>>,
}

impl From<Inventory> for Caches {
    fn from(inventory: Inventory) -> Self {
        Self {
            policies: store(vec![]),
            pods: inventory.pods.iter().map(CachedPod::from).collect(),
            deployments: store(inventory.deployments),
            replica_sets: inventory.replica_sets.iter().map(Revision::from).collect(),
            stateful_sets: store(inventory.stateful_sets),
            daemon_sets: store(inventory.daemon_sets),
            namespaces: store(inventory.namespaces),
            listed: std::array::from_fn(|_| complete()),
        }
    }
}

/// That a cache holds all that there is.
fn complete() -> CancellationToken {
    let listed = CancellationToken::new();
    listed.cancel();
    listed
}

fn store<K>(objects: Vec<K>) -> Store<K>
where
    K: Lookup + Clone + 'static,
    K::DynamicType: Default + Eq + Hash + Clone,
{
    let (reader, mut writer) = reflector::store();
    for object in objects {
        writer.apply_watcher_event(&Event::Apply(object));
    }
    reader
}
