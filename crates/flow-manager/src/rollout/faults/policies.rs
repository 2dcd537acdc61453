//! Policies that are not what they were when they were seen last.

use super::{Scene, deployment, limited, policy, stored};
use crate::api_server::answers::{answer, failure};
use crate::rollout::Stage;
use crate::rollout::desk::FIRST_RETRY;
use flow_policy::names::LIMIT;
use http::{Method, StatusCode};
use kube::runtime::watcher::Event;
use serde_json::{Value, json};
use tokio::time::Instant;

/// A Deployment without a limit, for which 50M are asked.
async fn asked(scene: &mut Scene) {
    let before = deployment(7, None, &[]);
    scene.watch(&before);
    scene.ask(50, true);
    scene.find(&before).await;
}

/// What may have become of a policy.
fn later() -> [Option<Value>; 4] {
    let change = |pointer: &str, value: Value| {
        let mut policy = stored("robot", "p1", 1);
        policy["metadata"][pointer] = value;
        Some(policy)
    };
    [
        None,
        change("deletionTimestamp", json!("2026-11-24T12:00:00Z")),
        change("uid", json!("p2")),
        change("annotations", json!({LIMIT: "90M"})),
    ]
}

#[tokio::test(start_paused = true)]
async fn no_limit_is_rolled_out_for_a_policy_that_is_gone_or_another_one_by_now_and_that_is_told() {
    for later in later() {
        let mut scene = Scene::set(true);
        match &later {
            Some(policy) => scene.policies.insert("robot", policy.clone()),
            None => scene.policies.remove("robot"),
        };
        asked(&mut scene).await;
        for wait in [FIRST_RETRY, FIRST_RETRY * 2, FIRST_RETRY * 4] {
            let began = Instant::now();
            let look = scene.asked().await;
            assert_eq!(look.method, Method::GET, "{later:?}");
            assert!(began.elapsed() >= wait, "{:?} instead of {wait:?}", began.elapsed());
            look.answer.send_response(answer(StatusCode::OK, &deployment(7, None, &[])));
        }
        assert_eq!(scene.questions, 3);
        let Stage::Blocked(why) = scene.stage() else { panic!("{:?}", scene.stage()) };
        assert!(why.contains("factory/robot"), "{why}");
    }
}

#[tokio::test(start_paused = true)]
async fn once_the_watch_brings_what_has_become_of_a_policy_its_limit_is_rolled_out() {
    let mut scene = Scene::set(true);
    let later = stored("robot", "p2", 1);
    scene.policies.insert("robot", later.clone());
    asked(&mut scene).await;
    let look = scene.asked().await;
    assert_eq!((look.method, scene.questions), (Method::GET, 1));
    scene.hear_of(&later);
    look.answer.send_response(answer(StatusCode::OK, &deployment(7, None, &[])));
    assert_eq!(scene.asked().await.limit(), "50M");
}

#[tokio::test(start_paused = true)]
async fn what_is_asked_no_more_after_its_policy_was_asked_about_is_not_written() {
    let mut scene = Scene::set(true);
    asked(&mut scene).await;
    let (question, answer) = scene.request().await;
    assert!(question.uri().path().ends_with("/robot"));
    scene.rollouts.withdraw(&policy());
    answer.send_response(scene.policy("robot"));
    assert!(scene.is_quiet().await);
    scene.policies.remove("robot");
    scene.ask(50, true);
    assert_eq!(scene.asked().await.method, Method::GET, "what was true before is not asked about again");
    assert_eq!(scene.questions, 2);
}

#[tokio::test(start_paused = true)]
async fn a_policy_that_the_cache_has_no_more_gets_no_limit_and_nobody_is_asked_about_it() {
    let mut scene = Scene::set(true);
    let gone = serde_json::from_value(stored("robot", "p1", 1)).unwrap();
    scene.cached_policies.apply_watcher_event(&Event::Delete(gone));
    asked(&mut scene).await;
    assert!(scene.is_quiet().await);
    assert_eq!(scene.questions, 0);
}

#[tokio::test(start_paused = true)]
async fn another_limit_is_not_written_for_a_policy_that_has_changed_either() {
    let mut scene = Scene::set(true);
    scene.policies.insert("robot", stored("robot", "p1", 2));
    let before = limited(7, "50M");
    scene.watch(&before);
    scene.ask(20, true);
    scene.find(&before).await;
    assert_eq!(scene.asked().await.method, Method::GET);
    assert_eq!(scene.questions, 1);
}

#[tokio::test(start_paused = true)]
async fn each_write_of_a_limit_asks_anew() {
    let mut scene = Scene::set(true);
    let before = limited(7, "50M");
    scene.watch(&before);
    scene.ask(20, true);
    scene.write_after_a_look_at(&before).await.refuse(StatusCode::INTERNAL_SERVER_ERROR, "away");
    scene.policies.remove("robot");
    scene.find(&before).await;
    assert_eq!(scene.asked().await.method, Method::GET, "a write for a policy that is gone");
}

#[tokio::test(start_paused = true)]
async fn who_may_not_ask_about_policies_writes_nothing_and_says_so() {
    let mut scene = Scene::set(true);
    asked(&mut scene).await;
    for _ in 0..3 {
        let (question, answer) = scene.request().await;
        assert!(question.uri().path().ends_with("/robot"));
        answer.send_response(failure(StatusCode::FORBIDDEN, "cannot get resource \"flowpolicies\""));
        scene.find(&deployment(7, None, &[])).await;
    }
    let Stage::Blocked(why) = scene.stage() else { panic!("{:?}", scene.stage()) };
    assert!(why.contains("cannot get"), "{why}");
}
