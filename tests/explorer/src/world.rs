//! What policies are about: workloads in the policy's namespace and in a neighbouring one.
//!
//! Their pods never run, since no scheduler takes them: the operator limits a pod from when it is made.

use flow_e2e::policies::with;
use flow_e2e::workload::{Work, workload};
use flow_e2e::{Cluster, Result};
use flow_policy::names::{EGRESS_BANDWIDTH, ON_WORKLOADS, POLICIES_FROM};
use flow_policy::spec::TargetKind;
use k8s_openapi::api::core::v1::Pod;
use kube::api::{
    Api, ApiResource, DeleteParams, DynamicObject, GroupVersionKind, ListParams, Patch, PatchParams,
};
use kube::{Client, ResourceExt};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Who changes things here.
pub const MANAGER: &str = "explorer";

/// A workload.
#[derive(Debug)]
pub struct Workload {
    /// Its name, which is its pods' label `app` as well.
    pub name: &'static str,
    /// Its kind.
    pub kind: TargetKind,
    /// How many pods it has at first.
    pub replicas: usize,
    /// Whether it is in the neighbouring namespace.
    pub is_beyond: bool,
    /// The limit that its pods have without us.
    pub original: Option<&'static str>,
}

const fn of(name: &'static str, kind: TargetKind, replicas: usize) -> Workload {
    Workload { name, kind, replicas, is_beyond: false, original: None }
}

/// Every workload.
pub static WORKLOADS: [Workload; 5] = [
    Workload { original: Some("1G"), ..of("many", TargetKind::Deployment, 2) },
    of("set", TargetKind::StatefulSet, 1),
    of("daemon", TargetKind::DaemonSet, 1),
    of("picked", TargetKind::Deployment, 1),
    Workload { is_beyond: true, ..of("far", TargetKind::Deployment, 1) },
];

/// What is there now.
#[derive(Clone, Debug)]
pub struct Surroundings {
    /// The policy's namespace.
    pub namespace: String,
    /// The neighbouring one.
    pub beyond: String,
    /// Whether the neighbouring one consents.
    pub consents: bool,
    /// The names of the workloads that are there.
    pub there: BTreeSet<&'static str>,
}

impl Surroundings {
    /// The workload of that kind and name in that namespace.
    #[must_use]
    pub fn find(&self, kind: TargetKind, namespace: &str, name: &str) -> Option<&'static Workload> {
        let is_it = |workload: &&Workload| {
            (workload.kind, workload.name, self.namespace_of(workload)) == (kind, name, namespace)
        };
        WORKLOADS.iter().find(is_it).filter(|workload| self.there.contains(workload.name))
    }

    /// The namespace that a workload is in.
    #[must_use]
    pub fn namespace_of(&self, workload: &Workload) -> &str {
        if workload.is_beyond { &self.beyond } else { &self.namespace }
    }
}

/// The workloads of one policy, and the means to change them.
pub struct World {
    cluster: Cluster,
    /// What is there now.
    pub now: Surroundings,
}

impl World {
    /// Makes it in namespaces of its own.
    pub async fn make(cluster: &Cluster, namespace: String) -> Result<Self> {
        let beyond = format!("{namespace}-beyond");
        let now = Surroundings { namespace, beyond, consents: false, there: BTreeSet::new() };
        let mut world = Self { cluster: cluster.clone(), now };
        world.apply_namespace(&world.now.namespace, &json!({})).await?;
        world.whole().await?;
        Ok(world)
    }

    /// Makes everything as it was at first.
    pub async fn whole(&mut self) -> Result<()> {
        self.consent(true).await?;
        for workload in &WORKLOADS {
            self.scale(workload, workload.replicas).await?;
        }
        Ok(())
    }

    /// Has the neighbouring namespace consent, or no longer.
    pub async fn consent(&mut self, consents: bool) -> Result<()> {
        let annotations = if consents { json!({POLICIES_FROM: self.now.namespace}) } else { json!({}) };
        self.apply_namespace(&self.now.beyond, &annotations).await?;
        self.now.consents = consents;
        Ok(())
    }

    /// Makes a workload with so many pods, or changes their number.
    pub async fn scale(&mut self, workload: &'static Workload, replicas: usize) -> Result<()> {
        let api = objects(&self.cluster.client, kind(workload), self.now.namespace_of(workload));
        api.patch(workload.name, &ours(), &Patch::Apply(manifest(workload, replicas))).await?;
        self.now.there.insert(workload.name);
        Ok(())
    }

    /// Deletes a workload, or makes it where it is not there.
    pub async fn toggle(&mut self, workload: &'static Workload) -> Result<()> {
        if !self.now.there.remove(workload.name) {
            return self.scale(workload, workload.replicas).await;
        }
        let api = objects(&self.cluster.client, kind(workload), self.now.namespace_of(workload));
        api.delete(workload.name, &DeleteParams::background()).await?;
        Ok(())
    }

    /// The pods of both namespaces.
    pub async fn pods(&self) -> Result<Vec<Pod>> {
        let mut pods = self.cluster.pods(&self.now.namespace).list(&ListParams::default()).await?.items;
        pods.extend(self.cluster.pods(&self.now.beyond).list(&ListParams::default()).await?.items);
        Ok(pods)
    }

    /// What the operator has left of itself on the workloads, where it should have left nothing.
    pub async fn left_on_workloads(&self) -> Result<Option<String>> {
        for workload in WORKLOADS.iter().filter(|workload| self.now.there.contains(workload.name)) {
            let api = objects(&self.cluster.client, kind(workload), self.now.namespace_of(workload));
            if let Some(left) = left(workload, &api.get(workload.name).await?) {
                return Ok(Some(left));
            }
        }
        Ok(None)
    }

    async fn apply_namespace(&self, name: &str, annotations: &Value) -> Result<()> {
        let api: Api<k8s_openapi::api::core::v1::Namespace> = Api::all(self.cluster.client.clone());
        let metadata = json!({"name": name, "annotations": annotations});
        let object = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata});
        api.patch(name, &ours(), &Patch::Apply(object)).await?;
        Ok(())
    }
}

/// What the operator has left of itself on a workload.
fn left(workload: &Workload, object: &DynamicObject) -> Option<String> {
    let record = ON_WORKLOADS.into_iter().find(|key| object.annotations().contains_key(*key));
    let template =
        object.data.pointer("/spec/template/metadata/annotations").and_then(|all| all.get(EGRESS_BANDWIDTH));
    let limit = template.and_then(Value::as_str).filter(|limit| Some(*limit) != workload.original);
    record.or(limit).map(|left| format!("{} has {left}", workload.name))
}

/// The objects of a kind of the group apps.
fn objects(client: &Client, kind: &str, namespace: &str) -> Api<DynamicObject> {
    let resource = ApiResource::from_gvk(&GroupVersionKind::gvk("apps", "v1", kind));
    Api::namespaced_with(client.clone(), namespace, &resource)
}

const fn kind(workload: &Workload) -> &'static str {
    match workload.kind {
        TargetKind::StatefulSet => "StatefulSet",
        TargetKind::DaemonSet => "DaemonSet",
        TargetKind::Deployment | TargetKind::Pods => "Deployment",
    }
}

fn manifest(of: &Workload, replicas: usize) -> Value {
    let object = workload(kind(of), of.name, replicas, Work::Idle);
    let object = with(object, "/spec/template/spec/schedulerName", json!("nobody"));
    let object = match of.original {
        Some(limit) => with(object, "/spec/template/metadata/annotations", json!({EGRESS_BANDWIDTH: limit})),
        None => object,
    };
    // Pods that never run must not hold up others.
    if kind(of) == "Deployment" {
        with(object, "/spec/strategy", json!({"type": "Recreate"}))
    } else {
        object
    }
}

/// Server-side apply in our name.
#[must_use]
pub fn ours() -> PatchParams {
    PatchParams::apply(MANAGER).force()
}
