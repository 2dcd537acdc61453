//! Every kind of bad answer that a real Prometheus can be made to give: each is unknown, and raises no limit.

use crate::no_data::{neighbour, neighbour_thrives};
use flow_e2e::Stage;
use flow_e2e::policies::{by_query, with};
use flow_e2e::stage::{condition, limit};
use flow_e2e::workload::Work;
use flow_policy::FlowPolicy;
use flow_policy::names::EGRESS_BANDWIDTH;
use serde_json::json;

/// Each: the policy's name, what it asks, and what it is told.
fn bad_answers() -> Vec<(&'static str, String, &'static str)> {
    let text = str::to_owned;
    // A long label on every series that there is.
    let label = "$1".repeat(300);
    let large = format!(r#"label_replace({{__name__=~".+"}}, "long", "{label}", "__name__", "(.+)")"#);
    vec![
        ("empty", text("no_such_metric"), "no series"),
        ("several", text(r#"vector(0) or label_replace(vector(0), "a", "b", "", "")"#), "2 series"),
        ("everything", text(r#"{__name__=~".+"}"#), "aggregate"),
        ("not-a-number", text("vector(0) / 0"), "NaN"),
        ("infinite", text("vector(1) / 0"), "+Inf"),
        ("infinitely-low", text("vector(-1) / 0"), "-Inf"),
        ("a-string", text(r#""0""#), "a string where"),
        ("a-range", text("up[1m]"), "a matrix where"),
        (
            "native",
            text(r#"sum(rate(prometheus_http_request_duration_seconds{handler="/metrics"}[10s]))"#),
            "a histogram where",
        ),
        ("refused", text("sum(("), "parse error"),
        ("too-large", large, "longer than 1048576 bytes"),
    ]
}

fn is_unknown(policy: &FlowPolicy, says: &str) -> bool {
    let said = condition(policy, "ObjectivesMet");
    said.starts_with("Unknown NoData") && said.contains(says) && limit(policy) == Some("50M")
}

#[tokio::test]
async fn no_bad_answer_of_a_real_prometheus_is_taken_for_a_number() {
    let stage = Stage::set("e2e-bad-answers").await.unwrap();
    let pods = stage.start("Deployment", "best-effort", 1, Work::Idle).await.unwrap();
    // Each of these numbers would be below its bound, so that the limit would rise.
    for (name, query, _) in bad_answers() {
        let from_half = json!({"min": "10M", "max": "100M", "initial": "50M"});
        stage
            .apply(&with(by_query(name, &query, "1000G"), "/spec/targets/0/limit", from_half))
            .await
            .unwrap();
    }
    for (name, _, says) in bad_answers() {
        stage.policy_where(name, says, |policy| is_unknown(policy, says)).await.unwrap();
        // Not word for word: a query that the parser doubts may be told before Prometheus has answered.
        stage.warning(name, "queried cannot be measured").await.unwrap();
    }
    // What can be measured rises meanwhile.
    neighbour(&stage).await;
    neighbour_thrives(&stage).await;
    for (name, _, says) in bad_answers() {
        stage.policy_where(name, "still that", |policy| is_unknown(policy, says)).await.unwrap();
    }
    stage.limited(&pods[0], Some(50_000_000)).await.unwrap();
    stage.annotated(&pods[0], EGRESS_BANDWIDTH, Some("50M")).await.unwrap();
}
