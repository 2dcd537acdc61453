//! Several sources: none is another's trouble.

use super::operator::{Operator, eventually};
use super::server::{one, serve, serve_always};
use axum::response::IntoResponse;
use flow_control::{Finite, Unknown};
use std::future::{pending, ready};
use std::time::Duration;

const OFTEN: Duration = Duration::from_millis(5);

#[tokio::test]
async fn a_source_that_does_not_answer_delays_no_other() {
    let stuck = serve(|_| pending()).await;
    let works = serve_always(200, one("5")).await;
    let operator = Operator::new(&stuck.url);
    let other = operator.other("edge", &works.url);
    // More than may be under way at once.
    let held: Vec<_> = (0..40).map(|n| operator.subscribe(&format!("q{n}"), OFTEN)).collect();
    stuck.until_asked("q0", 1).await;
    let query = other.subscribe("factory", "q0", OFTEN).unwrap();
    let first = operator.until_latest(&query, |latest| latest.reading == Ok(Finite::new(5.0).unwrap())).await;
    operator.until_latest(&query, |latest| latest.measured > first.measured).await;
    assert!(held.iter().all(|held| held.latest(operator.clock.now()).reading == Err(Unknown::NoData)));
}

#[tokio::test]
async fn each_source_has_its_own_health_and_its_own_count() {
    let down = serve_always(503, "").await;
    let works = serve_always(200, one("5")).await;
    let operator = Operator::new(&works.url);
    let other = operator.other("edge", &down.url);
    let (here, there) = (operator.subscribe("up", OFTEN), other.subscribe("factory", "up", OFTEN).unwrap());
    operator.until_latest(&here, |latest| latest.reading.is_ok()).await;
    operator.until_latest(&there, |latest| latest.reading == Err(Unknown::SourceFailed)).await;
    eventually(|| {
        operator.readyz().contains("\"prometheus/edge\": \"Prometheus cannot answer").then_some(())
    })
    .await;
    assert!(!operator.readyz().contains("\"prometheus\""), "{}", operator.readyz());
    let metrics = operator.metrics();
    for line in [
        "flowmanager_prometheus_up{source=\"default\"} 1.0",
        "flowmanager_prometheus_up{source=\"edge\"} 0.0",
        "flowmanager_prometheus_queries_total{source=\"edge\",outcome=\"unavailable\"} ",
    ] {
        assert!(metrics.contains(line), "{line}: {metrics}");
    }
}

#[tokio::test]
async fn equal_queries_to_two_sources_are_two_queries() {
    let one_answer = |text: &'static str| move |_| ready(one(text).into_response());
    let (here, there) = (serve(one_answer("1")).await, serve(one_answer("2")).await);
    let operator = Operator::new(&here.url);
    let other = operator.other("edge", &there.url);
    for (queries, number) in [(&operator.queries, 1.0), (&other, 2.0)] {
        let query = queries.subscribe("factory", "same", OFTEN).unwrap();
        let latest = operator.until_latest(&query, |latest| latest.measured.is_some()).await;
        assert_eq!(latest.reading, Ok(Finite::new(number).unwrap()));
    }
}
