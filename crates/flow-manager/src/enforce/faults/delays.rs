//! Answers that are late, lost or refused.

use super::{Stage, in_force, limited};
use crate::enforce::InForce;
use futures::FutureExt;
use http::StatusCode;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

#[tokio::test]
async fn a_write_that_failed_is_made_again_with_the_newest_limit() {
    let mut stage = Stage::new();
    let before = limited(7, "64M", "");
    stage.watch(&before);
    stage.claim(50);
    let first = stage.asked().await;
    assert_eq!(first.limit(), "50M");
    first.refuse(StatusCode::INTERNAL_SERVER_ERROR, "etcd is away");
    stage.claim(40);
    let second = stage.asked().await;
    assert_eq!(second.limit(), "40M");
    second.accept(&before, 8);
}

#[tokio::test]
async fn while_an_answer_is_slow_only_the_newest_limit_is_kept() {
    let mut stage = Stage::new();
    let before = limited(7, "64M", "");
    stage.watch(&before);
    stage.claim(50);
    let slow = stage.asked().await;
    for mbps in [40, 30, 20] {
        stage.claim(mbps);
    }
    let after = slow.accept(&before, 8);
    let next = stage.asked().await;
    assert_eq!(next.limit(), "20M");
    next.accept(&after, 9);
}

#[tokio::test]
async fn a_stop_waits_for_the_answer_and_starts_nothing_new() {
    let mut stage = Stage::new();
    let before = limited(7, "64M", "");
    stage.watch(&before);
    stage.claim(50);
    let under_way = stage.asked().await;
    let stop = CancellationToken::new();
    let mut running = tokio::spawn(stage.enforcer.clone().run(stop.clone()));
    stop.cancel();
    stage.claim(40);
    tokio::task::yield_now().await;
    assert_eq!((&mut running).now_or_never().map(|ended| ended.is_ok()), None, "an answer is awaited");
    under_way.accept(&before, 8);
    tokio::time::timeout(Duration::from_secs(10), running).await.expect("does not stop").unwrap();
    assert!(stage.api.next_request().now_or_never().is_none(), "40M waits for the next start");
}

#[tokio::test]
async fn limits_that_change_faster_than_the_api_answers_are_not_overdue() {
    let mut stage = Stage::new();
    let mut before = limited(7, "64M", "");
    stage.watch(&before);
    stage.claim(60);
    let mut asked = stage.asked().await;
    let mut last = stage.clock.now();
    for step in 0..3u32 {
        stage.claim(50 - u64::from(step));
        last = stage.clock.now();
        before = asked.accept(&before, 8 + step);
        asked = stage.asked().await;
    }
    // Three limits were written one after the other; only the fourth is overdue, and not before 3 s.
    let standing = in_force(&stage.enforcer, last + Duration::from_secs(3));
    assert!(!matches!(&standing, InForce::No { reason } if reason.contains("not written")), "{standing:?}");
}
