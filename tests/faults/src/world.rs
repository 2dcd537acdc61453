//! What a test starts from: a cluster with the chart but without its controller, pods to be limited, and a proxy.

use crate::account::{Account, install_alone};
use crate::operator::{Operator, Setup};
use crate::proxy::{Proxy, Upstream};
use crate::state::{Marks, State, marks, marks_of, without_times};
use crate::trace::{History, Trace};
use flow_e2e::kubectl::{PROGRAMS, apply_in, apply_object, in_repository, kubectl};
use flow_e2e::wait::{Look, until};
use flow_e2e::workload::{FACTORY_IMAGE, Work, workload};
use flow_e2e::{Cluster, Result};
use flow_lab::{Image, Lab};
use flow_policy::FlowPolicy;
use flow_policy::names::EGRESS_BANDWIDTH;
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use kube::api::{Api, ListParams, Patch, PatchParams};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The label of the namespaces of tests: whoever sets a stage deletes those before.
const LABEL: &str = "flow-e2e";

/// The Deployment of two pods that policies limit. The first one had a limit of 70M before.
pub const TARGET: &str = "best-effort";
/// Another one, of one pod without a limit.
pub const OTHER: &str = "other";
/// The limit that the first pod of [`TARGET`] had before.
pub const BEFORE: &str = "70M";

/// The annotation of pods that outlast those without it where there are to be fewer.
const STAYS: &str = "controller.kubernetes.io/pod-deletion-cost";

/// How long anything may take to come right once a fault is over: longer than a Lease lasts, and than the longest wait
/// between two tries.
pub const PATIENCE: Duration = Duration::from_mins(1);

/// What a test starts from.
pub struct World {
    /// The cluster.
    pub cluster: Cluster,
    /// The namespace of the test.
    pub namespace: String,
    /// The account of its operators.
    pub account: Account,
    /// The way of its operators to the API server.
    pub proxy: Proxy,
    /// The pods of [`TARGET`], by name.
    pub pods: Vec<Pod>,
    /// All limits that pods of the namespace had.
    pub trace: Trace,
    /// The pods before any policy.
    pub before: BTreeMap<String, Marks>,
}

impl World {
    /// Makes a world in a new namespace, whose name begins with `purpose`.
    pub async fn make(purpose: &str) -> Result<Self> {
        install_alone(false).await?;
        Self::installed(purpose).await
    }

    /// The same, whose operators may change pod templates.
    pub async fn with_rollouts(purpose: &str) -> Result<Self> {
        install_alone(true).await?;
        Self::installed(purpose).await
    }

    async fn installed(purpose: &str) -> Result<Self> {
        let cluster = Cluster::connect().await?;
        clear(&cluster).await?;
        kubectl(&format!("delete namespaces --selector {LABEL} --wait=false")).await?;
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let namespace = format!("{purpose}-{}", since.as_millis());
        let pods = populate(&cluster, &namespace).await?;
        let trace = Trace::begin(cluster.pods(&namespace), marks_of).await?;
        let before = marks(&cluster.pods(&namespace)).await?;
        let (account, proxy) =
            (Account::of_chart().await?, Proxy::start(Upstream::api_server().await?).await?);
        Ok(Self { cluster, namespace, account, proxy, pods, trace, before })
    }

    /// Starts an operator behind the proxy, and waits until it leads.
    pub async fn operator(&self) -> Result<Operator> {
        let operator = Operator::behind(&self.proxy, &self.account, &Setup::default())?;
        operator.leads().await?;
        Ok(operator)
    }

    /// Applies a policy.
    pub async fn apply(&self, policy: &Value) -> Result<()> {
        apply_in(&self.namespace, policy).await.map(drop)
    }

    /// Merges `patch` into the policy of that name.
    pub async fn patch(&self, policy: &str, patch: &Value) -> Result<()> {
        let policies = self.cluster.policies(&self.namespace);
        policies.patch(policy, &PatchParams::default(), &Patch::Merge(patch)).await?;
        Ok(())
    }

    /// Sets the number of pods of [`TARGET`].
    pub async fn scale(&self, replicas: usize) -> Result<()> {
        kubectl(&format!("-n {} scale deployment/{TARGET} --replicas={replicas}", self.namespace)).await?;
        self.cluster.running(&self.namespace, TARGET, replicas).await.map(drop)
    }

    /// The limits that the pods of [`TARGET`] have, by their order; `None` for one that has none.
    pub async fn limits(&self) -> Result<Vec<Option<String>>> {
        let marks = marks(&self.cluster.pods(&self.namespace)).await?;
        let limit = |pod: &Pod| Some(marks.get(&pod.name_any())?.get(EGRESS_BANDWIDTH)?.clone());
        Ok(self.pods.iter().map(limit).collect())
    }

    /// Waits until the pods of [`TARGET`] have these limits.
    pub async fn limited(&self, wanted: [Option<&str>; 2]) -> Result<()> {
        until(&format!("limits {wanted:?}"), PATIENCE, async || {
            let limits = self.limits().await?;
            Ok(Look::when(limits.iter().map(Option::as_deref).eq(wanted), || format!("{limits:?}")))
        })
        .await
    }

    /// How the pods and the policy of that name stand. A pod that was not there before is called `new`.
    pub async fn state(&self, policy: &str) -> Result<State> {
        let pods = marks(&self.cluster.pods(&self.namespace)).await?.into_iter();
        let name = |pod: String| if self.before.contains_key(&pod) { pod } else { "new".to_owned() };
        let pods = pods.map(|(pod, marks)| (name(pod), marks)).collect();
        let policy = self.cluster.policies(&self.namespace).get_opt(policy).await?;
        Ok(State { pods, policy: policy.as_ref().map(without_times) })
    }

    /// What each pod that was there before has been through since the last time, up to `now`.
    pub async fn histories(&self, now: &State) -> Result<Vec<History>> {
        let known = now.pods.iter().filter(|(pod, _)| self.before.contains_key(*pod));
        let known = known.map(|(pod, marks)| (pod.clone(), marks.clone())).collect();
        let histories = self.trace.take(&known).await?;
        Ok(histories.into_iter().filter(|history| self.before.contains_key(&history.name)).collect())
    }

    /// Deletes the policy of that name, and waits until all pods are as they were before.
    pub async fn delete(&self, policy: &str) -> Result<()> {
        kubectl(&format!("-n {} delete flowpolicy {policy} --ignore-not-found --wait=false", self.namespace))
            .await?;
        self.is_as_before(policy).await
    }

    /// Waits until the policy of that name is gone, and all pods are as they were before; those that came since have
    /// nothing of ours.
    pub async fn is_as_before(&self, policy: &str) -> Result<()> {
        let untouched = Marks::default();
        until("everything as before", PATIENCE, async || {
            let state = self.state(policy).await?;
            let before = |pod: &String| self.before.get(pod).unwrap_or(&untouched);
            let restored =
                state.policy.is_none() && state.pods.iter().all(|(pod, marks)| marks == before(pod));
            Ok(Look::when(restored, || format!("{state:?}, before {:?}", self.before)))
        })
        .await
    }
}

async fn populate(cluster: &Cluster, namespace: &str) -> Result<Vec<Pod>> {
    let program = in_repository(PROGRAMS).join("factory");
    Lab::current()?.import_image(&Image::of_program(FACTORY_IMAGE, &program, "1000"))?;
    let metadata = json!({"name": namespace, "labels": {LABEL: ""}});
    apply_object(&json!({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})).await?;
    apply_in(namespace, &workload("Deployment", TARGET, 2, Work::Idle)).await?;
    apply_in(namespace, &workload("Deployment", OTHER, 1, Work::Idle)).await?;
    cluster.running(namespace, OTHER, 1).await?;
    let pods = cluster.running(namespace, TARGET, 2).await?;
    for pod in &pods {
        cluster.annotate(pod, STAYS, Some("1")).await?;
    }
    if let Some(first) = pods.first() {
        cluster.annotate(first, EGRESS_BANDWIDTH, Some(BEFORE)).await?;
    }
    told_in_full(cluster, &pods).await?;
    Ok(pods)
}

/// Waits until the kubelet has told all of these pods: last, and only after they are ready, what memory their cgroups allow.
/// With that a pod gets another version, of which an operator whose watch is frozen would not know.
async fn told_in_full(cluster: &Cluster, pods: &[Pod]) -> Result<()> {
    for pod in pods {
        let (name, api) = (pod.name_any(), cluster.pods(&pod.namespace().unwrap_or_default()));
        until(&format!("the memory of {name}"), PATIENCE, async || {
            let status = api.get(&name).await?.status.unwrap_or_default();
            let limits = status.resources.as_ref().and_then(|resources| resources.limits.as_ref());
            let told = limits.is_some_and(|limits| limits.contains_key("memory"));
            Ok(Look::when(told, || format!("{status:?}")))
        })
        .await?;
    }
    Ok(())
}

/// Deletes all policies, whose operator is gone.
async fn clear(cluster: &Cluster) -> Result<()> {
    let all: Api<FlowPolicy> = Api::all(cluster.client.clone());
    kubectl("delete flowpolicies --all --all-namespaces --wait=false").await?;
    for policy in all.list(&ListParams::default()).await? {
        let policies = cluster.policies(&policy.namespace().unwrap_or_default());
        let patch = Patch::Merge(json!({"metadata": {"finalizers": null}}));
        policies.patch(&policy.name_any(), &PatchParams::default(), &patch).await?;
    }
    Ok(())
}
