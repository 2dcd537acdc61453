//! Which policies a change of something else concerns.

use flow_policy::FlowPolicy;
use k8s_openapi::api::core::v1::Namespace;
use kube::api::PartialObjectMeta;
use kube::runtime::reflector::{ObjectRef, Store};
use kube::{Resource, ResourceExt};

/// The policies that may have `object`, a workload or a pod, for a target: those in its namespace, and those that name
/// its namespace.
pub(super) fn by_object<K: Resource>(
    policies: &Store<FlowPolicy>,
) -> impl Fn(K) -> Vec<ObjectRef<FlowPolicy>> + use<K> {
    let policies = policies.clone();
    move |object| {
        let namespace = object.namespace();
        among(&policies, |policy| {
            policy.namespace() == namespace || namespace.as_deref().is_some_and(|name| names(policy, name))
        })
    }
}

/// The policies that depend on the consent of a namespace.
pub(super) fn by_namespace(
    policies: &Store<FlowPolicy>,
) -> impl Fn(PartialObjectMeta<Namespace>) -> Vec<ObjectRef<FlowPolicy>> + use<> {
    let policies = policies.clone();
    move |namespace| among(&policies, |policy| names(policy, &namespace.name_any()))
}

/// All namespaces in which a policy may have limited pods: its own, and those that it names.
pub(super) fn namespaces(policy: &FlowPolicy) -> Vec<String> {
    let named = policy.spec.targets.iter().map(|target| target.namespace.clone());
    named.filter(|namespace| !namespace.is_empty()).chain(policy.namespace()).collect()
}

fn names(policy: &FlowPolicy, namespace: &str) -> bool {
    policy.spec.targets.iter().any(|target| target.namespace == namespace)
}

fn among(
    policies: &Store<FlowPolicy>,
    concerned: impl Fn(&FlowPolicy) -> bool,
) -> Vec<ObjectRef<FlowPolicy>> {
    let all = policies.state().into_iter();
    all.filter(|policy| concerned(policy)).map(|policy| ObjectRef::from_obj(&*policy)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use k8s_openapi::api::core::v1::Pod;
    use kube::runtime::reflector;
    use kube::runtime::watcher::Event;
    use serde_json::json;

    fn policy(namespace: &str, name: &str, targets: &[&str]) -> FlowPolicy {
        let targets: Vec<_> = targets
            .iter()
            .map(|namespace| json!({"kind": "Deployment", "namespace": namespace, "name": "upload"}))
            .collect();
        let policy = json!({
            "apiVersion": "flow.fustli.io/v1alpha1", "kind": "FlowPolicy",
            "metadata": {"name": name, "namespace": namespace},
            "spec": {"objectives": [], "targets": targets},
        });
        serde_json::from_value(policy).unwrap()
    }

    fn policies() -> Store<FlowPolicy> {
        let (reader, mut writer) = reflector::store();
        for policy in [
            policy("lab", "own", &[""]),
            policy("factory", "reaching", &["", "lab"]),
            policy("factory", "home", &["", "lab-2"]),
        ] {
            writer.apply_watcher_event(&Event::Apply(policy));
        }
        reader
    }

    fn names_of(policies: Vec<ObjectRef<FlowPolicy>>) -> Vec<String> {
        let mut names: Vec<_> = policies.into_iter().map(|policy| policy.name).collect();
        names.sort();
        names
    }

    #[test]
    fn a_pod_concerns_the_policies_around_it_and_those_that_name_its_namespace() {
        let pod: Pod =
            serde_json::from_value(json!({"metadata": {"name": "x", "namespace": "lab"}})).unwrap();
        assert_eq!(names_of(by_object(&policies())(pod)), ["own", "reaching"]);
    }

    #[test]
    fn a_namespace_concerns_the_policies_that_name_it() {
        let lab = serde_json::from_value(json!({"metadata": {"name": "lab"}})).unwrap();
        assert_eq!(names_of(by_namespace(&policies())(lab)), ["reaching"]);
    }

    #[test]
    fn a_policy_may_have_limited_pods_in_its_own_namespace_and_in_those_that_it_names() {
        assert_eq!(namespaces(&policy("factory", "x", &["", "lab"])), ["lab", "factory"]);
    }
}
