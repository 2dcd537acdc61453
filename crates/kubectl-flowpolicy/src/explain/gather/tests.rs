use super::*;
use crate::api_server::{list, refuse, serve};
use crate::policies::fixture::stored;
use serde_json::{Value, json};

fn pod(name: &str) -> Value {
    json!({
        "metadata": {"name": name, "namespace": "factory", "uid": name, "labels": {"app": name}},
        "spec": {"containers": []}, "status": {"phase": "Running"},
    })
}

/// A policy for pods by label, in the namespace `factory`.
fn policy(name: &str, app: &str) -> Value {
    let mut policy = stored();
    policy["metadata"]["name"] = json!(name);
    let selector = json!({"matchLabels": {"app": app}});
    policy["spec"]["targets"] = json!([{"kind": "Pods", "name": "others", "selector": selector}]);
    policy
}

fn answer(path: &str) -> (u16, Value) {
    match path {
        "/api/v1/namespaces/factory/pods/upload" => (200, pod("upload")),
        "/api/v1/namespaces/factory/pods" => list(&[pod("upload"), pod("erp")]),
        "/apis/apps/v1/namespaces/factory/deployments/upload" => {
            let selector = json!({"matchLabels": {"app": "upload"}});
            (200, json!({"metadata": {"name": "upload"}, "spec": {"selector": selector, "template": {}}}))
        }
        "/apis/flow.fustli.io/v1alpha1/flowpolicies" => {
            let mut elsewhere = policy("office", "mail");
            elsewhere["metadata"]["namespace"] = json!("office");
            list(&[policy("robot", "upload"), policy("camera", "erp"), elsewhere])
        }
        "/apis/flow.fustli.io/v1alpha1/namespaces/factory/flowpolicies" => list(&[policy("robot", "upload")]),
        "/api/v1/namespaces/factory/events" => list(&[]),
        path => refuse(404, path),
    }
}

async fn explained(connection: &Connection, subject: &str) -> Result<Explained, Error> {
    gather(connection, subject.parse().unwrap()).await
}

fn names(explained: &Explained) -> Vec<String> {
    explained.policies.iter().map(|touching| touching.policy.name()).collect()
}

#[tokio::test]
async fn only_policies_with_a_pod_of_the_subject_touch_it() {
    let (connection, log) = serve(|asked| answer(&asked.path));
    for subject in ["pod/upload", "deploy/upload"] {
        let explained = explained(&connection, subject).await.unwrap();
        assert_eq!((names(&explained), explained.pods.len()), (vec!["factory/robot".to_owned()], 1));
        assert_eq!(explained.policies[0].targets, [0]);
    }
    let log = log.lock().unwrap();
    let events = log.iter().find(|asked| asked.path.ends_with("/events")).unwrap();
    assert!(events.query.contains("involvedObject.name%3Drobot"), "{}", events.query);
}

#[tokio::test]
async fn namespaces_that_have_no_pod_of_the_subject_are_not_looked_into() {
    let (connection, log) = serve(|asked| match asked.path.as_str() {
        "/apis/flow.fustli.io/v1alpha1/namespaces/factory/flowpolicies/robot" => {
            (200, policy("robot", "upload"))
        }
        path => answer(path),
    });
    for subject in ["pod/upload", "fp/robot"] {
        assert_eq!(names(&explained(&connection, subject).await.unwrap()), ["factory/robot"]);
    }
    let log = log.lock().unwrap();
    let elsewhere: Vec<_> = log.iter().filter(|asked| asked.path.contains("office")).collect();
    assert!(elsewhere.is_empty(), "{elsewhere:?}");
}

#[tokio::test]
async fn what_may_not_be_seen_is_told_and_the_rest_is_explained() {
    let (connection, _) = serve(|asked| match asked.path.as_str() {
        path @ ("/apis/flow.fustli.io/v1alpha1/flowpolicies" | "/api/v1/namespaces/factory/events") => {
            refuse(403, path)
        }
        path => answer(path),
    });
    let explained = explained(&connection, "po/upload").await.unwrap();
    assert_eq!(explained.unseen.as_deref(), Some("policies of other namespaces may not be seen"));
    assert_eq!(names(&explained), ["factory/robot"]);
    let why = explained.policies[0].history.as_ref().unwrap_err();
    assert_eq!(why, "cannot list events in the namespace factory: it is not allowed: no");
}

#[tokio::test]
async fn what_there_is_not_is_named() {
    let (connection, _) = serve(|asked| answer(&asked.path));
    let error = explained(&connection, "sts/erp").await.unwrap_err();
    assert_eq!(error.to_string(), "cannot get the StatefulSet erp in the namespace factory: there is none");
    assert_eq!(error.next().unwrap(), "kubectl get statefulsets.apps -n factory");
}
