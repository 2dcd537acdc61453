//! Shapers that answer and shapers that do not, on addresses of the loopback network.

use super::*;
use axum::routing::get;
use axum::{Json, Router};
use flow_control::Bandwidth;
use flow_shaper::Measured;
use k8s_openapi::api::core::v1::Pod;
use prometheus_client::registry::Registry;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::time::timeout;

const ANSWERS: &str = "127.0.0.2";
const SILENT: &str = "127.0.0.3";

/// Shapers that are asked, one of which answers.
struct Stage {
    shapers: Arc<Shapers>,
    /// Each question to the one that answers, with the address that it came from.
    questions: UnboundedReceiver<std::net::SocketAddr>,
    /// Takes connections, and says nothing.
    _silent: std::net::TcpListener,
}

fn shaper(number: usize, address: &str) -> Pod {
    let labels = json!({"app.kubernetes.io/name": "flow-manager", "app.kubernetes.io/component": "shaper"});
    let pod = json!({
        "metadata": {"name": format!("shaper-{number}"), "namespace": "shapers", "labels": labels, "uid": address},
        "spec": {"nodeName": format!("node-{number}"), "containers": []},
        "status": {"phase": "Running", "podIP": address},
    });
    serde_json::from_value(pod).unwrap()
}

fn report() -> NodeReport {
    let measured = Measured {
        at_unix_ms: 1_000,
        sent_bytes: 0,
        sent_packets: 0,
        dropped_packets: 0,
        throttled: 0,
        backlog_bytes: 0,
        sent_bps: Some(8_000_000),
        rated_at_unix_ms: Some(1_000),
    };
    // A pod that is there: what is of none is forgotten.
    let pod = PodReport { uid: ANSWERS.to_owned(), measured: Some(measured), ..PodReport::default() };
    NodeReport { node: "node-0".to_owned(), at_unix_ms: 1_000, watching: true, pods: vec![pod] }
}

impl Stage {
    async fn set() -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let listener = TcpListener::bind((ANSWERS, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let silent = std::net::TcpListener::bind((SILENT, port)).unwrap();
        let (sender, questions) = unbounded_channel();
        let answer = move |from: axum::extract::ConnectInfo<std::net::SocketAddr>| {
            let _ = sender.send(from.0);
            std::future::ready(Json(report()))
        };
        let router = Router::new().route("/v1/report", get(answer));
        let service = router.into_make_service_with_connect_info::<std::net::SocketAddr>();
        tokio::spawn(async move { axum::serve(listener, service).await });
        let shapers = [ANSWERS, SILENT].into_iter().enumerate();
        let pods = shapers.map(|(number, address)| CachedPod::from(&shaper(number, address))).collect();
        let metrics = EnforceMetrics::register(&mut Registry::default());
        let mut shapers = Shapers::new(pods, "shapers".to_owned(), Clock::start(), metrics);
        shapers.asker.port = port;
        let shapers = Arc::new(shapers);
        let running = Arc::clone(&shapers);
        tokio::spawn(async move { running.run(&CancellationToken::new()).await });
        Self { shapers, questions, _silent: silent }
    }

    async fn question(&mut self) -> std::net::SocketAddr {
        timeout(Duration::from_secs(10), self.questions.recv()).await.expect("nobody asks").unwrap()
    }
}

#[tokio::test]
async fn a_shaper_is_asked_again_while_another_keeps_its_silence_and_over_the_same_connection() {
    let mut stage = Stage::set().await;
    let first = stage.question().await;
    // Soon after a write, and much sooner than the silent one is given up.
    stage.shapers.wrote("node-0", stage.shapers.clock.now());
    assert_eq!(stage.question().await, first);
    assert_eq!(lock(&stage.shapers.rounds).up_and_down().1, 0, "the silent one is still waited for");
}

#[tokio::test]
async fn what_a_shaper_says_is_known_with_the_time_of_its_measurement() {
    let mut stage = Stage::set().await;
    stage.question().await;
    // The second question is put when the first answer is there.
    stage.shapers.wrote("node-0", stage.shapers.clock.now());
    stage.question().await;
    let sent = stage.shapers.sent([ANSWERS, SILENT].map(Uid::from).iter());
    let [Sent { rate, measured }] = sent[..] else { panic!("{sent:?}") };
    assert_eq!(rate, Bandwidth::from_mbps(8));
    assert!(measured <= stage.shapers.clock.now());
    assert_eq!(stage.shapers.heard(&ANSWERS.into()).unwrap().at, measured, "it was measured as it was said");
}

#[tokio::test]
async fn shapers_are_watched_while_somebody_pays_attention() {
    let stage = Stage::set().await;
    let (one, other) = (stage.shapers.attention(), stage.shapers.attention());
    drop(one);
    assert!(stage.shapers.is_watched());
    drop(other);
    assert!(!stage.shapers.is_watched());
}
