use super::report::{Check, Outcome};
use crate::connection::{Connection, Failure, Within};
use crate::policies::Seen;
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use std::collections::BTreeSet;

const BACKENDS: &str = "docs/operating.md#back-ends";
const COMPONENT: &str = "app.kubernetes.io/component";

/// Who makes limits take effect does so on each node that has a pod of a target.
pub(super) async fn check(
    connection: &Connection,
    shaper_namespace: &str,
    seen: &Seen,
) -> Result<Vec<Check>, Failure> {
    let backends: BTreeSet<_> = seen.policies.iter().filter_map(|policy| policy.status().backend).collect();
    let mut checks = Vec::new();
    for backend in &backends {
        checks.extend(match backend.as_str() {
            "shaper" => shapers(connection, shaper_namespace, seen).await?,
            other => vec![of_plugin(other)],
        });
    }
    if checks.is_empty() {
        checks.push(Check::otherwise(Outcome::Unknown, "no policy tells of a back-end yet", "", BACKENDS));
    }
    Ok(checks)
}

fn of_plugin(backend: &str) -> Check {
    if backend == "at-creation" {
        let found = "the back-end at-creation limits no running pod";
        let hint = "run the shaper, or policies with the strategy Rollout";
        return Check::otherwise(Outcome::Warning, found, hint, BACKENDS);
    }
    let found = format!("the back-end {backend} follows running pods, and does not tell whether it does");
    Check::otherwise(Outcome::Unknown, found, "", BACKENDS)
}

async fn shapers(connection: &Connection, namespace: &str, seen: &Seen) -> Result<Vec<Check>, Failure> {
    match connection.list::<Pod>(&Within::Namespace(namespace.to_owned())).await {
        Ok(pods) => Ok(on_nodes(&nodes_with_targets(seen), &pods, namespace)),
        Err(failure @ Failure::Forbidden { .. }) => Ok(vec![Check::otherwise(
            Outcome::Unknown,
            failure.to_string(),
            "",
            "docs/kubectl.md#permissions",
        )]),
        Err(failure) => Err(failure),
    }
}

fn nodes_with_targets(seen: &Seen) -> BTreeSet<String> {
    let targets = seen.policies.iter().flat_map(|policy| &policy.targets);
    targets.flat_map(|target| target.pods.seen()).filter_map(|pod| pod.node.clone()).collect()
}

/// Each node with a pod of a target has a shaper that is ready.
fn on_nodes(nodes: &BTreeSet<String>, pods: &[Pod], namespace: &str) -> Vec<Check> {
    let ready: BTreeSet<_> = pods.iter().filter(|pod| is_ready_shaper(pod)).filter_map(node).collect();
    let without: Vec<_> = nodes.iter().filter(|node| !ready.contains(node.as_str())).collect();
    if without.is_empty() {
        let nodes = nodes.len();
        return vec![Check::passed(format!(
            "a shaper is ready on each node with a target ({nodes} of {nodes})"
        ))];
    }
    let hint = format!("kubectl -n {namespace} get pods -o wide");
    let check = |node: &String| {
        let found = format!("no shaper is ready on the node {node}, which has a pod of a target");
        Check::otherwise(Outcome::Failed, found, hint.clone(), "docs/alerts.md#flowmanagershaperdown")
    };
    without.into_iter().map(check).collect()
}

fn node(pod: &Pod) -> Option<&str> {
    pod.spec.as_ref()?.node_name.as_deref()
}

fn is_ready_shaper(pod: &Pod) -> bool {
    let conditions = pod.status.iter().flat_map(|status| status.conditions.iter().flatten());
    let is_ready =
        conditions.into_iter().any(|condition| condition.type_ == "Ready" && condition.status == "True");
    is_ready && pod.labels().get(COMPONENT).is_some_and(|component| component == "shaper")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policies::fixture::violated;
    use serde_json::json;

    fn shaper(node: &str, ready: &str) -> Pod {
        serde_json::from_value(json!({
            "metadata": {"labels": {COMPONENT: "shaper"}},
            "spec": {"nodeName": node, "containers": []},
            "status": {"conditions": [{"type": "Ready", "status": ready}]},
        }))
        .unwrap()
    }

    #[test]
    fn each_node_with_a_target_needs_a_shaper_that_is_ready() {
        let nodes = nodes_with_targets(&Seen { policies: vec![violated()] });
        let found = |pods: &[Pod]| on_nodes(&nodes, pods, "shapers").remove(0).found;
        assert_eq!(found(&[shaper("n1", "True")]), "a shaper is ready on each node with a target (1 of 1)");
        let missing = "no shaper is ready on the node n1, which has a pod of a target";
        assert_eq!(found(&[shaper("n1", "False"), shaper("n2", "True")]), missing);
    }
}
