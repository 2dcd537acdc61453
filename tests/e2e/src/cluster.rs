//! The cluster as tests look at it and change it.

use crate::wait::{Look, until};
use crate::{Error, PodNetwork, Result, processes};
use flow_policy::FlowPolicy;
use k8s_openapi::api::core::v1::Pod;
use kube::api::{Api, DeleteParams, ListParams, Patch, PatchParams};
use kube::{Client, ResourceExt};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_mins(1);

/// How long pods may take to start. After an outage of the API server the cluster's own controllers look again
/// only after a back-off of up to a minute, and a pod needs several of them, one after the other.
const START: Duration = Duration::from_mins(4);

/// The cluster, as tests look at it and change it.
#[derive(Clone)]
pub struct Cluster {
    /// For whatever has no method here.
    pub client: Client,
}

impl Cluster {
    /// The cluster that `KUBECONFIG` points to.
    pub async fn connect() -> Result<Self> {
        Ok(Self { client: Client::try_default().await? })
    }

    /// The pods of `namespace`.
    #[must_use]
    pub fn pods(&self, namespace: &str) -> Api<Pod> {
        Api::namespaced(self.client.clone(), namespace)
    }

    /// The policies of `namespace`.
    #[must_use]
    pub fn policies(&self, namespace: &str) -> Api<FlowPolicy> {
        Api::namespaced(self.client.clone(), namespace)
    }

    /// Waits for exactly `count` running and ready pods with the label `app=<app>`, and returns them by name.
    pub async fn running(&self, namespace: &str, app: &str, count: usize) -> Result<Vec<Pod>> {
        let (pods, labels) = (self.pods(namespace), ListParams::default().labels(&format!("app={app}")));
        let what = format!("{count} running pods of {app} in {namespace}");
        let mut found = until(&what, START, async || {
            let list = pods.list(&labels).await?.items;
            let ready = list.iter().filter(|pod| is_ready(pod)).count();
            let enough = ready == count && list.len() == count;
            Ok(Look::some(enough.then(|| list.clone()), || {
                format!("{:?}", list.iter().map(state).collect::<Vec<_>>())
            }))
        })
        .await?;
        found.sort_by_key(ResourceExt::name_any);
        Ok(found)
    }

    /// Merges `patch` into a pod, as an administrator might with kubectl.
    pub async fn patch_pod(&self, pod: &Pod, patch: &Value) -> Result<Pod> {
        let pods = self.pods(&pod.namespace().unwrap_or_default());
        Ok(pods.patch(&pod.name_any(), &PatchParams::default(), &Patch::Merge(patch)).await?)
    }

    /// Sets an annotation of a pod, or removes it with `None`.
    pub async fn annotate(&self, pod: &Pod, key: &str, value: Option<&str>) -> Result<Pod> {
        self.patch_pod(pod, &json!({"metadata": {"annotations": {key: value}}})).await
    }

    /// A pod's annotations as they are now.
    pub async fn annotations(&self, pod: &Pod) -> Result<BTreeMap<String, String>> {
        let pods = self.pods(&pod.namespace().unwrap_or_default());
        Ok(pods.get(&pod.name_any()).await?.annotations().clone())
    }

    /// Merges `patch` into the spec of a policy.
    pub async fn patch_policy(&self, namespace: &str, name: &str, spec: &Value) -> Result<()> {
        let patch = Patch::Merge(json!({"spec": spec}));
        self.policies(namespace).patch(name, &PatchParams::default(), &patch).await?;
        Ok(())
    }

    /// Deletes a policy and waits until it is gone.
    pub async fn delete_policy(&self, namespace: &str, name: &str) -> Result<()> {
        let policies = self.policies(namespace);
        policies.delete(name, &DeleteParams::default()).await?;
        until(&format!("the end of the policy {name}"), PATIENCE, async || {
            let left = policies.get_opt(name).await?;
            Ok(Look::when(left.is_none(), || format!("{left:?}")))
        })
        .await
    }

    /// Containers that have restarted since the pods of `namespaces` were made.
    pub async fn restarts(&self, namespaces: &[&str]) -> Result<usize> {
        let mut restarts = 0;
        for namespace in namespaces {
            let pods = self.pods(namespace).list(&ListParams::default()).await?;
            restarts += pods.iter().map(pod_restarts).sum::<usize>();
        }
        Ok(restarts)
    }
}

/// The UID of a pod that the API server knows.
pub fn uid(pod: &Pod) -> Result<String> {
    pod.uid().ok_or_else(|| Error::Missing(format!("the UID of {}", pod.name_any())))
}

/// The network of a pod.
pub fn network(pod: &Pod) -> Result<PodNetwork> {
    PodNetwork::of(&uid(pod)?)
}

/// Kills the process that holds a pod's sandbox, as a crash would; the kubelet makes another one.
pub async fn kill_sandbox(pod: &Pod) -> Result<()> {
    processes::signal(processes::sandbox(&uid(pod)?)?, "KILL").await
}

fn pod_restarts(pod: &Pod) -> usize {
    let containers = pod.status.iter().flat_map(|status| &status.container_statuses).flatten();
    containers.filter_map(|container| usize::try_from(container.restart_count).ok()).sum()
}

fn is_ready(pod: &Pod) -> bool {
    let conditions = pod.status.iter().flat_map(|status| &status.conditions).flatten();
    let ready =
        conditions.into_iter().any(|condition| condition.type_ == "Ready" && condition.status == "True");
    ready && pod.metadata.deletion_timestamp.is_none()
}

fn state(pod: &Pod) -> String {
    let waiting = pod.status.iter().flat_map(|status| &status.container_statuses).flatten();
    let reasons = waiting.filter_map(|container| container.state.as_ref()?.waiting.as_ref()?.reason.clone());
    let phase = pod.status.as_ref().and_then(|status| status.phase.clone()).unwrap_or_default();
    format!("{} {phase} {}", pod.name_any(), reasons.collect::<Vec<_>>().join(" "))
}
