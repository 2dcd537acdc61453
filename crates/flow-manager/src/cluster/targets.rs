use super::consent::consents;
use super::{CachedPod, Caches, PodId};
use crate::enforce::wanted_limit;
use flow_control::Bandwidth;
use flow_policy::Target;
use flow_policy::spec::TargetKind;
use kube::api::PartialObjectMeta;
use kube::core::SelectorExt;
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
            uid(&caches.deployments, namespace, name).map(|uid| revisions(caches, namespace, &uid))
        }
        TargetKind::StatefulSet => uid(&caches.stateful_sets, namespace, name).map(|uid| vec![uid]),
        TargetKind::DaemonSet => uid(&caches.daemon_sets, namespace, name).map(|uid| vec![uid]),
        TargetKind::Pods => return selected(caches, namespace, target),
    };
    let controlled = |owner: &String| caches.pods.controlled_by(namespace, owner);
    owners.map_or(Found::MISSING, |owners| Found::with(target_pods(owners.iter().flat_map(controlled))))
}

/// The pods that a selector matches; none where the selector cannot be used.
fn selected(caches: &Caches, namespace: &str, target: &Target) -> Found {
    let Some(selector) = &target.selector else { return Found::MISSING };
    let here = caches.pods.in_namespace(namespace).into_iter();
    Found::with(target_pods(here.filter(|pod| selector.matches(pod.labels()))))
}

fn uid<K>(store: &Store<PartialObjectMeta<K>>, namespace: &str, name: &str) -> Option<String>
where
    K: Resource<DynamicType = ()> + Clone + 'static,
{
    store.get(&ObjectRef::new(name).within(namespace))?.uid()
}

/// The `ReplicaSets` of a Deployment, those of old revisions included: their pods still send during a rollout.
fn revisions(caches: &Caches, namespace: &str, deployment: &str) -> Vec<String> {
    let sets = caches.replica_sets.controlled_by(namespace, deployment);
    sets.iter().map(|set| set.uid().to_owned()).collect()
}

fn target_pods(pods: impl Iterator<Item = Arc<CachedPod>>) -> Vec<TargetPod> {
    let mut pods: Vec<_> = pods.filter(|pod| pod.is_alive()).map(|pod| target_pod(&pod)).collect();
    pods.sort_unstable();
    pods.shrink_to_fit();
    pods
}

fn target_pod(pod: &CachedPod) -> TargetPod {
    TargetPod { id: pod.id().clone(), applied: wanted_limit(pod), on_host_network: pod.on_host_network() }
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

    fn target(target: &Value) -> Arc<Target> {
        let spec = json!({
            "objectives": [{"name": "jitter", "probe": {"host": "robot", "port": 1}, "jitter": {"max": "1ms"}}],
            "targets": [target],
        });
        let policy = Policy::try_from(&serde_json::from_value::<FlowPolicySpec>(spec).unwrap()).unwrap();
        Arc::clone(&policy.targets[0])
    }

    fn names_of(found: &Found) -> Vec<&str> {
        found.pods.iter().map(|pod| &*pod.id.name).collect()
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
