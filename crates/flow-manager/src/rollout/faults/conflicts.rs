//! Workloads that are changed between a look and a write.

use super::{Asked, Scene, deployment, limited};
use crate::api_server::answers::{answer, owned};
use crate::rollout::Stage;
use crate::rollout::desk::{FIRST_RETRY, MOST_AT_ONCE};
use http::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::time::Instant;

/// A change of a template that has 50M to 20M, chosen from version 7.
async fn change() -> (Scene, Asked) {
    let mut scene = Scene::set(true);
    let before = limited(7, "50M");
    scene.watch(&before);
    scene.ask(20, true);
    let change = scene.write_after_a_look_at(&before).await;
    assert_eq!((change.limit(), &change.body["metadata"]["resourceVersion"]), (&json!("20M"), &json!("7")));
    (scene, change)
}

#[tokio::test(start_paused = true)]
async fn a_write_that_met_a_change_is_decided_anew_at_once_and_is_no_problem() {
    let (mut scene, mut write) = change().await;
    let began = Instant::now();
    for version in 8..8 + MOST_AT_ONCE {
        write.refuse_as_outdated();
        write = scene.write_after_a_look_at(&limited(version, "50M")).await;
        assert_eq!(write.body["metadata"]["resourceVersion"], version.to_string());
        assert_eq!(scene.stage(), Stage::Writing);
    }
    assert_eq!(began.elapsed().as_millis(), 0);
    write.accept(&limited(11, "50M"), 12);
    assert!(scene.is_quiet().await);
    let counted = ["outdated", "changed", "conflict", "error"].map(|outcome| scene.counted(outcome));
    assert_eq!(counted, [MOST_AT_ONCE, 1, 0, 0]);
    assert_eq!(scene.questions, 1, "the policy was asked about a moment ago");
}

#[tokio::test(start_paused = true)]
async fn who_meets_nothing_but_changes_waits_longer_and_longer_and_says_so() {
    let (mut scene, mut write) = change().await;
    for wait in [FIRST_RETRY, FIRST_RETRY * 2, FIRST_RETRY * 4] {
        let (began, questions) = (Instant::now(), scene.questions);
        for _ in 0..=MOST_AT_ONCE {
            assert!(!matches!(scene.stage(), Stage::Blocked(_)), "{:?}", scene.stage());
            write.refuse_as_outdated();
            write = scene.write_after_a_look_at(&limited(8, "50M")).await;
        }
        let waited = began.elapsed();
        assert!(waited >= wait && waited < wait * 2, "{waited:?} instead of {wait:?}");
        assert_eq!(scene.questions, questions + 1, "what was true before a wait may be so no more");
    }
    let Stage::Blocked(why) = scene.stage() else { panic!("{:?}", scene.stage()) };
    assert!(why.contains("has been modified"), "{why}");
}

#[tokio::test]
async fn a_limit_that_somebody_removes_meanwhile_is_not_written_again() {
    let (mut scene, write) = change().await;
    write.refuse_as_outdated();
    let mut removed = limited(8, "50M");
    removed["spec"]["template"]["metadata"]["annotations"] = json!({});
    scene.find(&removed).await;
    assert!(scene.is_quiet().await);
    let Stage::Blocked(why) = scene.stage() else { panic!("{:?}", scene.stage()) };
    assert!(why.contains("somebody else has removed the limit"), "{why}");
}

#[tokio::test(start_paused = true)]
async fn a_value_that_another_manager_owns_is_waited_for_and_counted_as_a_conflict() {
    let (mut scene, write) = change().await;
    let began = Instant::now();
    write.answer.send_response(owned("flux"));
    assert_eq!(scene.asked().await.method, Method::GET);
    assert!(began.elapsed() >= FIRST_RETRY);
    assert_eq!(["conflict", "outdated"].map(|outcome| scene.counted(outcome)), [1, 0]);
}

#[tokio::test(start_paused = true)]
async fn a_restoration_that_met_a_change_is_decided_anew_at_once() {
    let mut scene = Scene::set(true);
    let before = limited(7, "50M");
    scene.watch(&before);
    scene.rollouts.all_policies_known();
    let restoration = scene.write_after_a_look_at(&before).await;
    let began = Instant::now();
    restoration.refuse_as_outdated();
    let again = scene.write_after_a_look_at(&limited(8, "50M")).await;
    assert_eq!(began.elapsed().as_millis(), 0);
    assert_eq!(again.accept(&limited(8, "50M"), 9), deployment(9, Some("1G"), &[]));
    assert_eq!(scene.questions, 0, "no policy asks for it");
}

#[tokio::test]
async fn a_workload_of_the_same_name_that_the_cache_does_not_know_yet_is_gone_by() {
    let mut scene = Scene::set(true);
    scene.watch(&limited(7, "50M"));
    scene.ask(20, true);
    let mut another = deployment(9, None, &[]);
    another["metadata"]["uid"] = json!("u2");
    let first = scene.write_after_a_look_at(&another).await;
    assert_eq!((&first.body["metadata"]["uid"], first.original()), (&json!("u2"), &json!("")));
    first.accept(&another, 10);
    assert!(scene.is_quiet().await);
    let newer: Value = {
        another["metadata"]["uid"] = json!("u3");
        another["metadata"]["resourceVersion"] = json!("11");
        another
    };
    scene.watch(&newer);
    let look = scene.asked().await;
    assert_eq!(look.method, Method::GET, "the template of the one before is not that of this one");
    look.answer.send_response(answer(StatusCode::OK, &newer));
}
