//! `flow-manager run`: the controller.

use crate::api_server::{self, ConnectError};
use crate::build_info;
use crate::clock::Clock;
use crate::cluster::WatchMetrics;
use crate::controller::ReconcileMetrics;
use crate::enforce::{Backend, Choice, EnforceMetrics};
use crate::history::Recorder;
use crate::leadership::{self, Candidate, Fence, Office};
use crate::observe::{PathMetrics, Paths, Sources};
use crate::operator::Operator;
use crate::page::{BindError, Place};
use crate::regulator::DecisionMetrics;
use crate::report::StandingMetrics;
use crate::rollout::RolloutMetrics;
use crate::serve::{Guard, Readiness, router_of_many, serve};
use clap::ArgAction;
use flow_probe::Prober;
use flow_probe::metrics::Metrics as ProbeMetrics;
use kube::Client;
use prometheus_client::registry::Registry;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

mod probes;
mod prometheus;

use probes::ProbeArgs;
use prometheus::PrometheusArgs;
pub use prometheus::PrometheusError;

/// How long a stop may take before it is no longer waited for.
const STOP_TIMEOUT: Duration = Duration::from_secs(3);

/// The arguments of `flow-manager run`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Where to serve /metrics, /livez and /readyz.
    #[arg(long, default_value = "0.0.0.0:8001")]
    listen: SocketAddr,
    /// Where to serve the page that shows the last hour of each policy. Without it, no history is kept.
    ///
    /// Who reaches the address can read what policies measure: it is meant to be one of the pod's loopback, such as
    /// 127.0.0.1:8003, which `kubectl port-forward` reaches.
    #[arg(long, value_name = "ADDRESS")]
    page: Option<SocketAddr>,
    #[command(flatten)]
    prometheus: PrometheusArgs,
    #[command(flatten)]
    probes: ProbeArgs,
    /// Who makes the limits of running pods take effect.
    #[arg(long, value_enum, default_value_t = BackendArg::Shaper)]
    backend: BackendArg,
    /// The namespace of the shapers, whose reports tell whether limits are in force.
    #[arg(long, default_value = "flow-manager-shaper")]
    shaper_namespace: String,
    /// Allow policies with the strategy Rollout: they change pod templates, and so restart pods.
    #[arg(long)]
    allow_rollout: bool,
    #[command(flatten)]
    guard: Guard,
    #[command(flatten)]
    election: Election,
    /// Whether to export metrics by the names of flow-manager's predecessor as well.
    #[arg(long, default_value_t = true, action = ArgAction::Set)]
    predecessor_metrics: bool,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum BackendArg {
    /// Our shapers, one on each node, which report what is in force.
    Shaper,
    /// Cilium's bandwidth manager, or another network plugin that follows the annotation
    /// kubernetes.io/egress-bandwidth of running pods. It tells nobody.
    #[value(alias = "network-plugin")]
    Cilium,
    /// Calico 3.30 or later, by its own annotations. It tells nobody.
    Calico,
    /// Kube-OVN, by its own annotation. It tells nobody.
    KubeOvn,
    /// A network plugin that reads kubernetes.io/egress-bandwidth only when a pod is created.
    AtCreation,
    /// Whichever of these the API groups that the API server serves tell of.
    Auto,
}

/// Which of several controllers decides and writes.
#[derive(Debug, clap::Args)]
struct Election {
    /// Work only while holding this Lease. Without it, this must be the only controller.
    #[arg(long, requires_all = ["lease_namespace", "identity"])]
    lease: Option<String>,
    /// The namespace of the Lease.
    #[arg(long, env = "POD_NAMESPACE")]
    lease_namespace: Option<String>,
    /// What this controller is called in the Lease; no other may be called the same.
    #[arg(long, env = "POD_NAME")]
    identity: Option<String>,
}

/// Why the controller could not start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no way to the API server.
    #[error(transparent)]
    ApiServer(#[from] ConnectError),
    /// There is no Prometheus as the arguments say.
    #[error(transparent)]
    Prometheus(#[from] PrometheusError),
    /// The thread of the probes did not start.
    #[error("probes cannot start: {0}")]
    Probes(#[from] flow_probe::StartError),
    /// The key of the probes cannot be used.
    #[error("--probe-key-file: {0}")]
    Key(#[from] flow_probe::KeyError),
    /// The address of the page cannot be had.
    #[error("cannot serve the page: {0}")]
    Page(#[from] BindError),
    /// The HTTP endpoints could not be served.
    #[error("cannot serve metrics and health: {0}")]
    Serve(#[from] std::io::Error),
}

/// Runs the controller until `shutdown`.
pub async fn run(args: Args, shutdown: CancellationToken) -> Result<(), Error> {
    let (mut registry, readiness, tasks) = (Registry::default(), Readiness::default(), TaskTracker::new());
    let place = match args.page {
        Some(address) => Some(Place::bind(address).await?),
        None => None,
    };
    let fence = Fence::default();
    let client = api_server::connect_behind(&fence).await?;
    let up = api_server::metric(&mut registry);
    tasks.spawn(api_server::check(client.clone(), readiness.clone(), up, shutdown.clone()));
    build_info::register(&mut registry, args.predecessor_metrics);
    let candidate = args.election.candidate(&client);
    let office = Office::new(&mut registry, readiness.clone());
    let mut policies = Registry::default();
    let standings = StandingMetrics::register(&mut policies, Clock::start(), args.predecessor_metrics);
    let operator = Arc::new(operator(&args, client, &mut registry, standings, &readiness)?);
    if let (Some(place), Some(recorder)) = (place, operator.recorder.clone()) {
        tasks.spawn(place.serve(recorder, office.leader(), shutdown.clone()));
    }
    let lead = move |term| lead(Arc::clone(&operator), term);
    tasks.spawn(leadership::campaign(candidate, office, fence, shutdown.clone(), lead));
    tasks.close();
    serve(args.listen, router_of_many(registry, policies, readiness), &args.guard, shutdown).await?;
    if tokio::time::timeout(STOP_TIMEOUT, tasks.wait()).await.is_err() {
        tracing::warn!("some work did not stop in time; it will be taken up again after the next start");
    }
    Ok(())
}

async fn lead(operator: Arc<Operator>, term: CancellationToken) {
    operator.lead(term).await;
}

impl Args {
    fn backend(&self) -> Choice {
        match self.backend {
            BackendArg::Shaper => Choice::Given(Backend::Shaper),
            BackendArg::Cilium => Choice::Given(Backend::Cilium),
            BackendArg::Calico => Choice::Given(Backend::Calico),
            BackendArg::KubeOvn => Choice::Given(Backend::KubeOvn),
            BackendArg::AtCreation => Choice::Given(Backend::AtCreation),
            BackendArg::Auto => Choice::Detect,
        }
    }
}

impl Election {
    fn candidate(&self, client: &Client) -> Option<Candidate> {
        let (lease, namespace, identity) =
            (self.lease.clone()?, self.lease_namespace.clone()?, self.identity.clone()?);
        Some(Candidate::new(client.clone(), namespace, lease, identity))
    }
}

fn operator(
    args: &Args,
    client: Client,
    registry: &mut Registry,
    standings: StandingMetrics,
    readiness: &Readiness,
) -> Result<Operator, Error> {
    let clock = standings.clock();
    Ok(Operator {
        client,
        backend: args.backend(),
        shaper_namespace: args.shaper_namespace.clone(),
        allow_rollout: args.allow_rollout,
        clock,
        sources: Arc::new(sources(args, clock, registry, readiness)?),
        readiness: readiness.clone(),
        standings,
        watches: WatchMetrics::register(registry),
        writes: EnforceMetrics::register(registry),
        rollouts: RolloutMetrics::register(registry),
        recorder: args.page.map(|_| Recorder::new(clock)),
        reconciliations: ReconcileMetrics::register(registry),
        decisions: DecisionMetrics::register(registry),
    })
}

fn sources(
    args: &Args,
    clock: Clock,
    registry: &mut Registry,
    readiness: &Readiness,
) -> Result<Sources, Error> {
    let probes = if args.predecessor_metrics {
        ProbeMetrics::register(registry)
    } else {
        ProbeMetrics::register_without_predecessors(registry)
    };
    let paths = Arc::new(Paths::new(Prober::start_with(args.probes.options()?)?, clock, probes));
    registry.register_collector(Box::new(PathMetrics(Arc::clone(&paths))));
    Ok(Sources { paths, prometheus: args.prometheus.queries(clock, registry, readiness)? })
}
