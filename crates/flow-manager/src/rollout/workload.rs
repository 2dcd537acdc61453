use crate::cluster::Caches;
use flow_control::Bandwidth;
use flow_policy::names::{
    APPLIED_EGRESS_BANDWIDTH, EGRESS_BANDWIDTH, ORIGINAL_EGRESS_BANDWIDTH, ROLLED_OUT_AT,
};
use flow_policy::spec::TargetKind;
use flow_policy::{Target, names};
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::apps::v1::{DaemonSet, Deployment, StatefulSet};
use kube::api::{ApiResource, DynamicObject, ObjectMeta, PartialObjectMeta};
use kube::runtime::reflector::{Lookup, ObjectRef, Store};
use serde_json::Value;
use std::fmt;

/// A kind of workload with a pod template.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A Deployment.
    Deployment,
    /// A `StatefulSet`.
    StatefulSet,
    /// A `DaemonSet`.
    DaemonSet,
}

/// A workload, by kind, namespace and name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WorkloadId {
    /// Its kind.
    pub kind: Kind,
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

/// What counts of a workload.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Workload {
    pub(super) id: WorkloadId,
    pub(super) metadata: ObjectMeta,
    pub(super) template: Template,
}

/// What counts of a pod template.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Template {
    /// The limit that its pods get as they are created.
    pub(super) limit: Option<String>,
    /// Whether its pods use the network of their nodes.
    pub(super) on_host_network: bool,
}

impl Kind {
    pub(super) const ALL: [Self; 3] = [Self::Deployment, Self::StatefulSet, Self::DaemonSet];

    pub(super) fn resource(self) -> ApiResource {
        match self {
            Self::Deployment => ApiResource::erase::<Deployment>(&()),
            Self::StatefulSet => ApiResource::erase::<StatefulSet>(&()),
            Self::DaemonSet => ApiResource::erase::<DaemonSet>(&()),
        }
    }
}

impl WorkloadId {
    /// The workload that a target of a policy in `namespace` names; `None` for a selector of pods.
    #[must_use]
    pub fn of(target: &Target, namespace: &str) -> Option<Self> {
        let kind = match target.id.kind {
            TargetKind::Deployment => Kind::Deployment,
            TargetKind::StatefulSet => Kind::StatefulSet,
            TargetKind::DaemonSet => Kind::DaemonSet,
            TargetKind::Pods => return None,
        };
        let namespace = target.id.namespace.clone().unwrap_or_else(|| namespace.to_owned());
        Some(Self { kind, namespace, name: target.id.name.clone() })
    }

    /// Its metadata as it is cached; `None` if it is not there, or is being deleted.
    pub(super) fn metadata(&self, caches: &Caches) -> Option<ObjectMeta> {
        let metadata = match self.kind {
            Kind::Deployment => self.cached(&caches.deployments),
            Kind::StatefulSet => self.cached(&caches.stateful_sets),
            Kind::DaemonSet => self.cached(&caches.daemon_sets),
        };
        metadata.filter(|metadata| metadata.deletion_timestamp.is_none())
    }

    /// The limit that this operator, before a restart perhaps, gave its template last.
    #[must_use]
    pub fn applied(&self, caches: &Caches) -> Option<Bandwidth> {
        let metadata = self.metadata(caches).filter(is_marked)?;
        record(&metadata, APPLIED_EGRESS_BANDWIDTH)?.parse().ok()
    }

    fn cached<K>(&self, store: &Store<PartialObjectMeta<K>>) -> Option<ObjectMeta>
    where
        PartialObjectMeta<K>: Lookup<DynamicType = ()> + Clone + 'static,
    {
        Some(store.get(&ObjectRef::new(&self.name).within(&self.namespace))?.metadata.clone())
    }
}

/// The workloads of the caches whose pod template we have changed.
pub(super) fn marked(caches: &Caches) -> Vec<WorkloadId> {
    let mut found = marked_in(Kind::Deployment, &caches.deployments);
    found.extend(marked_in(Kind::StatefulSet, &caches.stateful_sets));
    found.extend(marked_in(Kind::DaemonSet, &caches.daemon_sets));
    found
}

fn marked_in<K>(kind: Kind, store: &Store<PartialObjectMeta<K>>) -> Vec<WorkloadId>
where
    PartialObjectMeta<K>: Lookup<DynamicType = ()> + Clone + 'static,
{
    let state = store.state();
    let ours = state.iter().map(|workload| &workload.metadata).filter(|metadata| is_marked(metadata));
    let id = |metadata: &ObjectMeta| {
        Some(WorkloadId { kind, namespace: metadata.namespace.clone()?, name: metadata.name.clone()? })
    };
    ours.filter_map(id).collect()
}

/// Whether the pod template of the workload has something of ours.
pub(super) fn is_marked(metadata: &ObjectMeta) -> bool {
    record(metadata, ORIGINAL_EGRESS_BANDWIDTH).is_some()
}

fn record<'a>(metadata: &'a ObjectMeta, name: &str) -> Option<&'a str> {
    metadata.annotations.as_ref()?.get(name).map(String::as_str)
}

impl Workload {
    /// What counts of `object`.
    pub(super) fn of(id: WorkloadId, object: DynamicObject) -> Self {
        let template = Template::of(&object.data);
        let mut metadata = object.metadata;
        metadata.managed_fields = None;
        if let Some(annotations) = &mut metadata.annotations {
            annotations.retain(|name, _| names::ON_WORKLOADS.contains(&name.as_str()));
        }
        Self { id, metadata, template }
    }

    /// What the template's limit was before us; empty if there was none. `None` where we have changed nothing.
    pub(super) fn original(&self) -> Option<&str> {
        record(&self.metadata, ORIGINAL_EGRESS_BANDWIDTH)
    }

    /// The limit that we set last.
    pub(super) fn applied(&self) -> Option<&str> {
        record(&self.metadata, APPLIED_EGRESS_BANDWIDTH)
    }

    /// The limit that its template has from us.
    pub(super) fn present(&self) -> Option<Bandwidth> {
        self.original().and_then(|_| self.applied()?.parse().ok())
    }

    /// When we last changed the template; `None` where that is not recorded, or cannot be so at `now`.
    pub(super) fn rolled_out_at(&self, now: Timestamp) -> Option<Timestamp> {
        let recorded: Timestamp = record(&self.metadata, ROLLED_OUT_AT)?.parse().ok()?;
        // It is recorded as the end of its second.
        (recorded.duration_since(now) <= SignedDuration::from_secs(1)).then_some(recorded)
    }

    /// Whether the template's limit is the one that we set.
    pub(super) fn has_ours(&self) -> bool {
        self.template.limit.as_deref() == self.applied()
    }
}

impl Template {
    fn of(data: &Value) -> Self {
        let template = data.pointer("/spec/template");
        let limit = template
            .and_then(|template| template.pointer("/metadata/annotations")?.get(EGRESS_BANDWIDTH)?.as_str());
        let on_host_network =
            template.and_then(|template| template.pointer("/spec/hostNetwork")?.as_bool()) == Some(true);
        Self { limit: limit.map(str::to_owned), on_host_network }
    }
}

impl fmt::Display for WorkloadId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} {}/{}", self.kind, self.namespace, self.name)
    }
}
