//! `flow-manager run`: the controller.

use crate::api_server::{self, ConnectError};
use crate::clock::Clock;
use crate::cluster::{self, Caches};
use crate::controller::{self, Context, ReconcileMetrics};
use crate::enforce::{EnforceMetrics, Enforcer};
use crate::observe::{PathMetrics, Paths, Sources};
use crate::prometheus::{Client as PrometheusClient, Queries, QueryMetrics, Source, SourceError};
use crate::regulator::Services;
use crate::report::{DecisionMetrics, Reporter};
use crate::serve::{Readiness, router, serve};
use flow_probe::Prober;
use kube::Client;
use prometheus_client::registry::Registry;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// How long a stop may take before it is no longer waited for.
const STOP_TIMEOUT: Duration = Duration::from_secs(3);

/// The arguments of `flow-manager run`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Where to serve /metrics, /livez and /readyz.
    #[arg(long, default_value = "0.0.0.0:8001")]
    listen: SocketAddr,
    /// The base URL of the Prometheus that objectives are queried from. Without it, objectives by query are
    /// unknown.
    #[arg(long, env = "PROMETHEUS_URL")]
    prometheus_url: Option<String>,
    /// How long to wait for an answer of Prometheus, in milliseconds.
    #[arg(long, default_value = "2000", value_parser = clap::value_parser!(u64).range(10..=60_000))]
    prometheus_timeout_ms: u64,
    /// A file with the bearer token for Prometheus; read again when it changes.
    #[arg(long)]
    prometheus_bearer_token_file: Option<PathBuf>,
    /// The namespace of the shapers, whose reports tell whether limits are in force.
    #[arg(long, default_value = "flow-manager-shaper")]
    shaper_namespace: String,
}

/// Why the controller could not start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no way to the API server.
    #[error(transparent)]
    ApiServer(#[from] ConnectError),
    /// The Prometheus source cannot be used.
    #[error(transparent)]
    Prometheus(#[from] SourceError),
    /// The thread of the probes did not start.
    #[error("probes cannot start: {0}")]
    Probes(#[from] flow_probe::StartError),
    /// The HTTP endpoints could not be served.
    #[error("cannot serve metrics and health: {0}")]
    Serve(#[from] std::io::Error),
}

/// Runs the controller until `shutdown`.
pub async fn run(args: Args, shutdown: CancellationToken) -> Result<(), Error> {
    let (mut registry, readiness, tasks) = (Registry::default(), Readiness::default(), TaskTracker::new());
    let client = api_server::connect().await?;
    let up = api_server::metric(&mut registry);
    tasks.spawn(api_server::check(client.clone(), readiness.clone(), up, shutdown.clone()));
    let (caches, watches) = cluster::watch(&client);
    tasks.spawn(shutdown.clone().run_until_cancelled_owned(until_listed(caches.clone(), readiness.clone())));
    let services = services(&args, &client, &caches, &mut registry, &readiness)?;
    tasks.spawn(services.enforcer.clone().run(shutdown.clone()));
    tasks.spawn(services.reporter.clone().run(client.clone(), caches.policies.clone(), shutdown.clone()));
    let context = Context::new(client, caches, services, ReconcileMetrics::register(&mut registry));
    tasks.spawn(controller::run(context, watches, shutdown.clone()));
    tasks.close();
    serve(args.listen, router(registry, readiness), shutdown).await?;
    if tokio::time::timeout(STOP_TIMEOUT, tasks.wait()).await.is_err() {
        tracing::warn!("some work did not stop in time; it will be taken up again after the next start");
    }
    Ok(())
}

/// Keeps the operator unready until it knows the cluster.
async fn until_listed(caches: Caches, readiness: Readiness) {
    const PART: &str = "caches";
    readiness.wait(PART, "policies, pods and workloads are not all listed yet");
    caches.ready().await;
    readiness.done(PART);
}

/// Everything that regulators use.
fn services(
    args: &Args,
    client: &Client,
    caches: &Caches,
    registry: &mut Registry,
    readiness: &Readiness,
) -> Result<Services, Error> {
    let clock = Clock::start();
    let probes = flow_probe::metrics::Metrics::register(registry);
    let paths = Arc::new(Paths::new(Prober::start()?, clock, probes));
    registry.register_collector(Box::new(PathMetrics(Arc::clone(&paths))));
    Ok(Services {
        clock,
        sources: Sources { paths, queries: queries(args, clock, registry, readiness)? },
        enforcer: Enforcer::new(
            client.clone(),
            caches.pods.clone(),
            args.shaper_namespace.clone(),
            clock,
            EnforceMetrics::register(registry),
        ),
        reporter: Reporter::new(registry),
        metrics: DecisionMetrics::register(registry),
    })
}

/// The queries to the Prometheus that the operator was given, if any.
fn queries(
    args: &Args,
    clock: Clock,
    registry: &mut Registry,
    readiness: &Readiness,
) -> Result<Option<Queries>, Error> {
    let Some(url) = &args.prometheus_url else { return Ok(None) };
    let source = Source {
        url: url.clone(),
        timeout: Duration::from_millis(args.prometheus_timeout_ms),
        bearer_token_file: args.prometheus_bearer_token_file.clone(),
    };
    let metrics = QueryMetrics::register(registry);
    Ok(Some(Queries::new(PrometheusClient::new(&source)?, clock, metrics, readiness.clone())))
}
