//! How often the API is written to while a policy is decided about five times a second.

use super::fixture::{cache, cut, id, spec, view, well};
use super::{Reporter, Snapshot, Standing, StandingMetrics};
use crate::clock::Clock;
use flow_control::{Bandwidth, Unknown};
use http::{Request, Response};
use kube::Client;
use kube::client::Body;
use prometheus_client::registry::Registry;
use serde_json::{Value, json};
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tower_test::mock::{Handle, pair};

const TICK: Duration = Duration::from_millis(200);
const MINUTE: i64 = 300;

#[derive(Debug, Default)]
struct Written {
    statuses: Vec<Value>,
    new_events: usize,
    counted_events: usize,
}

/// Takes whatever it is asked for, until nobody can ask any more.
async fn api_server(mut api: Handle<Request<Body>, Response<Body>>) -> Written {
    let mut written = Written::default();
    while let Some((request, answer)) = api.next_request().await {
        let (parts, body) = request.into_parts();
        let body: Value = serde_json::from_slice(&body.collect_bytes().await.unwrap()).unwrap();
        let answered = match (parts.uri.path().ends_with("/status"), parts.method.as_str()) {
            (true, _) => {
                written.statuses.push(body["status"].clone());
                json!({"metadata": {"name": "robot"}, "spec": spec("Enforce"), "status": body["status"]})
            }
            (false, "POST") => {
                written.new_events += 1;
                body
            }
            (false, _) => {
                written.counted_events += 1;
                body
            }
        };
        answer.send_response(Response::new(Body::from(answered.to_string().into_bytes())));
    }
    written
}

/// What is written in a minute of these snapshots, one at each tick.
async fn minute(snapshot: impl Fn(i64) -> Snapshot) -> Written {
    let (service, api) = pair();
    let server: JoinHandle<Written> = tokio::spawn(api_server(api));
    let metrics = StandingMetrics::register(&mut Registry::default(), Clock::start(), false);
    let (reporter, shutdown) = (Reporter::new(&metrics), CancellationToken::new());
    let client = Client::new(service, "default");
    let running = tokio::spawn(reporter.clone().run(client, cache(&["robot"]), shutdown.clone()));
    for tick in 0..MINUTE {
        reporter.report(&id("robot"), Standing::Running(snapshot(tick)));
        sleep(TICK).await;
    }
    shutdown.cancel();
    running.await.unwrap();
    server.await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn while_no_state_changes_the_first_status_is_the_only_one() {
    let steady = minute(|tick| {
        let mut snapshot = cut(412e-6, 400, 1);
        let jitter = 412e-6 + 1e-6 * f64::from(i32::try_from(tick).unwrap());
        snapshot.objectives[0] = view(0, Ok(jitter));
        // A newer limit is always on its way to some pod.
        snapshot.targets[0].enforced = if tick % 2 == 0 { 3 } else { 1 };
        snapshot.targets[1].sent = Some(Bandwidth::from_mbps(u64::try_from(tick).unwrap()));
        // A limit known to be good moves a little, and back.
        snapshot.targets[0].safe = Some(Bandwidth::from_mbps(400 + u64::try_from(tick % 20).unwrap()));
        snapshot
    });
    let written = steady.await;
    assert_eq!(written.statuses.len(), 1, "{written:#?}");
}

#[tokio::test(start_paused = true)]
async fn data_that_only_get_older_are_no_reason_to_write() {
    let silent = minute(|tick| {
        let mut snapshot = well();
        let age = TICK * u32::try_from(tick).unwrap();
        snapshot.objectives[0] = view(0, Err(Unknown::Stale { age }));
        let have = usize::try_from(tick).unwrap() % 5;
        snapshot.objectives[1] = view(1, Err(Unknown::TooFewSamples { have, need: 5 }));
        snapshot
    });
    let written = silent.await;
    assert_eq!(written.statuses.len(), 1, "{written:#?}");
}

#[tokio::test(start_paused = true)]
async fn five_decisions_a_second_are_one_write_a_second_and_one_event() {
    let written = minute(|tick| cut(412e-6, u64::try_from(1000 - tick).unwrap(), tick)).await;
    assert!((55..=61).contains(&written.statuses.len()), "{}", written.statuses.len());
    let last = written.statuses.last().unwrap();
    assert_eq!(last["limit"], format!("{}M", 1000 - MINUTE + 1), "the newest is written at last");
    // The violated objective, limits in force, limits that fall.
    assert_eq!((written.new_events, written.counted_events), (3, 0));
}

#[tokio::test(start_paused = true)]
async fn an_objective_that_flaps_is_written_once_a_second_and_its_events_are_counted_up() {
    let flapping = minute(|tick| {
        let mut snapshot = well();
        let is_violated = (tick / 5) % 2 == 0;
        snapshot.objectives[0] = view(0, Ok(if is_violated { 412e-6 } else { 82e-6 }));
        snapshot
    });
    let written = flapping.await;
    assert!((55..=61).contains(&written.statuses.len()), "{}", written.statuses.len());
    // Violated and met again; the first status tells of limits in force besides.
    assert_eq!(written.new_events, 3);
    assert!((6..=10).contains(&written.counted_events), "{}", written.counted_events);
}
