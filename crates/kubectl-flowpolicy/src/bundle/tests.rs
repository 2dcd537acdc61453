use super::*;
use crate::api_server::{Asked, list, refuse, serve};
use crate::policies::fixture::stored;
use flate2::read::GzDecoder;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::Read;

const SECRET: &str = "s3cret-of-the-test";

fn pod() -> Value {
    json!({
        "metadata": {"name": "flow-manager-1", "namespace": "flow-manager-system"},
        "spec": {"containers": [{
            "name": "flow-manager", "image": "fustli/flow-manager:1",
            "args": ["run", format!("--prometheus-header=X-Key={SECRET}")],
            "env": [{"name": "PROMETHEUS_URL", "value": format!("http://flow:{SECRET}@prometheus")}],
        }]},
        "status": {"phase": "Running", "containerStatuses": [{
            "name": "flow-manager", "image": "", "imageID": "", "ready": true, "restartCount": 1,
        }]},
    })
}

fn answer(asked: &Asked) -> (u16, Value) {
    let deployment = "/apis/apps/v1/namespaces/flow-manager-system/deployments/flow-manager";
    match asked.path.as_str() {
        "/version" => (
            200,
            json!({
                "major": "1", "minor": "31", "gitVersion": "v1.31.2", "gitCommit": "", "gitTreeState": "",
                "buildDate": "", "goVersion": "", "compiler": "", "platform": "",
            }),
        ),
        "/apis/flow.fustli.io/v1alpha1/flowpolicies" => list(&[stored()]),
        "/api/v1/namespaces/factory/events" => list(&[]),
        "/api/v1/namespaces/flow-manager-system/pods" => list(&[pod()]),
        "/api/v1/namespaces/flow-manager-system/pods/flow-manager-1/log" => {
            (200, json!({"message": format!("asked with Authorization: Bearer {SECRET}")}))
        }
        path if path == deployment => {
            let selector = json!({"matchLabels": {
                "app.kubernetes.io/instance": "mine", "app.kubernetes.io/component": "controller",
            }});
            (
                200,
                json!({"metadata": {"name": "flow-manager"}, "spec": {"selector": selector, "template": {}}}),
            )
        }
        path => refuse(403, path),
    }
}

fn args(path: &std::path::Path) -> Args {
    Args {
        file: Some(path.to_owned()),
        installation: Installation {
            system_namespace: "flow-manager-system".to_owned(),
            release: "flow-manager".to_owned(),
        },
        shapers: Shapers { shaper_namespace: "flow-manager-shaper".to_owned() },
    }
}

fn files(path: &std::path::Path) -> BTreeMap<String, String> {
    let mut tar = tar::Archive::new(GzDecoder::new(std::fs::File::open(path).unwrap()));
    let entries = tar.entries().unwrap().map(|entry| {
        let mut entry = entry.unwrap();
        let path = entry.path().unwrap().display().to_string();
        let mut content = String::new();
        entry.read_to_string(&mut content).unwrap();
        (path.split_once('/').unwrap().1.to_owned(), content)
    });
    entries.collect()
}

#[tokio::test]
async fn it_has_what_may_be_read_and_tells_what_may_not() {
    let (connection, log) = serve(answer);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bundle.tar.gz");
    run(&args(&path), &connection).await.unwrap();
    let files = files(&path);
    let names: Vec<_> = files.keys().map(String::as_str).collect();
    let expected = [
        "events/factory.yaml",
        "explain/factory/robot.txt",
        "installation/flow-manager-system/pods.yaml",
        "logs/flow-manager-system/flow-manager-1/flow-manager.log",
        "logs/flow-manager-system/flow-manager-1/flow-manager.previous.log",
        "missing.txt",
        "policies.yaml",
        "target-pods.yaml",
        "versions.yaml",
    ];
    assert_eq!(names, expected);
    assert!(files["versions.yaml"].contains("v1.31.2"), "{}", files["versions.yaml"]);
    assert!(files["policies.yaml"].contains("command-jitter"));
    let why = &files["explain/factory/robot.txt"];
    assert!(why.starts_with("factory/robot: what led to its limits\n") && why.contains("Down: "), "{why}");
    for missing in [
        "cannot list nodes: it is not allowed",
        "cannot get the Lease flow-manager in",
        "the operator's page: cannot get the Lease",
    ] {
        assert!(files["missing.txt"].contains(missing), "{}", files["missing.txt"]);
    }
    let log = log.lock().unwrap();
    let pods = log.iter().find(|asked| asked.path.ends_with("flow-manager-system/pods")).unwrap();
    assert!(pods.query.contains("labelSelector=app.kubernetes.io%2Finstance%3Dmine"), "{}", pods.query);
    assert!(log.iter().all(|asked| !asked.path.contains("secrets")), "Secrets are not read");
}

/// The same where more is allowed, and a target is a set of pods.
fn generous(asked: &Asked) -> (u16, Value) {
    match asked.path.as_str() {
        "/apis/flow.fustli.io/v1alpha1" => {
            let resource = json!({
                "name": "flowpolicies", "singularName": "flowpolicy", "namespaced": true, "kind": "FlowPolicy",
                "verbs": ["list"],
            });
            (200, json!({"groupVersion": "flow.fustli.io/v1alpha1", "resources": [resource]}))
        }
        "/apis/flow.fustli.io/v1alpha1/flowpolicies" => {
            let mut policy = stored();
            policy["spec"]["targets"][0]["kind"] = json!("Pods");
            policy["spec"]["targets"][0]["selector"] = json!({"matchLabels": {"app": "upload"}});
            list(&[policy])
        }
        "/api/v1/namespaces/factory/pods" => list(&[json!({
            "metadata": {
                "name": "upload-1", "namespace": "factory", "uid": "u1", "labels": {"app": "upload"},
                "annotations": {"kubernetes.io/egress-bandwidth": "64M", "team": "a"},
            },
            "spec": {"nodeName": "n1", "containers": []}, "status": {"phase": "Running"},
        })]),
        path if path.ends_with("/selfsubjectaccessreviews") => (
            201,
            json!({
                "apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview",
                "metadata": {}, "spec": {}, "status": {"allowed": true},
            }),
        ),
        _ => answer(asked),
    }
}

#[tokio::test]
async fn the_pods_of_targets_are_listed_once() {
    let (connection, log) = serve(generous);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bundle.tar.gz");
    run(&args(&path), &connection).await.unwrap();
    let files = files(&path);
    let pods = &files["target-pods.yaml"];
    assert!(pods.contains("name: upload-1\n") && !pods.contains("team"), "{pods}");
    let check = &files["check.txt"];
    assert!(check.contains("factory/robot does its work"), "{check}");
    let log = log.lock().unwrap();
    let asked = |path: &str| log.iter().filter(|asked| asked.path == path).count();
    assert_eq!(asked("/api/v1/namespaces/factory/pods"), 1);
    assert_eq!(asked("/apis/flow.fustli.io/v1alpha1/flowpolicies"), 1);
}

#[tokio::test]
async fn no_credential_is_in_it() {
    let (connection, _) = serve(answer);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bundle.tar.gz");
    run(&args(&path), &connection).await.unwrap();
    let files = files(&path);
    for (name, content) in &files {
        assert!(!content.contains(SECRET), "{name}: {content}");
    }
    let masked = |name: &str, part: &str| assert!(files[name].contains(part), "{}", files[name]);
    masked("installation/flow-manager-system/pods.yaml", "http://***@prometheus");
    masked("installation/flow-manager-system/pods.yaml", "--prometheus-header=X-Key=***");
    masked("logs/flow-manager-system/flow-manager-1/flow-manager.log", "Authorization: ***");
}

#[tokio::test]
async fn another_file_is_left_alone_and_a_cluster_that_fails_leaves_none() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bundle.tar.gz");
    let (away, _) = serve(|asked| refuse(500, &asked.path));
    assert!(matches!(run(&args(&path), &away).await, Err(Error::Bundle(Problem::Cluster(_)))));
    assert!(!path.exists());
    std::fs::write(&path, "mine").unwrap();
    let (connection, _) = serve(answer);
    let error = run(&args(&path), &connection).await.unwrap_err();
    assert!(
        error.to_string().starts_with(&format!("the archive {} cannot be written", path.display())),
        "{error}"
    );
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "mine");
}
