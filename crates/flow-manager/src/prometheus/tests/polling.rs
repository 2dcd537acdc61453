use super::super::queries::Latest;
use super::operator::{Operator, eventually};
use super::server::{Request, one, serve, serve_always};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use flow_control::{Finite, Unknown};
use flow_policy::show;
use std::future::{pending, ready};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

const OFTEN: Duration = Duration::from_millis(5);
const SELDOM: Duration = Duration::from_hours(1);

fn number(latest: &Latest) -> bool {
    latest.reading.is_ok()
}

#[tokio::test]
async fn policies_that_want_the_same_share_one_request() {
    let server = serve_always(200, one("5")).await;
    let operator = Operator::new(&server.url);
    let same: Vec<_> = (0..100).map(|_| operator.subscribe("same", SELDOM)).collect();
    let other = operator.subscribe("other", SELDOM);
    for query in same.iter().chain([&other]) {
        let latest = operator.until_latest(query, number).await;
        assert_eq!(latest.reading, Ok(Finite::new(5.0).unwrap()));
    }
    assert_eq!((server.asked("same"), server.asked("other")), (1, 1));
}

#[tokio::test]
async fn policies_that_want_the_same_at_several_intervals_share_the_most_frequent_asking() {
    let server = serve_always(200, one("5")).await;
    let operator = Operator::new(&server.url);
    let seldom = operator.subscribe("same", SELDOM);
    operator.until_latest(&seldom, number).await;
    let often = operator.subscribe("same", OFTEN);
    assert_eq!(
        often.latest(operator.clock.now()).reading,
        Ok(Finite::new(5.0).unwrap()),
        "it is known already"
    );
    let first = seldom.latest(operator.clock.now()).measured;
    operator.until_latest(&seldom, |latest| latest.measured > first).await;
    let kept = operator.subscribe("kept", OFTEN);
    drop(often);
    // One question may have been under way.
    let most = server.asked("same") + 1;
    server.until_asked("kept", server.asked("kept") + 30).await;
    assert!(server.asked("same") <= most, "{} > {most}", server.asked("same"));
    drop(kept);
}

#[tokio::test]
async fn what_nobody_wants_any_more_is_asked_no_more() {
    let server = serve_always(200, one("5")).await;
    let operator = Operator::new(&server.url);
    let (first, second) = (operator.subscribe("gone", OFTEN), operator.subscribe("gone", OFTEN));
    let _kept = operator.subscribe("kept", OFTEN);
    server.until_asked("gone", 1).await;
    drop(first);
    let before = server.asked("gone");
    server.until_asked("gone", before + 3).await;
    drop(second);
    // One question may have been under way.
    let most = server.asked("gone") + 1;
    server.until_asked("kept", server.asked("kept") + 30).await;
    assert!(server.asked("gone") <= most, "{} > {most}", server.asked("gone"));
}

#[tokio::test]
async fn a_query_wanted_again_is_asked_again() {
    let server = serve_always(200, one("5")).await;
    let operator = Operator::new(&server.url);
    for times in 1..=3 {
        let query = operator.subscribe("up", SELDOM);
        operator.until_latest(&query, number).await;
        assert_eq!(server.asked("up"), times);
    }
}

#[tokio::test]
async fn nothing_is_known_before_the_first_answer() {
    let server = serve(|_| pending()).await;
    let operator = Operator::new(&server.url);
    let query = operator.subscribe("up", SELDOM);
    server.until_asked("up", 1).await;
    let nothing = Latest { reading: Err(Unknown::NoData), measured: None, period: SELDOM, detail: None };
    assert_eq!(query.latest(operator.clock.now()), nothing);
    assert!(
        operator.metrics().contains("prometheus_up{source=\"default\"} NaN\n"),
        "whether it is up is not known either"
    );
}

#[tokio::test]
async fn a_number_becomes_stale_three_intervals_and_a_timeout_after_it_was_asked_for() {
    let server = serve_always(200, one("5")).await;
    let operator = Operator::with_timeout(&server.url, Duration::from_secs(100));
    let before = operator.clock.now();
    let query = operator.subscribe("up", SELDOM);
    let measured = operator.until_latest(&query, number).await.measured.unwrap();
    assert!(measured >= before && measured <= operator.clock.now());
    let last = SELDOM * 3 + Duration::from_secs(100);
    assert!(query.latest(measured + last).reading.is_ok());
    let age = last + Duration::from_millis(1);
    let (reading, measured_at) = (Err(Unknown::Stale { age }), Some(measured));
    let detail = Some(format!("more than {}", show::duration(last)));
    let stale = Latest { reading, measured: measured_at, period: SELDOM, detail };
    assert_eq!(query.latest(measured + age), stale);
}

#[tokio::test]
async fn each_answer_is_news() {
    let server = serve_always(200, one("5")).await;
    let operator = Operator::new(&server.url);
    let query = operator.subscribe("up", OFTEN);
    let first = operator.until_latest(&query, number).await.measured;
    operator.until_latest(&query, |latest| latest.measured > first).await;
}

#[tokio::test]
async fn the_period_is_the_time_between_answers_and_at_least_the_interval() {
    let server = serve(|_| async {
        tokio::time::sleep(OFTEN * 4).await;
        one("5").into_response()
    })
    .await;
    let operator = Operator::new(&server.url);
    let query = operator.subscribe("up", OFTEN);
    let first = operator.until_latest(&query, number).await;
    assert_eq!(first.period, OFTEN, "no more is known");
    let second = operator.until_latest(&query, |latest| latest.measured > first.measured).await;
    assert_eq!(Some(second.period), second.measured.map(|measured| measured.since(first.measured.unwrap())));
    assert!(second.period >= OFTEN * 4, "{second:?}");
}

#[tokio::test]
async fn a_number_that_changes_seldom_is_measured_as_seldom_as_it_changes() {
    const SCRAPE: usize = 20;
    let asked = AtomicUsize::new(0);
    let server = serve(move |_| {
        let scrape = asked.fetch_add(1, Ordering::SeqCst) / SCRAPE;
        ready(one(&scrape.to_string()).into_response())
    })
    .await;
    let operator = Operator::new(&server.url);
    let query = operator.subscribe("up", OFTEN);
    let first = operator.until_latest(&query, number).await;
    assert!(first.period < OFTEN * 10, "{first:?}");
    let scraped = |latest: &Latest| {
        latest.reading.is_ok_and(|scrape| scrape.get() >= 2.0) && latest.period >= OFTEN * 10
    };
    operator.until_latest(&query, scraped).await;
}

#[tokio::test]
async fn a_failure_replaces_the_number_before_it_and_says_why() {
    let works = Arc::new(AtomicBool::new(true));
    let switch = Arc::clone(&works);
    let server = serve(move |_| {
        let body = if switch.load(Ordering::SeqCst) { one("5") } else { one("NaN") };
        ready(body.into_response())
    })
    .await;
    let operator = Operator::new(&server.url);
    let query = operator.subscribe("up", OFTEN);
    operator.until_latest(&query, number).await;
    works.store(false, Ordering::SeqCst);
    let latest = operator.until_latest(&query, |latest| !number(latest)).await;
    assert_eq!(latest.reading, Err(Unknown::NotFinite));
    assert_eq!(latest.detail.unwrap(), "the query returned NaN, which is not a finite number");
    assert!(operator.is_ready(), "Prometheus itself is well");
}

#[tokio::test]
async fn readiness_and_the_metric_tell_whether_prometheus_answers() {
    let works = Arc::new(AtomicBool::new(false));
    let switch = Arc::clone(&works);
    let server = serve(move |_| {
        let works = switch.load(Ordering::SeqCst);
        let status = if works { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
        ready((status, one("5")).into_response())
    })
    .await;
    let operator = Operator::new(&server.url);
    let query = operator.subscribe("up", OFTEN);
    operator.until_latest(&query, |latest| latest.reading == Err(Unknown::SourceFailed)).await;
    assert!(operator.readyz().contains("Prometheus cannot answer (HTTP 503)"), "{}", operator.readyz());
    assert!(
        operator.metrics().contains("\nflowmanager_prometheus_up{source=\"default\"} 0.0\n"),
        "{}",
        operator.metrics()
    );
    works.store(true, Ordering::SeqCst);
    operator.until_latest(&query, number).await;
    assert!(operator.is_ready());
    let metrics = operator.metrics();
    for line in [
        "flowmanager_prometheus_up{source=\"default\"} 1.0\n",
        "flowmanager_prometheus_queries_total{source=\"default\",outcome=\"ok\"} ",
        "flowmanager_prometheus_queries_total{source=\"default\",outcome=\"unavailable\"} ",
        "flowmanager_prometheus_query_duration_seconds_count{source=\"default\"} ",
    ] {
        assert!(metrics.contains(&format!("\n{line}")), "{line}: {metrics}");
    }
}

#[tokio::test]
async fn a_prometheus_that_nobody_asks_keeps_nobody_from_being_ready() {
    let server = serve_always(503, "").await;
    let operator = Operator::new(&server.url);
    let query = operator.subscribe("up", SELDOM);
    operator.until_latest(&query, |latest| latest.detail.is_some()).await;
    assert!(!operator.is_ready());
    drop(query);
    assert!(operator.is_ready());
    assert!(operator.metrics().contains("prometheus_up{source=\"default\"} NaN\n"));
}

#[tokio::test]
async fn one_query_that_is_too_heavy_does_not_make_prometheus_look_down() {
    let server = serve(|Request { query, .. }| async move {
        if query == "heavy" { pending().await } else { one("5").into_response() }
    })
    .await;
    let operator = Operator::with_timeout(&server.url, Duration::from_secs(1));
    let light = operator.subscribe("light", OFTEN);
    operator.until_latest(&light, number).await;
    let heavy = operator.subscribe("heavy", SELDOM);
    let latest = operator.until_latest(&heavy, |latest| latest.measured.is_some()).await;
    assert_eq!(latest.detail.unwrap(), "Prometheus did not answer within 1000 ms");
    assert!(operator.is_ready(), "{}", operator.readyz());
}

#[tokio::test]
async fn requests_do_not_pile_up_at_a_slow_prometheus() {
    let gate = Arc::new(tokio::sync::Semaphore::new(0));
    let (at_once, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let server = serve({
        let (gate, at_once, most) = (gate.clone(), at_once.clone(), most.clone());
        move |_| slow(gate.clone(), at_once.clone(), most.clone())
    })
    .await;
    let operator = Operator::new(&server.url);
    let queries: Vec<_> = (0..40).map(|n| operator.subscribe(&format!("q{n}"), SELDOM)).collect();
    eventually(|| (at_once.load(Ordering::SeqCst) == 16).then_some(())).await;
    gate.add_permits(40);
    for query in &queries {
        operator.until_latest(query, number).await;
    }
    assert_eq!(most.load(Ordering::SeqCst), 16);
}

async fn slow(
    gate: Arc<tokio::sync::Semaphore>,
    at_once: Arc<AtomicUsize>,
    most: Arc<AtomicUsize>,
) -> Response {
    most.fetch_max(at_once.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
    gate.acquire().await.unwrap().forget();
    at_once.fetch_sub(1, Ordering::SeqCst);
    one("5").into_response()
}

#[tokio::test]
async fn a_query_that_looks_wrong_says_so_until_the_server_has_decided() {
    let gate = Arc::new(tokio::sync::Semaphore::new(0));
    let server = serve({
        let gate = gate.clone();
        move |_| {
            let gate = gate.clone();
            async move {
                gate.acquire().await.unwrap().forget();
                one("5").into_response()
            }
        }
    })
    .await;
    let operator = Operator::new(&server.url);
    let query = operator.subscribe("newer_than_we_are(x)", SELDOM);
    let latest = query.latest(operator.clock.now());
    assert_eq!(latest.reading, Err(Unknown::NoData));
    assert!(latest.detail.unwrap().starts_with("the query seems to be wrong: "));
    gate.add_permits(1);
    let latest = operator.until_latest(&query, number).await;
    assert_eq!((latest.reading, latest.detail), (Ok(Finite::new(5.0).unwrap()), None));
}
