//! Queries that only select from our own metrics are answered together.

use super::super::queries::Latest;
use super::super::{PodSeries, QueryError};
use super::operator::{Operator, eventually};
use super::server::{Request, now_s, one, serve, serve_always, vector};
use axum::response::IntoResponse;
use flow_control::{Finite, Unknown};
use std::future::ready;
use std::time::Duration;

const OFTEN: Duration = Duration::from_millis(20);
const SELDOM: Duration = Duration::from_hours(1);
const LOST: &str = "flowmanager_probe_lost_total";
const JITTER: &str = "flowmanager_udp_jitter_ms";

/// As many series of a metric as that, told apart by `label`; the value of each is its number.
fn many(metric: &str, label: &str, series: usize) -> String {
    let now_s = now_s();
    let one = |n: usize| {
        format!(
            r#"{{"metric":{{"__name__":"{metric}","{label}":"robot-{n}","job":"flow-manager","instance":"10.0.0.1:8001"}},"value":[{now_s},"{n}"]}}"#
        )
    };
    vector(&(0..series).map(one).collect::<Vec<_>>().join(","))
}

fn is_known(latest: &Latest) -> bool {
    latest.measured.is_some()
}

#[tokio::test]
async fn five_hundred_policies_cost_one_request_per_interval_and_metric() {
    let server = serve(|Request { query, .. }| {
        let label = if query == LOST { "target" } else { "service" };
        ready(many(&query, label, 500).into_response())
    })
    .await;
    let operator = Operator::new(&server.url);
    let query = |n: usize| match n % 2 {
        0 => format!(r#"{LOST}{{target="robot-{n}"}}"#),
        _ => format!(r#"{JITTER}{{service="robot-{n}",job="flow-manager"}}"#),
    };
    let queries: Vec<_> = (0..500).map(|n| operator.subscribe(&query(n), SELDOM)).collect();
    for (n, query) in queries.iter().enumerate() {
        let latest = operator.until_latest(query, is_known).await;
        let number = Finite::new(f64::from(u32::try_from(n).unwrap())).unwrap();
        assert_eq!(latest.reading, Ok(number));
    }
    assert_eq!((server.asked(LOST), server.asked(JITTER), server.requests()), (1, 1, 2));
}

#[tokio::test]
async fn a_query_for_all_series_gives_each_once_per_answer() {
    let server = serve_always(200, many("sent", "pod", 2)).await;
    let operator = Operator::new(&server.url);
    let query = operator.subscribe_all("sum by (pod) (sent)", OFTEN);
    let (asked, series) = eventually(|| query.by_pod(None)).await;
    let one =
        |n: u32| PodSeries { pod: Some(format!("robot-{n}")), number: Finite::new(f64::from(n)).unwrap() };
    assert_eq!(series, [one(0), one(1)]);
    let (again, _) = eventually(|| query.by_pod(Some(asked))).await;
    assert!(again > asked, "another answer");
}

#[tokio::test]
async fn with_each_interval_there_is_one_more_request() {
    let server = serve_always(200, many(LOST, "target", 20)).await;
    let operator = Operator::new(&server.url);
    let query = |n: usize| operator.subscribe(&format!(r#"{LOST}{{target="robot-{n}"}}"#), OFTEN);
    let queries: Vec<_> = (0..20).map(query).collect();
    let mut before = None;
    for _ in 0..5 {
        let latest = operator.until_latest(&queries[0], |latest| latest.measured > before).await;
        before = latest.measured;
        for query in &queries {
            let all = operator.until_latest(query, |one| one.measured >= latest.measured).await;
            assert!(all.reading.is_ok());
        }
    }
    assert_eq!(server.asked(LOST), server.requests(), "nothing but the metric is asked for");
}

#[tokio::test]
async fn a_vector_of_ten_thousand_series_is_selected_from() {
    let server = serve_always(200, many(LOST, "target", 10_000)).await;
    let operator = Operator::new(&server.url);
    let query = operator.subscribe(&format!(r#"{LOST}{{target="robot-9999"}}"#), SELDOM);
    let latest = operator.until_latest(&query, is_known).await;
    assert_eq!(latest.reading, Ok(Finite::new(9999.0).unwrap()));
}

#[tokio::test]
async fn exactly_one_series_must_be_selected() {
    let histogram = r#"{"metric":{"target":"native"},"histogram":[1,{"count":"5"}]}"#;
    let now_s = now_s();
    let odd = format!(r#"{{"metric":{{"target":"odd"}},"value":[{now_s},"NaN"]}}"#);
    let sample = |target: &str, pod: &str| {
        format!(r#"{{"metric":{{"target":"{target}","pod":"{pod}"}},"value":[{now_s},"5"]}}"#)
    };
    let series = [&sample("robot", "a"), &sample("robot", "b"), &sample("crane", "a"), histogram, &odd];
    let server = serve_always(200, vector(&series.map(|one: &str| one.to_owned()).join(","))).await;
    let operator = Operator::new(&server.url);
    for (labels, reading) in [
        (r#"target="crane""#, Ok(Finite::new(5.0).unwrap())),
        (r#"target=~"cr.*",pod!="b""#, Ok(Finite::new(5.0).unwrap())),
        (r#"target="robot",pod="b""#, Ok(Finite::new(5.0).unwrap())),
        (r#"target="robot""#, Err(Unknown::Ambiguous { series: 2 })),
        ("", Err(Unknown::Ambiguous { series: 5 })),
        (r#"target="cran""#, Err(Unknown::NoSeries)),
        (r#"target="native""#, Err(Unknown::SourceFailed)),
        (r#"target="odd""#, Err(Unknown::NotFinite)),
    ] {
        let query = operator.subscribe(&format!("{LOST}{{{labels}}}"), SELDOM);
        let latest = operator.until_latest(&query, is_known).await;
        assert_eq!(latest.reading, reading, "{labels}: {:?}", latest.detail);
        assert_eq!(latest.detail.is_some(), reading.is_err(), "{labels}");
    }
}

#[tokio::test]
async fn a_batch_becomes_stale_as_a_query_does() {
    let server = serve_always(200, many(LOST, "target", 2)).await;
    let operator = Operator::with_timeout(&server.url, Duration::from_secs(100));
    let query = operator.subscribe(&format!(r#"{LOST}{{target="robot-1"}}"#), SELDOM);
    let measured = operator.until_latest(&query, is_known).await.measured.unwrap();
    let last = SELDOM * 3 + Duration::from_secs(100);
    assert!(query.latest(measured + last).reading.is_ok());
    let age = last + Duration::from_millis(1);
    assert_eq!(query.latest(measured + age).reading, Err(Unknown::Stale { age }));
}

#[tokio::test]
async fn an_answer_with_warnings_counts_for_none_of_a_batch() {
    let doubtful =
        many(LOST, "target", 2).replace(r#""status""#, r#""warnings":["shard 2 is away"],"status""#);
    let server = serve_always(200, doubtful).await;
    let operator = Operator::new(&server.url);
    let query = operator.subscribe(&format!(r#"{LOST}{{target="robot-1"}}"#), SELDOM);
    let latest = operator.until_latest(&query, is_known).await;
    assert_eq!(latest.reading, Err(Unknown::SourceFailed));
    assert!(latest.detail.unwrap().contains("shard 2 is away"));
}

#[tokio::test]
async fn a_metric_that_is_too_large_as_a_whole_is_selected_from_by_prometheus() {
    let server = serve(|Request { query, .. }| {
        let body = if query == LOST { " ".repeat((16 << 20) + 1) } else { one("5") };
        ready(body.into_response())
    })
    .await;
    let operator = Operator::new(&server.url);
    let text = format!(r#"{LOST}{{target="robot-1"}}"#);
    let query = operator.subscribe(&text, SELDOM);
    let latest = operator.until_latest(&query, is_known).await;
    assert_eq!(latest.detail, Some(QueryError::TooLarge { limit: 16 << 20 }.to_string()));
    operator.until_latest(&query, |latest| latest.reading == Ok(Finite::new(5.0).unwrap())).await;
    let later = operator.subscribe(&format!(r#"{LOST}{{target="robot-2"}}"#), SELDOM);
    operator.until_latest(&later, |latest| latest.reading.is_ok()).await;
    assert_eq!(server.asked(LOST), 1);
}
