use super::identity::PolicyId;
use flow_policy::{FlowPolicy, FlowPolicyStatus, Invalid, Overrides, Policy};
use kube::api::ObjectMeta;
use kube::{Resource, ResourceExt};
use serde::Deserialize;
use std::sync::Arc;

/// Annotations that tell the operator nothing, and may be as long as all else of a policy.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// What is kept of a policy: there may be 10,000. Of its spec it is what has been checked, in one copy for all.
#[derive(Clone, Debug, PartialEq, Deserialize, Resource)]
#[serde(from = "FlowPolicy")]
#[resource(inherit = FlowPolicy)]
pub struct CachedPolicy {
    id: PolicyId,
    metadata: ObjectMeta,
    /// Boxed, since most can be used.
    checked: Result<Arc<Policy>, Box<Invalid>>,
    /// Also where the spec cannot be used: it may have limited pods there before.
    named_namespaces: Box<[String]>,
    status: Option<FlowPolicyStatus>,
}

impl CachedPolicy {
    /// Which policy it is.
    #[must_use]
    pub fn id(&self) -> &PolicyId {
        &self.id
    }

    /// The spec, checked; else why it cannot be used.
    pub fn checked(&self) -> Result<&Arc<Policy>, &Invalid> {
        self.checked.as_ref().map_err(AsRef::as_ref)
    }

    /// The namespaces that its targets name.
    #[must_use]
    pub fn named_namespaces(&self) -> &[String] {
        &self.named_namespaces
    }

    /// Its status as it is stored.
    #[must_use]
    pub fn status(&self) -> Option<&FlowPolicyStatus> {
        self.status.as_ref()
    }

    /// Whether it is the policy that was `seen`, is not being deleted, and says what it said then.
    #[must_use]
    pub fn asks_as(&self, seen: &Self) -> bool {
        let said = |policy: &Self| {
            let overrides = Overrides::of(policy.annotations());
            (policy.metadata.uid.clone(), policy.metadata.generation, overrides)
        };
        self.metadata.deletion_timestamp.is_none() && said(self) == said(seen)
    }

    /// Takes what it has in common with `other` from there, so that it is kept once.
    pub(super) fn share(&mut self, other: &Self) {
        if self.id == other.id {
            self.id.clone_from(&other.id);
        }
        if self.checked == other.checked {
            self.checked.clone_from(&other.checked);
        }
    }

    #[cfg(test)]
    pub(crate) fn with_status(self, status: Option<FlowPolicyStatus>) -> Self {
        Self { status, ..self }
    }
}

impl From<FlowPolicy> for CachedPolicy {
    fn from(stored: FlowPolicy) -> Self {
        let named = stored.spec.targets.iter().map(|target| target.namespace.clone());
        Self {
            id: PolicyId::of(&stored),
            checked: Policy::try_from(&stored.spec).map(Arc::new).map_err(Box::new),
            named_namespaces: named.filter(|namespace| !namespace.is_empty()).collect(),
            metadata: kept(stored.metadata),
            status: stored.status,
        }
    }
}

fn kept(mut metadata: ObjectMeta) -> ObjectMeta {
    (metadata.managed_fields, metadata.labels, metadata.owner_references) = (None, None, None);
    if let Some(annotations) = &mut metadata.annotations {
        annotations.remove(LAST_APPLIED);
    }
    metadata
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn read(change: impl FnOnce(&mut Value)) -> CachedPolicy {
        let probe = json!({"host": "robot", "port": 1});
        let mut stored = json!({
            "apiVersion": "flow.fustli.io/v1alpha1", "kind": "FlowPolicy",
            "metadata": {
                "name": "robot", "namespace": "factory", "uid": "u1", "generation": 2, "labels": {"team": "robots"},
                "annotations": {LAST_APPLIED: "{}", "example.com/x": "y"},
                "managedFields": [{"manager": "kubectl", "operation": "Update"}],
            },
            "spec": {
                "objectives": [{"name": "jitter", "probe": probe, "jitter": {"max": "1ms"}}],
                "targets": [
                    {"kind": "Deployment", "name": "upload"},
                    {"kind": "Deployment", "name": "upload", "namespace": "lab"},
                ],
            },
            "status": {"observedGeneration": 2},
        });
        change(&mut stored);
        serde_json::from_value(stored).unwrap()
    }

    #[test]
    fn of_a_policy_is_kept_what_is_used() {
        let policy = read(|_| ());
        assert_eq!(*policy.id(), PolicyId::new("factory", "robot"));
        assert_eq!(policy.named_namespaces(), ["lab"]);
        assert_eq!(policy.status().and_then(|status| status.observed_generation), Some(2));
        assert_eq!(policy.checked().unwrap().targets.len(), 2);
        assert_eq!((policy.uid().as_deref(), policy.meta().generation), (Some("u1"), Some(2)));
        assert_eq!(policy.annotations().keys().collect::<Vec<_>>(), ["example.com/x"]);
        assert!(policy.labels().is_empty() && policy.managed_fields().is_empty());
    }

    #[test]
    fn a_policy_asks_as_it_was_seen_while_it_is_the_same_and_stays_and_has_not_been_changed() {
        let seen = read(|_| ());
        let asks_as = |field: &str, value: Value| {
            let change = |stored: &mut Value| *stored.pointer_mut(field).unwrap() = value;
            read(change).asks_as(&seen)
        };
        assert!(seen.asks_as(&seen));
        assert!(asks_as("/status/observedGeneration", json!(1)), "its status is our own");
        assert!(asks_as("/metadata/annotations", json!({"example.com/x": "z"})));
        assert!(!asks_as("/metadata/uid", json!("u2")));
        assert!(!asks_as("/metadata/generation", json!(3)));
        assert!(!asks_as("/metadata/annotations", json!({flow_policy::names::LIMIT: "40M"})));
        let end =
            |stored: &mut Value| stored["metadata"]["deletionTimestamp"] = json!("2026-11-24T12:00:00Z");
        assert!(!read(end).asks_as(&seen));
    }

    #[test]
    fn a_spec_that_cannot_be_used_still_names_its_namespaces() {
        let policy = read(|stored| stored["spec"]["objectives"] = json!([]));
        assert_eq!(policy.checked().unwrap_err().field, "spec.objectives");
        assert_eq!(policy.named_namespaces(), ["lab"]);
    }

    #[test]
    fn a_spec_that_stays_the_same_is_kept_once() {
        let (before, mut after) = (read(|_| ()), read(|stored| stored["status"] = Value::Null));
        after.share(&before);
        assert!(Arc::ptr_eq(before.checked().unwrap(), after.checked().unwrap()));
        let mut other = read(|stored| stored["spec"]["mode"] = json!("Observe"));
        other.share(&before);
        assert_eq!(other, read(|stored| stored["spec"]["mode"] = json!("Observe")));
    }

    #[test]
    fn a_policy_takes_less_than_a_kilobyte_but_for_its_texts() {
        // Behind the two counters of its `Arc`.
        assert!(size_of::<CachedPolicy>() <= 640 - 16, "{}", size_of::<CachedPolicy>());
    }
}
