//! A policy is told nothing of another namespace through the value of a query, where the administrator says so.

use flow_e2e::Stage;
use flow_e2e::kubectl::apply_in;
use flow_e2e::operator::Endpoint;
use flow_e2e::policies::{by_query, with};
use flow_e2e::release::install_with;
use flow_e2e::stage::condition;
use flow_e2e::workload::Work;
use flow_lab::address::{NODE, PROMETHEUS_PORT};
use serde_json::{Value, json};

/// What the operator itself exports of a policy in another namespace: a series with the label `namespace`.
const SECRET: &str = r#"flowmanager_objective_value{policy="secret"}"#;

fn sources(other: &str) -> Value {
    let url = format!("http://{NODE}:{PROMETHEUS_PORT}");
    json!({"prometheus": {"url": url, "sources": {
        "confined": {"url": url, "enforceLabel": "namespace"},
        "theirs": {"url": url, "namespaces": [other]},
    }}})
}

/// A policy that asks a source for something of at most 8.
async fn ask(stage: &Stage, name: &str, source: &str, query: &str) {
    let policy = by_query(name, query, "8");
    stage.apply(&with(policy, "/spec/objectives/0/prometheus/source", json!(source))).await.unwrap();
}

async fn says(stage: &Stage, name: &str, type_: &str, words: &[&str]) {
    let said = |policy: &_| {
        let said = condition(policy, type_);
        words.iter().all(|word| said.contains(word))
    };
    stage.policy_where(name, &format!("{type_} {words:?}"), said).await.unwrap();
}

#[tokio::test]
async fn a_policy_gets_no_data_of_another_namespace_however_it_asks() {
    let stage = Stage::set("e2e-tenants").await.unwrap();
    let other = stage.neighbour().await.unwrap();
    install_with(sources(&other)).await.unwrap();
    let _up = Endpoint::of_controller(&stage.cluster).await.unwrap();
    stage.start("Deployment", "best-effort", 1, Work::Idle).await.unwrap();
    apply_in(&other, &by_query("secret", "vector(7)", "8")).await.unwrap();

    // That there is something to be had.
    ask(&stage, "open", "default", SECRET).await;
    says(&stage, "open", "ObjectivesMet", &["True AllMet"]).await;

    for (name, query) in [
        ("plain", SECRET.to_owned()),
        ("summed", format!("sum({SECRET})")),
        ("joined", format!("vector(1) + on() {SECRET}")),
        ("any-name", r#"max({__name__=~".+_objective_value",policy="secret"})"#.to_owned()),
    ] {
        ask(&stage, name, "confined", &query).await;
        says(&stage, name, "ObjectivesMet", &["Unknown NoData", "no series"]).await;
    }
    let named = SECRET.replace('}', &format!(",namespace=\"{other}\"}}"));
    for (name, query) in [
        ("named", named.as_str()),
        ("matched", r#"sum(flowmanager_objective_value{namespace=~".*",policy="secret"})"#),
        ("odd", "sum((flowmanager_objective_value"),
    ] {
        ask(&stage, name, "confined", query).await;
        says(&stage, name, "Accepted", &["False SourceNotAllowed", "\"confined\"", &stage.namespace]).await;
        stage.warning(name, "is not confined").await.unwrap();
    }
    ask(&stage, "not-theirs", "theirs", SECRET).await;
    says(&stage, "not-theirs", "Accepted", &["False SourceNotAllowed", "\"theirs\"", &stage.namespace]).await;

    // Of its own namespace a policy is told all the same.
    ask(&stage, "own", "confined", r#"flowmanager_objective_value{policy="open"}"#).await;
    says(&stage, "own", "ObjectivesMet", &["True AllMet"]).await;
}
