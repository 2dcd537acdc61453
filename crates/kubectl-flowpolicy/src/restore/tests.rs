use super::*;
use crate::api_server::{list, refuse, serve};
use flow_manager::rollout::Restored;
use flow_policy::names::{APPLIED_EGRESS_BANDWIDTH, EGRESS_BANDWIDTH, ORIGINAL_EGRESS_BANDWIDTH};
use http::Method;
use jiff::Timestamp;
use serde_json::{Value, json};
use std::sync::atomic::{AtomicBool, Ordering};

const LEASE: &str = "/apis/coordination.k8s.io/v1/namespaces/flow-manager-system/leases/flow-manager";
const PODS: &str = "/api/v1/namespaces/factory/pods";

fn args() -> Args {
    let installation = Installation {
        system_namespace: "flow-manager-system".to_owned(),
        release: "flow-manager".to_owned(),
    };
    Args { all: false, installation }
}

fn limited() -> Value {
    let annotations = json!({
        EGRESS_BANDWIDTH: "64M", ORIGINAL_EGRESS_BANDWIDTH: "1G", APPLIED_EGRESS_BANDWIDTH: "64M",
    });
    json!({"metadata": {
        "name": "upload", "namespace": "factory", "uid": "u1", "resourceVersion": "3", "annotations": annotations,
    }})
}

#[test]
fn what_was_given_back_is_counted() {
    let templates = Restored { number: 0, forbidden: vec![] };
    let given_back = GivenBack { pods: 1, templates, policies: 2 };
    assert_eq!(told(&given_back), "given back: 1 pod, 0 pod templates; 2 policies may be deleted\n");
    assert_eq!(told(&GivenBack::default()), "given back: 0 pods, 0 pod templates\n");
}

#[tokio::test]
async fn without_a_controller_the_pods_of_the_namespace_are_as_they_were() {
    let written = AtomicBool::new(false);
    let (connection, log) = serve(move |asked| match (&asked.method, asked.path.as_str()) {
        (_, LEASE) => (200, json!({"metadata": {"name": "flow-manager"}})),
        (&Method::PATCH, _) => {
            written.store(true, Ordering::Relaxed);
            (200, limited())
        }
        (_, PODS) if !written.load(Ordering::Relaxed) => list(&[limited()]),
        _ => list(&[]),
    });
    let given_back = here(&args(), &connection).await.unwrap();
    assert_eq!(given_back.pods, 1);
    let log = log.lock().unwrap();
    let write = log.iter().find(|asked| asked.method == Method::PATCH).unwrap();
    assert_eq!(write.path, "/api/v1/namespaces/factory/pods/upload");
    let expected = json!({
        EGRESS_BANDWIDTH: "1G", ORIGINAL_EGRESS_BANDWIDTH: null, APPLIED_EGRESS_BANDWIDTH: null,
    });
    assert_eq!(write.body["metadata"]["annotations"], expected);
    assert!(log.iter().all(|asked| asked.path == LEASE || asked.path.contains("/namespaces/factory/")));
}

#[tokio::test]
async fn while_a_controller_leads_nothing_is_touched() {
    let renewed = Timestamp::now().to_string();
    let (connection, log) = serve(move |asked| match asked.path.as_str() {
        LEASE => {
            let spec = json!({"holderIdentity": "pod-a", "renewTime": renewed, "leaseDurationSeconds": 15});
            (200, json!({"metadata": {"name": "flow-manager"}, "spec": spec}))
        }
        path => refuse(500, path),
    });
    let error = here(&args(), &connection).await.unwrap_err();
    assert_eq!(error.to_string(), "the controller pod-a leads, and would limit the pods in factory again");
    assert_eq!((error.code(), log.lock().unwrap().len()), (1, 1));
}

#[tokio::test]
async fn pods_that_may_not_be_listed_are_told_with_the_command_that_asks() {
    let (connection, _) = serve(|asked| match asked.path.as_str() {
        LEASE => refuse(404, LEASE),
        PODS => refuse(403, PODS),
        _ => list(&[]),
    });
    let error = here(&args(), &connection).await.unwrap_err();
    let expected =
        "not everything was given back: cannot list pods in the namespace factory: it is not allowed: no";
    assert_eq!(error.to_string(), expected);
    assert_eq!(error.next().unwrap(), "kubectl auth can-i list pods -n factory");
}
