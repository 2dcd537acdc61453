//! Somebody else has changed the pod, or its limit.

use super::{Stage, held, limited, pod, policy};
use crate::enforce::{Backend, Held};
use flow_policy::names::{APPLIED_EGRESS_BANDWIDTH, EGRESS_BANDWIDTH, ORIGINAL_EGRESS_BANDWIDTH};
use futures::FutureExt;
use http::StatusCode;
use serde_json::Value;
use std::time::Duration;

#[tokio::test]
async fn a_take_over_that_met_a_change_starts_again_from_what_is_there_now() {
    let mut stage = Stage::new();
    stage.watch(&pod(7, &[(EGRESS_BANDWIDTH, "1G")]));
    stage.claim(64);
    let first = stage.asked().await;
    assert!(first.is_forced());
    assert_eq!(first.body["metadata"]["resourceVersion"], "7");
    assert_eq!(first.annotation(ORIGINAL_EGRESS_BANDWIDTH), "1G");
    stage.watch(&pod(8, &[(EGRESS_BANDWIDTH, "2G")]));
    first.refuse(StatusCode::CONFLICT, "the object has been modified");
    let second = stage.asked().await;
    assert_eq!(second.body["metadata"]["resourceVersion"], "8");
    assert_eq!(second.annotation(ORIGINAL_EGRESS_BANDWIDTH), "2G");
}

#[tokio::test(start_paused = true)]
async fn a_pod_that_changes_while_it_starts_is_limited_without_delay() {
    let mut stage = Stage::new();
    stage.watch(&pod(7, &[]));
    stage.claim(64);
    let began = tokio::time::Instant::now();
    // The scheduler binds it, and the kubelet reports it twice.
    for version in 8..=10 {
        let asked = stage.asked().await;
        stage.watch(&pod(version, &[]));
        asked.refuse(StatusCode::CONFLICT, "the object has been modified");
    }
    let settled = stage.asked().await;
    assert_eq!(settled.body["metadata"]["resourceVersion"], "10");
    let taken = began.elapsed();
    assert!(taken < Duration::from_millis(50), "{taken:?}");
}

#[tokio::test]
async fn a_limit_that_another_manager_has_taken_is_never_forced() {
    let mut stage = Stage::new();
    stage.watch(&limited(7, "64M", ""));
    stage.claim(50);
    let change = stage.asked().await;
    assert!(!change.is_forced());
    change.refuse(StatusCode::CONFLICT, "conflict with \"kubectl-annotate\" using v1");
    let again = stage.asked().await;
    assert!(!again.is_forced());
    let problem = stage.problem().unwrap();
    assert!(problem.contains("kubectl-annotate"), "{problem}");
}

#[tokio::test]
async fn a_value_that_was_set_by_hand_is_left_and_told() {
    let mut stage = Stage::new();
    let by_hand =
        [(EGRESS_BANDWIDTH, "70M"), (ORIGINAL_EGRESS_BANDWIDTH, ""), (APPLIED_EGRESS_BANDWIDTH, "64M")];
    stage.watch(&pod(7, &by_hand));
    stage.claim(50);
    let problem = stage.problem().unwrap();
    assert!(problem.contains("70M"), "{problem}");
    // The first thing that is ever written is the restoration, and it leaves their value alone.
    stage.enforcer.all_policies_known();
    stage.enforcer.withdraw(&policy());
    let restoration = stage.asked().await;
    assert_eq!(restoration.annotation(ORIGINAL_EGRESS_BANDWIDTH), &Value::Null);
    assert!(restoration.body["metadata"]["annotations"].get(EGRESS_BANDWIDTH).is_none());
}

#[tokio::test]
async fn a_marker_removed_by_hand_does_not_make_our_limit_the_original() {
    let mut stage = Stage::new();
    stage.watch(&pod(7, &[(EGRESS_BANDWIDTH, "64M"), (APPLIED_EGRESS_BANDWIDTH, "64M")]));
    stage.claim(50);
    let asked = stage.asked().await;
    assert_eq!(asked.annotation(ORIGINAL_EGRESS_BANDWIDTH), "");
}

#[tokio::test]
async fn a_lower_value_that_was_set_by_hand_holds_the_pod() {
    let mut stage = Stage::with(Backend::Cilium);
    let by_hand =
        [(EGRESS_BANDWIDTH, "5M"), (ORIGINAL_EGRESS_BANDWIDTH, ""), (APPLIED_EGRESS_BANDWIDTH, "64M")];
    stage.watch(&pod(7, &by_hand));
    stage.claim(50);
    assert_eq!(stage.problem(), None);
    assert!(matches!(held(&stage.enforcer), Held::ByHand { .. }));
    stage.claim(4);
    assert!(stage.problem().is_some(), "5M is more than 4M");
    assert!(stage.api.next_request().now_or_never().is_none(), "nothing is written");
}
