//! `flow-manager shape`: the node agent that makes the bandwidth annotation of running pods take effect.

use crate::api_server::{ConnectError, connect};
use crate::serve::{Guard, Readiness, router, serve};
use axum::extract::State;
use axum::routing::get;
use axum::{Json, Router};
use flow_shaper::{NodeReport, Reports, Shaper, ShaperMetrics};
use prometheus_client::registry::Registry;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Where the agent tells the operator what it sees, as JSON.
pub const REPORT_PATH: &str = "/v1/report";

/// Run the node agent that makes the bandwidth annotation of running pods take effect
///
/// Run one on each node whose CNI reads kubernetes.io/egress-bandwidth only when a pod is created. It limits each
/// running pod of its node that has the annotation, follows changes at once, and serves /metrics, /livez, /readyz and
/// /v1/report. Limits stay in force while it is stopped.
///
/// It needs the node's processes (hostPID: true), and as root the capabilities SYS_ADMIN and NET_ADMIN (to enter a
/// pod's network and set the limit) and SYS_PTRACE (to see which network a process uses).
#[derive(clap::Args, Clone, Debug)]
#[expect(clippy::doc_markdown, reason = "the help shows these texts as they stand")]
pub struct Args {
    /// The node whose pods to limit
    #[arg(long, env = "NODE_NAME", value_name = "NAME")]
    node_name: String,

    /// Where the node's processes are seen
    #[arg(long, default_value = "/proc", value_name = "FOLDER")]
    proc: PathBuf,

    /// Where to serve /metrics, /livez, /readyz and /v1/report
    #[arg(long, default_value = "0.0.0.0:9102", value_name = "ADDRESS:PORT")]
    listen: SocketAddr,

    /// How often to measure what each limited pod sends, in milliseconds
    #[arg(long, default_value = "250", value_parser = clap::value_parser!(u64).range(50..=60_000), value_name = "MS")]
    measure_interval_ms: u64,
}

/// Why the agent does not run.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no way to the API server.
    #[error(transparent)]
    ApiServer(#[from] ConnectError),
    /// The agent cannot start or go on.
    #[error(transparent)]
    Shaper(#[from] flow_shaper::Error),
    /// The HTTP endpoints could not be served.
    #[error("cannot serve metrics, health and report: {0}")]
    Serve(#[from] std::io::Error),
}

/// Runs the agent until `shutdown`.
pub async fn run(args: Args, shutdown: CancellationToken) -> Result<(), Error> {
    let shaper = Shaper::new(connect().await?, args.shaper());
    let (reports, readiness) = (shaper.reports(), Readiness::default());
    let router = endpoints(reports.clone(), readiness.clone());
    // The operator reads the report, and has no certificate to show.
    let guard = Guard::default();
    let serving = async { Ok(serve(args.listen, router, &guard, shutdown.clone()).await?) };
    let shaping = async { Ok(shaper.run(shutdown.clone()).await?) };
    tokio::spawn(tell(reports, readiness));
    tokio::try_join!(serving, shaping).map(|_| ())
}

impl Args {
    fn shaper(&self) -> flow_shaper::Config {
        flow_shaper::Config {
            node_name: self.node_name.clone(),
            proc_root: self.proc.clone(),
            measure_interval: Duration::from_millis(self.measure_interval_ms),
        }
    }
}

fn endpoints(reports: Reports, readiness: Readiness) -> Router {
    let mut registry = Registry::default();
    registry.register_collector(Box::new(ShaperMetrics::new(reports.clone())));
    let report = Router::new().route(REPORT_PATH, get(report)).with_state(reports);
    router(registry, readiness).merge(report)
}

async fn report(State(reports): State<Reports>) -> Json<NodeReport> {
    Json(reports.now())
}

/// Keeps the readiness up to date until the agent ends.
async fn tell(mut reports: Reports, readiness: Readiness) {
    const PART: &str = "pods";
    let mut watching = false;
    loop {
        if watching {
            readiness.done(PART);
        } else {
            readiness.wait(PART, "not listed yet, or the API server does not let them be watched");
        }
        match reports.wait_for(|report| report.watching != watching).await {
            Some(_) => watching = !watching,
            None => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Args as _;
    use http::{Request, Response};
    use kube::client::Body;

    #[test]
    fn the_node_is_all_that_has_to_be_said() {
        let command = Args::augment_args(clap::Command::new("shape"));
        let matches = command.clone().try_get_matches_from(["shape", "--node-name", "node-1"]).unwrap();
        let args = <Args as clap::FromArgMatches>::from_arg_matches(&matches).unwrap();
        assert_eq!(args.shaper().measure_interval, Duration::from_millis(250));
        assert_eq!(args.listen.port(), 9102);
        assert!(
            command
                .try_get_matches_from(["shape", "--node-name", "n", "--measure-interval-ms", "0"])
                .is_err()
        );
    }

    #[tokio::test]
    async fn the_report_names_its_node_before_anything_is_known() {
        let (service, _handle) = tower_test::mock::pair::<Request<Body>, Response<Body>>();
        let config = flow_shaper::Config {
            node_name: "node-1".into(),
            proc_root: "/proc".into(),
            measure_interval: Duration::from_secs(1),
        };
        let shaper = Shaper::new(kube::Client::new(service, "default"), config);
        let Json(told) = report(State(shaper.reports())).await;
        assert_eq!((told.node.as_str(), told.watching, told.pods.len()), ("node-1", false, 0));
        assert!(told.at_unix_ms > 0);
    }
}
