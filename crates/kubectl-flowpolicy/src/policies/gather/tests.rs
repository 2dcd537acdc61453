use super::*;
use crate::api_server::{list, refuse, serve};
use crate::policies::Hold;
use crate::policies::fixture::stored;
use flow_control::Bandwidth;
use flow_policy::names::{APPLIED_EGRESS_BANDWIDTH, EGRESS_BANDWIDTH, ORIGINAL_EGRESS_BANDWIDTH};
use serde_json::{Value, json};

fn metadata(name: &str, owner: &str) -> Value {
    let owner = json!([{"apiVersion": "v1", "kind": "X", "name": "x", "uid": owner, "controller": true}]);
    json!({"name": name, "namespace": "factory", "uid": format!("uid-{name}"), "ownerReferences": owner})
}

/// A pod of the Deployment that is held to 64M.
fn pod() -> Value {
    let mut metadata = metadata("upload-1-a", "uid-upload-1");
    metadata["annotations"] = json!({
        EGRESS_BANDWIDTH: "64M", ORIGINAL_EGRESS_BANDWIDTH: "", APPLIED_EGRESS_BANDWIDTH: "64M", "team": "a",
    });
    json!({"metadata": metadata, "spec": {"nodeName": "n1", "containers": []}, "status": {"phase": "Running"}})
}

fn partial(metadata: &Value) -> Value {
    json!({"apiVersion": "meta.k8s.io/v1", "kind": "PartialObjectMetadata", "metadata": metadata})
}

fn answer(path: &str) -> (u16, Value) {
    match path.rsplit('/').next().unwrap_or_default() {
        "pods" => list(&[pod()]),
        "deployments" => list(&[partial(&metadata("upload", ""))]),
        "replicasets" => list(&[partial(&metadata("upload-1", "uid-upload"))]),
        _ => refuse(403, path),
    }
}

async fn seen(connection: &Connection) -> Pods {
    let policy = serde_json::from_value(stored()).unwrap();
    let mut seen = see(connection, vec![policy]).await.unwrap();
    seen.policies.remove(0).targets.remove(0).pods
}

#[tokio::test]
async fn the_pods_of_a_target_are_found_with_what_holds_them() {
    let (connection, log) = serve(|asked| answer(&asked.path));
    let limit = Some(Bandwidth::from_mbps(64));
    let expected = PodView {
        namespace: "factory".to_owned(),
        name: "upload-1-a".to_owned(),
        node: Some("n1".to_owned()),
        phase: Some("Running".to_owned()),
        limiting: [
            (EGRESS_BANDWIDTH, "64M"),
            (ORIGINAL_EGRESS_BANDWIDTH, ""),
            (APPLIED_EGRESS_BANDWIDTH, "64M"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into(),
        hold: Hold::Written { limit, before: None },
    };
    assert_eq!(seen(&connection).await, Pods::Seen(vec![expected]));
    let daemon_sets = log.lock().unwrap().iter().filter(|asked| asked.path.ends_with("daemonsets")).count();
    assert_eq!(daemon_sets, 0, "no target is one");
}

#[tokio::test]
async fn pods_that_may_not_be_seen_are_told_to_be_unseen() {
    let (connection, _) = serve(|asked| refuse(403, &asked.path));
    let why = "cannot list pods in the namespace factory: it is not allowed: no";
    assert_eq!(seen(&connection).await, Pods::Unseen(why.to_owned()));
}

#[tokio::test]
async fn an_api_server_that_fails_is_an_error() {
    let (connection, _) = serve(|asked| refuse(500, &asked.path));
    let policy = serde_json::from_value(stored()).unwrap();
    let failure = see(&connection, vec![policy]).await.unwrap_err();
    assert_eq!(failure.to_string(), "cannot list pods in the namespace factory: no");
}
