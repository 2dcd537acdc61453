//! What a limit may be raised from, and when it is known to be in force.

use super::{Stage, held, id, limited, pod, policy};
use crate::enforce::{Confirmed, Held};
use flow_control::Bandwidth;
use flow_policy::names::EGRESS_BANDWIDTH;
use futures::FutureExt;
use http::StatusCode;
use serde_json::json;

#[tokio::test]
async fn a_pod_that_has_its_limit_is_not_written_after_a_restart() {
    let mut stage = Stage::new();
    stage.watch(&limited(7, "64M", ""));
    stage.claim(64);
    stage.claim(50);
    assert_eq!(stage.asked().await.limit(), "50M", "64M was not written");
}

#[tokio::test]
async fn a_lower_limit_that_somebody_else_has_set_in_our_name_is_raised_once_the_policy_has_heard_of_it() {
    let mut stage = Stage::new();
    stage.watch(&limited(7, "64M", ""));
    stage.claim(64);
    stage.watch(&limited(8, "20M", ""));
    stage.claim(50);
    assert!(stage.api.next_request().now_or_never().is_none(), "20M is raised");
    let found = stage.enforcer.inherited(&policy(), [&id()]);
    assert_eq!(found, [(id(), Bandwidth::from_mbps(20))]);
    stage.enforcer.heard(&policy(), &found);
    for version in ["8", "9"] {
        let raise = stage.asked().await;
        assert_eq!(
            (raise.limit(), &raise.body["metadata"]["resourceVersion"]),
            (&json!("50M"), &json!(version))
        );
        stage.watch(&limited(9, "20M", ""));
        raise.refuse(StatusCode::CONFLICT, "the object has been modified");
    }
    assert_eq!(stage.enforcer.inherited(&policy(), [&id()]), []);
}

#[tokio::test]
async fn a_lower_limit_may_be_our_own_of_which_no_answer_came() {
    let mut stage = Stage::new();
    stage.watch(&limited(7, "64M", ""));
    stage.claim(50);
    let lost = stage.asked().await;
    stage.watch(&limited(8, "50M", ""));
    stage.claim(60);
    lost.refuse(StatusCode::INTERNAL_SERVER_ERROR, "nobody knows whether it was made");
    assert_eq!(stage.asked().await.limit(), "60M");
}

#[tokio::test]
async fn a_limit_is_confirmed_once_it_is_written_and_the_shaper_says_so() {
    let mut stage = Stage::new();
    let before = limited(7, "50M", "");
    stage.watch(&before);
    assert_eq!(stage.confirmed(50), Confirmed::Unwitnessed, "nothing is asked for");
    stage.claim(50);
    assert!(matches!(stage.confirmed(50), Confirmed::Since(_)));
    stage.claim(40);
    let change = stage.asked().await;
    assert_eq!([stage.confirmed(50), stage.confirmed(40)], [Confirmed::NotYet; 2], "it is not written");
    change.accept(&before, 8);
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert_eq!(stage.confirmed(50), Confirmed::NotYet, "that is the one of a moment ago");
    assert!(matches!(stage.confirmed(40), Confirmed::Since(_)));
}

#[tokio::test]
async fn a_limit_of_before_is_not_exceeded() {
    let mut stage = Stage::new();
    let before = pod(7, &[(EGRESS_BANDWIDTH, "20M")]);
    stage.watch(&before);
    stage.claim(64);
    let take_over = stage.asked().await;
    assert_eq!(take_over.limit(), "20M");
    let after = take_over.accept(&before, 8);
    stage.watch(&after);
    assert_eq!(held(&stage.enforcer), Held::Before(Bandwidth::from_mbps(20)));
    stage.claim(10);
    assert_eq!(stage.asked().await.limit(), "10M");
}
