//! Several Prometheus sources: none is another's trouble, and policies name them, not addresses.

use flow_e2e::Stage;
use flow_e2e::operator::Endpoint;
use flow_e2e::policies::{by_query, with};
use flow_e2e::release::install_with;
use flow_e2e::stage::condition;
use flow_e2e::wait::{Look, until};
use flow_e2e::workload::Work;
use flow_lab::address::{NODE, PROMETHEUS_PORT};
use serde_json::{Value, json};
use std::time::Duration;

/// Takes Prometheus a tenth of a second.
const SLOW: &str = "quantile_over_time(0.5, quantile_over_time(0.5, vector(0.8)[20m:1s])[20m:1s])";
const QUICK: &str = "vector(0.8)";

fn sources() -> Value {
    let url = format!("http://{NODE}:{PROMETHEUS_PORT}");
    json!({"prometheus": {"url": url, "sources": {
        "second": {"url": url, "timeoutMilliseconds": 5000, "headers": {"X-Scope-OrgID": "factory"}},
        "hasty": {"url": url, "timeoutMilliseconds": 10},
        // Nobody listens there.
        "dead": {"url": format!("http://{NODE}:1")},
    }}})
}

/// A policy that is called by its source.
async fn ask(stage: &Stage, source: &str, query: &str) {
    let policy = by_query(source, query, "1");
    stage.apply(&with(policy, "/spec/objectives/0/prometheus/source", json!(source))).await.unwrap();
}

async fn says(stage: &Stage, source: &str, type_: &str, words: &[&str]) {
    let said = |policy: &_| {
        let said = condition(policy, type_);
        words.iter().all(|word| said.contains(word))
    };
    stage.policy_where(source, &format!("{type_} {words:?}"), said).await.unwrap();
}

async fn metric_is(endpoint: &Endpoint, source: &str, value: f64) {
    until(&format!("{source} up: {value}"), Duration::from_secs(10), async || {
        let label = format!("source=\"{source}\"");
        let up = endpoint.metrics().await?.value("flowmanager_prometheus_up", &[&label]);
        Ok(Look::when(up == Some(value), || format!("{up:?}")))
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn each_source_serves_its_own_objectives_and_a_dead_one_is_no_others_trouble() {
    let stage = Stage::set("e2e-sources").await.unwrap();
    install_with(sources()).await.unwrap();
    stage.start("Deployment", "best-effort", 1, Work::Idle).await.unwrap();
    for (source, query) in
        [("dead", QUICK), ("hasty", SLOW), ("nobody", QUICK), ("second", QUICK), ("default", SLOW)]
    {
        ask(&stage, source, query).await;
    }
    says(&stage, "dead", "ObjectivesMet", &["Unknown NoData", "cannot be reached"]).await;
    says(&stage, "hasty", "ObjectivesMet", &["Unknown NoData", "did not answer within 10 ms"]).await;
    for type_ in ["Accepted", "Stalled"] {
        says(
            &stage,
            "nobody",
            type_,
            &["SourceNotFound", "queried", "nobody", "dead, default, hasty, second"],
        )
        .await;
    }
    for source in ["second", "default"] {
        says(&stage, source, "ObjectivesMet", &["True AllMet"]).await;
    }
    let endpoint = Endpoint::of_controller(&stage.cluster).await.unwrap();
    for (source, up) in [("default", 1.0), ("second", 1.0), ("dead", 0.0)] {
        metric_is(&endpoint, source, up).await;
    }
    endpoint.readyz_says(503, "prometheus/dead: ", Duration::from_secs(10)).await.unwrap();
    let (_, waiting) = endpoint.readyz().await.unwrap();
    assert!(!waiting.contains("prometheus: ") && !waiting.contains("prometheus/second"), "{waiting}");
    // Once nobody asks it, it is nobody's trouble at all.
    stage.delete("dead").await.unwrap();
    stage.delete("hasty").await.unwrap();
    endpoint.readyz_says(200, "ok", Duration::from_secs(30)).await.unwrap();
}
