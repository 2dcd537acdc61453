//! Backtests against a Prometheus of which the test decides what it remembers.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

use axum::extract::{Form, State};
use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use axum::routing::post;
use axum::{Json, Router};
use clap::Parser;
use flow_page::Page;
use kubectl_flowpolicy::backtest::{Args, Error, run};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex};
use tokio::net::TcpListener;

const POLICY: &str = "
apiVersion: flow.fustli.io/v1alpha1
kind: FlowPolicy
metadata: {name: mine, namespace: factory}
spec:
  objectives:
  - {name: depth, prometheus: {query: depth}, value: {max: \"5\"}}
  targets: [{kind: Deployment, name: upload, limit: {min: 10M, max: 100M}}]
";

#[derive(Parser)]
struct Cli {
    #[command(flatten)]
    args: Args,
}

type Asked = Arc<Mutex<Vec<HashMap<String, String>>>>;

/// What the query says at each second: a violation in the first ten minutes of each hour.
fn depth(at_s: u64) -> f64 {
    if at_s % 3_600 < 600 { 9.0 } else { 1.0 }
}

async fn answer(
    State(asked): State<Asked>,
    headers: HeaderMap,
    Form(mut form): Form<HashMap<String, String>>,
) -> Json<Value> {
    if let Some(login) = headers.get(AUTHORIZATION) {
        form.insert("login".to_owned(), login.to_str().unwrap().to_owned());
    }
    let number = |name: &str| form[name].parse::<u64>().unwrap();
    let (from, to, step) = (number("start"), number("end"), number("step"));
    let values: Vec<_> = (from..=to)
        .step_by(usize::try_from(step).unwrap())
        .map(|at| json!([at, depth(at).to_string()]))
        .collect();
    assert!(values.len() <= 11_000, "Prometheus refuses {} points", values.len());
    let series =
        if form["query"] == "depth" { vec![json!({"metric": {}, "values": values})] } else { Vec::new() };
    asked.lock().unwrap().push(form);
    Json(json!({"status": "success", "data": {"resultType": "matrix", "result": series}}))
}

async fn prometheus() -> (String, Asked) {
    let (listener, asked) = (TcpListener::bind("127.0.0.1:0").await.unwrap(), Asked::default());
    let url = format!("http://{}", listener.local_addr().unwrap());
    let router = Router::new().route("/api/v1/query_range", post(answer)).with_state(asked.clone());
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    (url, asked)
}

fn args(policy: &Path, url: &str, more: &[&str]) -> Args {
    let policy = policy.to_str().unwrap();
    Cli::parse_from(["backtest", "-f", policy, "--prometheus", url].iter().chain(more)).args
}

#[tokio::test]
async fn a_week_is_asked_for_in_parts_and_written_as_a_page() {
    let (folder, (url, asked)) = (tempfile::tempdir().unwrap(), prometheus().await);
    let (policy, page) = (folder.path().join("policy.yaml"), folder.path().join("page.html"));
    std::fs::write(&policy, POLICY).unwrap();
    run(&args(&policy, &url, &["--html", page.to_str().unwrap()])).await.unwrap();
    assert_eq!(asked.lock().unwrap().len(), 5);
    let page = shown(&std::fs::read_to_string(page).unwrap());
    assert_eq!(page.title, "Backtest of factory/mine");
    let policy = &page.policies[0];
    let (values, limits) = (&policy.objectives[0].values, &policy.targets[0].limit);
    for (value, limit) in [(9.0, 10e6), (1.0, 100e6)] {
        assert!(values.values.contains(&Some(value)) && limits.values.contains(&Some(limit)), "{value}");
    }
    // A violation each hour, and lower limits with each.
    assert!((167..=169).contains(&policy.decisions.len()), "{}", policy.decisions.len());
}

/// What a document has to show.
fn shown(document: &str) -> Page {
    let (_, data) = document.split_once("<script type=\"application/json\" id=\"page\">").unwrap();
    serde_json::from_str(data.split_once("</script>").unwrap().0).unwrap()
}

#[tokio::test]
async fn credentials_come_from_files() {
    let (folder, (url, asked)) = (tempfile::tempdir().unwrap(), prometheus().await);
    let file = |name: &str, content: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let policy = folder.path().join("policy.yaml");
    std::fs::write(&policy, POLICY).unwrap();
    let token = file("bearer", "s3cret\n");
    let login = || asked.lock().unwrap().last().unwrap().get("login").cloned();
    run(&args(&policy, &url, &["--since", "1h", "--prometheus-bearer-token-file", &token])).await.unwrap();
    assert_eq!(login().as_deref(), Some("Bearer s3cret"));
    file("username", "flow");
    file("password", "s3cret");
    let folder = folder.path().to_str().unwrap();
    run(&args(&policy, &url, &["--since", "1h", "--prometheus-credentials", folder])).await.unwrap();
    assert_eq!(login().as_deref(), Some("Basic ZmxvdzpzM2NyZXQ="), "of flow:s3cret");
}

#[tokio::test]
async fn without_a_history_it_says_so() {
    let (folder, (url, _)) = (tempfile::tempdir().unwrap(), prometheus().await);
    let policy = folder.path().join("policy.yaml");
    std::fs::write(&policy, POLICY.replace("query: depth", "query: other")).unwrap();
    let error = run(&args(&policy, &url, &["--since", "1h"])).await.unwrap_err();
    assert!(matches!(error, Error::NoHistory { .. }), "{error}");
    assert!(
        error.to_string().starts_with(&format!("Prometheus at {url} has no history of depth")),
        "{error}"
    );
}

#[tokio::test]
async fn a_prometheus_that_does_not_answer_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let policy = folder.path().join("policy.yaml");
    std::fs::write(&policy, POLICY).unwrap();
    let error = run(&args(&policy, "http://127.0.0.1:1", &[])).await.unwrap_err().to_string();
    assert!(error.starts_with("the history of depth cannot be read: "), "{error}");
    assert!(error.ends_with("http://127.0.0.1:1 was asked for depth"), "{error}");
}

#[tokio::test]
async fn where_nothing_is_found_the_path_of_prometheus_is_asked_for() {
    let (folder, (url, _)) = (tempfile::tempdir().unwrap(), prometheus().await);
    let policy = folder.path().join("policy.yaml");
    std::fs::write(&policy, POLICY).unwrap();
    let error = run(&args(&policy, &format!("{url}/graph/"), &[])).await.unwrap_err();
    let expected = format!(
        "--prometheus URL with the path that Prometheus is under, such as http://localhost:9090/prometheus; \
         {url}/graph/api/v1/query_range is not there"
    );
    assert_eq!(error.next(), Some(expected), "{error}");
}

#[tokio::test]
async fn times_that_do_not_fit_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let policy = folder.path().join("policy.yaml");
    std::fs::write(&policy, POLICY).unwrap();
    for times in [["--since", "15s"], ["--step", "500ms"], ["--step", "8d"]] {
        let error = run(&args(&policy, "http://127.0.0.1:1", &times)).await.unwrap_err();
        assert!(matches!(error, Error::Times { .. }), "{times:?}: {error}");
    }
}
