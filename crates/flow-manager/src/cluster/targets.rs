use super::consent::consents;
use super::{Caches, PodId};
use crate::enforce::wanted_limit;
use flow_control::Bandwidth;
use flow_policy::Target;
use flow_policy::spec::TargetKind;
use k8s_openapi::api::core::v1::Pod;
use kube::api::PartialObjectMeta;
use kube::core::{Selector, SelectorExt};
use kube::runtime::reflector::{ObjectRef, Store};
use kube::{Resource, ResourceExt};
use std::sync::Arc;

/// What there is of a target in the cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Whether its namespace lets the policy limit it. Where it does not, nothing is looked up there.
    pub consents: bool,
    /// Whether the target exists; a selector always does.
    pub exists: bool,
    /// Its pods that run or are about to, in a stable order.
    pub pods: Vec<TargetPod>,
}

/// A pod of a target.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TargetPod {
    /// Which.
    pub id: PodId,
    /// The limit that this operator, before a restart perhaps, gave it last; `None` also where that was the pod's own of
    /// before, which holds no other pod.
    pub applied: Option<Bandwidth>,
    /// Whether it uses the network of its node, where no limit reaches it.
    pub on_host_network: bool,
}

impl Found {
    const NOT_CONSENTED: Self = Self { consents: false, exists: false, pods: Vec::new() };
    const MISSING: Self = Self { consents: true, exists: false, pods: Vec::new() };

    fn with(pods: Vec<TargetPod>) -> Self {
        Self { consents: true, exists: true, pods }
    }
}

/// Looks up a target of a policy in the namespace `policies`.
#[must_use]
pub fn find(caches: &Caches, policies: &str, target: &Target) -> Found {
    let namespace = target.id.namespace.as_deref().unwrap_or(policies);
    if !consents(caches, namespace, policies) {
        return Found::NOT_CONSENTED;
    }
    let name = &target.id.name;
    let owners = match target.id.kind {
        TargetKind::Deployment => {
            uid(&caches.deployments, namespace, name).map(|uid| revisions(caches, namespace, uid))
        }
        TargetKind::StatefulSet => uid(&caches.stateful_sets, namespace, name).map(|uid| vec![uid]),
        TargetKind::DaemonSet => uid(&caches.daemon_sets, namespace, name).map(|uid| vec![uid]),
        TargetKind::Pods => return selected(caches, namespace, target),
    };
    owners.map_or(Found::MISSING, |owners| {
        Found::with(pods(caches, namespace, |pod| is_owned(pod.meta(), &owners)))
    })
}

/// The pods that a selector matches; none where the selector cannot be used.
fn selected(caches: &Caches, namespace: &str, target: &Target) -> Found {
    match target.selector.clone().map(Selector::try_from) {
        Some(Ok(selector)) => Found::with(pods(caches, namespace, |pod| selector.matches(pod.labels()))),
        _ => Found::MISSING,
    }
}

fn uid<K>(store: &Store<PartialObjectMeta<K>>, namespace: &str, name: &str) -> Option<String>
where
    K: Resource<DynamicType = ()> + Clone + 'static,
{
    store.get(&ObjectRef::new(name).within(namespace))?.uid()
}

/// The `ReplicaSets` of a Deployment, those of old revisions included: their pods still send during a rollout.
fn revisions(caches: &Caches, namespace: &str, deployment: String) -> Vec<String> {
    let owner = [deployment];
    let in_namespace = |set: &Arc<PartialObjectMeta<_>>| set.namespace().as_deref() == Some(namespace);
    let sets = caches.replica_sets.state().into_iter().filter(in_namespace);
    sets.filter(|set| is_owned(&set.metadata, &owner)).filter_map(|set| set.uid()).collect()
}

fn is_owned(metadata: &kube::api::ObjectMeta, owners: &[String]) -> bool {
    let references = metadata.owner_references.iter().flatten();
    references.into_iter().any(|owner| owner.controller == Some(true) && owners.contains(&owner.uid))
}

fn pods(caches: &Caches, namespace: &str, wanted: impl Fn(&Pod) -> bool) -> Vec<TargetPod> {
    let matches = |pod: &Pod| pod.namespace().as_deref() == Some(namespace) && is_alive(pod) && wanted(pod);
    let mut pods: Vec<_> =
        caches.pods.state().iter().filter(|pod| matches(pod)).filter_map(|pod| target_pod(pod)).collect();
    pods.sort_unstable();
    pods
}

fn is_alive(pod: &Pod) -> bool {
    let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
    pod.metadata.deletion_timestamp.is_none() && !matches!(phase, Some("Succeeded" | "Failed"))
}

fn target_pod(pod: &Pod) -> Option<TargetPod> {
    Some(TargetPod {
        id: PodId::of(pod)?,
        applied: wanted_limit(pod),
        on_host_network: pod.spec.as_ref().and_then(|spec| spec.host_network) == Some(true),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::Inventory;
    use flow_policy::{Policy, names, spec::FlowPolicySpec};
    use serde::de::DeserializeOwned;
    use serde_json::{Value, json};

    fn objects<K: DeserializeOwned>(objects: Vec<Value>) -> Vec<K> {
        objects.into_iter().map(|object| serde_json::from_value(object).unwrap()).collect()
    }

    fn pod(name: &str, owner: &str, phase: &str) -> Value {
        json!({
            "metadata": {
                "name": name, "namespace": "factory", "uid": format!("uid-{name}"), "labels": {"app": name},
                "annotations": {names::APPLIED_EGRESS_BANDWIDTH: "64M"},
                "ownerReferences": [{"apiVersion": "apps/v1", "kind": "X", "name": "x", "uid": owner, "controller": true}],
            },
            "status": {"phase": phase},
        })
    }

    fn owned(name: &str, namespace: &str, owner: &str) -> Value {
        let owner =
            json!([{"apiVersion": "apps/v1", "kind": "X", "name": "x", "uid": owner, "controller": true}]);
        json!({"metadata": {"name": name, "namespace": namespace, "uid": format!("uid-{name}"), "ownerReferences": owner}})
    }

    fn caches() -> Caches {
        let inventory = Inventory {
            pods: objects(vec![
                pod("old", "uid-upload-1", "Running"),
                pod("new", "uid-upload-2", "Pending"),
                pod("done", "uid-upload-2", "Succeeded"),
                pod("other", "uid-other-1", "Running"),
            ]),
            deployments: objects(vec![owned("upload", "factory", "")]),
            replica_sets: objects(vec![
                owned("upload-1", "factory", "uid-upload"),
                owned("upload-2", "factory", "uid-upload"),
                owned("other-1", "factory", "uid-other"),
            ]),
            namespaces: objects(vec![
                json!({"metadata": {"name": "factory", "annotations": {names::POLICIES_FROM: "lab, office"}}}),
            ]),
            ..Inventory::default()
        };
        inventory.into()
    }

    fn target(target: &Value) -> Target {
        let spec = json!({
            "objectives": [{"name": "jitter", "probe": {"host": "robot", "port": 1}, "jitter": {"max": "1ms"}}],
            "targets": [target],
        });
        let policy = Policy::try_from(&serde_json::from_value::<FlowPolicySpec>(spec).unwrap()).unwrap();
        policy.targets[0].clone()
    }

    fn names_of(found: &Found) -> Vec<&str> {
        found.pods.iter().map(|pod| pod.id.name.as_str()).collect()
    }

    #[test]
    fn a_deployment_has_the_living_pods_of_all_its_revisions() {
        let found = find(&caches(), "factory", &target(&json!({"kind": "Deployment", "name": "upload"})));
        assert_eq!((found.exists, names_of(&found)), (true, vec!["new", "old"]));
        assert_eq!(found.pods[0].applied, Some(Bandwidth::from_mbps(64)));
    }

    #[test]
    fn a_target_is_looked_for_in_the_policys_own_namespace_unless_another_is_named() {
        let upload = target(&json!({"kind": "Deployment", "name": "upload"}));
        assert_eq!(find(&caches(), "lab", &upload), Found::MISSING);
        let elsewhere = target(&json!({"kind": "Deployment", "name": "upload", "namespace": "factory"}));
        assert_eq!(names_of(&find(&caches(), "lab", &elsewhere)), ["new", "old"]);
        assert_eq!(names_of(&find(&caches(), "factory", &elsewhere)), ["new", "old"]);
    }

    #[test]
    fn without_consent_nothing_is_told_of_another_namespace() {
        for (policies, namespace, name) in
            [("shop", "factory", "upload"), ("shop", "factory", "no-such"), ("factory", "no-such", "upload")]
        {
            let elsewhere = target(&json!({"kind": "Deployment", "name": name, "namespace": namespace}));
            assert_eq!(find(&caches(), policies, &elsewhere), Found::NOT_CONSENTED);
        }
    }

    #[test]
    fn a_selector_finds_pods_by_label() {
        let by_label =
            json!({"kind": "Pods", "name": "others", "selector": {"matchLabels": {"app": "other"}}});
        assert_eq!(names_of(&find(&caches(), "factory", &target(&by_label))), ["other"]);
    }
}
