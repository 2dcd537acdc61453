//! What each pod is limited to once everything has settled.

use crate::town::Present;
use flow_control::Bandwidth;
use flow_policy::names::{APPLIED_EGRESS_BANDWIDTH, EGRESS_BANDWIDTH, LIMIT, RECORDS};
use flow_policy::spec::TargetSpec;
use flow_policy::{BandwidthText, FlowPolicy};
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;

/// Of an objective that is violated for good.
const VIOLATED: &str = "vector(2)";

impl Present {
    /// The first pod that is not as it has to be: at the lowest limit that a policy claims for it, or as it was before.
    pub(crate) fn wrong(&self) -> Option<String> {
        self.pods
            .iter()
            .filter(|pod| pod.metadata.deletion_timestamp.is_none())
            .find_map(|pod| self.wrong_with(pod))
    }

    fn wrong_with(&self, pod: &Pod) -> Option<String> {
        let app = pod.labels().get("app")?;
        let found = (annotation(pod, EGRESS_BANDWIDTH).and_then(bps), recorded(pod));
        let original = self.original(pod, app);
        let expected = match self.claimed(pod, app) {
            Some(claim) => (Some(original.map_or(claim, |original| claim.min(original))), true),
            None => (original, false),
        };
        let place = format!("{}/{}", pod.namespace().unwrap_or_default(), pod.name_any());
        (found != expected).then(|| format!("{place} has {found:?}, and should have {expected:?}"))
    }

    /// What its template gives the pod.
    fn original(&self, pod: &Pod, app: &str) -> Option<u64> {
        let template = self
            .deployments
            .iter()
            .find(|one| one.namespace() == pod.namespace() && one.name_any() == app)?;
        let annotations = template.spec.template.metadata.as_ref()?.annotations.as_ref()?;
        bps(annotations.get(EGRESS_BANDWIDTH)?)
    }

    /// Whether the pod is that of a Deployment that is there. Those of one that was deleted may live on for long under
    /// another of its name: after an outage the cluster is slow to collect them.
    fn belongs(&self, pod: &Pod) -> bool {
        let set = self.replica_sets.iter().find(|set| set.uid().as_deref() == controller(pod));
        let deployment = set.and_then(controller);
        deployment.is_some_and(|uid| self.deployments.iter().any(|one| one.uid().as_deref() == Some(uid)))
    }

    fn claimed(&self, pod: &Pod, app: &str) -> Option<u64> {
        let is_its = self.belongs(pod);
        let policies = self.policies.iter().filter(|policy| is_its && policy.namespace() == pod.namespace());
        let about = |policy: &FlowPolicy| {
            let targets = policy.spec.targets.iter().filter(|target| target.name == app);
            targets.filter_map(|target| claim(policy, target)).min()
        };
        policies.filter_map(about).min()
    }
}

/// The UID of who controls an object.
fn controller(object: &impl ResourceExt) -> Option<&str> {
    let owner = object.owner_references().iter().find(|owner| owner.controller == Some(true))?;
    Some(&owner.uid)
}

/// Where a policy leads to in the end.
fn claim(policy: &FlowPolicy, target: &TargetSpec) -> Option<u64> {
    let parsed = |text: &BandwidthText| text.parse().ok().map(Bandwidth::bps);
    let (min, max) = (parsed(&target.limit.min)?, parsed(&target.limit.max)?);
    let query = policy.spec.objectives.first()?.prometheus.as_ref()?.query.as_deref()?;
    let pin = policy.annotations().get(LIMIT).and_then(|text| bps(text));
    let end = if query == VIOLATED { min } else { max };
    Some(pin.map_or(end, |pin| pin.clamp(min, max)))
}

/// Whether we have written down what we did, and it is what is there.
fn recorded(pod: &Pod) -> bool {
    let all = RECORDS.iter().all(|key| pod.annotations().contains_key(*key));
    all && annotation(pod, APPLIED_EGRESS_BANDWIDTH) == annotation(pod, EGRESS_BANDWIDTH)
}

fn annotation<'a>(pod: &'a Pod, key: &str) -> Option<&'a str> {
    pod.annotations().get(key).map(String::as_str)
}

fn bps(text: &str) -> Option<u64> {
    Bandwidth::parse_quantity(text).ok().map(Bandwidth::bps)
}

#[cfg(test)]
mod tests {
    use super::*;
    use flow_e2e::policies::{by_query, with};
    use serde_json::json;

    fn policy(query: &str, min: &str, max: &str, pin: Option<&str>) -> FlowPolicy {
        let policy =
            with(by_query("x", query, "1"), "/spec/targets/0/limit", json!({"min": min, "max": max}));
        let policy = with(policy, "/metadata/namespace", json!("a"));
        let annotations = pin.map_or(json!({}), |pin| json!({LIMIT: pin}));
        serde_json::from_value(with(policy, "/metadata/annotations", annotations)).unwrap()
    }

    fn owned(uid: &str) -> serde_json::Value {
        json!([{"apiVersion": "apps/v1", "kind": "x", "name": "x", "uid": uid, "controller": true}])
    }

    fn present(policies: Vec<FlowPolicy>, limit: &str, records: bool) -> Present {
        let deployment = json!({"metadata": {"name": "best-effort", "namespace": "a", "uid": "d"}, "spec": {
            "selector": {}, "template": {"metadata": {"annotations": {EGRESS_BANDWIDTH: "60M"}}},
        }});
        let set = json!({"metadata": {"name": "best-effort-1", "namespace": "a", "uid": "r", "ownerReferences": owned("d")}});
        let mut pod: Pod = serde_json::from_value(json!({"metadata": {
            "name": "p", "namespace": "a", "labels": {"app": "best-effort"}, "ownerReferences": owned("r"),
            "annotations": {EGRESS_BANDWIDTH: limit},
        }}))
        .unwrap();
        if records {
            for (key, value) in RECORDS.iter().zip(["60M", limit]) {
                pod.annotations_mut().insert((*key).to_owned(), value.to_owned());
            }
        }
        Present {
            policies,
            deployments: vec![serde_json::from_value(deployment).unwrap()],
            replica_sets: vec![serde_json::from_value(set).unwrap()],
            pods: vec![pod],
        }
    }

    #[test]
    fn the_pods_of_a_deployment_that_was_deleted_are_as_before() {
        let sinks = || vec![policy("vector(2)", "5M", "90M", None)];
        let with_set = |owner: &str, limit: &str, records: bool| {
            let mut present = present(sinks(), limit, records);
            present.replica_sets[0].owner_references_mut()[0].uid = owner.to_owned();
            present.wrong()
        };
        assert_eq!((with_set("d", "5M", true), with_set("gone", "60M", false)), (None, None));
        assert!(with_set("gone", "5M", true).is_some());
    }

    #[test]
    fn the_lowest_claim_holds_and_what_was_there_before_is_never_passed() {
        let sinks = || policy("vector(2)", "5M", "90M", None);
        let grows = || policy("vector(0.1)", "5M", "90M", None);
        assert_eq!(present(vec![sinks(), grows()], "5M", true).wrong(), None);
        assert_eq!(present(vec![grows()], "60M", true).wrong(), None);
        assert_eq!(present(vec![policy("vector(2)", "5M", "90M", Some("7M"))], "7M", true).wrong(), None);
        assert!(present(vec![grows()], "90M", true).wrong().is_some());
        assert!(present(vec![sinks()], "5M", false).wrong().is_some());
    }

    #[test]
    fn without_a_policy_a_pod_is_as_it_was_before() {
        assert_eq!(present(vec![], "60M", false).wrong(), None);
        assert!(present(vec![], "60M", true).wrong().is_some());
        assert!(present(vec![], "5M", false).wrong().is_some());
    }
}
