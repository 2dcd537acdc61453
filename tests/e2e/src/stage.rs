//! What tests of the operator start from, and what they wait for.

use crate::cluster::Cluster;
use crate::factory::Factory;
use crate::kubectl::{apply_in, apply_object, kubectl};
use crate::wait::{Look, until};
use crate::workload::{Work, workload};
use crate::{Result, operator};
use flow_policy::FlowPolicy;
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::api::events::v1::Event;
use kube::ResourceExt;
use kube::api::{Api, ListParams, Patch, PatchParams};
use serde_json::{Value, json};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The label of the namespaces of tests.
const LABEL: &str = "flow-e2e";

/// How long the operator and the cluster may take for something.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// What a test starts from: the operator installed, a namespace of its own without any policy, and the
/// critical service.
pub struct Stage {
    /// The cluster.
    pub cluster: Cluster,
    /// The test's namespace.
    pub namespace: String,
    /// The machines outside the cluster.
    pub factory: Factory,
}

impl Stage {
    /// Sets the stage in a new namespace, whose name begins with `purpose`.
    ///
    /// It is new each time: while a namespace of the same name is still in the caches of the cluster's own
    /// controllers, they may make pods for what was in that.
    pub async fn set(purpose: &str) -> Result<Self> {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        kubectl(&format!("delete namespaces --selector {LABEL} --wait=false")).await?;
        Self::set_in(format!("{purpose}-{}", since.as_millis())).await
    }

    /// Sets the stage in the namespace of that name; what was in it goes.
    pub async fn set_in(namespace: String) -> Result<Self> {
        let cluster = Cluster::connect().await?;
        operator::install().await?;
        clear_policies(&cluster).await?;
        kubectl(&format!("delete namespace {namespace} --ignore-not-found")).await?;
        make_namespace(&namespace).await?;
        Ok(Self { cluster, namespace, factory: Factory::start()? })
    }

    /// Makes another namespace, and returns its name.
    pub async fn neighbour(&self) -> Result<String> {
        let name = format!("{}-neighbour", self.namespace);
        make_namespace(&name).await?;
        Ok(name)
    }

    /// Starts a workload and returns its pods.
    pub async fn start(&self, kind: &str, name: &str, replicas: usize, work: Work) -> Result<Vec<Pod>> {
        apply_in(&self.namespace, &workload(kind, name, replicas, work)).await?;
        self.cluster.running(&self.namespace, name, replicas).await
    }

    /// Starts a workload in another namespace and returns its only pod.
    pub async fn start_in(&self, namespace: &str, kind: &str, name: &str, work: Work) -> Result<Pod> {
        apply_in(namespace, &workload(kind, name, 1, work)).await?;
        Ok(self.cluster.running(namespace, name, 1).await?.remove(0))
    }

    /// Applies a policy.
    pub async fn apply(&self, policy: &Value) -> Result<()> {
        apply_in(&self.namespace, policy).await.map(drop)
    }

    /// Merges `spec` into the spec of a policy.
    pub async fn change(&self, policy: &str, spec: &Value) -> Result<()> {
        self.cluster.patch_policy(&self.namespace, policy, spec).await
    }

    /// Deletes a policy and waits until it is gone.
    pub async fn delete(&self, policy: &str) -> Result<()> {
        self.cluster.delete_policy(&self.namespace, policy).await
    }

    /// Waits until the policy's status is as `wanted`, and returns the policy.
    pub async fn policy_where(
        &self,
        name: &str,
        what: &str,
        wanted: impl Fn(&FlowPolicy) -> bool,
    ) -> Result<FlowPolicy> {
        let policies = self.cluster.policies(&self.namespace);
        until(&format!("{name}: {what}"), PATIENCE, async || {
            let policy = policies.get(name).await?;
            Ok(Look::some(wanted(&policy).then(|| policy.clone()), || format!("{:?}", policy.status)))
        })
        .await
    }

    /// Waits for a Warning about the policy whose text contains `text`.
    pub async fn warning(&self, policy: &str, text: &str) -> Result<()> {
        let events: Api<Event> = Api::namespaced(self.cluster.client.clone(), &self.namespace);
        until(&format!("a Warning about {policy} that says {text:?}"), PATIENCE, async || {
            let list = events.list(&ListParams::default()).await?.items;
            let notes = list
                .iter()
                .filter(|event| is_warning_about(event, policy))
                .filter_map(|event| event.note.clone());
            let notes: Vec<String> = notes.collect();
            Ok(Look::when(notes.iter().any(|note| note.contains(text)), || format!("{notes:?}")))
        })
        .await
    }

    /// Waits until the kernel holds the pod to `bps`, or to nothing.
    pub async fn limited(&self, pod: &Pod, bps: Option<u64>) -> Result<()> {
        let network = crate::cluster::network(pod)?;
        let what = format!("a limit of {bps:?} bit/s on {}", pod.name_any());
        until(&what, PATIENCE, async || {
            let limit = network.limit_bps().await?;
            Ok(Look::when(limit == bps, || format!("{limit:?} bit/s")))
        })
        .await
    }

    /// Waits until the pod has the annotation `key` with that value, or has none.
    pub async fn annotated(&self, pod: &Pod, key: &str, value: Option<&str>) -> Result<()> {
        until(&format!("{key}: {value:?} on {}", pod.name_any()), PATIENCE, async || {
            let found = self.cluster.annotations(pod).await?;
            let as_wanted = found.get(key).map(String::as_str) == value;
            Ok(Look::when(as_wanted, || format!("{found:?}")))
        })
        .await
    }
}

async fn make_namespace(name: &str) -> Result<()> {
    let metadata = json!({"name": name, "labels": {LABEL: ""}});
    apply_object(&json!({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})).await.map(drop)
}

fn is_warning_about(event: &Event, policy: &str) -> bool {
    let regards = event.regarding.as_ref().and_then(|regarding| regarding.name.as_deref()) == Some(policy);
    regards && event.type_.as_deref() == Some("Warning")
}

/// Deletes all policies, and takes the finalizer from those whose operator is no longer there.
pub(crate) async fn clear_policies(cluster: &Cluster) -> Result<()> {
    let all: Api<FlowPolicy> = Api::all(cluster.client.clone());
    kubectl("delete flowpolicies --all --all-namespaces --wait=false").await?;
    let gone = until("the end of all policies", Duration::from_secs(10), async || {
        let left = all.list(&ListParams::default()).await?.items;
        Ok(Look::when(left.is_empty(), || format!("{} left", left.len())))
    });
    if gone.await.is_ok() {
        return Ok(());
    }
    for policy in all.list(&ListParams::default()).await? {
        let policies = cluster.policies(&policy.namespace().unwrap_or_default());
        let patch = Patch::Merge(json!({"metadata": {"finalizers": null}}));
        policies.patch(&policy.name_any(), &PatchParams::default(), &patch).await?;
    }
    Ok(())
}

/// The status, reason and message of a condition, as in `True AllMet: …`; empty where there is none.
#[must_use]
pub fn condition(policy: &FlowPolicy, type_: &str) -> String {
    let conditions = policy.status.iter().flat_map(|status| &status.conditions);
    let found = conditions.into_iter().find(|condition| condition.type_ == type_);
    found.map_or_else(String::new, |found| format!("{} {}: {}", found.status, found.reason, found.message))
}

/// The limit of the policy's first target, as its status says.
#[must_use]
pub fn limit(policy: &FlowPolicy) -> Option<&str> {
    policy.status.as_ref()?.targets.first()?.limit.as_deref()
}
