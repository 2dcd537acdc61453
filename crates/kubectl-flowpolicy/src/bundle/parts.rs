//! What the archive has, but for logs and why limits are what they are.

use super::collector::Collector;
use super::{Stopped, WIDTH};
use crate::check;
use crate::connection::{Ask, Connection, Failure, Within};
use crate::installation::{Installation, Shapers};
use crate::policies::{Seen, readable, see};
use crate::workload;
use flow_policy::FlowPolicy;
use k8s_openapi::api::apps::v1::{DaemonSet, Deployment};
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::{ConfigMap, Event, Node, Pod};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::ResourceExt;
use kube::api::{DynamicObject, ListParams};
use kube::core::CustomResourceExt;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;

const COMPONENT: &str = "app.kubernetes.io/component";
/// What all of flow-manager has, where its Deployment does not tell.
const LABELS: &str = "app.kubernetes.io/name=flow-manager";

/// Of the plugin and the API server. A cluster that does not answer at all ends it.
pub(super) async fn versions<W: Write>(to: &mut Collector<'_, W>) -> Result<(), Stopped> {
    let client = to.connection.client().await?.clone();
    let server = match to.connection.answer(Ask::version(), client.apiserver_version()).await {
        answer @ (Ok(_) | Err(Failure::Forbidden { .. })) => to.read(answer),
        Err(failure) => return Err(failure.into()),
    };
    let server = server.map(|version| version.git_version);
    to.document("versions.yaml", &json!({"plugin": env!("CARGO_PKG_VERSION"), "apiServer": server}))
}

/// What `check` says.
pub(super) async fn check<W: Write>(
    to: &mut Collector<'_, W>,
    installation: &Installation,
    shapers: &Shapers,
    seen: Option<Seen>,
) -> Result<(), Stopped> {
    let report = check::now(installation, shapers, to.connection, seen).await;
    let Some(report) = to.read(report) else { return Ok(()) };
    to.text("check.txt", &anstream::adapter::strip_str(&report.draw(WIDTH)).to_string())
}

/// The policies that may be read, with their Events and the pods of their targets.
pub(super) async fn policies<W: Write>(
    to: &mut Collector<'_, W>,
    connection: &Connection,
) -> Result<Option<Seen>, Stopped> {
    let Some((policies, others)) = to.read(readable(connection).await) else { return Ok(None) };
    if let Some(failure) = others {
        to.miss(failure.to_string());
    }
    to.document("policies.yaml", &policies)?;
    let namespaces: BTreeSet<_> = policies.iter().filter_map(ResourceExt::namespace).collect();
    for namespace in namespaces {
        let path = format!("events/{namespace}.yaml");
        let within = Within::Namespace(namespace);
        let of_policies = ListParams::default().fields("involvedObject.kind=FlowPolicy");
        let events = to.connection.list_stored::<Event>(&within, of_policies).await;
        to.objects(&path, events)?;
    }
    let seen = to.read(see(connection, policies).await);
    if let Some(seen) = &seen {
        to.document("target-pods.yaml", &of_limits(seen))?;
    }
    Ok(seen)
}

/// Of the pods of targets, what there is to know of limits and no more; of each pod once.
fn of_limits(seen: &Seen) -> Vec<Value> {
    let targets = seen.policies.iter().flat_map(|policy| &policy.targets);
    let pods = targets.flat_map(|target| target.pods.seen());
    let pods: BTreeMap<_, _> = pods.map(|pod| ((&pod.namespace, &pod.name), pod)).collect();
    let told = pods.into_values().map(|pod| {
        json!({
            "namespace": pod.namespace,
            "name": pod.name,
            "node": pod.node,
            "phase": pod.phase,
            "annotations": pod.limiting,
        })
    });
    told.collect()
}

/// The definition, and what runs on nodes.
pub(super) async fn cluster<W: Write>(to: &mut Collector<'_, W>) -> Result<(), Stopped> {
    let everywhere = &Within::Everywhere;
    let name = FlowPolicy::crd_name();
    let definition = to.connection.get_stored::<CustomResourceDefinition>(everywhere, name).await;
    let definition = to.read(definition);
    if let Some(definition) = definition {
        to.document("definition.yaml", &definition)?;
    }
    let nodes = to.connection.list_stored::<Node>(everywhere, ListParams::default()).await;
    to.objects("nodes.yaml", nodes.map(|nodes| nodes.iter().map(versions_of).collect()))?;
    Ok(())
}

fn versions_of(node: &DynamicObject) -> Value {
    let told = |field: &str| node.data.pointer(&format!("/status/nodeInfo/{field}"));
    json!({
        "name": node.name_any(),
        "kubelet": told("kubeletVersion"),
        "kernel": told("kernelVersion"),
        "system": told("osImage"),
        "runtime": told("containerRuntimeVersion"),
        "architecture": told("architecture"),
    })
}

/// What runs of flow-manager; gives its pods.
pub(super) async fn installation<W: Write>(
    to: &mut Collector<'_, W>,
    installation: &Installation,
    shapers: &Shapers,
) -> Result<Vec<DynamicObject>, Stopped> {
    let Installation { system_namespace: system, release } = installation;
    let lease = to.connection.get_stored::<Lease>(&Within::Namespace(system.clone()), release).await;
    if let Some(lease) = to.read(lease) {
        to.document("lease.yaml", &lease)?;
    }
    let controller =
        to.connection.get_stored::<Deployment>(&Within::Namespace(system.clone()), release).await;
    let labels = to.read(controller).as_ref().and_then(labels).unwrap_or_else(|| LABELS.to_owned());
    let ours = ListParams::default().labels(&labels);
    let mut pods = Vec::new();
    for namespace in BTreeSet::from([system, &shapers.shaper_namespace]) {
        let within = Within::Namespace(namespace.clone());
        let path = |kind: &str| format!("installation/{namespace}/{kind}");
        let deployments = to.connection.list_stored::<Deployment>(&within, ours.clone()).await;
        to.objects(&path("deployments.yaml"), deployments)?;
        let daemon_sets = to.connection.list_stored::<DaemonSet>(&within, ours.clone()).await;
        to.objects(&path("daemonsets.yaml"), daemon_sets)?;
        let found = to.connection.list_stored::<Pod>(&within, ours.clone()).await;
        pods.extend(to.objects(&path("pods.yaml"), found)?);
        let maps = to.connection.list_metadata::<ConfigMap>(&within).await;
        let names = maps.map(|maps| maps.iter().map(ResourceExt::name_any).collect());
        to.objects(&path("configmap-names.yaml"), names)?;
    }
    Ok(pods)
}

/// What selects all of an installation, as its controller tells.
fn labels(controller: &DynamicObject) -> Option<String> {
    let selector = workload::selector(controller)?.match_labels?;
    let of_all = selector.iter().filter(|(name, _)| *name != COMPONENT);
    let labels: Vec<_> = of_all.map(|(name, value)| format!("{name}={value}")).collect();
    Some(labels.join(",")).filter(|labels| !labels.is_empty())
}
