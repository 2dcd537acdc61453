//! The operator: what lasts as long as the process, and what is built anew for each term in which it leads.

use crate::clock::Clock;
use crate::cluster::{self, Caches, WatchMetrics};
use crate::controller::{self, Context, ReconcileMetrics};
use crate::enforce::{Backend, Choice, EnforceMetrics, Enforcer};
use crate::history::Recorder;
use crate::observe::Sources;
use crate::regulator::{DecisionMetrics, Services};
use crate::report::{Reporter, StandingMetrics};
use crate::rollout::{RolloutMetrics, Rollouts};
use crate::serve::Readiness;
use kube::Client;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// The part of [`Readiness`] that waits for the back-end.
const BACKEND: &str = "backend";

/// What lasts as long as the process: the ways to the world, and the metrics.
pub struct Operator {
    /// The way to the API server.
    pub client: Client,
    /// Who makes limits take effect.
    pub backend: Choice,
    /// The namespace of our shapers.
    pub shaper_namespace: String,
    /// Whether pod templates may be changed, which restarts pods.
    pub allow_rollout: bool,
    /// The time of decisions.
    pub clock: Clock,
    /// Where indicators come from.
    pub sources: Arc<Sources>,
    /// What the process waits for.
    pub readiness: Readiness,
    /// Counts watches that failed.
    pub watches: WatchMetrics,
    /// Counts what is written to pods.
    pub writes: EnforceMetrics,
    /// Counts what is written to pod templates.
    pub rollouts: RolloutMetrics,
    /// How policies stand.
    pub standings: StandingMetrics,
    /// Keeps history, where it is shown.
    pub recorder: Option<Recorder>,
    /// Counts reconciliations.
    pub reconciliations: ReconcileMetrics,
    /// Times decisions.
    pub decisions: DecisionMetrics,
}

impl Operator {
    /// Looks after all policies until `term` is over. All that is known of them comes from the cluster, as after a
    /// start of the process, so that whoever led before leaves nothing behind but what is written there.
    pub async fn lead(&self, term: CancellationToken) {
        let Some(backend) = term.run_until_cancelled(self.backend()).await else {
            self.readiness.done(BACKEND);
            return;
        };
        let (caches, watches) = cluster::watch(&self.client, &self.readiness, &self.watches);
        let enforcer = self.enforcer(&caches, backend);
        let history = self.recorder.as_ref().map(Recorder::begin);
        let reporter = Reporter::recorded(&self.standings, history);
        let rollouts =
            Rollouts::new(self.client.clone(), caches.clone(), self.allow_rollout, self.rollouts.clone());
        let context = self.context(caches.clone(), enforcer.clone(), rollouts.clone(), reporter.clone());
        let reporting = reporter.run(self.client.clone(), caches.policies.clone(), term.clone());
        let working = controller::run(context, watches, term.clone());
        tokio::join!(enforcer.run(term.clone()), rollouts.run(term.clone()), reporting, working);
        cluster::watches_no_more(&self.readiness);
    }

    /// Who makes limits take effect. It is told anew for each term, as a cluster may get another network plugin.
    async fn backend(&self) -> Backend {
        self.readiness.wait(BACKEND, "not detected yet");
        let backend = self.backend.backend(&self.client, &self.shaper_namespace).await;
        self.readiness.done(BACKEND);
        backend
    }

    fn enforcer(&self, caches: &Caches, backend: Backend) -> Enforcer {
        let (client, shapers) = (self.client.clone(), self.shaper_namespace.clone());
        Enforcer::new(client, caches.pods.clone(), backend, shapers, self.clock, self.writes.clone())
    }

    fn context(&self, caches: Caches, enforcer: Enforcer, rollouts: Rollouts, reporter: Reporter) -> Context {
        let sources = Arc::clone(&self.sources);
        let metrics = self.decisions.clone();
        let services = Services { clock: self.clock, sources, enforcer, rollouts, reporter, metrics };
        Context::new(self.client.clone(), caches, services, self.reconciliations.clone())
    }
}
