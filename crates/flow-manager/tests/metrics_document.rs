//! `docs/metrics.md` and what is registered name the same metrics.
//!
//! That a running process exports no others, and these with the labels of the document, is seen on a real cluster.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use flow_manager::cluster::WatchMetrics;
use flow_manager::controller::ReconcileMetrics;
use flow_manager::enforce::EnforceMetrics;
use flow_manager::leadership::Office;
use flow_manager::observe::{PathMetrics, Paths};
use flow_manager::prometheus::QueryMetrics;
use flow_manager::regulator::DecisionMetrics;
use flow_manager::report::{Reporter, StandingMetrics};
use flow_manager::rollout::RolloutMetrics;
use flow_manager::serve::Readiness;
use flow_manager::{api_server, build_info, clock::Clock};
use flow_probe::Prober;
use flow_shaper::{Config, Shaper, ShaperMetrics};
use http::{Request, Response};
use kube::client::Body;
use prometheus_client::registry::Registry;
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// Registers all that the controller and `flow-manager probe` export.
fn controller(registry: &mut Registry) -> Reporter {
    let probes = flow_probe::metrics::Metrics::register(registry);
    let paths = Paths::new(Prober::start().unwrap(), Clock::start(), probes);
    registry.register_collector(Box::new(PathMetrics(Arc::new(paths))));
    build_info::register(registry, true);
    api_server::metric(registry);
    let _ = Office::new(registry, Readiness::default());
    let _ = QueryMetrics::register(registry);
    let _ = EnforceMetrics::register(registry);
    let _ = RolloutMetrics::register(registry);
    let _ = ReconcileMetrics::register(registry);
    let _ = WatchMetrics::register(registry);
    let _ = DecisionMetrics::register(registry);
    Reporter::new(&StandingMetrics::register(registry, Clock::start(), true))
}

fn shaper(registry: &mut Registry) {
    let (service, _handle) = tower_test::mock::pair::<Request<Body>, Response<Body>>();
    let (node_name, proc_root) = ("node".to_owned(), "/proc".into());
    let config = Config { node_name, proc_root, measure_interval: Duration::from_secs(1) };
    let shaper = Shaper::new(kube::Client::new(service, "default"), config);
    registry.register_collector(Box::new(ShaperMetrics::new(shaper.reports())));
}

/// The metrics of the document, without the endings that the encoder adds to a registered name.
fn documented() -> BTreeSet<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/metrics.md");
    let text = std::fs::read_to_string(path).unwrap();
    let rows = text.lines().filter_map(|line| line.strip_prefix("| `"));
    rows.map(registered).collect()
}

fn registered(row: &str) -> String {
    let (name, rest) = row.split_once('`').unwrap();
    // A gauge may be called an info, and gets no ending then.
    let ending = if rest.starts_with(" | info |") { "_info" } else { "_total" };
    name.strip_suffix(ending).unwrap_or(name).to_owned()
}

/// The metrics that `registry` announces to whoever scrapes it.
fn announced(registry: &Registry) -> impl Iterator<Item = String> {
    let mut text = String::new();
    prometheus_client::encoding::text::encode(&mut text, registry).unwrap();
    let lines: Vec<_> = text.lines().filter_map(|line| line.strip_prefix("# TYPE ")).map(name).collect();
    lines.into_iter()
}

fn name(type_line: &str) -> String {
    type_line.split_once(' ').unwrap().0.to_owned()
}

/// Those that have no series before the first fault, and so are not announced: the registry shows them to nobody
/// but who debugs it.
fn silent(registry: &Registry) -> impl Iterator<Item = String> {
    let shown = format!("{registry:?}");
    let metrics: Vec<_> = shown.split("Descriptor { name: \"").skip(1).map(described).collect();
    metrics.into_iter()
}

fn described(descriptor: &str) -> String {
    let (name, rest) = descriptor.split_once('"').unwrap();
    let unit = if rest.contains("unit: Some(Seconds)") { "_seconds" } else { "" };
    format!("{name}{unit}")
}

#[tokio::test]
async fn the_document_names_the_metrics_that_are_registered_and_no_others() {
    let mut registry = Registry::default();
    let _reporter = controller(&mut registry);
    shaper(&mut registry);
    let registered: BTreeSet<_> = announced(&registry).chain(silent(&registry)).collect();
    let documented = documented();
    let difference: Vec<_> = registered.symmetric_difference(&documented).collect();
    assert!(difference.is_empty(), "in docs/metrics.md or registered, but not both: {difference:?}");
    assert!(documented.len() > 50, "{documented:?}");
}
