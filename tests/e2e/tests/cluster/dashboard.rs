//! Every expression of the dashboard, and of the predecessor's, has data while the operator is at work; what it
//! exports is what the document says; and what is gone leaves no series behind.

use flow_e2e::factory::HOST;
use flow_e2e::kubectl::in_repository;
use flow_e2e::metrics::Metrics;
use flow_e2e::operator::Endpoint;
use flow_e2e::policies::of_everything;
use flow_e2e::prometheus::values;
use flow_e2e::stage::{PATIENCE, limit};
use flow_e2e::wait::{Look, until};
use flow_e2e::workload::Work;
use flow_e2e::{Result, Stage};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

const DASHBOARD: &str = "charts/flow-manager/files/dashboards/flow-manager.json";
const POLICY: &str = "robot-control";
const TARGET: &str = "telemetry-upload-deployment";

/// What the predecessor's dashboards and alerts ask for.
const PREDECESSORS: [&str; 24] = [
    r#"flowmanager_udp_jitter_ms{service="robot-control",job="flow-manager"}"#,
    r#"flowmanager_tcp_jitter_ms{service="tcp-jitter",job="flow-manager"}"#,
    r#"flowmanager_bandwidth_limit_mbps{deployment="telemetry-upload-deployment",job="flow-manager"}"#,
    r#"up{job="flow-manager"}"#,
    r#"kubernetes_deployment_bandwidth_limit_mbps{deployment="telemetry-upload-deployment"}"#,
    "flowmanager_udp_latency_ms",
    "flowmanager_tcp_latency_ms",
    r#"flowmanager_best_effort_throughput_mbps{deployment="telemetry-upload-deployment"}"#,
    "flowmanager_controller_info",
    "network_probe_udp_latency_ms",
    "network_probe_tcp_latency_ms",
    "network_probe_icmp_latency_ms",
    "network_probe_udp_success",
    "network_probe_tcp_success",
    "network_probe_icmp_success",
    "rate(network_probe_udp_latency_hist_bucket[10s])",
    "rate(network_probe_tcp_latency_hist_bucket[10s])",
    "rate(network_probe_icmp_latency_hist_bucket[10s])",
    "rate(network_probe_udp_latency_hist_count[10s])",
    "rate(network_probe_udp_latency_hist_sum[10s])",
    "histogram_quantile(0.75, sum by (le) (rate(network_probe_udp_latency_hist_bucket[10s])))",
    "histogram_quantile(0.95, sum by (le) (rate(network_probe_tcp_latency_hist_bucket[10s])))",
    r#"count(up{job="flow-manager"} == 1)"#,
    r#"max_over_time(flowmanager_udp_jitter_ms{job="flow-manager"}[10s])"#,
];

/// Counted only after a first fault, of which there is none here: the expressions must be valid all the same.
const FAULTS: [&str; 4] = [
    "flowmanager_reconcile_errors_total",
    "flowmanager_watch_errors_total",
    "flowmanager_probe_discarded_total",
    "flowmanager_probe_failed_total",
];

/// An operator at work: uploads congest the link, and a policy with each kind of objective cuts their limit.
async fn at_work() -> Stage {
    let mut stage = Stage::set("e2e-dashboard").await.unwrap();
    stage.start("Deployment", TARGET, 2, Work::Upload).await.unwrap();
    stage.apply(&of_everything(POLICY, HOST, TARGET)).await.unwrap();
    stage.factory.open_sink().unwrap();
    let cut = |policy: &_| limit(policy).is_some_and(|limit| limit != "100M");
    stage.policy_where(POLICY, "a limit that was cut", cut).await.unwrap();
    stage
}

/// The expressions of the dashboard, as Grafana would send them with its variables set to this policy.
fn expressions(namespace: &str) -> Vec<String> {
    let text = fs_err::read_to_string(in_repository(DASHBOARD)).unwrap();
    let dashboard: Value = serde_json::from_str(&text).unwrap();
    let panels = dashboard["panels"].as_array().unwrap().iter();
    let targets = panels.filter_map(|panel| panel["targets"].as_array()).flatten();
    let variables = [("$namespace", namespace), ("$policy", POLICY), ("$__rate_interval", "10s")];
    targets.map(|target| set(target["expr"].as_str().unwrap(), variables)).collect()
}

fn set(expression: &str, variables: [(&str, &str); 3]) -> String {
    let set = variables.iter().fold(expression.to_owned(), |text, (name, value)| text.replace(name, value));
    assert!(!set.contains("$_") && !set.contains("${"), "a variable is not set: {set}");
    set
}

async fn has_data(expression: &str) {
    let found = until(expression, PATIENCE, async || {
        let found = values(expression).await?;
        Ok(Look::when(!found.is_empty(), || "no number".to_owned()))
    });
    found.await.unwrap();
}

#[tokio::test]
async fn every_expression_has_data_and_every_series_is_documented() {
    let stage = at_work().await;
    let ours = expressions(&stage.namespace);
    assert!(ours.len() > 40, "{}", ours.len());
    for expression in ours.iter().map(String::as_str).chain(PREDECESSORS) {
        if FAULTS.iter().any(|fault| expression.contains(fault)) {
            values(expression).await.unwrap();
        } else {
            has_data(expression).await;
        }
    }
    is_documented(&stage).await.unwrap();
    leaves_nothing_behind(&stage).await;
}

/// Type and labels of a metric.
type Shape = (String, BTreeSet<String>);

/// The tables of the document, by name.
fn documented() -> BTreeMap<String, Shape> {
    let text = fs_err::read_to_string(in_repository("docs/metrics.md")).unwrap();
    text.lines().filter_map(row).collect()
}

fn row(line: &str) -> Option<(String, Shape)> {
    let cells: Vec<_> = line.strip_prefix("| `")?.split('|').map(str::trim).collect();
    let labels = cells[3].split(", ").filter(|label| !label.is_empty()).map(str::to_owned);
    Some((cells[0].trim_end_matches('`').to_owned(), (cells[1].to_owned(), labels.collect())))
}

/// What a process exports, by name as in the document.
fn exported(metrics: &Metrics) -> BTreeMap<String, Shape> {
    let (mut shapes, mut kind, mut name) = (BTreeMap::new(), "", String::new());
    for line in metrics.0.lines() {
        if let Some((announced, of)) = line.strip_prefix("# TYPE ").and_then(|line| line.split_once(' ')) {
            let end = match of {
                "counter" => "_total",
                "info" => "_info",
                _ => "",
            };
            (kind, name) = (of, format!("{announced}{end}"));
        } else if !line.starts_with('#') {
            shapes.insert(name.clone(), (kind.to_owned(), labels(line)));
        }
    }
    shapes
}

/// The names of the labels of a series, without that of a histogram's buckets.
fn labels(series: &str) -> BTreeSet<String> {
    let within =
        series.split_once('{').and_then(|(_, rest)| rest.rsplit_once('}')).map_or("", |(labels, _)| labels);
    let names = within.split("\",").filter_map(|label| label.split_once('=')).map(|(name, _)| name);
    names.filter(|name| *name != "le").map(str::to_owned).collect()
}

async fn is_documented(stage: &Stage) -> Result<()> {
    let mut found = exported(&Endpoint::of_controller(&stage.cluster).await?.metrics().await?);
    found.extend(exported(&Endpoint::of_shaper(&stage.cluster).await?.metrics().await?));
    let documented = documented();
    for (name, shape) in &found {
        assert_eq!(documented.get(name), Some(shape), "{name} in docs/metrics.md (left) is exported (right)");
    }
    let is_here = |name: &&String| found.contains_key(*name) || FAULTS.contains(&name.as_str());
    let missing: Vec<_> = documented.keys().filter(|name| !is_here(name)).collect();
    assert!(missing.is_empty(), "documented, and exported by nobody: {missing:?}");
    Ok(())
}

async fn leaves_nothing_behind(stage: &Stage) {
    stage.delete(POLICY).await.unwrap();
    let controller = Endpoint::of_controller(&stage.cluster).await.unwrap();
    until("the end of the policy's series", PATIENCE, async || {
        let metrics = controller.metrics().await?;
        let left: Vec<_> =
            metrics.0.lines().filter(|line| line.contains(POLICY)).map(str::to_owned).collect();
        Ok(Look::when(left.is_empty(), || left.join("\n")))
    })
    .await
    .unwrap();
}
