//! What one namespace is told is told to no other.

use super::super::{Access, Query};
use super::operator::{Operator, eventually};
use super::server::{Request, now_s, one, serve, serve_always, vector};
use axum::response::IntoResponse;
use flow_control::{Finite, Unknown};
use std::future::ready;
use std::time::Duration;

const OFTEN: Duration = Duration::from_millis(5);
const LOST: &str = "flowmanager_probe_lost_total";

fn by_header() -> Access {
    Access { tenant_header: Some("X-Scope-OrgID".parse().unwrap()), ..Access::default() }
}

fn by_label() -> Access {
    Access { enforce_label: Some("namespace".parse().unwrap()), ..Access::default() }
}

async fn reads(operator: &Operator, query: &Query) -> Finite {
    operator.until_latest(query, |latest| latest.reading.is_ok()).await.reading.unwrap()
}

fn number(number: f64) -> Finite {
    Finite::new(number).unwrap()
}

#[tokio::test]
async fn each_namespace_asks_as_a_tenant_of_its_own_and_gets_its_own_answer() {
    let server = serve(|Request { headers, .. }| {
        let tenants: Vec<_> = headers.get_all("x-scope-orgid").iter().collect();
        let answer = match tenants.as_slice() {
            [tenant] if *tenant == "lab" => one("1"),
            [tenant] if *tenant == "office" => one("2"),
            other => panic!("{other:?}"),
        };
        ready(answer.into_response())
    })
    .await;
    let operator = Operator::new(&server.url);
    let queries = operator.guarded("mimir", &server.url, by_header());
    for query in ["up", LOST] {
        let of = |namespace| queries.subscribe(namespace, query, OFTEN).unwrap();
        let (lab, again, office) = (of("lab"), of("lab"), of("office"));
        let read =
            [reads(&operator, &lab).await, reads(&operator, &again).await, reads(&operator, &office).await];
        assert_eq!(read, [1.0, 1.0, 2.0].map(number), "{query}");
    }
}

/// A Prometheus with one series in each of two namespaces, which panics where a query is not confined to one of them.
fn of_namespace(query: &str) -> String {
    let series = |namespace: &str, value: u8| {
        let now_s = now_s();
        format!(r#"{{"metric":{{"namespace":"{namespace}","target":"robot"}},"value":[{now_s},"{value}"]}}"#)
    };
    match [r#"namespace="lab""#, r#"namespace="office""#].map(|matcher| query.matches(matcher).count()) {
        [1, 0] => vector(&series("lab", 1)),
        [0, 1] => vector(&series("office", 2)),
        other => panic!("{query}: {other:?}"),
    }
}

#[tokio::test]
async fn each_namespace_is_told_of_its_own_series_only_whatever_it_selects() {
    let server = serve(|Request { query, .. }| ready(of_namespace(&query).into_response())).await;
    let operator = Operator::new(&server.url);
    let queries = operator.guarded("shared", &server.url, by_label());
    // The last is answered from all series of the metric that the namespace may see.
    for query in [
        "up",
        r#"up{job=~".*"}"#,
        r#"{__name__=~".+"}"#,
        LOST,
        r#"flowmanager_probe_sent_total{target="robot"}"#,
    ] {
        let of = |namespace| queries.subscribe(namespace, query, OFTEN).unwrap();
        let (lab, office) = (of("lab"), of("office"));
        assert_eq!(
            [reads(&operator, &lab).await, reads(&operator, &office).await],
            [1.0, 2.0].map(number),
            "{query}"
        );
        let all = queries.subscribe_all("office", query, OFTEN).unwrap();
        let (_, series) = eventually(|| all.by_pod(None)).await;
        assert_eq!(series.iter().map(|one| one.number).collect::<Vec<_>>(), [number(2.0)]);
    }
}

#[tokio::test]
async fn what_is_refused_is_not_asked() {
    let server = serve_always(200, one("1")).await;
    let operator = Operator::new(&server.url);
    let listed = Access { namespaces: vec!["factory-*".parse().unwrap()], ..Access::default() };
    for (access, namespace, query) in [
        (listed, "office", "up"),
        (by_label(), "lab", r#"up{namespace="office"}"#),
        (by_label(), "lab", r#"flowmanager_probe_sent_total{namespace=~"lab|office"}"#),
        (by_label(), "lab", "sum(("),
        (by_label(), "lab", "x offset inf"),
    ] {
        let queries = operator.guarded("guarded", &server.url, access);
        assert!(queries.subscribe(namespace, query, OFTEN).is_err(), "{query}");
        assert!(queries.subscribe_all(namespace, query, OFTEN).is_err(), "{query}");
    }
    let asked = operator.subscribe("asked_last", OFTEN);
    reads(&operator, &asked).await;
    assert_eq!(server.requests(), server.asked("asked_last"));
}

#[tokio::test]
async fn a_metric_that_is_too_large_is_asked_for_alone_as_the_same_tenant() {
    let server = serve(|Request { query, headers }| {
        let tenant = headers.get("x-scope-orgid").unwrap().to_str().unwrap().to_owned();
        let many = "x".repeat(super::super::client::MAX_VECTOR_BYTES + 1);
        let answer = if query == LOST { many } else { one(if tenant == "lab" { "1" } else { "2" }) };
        ready(answer.into_response())
    })
    .await;
    let operator = Operator::new(&server.url);
    let queries = operator.guarded("mimir", &server.url, by_header());
    let query = format!(r#"{LOST}{{target="robot"}}"#);
    let of = |namespace| queries.subscribe(namespace, &query, OFTEN).unwrap();
    let (lab, office) = (of("lab"), of("office"));
    let failed = |latest: &super::super::Latest| latest.reading != Err(Unknown::NoData);
    operator.until_latest(&lab, failed).await;
    assert_eq!([reads(&operator, &lab).await, reads(&operator, &office).await], [1.0, 2.0].map(number));
}
