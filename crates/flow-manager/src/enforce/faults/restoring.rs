//! What was there before is given back.

use super::{Stage, limited, namespaces, pod, policy};
use crate::enforce::Backend;
use flow_policy::names::{EGRESS_BANDWIDTH, KUBE_OVN_EGRESS_RATE, ORIGINAL_EGRESS_BANDWIDTH};
use futures::FutureExt;
use http::StatusCode;
use serde_json::Value;

#[tokio::test]
async fn a_pod_that_is_gone_is_forgotten() {
    let mut stage = Stage::new();
    let before = limited(7, "64M", "");
    stage.watch(&before);
    stage.enforcer.all_policies_known();
    let gone = stage.asked().await;
    gone.refuse(StatusCode::NOT_FOUND, "pods \"upload\" not found");
    assert_eq!(stage.enforcer.restored(&namespaces()).now_or_never(), None, "the cache still has it");
    stage.watch_deletion(&before);
    stage.restored().await;
}

#[tokio::test]
async fn nobody_s_pod_is_restored_once_all_policies_are_known() {
    let mut stage = Stage::new();
    let before = limited(7, "64M", "1G");
    stage.watch(&before);
    assert_eq!(stage.enforcer.restored(&namespaces()).now_or_never(), None);
    stage.enforcer.all_policies_known();
    let restoration = stage.asked().await;
    assert_eq!(restoration.body["metadata"]["resourceVersion"], "7");
    let after = restoration.accept(&before, 8);
    assert_eq!(after, pod(8, &[(EGRESS_BANDWIDTH, "1G")]));
    stage.watch(&after);
    stage.restored().await;
}

#[tokio::test]
async fn a_pod_that_is_left_in_any_of_the_namespaces_is_waited_for() {
    let mut stage = Stage::new();
    stage.watch(&limited(7, "64M", ""));
    let restored = |namespaces: &[&str]| {
        let namespaces: Vec<_> = namespaces.iter().map(|name| (*name).to_owned()).collect();
        stage.enforcer.restored(&namespaces).now_or_never().is_some()
    };
    assert!(restored(&["lab"]) && restored(&[]));
    assert!(!restored(&["lab", "factory"]));
}

#[tokio::test]
async fn the_old_state_of_a_restored_pod_is_not_restored_again() {
    let mut stage = Stage::new();
    let before = limited(7, "64M", "1G");
    stage.watch(&before);
    stage.enforcer.all_policies_known();
    let restoration = stage.asked().await;
    restoration.accept(&before, 9);
    stage.restored().await;
    stage.watch(&limited(8, "64M", "1G"));
    assert!(stage.enforcer.restored(&namespaces()).now_or_never().is_some(), "it is known to be restored");
    stage.claim(64);
    let take_over = stage.asked().await;
    assert_eq!(take_over.body["metadata"]["resourceVersion"], "9");
    assert_eq!(take_over.annotation(ORIGINAL_EGRESS_BANDWIDTH), "1G");
}

#[tokio::test]
async fn a_marked_pod_on_the_host_network_does_not_hold_up_its_namespace() {
    let mut stage = Stage::new();
    let mut before = limited(7, "64M", "");
    before.spec =
        Some(k8s_openapi::api::core::v1::PodSpec { host_network: Some(true), ..Default::default() });
    stage.watch(&before);
    stage.enforcer.all_policies_known();
    stage.asked().await.accept(&before, 8);
    stage.restored().await;
}

#[tokio::test]
async fn where_limits_take_effect_only_at_creation_running_pods_are_not_written_but_given_back() {
    let mut stage = Stage::with(Backend::AtCreation);
    stage.watch(&pod(7, &[]));
    stage.claim(64);
    stage.enforcer.all_policies_known();
    assert!(stage.api.next_request().now_or_never().is_none(), "it would have no effect");
    assert!(stage.problem().unwrap().contains("only when a pod is created"));
    let limited = limited(8, "64M", "1G");
    stage.watch(&limited);
    let restoration = stage.asked().await;
    assert_eq!(restoration.limit(), "1G");
    let after = restoration.accept(&limited, 9);
    stage.watch(&after);
    stage.enforcer.withdraw(&policy());
    stage.restored().await;
}

#[tokio::test]
async fn after_a_restart_with_another_back_end_a_pod_is_given_back_before_it_is_limited() {
    let mut stage = Stage::with(Backend::KubeOvn);
    let before = limited(7, "64M", "1G");
    stage.watch(&before);
    stage.claim(50);
    let restoration = stage.asked().await;
    assert_eq!(restoration.limit(), "1G");
    restoration.accept(&before, 8);
    let take_over = stage.asked().await;
    assert_eq!(take_over.annotation(KUBE_OVN_EGRESS_RATE), "50");
    assert!(take_over.query.contains("fieldManager=flow-manager-kube-ovn"), "{}", take_over.query);
    assert_eq!(take_over.annotation(EGRESS_BANDWIDTH), &Value::Null, "it is not ours any more");
}
