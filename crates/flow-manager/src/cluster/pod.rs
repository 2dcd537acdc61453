use super::identity::PodId;
use super::interned::Interned;
use super::objects::Object;
use flow_policy::names;
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::api::ObjectMeta;
use kube::{Resource, ResourceExt};
use serde::Deserialize;
use serde::de::IgnoredAny;
use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

/// What is kept of a pod: there may be 100,000, and a pod as the API server tells it takes kilobytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CachedPod {
    id: PodId,
    version: Option<Version>,
    labels: Arc<BTreeMap<String, String>>,
    /// Those that limit it, and what we have recorded.
    annotations: Arc<[(&'static str, Box<str>)]>,
    controller: Option<Arc<String>>,
    node: Option<Arc<String>>,
    address: Option<IpAddr>,
    phase: Phase,
    is_going: bool,
    on_host_network: bool,
}

/// The version of an object. Those of one resource are decimal numbers that grow, guaranteed since Kubernetes 1.35.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Version {
    Number(u64),
    /// Of an API server that counts otherwise.
    Text(Box<str>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Running,
    /// It has succeeded or failed, and will not run again.
    Ended,
    Other,
}

impl CachedPod {
    /// Which pod it is.
    #[must_use]
    pub fn id(&self) -> &PodId {
        &self.id
    }

    /// Its version, if the API server has stored it.
    #[must_use]
    pub fn resource_version(&self) -> Option<String> {
        self.version.as_ref().map(Version::to_string)
    }

    /// Whether it is of a later version than `other`; not, where nobody can tell.
    #[must_use]
    pub fn is_newer(&self, other: &Self) -> bool {
        match (&self.version, &other.version) {
            (Some(Version::Number(own)), Some(Version::Number(other))) => own > other,
            _ => false,
        }
    }

    /// Its labels.
    #[must_use]
    pub fn labels(&self) -> &BTreeMap<String, String> {
        &self.labels
    }

    /// An annotation of it, as far as such are kept: those that limit it, and our records.
    #[must_use]
    pub fn annotation(&self, key: &str) -> Option<&str> {
        self.annotations.iter().find(|(name, _)| *name == key).map(|(_, value)| &**value)
    }

    /// Its node, once it has one.
    #[must_use]
    pub fn node(&self) -> Option<&str> {
        self.node.as_ref().map(|node| node.as_str())
    }

    /// Its address, once it has one.
    #[must_use]
    pub fn address(&self) -> Option<IpAddr> {
        self.address
    }

    /// Whether it runs.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.phase == Phase::Running
    }

    /// Whether it is being deleted.
    #[must_use]
    pub fn is_going(&self) -> bool {
        self.is_going
    }

    /// Whether it runs or is about to.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        !self.is_going && self.phase != Phase::Ended
    }

    /// Takes the name of its node from where it is kept once for all pods.
    pub(super) fn intern(mut self, nodes: &mut Interned) -> Self {
        self.node.iter_mut().for_each(|node| nodes.share(node));
        self
    }

    /// Whether it uses the network of its node, where no limit reaches it.
    #[must_use]
    pub fn on_host_network(&self) -> bool {
        self.on_host_network
    }
}

impl From<String> for Version {
    fn from(text: String) -> Self {
        let number = text.parse().ok().filter(|number: &u64| number.to_string() == text);
        number.map_or_else(|| Self::Text(text.into()), Self::Number)
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => number.fmt(f),
            Self::Text(text) => text.fmt(f),
        }
    }
}

impl Object for CachedPod {
    fn namespace(&self) -> &str {
        &self.id.namespace
    }

    fn name(&self) -> &str {
        &self.id.name
    }

    fn controller(&self) -> Option<&str> {
        self.controller.as_ref().map(|controller| controller.as_str())
    }

    /// What targets are found by. Its limit is none of that: who has set it knows it.
    fn is_found_like(&self, other: &Self) -> bool {
        let found_by = |pod: &Self| (pod.is_alive(), pod.on_host_network);
        (&self.id, &self.controller, &self.labels) == (&other.id, &other.controller, &other.labels)
            && found_by(self) == found_by(other)
    }

    fn share(&mut self, other: &Self) {
        self.id.share(&other.id);
        if self.annotations == other.annotations {
            self.annotations = Arc::clone(&other.annotations);
        }
        if self.labels == other.labels {
            self.labels = Arc::clone(&other.labels);
        }
        if self.controller == other.controller {
            self.controller.clone_from(&other.controller);
        }
    }
}

/// A pod as the API server tells it, as far as anything is kept: nothing else is even read.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Wire {
    metadata: Metadata,
    spec: Option<Spec>,
    status: Option<Status>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Metadata {
    namespace: Option<String>,
    name: Option<String>,
    uid: Option<String>,
    resource_version: Option<String>,
    labels: Option<BTreeMap<String, String>>,
    annotations: Option<BTreeMap<String, String>>,
    owner_references: Option<Vec<Owner>>,
    deletion_timestamp: Option<IgnoredAny>,
}

#[derive(Debug, Deserialize)]
struct Owner {
    uid: String,
    controller: Option<bool>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Spec {
    node_name: Option<String>,
    host_network: Option<bool>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Status {
    phase: Option<String>,
    #[serde(rename = "podIP")]
    pod_ip: Option<String>,
}

impl From<Wire> for CachedPod {
    fn from(Wire { metadata, spec, status }: Wire) -> Self {
        let (spec, status) = (spec.unwrap_or_default(), status.unwrap_or_default());
        let [namespace, name, uid] =
            [metadata.namespace, metadata.name, metadata.uid].map(Option::unwrap_or_default);
        let owners = metadata.owner_references.unwrap_or_default();
        let controller = owners.into_iter().find(|owner| owner.controller == Some(true));
        Self {
            id: PodId::new(namespace, name, uid),
            version: metadata.resource_version.map(Version::from),
            labels: Arc::new(metadata.labels.unwrap_or_default()),
            annotations: kept(metadata.annotations.unwrap_or_default()),
            controller: controller.map(|owner| Arc::new(owner.uid)),
            node: spec.node_name.map(Arc::new),
            address: status.pod_ip.and_then(|address| address.parse().ok()),
            phase: match status.phase.as_deref() {
                Some("Running") => Phase::Running,
                Some("Succeeded" | "Failed") => Phase::Ended,
                _ => Phase::Other,
            },
            is_going: metadata.deletion_timestamp.is_some(),
            on_host_network: spec.host_network == Some(true),
        }
    }
}

fn kept(mut annotations: BTreeMap<String, String>) -> Arc<[(&'static str, Box<str>)]> {
    let names = names::LIMITING.into_iter().chain(names::RECORDS);
    names.filter_map(|name| Some((name, annotations.remove(name)?.into()))).collect()
}

impl From<&Pod> for CachedPod {
    fn from(pod: &Pod) -> Self {
        let owner = |owner: &OwnerReference| Owner { uid: owner.uid.clone(), controller: owner.controller };
        let metadata = Metadata {
            namespace: pod.namespace(),
            name: pod.metadata.name.clone(),
            uid: pod.uid(),
            resource_version: pod.resource_version(),
            labels: pod.metadata.labels.clone(),
            annotations: pod.metadata.annotations.clone(),
            owner_references: Some(pod.owner_references().iter().map(owner).collect()),
            deletion_timestamp: pod.metadata.deletion_timestamp.as_ref().map(|_| IgnoredAny),
        };
        let spec = pod.spec.as_ref();
        let spec =
            spec.map(|spec| Spec { node_name: spec.node_name.clone(), host_network: spec.host_network });
        let status = pod.status.as_ref();
        let status =
            status.map(|status| Status { phase: status.phase.clone(), pod_ip: status.pod_ip.clone() });
        Wire { metadata, spec, status }.into()
    }
}

/// A pod as it comes from the API server, for kube, which asks each resource for its metadata.
#[derive(Clone, Debug, Deserialize, Resource)]
#[serde(from = "Wire")]
#[resource(inherit = Pod)]
pub(crate) struct WatchedPod {
    /// Its version, and nothing else.
    metadata: ObjectMeta,
    pub(crate) pod: CachedPod,
}

impl From<Wire> for WatchedPod {
    fn from(wire: Wire) -> Self {
        let resource_version = wire.metadata.resource_version.clone();
        Self { metadata: ObjectMeta { resource_version, ..ObjectMeta::default() }, pod: wire.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn pod() -> Value {
        json!({
            "metadata": {
                "name": "upload", "namespace": "factory", "uid": "u1", "resourceVersion": "7",
                "deletionTimestamp": "2026-01-01T00:00:00Z",
                "managedFields": [{"manager": "kubelet", "operation": "Update", "fieldsV1": {"f:status": {}}}],
                "labels": {"app": "upload"},
                "annotations": {names::EGRESS_BANDWIDTH: "1G", names::APPLIED_EGRESS_BANDWIDTH: "1G", "example.com/x": "y"},
                "ownerReferences": [
                    {"apiVersion": "v1", "kind": "X", "name": "x", "uid": "other"},
                    {"apiVersion": "v1", "kind": "X", "name": "x", "uid": "set", "controller": true},
                ],
            },
            "spec": {"nodeName": "n1", "hostNetwork": true, "containers": [{"name": "c"}]},
            "status": {"phase": "Running", "podIP": "10.0.0.1", "conditions": []},
        })
    }

    #[test]
    fn of_a_pod_is_kept_what_is_used() {
        let pod: WatchedPod = serde_json::from_value(pod()).unwrap();
        assert_eq!(pod.meta().resource_version.as_deref(), Some("7"));
        let pod = pod.pod;
        assert_eq!(*pod.id(), PodId::new("factory", "upload", "u1"));
        assert_eq!((pod.controller(), pod.node()), (Some("set"), Some("n1")));
        assert_eq!(pod.address().map(|address| address.to_string()).as_deref(), Some("10.0.0.1"));
        assert_eq!(pod.labels().get("app").map(String::as_str), Some("upload"));
        assert_eq!(pod.annotation(names::EGRESS_BANDWIDTH), Some("1G"));
        assert_eq!(pod.annotation("example.com/x"), None);
        assert!(pod.is_running() && pod.is_going() && pod.on_host_network() && !pod.is_alive());
    }

    #[test]
    fn a_pod_is_the_same_whoever_has_read_it() {
        for pod in [pod(), json!({"metadata": {"labels": null, "annotations": null}, "spec": null})] {
            let read: WatchedPod = serde_json::from_value(pod.clone()).unwrap();
            let whole: Pod = serde_json::from_value(pod).unwrap_or_default();
            assert_eq!(read.pod, CachedPod::from(&whole));
        }
    }

    #[test]
    fn a_version_is_told_as_it_was_and_compared_as_a_number_where_it_is_one() {
        let of = |version: &str| {
            let read: WatchedPod =
                serde_json::from_value(json!({"metadata": {"resourceVersion": version}})).unwrap();
            read.pod
        };
        for version in ["0", "7", "18446744073709551615", "18446744073709551616", "007", "x", ""] {
            assert_eq!(of(version).resource_version().as_deref(), Some(version));
        }
        assert!(of("10").is_newer(&of("9")) && !of("9").is_newer(&of("10")) && !of("9").is_newer(&of("9")));
        assert!(!of("x").is_newer(&of("9")) && !of("9").is_newer(&of("x")));
    }

    #[test]
    fn pods_that_are_limited_alike_keep_one_copy_of_what_they_have_in_common() {
        let read = |name: &str| {
            let mut pod = pod();
            pod["metadata"]["name"] = json!(name);
            serde_json::from_value::<WatchedPod>(pod).unwrap().pod
        };
        let (one, mut other) = (read("one"), read("other"));
        other.share(&one);
        assert_eq!(other, read("other"));
        assert!(Arc::ptr_eq(&one.annotations, &other.annotations) && Arc::ptr_eq(&one.labels, &other.labels));
        assert!(Arc::ptr_eq(&one.id().namespace, &other.id().namespace));
    }

    #[test]
    fn a_pod_takes_a_few_hundred_bytes() {
        // Behind the two counters of its `Arc`.
        assert!(size_of::<CachedPod>() <= 112 - 16, "{}", size_of::<CachedPod>());
    }
}
